"""The one signed request: deadline, pooled connections, the venue's clock, errors in our family. It knows no venue.

A write is sent once. When its answer is lost the outcome is unknown and this module says so; it never sends it again,
and it keeps the HTTP library from doing so. Only a refusal that proves that nothing happened brings a second try.
Every request is counted against the venue's budget before it leaves; "too many" is told to all and never tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import ssl
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Protocol

import aiohttp
from yarl import URL

from shared.clock import CLOCK, Clock
from shared.errors import VenueBusy, VenueError, VenueUnknown
from shared.exchanges.base import Ask, Budget, Left, Reply, Request, Venue
from shared.exchanges.socket import tls_context
from shared.model import Credentials, Fact

CONNECT_TIMEOUT_S = 5.0
KEEP_ALIVE_S = 25.0
"""Shorter than servers keep idle connections, so that a write seldom meets one that is just being closed."""
OFFSET_STALE_S = 600.0
OFFSET_RETRY_S = 30.0
"""How long a clock that could not be asked is left alone."""
CLOCK_TIMEOUT_S = 3.0
CLOCK_SAMPLES = 2
"""The first one may pay for the connection; the shortest round trip counts."""
PAGES_MAX = 100
BUDGET_WAIT_MAX_S = 2.5
"""How long a request waits for a spent budget, at most half of its deadline: the rest is for the answer."""
DRAIN_MIN_S, DRAIN_MAX_S = 1.0, 60.0
"""Whatever a venue says beside its "too many": some say that nothing is held back any more, in the same breath."""

log = logging.getLogger(__name__)


class _Connector(aiohttp.TCPConnector):
    """Connects by the loop's own means, one address after another.

    The library connects a Python socket by itself and hands it to the loop. Under load that left uvloop watching a
    descriptor that was closed already; the next connection to be given its number, ours or a venue's socket, stayed
    deaf: bytes waited in the kernel and nobody read them.
    """

    async def _wrap_create_connection(
        self,
        *args: Any,
        addr_infos: list[Any],
        req: Any,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the name that the library calls it by
        client_error: type[Exception] = aiohttp.ClientConnectorError,
        **kwargs: Any,
    ) -> Any:
        loop: Any = self._loop  # uvloop's own types say less than it takes
        lost: OSError = OSError("the host has no address")
        for _family, _kind, _protocol, _name, address in addr_infos:
            try:
                async with asyncio.timeout(timeout.sock_connect):
                    return await loop.create_connection(*args, host=address[0], port=address[1], **kwargs)
            except ssl.CertificateError as error:
                raise aiohttp.ClientConnectorCertificateError(req.connection_key, error) from error
            except ssl.SSLError as error:
                raise aiohttp.ClientConnectorSSLError(req.connection_key, error) from error
            except OSError as error:  # a connection that takes too long is one too
                lost = error
        raise client_error(req.connection_key, lost) from lost


class Budgets(Protocol):
    """Who counts what is spent of the venues' budgets, for all processes."""

    async def take(self, budget: Budget, who: str, lane: str, cost: int = 1, wait_s: float = 0.0) -> float | None:
        """None: go ahead. Else nothing was taken, and this is when to ask again."""
        ...

    def learn(self, budget: Budget, who: str, told: Left) -> None:
        """The venue said what is left."""
        ...

    def drain(self, budget: Budget, who: str, for_s: float) -> None:
        """The venue said "too many"."""
        ...


def counted(budget: Budget, base_url: str, credentials: Credentials | None) -> str:
    """Whom a venue counts: the key's account or our address. A digest, for it stands in Redis and a key must not."""
    return _digest(base_url, credentials.api_key if budget.by_account and credentials is not None else "")


@lru_cache(16384)
def _digest(base_url: str, api_key: str) -> str:
    return blake2b(f"{base_url} {api_key}".encode(errors="replace"), digest_size=10).hexdigest()


def matters(left: Left | None, error: VenueError | None) -> bool:
    """Whether a reply says of its budget what all must hear: less than half is left, or nothing."""
    return _says_too_many(error) or (left is not None and left.remaining * 2 < left.count)


def pass_on(budgets: Budgets, budget: Budget, who: str, left: Left | None, error: VenueError | None) -> None:
    """What a reply says of its budget."""
    if error is not None and _says_too_many(error):
        resets_in_s = left.resets_in_s if left is not None else 0.0
        for_s = max(resets_in_s, error.retry_after_s or 0.0, DRAIN_MIN_S)
        budgets.drain(budget, who, min(for_s, DRAIN_MAX_S))
    elif left is not None:
        budgets.learn(budget, who, left)


def _says_too_many(error: VenueError | None) -> bool:
    return isinstance(error, VenueBusy) and error.status == 429


