"""A whole life of orders, triggers and positions in each witness's words; at its end all views equal the books.

One life is seen twice: by the REST calls of the witness that lived it, and by the pushes that another followed it by.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import ccxt
import gate_api
import pytest
from gate_ws import futures as channels

from tests.paper.process import PaperAccount, PaperProcess
from tests.venues.gate.views import ccxt_truth, ccxt_view, heard_view, sdk_view, truth
from tests.venues.gate.witnesses import (
    BTC,
    SYMBOL,
    Sdk,
    a_stop,
    an_order,
    channels_of,
    eventually,
    listening,
    refusal_of,
    soon,
)

Change = gate_api.FuturesOrderAmendment
FOLLOWED = (
    channels.FuturesOrderChannel, channels.FuturesUserTradesChannel, channels.FuturesPositionsChannel,
    channels.FuturesBalanceChannel, channels.FuturesAutoOrdersChannel, channels.FuturesPositionClosesChannel,
)  # fmt: skip
ENDS = {"filled", "cancelled", "ioc", "position_closed", None}
TRIGGER_ENDS = {"succeeded", "cancelled", "failed", None}
ETH = "ETH/USDT:USDT"
CLOSE_LONG = {"auto_size": "close_long", "reduceOnly": True, "size": 0}
"""ccxt refuses an amount of nothing, and sends the size that it is given beside."""


def assert_it_was_a_whole_life(paper: PaperProcess, account: PaperAccount) -> None:
    """Every way to end is there, and something of each is still open."""
    books = paper.books(account.uid)
    assert {each["finish_as"] for each in books["orders"]} == ENDS
    assert {each["finish_as"] for each in books["triggers"]} == TRIGGER_ENDS
    assert {(each["mode"], each["size"]) for each in books["positions"] if each["size"] != "0"} == {
        ("dual_long", "4"), ("dual_short", "-25"),
    }  # fmt: skip
    fills = [(fill["role"], fill["size"]) for each in books["orders"] for fill in each["fills"]]
    assert {role for role, _ in fills} == {"maker", "taker"} and len(fills) >= 12


# ---- the official clients


def trade(sdk: Sdk, other: Sdk) -> None:
    """In parts and at once, as maker and as taker, amended, cancelled, refused, in ones and in batches."""
    order = sdk.place(100, "67500", text="t-parts")
    other.place(-40, "67500", tif="ioc")
    sdk.futures.amend_futures_order("usdt", str(order.id), Change(price="67500.1"))
    sdk.place(7)
    sdk.place(9, "67400", tif="ioc", text="t-nobody")
    assert refusal_of(lambda: sdk.place(900_000, "67501", tif="fok")) == (400, "ORDER_FOK")
    wishes = [an_order(1, "66000", text="t-b1"), an_order(900_000, "67000"), an_order(-2, "69000", text="t-b2")]
    placed = sdk.futures.create_batch_futures_order("usdt", wishes)
    changes = [gate_api.BatchAmendOrderReq(order_id=placed[0].id, size="3")]
    assert sdk.futures.amend_batch_future_orders("usdt", changes)[0].succeeded
    sdk.futures.cancel_batch_future_orders("usdt", [str(each.id) for each in placed if each.id])


def protect(sdk: Sdk, other: Sdk, paper: PaperProcess) -> None:
    """A stop that is amended and taken back, one that fires, one that fires too late, and an order's own exits."""
    stop = sdk.set_trigger(a_stop("66500", 2, 1))
    sdk.amend_trigger(stop.id, price="0", trigger_price="66400")
    sdk.futures.cancel_price_triggered_order("usdt", str(stop.id))
    sdk.set_trigger(a_stop("67000", size=-50, reduce_only=True, text="t-less"))
    sdk.place(10, "67500", tpsl_tp_trigger_price="68000", tpsl_sl_trigger_price="66000", text="t-guarded")
    other.place(-10, "67500", tif="ioc")
    for price in (66900, 68100):
        paper.price(BTC, price, hold=True)
    sdk.place(-5, "69000", reduce_only=True, text="t-waits")
    sdk.set_trigger(a_stop("67900"))
    sdk.place(0, close=True, text="t-close")
    paper.price(BTC, 67500, hold=True)


