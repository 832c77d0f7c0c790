"""Every order leaves at the leverage that it was placed with: whichever process, whoever changed it before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from tests.api.running import Api, RedisProcess, StubVenue, running_api
from tests.facts import a_position

LEVERAGE = "futures/usdt/positions/BTC_USDT/leverage"
POSITION = "futures/usdt/positions/BTC_USDT"


class Margins:
    """A venue with one leverage for its one contract, and what stood when each order came."""

    def __init__(self, venue: StubVenue) -> None:
        self.stands, self.reads = "10", 0
        self.wanted_and_stood: list[tuple[str, str]] = []
        self._book = venue.book
        venue.answers["GET", POSITION] = self.read
        venue.answers["POST", LEVERAGE] = self.write
        venue.answers["POST", "futures/usdt/orders"] = self.book

    def _row(self) -> web.Response:
        return web.json_response(
            {"contract": "BTC_USDT", "size": "0", "leverage": self.stands, "mode": "single", "update_time": 1}
        )

    async def read(self, request: web.Request) -> web.StreamResponse:
        self.reads += 1
        return self._row()

    async def write(self, request: web.Request) -> web.StreamResponse:
        self.stands = request.query["leverage"]
        return self._row()

    async def book(self, request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.005)  # so that others could come between, if they were let
        said = await request.json()
        self.wanted_and_stood.append((said["text"].removeprefix("t-x").partition("-")[0], self.stands))
        return await self._book(request)


@pytest.fixture
def margins(venue: StubVenue) -> Margins:
    return Margins(venue)


@pytest.fixture
async def other_api(api_redis: RedisProcess, venue: StubVenue, stub_api: Api) -> AsyncIterator[Api]:
    """Another process behind the same balancer."""
    async with running_api(api_redis.url, GATE_REST_URL=venue.url) as api:
        api.keys = stub_api.keys
        yield api


async def placed(api: Api, user_id: str, leverage: int, name: str = "1") -> Any:
    told = await api.place(user_id, leverage=leverage, client_order_id=f"x{leverage}-{name}")
    assert told.status == 200, told.body
    return told


async def test_what_another_process_changed_is_seen(
    stub_api: Api, other_api: Api, margins: Margins, user_id: str
) -> None:
    """An order for 10x must not open a position at 100x because this process remembers the old day."""
    await placed(stub_api, user_id, 10, "a")
    await placed(other_api, user_id, 100, "b")
    await placed(stub_api, user_id, 10, "c")
    await placed(other_api, user_id, 100, "d")

    assert margins.wanted_and_stood == [("10", "10"), ("100", "100"), ("10", "10"), ("100", "100")]


async def test_orders_that_overlap_do_not_change_each_others(stub_api: Api, margins: Margins, user_id: str) -> None:
    await placed(stub_api, user_id, 10, "first")
    wanted = [10, 50, 10, 50, 25, 10, 50, 25, 10, 50, 10, 10]

    await asyncio.gather(*(placed(stub_api, user_id, leverage, str(n)) for n, leverage in enumerate(wanted)))

    assert len(margins.wanted_and_stood) == len(wanted) + 1
    assert [pair for pair in margins.wanted_and_stood if pair[0] != pair[1]] == []


async def test_a_position_that_shows_another_leverage_is_believed(
    stub_api: Api, margins: Margins, user_id: str
) -> None:
    """Somebody changed it at the venue's own page: the session tells the position, and the next order looks again."""
    await placed(stub_api, user_id, 10, "a")
    margins.stands = "33"
    (account,) = await stub_api.gateway.store.accounts.of_user(user_id)
    shown = a_position(user_id=user_id, account_id=account.account_id, leverage="33", margin_mode="isolated")
    await stub_api.gateway.store.events.record([shown], user_id)

    await placed(stub_api, user_id, 10, "b")

    assert margins.wanted_and_stood[-1] == ("10", "10")


async def test_a_burst_reads_once(stub_api: Api, margins: Margins, user_id: str) -> None:
    """The venue allows questions less often than orders."""
    for number in range(5):
        await placed(stub_api, user_id, 10, str(number))

    assert margins.reads <= 2
