"""Wishes and the bell: which accounts should be connected, said once in Redis and rung to whoever listens.

The wish is the truth; the bell only makes it quick. Workers read a shard's wishes when its turn has changed, on the
bell and every second without it.
"""

from __future__ import annotations

import msgspec

from shared.store import keys
from shared.store.connection import Redis
from shared.store.scripts import WANT

READER_TTL_S = 60


class Wish(msgspec.Struct, frozen=True):
    """That an account should be connected. `stirred` changes when somebody needs a parked session back."""

    user_id: str
    account_id: str
    venue: str
    environment: str
    stirred: int = 0

    @property
    def field(self) -> str:
        return f"{self.user_id}/{self.account_id}"


class Sessions:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def _shard(self, user_id: str) -> int:
        return keys.shard_of(user_id, self._redis.shards)

    async def want(self, wish: Wish) -> bool:
        """Write the wish and ring. Says whether anything changed."""
        return await self._write(wish, msgspec.json.encode(wish))

    async def unwant(self, wish: Wish) -> bool:
        return await self._write(wish, b"")

    async def _write(self, wish: Wish, said: bytes) -> bool:
        shard = self._shard(wish.user_id)
        names = [keys.of_shard(shard, "wishes"), keys.of_shard(shard, "turn")]
        changed = bool(await self._redis.script(WANT, names, wish.field, said))
        if changed:
            await self.ring(shard)
        return changed

    async def stir(self, user_id: str, at_ms: int) -> None:
        """Somebody needs this user's sessions now: wake those that are parked."""
        for wish in await self.wishes_of(user_id):
            await self.want(msgspec.structs.replace(wish, stirred=at_ms))

    async def ring(self, shard: int) -> None:
        await self._redis("PUBLISH", keys.BELL, str(shard))

    async def wishes(self, shard: int) -> list[Wish]:
        flat = await self._redis("HGETALL", keys.of_shard(shard, "wishes"))
        return [msgspec.json.decode(value, type=Wish) for value in flat.values()]

    async def wishes_of(self, user_id: str) -> list[Wish]:
        return [wish for wish in await self.wishes(self._shard(user_id)) if wish.user_id == user_id]

    async def turns(self, shards: list[int]) -> dict[int, int]:
        """How often each shard's wishes have changed."""
        if not shards:
            return {}
        replies = await self._redis("MGET", *(keys.of_shard(shard, "turn") for shard in shards))
        return {shard: int(reply or 0) for shard, reply in zip(shards, replies, strict=True)}

    async def counts(self) -> dict[int, int]:
        """How many wishes each shard has."""
        shards = range(self._redis.shards)
        replies = await self._redis.pipeline(("HLEN", keys.of_shard(shard, "wishes")) for shard in shards)
        return {shard: int(reply) for shard, reply in zip(shards, replies, strict=True)}

    async def read_by(self, user_ids: list[str]) -> None:
        """Somebody follows these users' streams; their sessions should not rest."""
        await self._redis.pipeline(
            ("SET", keys.of_user(self._shard(user_id), user_id, "reader"), "1", "EX", READER_TTL_S)
            for user_id in user_ids
        )

    async def has_reader(self, user_id: str) -> bool:
        return bool(await self._redis("EXISTS", keys.of_user(self._shard(user_id), user_id, "reader")))
