"""Resolve: what became of a command whose outcome nobody knows.

The venue is asked by client order id, then its lists are searched. "Rejected: not placed" is said only with proof: the
venue definitely does not know the text, the expiry on the wire has passed so that it cannot come any more, and the
text's look-up window is still open so that it cannot have been forgotten. Without proof it stays unknown.

What is not an order's placement has neither text to ask by nor expiry. Its values are looked for at the venue instead,
and it can no longer arrive once the time that it was signed with is outside of what the venue takes.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from shared.desk import amend, retrigger, triggers
from shared.desk.desk import Desk, Seat, stamp
from shared.desk.find import ask_order, ask_trigger, bare
from shared.desk.outcome import ORDER_EXPIRY_MS, Answer, outcome_event
from shared.errors import BadRequest, NotFound, UnknownWord, VenueError
from shared.exchanges import registry
from shared.exchanges.base import Ask, Page
from shared.model import Fact, Fill, Order, Outcome, Trigger
from shared.store.intents import Intent
from shared.vault import CannotOpen

MARGIN_MS = 3_000
"""For clocks that differ a little and answers that take their time."""
LISTS_FROM_MS = 10_000
NOT_CHANGED = "not changed: the venue shows other values, and the change can no longer arrive there"
NOT_PLACED = "not placed: the venue does not know it, and it can no longer arrive there"


class Verdict(StrEnum):
    ACCEPTED = "accepted"
    NOT_PLACED = "not_placed"
    UNKNOWN = "unknown"


async def resolve(desk: Desk, intent: Intent) -> Outcome:
    """Ask, and write down what is proven. Any process may call it, at any time, also twice."""
    if intent.outcome in (Outcome.ACCEPTED, Outcome.REJECTED):
        return Outcome(intent.outcome)
    try:
        seat = await desk.seat_of(intent.user_id, intent.account_id)
    except (NotFound, CannotOpen):
        return Outcome.UNKNOWN
    ways = {amend.ACTION: _resolve_amend, triggers.ACTION: _resolve_trigger, retrigger.ACTION: _resolve_trigger}
    try:
        return await ways.get(intent.action, _resolve_order)(desk, seat, intent)
    except (VenueError, UnknownWord, BadRequest, NotFound):
        return Outcome.UNKNOWN


async def _resolve_order(desk: Desk, seat: Seat, intent: Intent) -> Outcome:
    asked_at_ms = desk.clock.now_ms()
    found, is_absent = await _look_up(desk, seat, intent)
    if found is None and not (is_absent and in_proof_window(intent, asked_at_ms)):
        found = await _search(desk, seat, intent)
    said = verdict(intent, asked_at_ms, found, is_absent)
    if said is Verdict.ACCEPTED and found is not None:
        return await _accepted(desk, intent, found)
    return await _rejected(desk, intent, NOT_PLACED) if said is Verdict.NOT_PLACED else Outcome.UNKNOWN


async def _resolve_amend(desk: Desk, seat: Seat, intent: Intent) -> Outcome:
    asked_at_ms, order_id = desk.clock.now_ms(), intent.order_id or ""
    try:
        order = bare(await ask_order(desk, seat, order_id, intent.symbol))
    except VenueError as error:
        if not seat.wire.order(intent.symbol, order_id).absent(error):
            raise
        return await _rejected(desk, intent, "not changed: the order has ended")
    if amend.is_as_wanted(order, intent.wanted or {}):
        return await _accepted(desk, intent, order)
    if order.is_final() or is_too_late(intent, asked_at_ms):
        return await _rejected(desk, intent, f"not changed: the order is {order.status} with other values")
    return Outcome.UNKNOWN


async def _resolve_trigger(desk: Desk, seat: Seat, intent: Intent) -> Outcome:
    """One that was placed carries the intent's text; one that was amended shows what was wanted."""
    asked_at_ms = desk.clock.now_ms()
    found = await _trigger_placed(desk, seat, intent)
    if found is None and intent.order_id is not None:
        found = await _trigger_amended(desk, seat, intent)
    if found is not None:
        return await _accepted_trigger(desk, intent, found)
    if is_too_late(intent, asked_at_ms):
        return await _rejected(desk, intent, NOT_PLACED if intent.action == triggers.ACTION else NOT_CHANGED)
    return Outcome.UNKNOWN


async def _trigger_placed(desk: Desk, seat: Seat, intent: Intent) -> Trigger | None:
    lists = seat.wire.open_triggers(intent.symbol), seat.wire.triggers(intent.symbol, "finished", Page())
    for ask in lists:
        for fact in await desk.ask(seat, ask):
            if isinstance(fact, Trigger) and fact.client_order_id == intent.id:
                return fact
    return None


async def _trigger_amended(desk: Desk, seat: Seat, intent: Intent) -> Trigger | None:
    ask = seat.wire.trigger(intent.order_id or "")
    try:
        trigger = await ask_trigger(desk, seat, intent.order_id or "")
    except VenueError as error:
        if not ask.absent(error):
            raise
        return None
    return trigger if retrigger.is_as_wanted(trigger, intent.wanted or {}) else None


