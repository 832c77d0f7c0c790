"""Protect: an order's take-profit and stop-loss, each with an outcome of its own.

A guard that was to be attached counts as attached only when the venue's answer shows it. Every other one is placed as a
trigger of its own at once, so that nothing is left unprotected in silence.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

import msgspec

from shared.desk.desk import Desk, Seat, stamp
from shared.desk.mode import PLAIN, Manner
from shared.desk.outcome import outcome_of, words_of
from shared.desk.wish import Guard, Wish
from shared.errors import UnknownWord, VenueError
from shared.exchanges.base import RULES_OF_GUARDS, Guards, Lane, PlaceTrigger, Reply
from shared.model import Fact, Order, Outcome, Trigger
from shared.store.intents import Intent

CLOSING_SIDE = {"long": "sell", "short": "buy"}


class Guarded(msgspec.Struct, frozen=True):
    """How one guard ended."""

    outcome: str  # accepted, rejected, unknown, not_placed
    attached: bool = False
    id: str | None = None
    trigger: Trigger | None = None
    reason: str | None = None
    venue: dict[str, str] | None = None


Protection = dict[str, Guarded | None]


async def protect(
    desk: Desk, seat: Seat, wish: Wish, intent: Intent, order: Order, told: Guards, manner: Manner = PLAIN
) -> Protection:
    """`told` is what the venue says is attached already."""
    wanted = wish.guards()
    if not any(wanted.values()):
        return dict.fromkeys(wanted)
    if order.is_final() and not Decimal(order.filled):
        return not_placed(wish, f"the order is {order.status}")
    said = {"take_profit": told.take_profit, "stop_loss": told.stop_loss}
    became = await _became(desk, seat, intent, order) if told != Guards() else {}
    ended = await asyncio.gather(
        *(
            _guard(desk, seat, _to_trigger(seat, wish, intent, order, name, manner), said[name], became.get(name))
            for name in wanted
        )
    )
    return dict(zip(wanted, ended, strict=True))


async def _became(desk: Desk, seat: Seat, intent: Intent, order: Order) -> dict[str, Trigger]:
    """The triggers that attached guards have become by now: once their order is filled they have ids of their own.
    Those that come to life later are told by the session."""
    if order.status != "filled":
        return {}
    try:
        waiting = await desk.ask(seat, seat.wire.open_triggers(order.symbol), Lane.PROTECT)
    except (VenueError, UnknownWord):
        return {}
    own = [fact for fact in waiting if isinstance(fact, Trigger) and fact.client_order_id == intent.id]
    for trigger in own:
        trigger.parent_id, trigger.origin = order.id, "gateway"
        stamp(desk, trigger)
    return {trigger.purpose: trigger for trigger in own if trigger.purpose is not None}


async def attached_by(desk: Desk, seat: Seat, wish: Wish, order: Order, reply: Reply) -> tuple[Order, Guards]:
    """What is attached to the order, and the order as it is shown together with that. By this answer to it, else by
    another one. What nobody says is not attached."""
    if wish.attached() is None:
        return order, Guards()
    try:
        told = seat.wire.guards_told(reply)
    except (VenueError, UnknownWord):
        return order, Guards()
    return (order, told) if told is not None else await attached_now(desk, seat, wish, order)


async def attached_now(desk: Desk, seat: Seat, wish: Wish, order: Order) -> tuple[Order, Guards]:
    """The same, asked by itself where the answer to the order had no room for it."""
    if wish.attached() is None:
        return order, Guards()
    try:
        reply = await desk.read(seat, seat.wire.order(order.symbol, order.id).request, Lane.PROTECT)
        return seat.wire.to_order(reply), seat.wire.guards_told(reply) or Guards()
    except (VenueError, UnknownWord):
        return order, Guards()


def triggers_wanted(seat: Seat, wish: Wish, intent: Intent, manner: Manner = PLAIN) -> dict[str, PlaceTrigger]:
    """What goes out for each guard that is not attached, once the order stands."""
    if wish.take_profit is None and wish.stop_loss is None:
        return {}
    attached = wish.attached() or Guards()
    by_itself = {"take_profit": attached.take_profit is None, "stop_loss": attached.stop_loss is None}
    made = {name: _to_trigger(seat, wish, intent, None, name, manner) for name in wish.guards() if by_itself[name]}
    return {name: trigger for name, trigger in made.items() if trigger is not None}


def _to_trigger(
    seat: Seat, wish: Wish, intent: Intent, order: Order | None, name: str, manner: Manner
) -> PlaceTrigger | None:
    guard = wish.guards()[name]
    if guard is None:
        return None
    return PlaceTrigger(
        symbol=wish.symbol,
        side=CLOSING_SIDE[wish.position_side],
        price=guard.price,
        rule=RULES_OF_GUARDS[(wish.position_side, name)],
        price_type=guard.price_type,
        size=wish.size,
        closes=wish.position_side,
        client_order_id=seat.venue.client_order_id(None, f"{seat.owner.user_id}\0{intent.id}\0{name}"),
        parent_id=None if order is None else order.id,
        hedged=manner.hedged,
        margin_mode=manner.margin_mode,
    )


async def _guard(
    desk: Desk, seat: Seat, trigger: PlaceTrigger | None, told: str | None, became: Trigger | None
) -> Guarded | None:
    if trigger is None:
        return None
    if told is not None and Decimal(told) == Decimal(trigger.price):
        return Guarded(Outcome.ACCEPTED.value, attached=True, id=became.id if became else None, trigger=became)
    try:
        placed = seat.wire.to_trigger(await desk.send(seat, seat.wire.place_trigger(trigger)), trigger)
    except VenueError as error:
        return Guarded(outcome_of(error).value, reason=str(error), venue=words_of(error))
    placed.origin = "gateway"
    stamp(desk, placed)
    return Guarded(Outcome.ACCEPTED.value, id=placed.id, trigger=placed)


def not_placed(wish: Wish, reason: str) -> Protection:
    return {name: _not_placed(guard, reason) for name, guard in wish.guards().items()}


def not_known(wish: Wish, reason: str) -> Protection:
    """When nobody knows of the order, nobody knows of what was attached to it either."""
    attached = wish.attached() or Guards()
    went = {"take_profit": attached.take_profit is not None, "stop_loss": attached.stop_loss is not None}
    return {
        name: Guarded(Outcome.UNKNOWN.value, reason=reason) if went[name] else _not_placed(guard, reason)
        for name, guard in wish.guards().items()
    }


def _not_placed(guard: Guard | None, reason: str) -> Guarded | None:
    return None if guard is None else Guarded("not_placed", reason=reason)


def facts_of(protection: Protection) -> list[Fact]:
    return [guarded.trigger for guarded in protection.values() if guarded is not None and guarded.trigger is not None]
