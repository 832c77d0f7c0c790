"""Close: all of one side's position at the market, and then its triggers.

It must work when Redis does not: without it the close goes out unwritten, because a position that cannot be left is
worse than a key that is not remembered. Triggers stay when something of the position does.
"""

from __future__ import annotations

import asyncio
from uuid import uuid4

import msgspec

from shared.desk.desk import ORDER_EXPIRY_MS, Answer, Desk, Seat, outcome_event
from shared.desk.once import carry_out_once, digest_of
from shared.errors import Conflict, StoreUnavailable, VenueError, VenueUnknown
from shared.exchanges.base import Reply
from shared.model import Fact, Order, Outcome, Position, Trigger
from shared.store.intents import Intent

CLOSING_SIDE = {"long": "sell", "short": "buy"}


class Cleared(msgspec.Struct, frozen=True):
    """What became of one trigger."""

    id: str
    outcome: str  # accepted, rejected, unknown
    trigger: Trigger | None = None
    venue: dict[str, str] | None = None


async def close(desk: Desk, seat: Seat, symbol: str, position_side: str, key: str | None) -> Answer:
    """Close it, or tell how the same key ended before."""
    owner = seat.owner
    client_order_id = seat.venue.client_order_id(None, f"{owner.user_id}\0{key or uuid4().hex}")
    now_ms = desk.clock.now_ms()
    intent = Intent(
        id=client_order_id,
        user_id=owner.user_id,
        account_id=owner.account_id,
        venue=owner.venue,
        environment=owner.environment,
        action="close",
        symbol=symbol,
        digest=digest_of("close", owner.account_id, symbol, position_side),
        created_at_ms=now_ms,
        expires_at_ms=now_ms + ORDER_EXPIRY_MS,
    )

    async def carry_out(intent: Intent) -> Answer:
        answer, facts = await _carry_out(desk, seat, symbol, position_side, intent)
        if owner.user_id:
            await desk.conclude(intent, answer, facts)
        return answer

    if not owner.user_id:
        return await carry_out(intent)
    try:
        return await carry_out_once(desk, key or "", lambda _attempt: intent, carry_out, _unknown_body, 1)
    except StoreUnavailable:
        answer, _facts = await _carry_out(desk, seat, symbol, position_side, intent)
        return answer


async def _carry_out(
    desk: Desk, seat: Seat, symbol: str, position_side: str, intent: Intent
) -> tuple[Answer, list[Fact]]:
    try:
        hedged = await _is_hedged(desk, seat, symbol, position_side)
        reply = await _send(desk, seat, symbol, position_side, intent, hedged)
        order = seat.wire.to_order(reply)
    except VenueUnknown as lost:
        event = outcome_event(intent, Outcome.UNKNOWN, str(lost), None, desk.clock.now_ms())
        return Answer(Outcome.UNKNOWN, 202, _unknown_body(intent)), [event]
    except VenueError as refused:
        event = outcome_event(intent, Outcome.REJECTED, str(refused), None, desk.clock.now_ms())
        return Answer.rejected(refused), [event]
    order.origin = "gateway"
    order.times = msgspec.structs.replace(order.times, recorded=desk.clock.now_ms())
    cleared = await _clear_triggers(desk, seat, symbol, position_side) if order.status == "filled" else []
    answer = Answer(Outcome.ACCEPTED, 200, _body_of(reply.body, order, cleared, intent))
    return answer, [order, *(one.trigger for one in cleared if one.trigger is not None)]


async def _send(desk: Desk, seat: Seat, symbol: str, position_side: str, intent: Intent, hedged: bool) -> Reply:
    request = seat.wire.close(symbol, position_side, intent.id, intent.expires_at_ms, hedged=hedged)
    return await desk.send(seat, request)


async def _is_hedged(desk: Desk, seat: Seat, symbol: str, position_side: str) -> bool:
    """How the account holds this symbol. A one-way close takes whatever side there is, so the side is looked at."""
    held = [fact for fact in await desk.ask(seat, seat.wire.positions(symbol)) if isinstance(fact, Position)]
    other = next((position.side for position in held if has_other_side(position, position_side)), None)
    if other is not None:
        raise Conflict(f"the position in {symbol} is {other}; there is no {position_side} position to close")
    return any(position.mode == "hedge" for position in held)


def has_other_side(position: Position, wanted: str) -> bool:
    is_open = bool(position.size.strip("0."))
    return is_open and position.mode == "one_way" and position.side not in (None, wanted)


async def _clear_triggers(desk: Desk, seat: Seat, symbol: str, position_side: str) -> list[Cleared]:
    try:
        found = await desk.ask(seat, seat.wire.open_triggers(symbol))
    except VenueError as error:
        words = {"code": error.venue_code, "message": error.venue_message}
        return [Cleared("", Outcome.UNKNOWN.value, venue=words)]
    triggers = [fact for fact in found if isinstance(fact, Trigger) and closes(fact, position_side)]
    return list(await asyncio.gather(*(cancel_trigger(desk, seat, trigger.id) for trigger in triggers)))


def closes(trigger: Trigger, position_side: str) -> bool:
    """Only what closes this side; a plain conditional order opens something and is not the position's."""
    return trigger.purpose is not None and trigger.side == CLOSING_SIDE[position_side]


async def cancel_trigger(desk: Desk, seat: Seat, trigger_id: str) -> Cleared:
    try:
        trigger = seat.wire.to_trigger(await desk.send(seat, seat.wire.cancel_trigger(trigger_id)))
    except VenueError as error:
        outcome = Outcome.UNKNOWN if isinstance(error, VenueUnknown) else Outcome.REJECTED
        return Cleared(trigger_id, outcome.value, venue={"code": error.venue_code, "message": error.venue_message})
    return Cleared(trigger_id, Outcome.ACCEPTED.value, trigger)


def _body_of(reply: bytes, order: Order | None, cleared: list[Cleared], intent: Intent) -> bytes:
    return b'{"resCloseOrder":%b,"order":%b,"triggers":%b,"intent":%b}' % (
        reply,
        b"null" if order is None else order.to_json(),
        msgspec.json.encode(cleared),
        msgspec.json.encode({"id": intent.id, "action": intent.action}),
    )


def _unknown_body(intent: Intent) -> bytes:
    return _body_of(b"null", None, [], intent)
