"""The fan-out: one listener at Redis per process, one feed per followed user, many readers of each feed.

A message is written to every reader as ready bytes in the very callback that read it from Redis: no queue, no task, no
wake-up. That stays right because a feed knows the newest event it has told (`last`) and every message names the event
before it. When the two differ, or nobody can know (a new connection to Redis, a sweep that found news), the feed is in
doubt: it holds what arrives, and `_mend` reads on from `last` in the stream, which is the truth.

A reader stands in front of aiohttp's own protocol of its connection, so the transport itself says when the reader is
slow or gone. A slow reader is taken off its feed, waits until its bytes have left, and catches up from the stream.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Protocol, cast

from aiohttp import web

from api.keys import STORE
from shared.clock import CLOCK, Clock
from shared.errors import StoreUnavailable
from shared.store import Store
from shared.store.events import BEGINNING, Event, Events, Snapshot, is_cursor, to_message, to_place
from shared.store.wire import Ears, connect

HEARTBEAT_S = 15.0
SWEEP_S = 0.8
"""Twice this is the longest that a lost message is missed: a feed that has just heard one is not looked at."""
PROOF_SWEEPS = 5
"""Every feed's newest event is looked up once in so many sweeps: a Redis that lost its tail may stay silent."""
PROBE_SWEEPS = 5
READ_BY_S = 20.0
STIR_S = 60.0
LINGER_S = 5.0
"""A feed without readers is kept this long, for those who reconnect."""
STALL_S = 60.0
"""A slow reader whose bytes do not move for this long is closed; it comes back with its cursor."""
BUFFER_BYTES_MAX = 256 * 1024
BUFFER_BYTES_ROOM = 64 * 1024
PAGE_EVENTS = 200
MEND_EVENTS = 4000
SWEEP_USERS = 400
GREET_USERS = 100
HELD_MAX = 2000
STORE_CALLS_MAX = 16
"""Readers who join together share so many connections to Redis, instead of opening one each."""
SUBSCRIBE_S = 5.0
WHEEL_SLOTS = 15

log = logging.getLogger(__name__)


class Form(Protocol):
    """How a reader wants things said. Readers with equal forms are handed the same bytes."""

    def __hash__(self) -> int: ...

    def heartbeat(self) -> bytes: ...

    def events(self, events: Sequence[Event]) -> bytes:
        """Empty when the reader wants none of them."""

    def snapshot(self, user_id: str, snapshot: Snapshot) -> bytes: ...

    def reset(self, reason: str) -> bytes: ...

    def end(self) -> bytes: ...


