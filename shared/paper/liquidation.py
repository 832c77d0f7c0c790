"""Liquidation: a position that cannot be held is closed by the exchange, through the book and then by deleveraging.

What the book cannot take is closed against those who hold the other side, the most profitable first, at the mark
price, and at last against the house. What an owner cannot pay comes out of the insurance fund.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from shared.paper.accounts import SINGLE, Position
from shared.paper.facts import Deleveraged, Liquidated, RiskLimitReduced
from shared.paper.listing import Listing
from shared.paper.orders import ZERO, Order, OrderRequest, Refusal, Tif

if TYPE_CHECKING:
    from shared.paper.engine import Engine

RANKS = 5
NO_RANK = 6


class Liquidations:
    """Takes away what can no longer be held."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def run(self, listing: Listing, now_ms: int) -> None:
        """Take over every position of a contract whose margin is gone."""
        marks = self.engine.marks()
        for position in list(listing.holders):
            if position.size and self.is_sunk(position, marks):
                self.take_over(position, now_ms)

    def is_sunk(self, position: Position, marks: dict[str, Decimal]) -> bool:
        """Whether what stands behind a position no longer covers its maintenance."""
        mark = marks[position.contract.name]
        if not position.is_cross:
            return position.margin + position.unrealised(mark) <= position.maintenance_margin(mark)
        account = position.account
        equity = account.balance - account.isolated_margin() + account.unrealised(marks, cross_only=True)
        held = (p for p in account.holdings() if p.is_cross)
        return equity <= sum((p.maintenance_margin(marks[p.contract.name]) for p in held), ZERO)

    def take_over(self, position: Position, now_ms: int) -> None:
        """Cancel what its owner still wants in this contract, close the position and tell how it went."""
        account, listing = position.account, self.engine.listings[position.contract.name]
        for order in account.open_for(position.contract):
            self.engine.cancel(order, now_ms, "liquidated")
        wallet = account.balance - account.isolated_margin()
        before = (
            position.size, position.leverage, position.is_cross, position.margin, position.entry_price,
            position.liquidation_price(wallet), listing.mark, now_ms,
        )  # fmt: skip
        placed = self.engine.place(account, self.closing_request(position), now_ms)
        if isinstance(placed, Refusal):
            return
        fact = Liquidated(placed, *before)
        listing.liquidated.append(fact)
        self.engine.tell(fact)
        if account.balance < 0 and not any(account.holdings()):
            self.engine.insurance += account.balance
            self.engine.pay(account, -account.balance, "bonus_offset", "-", now_ms)

    def closing_request(self, position: Position) -> OrderRequest:
        """The order that takes a position away."""
        is_dual, side = position.mode != SINGLE, "close_long" if position.size > 0 else "close_short"
        return OrderRequest(
            position.contract.name, ZERO, tif=Tif.IOC, text="liquidation", close=not is_dual,
            close_side=side if is_dual else "", is_liquidation=True,
        )  # fmt: skip

    # ---- deleveraging

    def hand_over(self, listing: Listing, order: Order, now_ms: int) -> None:
        """Close what the book could not take against those who gain by it, and the rest against the house."""
        for position in self._queue(listing, is_long=not order.is_buy):
            if not order.left:
                return
            if position.account is not order.account:
                self._reduce(listing, position, order, min(abs(order.left), abs(position.size)), now_ms)
        house = self.engine.house
        if order.left and house is not None:
            counter = self._system_order(listing, house.position(listing.contract, SINGLE), -order.left, now_ms)
            self.engine.matching.exchange(listing, order, counter, abs(order.left), listing.mark, now_ms)

    def deleverage(self, position: Position, size: Decimal, now_ms: int) -> Order | None:
        """Reduce a position at the mark price, as if another's liquidation had needed it; the order that did it."""
        house, listing = self.engine.house, self.engine.listings[position.contract.name]
        if house is None or not position.size:
            return None
        taken = min(size, abs(position.size))
        signed = taken if position.size > 0 else -taken
        taker = self._system_order(listing, house.position(listing.contract, SINGLE), signed, now_ms)
        return self._reduce(listing, position, taker, taken, now_ms)

    def _reduce(self, listing: Listing, position: Position, taker: Order, size: Decimal, now_ms: int) -> Order:
        entry, signed = position.entry_price, -size if position.size > 0 else size
        order = self._system_order(listing, position, signed, now_ms)
        self.engine.matching.exchange(listing, taker, order, size, listing.mark, now_ms)
        self.engine.finish(order, "auto_deleveraged", now_ms)
        self.engine.tell(Deleveraged(position, order, entry, size, now_ms))
        self.engine.matching.drop_reducers(position, now_ms)
        return order

    def _system_order(self, listing: Listing, position: Position, size: Decimal, now_ms: int) -> Order:
        request = OrderRequest(listing.contract.name, size, tif=Tif.IOC, text="auto_deleveraging")
        return self.engine.new_order(position, request, size, now_ms, reduce_only=False)

    def _queue(self, listing: Listing, *, is_long: bool) -> list[Position]:
        """Who holds the other side of a long or a short that is taken away, first in line first."""
        others = [p for p in listing.holders if p.size and (p.size > 0) != is_long]
        return sorted(others, key=lambda p: _standing(p, listing.mark), reverse=True)

    def rank(self, position: Position) -> int:
        """Its place in the queue: 1 is the first fifth to be deleveraged, 6 is a position that holds nothing."""
        if not position.size:
            return NO_RANK
        listing = self.engine.listings[position.contract.name]
        if listing.ranks is None:
            listing.ranks = {
                each: place * RANKS // len(queue) + 1
                for queue in (self._queue(listing, is_long=True), self._queue(listing, is_long=False))
                for place, each in enumerate(queue)
            }
        return listing.ranks.get(position, RANKS)

    # ---- risk limits

    def reduce_risk_limit(self, position: Position, limit: Decimal, now_ms: int) -> None:
        """Lower what may be held, and cancel the newest orders that would go beyond it."""
        position.risk_limit_set = limit
        account, cancelled = position.account, 0
        mark = self.engine.listings[position.contract.name].mark
        for order in reversed(account.open_for(position.contract, position.mode)):
            if not order.reduce_only and account.exposure(position, mark, is_buy=order.is_buy) > limit:
                self.engine.cancel(order, now_ms)
                cancelled += 1
        position.update_id += 1
        self.engine.tell(RiskLimitReduced(position, cancelled, now_ms))


def _standing(position: Position, mark: Decimal) -> Decimal:
    """What deleveraging goes by: profit in proportion to cost, times leverage; losers come last."""
    share = position.unrealised(mark) / abs(position.cost) if position.cost else ZERO
    return share * position.leverage if share > 0 else share / position.leverage
