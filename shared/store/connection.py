"""The way to Redis: one client for ordinary calls, and the check that this Redis can be trusted with orders."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from shared.errors import BadSetting, StoreUnavailable
from shared.store import keys, wire
from shared.store.scripts import Script

REDIS_MIN = (6, 2)
CONNECTIONS_MAX = 32


class Redis:
    """redis-py with our errors: whatever goes wrong on the way is `StoreUnavailable`.

    A command is not sent twice on its own: the caller knows whether it may be.
    """

    def __init__(self, url: str, shards: int, timeout_s: float = 2.0) -> None:
        self.url, self.shards, self._timeout_s = url, shards, timeout_s
        self._pipe: wire.Pipe | None = None
        self._pipe_lock = asyncio.Lock()
        # A pool that waits: two hundred sessions that ask at once are a queue, not an error.
        pool = redis.asyncio.BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS_MAX,
            timeout=timeout_s,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
        self.client: redis.asyncio.Redis = redis.asyncio.Redis.from_pool(pool)

    async def _run(self, *command: str | bytes | int | float) -> Any:
        return await self.client.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py's own

    async def __call__(self, *command: str | bytes | int | float) -> Any:
        try:
            return await self._run(*command)
        except (TimeoutError, RedisError, OSError) as error:
            raise StoreUnavailable(_why(error)) from error

    async def script(self, script: Script, key_names: Iterable[str], *args: str | bytes | int) -> Any:
        names = list(key_names)
        try:
            try:
                return await self._run("EVALSHA", script.sha, len(names), *names, *args)
            except NoScriptError:
                return await self._run("EVAL", script.source, len(names), *names, *args)
        except (TimeoutError, RedisError, OSError) as error:
            raise StoreUnavailable(_why(error)) from error

    async def pipeline(self, commands: Iterable[tuple[str | bytes | int, ...]]) -> list[Any]:
        """Many commands in one write; each answer stands for itself, refusals too.

        On a connection of its own: redis-py sets a timer and wakes a task for each answer, and a worker asks hundreds
        of things a second here, on the loop that carries its sessions.
        """
        wanted = list(commands)
        if not wanted:
            return []
        replies: list[Any] = []
        try:
            async with asyncio.timeout(self._timeout_s):
                pipe = await self._open_pipe()
                for command in wanted[:-1]:
                    pipe.send(command, replies.append)
                replies.append(await _last(pipe, wanted[-1]))
        except TimeoutError as error:
            self._drop_pipe()
            raise StoreUnavailable("Redis: no answer in time") from error
        for reply in replies:
            if isinstance(reply, StoreUnavailable):
                raise reply
        return replies

    async def _open_pipe(self) -> wire.Pipe:
        async with self._pipe_lock:
            if self._pipe is None or self._pipe.closed.done():
                self._pipe = await wire.connect(self.url, wire.Pipe, self._timeout_s)
            return self._pipe

    def _drop_pipe(self) -> None:
        """What was asked on it may still be answered, but nobody knows to whom any more."""
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None

    async def close(self) -> None:
        self._drop_pipe()
        await self.client.aclose()

    async def agree(self) -> None:
        """Every process must cut the users into the same shards; the first one to come says how many."""
        said = await self("HGET", keys.META, "shards")
        if said is None:
            await self("HSETNX", keys.META, "shards", self.shards)
            said = await self("HGET", keys.META, "shards")
        if int(said) != self.shards:
            raise BadSetting(
                "SHARDS",
                f"is {self.shards}, but this Redis holds {int(said)}",
                f"set SHARDS={int(said)}, or use another Redis",
            )


async def _last(pipe: wire.Pipe, command: tuple[str | bytes | int, ...]) -> Any:
    """The answer to the last command comes after all others."""
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    pipe.send(command, lambda reply: None if future.done() else future.set_result(reply))
    return await future


def _why(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return f"Redis: {text[:200]}"


@dataclass(frozen=True)
class Health:
    """What Redis says of itself, and what is wrong with it for orders."""

    version: str
    aof: bool
    policy: str
    used_bytes: int
    max_bytes: int
    complaints: tuple[tuple[str, str], ...]
    """Each with the command that mends it."""


async def health(store: Redis) -> Health:
    info = await store("INFO")
    if not isinstance(info, dict):
        raise StoreUnavailable("Redis: INFO was not understood")
    version = str(info.get("redis_version", "0"))
    policy = str(info.get("maxmemory_policy", "noeviction"))
    aof = bool(int(info.get("aof_enabled", 0)))
    complaints = []
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < REDIS_MIN:
        complaints.append((f"Redis {version} is older than 6.2", "install Redis 6.2 or newer"))
    if policy != "noeviction":
        complaints.append((f"Redis evicts keys ({policy})", "redis-cli CONFIG SET maxmemory-policy noeviction"))
    if not aof:
        complaints.append(("Redis has no append-only file", "redis-cli CONFIG SET appendonly yes"))
    return Health(
        version, aof, policy, int(info.get("used_memory", 0)), int(info.get("maxmemory", 0)), tuple(complaints)
    )