class Reader(asyncio.Protocol):
    """One connection that follows a feed: it takes bytes and says whether it kept up.

    It becomes the transport's protocol and passes everything on to aiohttp's, which goes on as if nobody stood there.
    `cursor` counts only while the reader is off its feed or ahead of it; in step, the feed's own `last` is its cursor.
    """

    __slots__ = ("_inner", "_paused", "_room", "catching_up", "cursor", "feed", "form", "gone", "slot", "transport")

    def __init__(self, transport: asyncio.Transport, form: Form, feed: Feed, cursor: str) -> None:
        self.transport, self.form, self.feed, self.cursor = transport, form, feed, cursor
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.slot = -1
        self.catching_up: asyncio.Task[None] | None = None
        self._inner = cast("asyncio.Protocol", transport.get_protocol())
        self._paused = bool(getattr(self._inner, "writing_paused", False))
        self._room: asyncio.Future[None] | None = None
        transport.set_write_buffer_limits(BUFFER_BYTES_MAX, BUFFER_BYTES_ROOM)
        transport.set_protocol(self)
        if transport.is_closing():
            self._leave()

    def take(self, data: bytes) -> bool:
        if self._paused:
            return False
        self.transport.write(data)
        return True

    async def drained(self, stall_s: float) -> None:
        """Returns when there is room again; raises ConnectionError when the reader is gone or does not move."""
        left = self.transport.get_write_buffer_size()
        while self._paused and not self.gone.done():
            self._room = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(stall_s):
                    await self._room
            except TimeoutError:
                now_left = self.transport.get_write_buffer_size()
                if now_left >= left:
                    self.transport.abort()
                    raise ConnectionAbortedError("the reader stopped reading") from None
                left = now_left
        if self.gone.done():
            raise ConnectionResetError("the reader is gone")

    def end(self) -> None:
        """Close now. Bytes that wait are not waited for: the reader comes back with its cursor."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        elif not self.transport.is_closing():
            self.transport.write(self.form.end())
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._paused = True
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._paused = False
        self._wake()
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        self._inner.connection_lost(exc)

    def _leave(self) -> None:
        self.feed.remove(self)
        self._wake()
        if not self.gone.done():
            self.gone.set_result(None)

    def _wake(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)


class Feed:
    """One user's events on their way to every reader of that user in this process."""

    __slots__ = (
        "_ahead",
        "_events",
        "_fanout",
        "_fresh",
        "_in_step",
        "_tail",
        "channel",
        "followers",
        "has_heard",
        "held",
        "idle_since",
        "last",
        "number",
        "resets",
        "started",
        "user_id",
    )

    def __init__(self, fanout: Fanout, user_id: str, number: int) -> None:
        self.user_id, self.number = user_id, number
        self.has_heard = False  # since the last sweep
        self.channel = fanout.store.events.channel(user_id)
        self.last = BEGINNING  # the newest event told to the readers in step
        self.followers = 0
        self.idle_since = 0.0
        self.resets = 0
        self.held: list[tuple[str, Event]] | None = []  # a list while in doubt: what arrives waits here
        self.started: asyncio.Task[None] | None = None  # while it starts
        self._fanout, self._events = fanout, fanout.store.events
        self._tail = BEGINNING  # the newest event accepted; differs from `last` only within one read of the network
        self._fresh: list[Event] = []
        self._in_step: dict[Form, dict[Reader, None]] = {}
        self._ahead: dict[Reader, None] = {}

    def __repr__(self) -> str:
        doubt = " in doubt" if self.held is not None else ""
        return f"<Feed {self.user_id} at {self.last}{doubt}: {sum(1 for _ in self._readers())} readers>"

    def _readers(self) -> Iterator[Reader]:
        for readers in self._in_step.values():
            yield from readers
        yield from self._ahead

    async def start(self, ears: Ears) -> None:
        """Listen first, then ask where the stream is: what is said in between is held, not missed."""
        async with asyncio.timeout(SUBSCRIBE_S):
            await ears.subscribe(self.channel)
        async with self._fanout.store_calls:
            self.last = self._tail = await self._events.last_id(self.user_id)
        self.settle()

    def hear(self, previous: str, event: Event) -> bool:
        """Accept the event if it follows the newest one. True for the first of several: `tell` must follow."""
        if self.held is not None:
            if len(self.held) >= HELD_MAX:
                self.held.clear()  # the stream has them; the next one will show the hole
            self.held.append((previous, event))
        elif previous == self._tail:
            self._tail = event.id
            self._fresh.append(event)
            return len(self._fresh) == 1
        elif to_place(event.id) > to_place(self._tail):
            self._fanout.holes += 1
            self.doubt()
        return False

    def tell(self) -> None:
        events, self._fresh = self._fresh, []
        if events:
            self.has_heard = True
            self._deliver(events)

    def doubt(self) -> None:
        """Something may have been missed: from now on hold what arrives, until the stream was read."""
        if self.held is None:
            self.held = []
            self._fanout.mend(self)

    def settle(self) -> None:
        """The stream was read: go on with what was held meanwhile, unless that shows another hole."""
        held, self.held = self.held or (), None
        for previous, event in held:
            self.hear(previous, event)
        self.tell()

    def tell_page(self, events: Sequence[Event]) -> None:
        if events:
            self._tail = events[-1].id
            self._deliver(events)

    def _deliver(self, events: Sequence[Event]) -> None:
        before, self.last = self.last, events[-1].id
        slow: list[Reader] = []
        for form, readers in self._in_step.items():
            if data := form.events(events):
                for reader in readers:
                    if not reader.take(data):
                        slow.append(reader)  # noqa: PERF401 - a comprehension costs more where there is one reader
                self._fanout.delivered += len(readers) * len(events)
        for reader in slow:
            self._set_aside(reader, before)
        if self._ahead:
            self._deliver_ahead(events)

    def _deliver_ahead(self, events: Sequence[Event]) -> None:
        """These readers joined from a place that the feed had not reached yet."""
        for reader in list(self._ahead):
            place = to_place(reader.cursor)
            data = reader.form.events([event for event in events if to_place(event.id) > place])
            if data and not reader.take(data):
                self._set_aside(reader, reader.cursor)
            elif to_place(self.last) >= place:
                del self._ahead[reader]
                self._in_step.setdefault(reader.form, {})[reader] = None

    def attach(self, reader: Reader) -> None:
        """From now on the reader is told what the feed is told. Nothing is awaited between its last page and here."""
        if reader.gone.done():
            return
        if reader.cursor == self.last:
            self._in_step.setdefault(reader.form, {})[reader] = None
        else:
            self._ahead[reader] = None

    def remove(self, reader: Reader) -> None:
        self._ahead.pop(reader, None)
        if (readers := self._in_step.get(reader.form)) is not None:
            readers.pop(reader, None)
            if not readers:
                del self._in_step[reader.form]
        if reader.catching_up is not None:
            reader.catching_up.cancel()

    def _set_aside(self, reader: Reader, cursor: str) -> None:
        """Take a slow reader off the feed; it comes back by itself, from `cursor`."""
        self._fanout.slow += 1
        self.remove(reader)
        reader.cursor = cursor
        reader.catching_up = asyncio.create_task(self._come_back(reader, self.resets))

    async def _come_back(self, reader: Reader, proven: int) -> None:
        try:
            await self.catch_up(reader, proven)
        except ConnectionError:
            pass  # gone; its handler sees to the rest
        except Exception:
            log.exception("a reader could not catch up")
            reader.transport.abort()
        reader.catching_up = None

    async def open(self, form: Form, cursor: str | None) -> tuple[str, bytes]:
        """What a reader is sent first, and the cursor it then stands at."""
        if cursor is None:
            return await self._snapshot(form)
        if not is_cursor(cursor):
            return await self._snapshot(form, "malformed")
        async with self._fanout.store_calls:
            page = await read_on(self._events, self.user_id, cursor, PAGE_EVENTS)
        if page is None or (page and cursor == BEGINNING):
            return await self._snapshot(form, "not_kept")  # the beginning is a place only while nothing has happened
        self._fanout.delivered += len(page)
        return (page[-1].id, form.events(page)) if page else (cursor, b"")

    async def _snapshot(self, form: Form, reset: str = "") -> tuple[str, bytes]:
        if reset:
            self._fanout.resets += 1
        async with self._fanout.store_calls:
            snapshot = await self._events.snapshot(self.user_id)
        said = form.snapshot(self.user_id, snapshot)
        return snapshot.cursor, form.reset(reset) + said if reset else said

    async def catch_up(self, reader: Reader, proven: int) -> None:
        """Bring the reader to where the feed is, then attach it. Raises ConnectionError when it is gone.

        `proven` is the feed's count of resets when the reader's cursor was last found in the stream. After another
        reset the cursor may name an event that Redis has lost.
        """
        while proven != self.resets or to_place(reader.cursor) < to_place(self.last):
            await reader.drained(self._fanout.stall_s)
            proven = self.resets
            try:
                reader.cursor, data = await self.open(reader.form, reader.cursor)
            except StoreUnavailable:
                proven = -1
                await asyncio.sleep(_jitter(0.3))
                continue
            if data:
                reader.transport.write(data)
        self.attach(reader)

    async def reset(self) -> None:
        """Redis has lost events that the readers know. Say so, and begin again from what it has."""
        async with self._fanout.store_calls:
            snapshot = await self._events.snapshot(self.user_id)
        for reader in self._readers():
            if reader not in self._ahead:
                reader.cursor = self.last
        readers, self._in_step, self._ahead = list(self._readers()), {}, {}
        self.last = self._tail = snapshot.cursor
        said: dict[Form, bytes] = {}
        for reader in readers:
            self._fanout.resets += 1
            form = reader.form
            if form not in said:
                said[form] = form.reset("lost") + form.snapshot(self.user_id, snapshot)
            if reader.take(said[form]):
                reader.cursor = snapshot.cursor
                self.attach(reader)
            else:
                self._set_aside(reader, reader.cursor)
        self.resets += 1  # whoever is off the feed must have its cursor found in the stream again


