"""Budgets: what several processes spend of a venue's budget is one sum, and urgent things come first."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from shared.store import keys
from shared.store.budgets import AHEAD, RESERVES, Budgets
from shared.store.connection import Redis

WHO = "somebody"


@dataclass(frozen=True)
class Rule:
    name: str = "places"
    count: int = 100
    per_s: float = 60
    """Long enough for a test to see nothing given back."""


@dataclass(frozen=True)
class Left:
    remaining: int
    count: int = 100
    resets_in_s: float = 0


PLACES = Rule()
FINE = Rule("fine", per_s=4)
"""Given back in steps of a fifth of a second."""
QUICK = Rule("quick", count=20, per_s=0.4)


@asynccontextmanager
async def running(url: str) -> AsyncIterator[Budgets]:
    redis = Redis(url, 256)
    budgets = Budgets(redis)
    budgets.start()
    try:
        yield budgets
    finally:
        await budgets.stop()
        await redis.close()


@pytest.fixture
async def two(redis_url: str) -> AsyncIterator[tuple[Budgets, Budgets]]:
    """What two processes have: nothing in common but Redis."""
    async with running(redis_url) as one, running(redis_url) as other:
        await together(one, other)
        yield one, other


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    redis = Redis(redis_url, 256)
    yield redis
    await redis.close()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await condition():
            await asyncio.sleep(0.002)


async def together(*many: Budgets) -> None:
    """Until each is answered by Redis, about a budget that nothing else here is about."""
    for budgets in many:

        async def is_together(budgets: Budgets = budgets) -> bool:
            await budgets.take(Rule("nothing", count=100_000), WHO, "cancel")
            return "together" in repr(budgets)

        await until(is_together)


async def spend_all(budgets: Budgets, lane: str, rule: Rule = PLACES, cost: int = 1) -> int:
    """How many go before one is refused."""
    count = 0
    while await budgets.take(rule, WHO, lane, cost) is None:
        count += 1
        assert count < 10_000
    return count


async def test_two_processes_spend_one_budget(two: tuple[Budgets, Budgets]) -> None:
    """A venue counts the account, and neither knows nor cares how many processes ask for it."""
    one, other = two
    gone, refused = 0, 0
    while refused < 2:
        refused = 0
        for budgets in two:
            if await budgets.take(PLACES, WHO, "place") is None:
                gone += 1
            else:
                refused += 1

    assert gone == 90
    assert await one.take(PLACES, "somebody else", "place") is None
    assert await other.take(Rule("another"), WHO, "place") is None


async def test_each_lane_leaves_something_to_those_before_it(two: tuple[Budgets, Budgets]) -> None:
    """When reads have used up what they may, orders still go; then closes; and a cancel to the last."""
    one, other = two

    assert [await spend_all(*turn) for turn in ((one, "query"), (other, "place"), (one, "protect"))] == [70, 20, 5]
    assert await spend_all(other, "cancel") == 5


async def test_a_batch_counts_as_many_times_as_it_has_orders(two: tuple[Budgets, Budgets]) -> None:
    one, other = two

    assert await spend_all(one, "place", cost=7) == 12
    assert await spend_all(other, "place") == 90 - 12 * 7


async def test_processes_at_once_overshoot_by_what_they_may_be_ahead(two: tuple[Budgets, Budgets]) -> None:
    """A hundred spends come in one moment to a budget of forty that is nearly half spent."""
    rule = Rule(count=40)
    for budgets in two:
        assert [await budgets.take(rule, WHO, "cancel") for _ in range(8)] == [None] * 8

    said = await asyncio.gather(*(budgets.take(rule, WHO, "cancel") for budgets in two for _ in range(50)))
    gone = 16 + said.count(None)

    assert 40 <= gone <= 40 + 2 * 40 * AHEAD
    assert all(0 < wait_s <= 64 for wait_s in said if wait_s is not None)


async def test_far_from_the_edge_nobody_waits_for_redis(two: tuple[Budgets, Budgets]) -> None:
    """An order does not pay a round trip for being counted: the spend is done before anything else could run."""
    one, _ = two
    for _ in range(5):
        spending = one.take(PLACES, WHO, "place")
        with pytest.raises(StopIteration) as done:
            spending.send(None)
        assert done.value.value is None

        async def is_known() -> bool:
            return one._copies[WHO, "places"].unanswered + one._copies[WHO, "places"].untold == 0

        await until(is_known)


async def test_who_knows_nothing_is_ahead_by_one_request_only(two: tuple[Budgets, Budgets]) -> None:
    """The budget may be spent, or drained: a burst of orders must not find that out at the venue."""
    one, other = two
    await spend_all(one, "cancel")

    said = await asyncio.gather(*(other.take(PLACES, WHO, "cancel") for _ in range(30)))
    assert said.count(None) == 1


async def test_what_was_spent_is_given_back_and_its_key_ends(two: tuple[Budgets, Budgets], redis: Redis) -> None:
    """Nobody has to tidy up, and whoever waits goes as soon as there is something."""
    one, other = two
    assert await spend_all(one, "cancel", QUICK) == 20
    began_s = asyncio.get_running_loop().time()
    assert await other.take(QUICK, WHO, "query") is None  # it knows nothing yet, and now it does
    assert await other.take(QUICK, WHO, "query", wait_s=5) is None

    assert asyncio.get_running_loop().time() - began_s >= 0.2
    assert other.waited == 1
    key = keys.budget(WHO, QUICK.name)
    assert 0 < await redis("PTTL", key) <= 421

    async def is_gone() -> bool:
        return not await redis("EXISTS", key)

    await until(is_gone)


async def test_what_was_spent_first_is_given_back_first(two: tuple[Budgets, Budgets], redis: Redis) -> None:
    """There is no moment in which all of it comes back: the venue's own span may begin anywhere."""
    one, other = two
    key = keys.budget(WHO, QUICK.name)

    async def is_half_over() -> bool:
        return bool(0 < await redis("PTTL", key) <= 200)

    assert await one.take(QUICK, WHO, "cancel", 10) is None
    await until(is_half_over)
    assert await one.take(QUICK, WHO, "cancel", 10) is None
    half, whole = [await one.take(QUICK, WHO, "cancel", cost) for cost in (10, 20)]
    await until(is_half_over)

    assert half is not None and whole is not None and 0 < half < whole
    assert await spend_all(other, "cancel", QUICK) >= 10
    assert other.waited == 0


