"""B: what a fact costs on its way into Redis and out of it again.

Ours is `Recorder` with the record script, and the api's `Fanout`. The floor is raw hiredis on a Protocol and a script
that only appends, sets and publishes: no fence, no merge, no place among the others. Both run against one Redis with
its append-only file on, in turn, at the same depth and rate.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from hashlib import sha1
from typing import Any, cast

import hiredis

from api.fanout import Fanout
from shared.exchanges import registry
from shared.model import Fact, Order, Owner
from shared.settings import Settings
from shared.store import Store, keys
from shared.store.connection import Redis
from shared.store.events import Recorder
from tests.bench.plan import Plan
from tests.bench.processes import UID, Program, RedisServer, Stage, median, serve
from tests.bench.table import Result, Row, Spent
from tests.bench.venue import to_push

SHARDS = 256
USERS = 64
DEPTH = 32
BARE_SCRIPT = b"""
local id = redis.call('XADD', KEYS[1], '*', 'd', ARGV[2])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('PUBLISH', KEYS[1], ARGV[2])
return id
"""


# The programs.


class Raw(asyncio.Protocol):
    """hiredis on a socket, and nothing else."""

    def __init__(self) -> None:
        self.reader = hiredis.Reader()
        self.heard = 0
        self.replies: list[Any] = []
        self.waiter: tuple[int, asyncio.Future[None]] | None = None
        self.on_reply: Callable[[Any], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.reader.feed(data)
        while (reply := self.reader.gets()) is not False:
            self.heard += 1
            if self.on_reply is not None:
                self.on_reply(reply)
        if self.waiter is not None and self.heard >= self.waiter[0]:
            waiter, self.waiter = self.waiter, None
            waiter[1].set_result(None)

    async def until(self, heard: int) -> None:
        if self.heard < heard:
            future = asyncio.get_running_loop().create_future()
            self.waiter = heard, future
            await future

    async def ask(self, *command: bytes) -> None:
        self.transport.write(hiredis.pack_command(command))  # type: ignore[arg-type]  # takes bytes
        await self.until(self.heard + 1)


async def connect_raw(port: int) -> Raw:
    _, raw = await asyncio.get_running_loop().create_connection(Raw, "127.0.0.1", port)
    return raw


class Teller:
    """Updates as the venue tells them, in our words and always news: an order grows, ends, and the next one begins."""

    def __init__(self) -> None:
        venue = registry.venue("gate")
        self.users = [f"user{user}" for user in range(USERS)]
        self._wires = [venue.wire(Owner(user, user, "gate", "paper"), UID) for user in self.users]
        self._turns = [0] * USERS

    def fresh(self, count: int, one_user: bool = False) -> list[tuple[int, Order]]:
        """The next updates: of every user in turn, or of the first one alone."""
        return [self._next(0 if one_user else number % USERS) for number in range(count)]

    def _next(self, user: int) -> tuple[int, Order]:
        turn = self._turns[user]
        self._turns[user] += 1
        frame = to_push(user * 1_000_000 + turn // 4, turn % 4, 1_786_000_000_000 + turn, turn)
        facts: Any = self._wires[user].read(frame, 0)
        return user, facts[0]


async def paced(send: Callable[[int], None], count: int, rate: float) -> None:
    """What is due, once a millisecond: the loop's timers are no finer, and a loop that spins would be measured too."""
    begun_s, sent = time.monotonic(), 0
    while sent < count:
        due = min(count, int((time.monotonic() - begun_s) * rate) + 1)
        while sent < due:
            send(sent)
            sent += 1
        await asyncio.sleep(max(0.001, sent / rate - (time.monotonic() - begun_s)))