class Fanout:
    """What this process hears from Redis, and who is told. The counters are for whoever operates it."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock = CLOCK,
        heartbeat_s: float = HEARTBEAT_S,
        sweep_s: float = SWEEP_S,
        stall_s: float = STALL_S,
        linger_s: float = LINGER_S,
    ) -> None:
        self.store, self.stall_s = store, stall_s
        self.delivered = self.holes = self.resets = self.slow = 0
        self.store_calls = asyncio.Semaphore(STORE_CALLS_MAX)
        self._clock, self._heartbeat_s, self._sweep_s, self._linger_s = clock, heartbeat_s, sweep_s, linger_s
        self._ears: Ears | None = None
        self._feeds: dict[str, Feed] = {}
        self._by_channel: dict[bytes, Feed] = {}
        self._feeds_made = 0
        self._doubtful: dict[Feed, None] = {}
        self._doubt = asyncio.Event()
        self._wheel: list[dict[Reader, None]] = [{} for _ in range(WHEEL_SLOTS)]
        self._slot = 0
        self._sweeps = 0
        self._read_by_at = 0.0
        self._new_users: dict[str, None] = {}
        self._new_user = asyncio.Event()
        self._stirred_at: dict[str, float] = {}
        self._ended = False
        self._tasks: list[asyncio.Task[None]] = []

    def __repr__(self) -> str:
        hearing = "hearing" if self._ears is not None else "deaf"
        return f"<Fanout {hearing}: {self.readers} readers of {len(self._feeds)} users, {len(self._doubtful)} in doubt>"

    @property
    def readers(self) -> int:
        return sum(len(slot) for slot in self._wheel)

    @property
    def followed(self) -> int:
        """How many users have a feed here."""
        return len(self._feeds)

    def start(self) -> None:
        parts = (self._listen, self._mend, self._sweep, self._beat, self._greet)
        self._tasks = [asyncio.create_task(_keep(part)) for part in parts]

    def end(self) -> None:
        """End every stream at once, so that readers go to another process; what comes later is ended too."""
        self._ended = True
        for slot in self._wheel:
            for reader in list(slot):
                reader.end()

    async def stop(self) -> None:
        self.end()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Readers come and go.

    async def follow(self, user_id: str) -> Feed:
        """The user's feed, listening and current. Each call is paid back with one `unfollow`."""
        feed = self._feeds.get(user_id)
        if feed is None:
            feed = self._new_feed(user_id)
        feed.followers += 1
        try:
            if feed.started is not None:
                await asyncio.shield(feed.started)
        except BaseException:
            self.unfollow(feed)
            raise
        return feed

    def unfollow(self, feed: Feed) -> None:
        feed.followers -= 1
        feed.idle_since = self._clock.monotonic_s()

    def _new_feed(self, user_id: str) -> Feed:
        self._feeds_made += 1
        feed = self._feeds[user_id] = Feed(self, user_id, self._feeds_made)
        self._by_channel[feed.channel.encode()] = feed
        feed.started = asyncio.create_task(self._start(feed))
        feed.started.add_done_callback(lambda task: task.cancelled() or task.exception())
        self._new_users[user_id] = None
        self._new_user.set()
        return feed

    async def _start(self, feed: Feed) -> None:
        try:
            if self._ears is None:
                raise StoreUnavailable("Redis cannot be heard")
            await feed.start(self._ears)
            feed.started = None
        except BaseException as error:
            self._forget(feed)
            if isinstance(error, TimeoutError):
                raise StoreUnavailable("Redis did not confirm a subscription") from error
            raise

    def _forget(self, feed: Feed) -> None:
        self._doubtful.pop(feed, None)
        if self._feeds.get(feed.user_id) is feed:
            del self._feeds[feed.user_id]
            del self._by_channel[feed.channel.encode()]

    def add(self, reader: Reader) -> None:
        """Heartbeats begin here; an ended process ends the reader at once."""
        reader.slot = self._slot
        self._wheel[reader.slot][reader] = None
        if self._ended:
            reader.end()

    def remove(self, reader: Reader) -> None:
        reader.feed.remove(reader)
        self._wheel[reader.slot].pop(reader, None)

    def mend(self, feed: Feed) -> None:
        self._doubtful[feed] = None
        self._doubt.set()

    # Five loops, each its own task.

    async def _listen(self) -> None:
        """Keep one connection that hears; after every new one, all feeds are in doubt."""
        tries = 0
        while True:
            try:
                ears = await connect(self.store.redis.url, lambda: Ears(self._hear))
                try:
                    await self._subscribe_all(ears)
                    tries = 0
                    await ears.closed
                finally:
                    self._ears = None
                    ears.close()
            except (StoreUnavailable, TimeoutError) as error:
                if tries == 0:
                    log.warning("not hearing from Redis: %s", error)
            tries += 1
            await asyncio.sleep(_jitter(min(0.1 * 2**tries, 1.0)))

    async def _subscribe_all(self, ears: Ears) -> None:
        self._ears = ears  # before the others are subscribed, so that a feed made meanwhile uses it too
        async with asyncio.timeout(SUBSCRIBE_S):
            await asyncio.gather(*(ears.subscribe(feed.channel) for feed in self._feeds.values()))
        for feed in self._feeds.values():
            feed.doubt()
        log.info("hearing from Redis, %d users", len(self._feeds))

    def _hear(self, messages: list[tuple[bytes, bytes]]) -> None:
        told: list[Feed] = []
        for channel, message in messages:
            feed = self._by_channel.get(channel)
            if feed is not None and feed.hear(*to_message(message)):
                told.append(feed)
        for feed in told:
            feed.tell()

    async def _mend(self) -> None:
        """Read on, for every feed in doubt, from the newest event it has told."""
        while True:
            await self._doubt.wait()
            feeds = list(islice(self._doubtful, SWEEP_USERS))
            if not feeds:
                self._doubt.clear()
                continue
            try:
                await self._read_on(feeds)
            except StoreUnavailable:
                await asyncio.sleep(_jitter(0.3))

    async def _read_on(self, feeds: list[Feed]) -> None:
        count = max(MEND_EVENTS // len(feeds), 16)
        for feed in feeds:
            feed.held = []  # what arrived before this read is in it, or is lost
        pages = await self.store.events.newer({feed.user_id: just_before(feed.last) for feed in feeds}, count + 1)
        for feed in feeds:
            page: list[Event] | None = pages.get(feed.user_id, [])
            if feed.last == BEGINNING:
                page = page if await self.store.events.holds(feed.user_id, BEGINNING) else None
            else:
                page = page[1:] if page and page[0].id == feed.last else None
            await self._go_on(feed, page, count)

    async def _go_on(self, feed: Feed, page: list[Event] | None, count: int) -> None:
        if page is None:
            feed.held = []
            await feed.reset()
        else:
            feed.tell_page(page)
        self._doubtful.pop(feed, None)
        if page is not None and len(page) >= count:
            self._doubtful[feed] = None  # there is more; the others come first
        else:
            feed.settle()

    async def _sweep(self) -> None:
        """What no message told: news in the stream, a lost tail, a deaf connection, users nobody follows now."""
        while True:
            await asyncio.sleep(self._sweep_s)
            self._sweeps += 1
            self._retire()
            with suppress(StoreUnavailable):
                await self._look_for_news()
                await self._say_who_is_read()
            if self._sweeps % PROBE_SWEEPS == 0:
                await self._probe()

    async def _look_for_news(self) -> None:
        turn = self._sweeps % PROOF_SWEEPS
        feeds = [feed for feed in self._feeds.values() if feed.held is None and not feed.has_heard]
        for feed in self._feeds.values():
            feed.has_heard = False
        for start in range(0, len(feeds), SWEEP_USERS):
            batch = feeds[start : start + SWEEP_USERS]
            lasts = {feed: feed.last for feed in batch}
            proofs = {feed for feed in batch if feed.number % PROOF_SWEEPS == turn and feed.last != BEGINNING}
            pages = await self.store.events.newer(
                {feed.user_id: just_before(last) if feed in proofs else last for feed, last in lasts.items()}, count=2
            )
            for feed, last in lasts.items():
                page = pages.get(feed.user_id, [])
                lost = feed in proofs and (not page or page[0].id != last)
                if lost or (page and to_place(page[-1].id) > to_place(feed.last)):
                    feed.doubt()

    async def _say_who_is_read(self) -> None:
        now_s = self._clock.monotonic_s()
        if now_s - self._read_by_at < READ_BY_S:
            return
        self._read_by_at = now_s
        self._stirred_at = {user: at for user, at in self._stirred_at.items() if now_s - at < STIR_S}
        followed = [feed.user_id for feed in self._feeds.values() if feed.followers]
        for start in range(0, len(followed), SWEEP_USERS):
            await self.store.sessions.read_by(followed[start : start + SWEEP_USERS])

    async def _probe(self) -> None:
        """A connection can die without a word: ask it for a confirmation that costs nothing."""
        ears, feed = self._ears, next(iter(self._feeds.values()), None)
        if ears is None or feed is None:
            return
        try:
            async with asyncio.timeout(SUBSCRIBE_S):
                await ears.subscribe(feed.channel)
        except (StoreUnavailable, TimeoutError):
            ears.close()

    def _retire(self) -> None:
        until_s = self._clock.monotonic_s() - self._linger_s
        for feed in [feed for feed in self._feeds.values() if not feed.followers and feed.idle_since < until_s]:
            self._forget(feed)
            if self._ears is not None:
                with suppress(StoreUnavailable):
                    self._ears.unsubscribe(feed.channel)

    async def _beat(self) -> None:
        """One wheel turns for all readers: each slot is a share of them, so that heartbeats do not come in a burst."""
        tick_s = self._heartbeat_s / WHEEL_SLOTS
        loop = asyncio.get_running_loop()
        at = loop.time()
        while True:
            at = max(at + tick_s, loop.time())
            await asyncio.sleep(at - loop.time())
            self._slot = (self._slot + 1) % WHEEL_SLOTS
            for reader in self._wheel[self._slot]:
                reader.take(reader.form.heartbeat())

    async def _greet(self) -> None:
        """Tell the store of users who have got their first reader, and wake their sessions if those rest."""
        while True:
            await self._new_user.wait()
            users = list(islice(self._new_users, GREET_USERS))
            try:
                await self.store.sessions.read_by(users)
                for user_id in users:
                    await self._stir(user_id)
                    self._new_users.pop(user_id, None)
            except StoreUnavailable:
                await asyncio.sleep(_jitter(1.0))
            if not self._new_users:
                self._new_user.clear()

    async def _stir(self, user_id: str) -> None:
        now_s = self._clock.monotonic_s()
        if now_s - self._stirred_at.get(user_id, -STIR_S) >= STIR_S:
            await self.store.sessions.stir(user_id, self._clock.now_ms())
            self._stirred_at[user_id] = now_s


async def _keep(part: Callable[[], Awaitable[None]]) -> None:
    """A loop that fails is a mistake of ours: say it, and go on, since every loop starts from the present state."""
    while True:
        try:
            await part()
        except Exception:
            log.exception("the fan-out stumbled")
            await asyncio.sleep(1)


async def read_on(events: Events, user_id: str, cursor: str, count: int) -> list[Event] | None:
    """What follows the cursor, or None when the stream cannot prove that nothing is missing in between."""
    if cursor == BEGINNING:
        page = await events.after(user_id, cursor, count)
        return page if await events.holds(user_id, cursor) else None
    page = await events.after(user_id, just_before(cursor), count + 1)
    return page[1:] if page and page[0].id == cursor else None


def just_before(cursor: str) -> str:
    """The greatest place before this one, so that reading after it begins with the cursor's own event."""
    ms, seq = to_place(cursor)
    if seq:
        return f"{ms}-{seq - 1}"
    return f"{ms - 1}-{2**64 - 1}" if ms else BEGINNING


def _jitter(seconds: float) -> float:
    return seconds * random.uniform(0.5, 1.0)  # noqa: S311 - spreads reconnects, hides nothing


FANOUT = web.AppKey("fanout", Fanout)


async def fanout_context(app: web.Application) -> AsyncIterator[None]:
    """A cleanup context: the fan-out lives as long as the app. The app's store must be there before."""
    fanout = app[FANOUT] = Fanout(app[STORE])
    fanout.start()
    yield
    await fanout.stop()
