"""What Gate remembers of each account beside the engine: money that moved, positions that ended, and how."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from decimal import Decimal
from itertools import count
from typing import Any, NamedTuple

from shared.paper.accounts import Account
from shared.paper.facts import BalanceChanged, Deleveraged, Fact, Liquidated, PositionClosed
from shared.paper.gate.forms import Row
from shared.paper.gate.position_rows import closed_row

KEPT = 1000


class Movement(NamedTuple):
    """A movement of money with its number, and the balance after it."""

    number: int
    fact: BalanceChanged
    balance: Decimal


class Ledger:
    """Histories, oldest first, each to its last thousand entries."""

    def __init__(self, venue: str) -> None:
        self.venue = venue
        self._numbers = count(1)
        self._books: dict[Account, deque[Movement]] = defaultdict(_history)
        self._closed: dict[Account, deque[Row]] = defaultdict(_history)
        self._liquidated: dict[Account, deque[Liquidated]] = defaultdict(_history)
        self._deleveraged: dict[Account, deque[tuple[Deleveraged, Decimal]]] = defaultdict(_history)

    def on_fact(self, fact: Fact) -> None:
        """Write down what will be asked for."""
        if isinstance(fact, BalanceChanged) and fact.account.venue == self.venue:
            self._books[fact.account].append(Movement(next(self._numbers), fact, fact.account.balance))
        elif isinstance(fact, PositionClosed) and fact.position.account.venue == self.venue:
            self._closed[fact.position.account].append(closed_row(fact))
        elif isinstance(fact, Liquidated) and fact.order.account.venue == self.venue:
            self._liquidated[fact.order.account].append(fact)
        elif isinstance(fact, Deleveraged) and fact.position.account.venue == self.venue:
            self._deleveraged[fact.position.account].append((fact, fact.position.size))

    def book(self, account: Account) -> Sequence[Movement]:
        """The movements of an account's money."""
        return self._books[account]

    def closed(self, account: Account) -> Sequence[Row]:
        """An account's closed positions."""
        return self._closed[account]

    def liquidated(self, account: Account) -> Sequence[Liquidated]:
        """What was taken away from an account."""
        return self._liquidated[account]

    def deleveraged(self, account: Account) -> Sequence[tuple[Deleveraged, Decimal]]:
        """What was reduced for others, each with the size that was left."""
        return self._deleveraged[account]


def _history() -> deque[Any]:
    return deque(maxlen=KEPT)
