"""Cancel many: orders and triggers by their ids, each with an outcome of its own.

Nothing is written before it is sent: to cancel twice does no harm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec

from shared.desk import triggers as triggering
from shared.desk.cancel import Ended, ended_of
from shared.desk.desk import Desk, Seat, stamp
from shared.desk.find import Named, bare, named, symbol_of
from shared.desk.outcome import outcome_of, words_of
from shared.errors import NotFound, UnknownWord, VenueError
from shared.exchanges.base import Page
from shared.model import Order, Outcome


async def cancel_named(desk: Desk, seat: Seat, said: Sequence[str]) -> list[Ended]:
    """By whatever ids the caller has, of orders and of triggers."""
    names = await asyncio.gather(*(_named(desk, seat, one) for one in said))
    orders = {one.id: one.symbol for one in names if isinstance(one, Named) and not one.is_trigger}
    waiting = {one.id: one.symbol for one in names if isinstance(one, Named) and one.is_trigger}
    by_order = {ended.id: ended for ended in await cancel_many(desk, seat, orders)}
    cleared = await asyncio.gather(*(triggering.cancel_trigger(desk, seat, *one) for one in waiting.items()))
    await desk.record(seat, triggering.facts_of(cleared))
    by_trigger = {one.id: ended_of(one) for one in cleared}

    def told(name: str, found: Named | Ended) -> Ended:
        if isinstance(found, Ended):
            return found
        return msgspec.structs.replace((by_trigger if found.is_trigger else by_order)[found.id], id=name)

    return [told(name, found) for name, found in zip(said, names, strict=True)]


async def _named(desk: Desk, seat: Seat, said: str) -> Named | Ended:
    try:
        found = await named(desk, seat, said)
        if found.is_trigger:
            return found
        return replace(found, symbol=await symbol_of(desk, seat, found.id, found.symbol))
    except NotFound as error:
        return Ended(said, Outcome.REJECTED.value, reason=str(error))
    except VenueError as error:
        return Ended(said, Outcome.REJECTED.value, venue=words_of(error), reason="nothing was sent: it was not found")


async def cancel_many(desk: Desk, seat: Seat, orders: Mapping[str, str | None]) -> list[Ended]:
    """One request for as many as the venue takes at once, and an outcome for each. `orders` are ids with symbols."""
    most, order_ids = seat.venue.limits.batch_cancel_max, list(orders)
    parts = [{name: orders[name] for name in order_ids[at : at + most]} for at in range(0, len(order_ids), most)]
    told = await asyncio.gather(*(_cancel_batch(desk, seat, part) for part in parts))
    ended = [one for part in told for one in part]
    shown = await _as_they_are(desk, seat, [one.id for one in ended if one.outcome == Outcome.ACCEPTED])
    await desk.record(seat, list(shown.values()))
    return [msgspec.structs.replace(one, order=shown.get(one.id)) for one in ended]


async def _cancel_batch(desk: Desk, seat: Seat, orders: Mapping[str, str | None]) -> list[Ended]:
    order_ids = list(orders)
    try:
        reply = await desk.send(seat, seat.wire.cancel_batch(order_ids, [symbol or "" for symbol in orders.values()]))
        said = seat.wire.to_cancelled(reply, order_ids)
    except VenueError as error:
        said = [error] * len(order_ids)
    return [_told(order_id, error) for order_id, error in zip(order_ids, said, strict=True)]


def _told(order_id: str, error: VenueError | None) -> Ended:
    if error is None:
        return Ended(order_id, Outcome.ACCEPTED.value)
    return Ended(order_id, outcome_of(error).value, venue=words_of(error))


async def _as_they_are(desk: Desk, seat: Seat, order_ids: Sequence[str]) -> dict[str, Order]:
    """A batch of cancels says no more than yes or no. The orders are shown from one look at the venue's newest; those
    that are not among them come with the session."""
    if not order_ids:
        return {}
    try:
        facts = await desk.ask(seat, seat.wire.orders(None, "finished", Page()))
    except (VenueError, UnknownWord):
        return {}
    found = {fact.id: fact for fact in facts if isinstance(fact, Order) and fact.id in order_ids}
    await asyncio.gather(*(desk.know_origin(seat, order) for order in found.values()))
    shown = {order_id: bare(order) for order_id, order in found.items()}
    for order in shown.values():
        stamp(desk, order)
    return shown
