"""Who asks, and what they may touch: a bearer token, venue keys, a ticket or a cookie becomes a caller.

A user id belongs to the first credentials that used it, and only once the venue has accepted them. What was checked
against the sealed record is remembered for a moment under a keyed digest, so that checking again costs microseconds
and nothing that could be read or guessed against stays in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import os
import secrets
from collections.abc import Coroutine
from dataclasses import dataclass
from hashlib import blake2b, sha256
from typing import Any, Generic, TypeVar

import jwt
import msgspec
from aiohttp import web

from shared.desk import Desk
from shared.errors import GatewayError, NotAllowed, NotAuthenticated, NotFound, StoreUnavailable
from shared.exchanges import registry
from shared.model import Credentials, Session, SessionState
from shared.settings import Settings
from shared.store.accounts import Account
from shared.store.sessions import Wish
from shared.store.users import Claim

API_AUDIENCE = "api"
STREAM_AUDIENCE = "stream"
COOKIE = "ow_stream"
COOKIE_TTL_S = 12 * 3600
REMEMBERED_FOR_S = 60.0
"""How long a check is trusted: a key that was replaced elsewhere stops working here after this."""
REMEMBERED_MAX = 10_000
WAKE_EVERY_S = 10.0
CREDENTIAL_LENGTH_MAX = 512
ADMIN = "admin"

log = logging.getLogger(__name__)
K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody we know. `account_id` is set when they came with that account's keys."""

    user_id: str
    scopes: frozenset[str] = frozenset()
    account_id: str | None = None


@dataclass(frozen=True, slots=True)
class StreamReader:
    """Somebody who may follow this user's stream. `set_cookie` is a whole `Set-Cookie` header to answer with."""

    user_id: str
    set_cookie: str | None = None


