"""Gate's official WebSocket client, unmodified, against the paper exchange: pushes, trading API, public channels."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from gate_ws import futures as channels

from tests.paper.process import PaperAccount, PaperProcess
from tests.venues.gate.witnesses import BTC, Sdk, a_stop, listening

ORDERS, TRADES, CLOSES = "futures.orders", "futures.usertrades", "futures.position_closes"
LIMIT = {"contract": BTC, "size": 25, "price": "66000", "tif": "gtc", "text": "t-ws"}


async def test_every_step_of_an_order_is_pushed_with_what_came_of_it(
    sdk: Sdk, other: Sdk, paper: PaperProcess, account: PaperAccount
) -> None:
    """New, in part, amended, filled; each fill, position and movement of money beside it."""
    async with listening(paper, account) as ears:
        await ears.subscribe(
            channels.FuturesOrderChannel, channels.FuturesUserTradesChannel, channels.FuturesPositionsChannel,
            channels.FuturesBalanceChannel, channels.FuturesPositionClosesChannel,
        )  # fmt: skip
        order = sdk.place(100, "67500", text="t-steps")
        other.place(-40, "67500", tif="ioc")
        sdk.amend(order.id, price="67499.9")
        sdk.amend(order.id, price="67500.1")
        sdk.place(0, close=True, text="t-out")
        await ears.until(lambda: len(ears.rows(ORDERS)) >= 6 and ears.rows(CLOSES))
    told, books = ears.rows(ORDERS), paper.books(account.uid)
    steps = [(row["update_id"], row["finish_as"], row["left"]) for row in told if row["id"] == order.id]

    assert steps == [(1, "_new", 100), (2, "_update", 60), (3, "_update", 60), (4, "_update", 60), (5, "filled", 0)]
    assert [(row["order_id"], row["size"], row["role"]) for row in ears.rows(TRADES)[:2]] == [
        (str(order.id), 40, "maker"), (str(order.id), 60, "taker"),
    ]  # fmt: skip
    assert [row["size"] for row in ears.rows("futures.positions")] == [40, 100, 0]
    assert {row["type"] for row in ears.rows("futures.balances")} == {"fee", "pnl"}
    assert ears.rows("futures.balances")[-1]["balance"] == float(books["balances"][0]["total"])
    assert [(row["side"], row["text"], row["pnl"]) for row in ears.rows(CLOSES)] == [
        ("long", "t-out", float(books["positions"][0]["history_pnl"]))
    ]


async def test_an_order_that_takes_in_part_and_then_rests_is_pushed_at_each_step(
    sdk: Sdk, paper: PaperProcess, account: PaperAccount
) -> None:
    """More than the first level holds; the market comes for the rest."""
    async with listening(paper, account) as ears:
        await ears.subscribe(channels.FuturesOrderChannel, channels.FuturesUserTradesChannel)
        order = sdk.place(6000, "67500.1")
        await asyncio.to_thread(paper.price, BTC, 67499, hold=True)
        await ears.until(lambda: [row for row in ears.rows(ORDERS) if row["status"] == "finished"])
    told, fills = ears.rows(ORDERS), paper.books(account.uid)["orders"][0]["fills"]

    assert [row["finish_as"] for row in told] == ["_new", "_update", "filled"] and 0 < told[1]["left"] < 6000
    assert {row["id"] for row in told} == {order.id} and told[-1]["left"] == 0
    assert [(row["id"], row["role"]) for row in ears.rows(TRADES)] == [(fill["id"], fill["role"]) for fill in fills]


async def test_every_step_of_a_trigger_is_pushed_and_its_order_too(
    sdk: Sdk, paper: PaperProcess, account: PaperAccount
) -> None:
    """Set, amended, fired, with the id under which the order channel tells its child; and cancelled."""
    async with listening(paper, account) as ears:
        await ears.subscribe(channels.FuturesOrderChannel, channels.FuturesAutoOrdersChannel)
        sdk.place(10)
        made, other = sdk.set_trigger(a_stop("66500", text="t-exit")), sdk.set_trigger(a_stop("60000"))
        sdk.amend_trigger(made.id, price="0", trigger_price="66600")
        paper.price(BTC, 66550, hold=True)
        sdk.futures.cancel_price_triggered_order("usdt", str(other.id))
        rows = await ears.until(lambda: [r for r in [ears.rows("futures.autoorders")] if len(r) >= 5])
    told = [(row["id"], row["status"], row["finish_as"], row["trigger"]["price"]) for row in rows[0]]
    child = next(row for row in ears.rows(ORDERS) if row["text"] == "t-exit")

    assert told == [
        (made.id, "open", "", "66500"), (other.id, "open", "", "60000"), (made.id, "open", "", "66600"),
        (made.id, "finished", "succeeded", "66600"), (other.id, "finished", "cancelled", "60000"),
    ]  # fmt: skip
    assert (rows[0][3]["trade_id"], rows[0][3]["me_order_id"]) == (child["id"], child["id_string"])


async def test_both_sides_of_a_hedge_are_pushed_by_their_mode(
    sdk: Sdk, paper: PaperProcess, account: PaperAccount
) -> None:
    """A change of leverage is told for each side, as is what is held."""
    sdk.futures.set_dual_mode("usdt", True)
    async with listening(paper, account) as ears:
        await ears.subscribe(channels.FuturesPositionsChannel)
        sdk.futures.update_dual_mode_position_leverage("usdt", BTC, "12")
        sdk.place(30)
        sdk.place(-20)
        rows = await ears.until(lambda: [r for r in [ears.rows("futures.positions")] if len(r) >= 4])

    assert [(row["mode"], row["size"], row["leverage"]) for row in rows[0]] == [
        ("dual_long", 0, 12), ("dual_short", 0, 12), ("dual_long", 30, 12), ("dual_short", -20, 12),
    ]  # fmt: skip


async def test_a_liquidation_a_deleveraging_and_a_lowered_limit_are_pushed(
    paper: PaperProcess, member: Callable[..., PaperAccount]
) -> None:
    """Each on its own channel, with the order that the exchange itself placed."""
    account = member(balances={"USDT": "1000"})
    sdk = Sdk(paper, account)
    sdk.futures.update_position_leverage("usdt", BTC, "0", cross_leverage_limit="100")
    sdk.place(10_000)
    sdk.place(10, "60000", text="t-waits")
    async with listening(paper, account) as ears:
        await ears.subscribe(
            channels.FuturesOrderChannel, channels.FuturesLiquidatesChannel, channels.FuturesADLChannel,
            channels.FuturesReduceRiskLimitChannel, channels.FuturesPositionClosesChannel,
        )  # fmt: skip
        target = {"uid": account.uid, "symbol": BTC}
        reduced = paper.ask("POST", "/paper/deleverage", target | {"size": "1000"})
        paper.ask("POST", "/paper/risk_limit", target | {"risk_limit": "1000000"})
        paper.price(BTC, 66500, hold=True)
        await ears.until(lambda: ears.rows("futures.liquidates") and ears.rows(CLOSES))
    orders = {row["text"]: row for row in ears.rows(ORDERS)}
    adl, taken = ears.rows("futures.auto_deleverages")[0], ears.rows("futures.liquidates")[0]

    assert (adl["trade_size"], adl["position_size"]) == (1000, 9000)
    assert orders["auto_deleveraging"]["id_string"] == reduced["order_id"]
    assert ears.rows("futures.reduce_risk_limits")[0]["risk_limit"] == 1_000_000
    assert (taken["order_id"], taken["size"]) == (orders["liquidation"]["id"], 9000)
    assert orders["liquidation"]["is_liq"] is True and orders["t-waits"]["finish_as"] == "liquidated"
    assert ears.rows(CLOSES)[0]["text"] == "liquidation"


async def test_a_client_whose_socket_is_cut_comes_back_by_itself_and_hears_on(
    sdk: Sdk, paper: PaperProcess, account: PaperAccount
) -> None:
    """It signs its subscriptions anew, and nothing of before is told again."""
    async with listening(paper, account) as ears:
        await ears.subscribe(channels.FuturesOrderChannel)
        sdk.place(1, "66000", text="t-before")
        await ears.until(lambda: ears.rows(ORDERS))
        assert paper.fault("close_sockets", uid=account.uid)["closed"] == 1
        await ears.until(lambda: [each.event for each in ears.heard].count("subscribe") == 2)
        sdk.place(1, "66000", text="t-after")
        await ears.until(lambda: len(ears.rows(ORDERS)) >= 2)

    assert [row["text"] for row in ears.rows(ORDERS)] == ["t-before", "t-after"]


async def test_after_an_unsubscribe_a_channel_is_silent(sdk: Sdk, paper: PaperProcess, account: PaperAccount) -> None:
    """The other channel goes on, and proves that there was something to tell."""
    async with listening(paper, account) as ears:
        await ears.subscribe(channels.FuturesOrderChannel, channels.FuturesUserTradesChannel)
        channels.FuturesOrderChannel(ears.connection, ears.hear).unsubscribe([account.uid, "!all"])
        await ears.until(lambda: [each for each in ears.heard if each.event == "unsubscribe"])
        ids = [str(sdk.place(1).id) for _ in range(2)]
        await ears.until(lambda: len(ears.rows(TRADES)) == 2)

    assert [row["order_id"] for row in ears.rows(TRADES)] == ids and ears.rows(ORDERS) == []


# ---- the trading API


async def test_orders_are_placed_amended_read_and_cancelled_over_the_socket(
    sdk: Sdk, paper: PaperProcess, account: PaperAccount
) -> None:
    """Each command logs in first; a placement is acknowledged before it is answered; the pushes tell the same."""
    async with listening(paper, account) as ears:
        await ears.subscribe(channels.FuturesOrderChannel)
        channels.FuturesLoginChannel(ears.connection, ears.hear)
        placed = (await ears.ask(channels.FuturesOrderPlaceChannel, LIMIT, "1"))["data"]["result"]
        assert (placed["status"], placed["text"], placed["left"]) == ("open", "t-ws", 25)
        named = {"order_id": str(placed["id"])}
        seen = await ears.ask(channels.FuturesOrderStatusChannel, {"order_id": "t-ws"}, "2")
        assert seen["data"]["result"]["id"] == placed["id"]
        amended = await ears.ask(channels.FuturesOrderAmendChannel, named | {"size": 30, "price": "66001"}, "3")
        assert (amended["data"]["result"]["size"], amended["data"]["result"]["price"]) == (30, "66001")
        listed = await ears.ask(channels.FuturesOrderListChannel, {"contract": BTC, "status": "open"}, "4")
        assert [each["id"] for each in listed["data"]["result"]] == [placed["id"]]
        cancelled = await ears.ask(channels.FuturesOrderCancelChannel, named, "5")
        assert cancelled["data"]["result"]["finish_as"] == "cancelled"
        market = {"contract": BTC, "size": -7, "price": "0", "tif": "ioc"}
        filled = await ears.ask(channels.FuturesOrderPlaceChannel, market, "6")
        assert (filled["data"]["result"]["finish_as"], filled["data"]["result"]["text"]) == ("filled", "apiv4-ws")
        logins = [each.result for each in ears.heard if each.channel == "futures.login"]
        acknowledged = [
            each for each in ears.heard if each.channel == "futures.order_place" and '"ack":true' in each.body
        ]
        await ears.until(lambda: len(ears.rows(ORDERS)) >= 4)
    told = paper.books(account.uid)["orders"]

    assert {each["uid"] for each in logins} == {account.uid} and len(logins) == 6 and len(acknowledged) == 2
    assert [(row["text"], row["finish_as"], row["size"]) for row in ears.rows(ORDERS)] == [
        ("t-ws", "_new", 25), ("t-ws", "_update", 30), ("t-ws", "cancelled", 30), ("apiv4-ws", "filled", -7),
    ]  # fmt: skip
    assert [(each["text"], each["finish_as"], each["size"]) for each in told] == [
        ("t-ws", "cancelled", "30"), ("apiv4-ws", "filled", "-7"),
    ]  # fmt: skip


async def test_batches_and_whole_contracts_are_done_over_the_socket(paper: PaperProcess, account: PaperAccount) -> None:
    """One of three is refused; the other two are cancelled together."""
    wishes = [LIMIT, LIMIT | {"size": 900_000, "text": "t-poor"}, LIMIT | {"text": "t-two"}]
    async with listening(paper, account) as ears:
        placed = (await ears.ask(channels.FuturesOrderBatchPlaceChannel, wishes, "1"))["data"]["result"]
        gone = await ears.ask(channels.FuturesOrderCancelCpChannel, {"contract": BTC, "side": "bid"}, "2")

    assert [(each.get("succeeded"), each.get("label")) for each in placed] == [
        (True, None), (None, "INSUFFICIENT_AVAILABLE"), (True, None),
    ]  # fmt: skip
    assert [(each["text"], each["finish_as"]) for each in gone["data"]["result"]] == [
        ("t-ws", "cancelled"), ("t-two", "cancelled"),
    ]  # fmt: skip
    assert [each["finish_as"] for each in paper.books(account.uid)["orders"]] == ["cancelled", "cancelled"]


@pytest.mark.parametrize(
    ("channel", "payload", "status", "label"),
    [
        (channels.FuturesOrderPlaceChannel, LIMIT | {"size": 900_000}, "400", "INSUFFICIENT_AVAILABLE"),
        (channels.FuturesOrderPlaceChannel, LIMIT | {"price": "67600", "tif": "poc"}, "400", "ORDER_POC_IMMEDIATE"),
        (channels.FuturesOrderPlaceChannel, LIMIT | {"contract": "NOPE_USDT"}, "400", "CONTRACT_NOT_FOUND"),
        (channels.FuturesOrderCancelChannel, {"order_id": "12345"}, "404", "ORDER_NOT_FOUND"),
        (channels.FuturesOrderCancelChannel, {"order_id": "t-never"}, "400", "ORDER_NOT_FOUND"),
        (channels.FuturesOrderAmendChannel, {"order_id": "12345", "size": 3}, "404", "ORDER_NOT_FOUND"),
    ],
)
async def test_a_refused_command_is_answered_with_status_and_label(
    paper: PaperProcess, account: PaperAccount, channel: Any, payload: Any, status: str, label: str
) -> None:
    """The client hands on what the venue said; the books have no order."""
    async with listening(paper, account) as ears:
        answer = await ears.ask(channel, payload, "1")

    assert (answer["header"]["status"], answer["data"]["errs"]["label"]) == (status, label)
    assert paper.books(account.uid)["orders"] == []


# ---- subscriptions


@pytest.mark.parametrize(
    ("channel", "payload"),
    [
        (channels.FuturesTickerChannel, [BTC]),
        (channels.FuturesPublicTradeChannel, [BTC]),
        (channels.FuturesBookTickerChannel, [BTC]),
        (channels.FuturesOrderBookChannel, [BTC, "20", "0"]),
        (channels.FuturesOrderBookUpdateChannel, [BTC, "100ms"]),
        (channels.FuturesCandlesticksChannel, ["1m", BTC]),
    ],
)
async def test_the_public_market_is_pushed_without_a_key(
    paper: PaperProcess, account: PaperAccount, channel: Any, payload: list[str]
) -> None:
    """Each public channel tells something of a market that moves."""
    async with listening(paper, account) as ears:
        channel(ears.connection, ears.hear).subscribe(payload)
        await ears.until(lambda: [each for each in ears.heard if each.event == "subscribe"])
        await asyncio.to_thread(paper.price, BTC, 67510, hold=True)
        told = await ears.until(lambda: [each for each in ears.heard if each.event in ("update", "all")])

    assert BTC in told[0].body and ears.heard[0].error is None


@pytest.mark.parametrize(
    ("channel", "payload"),
    [
        (channels.FuturesOrderChannel, ["{uid}", "NOPE_USDT"]),
        (channels.FuturesOrderChannel, ["!all"]),
        (channels.FuturesOrderChannel, ["1", "!all"]),
        (channels.FuturesTickerChannel, ["NOPE_USDT"]),
    ],
)
async def test_a_subscription_to_what_is_not_there_or_anothers_is_refused_with_code_2(
    paper: PaperProcess, account: PaperAccount, channel: Any, payload: list[str]
) -> None:
    """The uid must be the key's own."""
    async with listening(paper, account) as ears:
        channel(ears.connection, ears.hear).subscribe([each.format(uid=account.uid) for each in payload])
        answer = (await ears.until(lambda: ears.heard))[0]

    assert (answer.event, answer.error.code, answer.result) == ("subscribe", 2, {"status": "fail"})
