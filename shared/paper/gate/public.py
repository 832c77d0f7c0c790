"""Gate's public calls: contracts, tickers, books, trades and candles; no key is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import islice

from shared.paper.gate.calls import Call, GateError, Reply
from shared.paper.gate.rows import Row, contract_row, plain, public_trade_row, size_of
from shared.paper.listing import Listing
from shared.paper.market import Candle
from shared.paper.orders import ZERO

INTERVALS = {
    "10s": 60, "1m": 60, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "2h": 7200, "4h": 14400, "6h": 21600,
    "8h": 28800, "12h": 43200, "1d": 86400, "7d": 604800, "1w": 604800, "30d": 2592000,
}  # fmt: skip
"""Seconds of each interval. Candles of ten seconds are not kept: those of a minute stand in for them."""
BOOK_MAX, BOOK_USUAL, CANDLES_MAX = 300, 10, 2000


def time(call: Call) -> Reply:
    """GET spot/time."""
    return Reply(200, {"server_time": call.now_ms})


def nothing(call: Call) -> Reply:
    """What this exchange has none of: delivery contracts, options, contracts that settle in coins."""
    return Reply(200, [])


def currencies(call: Call) -> Reply:
    """GET spot/currencies."""
    chain = {"name": "ETH", "addr": "", "withdraw_disabled": True, "withdraw_delayed": False, "deposit_disabled": True}
    names = ["USDT"] + [each.contract.base for each in call.door.engine.listings.values()]
    return Reply(
        200,
        [
            {
                "currency": name, "name": name, "delisted": False, "withdraw_disabled": True, "withdraw_delayed": False,
                "deposit_disabled": True, "trade_disabled": False, "chain": "ETH", "chains": [chain],
            }
            for name in names
        ],
    )  # fmt: skip


def contracts(call: Call) -> Reply:
    """GET futures/usdt/contracts."""
    listings = list(call.door.engine.listings.values())
    rows = [contract_row(each, call.is_decimal, call.now_ms) for each in listings]
    return Reply(200, call.page(rows))


def contract(call: Call) -> Reply:
    """GET futures/usdt/contracts/{contract}."""
    return Reply(200, contract_row(call.listing(call.params["contract"]), call.is_decimal, call.now_ms))


def tickers(call: Call) -> Reply:
    """GET futures/usdt/tickers: an array, even for one."""
    name = call.query.get("contract", "")
    listings = [call.listing(name)] if name else list(call.door.engine.listings.values())
    return Reply(200, [ticker_row(call.door.day_of(each), each, call.is_decimal) for each in listings])


def ticker_row(day: list[Candle], listing: Listing, is_decimal: bool) -> Row:
    """A ticker, from the candles of a day."""
    asks, bids = listing.book.asks, listing.book.bids
    size = sum((candle.size for candle in day), ZERO)
    worth = sum((candle.worth for candle in day), ZERO)
    opened = day[0].open if day else listing.last
    return {
        "contract": listing.contract.name, "last": plain(listing.last),
        "change_percentage": plain(round((listing.last - opened) / opened * 100, 4)),
        "change_price": plain(listing.last - opened),
        "high_24h": plain(max([candle.high for candle in day] + [listing.last])),
        "low_24h": plain(min([candle.low for candle in day] + [listing.last])),
        "total_size": plain(sum((abs(p.size) for p in listing.holders), ZERO)), "volume_24h": plain(size),
        "volume_24h_base": plain(size * listing.contract.multiplier), "volume_24h_quote": plain(worth),
        "volume_24h_settle": plain(worth), "mark_price": plain(listing.mark), "index_price": plain(listing.index),
        "funding_rate": "0.0001", "funding_rate_indicative": "0.0001", "quanto_base_rate": "",
        "quanto_multiplier": plain(listing.contract.multiplier),
        "lowest_ask": plain(asks.best_price) if asks.prices else "0",
        "lowest_size": str(size_of(asks.totals[asks.best_price], is_decimal)) if asks.prices else "0",
        "highest_bid": plain(bids.best_price) if bids.prices else "0",
        "highest_size": str(size_of(bids.totals[bids.best_price], is_decimal)) if bids.prices else "0",
    }  # fmt: skip


def order_book(call: Call) -> Reply:
    """GET futures/usdt/order_book."""
    listing = call.listing(call.required("contract"))
    limit = call.whole("limit", BOOK_USUAL, 10**9)
    if limit > BOOK_MAX:
        raise GateError(400, "TOO_BIG", f"limit {BOOK_MAX}")
    row: Row = {"current": call.now_ms / 1000, "update": call.now_ms / 1000}
    if call.query.get("with_id", "").lower() == "true":
        call.door.publish_books()
        row = {"id": listing.book.version} | row
    row["asks"] = levels(listing.book.asks.walk(), limit, call.is_decimal)
    row["bids"] = levels(listing.book.bids.walk(), limit, call.is_decimal)
    return Reply(200, row)


def levels(walk: Iterable[tuple[Decimal, Decimal]], limit: int, is_decimal: bool) -> list[Row]:
    """The first levels of one side."""
    return [{"p": plain(price), "s": size_of(size, is_decimal)} for price, size in islice(walk, limit)]


def trades(call: Call) -> Reply:
    """GET futures/usdt/trades."""
    listing = call.listing(call.required("contract"))
    start, end = call.whole("from", 0, 10**12), call.whole("to", 10**12, 10**12)
    rows = [t for t in reversed(listing.trades) if start <= t.time_ms // 1000 <= end]
    return Reply(200, [public_trade_row(trade, call.is_decimal) for trade in call.page(rows)])


def candlesticks(call: Call) -> Reply:
    """GET futures/usdt/candlesticks: by `limit`, or by `from` and `to`, never both."""
    name = call.required("contract").removeprefix("mark_").removeprefix("index_")
    listing, interval = call.listing(name), call.query.get("interval", "5m")
    if interval not in INTERVALS:
        raise GateError(400, "INVALID_PARAM_VALUE", f"Invalid request parameter `interval` value: {interval[:20]}")
    if "limit" in call.query and ("from" in call.query or "to" in call.query):
        raise GateError(400, "INVALID_PARAM_VALUE", "limit conflicts with from and to")
    start, end = call.whole("from", 0, 10**12), call.whole("to", 10**12, 10**12)
    merged = merge(call.door.candles_of(listing), INTERVALS[interval])
    rows = [candle for candle in merged if start <= candle.at_s <= end]
    return Reply(200, [candle_row(c, call.is_decimal) for c in rows[-call.whole("limit", 100, CANDLES_MAX) :]])


def merge(candles: Iterable[Candle], span_s: int) -> list[Candle]:
    """Longer candles out of those of a minute."""
    merged: list[Candle] = []
    for each in candles:
        at_s = each.at_s // span_s * span_s
        if not merged or merged[-1].at_s != at_s:
            merged.append(Candle(at_s, each.open, each.high, each.low, each.close, each.size, each.worth))
            continue
        last = merged[-1]
        last.high, last.low, last.close = max(last.high, each.high), min(last.low, each.low), each.close
        last.size, last.worth = last.size + each.size, last.worth + each.worth
    return merged


def candle_row(candle: Candle, is_decimal: bool) -> Row:
    """A candle."""
    return {
        "t": candle.at_s, "v": size_of(candle.size, is_decimal), "o": plain(candle.open), "h": plain(candle.high),
        "l": plain(candle.low), "c": plain(candle.close), "sum": plain(candle.worth),
    }  # fmt: skip


def funding_rate(call: Call) -> Reply:
    """GET futures/usdt/funding_rate: funding is quoted here and never charged."""
    call.listing(call.required("contract"))
    last_s = call.now_ms // 28_800_000 * 28_800
    return Reply(200, [{"t": last_s - 28_800 * i, "r": "0.0001"} for i in range(call.whole("limit", 100, 1000))])


def risk_limit_tiers(call: Call) -> Reply:
    """GET futures/usdt/risk_limit_tiers: one tier."""
    listing = call.listing(call.required("contract"))
    rate = plain(listing.contract.maintenance_rate)
    top = plain(listing.contract.leverage_max)
    row = {"tier": 1, "risk_limit": "1000000", "initial_rate": "0.008", "maintenance_rate": rate, "leverage_max": top}
    return Reply(200, [row | {"contract": listing.contract.name, "deduction": "0"}])
