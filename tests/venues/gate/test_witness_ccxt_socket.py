"""ccxt.pro, unmodified, against the paper exchange: what it is pushed, and orders over the socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import ccxt
import ccxt.pro
import pytest

from tests.paper.process import PaperAccount, PaperProcess
from tests.venues.gate.witnesses import BTC, SYMBOL, Sdk, a_ccxt, a_stop, channels_of, eventually, soon


@asynccontextmanager
async def watching(
    paper: PaperProcess, account: PaperAccount, watch: Callable[[], Any], channel: str
) -> AsyncIterator[Any]:
    """All that a `watch…` call returns when it is called again and again, as its users do; each as it was then."""
    seen: list[Any] = []

    async def follow() -> None:
        while True:
            seen.extend(dict(each) for each in await watch())

    following = asyncio.create_task(follow())
    try:
        await eventually(lambda: f"futures.{channel}" in channels_of(paper, account))
        yield seen
    finally:
        following.cancel()
        await asyncio.wait([following])


async def test_every_step_of_an_order_is_watched(
    pro: Any, other: Sdk, paper: PaperProcess, account: PaperAccount
) -> None:
    """Open, in part, and closed; `_update` is the venue's word that ccxt hands on."""
    async with watching(paper, account, lambda: pro.watch_orders(SYMBOL), "orders") as seen:
        order = await pro.create_order(SYMBOL, "limit", "buy", 100, 67500, {"text": "t-steps"})
        await eventually(lambda: len(seen) >= 1)
        other.place(-40, "67500", tif="ioc")
        await eventually(lambda: len(seen) >= 2)
        await pro.edit_order(order["id"], SYMBOL, "limit", "buy", 100, 67500.1)
        await eventually(lambda: seen[-1]["status"] == "closed")
    told = paper.books(account.uid)["orders"][0]

    assert [(each["id"], each["clientOrderId"]) for each in seen] == [(order["id"], "t-steps")] * len(seen)
    steps = [(each["status"], each["filled"]) for each in seen]
    assert steps[:2] + steps[-1:] == [("open", 0), ("_update", 40), ("closed", 100)]
    assert seen[-1]["average"] == float(told["average_price"])
    assert float(seen[-1]["fee"]["cost"]) == float(told["fee"])


async def test_own_trades_positions_and_the_balance_are_watched(
    pro: Any, paper: PaperProcess, account: PaperAccount
) -> None:
    """With roles and fees, until the position is gone."""
    await soon(pro.watch_positions([SYMBOL]))  # the first answer is a snapshot that it reads itself
    async with (
        watching(paper, account, lambda: pro.watch_my_trades(SYMBOL), "usertrades") as trades,
        watching(paper, account, lambda: pro.watch_positions([SYMBOL]), "positions") as held,
    ):
        balance = asyncio.ensure_future(pro.watch_balance())
        await eventually(lambda: "futures.balances" in channels_of(paper, account))
        await pro.create_order(SYMBOL, "market", "buy", 5)
        await eventually(lambda: trades and held)
        assert [(each["contracts"], each["side"], each["marginMode"]) for each in held] == [(5, "long", "cross")]
        await pro.close_position(SYMBOL)
        await eventually(lambda: len(trades) >= 2 and len(held) >= 2)
        await soon(balance)
        books = paper.books(account.uid)
        await eventually(lambda: pro.balance["USDT"]["total"] == float(books["balances"][0]["total"]))
    fills = [(order["id"], fill) for order in books["orders"] for fill in order["fills"]]

    assert [(each["order"], each["id"], each["takerOrMaker"]) for each in trades] == [
        (order_id, fill["id"], fill["role"]) for order_id, fill in fills
    ]
    assert [each["fee"]["cost"] for each in trades] == [float(fill["fee"]) for _, fill in fills]
    assert held[-1]["contracts"] == 0


