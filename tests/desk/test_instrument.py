"""Instrument: what the venue publishes decides which numbers an order can have, and says the nearest one."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.desk.instrument import Terms, to_terms, wrong_with

BTC = Terms("BTC_USDT", Decimal("0.1"), Decimal(1), Decimal(2), Decimal(1000))
ETH = Terms("ETH_USDT", Decimal("0.05"), Decimal("0.1"), Decimal("0.1"), None)
STEPS = st.sampled_from([Decimal(step) for step in ("0.00001", "0.05", "0.1", "0.25", "1", "5", "10")])
NUMBERS = st.decimals("0.0000001", "99999999999999999999", places=12)


@pytest.mark.parametrize(
    ("terms", "size", "price", "told"),
    [
        (BTC, "2", "60000.1", {}),
        (BTC, "1000", None, {}),
        (BTC, "2.0", "60000.100", {}),
        (BTC, "2", "60000.14", {"price": "must be a multiple of 0.1 for BTC_USDT; the nearest is 60000.1"}),
        (BTC, "2", "0.01", {"price": "must be a multiple of 0.1 for BTC_USDT; the nearest is 0.1"}),
        (BTC, "2.6", "1", {"size": "must be a multiple of 1 for BTC_USDT; the nearest is 3"}),
        (BTC, "1", "1", {"size": "must be from 2 to 1000 for BTC_USDT"}),
        (BTC, "1000.5", "1", {"size": "must be from 2 to 1000 for BTC_USDT"}),
        (ETH, "0.05", "1", {"size": "must be at least 0.1 for ETH_USDT"}),
        (ETH, "0.15", "0.07", {
            "price": "must be a multiple of 0.05 for ETH_USDT; the nearest is 0.05",
            "size": "must be a multiple of 0.1 for ETH_USDT; the nearest is 0.2",
        }),
        (Terms("X", size_max=Decimal(3)), "4", "0.00001", {"size": "must be at most 3 for X"}),
        (Terms("X"), "0.0000000001", "9" * 20 + "." + "9" * 20, {}),
    ],
)  # fmt: skip
def test_each_number_is_judged_by_the_terms(terms: Terms, size: str, price: str | None, told: dict[str, str]) -> None:
    assert dict(wrong_with(terms, size, price)) == told


@given(step=STEPS, price=NUMBERS)
def test_the_nearest_price_is_right_and_near(step: Decimal, price: Decimal) -> None:
    """Whoever takes the advice must not be refused again."""
    terms = Terms("X", price_step=step)
    wrong = dict(wrong_with(terms, "1", format(price, "f")))
    if not wrong:
        assert price % step == 0 if price < 10**15 else True
        return
    found = re.search(r"the nearest is ([0-9.]+)$", wrong["price"])
    assert found is not None
    assert wrong_with(terms, "1", found[1]) == ()
    assert abs(Decimal(found[1]) - price) <= max(step / 2, step - price)


@given(step=STEPS, least=st.integers(1, 50), width=st.integers(1, 500), size=NUMBERS)
def test_the_nearest_size_is_within_the_limits(step: Decimal, least: int, width: int, size: Decimal) -> None:
    terms = Terms("X", size_step=step, size_min=step * least, size_max=step * (least + width))
    said = dict(wrong_with(terms, format(size, "f"), None)).get("size", "")
    within = step * least <= size <= step * (least + width)
    assert within or "must be from" in said
    found = re.search(r"the nearest is ([0-9.]+)$", said)
    assert found is None or wrong_with(terms, found[1], None) == ()


def test_terms_are_read_from_a_venues_rows() -> None:
    """What a venue leaves out, or says as 0, is not checked."""
    rows: list[dict[str, str | None]] = [
        {"symbol": "A", "price_step": "0.1", "size_step": "1", "size_min": "1", "size_max": "9", "status": "trading"},
        {"symbol": "B", "price_step": None, "size_step": "0", "size_min": "odd", "size_max": "0"},
        {"symbol": "C"},
    ]
    assert to_terms(rows) == {
        "A": Terms("A", Decimal("0.1"), Decimal(1), Decimal(1), Decimal(9)),
        "B": Terms("B"),
        "C": Terms("C"),
    }
