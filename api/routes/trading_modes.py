"""How an account trades: its position mode, and the leverage and margin mode of each symbol. Read first, written only
where it is otherwise."""

from __future__ import annotations

from aiohttp import web

from api.answers import told
from api.problems import json_response
from api.queries import AccountQuery, LeverageQuery
from api.reading import check, check_query, read_json
from api.requests_trading import NewLeverage, PositionMode, check_together
from api.seats import asker, seat_for
from api.wishes import symbol_of
from shared.desk import mode as modes
from shared.desk.wish import LeverageWish
from shared.exchanges.base import Leverage


def add_routes(app: web.Application) -> None:
    app.router.add_get("/api/trading/position-mode", position_mode, allow_head=False)
    app.router.add_put("/api/trading/position-mode", set_position_mode)
    app.router.add_get("/api/trading/leverage", leverage, allow_head=False)
    app.router.add_put("/api/trading/leverage", set_leverage)


async def position_mode(request: web.Request) -> web.Response:
    gateway, caller = await asker(request)
    wanted = check_query(AccountQuery, request)
    seat = await seat_for(gateway, caller, wanted.account_id)
    return json_response({"position_mode": await modes.position_mode(gateway.desk, seat)})


async def set_position_mode(request: web.Request) -> web.Response:
    gateway, caller = await asker(request)
    wanted = check(PositionMode, await read_json(request))
    seat = await seat_for(gateway, caller, wanted.account_id)
    return told(request, seat, await modes.set_position_mode(gateway.desk, seat, wanted.position_mode))


async def leverage(request: web.Request) -> web.Response:
    gateway, caller = await asker(request)
    wanted = check_query(LeverageQuery, request)
    seat = await seat_for(gateway, caller, wanted.account_id)
    symbol = symbol_of(seat, wanted.symbol)
    return json_response(_shown(symbol, await gateway.desk.read_leverage(seat, symbol, wanted.margin_mode)))


async def set_leverage(request: web.Request) -> web.Response:
    gateway, caller = await asker(request)
    wanted = check_together(NewLeverage, await read_json(request))
    seat = await seat_for(gateway, caller, wanted.account_id)
    symbol = symbol_of(seat, wanted.symbol)
    wish = LeverageWish(wanted.leverage, wanted.margin_mode)
    settled = await modes.settle_leverage(gateway.desk, seat, symbol, wish)
    if settled is None:
        settled = await gateway.desk.read_leverage(seat, symbol, wanted.margin_mode)
    return json_response({"outcome": "accepted", **_shown(symbol, settled)})


def _shown(symbol: str, known: Leverage | None) -> dict[str, str | None]:
    """Null where the venue does not say, as of an instrument that was never used."""
    return {
        "symbol": symbol,
        "leverage": known.leverage if known else None,
        "margin_mode": known.margin_mode if known else None,
    }
