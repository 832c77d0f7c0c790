"""Standings: whether a credential that can be revoked still stands, looked at again and again while it is in use.

A token or a key is checked against what this process knows, so that an order pays no round trip for it; what is known
is at most FRESH_S old. A credential that no longer stands ends the streams that it opened. While Redis is away a stream
goes on: only a definite answer ends it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, TypeVar

from shared.clock import CLOCK, Clock
from shared.errors import StoreUnavailable

LOOK_EVERY_S = 0.4
FRESH_S = 0.9
"""More than LOOK_EVERY_S and a slow answer; less than the second within which whatever was revoked is closed."""
IN_USE_FOR_S = 30.0
ASKED_MAX = 500
ENDED_FOR_S = 10.0
"""What has ended stays ended here for so long, whatever Redis says: by then it was told again."""

log = logging.getLogger(__name__)
V = TypeVar("V")


class Standings(Generic[V]):
    """`ask` says of many names at once what they stand for; None for those that do not stand."""

    def __init__(self, ask: Callable[[list[str]], Awaitable[list[V | None]]], clock: Clock = CLOCK) -> None:
        self._ask, self._clock = ask, clock
        self._known: dict[str, _Known[V]] = {}
        self._ended: dict[str, float] = {}
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._running = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running

    async def get(self, name: str) -> V | None:
        """What it stands for. Raises StoreUnavailable when nobody can know."""
        now_s = self._clock.monotonic_s()
        known = self._known.get(name)
        if known is None or now_s - known.at_s > FRESH_S:
            (value,) = await self._ask([name])
            self._learn(name, value, now_s)
            known = self._known.get(name)
        if known is None:
            return None
        known.used_s = now_s
        return known.value

    def revoke(self, name: str) -> None:
        """It was revoked here just now, so there is no need to look."""
        self._known.setdefault(name, _Known())
        self._end(name, self._clock.monotonic_s())

    def when_it_ends(self, name: str, act: Callable[[], None]) -> Callable[[], None]:
        """Calls `act` as soon as it no longer stands. Answers what takes that back."""
        known = self._known.setdefault(name, _Known())
        known.waiting.append(act)

        def take_back() -> None:
            with suppress(ValueError):
                known.waiting.remove(act)

        return take_back

    def _learn(self, name: str, value: V | None, asked_s: float) -> None:
        # A Redis that lost its last second does not know yet what has ended.
        if value is None or self._ended.get(name, float("-inf")) > asked_s:
            self._end(name, asked_s)
            return
        known = self._known.setdefault(name, _Known())
        if asked_s >= known.at_s:
            known.value, known.at_s = value, asked_s

    def _end(self, name: str, now_s: float) -> None:
        known = self._known.pop(name, None)
        if known is not None:
            self._ended[name] = now_s + ENDED_FOR_S
            for act in known.waiting:
                act()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self._look()
            except StoreUnavailable as error:
                log.debug("nobody knows now what was revoked: %s", error)

    async def _look(self) -> None:
        since_s = self._clock.monotonic_s() - IN_USE_FOR_S
        for name in [name for name, known in self._known.items() if known.used_s < since_s and not known.waiting]:
            del self._known[name]
        now_s, names = self._clock.monotonic_s(), list(self._known)
        self._ended = {name: until_s for name, until_s in self._ended.items() if until_s > now_s}
        for start in range(0, len(names), ASKED_MAX):  # so many that neither Redis nor this process stops for them
            some, asked_s = names[start : start + ASKED_MAX], self._clock.monotonic_s()
            for name, value in zip(some, await self._ask(some), strict=True):
                self._learn(name, value, asked_s)


class _Known(Generic[V]):
    __slots__ = ("at_s", "used_s", "value", "waiting")

    def __init__(self) -> None:
        self.value: V | None = None
        self.at_s = self.used_s = float("-inf")
        self.waiting: list[Callable[[], None]] = []
