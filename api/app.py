"""The application: every route on one screen.

POST   /{venue}/place-futures-order     POST   /{venue}/close-futures-order
DELETE /{venue}/cancel-futures-order    GET    /{venue}/get-futures-order
GET    /sse/orders/{user_id}            GET    /sse/sse/orders/{user_id}      (the old path)
POST   /api/auth/register               POST   /api/auth/login                POST   /api/auth/refresh
POST   /api/auth/logout                 GET    /api/auth/me                   POST   /api/auth/ticket
POST   /api/auth/keys                   GET    /api/auth/keys                 DELETE /api/auth/keys/{id}
GET    /api/v1/sessions                 GET    /api/v1/workers
POST   /api/trading/orders              GET    /api/trading/orders            DELETE /api/trading/orders
POST   /api/trading/orders/batch        DELETE /api/trading/orders/batch
GET    /api/trading/orders/{id}         PATCH  /api/trading/orders/{id}       DELETE /api/trading/orders/{id}
GET    /api/trading/positions           POST   /api/trading/positions/{id}/close
GET    /api/trading/fills               GET    /api/trading/balances          GET    /api/trading/health
POST   /api/trading/triggers            GET    /api/trading/triggers          DELETE /api/trading/triggers
GET    /api/trading/triggers/{id}       PATCH  /api/trading/triggers/{id}     DELETE /api/trading/triggers/{id}
GET    /api/trading/position-mode       PUT    /api/trading/position-mode
GET    /api/trading/leverage            PUT    /api/trading/leverage
GET    /api/market/ticker/{symbol}      GET    /api/market/orderbook/{symbol}
GET    /api/market/klines/{symbol}      GET    /api/market/trades/{symbol}    GET    /api/market/instruments
GET    /healthz  /readyz  /metrics      GET    /openapi.json  /swagger-ui
GET    /                                the console and its files
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from api import access, openapi
from api.auth import AUTH
from api.fanout import FANOUT, fanout_context
from api.gateway import GATEWAY, Gateway
from api.keys import SETTINGS, STORE
from api.problems import add_request_id, problems
from api.reading import BODY_MAX
from api.routes import (
    market,
    ops,
    pages,
    sessions,
    streams,
    tickets,
    trading,
    trading_modes,
    trading_reads,
    triggers,
    users,
    venue_orders,
)
from shared.clock import CLOCK, Clock
from shared.settings import Settings


def make_app(settings: Settings, clock: Clock = CLOCK) -> web.Application:
    asked_by_pages = [access.preflight] if settings.cors_origins else []
    app = web.Application(middlewares=[problems, *asked_by_pages, access.admit], client_max_size=BODY_MAX)
    gateway = Gateway.make(settings, clock)
    app[GATEWAY], app[AUTH], app[STORE], app[SETTINGS] = gateway, gateway.auth, gateway.store, settings
    app.cleanup_ctx.extend((_run_gateway, fanout_context, _gauge_streams, _gauge_budgets, access.gauges))
    app.on_response_prepare.extend((add_request_id, access.dress))

    venue_orders.add_routes(app)
    trading.add_routes(app)
    trading_reads.add_routes(app)
    triggers.add_routes(app)
    trading_modes.add_routes(app)
    streams.add_routes(app)
    tickets.add_routes(app)
    users.add_routes(app)
    sessions.add_routes(app)
    market.add_routes(app)
    ops.add_routes(app)
    openapi.add_routes(app)
    pages.add_routes(app)
    access.guard(app)
    return app


async def _run_gateway(app: web.Application) -> AsyncIterator[None]:
    gateway = app[GATEWAY]
    await gateway.start()
    yield
    await gateway.close()


async def _gauge_budgets(app: web.Application) -> AsyncIterator[None]:
    """How this process came along with the venues' budgets, for /metrics."""
    budgets, metrics = app[STORE].budgets, app[GATEWAY].metrics
    metrics.gauge("orderwire_budget_waited", "Requests that waited for a venue's budget.", lambda: budgets.waited)
    metrics.gauge("orderwire_budget_refused", "Requests that were not sent for want of it.", lambda: budgets.refused)
    metrics.gauge("orderwire_budget_drained", "Times that a venue said: too many.", lambda: budgets.drained)
    yield


async def _gauge_streams(app: web.Application) -> AsyncIterator[None]:
    """What the fan-out knows of itself, for /metrics."""
    fanout, metrics = app[FANOUT], app[GATEWAY].metrics
    metrics.gauge("orderwire_stream_readers", "Who follows a stream here now.", lambda: fanout.readers)
    metrics.gauge("orderwire_stream_users", "How many users are followed here now.", lambda: fanout.followed)
    metrics.gauge("orderwire_stream_delivered", "Deliveries of events to readers so far.", lambda: fanout.delivered)
    metrics.gauge("orderwire_stream_holes", "Lost messages that were filled from the stream.", lambda: fanout.holes)
    metrics.gauge("orderwire_stream_slow", "Readers that were too slow so far.", lambda: fanout.slow)
    yield
