"""An order book: who waits at which price, best price first and, within a price, the oldest first.

A level is a dict in order of arrival, so taking the first and removing any are both cheap. `totals` is what the public
sees; what icebergs hide is counted apart. `dirty` collects the prices whose size changed, for those who publish
differences.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from decimal import Decimal

from shared.paper.orders import ZERO, Order


class Side:
    """One side of a book."""

    def __init__(self, *, is_bid: bool) -> None:
        self.is_bid = is_bid
        self.prices: list[Decimal] = []
        self.levels: dict[Decimal, dict[int, Order]] = {}
        self.totals: dict[Decimal, Decimal] = {}
        self.hidden: dict[Decimal, Decimal] = {}
        self.dirty: set[Decimal] = set()

    def add(self, order: Order) -> None:
        """Put an order at the end of its price's queue."""
        level = self.levels.get(order.price)
        if level is None:
            level = self.levels[order.price] = {}
            self.totals[order.price] = ZERO
            insort(self.prices, order.price)
        level[order.id] = order
        if order.iceberg:
            order.tranche, order.is_refilled = min(order.iceberg, abs(order.left)), False
            self._hide(order.price, abs(order.left) - order.tranche)
        self._show(order.price, order.shown)

    def remove(self, order: Order) -> None:
        """Take an order out, wherever it stands in its queue."""
        level = self.levels[order.price]
        del level[order.id]
        self._show(order.price, -order.shown)
        if order.iceberg:
            self._hide(order.price, order.tranche - abs(order.left))
        if not level:
            del self.levels[order.price], self.totals[order.price]
            del self.prices[bisect_left(self.prices, order.price)]

    def take(self, order: Order, size: Decimal) -> None:
        """Count a trade of what an order shows. An iceberg whose visible part is gone shows more and queues again."""
        self._show(order.price, -size)
        if order.iceberg:
            order.tranche -= size
            if not order.tranche and order.left:
                order.tranche, order.is_refilled = min(order.iceberg, abs(order.left)), True
                self._show(order.price, order.tranche)
                self._hide(order.price, -order.tranche)
                level = self.levels[order.price]
                level[order.id] = level.pop(order.id)

    def shrink(self, order: Order, left: Decimal) -> None:
        """Let an order keep its place with less left than before."""
        shown, unseen = order.shown, abs(order.left) - order.shown
        order.left = left
        if order.iceberg:
            order.tranche = min(order.tranche, abs(left))
            self._hide(order.price, abs(left) - order.tranche - unseen)
        self._show(order.price, order.shown - shown)

    def _show(self, price: Decimal, change: Decimal) -> None:
        self.totals[price] += change
        self.dirty.add(price)

    def _hide(self, price: Decimal, change: Decimal) -> None:
        hidden = self.hidden.get(price, ZERO) + change
        if hidden:
            self.hidden[price] = hidden
        else:
            self.hidden.pop(price, None)

    def best(self) -> Order | None:
        """The order that trades next."""
        if not self.prices:
            return None
        return next(iter(self.levels[self.best_price].values()))

    @property
    def best_price(self) -> Decimal:
        """The price that trades next; only for a side that is not empty."""
        return self.prices[-1] if self.is_bid else self.prices[0]

    def walk(self) -> Iterator[tuple[Decimal, Decimal]]:
        """Price and public size of each level, best first."""
        for price in reversed(self.prices) if self.is_bid else self.prices:
            yield price, self.totals[price]

    def is_reached_by(self, limit: Decimal, price: Decimal) -> bool:
        """Whether a taker with this limit trades at this price of ours. A limit of 0 trades at any."""
        return not limit or (price >= limit if self.is_bid else price <= limit)

    def within(self, limit: Decimal, enough: Decimal) -> Decimal:
        """How much waits at prices a taker with this limit reaches, hidden or not, counted up to `enough`."""
        found = ZERO
        for price, size in self.walk():
            if found >= enough or not self.is_reached_by(limit, price):
                break
            found += size + self.hidden.get(price, ZERO)
        return found

    def meets_group(self, group: int, limit: Decimal, enough: Decimal) -> bool:
        """Whether a taker of this size and limit would reach an order of this self-trade group."""
        found = ZERO
        for price, _ in self.walk():
            for order in self.levels[price].values():
                if found >= enough or not self.is_reached_by(limit, price):
                    return False
                if order.account.stp_group == group:
                    return True
                found += abs(order.left)
        return False


class Book:
    """Both sides."""

    def __init__(self) -> None:
        self.bids = Side(is_bid=True)
        self.asks = Side(is_bid=False)
        self.version = 1

    def side_of(self, order: Order) -> Side:
        """Where an order rests."""
        return self.bids if order.is_buy else self.asks

    def opposite(self, *, is_buy: bool) -> Side:
        """What an order of this direction trades against."""
        return self.asks if is_buy else self.bids

    def is_crossed(self) -> bool:
        """Whether it is broken: somebody bids what another asks, and nothing traded."""
        return bool(self.bids.prices and self.asks.prices and self.bids.best_price >= self.asks.best_price)
