"""What a venue tells everybody: terms, prices, book, candles and trades make sense and agree with each other."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

from shared.errors import BadRequest
from tests.venues.contract.bench import Bench
from tests.venues.contract.check import Differs, Need, check, expect, same

NEAR = Decimal("0.05")
"""How far prices of one moment may be apart, as a part of them: testnets have wild markets."""
MINUTE_MS = 60_000
CANDLES = 30
NUMBERS_OF_TERMS = ("price_step", "size_step", "size_min")
NUMBERS_IF_SAID = ("contract_size", "leverage_min", "leverage_max")


@check(Need.READ_ONLY)
async def the_clock_is_measured_and_stays(bench: Bench) -> None:
    """Requests are signed by the venue's time: two measurements in a row must agree within a second."""
    first = await bench.rest.measure_offset(bench.venue, bench.endpoints.rest_url)
    reply = await bench.call(bench.venue.clock())
    ahead_ms = bench.venue.to_clock_ms(reply) - reply.received_at_ms

    expect(abs(ahead_ms - first) < 1_000, f"the clock is {first} ms ahead, and then {ahead_ms} ms")


@check(Need.READ_ONLY)
async def every_instrument_has_terms_and_one_name_in_either_spelling(bench: Bench) -> None:
    """An order is checked by these terms before it is sent, so each must be a number that can be reckoned with."""
    rows = await bench.listed()
    symbols = [row["symbol"] for row in rows]
    expect(len(symbols) == len(set(symbols)), "an instrument is listed twice")
    for row in rows:
        same(f"the symbol of {row['instrument']}", bench.venue.symbol(row["instrument"]), row["symbol"])
        same(f"the instrument of {row['symbol']}", bench.venue.instrument(row["symbol"]), row["instrument"])
        if row["status"] == "trading":
            _check_terms(row)


def _check_terms(row: dict[str, Any]) -> None:
    said = [name for name in NUMBERS_IF_SAID if row[name] is not None]
    numbers = {name: _number(row, name) for name in (*NUMBERS_OF_TERMS, *said)}
    for name, number in numbers.items():
        expect(number > 0, f"{name} of {row['symbol']} is {row[name]}")
    least, step = numbers["size_min"], numbers["size_step"]
    expect(least % step == 0, f"the smallest size of {row['symbol']}, {least}, is no multiple of {step}")
    if {"leverage_min", "leverage_max"} <= numbers.keys():
        expect(numbers["leverage_min"] <= numbers["leverage_max"], f"the leverages of {row['symbol']} cross")
    if row.get("size_max") is not None:
        expect(_number(row, "size_max") >= least, f"the largest size of {row['symbol']} is below the smallest")


@check(Need.READ_ONLY)
async def the_ticker_agrees_with_the_book(bench: Bench) -> None:
    """Both sides are sorted from the best outwards, do not cross, and the ticker stands within them."""
    terms = await bench.terms()
    book = await bench.read(bench.venue.orderbook(bench.symbol, 10))
    expect(book["bids"] and book["asks"], f"the book of {bench.symbol} has an empty side")
    bids, asks = _prices(book["bids"]), _prices(book["asks"])
    expect(bids == sorted(bids, reverse=True) and len(set(bids)) == len(bids), "the bids are not sorted")
    expect(asks == sorted(asks) and len(set(asks)) == len(asks), "the asks are not sorted")
    expect(bids[0] < asks[0], f"the book crosses: {bids[0]} is bid and {asks[0]} asked")
    for name, price in (("bid", bids[0]), ("ask", asks[0])):
        expect(_near(_number(terms.ticker, name), price), f"{name} is {terms.ticker[name]}, and {price} in the book")
    expect(_near(terms.mark, terms.last), f"the mark price is {terms.mark}, the last {terms.last}")
    off = [price for price in (*bids, *asks) if price % terms.price_step]
    expect(not off, f"prices are no multiples of {terms.price_step}: {off[:3]}")
    expect(len(bids) <= 10 and len(asks) <= 10, "more levels came than were asked for")


