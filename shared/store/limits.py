"""Limits: how often an address, a user or a key may ask us, counted by all processes together.

A request is judged by this process's own copy and never waits for Redis: what was counted here is told a few times a
second, and the others' counts come back with the answer. The price: between two tellings each process knows nothing of
the others, so that together they may let through what the others took in that time. While Redis is away each process
counts alone. The span slides: what was counted in the last one counts for as much of it as still lies within.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from shared.clock import CLOCK, Clock
from shared.store import keys
from shared.store.connection import Redis
from shared.store.scripts import COUNT
from shared.store.wire import Line

TELL_EVERY_S = 0.25
COPIES_MIN = 10_000
"""Below this many nobody looks for copies that say nothing any more."""
COPIES_MAX = 200_000


class Verdict(NamedTuple):
    """What is left, and in how many seconds the span ends. `wait_s` is 0 for a request that may go on."""

    kind: str
    limit: int
    remaining: int
    resets_in_s: float
    wait_s: float = 0.0


class Limits:
    """One per process. `rules` says for each kind how many in how many seconds; 0 for no limit."""

    def __init__(self, redis: Redis, rules: Mapping[str, tuple[int, float]], clock: Clock = CLOCK) -> None:
        self.refused = 0
        self._clock = clock
        self._rules = {kind: rule for kind, rule in rules.items() if rule[0]}
        self._line = Line(redis.url, [COUNT.source])
        self._running: asyncio.Task[None] | None = None
        self._copies: dict[tuple[str, str], _Copy] = {}
        self._untold: list[_Copy] = []
        self._timer: asyncio.TimerHandle | None = None
        self._look_at = COPIES_MIN

    def start(self) -> None:
        self._running = asyncio.get_running_loop().create_task(self._line.run())

    async def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running

    def count(self, kind: str, who: str) -> Verdict | None:
        """One more request; it counts unless it is refused. None where nothing is limited."""
        rule = self._rules.get(kind)
        if rule is None:
            return None
        limit, span_s = rule
        now_s = self._clock.now_s()
        number = int(now_s / span_s)
        copy = self._copies.get((kind, who))
        if copy is None:
            copy = self._add(kind, who, number)
        elif copy.number != number:
            copy.turn(number)
        past = now_s / span_s - number
        before, here = copy.before, copy.told + copy.untold
        used = before * (1 - past) + here
        if used + 1 > limit:
            self.refused += 1
            return Verdict(kind, limit, 0, (1 - past) * span_s, _wait(limit, before, here, past) * span_s)
        copy.untold += 1
        if not copy.is_due:
            self._tell_soon(copy)
        return Verdict(kind, limit, int(limit - used) - 1, (1 - past) * span_s)

    def _add(self, kind: str, who: str, number: int) -> _Copy:
        if len(self._copies) >= self._look_at:
            self._forget()
        copy = self._copies[kind, who] = _Copy(kind, who, number)
        return copy

    def _forget(self) -> None:
        now_s = self._clock.now_s()
        self._copies = {
            name: copy for name, copy in self._copies.items() if copy.number >= int(now_s / self._rules[name[0]][1]) - 1
        }
        while len(self._copies) > COPIES_MAX:  # so many addresses at once are an attack: the oldest go
            del self._copies[next(iter(self._copies))]
        self._look_at = max(COPIES_MIN, 2 * len(self._copies))

    # To Redis and back.

    def _tell_soon(self, copy: _Copy) -> None:
        """Of somebody new at once, since others may know more; else with all that were counted in this while."""
        copy.is_due = True
        self._untold.append(copy)
        if self._timer is None:
            wait_s = 0.0 if copy.is_new else TELL_EVERY_S
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._tell)

    def _tell(self) -> None:
        self._timer = None
        copies, self._untold = self._untold, []
        pipe = self._line.pipe
        for copy in copies:
            copy.is_due = False
            told, copy.untold = copy.untold, 0
            copy.told += told
            if pipe is None:
                continue
            copy.is_new = False
            ttl_ms = round(2 * self._rules[copy.kind][1] * 1000) + 1000
            now, before = (keys.limit(copy.kind, copy.who, number) for number in (copy.number, copy.number - 1))
            pipe.send(("EVALSHA", COUNT.sha, 2, now, before, told, ttl_ms), partial(self._hear, copy, copy.number))

    def _hear(self, copy: _Copy, number: int, reply: Any) -> None:
        if isinstance(reply, Exception):
            if self._line.pipe is not None:
                self._line.pipe.close()  # also a Redis that has forgotten the script: it is found again with it
            return
        if copy.number == number:
            copy.told, copy.before = max(copy.told, reply[0]), max(copy.before, reply[1])


class _Copy:
    """What this process knows of one address, user or key in this span and the one before."""

    __slots__ = ("before", "is_due", "is_new", "kind", "number", "told", "untold", "who")

    def __init__(self, kind: str, who: str, number: int) -> None:
        self.kind, self.who, self.number = kind, who, number
        self.before = self.told = self.untold = 0
        self.is_due, self.is_new = False, True

    def turn(self, number: int) -> None:
        """Another span begins. What was not told of the old one is not told any more."""
        self.before = self.told + self.untold if number == self.number + 1 else 0
        self.number, self.told, self.untold = number, 0, 0


def _wait(limit: int, before: int, here: int, past: float) -> float:
    """In how many spans one more fits."""
    if here + 1 <= limit and before > 0:
        return max(0.001, 1 - (limit - here - 1) / before - past)
    return 1 - past + max(0.001, 1 - (limit - 1) / max(1, here))
