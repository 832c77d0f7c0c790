"""Triggers: what they protect, how they ended, which orders they belong to, and which telling of them is the newer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.errors import UnknownWord, VenueUnknown
from shared.exchanges.base import Guards, PlaceTrigger
from shared.model import Trigger
from tests.venues.gate.frames import AT_MS, WIRE, facts_of, frame, push, reply

PARENT_ID, CHILD_ID = "58828270140077001", "58828270140077099"


def told(name: str, **changes: Any) -> Trigger:
    said = json.loads(frame(name))
    row = said[0] if isinstance(said, list) else said
    return WIRE.to_trigger(reply(row | changes))


def pushed(name: str) -> Trigger:
    (trigger,) = push(name)
    assert isinstance(trigger, Trigger)
    return trigger


def test_a_trigger_says_what_it_protects_and_how_it_ended() -> None:
    waiting, fired, failed = pushed("trigger_open"), pushed("trigger_fired"), pushed("trigger_failed")

    assert (waiting.id, waiting.status, waiting.purpose, waiting.side) == (
        "2007047737421336577",
        "open",
        "stop_loss",
        "buy",
    )
    assert (waiting.price, waiting.price_type, waiting.rule, waiting.size) == ("99500", "mark", "at_or_above", "0")
    assert (waiting.order_price, waiting.parent_id, waiting.child_id) == (None, None, None)
    assert (fired.status, fired.child_id, fired.updated_at_ms) == ("fired", CHILD_ID, 1_786_000_055_000)
    assert (failed.status, failed.reason) == ("failed", "INCREASE_POSITION")
    assert fired.rank() > waiting.rank()


def test_a_trigger_told_by_rest_is_the_trigger_that_was_placed_and_pushed() -> None:
    """Times come in seconds or in microseconds, and a placement only answers with the id."""
    (listed,) = WIRE.open_triggers(None).read(reply(frame("rest_triggers")))
    wish = PlaceTrigger("BTC_USDT", "buy", "99500", "at_or_above", "mark", None, "t-owstop", closes="short")
    placed = WIRE.to_trigger(reply(frame("rest_trigger_placed"), 201), wish)

    assert isinstance(listed, Trigger)
    assert listed.created_at_ms == 1_786_000_004_402
    assert listed.gist() == pushed("trigger_open").gist() == placed.gist()
    assert (listed.purpose, listed.side, listed.rule) == (placed.purpose, placed.side, placed.rule)


@pytest.mark.parametrize(
    ("closes", "rule", "purpose"),
    [
        ("long", "at_or_above", "take_profit"),
        ("long", "at_or_below", "stop_loss"),
        ("short", "at_or_above", "stop_loss"),
        ("short", "at_or_below", "take_profit"),
        (None, "at_or_above", None),
    ],
)
def test_what_a_placed_trigger_is_for_follows_from_what_it_closes(
    closes: str | None, rule: str, purpose: str | None
) -> None:
    side = {"long": "sell", "short": "buy", None: "buy"}[closes]
    wish = PlaceTrigger("BTC_USDT", side, "1", rule, "last", "5", "t-x", closes, "0.9", parent_id="7")
    placed = WIRE.to_trigger(reply(frame("rest_trigger_placed"), 201), wish)

    assert (placed.purpose, placed.side, placed.rule, placed.order_price) == (purpose, side, rule, "0.9")
    assert (placed.id, placed.size, placed.parent_id, placed.status) == ("2007047737421336577", "5", "7", "open")


# The orders around it.


@pytest.mark.parametrize(
    ("changes", "parent_id", "child_id"),
    [
        ({}, None, CHILD_ID),
        ({"trade_id_string": ""}, None, CHILD_ID),
        ({"trade_id": 1, "trade_id_string": CHILD_ID}, None, CHILD_ID),
        ({"trade_id": 0, "trade_id_string": "0", "me_order_id_string": CHILD_ID}, None, CHILD_ID),
        ({"trade_id": 0, "trade_id_string": "", "me_order_id": int(CHILD_ID)}, None, CHILD_ID),
        ({"parent_id": int(PARENT_ID), "parent_id_string": ""}, PARENT_ID, CHILD_ID),
        ({"parent_id": 1, "parent_id_string": PARENT_ID}, PARENT_ID, CHILD_ID),
        ({"order_type": "close-short-order", "me_order_id_string": PARENT_ID}, PARENT_ID, CHILD_ID),
        ({"order_type": "close-short-order", "me_order_id_string": CHILD_ID}, None, CHILD_ID),
    ],
)
def test_a_fired_trigger_names_the_order_that_it_became(
    changes: dict[str, Any], parent_id: str | None, child_id: str
) -> None:
    """By whichever field says it; an id's text is the better telling of it."""
    trigger = told("rest_trigger_fired", **changes)

    assert (trigger.status, trigger.parent_id, trigger.child_id) == ("fired", parent_id, child_id)


def test_a_trigger_bound_to_an_order_names_it_and_has_become_none_yet() -> None:
    """The same field names the order that another kind of trigger became."""
    trigger = told("rest_trigger_bound")

    assert (trigger.status, trigger.parent_id, trigger.child_id) == ("open", PARENT_ID, None)
    assert (trigger.purpose, trigger.side) == ("stop_loss", "buy")


