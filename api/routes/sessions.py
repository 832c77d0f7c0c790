"""Sessions: how the connection to each of the caller's accounts is going."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from api.gateway import GATEWAY
from api.problems import json_response
from shared.store.sessions import Wish


def add_routes(app: web.Application) -> None:
    app.router.add_get("/api/v1/sessions", sessions, allow_head=False)


async def sessions(request: web.Request) -> web.Response:
    gateway = request.app[GATEWAY]
    caller = await gateway.auth.caller(request)
    wishes = {wish.account_id: wish for wish in await gateway.store.sessions.wishes_of(caller.user_id)}
    told: dict[str, dict[str, Any]] = {}
    for record in await gateway.store.events.records(caller.user_id, "session"):
        session = msgspec.json.decode(record)
        told[session["account_id"]] = session
    account_ids = sorted(told.keys() | wishes.keys())
    return json_response({"sessions": [_entry(wishes.get(name), told.get(name)) for name in account_ids]})


def _entry(wish: Wish | None, session: dict[str, Any] | None) -> dict[str, Any]:
    """The session as its worker told it, or what is wished for where none has begun."""
    if session is None:
        assert wish is not None
        return {
            "user_id": wish.user_id,
            "account_id": wish.account_id,
            "venue": wish.venue,
            "environment": wish.environment,
            "wish": "open",
            "state": "connecting",
            "owner": None,
            "since_ms": None,
            "last_event_at_ms": None,
            "gaps": 0,
            "reason": "no worker has taken it yet",
        }
    return {**{name: value for name, value in session.items() if name != "turn"}, "wish": "open" if wish else "closed"}
