"""Candles and trades, for everybody, with both names of the symbol."""

from __future__ import annotations

import pytest

from tests.api.running import Api, StubVenue, refuse


async def test_candles_are_public_oldest_first_and_carry_both_names(api: Api) -> None:
    for name in ("BTC_USDT", "BTC/USDT", "BTC%2FUSDT%3AUSDT"):
        told = await api.ask("GET", f"/api/market/klines/{name}?interval=1m&limit=5&venue=gate", headers={})
        assert told.status == 200, told.body
        assert (told.json["symbol"], told.json["instrument"]) == ("BTC_USDT", "BTC/USDT:USDT")
        times = [row["at_ms"] for row in told.json["klines"]]
        assert times == sorted(times) and 1 <= len(times) <= 5
        row = told.json["klines"][-1]
        assert all(isinstance(row[field], str) for field in ("open", "high", "low", "close", "volume"))


async def test_trades_are_public_and_newest_first(api: Api) -> None:
    told = await api.ask("GET", "/api/market/trades/BTC/USDT?limit=3", headers={})
    assert told.status == 200, told.body
    assert (told.json["symbol"], told.json["instrument"]) == ("BTC_USDT", "BTC/USDT:USDT")
    times = [row["at_ms"] for row in told.json["trades"]]
    assert times == sorted(times, reverse=True) and len(times) <= 3
    assert all(row["side"] in ("buy", "sell") for row in told.json["trades"])


async def test_times_may_be_said_in_seconds_or_milliseconds(stub_api: Api, venue: StubVenue) -> None:
    venue.answers["GET", "futures/usdt/candlesticks"] = refuse([])
    for span in ("from=1700000000&to=1700000600", "from=1700000000000&to=1700000600000"):
        told = await stub_api.ask("GET", f"/api/market/klines/BTC_USDT?interval=1m&{span}", headers={})
        assert told.status == 200 and told.json["klines"] == [], told.body
    assert venue.count("GET", "futures/usdt/candlesticks") == 1  # it is the same question


@pytest.mark.parametrize(
    ("path", "field", "hint"),
    [
        ("klines/BTC_USDT?interval=7m", "interval", "1m"),
        ("klines/BTC_USDT?limit=0", "limit", ""),
        ("klines/BTC_USDT?limit=1001", "limit", ""),
        ("klines/BTC_USDT?from=x", "from", ""),
        ("klines/BTC_USDT?from=2&to=1", "from", "after"),
        ("klines/BTC_USDT?from_ms=2", "from_ms", ""),
        ("klines/..%2F..", "symbol", ""),
        ("trades/BTC_USDT?limit=101", "limit", ""),
        ("trades/BTC_USDT?interval=1m", "interval", ""),
        ("trades/BTC_USDT?venue=nasdaq", "venue", "gate"),
    ],
)
async def test_what_is_wrong_is_named(stub_api: Api, venue: StubVenue, path: str, field: str, hint: str) -> None:
    """An unknown interval says which there are."""
    told = await stub_api.ask("GET", f"/api/market/{path}", headers={})
    assert told.status in (400, 422) and set(told.fields) == {field} and hint in told.fields[field], told.body
    assert venue.asked == []
