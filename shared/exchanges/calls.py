"""Order entry over the socket, as a choice: one connection for each account, logged in once. It knows no venue.

The outcomes are those of `rest`, and so is the care: a command is handed to a connection once, and when no answer comes
its outcome is unknown. All else goes over REST, for then nothing was carried out: what the socket has no word for, what
could not be handed over, and what was refused for its time or its key. Nobody waits for a connection: it is opened
behind the first command that the venue took from a key, so that a stranger's key costs none.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import itertools
import logging
import secrets
from dataclasses import dataclass, field, replace
from typing import cast

from shared.clock import Clock
from shared.errors import ConnectionLost, KeyRefused, UnknownWord, VenueError, VenueRefused, VenueUnknown
from shared.exchanges.base import Budget, Endpoints, Lane, Message, Reply, Request, Venue, Wire
from shared.exchanges.rest import Rest, counted, matters, pass_on
from shared.exchanges.socket import Socket
from shared.model import Credentials, Fact, Owner

IDLE_CLOSE_S = 60.0
"""How long a connection stands unused: venues count them."""
OPEN_TIMEOUT_S = 5.0
"""For connecting, and again for the login."""
REST_FOR_S = 10.0
"""How long commands go over REST after a connection could not be had or broke, before another is tried."""
DRAIN_S = 2.0
"""How long a connection that is given up waits for the calls under way on it."""
CONNECTIONS_MAX = 50
"""How many accounts of one process may have a connection; the commands of others go over REST."""

LOGIN = Request("GET", "/login")
"""Stands for the login where a refusal is read: it changes nothing."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Command:
    """What a caller wants done, and where."""

    venue: Venue
    endpoints: Endpoints
    request: Request
    credentials: Credentials = field(repr=False)

    def has_expired(self, now_ms: int) -> bool:
        return self.request.expires_at_ms is not None and self.request.expires_at_ms <= now_ms

    def moved(self, by_ms: int) -> Request:
        """With its expiry by the venue's clock, which is so far ahead of ours."""
        if self.request.expires_at_ms is None or not by_ms:
            return self.request
        return replace(self.request, expires_at_ms=self.request.expires_at_ms + by_ms)

    def spends(self) -> tuple[Budget, str, int]:
        """What it is counted against as a call, whose that is, and how many times."""
        budget, cost = self.venue.spends(self.request)
        budget = self.venue.limits.calls or budget
        return budget, counted(budget, self.endpoints.rest_url, self.credentials), cost


