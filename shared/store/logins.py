"""Logins: who comes with a name and a password, how long a login lasts, and how often one may try.

A name is taken by one write, so two who register it at once make one user. A login lives as long as it is refreshed; of
its refresh tokens only the newest one's digest is kept, and one that was used before ends the login for everybody.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

import msgspec

from shared.store import keys
from shared.store.connection import Redis
from shared.store.insist import Insist
from shared.store.scripts import ATTEMPT, FORGIVE, REFRESH, SWAP

REFRESH_TTL_S = 30 * 24 * 3600
REMEMBERED_FOR_S = 3600
SCAN_COUNT = 500


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """One registered user. `password` is an Argon2id hash."""

    name: str
    user_id: str
    password: str
    created_at_ms: int
    is_admin: bool = False

    def __repr__(self) -> str:
        return f"Login({self.name!r}, {self.user_id!r})"


class Rule(NamedTuple):
    """So many attempts are free; then each wait is twice the last."""

    kind: str
    free: int
    first_s: float
    longest_s: float


class Refreshed(NamedTuple):
    """`verdict` is `ok`, `gone` or `reused`."""

    verdict: str
    name: str


class Logins:
    def __init__(self, redis: Redis, insist: Insist) -> None:
        self._redis, self._insist = redis, insist

    # Names.

    async def add(self, login: Login) -> bool:
        """False when the name is taken."""
        said = await self._redis("SET", keys.login(to_key(login.name)), msgspec.json.encode(login), "NX")
        return said is not None

    async def get(self, name: str) -> Login | None:
        said = await self._redis("GET", keys.login(to_key(name)))
        return None if said is None else msgspec.json.decode(said, type=Login)

    async def replace(self, before: Login, after: Login) -> bool:
        """False when it was changed since it was read."""
        said = msgspec.json.encode(before), msgspec.json.encode(after)
        return bool(await self._redis.script(SWAP, [keys.login(to_key(before.name))], *said))

    async def all(self) -> AsyncIterator[Login]:
        """In no order."""
        cursor = "0"
        while True:
            at, names = await self._redis("SCAN", cursor, "MATCH", keys.login("*"), "COUNT", SCAN_COUNT)
            for said in await self._redis.every(("GET", name) for name in names):
                if isinstance(said, bytes):
                    yield msgspec.json.decode(said, type=Login)
            cursor = at.decode()
            if cursor == "0":
                return

    # Logins that last.

    async def begin(self, login_id: str, name: str, digest: str) -> None:
        key = keys.refresh(login_id)
        await self._redis.every([("HSET", key, "name", name, "digest", digest), ("PEXPIRE", key, REFRESH_TTL_S * 1000)])

    async def refresh(self, login_id: str, digest: str, next_digest: str) -> Refreshed:
        """The token with this digest came; the next one takes its place."""
        key = keys.refresh(login_id)
        verdict, name = await self._redis.script(REFRESH, [key], digest, next_digest, REFRESH_TTL_S * 1000)
        if verdict == b"reused":
            await self.end(login_id)
        return Refreshed(verdict.decode(), name.decode())

    async def stand(self, login_ids: Sequence[str]) -> list[bool]:
        """Which of these have not ended."""
        replies = await self._redis.every(("EXISTS", keys.refresh(login_id)) for login_id in login_ids)
        return [reply == 1 for reply in replies]

    async def end(self, login_id: str) -> None:
        """For good, whatever becomes of Redis in the next second."""
        await self._insist(("DEL", keys.refresh(login_id)))

    async def end_all(self, name: str) -> int:
        """Every login of this name; how many there were."""
        found: list[str] = []
        cursor = "0"
        while True:
            at, names = await self._redis("SCAN", cursor, "MATCH", keys.refresh("*"), "COUNT", SCAN_COUNT)
            whose = await self._redis.every(("HGET", key, "name") for key in names)
            found += [key.decode() for key, said in zip(names, whose, strict=True) if said == name.encode()]
            cursor = at.decode()
            if cursor == "0":
                break
        if found:
            await self._insist(*(("DEL", key) for key in dict.fromkeys(found)))
        return len(set(found))

    # Attempts.

    async def attempt(self, rule: Rule, who: str) -> float:
        """0 when one may try now; it counts as failed until it is forgiven. Else in how many seconds one may."""
        args = rule.free, round(rule.first_s * 1000), round(rule.longest_s * 1000), REMEMBERED_FOR_S * 1000
        return int(await self._redis.script(ATTEMPT, [keys.attempts(rule.kind, who)], *args)) / 1000

    async def forget(self, rule: Rule, who: str) -> None:
        """Somebody proved who they are: what failed before was them, or in vain."""
        await self._redis("DEL", keys.attempts(rule.kind, who))

    async def forgive(self, rule: Rule, who: str) -> None:
        """This one attempt succeeded. The others of the same address stand: they may be on other names."""
        await self._redis.script(FORGIVE, [keys.attempts(rule.kind, who)])


def to_key(name: str) -> str:
    """Names that differ only in case are one."""
    return name.lower()
