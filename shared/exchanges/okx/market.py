"""The market, for everybody: requests and how their replies read in our words. Every price and size is text."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from decimal import Decimal
from typing import Any

from shared.errors import UnknownWord, VenueRefused
from shared.exchanges.base import Reply, Request
from shared.exchanges.okx import API, NAME, rows
from shared.exchanges.okx.names import instrument, refused, settle_of
from shared.exchanges.okx.numbers import EXACT, amount, is_zero, ms_of, number, number_or_none, unless_zero
from shared.exchanges.okx.replies import Readable, every, unreadable
from shared.exchanges.okx.rows import InstrumentRow
from shared.model import Number, plain, text

BOOK_MAX = 400
CANDLES_MAX = 300
TRADES_MAX = 500
BARS = {
    "1m": ("1m", 60),
    "3m": ("3m", 180),
    "5m": ("5m", 300),
    "15m": ("15m", 900),
    "30m": ("30m", 1800),
    "1h": ("1H", 3600),
    "2h": ("2H", 7200),
    "4h": ("4H", 14_400),
    "6h": ("6Hutc", 21_600),
    "12h": ("12Hutc", 43_200),
    "1d": ("1Dutc", 86_400),
    "7d": ("1Wutc", 604_800),
    "1w": ("1Wutc", 604_800),
}
"""The venue's own name and the seconds; from six hours on its plain names begin at midnight in Hong Kong."""
TYPES = {"SPOT": "spot", "SWAP": "swap", "FUTURES": "future"}
"""What is listed. Margin trades the same pairs as spot."""

Row = dict[str, Any]
Question = tuple[Request, Callable[[Reply], Row]]
Listing = tuple[Request, Callable[[Reply], list[Row]]]
Codes = MutableMapping[str, int]


def ticker(symbol: str) -> Question:
    def to_row(reply: Reply) -> Row:
        said = every(rows.TICKER, reply)
        if not said:
            raise VenueRefused(NAME, "51001", symbol, status=404)
        row = said[0]
        return {
            "venue": NAME,
            "symbol": row.instId,
            "instrument": instrument(row.instId),
            "last": number_or_none(row.last),
            "bid": number_or_none(row.bidPx),
            "ask": number_or_none(row.askPx),
            "bid_size": number_or_none(row.bidSz),
            "ask_size": number_or_none(row.askSz),
            "mark_price": None,
            "index_price": None,
            "high_24h": number_or_none(row.high24h),
            "low_24h": number_or_none(row.low24h),
            "volume_24h": number_or_none(row.vol24h),
            "change_24h_percent": _change(row.open24h, row.last),
            "funding_rate": None,
            "at_ms": ms_of(row.ts) or reply.received_at_ms,
        }

    return _get("market/ticker", ("instId", symbol)), _checked(to_row)


def _change(opened: str, last: str) -> Number | None:
    """In percent, to two digits."""
    if is_zero(opened) or last == "":
        return None
    ratio = EXACT.divide(EXACT.subtract(amount(last), amount(opened)), amount(opened))
    return text(EXACT.multiply(ratio, Decimal(100)).quantize(Decimal("0.01")))


def listings(codes: Codes) -> list[Listing]:
    """One for each kind of instrument: the venue has no list of all. `codes` learns the number of each instrument."""
    return [instruments(kind, codes) for kind in TYPES]


def instruments(kind: str, codes: Codes) -> Listing:
    def to_rows(reply: Reply) -> list[Row]:
        said = every(rows.INSTRUMENT, reply)
        codes.update({row.instId: row.instIdCode for row in said if row.instIdCode is not None})
        return [_instrument(row) for row in said]

    return _get("public/instruments", ("instType", kind)), _checked(to_rows)


def _instrument(row: InstrumentRow) -> Row:
    named = row.instId.split("-")
    base = row.baseCcy or named[0]
    quote = row.quoteCcy or (named[1] if len(named) > 1 else "")
    is_spot = row.instType == "SPOT"
    return {
        "venue": NAME,
        "symbol": row.instId,
        "instrument": instrument(row.instId),
        "type": TYPES.get(row.instType, row.instType.lower()),
        "base": base,
        "quote": quote,
        "settle": None if is_spot else row.settleCcy or settle_of(base, quote),
        "status": "trading" if row.state == "live" else "halted",
        "size_unit": "base" if is_spot else "contracts",
        "contract_size": "1" if is_spot else _contract_size(row, base),
        "contract_value": number_or_none(row.ctVal),
        "contract_value_asset": row.ctValCcy or None,
        "price_step": number_or_none(row.tickSz),
        "price_band": None,
        "size_step": number_or_none(row.lotSz),
        "size_min": number_or_none(row.minSz),
        "size_max": unless_zero(row.maxLmtSz),
        "market_size_max": unless_zero(row.maxMktSz),
        "orders_max": None,
        "leverage_min": None,
        "leverage_max": number_or_none(row.lever),
        "maintenance_rate": None,
        "mark_price": None,
        "maker_fee": None,
        "taker_fee": None,
        "funding_rate": None,
        "funding_interval_s": None,
        "funding_next_ms": None,
        "expires_at_ms": ms_of(row.expTime),
    }


