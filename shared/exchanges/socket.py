"""The one WebSocket loop: it connects, subscribes, holds, hands over and says why it ended. It knows no venue.

Every frame is read where it arrives, inside the protocol's own callback: no queue, no task and no `str` per message. So
`on_facts` is called from there and must not block. Until `release` the facts are held, which is how a session can
subscribe first and then ask by REST without losing what happens meanwhile.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import ssl
from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI
from websockets.frames import Opcode
from websockets.protocol import Event, Protocol, State

from shared.clock import CLOCK, Clock
from shared.errors import ConnectionLost, UnknownWord
from shared.exchanges.base import Ack, Goodbye, Limits, PartlyRead, Refusal, Subscription, Wire
from shared.model import Fact

HELD_FACTS_MAX = 20_000
MESSAGE_BYTES_MAX = 4 * 1024 * 1024
CLOSE_TIMEOUT_S = 2.0
WHOLE_TEXT = 0x81
"""How a text message that is not cut into fragments begins."""

# Frames that go out are signed with the account's key, so their library must never log them, whatever the log level.
_frames_log = logging.getLogger("shared.exchanges.socket.frames")
_frames_log.setLevel(logging.INFO)


@functools.cache
def tls_context() -> ssl.SSLContext:
    """One for the whole process: a context each would cost 15 ms and 690 KiB."""
    return ssl.create_default_context()


class Socket:
    """One connection to a venue. It ends once, and `lost` says why."""

    __slots__ = (
        "_acked",
        "_acknowledged",
        "_clock",
        "_connection",
        "_ended",
        "_frames_at_ping",
        "_held",
        "_held_count",
        "_limits",
        "_loop",
        "_on_facts",
        "_on_unknown",
        "_silent_s",
        "_timer",
        "_unacked",
        "_wire",
        "frames",
        "host",
        "last_frame_at_ms",
        "unknown_words",
    )

    def __init__(
        self,
        host: str,
        wire: Wire,
        limits: Limits,
        on_facts: Callable[[list[Fact]], None],
        clock: Clock,
        on_unknown: Callable[[UnknownWord], None] | None,
    ) -> None:
        self.host = host
        self.frames = 0
        self.unknown_words = 0
        self.last_frame_at_ms = clock.now_ms()
        self._wire, self._limits, self._clock = wire, limits, clock
        self._on_facts, self._on_unknown = on_facts, on_unknown
        self._loop = asyncio.get_running_loop()
        self._connection: _Connection | None = None
        self._ended: asyncio.Future[ConnectionLost] = self._loop.create_future()
        self._held: list[Fact] | None = []
        self._unacked: set[str] = set()
        self._acknowledged: set[str] = set()
        self._acked: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._frames_at_ping = 0
        self._silent_s = 0.0

    def __repr__(self) -> str:
        state = str(self._ended.result()) if self._ended.done() else "open"
        held = f", {len(self._held)} facts held" if self._held is not None else ""
        return f"<Socket {self.host}: {state}, {self.frames} frames{held}>"

    @classmethod
    async def connect(
        cls,
        url: str,
        headers: Mapping[str, str],
        wire: Wire,
        limits: Limits,
        on_facts: Callable[[list[Fact]], None],
        *,
        clock: Clock = CLOCK,
        open_timeout_s: float = 10,
        on_unknown: Callable[[UnknownWord], None] | None = None,
    ) -> Socket:
        """Opens the connection, or raises ConnectionLost. Facts are held until `release`."""
        socket = cls(urlsplit(url).hostname or url, wire, limits, on_facts, clock, on_unknown)
        secure: dict[str, Any] = {"ssl": tls_context()} if url.startswith("wss://") else {}
        try:
            socket._connection = cast(
                _Connection,
                await connect(
                    url,
                    additional_headers=dict(headers),
                    user_agent_header="orderwire",
                    # The class is called with the protocol and its limits; the socket is put in front of them.
                    create_connection=cast(type[ClientConnection], functools.partial(_Connection, socket)),
                    compression=None,
                    proxy=None,
                    open_timeout=open_timeout_s,
                    ping_interval=None,
                    close_timeout=CLOSE_TIMEOUT_S,
                    max_size=MESSAGE_BYTES_MAX,
                    logger=_frames_log,
                    **secure,
                ),
            )
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI, EOFError) as error:
            raise ConnectionLost(f"cannot connect to {socket.host}: {_why(error)}") from None
        socket._frames_at_ping = socket.frames
        socket._timer = socket._loop.call_later(limits.ping_every_s, socket._tick)
        return socket

    async def subscribe(self, subscriptions: list[Subscription], timeout_s: float = 10) -> None:
        """Sends all and waits until each is acknowledged. Raises the venue's refusal, or ConnectionLost."""
        if self._ended.done():
            raise self._ended.result()
        self._unacked = {subscription.key for subscription in subscriptions}
        if not self._unacked:
            return
        self._acked = self._loop.create_future()
        try:
            self._send(*(subscription.frame for subscription in subscriptions))
            async with asyncio.timeout(timeout_s):
                await self._acked
        except TimeoutError:
            missing = ", ".join(sorted(self._unacked))
            raise ConnectionLost(f"no answer to the subscription of {missing} within {timeout_s:g} s") from None
        finally:
            self._acked, self._unacked = None, set()

    @property
    def is_open(self) -> bool:
        """Whether frames can still come, as they do for a while after a venue's notice."""
        return self._connection is not None and self._connection.protocol.state is State.OPEN

    def send(self, frame: bytes) -> bool:
        """Hands one frame over. False when the connection has ended or soon will: then nothing was sent."""
        if self._ended.done() or not self.is_open:
            return False
        self._send(frame)
        return True

    def release(self) -> None:
        """Hands over what was held, then everything as it arrives."""
        held, self._held = self._held, None
        if held and not self._ended_badly():
            self._hand_over(held)

    async def lost(self) -> ConnectionLost:
        """Waits for the end and says why. After a venue's notice (`planned`) frames still come until `close`."""
        return await asyncio.shield(self._ended)

    async def close(self) -> None:
        """Says goodbye and waits for the connection to end, at most CLOSE_TIMEOUT_S."""
        self._end(ConnectionLost("closed by us", planned=True))
        self._on_facts = _nobody  # what still comes while the goodbyes are said is not for who has let go
        if self._connection is not None:
            await self._connection.close()

    # What the connection calls.

    def _receive(self, frame: bytes) -> None:
        """One frame. Whatever the venue says, this does not raise: a word we do not know must not cost the socket."""
        now_ms = self._clock.now_ms()
        self.last_frame_at_ms = now_ms
        self.frames += 1
        try:
            message = self._wire.read(frame, now_ms)
        except PartlyRead as word:
            self._report(word)
            message = word.facts
        except UnknownWord as word:
            self._report(word)
            return
        except Exception as error:  # a reader that fails on a frame has met something nobody ever said
            self._report(UnknownWord(self.host, "frame", f"{type(error).__name__} on {frame[:60]!r}"))
            return
        if type(message) is list:
            if self._held is None:
                self._hand_over(message)
            else:
                self._hold(message)
        elif message is not None:
            self._heed(message)

    def _heed(self, message: object) -> None:
        """The rare messages that are for the socket itself."""
        if isinstance(message, Ack):
            self._unacked.discard(message.key)
            self._acknowledged.add(message.key)
            if not self._unacked:
                self._answer(None)
        elif isinstance(message, Refusal):
            if message.key in self._acknowledged and message.key not in self._unacked:
                # The subscription is dead on a socket that lives on: to go on with it would be blind.
                self._abort(f"the venue took {message.key} back: {message.error}", message.error.retry_after_s)
            elif self._acked is None or (message.key and message.key not in self._unacked):
                self._report(UnknownWord(self.host, "refusal", f"{message.key} {message.error}"))
            else:
                self._answer(message.error)
        elif isinstance(message, Goodbye):
            self._announce(ConnectionLost(message.reason, planned=True))

    def _hold(self, facts: list[Fact]) -> None:
        assert self._held is not None
        self._held += facts
        if len(self._held) > HELD_FACTS_MAX:
            self._held = []
            self._abort(f"more than {HELD_FACTS_MAX} facts arrived before the session was ready")

    def _hand_over(self, facts: list[Fact]) -> None:
        try:
            self._on_facts(facts)
        except Exception as error:  # these facts are lost to their taker, so only a new look at the venue helps
            _log.exception("facts of %s were not taken", self.host)
            self._abort(f"facts could not be handed over: {type(error).__name__}")

    def _tick(self) -> None:
        """The one timer: asks whether the venue is there, and gives up on it when nothing was heard for too long.

        Silence is counted in turns of the loop and not by the clock, so a process that was stopped for a while first
        reads what waits for it.
        """
        connection, every_s = self._connection, self._limits.ping_every_s
        assert connection is not None
        self._silent_s = 0.0 if self.frames != self._frames_at_ping else self._silent_s + every_s
        self._frames_at_ping = self.frames
        if self._silent_s >= self._limits.silence_max_s:
            self._abort(f"nothing received for {self._silent_s:g} s")
            return
        self._timer = self._loop.call_later(every_s, self._tick)
        self._send(self._wire.ping(self._clock.now_s()))

    def _send(self, *frames: bytes) -> None:
        if self._connection is not None:
            self._connection.send_frames(frames)

    def _answer(self, error: Exception | None) -> None:
        if self._acked is not None and not self._acked.done():
            if error is None:
                self._acked.set_result(None)
            else:
                self._acked.set_exception(error)

    def _report(self, word: UnknownWord) -> None:
        self.unknown_words += 1
        if self._on_unknown is not None:
            self._on_unknown(word)

    def _announce(self, why: ConnectionLost) -> None:
        """The first reason counts."""
        if not self._ended.done():
            self._ended.set_result(why)

    def _end(self, why: ConnectionLost) -> None:
        self._announce(why)
        self._answer(why)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ended_badly(self) -> bool:
        return self._ended.done() and not self._ended.result().planned

    def _abort(self, reason: str, retry_after_s: float | None = None) -> None:
        lost = ConnectionLost(reason)
        lost.retry_after_s = retry_after_s
        self._end(lost)
        if self._connection is not None:
            self._connection.transport.abort()


