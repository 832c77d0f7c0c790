"""Audit: what was done here and by whom, appended and never edited, each entry chained to the one before it.

An entry's hash is taken of the hash before it and of its own bytes, so that one that is changed, left out or put in
between breaks the chain from there on. Whoever can write to Redis could make the whole chain anew: the newest hash,
kept elsewhere, is what shows that.

Nobody waits for the log: entries leave together a moment later. A process that is killed loses those of its last
FLUSH_EVERY_S; while Redis is away they are kept, up to WAITING_MAX, and what was lost beyond is itself an entry. An
answer of Redis that is lost on the way can leave an entry in the log twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from shared.clock import CLOCK, Clock
from shared.store import keys
from shared.store.connection import Redis
from shared.store.scripts import APPEND
from shared.store.wire import Line, Pipe

FLUSH_EVERY_S = 0.05
BATCH_MAX = 500
WAITING_MAX = 20_000
RETRY_S = 0.5
PAGE = 500
START = ""
"""The hash before the first entry."""

log = logging.getLogger("orderwire.audit")

Details = Mapping[str, Any] | Callable[[], Mapping[str, Any]]


class Entry(NamedTuple):
    """One line of the log, as it lies in Redis."""

    id: str
    said: bytes
    hash: str

    def to_json(self, before: str) -> bytes:
        """For export: all that it takes to check the chain, with the entry's own bytes."""
        return b'{"id":"%b","before":"%b","hash":"%b","entry":%b}' % (
            self.id.encode(), before.encode(), self.hash.encode(), self.said,
        )  # fmt: skip


class Head(NamedTuple):
    """The newest hash, that of the last entry which was trimmed, and how many entries there ever were."""

    hash: str
    trimmed: str
    total: int


class Broken(NamedTuple):
    """Where the chain does not hold."""

    id: str
    why: str


def chained(before: str, said: bytes) -> str:
    return hashlib.sha256(before.encode() + b"\n" + said).hexdigest()


