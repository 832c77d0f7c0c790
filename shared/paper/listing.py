"""A contract as it stands now: its book, its prices, its latest trades, who holds it and what waits for its price."""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from itertools import count

from shared.paper.accounts import Position
from shared.paper.book import Book
from shared.paper.contracts import Contract
from shared.paper.orders import Traded
from shared.paper.triggers import TriggerQueue

"""Each contract counts from here, so a trade's id alone names several trades."""
TRADES_KEPT = 1000


class Listing:
    """The state of one contract."""

    def __init__(self, contract: Contract, trade_id_first: int) -> None:
        self.contract = contract
        self.book = Book()
        self.last = self.mark = self.index = contract.start_price
        self.trades: deque[Traded] = deque(maxlen=TRADES_KEPT)
        self.trade_ids = count(trade_id_first)
        self.holders: dict[Position, None] = {}
        self.triggers = TriggerQueue()

    def price(self, kind: str) -> Decimal:
        """The last, mark or index price."""
        return {"last": self.last, "mark": self.mark, "index": self.index}[kind]

    def market_bound(self, *, is_buy: bool) -> Decimal:
        """The worst price a market order takes."""
        slip = self.contract.slip_ratio
        return self.contract.to_tick(self.last * (1 + slip if is_buy else 1 - slip))
