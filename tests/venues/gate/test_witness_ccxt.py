"""ccxt, unmodified, against the paper exchange: what it reads of Gate must be what the engine's own books say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ccxt
import ccxt.async_support
import pytest

from tests.paper.process import PaperAccount, PaperProcess, wait_until
from tests.venues.gate.witnesses import BTC, SYMBOL, WITHIN_S, Sdk, a_ccxt

TRIGGER = {"trigger": True}


def standing(paper: PaperProcess, account: PaperAccount) -> list[tuple[str, str, str]]:
    """How each order stands by the engine's own books, oldest first."""
    orders = paper.books(account.uid)["orders"]
    return [(each["id"], each["finish_as"] or "open", each["filled"]) for each in orders]


# ---- markets and money


async def test_markets_prices_trades_and_candles_are_read(gate: Any) -> None:
    """The first calls of every bot; sizes of contracts, steps and least amounts are those of the contract."""
    markets = await gate.load_markets()
    assert markets[SYMBOL]["contractSize"] == 0.0001 and markets[SYMBOL]["precision"]["price"] == 0.1
    assert markets["ETH/USDT:USDT"]["limits"]["amount"]["min"] == 0.1
    ticker, book = await gate.fetch_ticker(SYMBOL), await gate.fetch_order_book(SYMBOL)
    assert (ticker["last"], ticker["bid"], ticker["ask"], ticker["markPrice"]) == (67500, 67499.9, 67500.1, 67500)
    assert (book["bids"][0][0], book["asks"][0][0]) == (67499.9, 67500.1)
    assert set(await gate.fetch_tickers()) == {SYMBOL, "ETH/USDT:USDT", "SOL/USDT:USDT"}
    assert len(await gate.fetch_ohlcv(SYMBOL, "1h", limit=5)) == 5
    assert len(await gate.fetch_ohlcv(SYMBOL, "1h", limit=5, params={"price": "mark"})) == 5
    assert (await gate.fetch_funding_rate(SYMBOL))["fundingRate"] == 0.0001
    assert (await gate.private_futures_get_settle_fee({"settle": "usdt"}))[BTC]["taker_fee"] == "0.0005"

    assert (await gate.fetch_market_leverage_tiers(SYMBOL))[0]["maxLeverage"] == 125
    assert abs(await gate.fetch_time() - gate.milliseconds()) < 5_000 and await gate.fetch_trades(SYMBOL)


@pytest.mark.parametrize("mode", ["classic", "multi_currency", "portfolio", "single_currency"])
async def test_the_balance_is_read_of_every_kind_of_account(
    paper: PaperProcess, member: Callable[..., PaperAccount], mode: str
) -> None:
    """Which wallet it asks follows from what the account says it is; the money is the same, bound and free."""
    account = member(mode=mode, balances={"USDT": "5000"})
    gate = a_ccxt(ccxt.async_support.gate, paper, account)
    try:
        await gate.create_order(SYMBOL, "limit", "buy", 10, 66000)
        # Of a unified account it finds nothing when its type is "swap", which is what it is here.
        balance = await gate.fetch_balance({} if mode == "classic" else {"type": "spot"})
        spot = await gate.private_spot_get_accounts({"currency": "USDT"})
    finally:
        await gate.close()
    told = paper.books(account.uid)["balances"][0]

    assert gate.options["unifiedAccount"] is (mode != "classic")
    assert balance["USDT"]["free"] == float(spot[0]["available"]) == float(told["available"]) < 5000


async def test_every_movement_of_money_is_in_the_account_book(
    gate: Any, paper: PaperProcess, account: PaperAccount
) -> None:
    """Read as the venue's rows: of times with a fraction, which the venue has there, ccxt makes no ledger in Python."""
    await gate.create_order(SYMBOL, "market", "buy", 100)
    paper.price(BTC, 67800, hold=True)
    await gate.close_position(SYMBOL)
    rows = await gate.private_futures_get_settle_account_book({"settle": "usdt"})
    told, balance = paper.books(account.uid)["balances"][0], await gate.fetch_balance()

    assert [each["type"] for each in rows] == ["fee", "pnl", "fee", "dnw"]
    assert sum(float(each["change"]) for each in rows) == pytest.approx(float(told["total"]))
    assert float(rows[0]["balance"]) == balance["USDT"]["total"] == float(told["total"])


