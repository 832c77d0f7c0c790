"""Gate's rate limits: one token bucket for each account and group, as its 2026 manual lists them.

Public limits are per address. Callers on this machine share one and are spared them, unless an `X-Forwarded-For` header
gives them another.
"""

from __future__ import annotations

from dataclasses import dataclass

PLACE, CANCEL, OTHER, PUBLIC, SOCKET = "place", "cancel", "other", "public", "socket"
BUCKETS: dict[str, tuple[int, int]] = {
    PLACE: (100, 1_000),
    CANCEL: (200, 1_000),
    OTHER: (200, 10_000),
    PUBLIC: (200, 10_000),
    SOCKET: (100, 1_000),
}
"""How many requests in how many milliseconds. Orders placed, amended and cancelled over the trading API count apart."""


@dataclass(slots=True)
class Bucket:
    """What is left of one allowance; it refills evenly."""

    size: int
    span_ms: int
    left: float
    at_ms: int

    def take(self, tokens: int, now_ms: int) -> bool:
        """Use some of it; false when there is not enough."""
        self.left = min(self.size, self.left + max(0, now_ms - self.at_ms) * self.size / self.span_ms)
        self.at_ms = now_ms
        if self.left < tokens:
            return False
        self.left -= tokens
        return True

    def reset_ms(self, now_ms: int) -> int:
        """When the next request may come; now, while some are left."""
        return now_ms if self.left >= 1 else int(now_ms + (1 - self.left) * self.span_ms / self.size) + 1

    def to_headers(self, now_ms: int) -> dict[str, str]:
        """The reply headers that tell a client how it stands; the reset is in whole seconds, and now while some are
        left."""
        reset_s = now_ms // 1000 if self.left >= 1 else -(-self.reset_ms(now_ms) // 1000)
        return {
            "X-Gate-RateLimit-Requests-Remain": str(int(self.left)),
            "X-Gate-RateLimit-Limit": str(self.size),
            "X-Gate-RateLimit-Reset-Timestamp": str(reset_s),
        }

    def to_frame_header(self, now_ms: int) -> dict[str, int]:
        """The same in a frame of the trading API, in milliseconds and with the venue's own misspelling."""
        return {
            "x_gate_ratelimit_requests_remain": int(self.left),
            "x_gate_ratelimit_limit": self.size,
            "x_gat_ratelimit_reset_timestamp": self.reset_ms(now_ms),
        }

    def drained(self, now_ms: int) -> Bucket:
        """What it looks like when nothing is left, for a refusal that did not come of it."""
        return Bucket(self.size, self.span_ms, 0.0, now_ms)


class Limits:
    """All buckets, made when first used and forgotten when they are full again."""

    def __init__(self, *, is_on: bool = True) -> None:
        self.is_on = is_on
        self._buckets: dict[tuple[str, str, str], Bucket] = {}

    def take(self, who: str, group: str, endpoint: str, tokens: int, now_ms: int) -> tuple[bool, Bucket]:
        """Whether this request may pass, and the bucket that says so."""
        key = (who, group, endpoint if group in (OTHER, PUBLIC) else "")
        size, span_ms = BUCKETS[group]
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(size, span_ms, size, now_ms)
        return bucket.take(tokens, now_ms) or not self.is_on, bucket

    def forget(self, now_ms: int) -> None:
        """Drop the buckets that would be full by now."""
        self._buckets = {k: b for k, b in self._buckets.items() if now_ms - b.at_ms < b.span_ms}
