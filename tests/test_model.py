"""Numbers and ranks: what is exact stays exact, and facts have one order whatever the order they come in."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.logs import scrub
from shared.model import Order, plain, sortable, text
from tests.facts import an_order

amounts = st.decimals(min_value=0, max_value=10**18, places=18, allow_nan=False, allow_infinity=False)


@given(amounts)
def test_a_number_survives_as_its_own_digits(amount: Decimal) -> None:
    """An exponent or a lost digit would be somebody's money."""
    said = text(amount)

    assert "e" not in said.lower()
    assert Decimal(said) == amount


@given(amounts, amounts)
def test_sortable_text_sorts_as_the_numbers_do(one: Decimal, other: Decimal) -> None:
    """The record script compares texts, since Lua's own numbers would round."""
    assert (sortable(text(one)) + " " < sortable(text(other)) + " ") == (one < other)


@given(amounts)
def test_idle_zeros_make_no_difference(amount: Decimal) -> None:
    """`30000.0` by REST and `30000` by WebSocket are the same price, and no event."""
    assert plain(text(amount)) == plain(text(amount) + ("0" if "." in text(amount) else ".00"))


def test_big_ids_and_small_amounts_survive_the_encoder() -> None:
    """Ids exceed 2^53 and amounts have 18 digits; a browser must read what the venue said."""
    order = an_order(id=str(2**53 + 1), size="0.000000000000000001", filled="0.000000000000000001")

    said = orjson.loads(order.to_json())

    assert said["id"] == "9007199254740993"
    assert said["size"] == "0.000000000000000001"
    assert msgspec.json.decode(order.to_json(), type=Order) == order


def test_terminal_beats_filled_beats_time() -> None:
    """The three rules of forward-only, in their order."""
    cancelled = an_order(status="cancelled", filled="1", updated_at_ms=1)
    more_filled = an_order(status="partially_filled", filled="5", updated_at_ms=2)
    later = an_order(status="partially_filled", filled="4", updated_at_ms=3)

    assert cancelled.rank() > more_filled.rank() > later.rank()


@pytest.mark.parametrize(
    "line",
    [
        "api_secret=4005a86ebe3eb8e3 refused",
        '{"api-key": "d04f8250128da3c8d69bcb45c8e6cf68"}',
        "redis://user:hunter2@localhost:6379/0",
        "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln",
        "SIGN: 9524fc93a5894bc3e3fd0eadddbd6d6ca396ee86b35500b6a63a165ed2db6c2d",
    ],
)
def test_no_secret_passes_the_logs(line: str) -> None:
    """A key in a log ends a user's trust."""
    said = scrub(line)

    for secret in ("4005a86ebe3eb8e3", "d04f8250128da3c8", "hunter2", "eyJhbGci", "9524fc93a5894bc3"):
        assert secret not in said
