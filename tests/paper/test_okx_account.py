"""OKX's account: config, balances, leverage, modes and the funding account."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.paper.okx_client import SPOT, SWAP, OkxClient, OkxListener, hold_okx


def details(okx: OkxClient, **query: str) -> dict[str, Any]:
    return {row["ccy"]: row for row in okx.get("account/balance", **query)[0]["details"]}


def test_the_config_tells_level_mode_and_uid(okx: OkxClient) -> None:
    """What a connector has to know before anything else."""
    row = okx.get("account/config")[0]

    assert (row["acctLv"], row["posMode"], row["perm"]) == ("2", "net_mode", "read_only,trade")
    assert row["uid"] == row["mainUid"] == str(okx.member.number)
    assert OkxClient(okx.door, account_level=1).get("account/config")[0]["acctLv"] == "1"


def test_balances_name_what_there_is(okx: OkxClient) -> None:
    """Nothing of a currency is no row, unless it is named and was ever held."""
    assert set(details(okx)) == {"USDT", "BTC"}
    assert set(details(okx, ccy="BTC,ETH")) == {"BTC"}
    okx.place("sell", 1, instId=SPOT)
    assert set(details(okx)) == {"USDT"}

    assert details(okx, ccy="BTC")["BTC"]["cashBal"] == "0"
    assert okx.refused("GET", "account/balance", {"ccy": ",".join(["BTC"] * 21)}) == "50025"


def test_the_ledger_moves_with_money_and_not_with_orders(okx: OkxClient) -> None:
    """cashBal is what was paid; what is locked or bound is told beside it."""
    okx.place("buy", 5, "66000")
    row = details(okx)["USDT"]
    assert (row["cashBal"], row["eq"]) == ("100000", "100000") and Decimal(row["ordFrozen"]) > 330
    okx.place("buy", 5)
    hold_okx(okx.door, "68000")
    row = details(okx)["USDT"]

    fee = 5 * Decimal("0.01") * Decimal("67500.1") * Decimal("0.0005")
    assert Decimal(row["cashBal"]) == 100000 - fee
    assert Decimal(row["upl"]) == 5 * Decimal("0.01") * (68000 - Decimal("67500.1")) and row["imr"] == "340"
    assert Decimal(row["eq"]) == Decimal(row["cashBal"]) + Decimal(row["upl"])
    assert Decimal(row["availEq"]) + Decimal(row["frozenBal"]) == Decimal(row["eq"])


def test_spot_mode_has_no_equity(okx: OkxClient) -> None:
    """What does not apply is empty text, not nothing and not zero."""
    poor = OkxClient(okx.door, account_level=1)

    assert (details(poor)["USDT"]["availEq"], details(poor)["USDT"]["availBal"]) == ("", "10000")
    assert {row["instType"] for row in poor.get("account/instruments", instType="SPOT")} == {"SPOT"}
    assert poor.get("account/instruments", instType="SWAP") == []


# ---- leverage and modes


def test_leverage_is_set_and_read(okx: OkxClient) -> None:
    """By contract and margin mode; a side only where each has its own."""
    body = {"instId": SWAP, "lever": "20", "mgnMode": "cross"}
    assert okx.post("account/set-leverage", body) == [body | {"posSide": ""}]
    info = {"instId": SWAP, "mgnMode": "cross"}
    assert [(row["posSide"], row["lever"]) for row in okx.get("account/leverage-info", **info)] == [("net", "20")]
    assert okx.get("account/leverage-info", instId=SWAP, mgnMode="isolated")[0]["lever"] == "10"
    assert okx.refused("POST", "account/set-leverage", None, body | {"posSide": "long"}) == "51000"
    okx.post("account/set-position-mode", {"posMode": "long_short_mode"})
    assert [row["posSide"] for row in okx.get("account/leverage-info", **info)] == ["long", "short"]
    isolated = body | {"mgnMode": "isolated"}
    assert okx.refused("POST", "account/set-leverage", None, isolated) == "51000"
    assert okx.post("account/set-leverage", isolated | {"posSide": "short"})[0]["posSide"] == "short"

    levers = okx.get("account/leverage-info", instId=SWAP, mgnMode="isolated")
    assert [row["lever"] for row in levers] == ["10", "20"]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"lever": "0"}, "51000"),
        ({"lever": "0.5"}, "59102"),
        ({"lever": "101"}, "59102"),
        ({"mgnMode": "cash"}, "51000"),
        ({"instId": ""}, "50014"),
        ({"instId": "", "ccy": "BTC"}, "51010"),
        ({"instId": SPOT}, "51010"),
        ({"instId": "NONE"}, "51001"),
    ],
)
def test_a_wrong_leverage_is_refused_as_a_whole(okx: OkxClient, said: dict[str, str], code: str) -> None:
    """These calls have no items: the code is at the top and the data empty."""
    body = {"instId": SWAP, "lever": "20", "mgnMode": "cross"} | said
    answer = okx.body("POST", "account/set-leverage", None, body)

    assert (answer["code"], answer["data"]) == (code, [])


def test_pending_orders_block_leverage_and_modes(okx: OkxClient) -> None:
    """And positions block modes."""
    order_id = okx.place("buy", 1, "66000")
    body = {"instId": SWAP, "lever": "20", "mgnMode": "cross"}
    assert okx.refused("POST", "account/set-leverage", None, body) == "59101"
    assert okx.refused("POST", "account/set-position-mode", None, {"posMode": "long_short_mode"}) == "59000"
    assert okx.post("account/set-position-mode", {"posMode": "net_mode"})
    okx.post("trade/cancel-order", {"instId": SWAP, "ordId": order_id})
    okx.place("buy", 1)

    assert okx.refused("POST", "account/set-position-mode", None, {"posMode": "long_short_mode"}) == "59000"
    assert okx.refused("POST", "account/set-account-level", None, {"acctLv": "1"}) == "59000"


def test_leverage_survives_the_change_of_modes(okx: OkxClient) -> None:
    """It is the contract's, not the side's."""
    okx.post("account/set-leverage", {"instId": SWAP, "lever": "25", "mgnMode": "cross"})
    okx.post("account/set-position-mode", {"posMode": "long_short_mode"})

    assert {row["lever"] for row in okx.get("account/leverage-info", instId=SWAP, mgnMode="cross")} == {"25"}


def test_a_position_keeps_its_id(okx: OkxClient) -> None:
    """Closed ones are shown when they are asked for by it."""
    okx.place("buy", 1)
    first = okx.get("account/positions")[0]
    okx.place("sell", 1)
    assert okx.get("account/positions") == []
    assert [p["pos"] for p in okx.get("account/positions", posId=first["posId"])] == ["0"]
    okx.place("buy", 1)

    assert okx.get("account/positions", instType="SWAP", instId=SWAP)[0]["posId"] == first["posId"]
    assert okx.get("account/positions", instType="FUTURES") == []
    assert first["tradeId"] and first["cTime"]


# ---- funding


def test_money_moves_between_funding_and_trading(okx: OkxClient) -> None:
    """An answer is no proof, so the transfer can be asked for; only the trading side is pushed."""
    rich = OkxClient(okx.door, balances={"USDT": "5000"}, funding={"USDT": "500", "BTC": "2"})
    ears = OkxListener(rich)
    ears.subscribe("balance_and_position")
    assert {row["ccy"]: row["bal"] for row in rich.get("asset/balances")} == {"USDT": "500", "BTC": "2"}
    body = {"ccy": "USDT", "amt": "200", "from": "6", "to": "18", "clientId": "t1"}
    done = rich.post("asset/transfer", body)[0]
    assert {name: done[name] for name in body} == body and done["transId"]
    assert rich.get("asset/transfer-state", transId=done["transId"])[0]["state"] == "success"
    assert rich.get("asset/transfer-state", clientId="t1")[0]["amt"] == "200"
    moved = ears.rows("balance_and_position")[0]
    assert (moved["eventType"], moved["balData"][0]["cashBal"], moved["posData"]) == ("transferred", "5200", [])
    rich.post("asset/transfer", {"ccy": "BTC", "amt": "2", "from": "6", "to": "18"})

    assert {row["ccy"]: row["bal"] for row in rich.get("asset/balances")} == {"USDT": "300"}
    assert details(rich)["BTC"]["cashBal"] == "2" and details(rich)["USDT"]["cashBal"] == "5200"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"amt": "999999"}, "58350"),
        ({"amt": "0"}, "51000"),
        ({"ccy": "DOGE"}, "58001"),
        ({"to": "18"}, "51000"),
        ({"from": "7"}, "51000"),
        ({"type": "1"}, "58110"),
    ],
)
def test_a_wrong_transfer_is_refused(okx: OkxClient, said: dict[str, str], code: str) -> None:
    """Nothing moves."""
    body = {"ccy": "USDT", "amt": "1", "from": "18", "to": "6"} | said

    assert okx.refused("POST", "asset/transfer", None, body) == code
    assert okx.account.balance == 100000 and okx.get("asset/balances") == []


def test_what_an_order_holds_cannot_be_moved_away(okx: OkxClient) -> None:
    """Only what is free."""
    okx.place("sell", "0.8", "70000", instId=SPOT)

    assert okx.refused("POST", "asset/transfer", None, {"ccy": "BTC", "amt": "0.3", "from": "18", "to": "6"}) == "58350"
    okx.door.limits.is_on = False
    okx.post("asset/transfer", {"ccy": "BTC", "amt": "0.2", "from": "18", "to": "6"})


def test_all_of_it_is_valued_in_dollars(okx: OkxClient) -> None:
    """Funding and trading together."""
    row = okx.get("asset/asset-valuation")[0]

    assert (
        Decimal(row["totalBal"])
        == Decimal(row["details"]["trading"])
        == Decimal(okx.get("account/balance")[0]["totalEq"])
    )
    assert [each["ccy"] for each in okx.get("asset/currencies")] == ["USDT", "BTC", "ETH", "SOL"]


def test_funding_fees_are_events_of_their_own(okx: OkxClient) -> None:
    """Money and the position, and no order."""
    okx.place("buy", 10)
    ears = OkxListener(okx)
    ears.subscribe("balance_and_position", "orders", "positions")
    listing = okx.door.engine.listings[SWAP]
    okx.door.engine.funding.charge(listing, Decimal("0.001"), okx.door.exchange.now_ms())
    rows = ears.rows()
    moved = dict(rows)["balance_and_position"]

    assert moved["eventType"] == "funding_fee" and moved["trades"] == [] and len(moved["posData"]) == 1
    assert dict(rows)["positions"]["fundingFee"] == "-6.75" and "orders" not in dict(rows)