# ---- orders


async def test_an_order_is_placed_listed_fetched_edited_and_cancelled(
    gate: Any, paper: PaperProcess, account: PaperAccount
) -> None:
    """The life of a limit order that nobody trades with, found by its id and by its text."""
    placed = await gate.create_order(SYMBOL, "limit", "buy", 3, 66000, {"text": "t-ccxt-1"})
    assert (placed["status"], placed["clientOrderId"]) == ("open", "t-ccxt-1")
    assert [order["id"] for order in await gate.fetch_open_orders(SYMBOL)] == [placed["id"]]
    edited = await gate.edit_order(placed["id"], SYMBOL, "limit", "buy", 5, 66001)
    assert (edited["amount"], edited["price"], edited["remaining"]) == (5, 66001, 5)
    assert (await gate.fetch_order("", SYMBOL, {"clientOrderId": "t-ccxt-1"}))["id"] == placed["id"]
    assert (await gate.cancel_order(placed["id"], SYMBOL))["status"] == "canceled"
    assert await gate.fetch_open_orders(SYMBOL) == []
    since = await gate.fetch_closed_orders(SYMBOL, since=placed["timestamp"] - 1000)

    assert [order["id"] for order in since] == [placed["id"]]
    assert standing(paper, account) == [(placed["id"], "cancelled", "0")]


async def test_a_partial_fill_and_a_fill_are_read_with_their_trades(
    gate: Any, other: Sdk, paper: PaperProcess, account: PaperAccount
) -> None:
    """Filled, remaining and average of both moments, and every trade of the order with role and fee."""
    order = await gate.create_order(SYMBOL, "limit", "buy", 100, 67500)
    other.place(-40, "67500", tif="ioc")
    part = await gate.fetch_order(order["id"], SYMBOL)
    assert (part["status"], part["filled"], part["remaining"], part["average"]) == ("open", 40, 60, 67500)
    whole = await gate.edit_order(order["id"], SYMBOL, "limit", "buy", 100, 67500.1)
    assert (whole["status"], whole["filled"], whole["average"]) == ("closed", 100, 67500.06)
    trades, told = await gate.fetch_order_trades(order["id"], SYMBOL), paper.books(account.uid)["orders"][0]
    assert await gate.fetch_my_trades(SYMBOL, since=order["timestamp"] - 1000) == trades

    assert [(each["id"], each["amount"], each["fee"]["cost"], each["takerOrMaker"]) for each in trades] == [
        (each["id"], float(each["size"]), float(each["fee"]), each["role"]) for each in told["fills"]
    ]


@pytest.mark.parametrize(
    ("wish", "status", "told"),
    [
        pytest.param(("market", "buy", 7), "closed", "filled", id="market"),
        pytest.param(("limit", "sell", 7, 67500, {"postOnly": True}), "open", "open", id="post-only"),
        pytest.param(("limit", "buy", 7, 67600, {"timeInForce": "IOC"}), "closed", "filled", id="ioc"),
        pytest.param(("limit", "buy", 7, 67400, {"timeInForce": "IOC"}), "canceled", "ioc", id="ioc-that-nobody-takes"),
        pytest.param(("limit", "buy", 7, 67600, {"timeInForce": "FOK"}), "closed", "filled", id="fok"),
        pytest.param(("limit", "buy", 70, 67499, {"iceberg": 10}), "open", "open", id="iceberg"),
    ],
)
async def test_an_order_of_every_kind_ends_as_it_should(
    gate: Any, paper: PaperProcess, account: PaperAccount, wish: tuple[Any, ...], status: str, told: str
) -> None:
    """In ccxt's words at once and later, and in the books'."""
    placed = await gate.create_order(SYMBOL, *wish)
    seen = await gate.fetch_order(placed["id"], SYMBOL)

    assert placed["status"] == seen["status"] == status and seen["filled"] == placed["filled"]
    assert standing(paper, account) == [(placed["id"], told, f"{seen['filled']:.0f}")]