def _contract_size(row: InstrumentRow, base: str) -> Number | None:
    """How much of the base one contract is. One that is a sum of money is none of it."""
    if row.ctValCcy != base or is_zero(row.ctVal):
        return None
    return plain(text(EXACT.multiply(amount(row.ctVal), amount(row.ctMult or "1"))))


def orderbook(symbol: str, limit: int) -> Question:
    def to_row(reply: Reply) -> Row:
        said = every(rows.BOOK, reply)
        if not said:
            raise unreadable("there is no book in the answer")
        book = said[0]
        return {
            "venue": NAME,
            "symbol": symbol,
            "instrument": instrument(symbol),
            "bids": [[number(level[0]), number(level[1])] for level in book.bids],
            "asks": [[number(level[0]), number(level[1])] for level in book.asks],
            "sequence": None if book.seqId is None else str(book.seqId),
            "at_ms": ms_of(book.ts) or reply.received_at_ms,
        }

    request = _get("market/books", ("instId", symbol), ("sz", _limit(limit, BOOK_MAX)))
    return request, _checked(to_row)


def candles(symbol: str, interval: str, limit: int, from_ms: int | None = None, to_ms: int | None = None) -> Listing:
    """The recent ones from a list that is quick, those of a time from one that goes back for years."""
    if interval not in BARS:
        raise refused("interval", f"{interval[:20]!r} is not known here", f"use one of: {', '.join(BARS)}")
    bar, step_s = BARS[interval]
    count = max(1, min(limit, CANDLES_MAX))
    span = _span(step_s * 1000, count, from_ms, to_ms)
    name = "market/history-candles" if span else "market/candles"
    request = _get(name, ("instId", symbol), ("bar", bar), ("limit", str(count)), *span)

    def to_rows(reply: Reply) -> list[Row]:
        return sorted([_candle(row) for row in every(rows.CANDLE, reply)], key=lambda candle: int(candle["at_ms"]))

    return request, _checked(to_rows)


def _span(step_ms: int, count: int, from_ms: int | None, to_ms: int | None) -> tuple[tuple[str, str], ...]:
    """Older than `after` and newer than `before`, neither included; the venue gives the newest of them."""
    if from_ms is None and to_ms is None:
        return ()
    if from_ms is None:
        return (("after", str((to_ms or 0) + 1)),)
    last_ms = from_ms + step_ms * count - 1
    after_ms = last_ms if to_ms is None else min(to_ms, last_ms)
    return ("after", str(after_ms + 1)), ("before", str(from_ms - 1))


def _candle(row: list[str]) -> Row:
    at_ms, opened, high, low, closed, volume = row[:6]
    return {
        "at_ms": ms_of(at_ms),
        "open": number(opened),
        "high": number(high),
        "low": number(low),
        "close": number(closed),
        "volume": number_or_none(volume),
        "quote_volume": number_or_none(row[7]) if len(row) > 7 else None,
    }


def trades(symbol: str, limit: int) -> Listing:
    def to_rows(reply: Reply) -> list[Row]:
        said = [_trade(row) for row in every(rows.TRADE, reply)]
        return sorted(said, key=lambda trade: trade["at_ms"] or 0, reverse=True)

    return _get("market/trades", ("instId", symbol), ("limit", _limit(limit, TRADES_MAX))), _checked(to_rows)


def _trade(row: rows.TradeRow) -> Row:
    return {
        "id": row.tradeId,
        "side": row.side,
        "price": number(row.px),
        "size": number(row.sz),
        "at_ms": ms_of(row.ts),
    }


def _checked(read: Callable[[Reply], Any]) -> Callable[[Reply], Any]:
    """What cannot be read of a market is an answer that says nothing."""

    def reading(reply: Reply) -> Any:
        try:
            return read(reply)
        except (UnknownWord, *Readable) as error:
            raise unreadable(str(error)) from None

    return reading


def _get(name: str, *query: tuple[str, str]) -> Request:
    return Request("GET", f"{API}/{name}", query, private=False)


def _limit(wanted: int, most: int) -> str:
    return str(max(1, min(wanted, most)))
