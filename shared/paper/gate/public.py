"""Gate's public calls: contracts, tickers, books, trades and candles; no key is asked for."""

from __future__ import annotations

from typing import NamedTuple

from shared.paper.candles import DAY_S, MINUTE_S, MONTH_S, WEEK_S, Candle
from shared.paper.gate.calls import Call, GateError, Reply, invalid
from shared.paper.gate.forms import Row, plain
from shared.paper.gate.market_rows import (
    candle_row,
    contract_row,
    levels,
    price_row,
    public_trade_row,
    stat_row,
    ticker_row,
)
from shared.paper.gate.position_rows import liq_order_row
from shared.paper.listing import Listing


class Interval(NamedTuple):
    """How long a candle is; natural ones are the calendar's."""

    span_s: int
    is_natural: bool = False


HOUR_S = 3_600
INTERVALS = {
    "10s": Interval(10), "30s": Interval(30), "1m": Interval(MINUTE_S), "5m": Interval(300), "15m": Interval(900),
    "30m": Interval(1_800), "1h": Interval(HOUR_S), "2h": Interval(2 * HOUR_S), "4h": Interval(4 * HOUR_S),
    "6h": Interval(6 * HOUR_S), "8h": Interval(8 * HOUR_S), "12h": Interval(12 * HOUR_S), "1d": Interval(DAY_S),
    "7d": Interval(WEEK_S), "1w": Interval(WEEK_S, is_natural=True), "30d": Interval(MONTH_S, is_natural=True),
}  # fmt: skip
BOOK_MAX, BOOK_USUAL, CANDLES_MAX, CANDLES_USUAL, PREMIUMS_MAX = 300, 10, 2000, 100, 1000
LIQUIDATED_SPAN_S = 3_600


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


def trades(call: Call) -> Reply:
    """GET futures/usdt/trades."""
    listing, span = call.listing(call.required("contract")), call.span()
    last_id = call.whole("last_id", 0, 10**18)
    rows = [t for t in reversed(listing.trades) if t.time_ms // 1000 in span and (not last_id or t.id < last_id)]
    return Reply(200, [public_trade_row(trade, call.is_decimal) for trade in call.page(rows)])


# ---- candles


def candlesticks(call: Call) -> Reply:
    """GET futures/usdt/candlesticks: by `limit`, or by `from` and `to`, never both."""
    name = call.required("contract")
    is_price = name.startswith(("mark_", "index_"))
    listing = call.listing(name.removeprefix("mark_").removeprefix("index_"))
    rows = _candles(call, listing, CANDLES_MAX)
    return Reply(200, [price_row(row) if is_price else candle_row(row, call.is_decimal) for row in rows])


def premium_index(call: Call) -> Reply:
    """GET futures/usdt/premium_index: how far mark is from index, now and, as far as is known here, always."""
    listing = call.listing(call.required("contract"))
    premium = plain(round((listing.mark - listing.index) / listing.index, 8))
    rows = _candles(call, listing, PREMIUMS_MAX)
    return Reply(200, [{"t": row.at_s} | dict.fromkeys(("o", "h", "l", "c"), premium) for row in rows])


def contract_stats(call: Call) -> Reply:
    """GET futures/usdt/contract_stats."""
    listing = call.listing(call.required("contract"))
    start, limit = call.whole("from", 0, 10**12), call.whole("limit", 30, CANDLES_MAX)
    rows = [row for row in _merged(call, listing, _interval(call)) if row.at_s >= start]
    return Reply(200, [stat_row(row, listing, call.is_decimal) for row in rows[-limit:]])


def _interval(call: Call) -> Interval:
    name = call.query.get("interval", "") or "5m"
    if name not in INTERVALS:
        raise invalid("interval", name)
    return INTERVALS[name]


def _merged(call: Call, listing: Listing, interval: Interval) -> list[Candle]:
    return call.door.candles_of(listing).rows(interval.span_s, is_natural=interval.is_natural)


def _candles(call: Call, listing: Listing, most: int) -> list[Candle]:
    interval = _interval(call)
    is_ranged = "from" in call.query or "to" in call.query
    if "limit" in call.query and is_ranged:
        raise GateError(400, "INVALID_PARAM_VALUE", "limit conflicts with from and to")
    merged = _merged(call, listing, interval)
    if not is_ranged:
        limit = call.whole("limit", CANDLES_USUAL, most)
        return merged[-limit:] if limit else []
    end = call.whole("to", call.now_ms // 1000, 10**12)
    start = call.whole("from", max(0, end - CANDLES_USUAL * interval.span_s), 10**12)
    if (end - start) // interval.span_s > most:
        raise GateError(400, "INVALID_PARAM_VALUE", f"at most {most} points a query")
    return [row for row in merged if start <= row.at_s <= end]


# ---- funding, risk, liquidations


def funding_rate(call: Call) -> Reply:
    """GET futures/usdt/funding_rate: what was charged, and before that what would have been."""
    listing = call.listing(call.required("contract"))
    interval, span = listing.contract.funding_interval_s, call.span()
    limit = call.whole("limit", 100, 1000)
    charged = list(reversed(listing.funded))
    before_s = (charged[-1][0] if charged else call.now_ms // 1000 + 1) - 1
    first_s = before_s // interval * interval
    assumed = [(first_s - interval * i, listing.funding_rate) for i in range(limit)]
    rows = [{"t": at_s, "r": plain(rate)} for at_s, rate in charged + assumed if at_s in span]
    return Reply(200, rows[:limit])


def risk_limit_tiers(call: Call) -> Reply:
    """GET futures/usdt/risk_limit_tiers; pages count markets, not rows."""
    name = call.query.get("contract", "")
    listings = [call.listing(name)] if name else call.page(list(call.door.engine.listings.values()))
    return Reply(200, [row | {"contract": each.contract.name} for each in listings for row in _tiers(each)])


def risk_limit_table(call: Call) -> Reply:
    """GET futures/usdt/risk_limit_table: the tiers of the table that a contract's name names here."""
    return Reply(200, _tiers(call.listing(call.required("table_id"))))


def _tiers(listing: Listing) -> list[Row]:
    return [
        {
            "tier": tier.number, "risk_limit": plain(tier.risk_limit),
            "initial_rate": plain(round(1 / tier.leverage_max, 8)),
            "maintenance_rate": plain(tier.maintenance_rate), "leverage_max": plain(tier.leverage_max),
            "deduction": plain(tier.deduction),
        }
        for tier in listing.contract.tiers
    ]  # fmt: skip


def liq_orders(call: Call) -> Reply:
    """GET futures/usdt/liq_orders: everybody's liquidations of an hour at most."""
    name, span = call.query.get("contract", ""), call.span()
    if "from" in call.query and "to" in call.query and len(span) - 1 > LIQUIDATED_SPAN_S:
        raise GateError(400, "INVALID_PARAM_VALUE", f"from and to are more than {LIQUIDATED_SPAN_S} seconds apart")
    listings = [call.listing(name)] if name else list(call.door.engine.listings.values())
    facts = sorted((f for each in listings for f in each.liquidated), key=lambda f: -f.now_ms)
    rows = [liq_order_row(fact, call.is_decimal) for fact in facts if fact.now_ms // 1000 in span]
    return Reply(200, call.page(rows))
