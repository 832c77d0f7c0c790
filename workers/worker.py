"""One worker: says that it is there, keeps its leases, and runs the sessions of the shards it owns.

Everything it does follows from what Redis says, read once a second and at every bell. Its lease is judged by its own
monotonic clock: when it could not renew for SELF_STOP_S it stops by itself, before anybody can take its place. A shard
that moves is prepared by its next owner first, sockets open and facts held, and taken over only then.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import socket
import sys
from collections.abc import Coroutine
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from shared.clock import CLOCK, Clock
from shared.errors import GatewayError, LeaseLost, StoreUnavailable
from shared.exchanges.rest import Rest
from shared.settings import Settings
from shared.store import Store, keys, wire
from shared.store.events import Recorder
from shared.store.leases import Beat, Lease
from shared.store.sessions import Wish
from shared.vault import Vault
from workers import placement
from workers.resolver import Resolver
from workers.session import OPENING_MAX, House, Session

log = logging.getLogger("orderwire.worker")

SWEEP_EVERY_S = 1.0
SELF_STOP_S = 3.5
"""Less than the lease, so that a worker cut off from Redis is silent before its shards can be claimed."""
ALIVE_WITHIN_S = 3.5
"""A worker whose heartbeat is older gets no shards, and its own are taken when their leases end."""
PREPARE_MAX_S = 8.0
"""A session that does not come up within this does not keep its shard from moving."""
STOP_MAX_S = 4.0


@dataclass
class Shard:
    """The sessions of one shard. `lease` is None while it is being prepared."""

    lease: Lease | None
    sessions: dict[str, Session] = field(default_factory=dict)
    turn: int = -1
    since_s: float = 0.0

    def settled(self) -> bool:
        return all(session.settled.is_set() for session in self.sessions.values())


class Worker:
    def __init__(self, settings: Settings, worker_id: str, clock: Clock = CLOCK) -> None:
        self.worker_id, self.settings, self.clock = worker_id, settings, clock
        self.store = Store(settings, clock)
        self.recorder = Recorder(self.store.redis, settings.events_kept, clock)
        self.rest = Rest(clock, self.store.budgets)
        self.house = House(
            worker_id, settings, self.store, self.recorder, self.rest, Vault(settings.master_keys()), clock,
            asyncio.Semaphore(OPENING_MAX), self._last_seen_ms, self._refused,
        )  # fmt: skip
        self.resolver = Resolver(self.house)
        self.owned: dict[int, Shard] = {}
        self.preparing: dict[int, Shard] = {}
        self.draining = False
        self._beats: list[Beat] = []
        self._beats_at_ms = clock.now_ms()
        self._started_at_ms = clock.now_ms()
        self._valid_until_s = clock.monotonic_s() + SELF_STOP_S
        self._sweep_due_s = 0.0
        self._wake = asyncio.Event()
        self._done = asyncio.Event()
        self._lag_ms = 0.0
        self._background: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        sessions = sum(len(shard.sessions) for shard in self.owned.values())
        draining = ", draining" if self.draining else ""
        return (
            f"<Worker {self.worker_id}: {len(self.owned)} shards, {len(self.preparing)} preparing,"
            f" {sessions} sessions{draining}>"
        )

    # One verb for each stage of its life.

    async def run(self) -> None:
        """Until drained or stopped."""
        self.store.budgets.start()
        await self.rest.start()
        helpers = [
            asyncio.create_task(self.recorder.run()),
            asyncio.create_task(self._listen()),
            asyncio.create_task(self._guard()),
            asyncio.create_task(self.resolver.run(self._resolvable)),
        ]
        try:
            await self._agree()
            while not self._done.is_set():
                await self._sweep_safely()
                await self._sleep_until_bell()
            await self._let_go()
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, *self._background, return_exceptions=True)
            await self.rest.close()
            await self.store.close()

    def drain(self) -> None:
        """Hand everything over to the others, then end."""
        log.info("%r drains", self)
        self.draining, self._sweep_due_s = True, 0.0
        self._wake.set()

    def stop(self) -> None:
        """End now; what is still here says since when nobody looks."""
        self._done.set()
        self._wake.set()

    # The sweep.

    async def _sweep_safely(self) -> None:
        """Redis being away is ordinary; anything else is a fault of ours, said loudly, and not a reason to die."""
        try:
            if self.clock.monotonic_s() >= self._sweep_due_s:
                await self.sweep()
            else:
                await self._read_wishes()  # a bell between two sweeps
        except StoreUnavailable as error:
            log.warning("%r: %s", self, error)
            if self.draining and not self.owned:
                self._done.set()  # nothing to hand over, and nobody to tell
        except GatewayError:
            log.exception("%r: the sweep failed", self)

    async def sweep(self) -> None:
        self._sweep_due_s = self.clock.monotonic_s() + (SWEEP_EVERY_S / 4 if self.preparing else SWEEP_EVERY_S) * 0.9
        await self._renew()
        self._beats = await self.store.leases.beat(self._beat())
        self._beats_at_ms = self.clock.now_ms()
        others = [beat for beat in self._beats if beat.age_s <= ALIVE_WITHIN_S and not beat.draining]
        owners = await self.store.leases.owners()
        if self.draining and not (others and self.owned):
            self._done.set()
            return
        target = placement.plan(self.settings.shards, [beat.worker_id for beat in others], owners)
        mine = {shard for shard, worker in target.items() if worker == self.worker_id}
        await self._claim_free(mine, owners)
        await self._prepare(mine, owners)
        await self._read_wishes()
        await self._take_over(owners)

    async def _renew(self) -> None:
        asked_at_s = self.clock.monotonic_s()
        leases = [shard.lease for shard in self.owned.values() if shard.lease is not None]
        for lease in await self.store.leases.renew(self.worker_id, leases):
            self._drop(lease.shard)
        self._valid_until_s = asked_at_s + SELF_STOP_S

    async def _claim_free(self, mine: set[int], owners: dict[int, str]) -> None:
        free = [shard for shard in sorted(mine) if shard not in owners and shard not in self.owned]
        for shard, lease in zip(free, await self.store.leases.claim_many(free, self.worker_id), strict=True):
            if lease is not None:
                self._own(shard, lease)

    async def _prepare(self, mine: set[int], owners: dict[int, str]) -> None:
        """Start to stand by for what should be ours and is another's; stop for what no longer should."""
        alive = {beat.worker_id for beat in self._beats if beat.age_s <= ALIVE_WITHIN_S}
        wanted = {shard for shard in mine if owners.get(shard, self.worker_id) in alive - {self.worker_id}}
        for shard in self.preparing.keys() - wanted:
            self._in_background(_stop_all(self.preparing.pop(shard), None))
        for shard in wanted - self.preparing.keys() - self.owned.keys():
            self.preparing[shard] = Shard(None, since_s=self.clock.monotonic_s())

    async def _take_over(self, owners: dict[int, str]) -> None:
        now_s = self.clock.monotonic_s()
        ready = [
            shard
            for shard, prepared in self.preparing.items()
            if prepared.turn >= 0 and (prepared.settled() or now_s - prepared.since_s > PREPARE_MAX_S)
        ]
        leases = await self.store.leases.claim_many(ready, self.worker_id, [owners.get(shard, "") for shard in ready])
        for shard, lease in zip(ready, leases, strict=True):
            if lease is not None:
                self._own(shard, lease)

    def _own(self, number: int, lease: Lease) -> None:
        shard = self.preparing.pop(number, None) or Shard(None)
        shard.lease = lease
        self.owned[number] = shard
        for session in shard.sessions.values():
            session.grant(lease)
        self._wake.set()  # a shard just claimed has wishes to read

    async def _read_wishes(self) -> None:
        """Only of shards whose turn has changed since we last looked."""
        shards = self.owned | self.preparing
        turns = await self.store.sessions.turns(list(shards))
        for number, shard in shards.items():
            if shard.turn != turns[number]:
                wishes = await self.store.sessions.wishes(number) if turns[number] else []
                self._fulfil(number, shard, wishes)
                shard.turn = turns[number]

    def _fulfil(self, number: int, shard: Shard, wishes: list[Wish]) -> None:
        wanted = {wish.field: wish for wish in wishes}
        for name in shard.sessions.keys() - wanted.keys():
            self._in_background(shard.sessions.pop(name).stop())
        for name, wish in wanted.items():
            session = shard.sessions.get(name)
            if session is None:
                self._start(number, shard, wish)
            elif session.wish != wish:
                session.stir(wish)

    def _start(self, number: int, shard: Shard, wish: Wish) -> None:
        try:
            session = Session(wish, number, self.house, shard.lease)
        except GatewayError as error:
            log.error("the wish %s cannot be fulfilled: %s", wish.field, error)
            return
        shard.sessions[wish.field] = session
        session.start()

    # Losing.

    def _drop(self, number: int) -> None:
        """Somebody else owns the shard now, so its sessions end without a word."""
        shard = self.owned.pop(number, None)
        if shard is not None:
            for session in shard.sessions.values():
                session.forget_lease()
            self._in_background(_stop_all(shard, None))

    def _refused(self, number: int, error: Exception) -> None:
        """The recorder could not write for this shard: it is another's, or Redis is away."""
        if isinstance(error, LeaseLost):
            shard = self.owned.get(number)
            if shard is not None and shard.lease is not None and shard.lease.fence == error.fence:
                self._drop(number)
            return
        for shard in (self.owned.get(number), self.preparing.get(number)):
            for session in shard.sessions.values() if shard is not None else ():
                session.doubt()

    async def _guard(self) -> None:
        """The self-stop: by our own clock, whatever the sweep is waiting for."""
        while True:
            before_s = self.clock.monotonic_s()
            await asyncio.sleep(0.2)
            now_s = self.clock.monotonic_s()
            self._lag_ms = max(self._lag_ms * 0.9, (now_s - before_s - 0.2) * 1000)
            if now_s > self._valid_until_s and self.owned:
                log.error("%r could not renew for %.1f s and stops its sessions", self, SELF_STOP_S)
                for number in list(self.owned):
                    self._drop(number)

    async def _let_go(self) -> None:
        """Tell the record since when nobody looks, then free the leases for whoever is there."""
        shards, self.owned = self.owned, {}
        everything = [_stop_all(shard, "the worker stopped") for shard in shards.values()]
        everything += [_stop_all(shard, None) for shard in self.preparing.values()]
        try:
            async with asyncio.timeout(STOP_MAX_S):
                await asyncio.gather(*everything)
                await self.recorder.drained()
                await self.store.leases.release(self.worker_id, shards)
                await self.store.leases.goodbye(self.worker_id)
        except (TimeoutError, StoreUnavailable) as error:
            log.warning("%r ended without a goodbye: %s", self, error or "time was up")

    # Around it.

    async def _agree(self) -> None:
        while not self._done.is_set():
            try:
                await self.store.redis.agree()
                return
            except StoreUnavailable as error:
                log.warning("waiting for Redis: %s", error)
                await asyncio.sleep(0.5)

    async def _listen(self) -> None:
        """The bell. Without it everything works, a second later."""
        while True:
            try:
                ears = await wire.connect(self.settings.redis_url, lambda: wire.Ears(self._on_bell))
                try:
                    await ears.subscribe(keys.BELL)
                    self._wake.set()
                    await ears.closed
                finally:
                    ears.close()
            except StoreUnavailable:
                await asyncio.sleep(0.5)

    def _on_bell(self, messages: list[tuple[bytes, bytes]]) -> None:
        if any(
            int(number) in self.owned or int(number) in self.preparing for _, number in messages if number.isdigit()
        ):
            self._wake.set()

    async def _sleep_until_bell(self) -> None:
        try:
            async with asyncio.timeout(SWEEP_EVERY_S if not self.preparing else SWEEP_EVERY_S / 4):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    def _beat(self) -> Beat:
        sessions = [session for shard in self.owned.values() for session in shard.sessions.values()]
        return Beat(
            worker_id=self.worker_id,
            pid=os.getpid(),
            host=socket.gethostname(),
            started_at_ms=self._started_at_ms,
            draining=self.draining,
            shards={number: len(shard.sessions) for number, shard in self.owned.items()},
            standby=sum(len(shard.sessions) for shard in self.preparing.values()),
            sessions=len(sessions),
            live=sum(session.state == "live" for session in sessions),
            lag_ms=round(self._lag_ms, 1),
            recorded=self.recorder.recorded,
            rss_bytes=_rss_bytes(),
            version=version("orderwire"),
        )

    def _last_seen_ms(self, worker_id: str) -> int | None:
        for beat in self._beats:
            if beat.worker_id == worker_id:
                return self._beats_at_ms - round(beat.age_s * 1000)
        return None

    def _resolvable(self) -> list[int]:
        return [number for number, shard in self.owned.items() if shard.lease is not None]

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


async def _stop_all(shard: Shard, reason: str | None) -> None:
    await asyncio.gather(*(session.stop(reason) for session in shard.sessions.values()))


def _rss_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
