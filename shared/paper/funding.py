"""Funding: at each interval those on the crowded side of a contract pay those on the other.

A positive rate lets longs pay. What accounts pay and get, the house gets and pays, so no money is made.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from shared.paper.facts import PositionChanged
from shared.paper.listing import Listing
from shared.paper.orders import ZERO

if TYPE_CHECKING:
    from shared.paper.engine import Engine


class Funding:
    """Charges each contract once an interval."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._turns: dict[str, int] = {}

    def run(self, now_ms: int) -> None:
        """Charge what an interval's end has made due; the first call only learns which interval it is."""
        for name, listing in self.engine.listings.items():
            if not listing.contract.is_funded:
                continue
            turn = now_ms // 1000 // listing.contract.funding_interval_s
            if turn > self._turns.setdefault(name, turn):
                self._turns[name] = turn
                self.charge(listing, listing.funding_rate, now_ms)

    def charge(self, listing: Listing, rate: Decimal, now_ms: int) -> None:
        """Let every holder pay, or be paid, by this rate."""
        contract, moved = listing.contract, ZERO
        listing.funded.append((now_ms // 1000, rate))
        for position in list(listing.holders):
            change = -round(contract.value(position.size, listing.mark) * rate, 12)
            moved += change
            position.funding += change
            position.update_id += 1
            position.updated_ms = now_ms
            self.engine.pay(position.account, change, "fund", contract.name, now_ms)
            self.engine.tell(PositionChanged(position, now_ms))
        self._settle_with_house(-moved)

    def _settle_with_house(self, change: Decimal) -> None:
        house = self.engine.house
        if house is None:
            self.engine.insurance += change
        else:
            house.balance += change
