"""Several sockets as one session's: ready when all are, lost when one is."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve

from shared.clock import CLOCK
from shared.errors import KeyRefused
from shared.exchanges.base import Endpoints, Subscription, Venue, Wire
from shared.exchanges.sockets import Sockets
from shared.model import Credentials
from tests.exchanges.test_socket import LIMITS, PlainWire, Taker, say

KEYS = Credentials("key", "secret")


class TwoLines(PlainWire):
    """Logs in on each socket, then wants `a` on the first and `b` on the second."""

    def login(self, credentials: Credentials, at_s: float) -> Subscription | None:
        return Subscription("a", b'{"login":1}')

    def subscriptions(self, credentials: Credentials, at_s: float, line: int = 0) -> list[Subscription]:
        return [Subscription("ab"[line], b'{"want":%d}' % line)]


class Plain:
    limits = LIMITS

    def connect_headers(self) -> dict[str, str]:
        return {}


class House:
    """Two addresses of one venue. What a line answers to its subscription is set by the test."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, Any]] = []
        self.answers = ["ack", "ack b"]
        self.connections: dict[int, ServerConnection] = {}
        self.ended: list[int] = []

    async def serve(self, connection: ServerConnection, line: int) -> None:
        self.connections[line] = connection
        self.heard.append((line, json.loads(await connection.recv())))
        await say(connection, "ack")
        self.heard.append((line, json.loads(await connection.recv())))
        await say(connection, self.answers[line])
        await connection.wait_closed()
        self.ended.append(line)


@contextlib.asynccontextmanager
async def two_lines(house: House) -> AsyncIterator[tuple[Endpoints, Taker]]:
    async with contextlib.AsyncExitStack() as stack:
        servers: list[Server] = []
        for line in (0, 1):

            async def serve_one(connection: ServerConnection, line: int = line) -> None:
                with contextlib.suppress(Exception):
                    await house.serve(connection, line)

            serving = serve(serve_one, "127.0.0.1", 0, compression=None, ping_interval=None, close_timeout=0.2)
            servers.append(await stack.enter_async_context(serving))
        urls = [f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/x" for server in servers]
        yield Endpoints("", urls[0], (urls[1],)), Taker()


async def open_both(endpoints: Endpoints, taker: Taker) -> Sockets:
    return await Sockets.open(
        endpoints, cast(Venue, Plain()), cast(Wire, TwoLines()), KEYS, taker.take, CLOCK.now_s,
        clock=CLOCK, on_unknown=taker.wonder,
    )  # fmt: skip


async def test_each_logs_in_before_it_subscribes_and_both_hand_over() -> None:
    house = House()
    async with two_lines(house) as (endpoints, taker):
        sockets = await open_both(endpoints, taker)
        await say(house.connections[0], 1)
        await say(house.connections[1], 2)
        sockets.release()
        await taker.until(lambda: sorted(taker.numbers) == [1, 2])
        assert sockets.are_open
        await sockets.close()

    for line in (0, 1):
        assert [said for at, said in house.heard if at == line] == [{"login": 1}, {"want": line}]


async def test_when_one_is_refused_the_other_is_closed() -> None:
    """Half a session is none; and a socket that nobody holds would stay for ever."""
    house = House()
    house.answers[0] = "refused"
    async with two_lines(house) as (endpoints, taker):
        with pytest.raises(KeyRefused):
            await open_both(endpoints, taker)
        async with asyncio.timeout(5):
            while sorted(house.ended) != [0, 1]:
                await asyncio.sleep(0.01)


async def test_when_one_is_lost_the_session_is() -> None:
    house = House()
    async with two_lines(house) as (endpoints, taker):
        sockets = await open_both(endpoints, taker)
        await house.connections[1].close()
        lost = await asyncio.wait_for(sockets.lost(), 5)
        assert not lost.planned and not sockets.are_open
        await sockets.close()


async def test_a_notice_on_one_leaves_both_open() -> None:
    house = House()
    async with two_lines(house) as (endpoints, taker):
        sockets = await open_both(endpoints, taker)
        sockets.release()
        await say(house.connections[1], "bye")
        lost = await asyncio.wait_for(sockets.lost(), 5)
        assert lost.planned and sockets.are_open
        await say(house.connections[1], 5)
        await taker.until(lambda: taker.numbers == [5])
        await sockets.close()
