"""Find: one order, from the record while its session is live, else from the venue; and what a caller's id names."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from shared.desk import conditional
from shared.desk.desk import Desk, Seat
from shared.errors import BadRequest, NotFound, StoreUnavailable, UnknownWord, VenueError
from shared.exchanges.base import Ask, Page
from shared.model import TERMINAL, Order, Owner, SessionState, Trigger
from shared.store.intents import Intent


class _Brief(msgspec.Struct):
    status: str = ""
    state: str = ""
    symbol: str | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """What an id of a caller's stands for at the venue."""

    id: str
    is_trigger: bool = False
    symbol: str | None = None
    """As far as it is known without asking."""


LISTED_MAX = 100
"""How many orders of each of the venue's lists are looked through for one whose symbol nobody here knows."""
F = TypeVar("F", Order, Trigger)
_ORDER = msgspec.json.Decoder(Order)
_TRIGGER = msgspec.json.Decoder(Trigger)


async def find(desk: Desk, seat: Seat, order_id: str, symbol: str | None = None) -> bytes:
    """The order as JSON. The record is believed when the order is finished, or its session is live."""
    known = await _recorded(desk, seat.owner, "order", order_id) if seat.owner.user_id else None
    if known is not None:
        return known
    ask = seat.wire.order(await symbol_of(desk, seat, order_id, symbol), order_id)
    try:
        order = await _asked(desk, seat, ask, Order)
    except VenueError as error:
        kept = await _last_known(desk, seat, order_id) if ask.absent(error) else None
        if kept is None:
            raise
        return kept
    order = bare(order)
    await desk.record(seat, [order])
    known = await _last_known(desk, seat, order.id)
    # What was told just now may wait a moment for its fee before it is recorded.
    return known if known is not None and _ORDER.decode(known).rank() >= order.rank() else order.to_json()


async def ask_order(desk: Desk, seat: Seat, order_id: str, symbol: str | None = None) -> Order:
    """As the venue tells it now, its own words as `raw`, and with what the record knows beside."""
    symbol = await symbol_of(desk, seat, order_id, symbol)
    return await _asked(desk, seat, seat.wire.order(symbol, order_id), Order)


async def ask_trigger(desk: Desk, seat: Seat, trigger_id: str) -> Trigger:
    return await _asked(desk, seat, seat.wire.trigger(trigger_id), Trigger, trigger_id)


async def _asked(desk: Desk, seat: Seat, ask: Ask, kind: type[F], fact_id: str | None = None) -> F:
    """The one that was asked for, where others come with it."""
    reply = await desk.read(seat, ask.request)
    told = [fact for fact in ask.read(reply) if isinstance(fact, kind)]
    found = next((fact for fact in told if fact.id == fact_id), told[0] if told else None)
    if found is None:
        raise NotFound(kind.kind)
    if found.raw is msgspec.UNSET:
        found.raw = msgspec.Raw(reply.body)
    await desk.know_origin(seat, found)
    return found


async def known_order(desk: Desk, seat: Seat, order_id: str, symbol: str | None = None) -> Order:
    """For who needs to know it as it is, and not only to show it."""
    return _ORDER.decode(await find(desk, seat, order_id, symbol))


async def known_trigger(desk: Desk, seat: Seat, trigger_id: str, *, raw: bool = False) -> Trigger:
    known = None if raw else await _recorded(desk, seat.owner, "trigger", trigger_id)
    if known is not None:
        return _TRIGGER.decode(known)
    trigger = await ask_trigger(desk, seat, trigger_id)
    return trigger if raw else bare(trigger)


async def child_of(desk: Desk, seat: Seat, trigger: Trigger) -> Order | None:
    """The order that a fired trigger became, as far as it can be told."""
    if trigger.child_id is None:
        return None
    try:
        return await known_order(desk, seat, trigger.child_id, trigger.symbol)
    except (VenueError, NotFound, UnknownWord):
        return None


async def order_named(desk: Desk, seat: Seat, named: Named, *, raw: bool = False) -> tuple[Order, Trigger | None]:
    """The order, or the trigger and the order that it is shown as."""
    if not named.is_trigger:
        order = await (ask_order if raw else known_order)(desk, seat, named.id, named.symbol)
        return order, None
    trigger = await known_trigger(desk, seat, named.id, raw=raw)
    return conditional.to_order(trigger, await child_of(desk, seat, trigger)), trigger


# The symbol of an id, for a venue that wants both.


async def symbol_of(desk: Desk, seat: Seat, order_id: str, symbol: str | None = None) -> str | None:
    """What must stand beside an order's id; None where the venue needs nothing. From the record, else from the venue's
    lists. Raises NotFound for an order that neither shows."""
    if symbol is not None or not seat.venue.limits.ids_need_symbol:
        return symbol
    return await _symbol_recorded(desk, seat, "order", order_id) or (await _listed(desk, seat, order_id)).symbol


