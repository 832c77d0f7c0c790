"""Amend: an open order gets another size or price. Sent once; what became of a lost answer is read off the order.

The venue's refusal does not say how the order stands, so the order is asked for: one that is as wanted already is
accepted as it stands, and one that has finished meanwhile is a conflict.
"""

from __future__ import annotations

from uuid import uuid4

import msgspec

from shared.desk.desk import Desk, Seat, stamp
from shared.desk.find import ask_order, bare
from shared.desk.once import carry_out_once, digest_of, id_of
from shared.desk.outcome import Answer, intent_words, new_intent, outcome_event
from shared.errors import BadRequest, NotFound, UnknownWord, VenueBusy, VenueError, VenueUnknown
from shared.exchanges.base import AmendOrder, Lane
from shared.model import Number, Order, Outcome, plain, sortable
from shared.store.intents import Intent

ACTION = "amend"
CONFLICT = 409


async def amend(
    desk: Desk, seat: Seat, order: Order, size: Number | None, price: Number | None, key: str | None = None
) -> Answer:
    """`order` as it is known; `size` is the new total. Raises what is refused before anything is written."""
    check_above_filled(order, size)
    wanted = AmendOrder(order.symbol, order.id, order.side, size, price)
    used_key = key or uuid4().hex
    digest = digest_of(ACTION, seat.owner.account_id, order.id, size, price)
    said = {name: value for name, value in (("size", size), ("price", price)) if value is not None}
    seat.wire.amend(wanted, None)  # what cannot be said to the venue is refused before it is written down

    def make(attempt: int) -> Intent:
        intent_id = id_of(seat, None, used_key, attempt)
        intent = new_intent(seat.owner, desk.clock.now_ms(), intent_id, ACTION, order.symbol, digest)
        return msgspec.structs.replace(intent, order_id=order.id, wanted=said)

    def is_changed(shown: Order) -> bool:
        return shown.is_final() or is_as_wanted(shown, said)

    async def carry_out(intent: Intent) -> Answer:
        try:
            reply = await desk.send(seat, seat.wire.amend(wanted, intent.expires_at_ms))
            changed = bare(await desk.shown(seat, reply, order.symbol, Lane.PLACE, is_changed))
        except VenueUnknown as lost:
            return await _conclude_unknown(desk, intent, lost)
        except VenueError as refused:
            return await _conclude_refused(desk, seat, intent, order, refused)
        await desk.know_origin(seat, changed)
        return await _conclude_changed(desk, intent, changed)

    return await carry_out_once(desk, used_key, make, carry_out, unknown_body)


def check_above_filled(order: Order, size: Number | None) -> None:
    """A venue would take such an amend for a cancel."""
    if size is not None and sortable(size) <= sortable(order.filled):
        problem = f"must be above the {plain(order.filled)} that are filled already; to end the order, cancel it"
        raise BadRequest(f"size {problem}", (("size", problem),), status=422)


def is_as_wanted(order: Order, wanted: dict[str, str]) -> bool:
    shown = {"size": order.size, "price": order.price}
    return all(plain(shown[name]) == plain(value) for name, value in wanted.items())


async def _conclude_changed(desk: Desk, intent: Intent, order: Order) -> Answer:
    stamp(desk, order)
    answer = Answer(Outcome.ACCEPTED, 200, changed_body(order, intent), is_new=True)
    await desk.conclude(intent, answer, [order])
    return answer


async def _conclude_unknown(desk: Desk, intent: Intent, lost: VenueUnknown) -> Answer:
    event = outcome_event(intent, Outcome.UNKNOWN, str(lost), intent.order_id, desk.clock.now_ms())
    answer = Answer(Outcome.UNKNOWN, 202, unknown_body(intent), is_new=True)
    await desk.conclude(intent, answer, [event])
    return answer


async def _conclude_refused(desk: Desk, seat: Seat, intent: Intent, known: Order, refused: VenueError) -> Answer:
    """It was not changed by this. How it stands says whether that is a refusal."""
    order, is_over = (None, False) if isinstance(refused, VenueBusy) else await _as_it_stands(desk, seat, known)
    if order is not None and not is_over and is_as_wanted(order, intent.wanted or {}):
        return await _conclude_changed(desk, intent, order)
    answer = Answer.rejected(refused, status=CONFLICT if is_over else None)
    event = outcome_event(intent, Outcome.REJECTED, str(refused), intent.order_id, desk.clock.now_ms())
    await desk.conclude(intent, answer, [event] if order is None else [event, order])
    return answer


async def _as_it_stands(desk: Desk, seat: Seat, known: Order) -> tuple[Order | None, bool]:
    """And whether it is over, as it also is when the venue has forgotten it already."""
    try:
        order = bare(await ask_order(desk, seat, known.id, known.symbol))
    except VenueError as error:
        return None, seat.wire.order(known.symbol, known.id).absent(error)
    except (NotFound, UnknownWord):
        return None, False
    return order, order.is_final()


def changed_body(order: Order, intent: Intent) -> bytes:
    return b'{"order":%b,"intent":%b}' % (order.to_json(), intent_words(intent))


def unknown_body(intent: Intent) -> bytes:
    return b'{"order":null,"intent":%b}' % intent_words(intent)
