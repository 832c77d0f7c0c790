"""Sealed: where in Redis sealed records lie, so that all of them can be sealed anew while everything runs.

A record is only ever replaced as it was read: who changed it meanwhile wins, and it is read again. Nothing here can
open one; that takes the vault.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from shared.store import keys
from shared.store.connection import Redis
from shared.store.scripts import SWAP_FIELD

HASHES = ("accounts", "paper")
"""Of a user: hashes whose values may be records with credentials sealed in them."""
SECRET_FIELD = "secret"  # noqa: S105 - the name of a field
SCAN_COUNT = 1000


class Spot(NamedTuple):
    """One field of one hash, and the bytes that it held when it was read."""

    key: str
    field: str
    value: bytes


class Record(msgspec.Struct, frozen=True):
    """As much of a record as sealing anew needs."""

    user_id: str
    venue: str
    account_id: str
    sealed: str


class Sealed:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def house_secret(self) -> str | None:
        """The house's own secret, sealed."""
        said = await self._redis("HGET", keys.META, SECRET_FIELD)
        return None if said is None else str(said.decode())

    async def put_house_secret(self, sealed: str) -> str:
        """The first one stands; answers the one that does."""
        await self._redis("HSETNX", keys.META, SECRET_FIELD, sealed)
        return await self.house_secret() or sealed

    async def replace_house_secret(self, before: str, after: str) -> bool:
        return bool(await self._redis.script(SWAP_FIELD, [keys.META], SECRET_FIELD, before, after))

    async def places(self) -> list[tuple[str, int]]:
        """Every hash that may hold sealed records, and how many fields it has."""
        found: set[str] = set()
        for name in HASHES:
            cursor = "0"
            while True:
                pattern = f"ow:{{s*}}:u:*:{name}"
                at, names = await self._redis("SCAN", cursor, "MATCH", pattern, "COUNT", SCAN_COUNT, "TYPE", "hash")
                found |= {key.decode() for key in names}
                cursor = at.decode()
                if cursor == "0":
                    break
        ordered = sorted(found)
        lengths = await self._redis.every(("HLEN", key) for key in ordered)
        return list(zip(ordered, lengths, strict=True))

    async def read(self, places: Sequence[str]) -> list[Spot]:
        """Every field of these."""
        replies = await self._redis.every(("HGETALL", key) for key in places)
        spots = []
        for key, reply in zip(places, replies, strict=True):
            spots += [Spot(key, reply[at].decode(), reply[at + 1]) for at in range(0, len(reply), 2)]
        return spots

    async def read_again(self, spots: Sequence[Spot]) -> list[Spot]:
        """The same fields as they are now; those that are gone are left out."""
        replies = await self._redis.every(("HGET", spot.key, spot.field) for spot in spots)
        return [
            Spot(spot.key, spot.field, reply)
            for spot, reply in zip(spots, replies, strict=True)
            if isinstance(reply, bytes)
        ]

    async def replace(self, changes: Sequence[tuple[Spot, bytes]]) -> list[Spot]:
        """Each as it was read. Answers those that somebody changed meanwhile."""
        replies = await self._redis.scripts(
            SWAP_FIELD, [([spot.key], (spot.field, spot.value, after)) for spot, after in changes]
        )
        return [spot for (spot, _), done in zip(changes, replies, strict=True) if not done]


def to_record(value: bytes) -> Record | None:
    """None for a field that holds nothing sealed."""
    try:
        return msgspec.json.decode(value, type=Record)
    except msgspec.DecodeError:
        return None


def with_sealed(value: bytes, sealed: str) -> bytes:
    """The same record with this in place of what was sealed; what else stands in it stays as it is."""
    said = msgspec.json.decode(value, type=dict[str, msgspec.Raw])
    said["sealed"] = msgspec.Raw(msgspec.json.encode(sealed))
    return msgspec.json.encode(said)
