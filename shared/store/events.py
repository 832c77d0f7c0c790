"""The record: facts become orders, events and messages, in one script each, and can be read back from any place.

A writer with a lease says its fence, and is refused when a newer one exists. A writer without one (an api that saw a
venue's answer) is safe because facts only move forward. Every event's message names the event before it, so a reader
that missed one knows, and fills the hole from the stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from shared.clock import CLOCK, Clock
from shared.errors import LeaseLost, StoreUnavailable
from shared.model import Fact, Order, Times, Trigger
from shared.store import keys, wire
from shared.store.connection import Redis
from shared.store.scripts import RECORD, TRIM

BATCH_MAX = 48
"""Facts in one script call: past this the call gets no cheaper for each, and others at Redis would wait."""
RECORDLESS = frozenset({"gap", "outcome"})
SNAPSHOT_LISTS = {
    "order": "orders",
    "position": "positions",
    "balance": "balances",
    "trigger": "triggers",
    "session": "sessions",
}
BEGINNING = "0-0"
EVENTS_TRIM_EVERY = 500
"""A user's stream is cut back after this many new events, not at each."""

Refused = Callable[[Exception], None]


class Event(NamedTuple):
    id: str
    kind: str
    data: bytes


class Snapshot(NamedTuple):
    """All that is known of a user's accounts, at a cursor; each record as the bytes that its writer made."""

    cursor: str
    records: dict[str, list[bytes]]

    def to_json(self, user_id: str) -> bytes:
        lists = b",".join(
            b'"%b":[%b]' % (name.encode(), b",".join(self.records.get(kind, ())))
            for kind, name in SNAPSHOT_LISTS.items()
        )
        user = msgspec.json.encode(user_id)
        return b'{"user_id":%b,"cursor":"%b",%b}' % (user, self.cursor.encode(), lists)


ARGS_OF_A_FACT = 7


def fact_args(fact: Fact, user_id: str, recorded_at_ms: int) -> tuple[str | bytes, ...]:
    """The arguments of one fact; the one place where a fact becomes bytes.

    Rank and gist go as one text: nothing in a rank sorts before the line feed, so texts compare as the pairs would.
    """
    if fact.raw is not msgspec.UNSET:
        fact = msgspec.structs.replace(fact, raw=msgspec.UNSET)
    kind, key = fact.kind, fact.key()
    times = getattr(fact, "times", None)
    if times is not None:
        fact.times = Times(times.venue, times.received, recorded_at_ms)  # type: ignore[attr-defined]  # has times
    whose = ""
    if isinstance(fact, Order | Trigger):
        whose = fact.client_order_id or "" if fact.origin == "external" else "="
    final = "-" if kind in RECORDLESS else "1" if fact.is_final() else "0"
    field = key if kind == "fill" else f"{kind}:{key}"
    return user_id, kind, field, f"{fact.rank()}\n{fact.gist()}", final, fact.to_json(), whose


class Recorder:
    """A worker's one hot connection: facts collected in a loop turn leave together, grouped by lease.

    `record` never waits. When a fact cannot be recorded, `refused` is called once for its shard with `LeaseLost` or
    `StoreUnavailable`; the owner then stops or reads the venue again, so nothing is lost either way.
    """

    def __init__(self, redis: Redis, events_kept: int, clock: Clock = CLOCK) -> None:
        self._redis, self._clock, self._events_kept = redis, clock, events_kept
        self._line = wire.Line(redis.url, (RECORD.source, TRIM.source))
        self._batch: dict[tuple[int, int], tuple[list[str | bytes], Refused]] = {}
        self._counts: dict[tuple[int, str], int] = {}
        self._full: list[tuple[int, str]] = []
        self._flush_asked = False
        self.recorded = 0

    async def run(self) -> None:
        """Keep the connection open. The first facts after a loss are refused at once; nothing queues up here."""
        await self._line.run()

    @property
    def _pipe(self) -> wire.Pipe | None:
        return self._line.pipe

    @property
    def ready(self) -> bool:
        return self._pipe is not None

    @property
    def waiting(self) -> int:
        return len(self._pipe) if self._pipe is not None else 0

    async def drained(self, timeout_s: float = 1.0) -> None:
        """Until everything handed over so far is answered, or the time is up."""
        await asyncio.sleep(0)  # what was handed over in this turn of the loop leaves at its end
        if self._pipe is not None:
            with suppress(StoreUnavailable, TimeoutError):
                await asyncio.wait_for(self._pipe.ask("PING"), timeout_s)

    def record(self, shard: int, fence: int, facts: Iterable[Fact], user_id: str, refused: Refused) -> None:
        entry = self._batch.get((shard, fence))
        if entry is None:
            entry = self._batch[shard, fence] = ([], refused)
            if not self._flush_asked:
                self._flush_asked = True
                asyncio.get_running_loop().call_soon(self._flush)
        args, now_ms, count = entry[0], self._clock.now_ms(), 0
        for fact in facts:
            args.extend(fact_args(fact, user_id, now_ms))
            count += 1
        self._count(shard, user_id, count)

    def _flush(self) -> None:
        self._flush_asked = False
        batch, self._batch = self._batch, {}
        for (shard, fence), (args, refused) in batch.items():
            for start in range(0, len(args), BATCH_MAX * ARGS_OF_A_FACT):
                self._send(shard, fence, args[start : start + BATCH_MAX * ARGS_OF_A_FACT], refused)
        self._trim()

    def _send(self, shard: int, fence: int, args: Sequence[str | bytes], refused: Refused) -> None:
        def answer(reply: Any) -> None:
            if isinstance(reply, list):
                self.recorded += len(reply)
            else:
                refused(_refusal(reply, shard, fence))

        if self._pipe is None:
            refused(StoreUnavailable())
            return
        self._pipe.send(("EVALSHA", RECORD.sha, 1, keys.of_shard(shard, "fence"), fence, *args), answer)

    def _count(self, shard: int, user_id: str, count: int) -> None:
        total = self._counts.get((shard, user_id), 0) + count
        if total < EVENTS_TRIM_EVERY:
            self._counts[shard, user_id] = total
            return
        self._counts.pop((shard, user_id), None)
        self._full.append((shard, user_id))

    def _trim(self) -> None:
        full, self._full = self._full, []
        for shard, user_id in full:
            names = keys.of_user(shard, user_id, "events"), keys.of_user(shard, user_id, "records")
            if self._pipe is not None:
                self._pipe.send(("EVALSHA", TRIM.sha, 2, *names, self._events_kept), lambda _reply: None)


