"""OKX's market, in our words."""

from __future__ import annotations

from typing import Any

import pytest

from shared.desk.instrument import to_terms
from shared.errors import BadRequest, VenueRefused, VenueUnknown
from shared.exchanges.okx.wire import OkxVenue
from tests.venues.okx.frames import AT_MS, VENUE, frame, reply, said

SWAP = "BTC-USDT-SWAP"


def listed(name: str, venue: OkxVenue = VENUE) -> dict[str, dict[str, Any]]:
    _, read = venue.listings()[1]
    return {row["symbol"]: row for row in read(reply(frame(f"rest_instruments_{name}")))}


def test_a_contract_is_so_much_of_its_base() -> None:
    row = listed("swap")[SWAP]

    assert {name: row[name] for name in ("instrument", "type", "base", "quote", "settle", "status", "size_unit")} == {
        "instrument": "BTC/USDT:USDT", "type": "swap", "base": "BTC", "quote": "USDT", "settle": "USDT",
        "status": "trading", "size_unit": "contracts",
    }  # fmt: skip
    assert {name: row[name] for name in ("contract_size", "price_step", "size_step", "size_min", "leverage_max")} == {
        "contract_size": "0.01", "price_step": "0.1", "size_step": "0.01", "size_min": "0.01", "leverage_max": "100",
    }  # fmt: skip
    assert (row["size_max"], row["market_size_max"]) == ("100000000", "34000")


def test_a_contract_that_is_a_sum_of_money_is_none_of_its_base() -> None:
    row = listed("swap")["BTC-USD-SWAP"]

    assert (row["contract_size"], row["contract_value"], row["contract_value_asset"]) == (None, "100", "USD")
    assert (row["instrument"], row["settle"]) == ("BTC/USD:BTC", "BTC")


def test_what_is_not_listed_yet_is_halted() -> None:
    assert listed("swap")["NEW-USDT-SWAP"]["status"] == "halted"


def test_coins_are_their_own_contracts() -> None:
    row = listed("spot")["BTC-USDT"]

    assert (row["type"], row["contract_size"], row["size_unit"], row["settle"]) == ("spot", "1", "base", None)


def test_a_future_says_when_it_ends() -> None:
    row = listed("futures")["BTC-USDT-261225"]

    assert (row["type"], row["instrument"], row["expires_at_ms"]) == (
        "future", "BTC/USDT:USDT-261225", 1_798_185_600_000,
    )  # fmt: skip


def test_the_terms_of_an_order_are_read_from_these_rows() -> None:
    terms = to_terms(listed("swap").values())[SWAP]

    assert (str(terms.size_step), str(terms.price_step), str(terms.contract_size)) == ("0.01", "0.1", "0.01")


def test_there_is_a_list_for_each_kind_of_instrument() -> None:
    kinds = [dict(request.query)["instType"] for request, _ in VENUE.listings()]

    assert kinds == ["SPOT", "SWAP", "FUTURES"]


def test_the_numbers_of_instruments_are_learned_where_they_are_true() -> None:
    """Demo trading numbers them otherwise."""
    venue = OkxVenue()
    listed("swap", venue)

    assert venue.codes == {SWAP: 10459, "BTC-USD-SWAP": 10458}
    assert venue.at("testnet").codes == {}


def test_a_ticker_is_told_as_text() -> None:
    _, read = VENUE.ticker(SWAP)
    row = read(reply(frame("rest_ticker")))

    assert {name: row[name] for name in ("last", "bid", "ask", "bid_size", "ask_size", "at_ms")} == {
        "last": "97010.5", "bid": "97010.4", "ask": "97010.5", "bid_size": "5.5", "ask_size": "11",
        "at_ms": 1_786_000_001_000,
    }  # fmt: skip
    assert (row["symbol"], row["instrument"], row["change_24h_percent"]) == (SWAP, "BTC/USDT:USDT", "1.05")


def test_a_ticker_of_nothing_is_not_found() -> None:
    _, read = VENUE.ticker("X-Y")
    with pytest.raises(VenueRefused) as refused:
        read(reply({"code": "0", "msg": "", "data": []}))

    assert refused.value.status == 404


