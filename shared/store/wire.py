"""Redis at full speed: one connection, commands written once per loop turn, answers by callback.

hiredis packs and parses; there is no task, no lock and no future per command. It is for the two hot ways through the
house: a worker's facts going in (`Pipe`) and an api's pub/sub coming out (`Ears`). Everything else uses redis-py, which
is kinder and slower. A lost connection fails every command that waits; whether those were carried out is then unknown,
so what is sent here must bear being sent again.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast
from urllib.parse import parse_qs, unquote, urlsplit

import hiredis

from shared.errors import StoreUnavailable

ANSWER_WITHIN_S = 2.0
WATCH_S = 0.5
RECONNECT_S = 0.1

P = TypeVar("P", bound="Pipe")

Answer = Callable[[Any], None]
"""Is given the reply, or the exception that came instead of one. Must not raise."""


class RedisProtocol(asyncio.Protocol):
    """Bytes in, replies out. Subclasses say what a reply is for."""

    def __init__(self) -> None:
        self.reader = hiredis.Reader()
        self.transport: asyncio.Transport | None = None
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.writable = asyncio.Event()
        self.writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop has a class of its own

    def data_received(self, data: bytes) -> None:
        self.reader.feed(data)
        replies = []
        try:
            while (reply := self.reader.gets()) is not False:
                replies.append(reply)
        except hiredis.ProtocolError:
            self.close()
            return
        self.on_replies(replies)

    def on_replies(self, replies: list[Any]) -> None:
        raise NotImplementedError  # pragma: no cover - both subclasses answer

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.writable.set()
        if not self.closed.done():
            self.closed.set_result(None)

    def close(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class Pipe(RedisProtocol):
    """Commands in, callbacks out, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.answered = 0
        self._waiting: deque[Answer] = deque()
        self._out: list[bytes] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def send(self, command: Iterable[str | bytes | int | float], answer: Answer) -> None:
        if self.transport is None or self.closed.done() or self.transport.is_closing():
            answer(StoreUnavailable("the connection to Redis is lost"))
            return
        if not self._out:
            asyncio.get_running_loop().call_soon(self._flush)
        self._out.append(hiredis.pack_command(tuple(command)))  # type: ignore[arg-type]  # takes str, bytes and int
        self._waiting.append(answer)

    def _flush(self) -> None:
        if self.transport is not None and self._out:
            self.transport.write(b"".join(self._out))
        self._out.clear()

    def on_replies(self, replies: list[Any]) -> None:
        self.answered += len(replies)
        for reply in replies:
            self._waiting.popleft()(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        waiting, self._waiting = self._waiting, deque()
        for answer in waiting:
            answer(StoreUnavailable("the connection to Redis was lost before it answered"))

    async def ask(self, *command: str | bytes | int) -> Any:
        """One command for those who can wait; raises what Redis refused."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.send(command, lambda reply: None if future.done() else future.set_result(reply))
        reply = await future
        if isinstance(reply, Exception):
            raise reply if isinstance(reply, StoreUnavailable) else StoreUnavailable(str(reply))
        return reply


class Ears(Pipe):
    """A connection that listens. Messages of one read from the network are handed over together."""

    def __init__(self, on_messages: Callable[[list[tuple[bytes, bytes]]], None]) -> None:
        super().__init__()
        self._on_messages = on_messages
        self._confirmed: dict[str, list[asyncio.Future[None]]] = {}

    def on_replies(self, replies: list[Any]) -> None:
        messages = []
        for reply in replies:
            kind = reply[0] if isinstance(reply, list) and reply else None
            if kind == b"message":
                messages.append((reply[1], reply[2]))
            elif kind == b"subscribe":
                for future in self._confirmed.pop(reply[1].decode(), ()):
                    if not future.done():
                        future.set_result(None)
            elif kind == b"unsubscribe":
                pass
            elif self._waiting:
                self._waiting.popleft()(reply)
        if messages:
            self._on_messages(messages)

    async def subscribe(self, channel: str) -> None:
        """Returns when Redis has confirmed: from now on nothing on this channel is missed."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._confirmed.setdefault(channel, []).append(future)
        self._write("SUBSCRIBE", channel)
        await future

    def unsubscribe(self, channel: str) -> None:
        self._write("UNSUBSCRIBE", channel)

    def _write(self, *command: str) -> None:
        if self.transport is None or self.transport.is_closing():
            raise StoreUnavailable("the connection to Redis is lost")
        self.transport.write(hiredis.pack_command(command))  # type: ignore[arg-type]  # a tuple of str is what it takes

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for futures in self._confirmed.values():
            for future in futures:
                if not future.done():
                    future.set_exception(StoreUnavailable("the connection to Redis was lost"))
        self._confirmed.clear()


class Line:
    """A pipe that is kept open: found again when it is lost, left when Redis owes answers for too long.

    `pipe` is None while there is none. Nothing queues up here meanwhile; who sends decides what that means.
    """

    def __init__(self, url: str, scripts: Iterable[str] = ()) -> None:
        self._url, self._scripts = url, tuple(scripts)
        self.pipe: Pipe | None = None

    async def run(self) -> None:
        while True:
            pipe: Pipe | None = None
            try:
                pipe = await connect(self._url, Pipe)
                for source in self._scripts:
                    await pipe.ask("SCRIPT", "LOAD", source)
                self.pipe = pipe
                await self._watch(pipe)
            except StoreUnavailable:
                await asyncio.sleep(RECONNECT_S)
            finally:
                self.pipe = None
                if pipe is not None:
                    pipe.close()

    @staticmethod
    async def _watch(pipe: Pipe) -> None:
        """Until it is lost. A look now and then is cheaper than a timer for each answer."""
        answered, silent_s = pipe.answered, 0.0
        while not pipe.closed.done():
            await asyncio.wait((pipe.closed,), timeout=WATCH_S)
            silent_s = silent_s + WATCH_S if len(pipe) and pipe.answered == answered else 0.0
            answered = pipe.answered
            if silent_s >= ANSWER_WITHIN_S:
                pipe.close()


async def connect(url: str, make: Callable[[], P], timeout_s: float = 5) -> P:
    """Open a connection to the Redis at `url`, logged in and on its database."""
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            if parts.scheme == "unix":
                _, pipe = await loop.create_unix_connection(make, parts.path)
                database = parse_qs(parts.query).get("db", [""])[0]
            else:
                context = ssl.create_default_context() if parts.scheme == "rediss" else None
                host, port = parts.hostname or "127.0.0.1", parts.port or 6379
                _, pipe = await loop.create_connection(make, host, port, ssl=context)
                database = parts.path.strip("/")
            if parts.password:
                who = [unquote(parts.username)] if parts.username else []
                await pipe.ask("AUTH", *who, unquote(parts.password))
            if database and database != "0":
                await pipe.ask("SELECT", database)
    except (OSError, TimeoutError) as error:
        raise StoreUnavailable(f"Redis cannot be reached: {error or 'no answer in time'}") from error
    return pipe
