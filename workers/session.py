"""One session: the life of the connection to one account, in named stages.

    connect → login → subscribe → (stand by) → resync → follow → back off → connect …

Between `subscribe` and `resync` what arrives is held by the socket, so nothing falls between the two. A session that
prepares to take over from another worker stands by with its socket open and its facts held; when the lease is granted
it goes on, and was never blind. Whenever it was blind, it says from when to when.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from shared.clock import Clock
from shared.errors import ConnectionLost, GatewayError, KeyRefused, NotFound, StoreUnavailable, VenueError
from shared.exchanges import registry
from shared.exchanges.base import Ask, Endpoints, Lane, Venue, Wire
from shared.exchanges.rest import Rest, counted
from shared.exchanges.sockets import Sockets
from shared.model import (
    Credentials,
    Fact,
    Gap,
    Owner,
    Position,
    SessionState,
)
from shared.model import Session as SessionFact
from shared.settings import Settings
from shared.store import Store
from shared.store.events import Recorder
from shared.store.leases import Lease
from shared.store.sessions import Wish
from shared.vault import CannotOpen, Vault
from workers import resync
from workers.endings import Endings

log = logging.getLogger("orderwire.session")

BACK_OFF_BASE_S = 0.5
BACK_OFF_MAX_S = 30.0
STEADY_AFTER_S = 10.0
"""A session that was live for this long starts its back-off anew; one that flaps does not."""
FIRST_LOOK_S = 3600.0
"""How far back the first resync of an account looks for finished orders and fills."""
RECHECK_S = 10.0
"""How often an account with something at stake is compared with the venue's REST, in case frames went missing."""
RECENT_S = 120.0
CONNECT_WAIT_S = 1.0
"""How long a session stands in line to open its socket; then it says so, and stands in line again."""
REPLACE_WITHIN_S = 0.5
RESTING = frozenset({SessionState.PARKED, SessionState.AUTH_FAILED})
OPENING_MAX = 64
"""Sessions of one worker that connect or resync at once; more would only wait for each other at the venue."""
ASK_DEADLINE_S = 10.0


@dataclass
class House:
    """What every session of a worker shares."""

    worker_id: str
    settings: Settings
    store: Store
    recorder: Recorder
    rest: Rest
    vault: Vault
    clock: Clock
    opening: asyncio.Semaphore
    last_seen_ms: Callable[[str], int | None]
    """When another worker last said that it was alive."""
    refused: Callable[[int, Exception], None]
    """Told when the facts of a shard could not be recorded."""


class Resting(Exception):
    """The session has no reason to be connected; it waits to be stirred."""

    def __init__(self, state: SessionState, reason: str | None) -> None:
        super().__init__(state)
        self.state, self.reason = state, reason


