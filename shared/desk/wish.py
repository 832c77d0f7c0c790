"""Wish: an order that somebody wants, in our words, before anything is known of how it ends."""

from __future__ import annotations

import msgspec

from shared.exchanges.base import Guards, PlaceOrder
from shared.model import Number

ATTACHED_PRICE_TYPE = "last"
"""What an attached guard follows: a venue that attaches them takes a price and no other word."""


class Guard(msgspec.Struct, frozen=True):
    """A take-profit or a stop-loss."""

    price: Number
    price_type: str


class LeverageWish(msgspec.Struct, frozen=True):
    """None leaves it as it stands at the venue."""

    leverage: Number | None = None
    margin_mode: str | None = None


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """An order that somebody wants. `size` is positive; `side` says which way."""

    symbol: str
    side: str
    type: str
    size: Number
    price: Number | None
    time_in_force: str
    reduce_only: bool
    leverage: LeverageWish | None = None
    take_profit: Guard | None = None
    stop_loss: Guard | None = None
    client_order_id: str | None = None
    on_protection_failure: str | None = None
    iceberg: Number | None = None
    self_trade: str | None = None
    in_quote: bool = False
    """`size` is what it may cost, for a market order of a pair."""
    attach: bool = False
    """Let the venue attach the guards to the order, where it can; what it does not confirm is placed beside it."""

    @property
    def position_side(self) -> str:
        return "long" if self.side == "buy" else "short"

    @property
    def closes(self) -> str | None:
        """The side of the position that it may only reduce."""
        return {"buy": "short", "sell": "long"}[self.side] if self.reduce_only else None

    def guards(self) -> dict[str, Guard | None]:
        return {"take_profit": self.take_profit, "stop_loss": self.stop_loss}

    def attached(self) -> Guards | None:
        """What goes with the order itself."""
        if not self.attach or self.reduce_only:
            return None
        prices = {
            name: guard.price
            for name, guard in self.guards().items()
            if guard is not None and guard.price_type == ATTACHED_PRICE_TYPE
        }
        return Guards(**prices) if prices else None


def to_place(wish: Wish, client_order_id: str, margin_mode: str | None = None, hedged: bool = False) -> PlaceOrder:
    return PlaceOrder(
        symbol=wish.symbol,
        side=wish.side,
        type=wish.type,
        size=wish.size,
        price=wish.price,
        time_in_force=wish.time_in_force,
        reduce_only=wish.reduce_only,
        client_order_id=client_order_id,
        margin_mode=margin_mode,
        hedged=hedged,
        iceberg=wish.iceberg,
        in_quote=wish.in_quote,
        self_trade=wish.self_trade,
        guards=wish.attached(),
    )
