"""Find: one order, from the record while its session is live, else from the venue."""

from __future__ import annotations

import msgspec

from shared.desk.desk import Desk, Seat
from shared.errors import NotFound, StoreUnavailable, VenueError
from shared.model import TERMINAL, Order, SessionState


class _Brief(msgspec.Struct):
    status: str = ""
    state: str = ""


async def find(desk: Desk, seat: Seat, order_id: str) -> bytes:
    """The order as JSON. The record is believed when the order is finished, or its session is live."""
    owner = seat.owner
    known = await _recorded(desk, seat, order_id) if owner.user_id else None
    if known is not None:
        return known
    ask = seat.wire.order(None, order_id)
    try:
        facts = await desk.ask(seat, ask)
    except VenueError as error:
        kept = await _last_known(desk, seat, order_id) if ask.absent(error) else None
        if kept is None:
            raise
        return kept
    order = next((fact for fact in facts if isinstance(fact, Order)), None)
    if order is None:
        raise NotFound("order")
    await desk.know_origin(seat, order)
    await desk.record(seat, [order])
    return await _last_known(desk, seat, order.id) or order.to_json()


async def _recorded(desk: Desk, seat: Seat, order_id: str) -> bytes | None:
    owner, events = seat.owner, desk.store.events
    known = await events.record_of(owner.user_id, "order", f"{owner.account_id}:{order_id}")
    if known is None or msgspec.json.decode(known, type=_Brief).status in TERMINAL:
        return known
    session = await events.record_of(owner.user_id, "session", owner.account_id)
    is_live = session is not None and msgspec.json.decode(session, type=_Brief).state == SessionState.LIVE
    return known if is_live else None


async def _last_known(desk: Desk, seat: Seat, order_id: str) -> bytes | None:
    if not seat.owner.user_id:
        return None
    try:
        key = f"{seat.owner.account_id}:{order_id}"
        return await desk.store.events.record_of(seat.owner.user_id, "order", key)
    except StoreUnavailable:
        return None
