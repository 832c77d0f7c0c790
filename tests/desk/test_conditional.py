"""Conditional orders: which way the price must go, and how a trigger is shown as an order."""

from __future__ import annotations

import pytest

from shared.desk.conditional import ABOVE, BELOW, TriggerWish, closes, rule_at, rule_of, to_order, to_place_trigger
from tests.facts import a_trigger, an_order


@pytest.mark.parametrize(
    ("kind", "side", "rule"),
    [
        ("stop", "buy", ABOVE), ("stop", "sell", BELOW), ("stop_limit", "buy", ABOVE), ("stop_limit", "sell", BELOW),
        ("take_profit", "buy", BELOW), ("take_profit", "sell", ABOVE), ("take_profit_limit", "sell", ABOVE),
    ],
)  # fmt: skip
def test_a_stop_follows_the_market_and_a_take_profit_waits_for_better(kind: str, side: str, rule: str) -> None:
    assert rule_of(kind, side) == rule


def test_the_way_from_the_price_of_the_moment() -> None:
    """By number, not by text: 9 is below 10."""
    assert rule_at("10", "9") == ABOVE and rule_at("9", "10") == BELOW and rule_at("10.0", "10") == BELOW


@pytest.mark.parametrize(("side", "closed"), [("sell", "long"), ("buy", "short")])
def test_what_only_reduces_says_which_side_it_closes(side: str, closed: str) -> None:
    wish = TriggerWish(symbol="BTC_USDT", side=side, price="1", reduce_only=True)
    asked = to_place_trigger(wish, ABOVE, "t-1", (None, True))
    assert (asked.closes, asked.size, asked.hedged, asked.order_price) == (closed, None, True, None)
    opening = TriggerWish(symbol="BTC_USDT", side=side, price="1", size="2", order_price="3")
    asked = to_place_trigger(opening, BELOW, "t-1", (None, False))
    assert (asked.closes, asked.size, asked.order_price) == (None, "2", "3")


def test_a_waiting_trigger_is_an_open_order() -> None:
    order = to_order(a_trigger())
    assert (order.id, order.type, order.status, order.stop_price) == ("77", "stop", "open", "29000")
    assert (order.side, order.reduce_only, order.position_side, order.cause) == ("sell", True, "long", None)
    limit = to_order(a_trigger(order_price="28900", rule=ABOVE, purpose=None))
    assert (limit.type, limit.price, limit.reduce_only) == ("take_profit_limit", "28900", False)


@pytest.mark.parametrize(
    ("status", "shown"),
    [("fired", "cancelled"), ("cancelled", "cancelled"), ("failed", "rejected"), ("expired", "expired")],
)
def test_one_that_ended_says_how(status: str, shown: str) -> None:
    """One that fired has ended itself; what trades is its child."""
    order = to_order(a_trigger(status=status, reason="why"))
    assert (order.status, order.cause) == (shown, "fired" if status == "fired" else "why")


def test_one_that_fired_shows_what_its_child_did() -> None:
    child = an_order(id="9", status="filled", filled="10", remaining="0", average_price="28950", fee="0.1")
    order = to_order(a_trigger(status="fired", child_id="9"), child)
    assert (order.id, order.status, order.filled, order.remaining) == ("77", "filled", "10", "0")
    assert (order.average_price, order.fee, order.cause) == ("28950", "0.1", "fired")


def test_a_plain_conditional_order_closes_nothing() -> None:
    """Closing a position must not remove what opens another one."""
    assert closes(a_trigger()) == "long" and closes(a_trigger(purpose=None)) is None