async def bare(port: int) -> None:
    """The floor of B1 and B2: the fact's bytes are ready, one script call each, written together."""
    raw, teller = await connect_raw(port), Teller()
    await raw.ask(b"SCRIPT", b"LOAD", BARE_SCRIPT)
    sha = sha1(BARE_SCRIPT).hexdigest().encode()
    names = [(f"bare:{{u{user}}}:events".encode(), f"bare:{{u{user}}}:records".encode()) for user in range(USERS)]

    def ready(count: int, one_user: bool) -> list[tuple[bytes, bytes, bytes, bytes]]:
        facts = teller.fresh(count, one_user)
        return [(*names[user], order.key().encode(), order.to_json()) for user, order in facts]

    def pack(words: tuple[bytes, ...]) -> bytes:
        return bytes(hiredis.pack_command((b"EVALSHA", sha, b"2", *words)))  # type: ignore[arg-type]  # takes bytes

    async def deep(count: int, one_user: bool = False) -> dict[str, Any]:
        facts = ready(count, one_user)
        cpu = time.process_time()
        for start in range(0, count, DEPTH):
            batch = facts[start : start + DEPTH]
            until = raw.heard + len(batch)
            raw.transport.write(b"".join([pack(words) for words in batch]))
            await raw.until(until)
        return {"spent_s": time.process_time() - cpu}

    async def steady(count: int, rate: float) -> dict[str, Any]:
        facts, until = ready(count, one_user=False), raw.heard + count
        cpu = time.process_time()
        await paced(lambda number: raw.transport.write(pack(facts[number])), count, rate)
        await raw.until(until)
        return {"spent_s": time.process_time() - cpu}

    await serve(deep=deep, steady=steady)


async def ours(redis_url: str) -> None:
    """The recorder: facts in, and it makes the bytes, the ranks and the batches."""
    recorder, teller = Recorder(Redis(redis_url, SHARDS), events_kept=10_000), Teller()
    running = asyncio.create_task(recorder.run())
    while not recorder.ready:
        await asyncio.sleep(0.01)
    shards = [keys.shard_of(user, SHARDS) for user in teller.users]
    refusals: list[Exception] = []

    def record(user: int, fact: Fact) -> None:
        recorder.record(shards[user], 0, [fact], teller.users[user], refusals.append)

    async def deep(count: int, one_user: bool = False) -> dict[str, Any]:
        facts, told = teller.fresh(count, one_user), recorder.recorded
        cpu = time.process_time()
        for start in range(0, count, DEPTH):
            for user, fact in facts[start : start + DEPTH]:
                record(user, fact)
            await recorder.drained()
        return {"spent_s": time.process_time() - cpu, "recorded": recorder.recorded - told, "refused": len(refusals)}

    async def steady(count: int, rate: float) -> dict[str, Any]:
        facts, told = teller.fresh(count), recorder.recorded
        cpu = time.process_time()
        await paced(lambda number: record(*facts[number]), count, rate)
        await recorder.drained()
        return {"spent_s": time.process_time() - cpu, "recorded": recorder.recorded - told, "refused": len(refusals)}

    await serve(deep=deep, steady=steady)
    running.cancel()


async def hear_bare(port: int) -> None:
    """The floor of B3: raw hiredis, subscribed."""
    raw = await connect_raw(port)
    for user in range(USERS):
        channel = keys.of_user(keys.shard_of(f"user{user}", SHARDS), f"user{user}", "events")
        await raw.ask(b"SUBSCRIBE", channel.encode())
    raw.heard = 0

    async def count() -> dict[str, Any]:
        return {"heard": raw.heard}

    await serve(count=count)


async def hear_ours(redis_url: str) -> None:
    """The api's fan-out with every user followed and no reader: what it costs to take a message and know its place."""
    settings = Settings.from_env({"REDIS_URL": redis_url})
    fanout = Fanout(Store(settings), sweep_s=60.0)
    fanout.start()
    await asyncio.sleep(0.2)
    feeds = [await fanout.follow(f"user{user}") for user in range(USERS)]

    async def count() -> dict[str, Any]:
        assert not any(feed.held for feed in feeds)
        return {"holes": fanout.holes}

    await serve(count=count)


async def hear_redis_py(redis_url: str) -> None:
    """What most programs do."""
    import redis.asyncio

    client = redis.asyncio.Redis.from_url(redis_url)
    pubsub = client.pubsub()
    for user in range(USERS):
        await pubsub.subscribe(keys.of_user(keys.shard_of(f"user{user}", SHARDS), f"user{user}", "events"))
    heard = 0

    async def listen() -> None:
        nonlocal heard
        async for message in pubsub.listen():
            heard += message["type"] == "message"

    task = asyncio.create_task(listen())

    async def count() -> dict[str, Any]:
        return {"heard": heard}

    await serve(count=count)
    task.cancel()


# The rows.


