"""The market in our words: exact, with both names, in the order that was promised."""

from __future__ import annotations

import json

import pytest

from shared.errors import VenueRefused, VenueUnknown
from tests.venues.gate.frames import VENUE, frame, reply

BTC = "BTC_USDT"
HOUR_MS = 3_600_000
FROM_MS = 1_786_000_000_000


def test_a_ticker_and_a_book_are_exact_and_have_both_names() -> None:
    ticker = VENUE.ticker(BTC)[1](reply(frame("rest_tickers")))
    book = VENUE.orderbook(BTC, 20)[1](reply(frame("rest_order_book")))

    assert (ticker["last"], ticker["bid"], ticker["ask"]) == ("97005.1", "97005.1", "97005.2")
    assert (ticker["symbol"], ticker["instrument"]) == (BTC, "BTC/USDT:USDT")
    assert (book["asks"], book["bids"]) == ([["97005.2", "12"], ["97006", "3.5"]], [["97005.1", "40"]])
    assert (book["sequence"], book["at_ms"]) == ("123456", 1_786_000_000_120)


def test_a_ticker_of_nothing_is_no_ticker() -> None:
    with pytest.raises(VenueRefused) as refused:
        VENUE.ticker("NOPE_USDT")[1](reply(b"[]"))

    assert (refused.value.status, refused.value.venue_code) == (404, "CONTRACT_NOT_FOUND")


def test_an_instrument_says_all_that_an_order_is_checked_against() -> None:
    """The first has sizes in whole contracts and no limit of its own for market orders, the second has both."""
    bitcoin, ether = VENUE.listings()[0][1](reply(frame("rest_contracts")))

    assert bitcoin == {
        "venue": "gate",
        "symbol": "BTC_USDT",
        "instrument": "BTC/USDT:USDT",
        "type": "swap",
        "base": "BTC",
        "quote": "USDT",
        "settle": "USDT",
        "status": "trading",
        "contract_size": "0.0001",
        "price_step": "0.1",
        "price_band": "0.2",
        "size_step": "1",
        "size_min": "1",
        "size_max": "1000000",
        "market_size_max": "1000000",
        "orders_max": 100,
        "leverage_min": "1",
        "leverage_max": "125",
        "maintenance_rate": "0.004",
        "mark_price": "97004.99",
        "maker_fee": "-0.0001",
        "taker_fee": "0.0005",
        "funding_rate": "0.0001",
        "funding_interval_s": 28800,
        "funding_next_ms": 1_786_003_200_000,
    }
    assert (ether["size_step"], ether["size_min"], ether["market_size_max"]) == ("0.1", "0.1", "100000")
    assert (ether["funding_rate"], ether["funding_interval_s"]) == ("-0.00002", 14400)


def test_an_instrument_of_which_the_venue_says_little_has_the_same_keys() -> None:
    full, short = (
        VENUE.listings()[0][1](reply(rows))[0]
        for rows in (json.loads(frame("rest_contracts")), [{"name": "X_USDT", "quanto_multiplier": "1"}])
    )

    assert list(short) == list(full)
    assert (short["price_band"], short["market_size_max"], short["funding_next_ms"]) == (None, None, None)


# Candles.


def test_candles_are_exact_and_the_oldest_stands_first() -> None:
    """In whatever order they come, with volumes as numbers or as text."""
    first, second = VENUE.candles(BTC, "1m", 2)[1](reply(frame("rest_candles")))

    assert first == {
        "at_ms": 1_786_000_000_000,
        "open": "97002",
        "high": "97006",
        "low": "97001",
        "close": "97005",
        "volume": "12.5",
        "quote_volume": "1.2126",
    }
    assert (second["at_ms"], second["volume"], second["close"]) == (1_786_000_060_000, "97151", "97010.1")


def test_candles_of_a_mark_price_have_no_volume() -> None:
    (candle,) = VENUE.candles("mark_BTC_USDT", "1m", 1)[1](reply([{"t": 1, "o": "1", "h": "3", "l": "1", "c": "2"}]))

    assert (candle["high"], candle["volume"], candle["quote_volume"]) == ("3", None, None)


@pytest.mark.parametrize(
    ("limit", "from_ms", "to_ms", "asked"),
    [
        (200, None, None, {"limit": "200"}),
        (9_999, None, None, {"limit": "2000"}),
        (0, None, None, {"limit": "1"}),
        (3, FROM_MS, None, {"from": "1786000000", "to": "1786007200"}),
        (3, FROM_MS + 1, None, {"from": "1786000001", "to": "1786007201"}),
        (3, None, FROM_MS + 2 * HOUR_MS, {"from": "1786000000", "to": "1786007200"}),
        (9, FROM_MS, FROM_MS + HOUR_MS, {"from": "1786000000", "to": "1786003600"}),
        (2, FROM_MS, FROM_MS + 9 * HOUR_MS, {"from": "1786000000", "to": "1786003600"}),
        (2, None, 5, {"from": "0", "to": "0"}),
    ],
)
def test_candles_are_asked_by_their_number_or_by_their_times(
    limit: int, from_ms: int | None, to_ms: int | None, asked: dict[str, str]
) -> None:
    """Never by both, and never for more than the limit: the venue refuses either."""
    query = dict(VENUE.candles(BTC, "1h", limit, from_ms, to_ms)[0].query)

    assert {name: query[name] for name in query if name not in ("contract", "interval")} == asked
    assert (query["contract"], query["interval"]) == (BTC, "1h")


# Trades.


def test_trades_are_exact_and_the_newest_stands_first() -> None:
    """The sign of a size is the side of the one who took."""
    newest, oldest = VENUE.trades(BTC, 50)[1](reply(frame("rest_trades")))

    assert newest == {"id": "456002", "side": "buy", "price": "97005.2", "size": "3", "at_ms": 1_786_000_001_500}
    assert oldest == {"id": "456001", "side": "sell", "price": "97005.1", "size": "12.5", "at_ms": 1_786_000_000_123}


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"label":"x"}', b'[{"a":1}]'])
def test_market_data_that_cannot_be_read_says_so(body: bytes) -> None:
    for _request, read in (VENUE.listings()[0], VENUE.candles(BTC, "1m", 1), VENUE.trades(BTC, 1)):
        with pytest.raises(VenueUnknown):
            read(reply(body))
    with pytest.raises(VenueUnknown):
        VENUE.orderbook(BTC, 5)[1](reply(body))


def test_how_much_is_asked_for_stays_within_what_the_venue_gives() -> None:
    assert dict(VENUE.orderbook(BTC, 1000)[0].query)["limit"] == "50"
    assert dict(VENUE.trades(BTC, 10_000)[0].query)["limit"] == "1000"
    assert all(not request.private for request, _ in (VENUE.listings()[0], VENUE.trades(BTC, 1)))
