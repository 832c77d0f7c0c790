"""A: what a session costs a worker. Memory while idle, CPU per update and to open, and whether a burst is told whole.

Ours is `python -m workers` itself for memory, and the worker's own socket and wire for opening and for updates. The
floor is a bare `websockets` client on uvloop with one shared TLS context. ccxt.pro stands beside it: one instance per
user, tuned (shared TLS context, HTTP session and markets) and as it comes.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import ssl
import sys
import time
from collections import defaultdict
from typing import Any, NamedTuple

from websockets.asyncio.client import ClientConnection, connect

from shared.clock import CLOCK
from shared.exchanges import registry
from shared.exchanges.socket import Socket
from shared.model import Credentials, Fact, Order, Owner
from shared.settings import Settings
from shared.store import Store
from shared.store.accounts import Account
from shared.store.sessions import Wish
from shared.store.users import Claim
from shared.vault import Vault
from tests.bench.plan import Plan
from tests.bench.processes import KEY, SECRET, UID, Program, Stage, free_port, median, serve, wait_until
from tests.bench.table import Result, Row, Spent

SYMBOL = "BTC/USDT:USDT"
KIB = 1024
OPENING_MAX = 64
SHARDS = 256


# The programs.


async def bare(url: str) -> None:
    """The floor: websockets and json, and nothing else."""
    context = ssl.create_default_context() if url.startswith("wss") else None
    sockets: list[ClientConnection] = []
    tasks: list[asyncio.Task[None]] = []
    heard = 0

    async def read(socket: ClientConnection) -> None:
        nonlocal heard
        async for frame in socket:
            json.loads(frame)
            heard += 1

    async def open_one(gate: asyncio.Semaphore) -> None:
        async with gate:
            socket = await connect(url, ssl=context, compression=None, ping_interval=None, proxy=None)
            await socket.send('{"time":1,"channel":"futures.orders","event":"subscribe","payload":["1","!all"]}')
            await socket.recv()
            sockets.append(socket)
            tasks.append(asyncio.create_task(read(socket)))

    async def open_(count: int) -> dict[str, Any]:
        gate = asyncio.Semaphore(OPENING_MAX)
        await asyncio.gather(*(open_one(gate) for _ in range(count)))
        gc.collect()
        return {}

    async def count() -> dict[str, Any]:
        return {"heard": heard}

    await serve(open=open_, count=count)


async def ours(url: str) -> None:
    """The worker's own socket and wire; each fact is counted where the recorder would take it."""
    venue = registry.venue("gate")
    sockets: list[Socket] = []
    seen: dict[str, list[tuple[str, str, int]]] = defaultdict(list)
    heard = 0
    keep = False

    def take(facts: list[Fact]) -> None:
        nonlocal heard
        heard += len(facts)
        if keep:
            for fact in facts:
                if isinstance(fact, Order):
                    seen[fact.id].append((fact.status, fact.filled, fact.updated_at_ms or 0))

    async def open_one(gate: asyncio.Semaphore, number: int) -> None:
        wire = venue.wire(Owner(f"user{number}", f"account{number}", "gate", "paper"), UID)
        async with gate:
            socket = await Socket.connect(url, venue.connect_headers(), wire, venue.limits, take)
            await socket.subscribe(wire.subscriptions(Credentials(KEY, SECRET), CLOCK.now_s()))
            socket.release()
            sockets.append(socket)

    async def open_(count: int) -> dict[str, Any]:
        gate = asyncio.Semaphore(OPENING_MAX)
        await asyncio.gather(*(open_one(gate, number) for number in range(count)))
        gc.collect()
        return {}

    async def count() -> dict[str, Any]:
        return {"heard": heard}

    async def follow() -> dict[str, Any]:
        nonlocal keep
        keep = True
        return {}

    async def told() -> dict[str, Any]:
        states = sum(len(set(states)) for states in seen.values())
        in_order = all([each[2] for each in states] == sorted(each[2] for each in states) for states in seen.values())
        return {"states": states, "in_order": in_order}

    await serve(open=open_, count=count, follow=follow, told=told)