def is_too_late(intent: Intent, asked_at_ms: int) -> bool:
    """Whether the venue would refuse the request by now, for the time that it was signed with."""
    venue = registry.VENUES.get(intent.venue)
    if venue is None:
        return False
    return asked_at_ms > intent.created_at_ms + ORDER_EXPIRY_MS + round(venue.limits.clock_window_s * 1000) + MARGIN_MS


def in_proof_window(intent: Intent, asked_at_ms: int) -> bool:
    """Whether "there is no such text" proves anything at this moment."""
    venue = registry.VENUES.get(intent.venue)
    if venue is None or intent.expires_at_ms is None:
        return False
    window_ms = round(venue.limits.text_lookup_s * 1000)
    too_early = asked_at_ms <= intent.expires_at_ms + MARGIN_MS
    too_late = asked_at_ms >= intent.created_at_ms + window_ms - MARGIN_MS
    return not too_early and not too_late


def verdict(intent: Intent, asked_at_ms: int, found: Order | None, is_absent: bool) -> Verdict:
    if found is not None:
        return Verdict.ACCEPTED
    return Verdict.NOT_PLACED if is_absent and in_proof_window(intent, asked_at_ms) else Verdict.UNKNOWN


async def _look_up(desk: Desk, seat: Seat, intent: Intent) -> tuple[Order | None, bool]:
    """The order by its text, and whether the venue definitely said that there is none."""
    ask = seat.wire.order(intent.symbol, None, intent.id)
    try:
        return _order_in(await desk.ask(seat, ask), intent), False
    except VenueError as error:
        if ask.absent(error):
            return None, True
        raise


async def _search(desk: Desk, seat: Seat, intent: Intent) -> Order | None:
    """Among open orders, finished ones and fills: a filled order outlives its text there."""
    for ask in seat.wire.snapshot(intent.created_at_ms - LISTS_FROM_MS):
        facts = await desk.ask(seat, ask)
        found = _order_in(facts, intent) or await _order_of_fill(desk, seat, facts, intent)
        if found is not None:
            return found
    return None


def _order_in(facts: list[Fact], intent: Intent) -> Order | None:
    return next((fact for fact in facts if isinstance(fact, Order) and fact.client_order_id == intent.id), None)


async def _order_of_fill(desk: Desk, seat: Seat, facts: list[Fact], intent: Intent) -> Order | None:
    for fact in facts:
        if isinstance(fact, Fill) and fact.client_order_id == intent.id:
            ask: Ask = seat.wire.order(fact.symbol, fact.order_id)
            orders = await desk.ask(seat, ask)
            return next((order for order in orders if isinstance(order, Order)), None)
    return None


async def _accepted(desk: Desk, intent: Intent, order: Order) -> Outcome:
    if intent.action != amend.ACTION:
        order.origin = "gateway"
    stamp(desk, order)
    event = outcome_event(intent, Outcome.ACCEPTED, None, order.id, desk.clock.now_ms())
    answer = Answer(Outcome.ACCEPTED, 200, _resolved_body(intent, order))
    await desk.conclude(msgspec.structs.replace(intent, order_id=order.id), answer, [order, event])
    return Outcome.ACCEPTED


async def _accepted_trigger(desk: Desk, intent: Intent, trigger: Trigger) -> Outcome:
    trigger = bare(trigger)
    if trigger.client_order_id == intent.id:
        trigger.origin = "gateway"
    stamp(desk, trigger)
    event = outcome_event(intent, Outcome.ACCEPTED, None, trigger.id, desk.clock.now_ms())
    answer = Answer(Outcome.ACCEPTED, 200, triggers.trigger_body(trigger, intent))
    await desk.conclude(msgspec.structs.replace(intent, order_id=trigger.id), answer, [trigger, event])
    return Outcome.ACCEPTED


async def _rejected(desk: Desk, intent: Intent, reason: str) -> Outcome:
    refused = VenueError(intent.venue, "NOT_PLACED", reason, status=409, retryable=True)
    event = outcome_event(intent, Outcome.REJECTED, reason, None, desk.clock.now_ms())
    await desk.conclude(msgspec.structs.replace(intent, reason=reason), Answer.rejected(refused), [event])
    return Outcome.REJECTED


def _resolved_body(intent: Intent, order: Order) -> bytes:
    """What the caller was told when it was unknown, with the order that it has become."""
    told: dict[str, msgspec.Raw] = {}
    if intent.answer is not None:
        told = msgspec.json.decode(str(intent.answer["body"]), type=dict[str, msgspec.Raw])
    told["order"] = msgspec.Raw(order.to_json())
    told.setdefault("intent", msgspec.Raw(msgspec.json.encode({"id": intent.id, "action": intent.action})))
    return msgspec.json.encode(told)
