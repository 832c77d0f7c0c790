"""The application: every route on one screen.

POST   /{venue}/place-futures-order     POST   /{venue}/close-futures-order
DELETE /{venue}/cancel-futures-order    GET    /{venue}/get-futures-order
GET    /sse/orders/{user_id}            GET    /sse/sse/orders/{user_id}      (the old path)
POST   /api/auth/ticket
GET    /api/v1/sessions                 GET    /api/v1/workers
GET    /api/market/ticker/{symbol}      GET    /api/market/orderbook/{symbol}
GET    /api/market/instruments
GET    /healthz  /readyz  /metrics      GET    /openapi.json  /swagger-ui
GET    /                                the console and its files
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from api import openapi
from api.auth import AUTH
from api.fanout import FANOUT, fanout_context
from api.gateway import GATEWAY, Gateway
from api.keys import SETTINGS, STORE
from api.problems import add_request_id, problems
from api.reading import BODY_MAX
from api.routes import market, ops, pages, sessions, streams, tickets, venue_orders
from shared.clock import CLOCK, Clock
from shared.settings import Settings


def make_app(settings: Settings, clock: Clock = CLOCK) -> web.Application:
    app = web.Application(middlewares=[problems], client_max_size=BODY_MAX)
    gateway = Gateway.make(settings, clock)
    app[GATEWAY], app[AUTH], app[STORE], app[SETTINGS] = gateway, gateway.auth, gateway.store, settings
    app.cleanup_ctx.extend((_run_gateway, fanout_context, _gauge_streams))
    app.on_response_prepare.append(add_request_id)

    venue_orders.add_routes(app)
    streams.add_routes(app)
    tickets.add_routes(app)
    sessions.add_routes(app)
    market.add_routes(app)
    ops.add_routes(app)
    openapi.add_routes(app)
    pages.add_routes(app)
    return app


async def _run_gateway(app: web.Application) -> AsyncIterator[None]:
    gateway = app[GATEWAY]
    await gateway.start()
    yield
    await gateway.close()


async def _gauge_streams(app: web.Application) -> AsyncIterator[None]:
    """What the fan-out knows of itself, for /metrics."""
    fanout, metrics = app[FANOUT], app[GATEWAY].metrics
    metrics.gauge("orderwire_stream_readers", "Who follows a stream here now.", lambda: fanout.readers)
    metrics.gauge("orderwire_stream_users", "How many users are followed here now.", lambda: fanout.followed)
    metrics.gauge("orderwire_stream_delivered", "Deliveries of events to readers so far.", lambda: fanout.delivered)
    metrics.gauge("orderwire_stream_holes", "Lost messages that were filled from the stream.", lambda: fanout.holes)
    metrics.gauge("orderwire_stream_slow", "Readers that were too slow so far.", lambda: fanout.slow)
    yield
