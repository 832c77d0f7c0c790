"""Cancel: an order and, when named, its take-profit and stop-loss; each ends in its own way.

Nothing is written before it is sent: to cancel twice does no harm, and it must work when Redis does not.
"""

from __future__ import annotations

import asyncio

import msgspec

from shared.desk import conditional
from shared.desk import triggers as triggering
from shared.desk.desk import Desk, Seat
from shared.desk.find import bare, symbol_of
from shared.desk.outcome import Answer, outcome_of, words_of
from shared.errors import GatewayError, NotFound, VenueError, VenueUnknown
from shared.exchanges.base import Lane, NotShown
from shared.model import Fact, Order, Outcome, Trigger


class Ended(msgspec.Struct, frozen=True):
    """How one cancel ended."""

    id: str
    outcome: str  # accepted, rejected, unknown
    order: Order | None = None
    trigger: Trigger | None = None
    venue: dict[str, str] | None = None
    reason: str | None = None


async def cancel(desk: Desk, seat: Seat, order_id: str, triggers: dict[str, str]) -> Answer:
    """`triggers` are the trigger ids by the name under which each is answered."""
    wanted = [_cancel_order(desk, seat, order_id)]
    wanted += [_cancel_guard(desk, seat, trigger_id) for trigger_id in triggers.values()]
    ended = await asyncio.gather(*wanted)
    await desk.record(seat, [fact for one, _ in ended for fact in facts_of(one)])
    return to_answer(dict(zip(("trade_id", *triggers), ended, strict=True)))


async def _cancel_order(
    desk: Desk, seat: Seat, order_id: str, symbol: str | None = None
) -> tuple[Ended, GatewayError | None]:
    try:
        symbol = await symbol_of(desk, seat, order_id, symbol)
        reply = await desk.send(seat, seat.wire.cancel(symbol, order_id))
        order = bare(await desk.shown(seat, reply, symbol, Lane.CANCEL, Order.is_final))
    except NotShown:
        return Ended(
            order_id, Outcome.ACCEPTED.value, reason="it was taken, and how the order ended is not shown"
        ), None
    except NotFound as error:
        return Ended(order_id, Outcome.REJECTED.value, reason=str(error)), error
    except VenueError as error:
        return Ended(order_id, outcome_of(error).value, venue=words_of(error)), error
    await desk.know_origin(seat, order)
    return Ended(order_id, Outcome.ACCEPTED.value, order), None


async def _cancel_guard(desk: Desk, seat: Seat, trigger_id: str) -> tuple[Ended, GatewayError | None]:
    return ended_of(await triggering.cancel_trigger(desk, seat, trigger_id)), None


def ended_of(cleared: triggering.Cleared) -> Ended:
    return Ended(cleared.id, cleared.outcome, trigger=cleared.trigger, venue=cleared.venue, reason=cleared.reason)


def facts_of(ended: Ended) -> list[Fact]:
    return [fact for fact in (ended.order, ended.trigger) if fact is not None]


def to_answer(ended: dict[str, tuple[Ended, GatewayError | None]]) -> Answer:
    """Refused as a whole only when nothing was done and nothing is open; else each says how it ended."""
    outcomes = [one.outcome for one, _ in ended.values()]
    refused = ended["trade_id"][1]
    if refused is not None and all(outcome == Outcome.REJECTED for outcome in outcomes):
        return Answer.rejected(refused)
    body = msgspec.json.encode({name: one for name, (one, _) in ended.items()})
    if Outcome.UNKNOWN in outcomes:
        return Answer(Outcome.UNKNOWN, 202, body)
    return Answer(Outcome.ACCEPTED, 200, body)


async def cancel_one(desk: Desk, seat: Seat, order_id: str, symbol: str | None = None) -> Answer:
    ended, refused = await _cancel_order(desk, seat, order_id, symbol)
    if refused is None:
        await desk.record(seat, facts_of(ended))
        return Answer(Outcome.ACCEPTED, 200, msgspec.json.encode({"order": ended.order}))
    if isinstance(refused, VenueUnknown):
        body = msgspec.json.encode({"id": order_id, "order": None, "venue": ended.venue})
        return Answer(Outcome.UNKNOWN, 202, body, venue_code=refused.venue_code)
    return Answer.rejected(refused)


async def cancel_one_waiting(desk: Desk, seat: Seat, trigger_id: str, symbol: str | None = None) -> Answer:
    try:
        trigger = await triggering.withdraw(desk, seat, trigger_id, symbol)
    except VenueUnknown as lost:
        body = msgspec.json.encode({"id": trigger_id, "order": None, "trigger": None, "venue": words_of(lost)})
        return Answer(Outcome.UNKNOWN, 202, body, venue_code=lost.venue_code)
    except (VenueError, NotFound) as refused:
        return Answer.rejected(refused)
    await desk.record(seat, [trigger])
    body = msgspec.json.encode({"order": conditional.to_order(trigger), "trigger": trigger})
    return Answer(Outcome.ACCEPTED, 200, body)
