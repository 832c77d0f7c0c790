"""The follower: a session's sockets with everything that came over them kept, facts and frames alike."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TypeVar

from shared.clock import CLOCK
from shared.errors import ConnectionLost, UnknownWord
from shared.exchanges.base import Answered, Message, Reply, Request, Venue, Wire
from shared.exchanges.socket import Socket
from shared.exchanges.sockets import Sockets
from shared.model import Credentials, Fact, Fill, Order, Position, Trigger
from tests.venues.contract.bench import Bench, F, change_wire
from tests.venues.contract.check import CannotTell, Differs, expect, same

T = TypeVar("T")
SHOWN_MAX = 6


class Follower:
    """What was heard, and waiting for more of it."""

    def __init__(self, patience_s: float) -> None:
        self.sockets: Sockets | None = None
        self.facts: list[Fact] = []
        self.frames: list[str] = []
        self.messages: list[Message] = []
        self.unknown: list[UnknownWord] = []
        self.patience_s = patience_s
        self._news = asyncio.Event()

    def take(self, facts: list[Fact]) -> None:
        self.facts += facts
        self._news.set()

    def read_by(self, wire: Wire) -> Callable[[bytes | str, int], Message]:
        """The wire's own reading, with each frame kept before it is read."""

        def read(frame: bytes | str, received_at_ms: int) -> Message:
            self.frames.append(frame if isinstance(frame, str) else frame.decode(errors="replace"))
            self._news.set()
            message = wire.read(frame, received_at_ms)
            if not isinstance(message, list):
                self.messages.append(message)
                self._news.set()
            return message

        return read

    async def until(self, look: Callable[[], T | None], what: str) -> T:
        """The first answer that is not None; fails with what was heard instead."""
        ends_s = asyncio.get_running_loop().time() + self.patience_s
        while (found := look()) is None:
            self._news.clear()
            try:
                async with asyncio.timeout_at(ends_s):
                    await self._news.wait()
            except TimeoutError:
                raise Differs(f"not on the stream within {self.patience_s:g} s: {what}; {self._shown()}") from None
        return found

    def _shown(self) -> str:
        told = [_words_of(fact) for fact in self.facts[-SHOWN_MAX:]]
        return f"it told {' · '.join(told)}" if told else f"{len(self.frames)} frames told nothing"

    # The facts that checks wait for.

    async def order(
        self, order_id: str, status: str | None = None, is_so: Callable[[Order], bool] | None = None
    ) -> Order:
        """The order as the stream tells it once it is in this state."""

        def look() -> Order | None:
            told = [fact for fact in self.of(Order) if fact.id == order_id]
            return next((o for o in told if status in (None, o.status) and (is_so is None or is_so(o))), None)

        return await self.until(look, f"order {order_id} {status or 'as expected'}")

    async def fills(self, order_id: str, total: str | Decimal) -> list[Fill]:
        """The fills of an order once they add up."""

        def look() -> list[Fill] | None:
            told = [fill for fill in self.of(Fill) if fill.order_id == order_id]
            return told if sum(Decimal(fill.size) for fill in told) >= Decimal(total) else None

        return await self.until(look, f"fills of order {order_id} for {total}")

    async def position(self, symbol: str, size: str | Decimal, side: str | None = None) -> Position:
        def look() -> Position | None:
            told = [p for p in self.of(Position) if p.symbol == symbol and not p.closed_at_ms]
            fits = [p for p in told if Decimal(p.size) == Decimal(size) and (not Decimal(size) or p.side == side)]
            return fits[-1] if fits else None

        return await self.until(look, f"a position of {size} {side or ''}".rstrip())

    async def trigger(self, trigger_id: str, status: str, is_so: Callable[[Trigger], bool] | None = None) -> Trigger:
        def look() -> Trigger | None:
            told = [t for t in self.of(Trigger) if t.id == trigger_id and t.status == status]
            return next((t for t in told if is_so is None or is_so(t)), None)

        return await self.until(look, f"trigger {trigger_id} {status}")

    def of(self, kind: type[F]) -> list[F]:
        return [fact for fact in self.facts if isinstance(fact, kind)]

    async def lost(self) -> ConnectionLost:
        """Why it ended."""
        assert self.sockets is not None
        try:
            async with asyncio.timeout(self.patience_s):
                return await self.sockets.lost()
        except TimeoutError:
            raise Differs(f"the connection still stands after {self.patience_s:g} s") from None