@pytest.mark.parametrize(("act", "words"), [("co", ["stp", "open"]), ("cn", ["open", "stp"]), ("cb", ["stp", "stp"])])
async def test_two_orders_of_one_group_never_trade(
    paper: PaperProcess, member: Callable[..., PaperAccount], act: str, words: list[str]
) -> None:
    """ccxt passes the venue's word on as the status."""
    account = member(stp_group=7)
    gate = a_ccxt(ccxt.async_support.gate, paper, account)
    try:
        older = await gate.create_order(SYMBOL, "limit", "buy", 5, 67500)
        newer = await gate.create_order(SYMBOL, "limit", "sell", 5, 67500, {"stp_act": act})
        seen = [(await gate.fetch_order(each["id"], SYMBOL))["status"] for each in (older, newer)]
    finally:
        await gate.close()

    assert seen == [word for _, word, _ in standing(paper, account)] == words


async def test_a_reduce_only_order_reduces_and_ends_with_its_position(
    gate: Any, paper: PaperProcess, account: PaperAccount
) -> None:
    """And the whole position is closed by one word."""
    await gate.create_order(SYMBOL, "market", "buy", 10)
    assert (await gate.create_order(SYMBOL, "market", "sell", 4, None, {"reduceOnly": True}))["reduceOnly"] is True
    await gate.create_order(SYMBOL, "limit", "sell", 6, 69000, {"reduceOnly": True})
    closed = await gate.close_position(SYMBOL)

    assert (closed["amount"], closed["side"], closed["status"]) == (6, "sell", "closed")
    assert [word for _, word, _ in standing(paper, account)] == ["filled", "filled", "position_closed", "filled"]


@pytest.mark.parametrize(
    ("wish", "error", "label"),
    [
        (("limit", "buy", 3, 67600, {"postOnly": True}), ccxt.OrderImmediatelyFillable, "ORDER_POC_IMMEDIATE"),
        (("limit", "buy", 900_000, 67501, {"timeInForce": "FOK"}), ccxt.ExchangeError, "ORDER_FOK"),
        (("limit", "buy", 900_000, 67000), ccxt.InsufficientFunds, "INSUFFICIENT_AVAILABLE"),
        (("limit", "buy", 2_000_000, 67000), ccxt.InvalidOrder, "SIZE_TOO_LARGE"),
        (("limit", "buy", 3, 90000), ccxt.InvalidOrder, "PRICE_TOO_DEVIATED"),
        (("limit", "buy", 3, 66000, {"text": "t.bad"}), ccxt.BadRequest, "INVALID_PARAM_VALUE"),
        (("limit", "buy", 3, 66000, {"stp_act": "co"}), ccxt.BadRequest, "INVALID_PARAM_VALUE"),
        (("market", "sell", 3, None, {"reduceOnly": True}), ccxt.InvalidOrder, "POSITION_EMPTY"),
        (("market", "sell", 3, None, {"stopLossPrice": 68500}), ccxt.InvalidOrder, "AUTO_TRIGGER_PRICE_LESS_LAST"),
        (("market", "sell", 3, None, {"takeProfitPrice": 66500}), ccxt.InvalidOrder, "AUTO_TRIGGER_PRICE_GREATE_LAST"),
        (("limit", "buy", 3, 67000, {"tpsl_tp_trigger_price": "66000"}), ccxt.InvalidOrder, "GREATE_LAST"),
    ],
)
async def test_a_refused_order_raises_ccxts_own_exception_with_the_venues_label(
    gate: Any, paper: PaperProcess, account: PaperAccount, wish: tuple[Any, ...], error: type[Exception], label: str
) -> None:
    """Each kind of refusal is the exception that bots branch on; the books have no order."""
    with pytest.raises(error, match=label):
        await gate.create_order(SYMBOL, *wish)
    books = paper.books(account.uid)

    assert books["orders"] == books["triggers"] == []


