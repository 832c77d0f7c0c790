"""Market data, for everybody: what the venue says in public, told in our words and kept for a moment.

One request to the venue serves all who ask within the moment, however many they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web

from api.gateway import GATEWAY, Gateway
from api.problems import json_response
from api.queries import BookQuery, CandlesQuery, MarketQuery, TradesQuery
from api.reading import check_query
from shared.errors import BadRequest, TooManyRequests
from shared.exchanges import registry
from shared.exchanges.base import Reply, Request, Venue

TICKER_KEPT_S = 1.0
BOOK_KEPT_S = 0.5
CANDLES_KEPT_S = 1.0
TRADES_KEPT_S = 0.5
INSTRUMENTS_KEPT_S = 60.0
KEPT_MAX = 5_000
DEADLINE_S = 5.0
SECONDS_MAX = 100_000_000_000

Question = tuple[Request, Callable[[Reply], Any]]


def add_routes(app: web.Application) -> None:
    app[MARKET] = Market()
    app.router.add_get("/api/market/ticker/{symbol:.+}", ticker, allow_head=False)
    app.router.add_get("/api/market/orderbook/{symbol:.+}", orderbook, allow_head=False)
    app.router.add_get("/api/market/klines/{symbol:.+}", klines, allow_head=False)
    app.router.add_get("/api/market/trades/{symbol:.+}", trades, allow_head=False)
    app.router.add_get("/api/market/instruments", instruments, allow_head=False)


class Market:
    """The last answers. A failed question is not kept."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, ...], tuple[float, asyncio.Task[Any]]] = {}

    async def ask(self, gateway: Gateway, venue: Venue, key: tuple[str, ...], kept_s: float, question: Question) -> Any:
        now_s = gateway.clock.monotonic_s()
        until_s, task = self._kept.get(key, (0.0, None))
        if task is None or until_s <= now_s or _failed(task):
            self._make_room(now_s)
            task = asyncio.get_running_loop().create_task(_ask(gateway, venue, question))
            self._kept[key] = (now_s + kept_s, task)
        return await asyncio.shield(task)

    def _make_room(self, now_s: float) -> None:
        if len(self._kept) < KEPT_MAX:
            return
        self._kept = {key: entry for key, entry in self._kept.items() if entry[0] > now_s}
        if len(self._kept) >= KEPT_MAX:
            raise TooManyRequests("too many different symbols at once", 1)


MARKET = web.AppKey("market", Market)


def _failed(task: asyncio.Task[Any]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


async def _ask(gateway: Gateway, venue: Venue, question: Question) -> Any:
    request, read = question
    url = registry.endpoints(gateway.settings, venue.name, gateway.settings.trading_env).rest_url
    return read(await gateway.rest.call(venue, url, request, None, deadline_s=DEADLINE_S))


async def ticker(request: web.Request) -> web.Response:
    venue, symbol = _named(request, check_query(MarketQuery, request).venue)
    return json_response(await _kept(request, venue, ("ticker", symbol), TICKER_KEPT_S, venue.ticker(symbol)))


async def orderbook(request: web.Request) -> web.Response:
    asked = check_query(BookQuery, request)
    venue, symbol = _named(request, asked.venue)
    key = ("book", symbol, str(asked.limit))
    return json_response(await _kept(request, venue, key, BOOK_KEPT_S, venue.orderbook(symbol, asked.limit)))


async def klines(request: web.Request) -> web.Response:
    """Oldest first. Times may be said in seconds or milliseconds, and are told in milliseconds."""
    asked = check_query(CandlesQuery, request)
    venue, symbol = _named(request, asked.venue)
    span = to_ms(asked.from_ms), to_ms(asked.to_ms)
    if span[0] is not None and span[1] is not None and span[0] > span[1]:
        raise BadRequest("from is after to", (("from", "is after to"),), status=422)
    try:
        question = venue.candles(symbol, asked.interval, asked.limit, *span)
    except BadRequest as wrong:  # an interval that the venue does not have
        raise BadRequest(str(wrong), wrong.fields, status=422) from None
    key = ("klines", symbol, asked.interval, str(asked.limit), str(span))
    rows = await _kept(request, venue, key, CANDLES_KEPT_S, question)
    return json_response(_about(venue, symbol) | {"interval": asked.interval, "klines": rows})


async def trades(request: web.Request) -> web.Response:
    """Newest first."""
    asked = check_query(TradesQuery, request)
    venue, symbol = _named(request, asked.venue)
    key = ("trades", symbol, str(asked.limit))
    rows = await _kept(request, venue, key, TRADES_KEPT_S, venue.trades(symbol, asked.limit))
    return json_response(_about(venue, symbol) | {"trades": rows})


def to_ms(said: int | None) -> int | None:
    """A time of day in seconds has eleven digits only from the year 5138 on."""
    return said * 1000 if said is not None and said < SECONDS_MAX else said


def _about(venue: Venue, symbol: str) -> dict[str, Any]:
    return {"venue": venue.name, "symbol": symbol, "instrument": venue.instrument(symbol)}


async def instruments(request: web.Request) -> web.Response:
    venue = _venue(request, check_query(MarketQuery, request).venue)
    questions = enumerate(venue.listings())
    listed = await asyncio.gather(
        *(_kept(request, venue, ("instruments", str(at)), INSTRUMENTS_KEPT_S, each) for at, each in questions)
    )
    return json_response({"venue": venue.name, "instruments": [row for rows in listed for row in rows]})


def _venue(request: web.Request, name: str) -> Venue:
    return registry.venue(name, request.app[GATEWAY].settings.trading_env)


def _named(request: web.Request, venue_name: str) -> tuple[Venue, str]:
    venue = _venue(request, venue_name)
    symbol = request.match_info["symbol"]
    if not symbol.isascii() or not symbol.isprintable() or len(symbol) > 48:
        raise BadRequest("symbol must be a name such as BTC_USDT", (("symbol", "must be a name such as BTC_USDT"),))
    return venue, venue.symbol(symbol)


async def _kept(request: web.Request, venue: Venue, key: tuple[str, ...], kept_s: float, question: Question) -> Any:
    market, gateway = request.app[MARKET], request.app[GATEWAY]
    return await market.ask(gateway, venue, (venue.name, *key), kept_s, question)
