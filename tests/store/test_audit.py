"""The audit log: appended and never edited, each entry chained to the one before, and nobody waits for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis

from shared.settings import Settings
from shared.store import Store, keys
from shared.store.audit import Audit, chained
from shared.store.wire import Pipe
from tests.api.running import RedisProcess, running_redis, until

NewStore = Callable[[], Store]
Rows = list[tuple[bytes, bytes]]


@pytest.fixture
async def new_store(redis_url: str) -> AsyncIterator[NewStore]:
    """Makes processes: each has a log of its own to write with."""
    stores: list[Store] = []

    def make() -> Store:
        store = Store(Settings.from_env({"REDIS_URL": redis_url}))
        store.audit.start()
        stores.append(store)
        return store

    yield make
    for store in stores:
        await store.close()


@pytest.fixture
async def store(new_store: NewStore) -> Store:
    return new_store()


@pytest.fixture
def fragile(tmp_path: Path) -> Iterator[RedisProcess]:
    """A Redis that the test may stop."""
    with running_redis(tmp_path) as redis:
        yield redis


async def said(store: Store) -> list[dict[str, Any]]:
    return [msgspec.json.decode(entry.said) async for entry in store.audit.entries()]


async def written(store: Store, count: int) -> None:
    async def are_there() -> bool:
        return len(store.audit) == 0 and (await store.audit.head()).total == count

    await until(are_there, f"{count} entries are written")


async def note(store: Store, count: int) -> None:
    for number in range(count):
        store.audit.note("tested", {"number": number})
    await written(store, count)


async def test_what_was_done_is_read_back_in_its_order(store: Store) -> None:
    await note(store, 3)
    entries = await said(store)
    assert [(entry["what"], entry["number"]) for entry in entries] == [("tested", 0), ("tested", 1), ("tested", 2)]
    assert all(abs(entry["at_ms"] - time.time() * 1000) < 60_000 for entry in entries)
    assert [msgspec.json.decode(entry.said)["number"] for entry in await store.audit.last(2)] == [1, 2]


async def test_each_entry_is_chained_to_the_one_before(store: Store) -> None:
    await note(store, 20)
    newest = ""
    async for entry in store.audit.entries():
        newest = chained(newest, entry.said)
        assert entry.hash == newest
    assert await store.audit.verify() == (20, newest, None)
    assert (await store.audit.head()).hash == newest


async def test_an_empty_log_holds(store: Store) -> None:
    assert await store.audit.verify() == (0, "", None)


async def test_processes_that_write_at_once_make_one_chain(new_store: NewStore) -> None:
    """Whoever was second chains anew to what the first one wrote. Nothing is lost, nothing is there twice."""
    stores = [new_store() for _ in range(4)]

    async def write(store: Store, name: int) -> None:
        for number in range(200):
            store.audit.note("tested", {"writer": name, "number": number})
            await asyncio.sleep(0.001)

    await asyncio.gather(*(write(store, name) for name, store in enumerate(stores)))
    await asyncio.gather(*(written(store, 800) for store in stores))
    count, _, broken = await stores[0].audit.verify()
    assert (count, broken) == (800, None)
    entries = await said(stores[0])
    for name in range(4):
        assert [entry["number"] for entry in entries if entry["writer"] == name] == list(range(200))


async def test_a_command_line_appends_beside_a_process(store: Store, new_store: NewStore) -> None:
    await note(store, 5)
    other = new_store()
    await other.audit.append("keys.rotate", {"by": "operator"})
    store.audit.note("tested", {"number": 5})
    await written(store, 7)
    assert [entry["what"] for entry in await said(store)][5:] == ["keys.rotate", "tested"]
    assert (await store.audit.verify())[2] is None


# What breaks it.


def rewrite(client: redis.Redis, change: Callable[[Rows], None]) -> None:
    """As somebody with the rights to Redis would."""
    found: Any = client.xrange(keys.AUDIT_LOG)
    rows = [(fields[b"e"], fields[b"h"]) for _, fields in found]
    change(rows)
    client.delete(keys.AUDIT_LOG)
    for number, (entry, digest) in enumerate(rows, 1):
        client.xadd(keys.AUDIT_LOG, {b"e": entry, b"h": digest}, id=f"{number}-0")


def an_edit(rows: Rows) -> None:
    entry, digest = rows[4]
    rows[4] = entry.replace(b'"number":4', b'"number":5'), digest


def an_edit_with_its_hash(rows: Rows) -> None:
    an_edit(rows)
    rows[4] = rows[4][0], chained(rows[3][1].decode(), rows[4][0]).encode()


def a_gap(rows: Rows) -> None:
    del rows[4]


def an_exchange(rows: Rows) -> None:
    rows[4], rows[5] = rows[5], rows[4]


def an_insertion(rows: Rows) -> None:
    forged = b'{"what":"forged"}'
    rows.insert(5, (forged, chained(rows[4][1].decode(), forged).encode()))


def no_beginning(rows: Rows) -> None:
    del rows[:4]


@pytest.mark.parametrize(
    ("change", "held"),
    [(an_edit, 4), (an_edit_with_its_hash, 5), (a_gap, 4), (an_exchange, 4), (an_insertion, 6), (no_beginning, 0)],
)
async def test_what_was_changed_afterwards_breaks_the_chain(
    store: Store, redis_url: str, change: Callable[[Rows], None], held: int
) -> None:
    """From the entry on that was changed, or the one behind it."""
    await note(store, 10)
    with redis.Redis.from_url(redis_url) as client:
        rewrite(client, change)
    count, _, broken = await store.audit.verify()
    assert broken is not None and count == held


async def test_entries_cut_off_at_the_end_are_missed(store: Store, redis_url: str) -> None:
    await note(store, 10)
    with redis.Redis.from_url(redis_url) as client:
        client.xdel(keys.AUDIT_LOG, client.xrevrange(keys.AUDIT_LOG, count=1)[0][0])
    count, _, broken = await store.audit.verify()
    assert broken is not None and broken.id == "the end" and count == 9


async def test_a_log_made_anew_is_shown_by_a_hash_that_was_seen_before(store: Store, redis_url: str) -> None:
    """Whoever may write to Redis can chain a whole new log; then only what is kept elsewhere tells."""
    await note(store, 10)
    seen = (await store.audit.head()).hash

    def all_of_it(rows: Rows) -> None:
        an_edit(rows)
        newest = ""
        for place, (entry, _) in enumerate(rows):
            newest = chained(newest, entry)
            rows[place] = entry, newest.encode()

    with redis.Redis.from_url(redis_url) as client:
        rewrite(client, all_of_it)
        client.hset(keys.AUDIT_HEAD, "hash", client.xrevrange(keys.AUDIT_LOG, count=1)[0][1][b"h"])
    assert (await store.audit.verify())[2] is None
    assert (await store.audit.verify(seen))[2] is not None
    newest = (await store.audit.head()).hash
    await store.audit.append("tested", {})
    assert (await store.audit.verify(newest))[2] is None


# What is kept, and what waits.


async def test_the_oldest_go_and_the_chain_holds_from_there(redis_url: str) -> None:
    """The last one that went is remembered by its hash."""
    store = Store(Settings.from_env({"REDIS_URL": redis_url, "AUDIT_KEPT": "1000"}))
    store.audit.start()
    await note(store, 2_600)
    entries = await said(store)
    assert 1_000 <= len(entries) < 2_100 and entries[-1]["number"] == 2_599
    count, _, broken = await store.audit.verify()
    assert (count, broken) == (len(entries), None)
    assert (await store.audit.head()).trimmed
    await store.close()


async def test_a_note_costs_a_moment_and_waits_for_nobody(store: Store) -> None:
    begun_s = time.perf_counter()
    for number in range(1_000):
        store.audit.note("tested", {"number": number})
    assert time.perf_counter() - begun_s < 0.1
    await written(store, 1_000)


async def test_what_cannot_be_told_keeps_nobody_from_being_told(store: Store) -> None:
    def broken() -> dict[str, Any]:
        raise ValueError

    store.audit.note("tested", {"number": 0})
    store.audit.note("odd", {"number": "\ud800"})
    store.audit.note("broken", broken)
    store.audit.note("tested", {"number": 1})
    await written(store, 4)
    assert [entry.get("number", "could not be told") for entry in await said(store)] == [
        0, "could not be told", "could not be told", 1,
    ]  # fmt: skip


async def test_entries_wait_while_redis_is_away(fragile: RedisProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what was too much to keep is itself an entry."""
    monkeypatch.setattr("shared.store.audit.WAITING_MAX", 50)
    store = Store(Settings.from_env({"REDIS_URL": fragile.url}))
    store.audit.start()
    await note(store, 3)
    fragile.stop()

    async def is_away() -> bool:
        return store.audit._line.pipe is None

    await until(is_away, "it is noticed that Redis is away")
    for number in range(60):
        store.audit.note("tested", {"number": 10 + number})
    fragile.start()
    await written(store, 54)
    entries = await said(store)
    assert [entry["number"] for entry in entries[:-1]] == [0, 1, 2, *range(10, 60)]
    assert (entries[-1]["what"], entries[-1]["entries"]) == ("audit.lost", 10)
    assert (await store.audit.verify())[2] is None
    await store.close()


