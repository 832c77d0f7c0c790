"""Trading, read: orders, fills, positions, triggers and balances of one account, and whether orders can be taken."""

from __future__ import annotations

import msgspec
from aiohttp import web

from api.gateway import GATEWAY
from api.problems import json_response, raw_response
from api.queries import FillsQuery, FreshQuery, ListQuery, PageQuery, ShownQuery
from api.reading import check_query
from api.routes.ops import is_alive
from api.seats import asker, id_of, seat_for
from api.wishes import symbol_of
from shared.desk import Seat
from shared.desk import find as finding
from shared.desk import reads as reading
from shared.desk.reads import Asked
from shared.errors import StoreUnavailable
from shared.exchanges import registry


def add_routes(app: web.Application) -> None:
    for path, handler in (
        ("orders", orders),
        ("orders/{id}", order),
        ("fills", fills),
        ("positions", positions),
        ("balances", balances),
        ("triggers", triggers),
        ("triggers/{id}", trigger),
        ("health", health),
    ):
        app.router.add_get(f"/api/trading/{path}", handler, allow_head=False)


async def orders(request: web.Request) -> web.Response:
    gateway, caller = await asker(request)
    wanted = check_query(ListQuery, request)
    seat = await seat_for(gateway, caller, wanted.account_id)
    rows = await reading.orders(gateway.desk, seat, _asked(seat, wanted, wanted.status))
    return raw_response(rows.to_json("orders"))


async def triggers(request: web.Request) -> web.Response:
    gateway, caller = await asker(request)
    wanted = check_query(ListQuery, request)
    seat = await seat_for(gateway, caller, wanted.account_id)
    rows = await reading.triggers(gateway.desk, seat, _asked(seat, wanted, wanted.status))
    return raw_response(rows.to_json("triggers"))


async def fills(request: web.Request) -> web.Response:
    gateway, caller = await asker(request)
    wanted = check_query(FillsQuery, request)
    seat = await seat_for(gateway, caller, wanted.account_id)
    order_id = wanted.order_id
    if order_id is not None:
        order_id = (await finding.named(gateway.desk, seat, order_id)).id
    rows = await reading.fills(gateway.desk, seat, _asked(seat, wanted), order_id)
    return raw_response(rows.to_json("fills"))


async def positions(request: web.Request) -> web.Response:
    gateway, caller = await asker(request)
    wanted = check_query(FreshQuery, request)
    seat = await seat_for(gateway, caller, wanted.account_id)
    rows = await reading.positions(gateway.desk, seat, _asked(seat, wanted))
    return raw_response(rows.to_json("positions"))


async def balances(request: web.Request) -> web.Response:
    """A wallet that could not be read is named, and holds up none of the others."""
    gateway, caller = await asker(request)
    wanted = check_query(ShownQuery, request)
    seat = await seat_for(gateway, caller, wanted.account_id)
    found, unread = await reading.balances(gateway.desk, seat, raw=wanted.raw)
    shown = b",".join([balance.to_json() for balance in found])
    return raw_response(b'{"balances":[%b],"unread":%b}' % (shown, msgspec.json.encode(unread)))


async def order(request: web.Request) -> web.Response:
    gateway, caller = await asker(request)
    wanted = check_query(ShownQuery, request)
    seat = await seat_for(gateway, caller, wanted.account_id)
    named = await finding.named(gateway.desk, seat, id_of(request))
    shown, waiting = await finding.order_named(gateway.desk, seat, named, raw=wanted.raw)
    if waiting is None:
        return raw_response(b'{"order":%b}' % shown.to_json())
    return raw_response(b'{"order":%b,"trigger":%b}' % (shown.to_json(), waiting.to_json()))


async def trigger(request: web.Request) -> web.Response:
    gateway, caller = await asker(request)
    wanted = check_query(ShownQuery, request)
    seat = await seat_for(gateway, caller, wanted.account_id)
    named = await finding.named(gateway.desk, seat, id_of(request), is_trigger=True)
    shown = await finding.known_trigger(gateway.desk, seat, named.id, raw=wanted.raw)
    return raw_response(b'{"trigger":%b}' % shown.to_json())


async def health(request: web.Request) -> web.Response:
    """For everybody: whether orders are taken here now, and at which venues."""
    gateway = request.app[GATEWAY]
    try:
        beats = await gateway.store.leases.beat(None)
    except StoreUnavailable:
        redis, alive = "away", 0
    else:
        redis, alive = "ok", sum(is_alive(beat) and not beat.draining for beat in beats)
    return json_response(
        {
            "status": "ok" if redis == "ok" and alive else "degraded",
            "trading_env": gateway.settings.trading_env,
            "redis": redis,
            "workers": alive,
            "venues": sorted(registry.VENUES),
        }
    )


def _asked(seat: Seat, wanted: FreshQuery, status: str | None = None) -> Asked:
    symbol = None if wanted.symbol is None else symbol_of(seat, wanted.symbol)
    if isinstance(wanted, PageQuery):
        return Asked(symbol, status, wanted.limit, wanted.offset, wanted.raw, wanted.fresh)
    return Asked(symbol, status, raw=wanted.raw, fresh=wanted.fresh)
