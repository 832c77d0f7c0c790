"""Cancel: an order and, when named, its take-profit and stop-loss; each ends in its own way.

Nothing is written before it is sent: to cancel twice does no harm, and it must work when Redis does not.
"""

from __future__ import annotations

import asyncio

import msgspec

from shared.desk.close import cancel_trigger
from shared.desk.desk import Answer, Desk, Seat
from shared.errors import VenueError, VenueUnknown
from shared.model import Fact, Order, Outcome, Trigger


class Ended(msgspec.Struct, frozen=True):
    """How one cancel ended."""

    id: str
    outcome: str  # accepted, rejected, unknown
    order: Order | None = None
    trigger: Trigger | None = None
    venue: dict[str, str] | None = None


async def cancel(desk: Desk, seat: Seat, order_id: str, triggers: dict[str, str]) -> Answer:
    """`triggers` are the trigger ids by the name under which each is answered."""
    wanted = [_cancel_order(desk, seat, order_id)]
    wanted += [_cancel_guard(desk, seat, trigger_id) for trigger_id in triggers.values()]
    ended = await asyncio.gather(*wanted)
    facts = [fact for one, _ in ended for fact in facts_of(one)]
    await desk.record(seat, facts)
    return to_answer(dict(zip(("trade_id", *triggers), ended, strict=True)))


async def _cancel_order(desk: Desk, seat: Seat, order_id: str) -> tuple[Ended, VenueError | None]:
    try:
        order = seat.wire.to_order(await desk.send(seat, seat.wire.cancel(None, order_id)))
    except VenueError as error:
        outcome = Outcome.UNKNOWN if isinstance(error, VenueUnknown) else Outcome.REJECTED
        return Ended(order_id, outcome.value, venue={"code": error.venue_code, "message": error.venue_message}), error
    await desk.know_origin(seat, order)
    return Ended(order_id, Outcome.ACCEPTED.value, order), None


async def _cancel_guard(desk: Desk, seat: Seat, trigger_id: str) -> tuple[Ended, VenueError | None]:
    cleared = await cancel_trigger(desk, seat, trigger_id)
    return Ended(trigger_id, cleared.outcome, trigger=cleared.trigger, venue=cleared.venue), None


def facts_of(ended: Ended) -> list[Fact]:
    return [fact for fact in (ended.order, ended.trigger) if fact is not None]


def to_answer(ended: dict[str, tuple[Ended, VenueError | None]]) -> Answer:
    """Refused as a whole only when nothing was done and nothing is open; else each says how it ended."""
    outcomes = [one.outcome for one, _ in ended.values()]
    refused = ended["trade_id"][1]
    if refused is not None and all(outcome == Outcome.REJECTED for outcome in outcomes):
        return Answer.rejected(refused)
    body = msgspec.json.encode({name: one for name, (one, _) in ended.items()})
    if Outcome.UNKNOWN in outcomes:
        return Answer(Outcome.UNKNOWN, 202, body)
    return Answer(Outcome.ACCEPTED, 200, body)
