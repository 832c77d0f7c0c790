"""OKX's public calls: time, instruments, prices, books, trades and candles; no key is asked for."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from shared.paper.candles import DAY_S, MINUTE_S, MONTH_S, WEEK_S, Candle, Candles, merge
from shared.paper.facts import Traded
from shared.paper.listing import Listing
from shared.paper.numbers import plain
from shared.paper.okx.account import TYPES, to_instruments
from shared.paper.okx.calls import Call, Reply, Row, Said, wrong
from shared.paper.okx.instruments import family_of, is_spot, kind_of
from shared.paper.okx.order_lists import page
from shared.paper.unified import price_band
from shared.paper.wallets import FUTURES, SWAP

BOOK_MAX, BOOK_FULL_MAX, CANDLES_MAX, CANDLES_USUAL, TRADES_MAX = 400, 5_000, 300, 100, 500
HOUR_S, HONG_KONG_S = 3_600, 28_800


class Bar(NamedTuple):
    """How long a candle is; from six hours on it begins by the clock of Hong Kong unless it says UTC."""

    span_s: int
    is_natural: bool = False
    shift_s: int = 0


BARS = {
    "1m": Bar(MINUTE_S), "3m": Bar(180), "5m": Bar(300), "15m": Bar(900), "30m": Bar(1_800), "1H": Bar(HOUR_S),
    "2H": Bar(2 * HOUR_S), "4H": Bar(4 * HOUR_S), "6H": Bar(6 * HOUR_S, False, HONG_KONG_S),
    "12H": Bar(12 * HOUR_S, False, HONG_KONG_S), "1D": Bar(DAY_S, False, HONG_KONG_S),
    "1W": Bar(WEEK_S, True, HONG_KONG_S), "1M": Bar(MONTH_S, True, HONG_KONG_S), "6Hutc": Bar(6 * HOUR_S),
    "12Hutc": Bar(12 * HOUR_S), "1Dutc": Bar(DAY_S), "1Wutc": Bar(WEEK_S, True), "1Mutc": Bar(MONTH_S, True),
}  # fmt: skip


def time(call: Call) -> Reply:
    """GET public/time."""
    return Reply([{"ts": str(call.now_ms)}])


def nothing(call: Call) -> Reply:
    """What this exchange has none of."""
    return Reply()


def instruments(call: Call) -> Reply:
    """GET public/instruments."""
    return Reply(to_instruments(call, call.query))


def _listing(call: Call) -> Listing:
    return call.door.listing(call.query.required("instId"))


def _listings(call: Call, *, only_held: bool = False) -> list[Listing]:
    said = call.query
    if only_held and said.text("instId") in ("", "ANY"):
        return [each for each in call.door.engine.listings.values() if kind_of(each.contract) == SWAP]
    if said.text("instId"):
        return [_listing(call)]
    kind, family = said.one_of("instType", TYPES), said.text("instFamily") or said.text("uly")
    everything = call.door.engine.listings.values()
    return [e for e in everything if kind_of(e.contract) == kind and family in ("", family_of(e.contract))]


def price_limit(call: Call) -> Reply:
    """GET public/price-limit."""
    return Reply([price_limit_row(_listing(call), call.now_ms)])


def price_limit_row(listing: Listing, now_ms: int) -> Row:
    """The band that prices of orders must keep to."""
    most, least = price_band(listing)
    return {
        "instType": kind_of(listing.contract), "instId": listing.contract.name, "buyLmt": plain(most),
        "sellLmt": plain(least), "ts": str(now_ms), "enabled": True,
    }  # fmt: skip


def mark_price(call: Call) -> Reply:
    """GET public/mark-price."""
    return Reply([mark_row(each, call.now_ms) for each in _listings(call)])


def mark_row(listing: Listing, now_ms: int) -> Row:
    """A mark price."""
    return {
        "instType": kind_of(listing.contract), "instId": listing.contract.name, "markPx": plain(listing.mark),
        "ts": str(now_ms),
    }  # fmt: skip


def index_tickers(call: Call) -> Reply:
    """GET market/index-tickers."""
    name = call.query.text("instId")
    spots = [each for each in call.door.engine.listings.values() if is_spot(each.contract)]
    return Reply([index_row(call.door.day_of(e), e, call.now_ms) for e in spots if name in ("", e.contract.name)])


def index_row(day: list[Candle], listing: Listing, now_ms: int) -> Row:
    """An index, which is the spot market's own here."""
    row = ticker_row(day, listing, now_ms)
    names = ("instId", "high24h", "low24h", "open24h", "sodUtc0", "sodUtc8", "ts")
    return {name: row[name] for name in names} | {"idxPx": plain(listing.index)}


