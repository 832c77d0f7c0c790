"""Streams: what one delivery and one reader cost, against a bare Protocol and a plain aiohttp writer.

All three servers hear the same kind of message from the same Redis, recorded by the house's own script. They take
turns at the same rate, several rounds, so that a slow minute hits all of them. The house is the whole app, as it runs.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, cast

from aiohttp import web

from shared.clock import CLOCK
from shared.settings import Settings
from shared.store import Store, keys
from shared.store.connection import Redis
from shared.store.events import Recorder
from shared.store.users import Claim
from shared.store.wire import Ears, connect
from tests.bench.processes import Program, RedisServer, Stage, free_port, median, percentile, serve, wait_until
from tests.facts import an_order

SERVERS = ("bare", "plain", "ours")
READERS = 1000
ONE_TO_MANY_PER_S = 20
EACH_ITS_OWN_PER_S = 2000
CONNECTING = 32
"""Readers that join at the same time."""
STAMP = b'"client_order_id":"t-'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n\r\nretry: 2000\n\n"
SHARDS = 256


class Row(NamedTuple):
    """One figure for each server; `ratio` is ours to the bare one, or ours itself where only a size counts."""

    name: str
    what: str
    unit: str
    figures: dict[str, float]
    ratio: float
    goal: float


async def run(quick: bool) -> list[Row]:
    rounds, seconds = (2, 1.5) if quick else (5, 3.0)
    rows: list[Row] = []
    with Stage() as stage:
        redis = stage.redis()
        writer = stage.program("writer", "streams:write", url=redis.url)
        rows += measure(stage, redis, writer, 1, ONE_TO_MANY_PER_S, rounds, seconds)
        rows += measure(stage, redis, writer, READERS, EACH_ITS_OWN_PER_S, rounds, seconds)
    return rows


def measure(
    stage: Stage, redis: RedisServer, writer: Program, users: int, rate: int, rounds: int, seconds: float
) -> list[Row]:
    """1,000 readers spread over so many users, on each of the three servers."""
    spent, tails = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
    memory: dict[str, float] = {}
    servers, readers = {}, {}
    for name in SERVERS:
        prefix, port = f"{name}-{users}", free_port()
        env = stage.house(redis, "http://127.0.0.1:9", PORT=str(port)) if name == "ours" else {}
        servers[name] = stage.program(prefix, f"streams:serve_{name}", env, url=redis.url, port=port, prefix=prefix)
        servers[name].ask("warm_up", users=users)
        readers[name] = stage.program(f"{prefix}-readers", "streams:read", port=port)
        before = servers[name].ask("rest")["rss_bytes"]
        readers[name].ask("open", prefix=prefix, users=users, readers=READERS)
        memory[name] = (servers[name].ask("rest")["rss_bytes"] - before) / READERS / 1024
    for _ in range(rounds):
        for name in SERVERS:
            cpu, tail = one_turn(servers[name], readers[name], writer, f"{name}-{users}", users, rate, seconds)
            spent[name].append(cpu)
            tails[name].append(tail)
    what = "one to many" if users == 1 else "each its own"
    cpu_us = {name: median(spent[name]) for name in SERVERS}
    tail_ms = {name: median(tails[name]) for name in SERVERS}
    rows = [
        Row(
            "C1" if users == 1 else "C2",
            f"CPU per delivery, {what}",
            "us",
            *_ratio(cpu_us),
            1.15 if users == 1 else 1.2,
        )
    ]
    if users == 1:
        rows.append(Row("C3", "p99 of one event to 1,000 readers", "ms", *_ratio(tail_ms), 1.25))
    rows.append(Row("C4", f"RSS per reader, {what}", "KiB", memory, memory["ours"], 14.0))
    for program in (*servers.values(), *readers.values()):
        program.end()
    return rows


def one_turn(
    server: Program, readers: Program, writer: Program, prefix: str, users: int, rate: int, seconds: float
) -> tuple[float, float]:
    """CPU of the server per delivery in us, and the 99th percentile of the way from record to reader in ms."""
    events = int(rate * seconds)
    readers.ask("forget")
    before = server.cpu_s()
    writer.ask("write", prefix=prefix, users=users, rate=rate, events=events)
    expected = events * READERS // users
    wait_until(lambda: readers.ask("count")["told"] >= expected, what=f"{expected} deliveries")
    cpu_s = server.cpu_s() - before
    told = readers.ask("latencies")
    assert told["told"] == expected, f"{told['told']} deliveries instead of {expected}"
    return cpu_s / expected * 1e6, told["p99_ms"]


def _ratio(figures: dict[str, float]) -> tuple[dict[str, float], float]:
    return figures, figures["ours"] / figures["bare"]


# The programs: who writes, who reads, and the three servers.


async def write(url: str) -> None:
    recorder = Recorder(Redis(url, SHARDS), events_kept=10_000)
    running = asyncio.create_task(recorder.run())

    async def write_facts(prefix: str, users: int, rate: int, events: int) -> dict[str, Any]:
        """At a steady pace: no burst makes a wake-up cheaper than it would be."""
        started, written = time.monotonic(), 0
        while written < events:
            due = min(events, int((time.monotonic() - started) * rate) + 1)
            for number in range(written, due):
                user = f"{prefix}-{number % users}"
                now_ns = time.monotonic_ns()
                fact = an_order(id=str(now_ns), user_id=user, client_order_id=f"t-{now_ns}", status="filled")
                recorder.record(keys.shard_of(user, SHARDS), 0, [fact], user, _refused)
            written = due
            await asyncio.sleep(0.0004)
        return {"written": written}

    while not recorder.ready:
        await asyncio.sleep(0.01)
    await serve(write=write_facts)
    running.cancel()


def _refused(error: Exception) -> None:
    raise AssertionError(f"a fact was refused: {error}")


class OneReader(asyncio.Protocol):
    """Counts what it is told. Chunks' framing never holds the words it looks for."""

    def __init__(self, path: str, told: Callable[[int], None]) -> None:
        self._path, self._told = path, told
        self._rest = b""
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(f"GET {self._path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        said = self._rest + data
        if not self.opened.done():
            if b"\nretry: 2000" in said or b"retry: 2000\n" in said:
                self.opened.set_result(None)
            elif b"HTTP/1.1 200" not in said:
                self.opened.set_exception(RuntimeError(said[:200].decode()))
                return
        *whole, self._rest = said.split(b"\n\n")
        for frame in whole:
            at = frame.find(STAMP)
            if at >= 0 and b"event: snapshot" not in frame:
                self._told(int(frame[at + len(STAMP) : frame.index(b'"', at + len(STAMP))]))


async def read(port: int) -> None:
    loop = asyncio.get_running_loop()
    count, latencies_ns = 0, list[int]()

    def told(stamp_ns: int) -> None:
        nonlocal count
        count += 1
        latencies_ns.append(time.monotonic_ns() - stamp_ns)

    async def open_some(prefix: str, users: int, readers: int) -> dict[str, Any]:
        gate = asyncio.Semaphore(CONNECTING)

        async def open_one(number: int) -> None:
            path = f"/sse/orders/{prefix}-{number % users}"
            async with gate:
                _, reader = await loop.create_connection(partial(OneReader, path, told), "127.0.0.1", port)
                await reader.opened

        await asyncio.gather(*(open_one(number) for number in range(readers)))
        return {}

    async def forget() -> dict[str, Any]:
        nonlocal count
        count = 0
        latencies_ns.clear()
        return {}

    async def tell_count() -> dict[str, Any]:
        return {"told": count}

    async def tell_latencies() -> dict[str, Any]:
        return {"told": count, "p99_ms": percentile([float(took) for took in latencies_ns], 0.99) / 1e6}

    await serve(open=open_some, forget=forget, count=tell_count, latencies=tell_latencies)


async def rest() -> dict[str, Any]:
    """Long enough for what was asked in the background to be done."""
    await asyncio.sleep(0.5)
    return {}


async def nothing(users: int) -> dict[str, Any]:
    return {}


class Messages:
    """What both floors do with Redis: hear a user's messages and hand the frame to whoever follows that user."""

    def __init__(self, url: str, tell: Callable[[str, bytes], None]) -> None:
        self._url, self._tell = url, tell
        self._users: dict[bytes, str] = {}

    async def start(self) -> None:
        self._ears = await connect(self._url, partial(Ears, self._hear))

    async def follow(self, user: str) -> None:
        channel = keys.of_user(keys.shard_of(user, SHARDS), user, "events")
        if channel.encode() not in self._users:
            self._users[channel.encode()] = user
            await self._ears.subscribe(channel)

    def _hear(self, messages: list[tuple[bytes, bytes]]) -> None:
        for channel, message in messages:
            _, id_, _, data = message.split(b" ", 3)
            self._tell(self._users[channel], b"id: %b\ndata: %b\n\n" % (id_, data))


class Bare(asyncio.Protocol):
    """The least that can be called a stream."""

    def __init__(self, messages: Messages, followers: dict[str, list[asyncio.Transport]]) -> None:
        self._messages, self._followers = messages, followers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        user = data.split(b" ", 2)[1].rpartition(b"/")[2].decode()
        self._opening = asyncio.ensure_future(self._open(user))

    async def _open(self, user: str) -> None:
        await self._messages.follow(user)
        self._followers[user].append(self.transport)
        self.transport.write(HEAD)


async def serve_bare(url: str, port: int, prefix: str) -> None:
    followers = defaultdict[str, list[asyncio.Transport]](list)

    def tell(user: str, frame: bytes) -> None:
        for transport in followers[user]:
            transport.write(frame)

    messages = Messages(url, tell)
    await messages.start()
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: Bare(messages, followers), "127.0.0.1", port, backlog=1024)
    await serve(rest=rest, warm_up=nothing)


