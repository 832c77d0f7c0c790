"""OKX's orders from entry to end: what is accepted, what each step looks like on the channel, and what is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.paper.okx_client import SPOT, SWAP, OkxClient, OkxListener, hold_okx

Steps = list[tuple[str, str, str]]


@pytest.fixture
def ears(okx: OkxClient) -> OkxListener:
    """Follows the client's orders."""
    listener = OkxListener(okx)
    listener.subscribe("orders")
    return listener


@pytest.fixture
def other(okx: OkxClient) -> OkxClient:
    """Somebody to trade with between the best bid and the best ask, where nobody else is."""
    return OkxClient(okx.door, balances={"USDT": "1000000", "BTC": "10"})


def steps(ears: OkxListener) -> Steps:
    """State, filled so far and why it was cancelled, of each push."""
    return [(row["state"], row["accFillSz"], row["cancelSource"]) for row in ears.rows("orders")]


# ---- how each kind goes (section 3.2)


def test_a_limit_order_lives_and_is_cancelled(okx: OkxClient, ears: OkxListener) -> None:
    """The answer names the order, the pushes tell the rest."""
    answer = okx.body("POST", "trade/order", None, okx.order("buy", 3, "66000", clOrdId="abc1", tag="t1"))
    item = answer["data"][0]
    assert (answer["code"], answer["inTime"], item["sCode"], item["subCode"]) == ("0", "1", "0", "")
    assert (item["clOrdId"], item["tag"], len(item["ordId"])) == ("abc1", "t1", 19)
    assert okx.post("trade/cancel-order", {"instId": SWAP, "ordId": item["ordId"]})[0]["sCode"] == "0"

    assert steps(ears) == [("live", "0", ""), ("canceled", "0", "1")]
    assert okx.refused("POST", "trade/cancel-order", None, {"instId": SWAP, "clOrdId": "abc1"}) == "51400"


def test_a_market_order_is_live_first_and_each_trade_is_a_push(okx: OkxClient, ears: OkxListener) -> None:
    """One trade, one push, one trade id; never two fills in one."""
    order_id = okx.place("buy", 30)
    rows = ears.rows("orders")
    fills = rows[1:]

    assert (rows[0]["state"], rows[0]["fillSz"], rows[0]["avgPx"], rows[0]["px"]) == ("live", "0", "0", "")
    assert [row["state"] for row in fills[:-1]] == ["partially_filled"] * (len(fills) - 1)
    assert fills[-1]["state"] == "filled" and len({row["tradeId"] for row in fills}) == len(fills) > 1
    assert sum(Decimal(row["fillSz"]) for row in fills) == 30
    assert sum(Decimal(row["fillFee"]) for row in fills) == Decimal(fills[-1]["fee"]) < 0
    assert okx.show(order_id)["avgPx"] == fills[-1]["avgPx"]


def test_a_maker_is_told_of_each_of_its_trades(okx: OkxClient, ears: OkxListener, other: OkxClient) -> None:
    """Partly filled, then filled, at its own price and for less."""
    order_id = okx.place("buy", 5, "67500")
    other.place("sell", 2, "67500")
    other.place("sell", 3, "67500", ordType="ioc")
    rows = ears.rows("orders")

    assert [(row["state"], row["accFillSz"], row["execType"]) for row in rows] == [
        ("live", "0", ""),
        ("partially_filled", "2", "M"),
        ("filled", "5", "M"),
    ]
    assert rows[1]["fillFee"] == "-0.27" and rows[2]["fillFeeCcy"] == "USDT"  # 2 x 0.01 BTC x 67500 x 0.0002
    assert [fill["fillSz"] for fill in okx.get("trade/fills", ordId=order_id)] == ["3", "2"]


@pytest.mark.parametrize(
    ("kind", "price", "expected"),
    [
        ("ioc", "67000", [("live", "0", ""), ("canceled", "0", "14")]),
        ("fok", "67000", [("live", "0", ""), ("canceled", "0", "13")]),
        ("post_only", "67600", [("canceled", "0", "31")]),
        ("post_only", "67000", [("live", "0", "")]),
    ],
)
def test_what_may_not_rest_or_not_take_is_accepted_and_then_cancelled(
    okx: OkxClient, ears: OkxListener, kind: str, price: str, expected: Steps
) -> None:
    """An sCode of 0 says that the gateway took it, no more; a post-only that would take was never live."""
    okx.place("buy", 3, price, ordType=kind)

    assert steps(ears) == expected


