"""Gateway keys: what a bot shows instead of a login. Redis has a keyed digest of each, which says nothing of it.

The digest covers what the key may do and whose it is, so that a record that was changed in Redis opens nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from shared.store import keys
from shared.store.connection import Redis
from shared.store.insist import Insist


class GatewayKey(msgspec.Struct, frozen=True, kw_only=True):
    key_id: str
    user_id: str
    label: str
    scopes: tuple[str, ...]
    ips: tuple[str, ...]
    """Networks that it may come from; any when there is none."""
    created_at_ms: int
    expires_at_ms: int | None = None
    digest: str = ""

    def covered(self) -> bytes:
        """What the digest is taken of, besides the secret."""
        return msgspec.json.encode(msgspec.structs.replace(self, digest=""))


class LastUse(msgspec.Struct, frozen=True):
    at_ms: int
    address: str


class GatewayKeys:
    def __init__(self, redis: Redis, insist: Insist) -> None:
        self._redis, self._insist = redis, insist

    def _of_user(self, user_id: str) -> str:
        return keys.of_user(keys.shard_of(user_id, self._redis.shards), user_id, "keys")

    async def add(self, key: GatewayKey) -> None:
        await self._redis("SET", keys.gateway_key(key.key_id), msgspec.json.encode(key))
        await self._redis("HSET", self._of_user(key.user_id), key.key_id, b"")

    async def get(self, key_ids: Sequence[str]) -> list[GatewayKey | None]:
        """Those that are there."""
        records = await self._redis.every(("GET", keys.gateway_key(key_id)) for key_id in key_ids)
        return [msgspec.json.decode(said, type=GatewayKey) if isinstance(said, bytes) else None for said in records]

    async def of_user(self, user_id: str) -> list[tuple[GatewayKey, LastUse | None]]:
        uses = await self._redis("HGETALL", self._of_user(user_id))
        records = await self._redis.every(("GET", keys.gateway_key(key_id.decode())) for key_id in uses)
        found = []
        for said, use in zip(records, uses.values(), strict=True):
            if isinstance(said, bytes):
                key = msgspec.json.decode(said, type=GatewayKey)
                found.append((key, msgspec.json.decode(use, type=LastUse) if use else None))
        return sorted(found, key=lambda pair: (pair[0].created_at_ms, pair[0].key_id))

    async def count(self, user_id: str) -> int:
        return int(await self._redis("HLEN", self._of_user(user_id)))

    async def delete(self, user_id: str, key_id: str) -> bool:
        """For good, whatever becomes of Redis in the next second. False when the user has no such key."""
        if not await self._redis("HEXISTS", self._of_user(user_id), key_id):
            return False
        await self._insist(("DEL", keys.gateway_key(key_id)), ("HDEL", self._of_user(user_id), key_id))
        return True

    async def used(self, key: GatewayKey, use: LastUse) -> None:
        """Only of a key that is there: one that was revoked meanwhile stays gone."""
        index = self._of_user(key.user_id)
        if await self._redis("HEXISTS", index, key.key_id):
            await self._redis("HSET", index, key.key_id, msgspec.json.encode(use))