class _Connection(ClientConnection):
    """The library's connection, with each frame handled where it arrives instead of queued for a reader."""

    def __init__(self, socket: Socket, protocol: Any, **options: Any) -> None:
        super().__init__(protocol, **options)
        self.socket = socket
        self.fragments: bytearray | None = None
        self.whole_frames = False
        self.rest = _NOTHING

    def process_event(self, event: Event) -> None:
        if self.response is None:
            super().process_event(event)
            return
        opcode = event.opcode  # type: ignore[union-attr]  # after the response every event is a frame
        if opcode is Opcode.TEXT or opcode is Opcode.BINARY:
            if event.fin:  # type: ignore[union-attr]
                self.socket._receive(event.data)  # type: ignore[union-attr, arg-type]
            else:
                self.fragments = bytearray(event.data)  # type: ignore[union-attr]
        elif opcode is Opcode.CONT:
            self._continue(event)
        else:
            self.socket.frames += 1  # a protocol ping or pong is a sign of life too

    def _continue(self, event: Any) -> None:
        """The protocol bounds a message by MESSAGE_BYTES_MAX, however many fragments it comes in."""
        assert self.fragments is not None
        self.fragments += event.data
        if event.fin:
            message, self.fragments = bytes(self.fragments), None
            self.socket._receive(message)

    def send_frames(self, frames: tuple[bytes, ...]) -> None:
        """Without waiting: what we send is small and rare, and silence ends a socket whose peer does not read."""
        if self.protocol.state is State.OPEN:
            for frame in frames:
                self.protocol.send_text(frame)
            self.send_data()

    def data_received(self, data: bytes) -> None:
        if self.whole_frames:
            self._read_frames(data)
            return
        is_handshake = self.response is None
        self._pass_on(data)
        # When nothing followed the answer to the handshake, what comes next begins with a frame.
        if is_handshake and self.response is not None and data.endswith(b"\r\n\r\n"):
            self.whole_frames = data.count(b"\r\n\r\n") == 1 and not self.protocol.extensions

    def _read_frames(self, data: bytes) -> None:
        """Whole text messages go straight to the socket; the library is handed everything else, frame by frame.

        Its own reader is general, and in Python: it costs a worker more for each update than all else together.
        """
        waiting: bytes | bytearray = data
        if self.rest:
            self.rest += data
            waiting = self.rest
        at, end, protocol = 0, len(waiting), self.protocol
        while end - at >= 2:
            length, start = waiting[at + 1], at + 2
            if length == 126:
                if end - at < 4:
                    break
                length, start = int.from_bytes(waiting[at + 2 : at + 4], "big"), at + 4
            if waiting[at + 1] > 126 or length > MESSAGE_BYTES_MAX:
                # Too long to be usual, or masked, which only clients do: from here on the library reads.
                self.whole_frames, self.rest = False, _NOTHING
                self._pass_on(bytes(waiting[at:]))
                return
            stop = start + length
            if stop > end:
                break
            if waiting[at] == WHOLE_TEXT and protocol.current_size is None and protocol.state is State.OPEN:
                self.socket._receive(bytes(waiting[start:stop]))
            else:
                self._pass_on(bytes(waiting[at:stop]))
            at = stop
        self.rest = bytearray(waiting[at:]) if at < end else _NOTHING

    def _pass_on(self, data: bytes) -> None:
        super().data_received(data)
        if self.protocol.state > State.OPEN and self.fragments is not _CLOSING:
            self.fragments = _CLOSING
            self.socket._end(ConnectionLost(_closing_words(self.protocol)))
            # A peer that says goodbye and then keeps the line open is not waited for.
            self.loop.call_later(CLOSE_TIMEOUT_S, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.socket._end(ConnectionLost(_closing_words(self.protocol)))


def _nobody(facts: list[Fact]) -> None:
    pass


_CLOSING = bytearray()
_NOTHING = bytearray()
"""Stands where fragments would, once the goodbye was told: none are read any more."""
_log = logging.getLogger(__name__)


def _closing_words(protocol: Protocol) -> str:
    close = protocol.close_rcvd
    if close is not None:
        return f"closed by the venue with code {close.code}" + (f": {close.reason}" if close.reason else "")
    if protocol.parser_exc is not None and not isinstance(protocol.parser_exc, EOFError):
        return f"the venue broke the protocol: {protocol.parser_exc}"
    return "the connection broke without a goodbye"


def _why(error: BaseException) -> str:
    if isinstance(error, InvalidStatus):
        return f"HTTP {error.response.status_code}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__