def test_an_ioc_keeps_what_it_got(okx: OkxClient, ears: OkxListener, other: OkxClient) -> None:
    """Cancelled with something filled."""
    other.place("sell", 2, "67500")
    okx.place("buy", 5, "67500", ordType="ioc")

    assert steps(ears) == [("live", "0", ""), ("partially_filled", "2", ""), ("canceled", "2", "14")]


def test_what_is_left_of_a_taker_rests_without_another_word(
    okx: OkxClient, ears: OkxListener, other: OkxClient
) -> None:
    """The push of its trade has told everything."""
    other.place("sell", 2, "67500")
    okx.place("buy", 5, "67500")

    assert steps(ears) == [("live", "0", ""), ("partially_filled", "2", "")]


def test_a_fok_is_filled_as_a_whole_or_not_at_all(okx: OkxClient, ears: OkxListener, other: OkxClient) -> None:
    """Two waiting are not enough for three."""
    other.place("sell", 2, "67500")
    okx.place("buy", 3, "67500", ordType="fok")
    okx.place("buy", 2, "67500", ordType="fok")

    assert [each[:2] for each in steps(ears)] == [("live", "0"), ("canceled", "0"), ("live", "0"), ("filled", "2")]


def test_optimal_limit_ioc_goes_at_market(okx: OkxClient, ears: OkxListener) -> None:
    """Of contracts only."""
    okx.place("buy", 1, ordType="optimal_limit_ioc")
    assert [each[0] for each in steps(ears)] == ["live", "filled"]

    body = okx.order("buy", "0.01", instId=SPOT, ordType="optimal_limit_ioc")
    assert okx.refused("POST", "trade/order", None, body) == "51000"


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("cancel_maker", [("canceled", "0", "32"), ("live", "0", "")]),
        ("cancel_taker", [("live", "0", ""), ("canceled", "0", "32")]),
        ("cancel_both", [("canceled", "0", "32"), ("canceled", "0", "32")]),
    ],
)
def test_an_account_never_trades_with_itself(okx: OkxClient, mode: str, expected: Steps) -> None:
    """By default who waits goes."""
    first = okx.place("sell", 2, "67500")
    second = okx.place("buy", 2, "67500", **({} if mode == "cancel_maker" else {"stpMode": mode}))
    rows = [okx.show(first), okx.show(second)]

    assert [(row["state"], row["accFillSz"], row["cancelSource"]) for row in rows] == expected


# ---- amendments


def test_an_amended_order_says_so_once(okx: OkxClient, ears: OkxListener) -> None:
    """newSz is the whole size; the ids stay, the result comes on the channel."""
    order_id = okx.place("buy", 3, "66000")
    ears.heard()
    item = okx.post(
        "trade/amend-order", {"instId": SWAP, "ordId": order_id, "newSz": "5", "newPx": "66001", "reqId": "r1"}
    )
    assert (item[0]["sCode"], item[0]["reqId"], item[0]["ordId"]) == ("0", "r1", order_id)
    row = ears.rows("orders")[0]
    assert (row["state"], row["sz"], row["px"]) == ("live", "5", "66001")
    assert (row["amendSource"], row["amendResult"], row["reqId"], row["code"]) == ("1", "0", "r1", "0")
    okx.post("trade/cancel-order", {"instId": SWAP, "ordId": order_id})
    row = ears.rows("orders")[0]

    assert (row["amendSource"], row["amendResult"], row["reqId"]) == ("", "", "")


def test_an_amendment_down_to_what_is_filled_fills_the_order(
    okx: OkxClient, ears: OkxListener, other: OkxClient
) -> None:
    """There is nothing left to wait for."""
    order_id = okx.place("buy", 5, "67500")
    other.place("sell", 2, "67500")
    okx.post("trade/amend-order", {"instId": SWAP, "ordId": order_id, "newSz": "2"})

    assert [each[:2] for each in steps(ears)] == [("live", "0"), ("partially_filled", "2"), ("filled", "2")]
    assert not okx.door.engine.listings[SWAP].book.bids.levels.get(Decimal(67500))


