"""Orders that wait for a price, kept so that the next one due is found without looking at the others.

A trigger that ended stays in its heap until it reaches the top: being cancelled costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from heapq import heappop, heappush

from shared.paper.orders import Trigger


class TriggerQueue:
    """The waiting triggers of one contract."""

    def __init__(self) -> None:
        self._heaps: dict[tuple[str, bool], list[tuple[Decimal, int, Trigger]]] = {}

    def add(self, trigger: Trigger) -> None:
        """Let a trigger wait."""
        heap = self._heaps.setdefault((trigger.price_kind, trigger.rises), [])
        heappush(heap, (trigger.price if trigger.rises else -trigger.price, trigger.id, trigger))

    def pop_due(self, price_of: Callable[[str], Decimal]) -> Trigger | None:
        """Take out one trigger that these prices fire."""
        for (kind, rises), heap in self._heaps.items():
            price = price_of(kind)
            while heap and heap[0][2].status != "open":
                heappop(heap)
            if heap and (price >= heap[0][2].price if rises else price <= heap[0][2].price):
                return heappop(heap)[2]
        return None