class Rest:
    """All REST of a process. One shared session; nothing in it belongs to an account."""

    def __init__(self, clock: Clock = CLOCK, budgets: Budgets | None = None) -> None:
        self.clock, self.budgets = clock, budgets
        self._session: aiohttp.ClientSession | None = None
        self._offsets: dict[str, _Offset] = {}
        self._refreshing: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        offsets = ", ".join(f"{url} {offset.ms:+d} ms" for url, offset in self._offsets.items())
        return f"<Rest {'open' if self._session else 'closed'}{': ' if offsets else ''}{offsets}>"

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=_Connector(limit=0, ssl=tls_context(), keepalive_timeout=KEEP_ALIVE_S, ttl_dns_cache=60),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
            trust_env=False,
            headers={"User-Agent": "orderwire", "Accept-Encoding": "identity"},
        )
        # The library sends GET, PUT and DELETE again when a reused connection ends under them: that may cancel twice.
        # There is no public switch; a test sees to it that this one works.
        self._session._retry_connection = False

    async def close(self) -> None:
        for task in self._refreshing:
            task.cancel()
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def call(
        self,
        venue: Venue,
        base_url: str,
        request: Request,
        credentials: Credentials | None,
        *,
        deadline_s: float = 10,
    ) -> Reply:
        """The venue's reply. Raises KeyRefused, VenueRefused, VenueBusy or VenueUnknown, and nothing else."""
        ends_at_s = asyncio.get_running_loop().time() + deadline_s
        await self.spend(venue, base_url, request, credentials, min(BUDGET_WAIT_MAX_S, deadline_s / 2))
        try:
            async with asyncio.timeout_at(ends_at_s):
                return await self._call(venue, base_url, request, credentials)
        except TimeoutError:
            raise VenueUnknown(venue.name, "NO_ANSWER", f"no answer within {deadline_s:g} s") from None

    async def ask(
        self, venue: Venue, base_url: str, ask: Ask, credentials: Credentials | None, *, deadline_s: float = 10
    ) -> list[Fact]:
        """All pages of an answer. Raises as `call` does, and UnknownWord for a row that says something new."""
        facts: list[Fact] = []
        for _ in range(PAGES_MAX):
            reply = await self.call(venue, base_url, ask.request, credentials, deadline_s=deadline_s)
            facts += ask.read(reply)
            page = ask.next_page(reply)
            if page is None:
                return facts
            ask = page
        raise VenueUnknown(venue.name, "TOO_MANY_PAGES", f"the answer has more than {PAGES_MAX} pages")

    def offset_ms(self, venue: Venue, base_url: str) -> int:
        """How far the venue's clock is ahead of ours, as last measured; 0 before that."""
        offset = self._offsets.get(base_url)
        return offset.ms if offset is not None else 0

    async def measure_offset(self, venue: Venue, base_url: str, *, deadline_s: float = 10) -> int:
        """Asks the venue for its time now. For who signs without calling, as a subscription does."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                await self._fresh_offset(venue, base_url)
        return self.offset_ms(venue, base_url)

    async def _call(self, venue: Venue, base_url: str, request: Request, credentials: Credentials | None) -> Reply:
        if not request.private:
            reply = await self._send(venue, base_url, request, None, 0)
            return self._checked(venue, base_url, request, None, reply)
        offset = await self._fresh_offset(venue, base_url)
        measured = offset.measured
        reply = await self._send(venue, base_url, request, credentials, offset.ms)
        try:
            return self._checked(venue, base_url, request, credentials, reply)
        except VenueError as error:
            if not venue.is_clock_error(error) or self._has_expired(request):
                raise
        # It refused the time of the request, so nothing was carried out: with the right time it may go once more.
        await self._measure_once(venue, base_url, offset, measured)
        await self.spend(venue, base_url, request, credentials)
        reply = await self._send(venue, base_url, request, credentials, offset.ms)
        return self._checked(venue, base_url, request, credentials, reply)

    async def spend(
        self, venue: Venue, base_url: str, request: Request, credentials: Credentials | None, wait_s: float = 0.0
    ) -> None:
        """Waits for the budget if it is soon whole again, else says that nothing was sent."""
        if self.budgets is None:
            return
        budget, cost = venue.spends(request)
        spent_s = await self.budgets.take(budget, counted(budget, base_url, credentials), request.lane, cost, wait_s)
        if spent_s is not None:
            why = f"nothing was sent: our budget for {budget.name} is spent"
            raise VenueBusy(venue.name, "BUDGET_SPENT", why, status=429, retry_after_s=spent_s)

    def _checked(
        self, venue: Venue, base_url: str, request: Request, credentials: Credentials | None, reply: Reply
    ) -> Reply:
        """The reply, or the refusal that it is."""
        error = venue.refusal(request, reply)
        if self.budgets is not None:
            left = venue.left(reply)
            if matters(left, error):
                budget, _ = venue.spends(request)
                pass_on(self.budgets, budget, counted(budget, base_url, credentials), left, error)
        if error is not None:
            raise error
        return reply

    def _has_expired(self, request: Request) -> bool:
        return request.expires_at_ms is not None and request.expires_at_ms <= self.clock.now_ms()

    async def _send(
        self, venue: Venue, base_url: str, request: Request, credentials: Credentials | None, offset_ms: int
    ) -> Reply:
        if request.expires_at_ms is not None and offset_ms:
            request = dataclasses.replace(request, expires_at_ms=request.expires_at_ms + offset_ms)
        try:
            return await self._send_once(venue, base_url, request, credentials, offset_ms)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            if request.writes:
                raise VenueUnknown(venue.name, "CONNECTION_LOST", "the connection ended before the answer") from None
        await self.spend(venue, base_url, request, credentials)
        try:
            return await self._send_once(venue, base_url, request, credentials, offset_ms)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            raise VenueUnknown(venue.name, "CONNECTION_LOST", "the connection ended before the answer") from None

    async def _send_once(
        self, venue: Venue, base_url: str, request: Request, credentials: Credentials | None, offset_ms: int
    ) -> Reply:
        assert self._session is not None, "start() comes first"
        signed = venue.sign(request, credentials, self.clock.now_s() + offset_ms / 1000)
        url = URL(base_url + signed.path, encoded=True)
        try:
            async with self._session.request(
                request.method, url, data=signed.body or None, headers=signed.headers, allow_redirects=False
            ) as response:
                body = await response.read()
                return Reply(response.status, response.headers, body, self.clock.now_ms())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            # Nothing left this machine, so nothing can have happened there.
            raise VenueBusy(venue.name, "CANNOT_CONNECT", type(error).__name__, status=503, retry_after_s=1) from None
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            raise
        except aiohttp.ClientError as error:
            raise VenueUnknown(venue.name, "BROKEN_ANSWER", type(error).__name__) from None

    async def _fresh_offset(self, venue: Venue, base_url: str) -> _Offset:
        """Waits for the first measurement only: a stale offset is still nearly right, and is refreshed behind."""
        offset = self._offsets.get(base_url)
        if offset is None:
            offset = self._offsets[base_url] = _Offset()
        if self.clock.monotonic_s() >= offset.stale_at_s:
            if offset.measured == 0:
                await self._measure_once(venue, base_url, offset, 0)
            elif not offset.lock.locked():
                task = asyncio.create_task(self._measure_once(venue, base_url, offset, offset.measured))
                self._refreshing.add(task)
                task.add_done_callback(self._refreshing.discard)
        return offset

    async def _measure_once(self, venue: Venue, base_url: str, offset: _Offset, measured: int) -> None:
        """Unless somebody else did so since `measured`, while we waited for the lock."""
        async with offset.lock:
            if offset.measured == measured:
                await self._measure(venue, base_url, offset)
                offset.measured += 1

    async def _measure(self, venue: Venue, base_url: str, offset: _Offset) -> None:
        """The venue's time against the middle of the round trip. When it cannot be asked, the last answer stands."""
        offset.stale_at_s = self.clock.monotonic_s() + OFFSET_RETRY_S
        request = venue.clock()
        samples: list[tuple[float, int]] = []
        try:
            async with asyncio.timeout(CLOCK_TIMEOUT_S):
                for _ in range(CLOCK_SAMPLES):
                    await self.spend(venue, base_url, request, None)
                    asked_at_s = self.clock.now_s()
                    reply = await self._send(venue, base_url, request, None, 0)
                    self._checked(venue, base_url, request, None, reply)
                    answered_at_s = self.clock.now_s()
                    ahead_ms = venue.to_clock_ms(reply) - round((asked_at_s + answered_at_s) * 500)
                    samples.append((answered_at_s - asked_at_s, ahead_ms))
        except (VenueError, TimeoutError) as error:
            log.warning("the clock of %s could not be asked: %s", venue.name, error or "no answer in time")
        if samples:
            offset.ms = min(samples)[1]
            offset.stale_at_s = self.clock.monotonic_s() + OFFSET_STALE_S


class _Offset:
    __slots__ = ("lock", "measured", "ms", "stale_at_s")

    def __init__(self) -> None:
        self.ms = 0
        self.measured = 0
        self.stale_at_s = float("-inf")
        self.lock = asyncio.Lock()