@pytest.mark.parametrize(("cancels", "expected"), [(False, ("live", "-1")), (True, ("canceled", "1"))])
def test_an_amendment_that_fails_late_is_accepted_first(
    okx: OkxClient, ears: OkxListener, cancels: bool, expected: tuple[str, str]
) -> None:
    """A post-only that would take lives on as it was, or goes if that was asked."""
    order_id = okx.place("buy", 3, "66000", ordType="post_only")
    ears.heard()
    body = {"instId": SWAP, "ordId": order_id, "newPx": "67600", "reqId": "r2", "cxlOnFail": cancels}
    okx.post("trade/amend-order", body)
    row = ears.rows("orders")[0]

    assert (row["state"], row["amendResult"], row["code"], row["px"]) == (*expected, "51511", "66000")


def test_an_amendment_that_cannot_be_paid_fails_late(okx: OkxClient, ears: OkxListener) -> None:
    """What was bound before stays bound, and no more."""
    order_id = okx.place("buy", 3, "66000")
    free = okx.door.engine.available(okx.account)
    okx.post("trade/amend-order", {"instId": SWAP, "ordId": order_id, "newSz": "100000"})
    row = ears.rows("orders")[-1]

    assert (row["sz"], row["amendResult"], row["code"]) == ("3", "-1", "51502")
    assert okx.door.engine.available(okx.account) == free


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({}, "51500"),
        ({"newSz": "0"}, "51000"),
        ({"newSz": "1.001"}, "51121"),
        ({"newPx": "80000"}, "51137"),
        ({"newPx": "66000.05"}, "51000"),
        ({"newSz": "5", "ordId": "1"}, "51503"),
        ({"newSz": "5", "ordId": "", "clOrdId": ""}, "51003"),
    ],
)
def test_an_amendment_that_makes_no_sense_is_refused_at_once(
    okx: OkxClient, ears: OkxListener, said: dict[str, str], code: str
) -> None:
    """And nothing is told of it."""
    order_id = okx.place("buy", 3, "66000")
    ears.heard()

    assert okx.refused("POST", "trade/amend-order", None, {"instId": SWAP, "ordId": order_id} | said) == code
    assert ears.rows("orders") == []


# ---- what is refused


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"instId": "DOGE-USDT-SWAP"}, "51001"),
        ({"instId": ""}, "50014"),
        ({"tdMode": "cash"}, "51000"),
        ({"tdMode": ""}, "50014"),
        ({"side": "hold"}, "51000"),
        ({"posSide": "long"}, "51000"),
        ({"ordType": "chase"}, "51000"),
        ({"sz": "0"}, "51000"),
        ({"sz": "nan"}, "51000"),
        ({"sz": "1e400"}, "51000"),
        ({"sz": "0.001"}, "51020"),
        ({"sz": "1.001"}, "51121"),
        ({"sz": "99999999999"}, "51005"),
        ({"px": ""}, "50014"),
        ({"px": "66000.05"}, "51000"),
        ({"px": "80000"}, "51137"),
        ({"side": "sell", "px": "50000"}, "51138"),
        ({"clOrdId": "with-dash"}, "51000"),
        ({"clOrdId": "x" * 33}, "51000"),
        ({"tag": "x" * 17}, "51000"),
        ({"reduceOnly": "maybe"}, "51000"),
        ({"reduceOnly": True}, "51169"),
        ({"stpMode": "cancel_all"}, "51000"),
        ({"ordType": "fok", "stpMode": "cancel_both"}, "54036"),
        ({"sz": "100000"}, "51008"),
        ({"attachAlgoOrds": [{"tpTriggerPx": "66000", "tpOrdPx": "-1"}]}, "51046"),
        ({"attachAlgoOrds": [{"slTriggerPx": "66500", "slOrdPx": "-1"}]}, "51047"),
        ({"attachAlgoOrds": [{"slTriggerPx": "65000"}]}, "51000"),
        ({"attachAlgoOrds": [{}]}, "51178"),
        ({"attachAlgoOrds": [5]}, "51000"),
    ],
    ids=str,
)
def test_a_wrong_order_is_an_item_with_its_own_code(
    okx: OkxClient, ears: OkxListener, said: dict[str, Any], code: str
) -> None:
    """HTTP 200, the summary 1, and no push at all."""
    reply = okx.call("POST", "trade/order", None, okx.order("buy", 3, "66000") | said)

    assert (reply.status, reply.code, reply.message) == (200, "1", "All operations failed")
    assert (reply.rows[0]["sCode"], reply.rows[0]["ordId"]) == (code, "")
    assert ears.rows("orders") == [] and not okx.account.orders