def _refusal(reply: Any, shard: int, fence: int) -> Exception:
    if isinstance(reply, StoreUnavailable):
        return reply
    words = str(reply).split()
    if "FENCED" in words:
        return LeaseLost(shard, fence, int(words[-1]))
    return StoreUnavailable(f"Redis: {str(reply)[:200]}")


class Events:
    """Reading back, and recording without a lease."""

    def __init__(self, redis: Redis, clock: Clock = CLOCK) -> None:
        self._redis, self._clock = redis, clock

    def channel(self, user_id: str) -> str:
        return keys.of_user(keys.shard_of(user_id, self._redis.shards), user_id, "events")

    def _records(self, user_id: str) -> str:
        return keys.of_user(keys.shard_of(user_id, self._redis.shards), user_id, "records")

    async def record(self, facts: Sequence[Fact], user_id: str, fence: int | None = None) -> list[str]:
        """Record facts now; answers the id of each one's event, or '' where it was no news."""
        if not facts:
            return []
        shard = keys.shard_of(user_id, self._redis.shards)
        now_ms = self._clock.now_ms()
        args: list[str | bytes] = []
        for fact in facts:
            args.extend(fact_args(fact, user_id, now_ms))
        try:
            ids = await self._redis.script(
                RECORD, [keys.of_shard(shard, "fence")], "" if fence is None else str(fence), *args
            )
        except StoreUnavailable as error:
            if fence is not None and "FENCED" in str(error):
                raise LeaseLost(shard, fence, int(str(error).split()[-1])) from error
            raise
        return [id_.decode() for id_ in ids]

    async def snapshot(self, user_id: str) -> Snapshot:
        """One HGETALL: the records and the cursor at which they are true cannot disagree."""
        flat = await self._redis("HGETALL", self._records(user_id))
        cursor = BEGINNING
        records: dict[str, list[bytes]] = {kind: [] for kind in SNAPSHOT_LISTS}
        for name, value in flat.items():
            if name == b"@last":
                cursor = value.decode()
            elif name[0] not in b"@~^":
                kind, _, _ = name.partition(b":")
                records[kind.decode()].append(value)
        return Snapshot(cursor, records)

    async def records(self, user_id: str, kind: str) -> list[bytes]:
        return (await self.snapshot(user_id)).records[kind]

    async def record_of(self, user_id: str, kind: str, key: str) -> bytes | None:
        value: bytes | None = await self._redis("HGET", self._records(user_id), f"{kind}:{key}")
        return value

    async def last_id(self, user_id: str) -> str:
        last = await self._redis("HGET", self._records(user_id), "@last")
        return last.decode() if last else BEGINNING

    async def after(self, user_id: str, cursor: str, count: int = 500) -> list[Event]:
        """The events that follow the cursor, oldest first."""
        rows = await self._redis("XRANGE", self.channel(user_id), f"({cursor}", "+", "COUNT", count)
        return [to_event(row) for row in rows]

    async def newer(self, cursors: dict[str, str], count: int = 500) -> dict[str, list[Event]]:
        """For many users at once: what came after each one's cursor. One call, and no pub/sub needed."""
        if not cursors:
            return {}
        channels = {self.channel(user_id).encode(): user_id for user_id in cursors}
        reply = await self._redis("XREAD", "COUNT", count, "STREAMS", *channels, *cursors.values())
        return {channels[name]: [to_event(row) for row in entries] for name, entries in reply or ()}

    async def holds(self, user_id: str, cursor: str) -> bool:
        """Can this cursor be resumed exactly? It must be an event that is kept, or the beginning of an uncut stream."""
        if not is_cursor(cursor):
            return False
        if cursor == BEGINNING:
            return not await self._redis("HEXISTS", self._records(user_id), "@trimmed")
        return bool(await self._redis("XRANGE", self.channel(user_id), cursor, cursor, "COUNT", 1))


def to_event(row: Any) -> Event:
    id_, fields = row
    return Event(id_.decode(), fields[b"k"].decode(), fields[b"d"])


def to_message(message: bytes) -> tuple[str, Event]:
    """A pub/sub message: the id of the event before this one, and the event."""
    previous, id_, kind, data = message.split(b" ", 3)
    return previous.decode(), Event(id_.decode(), kind.decode(), data)


def is_cursor(text: str) -> bool:
    ms, dash, seq = text.partition("-")
    return bool(dash) and all(part.isascii() and part.isdigit() and len(part) <= 19 for part in (ms, seq))


def to_place(cursor: str) -> tuple[int, int]:
    """Cursors in their order."""
    ms, _, seq = cursor.partition("-")
    return int(ms), int(seq)
