"""ccxt, unmodified, against the paper exchange: triggers, positions, leverage, modes, and how positions end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ccxt
import ccxt.async_support
import pytest

from tests.paper.process import PaperAccount, PaperProcess
from tests.venues.gate.witnesses import BTC, SYMBOL, Sdk, a_ccxt

TRIGGER = {"trigger": True}
LAST, MARK, INDEX = 0, 1, 2


def triggers(paper: PaperProcess, account: PaperAccount) -> list[tuple[str, str]]:
    """Each trigger of the books and how it stands, oldest first."""
    return [(each["id"], each["finish_as"] or each["status"]) for each in paper.books(account.uid)["triggers"]]


# ---- triggers


async def test_a_stop_is_set_listed_and_cancelled(gate: Any, paper: PaperProcess, account: PaperAccount) -> None:
    """By itself and all of them; a finished one is in the list of the finished."""
    stop = await gate.create_order(SYMBOL, "market", "sell", 10, None, {"stopLossPrice": 66500, "reduceOnly": True})
    seen = await gate.fetch_order(stop["id"], SYMBOL, TRIGGER)
    assert (seen["status"], seen["triggerPrice"], seen["amount"], seen["side"]) == ("open", 66500, 10, "sell")
    assert (seen["reduceOnly"], seen["type"], seen["info"]["trigger"]["rule"]) == (True, "market", 2)
    assert [each["id"] for each in await gate.fetch_open_orders(SYMBOL, params=TRIGGER)] == [stop["id"]]
    assert (await gate.cancel_order(stop["id"], SYMBOL, TRIGGER))["status"] == "canceled"
    limit = await gate.create_order(SYMBOL, "limit", "buy", 5, 68000, {"triggerPrice": 68100})
    assert [each["id"] for each in await gate.cancel_all_orders(SYMBOL, TRIGGER)] == [limit["id"]]

    assert {each["id"] for each in await gate.fetch_closed_orders(SYMBOL, params=TRIGGER)} == {stop["id"], limit["id"]}
    assert triggers(paper, account) == [(stop["id"], "cancelled"), (limit["id"], "cancelled")]


@pytest.mark.parametrize(("kind", "only"), [(LAST, ""), (MARK, "mark"), (INDEX, "index")])
@pytest.mark.parametrize(("name", "reached"), [("stopLossPrice", 66400), ("takeProfitPrice", 68600)])
async def test_a_trigger_fires_at_its_own_price_and_its_order_is_seen(
    gate: Any, paper: PaperProcess, account: PaperAccount, kind: int, only: str, name: str, reached: int
) -> None:
    """A stop-loss and a take-profit of a long, at last, mark and index."""
    await gate.create_order(SYMBOL, "market", "buy", 10)
    params = {name: 66500 if reached < 67500 else 68500, "reduceOnly": True, "price_type": kind}
    made = await gate.create_order(SYMBOL, "market", "sell", 10, None, params)
    move: dict[str, Any] = {"symbol": BTC, "price": reached} | ({"only": only} if only else {"hold": True})
    paper.ask("POST", "/paper/price", move)
    fired = await gate.fetch_order(made["id"], SYMBOL, TRIGGER)
    child = await gate.fetch_order(fired["info"]["trade_id_string"], SYMBOL)

    assert (fired["status"], fired["info"]["finish_as"]) == ("closed", "succeeded")
    assert (child["status"], child["filled"], child["side"], child["reduceOnly"]) == ("closed", 10, "sell", True)
    assert await gate.fetch_positions([SYMBOL], {"holding": True}) == []
    assert triggers(paper, account) == [(made["id"], "succeeded")]


async def test_exits_that_belong_to_an_order_are_echoed_and_the_first_ends_the_other(
    gate: Any, other: Sdk, paper: PaperProcess, account: PaperAccount
) -> None:
    """ccxt has no word for them and hands the venue's on, both ways."""
    exits = {"tpsl_tp_trigger_price": "68000", "tpsl_sl_trigger_price": "67000"}
    order = await gate.create_order(SYMBOL, "limit", "buy", 10, 67500, exits)
    assert {name: order["info"][name] for name in exits} == exits
    assert {word for _, word in triggers(paper, account)} == {"inactive"}
    other.place(-10, "67500", tif="ioc")
    assert {each["amount"] for each in await gate.fetch_open_orders(SYMBOL, params=TRIGGER)} == {10}
    paper.price(BTC, 66900, hold=True)

    assert sorted(word for _, word in triggers(paper, account)) == ["cancelled", "succeeded"]
    assert await gate.fetch_positions([SYMBOL], {"holding": True}) == []


# ---- positions, leverage, modes


async def test_leverage_is_cross_or_isolated_and_margin_is_added_where_it_is_set_aside(
    gate: Any, paper: PaperProcess, account: PaperAccount
) -> None:
    """What ccxt derives of a position is what the books hold."""
    await gate.set_leverage(20, SYMBOL, {"marginMode": "cross"})
    await gate.create_order(SYMBOL, "market", "buy", 40)
    held = await gate.fetch_position(SYMBOL)
    assert (held["marginMode"], held["contracts"], held["side"]) == ("cross", 40, "long")
    await gate.set_leverage(5, SYMBOL, {"marginMode": "isolated"})
    await gate.add_margin(SYMBOL, 10)
    await gate.reduce_margin(SYMBOL, 4)
    held, told = (await gate.fetch_positions([SYMBOL]))[0], paper.books(account.uid)["positions"][0]

    assert (held["marginMode"], held["leverage"]) == (told["margin_mode"], float(told["leverage"])) == ("isolated", 5)
    assert (held["entryPrice"], held["positionMargin"]) == (float(told["entry_price"]), float(told["margin"]))
    assert held["unrealizedPnl"] == float(told["unrealised_pnl"]) and 0 < held["liquidationPrice"] < 67500


