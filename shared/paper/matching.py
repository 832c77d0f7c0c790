"""Matching: an order meets the other side of its book, and what they trade settles at once.

Every trade moves money between two accounts and what leaves them as fees; a fill is told after the position and
before the money, an order after both.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from shared.paper.accounts import Position
from shared.paper.facts import Filled, PositionChanged, PositionClosed, Traded
from shared.paper.listing import Listing
from shared.paper.orders import ZERO, Fill, Order, Stp, Tif

if TYPE_CHECKING:
    from shared.paper.engine import Engine


class Matching:
    """Lets orders trade."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def run(self, listing: Listing, order: Order, now_ms: int, *, is_amended: bool = False) -> None:
        """Trade what can be traded and rest what may rest."""
        opposite = listing.book.opposite(is_buy=order.is_buy)
        limit = order.price or listing.market_bound(is_buy=order.is_buy, slip=order.request.slip)
        rests = order.tif in (Tif.GTC, Tif.POST)
        if not is_amended:
            self._announce(order, rests=rests and opposite.within(limit, abs(order.left)) < abs(order.left))
        position = order.account.position(order.contract, order.mode)
        touched: dict[Position, None] = {}
        before, why, group = order.left, "", order.account.stp_group
        if group and order.tif is Tif.FOK and opposite.meets_group(group, limit, abs(order.left)):
            why = "stp"  # it must not trade in part
        while order.left and not why:
            maker = opposite.best()
            if maker is None or not opposite.is_reached_by(limit, maker.price):
                break
            if group and maker.account.stp_group == group:
                why = self._prevent(order, maker, now_ms)
                continue
            size = min(abs(order.left), maker.shown, self._may_trade(order, position))
            maker_position = maker.account.position(maker.contract, maker.mode)
            allowed = self._may_trade(maker, maker_position)
            if not size:
                why = "reduce_only"
            elif not allowed:
                self.engine.cancel(maker, now_ms, "reduce_only")
            else:
                self._trade(listing, order, maker, min(size, allowed), now_ms)
                touched[maker_position] = touched[position] = None
        if order.left and order.is_liquidation:
            self.engine.liquidations.hand_over(listing, order, now_ms)
            touched[position] = None
        self._conclude(listing, order, why, now_ms, rests=rests, has_traded=order.left != before)
        for each in touched:
            self.drop_reducers(each, now_ms)

    def _announce(self, order: Order, *, rests: bool) -> None:
        """Tell of an order before it trades, when something of it will wait."""
        if rests:
            self.engine.tell_order(order, "_new")

    def _conclude(
        self, listing: Listing, order: Order, why: str, now_ms: int, *, rests: bool, has_traded: bool
    ) -> None:
        if not order.left:
            self.engine.finish(order, "filled", now_ms)
        elif why or not rests:
            self.engine.finish(order, why or ("liquidated" if order.is_liquidation else order.tif.value), now_ms)
        else:
            listing.book.side_of(order).add(order)
            order.account.open_orders[order.id] = order
            if has_traded:
                self.engine.tell_order(order, "_update")

    def _prevent(self, order: Order, maker: Order, now_ms: int) -> str:
        """Two orders of one group never trade: what the taker asked for says which of them goes."""
        act = order.request.stp or Stp.NEWEST
        if act is not Stp.NEWEST:
            self.engine.cancel(maker, now_ms, "stp")
        return "" if act is Stp.OLDEST else "stp"

    def _may_trade(self, order: Order, position: Position) -> Decimal:
        """How much of a reduce-only order still reduces."""
        if not order.reduce_only:
            return abs(order.left)
        return ZERO if position.is_opened_by(order.left) else min(abs(order.left), abs(position.size))

    def _trade(self, listing: Listing, taker: Order, maker: Order, size: Decimal, now_ms: int) -> None:
        side, is_refilled = listing.book.side_of(maker), maker.is_refilled
        traded = self.exchange(listing, taker, maker, size, maker.price, now_ms, is_hidden=is_refilled)
        side.take(maker, size)
        if maker.left:
            self.engine.tell_order(maker, "_update")
        else:
            side.remove(maker)
            self.engine.finish(maker, "filled", now_ms)
        self.engine.tell(traded)

    def exchange(
        self, listing: Listing, taker: Order, maker: Order, size: Decimal, price: Decimal, now_ms: int,
        *, is_hidden: bool = False,
    ) -> Traded:  # fmt: skip
        """Let two orders trade at a price; what an iceberg had hidden pays the taker's fee."""
        listing.last = price
        signed = size if taker.is_buy else -size
        traded = Traded(listing.contract, next(listing.trade_ids), signed, price, now_ms)
        listing.trades.append(traded)
        contract = listing.contract
        self._fill(listing, taker, signed, traded, "taker", contract.taker_rate)
        rate = contract.taker_rate if is_hidden else contract.maker_rate
        self._fill(listing, maker, -signed, traded, "maker", rate)
        return traded

    def _fill(self, listing: Listing, order: Order, size: Decimal, traded: Traded, role: str, rate: Decimal) -> None:
        contract, account = listing.contract, order.account
        position = account.position(contract, order.mode)
        value = abs(contract.value(size, traded.price))
        fee = ZERO if account.is_house else value * rate
        held = position.size
        closing = ZERO if position.is_opened_by(size) else min(abs(size), abs(held))
        pnl = position.apply(size, traded.price)
        order.left -= size
        order.filled_value += value
        order.fee += fee
        order.pnl += pnl
        order.role, order.updated_ms = role, traded.time_ms
        self.engine.fees += fee
        if account.is_house:
            account.balance += pnl
            return
        closing = closing if size > 0 else -closing
        fill = Fill(traded.id, order, size, closing, traded.price, role, fee, traded.time_ms)
        order.fills.append(fill)
        account.fills.append(fill)
        self._count_position(listing, position, held, fill, pnl)
        self.engine.tell(PositionChanged(position, traded.time_ms))
        self.engine.tell(Filled(fill))
        where = f"{contract.name}:{order.id}"
        self.engine.pay(account, pnl, "pnl", where, traded.time_ms, traded.id)
        self.engine.pay(account, -fee, "fee", where, traded.time_ms, traded.id)

    def _count_position(self, listing: Listing, position: Position, held: Decimal, fill: Fill, pnl: Decimal) -> None:
        """Keep a position's own history right when it opens, closes or turns round."""
        position.update_id += 1
        position.updated_ms = fill.time_ms
        position.pnl += pnl
        position.fees += fill.fee
        if position.size:
            listing.holders[position] = None
        else:
            listing.holders.pop(position, None)
        if not held:
            position.start_again(fill.time_ms)
            position.pnl, position.fees = pnl, fill.fee
        elif position.size and (held > 0) == (position.size > 0):
            position.count(fill.size, fill.price)
            position.size_max = max(position.size_max, abs(position.size))
        else:
            position.count(fill.close_size, fill.price)
            self._close(position, held, fill)

    def _close(self, position: Position, held: Decimal, fill: Fill) -> None:
        position.last_close_pnl = position.realised_pnl
        position.history_pnl += position.realised_pnl
        side = "long" if held > 0 else "short"
        self.engine.tell(PositionClosed(position, side, position.realised_pnl, fill.order.text, fill.time_ms))
        position.start_again(fill.time_ms)
        self.engine.triggers.drop_guards(position, fill.time_ms)

    def drop_reducers(self, position: Position, now_ms: int) -> None:
        """A position that is gone takes the orders with it that could only reduce it."""
        for order in position.account.open_for(position.contract, position.mode):
            if order.reduce_only and not self._may_trade(order, position):
                self.engine.cancel(order, now_ms, "reduce_only" if position.size else "position_closed")
