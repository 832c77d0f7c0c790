"""Retrigger: a waiting trigger gets another price or size, by the venue's amend, else by another trigger in its place.

The other one is placed first and the old one is cancelled then: for a moment there are two, and never none. When the
old one fired meanwhile, its purpose is served, and the other one goes again.
"""

from __future__ import annotations

from uuid import uuid4

import msgspec

from shared.desk.conditional import closes
from shared.desk.desk import Desk, Seat, stamp
from shared.desk.find import ask_trigger
from shared.desk.mode import PLAIN, Manner, is_hedged, manner_of
from shared.desk.once import carry_out_once, digest_of, id_of
from shared.desk.outcome import Answer, new_intent, outcome_event
from shared.desk.triggers import Cleared, cancel_trigger, conclude_error, send_trigger, trigger_body
from shared.errors import NotFound, UnknownWord, VenueError, VenueRefused, VenueUnknown
from shared.exchanges.base import AmendTrigger, PlaceTrigger
from shared.model import Fact, Number, Outcome, Trigger, plain
from shared.store.intents import Intent

ACTION = "amend_trigger"
CONFLICT = 409
NO_SUCH_CALL = frozenset({"HTTP_404", "HTTP_405"})
"""Answers of something in front of the venue, which has no such call: nothing was carried out."""


class TriggerChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be different; None stays."""

    price: Number | None = None
    order_price: Number | None = None
    size: Number | None = None
    price_type: str | None = None

    def said(self) -> dict[str, str]:
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}


class _Over(Exception):
    """The trigger does not wait any more."""


async def amend_trigger(
    desk: Desk, seat: Seat, trigger: Trigger, change: TriggerChange, key: str | None = None
) -> Answer:
    """`trigger` as it is known. Raises what is refused before anything is written."""
    used_key = key or uuid4().hex
    hedged = plain(trigger.size) == "0" and await is_hedged(desk, seat)
    wanted = AmendTrigger(trigger, change.price, change.order_price, change.size, change.price_type, hedged)
    digest = digest_of(ACTION, seat.owner.account_id, trigger.id, change)
    seat.wire.amend_trigger(wanted)  # what cannot be said to the venue is refused before it is written down

    def make(attempt: int) -> Intent:
        intent_id = id_of(seat, None, used_key, attempt)
        intent = new_intent(seat.owner, desk.clock.now_ms(), intent_id, ACTION, trigger.symbol, digest)
        return msgspec.structs.replace(intent, order_id=trigger.id, wanted=change.said())

    async def carry_out(intent: Intent) -> Answer:
        try:
            await desk.send(seat, seat.wire.amend_trigger(wanted))
        except VenueError as error:
            if not may_be_replaced(error):
                return await _conclude_refused(desk, seat, intent, error)
            return await _replace(desk, seat, intent, wanted, error)
        return await _conclude(desk, intent, await _as_amended(desk, seat, trigger, change), None)

    return await carry_out_once(desk, used_key, make, carry_out, lambda intent: trigger_body(None, intent))


def may_be_replaced(error: VenueError) -> bool:
    """Whether the venue refuses to amend this one at all. A refusal that passes by itself is about the new price."""
    if isinstance(error, VenueUnknown):
        return error.venue_code in NO_SUCH_CALL
    return isinstance(error, VenueRefused) and not error.retryable


def is_as_wanted(trigger: Trigger, wanted: dict[str, str]) -> bool:
    shown = {
        "price": trigger.price,
        "order_price": trigger.order_price,
        "size": trigger.size,
        "price_type": trigger.price_type,
    }
    return all(plain(shown[name]) == plain(value) for name, value in wanted.items())


async def _as_amended(desk: Desk, seat: Seat, known: Trigger, change: TriggerChange) -> Trigger:
    """The answer to an amend says no more than its id, so it is looked at; unseen, it is what was asked for."""
    try:
        return msgspec.structs.replace(await ask_trigger(desk, seat, known.id), raw=msgspec.UNSET)
    except (VenueError, NotFound, UnknownWord):
        return msgspec.structs.replace(known, **change.said(), updated_at_ms=desk.clock.now_ms())


# Another one in its place.


async def _replace(desk: Desk, seat: Seat, intent: Intent, wanted: AmendTrigger, refused: VenueError) -> Answer:
    try:
        known = await _still_waiting(desk, seat, wanted.trigger)
        manner = await manner_of(desk, seat, known.symbol, closes=closes(known))
        placed = await send_trigger(desk, seat, to_replacement(known, wanted, intent.id, manner))
    except (_Over, NotFound):
        return await _conclude_refused(desk, seat, intent, refused)
    except (VenueError, UnknownWord) as error:
        return await conclude_error(desk, intent, error)
    placed.parent_id = known.parent_id
    old = await cancel_trigger(desk, seat, known.id, known.symbol)
    if old.outcome == Outcome.REJECTED and await _is_over(desk, seat, known.id):
        return await _take_back(desk, seat, intent, placed, refused)
    return await _conclude(desk, intent, placed, old)


async def _still_waiting(desk: Desk, seat: Seat, known: Trigger) -> Trigger:
    """As it is now. Raises _Over when it does not wait any more."""
    try:
        trigger = await ask_trigger(desk, seat, known.id)
    except VenueError as error:
        if seat.wire.trigger(known.id).absent(error):
            raise _Over from None
        raise
    if trigger.is_final():
        raise _Over
    return trigger


async def _is_over(desk: Desk, seat: Seat, trigger_id: str) -> bool:
    try:
        return (await ask_trigger(desk, seat, trigger_id)).is_final()
    except VenueError as error:
        return seat.wire.trigger(trigger_id).absent(error)
    except (NotFound, UnknownWord):
        return False


def to_replacement(known: Trigger, wanted: AmendTrigger, client_order_id: str, manner: Manner = PLAIN) -> PlaceTrigger:
    """The same trigger with the new values. What it closes, and which way the price must go, stays."""
    size = wanted.size or (None if plain(known.size) == "0" else known.size)
    return PlaceTrigger(
        symbol=known.symbol,
        side=known.side or "",
        price=wanted.price or known.price or "",
        rule=known.rule or "",
        price_type=wanted.price_type or known.price_type or "last",
        size=size,
        client_order_id=client_order_id,
        closes=closes(known),
        order_price=wanted.order_price or known.order_price,
        parent_id=known.parent_id,
        hedged=wanted.hedged or manner.hedged,
        margin_mode=manner.margin_mode,
    )


async def _take_back(desk: Desk, seat: Seat, intent: Intent, placed: Trigger, refused: VenueError) -> Answer:
    gone = await cancel_trigger(desk, seat, placed.id, placed.symbol)
    answer = Answer.rejected(refused, status=CONFLICT)
    event = outcome_event(intent, Outcome.REJECTED, f"it fired meanwhile; {refused}", None, desk.clock.now_ms())
    await desk.conclude(intent, answer, [event, gone.trigger or placed])
    return answer


# How it ended.


async def _conclude(desk: Desk, intent: Intent, trigger: Trigger, old: Cleared | None) -> Answer:
    """`old` is what became of the one that it replaced."""
    trigger.origin = trigger.origin if old is None else "gateway"
    stamp(desk, trigger)
    body = b'%b,"replaced":%b}' % (trigger_body(trigger, intent)[:-1], msgspec.json.encode(old))
    answer = Answer(Outcome.ACCEPTED, 200, body, is_new=True)
    facts: list[Fact] = [trigger] if old is None or old.trigger is None else [trigger, old.trigger]
    await desk.conclude(msgspec.structs.replace(intent, order_id=trigger.id), answer, facts)
    return answer


async def _conclude_refused(desk: Desk, seat: Seat, intent: Intent, refused: VenueError) -> Answer:
    if isinstance(refused, VenueUnknown) and refused.venue_code not in NO_SUCH_CALL:
        return await conclude_error(desk, intent, refused)
    trigger_id = intent.order_id or ""
    is_over = isinstance(refused, VenueRefused | VenueUnknown) and await _is_over(desk, seat, trigger_id)
    answer = Answer.rejected(refused, status=CONFLICT if is_over else None)
    event = outcome_event(intent, Outcome.REJECTED, str(refused), trigger_id, desk.clock.now_ms())
    await desk.conclude(intent, answer, [event])
    return answer