def test_short_of_money_has_a_sub_code(okx: OkxClient) -> None:
    """51008 alone does not say of what."""
    contract = okx.body("POST", "trade/order", None, okx.order("buy", 100000, "66000"))["data"][0]
    spot = okx.body("POST", "trade/order", None, okx.order("buy", 100, "66000", instId=SPOT))["data"][0]

    assert (contract["sCode"], contract["subCode"], spot["sCode"], spot["subCode"]) == (
        "51008",
        "1001",
        "51008",
        "1000",
    )


def test_a_client_id_is_taken_while_its_order_is_pending_only(okx: OkxClient) -> None:
    """So it is no key against doing something twice."""
    first = okx.place("buy", 1, "66000", clOrdId="mine")
    assert okx.refused("POST", "trade/order", None, okx.order("buy", 1, "66000", clOrdId="mine")) == "51016"
    okx.post("trade/cancel-order", {"instId": SWAP, "clOrdId": "mine"})
    second = okx.place("buy", 1, "66000", clOrdId="mine")

    assert first != second
    assert okx.get("trade/order", instId=SWAP, clOrdId="mine")[0]["ordId"] == second


def test_a_price_outside_the_band_can_be_pulled_into_it(okx: OkxClient) -> None:
    """pxAmendType 1 asks for that."""
    limit = okx.get("public/price-limit", instId=SWAP)[0]
    order_id = okx.place("sell", 1, "50000", pxAmendType="1", ordType="ioc")

    assert okx.show(order_id)["px"] == limit["sellLmt"] == "64125"


# ---- reduce-only and sides


def test_reduce_only_reduces_or_is_refused_as_a_whole(okx: OkxClient) -> None:
    """Nothing is trimmed."""
    okx.place("buy", 5)

    assert okx.refused("POST", "trade/order", None, okx.order("buy", 1, reduceOnly=True)) == "51170"
    assert okx.refused("POST", "trade/order", None, okx.order("sell", 6, reduceOnly="true")) == "51112"
    order_id = okx.place("sell", 5, reduceOnly=True)
    assert okx.show(order_id)["reduceOnly"] == "true" and okx.get("account/positions") == []


def test_a_resting_reducer_goes_with_its_position(okx: OkxClient, ears: OkxListener) -> None:
    """The venue cancels what could only open something now."""
    okx.place("buy", 5)
    resting = okx.place("sell", 5, "68000", reduceOnly=True)
    ears.heard()
    okx.place("sell", 5)
    ended = {row["ordId"]: row["cancelSource"] for row in ears.rows("orders") if row["state"] == "canceled"}

    assert ended == {resting: "17"}


def test_net_mode_turns_a_position_round(okx: OkxClient) -> None:
    """The sign of `pos` is the direction."""
    okx.place("buy", 3)
    okx.place("sell", 5)

    assert [(p["posSide"], p["pos"]) for p in okx.get("account/positions")] == [("net", "-2")]


def test_long_short_mode_names_the_side_of_each_order(okx: OkxClient) -> None:
    """Both can be held at once; closing more than is held is refused."""
    okx.post("account/set-position-mode", {"posMode": "long_short_mode"})
    assert okx.refused("POST", "trade/order", None, okx.order("buy", 3)) == "51000"
    okx.place("buy", 3, posSide="long")
    okx.place("sell", 2, posSide="short")
    assert okx.refused("POST", "trade/order", None, okx.order("sell", 4, posSide="long")) == "51112"
    okx.place("sell", 1, posSide="long")

    held = [(p["posSide"], p["pos"], p["mgnMode"]) for p in okx.get("account/positions")]
    assert held == [("long", "2", "cross"), ("short", "2", "cross")]
    assert {fill["subType"] for fill in okx.get("trade/fills")} == {"3", "4", "5"}


def test_cross_and_isolated_are_two_positions(okx: OkxClient) -> None:
    """Isolated ones have their own margin."""
    okx.place("buy", 3)
    okx.place("sell", 2, tdMode="isolated")
    held = okx.get("account/positions")

    assert [(p["mgnMode"], p["pos"]) for p in held] == [("cross", "3"), ("isolated", "-2")]
    assert held[0]["margin"] == "" and held[0]["imr"] == "202.5"
    assert held[1]["imr"] == "" and Decimal(held[1]["margin"]) == pytest.approx(Decimal(135), abs=1)