def run_record(plan: Plan) -> Result:
    """B1 and B2: in turn, deep and at a steady rate, several rounds."""
    with Stage() as stage:
        redis = stage.redis()
        programs = {
            "bare": stage.program("bare", "record:bare", port=redis.port),
            "ours": stage.program("ours", "record:ours", redis_url=redis.url),
        }
        worker: dict[tuple[str, str], list[float]] = defaultdict(list)
        store: dict[tuple[str, str], list[float]] = defaultdict(list)
        for _ in range(plan.rounds):
            for name, program in programs.items():
                for way, (do, words) in _ways(plan).items():
                    before = redis.cpu_s()
                    said = program.ask(do, **words)
                    assert said.get("recorded", words["count"]) == words["count"], f"not all recorded: {said}"
                    worker[name, way].append(said["spent_s"] / words["count"] * 1e6)
                    store[name, way].append((redis.cpu_s() - before) / words["count"] * 1e6)
        rss = redis.rss_bytes()
    result = Result(
        _record_rows({key: median(v) for key, v in store.items()}, {k: median(v) for k, v in worker.items()})
    )
    result.spent.append(Spent("B1", "redis, our facts 32 deep", median(store["ours", "deep"]) / 1e6, 0, 1, rss))
    return result


def _ways(plan: Plan) -> dict[str, tuple[str, dict[str, Any]]]:
    return {
        "deep": ("deep", {"count": plan.facts // 2}),
        "one user": ("deep", {"count": plan.facts // 4, "one_user": True}),
        "steady": ("steady", {"count": int(5000 * plan.seconds), "rate": 5000}),
    }


def _record_rows(store: dict[tuple[str, str], float], worker: dict[tuple[str, str], float]) -> list[Row]:
    one_user = store["ours", "one user"] / store["bare", "one user"]
    return [
        Row("B1", "Redis CPU per recorded fact, 32 deep over 64 users", "us", store["bare", "deep"],
            store["ours", "deep"], 1.25, note=f"all of one user {one_user:.2f}x"),
        Row("B1", "the same at 5,000/s", "us", store["bare", "steady"], store["ours", "steady"], 1.25),
        Row("B2", "worker CPU to send one fact, 32 deep", "us", worker["bare", "deep"], worker["ours", "deep"], 1.5,
            note=f"all of one user {worker['ours', 'one user'] / worker['bare', 'one user']:.2f}x; "
                 "the floor's bytes are ready, ours are made from the fact"),
        Row("B2", "the same at 5,000/s", "us", worker["bare", "steady"], worker["ours", "steady"], 1.5),
    ]  # fmt: skip


def run_hear(plan: Plan) -> Result:
    """B3: all three listen to the same messages at the same time."""
    with Stage() as stage:
        redis = stage.redis()
        teller = stage.program("teller", "record:ours", redis_url=redis.url)
        listeners = {
            "bare": stage.program("bare", "record:hear_bare", port=redis.port),
            "ours": stage.program("ours", "record:hear_ours", redis_url=redis.url),
            "redis-py listen": stage.program("redis-py", "record:hear_redis_py", redis_url=redis.url),
        }
        return _heard(plan, redis, teller, listeners)


def _heard(plan: Plan, redis: RedisServer, teller: Program, listeners: dict[str, Program]) -> Result:
    figures: dict[str, list[float]] = defaultdict(list)
    teller.ask("deep", count=2000)
    for _ in range(plan.rounds):
        before = {name: listener.cpu_s() for name, listener in listeners.items()}
        teller.ask("deep", count=plan.facts // 2)
        time.sleep(0.5)
        for name, listener in listeners.items():
            figures[name].append((listener.cpu_s() - before[name]) / (plan.facts // 2) * 1e6)
    holes = listeners["ours"].ask("count")["holes"]
    values = {name: median(each) for name, each in figures.items()}
    row = Row("B3", "api CPU to take one pub/sub message, 32 deep", "us", values["bare"], values["ours"], 4.0,
              others={"redis-py listen": values["redis-py listen"]},
              note=f"ours knows its place and misses none (holes {holes})")  # fmt: skip
    rss = listeners["ours"].rss_bytes()
    return Result([row], [Spent("B3", "listener, ours", values["ours"] / 1e6, 0, 1, rss)])
