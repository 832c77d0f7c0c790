"""The fan-out against everything that can go wrong between Redis and a reader: promise 5, broken on purpose."""

from __future__ import annotations

import asyncio
import random
import resource
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from api.fanout import BUFFER_BYTES_MAX, Fanout, Feed, Reader, just_before
from shared.errors import StoreUnavailable
from shared.model import Order
from shared.store import Store
from shared.store.wire import Ears
from tests.api_streams.conftest import Api, MakeApi, RedisServer, until
from tests.api_streams.sse import Follower
from tests.facts import an_order

_numbers = count(1)
OwnRedis = Callable[[bool], RedisServer]


@pytest.fixture
def user() -> str:
    return f"many-{next(_numbers)}"


async def record(store: Store, user: str, first: int, how_many: int, padding: str = "") -> list[str]:
    """Orders whose ids count up, so that a hole or a repeat shows."""
    ids = []
    for start in range(first, first + how_many, 40):
        some: list[Order] = [
            an_order(id=str(number), user_id=user, client_order_id=padding or None)
            for number in range(start, min(start + 40, first + how_many))
        ]
        ids += await store.events.record(some, user)
    return ids


def run_of(first: int, how_many: int) -> list[str]:
    return [str(number) for number in range(first, first + how_many)]


def drop_messages(monkeypatch: pytest.MonkeyPatch, is_dropped: Callable[[Any], bool]) -> None:
    """Lose pub/sub messages between Redis and us."""
    hears = Ears.on_replies

    def deaf(self: Ears, replies: list[Any]) -> None:
        hears(self, [reply for reply in replies if not (reply[0] == b"message" and is_dropped(reply))])

    monkeypatch.setattr(Ears, "on_replies", deaf)