class Calls:
    """The commands of a process that may go over sockets."""

    def __init__(self, rest: Rest, *, idle_close_s: float = IDLE_CLOSE_S, rest_for_s: float = REST_FOR_S) -> None:
        self.rest = rest
        self.idle_close_s, self.rest_for_s = idle_close_s, rest_for_s
        self._connections: dict[bytes, Connection] = {}
        self._tasks: dict[bytes, asyncio.Task[None]] = {}
        self._ids = itertools.count(1)
        self._salt = secrets.token_bytes(32)
        self._stopping = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Calls {', '.join(map(repr, self._connections.values())) or 'without a connection'}>"

    async def call(
        self,
        venue: Venue,
        endpoints: Endpoints,
        request: Request,
        credentials: Credentials,
        *,
        deadline_s: float = 10,
    ) -> Reply:
        """As `Rest.call`, over the account's connection when it stands."""
        ends_at_s, rest_url = _now_s() + deadline_s, endpoints.rest_url
        command = Command(venue, endpoints, request, credentials)
        call_id, frame = self._frame_of(command)
        if frame is None:
            return await self.rest.call(venue, rest_url, request, credentials, deadline_s=deadline_s)
        key = self._key_of(command)
        connection = self._connections.get(key)
        if connection is not None and await self._may_spend(command):
            reply = await connection.ask(call_id, frame, deadline_s)
            if reply is not None and self._is_answer(reply, command, connection):
                return reply
        left_s = round(max(ends_at_s - _now_s(), 0), 3)
        try:
            reply = await self.rest.call(venue, rest_url, request, credentials, deadline_s=left_s)
        except VenueRefused:
            self._open(key, command)
            raise
        self._open(key, command)
        return reply

    async def stop(self) -> None:
        """Calls under way are waited for, for a moment."""
        self._stopping.set()
        tasks = list(self._tasks.values())
        for key, task in self._tasks.items():
            if self._connections[key].is_up:
                self._connections[key].leave()
            else:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _frame_of(self, command: Command) -> tuple[str, bytes | None]:
        offset_ms = self.rest.offset_ms(command.venue, command.endpoints.rest_url)
        call_id, at_s = str(next(self._ids)), self.rest.clock.now_s() + offset_ms / 1000
        return call_id, command.venue.to_call(command.moved(offset_ms), call_id, at_s)

    async def _may_spend(self, command: Command) -> bool:
        """Nobody waits for this budget, for REST has one of its own."""
        budgets = self.rest.budgets
        if budgets is None:
            return True
        budget, who, cost = command.spends()
        return await budgets.take(budget, who, command.request.lane, cost) is None

    def _is_answer(self, reply: Reply, command: Command, connection: Connection) -> bool:
        """False when nothing was carried out and REST is to say what becomes of it. Raises every other refusal."""
        error = command.venue.refusal(command.request, reply)
        self._pass_on(reply, error, command)
        if error is None:
            return True
        if isinstance(error, KeyRefused):  # or the login was forgotten, which is not the caller's concern
            connection.leave(error)
            return False
        if command.venue.is_call_error(error):
            return False
        if command.venue.is_clock_error(error) and not command.has_expired(self.rest.clock.now_ms()):
            return False
        raise error

    def _pass_on(self, reply: Reply, error: VenueError | None, command: Command) -> None:
        budgets = self.rest.budgets
        if budgets is None:
            return
        left = command.venue.left(reply)
        if matters(left, error):
            budget, who, _ = command.spends()
            pass_on(budgets, budget, who, left, error)

    # Connections, by whose they are.

    def _key_of(self, command: Command) -> bytes:
        """Made from the secret too, so that nobody speaks by an api key alone; and no secret is kept."""
        keys = command.credentials
        words = "\0".join((command.endpoints.ws_url, keys.api_key, keys.api_secret, keys.passphrase or ""))
        return hmac.digest(self._salt, words.encode(errors="surrogatepass"), "sha256")

    def _open(self, key: bytes, command: Command) -> None:
        """Behind the caller, who has an answer that this must not cost."""
        if self._stopping.is_set() or key in self._connections or len(self._connections) >= CONNECTIONS_MAX:
            return
        venue, endpoints, call_id = command.venue, command.endpoints, str(next(self._ids))
        at_s = self.rest.clock.now_s() + self.rest.offset_ms(venue, endpoints.rest_url) / 1000
        try:
            login = venue.login_call(command.credentials, call_id, at_s)
        except VenueError as error:
            log.warning("no login to %s could be made: %s", venue.name, error)
            return
        connection = self._connections[key] = Connection(venue, endpoints.ws_url, self.rest.clock, self.idle_close_s)
        who = counted(venue.limits.connects, endpoints.ws_url, command.credentials)
        self._tasks[key] = asyncio.create_task(self._keep(key, connection, call_id, login, who))

    async def _keep(self, key: bytes, connection: Connection, call_id: str, login: bytes, who: str) -> None:
        try:
            await self._wait_for_turn(connection, who)
            await connection.run(call_id, login)
        except (ConnectionLost, VenueError) as error:
            log.warning("%r: commands go over REST for %g s: %s", connection, self.rest_for_s, error)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self.rest_for_s)
        finally:
            del self._connections[key], self._tasks[key]

    async def _wait_for_turn(self, connection: Connection, who: str) -> None:
        """Behind the sessions: an order finds its way without this connection, and they do not."""
        budgets = self.rest.budgets
        if budgets is None:
            return
        if await budgets.take(connection.venue.limits.connects, who, Lane.QUERY, 1, OPEN_TIMEOUT_S) is not None:
            raise ConnectionLost("too many sockets were opened just now")


