"""Fixtures of the api's tests. Redis and the paper exchange are real processes; each test has users of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.api.running import Api, RedisProcess, StubVenue, running_api, running_redis, running_stub
from tests.api.trader import Trader, a_paper_trader, a_trader
from tests.paper.process import PaperProcess

_numbers = count(1)


@pytest.fixture(scope="session")
def api_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    with running_redis(tmp_path_factory.mktemp("redis")) as redis:
        yield redis


@pytest.fixture(scope="session")
def api_paper() -> Iterator[PaperProcess]:
    with PaperProcess.running("--no-limits") as paper:
        yield paper


@pytest.fixture
def fragile_redis(tmp_path: Path) -> Iterator[RedisProcess]:
    """One that the test may stop."""
    with running_redis(tmp_path) as redis:
        yield redis


@pytest.fixture
def user_id(request: pytest.FixtureRequest) -> str:
    return f"user-{next(_numbers)}"


@pytest.fixture
def new_keys(api_paper: PaperProcess) -> Callable[[], dict[str, str]]:
    """Makes a paper account and shows its keys."""

    def make() -> dict[str, str]:
        account = api_paper.account()
        return {"api-key": account.api_key, "api-secret": account.api_secret}

    return make


@pytest.fixture
async def api(
    api_redis: RedisProcess, api_paper: PaperProcess, new_keys: Callable[[], dict[str, str]]
) -> AsyncIterator[Api]:
    """A gateway to the paper exchange, with one account's keys."""
    async with running_api(api_redis.url, PAPER_PORT=str(api_paper.port)) as api:
        api.keys = new_keys()
        yield api


@pytest.fixture
async def venue() -> AsyncIterator[StubVenue]:
    async with running_stub() as stub:
        yield stub


@pytest.fixture
async def stub_api(api_redis: RedisProcess, venue: StubVenue) -> AsyncIterator[Api]:
    """A gateway to a venue that does as it is told."""
    async with running_api(api_redis.url, GATE_REST_URL=venue.url) as api:
        api.keys = {"api-key": f"key-{venue.port}", "api-secret": f"the-secret-of-{venue.port}"}
        yield api


@pytest.fixture
async def trader(api: Api, api_paper: PaperProcess, user_id: str) -> Trader:
    """Somebody with a token and one account at the paper exchange."""
    return await a_paper_trader(api, user_id, api_paper)


@pytest.fixture
async def stub_trader(stub_api: Api, user_id: str) -> Trader:
    """Somebody whose venue does as it is told."""
    return await a_trader(stub_api, user_id, stub_api.keys)
