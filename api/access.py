"""Access: what each route needs, asked before the route is reached, and what becomes of every request besides.

`TABLE` has a row for every route of the application; a test walks the application and tries them all. A route without
a row is closed to gateway keys. Counting, judging and writing down happen here once, so that no route can forget them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from hashlib import blake2b
from http import HTTPStatus
from typing import NamedTuple

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from api.address import ADDRESS, address_of, counted, is_secure
from api.auditing import write_down
from api.auth import AUTH, Caller
from api.gateway import GATEWAY
from api.keys import SETTINGS, STORE
from api.scopes import ADMIN, ORDERS_READ, ORDERS_WRITE, OWN, STREAM_READ
from shared.errors import GatewayError, NotAllowed, TooManyRequests
from shared.store.limits import Limits, Verdict

PUBLIC = ""
ANYBODY = "anybody"
"""Whoever is known, whatever they may do."""


class Row(NamedTuple):
    """What a route needs. `by_route` says that the route itself looks at venue keys, tickets or cookies, because only
    it knows whose they should be; a bearer is looked at here all the same. `told` is its name in the audit log."""

    needs: str
    by_route: bool = False
    told: str | None = None


CLOSED = Row(OWN, by_route=True)
"""Of a route that the table does not know."""

TABLE: dict[str, Row] = {
    "POST /{venue}/place-futures-order": Row(ORDERS_WRITE, True, "order.place"),
    "POST /{venue}/close-futures-order": Row(ORDERS_WRITE, True, "position.close"),
    "DELETE /{venue}/cancel-futures-order": Row(ORDERS_WRITE, True, "order.cancel"),
    "GET /{venue}/get-futures-order": Row(ORDERS_READ, True),
    "POST /api/trading/orders": Row(ORDERS_WRITE, False, "order.place"),
    "GET /api/trading/orders": Row(ORDERS_READ),
    "DELETE /api/trading/orders": Row(ORDERS_WRITE, False, "order.cancel_all"),
    "POST /api/trading/orders/batch": Row(ORDERS_WRITE, False, "order.place_many"),
    "DELETE /api/trading/orders/batch": Row(ORDERS_WRITE, False, "order.cancel_many"),
    "GET /api/trading/orders/{id}": Row(ORDERS_READ),
    "PATCH /api/trading/orders/{id}": Row(ORDERS_WRITE, False, "order.amend"),
    "DELETE /api/trading/orders/{id}": Row(ORDERS_WRITE, False, "order.cancel"),
    "GET /api/trading/positions": Row(ORDERS_READ),
    "POST /api/trading/positions/{id}/close": Row(ORDERS_WRITE, False, "position.close"),
    "GET /api/trading/fills": Row(ORDERS_READ),
    "GET /api/trading/balances": Row(ORDERS_READ),
    "GET /api/trading/triggers": Row(ORDERS_READ),
    "POST /api/trading/triggers": Row(ORDERS_WRITE, False, "trigger.place"),
    "DELETE /api/trading/triggers": Row(ORDERS_WRITE, False, "trigger.cancel_all"),
    "GET /api/trading/triggers/{id}": Row(ORDERS_READ),
    "PATCH /api/trading/triggers/{id}": Row(ORDERS_WRITE, False, "trigger.amend"),
    "DELETE /api/trading/triggers/{id}": Row(ORDERS_WRITE, False, "trigger.cancel"),
    "GET /api/trading/position-mode": Row(ORDERS_READ),
    "PUT /api/trading/position-mode": Row(ORDERS_WRITE, False, "account.position_mode"),
    "GET /api/trading/leverage": Row(ORDERS_READ),
    "PUT /api/trading/leverage": Row(ORDERS_WRITE, False, "account.leverage"),
    "GET /api/trading/health": Row(PUBLIC),
    "GET /sse/orders/{user_id}": Row(STREAM_READ, True),
    "GET /sse/sse/orders/{user_id}": Row(STREAM_READ, True),
    "GET /api/v1/events": Row(STREAM_READ, True),
    "POST /api/auth/ticket": Row(STREAM_READ),
    "POST /api/auth/register": Row(PUBLIC),
    "POST /api/auth/login": Row(PUBLIC),
    "POST /api/auth/refresh": Row(PUBLIC),
    "POST /api/auth/logout": Row(OWN),
    "GET /api/auth/me": Row(ANYBODY),
    "POST /api/auth/keys": Row(OWN),
    "GET /api/auth/keys": Row(OWN),
    "DELETE /api/auth/keys/{id}": Row(OWN),
    "GET /api/v1/sessions": Row(ORDERS_READ),
    "GET /api/v1/workers": Row(ADMIN),
    "GET /api/market/klines/{symbol}": Row(PUBLIC),
    "GET /api/market/trades/{symbol}": Row(PUBLIC),
    "GET /api/market/ticker/{symbol}": Row(PUBLIC),
    "GET /api/market/orderbook/{symbol}": Row(PUBLIC),
    "GET /api/market/instruments": Row(PUBLIC),
    "GET /healthz": Row(PUBLIC),
    "GET /readyz": Row(PUBLIC),
    "GET /metrics": Row(PUBLIC),
    "GET /openapi.json": Row(PUBLIC),
    "GET /swagger-ui": Row(PUBLIC),
    "GET /swagger-ui/{file}": Row(PUBLIC),
    "GET /": Row(PUBLIC),
    "GET /console/{file}": Row(PUBLIC),
    "GET /favicon.ico": Row(PUBLIC),
}

VERDICT = web.RequestKey("verdict", Verdict)
ROWS: web.AppKey[Mapping[web.AbstractRoute, Row]] = web.AppKey("rows")


def guard(app: web.Application) -> None:
    """After the last route was added."""
    app[ROWS] = {route: row_of(route) for route in app.router.routes()}


async def gauges(app: web.Application) -> AsyncIterator[None]:
    """How often somebody asked too often, and how the audit log comes along, for /metrics."""
    metrics, limits, audit = app[GATEWAY].metrics, app[STORE].limits, app[STORE].audit
    metrics.gauge("orderwire_limits_refused", "Requests refused because of our own limits.", lambda: limits.refused)
    metrics.gauge("orderwire_audit_waiting", "Entries of the audit log that wait to be written.", lambda: len(audit))
    metrics.gauge("orderwire_audit_lost", "Entries of the audit log that could not be kept.", lambda: audit.lost)
    yield


def name_of(route: web.AbstractRoute) -> str:
    """A route as the table names it. HEAD is a GET without its body."""
    method = hdrs.METH_GET if route.method == hdrs.METH_HEAD else route.method
    return f"{method} {route.resource.canonical if route.resource is not None else ''}"


def row_of(route: web.AbstractRoute) -> Row:
    return TABLE.get(name_of(route), CLOSED)


@web.middleware
async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
    app = request.app
    row = app[ROWS].get(request.match_info.route)
    try:
        await _judge(app, request, row)
        response = await handler(request)
    except GatewayError as error:
        if row is not None and row.told is not None:
            write_down(app[STORE], request, row.told, error.status, error.code)
        raise
    if row is not None and row.told is not None:
        write_down(app[STORE], request, row.told, response.status, None)
    return response


async def _judge(app: web.Application, request: web.Request, row: Row | None) -> None:
    """Raises what keeps the request from its route. Nothing of its body was read yet."""
    limits, auth = app[STORE].limits, app[AUTH]
    address = request[ADDRESS] = address_of(request, app[SETTINGS].trusted_proxies)
    _count(limits, request, "address", counted(address))
    if row is None or row.needs == PUBLIC:
        return
    caller = await (auth.read_bearer(request) if row.by_route else auth.caller(request))
    if caller is None or caller.account_id is not None:
        who = _venue_keys(request, auth.tokens.pepper)
        if who is not None:
            _count(limits, request, "key", who)
    elif caller.is_key:
        _count(limits, request, "key", caller.by)
    else:
        _count(limits, request, "user", caller.user_id)
    if caller is not None:
        _check(caller, row.needs)


def _check(caller: Caller, needs: str) -> None:
    if needs == ANYBODY or needs in caller.scopes:
        return
    if needs == ADMIN:
        raise NotAllowed("this is for administrators")
    raise NotAllowed("this needs a login" if needs == OWN else f"this needs the scope {needs}")


# Own limits.


def _count(limits: Limits, request: web.Request, kind: str, who: str) -> None:
    verdict = limits.count(kind, who)
    if verdict is None:
        return
    known: Verdict | None = request.get(VERDICT)
    if known is None or verdict.remaining * known.limit < known.remaining * verdict.limit:
        request[VERDICT] = verdict
    if verdict.wait_s:
        raise TooManyRequests(f"too many requests of this {kind}; ask again later", verdict.wait_s)


def _venue_keys(request: web.Request, pepper: bytes) -> str | None:
    """Whose venue keys came, before anybody knows whether they are right: who has both words is counted as one."""
    api_key, secret = request.headers.get("api-key"), request.headers.get("api-secret")
    if not api_key or not secret:
        return None
    said = f"{api_key}\0{secret}".encode("utf-8", "surrogateescape")
    return blake2b(said, digest_size=10, key=pepper).hexdigest()


# Headers.

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
HSTS = "max-age=31536000"
ALLOWED_METHODS = "GET, POST, PUT, PATCH, DELETE, HEAD"
ALLOWED_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-Request-Id, api-key, api-secret, api-passphrase"
)
EXPOSED_HEADERS = (
    "X-Request-Id, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset,"
    " X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"
)
PREFLIGHT_S = 600


async def dress(request: web.Request, response: web.StreamResponse) -> None:
    """A signal, so that streams and refusals are dressed too. What a route said itself stands."""
    headers, settings = response.headers, request.app[SETTINGS]
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)
    if is_secure(request, settings.trusted_proxies):
        headers.setdefault("Strict-Transport-Security", HSTS)
    if response.status == HTTPStatus.UNAUTHORIZED:
        headers.setdefault("WWW-Authenticate", "Bearer")
    verdict = request.get(VERDICT)
    if verdict is not None:
        limit, left, resets = str(verdict.limit), str(verdict.remaining), str(int(verdict.resets_in_s) + 1)
        headers["RateLimit-Limit"] = headers["X-RateLimit-Limit"] = limit
        headers["RateLimit-Remaining"] = headers["X-RateLimit-Remaining"] = left
        headers["RateLimit-Reset"] = headers["X-RateLimit-Reset"] = resets
    if settings.cors_origins:
        headers.add("Vary", "Origin")
        _allow(request, response)


def _allow(request: web.Request, response: web.StreamResponse) -> None:
    """Tell a browser that the page from this origin may see the answer. A cookie may only come from a named origin."""
    origin, allowed = request.headers.get("Origin"), request.app[SETTINGS].cors_origins
    if origin is None or (origin not in allowed and "*" not in allowed):
        return
    response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
    if origin in allowed:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Credentials"] = "true"
    else:
        response.headers["Access-Control-Allow-Origin"] = "*"


@web.middleware
async def preflight(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A browser's question whether a page of another origin may ask. Answered for every address alike."""
    asks = request.method == hdrs.METH_OPTIONS and "Access-Control-Request-Method" in request.headers
    if not asks or not request.app[SETTINGS].cors_origins:
        return await handler(request)
    return web.Response(
        status=204,
        headers={
            "Access-Control-Allow-Methods": ALLOWED_METHODS,
            "Access-Control-Allow-Headers": ALLOWED_HEADERS,
            "Access-Control-Max-Age": str(PREFLIGHT_S),
        },
    )
