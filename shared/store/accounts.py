"""Accounts: one set of sealed credentials at one venue, owned by one user.

What is kept here cannot be read without the vault.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from shared.store import keys
from shared.store.connection import Redis


class Account(msgspec.Struct, frozen=True, kw_only=True):
    account_id: str
    user_id: str
    venue: str
    environment: str
    label: str
    sealed: str
    created_at_ms: int
    may_trade: bool = True  # as the venue said of its key when it was last proved


class _Sealed(msgspec.Struct):
    sealed: str


class Accounts:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def _key(self, user_id: str) -> str:
        return keys.of_user(keys.shard_of(user_id, self._redis.shards), user_id, "accounts")

    async def put(self, account: Account) -> None:
        await self._redis("HSET", self._key(account.user_id), account.account_id, msgspec.json.encode(account))

    async def get(self, user_id: str, account_id: str) -> Account | None:
        said = await self._redis("HGET", self._key(user_id), account_id)
        return None if said is None else msgspec.json.decode(said, type=Account)

    async def sealed_of(self, accounts: Sequence[tuple[str, str]]) -> list[str | None]:
        """What is sealed in each of these, named by user and account id; None for one that is gone."""
        replies = await self._redis.every(("HGET", self._key(user_id), account_id) for user_id, account_id in accounts)
        return [None if said is None else msgspec.json.decode(said, type=_Sealed).sealed for said in replies]

    async def of_user(self, user_id: str) -> list[Account]:
        flat = await self._redis("HGETALL", self._key(user_id))
        return [msgspec.json.decode(value, type=Account) for value in flat.values()]

    async def delete(self, user_id: str, account_id: str) -> bool:
        return bool(await self._redis("HDEL", self._key(user_id), account_id))
