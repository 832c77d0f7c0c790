"""Who asks, and what they may touch: a bearer token, a gateway key, venue keys, a ticket or a cookie becomes a caller.

What a route needs stands in `api.access`, which asks here before the route is reached. A user id belongs to the first
credentials that used it, and only once the venue has accepted them. What was checked against the sealed record is
remembered for a moment under a keyed digest, so that checking again costs microseconds and nothing that could be read
or guessed against stays in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import os
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b, sha256
from typing import Any, Generic, TypeVar

import msgspec
from aiohttp import web

from api.address import address_of, is_secure
from api.gateway_keys import PREFIX, Keys, may_come_from, to_shown
from api.scopes import ADMIN, OF_A_LOGIN, OF_VENUE_KEYS
from api.standings import Standings
from api.tokens import API_AUDIENCE, STREAM_AUDIENCE, Tokens
from shared.desk import Desk
from shared.errors import GatewayError, NotAllowed, NotAuthenticated, NotFound, StoreUnavailable
from shared.exchanges import registry
from shared.model import Credentials, Session, SessionState
from shared.settings import Settings
from shared.store.accounts import Account
from shared.store.gateway_keys import GatewayKey, LastUse
from shared.store.sessions import Wish
from shared.store.users import Claim, standing_of
from shared.vault import CannotOpen

__all__ = ["ADMIN", "AUTH", "Auth", "Caller", "StreamReader", "account_id_of", "keys_of", "new_ticket", "stream_reader"]

COOKIE = "ow_stream"
COOKIE_TTL_S = 12 * 3600
REMEMBERED_FOR_S = 60.0
"""How long a check is trusted, while the account is there with the same keys: `api.standings` knows within a second."""
REMEMBERED_MAX = 10_000
WAKE_EVERY_S = 10.0
USE_TOLD_EVERY_S = 10.0
"""How exact a gateway key's last use is."""
CREDENTIAL_LENGTH_MAX = 512
LOGIN, KEY, ACCOUNT = "login:", "key:", "account:"

