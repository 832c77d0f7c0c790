"""OKX's algo orders: set, amended, fired, failed and cancelled, by themselves and attached to an order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.paper.okx_client import SPOT, SWAP, OkxClient, OkxListener, hold_okx

CLOSE = {"instId": SWAP, "tdMode": "cross", "side": "sell", "sz": "5", "reduceOnly": True}
STOP = CLOSE | {"ordType": "conditional", "slTriggerPx": "66000", "slOrdPx": "-1"}
PAIR = CLOSE | {"ordType": "oco", "slTriggerPx": "66000", "slOrdPx": "-1", "tpTriggerPx": "69000", "tpOrdPx": "-1"}
TRIGGER = CLOSE | {"ordType": "trigger", "triggerPx": "66500", "orderPx": "66400"}
TRAIL = CLOSE | {"ordType": "move_order_stop", "callbackRatio": "0.01"}
ATTACHED = {
    "attachAlgoClOrdId": "guard1", "tpTriggerPx": "69000", "tpOrdPx": "-1", "slTriggerPx": "66000", "slOrdPx": "-1",
    "slTriggerPxType": "mark",
}  # fmt: skip


@pytest.fixture
def algos(okx: OkxClient) -> OkxListener:
    """Follows the client's algos."""
    listener = OkxListener(okx, "business")
    listener.subscribe("orders-algo", "algo-advance")
    return listener


@pytest.fixture
def orders(okx: OkxClient) -> OkxListener:
    """Follows the client's orders."""
    listener = OkxListener(okx)
    listener.subscribe("orders")
    return listener


def set_algo(okx: OkxClient, said: dict[str, Any], **more: Any) -> str:
    """Its id."""
    return str(okx.post("trade/order-algo", said | more)[0]["algoId"])


def shown(okx: OkxClient, algo_id: str) -> Any:
    return okx.get("trade/order-algo", algoId=algo_id)[0]


def test_a_stop_waits_fires_and_its_order_says_whose_it_is(
    okx: OkxClient, algos: OkxListener, orders: OkxListener
) -> None:
    """effective means that an order was placed; how that ended is the orders channel's to tell."""
    okx.place("buy", 5)
    item = okx.post("trade/order-algo", STOP | {"algoClOrdId": "stop1", "tag": "t1"})[0]
    assert item == {
        "algoId": item["algoId"],
        "algoClOrdId": "stop1",
        "clOrdId": "",
        "tag": "t1",
        "sCode": "0",
        "sMsg": "",
    }
    live = algos.rows("orders-algo")[0]
    assert (live["state"], live["ordType"], live["slTriggerPx"], live["slOrdPx"]) == (
        "live",
        "conditional",
        "66000",
        "-1",
    )
    orders.heard()
    hold_okx(okx.door, "65900")
    fired, spawned = algos.rows("orders-algo")[-1], orders.rows("orders")

    assert (fired["state"], fired["actualSide"], fired["ordIdList"]) == ("effective", "sl", [spawned[0]["ordId"]])
    assert {(row["algoId"], row["algoClOrdId"], row["source"]) for row in spawned} == {(item["algoId"], "stop1", "7")}
    assert spawned[-1]["state"] == "filled" and okx.get("account/positions") == []
    assert shown(okx, item["algoId"])["triggerTime"] == fired["triggerTime"] != ""


@pytest.mark.parametrize(("price", "side"), [("65900", "sl"), ("69100", "tp")])
def test_a_pair_fires_once(okx: OkxClient, algos: OkxListener, price: str, side: str) -> None:
    """One algo with two places; the other place is gone with it."""
    okx.place("buy", 5)
    algo_id = set_algo(okx, PAIR)
    hold_okx(okx.door, price)
    hold_okx(okx.door, "67500")
    hold_okx(okx.door, "69100")

    states = [(row["algoId"], row["state"], row["actualSide"]) for row in algos.rows("orders-algo")]
    assert states == [(algo_id, "live", ""), (algo_id, "effective", side)]