async def test_a_batch_that_waits_is_not_overtaken_by_small_ones(two: tuple[Budgets, Budgets]) -> None:
    """There would be enough for each of them, for ever, and never for the batch."""
    one, _ = two
    assert await one.take(QUICK, WHO, "cancel", 8) is None
    batch = asyncio.ensure_future(one.take(QUICK, WHO, "place", 12, wait_s=5))

    async def does_wait() -> bool:
        return one.waited == 1

    await until(does_wait)
    async with asyncio.timeout(0.2):
        assert await one.take(QUICK, WHO, "place") is not None
        assert await one.take(QUICK, WHO, "protect") is None
    assert await batch is None


async def test_who_waits_is_served_in_the_order_of_lanes_then_of_coming(two: tuple[Budgets, Budgets]) -> None:
    """A cancel that has to wait goes before the reads that came first."""
    one, _ = two
    await spend_all(one, "cancel", QUICK)
    served: list[str] = []

    async def wait(lane: str, name: str) -> None:
        assert await one.take(QUICK, WHO, lane, wait_s=5) is None
        served.append(name)

    lanes = ["query", "place", "query", "protect", "cancel", "place"]
    await asyncio.gather(*(wait(lane, f"{lane} {number}") for number, lane in enumerate(lanes)))
    assert served == ["cancel 4", "protect 3", "place 1", "place 5", "query 0", "query 2"]


async def test_a_cancel_does_not_wait_behind_reads(two: tuple[Budgets, Budgets]) -> None:
    """The reads have used up what they may, and some of them wait; what is left is there for a cancel at once."""
    one, _ = two
    await spend_all(one, "query")
    reads = [asyncio.ensure_future(one.take(PLACES, WHO, "query", wait_s=90)) for _ in range(40)]

    async def do_wait() -> bool:
        return one.waited == 40

    await until(do_wait)
    async with asyncio.timeout(1):
        cancels = (one.take(PLACES, WHO, "cancel") for _ in range(30))
        assert await asyncio.gather(*cancels) == [None] * 30
    assert not any(read.done() for read in reads)
    assert ", 40 waiting" in repr(one)
    for read in reads:
        read.cancel()
    await asyncio.gather(*reads, return_exceptions=True)
    assert ", 0 waiting" in repr(one)


