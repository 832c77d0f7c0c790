"""`orderwire users`: who registered, who is an administrator, and ending the logins of somebody."""

from __future__ import annotations

import asyncio
import time

import msgspec

from deploy import terminal
from deploy.audit import by_operator
from deploy.house import settings_to_look
from shared.errors import BadRequest, NotFound
from shared.store import Store
from shared.store.logins import Login

ADMIN_SCOPE = "admin"
TRIES_MAX = 10


def users(action: str, name: str | None, *, off: bool) -> int:
    if action == "list":
        return asyncio.run(_list())
    if name is None:
        raise BadRequest(f"say whom: orderwire users {action} NAME")
    return asyncio.run(_set_admin(name, not off) if action == "admin" else _log_out(name))


async def _list() -> int:
    store = Store(settings_to_look())
    try:
        known = sorted([login async for login in store.logins.all()], key=lambda login: login.name.lower())
        rows = []
        for login in known:
            since = time.strftime("%Y-%m-%d", time.localtime(login.created_at_ms / 1000))
            accounts = len(await store.accounts.of_user(login.user_id))
            rows.append((login.name, login.user_id, since, "admin" if login.is_admin else "", str(accounts)))
    finally:
        await store.close()
    print(terminal.table(("name", "id", "since", "", "accounts"), rows, left=4) if rows else "  Nobody has registered.")
    return 0


async def _set_admin(name: str, is_admin: bool) -> int:
    """Who is not one any more loses it within a second: their logins end, and their keys for administrators."""
    store = Store(settings_to_look())
    try:
        login = await _change(store, name, is_admin)
        revoked = 0 if is_admin else await _revoke(store, login)
        said = by_operator() | {"user": login.user_id, "name": login.name, "admin": is_admin}
        await store.audit.append("user.admin", said)
        await store.insist.settle()
    finally:
        await store.close()
    print(f"{login.name} is {'an' if is_admin else 'no'} administrator{'' if is_admin else ' any more'}.")
    if is_admin:
        print("It counts from their next login or refresh.")
    elif revoked:
        print(f"{terminal.to_count(revoked, 'key')} for administrators revoked; they must log in again.")
    else:
        print("They must log in again.")
    return 0


async def _change(store: Store, name: str, is_admin: bool) -> Login:
    for _ in range(TRIES_MAX):
        login = await store.logins.get(name)
        if login is None:
            raise NotFound(f"user: {name}")
        changed = msgspec.structs.replace(login, is_admin=is_admin)
        if login == changed or await store.logins.replace(login, changed):
            return changed
    raise BadRequest(f"{name} is being changed by others; try again")


async def _revoke(store: Store, login: Login) -> int:
    await store.logins.end_all(login.name)
    revoked = [key for key, _ in await store.gateway_keys.of_user(login.user_id) if ADMIN_SCOPE in key.scopes]
    for key in revoked:
        await store.gateway_keys.delete(login.user_id, key.key_id)
    return len(revoked)


async def _log_out(name: str) -> int:
    store = Store(settings_to_look())
    try:
        login = await store.logins.get(name)
        if login is None:
            raise NotFound(f"user: {name}")
        count = await store.logins.end_all(login.name)
        await store.audit.append("user.logged_out", by_operator() | {"user": login.user_id, "name": login.name})
        await store.insist.settle()
    finally:
        await store.close()
    print(f"{terminal.to_count(count, 'login')} of {login.name} ended. Gateway keys stay until they are revoked.")
    return 0
