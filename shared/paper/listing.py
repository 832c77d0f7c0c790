"""A contract as it stands now: its book, its prices, its latest trades, who holds it and what waits for its price."""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING

from shared.paper.accounts import Position
from shared.paper.book import Book
from shared.paper.contracts import Contract
from shared.paper.facts import Traded
from shared.paper.trigger_queue import TriggerQueue

if TYPE_CHECKING:
    from shared.paper.facts import Liquidated
    from shared.paper.triggers import Trigger

TRADES_KEPT = 1000
FUNDING_RATE_USUAL = Decimal("0.0001")


class Listing:
    """The state of one contract."""

    def __init__(self, contract: Contract, trade_id_first: int) -> None:
        """Each contract counts its trades from the same number, so a trade's id alone names several trades."""
        self.contract = contract
        self.book = Book()
        self.last = self.mark = self.index = contract.start_price
        self.pinned: dict[str, Decimal] = {}
        """Mark and index, when they were put somewhere and do not follow the market."""
        self.trades: deque[Traded] = deque(maxlen=TRADES_KEPT)
        self.trade_ids = count(trade_id_first)
        self.holders: dict[Position, None] = {}
        self.triggers: TriggerQueue[Trigger] = TriggerQueue()
        self.funding_rate = FUNDING_RATE_USUAL
        self.funded: deque[tuple[int, Decimal]] = deque(maxlen=TRADES_KEPT)
        """When funding was charged, in seconds, and at which rate."""
        self.liquidated: deque[Liquidated] = deque(maxlen=TRADES_KEPT)
        self.ranks: dict[Position, int] | None = None
        """Who is deleveraged before whom; none while it has to be worked out again."""

    def price(self, kind: str) -> Decimal:
        """The last, mark or index price."""
        return {"last": self.last, "mark": self.mark, "index": self.index}[kind]

    def move(self, price: Decimal) -> None:
        """The last price is this now; mark and index follow unless they are pinned."""
        self.last, self.mark, self.index = price, self.pinned.get("mark", price), self.pinned.get("index", price)
        self.ranks = None

    def market_bound(self, *, is_buy: bool, slip: Decimal | None = None) -> Decimal:
        """The worst price a market order takes."""
        slip = self.contract.slip_ratio if slip is None else slip
        return self.contract.to_tick(self.last * (1 + slip if is_buy else 1 - slip))