def test_a_book_is_told_as_text() -> None:
    request, read = VENUE.orderbook(SWAP, 9999)
    book = read(reply(frame("rest_books")))

    assert dict(request.query)["sz"] == "400"
    assert book["bids"] == [["97010.4", "5.5"], ["97010.3", "1"]] and book["asks"] == [["97010.5", "11"]]
    assert (book["sequence"], book["at_ms"]) == ("3235851742", 1_786_000_001_000)


def test_candles_are_told_oldest_first() -> None:
    request, read = VENUE.candles(SWAP, "1h", 9999)
    first, second = read(reply(frame("rest_candles")))

    assert dict(request.query) == {"instId": SWAP, "bar": "1H", "limit": "300"}
    assert (first["at_ms"], second["at_ms"]) == (1_785_999_960_000, 1_786_000_020_000)
    assert (first["open"], first["close"], first["volume"], first["quote_volume"]) == ("96990", "97000", "80", "77600")


@pytest.mark.parametrize(
    ("from_ms", "to_ms", "span"),
    [
        (3_600_000, None, {"after": "14400000", "before": "3599999"}),
        (None, 7_200_000, {"after": "7200001"}),
        (3_600_000, 7_200_000, {"after": "7200001", "before": "3599999"}),
        (3_600_000, 999_999_999, {"after": "14400000", "before": "3599999"}),
    ],
)
def test_candles_of_a_time_are_those_from_its_beginning(
    from_ms: int | None, to_ms: int | None, span: dict[str, str]
) -> None:
    """The venue gives the newest that fit, with both ends left out."""
    request, _ = VENUE.candles(SWAP, "1h", 3, from_ms, to_ms)

    assert request.path == "/api/v5/market/history-candles"
    assert dict(request.query) == {"instId": SWAP, "bar": "1H", "limit": "3"} | span


@pytest.mark.parametrize("interval", ["6h", "12h", "1d", "7d"])
def test_long_candles_begin_at_midnight_of_the_world(interval: str) -> None:
    assert dict(VENUE.candles(SWAP, interval, 1)[0].query)["bar"].endswith("utc")


def test_an_interval_that_the_venue_does_not_have_is_refused() -> None:
    with pytest.raises(BadRequest) as refused:
        VENUE.candles(SWAP, "10s", 1)

    assert refused.value.fields[0][0] == "interval"


def test_trades_are_told_newest_first() -> None:
    _, read = VENUE.trades(SWAP, 2)
    newest, oldest = read(reply(frame("rest_trades")))

    assert newest == {"id": "900000011", "side": "buy", "price": "97010.5", "size": "2", "at_ms": 1_786_000_002_000}
    assert oldest["side"] == "sell"


def test_the_venue_tells_its_time() -> None:
    assert VENUE.to_clock_ms(reply(frame("rest_time"))) == 1_786_000_000_123


READERS = [
    VENUE.ticker(SWAP)[1], VENUE.listings()[1][1], VENUE.orderbook(SWAP, 1)[1], VENUE.candles(SWAP, "1m", 1)[1],
    VENUE.trades(SWAP, 1)[1], VENUE.to_clock_ms,
]  # fmt: skip


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("body", [b"", b"<html>", b'{"data":[7]}', b'{"data":[["x"]]}', b'{"data":[{"ts":"x"}]}'])
def test_an_answer_that_cannot_be_read_says_nothing(read: Any, body: bytes) -> None:
    with pytest.raises(VenueUnknown):
        read(reply(body))


def test_a_public_request_is_public() -> None:
    for request in (
        VENUE.ticker(SWAP)[0], VENUE.listings()[1][0], VENUE.orderbook(SWAP, 1)[0], VENUE.candles(SWAP, "1m", 1)[0],
        VENUE.trades(SWAP, 1)[0], VENUE.clock(),
    ):  # fmt: skip
        assert not request.private and not request.writes
    assert said("rest_time")["data"][0]["ts"] and AT_MS