async def ccxt_pro(url: str, rest_url: str, tuned: bool) -> None:
    """One ccxt.pro instance per user, each with a consumer of `watch_orders`."""
    import aiohttp
    import ccxt.pro

    clients: list[Any] = []
    tasks: list[asyncio.Task[None]] = []
    seen: set[tuple[str, str, float, int]] = set()
    heard = 0
    context, shared_session = ssl.create_default_context(), None

    def make() -> Any:
        options = {"apiKey": KEY, "secret": SECRET, "uid": UID, "newUpdates": True, "enableRateLimit": False}
        client = ccxt.pro.gate(options | {"options": {"defaultType": "swap", "unifiedAccount": False}})
        for side in ("public", "private"):
            for name in client.urls["api"][side]:
                client.urls["api"][side][name] = rest_url
        client.urls["api"]["swap"] = {"usdt": url}
        client.options["fetchMarkets"] = {"types": ["swap"]}
        client.cafile = os.environ.get("SSL_CERT_FILE", client.cafile)
        return client

    async def prepare(client: Any) -> None:
        nonlocal shared_session
        if not tuned:
            await client.load_markets()
            return
        if shared_session is None:
            shared_session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context, limit=0))
        client.ssl_context, client.session = context, shared_session
        if clients:
            first = clients[0]
            for name in ("markets", "markets_by_id", "currencies", "currencies_by_id", "symbols", "ids", "codes"):
                setattr(client, name, getattr(first, name))
            client.baseCurrencies = client.quoteCurrencies = first.currencies
        else:
            await client.load_markets()

    async def watch(client: Any) -> None:
        nonlocal heard
        while True:
            for order in await client.watch_orders():
                heard += 1
                seen.add((order["id"], order["status"], order["filled"], order["info"].get("update_id", 0)))

    async def open_one(number: int) -> None:
        client = make()
        await prepare(client)
        clients.append(client)
        tasks.append(asyncio.create_task(watch(client)))

    async def open_(count: int) -> dict[str, Any]:
        for number in range(count):
            await open_one(number)
        return {}

    async def count() -> dict[str, Any]:
        failed = [str(task.exception()) for task in tasks if task.done() and not task.cancelled()]
        return {"heard": heard, "failed": failed[:1]}

    async def told() -> dict[str, Any]:
        return {"states": len(seen)}

    await serve(open=open_, count=count, told=told)


async def wish(redis_url: str) -> None:
    """Writes accounts and wishes into the store, and says how many sessions are live."""
    settings = Settings.from_env(os.environ | {"REDIS_URL": redis_url})
    store, vault = Store(settings), Vault(settings.master_keys())
    await store.redis.agree()

    async def want(first: int, count: int) -> dict[str, Any]:
        for number in range(first, first + count):
            user = f"user{number}"
            sealed = vault.seal(Credentials(f"{KEY}{number}", SECRET), user, "gate", user)  # a venue counts by key
            await store.accounts.put(
                Account(
                    account_id=user, user_id=user, venue="gate", environment="paper", label="", sealed=sealed,
                    created_at_ms=0,
                )
            )  # fmt: skip
        for number in range(first, first + count):
            user = f"user{number}"
            await store.users.claim(Claim(user, user, 0))
            await store.sessions.want(Wish(user, user, "gate", "paper"))
        return {}

    async def live() -> dict[str, Any]:
        beats = await store.leases.beat(None)
        return {"live": sum(beat.live for beat in beats), "shards": sum(len(beat.shards) for beat in beats)}

    await serve(want=want, live=live)


# The rows.


def start_venue(stage: Stage) -> tuple[Program, int, int]:
    port, tls_port = free_port(), free_port()
    return stage.program("venue", "venue:run", port=port, tls_port=tls_port, folder=str(stage.folder)), port, tls_port


def ws_url(port: int, group: str, *, tls: bool = False) -> str:
    return f"{'wss' if tls else 'ws'}://{'localhost' if tls else '127.0.0.1'}:{port}/g/{group}/v4/ws/usdt"


class Opened(NamedTuple):
    """What sessions cost to open and to keep; memory for each, CPU and wall for a thousand."""

    rss_kib: float
    cpu_s: float
    wall_s: float


