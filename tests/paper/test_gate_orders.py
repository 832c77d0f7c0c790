"""Gate's orders beyond the plain ones: what clients may ask for, and what they read back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from shared.paper.gate.door import GateDoor
from tests.paper.gate_client import F, GateClient, GateListener

BTC = "BTC_USDT"


@pytest.fixture
def client(door: GateDoor) -> GateClient:
    """A member whose market stands still."""
    door.exchange.market.set_price(BTC, Decimal("67500"), 1, hold=True)
    return GateClient(door)


def a_member(client: GateClient, **said: object) -> GateClient:
    return GateClient(client.door, client.door.exchange.open_member(said))


def asks(client: GateClient) -> dict[str, str]:
    book = client.ok("GET", f"{F}/order_book", {"contract": BTC, "limit": "50"})
    return {level["p"]: level["s"] for level in book["asks"]}


# ---- icebergs and self-trade prevention


def test_the_public_book_shows_an_icebergs_tip_and_its_rest_pays_as_a_taker(client: GateClient) -> None:
    """What the sheet says of the hidden part: it is there, and it costs."""
    other = a_member(client)
    order = client.place(-10, "67500", iceberg=4)
    assert (order["iceberg"], asks(client)["67500"]) == ("4", "4")
    other.place(10, "67500")
    fills = client.ok("GET", f"{F}/my_trades", {"contract": BTC})

    rates = [(fill["size"], Decimal(fill["fee"]) / Decimal(fill["trade_value"])) for fill in fills]
    assert rates == [("-2", Decimal("0.0005")), ("-4", Decimal("0.0005")), ("-4", Decimal("-0.0001"))]


def test_self_trade_prevention_needs_a_group(client: GateClient) -> None:
    """The label is the commonest parameter error, so the message is what tells."""
    body = {"contract": BTC, "size": 1, "price": "66000", "stp_act": "cn"}
    reply = client.call("POST", f"{F}/orders", None, body)

    assert (reply.status, reply.body["message"]) == (400, "set stp_act without stp_id")
    assert client.place(1, "66000", stp_act="-")["stp_act"] == "-"
    assert a_member(client, stp_group=5).refused("POST", f"{F}/orders", None, body | {"stp_act": "xx"}) == (
        400, "INVALID_PARAM_VALUE",
    )  # fmt: skip


@pytest.mark.parametrize(("act", "resting", "coming"), [("cn", None, "stp"), ("co", "stp", None), ("cb", "stp", "stp")])
def test_orders_of_one_group_do_not_meet(client: GateClient, act: str, resting: str | None, coming: str | None) -> None:
    """`finish_as` says stp, in the reply and in the push; the group is in the order."""
    one, two = (a_member(client, stp_group=5) for _ in range(2))
    listener = GateListener(one)
    listener.subscribe("futures.orders")
    maker = one.place(-3, "67500")
    taker = two.place(5, "67500", stp_act=act)
    shown = one.ok("GET", f"{F}/orders/{maker['id']}")

    assert (taker["stp_act"], taker["stp_id"]) == (act, 5)
    assert (shown.get("finish_as"), taker.get("finish_as")) == (resting, coming)
    told = [row["finish_as"] for _, row in listener.rows()]
    assert told == (["_new"] if resting is None else ["_new", "stp"])


# ---- slippage and action modes


def test_a_market_order_stops_at_its_own_slippage(client: GateClient) -> None:
    """And says which bound it had: its own, or the contract's."""
    rich = a_member(client, balances={"USDT": "1000000"})
    usual = rich.place(1)
    bounded = rich.place(100_000, market_order_slip_ratio="0.0001")

    assert (usual["market_order_slip_ratio"], usual["finish_as"]) == ("0.05", "filled")
    assert (bounded["market_order_slip_ratio"], bounded["finish_as"]) == ("0.0001", "ioc")
    assert client.place(1, "66000")["market_order_slip_ratio"] == "0"
    body = {"contract": BTC, "size": 1, "price": "0", "tif": "ioc", "market_order_slip_ratio": "2"}
    assert client.refused("POST", f"{F}/orders", None, body) == (400, "INVALID_PARAM_VALUE")