def test_of_both_sent_as_conditional_only_the_stop_counts(okx: OkxClient) -> None:
    """In net mode, as the documents say."""
    algo_id = set_algo(okx, PAIR | {"ordType": "conditional"})

    assert (shown(okx, algo_id)["slTriggerPx"], shown(okx, algo_id)["tpTriggerPx"]) == ("66000", "")


def test_a_trigger_places_its_order_at_its_price(okx: OkxClient, orders: OkxListener) -> None:
    """The request says orderPx, everything that is read says ordPx."""
    okx.place("buy", 5)
    algo_id = set_algo(okx, TRIGGER)
    assert shown(okx, algo_id)["ordPx"] == "66400"
    orders.heard()
    hold_okx(okx.door, "66450")
    row = orders.rows("orders")[0]

    assert (row["ordType"], row["px"], row["source"], row["algoId"]) == ("limit", "66400", "6", algo_id)


def test_a_trigger_can_carry_what_protects_its_order(okx: OkxClient, algos: OkxListener) -> None:
    """The spawned order spawns in turn."""
    opening = TRIGGER | {"side": "buy", "reduceOnly": False, "triggerPx": "68000", "orderPx": "-1"}
    set_algo(okx, opening, attachAlgoOrds=[ATTACHED])
    hold_okx(okx.door, "68100")
    rows = algos.rows("orders-algo")

    assert [(row["ordType"], row["state"], row["algoClOrdId"]) for row in rows] == [
        ("trigger", "live", ""),
        ("oco", "live", "guard1"),
        ("trigger", "effective", ""),
    ]
    assert rows[0]["attachAlgoOrds"][0]["attachAlgoClOrdId"] == "guard1"


def test_a_trailing_stop_follows_the_best_price(okx: OkxClient, algos: OkxListener, orders: OkxListener) -> None:
    """And is told on the advanced channel, where a flag is a flag."""
    okx.place("buy", 5)
    hold_okx(okx.door, "67500")
    algo_id = set_algo(okx, TRAIL)
    live = algos.rows("algo-advance")[0]
    assert (live["moveTriggerPx"], live["isTradeBorrowMode"], live["callbackRatio"]) == ("66825", False, "0.01")
    for price in ("68000", "70000", "69400"):
        hold_okx(okx.door, price)
    assert shown(okx, algo_id)["moveTriggerPx"] == "69300" and okx.get("account/positions")
    orders.heard()
    hold_okx(okx.door, "69200")

    assert algos.rows("algo-advance")[-1]["state"] == "effective"
    assert orders.rows("orders")[-1]["source"] == "25" and okx.get("account/positions") == []


def test_a_trailing_stop_may_wait_for_its_beginning(okx: OkxClient) -> None:
    """Before activePx it follows nothing; a distance does instead of a part."""
    okx.place("buy", 5)
    waiting = CLOSE | {"ordType": "move_order_stop", "callbackSpread": "500", "activePx": "69000"}
    algo_id = set_algo(okx, waiting)
    hold_okx(okx.door, "66000")
    assert shown(okx, algo_id)["moveTriggerPx"] == ""
    hold_okx(okx.door, "69100")
    assert shown(okx, algo_id)["moveTriggerPx"] == "68600"
    hold_okx(okx.door, "68600")

    assert shown(okx, algo_id)["state"] == "effective"


def test_mark_and_index_fire_by_themselves(okx: OkxClient) -> None:
    """Whatever was traded last."""
    okx.place("buy", 5)
    algo_id = set_algo(okx, STOP | {"slTriggerPxType": "mark"})
    okx.door.market.pin(SWAP, "index", Decimal(65000), okx.door.exchange.now_ms())
    assert shown(okx, algo_id)["state"] == "live"
    okx.door.market.pin(SWAP, "mark", Decimal(65000), okx.door.exchange.now_ms())

    assert shown(okx, algo_id)["state"] == "effective"


