"""What OKX remembers of each account beside the engine: what a fill made and saw, and the numbers of its rows."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from itertools import count
from typing import NamedTuple

from shared.paper.accounts import Account, Position
from shared.paper.facts import Fact, Filled
from shared.paper.listing import Listing
from shared.paper.okx.instruments import is_spot
from shared.paper.orders import ZERO, Fill, Order

BILL_ID_FIRST, POSITION_ID_FIRST, TRANSFER_ID_FIRST = 680_800_019_754_098_688, 1_752_810_569_801_498_626, 754_147


class FillNote(NamedTuple):
    """What is told of a fill beside itself."""

    bill_id: int
    pnl: Decimal
    mark_price: Decimal
    index_price: Decimal


class Transfer(NamedTuple):
    """Money that went between the funding and the trading account."""

    id: str
    account: Account
    coin: str
    amount: Decimal
    source: str
    target: str
    client_id: str
    at_ms: int


class Ledger:
    """Fills by their notes, positions by their ids."""

    def __init__(self, listings: dict[str, Listing], born_s: int) -> None:
        self.listings = listings
        self.notes: dict[Fill, FillNote] = {}
        self.by_bill: dict[Account, list[Fill]] = defaultdict(list)
        """Oldest first; ids of bills only grow."""
        self.transfers: dict[str, Transfer] = {}
        self._bills = count(BILL_ID_FIRST + born_s * 100_000)
        self._positions = count(POSITION_ID_FIRST + born_s * 1_000)
        self._transfers = count(TRANSFER_ID_FIRST + born_s)
        self._pnl: dict[Order, Decimal] = {}
        self._position_ids: dict[Position, str] = {}
        self._last_trades: dict[tuple[Account, str, str], int] = {}

    def on_fact(self, fact: Fact) -> None:
        """Write down what will be asked for."""
        if not isinstance(fact, Filled):
            return
        fill, order = fact.fill, fact.fill.order
        listing = self.listings[order.contract.name]
        pnl = order.pnl - self._pnl.get(order, ZERO)
        if order.left:
            self._pnl[order] = order.pnl
        else:
            self._pnl.pop(order, None)
        self.notes[fill] = FillNote(next(self._bills), pnl, listing.mark, listing.index)
        self.by_bill[order.account].append(fill)
        if not is_spot(order.contract):
            self._last_trades[order.account, order.contract.name, order.mode] = fill.id

    def position_id(self, position: Position) -> str:
        """A position's id, which it keeps when it is closed and opened again."""
        found = self._position_ids.get(position)
        if found is None:
            found = self._position_ids[position] = str(next(self._positions))
        return found

    def last_trade(self, position: Position) -> str:
        """The last trade that touched a position."""
        found = self._last_trades.get((position.account, position.contract.name, position.mode))
        return str(found) if found else ""

    def next_transfer_id(self) -> str:
        """Transfers have an id space of their own."""
        return str(next(self._transfers))
