"""D: the whole way, from a frame of the venue to the bytes of a stream, with every process real.

Ours: stub venue → `python -m workers` → Redis → `python -m api` → a reader close to its socket. The floor is the same
way without features: websockets, one EVALSHA that appends, sets and publishes, and aiohttp SSE. Each update carries the
moment it left the venue, so latency needs no second clock. The two take turns at the same rate.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha1
from typing import Any, cast

import hiredis
from aiohttp import web
from websockets.asyncio.client import connect

from tests.bench.plan import Plan
from tests.bench.processes import (
    Process,
    Program,
    RedisServer,
    Stage,
    answers,
    free_port,
    median,
    percentile,
    serve,
    wait_until,
)
from tests.bench.record import BARE_SCRIPT, connect_raw
from tests.bench.sessions import start_venue, ws_url
from tests.bench.table import Result, Row, Spent

USERS = 20
STAMP = re.compile(rb'"t-(\d{9,})"')
LATENCY_MAX_MS = 50.0
RATE_KEPT = 0.97
"""Of the updates that should have come, so many must have."""


# The programs.


class Reader(asyncio.Protocol):
    """One stream: it notes when each stamp arrives, and looks at nothing else."""

    def __init__(self, path: str, latencies_ns: list[int]) -> None:
        self._path, self._latencies_ns = path, latencies_ns
        self._tail = b""
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(f"GET {self._path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        now_ns = time.monotonic_ns()
        if not self.opened.done():
            if b" 200 " not in data[:20]:
                self.opened.set_exception(RuntimeError(data[:300].decode()))
            else:
                self.opened.set_result(None)
            return
        said = self._tail + data
        end = 0
        for match in STAMP.finditer(said):
            self._latencies_ns.append(now_ns - int(match[1]))
            end = match.end()
        self._tail = said[max(end, len(said) - 40) :]


async def read() -> None:
    """Readers of one server at a time; the figures of one push at a time."""
    loop = asyncio.get_running_loop()
    latencies_ns: dict[str, list[int]] = defaultdict(list)

    async def open_(name: str, port: int, users: int) -> dict[str, Any]:
        for user in range(users):
            path = f"/sse/orders/user{user}"
            _, reader = await loop.create_connection(
                lambda path=path: Reader(path, latencies_ns[name]),  # type: ignore[misc]
                "127.0.0.1",
                port,
            )
            await reader.opened
        return {}

    async def count(name: str) -> dict[str, Any]:
        return {"heard": len(latencies_ns[name])}

    async def take(name: str) -> dict[str, Any]:
        took_ms = [each / 1e6 for each in latencies_ns[name]]
        latencies_ns[name].clear()
        return {"heard": len(took_ms), "p50": percentile(took_ms, 0.5), "p99": percentile(took_ms, 0.99)}

    await serve(open=open_, count=count, take=take)


async def bare_worker(url: str, redis_port: int) -> None:
    """The floor's worker: one task per socket, one script call per update."""
    raw = await connect_raw(redis_port)
    await raw.ask(b"SCRIPT", b"LOAD", BARE_SCRIPT)
    sha = sha1(BARE_SCRIPT).hexdigest().encode()
    tasks: list[asyncio.Task[None]] = []

    async def follow(user: int) -> None:
        events, records = f"bare:{{u{user}}}:events".encode(), f"bare:{{u{user}}}:records".encode()
        async with connect(url, compression=None, ping_interval=None, proxy=None) as socket:
            await socket.send('{"time":1,"channel":"futures.orders","event":"subscribe","payload":["1","!all"]}')
            await socket.recv()
            async for frame in socket:
                data = frame.encode() if isinstance(frame, str) else frame
                words = (b"EVALSHA", sha, b"2", events, records, b"order", data)
                raw.transport.write(hiredis.pack_command(words))  # type: ignore[arg-type]  # takes bytes

    async def open_(count: int) -> dict[str, Any]:
        tasks.extend(asyncio.create_task(follow(user)) for user in range(count))
        return {}

    await serve(open=open_)