def hedge(sdk: Sdk, other: Sdk) -> None:
    """Both sides, one of them closed, and something left open of everything."""
    sdk.futures.set_dual_mode("usdt", True)
    sdk.futures.update_dual_mode_position_leverage("usdt", BTC, "12")
    sdk.place(30)
    sdk.place(-20)
    sdk.place(0, auto_size="close_long", reduce_only=True)
    sdk.place(-5)
    sdk.place(10, "67500", text="t-open")
    other.place(-4, "67500", tif="ioc")
    sdk.set_trigger(a_stop("69000", 1, size=5, reduce_only=True, close=False))


def live(sdk: Sdk, other: Sdk, paper: PaperProcess) -> None:
    sdk.futures.update_position_leverage("usdt", BTC, "0", cross_leverage_limit="20")
    trade(sdk, other)
    protect(sdk, other, paper)
    hedge(sdk, other)


async def test_the_official_clients_views_equal_the_books_after_a_whole_life(
    sdk: Sdk, other: Sdk, paper: PaperProcess, account: PaperAccount
) -> None:
    """By REST to the last digit; by the pushes as exactly as the client reads numbers."""
    async with listening(paper, account) as ears:
        await ears.subscribe(*FOLLOWED)
        await asyncio.to_thread(live, sdk, other, paper)
        assert_it_was_a_whole_life(paper, account)
        assert sdk_view(sdk) == truth(paper, account)
        true = truth(paper, account, float)
        with contextlib.suppress(TimeoutError):
            await ears.until(lambda: heard_view(ears) == true)
        assert heard_view(ears) == true
    held = paper.books(account.uid)["positions"]
    closed = sum(row["pnl"] for row in ears.rows("futures.position_closes"))

    assert closed == pytest.approx(sum(float(each["history_pnl"]) for each in held))
    assert len(ears.rows("futures.usertrades")) == len(true["fills"]), "no fill is told twice"


# ---- ccxt


async def trade_by_ccxt(gate: Any, other: Sdk) -> None:
    """In parts and at once, as maker and as taker, amended, cancelled, refused, in ones and in batches."""
    await gate.set_leverage(20, SYMBOL, {"marginMode": "cross"})
    order = await gate.create_order(SYMBOL, "limit", "buy", 100, 67500, {"text": "t-parts"})
    other.place(-40, "67500", tif="ioc")
    await gate.edit_order(order["id"], SYMBOL, "limit", "buy", 100, 67500.1)
    await gate.create_order(SYMBOL, "market", "buy", 7)
    await gate.create_order(SYMBOL, "limit", "buy", 9, 67400, {"timeInForce": "IOC"})
    with pytest.raises(ccxt.OrderImmediatelyFillable, match="ORDER_POC_IMMEDIATE"):
        await gate.create_order(SYMBOL, "limit", "buy", 9, 67600, {"postOnly": True})
    wishes = [("buy", 1, 66000), ("buy", 900_000, 67000), ("sell", 2, 69000)]
    placed = await gate.create_orders(
        [{"symbol": SYMBOL, "type": "limit", "side": s, "amount": a, "price": p} for s, a, p in wishes]
    )
    await gate.cancel_orders([each["id"] for each in placed if each["id"]])


async def protect_by_ccxt(gate: Any, other: Sdk, paper: PaperProcess) -> None:
    """A stop that is taken back, one that fires, one that fires too late, and an exit that belongs to an order."""

    async def stop(amount: float, price: float, **said: Any) -> Any:
        params = {"stopLossPrice": price, "reduceOnly": True} | said
        return await gate.create_order(SYMBOL, "market", "sell", amount, None, params)

    taken_back = await stop(10, 66500, price_type=1)
    await gate.cancel_order(taken_back["id"], SYMBOL, {"trigger": True})
    await stop(50, 67000)
    exits = {"tpsl_tp_trigger_price": "68000", "tpsl_sl_trigger_price": "66000"}
    await gate.create_order(SYMBOL, "limit", "buy", 10, 67500, exits)
    other.place(-10, "67500", tif="ioc")
    for price in (66900, 68100):
        paper.price(BTC, price, hold=True)
    await gate.create_order(SYMBOL, "limit", "sell", 5, 69000, {"reduceOnly": True})
    await stop(5, 67900)
    await gate.close_position(SYMBOL)
    paper.price(BTC, 67500, hold=True)


