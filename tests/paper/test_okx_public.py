"""OKX's public data over REST and the public socket."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest

from shared.paper.exchange import Exchange
from shared.paper.facts import Traded
from shared.paper.gate.door import GateDoor
from shared.paper.okx.calls import Call
from shared.paper.okx.door import OkxDoor
from shared.paper.okx.instruments import next_delivery
from tests.paper.okx_client import SPOT, SWAP, OkxClient, OkxListener, hold_okx


def ask(door: OkxDoor, path: str, query: str = "") -> Any:
    """Rows of a public call, without a key."""
    reply = door.handle(Call(door, "GET", f"/api/v5/{path}", query, b"", {}, "127.0.0.1", door.exchange.now_ms()))
    body = json.loads(orjson.dumps(reply.to_body(0, 0)))
    assert body["code"] == "0", body
    return body["data"]


def code_of(door: OkxDoor, path: str, query: str = "") -> str:
    reply = door.handle(Call(door, "GET", f"/api/v5/{path}", query, b"", {}, "127.0.0.1", door.exchange.now_ms()))
    return str(reply.body["code"])


def test_instruments_have_the_recorded_terms(okx_door: OkxDoor) -> None:
    """Contracts count in hundredths of a bitcoin; the number is an integer."""
    swap = ask(okx_door, "public/instruments", f"instType=SWAP&instId={SWAP}")[0]
    spot = ask(okx_door, "public/instruments", "instType=SPOT")[0]

    assert [swap[k] for k in ("instIdCode", "ctVal", "lotSz", "minSz", "tickSz", "settleCcy", "instFamily")] == [
        10459, "0.01", "0.01", "0.01", "0.1", "USDT", "BTC-USDT",
    ]  # fmt: skip
    assert [spot[k] for k in ("instIdCode", "ctVal", "lotSz", "minSz", "baseCcy", "quoteCcy", "uly")] == [
        3, "", "0.00000001", "0.00001", "BTC", "USDT", "",
    ]  # fmt: skip
    assert swap["futureSettlement"] is False and swap["state"] == "live"
    future = ask(okx_door, "public/instruments", "instType=FUTURES")[0]
    assert future["expTime"] and future["instId"].startswith("BTC-USDT-")
    assert ask(okx_door, "public/instruments", "instType=OPTION&uly=BTC-USD") == []
    assert code_of(okx_door, "public/instruments") == "50014"
    assert code_of(okx_door, "public/instruments", "instType=SWAP&instId=NONE") == "51001"


@pytest.mark.parametrize(
    ("now", "expected"), [("2026-11-20", "261225"), ("2026-12-20", "270326"), ("2027-01-01", "270326")]
)
def test_the_dated_contract_ends_on_a_last_friday(now: str, expected: str) -> None:
    """Of the quarter, or of the next when that is near."""
    at_ms = int(datetime.fromisoformat(now).replace(tzinfo=UTC).timestamp() * 1000)

    assert f"{next_delivery(at_ms):%y%m%d}" == expected


def test_prices_are_told(okx_door: OkxDoor) -> None:
    """Last, mark, index, the band, and what funding will cost."""
    okx_door.market.pin(SWAP, "mark", Decimal(67400), okx_door.exchange.now_ms())
    assert ask(okx_door, "public/mark-price", f"instType=SWAP&instId={SWAP}")[0]["markPx"] == "67400"
    assert ask(okx_door, "market/ticker", f"instId={SWAP}")[0]["last"] == "67500"
    limit = ask(okx_door, "public/price-limit", f"instId={SWAP}")[0]
    assert (limit["buyLmt"], limit["sellLmt"], limit["enabled"]) == ("70770", "64030", True)
    rate = ask(okx_door, "public/funding-rate", f"instId={SWAP}")[0]
    assert rate["fundingRate"] == "0.0001" and int(rate["fundingTime"]) > okx_door.exchange.now_ms()

    assert code_of(okx_door, "public/funding-rate", f"instId={SPOT}") == "51000"
    assert {row["instId"] for row in ask(okx_door, "market/tickers", "instType=SPOT")} == {
        "BTC-USDT", "ETH-USDT", "SOL-USDT",
    }  # fmt: skip
    assert ask(okx_door, "market/index-tickers", "instId=BTC-USDT")[0]["idxPx"] == "67500"


def test_books_and_trades_are_text(okx_door: OkxDoor) -> None:
    """Price, size, a zero, the number of orders; one level unless more are asked for."""
    book = ask(okx_door, "market/books", f"instId={SWAP}")[0]
    assert len(book["asks"]) == len(book["bids"]) == 1 and isinstance(book["seqId"], int)
    book = ask(okx_door, "market/books", f"instId={SWAP}&sz=400")[0]
    assert book["asks"][0][0] == "67500.1" and book["asks"][0][2:] == ["0", "1"]
    assert [row[0] for row in book["bids"]] == sorted((row[0] for row in book["bids"]), key=float, reverse=True)
    OkxClient(okx_door).place("buy", 1)
    trade = ask(okx_door, "market/trades", f"instId={SWAP}&limit=1")[0]

    assert (trade["px"], trade["sz"], trade["side"]) == ("67500.1", "1", "buy")
    older = ask(okx_door, "market/history-trades", f"instId={SWAP}&after={trade['tradeId']}")
    assert older and all(int(row["tradeId"]) < int(trade["tradeId"]) for row in older)


@pytest.mark.parametrize(
    ("bar", "span_s", "phase_s"), [("1m", 60, 0), ("1H", 3600, 0), ("1D", 86400, 57600), ("1Dutc", 86400, 0)]
)
def test_candles_are_nine_texts_newest_first(okx_door: OkxDoor, bar: str, span_s: int, phase_s: int) -> None:
    """A day begins by the clock of Hong Kong unless it says UTC; the newest is not confirmed."""
    rows = ask(okx_door, "market/candles", f"instId={SWAP}&bar={bar}&limit=3")

    assert all(len(row) == 9 and all(isinstance(each, str) for each in row) for row in rows)
    assert [row[8] for row in rows] == ["0", "1", "1"][: len(rows)]
    assert all(int(row[0]) // 1000 % span_s == phase_s % span_s for row in rows)
    assert [int(row[0]) for row in rows] == sorted((int(row[0]) for row in rows), reverse=True)


def test_candles_are_paged_by_their_times(okx_door: OkxDoor) -> None:
    """Both ends excluded."""
    rows = ask(okx_door, "market/candles", f"instId={SWAP}&limit=5")

    assert ask(okx_door, "market/candles", f"instId={SWAP}&after={rows[1][0]}&limit=2")[0] == rows[2]
    assert ask(okx_door, "market/candles", f"instId={SWAP}&before={rows[2][0]}") == rows[:2]
    assert code_of(okx_door, "market/candles", f"instId={SWAP}&bar=7m") == "51000"


def test_volumes_are_in_contracts_and_coins(okx_door: OkxDoor) -> None:
    """Of spot in coins and money."""
    swap = ask(okx_door, "market/ticker", f"instId={SWAP}")[0]
    spot = ask(okx_door, "market/ticker", f"instId={SPOT}")[0]

    assert Decimal(swap["volCcy24h"]) == Decimal(swap["vol24h"]) * Decimal("0.01")
    assert Decimal(spot["volCcy24h"]) > Decimal(spot["vol24h"]) * 60_000


# ---- the public socket


def test_public_channels_tell_how_things_stand_at_once(okx: OkxClient) -> None:
    """And again with each step."""
    ears = OkxListener(okx, "public")
    heard = ears.subscribe("tickers", "mark-price", "price-limit", "funding-rate", "books5", "bbo-tbt", instId=SWAP)
    assert [each["arg"]["channel"] for each in heard if "data" in each] == [
        "tickers", "mark-price", "price-limit", "funding-rate", "books5", "bbo-tbt",
    ]  # fmt: skip
    depths = {each["arg"]["channel"]: len(each["data"][0].get("asks", ())) for each in heard if "data" in each}
    assert (depths["books5"], depths["bbo-tbt"]) == (5, 1)
    okx.door.tick(okx.door.exchange.now_ms())

    assert len(ears.rows("tickers")) == 1
    assert ears.subscribe("instruments", instType="SWAP")[1]["data"][0]["instId"] == SWAP


def test_a_book_is_built_from_differences(okx: OkxClient) -> None:
    """Each push names the one before it; size 0 takes a level away; the checksum is 0 for good."""
    ears = OkxListener(okx, "public")
    snapshot = ears.subscribe("books", instId=SWAP)[1]
    row = snapshot["data"][0]
    assert (snapshot["action"], row["prevSeqId"], row["checksum"]) == ("snapshot", -1, 0)
    book = {side: {px: sz for px, sz, _, _ in row[side]} for side in ("asks", "bids")}
    before = row["seqId"]
    for price in ("67510", "67000", "67505.5"):
        hold_okx(okx.door, price)
        okx.door.tick(okx.door.exchange.now_ms())
        for update in ears.rows("books"):
            assert update["prevSeqId"] == before < update["seqId"] and update["checksum"] == 0
            before = update["seqId"]
            for side in ("asks", "bids"):
                book[side] |= {px: sz for px, sz, _, _ in update[side]}
    now = okx.door.engine.listings[SWAP].book

    for side, levels in (("asks", now.asks), ("bids", now.bids)):
        assert {Decimal(px): Decimal(sz) for px, sz in book[side].items() if sz != "0"} == dict(levels.walk())


def test_trades_and_candles_are_pushed(okx: OkxClient) -> None:
    """Candles live at the business place."""
    public, business = OkxListener(okx, "public"), OkxListener(okx, "business", logs_in=False)
    public.subscribe("trades", instId=SWAP)
    heard = business.subscribe("candle1m", "trades-all", instId=SWAP)
    assert heard[0]["event"] == "subscribe" and len(heard[1]["data"][0]) == 9
    okx.place("buy", 1)
    pushed = public.rows("trades")[0]

    assert (pushed["px"], pushed["side"], pushed["count"]) == ("67500.1", "buy", "1")
    assert business.rows("trades-all")[0]["tradeId"] == pushed["tradeId"]


def test_nothing_is_computed_for_a_channel_that_nobody_follows(okx: OkxClient) -> None:
    """Pushes cost those who want them."""
    ears = OkxListener(okx, "public")
    ears.subscribe("trades", "books", instId=SWAP)
    okx.door.stream.disconnect(ears.socket)

    assert not okx.door.stream.public._followers


# ---- beside the other doors


def test_prices_go_together_at_all_doors() -> None:
    """The house follows its first market of each coin; a move at one is a move at all."""
    exchange = Exchange()
    gate, okx = GateDoor(exchange), OkxDoor(exchange)
    for _ in range(50):
        for door in (gate, okx):
            door.market.step(exchange.now_ms())
    listings = [*gate.engine.listings.values(), *okx.engine.listings.values()]
    for coin in ("BTC", "ETH", "SOL"):
        prices = [each.last for each in listings if each.contract.base == coin]
        assert len(prices) >= 3 and max(prices) - min(prices) <= Decimal("0.1")
    assert {d.venue for d, e in exchange.listings_of("BTCUSDT") if e.contract.base == "BTC"} == {"gate", "okx"}


def test_what_is_traded_at_one_door_is_not_seen_at_another() -> None:
    """They are different markets with different books."""
    exchange = Exchange()
    gate, okx = GateDoor(exchange), OkxDoor(exchange)
    heard: list[Traded] = []
    gate.engine.listen(lambda fact: heard.append(fact) if isinstance(fact, Traded) else None)
    client = OkxClient(okx)
    client.place("buy", 1)

    assert not heard and not client.member.wallets["gate"].orders and client.account.orders
