"""The way to Redis: one client for ordinary calls, and the check that this Redis can be trusted with orders."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import hiredis
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from shared.errors import BadSetting, StoreUnavailable
from shared.store import keys, wire
from shared.store.scripts import Script

REDIS_MIN = (6, 2)
PLAIN = frozenset(
    {"DEL", "EXISTS", "GET", "GETDEL", "HEXISTS", "HGET", "HLEN", "HSET", "HSETNX", "MGET", "PUBLISH", "SCAN", "SET"}
)
"""Commands whose answers need no reading."""

Command = tuple[str | bytes | int | float, ...]
CONNECTIONS_MAX = 32


class Redis:
    """The store's way to Redis, with our errors: whatever goes wrong on the way is `StoreUnavailable`.

    Scripts, pipelines and plain commands share one connection whose answers come by callback: redis-py sets a timer and
    wakes a task for each answer, and costs five times as much. It is here for commands whose answers it reads best.
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

    async def __call__(self, *command: str | bytes | int | float) -> Any:
        if command[0] in PLAIN:
            return _checked((await self._send([command]))[0])
        task = asyncio.current_task()
        cancelled = task.cancelling() if task is not None else 0
        try:
            reply = await self.client.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py's own
        except (TimeoutError, RedisError, OSError) as error:
            raise StoreUnavailable(_why(error)) from error
        if task is not None and task.cancelling() > cancelled:
            raise asyncio.CancelledError  # redis-py writes with wait_for, which in Python 3.11 can swallow it
        return reply

    async def script(self, script: Script, key_names: Iterable[str], *args: str | bytes | int) -> Any:
        names = list(key_names)
        reply = (await self._send([("EVALSHA", script.sha, len(names), *names, *args)]))[0]
        if isinstance(reply, hiredis.ReplyError) and str(reply).startswith("NOSCRIPT"):
            reply = (await self._send([("EVAL", script.source, len(names), *names, *args)]))[0]
        return _checked(reply)

    async def scripts(
        self, script: Script, calls: Iterable[tuple[Sequence[str], Sequence[str | bytes | int]]]
    ) -> list[Any]:
        """One script for many keys in one write, as many as can; raises what Redis refused."""
        await self._send([("SCRIPT", "LOAD", script.source)])
        commands = [("EVALSHA", script.sha, len(names), *names, *args) for names, args in calls]
        return await self.every(commands)

    async def every(self, commands: Iterable[tuple[str | bytes | int, ...]]) -> list[Any]:
        """Many commands in one write; raises what Redis refused of any."""
        return [_checked(reply) for reply in await self.pipeline(commands)]

    async def pipeline(self, commands: Iterable[tuple[str | bytes | int, ...]]) -> list[Any]:
        """Many commands in one write; each answer stands for itself, refusals too."""
        wanted = list(commands)
        return await self._send(wanted) if wanted else []

    async def _send(self, commands: Sequence[Command]) -> list[Any]:
        """The answers, in order. What Redis refused is among them; a lost connection raises."""
        replies: list[Any] = []
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def last(reply: Any) -> None:
            replies.append(reply)
            if not done.done():
                done.set_result(None)

        pipe = await self._open_pipe()
        for command in commands[:-1]:
            pipe.send(command, replies.append)
        pipe.send(commands[-1], last)
        try:
            async with asyncio.timeout(self._timeout_s):
                await done
        except TimeoutError as error:
            pipe.close()  # a Redis that hangs: what waits behind us would wait in vain
            raise StoreUnavailable("Redis: no answer in time") from error
        for reply in replies:
            if isinstance(reply, StoreUnavailable):
                raise reply
        return replies

    async def _open_pipe(self) -> wire.Pipe:
        pipe = self._pipe
        if pipe is not None and not pipe.closed.done():
            return pipe
        async with self._pipe_lock:
            if self._pipe is None or self._pipe.closed.done():
                self._pipe = await wire.connect(self.url, wire.Pipe, self._timeout_s)
            return self._pipe

    async def close(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
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


def _checked(reply: Any) -> Any:
    if isinstance(reply, Exception):
        raise StoreUnavailable(_why(reply))
    return reply


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
