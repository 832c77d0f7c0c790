"""E: what the gateway adds to an order.

Ours is `python -m api` with everything on: claims, intents written before and after, leverage known, orders recorded.
The floor is a bare aiohttp gateway that signs and passes on. Beside them stand a signed POST straight to the same stub
venue, and ccxt's `create_order`, which needs no gateway and so has none of its safety.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import sys
import time
from collections import defaultdict
from typing import Any, cast

import aiohttp
from aiohttp import web
from yarl import URL

from tests.bench.plan import Plan
from tests.bench.processes import (
    KEY,
    SECRET,
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
from tests.bench.sessions import SYMBOL, start_venue
from tests.bench.table import Result, Row, Spent

IN_FLIGHT = 32
ACCOUNTS = 64
PAUSE_S = 0.005
"""Between orders that are placed one at a time: the processes are idle again."""
PATH = "/api/v4/futures/usdt/orders"
EMPTY_KEYED = hmac.new(SECRET.encode(), digestmod=hashlib.sha512)


# The programs.


class Caller(asyncio.Protocol):
    """One kept connection that asks one thing at a time."""

    def __init__(self) -> None:
        self._waiting = b""
        self._answered: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        head, end, body = self._waiting.partition(b"\r\n\r\n")
        if not end:
            return
        at = head.lower().index(b"content-length:") + 15
        if len(body) >= int(head[at : (head + b"\r\n").index(b"\r\n", at)]) and self._answered is not None:
            answered, self._answered = self._answered, None
            self._waiting = b""
            answered.set_result(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answered is not None:
            self._answered.set_exception(ConnectionError("the gateway closed the connection"))

    async def ask(self, request: bytes) -> int:
        self._answered = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self._answered


def to_request(number: int) -> bytes:
    """The same request to ours and to the floor's gateway."""
    account = number % ACCOUNTS
    body = json.dumps(
        {
            "userId": f"user{account}", "market_type": "limit", "price": "30000.5", "contract": "BTC_USDT",
            "leverage": "10", "leverage_type": "ISOLATED", "size": "2", "position_type": "long",
        }
    ).encode()  # fmt: skip
    head = (
        "POST /gate/place-futures-order HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"api-key: {KEY}-{account}\r\napi-secret: {SECRET}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def call() -> None:
    """Places orders through a gateway, over connections that stay open."""
    loop = asyncio.get_running_loop()
    callers: dict[int, list[Caller]] = {}

    async def open_(port: int) -> list[Caller]:
        if port not in callers:
            pairs = [await loop.create_connection(Caller, "127.0.0.1", port) for _ in range(IN_FLIGHT)]
            callers[port] = [caller for _, caller in pairs]
        return callers[port]

    async def many(port: int, count: int) -> dict[str, Any]:
        numbers, took_ms = iter(range(count)), list[float]()

        async def one_after_another(caller: Caller) -> None:
            for number in numbers:
                begun_s = time.perf_counter()
                _check(await caller.ask(to_request(number)))
                took_ms.append((time.perf_counter() - begun_s) * 1000)

        await asyncio.gather(*(one_after_another(caller) for caller in await open_(port)))
        return {"p50": percentile(took_ms, 0.5), "p99": percentile(took_ms, 0.99)}

    async def idle(port: int, count: int) -> dict[str, Any]:
        caller, took_ms = (await open_(port))[0], list[float]()
        for number in range(count):
            request = to_request(number)
            begun_s = time.perf_counter()
            _check(await caller.ask(request))
            took_ms.append((time.perf_counter() - begun_s) * 1000)
            await asyncio.sleep(PAUSE_S)
        return {"p50": percentile(took_ms, 0.5)}

    await serve(many=many, idle=idle)


def _check(status: int) -> None:
    if status != 200:
        raise RuntimeError(f"an order was answered with {status}")


def to_order(said: dict[str, Any]) -> bytes:
    order = {
        "contract": said["contract"],
        "size": said["size"],
        "price": said["price"],
        "tif": "gtc",
        "text": "t-bench",
    }
    return json.dumps(order).encode()


def signed(body: bytes) -> dict[str, str]:
    timestamp = str(int(time.time()))
    words = f"POST\n{PATH}\n\n{hashlib.sha512(body).hexdigest()}\n{timestamp}"
    keyed = EMPTY_KEYED.copy()
    keyed.update(words.encode())
    return {"Content-Type": "application/json", "KEY": KEY, "Timestamp": timestamp, "SIGN": keyed.hexdigest()}


async def bare_gateway(port: int, venue_port: int) -> None:
    """The floor: reads the order, signs it, sends it, answers with the reply. It remembers and checks nothing."""
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
    url = URL(f"http://127.0.0.1:{venue_port}{PATH}", encoded=True)

    async def place(request: web.Request) -> web.Response:
        body = to_order(json.loads(await request.read()))
        async with session.post(url, data=body, headers=signed(body)) as response:
            return web.Response(body=await response.read(), content_type="application/json")

    app = web.Application()
    app.router.add_post("/gate/place-futures-order", place)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await serve()


async def straight(venue_port: int, ccxt_too: bool) -> None:
    """Without a gateway: a bare signed POST, or ccxt's `create_order`."""
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
    url = URL(f"http://127.0.0.1:{venue_port}{PATH}", encoded=True)
    client = await _ccxt(venue_port) if ccxt_too else None

    async def place() -> None:
        if client is not None:
            await client.create_order(SYMBOL, "limit", "buy", 2, 30000.5)
            return
        body = to_order({"contract": "BTC_USDT", "size": "2", "price": "30000.5"})
        async with session.post(url, data=body, headers=signed(body)) as response:
            json.loads(await response.read())

    async def many(count: int) -> dict[str, Any]:
        numbers = iter(range(count))

        async def one_after_another() -> None:
            for _ in numbers:
                await place()

        await asyncio.gather(*(one_after_another() for _ in range(IN_FLIGHT)))
        return {}

    async def idle(count: int) -> dict[str, Any]:
        took_ms = []
        for _ in range(count):
            begun_s = time.perf_counter()
            await place()
            took_ms.append((time.perf_counter() - begun_s) * 1000)
            await asyncio.sleep(PAUSE_S)
        return {"p50": percentile(took_ms, 0.5)}

    await serve(many=many, idle=idle)


async def _ccxt(venue_port: int) -> Any:
    import ccxt.async_support

    options = {"apiKey": KEY, "secret": SECRET, "uid": "1", "enableRateLimit": False}
    client = ccxt.async_support.gate(options | {"options": {"defaultType": "swap", "unifiedAccount": False}})
    for side in ("public", "private"):
        for name in client.urls["api"][side]:
            client.urls["api"][side][name] = f"http://127.0.0.1:{venue_port}/api/v4"
    client.options["fetchMarkets"] = {"types": ["swap"]}
    await client.load_markets()
    return client


# The rows.


class Shop:
    """All ways to place an order, in front of one venue."""

    def __init__(self, stage: Stage) -> None:
        self.venue, venue_port, _ = start_venue(stage)
        self.redis: RedisServer = stage.redis()
        self.ports = {"bare": free_port(), "ours": free_port()}
        env = stage.house(self.redis, f"http://127.0.0.1:{venue_port}", PORT=str(self.ports["ours"]))
        self.gateways: dict[str, Process] = {
            "bare": stage.program("bare", "orders:bare_gateway", port=self.ports["bare"], venue_port=venue_port),
            "ours": stage.process("api", [sys.executable, "-m", "api"], env),
        }
        self.straight: dict[str, Program] = {
            "direct": stage.program("direct", "orders:straight", venue_port=venue_port, ccxt_too=False),
            "ccxt": stage.program("ccxt", "orders:straight", venue_port=venue_port, ccxt_too=True),
        }
        self.callers = stage.program("callers", "orders:call")
        wait_until(lambda: answers(self.ports["ours"]), what="the api")

    def place(self, do: str, name: str, count: int) -> tuple[float, float, float]:
        """Through one of them: CPU per order in us of whoever places it, the middle latency in ms, Redis CPU in us."""
        placing = self.gateways.get(name) or self.straight[name]
        before, redis = placing.cpu_s(), self.redis.cpu_s()
        if name in self.ports:
            said = self.callers.ask(do, port=self.ports[name], count=count)
        else:
            said = self.straight[name].ask(do, count=count)
        each = 1e6 / count
        return (placing.cpu_s() - before) * each, said.get("p50", float("nan")), (self.redis.cpu_s() - redis) * each

    @property
    def names(self) -> list[str]:
        return [*self.gateways, *self.straight]


def run_orders(plan: Plan) -> Result:
    """E1 and E2 on one set-up."""
    cpu, alone = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
    redis_us: list[float] = []
    with Stage() as stage:
        shop = Shop(stage)
        for name in shop.names:
            shop.place("many", name, 200)  # whoever comes first opens connections and reads the leverage
        for _ in range(plan.rounds):
            for name in shop.names:
                spent, _, store = shop.place("many", name, plan.orders)
                cpu[name].append(spent)
                redis_us += [store] if name == "ours" else []
            for name in shop.names:
                alone[name].append(shop.place("idle", name, plan.idle_orders)[1])
        rss = {name: process.rss_bytes() for name, process in shop.gateways.items()}
        redis_rss = shop.redis.rss_bytes()
    return _told(
        {name: median(each) for name, each in cpu.items()},
        {name: median(each) for name, each in alone.items()},
        [Spent("E1", f"{name} gateway", median(cpu[name]) / 1e6, 0, 1, rss[name]) for name in rss]
        + [Spent("E1", "redis, ours", median(redis_us) / 1e6, 0, 1, redis_rss)],
    )


def _told(cpu: dict[str, float], alone: dict[str, float], spent: list[Spent]) -> Result:
    direct_ms = alone["direct"]
    added = f"adds {alone['ours'] - direct_ms:.2f} ms to a direct POST, the floor {alone['bare'] - direct_ms:.2f}"
    rows = [
        Row("E1", "gateway CPU per order, 32 in flight, intents on", "us", cpu["bare"], cpu["ours"], 2.0,
            others={"direct POST": cpu["direct"], "ccxt alone": cpu["ccxt"]}),
        Row("E2", "one order on an idle gateway, p50, intents on", "ms", alone["bare"], alone["ours"], 2.0,
            others={"direct POST": direct_ms, "ccxt alone": alone["ccxt"]}, note=added),
    ]  # fmt: skip
    return Result(rows, spent)
