"""Users and their gateway keys: register, log in, refresh, log out, who am I, and what a bot may use instead."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from api.address import ADDRESS
from api.auth import KEY, LOGIN, Caller
from api.gateway import GATEWAY
from api.problems import json_response
from api.reading import check, read_json, refused
from api.requests_users import NewKey, NewUser, Refresh, UserLogin
from api.scopes import ADMIN
from shared.errors import BadRequest, Conflict, NotFound
from shared.store.gateway_keys import GatewayKey, LastUse

KEYS_MAX = 100
"""Of one user."""


def add_routes(app: web.Application) -> None:
    app.router.add_post("/api/auth/register", register)
    app.router.add_post("/api/auth/login", log_in)
    app.router.add_post("/api/auth/refresh", refresh)
    app.router.add_post("/api/auth/logout", log_out)
    app.router.add_get("/api/auth/me", me, allow_head=False)
    app.router.add_post("/api/auth/keys", make_key)
    app.router.add_get("/api/auth/keys", keys, allow_head=False)
    app.router.add_delete("/api/auth/keys/{id}", revoke_key)


async def register(request: web.Request) -> web.Response:
    """The user, logged in already; the paper account follows by itself."""
    gateway = request.app[GATEWAY]
    wanted = check(NewUser, await read_json(request))
    login = await gateway.users.register(wanted.username, wanted.password, request[ADDRESS])
    await gateway.papers.want(login.user_id)
    granted = await gateway.users.grant(login)
    return json_response({"id": login.user_id, "username": login.name, **granted.to_answer()}, 201)


async def log_in(request: web.Request) -> web.Response:
    gateway = request.app[GATEWAY]
    wanted = check(UserLogin, await read_json(request))
    login, granted = await gateway.users.log_in(wanted.username, wanted.password, request[ADDRESS])
    await gateway.papers.want(login.user_id)
    return json_response(granted.to_answer())


async def refresh(request: web.Request) -> web.Response:
    gateway = request.app[GATEWAY]
    wanted = check(Refresh, await read_json(request))
    granted = await gateway.users.refresh(wanted.refresh_token, request[ADDRESS])
    return json_response(granted.to_answer())


async def log_out(request: web.Request) -> web.Response:
    """Ends this login: its tokens, its refresh token, and the streams that it opened."""
    gateway = request.app[GATEWAY]
    caller = await gateway.auth.caller(request)
    if caller.standing is None or not caller.standing.startswith(LOGIN):
        raise BadRequest("this token was not got by logging in, and ends by itself")
    await gateway.users.log_out(caller.standing, caller.user_id, request[ADDRESS])
    return json_response({"message": "ok"})


async def me(request: web.Request) -> web.Response:
    """Of whoever asks: also of somebody known by venue keys alone, who has no name."""
    gateway = request.app[GATEWAY]
    caller = await gateway.auth.caller(request)
    claim = await gateway.store.users.get(caller.user_id)
    name = claim.name if claim is not None else None
    return json_response(
        {
            "id": caller.user_id,
            "username": name,
            "created_at_ms": claim.claimed_at_ms if claim is not None else None,
            "scopes": sorted(caller.scopes),
            "admin": ADMIN in caller.scopes,
            "paper_account": await gateway.papers.state(caller.user_id),
        }
    )


# Gateway keys.


async def make_key(request: web.Request) -> web.Response:
    """Shown here and never again."""
    gateway = request.app[GATEWAY]
    caller = await gateway.auth.caller(request)
    wanted = check(NewKey, await read_json(request))
    if ADMIN in wanted.scopes and ADMIN not in caller.scopes:
        raise refused((("scopes", "may hold admin only for administrators"),))
    if await gateway.store.gateway_keys.count(caller.user_id) >= KEYS_MAX:
        raise Conflict(f"there are {KEYS_MAX} keys already; revoke one first")
    expires_at_ms = None
    if wanted.expires_in_s is not None:
        expires_at_ms = gateway.clock.now_ms() + wanted.expires_in_s * 1000
    key, shown = await gateway.auth.keys.make(caller.user_id, wanted.label, wanted.scopes, wanted.ips, expires_at_ms)
    _note(request, "key.made", caller, key.key_id, scopes=key.scopes)
    return json_response({**_shown(key, None), "key": shown}, 201)


async def keys(request: web.Request) -> web.Response:
    gateway = request.app[GATEWAY]
    caller = await gateway.auth.caller(request)
    known = await gateway.store.gateway_keys.of_user(caller.user_id)
    return json_response({"keys": [_shown(key, last) for key, last in known]})


async def revoke_key(request: web.Request) -> web.Response:
    """It opens nothing from now on, and the streams that it opened end within a second, in every process."""
    gateway = request.app[GATEWAY]
    caller = await gateway.auth.caller(request)
    key_id = request.match_info["id"]
    if not key_id.isalnum() or not await gateway.store.gateway_keys.delete(caller.user_id, key_id):
        raise NotFound("key")
    gateway.auth.standings.revoke(KEY + key_id)
    _note(request, "key.revoked", caller, key_id)
    return json_response({"id": key_id, "revoked": True})


def _shown(key: GatewayKey, last: LastUse | None) -> dict[str, Any]:
    return {
        "id": key.key_id,
        "label": key.label,
        "scopes": key.scopes,
        "ips": key.ips,
        "created_at_ms": key.created_at_ms,
        "expires_at_ms": key.expires_at_ms,
        "last_used": msgspec.to_builtins(last) if last is not None else None,
    }


def _note(request: web.Request, what: str, caller: Caller, key_id: str, **more: object) -> None:
    said = {"user": caller.user_id, "by": caller.by, "from": request[ADDRESS], "key": key_id, **more}
    request.app[GATEWAY].store.audit.note(what, said)