def test_a_position_is_closed_at_market(okx: OkxClient, ears: OkxListener) -> None:
    """The answer names no order, so the client's own id does."""
    okx.place("buy", 5)
    okx.place("sell", 2, "68000")
    ears.heard()
    body = {"instId": SWAP, "mgnMode": "cross", "clOrdId": "bye"}
    assert okx.refused("POST", "trade/close-position", None, body) == "51115"
    answer = okx.post("trade/close-position", body | {"autoCxl": True})
    assert answer == [{"clOrdId": "bye", "instId": SWAP, "posSide": "net", "tag": ""}]
    rows = ears.rows("orders")

    assert rows[0]["state"] == "canceled" and rows[-1]["clOrdId"] == "bye" and rows[-1]["state"] == "filled"
    assert okx.get("account/positions") == []
    assert okx.refused("POST", "trade/close-position", None, body) == "51023"


# ---- batches and the dead man's switch


def test_a_batch_has_an_outcome_for_each(okx: OkxClient) -> None:
    """2 says that some failed; which ones only the items say."""
    good, bad = okx.order("buy", 1, "66000", clOrdId="b1"), okx.order("buy", "0.001", "66000", clOrdId="b2")
    answer = okx.body("POST", "trade/batch-orders", None, [good, bad])
    assert (answer["code"], answer["msg"]) == ("2", "Bulk operation partially succeeded.")
    assert [(item["clOrdId"], item["sCode"]) for item in answer["data"]] == [("b1", "0"), ("b2", "51020")]
    amended = okx.post("trade/amend-batch-orders", [{"instId": SWAP, "clOrdId": "b1", "newSz": "2"}])
    assert amended[0]["sCode"] == "0"
    gone = okx.body("POST", "trade/cancel-batch-orders", None, [{"instId": SWAP, "clOrdId": n} for n in ("b1", "b2")])
    assert [item["sCode"] for item in gone["data"]] == ["0", "51400"]

    assert okx.body("POST", "trade/batch-orders", None, [bad, bad])["code"] == "1"
    assert okx.refused("POST", "trade/batch-orders", None, [good] * 21) == "51111"


def test_a_batch_may_mix_instruments(okx: OkxClient) -> None:
    """Spot and contracts in one call."""
    orders = [okx.order("buy", 1, "66000"), okx.order("buy", "0.01", "66000", instId=SPOT)]
    okx.post("trade/batch-orders", orders)

    assert {row["instId"] for row in okx.get("trade/orders-pending")} == {SWAP, SPOT}


def test_cancel_all_after_waits_for_a_sign_of_life(okx: OkxClient) -> None:
    """It takes the orders of its tag, or all; algos stay."""
    okx.place("buy", 1, "66000", tag="bot")
    other = okx.place("buy", 1, "66000")
    now_ms = okx.door.exchange.now_ms()
    okx.door.limits.is_on = False
    assert okx.refused("POST", "trade/cancel-all-after", None, {"timeOut": "5"}) == "51000"
    row = okx.post("trade/cancel-all-after", {"timeOut": "10", "tag": "bot"})[0]
    assert now_ms + 10_000 <= int(row["triggerTime"]) and row["tag"] == "bot"
    okx.door.tick(now_ms + 9_000)
    assert len(okx.get("trade/orders-pending")) == 2
    okx.door.tick(now_ms + 11_000)
    assert [row["ordId"] for row in okx.get("trade/orders-pending")] == [other]
    assert okx.get("trade/orders-history", instType="SWAP")[0]["cancelSource"] == "20"
    okx.post("trade/cancel-all-after", {"timeOut": "10"})
    assert okx.post("trade/cancel-all-after", {"timeOut": "0"})[0]["triggerTime"] == "0"
    okx.door.tick(now_ms + 30_000)

    assert len(okx.get("trade/orders-pending")) == 1


# ---- spot