class Session:
    """`lease` is None while standing by: then nothing may be recorded."""

    def __init__(self, wish: Wish, shard: int, house: House, lease: Lease | None) -> None:
        self.wish, self.shard, self.house, self.lease = wish, shard, house, lease
        self.state = SessionState.CONNECTING
        self.settled = asyncio.Event()
        """Standing by, or known not to come up soon: nobody gains by waiting for it before the shard is taken over."""
        self._venue: Venue = registry.venue(wish.venue, wish.environment)
        self._endpoints: Endpoints = registry.endpoints(house.settings, wish.venue, wish.environment)
        self._owner = Owner(wish.user_id, wish.account_id, wish.venue, wish.environment)
        self._credentials: Credentials | None = None
        self._identity: str | None = None
        self._wire: Wire | None = None
        self._granted = asyncio.Event()
        self._wake = asyncio.Event()
        self._dirty_from_ms: int | None = None
        self._recheck_due = False
        self._stirred = False
        self._looked_back = False
        self._blind_from_ms: int | None = None
        self._blind_reason = "the session was not connected"
        self._since_ms = house.clock.now_ms()
        self._seen_ms: int | None = None
        self._subscribed_at_ms = 0
        self._last_read_id = ""
        self._idle_since_s: float | None = None
        self._gaps = 0
        self._turns = 0
        self._endings = Endings()
        self._task: asyncio.Task[None] | None = None
        self._granted_at_ms = 0
        if lease is not None:
            self.grant(lease)

    def __repr__(self) -> str:
        return (
            f"<Session {self.wish.user_id}/{self.wish.account_id} {self.state}{'' if self.lease else ', standing by'}>"
        )

    # What the worker says.

    def start(self) -> None:
        self._task = asyncio.create_task(self.run())

    def grant(self, lease: Lease) -> None:
        self.lease = lease
        self._granted_at_ms = self.house.clock.now_ms()
        self._granted.set()

    def stir(self, wish: Wish) -> None:
        """The wish was written again: somebody needs this session now, or its account has changed."""
        self.wish = wish
        self._stirred = True
        self._wake.set()

    def doubt(self) -> None:
        """Facts could not be recorded: read the venue again as soon as Redis takes writes."""
        if self._dirty_from_ms is None:
            self._dirty_from_ms = self.house.clock.now_ms()
        self._wake.set()

    def forget_lease(self) -> None:
        self.lease = None

    async def stop(self, reason: str | None = None) -> None:
        """End now. With a reason, the record says since when nobody looks; without one, somebody else already does."""
        if reason is not None and self.lease is not None:
            if self.state is SessionState.LIVE:
                self._go_blind(reason)
            if self.state is not SessionState.AUTH_FAILED:
                self._tell(SessionState.RECONNECTING, reason)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    # The life.

    async def run(self) -> None:
        attempt = 0
        while True:
            live_from_s: float | None = None
            try:
                await self._look_back()
                await self._may_connect()
                async with self.house.opening:
                    await self._open_account()
                    await self._login()
                    sockets = await self._connect()
                try:
                    await self._stand_by(sockets)
                    async with self.house.opening:
                        await self._resync_after_blindness()
                    live_from_s = self.house.clock.monotonic_s()
                    while True:
                        lost = await self._follow(sockets)
                        old, sockets = sockets, await self._replace(sockets, lost)
                        sockets.release()
                        await old.close()
                finally:
                    await sockets.close()
            except Resting as resting:
                await self._rest(resting.state, resting.reason)
                attempt = 0
            except KeyRefused as error:
                await self._rest(SessionState.AUTH_FAILED, str(error))
                attempt = 0
            except (CannotOpen, NotFound) as error:
                await self._rest(SessionState.AUTH_FAILED, str(error))
            except GatewayError as error:
                if live_from_s is not None and self.house.clock.monotonic_s() - live_from_s > STEADY_AFTER_S:
                    attempt = 0
                await self._back_off(error, attempt)
                attempt += 1
            except Exception as error:  # a fault of ours must not leave an account blind and called live
                log.exception("%r failed", self)
                if self._blind_from_ms is None and self.state is SessionState.LIVE:
                    self._go_blind("a fault of ours")
                await self._back_off(ConnectionLost(f"a fault of ours: {type(error).__name__}"), attempt)
                attempt += 1

    async def _open_account(self) -> None:
        if self._blind_from_ms is None:
            self._tell(SessionState.CONNECTING, None)
        else:
            self._tell(SessionState.RECONNECTING, self._blind_reason)
        wish = self.wish
        account = await self.house.store.accounts.get(wish.user_id, wish.account_id)
        if account is None:
            raise NotFound("account")
        self._credentials = self.house.vault.open(account.sealed, wish.user_id, account.venue, wish.account_id)

    async def _login(self) -> None:
        """Proves the key, and learns the name that the venue knows the account by."""
        if self._identity is None:
            reply = await self.house.rest.call(
                self._venue, self._endpoints.rest_url, self._venue.identity(), self._credentials
            )
            self._identity = self._venue.to_identity(reply)
            self._wire = self._venue.wire(self._owner, self._identity)

    async def _may_connect(self) -> None:
        """The venue's rule on opening sockets. It waits outside of `opening`, where it would hold up others' resync.

        The paper exchange is ours and has no such rule.
        """
        if self.wish.environment == "paper":
            return
        budget, url = self._venue.limits.connects, self._endpoints.ws_url
        who, sockets = counted(budget, url, self._credentials), 1 + len(self._endpoints.more_ws_urls)
        while (
            spent_s := await self.house.store.budgets.take(budget, who, Lane.CANCEL, sockets, CONNECT_WAIT_S)
        ) is not None:
            if self.state is not SessionState.LIVE:
                state = SessionState.CONNECTING if self._blind_from_ms is None else SessionState.RECONNECTING
                self._tell(state, "too many sockets were opened just now")
            await asyncio.sleep(spent_s * random.uniform(1, 2))  # noqa: S311 - spreads load, guards nothing

    async def _connect(self) -> Sockets:
        """Connects and subscribes; what arrives from now on is held."""
        assert self._wire is not None and self._credentials is not None
        sockets = await Sockets.open(
            self._endpoints, self._venue, self._wire, self._credentials, self._take, self._venue_now_s,
            clock=self.house.clock, on_unknown=self._on_unknown,
        )  # fmt: skip
        self._subscribed_at_ms = self.house.clock.now_ms()
        return sockets

    def _venue_now_s(self) -> float:
        return self.house.clock.now_s() + self.house.rest.offset_ms(self._venue, self._endpoints.rest_url) / 1000

    async def _stand_by(self, sockets: Sockets) -> None:
        """Until the shard is ours. The other worker records meanwhile, and so are we blind to nothing."""
        self.settled.set()
        if not self._granted.is_set():
            await self._wait_for_lease(sockets)
        await self._look_back(subscribed=self._subscribed_at_ms <= self._granted_at_ms)

    async def _wait_for_lease(self, sockets: Sockets) -> None:
        ended = asyncio.ensure_future(sockets.lost())
        granted = asyncio.ensure_future(self._granted.wait())
        try:
            await asyncio.wait({ended, granted}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                raise ended.result()
        finally:
            ended.cancel()
            granted.cancel()

    async def _look_back(self, *, subscribed: bool = False) -> None:
        """What the record says of this session before us: does it rest, was anybody blind, and since when?"""
        if self._looked_back:
            return
        said = await self.house.store.events.record_of(self.wish.user_id, "session", self.wish.account_id)
        self._looked_back = self.lease is not None
        if said is None:
            return
        before = msgspec.json.decode(said, type=SessionFact)
        self._gaps = before.gaps
        if before.state is SessionState.LIVE and subscribed:
            # The other worker looked until we did, whatever the record said when we began to stand by.
            self._seen_ms, self._blind_from_ms = self._subscribed_at_ms, None
        elif before.state is SessionState.LIVE and self.lease is not None:
            seen = self.house.last_seen_ms(before.owner) if before.owner else None
            self._blind_from_ms = max(before.since_ms, min(seen or before.since_ms, self._granted_at_ms))
            self._blind_reason = "the worker was lost"
        elif before.state not in (SessionState.LIVE, SessionState.CONNECTING):
            self.state = before.state
            self._blind_from_ms = self._since_ms = before.since_ms
            self._blind_reason = before.reason or f"the session was {before.state}"
        if before.state in RESTING and self.wish.stirred <= before.since_ms and not subscribed:
            raise Resting(before.state, before.reason)

    async def _resync_after_blindness(self) -> None:
        """Reads everything that may have happened, then says the gap, then says live. One order, one connection."""
        overlap_ms = round(self._venue.limits.resync_overlap_s * 1000)
        first_look_ms = self._subscribed_at_ms - round(FIRST_LOOK_S * 1000)
        known_from = self._blind_from_ms if self._blind_from_ms is not None else self._seen_ms
        await self._resync(first_look_ms if known_from is None else known_from - overlap_ms)
        if self._blind_from_ms is not None:
            self._tell_gap(self._blind_from_ms, max(self._subscribed_at_ms, self._blind_from_ms), self._blind_reason)
            self._blind_from_ms = None
        self._tell(SessionState.LIVE, None)

    async def _follow(self, sockets: Sockets) -> ConnectionLost:
        """Facts go from the socket to the record by themselves; here we wait for what interrupts that.

        Answers the venue's notice that this socket will be closed. Raises when the socket is lost already.
        """
        self._stirred = False  # whoever stirred has what they wanted
        sockets.release()
        ended = asyncio.ensure_future(sockets.lost())
        ended.add_done_callback(lambda _: self._wake.set())
        timer = self._recheck_later()
        try:
            while not ended.done():
                await self._wake.wait()
                self._wake.clear()
                if self._dirty_from_ms is not None:
                    await self._record_again()
                if self._recheck_due:
                    self._recheck_due = False
                    await self._recheck()
                    timer = self._recheck_later()
            lost = ended.result()
            if lost.planned and sockets.are_open:
                return lost
            raise self._blinded(sockets, lost)
        except (GatewayError, Resting) as error:
            if self._blind_from_ms is None:
                self._go_blind(str(error))
            raise
        finally:
            self._seen_ms = sockets.last_frame_at_ms
            timer.cancel()
            ended.cancel()

    async def _replace(self, old: Sockets, lost: ConnectionLost) -> Sockets:
        """Another socket before this one is closed: both tell the same for a moment, and nobody was blind."""
        log.info("%r: %s; another socket is opened first", self, lost)
        while True:
            # Every session of the venue hears the same notice in the same moment.
            await asyncio.sleep(random.uniform(0, REPLACE_WITHIN_S))  # noqa: S311 - spreads load, guards nothing
            await self._may_connect()
            try:
                async with self.house.opening:
                    new = await self._connect()
                break
            except KeyRefused:
                raise
            except GatewayError as error:
                if not old.are_open:
                    raise self._blinded(old, lost) from None
                log.info("%r: %s; tried again while the old socket is open", self, error)
        if not old.are_open:
            await new.close()
            raise self._blinded(old, lost)
        self._recheck_due = True
        return new

    def _blinded(self, sockets: Sockets, lost: ConnectionLost) -> ConnectionLost:
        self._blind_from_ms, self._blind_reason = sockets.last_frame_at_ms, lost.reason
        return lost

    async def _record_again(self) -> None:
        """Redis was away while the venue spoke. The venue is asked for all of it once Redis takes writes."""
        from_ms = self._dirty_from_ms
        assert from_ms is not None
        self._dirty_from_ms = None
        while True:
            try:
                await self._resync(from_ms - round(self._venue.limits.resync_overlap_s * 1000))
                break
            except StoreUnavailable:
                await asyncio.sleep(random.uniform(0.1, 0.5))  # noqa: S311 - spreads load, guards nothing
        self._tell_gap(from_ms, self.house.clock.now_ms(), "Redis was away")

    async def _back_off(self, error: GatewayError, attempt: int) -> None:
        """Full jitter: a thousand sessions that lost the same venue do not come back in the same moment."""
        self.settled.set()
        if self.state is SessionState.LIVE:
            self._tell(SessionState.RECONNECTING, str(error))
        ceiling_s = min(BACK_OFF_MAX_S, BACK_OFF_BASE_S * 2.0**attempt)
        wait_s = random.uniform(0, ceiling_s)  # noqa: S311 - spreads load, guards nothing
        if isinstance(error, ConnectionLost) and error.planned:
            wait_s = 0
        wait_s = max(wait_s, error.retry_after_s or 0)
        log.info("%r: %s; again in %.1f s", self, error, wait_s)
        await asyncio.sleep(wait_s)

    async def _rest(self, state: SessionState, reason: str | None) -> None:
        """No connection until somebody stirs: a refused key is not hammered, an idle account costs nothing."""
        self.settled.set()
        await self._granted.wait()
        self._tell(state, reason)
        while not self._stirred:  # which may have happened already, on the way here
            await self._wake.wait()
            self._wake.clear()
        self._stirred = False
        self._identity = None
        if self._blind_from_ms is None:
            self._go_blind(reason or f"the session was {state}")
            self._blind_from_ms = self._since_ms
        self._tell(SessionState.RECONNECTING, reason)

    # What is asked over REST.

    async def _resync(self, since_ms: int) -> None:
        assert self._wire is not None
        self._take(await resync.read_all(self._wire, self._ask, self._known, since_ms, self.house.clock.now_ms))

    async def _known(self) -> resync.Known:
        snapshot = await self.house.store.events.snapshot(self.wish.user_id)
        return resync.known_of(snapshot, self.wish.account_id)

    async def _ask(self, ask: Ask) -> list[Fact]:
        return await self.house.rest.ask(
            self._venue, self._endpoints.rest_url, ask, self._credentials, deadline_s=ASK_DEADLINE_S
        )

    # Now and then.

    def _recheck_later(self) -> asyncio.TimerHandle:
        every_s = RECHECK_S * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, guards nothing
        return asyncio.get_running_loop().call_later(every_s, self._ask_for_recheck)

    def _ask_for_recheck(self) -> None:
        self._recheck_due = True
        self._wake.set()

    async def _recheck(self) -> None:
        """Frames can go missing on a healthy socket. While something is at stake, REST is compared with the record."""
        try:
            was_stirred, self._stirred = self._stirred, False
            if await self._at_stake():
                self._idle_since_s = None
                await self._resync(self.house.clock.now_ms() - round(RECENT_S * 1000))
            elif was_stirred or await self.house.store.sessions.has_reader(self.wish.user_id):
                self._idle_since_s = None
            else:
                self._park_if_idle()
        except KeyRefused:
            raise
        except (VenueError, StoreUnavailable) as error:
            log.info("%r: recheck put off: %s", self, error)

    def _park_if_idle(self) -> None:
        now_s = self.house.clock.monotonic_s()
        self._idle_since_s = self._idle_since_s or now_s
        if now_s - self._idle_since_s >= self.house.settings.park_after_s:
            self._idle_since_s = None
            raise Resting(SessionState.PARKED, "no reader, open order or position")

    async def _at_stake(self) -> bool:
        """Is there an open order or trigger, a position, or an order that moved just now?"""
        last_id = await self.house.store.events.last_id(self.wish.user_id)
        if last_id == self._last_read_id:
            return False
        snapshot = await self.house.store.events.snapshot(self.wish.user_id)
        at_stake = resync.is_at_stake(snapshot, self.house.clock.now_ms() - round(RECENT_S * 1000))
        if not at_stake:
            self._last_read_id = last_id
        return at_stake

    # What is recorded.

    def _take(self, facts: list[Fact]) -> None:
        """The hot path: from the socket's callback straight to the recorder."""
        lease = self.lease
        if facts and type(facts[0]) is Position:
            facts = self._endings.join(facts)
        if lease is not None and facts:
            self.house.recorder.record(lease.shard, lease.fence, facts, self.wish.user_id, self._refused)

    def _refused(self, error: Exception) -> None:
        self.house.refused(self.shard, error)

    def _tell(self, state: SessionState, reason: str | None) -> None:
        if self.lease is None:
            return
        if state is SessionState.LIVE or self._blind_from_ms is None:
            self._since_ms = self._since_ms if state is self.state else self.house.clock.now_ms()
        else:
            self._since_ms = self._blind_from_ms
        self.state = state
        self._turns += 1
        owner = self._owner
        fact = SessionFact(
            user_id=owner.user_id, account_id=owner.account_id, venue=owner.venue, environment=owner.environment,
            state=state, owner=self.house.worker_id, since_ms=self._since_ms, last_event_at_ms=self._seen_ms,
            gaps=self._gaps, reason=reason, turn=self.lease.fence * 1_000_000 + self._turns,
        )  # fmt: skip
        self._take([fact])

    def _go_blind(self, reason: str) -> None:
        self._blind_from_ms, self._blind_reason = self.house.clock.now_ms(), reason

    def _tell_gap(self, from_ms: int, to_ms: int, reason: str) -> None:
        self._gaps += 1
        owner = self._owner
        gap = Gap(
            user_id=owner.user_id, account_id=owner.account_id, venue=owner.venue, environment=owner.environment,
            from_ms=from_ms, to_ms=to_ms, reason=reason, recovered=True,
        )  # fmt: skip
        self._take([gap])

    def _on_unknown(self, word: GatewayError) -> None:
        log.warning("%r: %s", self, word)