class Auth:
    """The door of this process."""

    def __init__(self, settings: Settings, desk: Desk, jwt_secret: str) -> None:
        self._settings, self._desk, self._store, self._jwt_secret = settings, desk, desk.store, jwt_secret
        self._pepper = os.urandom(32)
        self._known: Remembered[bytes, Account] = Remembered(REMEMBERED_FOR_S)
        self._accepted: Remembered[bytes, bool] = Remembered(REMEMBERED_FOR_S)
        self._woken: Remembered[str, bool] = Remembered(WAKE_EVERY_S)
        self._errands: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        for errand in self._errands:
            errand.cancel()
        await asyncio.gather(*self._errands, return_exceptions=True)

    # Venue keys.

    async def claim(self, venue: str, user_id: str, credentials: Credentials, token_user: str | None = None) -> Account:
        """The account of this user that these keys open. The first keys to come claim the user id."""
        digest = self._digest(user_id, venue, credentials)
        known = self._known.get(digest, self._now_s())
        if known is not None:
            self._wake(known)
            return known
        account = await self._checked(venue, user_id, credentials, token_user)
        self._known.put(digest, account, self._now_s())
        self._wake(account)
        return account

    async def _checked(self, venue: str, user_id: str, credentials: Credentials, token_user: str | None) -> Account:
        account_id = account_id_of(venue, self._settings.trading_env, credentials)
        claim = await self._store.users.get(user_id)
        account = await self._store.accounts.get(user_id, account_id) if claim else None
        if account is not None and self._opens(account, credentials):
            return account
        if claim is not None and account is None and token_user != user_id:
            raise NotAllowed(f"user id {user_id} belongs to other credentials")
        # New here, or the known key came with another secret: only the venue can say whether that is right.
        await self._ask_venue(venue, credentials)
        now_ms = self._desk.clock.now_ms()
        saved = Account(
            account_id=account_id,
            user_id=user_id,
            venue=venue,
            environment=self._settings.trading_env,
            label=account.label if account else venue,
            sealed=self._desk.vault.seal(credentials, user_id, venue, account_id),
            created_at_ms=account.created_at_ms if account else now_ms,
        )
        await self._save(saved, is_first=claim is None)
        if account is None:
            await self._store.events.record([_begun(saved)], user_id)
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
        await self._store.sessions.want(_wish(account))

    async def owner(self, venue: str, credentials: Credentials) -> Account | None:
        """Whose keys these are, when they are known here; the venue is not asked."""
        account_id = account_id_of(venue, self._settings.trading_env, credentials)
        digest = self._digest("", venue, credentials)
        known = self._known.get(digest, self._now_s())
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

    async def _ask_venue(self, venue: str, credentials: Credentials) -> None:
        """The identity call. Raises what the venue refuses with."""
        digest = self._digest("\0", venue, credentials)
        if self._accepted.get(digest, self._now_s()):
            return
        environment = self._settings.trading_env
        known = registry.venue(venue)
        url = registry.endpoints(self._settings, venue, environment).rest_url
        await self._desk.rest.call(known, url, known.identity(), credentials)
        self._accepted.put(digest, True, self._now_s())

    def _opens(self, account: Account, credentials: Credentials) -> bool:
        sealed = self._desk.vault.open(account.sealed, account.user_id, account.venue, account.account_id)
        return hmac.compare_digest(msgspec.json.encode(sealed), msgspec.json.encode(credentials))

    def _digest(self, user_id: str, venue: str, credentials: Credentials) -> bytes:
        words = msgspec.json.encode((user_id, venue, credentials))
        return blake2b(words, digest_size=16, key=self._pepper).digest()

    def _now_s(self) -> float:
        return self._desk.clock.monotonic_s()

    # Sessions that rest.

    def _wake(self, account: Account) -> None:
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
                await self._store.sessions.want(_wish(account))
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

    # Tokens.

    def token(self, user_id: str, ttl_s: float, scopes: tuple[str, ...] = (), audience: str = API_AUDIENCE) -> str:
        now_s = int(self._desk.clock.now_s())
        claims = {"sub": user_id, "aud": audience, "iat": now_s, "exp": now_s + int(ttl_s), "scopes": list(scopes)}
        return jwt.encode(claims, self._jwt_secret, algorithm="HS256")

    def from_token(self, token: str, audience: str = API_AUDIENCE) -> Caller | None:
        try:
            claims = jwt.decode(
                token,
                self._jwt_secret,
                algorithms=["HS256"],
                audience=audience,
                options={"require": ["sub", "aud", "exp"]},
            )
        except (jwt.PyJWTError, ValueError):
            return None
        scopes = claims.get("scopes")
        return Caller(str(claims["sub"]), frozenset(map(str, scopes)) if isinstance(scopes, list) else frozenset())

    # Callers.

    def bearer(self, request: web.Request) -> Caller | None:
        """The token's caller; None when no token came. A token that is not valid is nobody."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        caller = self.from_token(token.strip())
        if caller is None:
            raise NotAuthenticated("the bearer token is not valid, or no longer")
        return caller

    async def caller(self, request: web.Request) -> Caller:
        """Whoever comes with a bearer token, or with venue keys that are known here."""
        token = self.bearer(request)
        if token is not None:
            return token
        account = await self._owner_of_keys(request)
        if account is None:
            raise NotAuthenticated
        return Caller(account.user_id, account_id=account.account_id)

    async def caller_for(self, request: web.Request, user_id: str | None) -> Caller:
        """The same, acting for this user id; somebody else's is not there for them."""
        caller = await self.caller(request)
        if user_id is None or caller.user_id == user_id:
            return caller
        if caller.account_id is not None and await self._keys_open(request, user_id):
            return Caller(user_id, account_id=caller.account_id)
        raise NotFound("user id")

    async def _owner_of_keys(self, request: web.Request) -> Account | None:
        credentials = keys_of(request)
        if credentials is None:
            return None
        for venue in registry.VENUES:
            account = await self.owner(venue, credentials)
            if account is not None:
                return account
        return None

    async def _keys_open(self, request: web.Request, user_id: str) -> bool:
        credentials = keys_of(request)
        if credentials is None:
            return False
        accounts = await self._store.accounts.of_user(user_id)
        return any(self._opens(account, credentials) for account in accounts)

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
            if holder == user_id:
                return StreamReader(user_id, self._cookie(request, user_id))
            if holder is not None:
                raise NotFound("user id")
        cookie = request.cookies.get(COOKIE)
        if cookie:
            guest = self.from_token(cookie, STREAM_AUDIENCE)
            if guest is not None and guest.user_id == user_id:
                return StreamReader(user_id)
        await self.caller_for(request, user_id)
        return StreamReader(user_id)

    def _cookie(self, request: web.Request, user_id: str) -> str:
        """For a browser's own reconnect, which repeats the address with a ticket that is spent by then."""
        token = self.token(user_id, COOKIE_TTL_S, audience=STREAM_AUDIENCE)
        secure = "; Secure" if request.secure else ""
        return f"{COOKIE}={token}; Path={request.path}; Max-Age={COOKIE_TTL_S}; HttpOnly; SameSite=Strict{secure}"

    async def ticket(self, user_id: str) -> str:
        ticket = new_ticket()
        await self._store.users.put_ticket(ticket, user_id)
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


def _wish(account: Account) -> Wish:
    return Wish(account.user_id, account.account_id, account.venue, account.environment)


def _begun(account: Account) -> Session:
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
        reason=None,
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