async def test_an_answer_that_got_lost_does_not_write_twice(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection ends between the writing and the answer; the same batch comes again and is known by its hash."""
    send = Pipe.send
    lost: list[Any] = []

    def send_and_lose(pipe: Pipe, command: Any, answer: Callable[[Any], None]) -> None:
        said = list(command)
        if lost or "ow:{audit}:log" not in said:
            send(pipe, command, answer)
            return
        lost.append(said)
        send(pipe, command, lambda reply: answer(ConnectionResetError("lost")))

    monkeypatch.setattr(Pipe, "send", send_and_lose)
    await note(store, 3)
    assert lost and [entry["number"] for entry in await said(store)] == [0, 1, 2]
    assert (await store.audit.verify())[2] is None


async def test_stopping_writes_what_waits(redis_url: str, store: Store) -> None:
    other = Store(Settings.from_env({"REDIS_URL": redis_url}))
    other.audit.start()
    store.audit.note("first", {})
    await written(store, 1)
    await until(has_way(other.audit), "it has a way to Redis")
    other.audit.note("last words", {})
    await other.close()
    assert [entry["what"] for entry in await said(store)] == ["first", "last words"]


def has_way(audit: Audit) -> Callable[[], Awaitable[bool]]:
    async def has() -> bool:
        return audit._line.pipe is not None

    return has