async def test_what_has_ended_or_never_was_is_refused_by_name(gate: Any) -> None:
    """Not found, finished, and no change."""
    order = await gate.create_order(SYMBOL, "limit", "buy", 3, 66000)
    with pytest.raises(ccxt.InvalidOrder, match="NO_CHANGE"):
        await gate.edit_order(order["id"], SYMBOL, "limit", "buy", 3, 66000)
    await gate.cancel_order(order["id"], SYMBOL)
    with pytest.raises(ccxt.OrderNotFound, match="ORDER_NOT_FOUND"):
        await gate.cancel_order(order["id"], SYMBOL)
    with pytest.raises(ccxt.ExchangeError, match="ORDER_FINISHED"):
        await gate.edit_order(order["id"], SYMBOL, "limit", "buy", 4, 66000)
    with pytest.raises(ccxt.OrderNotFound, match="ORDER_NOT_FOUND"):
        await gate.fetch_order("12345", SYMBOL)

    with pytest.raises(ccxt.ExchangeError, match="AUTO_ORDER_NOT_FOUND"):
        await gate.fetch_order("12345", SYMBOL, TRIGGER)


async def test_a_batch_places_amends_and_cancels_with_an_outcome_for_each(
    gate: Any, paper: PaperProcess, account: PaperAccount
) -> None:
    """What was refused is `rejected` with the label, and costs the others nothing."""
    wishes = [("buy", 1, 66000), ("buy", 900_000, 67000), ("sell", 2, 69000)]
    placed = await gate.create_orders(
        [{"symbol": SYMBOL, "type": "limit", "side": s, "amount": a, "price": p} for s, a, p in wishes]
    )
    assert sorted((each["status"], each["info"].get("label")) for each in placed if each["status"] == "rejected") == [
        ("rejected", "INSUFFICIENT_AVAILABLE")
    ]
    ids = [each["id"] for each in placed if each["status"] == "open"]
    changes = [{"settle": "usdt", "order_id": int(ids[0]), "size": 4}, {"settle": "usdt", "order_id": 1, "size": 4}]
    amended = await gate.private_futures_post_settle_batch_amend_orders(changes)
    assert [(each["succeeded"], each.get("label"), each.get("size")) for each in amended] == [
        (True, None, "4"), (False, "ORDER_NOT_FOUND", None),
    ]  # fmt: skip
    await gate.cancel_order(ids[0], SYMBOL)
    cancelled = await gate.cancel_orders(ids)

    assert sorted((each["id"], each["status"], each["info"]["message"]) for each in cancelled) == [
        (ids[0], "rejected", "ORDER_NOT_FOUND"), (ids[1], None, ""),
    ]  # fmt: skip
    assert sorted(standing(paper, account)) == [(ids[0], "cancelled", "0"), (ids[1], "cancelled", "0")]


async def test_all_orders_are_cancelled_now_or_when_nobody_comes_back(
    gate: Any, paper: PaperProcess, account: PaperAccount
) -> None:
    """The venue's clock is moved on; nobody waits."""
    for price in (66000, 65000):
        await gate.create_order(SYMBOL, "limit", "buy", 1, price)
    assert [each["status"] for each in await gate.cancel_all_orders(SYMBOL)] == ["canceled", "canceled"]
    await gate.create_order(SYMBOL, "limit", "buy", 1, 66000)
    await gate.private_futures_post_settle_countdown_cancel_all({"settle": "usdt", "timeout": 5, "contract": BTC})
    try:
        paper.skew(10_000)
        wait_until(lambda: standing(paper, account)[2][1] == "cancelled", WITHIN_S)
    finally:
        paper.skew(0)

    assert await gate.fetch_open_orders(SYMBOL) == []
