"""Tickets: one use, for an EventSource or a WebSocket, which cannot send headers."""

from __future__ import annotations

from aiohttp import web

from api.gateway import GATEWAY
from api.problems import json_response
from api.reading import check, read_json
from api.requests import TicketWish
from api.routes.venue_orders import stream_url
from shared.store.users import TICKET_TTL_S


def add_routes(app: web.Application) -> None:
    app.router.add_post("/api/auth/ticket", ticket)


async def ticket(request: web.Request) -> web.Response:
    auth = request.app[GATEWAY].auth
    caller = await auth.caller(request)
    said = await read_json(request)
    if "user_id" in request.query:
        said.setdefault("user_id", request.query["user_id"])
    wanted = check(TicketWish, said)
    holder = await auth.caller_for(request, wanted.user_id) if wanted.user_id else caller
    made = await auth.ticket(holder.user_id, holder.standing)
    return json_response({"ticket": made, "expires_in": TICKET_TTL_S, "url": stream_url(holder.user_id)})
