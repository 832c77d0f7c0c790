"""Resolve: what became of a command whose outcome nobody knows.

The venue is asked by client order id, then its lists are searched. "Rejected: not placed" is said only with proof: the
venue definitely does not know the text, the expiry on the wire has passed so that it cannot come any more, and the
text's look-up window is still open so that it cannot have been forgotten. Without proof it stays unknown.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from shared.desk.desk import Answer, Desk, Seat, outcome_event
from shared.errors import BadRequest, NotFound, UnknownWord, VenueError
from shared.exchanges import registry
from shared.exchanges.base import Ask
from shared.model import Fact, Fill, Order, Outcome
from shared.store.intents import Intent
from shared.vault import CannotOpen

MARGIN_MS = 3_000
"""For clocks that differ a little and answers that take their time."""
LISTS_FROM_MS = 10_000


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
    asked_at_ms = desk.clock.now_ms()
    try:
        found, is_absent = await _look_up(desk, seat, intent)
        if found is None and not (is_absent and in_proof_window(intent, asked_at_ms)):
            found = await _search(desk, seat, intent)
    except (VenueError, UnknownWord, BadRequest):
        return Outcome.UNKNOWN
    said = verdict(intent, asked_at_ms, found, is_absent)
    if said is Verdict.ACCEPTED and found is not None:
        return await _accepted(desk, intent, found)
    return await _not_placed(desk, intent) if said is Verdict.NOT_PLACED else Outcome.UNKNOWN


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
    order.origin = "gateway"
    order.times = msgspec.structs.replace(order.times, recorded=desk.clock.now_ms())
    event = outcome_event(intent, Outcome.ACCEPTED, None, order.id, desk.clock.now_ms())
    answer = Answer(Outcome.ACCEPTED, 200, _resolved_body(intent, order))
    await desk.conclude(msgspec.structs.replace(intent, order_id=order.id), answer, [order, event])
    return Outcome.ACCEPTED


async def _not_placed(desk: Desk, intent: Intent) -> Outcome:
    reason = "not placed: the venue does not know it, and it can no longer arrive there"
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