async def serve_plain(url: str, port: int, prefix: str) -> None:
    """aiohttp as its documentation shows it: one coroutine writes to every response."""
    followers = defaultdict[str, list[web.StreamResponse]](list)
    queue: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
    messages = Messages(url, lambda user, frame: queue.put_nowait((user, frame)))
    await messages.start()

    async def follow(request: web.Request) -> web.StreamResponse:
        user = request.match_info["user_id"]
        await messages.follow(user)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"retry: 2000\n\n")
        followers[user].append(response)
        await asyncio.Event().wait()
        return response

    async def tell() -> None:
        while True:
            user, frame = await queue.get()
            for response in followers[user]:
                await response.write(frame)

    app = web.Application()
    app.router.add_get("/sse/orders/{user_id}", follow)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    telling = asyncio.create_task(tell())
    await serve(rest=rest, warm_up=nothing)
    telling.cancel()


async def serve_ours(url: str, port: int, prefix: str) -> None:
    from api.app import make_app
    from api.server import listen

    settings = Settings.from_env()
    runner = await listen(make_app(settings), "127.0.0.1", port)
    store = Store(settings)

    async def claim(users: int) -> dict[str, Any]:
        for number in range(users):
            await store.users.claim(Claim(f"{prefix}-{number}", "bench", CLOCK.now_ms()))
        return {}

    await serve(rest=rest, warm_up=claim)
    await runner.cleanup()
    await store.close()


def main() -> None:
    for row in asyncio.run(run(quick=True)):
        figures = "  ".join(f"{name} {figure:7.2f}" for name, figure in row.figures.items())
        print(f"{row.name}  {row.what:36} {figures} {row.unit:4} ratio {row.ratio:5.2f}  goal {row.goal}")


if __name__ == "__main__":
    main()