async def test_who_would_wait_too_long_hears_it_at_once(two: tuple[Budgets, Budgets]) -> None:
    """And when to ask again. A small request behind a big one that gave up is not refused with it."""
    one, _ = two
    await spend_all(one, "place")
    refused = one.refused
    async with asyncio.timeout(1):
        said = await asyncio.gather(*(one.take(PLACES, WHO, lane, 9, wait_s=1) for lane in ("cancel", "place")))

    assert said[0] is None and said[1] is not None and 50 < said[1] <= 63
    assert one.refused == refused + 1
    async with asyncio.timeout(1):
        patient, hasty = (
            asyncio.ensure_future(one.take(PLACES, WHO, "cancel", 9, wait_s=wait_s)) for wait_s in (90, 0)
        )
        assert await hasty is not None and not patient.done()
        patient.cancel()
        big, small = await asyncio.gather(*(one.take(PLACES, WHO, "cancel", cost) for cost in (9, 1)))
    assert big is not None and small is None


async def test_who_leaves_the_line_holds_up_nobody_behind(two: tuple[Budgets, Budgets]) -> None:
    """Its caller's deadline has passed, and for the next one there is enough."""
    one, _ = two
    await spend_all(one, "place")
    big, small = (asyncio.ensure_future(one.take(PLACES, WHO, "cancel", cost, wait_s=90)) for cost in (11, 5))

    async def do_wait() -> bool:
        return one.waited == 2

    await until(do_wait)
    big.cancel()
    assert await asyncio.wait_for(small, 1) is None


async def test_too_many_is_heard_by_all_until_it_is_over(two: tuple[Budgets, Budgets]) -> None:
    """One process was told 429; another that had just spent, and knew of plenty, holds back too."""
    one, other = two
    for budgets in two:
        assert await budgets.take(FINE, WHO, "cancel") is None
    one.drain(FINE, WHO, 0.5)

    async def is_refused() -> bool:
        return await other.take(FINE, WHO, "cancel") is not None

    assert await one.take(FINE, WHO, "cancel") is not None
    await until(is_refused)
    assert await other.take(FINE, WHO, "cancel", wait_s=5) is None
    assert await one.take(FINE, WHO, "cancel", wait_s=5) is None
    assert one.drained == 1 and await one.take(FINE, "somebody else", "cancel") is None


async def test_being_drained_for_longer_than_a_budget_lasts_is_not_forgotten(two: tuple[Budgets, Budgets]) -> None:
    """Else everybody would try once in every span: a retry loop."""
    one, _ = two
    rule = Rule(per_s=0.05)
    await one.take(rule, WHO, "cancel")
    one.drain(rule, WHO, 1.0)
    ends_s = asyncio.get_running_loop().time() + 1.0
    while await one.take(rule, WHO, "cancel") is not None:
        await asyncio.sleep(0.12)  # longer than a span: by then a process knows nothing more of what was spent

    assert asyncio.get_running_loop().time() >= ends_s - 0.05


async def test_what_the_venue_says_is_left_counts_for_all(two: tuple[Budgets, Budgets]) -> None:
    """Other programs use the same key. It only ever lowers: an answer may be older than what was spent since."""
    one, other = two
    assert await one.take(PLACES, WHO, "place") is None
    one.learn(PLACES, WHO, Left(20))
    one.learn(PLACES, WHO, Left(60))

    assert await spend_all(one, "place") == 10
    assert await other.take(PLACES, WHO, "place") is None
    assert await other.take(PLACES, WHO, "place") is not None
    assert await spend_all(one, "cancel") == 9


async def test_a_venue_that_grants_less_than_its_rule_is_believed(two: tuple[Budgets, Budgets]) -> None:
    """Accounts that trade too little for their orders get a tenth: then 3 of 10 left is 30 of 100."""
    one, _ = two
    one.learn(PLACES, WHO, Left(3, count=10))

    assert await spend_all(one, "place") == 20


async def test_what_is_left_until_a_reset_is_whole_again_after_it(two: tuple[Budgets, Budgets]) -> None:
    one, other = two
    one.learn(FINE, WHO, Left(0, resets_in_s=0.3))

    assert await one.take(FINE, WHO, "cancel") is not None
    assert await one.take(FINE, WHO, "cancel", wait_s=5) is None
    assert await spend_all(other, "cancel", FINE) == 99


async def test_without_redis_a_process_counts_alone_and_stops_no_cancel_or_close(
    free_port: Callable[[], int], caplog: pytest.LogCaptureFixture
) -> None:
    """Better to be told 429 by the venue than to hold a position that cannot be left."""
    async with running(f"redis://127.0.0.1:{free_port()}/0") as alone:
        assert await spend_all(alone, "query", Rule(per_s=60)) == 70
        assert await spend_all(alone, "place", Rule(per_s=60)) == 20
        assert [await alone.take(PLACES, WHO, lane) for lane in ("cancel", "protect") for _ in range(60)] == [
            None
        ] * 120
        assert await alone.take(PLACES, WHO, "query") is not None

        alone.drain(PLACES, "drained", 0.3)
        assert await alone.take(PLACES, "drained", "cancel") is not None
        assert await alone.take(PLACES, "drained", "cancel", wait_s=5) is None
        assert "alone" in repr(alone)

        assert await spend_all(alone, "place", QUICK) == 18
        assert await alone.take(QUICK, WHO, "place", wait_s=5) is None


