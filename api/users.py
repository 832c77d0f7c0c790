"""Users: registering, logging in, staying logged in.

Whether a name exists is told to nobody who cannot log in with it: a wrong name and a wrong password get the same answer
after the same work. Attempts count before they are looked at, so that many at once are no way around the waits.
"""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import NamedTuple

import msgspec

from api.address import counted
from api.auth import LOGIN, Auth
from api.passwords import Passwords, is_outdated, weakness
from api.reading import refused, shown
from api.requests_users import NAME
from api.scopes import ADMIN
from shared.clock import CLOCK, Clock
from shared.errors import Conflict, GatewayError, NotAuthenticated, TooManyRequests
from shared.store import Store
from shared.store.logins import Login, Rule, to_key
from shared.store.users import Claim

ACCESS_TTL_S = 3600
"""A token may live that long because it ends with its login: see `api.standings`."""
REFRESH_PREFIX = "owr_"
BY_NAME = Rule("name", free=5, first_s=1.0, longest_s=60.0)
"""Its longest wait is short, so that nobody can lock somebody else out for long."""
BY_ADDRESS = Rule("address", free=20, first_s=1.0, longest_s=900.0)


class NameTaken(Conflict):
    """Somebody has this username."""

    code = "name_taken"

    def __init__(self) -> None:
        super().__init__("this username is taken")
        self.fields = (("username", "is taken"),)


class WrongLogin(NotAuthenticated):
    """Which of the two is wrong is not told."""

    code = "wrong_login"

    def __init__(self) -> None:
        super().__init__("the username or the password is wrong")


class Granted(NamedTuple):
    """What somebody who logged in gets."""

    access_token: str
    refresh_token: str
    expires_in: int

    def to_answer(self) -> dict[str, str | int]:
        return {
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "token_type": "Bearer",
            "expires_in": self.expires_in,
        }


class Users:
    def __init__(self, store: Store, auth: Auth, clock: Clock = CLOCK) -> None:
        self._store, self._auth, self._clock = store, auth, clock
        self._passwords = Passwords()

    def close(self) -> None:
        self._passwords.close()

    async def register(self, name: str, password: str, address: str) -> Login:
        wrong = weakness(password, name)
        if wrong is not None:
            raise refused((("password", wrong),))
        if await self._store.logins.get(name) is not None:
            raise NameTaken
        login = Login(
            name=name,
            user_id=f"u-{secrets.token_hex(10)}",
            password=await self._passwords.hash(password),
            created_at_ms=self._clock.now_ms(),
        )
        if not await self._store.logins.add(login):
            raise NameTaken
        await self._claim(login)
        self._note("user.registered", login, address)
        return login

    async def log_in(self, name: str, password: str, address: str) -> tuple[Login, Granted]:
        who = sha256(to_key(name).encode("utf-8", "surrogatepass")).hexdigest()[:32]
        here = counted(address)
        for rule, tries in ((BY_ADDRESS, here), (BY_NAME, who)):
            wait_s = await self._store.logins.attempt(rule, tries)
            if wait_s > 0:
                if self._auth.is_worth_telling(f"{rule.kind} {tries} is held"):
                    self._store.audit.note("login.held", {"name": shown(name), "from": address, "for": rule.kind})
                raise TooManyRequests("too many logins failed; wait before you try again", wait_s)
        login = await self._store.logins.get(name) if NAME.fullmatch(name) else None
        if not await self._passwords.matches(login.password if login else None, password) or login is None:
            self._store.audit.note("login.failed", {"name": shown(name), "from": address})
            raise WrongLogin
        await self._store.logins.forget(BY_NAME, who)
        await self._store.logins.forgive(BY_ADDRESS, here)
        await self._claim(login)  # a process that died while registering left it undone
        if is_outdated(login.password):
            newer = msgspec.structs.replace(login, password=await self._passwords.hash(password))
            await self._store.logins.replace(login, newer)
        self._note("login", login, address)
        return login, await self.grant(login)

    async def _claim(self, login: Login) -> None:
        """The user id is theirs from the beginning, so that no venue keys can claim it first."""
        claim = Claim(login.user_id, "", login.created_at_ms, login.name)
        standing = await self._store.users.claim(claim)
        if standing.name != login.name:
            raise GatewayError(f"user id {login.user_id} is claimed by others")

    async def grant(self, login: Login) -> Granted:
        """A new login, which lives as long as it is refreshed."""
        login_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        await self._store.logins.begin(login_id, login.name, _digest(secret))
        return self._granted(login, login_id, secret)

    def _granted(self, login: Login, login_id: str, secret: str) -> Granted:
        scopes = (ADMIN,) if login.is_admin else ()
        token = self._auth.token(login.user_id, ACCESS_TTL_S, scopes, standing=LOGIN + login_id)
        return Granted(token, f"{REFRESH_PREFIX}{login_id}_{secret}", ACCESS_TTL_S)

    async def refresh(self, token: str, address: str) -> Granted:
        """Each refresh token works once. One that comes again was stolen, by this caller or by the one before."""
        login_id, _, secret = token.removeprefix(REFRESH_PREFIX).partition("_")
        if not token.startswith(REFRESH_PREFIX) or not login_id.isalnum() or not secret:
            raise NotAuthenticated("the refresh token is not valid, or no longer")
        following = secrets.token_urlsafe(32)
        verdict, name = await self._store.logins.refresh(login_id, _digest(secret), _digest(following))
        if verdict == "reused":
            self._auth.standings.revoke(LOGIN + login_id)
            self._store.audit.note("login.reused", {"name": name, "by": LOGIN + login_id, "from": address})
        login = await self._store.logins.get(name) if verdict == "ok" else None
        if login is None:
            raise NotAuthenticated("the refresh token is not valid, or no longer")
        return self._granted(login, login_id, following)

    async def log_out(self, standing: str, user_id: str, address: str) -> None:
        await self._store.logins.end(standing.removeprefix(LOGIN))
        self._auth.standings.revoke(standing)
        self._store.audit.note("logout", {"user": user_id, "by": standing, "from": address})

    def _note(self, what: str, login: Login, address: str) -> None:
        self._store.audit.note(what, {"user": login.user_id, "name": login.name, "from": address})


def _digest(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
