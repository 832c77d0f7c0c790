"""Conditional: an order that waits for a price. How it is wished for, which way the price must go, and how it is shown.

At a venue it is a trigger, with an id and a life of its own; among a caller's orders it is shown as an order is.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from shared.desk.wish import LeverageWish
from shared.exchanges.base import PlaceTrigger
from shared.model import Number, Order, Trigger

ABOVE, BELOW = "at_or_above", "at_or_below"
RULES = {
    ("stop", "buy"): ABOVE,
    ("stop", "sell"): BELOW,
    ("take_profit", "buy"): BELOW,
    ("take_profit", "sell"): ABOVE,
}
"""A stop follows the market, a take-profit waits for a better price."""
TYPES = {(rule, side): name for (name, side), rule in RULES.items()}
CLOSES = {"sell": "long", "buy": "short"}
"""Which side's position an order of this side reduces."""
STATUSES = {"open": "open", "fired": "cancelled", "cancelled": "cancelled", "failed": "rejected", "expired": "expired"}
"""Of the order that it is shown as. One that fired has ended itself: its child is the order that trades."""


class TriggerWish(msgspec.Struct, frozen=True, kw_only=True):
    """A conditional order that somebody wants. Without an order price it takes what the market gives."""

    symbol: str
    side: str
    price: Number
    price_type: str = "last"
    rule: str | None = None
    """None: the way from the price of the moment to this one."""
    size: Number | None = None
    """None closes whatever there is; only for one that reduces."""
    order_price: Number | None = None
    reduce_only: bool = False
    expires_in_s: int | None = None
    leverage: LeverageWish | None = None
    client_order_id: str | None = None

    @property
    def closes(self) -> str | None:
        """The side of the position that it may only reduce."""
        return CLOSES[self.side] if self.reduce_only else None

    @property
    def position_side(self) -> str:
        return "long" if self.side == "buy" else "short"


def rule_of(order_type: str, side: str) -> str:
    """For `stop`, `stop_limit`, `take_profit` and `take_profit_limit`."""
    return RULES[(order_type.removesuffix("_limit"), side)]


def rule_at(price: Number, now: Number) -> str:
    """Whichever way the price has to go from here."""
    return ABOVE if Decimal(price) > Decimal(now) else BELOW


def to_place_trigger(
    wish: TriggerWish, rule: str, client_order_id: str, manner: tuple[str | None, bool] = (None, False)
) -> PlaceTrigger:
    """`manner` is the margin mode, and whether long and short are held side by side."""
    return PlaceTrigger(
        symbol=wish.symbol,
        side=wish.side,
        price=wish.price,
        rule=rule,
        price_type=wish.price_type,
        size=wish.size,
        client_order_id=client_order_id,
        closes=wish.closes,
        order_price=wish.order_price,
        expires_in_s=wish.expires_in_s,
        margin_mode=manner[0],
        hedged=manner[1],
    )


def closes(trigger: Trigger) -> str | None:
    """The side of the position that it may only reduce; None where it is an order of its own."""
    return CLOSES[trigger.side] if trigger.purpose is not None and trigger.side is not None else None


def to_order(trigger: Trigger, child: Order | None = None) -> Order:
    """As an order is shown. What its child did, when it has one that is known, stands in its place."""
    kind = TYPES.get((trigger.rule or "", trigger.side or ""), "stop")
    side = closes(trigger)
    return Order(
        id=trigger.id,
        client_order_id=trigger.client_order_id,
        user_id=trigger.user_id,
        account_id=trigger.account_id,
        venue=trigger.venue,
        environment=trigger.environment,
        symbol=trigger.symbol,
        instrument=trigger.instrument,
        side=trigger.side or "",
        position_side=side,
        type=kind if trigger.order_price is None else f"{kind}_limit",
        time_in_force="ioc" if trigger.order_price is None else "gtc",
        price=trigger.order_price,
        stop_price=trigger.price,
        size=trigger.size,
        size_unit=trigger.size_unit,
        filled=child.filled if child else "0",
        remaining=child.remaining if child else trigger.size,
        average_price=child.average_price if child else None,
        fee=child.fee if child else "0",
        status=child.status if child else STATUSES[trigger.status],
        cause=("fired" if trigger.status == "fired" else trigger.reason) if trigger.status != "open" else None,
        reduce_only=side is not None,
        origin=trigger.origin,
        parent_id=trigger.parent_id,
        created_at_ms=trigger.created_at_ms,
        updated_at_ms=child.updated_at_ms if child else trigger.updated_at_ms,
        times=trigger.times,
    )
