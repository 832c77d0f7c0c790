"""How often a worker opens sockets: the venue's rule, shared by all workers, and not the paper exchange's."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from shared.clock import CLOCK
from shared.exchanges import registry
from shared.exchanges.base import Budget, Lane
from shared.exchanges.rest import counted
from shared.settings import Settings
from shared.store import Store
from shared.store.leases import Lease
from shared.store.sessions import Wish
from workers import session as session_module
from workers.session import House, Session

CONNECTS = Budget("connects", 4, 0.4, by_account=False)


class Told:
    def __init__(self) -> None:
        self.reasons: list[str | None] = []

    def record(self, shard: int, fence: int, facts: list[Any], *_: object) -> None:
        self.reasons += [fact.reason for fact in facts]


@pytest.fixture
async def store(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Store]:
    """With a venue that lets four sockets be opened in a moment."""
    venue = registry.venue("gate")
    monkeypatch.setattr(type(venue), "limits", dataclasses.replace(venue.limits, connects=CONNECTS))
    store = Store(Settings.from_env({"REDIS_URL": redis_url}))
    store.budgets.start()
    async with asyncio.timeout(10):
        while "together" not in repr(store.budgets):
            await store.budgets.take(Budget("nothing", 1000, 1), "nobody", Lane.QUERY)
            await asyncio.sleep(0.002)
    yield store
    await store.close()


def a_session(store: Store, environment: str = "testnet", told: Told | None = None) -> Session:
    house = House(
        "w-1", Settings.from_env({}), store, cast(Any, told or Told()), cast(Any, None), cast(Any, None), CLOCK,
        asyncio.Semaphore(1), lambda _worker: None, lambda *_: None,
    )  # fmt: skip
    return Session(Wish("alice", "gate-1", "gate", environment), 3, house, Lease(3, 2))


@pytest.mark.parametrize("line_s", [0, 1])
async def test_sockets_are_opened_no_faster_than_the_venue_allows(
    store: Store, monkeypatch: pytest.MonkeyPatch, line_s: float
) -> None:
    """Whoever comes too soon stands in line, or comes again a little later; in the end all come through."""
    monkeypatch.setattr(session_module, "CONNECT_WAIT_S", line_s)
    passed_s: list[float] = []

    async def connect() -> None:
        await a_session(store)._may_connect()
        passed_s.append(asyncio.get_running_loop().time())

    await asyncio.gather(*(connect() for _ in range(12)))

    assert len(passed_s) == 12
    assert all(later_s - at_s >= 0.39 for at_s, later_s in zip(passed_s, passed_s[5:], strict=False))


async def test_who_stands_in_line_says_so_and_holds_up_nobody(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few sessions may open or read at once; one that only waits for its socket must not take such a place."""
    monkeypatch.setattr(session_module, "CONNECT_WAIT_S", 0)
    told = Told()
    session = a_session(store, told=told)
    who = counted(CONNECTS, session._endpoints.ws_url, None)
    store.budgets.drain(CONNECTS, who, 30)
    running = asyncio.ensure_future(session.run())
    async with asyncio.timeout(10):
        while "too many sockets were opened just now" not in told.reasons:
            await asyncio.sleep(0.002)

    assert not session.house.opening.locked()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_paper_exchange_may_be_connected_to_at_any_time(store: Store) -> None:
    """It is ours, and a house full of sessions should come up at once."""
    for _ in range(100):
        await a_session(store, "paper")._may_connect()

    assert not await store.redis("KEYS", "*budget:connects")