def test_action_modes_say_less_and_less(client: GateClient) -> None:
    """ACK knows nothing of what became of the order, RESULT leaves the clearing out."""
    full, result, ack = (client.place(1, "66000", action_mode=mode) for mode in ("FULL", "RESULT", "ACK"))

    assert set(full) > set(result) > set(ack)
    assert set(full) - set(result) == {
        "mkfr", "tkfr", "refu", "refr", "order_value", "trade_value", "pnl", "pnl_margin",
    }  # fmt: skip
    assert "status" not in ack and {"id", "text", "size", "contract"} <= set(ack)
    gone = client.ok("DELETE", f"{F}/orders/{full['id']}", {"action_mode": "RESULT"})
    assert gone["finish_as"] == "cancelled" and "mkfr" not in gone
    body = {"contract": BTC, "size": 1, "price": "66000", "action_mode": "ASYNC"}
    assert client.refused("POST", f"{F}/orders", None, body) == (400, "INVALID_PARAM_VALUE")


# ---- attached take-profit and stop-loss


def attached(client: GateClient, status: str) -> list[Any]:
    rows: list[Any] = client.ok("GET", f"{F}/price_orders", {"status": status})
    return rows


def test_attached_stops_are_echoed_sleep_and_wake_with_their_order(client: GateClient) -> None:
    """REST names them as they were asked for, pushes as prices; they are price orders of their own."""
    listener = GateListener(client)
    for channel in ("futures.orders", "futures.autoorders"):
        listener.subscribe(channel)
    order = client.place(10, "67000", tpsl_tp_trigger_price="70000", tpsl_sl_trigger_price="65000.5")
    pushed = [row for channel, row in listener.rows() if channel == "orders"]
    waiting = attached(client, "inactive")

    assert (order["tpsl_tp_trigger_price"], order["tpsl_sl_trigger_price"]) == ("70000", "65000.5")
    assert [(p["stop_profit_price"], p["stop_loss_price"]) for p in pushed] == [("70000", "65000.5")]
    assert [(w["order_type"], w["parent_id"], w["trigger"]["rule"]) for w in waiting] == [
        ("close-long-order", order["id"], 2), ("close-long-order", order["id"], 1),
    ]  # fmt: skip
    client.door.exchange.market.set_price(BTC, Decimal("67000"), client.door.exchange.now_ms(), hold=True)
    assert [w["status"] for w in attached(client, "open")] == ["open", "open"] and not attached(client, "inactive")
    woken = [row["status"] for channel, row in listener.rows() if channel == "autoorders"]
    assert woken == ["open", "open"]


def test_the_stop_that_fires_closes_what_filled_and_ends_its_twin(client: GateClient) -> None:
    """`trade_id` is the order that came of it, `parent_id` the one that it belonged to."""
    order = client.place(10, tpsl_tp_trigger_price="70000", tpsl_sl_trigger_price="65000")
    client.door.exchange.market.set_price(BTC, Decimal("64990"), client.door.exchange.now_ms(), hold=True)
    loss, profit = attached(client, "finished")
    spawned = client.ok("GET", f"{F}/orders/{loss['trade_id']}")

    assert (loss["finish_as"], profit["finish_as"], profit["trade_id"]) == ("succeeded", "cancelled", 0)
    assert (loss["parent_id"], loss["me_order_id"], loss["trade_id_string"]) == (
        order["id"], order["id"], spawned["id_string"],
    )  # fmt: skip
    assert (spawned["size"], spawned["text"], spawned["is_reduce_only"]) == ("-10", f"ao-{loss['id']}", True)
    assert client.ok("GET", f"{F}/positions", {"holding": "true"}) == []