class Ground:
    """A venue, over TLS or plain, and what is opened against it."""

    def __init__(self, plan: Plan, stage: Stage, *, tls: bool) -> None:
        self.plan, self.stage, self.tls = plan, stage, tls
        self.venue, port, tls_port = start_venue(stage)
        self.port = tls_port if tls else port
        self.trust = {"SSL_CERT_FILE": str(stage.folder / "cert.pem")}
        self.venue_url = f"{'https://localhost' if tls else 'http://127.0.0.1'}:{self.port}"

    def sockets(self, name: str) -> Opened:
        """Our socket and wire, or the floor's. The first few pay for what all share."""
        url = ws_url(self.port, name, tls=self.tls)
        program, count = self.stage.program(name, f"sessions:{name}", self.trust, url=url), self.plan.sessions
        before, begun_s = program.ask("open", count=20), time.monotonic()
        opened = _opened(before, program.ask("open", count=count), time.monotonic() - begun_s, count)
        program.end()
        return opened

    def ccxt(self, *, tuned: bool) -> Opened:
        """Fewer, and counted up: as shipped each user loads all markets."""
        count = self.plan.sessions_ccxt if tuned else max(4, self.plan.sessions_ccxt // 4)
        group = f"ccxt{tuned:d}"
        options = {"url": ws_url(self.port, group, tls=self.tls), "rest_url": f"{self.venue_url}/api/v4"}
        program = self.stage.program("ccxt", "sessions:ccxt_pro", self.trust, **options, tuned=tuned)
        before, begun_s = program.ask("open", count=1), time.monotonic()
        program.ask("open", count=count)
        wait_until(lambda: _followed(self.venue, group, count + 1), 60, "watching")
        opened = _opened(before, program.ask("count"), time.monotonic() - begun_s, count)
        program.end()
        return opened

    def worker(self) -> tuple[Opened, Spent]:
        """`python -m workers` from wishes to live sessions. A first hundred pay for the pools that all share."""
        first, count = 100, self.plan.sessions
        redis = self.stage.redis()
        env = self.trust | self.stage.house(redis, self.venue_url)
        wishes = self.stage.program("wishes", "sessions:wish", env, redis_url=redis.url)
        worker = self.stage.process("worker", [sys.executable, "-m", "workers"], env)
        wait_until(lambda: bool(wishes.ask("live")["shards"] == SHARDS), 20, "a worker with all shards")
        _go_live(wishes, 0, first)
        rss, spent_s, begun_s = worker.rss_bytes(), worker.cpu_s(), time.monotonic()
        _go_live(wishes, first, count)
        took_s, spent_s = time.monotonic() - begun_s, worker.cpu_s() - spent_s
        each, many = (worker.rss_bytes() - rss) / count / KIB, 1000 / count
        spent = Spent("A1", "worker", spent_s, took_s, count, worker.rss_bytes())
        return Opened(each, spent_s * many, took_s * many), spent


def _opened(before: dict[str, Any], after: dict[str, Any], took_s: float, count: int) -> Opened:
    rss = (after["rss_bytes"] - before["rss_bytes"]) / count / KIB
    return Opened(rss, (after["cpu_s"] - before["cpu_s"]) * 1000 / count, took_s * 1000 / count)


def _go_live(wishes: Program, first: int, count: int) -> None:
    wishes.ask("want", first=first, count=count)
    wait_until(lambda: bool(wishes.ask("live")["live"] >= first + count), 60, f"{first + count} live sessions")


def run_idle(plan: Plan) -> Result:
    """A1 and A3, over TLS and plain."""
    result = Result()
    for tls in (True, False):
        with Stage() as stage:
            _idle(Ground(plan, stage, tls=tls), "TLS" if tls else "plain", result)
    return result


def _idle(ground: Ground, kind: str, result: Result) -> None:
    bare, ours = ground.sockets("bare"), ground.sockets("ours")
    live, spent = ground.worker()
    others = {"ccxt tuned": ground.ccxt(tuned=True), "ccxt as shipped": ground.ccxt(tuned=False)}
    spent.process = f"worker, {kind}"
    result.spent.append(spent)
    alone = f"our socket alone {ours.rss_kib / bare.rss_kib:.1f}x"
    walls = f"wall {ours.wall_s:.1f} s, floor {bare.wall_s:.1f} s"
    reads = f"with eight REST reads each; wall {live.wall_s:.1f} s"
    result.rows += [
        Row("A1", f"RSS per idle live session, {kind}", "KiB", bare.rss_kib, live.rss_kib, 1.5,
            others={name: each.rss_kib for name, each in others.items()}, note=alone),
        Row("A3", f"CPU to open 1,000 sessions, {kind}", "s", bare.cpu_s, ours.cpu_s, 2.0,
            others={name: each.cpu_s for name, each in others.items()}, note=walls),
        Row("A3", f"CPU to bring 1,000 sessions to live, {kind}", "s", bare.cpu_s, live.cpu_s, note=reads),
    ]  # fmt: skip


def _followed(venue: Program, group: str, count: int) -> bool:
    return bool(venue.ask("count", group=group)["following"] >= count)


def run_updates(plan: Plan) -> Result:
    """A2: the same updates to each in turn, several rounds, and the middle of what each spent."""
    with Stage() as stage:
        venue, port, _ = start_venue(stage)
        rest_url = f"http://127.0.0.1:{port}/api/v4"
        programs = {
            "bare": stage.program("bare", "sessions:bare", url=ws_url(port, "bare")),
            "ours": stage.program("ours", "sessions:ours", url=ws_url(port, "ours")),
            "ccxt": stage.program("ccxt", "sessions:ccxt_pro", url=ws_url(port, "ccxt"), rest_url=rest_url, tuned=True),
        }
        for name, program in programs.items():
            program.ask("open", count=plan.update_sockets)
            wait_until(lambda name=name: _followed(venue, name, plan.update_sockets), 30, name)  # type: ignore[misc]
        each: dict[str, list[float]] = defaultdict(list)
        spent: dict[str, Spent] = {}
        for turn in range(plan.rounds + 1):
            for name, program in programs.items():
                before = program.ask("count")
                pushed = venue.ask("push", group=name, rate=2000, seconds=plan.seconds if turn else 0.5)
                time.sleep(0.2)
                after = program.ask("count")
                heard, cpu = after["heard"] - before["heard"], after["cpu_s"] - before["cpu_s"]
                if turn:
                    each[name].append(cpu / pushed["sent"] * 1e6)
                    spent[name] = Spent("A2", name, cpu, pushed["took_s"], pushed["sent"], after["rss_bytes"])
                assert heard >= pushed["sent"] * (0.1 if name == "ccxt" else 1), f"{name} heard {heard} of {pushed}"
        values = {name: median(figures) for name, figures in each.items()}
    row = Row(
        "A2", "worker CPU per update received and in our words, 2,000/s", "us", values["bare"], values["ours"], 1.0,
        others={"ccxt": values["ccxt"]}, note="the floor decodes JSON; ours has exact decimals in a typed order",
    )  # fmt: skip
    return Result([row], list(spent.values()))


def run_burst(plan: Plan) -> Result:
    """A4: every state of ten orders in one write, again and again."""
    orders, states, bursts = 10, 4, 20
    with Stage() as stage:
        venue, port, _ = start_venue(stage)
        rest_url = f"http://127.0.0.1:{port}/api/v4"
        mine = stage.program("ours", "sessions:ours", url=ws_url(port, "ours"))
        theirs = stage.program("ccxt", "sessions:ccxt_pro", url=ws_url(port, "ccxt"), rest_url=rest_url, tuned=True)
        mine.ask("follow")
        lost: dict[str, float] = {}
        told: dict[str, Any] = {}
        for name, program in (("ours", mine), ("ccxt", theirs)):
            program.ask("open", count=1)
            wait_until(lambda name=name: _followed(venue, name, 1), 30, name)  # type: ignore[misc]
            sent = venue.ask("burst", group=name, orders=orders, states=states, bursts=bursts, pause_s=0.02)["sent"]
            time.sleep(0.5)
            told = program.ask("told")
            if name == "ours":
                assert told["in_order"], "states of an order came out of order"
            lost[name] = 100 * (sent - told["states"]) / sent
    row = Row("A4", f"order states lost in bursts of {orders * states}, of {sent}", "%", 0.0, lost["ours"], 0.0,
              absolute=True, note=f"ccxt watch_orders {lost['ccxt']:.0f} %; ours in order per order")  # fmt: skip
    return Result([row])
