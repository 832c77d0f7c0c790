"""ccxt, unmodified, against the paper exchange: what it reads and is pushed of OKX must be what the books say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import ccxt.pro
import pytest

from tests.paper.process import PaperAccount, PaperProcess
from tests.venues.okx.views import ALGO_KINDS, ccxt_truth, ccxt_view, truth
from tests.venues.okx.witnesses import COIN, SWAP, SYMBOL, Sdk, a_ccxt, channels_of, eventually, soon

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # how the SDK speaks to httpx

STATES = ("effective", "canceled", "order_failed")
CLOSE = {"reduceOnly": True}
GUARDED = {"stopLoss": {"triggerPrice": 66000}, "takeProfit": {"triggerPrice": 70000}}


async def test_markets_prices_and_balances_are_read(okx: Any) -> None:
    """The first calls of every bot."""
    markets = await okx.load_markets()
    assert markets[SYMBOL]["contractSize"] == 0.01 and markets[SYMBOL]["precision"]["price"] == 0.1
    assert markets[COIN]["limits"]["amount"]["min"] == 0.00001
    assert markets["ETH/USDT:USDT"]["contractSize"] == 0.1
    ticker, book = await okx.fetch_ticker(SYMBOL), await okx.fetch_order_book(SYMBOL)
    assert ticker["last"] == 67500 and book["bids"][0][0] < 67500 < book["asks"][0][0]
    assert len(await okx.fetch_ohlcv(SYMBOL, "1h", limit=5)) == 5 and await okx.fetch_trades(SYMBOL)
    assert (await okx.fetch_funding_rate(SYMBOL))["fundingRate"] == 0.0001

    balance = await okx.fetch_balance()
    assert balance["USDT"] == {"free": 100000.0, "used": 0.0, "total": 100000.0} and balance["BTC"]["total"] == 1


async def live(okx: Any, other: Sdk, paper: PaperProcess) -> None:
    """Orders and algos of every kind that ccxt has a word for."""
    await okx.set_leverage(20, SYMBOL, {"mgnMode": "cross"})
    resting = await okx.create_order(SYMBOL, "limit", "buy", 8, 67500, {"clientOrderId": "rest1"})
    await asyncio.to_thread(other.place, "sell", 5, "67500")
    assert (await okx.fetch_order(resting["id"], SYMBOL))["filled"] == 5
    await asyncio.to_thread(other.place, "sell", 3, "67500")
    amended = await okx.create_order(SYMBOL, "limit", "buy", 3, 66000)
    await okx.edit_order(amended["id"], SYMBOL, "limit", "buy", 4, 66001)
    assert (await okx.fetch_order(amended["id"], SYMBOL))["amount"] == 4
    await okx.cancel_order(amended["id"], SYMBOL)
    with pytest.raises(ccxt.OrderNotFound):
        await okx.cancel_order(amended["id"], SYMBOL)
    with pytest.raises(ccxt.InsufficientFunds):
        await okx.create_order(SYMBOL, "limit", "buy", 100000, 66000)
    for words in ({"timeInForce": "IOC"}, {"timeInForce": "FOK"}):
        await okx.create_order(SYMBOL, "limit", "buy", 2, 67000, words)
    await okx.create_order(SYMBOL, "limit", "buy", 2, 67600, {"postOnly": True})
    orders = [{"symbol": SYMBOL, "type": "limit", "side": "buy", "amount": 1, "price": p} for p in (66100, 66200)]
    placed = await okx.create_orders(orders)
    await okx.cancel_orders([placed[0]["id"]], SYMBOL)
    await okx.create_market_buy_order_with_cost(COIN, 1000)
    await okx.create_order(COIN, "market", "sell", 0.01)
    await okx.create_order(COIN, "limit", "sell", 0.1, 70000)
    stop = await okx.create_order(SYMBOL, "market", "sell", 3, None, CLOSE | {"stopLossPrice": 66500})
    gone = await okx.create_order(
        SYMBOL, "market", "sell", 3, None, CLOSE | {"stopLossPrice": 60000, "takeProfitPrice": 75000}
    )
    await okx.cancel_order(gone["id"], SYMBOL, {"trigger": True})
    await okx.create_order(SYMBOL, "market", "sell", 1, None, CLOSE | {"trailingPercent": "5"})
    await okx.create_order(SYMBOL, "limit", "sell", 1, 69500, CLOSE | {"triggerPrice": 69500})
    with pytest.raises(ccxt.BaseError, match="51280"):
        await okx.create_order(SYMBOL, "market", "sell", 3, None, CLOSE | {"stopLossPrice": 69000})
    await okx.create_order(SYMBOL, "market", "buy", 2, None, GUARDED)
    for price in (66450, 69600, 65900):
        await asyncio.to_thread(paper.price, SWAP, price, hold=True)
    assert (await okx.fetch_order(stop["id"], SYMBOL, {"trigger": True}))["status"] == "closed"
    await okx.create_order(SYMBOL, "market", "sell", 1, None, CLOSE | {"stopLossPrice": 60000})


async def read(okx: Any) -> Any:
    """All that ccxt can list of its account."""
    orders, algos, trades = [], [], []
    for symbol in (SYMBOL, COIN):
        orders += await okx.fetch_open_orders(symbol)
        orders += await okx.fetch_closed_orders(symbol) + await okx.fetch_canceled_orders(symbol)
        trades += await okx.fetch_my_trades(symbol)
    for kind in ALGO_KINDS:
        algos += await okx.fetch_open_orders(SYMBOL, params={"trigger": True, "ordType": kind})
        for state in STATES:
            algos += await okx.fetch_canceled_orders(SYMBOL, params={"trigger": True, "ordType": kind, "state": state})
    return ccxt_view(orders, trades, await okx.fetch_positions([SYMBOL]), algos, await okx.fetch_balance())


async def test_a_whole_life_equals_the_books(okx: Any, other: Sdk, paper: PaperProcess, account: PaperAccount) -> None:
    """Every number that ccxt derives from orders, fills, positions and balances is one that the engine holds."""
    await live(okx, other, paper)
    seen, books = await read(okx), ccxt_truth(paper, account)

    assert seen["cash"].pop("USDT") == pytest.approx(books["cash"].pop("USDT"), abs=100)  # an equity, not a ledger
    assert seen == books
    assert {each[-1] for each in books["orders"].values()} == {"open", "closed", "canceled"}
    assert set(books["algos"].values()) == {"open", "closed", "canceled"} and books["positions"]


async def test_a_hedged_account_is_traded_with_sides(okx: Any, paper: PaperProcess, account: PaperAccount) -> None:
    """ccxt says which side it means."""
    await okx.set_position_mode(True)
    assert (await okx.fetch_position_mode())["hedged"] is True
    await okx.create_order(SYMBOL, "market", "buy", 3, None, {"positionSide": "long"})
    await okx.create_order(SYMBOL, "market", "sell", 2, None, {"hedged": True})
    await okx.create_order(SYMBOL, "market", "sell", 1, None, {"hedged": True, "reduceOnly": True})
    held = {each["side"]: each["contracts"] for each in await okx.fetch_positions([SYMBOL])}
    assert held == {"long": 2, "short": 2}
    await okx.close_position(SYMBOL, "long")
    seen, books = await read(okx), ccxt_truth(paper, account)

    assert seen["positions"] == books["positions"] and set(books["positions"]) == {(SYMBOL, "cross:short")}
    assert seen["orders"] == books["orders"] and seen["fills"] == books["fills"]


async def test_money_moves_to_the_funding_account_and_back(okx: Any) -> None:
    """Both sides are read."""
    await okx.transfer("USDT", 100, "trading", "funding")
    assert (await okx.fetch_balance({"type": "funding"}))["USDT"]["total"] == 100

    await okx.transfer("USDT", 40, "funding", "trading")
    assert (await okx.fetch_balance())["USDT"]["total"] == 99940


async def test_pro_is_pushed_the_same_life(pro: Any, other: Sdk, paper: PaperProcess, account: PaperAccount) -> None:
    """Orders, trades, positions and algos, each as the books have them."""
    await pro.load_markets()
    watching = [
        asyncio.ensure_future(_forever(pro.watch_orders)),
        asyncio.ensure_future(_forever(lambda: pro.watch_my_trades(SYMBOL))),
        asyncio.ensure_future(_forever(pro.watch_positions)),
        asyncio.ensure_future(_forever(lambda: pro.watch_orders(SYMBOL, None, None, {"trigger": True}))),
        asyncio.ensure_future(_forever(pro.watch_balance)),
    ]
    wanted = {"orders", "positions", "account", "orders-algo"}
    try:
        await eventually(lambda: channels_of(paper, account) >= wanted)
        await live(pro, other, paper)
        books = ccxt_truth(paper, account)
        await eventually(lambda: _pushed(pro) == books["orders"])
        held = {
            (each["symbol"], f"{each['marginMode']}:{each['info']['posSide']}"): (each["contracts"], each["entryPrice"])
            for each in pro.positions
            if each["contracts"]
        }
        assert held == books["positions"]
        followed = [key for key, (_, kind, _, _) in truth(paper, account)["algos"].items() if kind != "move_order_stop"]
        expected = {key: books["algos"][key] for key in followed}  # it has no word for the channel of the others
        await eventually(lambda: {each["id"]: each["status"] for each in pro.triggerOrders} == expected)
        assert pro.balance["BTC"]["total"] == pytest.approx(books["cash"]["BTC"])
    finally:
        for each in watching:
            each.cancel()
        await asyncio.gather(*watching, return_exceptions=True)


async def _forever(watch: Callable[[], Any]) -> None:
    while True:
        await watch()


def _pushed(pro: Any) -> Any:
    return ccxt_view(pro.orders or [], [], [], [], {"total": {}})["orders"]


async def test_pro_places_and_cancels_over_the_socket(pro: Any, paper: PaperProcess, account: PaperAccount) -> None:
    """By the instrument's number, one by one and in batches."""
    placed = await soon(pro.create_order_ws(SYMBOL, "limit", "buy", 3, 66000))
    edited = await soon(pro.edit_order_ws(placed["id"], SYMBOL, "limit", "buy", 4, 66001))
    assert edited["id"] == placed["id"]
    await soon(pro.cancel_order_ws(placed["id"], SYMBOL))
    second = await soon(pro.create_order_ws(SYMBOL, "limit", "buy", 1, 66000))
    await soon(pro.cancel_orders_ws([second["id"]], SYMBOL))
    with pytest.raises(ccxt.InsufficientFunds):
        await soon(pro.create_order_ws(SYMBOL, "limit", "buy", 100000, 66000))
    books = ccxt_truth(paper, account)["orders"]

    assert {key: value[-1] for key, value in books.items()} == {placed["id"]: "canceled", second["id"]: "canceled"}


