"""Seats: which account a caller acts on, and its place at the desk.

A bearer token may act on every account of its user, and names one where there are several. Venue keys act on theirs.
"""

from __future__ import annotations

import re

from aiohttp import web

from api.auth import Caller
from api.fields import ID
from api.gateway import GATEWAY, Gateway
from shared.desk import Seat
from shared.errors import BadRequest, Conflict, GatewayError, NotFound
from shared.store.accounts import Account
from shared.vault import CannotOpen

ORDER_ID = ID
POSITION_ID = re.compile(r"[A-Za-z0-9_./:-]{1,64}")


class WhichAccount(GatewayError):
    """The caller has several accounts and named none of them."""

    code, status = "which_account", 409

    def __init__(self, account_ids: list[str]) -> None:
        known = ", ".join(account_ids)
        super().__init__(f"there are several accounts; say account_id, one of: {known}")
        self.fields = (("account_id", f"must be one of {known}"),)


async def asker(request: web.Request) -> tuple[Gateway, Caller]:
    """Who asks, before what is asked is looked at."""
    gateway = request.app[GATEWAY]
    return gateway, await gateway.auth.caller(request)


async def seat_for(gateway: Gateway, caller: Caller, account_id: str | None) -> Seat:
    """Raises NotFound for an account that is not the caller's."""
    account = await _account(gateway, caller, account_id)
    gateway.auth.wake(account)
    try:
        return await gateway.desk.seat_of(account.user_id, account.account_id)
    except CannotOpen as error:
        raise Conflict(f"{error}; give the account its keys again") from None


async def _account(gateway: Gateway, caller: Caller, account_id: str | None) -> Account:
    if caller.account_id is not None and account_id not in (None, caller.account_id):
        raise NotFound("account")
    accounts = {account.account_id: account for account in await gateway.store.accounts.of_user(caller.user_id)}
    wanted = account_id or caller.account_id or _only(sorted(accounts))
    if not accounts:
        await gateway.papers.explain(caller.user_id)
    if wanted not in accounts:
        raise NotFound("account")
    return accounts[wanted]


def _only(account_ids: list[str]) -> str:
    if len(account_ids) > 1:
        raise WhichAccount(account_ids)
    return account_ids[0] if account_ids else ""


def id_of(request: web.Request, pattern: re.Pattern[str] = ORDER_ID) -> str:
    """The id in the address."""
    said = request.match_info["id"]
    if not pattern.fullmatch(said):
        raise BadRequest("no such id", (("id", "must be 1 to 64 characters of A-Z a-z 0-9 . _ -"),), status=422)
    return said