def test_attached_stops_end_with_an_order_that_never_filled(client: GateClient) -> None:
    """In dual mode as well, and for a short on the other sides."""
    client.ok("POST", f"{F}/dual_mode", {"dual_mode": "true"})
    order = client.place(-10, "69000", tpsl_tp_trigger_price="65000", tpsl_sl_trigger_price="70000")
    assert {row["order_type"] for row in attached(client, "inactive")} == {"close-short-order"}
    client.ok("DELETE", f"{F}/orders/{order['id']}")

    assert [row["finish_as"] for row in attached(client, "finished")] == ["cancelled", "cancelled"]


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ({"tpsl_tp_trigger_price": "60000"}, "AUTO_TRIGGER_PRICE_GREATE_LAST"),
        ({"tpsl_sl_trigger_price": "70000"}, "AUTO_TRIGGER_PRICE_LESS_LAST"),
        ({"tpsl_sl_trigger_price": "-1"}, "INVALID_PARAM_VALUE"),
        ({"tpsl_sl_trigger_price": "60000", "reduce_only": True}, "INVALID_PARAM_VALUE"),
        ({"tpsl_tp_bbo_type": "1"}, "INVALID_PARAM_VALUE"),
        ({"iceberg": -1}, "INVALID_PARAM_VALUE"),
    ],
)
def test_what_cannot_be_attached_is_refused(client: GateClient, said: dict[str, object], label: str) -> None:
    """The order is refused with it: half of what was asked for is not what was asked for."""
    body = {"contract": BTC, "size": 1, "price": "67000"} | said

    assert client.refused("POST", f"{F}/orders", None, body) == (400, label)
    assert not client.member.wallets["gate"].orders


# ---- amend


def test_an_amendment_names_the_whole_size_and_may_end_the_order(client: GateClient) -> None:
    """The new size includes what has filled; no more than that cancels."""
    other = a_member(client)
    order = client.place(10, "67500", text="t-amend")
    other.place(-4, "67500")
    grown = client.ok("PUT", f"{F}/orders/t-amend", None, {"size": 20, "amend_text": "t-more"})
    assert (grown["size"], grown["left"], grown["amend_text"]) == ("20", "16", "t-more")
    ended = client.ok("PUT", f"{F}/orders/{order['id']}", None, {"size": "4"})

    assert (ended["status"], ended["finish_as"], ended["left"]) == ("finished", "cancelled", "16")
    assert client.refused("PUT", f"{F}/orders/t-amend", None, {"size": 30}) == (400, "ORDER_FINISHED")


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ({"size": 10}, "NO_CHANGE"),
        ({}, "NO_CHANGE"),
        ({"price": "67000"}, "NO_CHANGE"),
        ({"size": -10}, "INVALID_PARAM_VALUE"),
        ({"size": 0}, "INVALID_ARGUMENT"),
        ({"price": "0"}, "INVALID_PARAM_VALUE"),
        ({"price": "67000.05"}, "INVALID_PARAM_VALUE"),
        ({"price": "100"}, "PRICE_TOO_DEVIATED"),
        ({"size": 2_000_000}, "SIZE_TOO_LARGE"),
        ({"size": 900_000}, "INSUFFICIENT_AVAILABLE"),
    ],
    ids=str,
)
def test_an_amendment_that_cannot_be_is_refused_and_changes_nothing(
    client: GateClient, said: dict[str, object], label: str
) -> None:
    """The order that stands is worth more than the one that was wished for."""
    before = client.place(10, "67000")
    path = f"{F}/orders/{before['id']}"

    assert client.refused("PUT", path, None, said) == (400, label)
    assert client.ok("GET", path) == before
    assert client.refused("PUT", f"{F}/orders/t-nobody", None, said) == (404, "ORDER_NOT_FOUND")


# ---- batches and cancel-all


def test_a_malformed_item_refuses_its_whole_batch_and_an_unlucky_one_only_itself(client: GateClient) -> None:
    """Format is everybody's, fortune is one's own."""
    good = {"contract": BTC, "size": 1, "price": "66000", "tif": "gtc"}
    for wrong in ({"tif": "GTC"}, {"size": "many"}, {"text": "mine"}, {"contract": None}):
        assert client.call("POST", f"{F}/batch_orders", None, [good, good | wrong]).status == 400
    assert not client.member.wallets["gate"].orders
    unlucky = ({"contract": "NOPE_USDT"}, {"size": 900_000}, {"price": "10"})
    rows = client.ok("POST", f"{F}/batch_orders", None, [good, *(good | each for each in unlucky), good])

    assert [(row["succeeded"], row.get("label")) for row in rows] == [
        (True, None), (False, "CONTRACT_NOT_FOUND"), (False, "INSUFFICIENT_AVAILABLE"), (False, "PRICE_TOO_DEVIATED"),
        (True, None),
    ]  # fmt: skip
    assert all("detail" in row for row in rows if not row["succeeded"])