async def bare_api(port: int, redis_port: int) -> None:
    """The floor's api: aiohttp answers, and each message goes to its readers where it arrives."""
    raw = await connect_raw(redis_port)
    readers: dict[bytes, list[asyncio.Transport]] = defaultdict(list)

    def tell(reply: Any) -> None:
        if reply[0] == b"message":
            frame = b"data: %b\n\n" % reply[2]
            chunk = b"%x\r\n%b\r\n" % (len(frame), frame)
            for transport in readers[reply[1]]:
                transport.write(chunk)

    async def follow(request: web.Request) -> web.StreamResponse:
        channel = f"bare:{{u{request.match_info['user'].removeprefix('user')}}}:events".encode()
        if channel not in readers:
            raw.transport.write(hiredis.pack_command((b"SUBSCRIBE", channel)))  # type: ignore[arg-type]
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(b"retry: 2000\n\n")
        assert request.transport is not None
        readers[channel].append(request.transport)
        await asyncio.Event().wait()
        return response

    raw.on_reply = tell
    app = web.Application()
    app.router.add_get("/sse/orders/{user}", follow)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await serve()


# The rows.


@dataclass
class Way:
    """One way through: the group its sockets are in, and the processes that do the work."""

    name: str
    parts: dict[str, Process | Program | RedisServer]

    def cpu(self) -> dict[str, float]:
        return {name: part.cpu_s() for name, part in self.parts.items()}


@dataclass
class Run:
    """One push, as the readers saw it."""

    rate: float
    sent: int
    heard: int
    took_s: float
    p50: float
    p99: float
    cpu: dict[str, float]

    @property
    def kept_up(self) -> bool:
        return self.heard >= self.sent * RATE_KEPT and self.p99 < LATENCY_MAX_MS


class House:
    """Both ways, set up and ready, with one venue and one program of readers for both."""

    def __init__(self, venue: Program, readers: Program, ways: dict[str, Way]) -> None:
        self.venue, self.readers, self.ways = venue, readers, ways

    def push(self, name: str, rate: float, seconds: float) -> Run:
        way = self.ways[name]
        self.readers.ask("take", name=name)
        before = way.cpu() | {"venue": self.venue.cpu_s(), "reader": self.readers.cpu_s()}
        pushed = self.venue.ask("push", group=name, rate=rate, seconds=seconds)
        self._wait_for(name, pushed["sent"])
        after = way.cpu() | {"venue": self.venue.cpu_s(), "reader": self.readers.cpu_s()}
        told = self.readers.ask("take", name=name)
        return Run(
            pushed["sent"] / pushed["took_s"], pushed["sent"], told["heard"], pushed["took_s"], told["p50"],
            told["p99"], {part: after[part] - before[part] for part in after},
        )  # fmt: skip

    def _wait_for(self, name: str, count: int) -> None:
        until_s = time.monotonic() + 3
        while self.readers.ask("count", name=name)["heard"] < count and time.monotonic() < until_s:
            time.sleep(0.02)


@contextmanager
def both_ways() -> Iterator[House]:
    with Stage() as stage:
        venue, port, _ = start_venue(stage)
        readers = stage.program("readers", "pipeline:read")
        ways = {"bare": _bare(stage, port, readers), "ours": _ours(stage, port, readers)}
        for name in ways:
            wait_until(lambda name=name: venue.ask("count", group=name)["following"] >= USERS, 20, name)  # type: ignore[misc]
        house = House(venue, readers, ways)
        for name in ways:
            house.push(name, 500, 1.0)
        yield house


def _bare(stage: Stage, venue_port: int, readers: Program) -> Way:
    redis, port = stage.redis("bare-redis"), free_port()
    worker = stage.program("bare worker", "pipeline:bare_worker", url=ws_url(venue_port, "bare"), redis_port=redis.port)
    api = stage.program("bare api", "pipeline:bare_api", port=port, redis_port=redis.port)
    worker.ask("open", count=USERS)
    readers.ask("open", name="bare", port=port, users=USERS)
    return Way("bare", {"worker": worker, "redis": redis, "api": api})