async def test_a_redis_that_hangs_holds_up_nobody_for_long(
    two: tuple[Budgets, Budgets], redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """Said once, and over as soon as it answers again."""
    one, _ = two
    await spend_all(one, "place")
    await redis("CLIENT", "PAUSE", 1500, "ALL")
    with caplog.at_level(logging.WARNING):
        async with asyncio.timeout(1):
            assert [await one.take(PLACES, WHO, "cancel") for _ in range(50)] == [None] * 50
            assert await one.take(PLACES, WHO, "query") is not None
    assert [record.message for record in caplog.records if record.name == "orderwire.budgets"] == [
        "the venues' budgets are counted by this process alone: Redis hangs"
    ]

    await together(one)
    assert await one.take(PLACES, WHO, "place") is not None


@pytest.mark.parametrize("losing", [("CLIENT", "KILL", "TYPE", "normal"), ("SCRIPT", "FLUSH")])
async def test_a_connection_or_a_script_that_is_lost_is_found_again(
    two: tuple[Budgets, Budgets], redis: Redis, losing: tuple[str, ...]
) -> None:
    one, other = two
    await redis(*losing)
    for _ in range(5):
        assert await one.take(PLACES, WHO, "cancel") is None

    await together(one, other)
    assert await spend_all(one, "cancel") + await spend_all(other, "cancel") <= 101


async def test_nobody_is_forgotten_in_line_and_no_span_has_too_many(two: tuple[Budgets, Budgets], redis: Redis) -> None:
    """Hundreds come at any time, some leave, Redis is lost in between: each hears in time, and most of it is used."""
    dice = random.Random(7)
    loop, gone = asyncio.get_running_loop(), list[float]()

    async def come(budgets: Budgets) -> None:
        await asyncio.sleep(dice.uniform(0, 2))
        began_s, wait_s, cost = loop.time(), dice.choice((0, 0.1, 0.5)), dice.choice((1, 1, 1, 4))
        if await budgets.take(QUICK, WHO, dice.choice(list(RESERVES)), cost, wait_s) is None:
            gone.extend([loop.time()] * cost)
        assert loop.time() - began_s < wait_s + 0.5

    coming = [asyncio.ensure_future(come(dice.choice(two))) for _ in range(300)]
    for task in coming[::10]:
        loop.call_later(dice.uniform(0, 2), task.cancel)
    await asyncio.sleep(1.2)
    together_s = list(gone)
    await redis("SCRIPT", "FLUSH")
    ended = await asyncio.wait_for(asyncio.gather(*coming, return_exceptions=True), 10)

    assert {type(error) for error in ended if error is not None} <= {asyncio.CancelledError}
    assert all(", 0 waiting" in repr(budgets) for budgets in two)
    most = QUICK.count + 2 * 4  # each process may be ahead by one request
    assert len(together_s) >= 2 * QUICK.count
    assert all(later_s - at_s > 0.38 for at_s, later_s in zip(together_s, together_s[most:], strict=False))


async def test_copies_of_budgets_that_nobody_spends_are_forgotten(
    two: tuple[Budgets, Budgets], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that lives for months sees many accounts."""
    one, _ = two
    one._look_at = 3
    monkeypatch.setattr("shared.store.budgets.COPIES_MIN", 3)
    for number in range(12):
        who = f"account {number}"
        assert await one.take(Rule(per_s=0.01), who, "place") is None

        async def is_old(who: str = who) -> bool:
            copy = one._copies.get((who, "places"))
            return copy is None or not copy.says_something(asyncio.get_running_loop().time())

        await until(is_old)

    assert len(one._copies) <= 4


async def test_a_budget_has_the_declared_key_and_a_lifetime(two: tuple[Budgets, Budgets], redis: Redis) -> None:
    one, _ = two
    await spend_all(one, "cancel")
    one.drain(PLACES, WHO, 300)

    async def is_drained() -> bool:
        return bool(await redis("PTTL", keys.budget(WHO, "places")) > 299_000)

    await until(is_drained)
    assert keys.budget("WHO", "NAME") in keys.KEYS
    assert all([await redis("PTTL", key) > 0 for key in await redis("KEYS", "*budget*")])
