"""What the desk decides without asking anybody: guards that go along, leverage, statuses, amends and replacements."""

from __future__ import annotations

from typing import Any

import pytest

from shared.desk import amend, retrigger
from shared.desk.leverage import fits, whole_of
from shared.desk.outcome import outcome_of
from shared.desk.reads import statuses_of
from shared.desk.wish import Guard, LeverageWish, Wish, to_place
from shared.errors import BadRequest, Conflict, KeyRefused, VenueBusy, VenueError, VenueRefused, VenueUnknown
from shared.exchanges.base import AmendTrigger, Guards, Leverage
from shared.model import TERMINAL, Order, Outcome, Trigger
from tests.facts import a_trigger, an_order


def a_wish(**words: Any) -> Wish:
    said: dict[str, Any] = {
        "symbol": "BTC_USDT", "side": "buy", "type": "limit", "size": "1", "price": "60000", "time_in_force": "gtc",
        "reduce_only": False,
    }  # fmt: skip
    return Wish(**said | words)


@pytest.mark.parametrize(
    ("words", "attached"),
    [
        ({}, None),
        ({"attach": True}, None),
        ({"take_profit": Guard("1", "last")}, None),
        ({"attach": True, "take_profit": Guard("1", "last")}, Guards("1")),
        ({"attach": True, "take_profit": Guard("1", "mark"), "stop_loss": Guard("2", "last")}, Guards(None, "2")),
        ({"attach": True, "take_profit": Guard("1", "index")}, None),
    ],
)
def test_only_guards_by_the_last_price_go_with_the_order(words: dict[str, Any], attached: Guards | None) -> None:
    wish = a_wish(**words)
    assert wish.attached() == attached and to_place(wish, "t-1").guards == attached


def test_what_was_not_said_of_leverage_stays() -> None:
    known = Leverage("10", "isolated")
    assert fits(known, LeverageWish("10.0")) and fits(known, LeverageWish(None, "isolated"))
    assert not fits(known, LeverageWish("9")) and not fits(known, LeverageWish("10", "cross"))
    assert whole_of(LeverageWish("3"), known) == Leverage("3", "isolated")
    assert whole_of(LeverageWish(None, "cross"), known) == Leverage("10", "cross")
    assert whole_of(LeverageWish("3"), None) == Leverage("3", "cross")
    with pytest.raises(BadRequest):
        whole_of(LeverageWish(None, "cross"), None)


def test_a_status_may_be_a_group_or_a_word() -> None:
    assert statuses_of(Order, "open") == {"open", "partially_filled"} and statuses_of(Order, "finished") == TERMINAL
    assert statuses_of(Order, "expired") == {"expired"} and statuses_of(Trigger, "fired") == {"fired"}
    assert statuses_of(Order, None) == TERMINAL | {"open", "partially_filled"}
    for kind, word in ((Order, "fired"), (Trigger, "filled")):
        with pytest.raises(BadRequest, match="no such status"):
            statuses_of(kind, word)


def test_an_amend_below_what_is_filled_is_no_amend() -> None:
    order = an_order(size="10", filled="9.5")
    amend.check_above_filled(order, "10")
    amend.check_above_filled(order, None)
    for size in ("9.5", "9", "1"):
        with pytest.raises(BadRequest):
            amend.check_above_filled(order, size)
    assert amend.is_as_wanted(an_order(size="10", price="5.0"), {"size": "10.0", "price": "5"})
    assert not amend.is_as_wanted(an_order(size="10", price="5"), {"price": "6"})


@pytest.mark.parametrize(
    ("error", "may"),
    [
        (VenueRefused("gate", "AUTO_INVALID_REQUEST_BODY", ""), True),
        (VenueRefused("gate", "AUTO_TRIGGER_PRICE_LESS_LAST", "", retryable=True), False),  # it is about the price
        (VenueUnknown("gate", "HTTP_404", ""), True),  # there is no such call
        (VenueUnknown("gate", "HTTP_502", ""), False),  # it may have been amended
        (VenueUnknown("gate", "NO_ANSWER", ""), False),
        (VenueBusy("gate", "TOO_MANY_REQUESTS", ""), False),
        (KeyRefused("gate", "READ_ONLY", ""), False),
    ],
)
def test_only_what_surely_was_not_amended_is_replaced(error: VenueError, may: bool) -> None:
    assert retrigger.may_be_replaced(error) is may


def test_a_replacement_is_the_same_but_for_what_changes() -> None:
    """What it closes, which way it waits, and whose it is."""
    known = a_trigger(parent_id="5", price_type="mark")
    other = retrigger.to_replacement(known, AmendTrigger(known, price="28000"), "t-new")
    assert (other.price, other.rule, other.price_type, other.size) == ("28000", "at_or_below", "mark", "10")
    assert (other.closes, other.side, other.parent_id, other.client_order_id) == ("long", "sell", "5", "t-new")
    all_of_it = retrigger.to_replacement(a_trigger(size="0"), AmendTrigger(known, price_type="last"), "t-new")
    assert (all_of_it.size, all_of_it.price_type, all_of_it.price) == (None, "last", "29000")


def test_only_a_lost_answer_leaves_us_not_knowing() -> None:
    assert outcome_of(VenueUnknown("gate", "NO_ANSWER", "")) is Outcome.UNKNOWN
    for error in (VenueRefused("gate", "X", ""), VenueBusy("gate", "X", ""), BadRequest("x"), Conflict("x")):
        assert outcome_of(error) is Outcome.REJECTED
