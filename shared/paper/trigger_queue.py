"""Triggers that wait for a price, kept so that the next one due is found without looking at the others.

A trigger that ended, or waits for another price now, stays in its heap until it reaches the top: neither costs
anything.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from heapq import heappop, heappush
from typing import Generic, Protocol, TypeVar


class Waiting(Protocol):
    """What may wait: for which kind of price to reach what, from below or from above."""

    @property
    def id(self) -> int: ...
    @property
    def status(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def price(self) -> Decimal: ...
    @property
    def price_kind(self) -> str: ...
    @property
    def rises(self) -> bool: ...


W = TypeVar("W", bound=Waiting)


class TriggerQueue(Generic[W]):
    """The waiting triggers of one contract."""

    def __init__(self) -> None:
        self._heaps: dict[tuple[str, bool], list[tuple[Decimal, int, int, W]]] = {}

    def add(self, trigger: W) -> None:
        """Let a trigger wait for the price that it names now."""
        heap = self._heaps.setdefault((trigger.price_kind, trigger.rises), [])
        heappush(heap, (trigger.price if trigger.rises else -trigger.price, trigger.id, trigger.version, trigger))

    def pop_due(self, price_of: Callable[[str], Decimal]) -> W | None:
        """Take out one trigger that these prices fire."""
        for (kind, rises), heap in self._heaps.items():
            while heap and (heap[0][3].status != "open" or heap[0][2] != heap[0][3].version):
                heappop(heap)
            price = price_of(kind)
            if heap and (price >= heap[0][3].price if rises else price <= heap[0][3].price):
                return heappop(heap)[3]
        return None