def funding_rate(call: Call) -> Reply:
    """GET public/funding-rate."""
    meant = _listings(call, only_held=True)
    if any(kind_of(each.contract) != SWAP for each in meant):
        raise wrong("instId")
    return Reply([funding_row(each, call.now_ms) for each in meant])


def funding_row(listing: Listing, now_ms: int) -> Row:
    """The rate of now, and when it is charged."""
    span_ms = listing.contract.funding_interval_s * 1000
    due = (now_ms // span_ms + 1) * span_ms
    last = listing.funded[-1] if listing.funded else None
    return {
        "instType": SWAP, "instId": listing.contract.name, "method": "current_period", "formulaType": "withRate",
        "fundingRate": plain(listing.funding_rate), "nextFundingRate": "", "fundingTime": str(due),
        "nextFundingTime": str(due + span_ms), "prevFundingTime": str(due - span_ms), "minFundingRate": "-0.003",
        "maxFundingRate": "0.003", "interestRate": "0.0001", "impactValue": "10000", "settState": "settled",
        "settFundingRate": plain(last[1]) if last else plain(listing.funding_rate), "premium": "0",
        "ts": str(now_ms),
    }  # fmt: skip


def funding_history(call: Call) -> Reply:
    """GET public/funding-rate-history."""
    listing = _listing(call)
    rows = [(at_s * 1000, rate) for at_s, rate in reversed(listing.funded)]
    return Reply(
        [
            {
                "instType": SWAP, "instId": listing.contract.name, "fundingRate": plain(rate),
                "realizedRate": plain(rate), "fundingTime": str(at_ms), "method": "current_period",
                "formulaType": "withRate",
            }
            for at_ms, rate in page(call.query, rows, lambda row: row[0])
        ]
    )  # fmt: skip


def open_interest(call: Call) -> Reply:
    """GET public/open-interest."""
    rows = []
    for each in _listings(call):
        held = sum((abs(p.size) for p in each.holders), Decimal(0))
        coins = held * each.contract.multiplier
        rows.append(
            {
                "instType": kind_of(each.contract), "instId": each.contract.name, "oi": plain(held),
                "oiCcy": plain(coins), "oiUsd": plain(coins * each.mark), "ts": str(call.now_ms),
            }
        )  # fmt: skip
    return Reply(rows)


def position_tiers(call: Call) -> Reply:
    """GET public/position-tiers."""
    said = call.query
    kind, family = (
        said.one_of("instType", ("MARGIN", SWAP, FUTURES, "OPTION")),
        said.text("instFamily") or said.text("uly"),
    )
    rows = []
    for each in call.door.engine.listings.values():
        if kind_of(each.contract) != kind or family not in ("", family_of(each.contract)):
            continue
        contract, least = each.contract, Decimal(0)
        for tier in contract.tiers:
            most = (tier.risk_limit / contract.value(Decimal(1), each.mark)).quantize(Decimal(1))
            rows.append(
                {
                    "baseMaxLoan": "", "imr": plain(round(1 / tier.leverage_max, 6)), "instFamily": family_of(contract),
                    "instId": "", "maxLever": plain(tier.leverage_max), "maxSz": plain(most), "minSz": plain(least),
                    "mmr": plain(tier.maintenance_rate), "optMgnFactor": "0", "quoteMaxLoan": "",
                    "tier": str(tier.number), "uly": family_of(contract),
                }
            )  # fmt: skip
            least = most
    return Reply(rows)


# ---- the market


def ticker(call: Call) -> Reply:
    """GET market/ticker."""
    listing = _listing(call)
    return Reply([ticker_row(call.door.day_of(listing), listing, call.now_ms)])


def tickers(call: Call) -> Reply:
    """GET market/tickers."""
    return Reply([ticker_row(call.door.day_of(each), each, call.now_ms) for each in _listings(call)])


def ticker_row(day: list[Candle], listing: Listing, now_ms: int) -> Row:
    """A ticker: volumes are in contracts and coins, of spot in coins and money."""
    contract, bids, asks = listing.contract, listing.book.bids, listing.book.asks
    size, worth = sum((c.size for c in day), Decimal(0)), sum((c.worth for c in day), Decimal(0))
    last_trade = listing.trades[-1] if listing.trades else None
    today = [candle for candle in day if candle.at_s >= now_ms // 1000 // DAY_S * DAY_S] or day[-1:]
    eastern = [c for c in day if c.at_s >= (now_ms // 1000 + HONG_KONG_S) // DAY_S * DAY_S - HONG_KONG_S] or day[-1:]
    return {
        "instType": kind_of(contract), "instId": contract.name, "last": plain(listing.last),
        "lastSz": plain(abs(last_trade.size)) if last_trade else "0",
        "askPx": plain(asks.best_price) if asks.prices else "",
        "askSz": plain(asks.totals[asks.best_price]) if asks.prices else "0",
        "bidPx": plain(bids.best_price) if bids.prices else "",
        "bidSz": plain(bids.totals[bids.best_price]) if bids.prices else "0", "open24h": plain(day[0].open),
        "high24h": plain(max(c.high for c in day)), "low24h": plain(min(c.low for c in day)),
        "volCcy24h": plain(worth) if is_spot(contract) else plain(size * contract.multiplier), "vol24h": plain(size),
        "sodUtc0": plain(today[0].open), "sodUtc8": plain(eastern[0].open), "ts": str(now_ms),
    }  # fmt: skip


def books(call: Call) -> Reply:
    """GET market/books."""
    depth = call.query.whole("sz", 1, BOOK_MAX)
    return Reply([book_row(_listing(call), depth, call.now_ms)])


def books_full(call: Call) -> Reply:
    """GET market/books-full."""
    row = book_row(_listing(call), call.query.whole("sz", 1, BOOK_FULL_MAX), call.now_ms)
    return Reply([row | {side: [[p, s, n] for p, s, _, n in row[side]] for side in ("asks", "bids")}])


def book_row(listing: Listing, depth: int, now_ms: int) -> Row:
    """A book to a depth."""
    book = listing.book
    return {
        "asks": levels(listing, depth, is_bid=False), "bids": levels(listing, depth, is_bid=True), "ts": str(now_ms),
        "seqId": book.version,
    }  # fmt: skip


def levels(listing: Listing, depth: int, *, is_bid: bool) -> list[list[str]]:
    """Price, size, a zero, and how many orders."""
    rows: list[list[str]] = []
    side = listing.book.bids if is_bid else listing.book.asks
    for price, size in side.walk():
        if len(rows) >= depth:
            break
        rows.append([plain(price), plain(size), "0", str(len(side.levels[price]))])
    return rows


def trades(call: Call) -> Reply:
    """GET market/trades."""
    listing, limit = _listing(call), call.query.whole("limit", 100, TRADES_MAX)
    return Reply([trade_row(each) for each in list(reversed(listing.trades))[:limit]])


def history_trades(call: Call) -> Reply:
    """GET market/history-trades, by the ids of trades."""
    listing, said = _listing(call), call.query
    if said.text("type") == "2":
        said = Said({name: value for name, value in said.said.items() if name not in ("after", "before")})
    return Reply([trade_row(each) for each in page(said, list(reversed(listing.trades)), lambda t: t.id)])


def trade_row(traded: Traded) -> Row:
    """A public trade."""
    return {
        "instId": traded.contract.name, "tradeId": str(traded.id), "px": plain(traded.price),
        "sz": plain(abs(traded.size)), "side": "buy" if traded.size > 0 else "sell", "ts": str(traded.time_ms),
        "source": "0", "seqId": traded.id,
    }  # fmt: skip


def candles(call: Call) -> Reply:
    """GET market/candles: newest first."""
    listing, said = _listing(call), call.query
    bar = BARS.get(said.text("bar") or "1m")
    if bar is None:
        raise wrong("bar")
    rows = [candle_row(listing, each, is_last=False) for each in reversed(bars(call.door.candles_of(listing), bar))]
    if rows:
        rows[0][-1] = "0"
    limited = said.whole("limit", CANDLES_USUAL, CANDLES_MAX)
    found = page(said, rows, lambda row: int(row[0]), CANDLES_MAX)
    return Reply(found[:limited])


def bars(known: Candles, bar: Bar) -> list[Candle]:
    """Candles of this length, oldest first."""
    if not bar.shift_s:
        return known.rows(bar.span_s, is_natural=bar.is_natural)
    shifted = [replace(each, at_s=each.at_s + bar.shift_s) for each in known.minutes]
    merged = merge(shifted, bar.span_s, is_natural=bar.is_natural)
    return [replace(each, at_s=each.at_s - bar.shift_s) for each in merged]


def candle_row(listing: Listing, candle: Candle, *, is_last: bool) -> list[str]:
    """Nine texts."""
    contract = listing.contract
    in_coins = candle.worth if is_spot(contract) else candle.size * contract.multiplier
    return [
        str(candle.at_s * 1000), plain(candle.open), plain(candle.high), plain(candle.low), plain(candle.close),
        plain(candle.size), plain(in_coins), plain(candle.worth), "0" if is_last else "1",
    ]  # fmt: skip
