"""Budgets: how often a venue may be asked, counted by all processes together.

Far from the edge a spend is *told*: it goes at once, and Redis hears of it a moment later and says what is left. Near
the edge, by this process's copy, it is *asked*: it waits for Redis, and when nothing is left it waits its turn, urgent
lanes first. So an order does not pay for being counted. The price: a process may be ahead of the count by AHEAD of a
budget or by one request, whichever is more, and by one request while it knows nothing. All together overshoot by that
times their number at most, and only when they come to the edge in the same moment.

What the venue says is left only ever lowers the count, since others may use the same key. While Redis is away each
process counts for itself, and then nothing but the venue's own refusal holds back a cancel or a close.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from bisect import insort
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from shared.clock import CLOCK, Clock
from shared.store import keys
from shared.store.connection import Redis
from shared.store.scripts import SPEND
from shared.store.wire import Line, Pipe

log = logging.getLogger("orderwire.budgets")

RESERVES = {"cancel": 0.0, "protect": 0.05, "place": 0.10, "query": 0.30}
"""What a lane leaves to those before it, as a share of the budget. Reads are what there is most of and what waits best;
a tenth is enough to close what was just opened; and a cancel never finds that a close took the last one."""
EDGE = 0.25
"""Nearer to its reserve than this share, a lane asks first."""
AHEAD = 0.10
TELL_AFTER_S = 0.01
"""Far from the edge there is time: AHEAD holds meanwhile, and whoever asks takes along what was not told yet."""
ASKED_MAX = 32
"""In one message; the others are behind them anyway."""
PATIENCE_S = 0.25
"""How long a spend waits for a Redis that hangs."""
COPIES_MIN = 4096
"""Below this many nobody looks for copies that say nothing any more."""

_RANKS = {lane: rank for rank, lane in enumerate(RESERVES)}
_NEVER_STOPPED = _RANKS["protect"]


class Rule(Protocol):
    """So many in so many seconds."""

    @property
    def name(self) -> str: ...
    @property
    def count(self) -> int: ...
    @property
    def per_s(self) -> float: ...


class Told(Protocol):
    """What the venue says is left."""

    @property
    def remaining(self) -> int: ...
    @property
    def count(self) -> int: ...
    @property
    def resets_in_s(self) -> float: ...


class Budgets:
    """One per process. `start` opens the way to Redis; before that, it counts alone."""

    def __init__(self, redis: Redis, clock: Clock = CLOCK) -> None:
        self.waited = self.refused = self.drained = 0
        self._clock = clock
        self._line = Line(redis.url, [SPEND.source])
        self._running: asyncio.Task[None] | None = None
        self._is_together = False
        self._hangs = False
        self._copies: dict[tuple[str, str], _Copy] = {}
        self._look_at = COPIES_MIN
        self._due: list[_Copy] = []
        self._is_sending = False
        self._later: asyncio.TimerHandle | None = None
        self._numbers = itertools.count()

    def __repr__(self) -> str:
        how = "together" if self._is_together else "alone"
        waiting = sum(len(copy.waiting) for copy in self._copies.values())
        return f"<Budgets {len(self._copies)} counted {how}, {waiting} waiting>"

    def start(self) -> None:
        self._running = asyncio.get_running_loop().create_task(self._line.run())

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running

    async def take(self, budget: Rule, who: str, lane: str, cost: int = 1, wait_s: float = 0.0) -> float | None:
        """None: go ahead. Else nothing was taken, nor can be within `wait_s`, and this is when to ask again."""
        copy, rank, now_s = self._copy_of(budget, who), _RANKS[lane], self._clock.monotonic_s()
        take = copy.take_alone if self._is_alone() else copy.take_far
        if copy.is_behind(rank) or not take(rank, cost, now_s):
            return await self._ask(copy, rank, cost, now_s, wait_s)
        copy.untold += cost
        self._send_later(copy)
        return None

    def learn(self, budget: Rule, who: str, told: Told) -> None:
        """The venue said what is left. Where it grants less than its rule says, the share counts."""
        count = budget.count
        remaining = told.remaining * count // max(1, min(told.count, count))
        copy, now_s = self._copy_of(budget, who), self._clock.monotonic_s()
        if now_s >= copy.known_until_s or remaining < copy.left:
            self._lower(copy, remaining, told.resets_in_s, now_s)

    def drain(self, budget: Rule, who: str, for_s: float) -> None:
        """The venue said "too many": nobody spends of it until then."""
        self.drained += 1
        copy, now_s = self._copy_of(budget, who), self._clock.monotonic_s()
        copy.drained_until_s = max(copy.drained_until_s, now_s + for_s)
        self._lower(copy, 0, for_s, now_s)

    def _lower(self, copy: _Copy, remaining: int, for_s: float, now_s: float) -> None:
        copy.left = remaining
        copy.known_until_s = max(copy.known_until_s, now_s + (for_s or copy.per_s))
        least, longest_s = copy.said or (remaining, for_s)
        copy.said = min(least, remaining), max(longest_s, for_s)
        self._send_soon(copy)

    def _copy_of(self, budget: Rule, who: str) -> _Copy:
        copy = self._copies.get((who, budget.name))
        if copy is None:
            if len(self._copies) >= self._look_at:
                self._forget()
            copy = self._copies[who, budget.name] = _Copy(keys.budget(who, budget.name), budget)
        return copy

    def _forget(self) -> None:
        now_s = self._clock.monotonic_s()
        self._copies = {name: copy for name, copy in self._copies.items() if copy.says_something(now_s)}
        self._look_at = max(COPIES_MIN, 2 * len(self._copies))

    def _is_alone(self) -> bool:
        return self._hangs or self._line.pipe is None

    # Those who wait.

    async def _ask(self, copy: _Copy, rank: int, cost: int, now_s: float, wait_s: float) -> float | None:
        waiter = _Waiter(rank, next(self._numbers), min(cost, copy.most[rank]), now_s + wait_s)
        if copy.timer is not None and copy.is_behind(rank) and waiter.until_s < copy.next_at_s:
            self.refused += 1
            return copy.next_at_s - now_s
        insort(copy.waiting, waiter, key=_turn)
        if copy.timer is None or copy.waiting[0] is waiter:
            self._ask_again(copy)
        try:
            return await waiter.answer
        finally:
            if waiter in copy.waiting:  # it was cancelled; for the next in line there may be enough
                copy.waiting.remove(waiter)
                self._ask_again(copy)

    def _decide(self, copy: _Copy, asked: list[_Waiter], going: int, next_s: float) -> None:
        """So many of those who asked may go. There is enough for the next one after `next_s`, if it can wait."""
        for waiter in asked[:going]:
            copy.answer(waiter, None)
        held = asked[going] if going < len(asked) else None
        now_s = self._clock.monotonic_s()
        if held is not None:
            self._hold(copy, held, now_s, next_s)
        copy.set_timer(None)
        if held is not None and copy.waiting and copy.waiting[0] is held:
            copy.next_at_s = now_s + next_s
            copy.set_timer(asyncio.get_running_loop().call_later(next_s, self._ask_again, copy))
        elif copy.waiting:
            self._ask_again(copy)

    def _hold(self, copy: _Copy, held: _Waiter, now_s: float, next_s: float) -> None:
        """This one, and whoever is behind it; but if it gives up, those who want less are not refused with it."""
        gives_up = held.until_s < now_s + next_s
        for waiter in list(copy.waiting):
            if _turn(waiter) < _turn(held) or (gives_up and waiter.cost < held.cost):
                continue
            if waiter.until_s < now_s + next_s:
                self.refused += 1
                copy.answer(waiter, next_s)
            elif not waiter.has_waited:
                waiter.has_waited = True
                self.waited += 1

    def _decide_alone(self, copy: _Copy) -> None:
        now_s, asked, going = self._clock.monotonic_s(), list(copy.waiting), 0
        while going < len(asked) and copy.take_alone(asked[going].rank, asked[going].cost, now_s):
            going += 1
        self._decide(copy, asked, going, max(copy.known_until_s, copy.drained_until_s) - now_s)

    def _ask_again(self, copy: _Copy) -> None:
        copy.set_timer(None)
        copy.asks = True
        self._send_soon(copy)

    # To Redis and back.

    def _send_soon(self, copy: _Copy) -> None:
        """At most one message for a budget and turn of the loop."""
        self._join(copy)
        if not self._is_sending:
            self._is_sending = True
            asyncio.get_running_loop().call_soon(self._send_due)

    def _send_later(self, copy: _Copy) -> None:
        """What was spent far from the edge: many budgets in one write, while the venues are at work."""
        self._join(copy)
        if self._later is None:
            self._later = asyncio.get_running_loop().call_later(TELL_AFTER_S, self._send_due)

    def _join(self, copy: _Copy) -> None:
        if not copy.is_due:
            copy.is_due = True
            self._due.append(copy)

    def _send_due(self) -> None:
        self._is_sending = False
        if self._later is not None:
            self._later.cancel()
            self._later = None
        due, self._due = self._due, []
        for copy in due:
            copy.is_due = False
            pipe = self._line.pipe
            if pipe is None:
                copy.untold, copy.said = 0, None
                self._go_alone("Redis is away")
            else:
                self._send(pipe, copy)
            if copy.asks and copy.asked is None and self._is_alone():
                copy.asks = False
                self._decide_alone(copy)

    def _send(self, pipe: Pipe, copy: _Copy) -> None:
        asked = None
        if copy.asks and copy.asked is None and not self._hangs:
            copy.asks, asked = False, copy.waiting[:ASKED_MAX]
            copy.asked = asked or None
        if not (asked or copy.untold or copy.said):
            return
        told, copy.untold = copy.untold, 0
        copy.unanswered += told
        remaining, for_s = copy.said or ("", 0)
        copy.said = None
        args: list[str | int] = [copy.count, round(copy.per_s * 1000), told, remaining, round(for_s * 1000)]
        for waiter in asked or ():
            args += (copy.most[waiter.rank], waiter.cost)
        if asked:
            copy.patience = asyncio.get_running_loop().call_later(PATIENCE_S, self._lose_patience, copy)
        pipe.send(("EVALSHA", SPEND.sha, 1, copy.key, *args), partial(self._hear, pipe, copy, told, asked))

    def _hear(self, pipe: Pipe, copy: _Copy, told: int, asked: list[_Waiter] | None, reply: Any) -> None:
        copy.unanswered -= told
        waits = asked is not None and copy.asked is asked  # else patience was lost with it
        if waits:
            copy.end_asking()
        if isinstance(reply, Exception):
            pipe.close()  # also a Redis that has forgotten the script: it is found again with it
            self._hangs = False
            self._go_alone(str(reply)[:200])
            if waits:
                self._decide_alone(copy)
            return
        self._hangs, self._is_together = False, True
        going, left, next_ms, back_ms = reply
        left -= copy.untold + copy.unanswered
        copy.left = left if copy.said is None else min(left, copy.said[0])
        copy.known_until_s = self._clock.monotonic_s() + back_ms / 1000
        if waits and asked is not None:
            self._decide(copy, asked, going, next_ms / 1000)

    def _lose_patience(self, copy: _Copy) -> None:
        copy.end_asking()
        self._hangs = True
        self._go_alone("Redis hangs")
        self._decide_alone(copy)

    def _go_alone(self, why: str) -> None:
        if self._is_together:
            self._is_together = False
            log.warning("the venues' budgets are counted by this process alone: %s", why)


class _Waiter:
    __slots__ = ("answer", "cost", "has_waited", "number", "rank", "until_s")

    def __init__(self, rank: int, number: int, cost: int, until_s: float) -> None:
        self.rank, self.number, self.cost, self.until_s = rank, number, cost, until_s
        self.has_waited = False
        self.answer: asyncio.Future[float | None] = asyncio.get_running_loop().create_future()


def _turn(waiter: _Waiter) -> tuple[int, int]:
    return waiter.rank, waiter.number


class _Copy:
    """What this process knows of one budget of one account or address, and who waits for it here."""

    __slots__ = (
        "_ahead_max", "_far", "asked", "asks", "count", "drained_until_s", "is_due", "key", "known_until_s", "left",
        "most", "next_at_s", "patience", "per_s", "said", "timer", "unanswered", "untold", "waiting",
    )  # fmt: skip

    def __init__(self, key: str, budget: Rule) -> None:
        self.key, self.count, self.per_s = key, budget.count, budget.per_s
        self.most = [self.count - int(self.count * share) for share in RESERVES.values()]
        """How many of it each lane may have spent with its own."""
        self._far = [self.count - most + self.count * EDGE for most in self.most]
        self._ahead_max = self.count * AHEAD
        self.left = self.count
        self.known_until_s = float("-inf")
        """By then all that is known to be spent is back, so that nothing is known any more."""
        self.drained_until_s = float("-inf")
        self.untold = self.unanswered = 0
        self.said: tuple[int, float] | None = None
        """By the venue, of how many are left and for how long; not yet told to Redis."""
        self.waiting: list[_Waiter] = []
        self.asks = self.is_due = False
        self.asked: list[_Waiter] | None = None
        self.next_at_s = float("-inf")
        self.timer: asyncio.TimerHandle | None = None
        self.patience: asyncio.TimerHandle | None = None

    def is_behind(self, rank: int) -> bool:
        """Is somebody waiting who goes before a newcomer of this rank?"""
        return bool(self.waiting) and self.waiting[0].rank <= rank

    def take_far(self, rank: int, cost: int, now_s: float) -> bool:
        """Before Redis has heard of it, while that is far from the edge."""
        ahead = self.untold + self.unanswered
        if now_s >= self.known_until_s:
            return ahead == 0
        if self.left - cost < self._far[rank] or (ahead > 0 and ahead + cost > self._ahead_max):
            return False
        self.left -= cost
        return True

    def take_alone(self, rank: int, cost: int, now_s: float) -> bool:
        """Without Redis: spans that begin with the first spend of this process."""
        if now_s >= self.known_until_s:
            self.left, self.known_until_s = self.count, now_s + self.per_s
        if self.left - cost < self.count - self.most[rank] and (rank > _NEVER_STOPPED or now_s < self.drained_until_s):
            return False
        self.left -= cost
        return True

    def says_something(self, now_s: float) -> bool:
        return now_s < self.known_until_s or bool(self.waiting or self.untold or self.unanswered or self.said)

    def answer(self, waiter: _Waiter, said: float | None) -> None:
        with suppress(ValueError):  # it was cancelled, and is not there any more
            self.waiting.remove(waiter)
        if not waiter.answer.done():
            waiter.answer.set_result(said)

    def set_timer(self, timer: asyncio.TimerHandle | None) -> None:
        if self.timer is not None:
            self.timer.cancel()
        self.timer = timer

    def end_asking(self) -> None:
        self.asked = None
        if self.patience is not None:
            self.patience.cancel()
            self.patience = None