@check(Need.READ_ONLY)
async def candles_are_whole_and_in_order(bench: Bench) -> None:
    """Oldest first, on the minute, each within its own high and low; the last one near the present price."""
    terms = await bench.terms()
    rows = await bench.read(bench.venue.candles(bench.symbol, "1m", CANDLES))
    expect(rows, "there are no candles")
    expect(len(rows) <= CANDLES, f"{len(rows)} candles came where {CANDLES} were asked for")
    _check_order([row["at_ms"] for row in rows])
    for row in rows:
        low, high = _number(row, "low"), _number(row, "high")
        expect(low <= _number(row, "open") <= high, f"a candle opens outside of itself: {row}")
        expect(low <= _number(row, "close") <= high, f"a candle closes outside of itself: {row}")
        same("a candle's time past the minute, in ms,", row["at_ms"] % MINUTE_MS, 0)
    expect(_near(_number(rows[-1], "close"), terms.last), f"the last candle closes at {rows[-1]['close']}")


@check(Need.READ_ONLY)
async def candles_of_a_time_are_of_that_time(bench: Bench) -> None:
    """A chart asks for what it lacks: neither a minute more nor another one."""
    latest = (await bench.read(bench.venue.candles(bench.symbol, "1m", CANDLES)))[-1]["at_ms"]
    from_ms, to_ms = latest - 10 * MINUTE_MS, latest - 5 * MINUTE_MS
    rows = await bench.read(bench.venue.candles(bench.symbol, "1m", CANDLES, from_ms, to_ms))
    times = [row["at_ms"] for row in rows]

    _check_order(times)
    outside = [at_ms for at_ms in times if not from_ms <= at_ms <= to_ms]
    expect(times and not outside, f"of {len(times)} candles {len(outside)} are outside of the time")


@check(Need.READ_ONLY)
async def an_interval_that_is_not_there_is_refused_before_it_is_asked(bench: Bench) -> None:
    """By the name of the field, so that a caller learns what it may be."""
    try:
        bench.venue.candles(bench.symbol, "7m", CANDLES)
    except BadRequest as refused:
        same("the field", [field for field, _ in refused.fields], ["interval"])
    else:
        raise Differs("candles of seven minutes are asked for")


@check(Need.READ_ONLY)
async def trades_are_told_newest_first(bench: Bench) -> None:
    """With a size, a side and an id each; the newest near the ticker."""
    terms = await bench.terms()

    async def look() -> list[dict[str, Any]] | None:
        return await bench.read(bench.venue.trades(bench.symbol, 20)) or None

    rows = await bench.until(look, "somebody trades")
    expect(len(rows) <= 20, f"{len(rows)} trades came where 20 were asked for")
    times = [row["at_ms"] for row in rows]
    expect(times == sorted(times, reverse=True), "trades are not told newest first")
    expect(len({row["id"] for row in rows}) == len(rows), "a trade is told twice")
    for row in rows:
        expect(row["side"] in ("buy", "sell") and _number(row, "size") > 0, f"a trade is odd: {row}")
    expect(_near(_number(rows[0], "price"), terms.last), f"the newest trade is at {rows[0]['price']}")


def _check_order(times: Sequence[int]) -> None:
    expect(all(one < other for one, other in pairwise(times)), "candles are not told oldest first")


def _prices(levels: Sequence[Sequence[str]]) -> list[Decimal]:
    for price, size in levels:
        expect(Decimal(size) > 0, f"nothing is there at {price}")
    return [Decimal(price) for price, _ in levels]


def _near(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) <= NEAR * max(one, other)


def _number(row: Any, name: str) -> Decimal:
    """Plain text, as everything that money is reckoned with."""
    said = row[name]
    expect(isinstance(said, str) and "E" not in said.upper(), f"{name} is {said!r}, which is no plain number")
    try:
        return Decimal(said)
    except InvalidOperation:
        raise Differs(f"{name} is {said!r}, which is no number") from None