def test_what_closes_all_takes_the_size_of_its_moment_and_goes_with_the_position(okx: OkxClient) -> None:
    """closeFraction has no size of its own."""
    okx.place("buy", 5)
    said = {key: value for key, value in STOP.items() if key != "sz"} | {"closeFraction": "1"}
    algo_id = set_algo(okx, said)
    assert (shown(okx, algo_id)["sz"], shown(okx, algo_id)["closeFraction"]) == ("", "1")
    assert okx.get("account/positions")[0]["closeOrderAlgo"][0]["algoId"] == algo_id
    assert okx.refused("POST", "trade/order-algo", None, said) == "51332"
    okx.place("buy", 2)
    hold_okx(okx.door, "65900")
    assert shown(okx, algo_id)["actualSz"] == "7" and okx.get("account/positions") == []
    hold_okx(okx.door, "67500")
    okx.place("buy", 1)
    algo_id = set_algo(okx, said)
    okx.place("sell", 1)

    assert shown(okx, algo_id)["state"] == "canceled"


def test_a_reducer_that_has_nothing_to_reduce_fails(okx: OkxClient, algos: OkxListener) -> None:
    """One that is not bound to the position stays when that goes; fired, it fails and says why."""
    okx.place("buy", 5)
    algo_id = set_algo(okx, STOP)
    bound_id = set_algo(okx, STOP | {"cxlOnClosePos": True})
    okx.place("sell", 5)
    assert (shown(okx, algo_id)["state"], shown(okx, bound_id)["state"]) == ("live", "canceled")
    hold_okx(okx.door, "65900")
    failed = algos.rows("orders-algo")[-1]

    assert (failed["algoId"], failed["state"], failed["failCode"]) == (algo_id, "order_failed", "51169")
    assert [
        row["algoId"] for row in okx.get("trade/orders-algo-history", ordType="conditional", state="order_failed")
    ] == [algo_id]


def test_a_larger_stop_closes_what_there_is(okx: OkxClient) -> None:
    """It never turns the position round."""
    okx.place("buy", 3)
    set_algo(okx, STOP)
    hold_okx(okx.door, "65900")

    assert okx.get("account/positions") == [] and okx.get("trade/fills")[0]["side"] == "sell"


def test_a_spot_stop_sells_what_is_left_after_the_fee(okx: OkxClient) -> None:
    """Bought coins are fewer than the order said."""
    poor = OkxClient(okx.door)
    poor.place("buy", "0.1", instId=SPOT, tgtCcy="base_ccy")
    said = {"instId": SPOT, "tdMode": "cash", "side": "sell", "ordType": "conditional", "sz": "0.1"}
    algo_id = set_algo(poor, said | {"slTriggerPx": "66000", "slOrdPx": "-1"})
    hold_okx(okx.door, "65900")

    assert (shown(poor, algo_id)["state"], shown(poor, algo_id)["actualSz"]) == ("effective", "0.0999")


# ---- attached


def test_what_is_attached_lives_in_its_order_until_that_has_filled(
    okx: OkxClient, algos: OkxListener, orders: OkxListener
) -> None:
    """A part is not enough; then it is an algo of its own with the id that the client gave it."""
    other = OkxClient(okx.door, balances={"USDT": "1000000"})
    order_id = okx.place("buy", 5, "67500", attachAlgoOrds=[ATTACHED])
    row = orders.rows("orders")[0]["attachAlgoOrds"][0]
    assert len(row) == 16 and (row["attachAlgoClOrdId"], row["slTriggerPxType"]) == ("guard1", "mark")
    other.place("sell", 2, "67500")
    assert okx.get("trade/orders-algo-pending", ordType="conditional,oco") == [] == algos.rows()
    other.place("sell", 3, "67500")
    living = okx.get("trade/orders-algo-pending", ordType="conditional,oco")
    assert [(a["algoClOrdId"], a["ordType"], a["sz"], a["side"], a["reduceOnly"]) for a in living] == [
        ("guard1", "oco", "5", "sell", "true")
    ]
    assert living[0]["algoId"] == row["attachAlgoId"] == algos.rows("orders-algo")[0]["algoId"]
    hold_okx(okx.door, "65900")
    last = orders.rows("orders")[-1]

    assert (last["state"], last["source"], last["algoClOrdId"]) == ("filled", "7", "guard1")
    assert okx.show(order_id)["attachAlgoOrds"][0]["failCode"] == ""


