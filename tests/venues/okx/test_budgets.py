"""What a request is counted against at OKX."""

from __future__ import annotations

import pytest

from shared.exchanges.base import AmendOrder, Request
from shared.exchanges.okx import LIMITS
from tests.venues.okx.frames import VENUE, WIRE, reply
from tests.venues.okx.test_requests import ALGO_ID, PAIR, SWAP, a_stop, an_order, placed

ONE = {
    "places": (placed(), 60),
    "amends": (WIRE.amend(AmendOrder(SWAP, "1", "buy", "2"), None), 60),
    "cancels": (WIRE.cancel(SWAP, "1"), 60),
    "closes": (WIRE.close(SWAP, "long", "ow1", None), 20),
    "algo places": (WIRE.place_trigger(a_stop()), 20),
    "algo cancels": (WIRE.cancel_trigger(ALGO_ID, SWAP), 20),
    "algo amends": (WIRE.cancel_trigger(f"{ALGO_ID}-tp", SWAP), 20),
}


@pytest.mark.parametrize("name", ONE)
def test_a_command_is_counted_for_its_instrument(name: str) -> None:
    request, count = ONE[name]
    budget, cost = VENUE.spends(request)

    assert (budget.name, budget.count, budget.per_s, budget.by_account, cost) == (f"{name} {SWAP}", count, 2, True, 1)


def test_two_instruments_have_a_budget_each() -> None:
    assert VENUE.spends(placed())[0] != VENUE.spends(placed(symbol=PAIR))[0]


@pytest.mark.parametrize("count", [2, 20])
def test_a_batch_counts_its_orders_in_a_budget_of_its_own(count: int) -> None:
    budget, cost = VENUE.spends(WIRE.place_batch([an_order()] * count, None))

    assert (budget.name, budget.count, cost) == (f"batch places {SWAP}", 300, count)


def test_a_batch_of_one_counts_as_one_order() -> None:
    assert VENUE.spends(WIRE.place_batch([an_order()], None)) == VENUE.spends(placed())
    assert VENUE.spends(WIRE.cancel_batch(["1"], [SWAP])) == VENUE.spends(WIRE.cancel(SWAP, "1"))


ENDPOINTS = {
    "GET /trade/order": (WIRE.order(SWAP, "1").request, 60, 2, True),
    "GET /account/positions": (WIRE.positions().request, 10, 2, True),
    "GET /account/config": (VENUE.identity(), 5, 2, True),
    "GET /asset/balances": (WIRE.balances()["funding"].request, 6, 1, True),
    "GET /public/time": (VENUE.clock(), 10, 2, False),
    "GET /market/ticker": (VENUE.ticker(SWAP)[0], 20, 2, False),
    "POST /trade/cancel-all-after": (WIRE.cancel_all_after(0), 1, 1, True),
}


@pytest.mark.parametrize("name", ENDPOINTS)
def test_every_other_endpoint_has_a_budget_of_its_own(name: str) -> None:
    """A public one is counted for our address."""
    request, count, per_s, by_account = ENDPOINTS[name]
    budget, cost = VENUE.spends(request)

    assert (budget.name, budget.count, budget.per_s, budget.by_account, cost) == (name, count, per_s, by_account, 1)


def test_an_endpoint_that_nobody_listed_has_the_tightest_budget() -> None:
    budget, _ = VENUE.spends(Request("GET", "/api/v5/account/new"))

    assert (budget.count, budget.per_s) == (5, 2)


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b'{"instId":7}'])
def test_a_body_that_cannot_be_read_still_counts_as_one(body: bytes) -> None:
    for name in ("order", "batch-orders"):
        assert VENUE.spends(Request("POST", f"/api/v5/trade/{name}", body=body))[1] == 1


def test_no_reply_says_what_is_left() -> None:
    assert VENUE.left(reply({})) is None


def test_sockets_are_opened_three_in_a_second_by_an_address() -> None:
    connects = LIMITS.connects

    assert (connects.count, connects.per_s, connects.by_account) == (3, 1, False)