async def symbol_of_trigger(desk: Desk, seat: Seat, trigger_id: str, symbol: str | None = None) -> str | None:
    """The same for a trigger, which can be asked for by its id alone."""
    if symbol is not None or not seat.venue.limits.ids_need_symbol:
        return symbol
    known = await _symbol_recorded(desk, seat, "trigger", trigger_id)
    return known or (await _asked(desk, seat, seat.wire.trigger(trigger_id), Trigger)).symbol


async def _symbol_recorded(desk: Desk, seat: Seat, kind: str, record_id: str) -> str | None:
    owner = seat.owner
    if not owner.user_id:
        return None
    try:
        known = await desk.store.events.record_of(owner.user_id, kind, f"{owner.account_id}:{record_id}")
    except StoreUnavailable:
        return None
    return None if known is None else msgspec.json.decode(known, type=_Brief).symbol


async def _listed(desk: Desk, seat: Seat, said: str) -> Order:
    """The order with this id or client order id, in the venue's own lists."""
    for status in ("open", "finished"):
        for fact in await desk.ask(seat, seat.wire.orders(None, status, Page(LISTED_MAX))):
            if isinstance(fact, Order) and said in (fact.id, fact.client_order_id):
                return fact
    raise NotFound("order")


# What the record knows.


async def is_live(desk: Desk, owner: Owner) -> bool:
    """Whether the record is what the venue says: a session follows the account now."""
    session = await desk.store.events.record_of(owner.user_id, "session", owner.account_id)
    return session is not None and msgspec.json.decode(session, type=_Brief).state == SessionState.LIVE


async def known_open(desk: Desk, owner: Owner) -> list[Order]:
    """The orders of this account that the record has as open."""
    if not owner.user_id:
        return []
    records = await desk.store.events.records(owner.user_id, "order")
    orders = [_ORDER.decode(said) for said in records]
    return [order for order in orders if order.account_id == owner.account_id and not order.is_final()]


async def _recorded(desk: Desk, owner: Owner, kind: str, record_id: str) -> bytes | None:
    known = await desk.store.events.record_of(owner.user_id, kind, f"{owner.account_id}:{record_id}")
    if known is None:
        return None
    status = msgspec.json.decode(known, type=_Brief).status
    is_final = status in TERMINAL if kind == "order" else status != "open"
    return known if is_final or await is_live(desk, owner) else None


async def _last_known(desk: Desk, seat: Seat, order_id: str) -> bytes | None:
    if not seat.owner.user_id:
        return None
    try:
        key = f"{seat.owner.account_id}:{order_id}"
        return await desk.store.events.record_of(seat.owner.user_id, "order", key)
    except StoreUnavailable:
        return None


def bare(fact: F) -> F:
    """Without the venue's row, which is not recorded and is only shown to who asks for it."""
    return fact if fact.raw is msgspec.UNSET else msgspec.structs.replace(fact, raw=msgspec.UNSET)


# What an id stands for.


async def named(desk: Desk, seat: Seat, said: str, *, is_trigger: bool = False) -> Named:
    """The venue's id for what may be one, or a client order id, of an order or of a trigger.

    `is_trigger` is what it counts as when nobody here knows it. Raises NotFound for a text that nobody knows at all.
    """
    owner, text = seat.owner, _text_of(seat, said)
    events, key = desk.store.events, f"{seat.owner.account_id}:{said}"
    order, trigger, intent = await asyncio.gather(
        events.record_of(owner.user_id, "order", key),
        events.record_of(owner.user_id, "trigger", key),
        _none() if text is None else desk.store.intents.get(owner.user_id, text),
    )
    if order is not None or trigger is not None:
        is_trigger = trigger is not None and (order is None or is_trigger)
        known = msgspec.json.decode((trigger if is_trigger else order) or b"{}", type=_Brief)
        return Named(said, is_trigger, known.symbol)
    if intent is not None and intent.order_id is not None and intent.account_id == owner.account_id:
        return Named(intent.order_id, "trigger" in intent.action, intent.symbol)
    if text is None or said.isdecimal():
        return Named(said, is_trigger)
    return await _named_by_text(desk, seat, text)


async def _named_by_text(desk: Desk, seat: Seat, text: str) -> Named:
    found_order = await _order_by_text(desk, seat, text)
    if found_order is not None:
        return Named(found_order.id, symbol=found_order.symbol)
    waiting = await desk.ask(seat, seat.wire.open_triggers(None))
    found = next((fact for fact in waiting if isinstance(fact, Trigger) and fact.client_order_id == text), None)
    if found is None:
        raise NotFound("order")
    return Named(found.id, True, found.symbol)


async def _order_by_text(desk: Desk, seat: Seat, text: str) -> Order | None:
    if seat.venue.limits.ids_need_symbol:
        try:
            return await _listed(desk, seat, text)
        except NotFound:
            return None
    ask = seat.wire.order(None, None, text)
    try:
        return await _asked(desk, seat, ask, Order)
    except VenueError as error:
        if not ask.absent(error):
            raise
    return None


def _text_of(seat: Seat, said: str) -> str | None:
    try:
        return seat.venue.client_order_id(said, "")
    except BadRequest:
        return None


async def _none() -> Intent | None:
    return None
