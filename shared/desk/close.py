"""Close: all of one side's position at the market, and then its triggers.

It must work when Redis does not: without it the close goes out unwritten, because a position that cannot be left is
worse than a key that is not remembered. Triggers stay when something of the position does.
"""

from __future__ import annotations

import asyncio
from uuid import uuid4

import msgspec

from shared.desk import conditional
from shared.desk.desk import Desk, Seat, stamp
from shared.desk.once import carry_out_once, digest_of, id_of
from shared.desk.outcome import Answer, intent_words, new_intent, outcome_event, outcome_of, words_of
from shared.desk.reads import Asked, positions
from shared.desk.triggers import Cleared, cancel_trigger, facts_of
from shared.errors import BadRequest, Conflict, NotFound, StoreUnavailable, VenueError
from shared.exchanges.base import Lane
from shared.model import Fact, Order, Outcome, Position, Trigger, plain
from shared.store.intents import Intent


async def close_held(desk: Desk, seat: Seat, position_id: str, key: str | None) -> Answer:
    """By the id that the position is shown with, or by its symbol."""
    symbol, held = await _held(desk, seat, position_id)
    if not held:
        before = None if key is None else await _side_before(desk, seat, symbol, key)
        if before is None:
            raise Conflict(f"there is no open position in {position_id}")
        return await close(desk, seat, symbol, before, key)
    if len(held) > 1:
        ids = ", ".join(position.id for position in held)
        raise Conflict(f"{symbol} has {len(held)} positions; say one of: {ids}")
    return await close(desk, seat, symbol, held[0].side or "", key, held[0].margin_mode)


async def _held(desk: Desk, seat: Seat, position_id: str) -> tuple[str, list[Position]]:
    """The symbol, and what is held of it. The record may be behind what was just filled, so that only
    the venue can say that there is nothing."""
    for asked in (Asked(), Asked(fresh=True)):
        shown = (await positions(desk, seat, asked)).rows
        held = [position for position in shown if isinstance(position, Position) and position.side is not None]
        named = [position for position in held if position_id == position.id]
        # The symbol may also be the id of one of several positions, and then it does not say which.
        alike = [position for position in held if position_id in (position.symbol, position.instrument)]
        meant = alike or named
        if meant:
            return meant[0].symbol, meant
    try:
        return seat.venue.symbol(position_id.rpartition(":")[0] or position_id), []
    except BadRequest:
        raise NotFound("position") from None


async def _side_before(desk: Desk, seat: Seat, symbol: str, key: str) -> str | None:
    """The side that was closed under this key, so that its answer can be told again when nothing is held any more."""
    intent = await desk.store.intents.get(seat.owner.user_id, id_of(seat, None, key))
    if intent is None:
        return None
    sides = {_digest(seat, symbol, side): side for side in conditional.CLOSES.values()}
    return sides.get(intent.digest)


def _digest(seat: Seat, symbol: str, position_side: str) -> str:
    return digest_of("close", seat.owner.account_id, symbol, position_side)


async def close(
    desk: Desk, seat: Seat, symbol: str, position_side: str, key: str | None, margin_mode: str | None = None
) -> Answer:
    """Close it, or tell how the same key ended before. `margin_mode` says which, where both are held."""
    owner = seat.owner
    used_key = key or uuid4().hex
    digest = _digest(seat, symbol, position_side)

    def make(attempt: int) -> Intent:
        client_order_id = id_of(seat, None, used_key, attempt)
        return new_intent(owner, desk.clock.now_ms(), client_order_id, "close", symbol, digest)

    async def carry_out(intent: Intent) -> Answer:
        answer, facts = await _carry_out(desk, seat, symbol, position_side, intent, margin_mode)
        if owner.user_id:
            await desk.conclude(intent, answer, facts)
        return answer

    if not owner.user_id:
        return await carry_out(make(0))
    try:
        return await carry_out_once(desk, used_key, make, carry_out, _unknown_body)
    except StoreUnavailable:
        answer, _facts = await _carry_out(desk, seat, symbol, position_side, make(0), margin_mode)
        return answer


async def _carry_out(
    desk: Desk, seat: Seat, symbol: str, position_side: str, intent: Intent, margin_mode: str | None
) -> tuple[Answer, list[Fact]]:
    try:
        hedged, margin_mode = await _how_held(desk, seat, symbol, position_side, margin_mode)
        request = seat.wire.close(
            symbol, position_side, intent.id, intent.expires_at_ms, hedged=hedged, margin_mode=margin_mode
        )
        reply = await desk.send(seat, request)
        order = await desk.shown(seat, reply, symbol, Lane.PROTECT, Order.is_final)
    except (VenueError, Conflict) as error:
        outcome = outcome_of(error)
        event = outcome_event(intent, outcome, str(error), None, desk.clock.now_ms())
        if outcome is Outcome.REJECTED:
            return Answer.rejected(error), [event]
        return Answer(outcome, 202, _unknown_body(intent)), [event]
    order.origin = "gateway"
    stamp(desk, order)
    cleared = await _clear_triggers(desk, seat, symbol, position_side) if order.status == "filled" else []
    answer = Answer(Outcome.ACCEPTED, 200, _body_of(reply.body, order, cleared, intent))
    return answer, [order, *facts_of(cleared)]


async def _how_held(
    desk: Desk, seat: Seat, symbol: str, position_side: str, margin_mode: str | None
) -> tuple[bool, str | None]:
    """Whether side by side, and in which margin mode. A one-way close takes whatever side there is, so the side is
    looked at."""
    held = [
        fact for fact in await desk.ask(seat, seat.wire.positions(symbol), Lane.PROTECT) if isinstance(fact, Position)
    ]
    other = next((position.side for position in held if has_other_side(position, position_side)), None)
    if other is not None:
        raise Conflict(f"the position in {symbol} is {other}; there is no {position_side} position to close")
    hedged = any(position.mode == "hedge" for position in held)
    if held:
        desk.leverage.know_mode(seat.account, hedged=hedged)
    own = [position.margin_mode for position in held if position.side == position_side and plain(position.size) != "0"]
    return hedged, margin_mode if margin_mode in own else next(iter(own), margin_mode)


def has_other_side(position: Position, wanted: str) -> bool:
    is_open = bool(position.size.strip("0."))
    return is_open and position.mode == "one_way" and position.side not in (None, wanted)


async def _clear_triggers(desk: Desk, seat: Seat, symbol: str, position_side: str) -> list[Cleared]:
    try:
        found = await desk.ask(seat, seat.wire.open_triggers(symbol), Lane.PROTECT)
    except VenueError as error:
        return [Cleared("", Outcome.UNKNOWN.value, venue=words_of(error))]
    triggers = [fact for fact in found if isinstance(fact, Trigger) and conditional.closes(fact) == position_side]
    return list(await asyncio.gather(*(cancel_trigger(desk, seat, trigger.id, symbol) for trigger in triggers)))


def _body_of(reply: bytes, order: Order | None, cleared: list[Cleared], intent: Intent) -> bytes:
    return b'{"resCloseOrder":%b,"order":%b,"triggers":%b,"intent":%b}' % (
        reply,
        b"null" if order is None else order.to_json(),
        msgspec.json.encode(cleared),
        intent_words(intent),
    )


def _unknown_body(intent: Intent) -> bytes:
    return _body_of(b"null", None, [], intent)