class Audit:
    """One per process. `start` opens the way to Redis; until then entries wait."""

    def __init__(self, redis: Redis, kept: int, clock: Clock = CLOCK) -> None:
        self.lost = 0
        self._redis, self._kept, self._clock = redis, kept, clock
        self._line = Line(redis.url, [APPEND.source])
        self._running: asyncio.Task[None] | None = None
        self._waiting: deque[tuple[int, str, Details]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: list[bytes] = []
        self._newest = START
        self._told_lost = 0

    def __len__(self) -> int:
        """How many wait to be written."""
        return len(self._waiting) + len(self._flushing)

    def start(self) -> None:
        self._running = asyncio.get_running_loop().create_task(self._line.run())

    def note(self, what: str, details: Details) -> None:
        """Something was done. Never waits and never raises; details that cost something may be made later."""
        if len(self._waiting) >= WAITING_MAX:
            self.lost += 1
            return
        self._waiting.append((self._clock.now_ms(), what, details))
        if self._timer is None and self._running is not None and not self._flushing:
            self._flush_in(FLUSH_EVERY_S)

    async def append(self, what: str, details: Mapping[str, Any]) -> None:
        """For who can wait, as a command line does. Raises StoreUnavailable."""
        said = to_bytes(self._clock.now_ms(), what, details)
        newest = (await self.head()).hash
        while True:
            done, newest = await self._redis.script(
                APPEND, [keys.AUDIT_LOG, keys.AUDIT_HEAD], *self._args(newest, [said])
            )
            if done:
                return
            newest = newest.decode()

    async def stop(self, within_s: float = 1.0) -> None:
        """What waits is written first, if Redis is there."""
        if self._running is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while len(self) and self._line.pipe is not None:
                    if not self._flushing:
                        self._flush()
                    await asyncio.sleep(0.005)
        if len(self):
            log.warning("%d entries of the audit log could not be written", len(self))
        self._running.cancel()
        with suppress(asyncio.CancelledError):
            await self._running
        if self._timer is not None:
            self._timer.cancel()

    # Writing.

    def _flush_in(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._flush)

    def _flush(self) -> None:
        self._timer = None
        pipe = self._line.pipe
        if pipe is None:
            self._flush_in(RETRY_S)
            return
        if not self._flushing:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_MAX))]
            self._flushing = [to_bytes(*entry) for entry in batch]
            if self.lost > self._told_lost:
                said = {"entries": self.lost - self._told_lost}
                self._told_lost = self.lost
                self._flushing.append(to_bytes(self._clock.now_ms(), "audit.lost", said))
        if self._flushing:
            self._send(pipe)

    def _send(self, pipe: Pipe) -> None:
        args = self._args(self._newest, self._flushing)
        last = str(args[-1])
        command = ("EVALSHA", APPEND.sha, 2, keys.AUDIT_LOG, keys.AUDIT_HEAD, *args)
        pipe.send(command, lambda reply: self._hear(pipe, last, reply))

    def _hear(self, pipe: Pipe, last: str, reply: Any) -> None:
        if isinstance(reply, Exception):
            pipe.close()  # also a Redis that has forgotten the script: it is found again with it
            self._flush_in(RETRY_S)
            return
        done, newest = reply[0], reply[1].decode()
        self._newest = newest
        if done or newest == last:  # the second: it was written, and only the answer got lost
            self._flushing = []
        elif self._flushing:
            self._send(pipe)  # another process was first
            return
        if self._waiting:
            self._flush_in(FLUSH_EVERY_S)

    def _args(self, newest: str, entries: list[bytes]) -> list[str | bytes | int]:
        args: list[str | bytes | int] = [newest, self._kept]
        for said in entries:
            newest = chained(newest, said)
            args += (said, newest)
        return args

    # Reading.

    async def head(self) -> Head:
        said = await self._redis("HGETALL", keys.AUDIT_HEAD)
        return Head(said.get(b"hash", b"").decode(), said.get(b"trimmed", b"").decode(), int(said.get(b"count", b"0")))

    async def entries(self, after: str = "-") -> AsyncIterator[Entry]:
        """The oldest kept first."""
        while True:
            (rows,) = await self._redis.every([("XRANGE", keys.AUDIT_LOG, after, "+", "COUNT", PAGE)])
            for row in rows:
                yield to_entry(row)
            if len(rows) < PAGE:
                return
            after = "(" + rows[-1][0].decode()

    async def last(self, count: int) -> list[Entry]:
        """The newest ones, oldest first."""
        (rows,) = await self._redis.every([("XREVRANGE", keys.AUDIT_LOG, "+", "-", "COUNT", count)])
        return [to_entry(row) for row in reversed(rows)]

    async def verify(self, seen: str | None = None) -> tuple[int, str, Broken | None]:
        """How many entries hold, the newest hash, and where the chain is broken. `seen` is one that was in it once."""
        head = await self.head()
        awaited = {head.hash} | ({seen} if seen else set())
        count, newest = 0, head.trimmed
        awaited.discard(newest)
        async for entry in self.entries():
            if chained(newest, entry.said) != entry.hash:
                if not count and (await self.head()).trimmed != head.trimmed:
                    return await self.verify(seen)  # the oldest were trimmed while we began to read
                return count, newest, Broken(entry.id, "it was changed, or one before it is missing")
            count, newest = count + 1, entry.hash
            awaited.discard(newest)
        if head.hash in awaited:
            return count, newest, Broken("the end", "the newest entries are missing")
        if awaited:
            return count, newest, Broken("the log", "the hash that was seen before is not in it")
        return count, newest, None


def to_bytes(at_ms: int, what: str, details: Details) -> bytes:
    """What cannot be told must not keep the others from being told."""
    try:
        said = details() if callable(details) else details
        return msgspec.json.encode({"at_ms": at_ms, "what": what, **said})
    except Exception:
        log.exception("the details of %s could not be told", what)
        return msgspec.json.encode({"at_ms": at_ms, "what": what, "details": "could not be told"})


def to_entry(row: Any) -> Entry:
    fields = dict(zip(row[1][::2], row[1][1::2], strict=True))
    return Entry(row[0].decode(), fields.get(b"e", b""), fields.get(b"h", b"").decode("ascii", "replace"))