def _ours(stage: Stage, venue_port: int, readers: Program) -> Way:
    redis, port = stage.redis(), free_port()
    env = stage.house(redis, f"http://127.0.0.1:{venue_port}", PORT=str(port))
    env["GATE_WS_URL"] = ws_url(venue_port, "ours")
    wishes = stage.program("wishes", "sessions:wish", env, redis_url=redis.url)
    wishes.ask("want", first=0, count=USERS)
    worker = stage.process("worker", [sys.executable, "-m", "workers"], env)
    api = stage.process("api", [sys.executable, "-m", "api"], env)
    wait_until(lambda: answers(port), what="the api")
    wait_until(lambda: wishes.ask("live")["live"] >= USERS, what="live sessions")
    readers.ask("open", name="ours", port=port, users=USERS)
    return Way("ours", {"worker": worker, "redis": redis, "api": api})


def run_latency(plan: Plan) -> Result:
    """D1 and D2 on one set-up."""
    result = Result()
    with both_ways() as house:
        for rate in plan.rates:
            _latency(plan, house, rate, result)
        _most(plan, house, result)
    return result


def _latency(plan: Plan, house: House, rate: int, result: Result) -> None:
    """Many short turns, and the middle one of each way; the quietest stands beside it."""
    runs: dict[str, list[Run]] = defaultdict(list)
    for _ in range(plan.turns):
        for name in house.ways:
            run = house.push(name, rate, plan.seconds)
            assert run.heard == run.sent, f"{name}: {run.heard} of {run.sent} updates arrived"
            runs[name].append(run)
    for quantile, goal in (("p50", 1.5), ("p99", 2.0)):
        figures = {name: [getattr(run, quantile) for run in each] for name, each in runs.items()}
        bare, ours = median(figures["bare"]), median(figures["ours"])
        note = f"quietest of {plan.turns} turns {min(figures['ours']):.2f} to {min(figures['bare']):.2f}"
        what = f"venue frame → SSE byte, {rate:,}/s, {quantile}"
        result.rows.append(Row("D1", what, "ms", bare, ours, goal, note=note))
    _tell_spent(house, f"D1 {rate:,}/s", {name: each[-1] for name, each in runs.items()}, result)


def _tell_spent(house: House, row: str, runs: dict[str, Run], result: Result) -> None:
    for name, run in runs.items():
        parts: dict[str, Any] = house.ways[name].parts | {"venue": house.venue, "reader": house.readers}
        for part, cpu in run.cpu.items():
            line = Spent(row, f"{name}: {part}", cpu, run.took_s, run.sent, parts[part].rss_bytes())
            result.spent.append(line)


def _most(plan: Plan, house: House, result: Result) -> None:
    """Up the steps, in turn. A step is tried three times, and who fails two steps on end is out."""
    best: dict[str, Run] = {}
    failed = dict.fromkeys(house.ways, 0)
    for rate in plan.steps:
        for name in [name for name, steps in failed.items() if steps < 2]:
            tries = (house.push(name, rate, plan.step_s) for _ in range(3))
            run = next((run for run in tries if run.kept_up), None)
            failed[name] = 0 if run is not None else failed[name] + 1
            if run is not None:
                best[name] = run
    rates = {name: best[name].rate if name in best else float("nan") for name in house.ways}
    still = [name for name, steps in failed.items() if not steps]
    note = f"{' and '.join(still)} kept up at the last step" if still else ""
    what = "most updates through one worker and one api, p99 < 50 ms"
    row = Row("D2", what, "1/s", rates["bare"], rates["ours"], 0.6, at_least=True, note=note)
    result.rows.append(row)
    _tell_spent(house, "D2", best, result)