async def test_every_step_of_a_trigger_is_watched(pro: Any, paper: PaperProcess, account: PaperAccount) -> None:
    """Set, fired and cancelled, on the channel of trigger orders."""
    await pro.create_order(SYMBOL, "market", "buy", 10)
    async with watching(
        paper, account, lambda: pro.watch_orders(SYMBOL, params={"trigger": True}), "autoorders"
    ) as seen:
        stop = await pro.create_order(SYMBOL, "market", "sell", 10, None, {"stopLossPrice": 66500, "reduceOnly": True})
        await eventually(lambda: seen)
        paper.price(BTC, 66400, hold=True)
        await eventually(lambda: len(seen) >= 2)
    child = paper.books(account.uid)["orders"][-1]

    assert [(each["id"], each["status"], each["triggerPrice"]) for each in seen] == [
        (stop["id"], "open", 66500), (stop["id"], "closed", 66500),
    ]  # fmt: skip
    assert seen[-1]["info"]["me_order_id"] == child["id"] and child["filled"] == "10"


async def test_a_liquidation_is_watched(paper: PaperProcess, member: Callable[..., PaperAccount]) -> None:
    """ccxt keeps it, and wakes whoever watches."""
    account = member(balances={"USDT": "1000"})
    pro = a_ccxt(ccxt.pro.gate, paper, account)
    try:
        await pro.set_leverage(100, SYMBOL, {"marginMode": "cross"})
        await pro.create_order(SYMBOL, "market", "buy", 10_000)
        watch = asyncio.ensure_future(pro.watch_my_liquidations(SYMBOL))
        await eventually(lambda: "futures.liquidates" in channels_of(paper, account))
        paper.price(BTC, 66500, hold=True)
        await soon(watch)
    finally:
        await pro.close()
    taken = paper.books(account.uid)["orders"][-1]

    assert [(each["symbol"], each["contracts"], each["price"]) for each in pro.liquidations] == [
        (SYMBOL, 10_000, float(taken["average_price"]))
    ]


async def test_the_public_market_is_watched(pro: Any, account: PaperAccount) -> None:
    """Tickers, best prices, trades, candles, and a book that is built from differences."""
    ticker, best = await soon(pro.watch_ticker(SYMBOL)), await soon(pro.watch_bids_asks([SYMBOL]))
    assert ticker["symbol"] == SYMBOL and best[SYMBOL]["bid"] < best[SYMBOL]["ask"]
    book = await soon(pro.watch_order_book(SYMBOL))
    assert (book["bids"][0][0], book["asks"][0][0]) == (67499.9, 67500.1)
    trades, candles = await soon(pro.watch_trades(SYMBOL)), await soon(pro.watch_ohlcv(SYMBOL, "1m"))

    assert trades[-1]["price"] == 67500 and candles[-1][4] == 67500


# ---- the trading API


async def test_orders_are_placed_edited_read_and_cancelled_over_the_socket(
    pro: Any, paper: PaperProcess, account: PaperAccount
) -> None:
    """The trading API is the same engine by another way in."""
    placed = await soon(pro.create_order_ws(SYMBOL, "limit", "sell", 3, 69000, {"text": "t-ws"}))
    assert (placed["status"], placed["clientOrderId"]) == ("open", "t-ws")
    edited = await soon(pro.edit_order_ws(placed["id"], SYMBOL, "limit", "sell", 5, 69001))
    assert (edited["amount"], edited["price"]) == (5, 69001)
    assert (await soon(pro.fetch_order_ws("t-ws", SYMBOL)))["id"] == placed["id"]
    assert [each["id"] for each in await soon(pro.fetch_open_orders_ws(SYMBOL))] == [placed["id"]]
    assert (await soon(pro.cancel_order_ws(placed["id"], SYMBOL)))["status"] == "canceled"
    filled = await soon(pro.create_order_ws(SYMBOL, "market", "buy", 7))
    assert (filled["status"], filled["filled"]) == ("closed", 7)
    ids = {placed["id"], filled["id"]}
    assert {each["id"] for each in await soon(pro.fetch_closed_orders_ws(SYMBOL))} == ids
    told = paper.books(account.uid)["orders"]

    assert [(each["id"], each["finish_as"], each["size"]) for each in told] == [
        (placed["id"], "cancelled", "-5"), (filled["id"], "filled", "7"),
    ]  # fmt: skip
    assert filled["average"] == float(told[1]["average_price"])


