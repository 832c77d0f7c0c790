"""Users: who a user id belongs to, and the one-use tickets that open a stream for a browser.

A user id belongs to the first credentials that used it. The claim names the account whose credentials those were; they
stand sealed with the account, so the claim itself holds nothing that could be guessed against. A user who registered
claimed the id by doing so: then the claim names who they log in as, and no account.
"""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple

import msgspec

from shared.store import keys
from shared.store.connection import Redis

TICKET_TTL_S = 30


class Claim(msgspec.Struct, frozen=True):
    user_id: str
    account_id: str
    claimed_at_ms: int
    name: str | None = None
    """Of a user who registered."""


def standing_of(user_id: str, account_id: str) -> str:
    """What somebody with an account's keys comes with: it stands as long as the account has these keys."""
    return f"account:{user_id}/{account_id}"


class Holder(NamedTuple):
    """Whom a ticket lets in, and the credential that it was got with, if that can be revoked."""

    user_id: str
    standing: str | None


class Users:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def _key(self, user_id: str) -> str:
        return keys.of_user(keys.shard_of(user_id, self._redis.shards), user_id, "claim")

    async def claim(self, claim: Claim) -> Claim:
        """The first claim stands; answers the one that does."""
        key = self._key(claim.user_id)
        await self._redis("HSETNX", key, "claim", msgspec.json.encode(claim))
        return msgspec.json.decode(await self._redis("HGET", key, "claim"), type=Claim)

    async def get(self, user_id: str) -> Claim | None:
        said = await self._redis("HGET", self._key(user_id), "claim")
        return None if said is None else msgspec.json.decode(said, type=Claim)

    async def own(self, account_id: str, user_id: str) -> None:
        """Remember whose account it is, for callers who show its keys and say no user id. The first user stays."""
        await self._redis("SET", keys.account(account_id), user_id, "NX")

    async def owner_of(self, account_id: str) -> str | None:
        user_id = await self._redis("GET", keys.account(account_id))
        return None if user_id is None else str(user_id.decode())

    async def put_ticket(self, ticket: str, user_id: str, standing: str | None = None) -> None:
        """Redis sees only the ticket's digest."""
        await self._redis(*to_put_ticket(ticket, user_id, standing))

    async def take_ticket(self, ticket: str) -> Holder | None:
        """Whom the ticket lets in; it does once."""
        said = await self._redis("GETDEL", keys.ticket(_digest(ticket)))
        if said is None:
            return None
        user_id, _, standing = said.decode().partition(" ")
        return Holder(user_id, standing or None)


def to_put_ticket(ticket: str, user_id: str, standing: str | None = None) -> tuple[str | int, ...]:
    """The command, for those who send it together with others."""
    return "SET", keys.ticket(_digest(ticket)), f"{user_id} {standing}" if standing else user_id, "EX", TICKET_TTL_S


def _digest(ticket: str) -> str:
    return sha256(ticket.encode()).hexdigest()
