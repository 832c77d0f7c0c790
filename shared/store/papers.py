"""Papers: the paper account that is made for each user who registers, and how that is going.

The wish is written first and its user is due at once; whoever takes a due one has it for a while, so that a process
that dies in between leaves it to the next. The keys are made up here and said to the paper exchange, so that asking
twice makes one account, and asking again brings it back at an exchange that forgot.
"""

from __future__ import annotations

import msgspec

from shared.clock import CLOCK, Clock
from shared.store import keys
from shared.store.accounts import Account
from shared.store.connection import Redis
from shared.store.scripts import TAKE_DUE

TAKEN_FOR_S = 6.0
"""Longer than the exchange is waited for."""
TAKEN_MAX = 20
NEVER_MS = 1 << 52


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """`state` is `making` or `ready`; `reason` says why it is not made yet."""

    user_id: str
    account_id: str
    uid: str
    state: str = "making"
    attempts: int = 0
    reason: str | None = None


class Papers:
    def __init__(self, redis: Redis, clock: Clock = CLOCK) -> None:
        self._redis, self._clock = redis, clock

    def _key(self, user_id: str) -> str:
        return keys.of_user(keys.shard_of(user_id, self._redis.shards), user_id, "paper")

    async def want(self, paper: Paper, account: Account) -> None:
        """The account as it will be, its credentials sealed."""
        key = self._key(paper.user_id)
        await self._redis("HSET", key, "account", msgspec.json.encode(account), "paper", msgspec.json.encode(paper))
        await self._redis("ZADD", keys.PAPERS, self._clock.now_ms(), paper.user_id)

    async def get(self, user_id: str) -> Paper | None:
        said = await self._redis("HGET", self._key(user_id), "paper")
        return None if said is None else msgspec.json.decode(said, type=Paper)

    async def account(self, user_id: str) -> Account | None:
        """What it will be; None once it is."""
        said = await self._redis("HGET", self._key(user_id), "account")
        return None if said is None else msgspec.json.decode(said, type=Account)

    async def take_due(self) -> list[str]:
        """Users whose account is to be made now; for a while nobody else takes them."""
        args = self._clock.now_ms(), round(TAKEN_FOR_S * 1000), TAKEN_MAX
        return [user.decode() for user in await self._redis.script(TAKE_DUE, [keys.PAPERS], *args)]

    async def retry(self, paper: Paper, wait_s: float) -> None:
        await self._redis("HSET", self._key(paper.user_id), "paper", msgspec.json.encode(paper))
        await self._redis("ZADD", keys.PAPERS, self._clock.now_ms() + round(wait_s * 1000), paper.user_id)

    async def made(self, paper: Paper) -> None:
        key = self._key(paper.user_id)
        await self._redis("HSET", key, "paper", msgspec.json.encode(paper))
        await self._redis("HDEL", key, "account")
        await self._redis("ZADD", keys.PAPERS, NEVER_MS, paper.user_id)

    async def forget(self, user_id: str) -> None:
        """The user deleted the account; nobody brings it back."""
        await self._redis("ZREM", keys.PAPERS, user_id)

    async def newest(self) -> str | None:
        """A user whose account was made, to see whether the exchange still knows it."""
        found = await self._redis("ZREVRANGEBYSCORE", keys.PAPERS, NEVER_MS, NEVER_MS, "LIMIT", 0, 1)
        return None if not found else str(found[0].decode())

    async def all_due(self) -> int:
        """The exchange forgot them all: each is to be made again."""
        users, now_ms = await self._redis("ZRANGE", keys.PAPERS, 0, -1), self._clock.now_ms()
        await self._redis.every(("ZADD", keys.PAPERS, "XX", now_ms, user) for user in users)
        return len(users)