def test_a_batch_amends_by_id_and_by_text_each_with_its_own_outcome(client: GateClient) -> None:
    """Ids are whole numbers there."""
    first, _ = client.place(1, "66000"), client.place(1, "66000", text="t-two")
    rows = client.ok(
        "POST", f"{F}/batch_amend_orders", None,
        [{"order_id": first["id"], "size": 2}, {"text": "t-two", "price": "66001"}, {"text": "t-none", "size": 3}],
    )  # fmt: skip

    assert [(row["succeeded"], row.get("label")) for row in rows] == [
        (True, None), (True, None), (False, "ORDER_NOT_FOUND"),
    ]  # fmt: skip
    assert (rows[0]["size"], rows[1]["price"]) == ("2", "66001")


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ({}, set()),
        ({"contract": BTC}, {"eth"}),
        ({"contract": BTC, "side": "bid"}, {"sell", "stop", "eth"}),
        ({"side": "ask"}, {"buy", "eth"}),
        ({"exclude_reduce_only": "true"}, {"stop"}),
        ({"exclude_reduce_only": "True", "side": "ask"}, {"buy", "stop", "eth"}),
        ({"text": "t-buy"}, set()),
    ],
    ids=str,
)
def test_cancel_all_takes_what_it_names_and_a_remark_names_nothing(
    client: GateClient, query: dict[str, str], left: set[str]
) -> None:
    """`text` is a remark on the cancellation: whoever takes it for a filter loses every order."""
    client.place(5)
    client.place(1, "66000", text="t-buy")
    client.place(-1, "69000", text="t-sell")
    client.place(-5, "69500", text="t-stop", reduce_only=True)
    client.place(1, "3000", contract="ETH_USDT", text="t-eth")
    gone = client.ok("DELETE", f"{F}/orders", query)
    still = {row["text"].removeprefix("t-") for row in client.ok("GET", f"{F}/orders", {"status": "open"})}

    assert still == left and {row["text"].removeprefix("t-") for row in gone} == {"buy", "sell", "stop", "eth"} - left
    assert {row["finish_as"] for row in gone} <= {"cancelled"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "orders", {"contract": BTC, "size": 1, "price": "66000"}),
        ("POST", "batch_orders", [{"contract": BTC, "size": 1, "price": "66000"}]),
        ("PUT", "orders/t-live", {"size": 2}),
        ("POST", "batch_amend_orders", [{"text": "t-live", "size": 2}]),
        ("DELETE", "orders/t-live", None),
        ("DELETE", "orders", None),
        ("POST", "batch_cancel_orders", ["t-live"]),
    ],
    ids=lambda each: str(each)[:20],
)
def test_every_command_may_come_too_late(client: GateClient, method: str, path: str, body: object) -> None:
    """A command that was given up must not be carried out later."""
    before = client.place(1, "66000", text="t-live")
    late = {"x-gate-exptime": str(client.door.exchange.now_ms() - 1)}

    assert client.call(method, f"{F}/{path}", None, body, headers=late).status == 400
    assert client.ok("GET", f"{F}/orders", {"status": "open"}) == [before]


def test_a_contract_holds_a_hundred_open_orders(client: GateClient) -> None:
    """The limit is the contract's own `orders_limit`."""
    client.door.limits.is_on = False
    limit = client.ok("GET", f"{F}/contracts/{BTC}")["orders_limit"]
    for _ in range(limit):
        client.place(1, "66000")

    body = {"contract": BTC, "size": 1, "price": "66000"}
    assert client.refused("POST", f"{F}/orders", None, body) == (400, "TOO_MANY_ORDERS")
    client.place(1, "3000", contract="ETH_USDT")


def test_more_than_the_risk_limit_is_refused_whatever_the_money(client: GateClient) -> None:
    """At 100x no more than a million."""
    rich = a_member(client, balances={"USDT": "1000000000"})
    rich.ok("POST", f"{F}/positions/{BTC}/leverage", {"leverage": "100"})
    body = {"contract": BTC, "size": 200_000, "price": "67000"}

    assert rich.refused("POST", f"{F}/orders", None, body) == (400, "RISK_LIMIT_EXCEEDED")
    rich.ok("POST", f"{F}/positions/{BTC}/leverage", {"leverage": "50"})
    rich.place(200_000, "67000")
