"""Papers: a paper account for each user who registers, made beside the request and tried until it is there.

The paper exchange forgets everything when it stops. Now and then it is asked for an account that it should know; when
it does not, all of them are made again, with the same keys. Any api process does this; a due user is taken by one.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from contextlib import suppress

import aiohttp
import msgspec

from api.auth import account_id_of, begun, to_wish
from shared.clock import CLOCK, Clock
from shared.errors import Conflict, GatewayError, StoreUnavailable
from shared.exchanges import registry
from shared.model import Credentials
from shared.settings import Settings
from shared.store import Store
from shared.store.accounts import Account
from shared.store.papers import Paper
from shared.vault import Vault

LOOK_EVERY_S = 1.0
PROBE_EVERY_S = 5.0
ANSWER_WITHIN_S = 5.0
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 30.0
LABEL = "paper"

log = logging.getLogger("orderwire.papers")


class NotMade(Exception):
    """Why not, in words for the user; `taken` when another account has these keys or this uid."""

    def __init__(self, why: str, *, taken: bool = False) -> None:
        super().__init__(why)
        self.taken = taken


class Papers:
    """One per api process; it does nothing outside of paper."""

    def __init__(self, settings: Settings, store: Store, vault: Vault, clock: Clock = CLOCK) -> None:
        self._settings, self._store, self._vault, self._clock = settings, store, vault, clock
        self._is_on = settings.trading_env == "paper"
        self._wake = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._session: aiohttp.ClientSession | None = None
        self._probe_at_s = 0.0

    def start(self) -> None:
        if self._is_on:
            self._running = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running
        if self._session is not None:
            await self._session.close()

    # For those who ask.

    async def want(self, user_id: str) -> None:
        """The user is to have one, unless they have or will. It comes by itself."""
        if not self._is_on or await self._store.papers.get(user_id) is not None:
            return
        account, paper = self._draft(user_id)
        await self._store.papers.want(paper, account)
        await self._store.events.record([begun(account, "the paper account is being made")], user_id)
        self._wake.set()

    async def state(self, user_id: str) -> dict[str, object] | None:
        """What the user is told of it; None for who has none."""
        paper = await self._store.papers.get(user_id) if self._is_on else None
        if paper is None:
            return None
        return {"account_id": paper.account_id, "state": paper.state, "reason": paper.reason}

    async def explain(self, user_id: str) -> None:
        """Raises Conflict for a user without an account whose own is on its way."""
        paper = await self._store.papers.get(user_id) if self._is_on else None
        if paper is not None and paper.state == "making":
            raise Conflict("your paper account is being made; ask again in a moment", retryable=True)

    def _draft(self, user_id: str) -> tuple[Account, Paper]:
        """Keys are made up here, so that asking twice makes one account. A uid is digits, as venues give them."""
        venue = next(iter(registry.VENUES))
        keys = Credentials(secrets.token_hex(16), secrets.token_hex(32), secrets.token_hex(8))
        account_id = account_id_of(venue, self._settings.trading_env, keys)
        account = Account(
            account_id=account_id,
            user_id=user_id,
            venue=venue,
            environment=self._settings.trading_env,
            label=LABEL,
            sealed=self._vault.seal(keys, user_id, venue, account_id),
            created_at_ms=self._clock.now_ms(),
        )
        uid = str(10**11 + secrets.randbelow(9 * 10**11))
        return account, Paper(user_id=user_id, account_id=account_id, uid=uid)

    # The errand.

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._wake.wait()
            self._wake.clear()
            try:
                while users := await self._store.papers.take_due():
                    await asyncio.gather(*map(self._attend, users))
                await self._probe()
            except StoreUnavailable as error:
                log.debug("paper accounts wait: %s", error)
            except Exception:  # one user's trouble must not end the errand for all
                log.exception("paper accounts could not be looked after")

    async def _attend(self, user_id: str) -> None:
        paper = await self._store.papers.get(user_id)
        if paper is None:
            await self._store.papers.forget(user_id)
            return
        account = await self._store.papers.account(user_id)
        is_new = account is not None
        if account is None:
            account = await self._store.accounts.get(user_id, paper.account_id)
        if account is None:
            await self._store.papers.forget(user_id)
            return
        try:
            await self._open(paper, self._vault.open(account.sealed, user_id, account.venue, account.account_id))
        except (NotMade, GatewayError) as error:
            if is_new or not (isinstance(error, NotMade) and error.taken):
                await self._later(paper, error)
                return
            # The exchange knows these keys, though not by our uid: the user gave the account other keys of their own.
        await self._made(paper, account, is_new=is_new)

    async def _later(self, paper: Paper, error: Exception) -> None:
        attempts, uid = paper.attempts + 1, paper.uid
        if isinstance(error, NotMade) and error.taken:
            uid = str(10**11 + secrets.randbelow(9 * 10**11))
        if attempts in (1, 10, 100):
            log.warning("the paper account of user %s is not made yet: %s", paper.user_id, error)
        waiting = msgspec.structs.replace(paper, state="making", attempts=attempts, reason=str(error)[:200], uid=uid)
        await self._store.papers.retry(waiting, min(FIRST_WAIT_S * 2 ** min(attempts, 20), LONGEST_WAIT_S))

    async def _made(self, paper: Paper, account: Account, *, is_new: bool) -> None:
        if is_new:
            await self._store.accounts.put(account)
            await self._store.users.own(account.account_id, account.user_id)
            self._store.audit.note(
                "account.added",
                {"user": paper.user_id, "by": "registration", "account": paper.account_id, "venue": account.venue},
            )
        await self._store.sessions.want(to_wish(account))
        if not is_new:  # its session found the key unknown, and rests
            await self._store.sessions.stir(paper.user_id, self._clock.now_ms())
        await self._store.papers.made(msgspec.structs.replace(paper, state="ready", attempts=0, reason=None))

    async def _open(self, paper: Paper, keys: Credentials) -> None:
        body = {"uid": paper.uid, "api_key": keys.api_key, "api_secret": keys.api_secret, "passphrase": keys.passphrase}
        status = await self._ask("POST", "/paper/accounts", body)
        if status != 200:
            raise NotMade(f"the paper exchange answered {status}", taken=status == 409)

    async def _probe(self) -> None:
        """Does the exchange still know what it should?"""
        now_s = self._clock.monotonic_s()
        if now_s < self._probe_at_s:
            return
        self._probe_at_s = now_s + PROBE_EVERY_S
        user_id = await self._store.papers.newest()
        paper = await self._store.papers.get(user_id) if user_id else None
        if paper is None:
            return
        with suppress(NotMade):
            if await self._ask("GET", f"/paper/books?uid={paper.uid}") == 404:
                count = await self._store.papers.all_due()
                log.warning("the paper exchange forgot its accounts; %d are made again", count)

    async def _ask(self, method: str, path: str, body: object = None) -> int:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN_S))
        try:
            async with self._session.request(method, self._settings.paper_url + path, json=body) as answer:
                return answer.status
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise NotMade(f"the paper exchange does not answer ({type(error).__name__})") from None