async def hedge_by_ccxt(gate: Any, other: Sdk) -> None:
    """Both sides, one of them closed, and something left open of everything.

    The short is traded after the long is closed: ccxt takes a side that is told to be empty for both of them.
    """
    await gate.set_position_mode(True, SYMBOL)
    await gate.set_leverage(12, SYMBOL)
    await gate.create_order(SYMBOL, "market", "buy", 30)
    await gate.create_order(SYMBOL, "market", "sell", 20)
    await gate.create_order(SYMBOL, "market", "sell", 30, None, CLOSE_LONG)
    await gate.create_order(SYMBOL, "market", "sell", 5)
    await gate.create_order(SYMBOL, "limit", "buy", 10, 67500)
    other.place(-4, "67500", tif="ioc")
    await gate.create_order(SYMBOL, "market", "buy", 5, None, {"stopLossPrice": 69000, "reduceOnly": True})


async def read_by_ccxt(gate: Any) -> Any:
    """Its view by REST, list by list."""
    orders = await gate.fetch_open_orders(SYMBOL) + await gate.fetch_closed_orders(SYMBOL, limit=100)
    stops = await gate.fetch_open_orders(SYMBOL, params={"trigger": True})
    stops += await gate.fetch_closed_orders(SYMBOL, limit=100, params={"trigger": True})
    trades, held = await gate.fetch_my_trades(SYMBOL, limit=1000), await gate.fetch_positions([SYMBOL])
    return ccxt_view(orders, trades, held, stops, (await gate.fetch_balance())["USDT"]["total"])


def pushed_to_ccxt(pro: Any) -> Any:
    """Its view by the pushes alone, from the caches that its users read."""
    total = pro.balance.get("USDT", {}).get("total")
    return ccxt_view(pro.orders or (), pro.myTrades or (), pro.positions["swap"], pro.triggerOrders or (), total)


async def test_ccxts_views_equal_the_books_after_a_whole_life(
    gate: Any, pro: Any, other: Sdk, paper: PaperProcess, account: PaperAccount
) -> None:
    """What it read, and what it was pushed: orders, own trades, positions, triggers and the total."""
    await soon(pro.watch_positions())  # the first answer is a snapshot that it reads itself
    watches = (pro.watch_orders, pro.watch_my_trades, pro.watch_positions, pro.watch_balance)
    tasks = [asyncio.ensure_future(watch()) for watch in watches]
    tasks.append(asyncio.ensure_future(pro.watch_orders(params={"trigger": True})))
    await eventually(lambda: len(channels_of(paper, account)) == len(tasks))
    await trade_by_ccxt(gate, other)
    await protect_by_ccxt(gate, other, paper)
    await hedge_by_ccxt(gate, other)
    assert_it_was_a_whole_life(paper, account)
    assert await read_by_ccxt(gate) == ccxt_truth(paper, account)
    true = ccxt_truth(paper, account, is_pushed=True)
    with contextlib.suppress(TimeoutError):
        await eventually(lambda: pushed_to_ccxt(pro) == true)

    assert pushed_to_ccxt(pro) == true
    assert all(task.done() and not task.exception() for task in tasks)


async def test_a_fraction_of_a_contract_is_told_to_whoever_asks_for_it_and_floored_to_the_rest(
    gate: Any, pro: Any, sdk: Sdk, paper: PaperProcess, account: PaperAccount
) -> None:
    """The SDK and ccxt ask by a header; the official WebSocket client does not, and is told that nothing was traded."""
    async with listening(paper, account) as ears:
        await ears.subscribe(channels.FuturesUserTradesChannel)
        watch = asyncio.ensure_future(pro.watch_my_trades(ETH))
        await eventually(lambda: paper.books(account.uid)["sockets_open"] == 2)
        order = await gate.create_order(ETH, "market", "buy", 0.3)
        trades = await soon(watch)
        await ears.until(lambda: ears.rows("futures.usertrades"))

    assert order["filled"] == trades[0]["amount"] == 0.3 and sdk.order(order["id"]).size == "0.3"
    assert ears.rows("futures.usertrades")[0]["size"] == 0
    assert paper.books(account.uid)["orders"][0]["fills"][0]["size"] == "0.3"
