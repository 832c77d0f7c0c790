"""Leases: which worker owns which shard, and until when; and the heartbeats that say who is there.

Claim, renew and release are one script each, so two workers never own the same shard. Every claim raises the fence; a
write that carries an older fence is refused. Taking a shard from a living worker is a claim too: its next write is
refused, and it lets go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from shared.errors import StoreUnavailable
from shared.store import keys
from shared.store.connection import Redis
from shared.store.scripts import BEAT, CLAIM, RELEASE, RENEW

LEASE_TTL_S = 5.0
WORKER_FORGOTTEN_S = 60.0


class Lease(msgspec.Struct, frozen=True):
    shard: int
    fence: int


class Beat(msgspec.Struct, kw_only=True):
    """What a worker says of itself once a second."""

    worker_id: str
    pid: int
    host: str
    started_at_ms: int
    draining: bool = False
    shards: dict[int, int] = {}
    standby: int = 0
    sessions: int = 0
    live: int = 0
    lag_ms: float = 0.0
    recorded: int = 0
    rss_bytes: int = 0
    version: str = ""
    age_s: float = 0.0


class Leases:
    def __init__(self, redis: Redis, ttl_s: float = LEASE_TTL_S) -> None:
        self._redis, self.ttl_s = redis, ttl_s

    async def claim(self, shard: int, worker_id: str, taken_from: str = "") -> Lease | None:
        names = [keys.of_shard(shard, "lease"), keys.of_shard(shard, "fence")]
        fence = await self._redis.script(CLAIM, names, worker_id, round(self.ttl_s * 1000), taken_from)
        return Lease(shard, int(fence)) if int(fence) else None

    async def claim_many(
        self, shards: Sequence[int], worker_id: str, taken_from: Sequence[str] = ()
    ) -> list[Lease | None]:
        """Claim each in one write; None where somebody else was first."""
        owners = taken_from or [""] * len(shards)
        replies = await self._redis.pipeline(
            (
                "EVAL", CLAIM.source, 2, keys.of_shard(shard, "lease"), keys.of_shard(shard, "fence"),
                worker_id, round(self.ttl_s * 1000), owner,
            )
            for shard, owner in zip(shards, owners, strict=True)
        )  # fmt: skip
        return [
            Lease(shard, int(reply)) if isinstance(reply, int) and reply else None
            for shard, reply in zip(shards, replies, strict=True)
        ]

    async def renew(self, worker_id: str, leases: Iterable[Lease]) -> list[Lease]:
        """Renew all in one write; answers those that are lost."""
        wanted = list(leases)
        replies = await self._redis.pipeline(
            (
                "EVAL", RENEW.source, 2, keys.of_shard(lease.shard, "lease"), keys.of_shard(lease.shard, "fence"),
                worker_id, round(self.ttl_s * 1000), lease.fence,
            )
            for lease in wanted
        )  # fmt: skip
        for reply in replies:
            if isinstance(reply, Exception):
                raise StoreUnavailable(f"Redis: {reply}") from reply
        return [lease for lease, reply in zip(wanted, replies, strict=True) if int(reply) == 0]

    async def release(self, worker_id: str, shards: Iterable[int]) -> None:
        await self._redis.pipeline(
            ("EVAL", RELEASE.source, 1, keys.of_shard(shard, "lease"), worker_id) for shard in shards
        )

    async def owners(self) -> dict[int, str]:
        """Who owns each shard that is owned."""
        shards = range(self._redis.shards)
        replies = await self._redis("MGET", *(keys.of_shard(shard, "lease") for shard in shards))
        return {shard: reply.decode() for shard, reply in zip(shards, replies, strict=True) if reply is not None}

    async def beat(self, beat: Beat | None) -> list[Beat]:
        """Say that we are there (None only looks), and hear who else is. Ages are by Redis' own clock."""
        worker_id, said = (beat.worker_id, msgspec.json.encode(beat)) if beat else ("", b"-")
        return await self._beat(worker_id, said)

    async def goodbye(self, worker_id: str) -> None:
        await self._beat(worker_id, b"")

    async def _beat(self, worker_id: str, said: bytes) -> list[Beat]:
        forget_ms = round(WORKER_FORGOTTEN_S * 1000)
        now_ms, flat = await self._redis.script(BEAT, [keys.WORKERS], worker_id, said, forget_ms)
        beats = []
        for value in flat[1::2]:
            at_ms, text = value.split(b" ", 1)
            beat = msgspec.json.decode(text, type=Beat)
            beat.age_s = (int(now_ms) - int(at_ms)) / 1000
            beats.append(beat)
        return sorted(beats, key=lambda beat: (beat.started_at_ms, beat.worker_id))