def test_what_is_attached_goes_with_an_order_that_did_not_fill(okx: OkxClient) -> None:
    """It never becomes an algo."""
    order_id = okx.place("buy", 5, "66500", attachAlgoOrds=[ATTACHED])
    okx.post("trade/cancel-order", {"instId": SWAP, "ordId": order_id})

    assert okx.get("trade/orders-algo-pending", ordType="oco") == []
    assert okx.get("trade/orders-algo-history", ordType="oco", state="canceled") == []


def test_what_was_attached_goes_with_the_position(okx: OkxClient, algos: OkxListener) -> None:
    """Else it would open the other way."""
    okx.place("buy", 5, attachAlgoOrds=[ATTACHED])
    okx.place("sell", 5)

    assert [row["state"] for row in algos.rows("orders-algo")] == ["live", "canceled"]


def test_what_is_attached_can_be_amended(okx: OkxClient, orders: OkxListener) -> None:
    """By its new… names alone; 0 takes a part away; the order's own time stays."""
    order_id = okx.place("buy", 5, "66500", attachAlgoOrds=[ATTACHED | {"slTriggerPxType": "last"}])
    before = orders.rows("orders")[0]
    body = {"instId": SWAP, "ordId": order_id, "reqId": "r9"}
    wrong = body | {"attachAlgoOrds": [{"attachAlgoClOrdId": "guard1", "slTriggerPx": "65000"}]}
    assert okx.refused("POST", "trade/amend-order", None, wrong) == "51500"
    missing = body | {"attachAlgoOrds": [{"attachAlgoId": "5", "newSlTriggerPx": "65000"}]}
    assert okx.refused("POST", "trade/amend-order", None, missing) == "51527"
    change = {"attachAlgoClOrdId": "guard1", "newSlTriggerPx": "65000", "newTpTriggerPx": "0"}
    okx.post("trade/amend-order", body | {"attachAlgoOrds": [change]})
    row = orders.rows("orders")[0]

    assert (row["amendResult"], row["reqId"], row["uTime"]) == ("0", "r9", before["uTime"])
    attached = row["attachAlgoOrds"][0]
    assert (attached["slTriggerPx"], attached["tpTriggerPx"], attached["slOrdPx"]) == ("65000", "", "-1")


# ---- amend, cancel, list


def test_an_algo_is_amended_and_fires_where_it_waits_now(okx: OkxClient, algos: OkxListener) -> None:
    """The old place is forgotten."""
    okx.place("buy", 5)
    algo_id = set_algo(okx, PAIR)
    body = {"instId": SWAP, "algoId": algo_id, "reqId": "r3", "newSlTriggerPx": "65000", "newSz": "4"}
    assert okx.post("trade/amend-algos", body)[0] == {
        "algoId": algo_id, "algoClOrdId": "", "sCode": "0", "sMsg": "", "reqId": "r3",
    }  # fmt: skip
    row = algos.rows("orders-algo")[-1]
    assert (row["slTriggerPx"], row["tpTriggerPx"], row["sz"], row["amendResult"]) == ("65000", "69000", "4", "0")
    hold_okx(okx.door, "65900")
    assert shown(okx, algo_id)["state"] == "live"
    hold_okx(okx.door, "64900")

    assert shown(okx, algo_id)["actualSz"] == "4"


def test_an_algo_is_cancelled_by_its_own_call_only(okx: OkxClient, algos: OkxListener) -> None:
    """By either id, up to ten at once."""
    okx.place("buy", 5)
    first, second = set_algo(okx, STOP), set_algo(okx, TRIGGER, algoClOrdId="t2")
    assert okx.refused("POST", "trade/cancel-order", None, {"instId": SWAP, "ordId": first}) == "51400"
    gone = okx.post("trade/cancel-algos", [{"instId": SWAP, "algoId": first}, {"instId": SWAP, "algoClOrdId": "t2"}])
    assert [item["algoId"] for item in gone] == [first, second]
    assert [row["state"] for row in algos.rows("orders-algo")] == ["live", "live", "canceled", "canceled"]
    again = okx.body("POST", "trade/cancel-algos", None, [{"instId": SWAP, "algoId": first}])

    assert (again["code"], again["data"][0]["sCode"]) == ("1", "51400")
    assert okx.refused("POST", "trade/cancel-algos", None, [{"instId": SWAP, "algoId": first}] * 11) == "51111"