@asynccontextmanager
async def follow(
    bench: Bench,
    *,
    venue: Venue | None = None,
    credentials: Credentials | None = None,
    wire: Wire | None = None,
) -> AsyncIterator[Follower]:
    """Subscribed and released. A word that the connector does not know makes the check fail at its end."""
    heard, wire = Follower(bench.patience_s), wire or bench.wire
    heard.sockets = await Sockets.open(
        bench.endpoints,
        venue or bench.venue,
        change_wire(wire, read=heard.read_by(wire)),
        credentials or bench.credentials,
        heard.take,
        bench.venue_now_s,
        clock=CLOCK,
        on_unknown=heard.unknown.append,
    )
    try:
        heard.sockets.release()
        yield heard
    finally:
        await heard.sockets.close()
    expect(not heard.unknown, f"the stream said what the connector does not know: {heard.unknown[:1]}")


class Caller:
    """Order entry over a socket: one call at a time, each with its answer as REST would have given it."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.answers: asyncio.Queue[Answered] = asyncio.Queue()
        self.socket: Socket | None = None
        self._ids = itertools.count(1)

    def read(self, frame: bytes | str, received_at_ms: int) -> Message:
        answered = self.bench.venue.to_answer(frame, received_at_ms)
        if answered is None:
            return self.bench.wire.read(frame, received_at_ms)
        self.answers.put_nowait(answered)
        return None

    async def call(self, request: Request) -> Reply:
        """Raises what the venue refuses, as REST does."""
        call_id = str(next(self._ids))
        frame = self.bench.venue.to_call(request, call_id, self.bench.venue_now_s())
        if frame is None:
            raise CannotTell(f"{request.method} has no call over the socket here")
        return await self._answer(request, call_id, frame)

    async def login(self) -> Reply:
        call_id = str(next(self._ids))
        frame = self.bench.venue.login_call(self.bench.credentials, call_id, self.bench.venue_now_s())
        return await self._answer(Request("GET", "/login"), call_id, frame)

    async def _answer(self, request: Request, call_id: str, frame: bytes) -> Reply:
        assert self.socket is not None
        expect(self.socket.send(frame), "the socket ended before the call")
        try:
            async with asyncio.timeout(self.bench.patience_s):
                while not (answered := await self.answers.get()).final or answered.call_id not in ("", call_id):
                    same("the id of the answered call", answered.call_id, call_id)
        except TimeoutError:
            raise Differs(f"a call had no answer within {self.bench.patience_s:g} s") from None
        error = self.bench.venue.refusal(request, answered.reply)
        if error is not None:
            raise error
        return answered.reply


@asynccontextmanager
async def calling(bench: Bench) -> AsyncIterator[Caller]:
    """A socket of its own, not logged in."""
    caller, unknown = Caller(bench), list[UnknownWord]()
    caller.socket = await Socket.connect(
        bench.endpoints.ws_url,
        bench.venue.connect_headers(),
        change_wire(bench.wire, read=caller.read),
        bench.venue.limits,
        lambda _facts: None,
        on_unknown=unknown.append,
    )
    try:
        yield caller
    finally:
        await caller.socket.close()
    expect(not unknown, f"the venue answered what the connector does not know: {unknown[:1]}")


def _words_of(fact: Fact) -> str:
    """In a few words, for who wonders what came instead."""
    said = [fact.kind, getattr(fact, "id", ""), getattr(fact, "status", None), getattr(fact, "size", None)]
    return " ".join(str(word) for word in said if word is not None)
