"""Cancel all: what is open, and what waits for a price, of one symbol or of the account.

Nothing is written before it is sent: to cancel twice does no harm.
"""

from __future__ import annotations

import asyncio

from shared.desk import triggers as triggering
from shared.desk.cancel import Ended, ended_of, facts_of
from shared.desk.cancel_many import cancel_many
from shared.desk.desk import Desk, Seat
from shared.desk.find import ask_order, bare, known_open
from shared.desk.outcome import words_of
from shared.errors import NotFound, StoreUnavailable, UnknownWord, VenueError, VenueUnknown
from shared.exchanges.base import Lane, Page, Request
from shared.model import Order, Outcome

OPEN_MAX = 2000
"""More than any venue lets an account have open."""
ASKED_MAX = 50
"""Orders that are asked for one by one; a record that is further behind than this is the session's to mend."""


async def cancel_all(
    desk: Desk, seat: Seat, symbol: str | None, side: str | None = None, *, triggers: bool = False
) -> list[Ended]:
    """All open orders, and with `triggers` all that wait for a price. Raises when the venue refuses: nothing was done.

    An order that was thought open and that the venue does not name among the cancelled is asked for: it has ended in
    some other way meanwhile.
    """
    request = seat.wire.cancel_all(symbol, side)
    if request is None:
        ended = await _cancel_each(desk, seat, symbol, side)
    else:
        thought = await _thought_open(desk, seat, symbol, side)
        ended = await _cancel_all_orders(desk, seat, request, thought)
    if triggers:
        ended += [ended_of(cleared) for cleared in await triggering.cancel_triggers(desk, seat, symbol, side)]
    await desk.record(seat, [fact for one in ended for fact in facts_of(one)])
    return ended


async def _thought_open(desk: Desk, seat: Seat, symbol: str | None, side: str | None) -> list[Order]:
    try:
        known = await known_open(desk, seat.owner)
    except StoreUnavailable:
        return []
    return [order for order in known if symbol in (None, order.symbol) and side in (None, order.side)]


async def _cancel_each(desk: Desk, seat: Seat, symbol: str | None, side: str | None) -> list[Ended]:
    """What the venue lists as open, by its ids."""
    facts = await desk.ask(seat, seat.wire.orders(symbol, "open", Page(OPEN_MAX)), Lane.CANCEL)
    meant = {fact.id: fact.symbol for fact in facts if isinstance(fact, Order) and side in (None, fact.side)}
    return await cancel_many(desk, seat, meant)


async def _cancel_all_orders(desk: Desk, seat: Seat, request: Request, thought: list[Order]) -> list[Ended]:
    try:
        gone = seat.wire.to_orders(await desk.send(seat, request))
    except VenueUnknown as lost:
        ids = [order.id for order in thought] or [""]
        return [Ended(order_id, Outcome.UNKNOWN.value, venue=words_of(lost)) for order_id in ids]
    await asyncio.gather(*(desk.know_origin(seat, order) for order in gone))
    named = {order.id for order in gone}
    missing = [order for order in thought if order.id not in named]
    others = await asyncio.gather(*(_not_cancelled(desk, seat, order) for order in missing[:ASKED_MAX]))
    unasked = [Ended(order.id, Outcome.UNKNOWN.value, reason="it was not asked for") for order in missing[ASKED_MAX:]]
    return [*(Ended(order.id, Outcome.ACCEPTED.value, order) for order in gone), *others, *unasked]


async def _not_cancelled(desk: Desk, seat: Seat, known: Order) -> Ended:
    try:
        order = await ask_order(desk, seat, known.id, known.symbol)
    except (VenueError, UnknownWord, NotFound) as error:
        return Ended(known.id, Outcome.UNKNOWN.value, order=known, reason=str(error))
    return Ended(known.id, Outcome.REJECTED.value, bare(order), reason=f"the order is {order.status}")


async def cancel_waiting(desk: Desk, seat: Seat, symbol: str | None) -> list[Ended]:
    """All triggers of a symbol, or of all."""
    cleared = await triggering.cancel_triggers(desk, seat, symbol)
    await desk.record(seat, triggering.facts_of(cleared))
    return [ended_of(one) for one in cleared]
