"""`orderwire status`: the house at a glance, as a table for people or JSON for programs.

It only reads: Redis for workers, shards and sessions, /readyz for the api. With Redis away it says so, and the rest.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter

import msgspec

from deploy import answers, terminal
from deploy.house import settings_to_look, trading_env, version
from shared.errors import StoreUnavailable
from shared.logs import scrub
from shared.model import Session
from shared.settings import Settings
from shared.store import Store
from shared.store.connection import Health, health
from shared.store.leases import Beat
from shared.store.sessions import Wish

STALE_S = 5.0
SESSIONS_READ_MAX = 5_000
READ_AT_ONCE = 16
WATCH_EVERY_S = 2.0


class View(msgspec.Struct, kw_only=True):
    """What there is to see at one moment."""

    version: str
    trading_env: str
    api_url: str
    api_ready: bool
    api_says: str
    redis_url: str
    redis_error: str | None = None
    redis: Health | None = None
    workers: list[Beat] = []
    shards: int = 0
    shards_owned: int = 0
    sessions: int = 0
    sessions_by_state: dict[str, int] = {}

    @property
    def is_well(self) -> bool:
        return self.redis_error is None and self.api_ready


def status(*, as_json: bool, watch: bool) -> int:
    """Show it once, or again and again until Ctrl-C. The exit status is 1 when something is away."""
    while True:
        view = asyncio.run(look(settings_to_look()))
        if as_json:
            print(msgspec.json.format(msgspec.json.encode(view)).decode(), flush=True)
        else:
            if watch and sys.stdout.isatty():
                print("\033[H\033[2J", end="")
            print(to_text(view), flush=True)
        if not watch:
            return 0 if view.is_well else 1
        try:
            time.sleep(WATCH_EVERY_S)
        except KeyboardInterrupt:
            return 0


async def look(settings: Settings) -> View:
    is_ready, says = await asyncio.to_thread(answers.is_ready, settings)
    view = View(
        version=version(),
        trading_env=trading_env(),
        api_url=answers.api_url(settings),
        api_ready=is_ready,
        api_says=says,
        redis_url=scrub(settings.redis_url),
        shards=settings.shards,
    )
    store = Store(settings)
    try:
        view.redis = await health(store.redis)
        view.workers = await store.leases.beat(None)
        view.shards_owned = len(await store.leases.owners())
        await _count_sessions(store, view)
    except StoreUnavailable as error:
        view.redis_error = scrub(str(error))
    finally:
        await store.close()
    return view


async def workers(settings: Settings) -> list[Beat]:
    """Who is there, by their last heartbeat."""
    store = Store(settings)
    try:
        return await store.leases.beat(None)
    finally:
        await store.close()


async def _count_sessions(store: Store, view: View) -> None:
    counts = await store.sessions.counts()
    view.sessions = sum(counts.values())
    wishes: list[Wish] = []
    for shard, count in counts.items():
        if count and len(wishes) < SESSIONS_READ_MAX:
            wishes += await store.sessions.wishes(shard)
    states: Counter[str] = Counter()
    for start in range(0, len(wishes), READ_AT_ONCE):
        some = wishes[start : start + READ_AT_ONCE]
        reads = (store.events.record_of(wish.user_id, Session.kind, wish.account_id) for wish in some)
        states.update(_state_of(record) for record in await asyncio.gather(*reads))
    if view.sessions > len(wishes):
        states["not looked at"] = view.sessions - len(wishes)
    view.sessions_by_state = dict(states.most_common())


def _state_of(record: bytes | None) -> str:
    if record is None:
        return "not started"
    return str(msgspec.json.decode(record).get("state", "unknown"))


def to_text(view: View) -> str:
    lines = [
        terminal.paint(f"Orderwire {view.version} · {view.trading_env}", "bold"),
        "",
        f"  {terminal.mark(view.api_ready)} api       {view.api_url} {view.api_says}",
        f"  {terminal.mark(view.redis_error is None)} redis     {_redis_line(view)}",
    ]
    if view.redis_error is not None:
        return "\n".join([*lines, "", "  Without Redis nothing is known of workers and sessions: orderwire doctor"])
    everything_owned = view.shards_owned == view.shards
    lines += [
        f"  {terminal.mark(everything_owned)} shards    {view.shards_owned} of {view.shards} owned",
        f"  {terminal.mark(bool(view.workers))} sessions  {sessions_line(view)}",
        "",
        workers_table(view.workers),
    ]
    return "\n".join(lines)


def _redis_line(view: View) -> str:
    if view.redis is None:
        return f"{view.redis_url} is away: {view.redis_error}"
    known = view.redis
    room = f"{terminal.to_size(known.used_bytes)} used"
    if known.max_bytes:
        room += f" of {terminal.to_size(known.max_bytes)}"
    aof = "AOF on" if known.aof else terminal.paint("AOF off", "red")
    policy = known.policy if known.policy == "noeviction" else terminal.paint(known.policy, "red")
    return f"{view.redis_url} · {known.version} · {room} · {aof} · {policy}"


def sessions_line(view: View) -> str:
    if not view.sessions:
        return "none yet; the first order opens one"
    states = " · ".join(f"{count:,} {state}" for state, count in view.sessions_by_state.items())
    return f"{view.sessions:,} wanted: {states}"


def workers_table(beats: list[Beat]) -> str:
    """Each worker a row. Those that have gone silent are said to be."""
    if not beats:
        return "  No worker is there. Start one: supervisorctl -c supervisord.conf scale worker 1"
    head = ("worker", "pid", "up", "shards", "sessions", "live", "lag", "memory", "")
    return terminal.table(head, [_worker_row(beat, time.time()) for beat in beats])


def _worker_row(beat: Beat, now_s: float) -> tuple[str, ...]:
    note = terminal.paint("draining", "yellow") if beat.draining else ""
    if beat.age_s > STALE_S:
        note = terminal.paint(f"silent for {terminal.to_age(beat.age_s)}", "red")
    return (
        beat.worker_id,
        str(beat.pid),
        terminal.to_age(now_s - beat.started_at_ms / 1000),
        str(len(beat.shards)),
        f"{beat.sessions:,}",
        f"{beat.live:,}",
        f"{beat.lag_ms:.1f} ms",
        terminal.to_size(beat.rss_bytes),
        note,
    )
