"""Wishes: what a caller of the trading routes said, in the words of the desk, with sizes in contracts.

Sizes and prices are checked against the instrument here, before anything is written; what is wrong is told by the names
that the caller used.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from api.gateway import Gateway
from api.reading import refused
from api.requests import Guard
from api.requests_trading import NewOrder, NewTrigger, Sized
from shared.desk import Seat
from shared.desk.conditional import TriggerWish, rule_of
from shared.desk.mode import is_pair
from shared.desk.wish import Guard as GuardWish
from shared.desk.wish import LeverageWish, Wish
from shared.errors import BadRequest
from shared.model import Number, Order


async def to_wish(gateway: Gateway, seat: Seat, wanted: NewOrder) -> Wish:
    """A market or limit order."""
    symbol, price = symbol_of(seat, wanted.symbol), wanted.price if wanted.is_limit else None
    in_quote = is_for_quote(seat, symbol, wanted)
    size = wanted.quote_quantity if in_quote else await to_size(gateway, seat, symbol, wanted, price)
    assert size is not None
    if not in_quote:
        await gateway.instruments.check(seat.venue.name, symbol, size, price, wanted.leverage)
    for name, guard in (("take_profit", wanted.take_profit), ("stop_loss", wanted.stop_loss)):
        await _check_guard(gateway, seat, symbol, name, guard)
    return Wish(
        symbol=symbol,
        side=wanted.side,
        type=wanted.type,
        size=size,
        price=price,
        time_in_force=wanted.time_in_force or ("gtc" if wanted.is_limit else "ioc"),
        reduce_only=wanted.reduce_only,
        leverage=_leverage(wanted),
        take_profit=_guard(wanted.take_profit),
        stop_loss=_guard(wanted.stop_loss),
        client_order_id=wanted.client_order_id,
        on_protection_failure=wanted.on_protection_failure,
        iceberg=await _iceberg(gateway, seat, symbol, wanted, price, size),
        self_trade=wanted.self_trade,
        in_quote=in_quote,
        attach=seat.venue.limits.attaches_guards if wanted.attach is None else wanted.attach,
    )


async def to_trigger_wish(gateway: Gateway, seat: Seat, wanted: NewOrder | NewTrigger) -> TriggerWish:
    symbol, price = symbol_of(seat, wanted.symbol), wanted.price
    size = await to_size(gateway, seat, symbol, wanted, price)
    await gateway.instruments.check_waiting(seat.venue.name, symbol, size, price, wanted.stop_price)
    rule = rule_of(wanted.type, wanted.side) if wanted.type is not None else None
    return TriggerWish(
        symbol=symbol,
        side=wanted.side,
        price=wanted.stop_price or "",
        price_type=wanted.price_type,
        rule=rule or (wanted.rule if isinstance(wanted, NewTrigger) else None),
        size=size,
        order_price=price,
        reduce_only=wanted.reduce_only,
        expires_in_s=wanted.expires_in_s if isinstance(wanted, NewTrigger) else None,
        leverage=_leverage(wanted),
        client_order_id=wanted.client_order_id,
    )


async def check_change(gateway: Gateway, seat: Seat, order: Order, size: Number | None, price: Number | None) -> None:
    """Raises BadRequest for what is to change; what stays was taken by the venue already."""
    try:
        await gateway.instruments.check(seat.venue.name, order.symbol, size or order.size, price or order.price)
    except BadRequest as wrong:
        stays = {name for name, value in (("size", size), ("price", price)) if value is None}
        lines = tuple(line for line in wrong.fields if line[0] not in stays)
        if lines:
            raise refused(lines) from None


def is_for_quote(seat: Seat, symbol: str, wanted: NewOrder) -> bool:
    """Whether coins are to be taken for so much of the other coin, at whatever price there is."""
    return wanted.quote_quantity is not None and wanted.type == "market" and is_pair(seat.venue, symbol)


def symbol_of(seat: Seat, name: str) -> str:
    """The venue's own name."""
    return seat.venue.symbol(name)


async def to_size(gateway: Gateway, seat: Seat, symbol: str, wanted: Sized, price: Number | None) -> Number | None:
    """In contracts."""
    if wanted.amount is None:
        return None
    _, amount, unit = wanted.amount
    return await gateway.instruments.size_of(seat.venue.name, symbol, amount, unit, price)


async def _check_guard(gateway: Gateway, seat: Seat, symbol: str, name: str, guard: Guard | None) -> None:
    """Beforehand, since a guard that is refused later leaves an order without it."""
    if guard is None or not guard.enabled:
        return
    try:
        await gateway.instruments.check_waiting(seat.venue.name, symbol, None, None, str(guard.price))
    except BadRequest as wrong:
        raise in_words_of(wrong, {"price": name}) from None


async def _iceberg(
    gateway: Gateway, seat: Seat, symbol: str, wanted: NewOrder, price: Number | None, whole: Number
) -> Number | None:
    if wanted.iceberg is None:
        return None
    venue, unit = seat.venue.name, wanted.quantity_unit
    try:
        size = await gateway.instruments.size_of(venue, symbol, wanted.iceberg, unit, price)
        await gateway.instruments.check(venue, symbol, size, price)
        if Decimal(size) > Decimal(whole):
            raise BadRequest("size must not be more than the order", (("size", "must not be more than the order"),))
        return size
    except BadRequest as wrong:
        raise in_words_of(wrong, {"size": "iceberg"}) from None


def _leverage(wanted: NewOrder | NewTrigger) -> LeverageWish | None:
    if wanted.leverage is None and wanted.margin_mode is None:
        return None
    return LeverageWish(wanted.leverage, wanted.margin_mode)


def _guard(said: Guard | None) -> GuardWish | None:
    return GuardWish(str(said.price), said.price_type) if said is not None and said.enabled else None


# The names that callers use.


ORDER_NAMES = {"contract": "symbol", "size": "quantity"}
TRIGGER_NAMES = ORDER_NAMES | {"price": "stop_price", "order_price": "price"}


def names_of(wanted: Sized, *, is_trigger: bool = False) -> dict[str, str]:
    """What the desk and the venues call a field, and what this caller called it."""
    names = TRIGGER_NAMES if is_trigger else ORDER_NAMES
    return names if wanted.amount is None else names | {"size": wanted.amount[0]}


def in_words_of(wrong: BadRequest, names: Mapping[str, str]) -> BadRequest:
    """The same refusal by other names of its fields."""
    if not wrong.fields:
        return wrong
    return refused(tuple((names.get(field, field), message) for field, message in wrong.fields))
