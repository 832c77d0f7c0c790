"""The market, for everybody: requests and how their replies read in our words. Every price and size is text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.errors import VenueRefused
from shared.exchanges.base import Reply, Request
from shared.exchanges.gate import CONTRACT_NOT_FOUND, FUTURES, NAME, rows
from shared.exchanges.gate.names import instrument, refused
from shared.exchanges.gate.numbers import ms_of, number, number_or_none
from shared.exchanges.gate.replies import read

BOOK_MAX = 50
CANDLES_MAX = 2000
TRADES_MAX = 1000
INTERVALS_S = {
    "10s": 10,
    "1m": 60,
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "1h": 3600,
    "2h": 7200,
    "4h": 14_400,
    "8h": 28_800,
    "1d": 86_400,
    "7d": 604_800,
    "1w": 604_800,
    "30d": 2_592_000,
}

Row = dict[str, Any]
Question = tuple[Request, Callable[[Reply], Row]]
Listing = tuple[Request, Callable[[Reply], list[Row]]]


def ticker(symbol: str) -> Question:
    request = _get("tickers", ("contract", symbol))

    def to_row(reply: Reply) -> Row:
        said = read(rows.TICKERS, reply)
        if not said:
            raise VenueRefused(NAME, CONTRACT_NOT_FOUND, symbol, status=404)
        row = said[0]
        return {
            "venue": NAME,
            "symbol": row.contract,
            "instrument": instrument(row.contract),
            "last": number_or_none(row.last),
            "bid": number_or_none(row.highest_bid),
            "ask": number_or_none(row.lowest_ask),
            "bid_size": number_or_none(row.highest_size),
            "ask_size": number_or_none(row.lowest_size),
            "mark_price": number_or_none(row.mark_price),
            "index_price": number_or_none(row.index_price),
            "high_24h": number_or_none(row.high_24h),
            "low_24h": number_or_none(row.low_24h),
            "volume_24h": number_or_none(row.volume_24h),
            "change_24h_percent": number_or_none(row.change_percentage),
            "funding_rate": number_or_none(row.funding_rate),
            "at_ms": reply.received_at_ms,
        }

    return request, to_row


def instruments() -> Listing:
    return _get("contracts"), lambda reply: [_instrument(row) for row in read(rows.CONTRACTS, reply)]


def _instrument(row: rows.ContractRow) -> Row:
    base, _, settle = row.name.rpartition("_")
    return {
        "venue": NAME,
        "symbol": row.name,
        "instrument": instrument(row.name),
        "type": "swap",
        "base": base,
        "quote": settle,
        "settle": settle,
        "status": "trading" if row.status in ("", "trading") and not row.in_delisting else "halted",
        "contract_size": number_or_none(row.quanto_multiplier),
        "price_step": number_or_none(row.order_price_round),
        "price_band": number_or_none(row.order_price_deviate),
        "size_step": number_or_none(row.order_size_min) if row.enable_decimal else "1",
        "size_min": number_or_none(row.order_size_min),
        "size_max": number_or_none(row.order_size_max),
        # 0 there means: as large as any other.
        "market_size_max": number_or_none(row.market_order_size_max or row.order_size_max),
        "orders_max": row.orders_limit,
        "leverage_min": number_or_none(row.leverage_min),
        "leverage_max": number_or_none(row.leverage_max),
        "maintenance_rate": number_or_none(row.maintenance_rate),
        "mark_price": number_or_none(row.mark_price),
        "maker_fee": number_or_none(row.maker_fee_rate),
        "taker_fee": number_or_none(row.taker_fee_rate),
        "funding_rate": number_or_none(row.funding_rate),
        "funding_interval_s": row.funding_interval,
        "funding_next_ms": ms_of(row.funding_next_apply),
    }


def orderbook(symbol: str, limit: int) -> Question:
    request = _get("order_book", ("contract", symbol), _limit(limit, BOOK_MAX), ("with_id", "true"))

    def to_row(reply: Reply) -> Row:
        book = read(rows.BOOK, reply)
        return {
            "venue": NAME,
            "symbol": symbol,
            "instrument": instrument(symbol),
            "bids": [[number(level.p), number(level.s)] for level in book.bids],
            "asks": [[number(level.p), number(level.s)] for level in book.asks],
            "sequence": None if book.id is None else str(book.id),
            "at_ms": ms_of(book.update) or reply.received_at_ms,
        }

    return request, to_row


def candles(symbol: str, interval: str, limit: int, from_ms: int | None = None, to_ms: int | None = None) -> Listing:
    if interval not in INTERVALS_S:
        raise refused("interval", f"{interval[:20]!r} is not known here", f"use one of: {', '.join(INTERVALS_S)}")
    span = _span(INTERVALS_S[interval], max(1, min(limit, CANDLES_MAX)), from_ms, to_ms)
    request = _get("candlesticks", ("contract", symbol), ("interval", interval), *span)

    def to_rows(reply: Reply) -> list[Row]:
        said = read(rows.CANDLES, reply)
        return [_candle(row) for row in sorted(said, key=lambda row: row.t)]

    return request, to_rows


def _span(step_s: int, limit: int, from_ms: int | None, to_ms: int | None) -> tuple[tuple[str, str], ...]:
    """So many, or from a time to a time: the venue refuses both at once, and more than it gives in one answer."""
    if from_ms is None and to_ms is None:
        return (("limit", str(limit)),)
    length_s = step_s * (limit - 1)
    if from_ms is None:
        last_s = (to_ms or 0) // 1000
        first_s = max(last_s - length_s, 0)
    else:
        first_s = -(-from_ms // 1000)
        last_s = first_s + length_s if to_ms is None else min(to_ms // 1000, first_s + length_s)
    return ("from", str(first_s)), ("to", str(max(first_s, last_s)))


def _candle(row: rows.CandleRow) -> Row:
    return {
        "at_ms": ms_of(row.t),
        "open": number(row.o),
        "high": number(row.h),
        "low": number(row.l),
        "close": number(row.c),
        "volume": number_or_none(row.v),
        "quote_volume": number_or_none(row.sum),
    }


def trades(symbol: str, limit: int) -> Listing:
    request = _get("trades", ("contract", symbol), _limit(limit, TRADES_MAX))

    def to_rows(reply: Reply) -> list[Row]:
        said = read(rows.TRADES, reply)
        return sorted([_trade(row) for row in said], key=lambda trade: trade["at_ms"] or 0, reverse=True)

    return request, to_rows


def _trade(row: rows.TradeRow) -> Row:
    return {
        "id": str(row.id),
        "side": "sell" if row.size < 0 else "buy",
        "price": number(row.price),
        "size": number(row.size.copy_abs()),
        "at_ms": ms_of(row.create_time_ms) or ms_of(row.create_time),
    }


def _get(name: str, *query: tuple[str, str]) -> Request:
    return Request("GET", f"{FUTURES}/{name}", query, private=False)


def _limit(wanted: int, most: int) -> tuple[str, str]:
    return "limit", str(max(1, min(wanted, most)))