async def test_batches_and_whole_contracts_are_done_over_the_socket(
    pro: Any, paper: PaperProcess, account: PaperAccount
) -> None:
    """What was refused has no id and no status, for a socket leaves out what is false; the label says why."""
    wishes = [("buy", 1, 66000), ("buy", 900_000, 67000), ("sell", 2, 69000)]
    placed = await soon(
        pro.create_orders_ws(
            [{"symbol": SYMBOL, "type": "limit", "side": s, "amount": a, "price": p} for s, a, p in wishes]
        )
    )
    gone = await soon(pro.cancel_all_orders_ws(SYMBOL))

    assert sorted((each["status"] or "", each["info"].get("label")) for each in placed if not each["id"]) == [
        ("", "INSUFFICIENT_AVAILABLE")
    ]
    assert {each["id"] for each in gone} == {each["id"] for each in placed if each["id"]}
    assert [each["finish_as"] for each in paper.books(account.uid)["orders"]] == ["cancelled", "cancelled"]


@pytest.mark.parametrize(
    ("wish", "error", "label"),
    [
        (
            lambda pro: pro.create_order_ws(SYMBOL, "limit", "buy", 3, 67600, {"postOnly": True}),
            ccxt.OrderImmediatelyFillable,
            "ORDER_POC_IMMEDIATE",
        ),
        (
            lambda pro: pro.create_order_ws(SYMBOL, "limit", "buy", 900_000, 67000),
            ccxt.InsufficientFunds,
            "INSUFFICIENT_AVAILABLE",
        ),
        (lambda pro: pro.create_order_ws(SYMBOL, "limit", "buy", 3, 90000), ccxt.InvalidOrder, "PRICE_TOO_DEVIATED"),
        (lambda pro: pro.cancel_order_ws("12345", SYMBOL), ccxt.OrderNotFound, "ORDER_NOT_FOUND"),
        (
            lambda pro: pro.edit_order_ws("12345", SYMBOL, "limit", "buy", 3, 66000),
            ccxt.OrderNotFound,
            "ORDER_NOT_FOUND",
        ),
        (lambda pro: pro.fetch_order_ws("12345", SYMBOL), ccxt.OrderNotFound, "ORDER_NOT_FOUND"),
    ],
)
async def test_a_refused_command_raises_ccxts_own_exception_with_the_venues_label(
    pro: Any, paper: PaperProcess, account: PaperAccount,
    wish: Callable[[Any], Any], error: type[Exception], label: str,
) -> None:  # fmt: skip
    """As over REST; the books have no order."""
    with pytest.raises(error, match=label):
        await soon(wish(pro))
    assert paper.books(account.uid)["orders"] == []


async def test_an_order_by_rest_and_one_by_socket_are_told_alike(
    pro: Any, sdk: Sdk, paper: PaperProcess, account: PaperAccount
) -> None:
    """One client's socket hears of another client's orders and triggers on the same account."""
    async with watching(paper, account, lambda: pro.watch_orders(SYMBOL), "orders") as seen:
        await soon(pro.create_order_ws(SYMBOL, "limit", "buy", 1, 66000, {"text": "t-socket"}))
        sdk.place(1, "66000", text="t-rest")
        sdk.set_trigger(a_stop("66500", size=1))
        await eventually(lambda: len(seen) >= 2)

    assert [(each["clientOrderId"], each["status"]) for each in seen] == [("t-socket", "open"), ("t-rest", "open")]