def test_spot_at_market_names_money_or_coins(okx: OkxClient, ears: OkxListener) -> None:
    """Buys name the money unless they say otherwise, sells the coins."""
    money = okx.show(okx.place("buy", 1000, instId=SPOT), SPOT)
    coins = okx.show(okx.place("buy", "0.01", instId=SPOT, tgtCcy="base_ccy"), SPOT)
    sold = okx.show(okx.place("sell", "0.01", instId=SPOT), SPOT)
    raised = okx.show(okx.place("sell", 500, instId=SPOT, tgtCcy="quote_ccy"), SPOT)

    assert [(row["sz"], row["tgtCcy"], row["state"]) for row in (money, coins, sold, raised)] == [
        ("1000", "quote_ccy", "filled"),
        ("0.01", "base_ccy", "filled"),
        ("0.01", "base_ccy", "filled"),
        ("500", "quote_ccy", "filled"),
    ]
    assert money["accFillSz"] == "0.01481479" and raised["accFillSz"] == "0.00740741"
    assert (money["feeCcy"], money["fee"]) == ("BTC", "-0.00001481479")
    assert (sold["feeCcy"], sold["rebateCcy"]) == ("USDT", "BTC")
    assert {row["posSide"] for row in ears.rows("orders")} == {""} and money["posSide"] == "net"


def test_spot_locks_what_it_needs_and_no_fee(okx: OkxClient) -> None:
    """A resting buy locks its money, a resting sell its coins; the ledger's own time stays."""
    before = {row["ccy"]: row for row in okx.get("account/balance")[0]["details"]}
    okx.place("buy", "0.1", "60000", instId=SPOT)
    okx.place("sell", "0.25", "70000", instId=SPOT)
    after = {row["ccy"]: row for row in okx.get("account/balance")[0]["details"]}

    assert (after["USDT"]["availBal"], after["USDT"]["frozenBal"], after["USDT"]["ordFrozen"]) == (
        "94000",
        "6000",
        "6000",
    )
    assert (after["BTC"]["availBal"], after["BTC"]["frozenBal"], after["BTC"]["cashBal"]) == ("0.75", "0.25", "1")
    assert [row["uTime"] for row in after.values()] == [row["uTime"] for row in before.values()]
    assert okx.refused("POST", "trade/order", None, okx.order("sell", "0.8", "70000", instId=SPOT)) == "51008"


def test_spot_is_paid_as_the_accounts_level_says(okx: OkxClient) -> None:
    """cash where it is cash, cross where everything is margin; nothing is borrowed here."""
    assert okx.refused("POST", "trade/order", None, okx.order("buy", 100, instId=SPOT, tdMode="cross")) == "51010"
    okx.post("account/set-account-level", {"acctLv": "3"})
    assert okx.refused("POST", "trade/order", None, okx.order("buy", 100, instId=SPOT)) == "51000"
    okx.place("buy", 100, instId=SPOT, tdMode="cross")
    okx.post("account/set-account-level", {"acctLv": "1"})

    assert okx.refused("POST", "trade/order", None, okx.order("buy", 1)) == "51010"


def test_a_dated_contract_trades_like_the_perpetual(okx: OkxClient) -> None:
    """It is another instrument with another type."""
    name = next(each for each in okx.door.engine.listings if each[-6:].isdecimal())
    okx.place("buy", 2, instId=name)

    assert [(p["instType"], p["instId"], p["pos"]) for p in okx.get("account/positions")] == [("FUTURES", name, "2")]


def test_liquidation_is_an_order_of_the_venues(okx: OkxClient, ears: OkxListener) -> None:
    """Its category says what it is, its trades have negative ids in the lists, and it can be asked for."""
    okx.place("buy", 1400)
    ears.heard()
    hold_okx(okx.door, "60400")
    last = ears.rows("orders")[-1]
    shown = okx.show(last["ordId"])

    assert (last["category"], last["state"], last["clOrdId"]) == ("full_liquidation", "filled", "")
    assert shown["category"] == "full_liquidation" and okx.get("account/positions") == []
    newest = okx.get("trade/fills")[0]
    assert newest["tradeId"].startswith("-") and newest["subType"] == "104"


def test_deleveraging_reduces_a_winner(okx: OkxClient, ears: OkxListener) -> None:
    """Told with its own category and nothing before it."""
    okx.place("buy", 10)
    ears.heard()
    position = okx.door.position_of(okx.account, okx.door.engine.listings[SWAP].contract, None)
    okx.door.engine.liquidations.deleverage(position, Decimal(4), okx.door.exchange.now_ms())
    rows = ears.rows("orders")

    assert [(row["category"], row["state"], row["fillSz"]) for row in rows] == [("adl", "filled", "4")]
    assert okx.get("account/positions")[0]["pos"] == "6" and okx.get("trade/fills")[0]["subType"] == "125"
