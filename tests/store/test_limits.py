"""Limits of our own: judged without waiting, counted together, and never in the way while Redis is away."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from shared.clock import HeldClock
from shared.settings import Settings
from shared.store import keys
from shared.store.connection import Redis
from shared.store.limits import Limits
from tests.api.running import running_redis, until

SPAN_S = 10.0
AT_A_SPANS_BEGIN_MS = 1_700_000_000_000


@pytest.fixture
async def new_limits(redis_url: str) -> AsyncIterator[Callable[..., Limits]]:
    """Makes processes that count together, with one clock that moves when told to."""
    clock, made = HeldClock(AT_A_SPANS_BEGIN_MS), []

    def make(limit: int = 10, url: str = redis_url) -> Limits:
        limits = Limits(Redis(url, 256), {"user": (limit, SPAN_S), "key": (0, 1.0)}, clock)
        limits.start()
        made.append(limits)
        return limits

    yield make
    for limits in made:
        await limits.stop()


def clock_of(limits: Limits) -> HeldClock:
    clock = limits._clock
    assert isinstance(clock, HeldClock)
    return clock


def count(limits: Limits, times: int, who: str = "alice") -> int:
    """How many of so many requests may go on."""
    verdicts = [limits.count("user", who) for _ in range(times)]
    return sum(verdict is not None and not verdict.wait_s for verdict in verdicts)


async def test_so_many_may_ask_and_no_more(new_limits: Callable[..., Limits]) -> None:
    """And each is told what is left, and when to come back."""
    limits = new_limits()
    first = limits.count("user", "alice")
    assert first is not None and (first.limit, first.remaining, first.wait_s) == (10, 9, 0)
    assert count(limits, 20) == 9
    held = limits.count("user", "alice")
    assert held is not None and held.remaining == 0 and 0 < held.wait_s <= 2 * SPAN_S
    assert count(limits, 20, who="bob") == 10


async def test_what_has_no_limit_is_not_counted(new_limits: Callable[..., Limits]) -> None:
    limits = new_limits()
    assert limits.count("key", "k") is None and limits.count("address", "a") is None


@pytest.mark.parametrize("burst", [10, 6])
async def test_who_waits_as_long_as_told_may_go_on(new_limits: Callable[..., Limits], burst: int) -> None:
    """And not much sooner; the time is told rightly whether this span is full or the one before still weighs."""
    limits = new_limits()
    clock = clock_of(limits)
    count(limits, burst)
    clock.advance(SPAN_S)
    while (verdict := limits.count("user", "alice")) is not None and not verdict.wait_s:
        pass
    assert verdict is not None
    clock.advance(verdict.wait_s * 0.9)
    assert count(limits, 1) == 0
    clock.advance(verdict.wait_s * 0.1 + 0.002)
    assert count(limits, 1) == 1


async def test_no_span_lets_through_twice_as_many(new_limits: Callable[..., Limits]) -> None:
    """A burst at the end of one and another at the beginning of the next."""
    limits = new_limits(100)
    clock = clock_of(limits)
    clock.advance(SPAN_S * 0.95)
    assert count(limits, 200) == 100
    clock.advance(SPAN_S * 0.1)
    assert count(limits, 200) <= 6
    clock.advance(SPAN_S * 2)
    assert count(limits, 200) == 100


async def test_processes_count_together(new_limits: Callable[..., Limits]) -> None:
    """What one has counted, the others know a moment later; who is new to a process is asked after at once."""
    one, other = new_limits(100), new_limits(100)
    await until(has_way(one, other), "both have a way to Redis")
    assert count(one, 60) == 60

    async def is_known() -> bool:
        verdict = other.count("user", "alice")
        return verdict is not None and verdict.remaining < 40

    await until(is_known, "the other one knows")
    assert count(one, 200) + count(other, 200) <= 2 * 40

    async def both_refuse() -> bool:
        return count(one, 1) + count(other, 1) == 0

    await until(both_refuse, "both refuse")


async def test_while_redis_is_away_each_counts_alone(new_limits: Callable[..., Limits], tmp_path: Path) -> None:
    with running_redis(tmp_path) as redis:
        limits = new_limits(10, redis.url)
        await until(has_way(limits), "it has a way to Redis")
        assert count(limits, 5) == 5
        redis.stop()

        async def is_away() -> bool:
            return limits._line.pipe is None

        await until(is_away, "it is noticed that Redis is away")
        assert count(limits, 20) == 5


async def test_a_verdict_costs_a_moment(new_limits: Callable[..., Limits]) -> None:
    """An order pays no round trip for it."""
    limits = new_limits(1_000_000)
    begun_s = time.perf_counter()
    count(limits, 10_000)
    assert time.perf_counter() - begun_s < 1


async def test_nothing_stays_in_redis(new_limits: Callable[..., Limits]) -> None:
    limits = new_limits()
    await until(has_way(limits), "it has a way to Redis")
    count(limits, 3)
    name = keys.limit("user", "alice", int(AT_A_SPANS_BEGIN_MS / 1000 / SPAN_S))
    redis = limits_redis(limits)

    async def is_told() -> bool:
        return bool(await redis("GET", name) == b"3")

    await until(is_told, "it is told")
    assert 0 < (await redis.every([("PTTL", name)]))[0] <= 2 * SPAN_S * 1000 + 1000
    await redis.close()


async def test_copies_that_say_nothing_any_more_are_forgotten(new_limits: Callable[..., Limits]) -> None:
    """Else every address that ever asked would stay."""
    limits = new_limits()
    limits._look_at = 100
    for number in range(100):
        count(limits, 1, who=f"user-{number}")
    clock_of(limits).advance(3 * SPAN_S)
    count(limits, 1, who="newcomer")
    assert len(limits._copies) == 1


def limits_redis(limits: Limits) -> Redis:
    return Redis(limits._line._url, 256)


def has_way(*limits: Limits) -> Callable[[], Awaitable[bool]]:
    async def has() -> bool:
        return all(each._line.pipe is not None for each in limits)

    return has


def test_limits_are_said_in_one_setting() -> None:
    """What is not said stays as it is by default."""
    said = Settings.from_env({"LIMITS": "user:5/60,key:off"}).limits
    assert said["user"] == (5, 60.0) and said["key"][0] == 0 and said["address"][0] > 10_000