class Connection:
    """One account's connection. It knows neither the key nor the secret: the login comes to it signed."""

    def __init__(self, venue: Venue, url: str, clock: Clock, idle_close_s: float) -> None:
        self.venue, self._url, self._clock, self._idle_close_s = venue, url, clock, idle_close_s
        self._wire = venue.wire(Owner("", "", venue.name, ""), "")
        self._socket: Socket | None = None
        self._lost: asyncio.Task[ConnectionLost] | None = None
        self.is_up = False
        """Logged in and not yet closed: calls may be under way on it."""
        self._is_ready = False
        self._leaving = asyncio.Event()
        self._why: VenueError | None = None
        self._waiting: dict[str, asyncio.Future[Reply]] = {}
        self._login_id = ""
        self._used_at_s = _now_s()

    def __repr__(self) -> str:
        state = "ready" if self._is_ready else "not ready"
        return f"<Connection {self.venue.name}: {state}, {len(self._waiting)} calls under way>"

    async def run(self, call_id: str, login: bytes) -> None:
        """From connecting to the end. Raises ConnectionLost or VenueError unless it ended as it may."""
        try:
            await self._connect()
            await self._login(call_id, login)
            self._is_ready = self.is_up = True
            await self._follow()
            await self._drain()
        finally:
            self._is_ready = False
            await self._close()
            self.is_up = False

    async def ask(self, call_id: str, frame: bytes, deadline_s: float) -> Reply | None:
        """The final answer, or None when the frame was not handed over. Raises VenueUnknown when no answer came."""
        return await self._ask(call_id, frame, deadline_s) if self._is_ready else None

    def leave(self, why: VenueError | None = None) -> None:
        """No more calls, and the end once those under way are answered. With a reason another is not opened at once."""
        self._is_ready, self._why = False, why
        self._leaving.set()

    # Its life.

    async def _connect(self) -> None:
        self._socket = await Socket.connect(
            self._url,
            self.venue.connect_headers(),
            cast(Wire, self),  # of a wire it is asked only to read and to ping
            self.venue.limits,
            _no_facts,
            clock=self._clock,
            open_timeout_s=OPEN_TIMEOUT_S,
            on_unknown=self._on_unknown,
        )
        self._lost = asyncio.create_task(self._socket.lost())
        self._lost.add_done_callback(self._on_lost)

    async def _login(self, call_id: str, login: bytes) -> None:
        self._login_id = call_id
        reply = await self._ask(call_id, login, OPEN_TIMEOUT_S)
        if reply is None:
            raise ConnectionLost("the connection ended before the login")
        error = self.venue.refusal(LOGIN, reply)
        if error is not None:
            raise error

    async def _follow(self) -> None:
        """Until it is announced to end, is let go, or was not used for long. Raises when it breaks."""
        assert self._lost is not None
        self._used_at_s = _now_s()
        lost, leaving = self._lost, asyncio.create_task(self._leaving.wait())
        try:
            while (unused_s := self._unused_s()) < self._idle_close_s and not lost.done() and not leaving.done():
                timeout_s = self._idle_close_s - unused_s
                await asyncio.wait({lost, leaving}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if lost.done() and not lost.result().planned:
                raise lost.result()
        finally:
            self._is_ready = False
            leaving.cancel()

    def _unused_s(self) -> float:
        return 0.0 if self._waiting else _now_s() - self._used_at_s

    async def _drain(self) -> None:
        if self._waiting:
            await asyncio.wait(set(self._waiting.values()), timeout=DRAIN_S)
        if self._why is not None:
            raise self._why

    async def _close(self) -> None:
        self._give_up()
        if self._lost is not None:
            self._lost.cancel()
        if self._socket is not None:
            await self._socket.close()

    def _on_lost(self, lost: asyncio.Task[ConnectionLost]) -> None:
        """After a venue's notice answers still come."""
        if not lost.cancelled() and not lost.result().planned:
            self._give_up()

    def _give_up(self) -> None:
        for waiting in self._waiting.values():
            if not waiting.done():
                lost = VenueUnknown(self.venue.name, "CONNECTION_LOST", "the connection ended before the answer")
                waiting.set_exception(lost)

    # Its calls.

    async def _ask(self, call_id: str, frame: bytes, deadline_s: float) -> Reply | None:
        assert self._socket is not None
        frames = self._socket.frames
        waiting: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[call_id] = waiting
        try:
            if not self._socket.send(frame):
                return None
            self._used_at_s = _now_s()
            async with asyncio.timeout(deadline_s):
                return await waiting
        except TimeoutError:
            unknown = VenueUnknown(self.venue.name, "NO_ANSWER", f"no answer within {deadline_s:g} s")
            if self._socket.frames == frames:  # nothing at all was heard: the next command had better not follow it
                self.leave(unknown)
            raise unknown from None
        finally:
            del self._waiting[call_id]

    # What the socket asks of a wire.

    def read(self, frame: bytes | str, received_at_ms: int) -> Message:
        answered = self.venue.to_answer(frame, received_at_ms)
        if answered is None:
            return self._wire.read(frame, received_at_ms)
        waiting = self._waiting.get(answered.call_id or self._login_id)
        if answered.final and waiting is not None and not waiting.done():
            waiting.set_result(answered.reply)
        return None

    def ping(self, at_s: float) -> bytes:
        return self._wire.ping(at_s)

    def _on_unknown(self, word: UnknownWord) -> None:
        log.warning("%r: %s", self, word)


def _no_facts(facts: list[Fact]) -> None:
    """Nothing is subscribed to here."""


def _now_s() -> float:
    return asyncio.get_running_loop().time()
