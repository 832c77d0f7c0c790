"""Ops: is this process there, can it take orders, what has it counted, and who else is at work."""

from __future__ import annotations

import msgspec
from aiohttp import web

from api.auth import ADMIN
from api.gateway import GATEWAY
from api.problems import json_response
from shared.errors import GatewayError, NotAllowed, StoreUnavailable
from shared.store.leases import Beat

WORKER_ALIVE_S = 5.0


class NotReady(GatewayError):
    """Orders should go to another process, or wait for a moment."""

    code, status, retryable = "not_ready", 503, True
    retry_after_s = 1.0


def add_routes(app: web.Application) -> None:
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics, allow_head=False)
    app.router.add_get("/api/v1/workers", workers, allow_head=False)


async def healthz(request: web.Request) -> web.Response:
    """Of this process alone. In paper it also says where the paper exchange is, for the console."""
    settings = request.app[GATEWAY].settings
    said: dict[str, str | int] = {"status": "ok", "trading_env": settings.trading_env}
    if settings.trading_env == "paper":
        said["paper_port"] = settings.paper_port
    return json_response(said)


async def readyz(request: web.Request) -> web.Response:
    """Ready when Redis answers and a worker is there that stays."""
    try:
        beats = await request.app[GATEWAY].store.leases.beat(None)
    except StoreUnavailable as away:
        raise NotReady(str(away)) from away
    alive = sum(is_alive(beat) and not beat.draining for beat in beats)
    if not alive:
        raise NotReady("no live worker")
    return json_response({"status": "ready", "redis": "ok", "workers": alive})


def is_alive(beat: Beat) -> bool:
    return beat.age_s < WORKER_ALIVE_S


async def metrics(request: web.Request) -> web.Response:
    text = request.app[GATEWAY].metrics.to_text()
    return web.Response(text=text, content_type="text/plain", charset="utf-8")


async def workers(request: web.Request) -> web.Response:
    gateway = request.app[GATEWAY]
    caller = gateway.auth.bearer(request)
    if caller is None:
        await gateway.auth.caller(request)
        raise NotAllowed("this is for administrators")
    if ADMIN not in caller.scopes:
        raise NotAllowed("this is for administrators")
    beats = await gateway.store.leases.beat(None)
    return json_response({"workers": [{**msgspec.to_builtins(beat), "alive": is_alive(beat)} for beat in beats]})
