"""ccxt, unmodified, against the paper exchange: what it sees of Gate must be what the engine's own books say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from typing import Any

import ccxt.async_support
import ccxt.pro
import pytest

from tests.paper.process import PaperAccount, PaperProcess, wait_until

SYMBOL = "BTC/USDT:USDT"
WITHIN_S = 10
WATCHED = {"futures.orders", "futures.usertrades", "futures.positions"}


@pytest.fixture(scope="module")
def paper() -> Iterator[PaperProcess]:
    with PaperProcess.running() as process:
        yield process


@pytest.fixture
def account(paper: PaperProcess) -> PaperAccount:
    paper.clear_faults()
    paper.price("BTC_USDT", 67500, hold=True)
    return paper.account()


def a_client(kind: Any, paper: PaperProcess, account: PaperAccount, **said: Any) -> Any:
    """A ccxt client that differs from the usual one in its addresses only."""
    options = {"apiKey": account.api_key, "secret": account.api_secret, "uid": account.uid}
    client = kind(options | {"options": {"defaultType": "swap"}} | said)
    for side in ("public", "private"):
        for name in client.urls["api"][side]:
            client.urls["api"][side][name] = paper.rest_url
    if "swap" in client.urls["api"]:
        client.urls["api"]["swap"] = {"usdt": paper.ws_url}
    return client


@pytest.fixture
async def gate(paper: PaperProcess, account: PaperAccount) -> AsyncIterator[Any]:
    client = a_client(ccxt.async_support.gate, paper, account)
    yield client
    await client.close()


@pytest.fixture
async def pro(paper: PaperProcess, account: PaperAccount) -> AsyncIterator[Any]:
    client = a_client(ccxt.pro.gate, paper, account)
    yield client
    await client.close()


def channels_of(paper: PaperProcess, account: PaperAccount) -> set[str]:
    sockets = paper.books(account.uid)["sockets"]["gate"]
    return {channel for each in sockets for channel in each["channels"]}


async def soon(wish: Any) -> Any:
    return await asyncio.wait_for(wish, WITHIN_S)


async def test_markets_prices_and_balance_are_read(gate: Any, account: PaperAccount) -> None:
    """The first three calls of every bot."""
    markets = await gate.load_markets()
    assert markets[SYMBOL]["contractSize"] == 0.0001 and markets[SYMBOL]["precision"]["price"] == 0.1
    assert markets["ETH/USDT:USDT"]["limits"]["amount"]["min"] == 0.1
    ticker, book = await gate.fetch_ticker(SYMBOL), await gate.fetch_order_book(SYMBOL)
    assert ticker["last"] == 67500 and book["bids"][0][0] < 67500 < book["asks"][0][0]
    assert len(await gate.fetch_ohlcv(SYMBOL, "1h", limit=5)) == 5 and await gate.fetch_trades(SYMBOL)

    assert (await gate.fetch_balance())["USDT"] == {"free": 10000.0, "used": 0.0, "total": 10000.0}


async def test_an_order_is_placed_listed_fetched_and_cancelled(
    gate: Any, paper: PaperProcess, account: PaperAccount
) -> None:
    """The life of a limit order that nobody trades with."""
    placed = await gate.create_order(SYMBOL, "limit", "buy", 3, 66000, {"text": "t-ccxt-1"})
    assert (placed["status"], placed["clientOrderId"]) == ("open", "t-ccxt-1")
    assert [order["id"] for order in await gate.fetch_open_orders(SYMBOL)] == [placed["id"]]
    assert (await gate.fetch_order(placed["id"], SYMBOL))["remaining"] == 3
    assert (await gate.cancel_order(placed["id"], SYMBOL))["status"] == "canceled"
    assert await gate.fetch_open_orders(SYMBOL) == []
    told = paper.books(account.uid)["orders"]

    assert [(each["id"], each["text"], each["finish_as"]) for each in told] == [(placed["id"], "t-ccxt-1", "cancelled")]


async def test_a_partial_fill_a_fill_and_a_close_equal_the_books(
    gate: Any, paper: PaperProcess, account: PaperAccount
) -> None:
    """Every number that ccxt derives from orders, fills and positions is one that the engine holds."""
    await gate.set_leverage(20, SYMBOL, {"marginMode": "cross"})
    order = await gate.create_order(SYMBOL, "limit", "buy", 6000, 67500.1)
    assert order["status"] == "open" and 0 < order["filled"] < 6000
    paper.price("BTC_USDT", 67499, hold=True)
    order = await gate.fetch_order(order["id"], SYMBOL)
    assert (order["status"], order["filled"]) == ("closed", 6000)
    books = paper.books(account.uid)
    fills, trades = books["orders"][0]["fills"], await gate.fetch_my_trades(SYMBOL)
    assert sorted(trade["amount"] for trade in trades) == sorted(float(fill["size"]) for fill in fills)
    assert {trade["takerOrMaker"] for trade in trades} == {"maker", "taker"}
    assert sum(trade["fee"]["cost"] for trade in trades) == pytest.approx(float(books["orders"][0]["fee"]))
    held = (await gate.fetch_positions([SYMBOL]))[0]
    assert (held["contracts"], held["side"], held["marginMode"]) == (6000, "long", "cross")
    assert held["entryPrice"] == float(books["positions"][0]["entry_price"])
    closed = await gate.create_order(SYMBOL, "market", "sell", 6000, None, {"reduceOnly": True})
    assert closed["status"] == "closed"
    books = paper.books(account.uid)

    assert Decimal(books["positions"][0]["size"]) == 0
    assert (await gate.fetch_balance())["USDT"]["total"] == pytest.approx(float(books["balances"][0]["total"]))


async def test_a_stop_is_set_and_fires(gate: Any, paper: PaperProcess, account: PaperAccount) -> None:
    """A stop-loss closes the position when the price comes, and the list of stops says so."""
    await gate.create_order(SYMBOL, "market", "buy", 10)
    stop = await gate.create_order(SYMBOL, "market", "sell", 10, None, {"stopLossPrice": 66500, "reduceOnly": True})
    assert [each["id"] for each in await gate.fetch_open_orders(SYMBOL, params={"trigger": True})] == [stop["id"]]
    paper.price("BTC_USDT", 66400, hold=True)
    books = paper.books(account.uid)

    assert [(each["id"], each["finish_as"]) for each in books["triggers"]] == [(stop["id"], "succeeded")]
    assert await gate.fetch_positions([SYMBOL], {"holding": True}) == []
    assert books["triggers"][0]["order_id"] == books["orders"][-1]["id"]


async def test_pro_watches_orders_trades_and_positions(pro: Any, paper: PaperProcess, account: PaperAccount) -> None:
    """The pushes arrive, parse, and name the order that REST named."""
    await pro.load_markets()
    await soon(pro.watch_positions([SYMBOL]))  # the first answer is a snapshot that it reads itself
    watches = [pro.watch_orders(SYMBOL), pro.watch_my_trades(SYMBOL), pro.watch_positions([SYMBOL])]
    tasks = [asyncio.ensure_future(watch) for watch in watches]
    await asyncio.to_thread(wait_until, lambda: channels_of(paper, account) >= WATCHED, WITHIN_S)
    placed = await pro.create_order(SYMBOL, "market", "buy", 5)
    orders, trades, positions = [await soon(task) for task in tasks]
    books = paper.books(account.uid)

    assert [(order["id"], order["status"], order["filled"]) for order in orders] == [(placed["id"], "closed", 5)]
    assert [(trade["order"], trade["amount"]) for trade in trades] == [(placed["id"], 5)]
    assert trades[0]["fee"]["cost"] == pytest.approx(float(books["orders"][0]["fee"]))
    assert [(held["contracts"], held["side"]) for held in positions] == [(5, "long")]


async def test_pro_watches_the_public_market(pro: Any) -> None:
    """Tickers, trades and a book that is built from differences."""
    ticker, trades = await soon(pro.watch_ticker(SYMBOL)), pro.watch_trades(SYMBOL)
    assert ticker["symbol"] == SYMBOL
    book = await soon(pro.watch_order_book(SYMBOL))
    assert book["bids"][0][0] < book["asks"][0][0]

    assert (await soon(trades))[-1]["price"] == 67500


async def test_pro_places_and_cancels_over_the_socket(pro: Any, paper: PaperProcess, account: PaperAccount) -> None:
    """The trading API is the same engine by another way in."""
    placed = await soon(pro.create_order_ws(SYMBOL, "limit", "sell", 3, 69000))
    assert (await soon(pro.cancel_order_ws(placed["id"], SYMBOL)))["status"] == "canceled"

    assert [each["finish_as"] for each in paper.books(account.uid)["orders"]] == ["cancelled"]


async def test_a_wrong_secret_is_refused_everywhere(paper: PaperProcess, account: PaperAccount) -> None:
    """On every private call, on the subscription, and without a trace in the books."""
    client = a_client(ccxt.pro.gate, paper, account, secret="not-the-secret")
    wishes: tuple[Callable[[], Any], ...] = (
        lambda: client.fetch_balance(),
        lambda: client.create_order(SYMBOL, "limit", "buy", 3, 66000),
        lambda: client.fetch_open_orders(SYMBOL),
        lambda: client.cancel_order("1", SYMBOL),
        lambda: client.fetch_positions(),
        lambda: client.fetch_my_trades(SYMBOL),
        lambda: client.set_leverage(5, SYMBOL),
        lambda: soon(client.watch_orders(SYMBOL)),
    )
    try:
        for wish in wishes:
            with pytest.raises(ccxt.AuthenticationError):
                await wish()
    finally:
        await client.close()
    assert paper.books(account.uid)["orders"] == []
