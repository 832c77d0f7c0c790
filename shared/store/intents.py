"""Intents: what is about to be asked of a venue, written before the request leaves, and how it ended.

The intent's id is the client order id that goes over the wire, made from the caller's idempotency key: the same key
finds the same intent from any api process, and the venue can be asked about it. A known outcome is never replaced.
"""

from __future__ import annotations

from typing import Any

import msgspec

from shared.clock import CLOCK, Clock
from shared.model import Outcome
from shared.store import keys
from shared.store.connection import Redis
from shared.store.scripts import INTEND, RESOLVE

INTENT_TTL_S = 48 * 3600


class Intent(msgspec.Struct, kw_only=True):
    id: str
    """The client order id as the venue holds it."""
    user_id: str
    account_id: str
    venue: str
    environment: str
    action: str
    symbol: str
    digest: str
    """Of the caller's body: the same key with another body is another wish."""
    created_at_ms: int
    expires_at_ms: int | None = None
    outcome: str | None = None
    """None while the request is under way, or its process died."""
    order_id: str | None = None
    wanted: dict[str, str] | None = None
    """The values that an amend asks for, by which its outcome is known again."""
    reason: str | None = None
    answer: dict[str, Any] | None = None
    """What the caller was told; told again to whoever asks with the same key."""
    status: int = 200


class Intents:
    def __init__(self, redis: Redis, clock: Clock = CLOCK) -> None:
        self._redis, self._clock = redis, clock

    def _names(self, user_id: str, intent_id: str) -> list[str]:
        shard = keys.shard_of(user_id, self._redis.shards)
        return [keys.of_user(shard, user_id, f"intent:{intent_id}"), keys.of_shard(shard, "unresolved")]

    async def intend(self, intent: Intent) -> Intent | None:
        """Write it down. Answers None when it is new, else the intent that already stands under this id."""
        said = await self._redis.script(
            INTEND,
            self._names(intent.user_id, intent.id),
            msgspec.json.encode(intent),
            INTENT_TTL_S * 1000,
            f"{intent.user_id}/{intent.id}",
            self._clock.now_ms(),
        )
        return msgspec.json.decode(said, type=Intent) if said else None

    async def resolve(self, intent: Intent) -> bool:
        """Write down how it ended. False when a known outcome already stood."""
        known = "1" if intent.outcome in (Outcome.ACCEPTED, Outcome.REJECTED) else "0"
        names, member = self._names(intent.user_id, intent.id), f"{intent.user_id}/{intent.id}"
        said = msgspec.json.encode(intent)
        return bool(await self._redis.script(RESOLVE, names, said, INTENT_TTL_S * 1000, member, known))

    async def get(self, user_id: str, intent_id: str) -> Intent | None:
        said = await self._redis("GET", self._names(user_id, intent_id)[0])
        return None if said is None else msgspec.json.decode(said, type=Intent)

    async def shards_unresolved(self, shards: list[int], before_ms: int) -> list[int]:
        """Which of these shards have such intents; most have none."""
        replies = await self._redis.pipeline(
            ("ZCOUNT", keys.of_shard(shard, "unresolved"), 0, before_ms) for shard in shards
        )
        return [shard for shard, reply in zip(shards, replies, strict=True) if isinstance(reply, int) and reply]

    async def unresolved(self, shard: int, before_ms: int, count: int = 50) -> list[Intent]:
        """Those of a shard that are older than `before_ms` and whose outcome nobody knows."""
        key = keys.of_shard(shard, "unresolved")
        found = []
        for member in await self._redis("ZRANGEBYSCORE", key, 0, before_ms, "LIMIT", 0, count):
            user_id, _, intent_id = member.decode().partition("/")
            intent = await self.get(user_id, intent_id)
            if intent is None or intent.outcome in (Outcome.ACCEPTED, Outcome.REJECTED):
                await self._redis("ZREM", key, member)
            else:
                found.append(intent)
        return found