async def test_pro_watches_the_public_market(pro: Any, paper: PaperProcess, account: PaperAccount) -> None:
    """Tickers, trades, candles, and a book that is built from differences."""
    assert (await soon(pro.watch_ticker(SYMBOL)))["symbol"] == SYMBOL
    trades = asyncio.ensure_future(pro.watch_trades(SYMBOL))
    for _ in range(3):
        book = await soon(pro.watch_order_book(SYMBOL))
        assert book["bids"][0][0] < book["asks"][0][0]
    assert (await soon(pro.watch_ohlcv(SYMBOL)))[-1][4] == 67500

    assert (await soon(trades))[-1]["price"] == 67500


@pytest.mark.parametrize("other_keys", [{"api_secret": "not-the-secret"}, {"passphrase": "wrong"}, {"api_key": "no"}])
async def test_wrong_keys_are_refused_everywhere(
    paper: PaperProcess, account: PaperAccount, other_keys: dict[str, str]
) -> None:
    """On every private call, at the login, and without a trace in the books."""
    client = a_ccxt(ccxt.pro.okx, paper, account, **other_keys)
    try:
        with pytest.raises(ccxt.AuthenticationError):
            await client.load_markets()  # it asks for its currencies
        client.set_markets(await _markets(paper, account))
        wishes: tuple[Callable[[], Any], ...] = (
            client.fetch_balance,
            lambda: client.create_order(SYMBOL, "limit", "buy", 3, 66000),
            lambda: client.fetch_open_orders(SYMBOL),
            lambda: client.cancel_order("1", SYMBOL),
            client.fetch_positions,
            lambda: client.fetch_my_trades(SYMBOL),
            lambda: client.set_leverage(5, SYMBOL, {"mgnMode": "cross"}),
            lambda: soon(client.watch_orders(SYMBOL)),
        )
        for wish in wishes:
            with pytest.raises(ccxt.AuthenticationError):
                await wish()
    finally:
        await client.close()
    assert ccxt_truth(paper, account)["orders"] == {}


async def _markets(paper: PaperProcess, account: PaperAccount) -> Any:
    client = a_ccxt(ccxt.pro.okx, paper, account)
    try:
        return await client.load_markets()
    finally:
        await client.close()


async def test_a_stale_timestamp_is_refused(okx: Any, paper: PaperProcess) -> None:
    """Half a minute is the most."""
    await okx.load_markets()
    await asyncio.to_thread(paper.skew, 31_000)
    try:
        for wish in (okx.fetch_balance, lambda: okx.create_order(SYMBOL, "limit", "buy", 3, 66000)):
            with pytest.raises(ccxt.InvalidNonce):
                await wish()
    finally:
        await asyncio.to_thread(paper.skew, 0)
