"""OKX's rate limits: so many in a sliding span, by address, by account, or by account and instrument.

Callers on this machine share one address and are spared what counts by address, unless an `X-Forwarded-For` header
gives them another.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

IP, USER, USER_INSTRUMENT, USER_COIN = "ip", "user", "user+instrument", "user+coin"
TWO_S, ONE_S = 2_000, 1_000


class Limit(NamedTuple):
    """How many in how many milliseconds, and whose they are."""

    most: int
    span_ms: int = TWO_S
    whose: str = USER


ORDERS_OF_ACCOUNT = Limit(1_000)
"""New and amended orders of one account together, spot aside."""


class Limits:
    """What was used of all limits lately."""

    def __init__(self, *, is_on: bool = True) -> None:
        self.is_on = is_on
        self._used: dict[tuple[str, ...], deque[int]] = {}

    def take(self, limit: Limit, key: tuple[str, ...], now_ms: int, number: int = 1) -> bool:
        """Whether so many more may pass now."""
        if not self.is_on:
            return True
        used = self._used.setdefault(key, deque())
        while used and used[0] <= now_ms - limit.span_ms:
            used.popleft()
        if len(used) + number > limit.most:
            return False
        used.extend([now_ms] * number)
        return True

    def forget(self, now_ms: int) -> None:
        """Drop what no longer counts."""
        self._used = {key: used for key, used in self._used.items() if used and used[-1] > now_ms - TWO_S}