@pytest.mark.parametrize("status", ["open", "inactive", "invalid"])
def test_a_trigger_that_did_not_fire_became_no_order(status: str) -> None:
    """Whatever order stands in its row."""
    trigger = told("rest_triggers", status=status, me_order_id=int(CHILD_ID), me_order_id_string=CHILD_ID)

    assert (trigger.parent_id, trigger.child_id) == (None, None)


def test_a_plain_conditional_order_is_for_nothing_and_exact() -> None:
    """A part of a contract stands in another field than a whole number of them."""
    trigger = told("rest_trigger_conditional")

    assert (trigger.purpose, trigger.side, trigger.size) == (None, "buy", "0.5")
    assert (trigger.order_price, trigger.price_type, trigger.rule) == ("98000", "last", "at_or_above")


@pytest.mark.parametrize(
    ("size", "amount", "side", "exact"),
    [(2, "2.5", "buy", "2.5"), (-2, "-2.5", "sell", "2.5"), (-2, "2.5", "sell", "2.5"), (0, "-0.5", "sell", "0.5")],
)
def test_the_exact_amount_wins_over_the_whole_size(size: int, amount: str, side: str, exact: str) -> None:
    row = json.loads(frame("rest_trigger_conditional"))
    row["initial"] |= {"size": size, "amount": amount}
    trigger = WIRE.to_trigger(reply(row))

    assert (trigger.side, trigger.size) == (side, exact)


# Which telling is newer.


def test_a_trigger_that_was_amended_outranks_what_it_was() -> None:
    """Its row has no time of the change, so what the venue told later is newer, also when the price fell."""
    before = WIRE.to_trigger(reply(frame("rest_triggers")[1:-2], x_out_time="1786000010000000"))
    after = told("rest_trigger_amended")
    (listed,) = WIRE.open_triggers(None).read(reply([json.loads(frame("rest_trigger_amended"))]))
    (shown,) = WIRE.trigger("1").read(reply(frame("rest_trigger_amended")))

    assert (before.price, after.price) == ("99500", "99400.5")
    assert before.rank() < after.rank() == listed.rank() == shown.rank()


def test_a_pushed_change_outranks_the_placement_and_a_late_push_does_not() -> None:
    """A push is dated by its frame: the one that was overtaken must not win."""
    first, second = json.loads(frame("trigger_open")), json.loads(frame("trigger_open"))
    first |= {"time_ms": 1_786_000_005_000}
    second |= {"time_ms": 1_786_000_009_000}
    second["result"][0]["trigger"]["price"] = "99400"
    wish = PlaceTrigger("BTC_USDT", "buy", "99500", "at_or_above", "mark", None, "t-owstop", closes="short")
    placed = WIRE.to_trigger(reply(frame("rest_trigger_placed"), 201, x_out_time="1786000004500000"), wish)
    (early,), (late,) = facts_of(first), facts_of(second)

    assert placed.rank() < early.rank() < late.rank()


def test_an_end_is_dated_by_itself_and_outranks_all_that_was_open() -> None:
    ended = told("rest_triggers_cancelled")
    waiting = WIRE.to_trigger(reply(frame("rest_triggers")[1:-2]))

    assert (ended.status, ended.updated_at_ms) == ("cancelled", 1_786_000_060_000)
    assert waiting.updated_at_ms == AT_MS > 1_786_000_060_000 and ended.rank() > waiting.rank()


# What a command is answered with.


def test_all_that_were_cancelled_are_told() -> None:
    (trigger,) = WIRE.to_triggers(reply(frame("rest_triggers_cancelled")))

    assert (trigger.id, trigger.status) == ("2007047737421336577", "cancelled")
    with pytest.raises(VenueUnknown):
        WIRE.to_triggers(reply(b'{"label":"OK"}'))


def test_an_answer_that_only_names_a_trigger_does_not_say_how_it_is() -> None:
    """As that of a change: then it must be asked."""
    with pytest.raises(VenueUnknown):
        WIRE.to_trigger(reply(frame("rest_trigger_placed")))


def test_a_list_with_an_odd_trigger_is_an_unknown_word() -> None:
    row = json.loads(frame("rest_triggers"))[0] | {"status": "sleeping"}

    with pytest.raises(UnknownWord):
        WIRE.open_triggers(None).read(reply([row]))


# Guards that the venue attached to an order.


@pytest.mark.parametrize(
    ("body", "guards"),
    [
        (frame("rest_order_guarded"), Guards("95000.5", "99500")),
        (frame("rest_order_open"), Guards()),
        (json.dumps(json.loads(frame("order_guarded_2026"))["result"][0]).encode(), Guards("95000.5", None)),
        (b'{"tpsl_tp_trigger_price":"0","tpsl_sl_trigger_price":"-"}', Guards()),
        (b'{"tpsl_tp_trigger_price":95000.50,"stop_loss_price":99500}', Guards("95000.50", "99500")),
        (b'{"tpsl_tp_trigger_price":null,"tpsl_sl_trigger_price":{"a":1},"stop_profit_price":"NaN"}', Guards()),
        (b'{"tpsl_tp_trigger_price":"\xff","tpsl_sl_trigger_price":"99500"}', Guards(None, "99500")),
    ],
)
def test_only_a_price_that_the_venue_said_is_a_guard(body: bytes, guards: Guards) -> None:
    """An order is not protected because we asked for it."""
    assert WIRE.guards_told(reply(body, 201)) == guards


def test_an_answer_that_is_no_order_does_not_say_whether_it_is_guarded() -> None:
    with pytest.raises(VenueUnknown):
        WIRE.guards_told(reply(b"<html>"))