async def test_both_sides_are_held_and_closed_in_dual_mode(
    gate: Any, paper: PaperProcess, account: PaperAccount
) -> None:
    """Leverage is an array there; the mode stays while something is held."""
    await gate.load_markets()
    assert (await gate.set_position_mode(True, SYMBOL))["in_dual_mode"] is True
    with pytest.raises(ccxt.InvalidOrder, match="NO_CHANGE"):
        await gate.set_position_mode(True, SYMBOL)
    both = await gate.set_leverage(10, SYMBOL)
    assert [(each["mode"], each["leverage"]) for each in both] == [("dual_long", "10"), ("dual_short", "10")]
    await gate.create_order(SYMBOL, "market", "buy", 30)
    await gate.create_order(SYMBOL, "market", "sell", 20)
    await gate.create_order(SYMBOL, "market", "buy", 5, None, {"reduceOnly": True})
    held = await gate.fetch_positions([SYMBOL], {"holding": True})
    assert [(each["side"], each["contracts"]) for each in held] == [("long", 30), ("short", 15)]
    with pytest.raises(ccxt.BadRequest, match="POSITION_HOLDING"):
        await gate.set_position_mode(False, SYMBOL)
    with pytest.raises(ccxt.ExchangeError, match="POSITION_DUAL_MODE"):
        await gate.close_position(SYMBOL)
    for side, auto_size, amount in (("sell", "close_long", 30), ("buy", "close_short", 15)):
        params = {"auto_size": auto_size, "reduceOnly": True, "size": 0}
        assert (await gate.create_order(SYMBOL, "market", side, amount, None, params))["filled"] == amount

    assert (await gate.set_position_mode(False, SYMBOL))["in_dual_mode"] is False
    assert {each["size"] for each in paper.books(account.uid)["positions"]} == {"0"}


@pytest.mark.parametrize(
    ("wish", "error", "label"),
    [
        (lambda gate: gate.set_leverage(0.5, SYMBOL), ccxt.InvalidOrder, "LEVERAGE_TOO_LOW"),
        (
            lambda gate: gate.set_leverage(0, SYMBOL, {"cross_leverage_limit": "500"}),
            ccxt.InvalidOrder,
            "LEVERAGE_TOO_HIGH",
        ),
        (lambda gate: gate.add_margin(SYMBOL, 10), ccxt.ExchangeError, "POSITION_CROSS_MARGIN"),
        (lambda gate: gate.fetch_position("ETH/USDT:USDT"), ccxt.ExchangeError, "POSITION_NOT_FOUND"),
    ],
)
async def test_what_cannot_be_is_refused_with_its_label(
    gate: Any, wish: Callable[[Any], Any], error: type[Exception], label: str
) -> None:
    """Each with the exception that ccxt has for it."""
    await gate.load_markets()
    with pytest.raises(error, match=label):
        await wish(gate)


# ---- how positions end


async def test_a_closed_position_is_in_the_history(gate: Any, paper: PaperProcess, account: PaperAccount) -> None:
    """With what it made, fees included."""
    await gate.create_order(SYMBOL, "market", "sell", 10)
    paper.price(BTC, 67400, hold=True)
    await gate.close_position(SYMBOL)
    row, told = (await gate.fetch_positions_history([SYMBOL]))[0], paper.books(account.uid)["positions"][0]

    assert (row["side"], row["contracts"], row["realizedPnl"]) == ("short", 10, float(told["history_pnl"]))


async def test_a_liquidation_is_read_and_a_deleveraging_is_an_order(
    paper: PaperProcess, member: Callable[..., PaperAccount]
) -> None:
    """Neither was placed by their owner; the books name the same orders."""
    account = member(balances={"USDT": "1000"})
    gate = a_ccxt(ccxt.async_support.gate, paper, account)
    try:
        await gate.set_leverage(100, SYMBOL, {"marginMode": "cross"})
        await gate.create_order(SYMBOL, "market", "buy", 10_000)
        done = paper.ask("POST", "/paper/deleverage", {"uid": account.uid, "symbol": BTC, "size": "1000"})
        reduced = await gate.fetch_order(done["order_id"], SYMBOL)
        paper.price(BTC, 66500, hold=True)
        taken, closed = (await gate.fetch_my_liquidations(SYMBOL))[0], await gate.fetch_closed_orders(SYMBOL)
        deleveraged = await gate.private_futures_get_settle_auto_deleverages({"settle": "usdt", "contract": BTC})
    finally:
        await gate.close()
    last = paper.books(account.uid)["orders"][-1]

    assert (reduced["status"], reduced["filled"], reduced["clientOrderId"]) == (
        "auto_deleveraged", 1000, "auto_deleveraging",
    )  # fmt: skip
    assert deleveraged[0]["order_id"] == int(done["order_id"]) and deleveraged[0]["position_size"] == "9000"
    assert (taken["contracts"], taken["info"]["fill_price"]) == (9000, last["average_price"])
    assert [(each["id"], each["filled"]) for each in closed if each["clientOrderId"] == "liquidation"] == [
        (last["id"], 9000)
    ]