log = logging.getLogger(__name__)
K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody we know. `account_id` is set when they came with that account's keys.

    `standing` names what they came with, as far as that can be revoked: a login, a gateway key, an account's keys.
    """

    user_id: str
    scopes: frozenset[str] = OF_VENUE_KEYS
    account_id: str | None = None
    standing: str | None = None

    @property
    def is_key(self) -> bool:
        return self.standing is not None and self.standing.startswith(KEY)

    @property
    def by(self) -> str:
        """What they came with, for people."""
        return "venue keys" if self.account_id else self.standing or "token"


@dataclass(frozen=True, slots=True)
class StreamReader:
    """Somebody who may follow this user's stream. `set_cookie` is a whole `Set-Cookie` header to answer with.

    When what they came with is revoked, the stream ends: `when_it_ends` calls back then, and answers what undoes it.
    """

    user_id: str
    set_cookie: str | None = None
    when_it_ends: Callable[[Callable[[], None]], Callable[[], None]] | None = None


CALLER: web.RequestKey[Caller] = web.RequestKey("caller", Caller)
"""Who asks, once it is known."""
BEARER: web.RequestKey[Caller] = web.RequestKey("bearer", Caller)


class Auth:
    """The door of this process."""

    def __init__(self, settings: Settings, desk: Desk) -> None:
        self._settings, self._desk, self._store = settings, desk, desk.store
        self.tokens = Tokens(settings, desk.clock)
        self.keys = Keys(desk.store, desk.vault, desk.clock)
        self.standings: Standings[GatewayKey | str] = Standings(self._stand, desk.clock)
        self._pepper = os.urandom(32)
        self._used: Remembered[str, bool] = Remembered(USE_TOLD_EVERY_S)
        self._known: Remembered[bytes, Account] = Remembered(REMEMBERED_FOR_S)
        self._accepted: Remembered[bytes, bool] = Remembered(REMEMBERED_FOR_S)
        self._woken: Remembered[str, bool] = Remembered(WAKE_EVERY_S)
        self._errands: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self.standings.start()

    async def close(self) -> None:
        await self.standings.stop()
        for errand in self._errands:
            errand.cancel()
        await asyncio.gather(*self._errands, return_exceptions=True)

    # Venue keys.

    async def claim(self, venue: str, user_id: str, credentials: Credentials, token_user: str | None = None) -> Account:
        """The account of this user that these keys open. The first keys to come claim the user id."""
        digest = self._digest(user_id, venue, credentials)
        known = await self._remembered(digest)
        if known is not None:
            self.wake(known)
            return known
        account = await self._checked(venue, user_id, credentials, token_user)
        self._known.put(digest, account, self._now_s())
        self.wake(account)
        return account

    async def _remembered(self, digest: bytes) -> Account | None:
        """What these keys opened a moment ago, unless it is gone or has other keys by now."""
        known = self._known.get(digest, self._now_s())
        if known is None:
            return None
        sealed = await self.standings.get(standing_of(known.user_id, known.account_id))
        return known if sealed == known.sealed else None

    async def _checked(self, venue: str, user_id: str, credentials: Credentials, token_user: str | None) -> Account:
        account_id = account_id_of(venue, self._settings.trading_env, credentials)
        claim = await self._store.users.get(user_id)
        account = await self._store.accounts.get(user_id, account_id) if claim else None
        if account is not None and account.may_trade and self._opens(account, credentials):
            return account
        if claim is not None and account is None and token_user != user_id:
            raise NotAllowed(f"user id {user_id} belongs to other credentials")
        # New here, or the known key came with another secret: only the venue can say whether that is right.
        may_trade = await self._ask_venue(venue, credentials)
        now_ms = self._desk.clock.now_ms()
        saved = Account(
            account_id=account_id,
            user_id=user_id,
            venue=venue,
            environment=self._settings.trading_env,
            label=account.label if account else venue,
            sealed=self._desk.vault.seal(credentials, user_id, venue, account_id),
            created_at_ms=account.created_at_ms if account else now_ms,
            may_trade=may_trade,
        )
        await self._save(saved, is_first=claim is None)
        if account is None:
            await self._store.events.record([begun(saved)], user_id)
        self._store.audit.note(
            "account.added" if account is None else "account.keys_replaced",
            {"user": user_id, "by": "venue keys", "account": account_id, "venue": venue},
        )
        return saved

    async def _save(self, account: Account, *, is_first: bool) -> None:
        # The account first: a claim whose account was never written would lock its owner out.
        await self._store.accounts.put(account)
        if is_first:
            said = Claim(account.user_id, account.account_id, account.created_at_ms)
            standing = await self._store.users.claim(said)
            if standing.account_id != account.account_id:
                await self._store.accounts.delete(account.user_id, account.account_id)
                raise NotAllowed(f"user id {account.user_id} belongs to other credentials")
        await self._store.users.own(account.account_id, account.user_id)
        await self._store.sessions.want(to_wish(account))

    async def owner(self, venue: str, credentials: Credentials) -> Account | None:
        """Whose keys these are, when they are known here; the venue is not asked."""
        account_id = account_id_of(venue, self._settings.trading_env, credentials)
        digest = self._digest("", venue, credentials)
        known = await self._remembered(digest)
        if known is not None:
            return known
        user_id = await self._store.users.owner_of(account_id)
        account = await self._store.accounts.get(user_id, account_id) if user_id else None
        if account is None or not self._opens(account, credentials):
            return None
        self._known.put(digest, account, self._now_s())
        return account

    async def prove(self, venue: str, credentials: Credentials) -> None:
        """Raises unless these keys are known here or accepted by the venue: who asks comes before what is asked."""
        with contextlib.suppress(StoreUnavailable):
            if await self.owner(venue, credentials) is not None:
                return
        await self._ask_venue(venue, credentials)

    async def _ask_venue(self, venue: str, credentials: Credentials) -> bool:
        """The identity call: whether the key may do more than read. Raises what the venue refuses with."""
        digest = self._digest("\0", venue, credentials)
        known_may = self._accepted.get(digest, self._now_s())
        if known_may is not None:
            return known_may
        environment = self._settings.trading_env
        known = registry.venue(venue, environment)
        url = registry.endpoints(self._settings, venue, environment).rest_url
        may_trade = known.may_trade(await self._desk.rest.call(known, url, known.identity(), credentials))
        self._accepted.put(digest, may_trade, self._now_s())
        return may_trade

    def _opens(self, account: Account, credentials: Credentials) -> bool:
        try:
            sealed = self._desk.vault.open(account.sealed, account.user_id, account.venue, account.account_id)
        except CannotOpen as error:
            # Then only the venue can say whether these keys are right; if they are, they are sealed anew.
            log.warning("%s", error)
            return False
        return hmac.compare_digest(msgspec.json.encode(sealed), msgspec.json.encode(credentials))

    def _digest(self, user_id: str, venue: str, credentials: Credentials) -> bytes:
        words = msgspec.json.encode((user_id, venue, credentials))
        return blake2b(words, digest_size=16, key=self._pepper).digest()

    def _now_s(self) -> float:
        return self._desk.clock.monotonic_s()

    # Sessions that rest.

    def wake(self, account: Account) -> None:
        """Now and then, beside the request: see that the account's session is wanted and not parked."""
        now_s = self._now_s()
        if self._woken.get(account.account_id, now_s):
            return
        self._woken.put(account.account_id, True, now_s)
        self._run(self._stir(account))

    async def _stir(self, account: Account) -> None:
        try:
            wishes = await self._store.sessions.wishes_of(account.user_id)
            if all(wish.account_id != account.account_id for wish in wishes):
                await self._store.sessions.want(to_wish(account))
                return
            session = await self._store.events.record_of(account.user_id, "session", account.account_id)
            if session is not None and msgspec.json.decode(session).get("state") == "parked":
                await self._store.sessions.stir(account.user_id, self._desk.clock.now_ms())
        except GatewayError as error:
            log.warning("the session of account %s could not be woken: %s", account.account_id, error)

    def _run(self, errand: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    # Tokens and gateway keys.

    def token(
        self,
        user_id: str,
        ttl_s: float,
        scopes: tuple[str, ...] = (),
        audience: str = API_AUDIENCE,
        standing: str | None = None,
    ) -> str:
        """A login's token. `scopes` are those it has beyond what every login may."""
        more = {"standing": standing} if standing else {}
        return self.tokens.make(user_id, ttl_s, audience, scopes=list(scopes), **more)

    async def from_token(self, token: str, audience: str = API_AUDIENCE) -> Caller | None:
        claims = self.tokens.read(token, audience)
        if claims is None:
            return None
        scopes, standing = claims.get("scopes"), claims.get("standing")
        if standing is not None and await self.standings.get(str(standing)) is None:
            return None
        more = frozenset(map(str, scopes)) if isinstance(scopes, list) else frozenset()
        return Caller(claims["sub"], OF_A_LOGIN | more, standing=standing)

    async def from_key(self, said: str, address: str) -> Caller | None:
        shown = to_shown(said)
        if shown is None:
            return None
        standing = KEY + shown.key_id
        key = await self.standings.get(standing)
        if not isinstance(key, GatewayKey) or not await self.keys.is_right(key, shown):
            return None
        if not may_come_from(key, address):
            if self.is_worth_telling(f"{standing} {address}"):
                self._store.audit.note("key.refused", {"user": key.user_id, "by": standing, "from": address})
            raise NotAllowed("this key may not be used from this address")
        if self.is_worth_telling(standing):
            self._run(self._tell_use(key, address))
        return Caller(key.user_id, frozenset(key.scopes), standing=standing)

    def is_worth_telling(self, what: str) -> bool:
        """Whether it was not told just now."""
        now_s = self._now_s()
        if self._used.get(what, now_s):
            return False
        self._used.put(what, True, now_s)
        return True

    async def _tell_use(self, key: GatewayKey, address: str) -> None:
        if self.is_worth_telling(f"{key.key_id} used from {address}"):
            self._store.audit.note("key.used", {"user": key.user_id, "by": KEY + key.key_id, "from": address})
        with contextlib.suppress(StoreUnavailable):
            await self._store.gateway_keys.used(key, LastUse(self._desk.clock.now_ms(), address))

    async def _stand(self, standings: list[str]) -> list[GatewayKey | str | None]:
        """What each stands for now."""
        logins = [name.removeprefix(LOGIN) for name in standings if name.startswith(LOGIN)]
        keys = [name.removeprefix(KEY) for name in standings if name.startswith(KEY)]
        accounts = [name.removeprefix(ACCOUNT) for name in standings if name.startswith(ACCOUNT)]
        known: dict[str, GatewayKey | str | None] = {}
        for name, stands in zip(logins, await self._store.logins.stand(logins), strict=True):
            known[LOGIN + name] = name if stands else None
        for name, key in zip(keys, await self._store.gateway_keys.get(keys), strict=True):
            known[KEY + name] = key
        pairs = [(user_id, account_id) for user_id, _, account_id in (name.partition("/") for name in accounts)]
        for name, sealed in zip(accounts, await self._store.accounts.sealed_of(pairs), strict=True):
            known[ACCOUNT + name] = sealed
        return [known.get(name) for name in standings]

    # Callers.

    def bearer(self, request: web.Request) -> Caller | None:
        """The bearer of the token that came; None when none did. It was looked at before the route was reached."""
        return request.get(BEARER)

    async def read_bearer(self, request: web.Request) -> Caller | None:
        """The same, for the first time. A token or key that is not valid is nobody."""
        known: Caller | None = request.get(BEARER)
        if known is not None:
            return known
        kind, _, said = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        said = said.strip()
        if said.startswith(PREFIX):
            caller = await self.from_key(said, address_of(request, self._settings.trusted_proxies))
        else:
            caller = await self.from_token(said)
        if caller is None:
            raise NotAuthenticated("the bearer token is not valid, or no longer")
        request[BEARER] = caller
        return caller

    async def caller(self, request: web.Request) -> Caller:
        """Whoever comes with a bearer token, a gateway key, or with venue keys that are known here."""
        known: Caller | None = request.get(CALLER)
        if known is not None:
            return known
        caller = await self.read_bearer(request)
        if caller is None:
            account = await self._owner_of_keys(request)
            if account is None:
                raise NotAuthenticated
            caller = _with_keys(account)
        request[CALLER] = caller
        return caller

    async def caller_for(self, request: web.Request, user_id: str | None) -> Caller:
        """The same, acting for this user id; somebody else's is not there for them."""
        caller = await self.caller(request)
        if user_id is None or caller.user_id == user_id:
            return caller
        account = await self._opened(request, user_id) if caller.account_id is not None else None
        if account is None:
            raise NotFound("user id")
        return _with_keys(account)

    async def _owner_of_keys(self, request: web.Request) -> Account | None:
        credentials = keys_of(request)
        if credentials is None:
            return None
        for venue in registry.VENUES:
            account = await self.owner(venue, credentials)
            if account is not None:
                return account
        return None

    async def _opened(self, request: web.Request, user_id: str) -> Account | None:
        """The account of this user that the keys open, when they are not known as this user's first of all."""
        credentials = keys_of(request)
        if credentials is None:
            return None
        accounts = await self._store.accounts.of_user(user_id)
        return next((account for account in accounts if self._opens(account, credentials)), None)

    # Streams.

    async def may_follow(self, request: web.Request, user_id: str) -> StreamReader:
        reader = await self._reader(request, user_id or (await self.caller(request)).user_id)
        if await self._store.users.get(reader.user_id) is None:
            raise NotFound("user id")
        return reader

    async def _reader(self, request: web.Request, user_id: str) -> StreamReader:
        if self._settings.sse_open:
            return StreamReader(user_id)
        ticket = request.query.get("ticket")
        if ticket:
            holder = await self._store.users.take_ticket(ticket[:200])
            if holder is not None and holder.user_id == user_id and await self._stands(holder.standing):
                return StreamReader(
                    user_id, self._cookie(request, user_id, holder.standing), self._ending(holder.standing)
                )
            if holder is not None:
                raise NotFound("user id")
        cookie = request.cookies.get(COOKIE)
        if cookie:
            guest = await self.from_token(cookie, STREAM_AUDIENCE)
            if guest is not None and guest.user_id == user_id:
                return StreamReader(user_id, when_it_ends=self._ending(guest.standing))
        caller = await self.caller_for(request, user_id)
        return StreamReader(user_id, when_it_ends=self._ending(caller.standing))

    async def _stands(self, standing: str | None) -> bool:
        return standing is None or await self.standings.get(standing) is not None

    def _ending(self, standing: str | None) -> Callable[[Callable[[], None]], Callable[[], None]] | None:
        return None if standing is None else partial(self.standings.when_it_ends, standing)

    def _cookie(self, request: web.Request, user_id: str, standing: str | None) -> str:
        """For a browser's own reconnect, which repeats the address with a ticket that is spent by then."""
        token = self.token(user_id, COOKIE_TTL_S, audience=STREAM_AUDIENCE, standing=standing)
        secure = "; Secure" if is_secure(request, self._settings.trusted_proxies) else ""
        return f"{COOKIE}={token}; Path={request.path}; Max-Age={COOKIE_TTL_S}; HttpOnly; SameSite=Strict{secure}"

    async def ticket(self, user_id: str, standing: str | None = None) -> str:
        ticket = new_ticket()
        await self._store.users.put_ticket(ticket, user_id, standing)
        return ticket


AUTH = web.AppKey("auth", Auth)


async def stream_reader(request: web.Request, user_id: str) -> StreamReader:
    """Who may follow this user's stream. Raises NotAuthenticated, or NotFound to those who may not and where nobody is.

    In this order: a stream open to all (SSE_OPEN), `?ticket=`, the cookie that a ticket left, bearer token, venue keys.
    An empty user id means the caller's own.
    """
    return await request.app[AUTH].may_follow(request, user_id)


def new_ticket() -> str:
    return secrets.token_urlsafe(24)


def keys_of(request: web.Request) -> Credentials | None:
    """The venue keys in the headers; None when there are none."""
    headers = request.headers
    api_key, secret = headers.get("api-key"), headers.get("api-secret")
    if api_key is None and secret is None:
        return None
    if not api_key or not secret:
        raise NotAuthenticated("both api-key and api-secret are needed")
    passphrase = headers.get("api-passphrase") or None
    for said in (api_key, secret, passphrase or "x"):
        if len(said) > CREDENTIAL_LENGTH_MAX or not said.isascii() or not said.isprintable():
            raise NotAuthenticated("the keys hold characters that no key has")
    return Credentials(api_key, secret, passphrase)


def account_id_of(venue: str, environment: str, credentials: Credentials) -> str:
    """The same keys are the same account, in every process."""
    return f"{venue}-{sha256(f'{venue}|{environment}|{credentials.api_key}'.encode()).hexdigest()[:10]}"


def _with_keys(account: Account) -> Caller:
    standing = standing_of(account.user_id, account.account_id)
    return Caller(account.user_id, account_id=account.account_id, standing=standing)


def to_wish(account: Account) -> Wish:
    return Wish(account.user_id, account.account_id, account.venue, account.environment)


def begun(account: Account, reason: str | None = None) -> Session:
    """The first fact of an account: no claimed stream is ever empty. Every worker's word is newer."""
    return Session(
        user_id=account.user_id,
        account_id=account.account_id,
        venue=account.venue,
        environment=account.environment,
        state=SessionState.CONNECTING,
        owner=None,
        since_ms=account.created_at_ms,
        last_event_at_ms=None,
        gaps=0,
        reason=reason,
        turn=0,
    )


class Remembered(Generic[K, V]):
    """A few things for a short while; the oldest go first."""

    def __init__(self, for_s: float, entries_max: int = REMEMBERED_MAX) -> None:
        self._for_s, self._entries_max = for_s, entries_max
        self._entries: dict[K, tuple[float, V]] = {}

    def get(self, key: K, now_s: float) -> V | None:
        entry = self._entries.get(key)
        return entry[1] if entry is not None and entry[0] > now_s else None

    def put(self, key: K, value: V, now_s: float) -> None:
        self._entries.pop(key, None)
        if len(self._entries) >= self._entries_max:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = (now_s + self._for_s, value)