async def test_with_every_message_dropped_nothing_is_lost(
    make_api: MakeApi, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise 1: it is only later, 2 s at most."""
    drop_messages(monkeypatch, lambda _reply: True)
    api = await make_api()
    follower = await api.follow(user)
    await follower.until_told(1)
    for first in (1, 301):
        await record(api.store, user, first, 300)
        await follower.until_told(first + 300, within_s=2.0)

    assert follower.order_ids == run_of(1, 600)
    await follower.close()


async def test_a_lost_message_is_filled_in_when_the_next_one_comes(
    make_api: MakeApi, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the event before it: no sweep is needed to find the hole."""
    drop_messages(monkeypatch, lambda reply: b'"id":"2"' in reply[2] or b'"id":"3"' in reply[2])
    api = await make_api(sweep_s=3600)
    follower = await api.follow(user)
    await follower.until_told(1)
    await record(api.store, user, 1, 6)
    await follower.until_told(7, within_s=1)
    await record(api.store, user, 7, 2)
    await follower.until_told(9, within_s=1)

    assert follower.order_ids == run_of(1, 8)
    assert api.fanout.holes == 1
    await follower.close()


async def test_messages_lost_at_random_leave_no_hole_and_no_repeat(
    make_api: MakeApi, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(5)
    drop_messages(monkeypatch, lambda _reply: dice.random() < 0.2)
    api = await make_api(sweep_s=0.2)
    followers = [await api.follow(user) for _ in range(5)]
    await asyncio.gather(*(follower.until_told(1) for follower in followers))
    for number in range(1, 401):
        await record(api.store, user, number, 1)
    for follower in followers:
        await follower.until_told(401)
        assert follower.order_ids == run_of(1, 400)
        await follower.close()


async def test_readers_that_join_and_leave_under_fire_miss_nothing(make_api: MakeApi, user: str) -> None:
    """Snapshot, replay and live meet without a race: what each reader knows is a run without a gap or a repeat."""
    api = await make_api()
    written, stop = 0, False

    async def write() -> None:
        nonlocal written
        while not stop:
            await record(api.store, user, written + 1, 3)
            written += 3

    async def join(number: int) -> None:
        dice = random.Random(number)
        follower = await api.follow(user)
        told = await follower.until_told(dice.randint(2, 30))
        known = {int(order["id"]) for order in told[0].data["orders"]}
        assert known == set(range(1, len(known) + 1))
        live = [int(id_) for id_ in follower.order_ids]
        await follower.close()
        resumed = await api.follow(user, Last_Event_ID=told[-1].id)
        await resumed.until_told(dice.randint(2, 30))
        # The snapshot keeps 500 finished orders and all open ones: these are open.
        seen = live[: len(told) - 1] + [int(id_) for id_ in resumed.order_ids]
        await resumed.close()
        assert seen == list(range(len(known) + 1, len(known) + 1 + len(seen)))

    writing = asyncio.create_task(write())
    try:
        async with asyncio.timeout(20):
            for wave in range(5):
                await asyncio.gather(*(join(wave * 10 + number) for number in range(10)))
    finally:
        stop = True
        await writing


class SlowSocket:
    """A reader with a small receive buffer that reads only when told to."""

    def __init__(self, port: int, path: str) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.socket.send(f"GET {path} HTTP/1.0\r\nHost: here\r\n\r\n".encode())
        self.body = bytearray()

    async def read_until(self, marker: bytes, within_s: float = 15) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(within_s):
            while marker not in self.body[-131072:]:
                self.body += await loop.sock_recv(self.socket, 65536)

    async def read(self, until_number: int) -> list[int]:
        await self.read_until(b'data: {"id":"%d"' % until_number)
        parts = bytes(self.body).split(b'\ndata: {"id":"')[1:]
        return [int(part.partition(b'"')[0]) for part in parts]


def the_reader(fanout: Fanout) -> Reader:
    (reader,) = [reader for slot in fanout._wheel for reader in slot]
    return reader


async def test_a_reader_that_stops_reading_is_bounded_and_loses_nothing(make_api: MakeApi, user: str) -> None:
    """Thousands of events flow past it while others read on; then it reads on, and nothing is missing."""
    api = await make_api()
    slow = SlowSocket(api.port, f"/sse/orders/{user}")
    await until(lambda: api.fanout.readers == 1)
    stuck = the_reader(api.fanout)
    quick = await api.follow(user)
    await quick.until_told(1)
    padding, highest = "x" * 2000, 0
    for first in range(1, 3001, 200):
        await record(api.store, user, first, 200, padding)
        await quick.until_told(first + 200)
        highest = max(highest, stuck.transport.get_write_buffer_size())

    assert api.fanout.slow >= 1
    assert highest < 4 * BUFFER_BYTES_MAX
    assert await slow.read(3000) == list(range(1, 3001))
    await record(api.store, user, 3001, 5)
    assert (await slow.read(3005))[-6:] == list(range(3000, 3006))
    assert quick.order_ids == run_of(1, 3000) + [id_ for id_ in quick.order_ids if int(id_) > 3000]
    slow.socket.close()
    await quick.close()


async def test_a_reader_whose_bytes_do_not_move_is_closed(make_api: MakeApi, user: str) -> None:
    api = await make_api(stall_s=0.2)
    stuck = SlowSocket(api.port, f"/sse/orders/{user}")
    await until(lambda: api.fanout.readers == 1)
    first = 1
    while not api.fanout.slow:
        await record(api.store, user, first, 100, "x" * 2000)
        first += 100
    await record(api.store, user, first, 1)
    await until(lambda: api.fanout.readers == 0, 3)
    stuck.socket.close()


async def test_readers_live_through_a_restart_of_redis(make_api: MakeApi, own_redis: OwnRedis, user: str) -> None:
    """While Redis is away the readers get heartbeats; when it is back they lose nothing and are told nothing twice."""
    redis = own_redis(True)
    api = await make_api(redis, heartbeat_s=0.2)
    follower, other = await api.follow(user), await api.follow(f"{user}-b")
    await follower.until_told(1)
    await record(api.store, user, 1, 20)
    await follower.until_told(21)
    redis.stop()
    await until(lambda: "deaf" in repr(api.fanout))
    beats = follower.body.count(b": heartbeat")
    await until(lambda: follower.body.count(b": heartbeat") > beats + 2)
    refused = await api.follow(f"{user}-new")
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    await refused.close()
    redis.start()
    await retry(lambda: record(api.store, user, 21, 20))
    await retry(lambda: record(api.store, f"{user}-b", 1, 3))
    await follower.until_told(41)
    await other.until_told(4)

    assert follower.order_ids == run_of(1, 40) and "reset" not in follower.names
    assert other.order_ids == run_of(1, 3)
    await follower.close()
    await other.close()


async def retry(act: Callable[[], Awaitable[Any]]) -> None:
    """Redis has just come back: the first calls may still be refused."""
    for _ in range(200):
        with suppress(StoreUnavailable):
            await act()
            return
        await asyncio.sleep(0.02)
    raise AssertionError("Redis did not come back")


@pytest.mark.parametrize("how", ["flushed", "restarted empty"])
async def test_a_redis_that_lost_its_events_means_reset_and_snapshot(
    make_api: MakeApi, own_redis: OwnRedis, user: str, how: str
) -> None:
    """The readers know events that Redis does not: all are told so, the quiet ones too, and the stream goes on."""
    redis = own_redis(False)
    api = await make_api(redis, sweep_s=0.1)
    follower, quiet = await api.follow(user), await api.follow(f"{user}-quiet")
    await record(api.store, user, 1, 5)
    await record(api.store, f"{user}-quiet", 1, 1)
    await follower.until_told(6)
    await quiet.until_told(2)
    if how == "flushed":
        await api.store.redis("FLUSHALL")
    else:
        redis.stop()
        redis.start()
    await retry(lambda: record(api.store, user, 101, 3))
    await until(lambda: follower.order_ids[-1:] == ["103"] or has_order(follower, "103"))
    await record(api.store, user, 104, 2)
    await until(lambda: follower.order_ids[-1:] == ["105"])
    await quiet.until_told(4)

    assert follower.names.count("reset") == 1
    at = follower.names.index("reset")
    assert follower.names[at + 1] == "snapshot" and follower.told[at].data == {"reason": "lost"}
    known = [order["id"] for order in follower.told[at + 1].data["orders"]]
    assert sorted(known) + [told.data["id"] for told in follower.told[at + 2 :]] == run_of(101, 5)
    assert quiet.names == ["snapshot", "", "reset", "snapshot"]
    await follower.close()
    await quiet.close()


def has_order(follower: Follower, id_: str) -> bool:
    return any(order["id"] == id_ for told in follower.told if told.name == "snapshot" for order in told.data["orders"])


async def test_a_slow_reader_that_was_away_during_a_reset_is_told_so(
    make_api: MakeApi, own_redis: OwnRedis, user: str
) -> None:
    """Its cursor names an event that Redis has lost, although it is newer than everything Redis has."""
    redis = own_redis(False)
    api = await make_api(redis, sweep_s=0.05)
    slow = SlowSocket(api.port, f"/sse/orders/{user}")
    await until(lambda: api.fanout.readers == 1)
    feed, first = the_reader(api.fanout).feed, 1
    while not api.fanout.slow:
        await record(api.store, user, first, 100, "x" * 2000)
        first += 100
    await record(api.store, user, first, 1)
    await api.store.redis("FLUSHALL")
    await until(lambda: feed.resets == 1)
    await slow.read_until(b'event: reset\ndata: {"reason":"not_kept"}\n\nevent: snapshot\nid: 0-0\n')
    await record(api.store, user, 9001, 2)
    assert (await slow.read(9002))[-2:] == [9001, 9002]
    slow.socket.close()


async def test_a_hole_that_the_stream_cannot_fill_is_a_reset(
    make_api: MakeApi, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events were cut away before the feed could read them: never a silent jump."""
    drop_messages(monkeypatch, lambda _reply: True)
    api = await make_api(sweep_s=3600)
    follower = await api.follow(user)
    await follower.until_told(1)
    await record(api.store, user, 1, 3)
    the_reader(api.fanout).feed.doubt()
    await follower.until_told(4)
    await record(api.store, user, 4, 2)
    await api.store.redis("XTRIM", api.store.events.channel(user), "MAXLEN", 1)
    the_reader(api.fanout).feed.doubt()
    told = await follower.until_told(6)

    assert follower.names == ["snapshot", "", "", "", "reset", "snapshot"]
    assert len(told[-1].data["orders"]) == 5
    await follower.close()


async def test_a_deaf_connection_is_replaced(make_api: MakeApi, user: str) -> None:
    """When the listening connection breaks, its readers stay and the next events arrive over a new one."""
    api = await make_api(sweep_s=3600)
    follower = await api.follow(user)
    await follower.until_told(1)
    for first in (1, 11, 21):
        ears = api.fanout._ears
        assert ears is not None
        ears.close()
        await record(api.store, user, first, 10)
        await follower.until_told(first + 10)
        await until(lambda: "hearing" in repr(api.fanout))

    assert follower.order_ids == run_of(1, 30)
    await follower.close()


async def test_a_reader_ahead_of_its_feed_is_told_nothing_twice(api: Api, user: str) -> None:
    """A snapshot may be newer than what the feed has told; the feed's next events must not repeat it."""
    feed: Feed = await api.fanout.follow(user)
    follower = await api.follow(user)
    await follower.until_told(1)
    feed.held = []  # in doubt: the feed stays where it is
    await record(api.store, user, 1, 3)
    late = await api.follow(user)
    (snapshot,) = await late.until_told(1)
    assert len(snapshot.data["orders"]) == 3
    feed.settle()
    await record(api.store, user, 4, 2)
    await follower.until_told(6)
    await late.until_told(3)

    assert follower.order_ids == run_of(1, 5)
    assert late.order_ids == run_of(4, 2)
    api.fanout.unfollow(feed)
    await follower.close()
    await late.close()


def test_the_place_just_before_a_cursor_is_the_greatest_smaller_one() -> None:
    assert just_before("5-3") == "5-2"
    assert just_before("5-0") == f"4-{2**64 - 1}"
    assert just_before("0-0") == "0-0"


def rss_kib() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0


async def test_a_thousand_readers_are_cheap(make_api: MakeApi, user: str) -> None:
    """Each costs some KiB, the connection and aiohttp's request included; the bench says exactly how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 8192)), hard))
    api = await make_api()
    warm = await api.follow(user)
    await warm.until_told(1)
    before = rss_kib()
    sockets = []
    for number in range(1, 1001):
        plain = socket.create_connection(("127.0.0.1", api.port))
        plain.sendall(f"GET /sse/orders/{user} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
        sockets.append(plain)
        if number % 100 == 0:
            await until(lambda: api.fanout.readers == len(sockets) + 1)
    grown = rss_kib() - before
    await record(api.store, user, 1, 1)
    for plain in sockets:
        plain.settimeout(5)
        received = b""
        while b'data: {"id":"1"' not in received:
            received += await asyncio.to_thread(plain.recv, 65536)
        plain.close()
    await until(lambda: api.fanout.readers == 1)

    assert grown / 1000 < 24
    await warm.close()