def test_lists_of_algos_are_of_one_kind_and_paged_by_id(okx: OkxClient) -> None:
    """Only conditional and oco can be asked for together."""
    okx.place("buy", 5)
    ids = [set_algo(okx, each) for each in (STOP, PAIR, TRIGGER, TRAIL)]

    both = okx.get("trade/orders-algo-pending", ordType="conditional,oco")
    assert [row["algoId"] for row in both] == [ids[1], ids[0]]
    assert [row["algoId"] for row in okx.get("trade/orders-algo-pending", ordType="conditional,oco", limit="1")] == [
        ids[1]
    ]
    assert [row["algoId"] for row in okx.get("trade/orders-algo-pending", ordType="conditional,oco", after=ids[1])] == [
        ids[0]
    ]
    assert [row["algoId"] for row in okx.get("trade/orders-algo-pending", ordType="move_order_stop")] == [ids[3]]
    for query in ({}, {"ordType": "conditional,trigger"}, {"ordType": "nonsense"}):
        assert okx.refused("GET", "trade/orders-algo-pending", query) in ("50014", "51000")
    assert okx.refused("GET", "trade/orders-algo-history", {"ordType": "oco"}) == "50015"
    assert okx.refused("GET", "trade/order-algo", {"algoId": "5"}) == "51603"
    assert okx.get("trade/orders-pending") == []


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"ordType": "twap"}, "51000"),
        ({"sz": ""}, "50014"),
        ({"sz": "1.001"}, "51121"),
        ({"slTriggerPx": "68000"}, "51280"),
        ({"slTriggerPx": "68000", "slTriggerPxType": "mark"}, "51304"),
        ({"slTriggerPx": "68000", "slTriggerPxType": "index"}, "51308"),
        ({"slTriggerPx": "", "slOrdPx": "", "tpTriggerPx": "66000", "tpOrdPx": "-1"}, "51279"),
        ({"side": "buy", "slTriggerPx": "66000"}, "51278"),
        ({"side": "buy", "slTriggerPx": "", "slOrdPx": "", "tpTriggerPx": "68000", "tpOrdPx": "-1"}, "51277"),
        ({"slTriggerPx": "", "slOrdPx": ""}, "51178"),
        ({"slOrdPx": ""}, "51000"),
        ({"slTriggerPx": "66000.05"}, "51000"),
        ({"ordType": "oco"}, "51000"),
        ({"ordType": "trigger"}, "50014"),
        ({"ordType": "move_order_stop"}, "51000"),
        ({"ordType": "move_order_stop", "callbackRatio": "2"}, "51000"),
        ({"closeFraction": "0.5"}, "51327"),
        ({"closeFraction": "1", "reduceOnly": False}, "51330"),
        ({"closeFraction": "1"}, "51023"),
        ({"instId": SPOT, "tdMode": "cash", "slTriggerPxType": "mark"}, "51415"),
        ({"algoClOrdId": "a-b"}, "51000"),
        ({"posSide": "long"}, "51000"),
        ({"instId": "DOGE-USDT-SWAP"}, "51001"),
    ],
    ids=str,
)
def test_a_wrong_algo_is_refused(okx: OkxClient, algos: OkxListener, said: dict[str, Any], code: str) -> None:
    """As an item; nothing is told."""
    assert okx.refused("POST", "trade/order-algo", None, STOP | said) == code
    assert algos.rows() == []


def test_an_algos_client_id_is_taken_while_it_waits(okx: OkxClient) -> None:
    """As with orders."""
    okx.place("buy", 5)
    set_algo(okx, STOP, algoClOrdId="a1")

    assert okx.refused("POST", "trade/order-algo", None, STOP | {"algoClOrdId": "a1"}) == "51065"
    okx.post("trade/cancel-algos", [{"instId": SWAP, "algoClOrdId": "a1"}])
    assert okx.get("trade/order-algo", algoClOrdId="a1")[0]["state"] == "canceled"
    set_algo(okx, STOP, algoClOrdId="a1")
    assert okx.get("trade/order-algo", algoClOrdId="a1")[0]["state"] == "live"
