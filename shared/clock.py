"""Time, behind one small object, so that tests can hold it.

`now_ms` is the wall clock and is for facts that people and venues see. `monotonic_s` never jumps and is for every
deadline: a lease must not outlive itself because somebody set the machine's clock.
"""

from __future__ import annotations

import time


class Clock:
    """The machine's own clocks."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def now_s(self) -> float:
        return time.time()

    def monotonic_s(self) -> float:
        return time.monotonic()


class HeldClock(Clock):
    """A clock that moves only when told to."""

    def __init__(self, at_ms: int = 1_700_000_000_000) -> None:
        self.at_ms = at_ms

    def now_ms(self) -> int:
        return self.at_ms

    def now_s(self) -> float:
        return self.at_ms / 1000

    def monotonic_s(self) -> float:
        return self.at_ms / 1000

    def advance(self, seconds: float) -> None:
        self.at_ms += round(seconds * 1000)


CLOCK = Clock()
