"""Liquidation, deleveraging, funding and lowered limits, as Gate's streams and histories tell them."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest

from shared.paper.accounts import SINGLE
from shared.paper.contracts import LISTED
from shared.paper.gate.door import GateDoor
from tests.paper.gate_client import F, GateClient, GateListener

BTC = "BTC_USDT"
CHANNELS = (
    "orders", "usertrades", "positions", "balances", "autoorders", "position_closes", "liquidates",
    "auto_deleverages", "reduce_risk_limits", "position_adl_rank",
)  # fmt: skip


@pytest.fixture
def client(door: GateDoor) -> GateClient:
    """A member with little money, whose market stands still."""
    door.exchange.market.set_price(BTC, Decimal("67500"), 1, hold=True)
    return GateClient(door, door.exchange.open_member({"balances": {"USDT": "1000"}}))


def a_follower(client: GateClient, contract: str = "!all") -> GateListener:
    listener, uid = GateListener(client), str(client.member.number)
    for channel in CHANNELS:
        payload = [uid] if channel == "balances" else [contract] if channel == "position_adl_rank" else [uid, contract]
        assert "error" not in listener.subscribe(f"futures.{channel}", payload), channel
    return listener


def by_channel(listener: GateListener) -> dict[str, list[Any]]:
    rows: dict[str, list[Any]] = defaultdict(list)
    for channel, row in listener.rows():
        rows[channel].append(row)
    return rows


def gamble(client: GateClient, size: int = 10_000, **said: Any) -> Any:
    """A position that a per cent wipes out, with orders around it."""
    client.ok("POST", f"{F}/positions/{BTC}/leverage", {"leverage": "0", "cross_leverage_limit": "100"})
    client.place(10, "60000", text="t-resting")
    return client.place(size, **said)


def sink(client: GateClient, price: str = "66780") -> None:
    client.door.exchange.market.set_price(BTC, Decimal(price), client.door.exchange.now_ms(), hold=True)


def test_a_liquidation_is_told_on_every_channel_and_kept_in_every_history(client: GateClient) -> None:
    """Open orders go, the exchange's own order closes, and all channels and lists are of one mind."""
    gamble(client, tpsl_sl_trigger_price="60000")
    listener = a_follower(client)
    sink(client)
    told = by_channel(listener)
    taken = told["orders"][-1]

    assert [(row["text"], row["finish_as"], row["is_liq"]) for row in told["orders"]] == [
        ("t-resting", "liquidated", False), ("liquidation", "filled", True),
    ]  # fmt: skip
    assert (taken["size"], taken["left"]) == ("-10000", "0") and told["positions"][-1]["size"] == "0"
    assert {row["order_id"] for row in told["usertrades"]} == {taken["id_string"]}
    assert {row["type"] for row in told["balances"]} == {"pnl", "fee"}
    assert [(row["side"], row["text"]) for row in told["position_closes"]] == [("long", "liquidation")]
    assert [row["finish_as"] for row in told["autoorders"]] == ["cancelled"]
    pushed = told["liquidates"][0]
    assert (pushed["order_id"], pushed["size"], pushed["left"]) == (taken["id"], "10000", "0")
    assert pushed["mark_price"] == 66780 < pushed["liq_price"] < pushed["entry_price"]

    listed = client.ok("GET", f"{F}/liquidates")[0]
    assert (listed["order_id"], listed["size"], listed["fill_price"]) == (taken["id"], "10000", taken["fill_price"])
    assert client.ok("GET", f"{F}/position_close")[0]["text"] == "liquidation"
    assert client.ok("GET", f"{F}/orders/{taken['id']}")["is_liq"] is True
    public = client.ok("GET", f"{F}/liq_orders", {"contract": BTC})[0]
    assert (public["size"], public["order_size"]) == ("10000", "-10000") and "liq_price" not in public
    assert client.ok("GET", f"{F}/positions", {"holding": "true"}) == []


def test_each_liquidated_side_of_a_hedge_is_closed_by_itself(client: GateClient) -> None:
    """In dual mode the other side of the contract stays what it is."""
    client.ok("POST", f"{F}/dual_mode", {"dual_mode": "true"})
    client.ok("POST", f"{F}/dual_comp/positions/{BTC}/leverage", {"leverage": "100"})
    client.place(5000)
    client.place(-100)
    sink(client, "66500")

    rows = client.ok("GET", f"{F}/dual_comp/positions/{BTC}")
    assert [(row["mode"], row["size"]) for row in rows] == [("dual_long", "0"), ("dual_short", "-100")]
    closed = client.ok("GET", f"{F}/liquidates")
    assert [(row["leverage"], row["size"]) for row in closed] == [("100", "5000")]


def test_one_who_wins_is_deleveraged_when_the_book_cannot_take_a_loser(client: GateClient) -> None:
    """The winner hears of an order that he never placed, why, and what it left him."""
    winner = GateClient(client.door, client.door.exchange.open_member({"balances": {"USDT": "1000000"}}))
    gamble(client)
    winner.place(-4000)
    followers = [a_follower(each) for each in (winner, client)]
    empty_the_book(client)
    client.door.exchange.market.pin(BTC, "mark", Decimal(66500), client.door.exchange.now_ms())
    told, lost = (by_channel(each) for each in followers)
    order = told["orders"][0]

    assert (order["text"], order["finish_as"], order["left"]) == ("auto_deleveraging", "auto_deleveraged", "0")
    assert [(row["trade_size"], row["position_size"]) for row in told["auto_deleverages"]] == [("4000", "0")]
    assert told["auto_deleverages"][0]["fill_price"] == 66500
    listed = winner.ok("GET", f"{F}/auto_deleverages")[0]
    assert (listed["order_id"], listed["trade_size"], listed["position_size"]) == (order["id"], "4000", "0")
    assert (lost["orders"][-1]["is_liq"], lost["orders"][-1]["finish_as"]) == (True, "filled")
    assert client.ok("GET", f"{F}/positions", {"holding": "true"}) == []


def empty_the_book(client: GateClient) -> None:
    """The house withdraws, and nobody is left to trade with."""
    engine, house = client.door.engine, client.door.engine.house
    quotes = client.door.exchange.market.quotes[BTC]
    for order in quotes.orders:
        engine.cancel(order, 1)
    quotes.orders.clear()
    assert house is not None


def test_the_rank_for_deleveraging_is_told_when_it_changes(client: GateClient) -> None:
    """First in line is 1; a position that is gone has 6."""
    others = [GateClient(client.door) for _ in range(4)]
    for i, other in enumerate(others):
        other.ok("POST", f"{F}/positions/{BTC}/leverage", {"leverage": str(10 + i)})
        other.place(100)
    sink(client, "67400")
    client.ok("POST", f"{F}/positions/{BTC}/leverage", {"leverage": "5"})
    client.place(100)
    listener = a_follower(client)
    for price in ("67401", "68500", "68501"):
        sink(client, price)
        tick(client)
    client.place(0, close=True)
    tick(client)
    ranks = by_channel(listener)["position_adl_rank"]

    assert [row["rank_division"] for row in ranks] == [1, 5, 6]
    assert ranks[0] | {"time_ms": 0} == {
        "user_id": client.member.number, "contract": BTC, "mode": "single", "rank_division": 1, "time_ms": 0,
    }  # fmt: skip
    assert others[3].ok("GET", f"{F}/positions/{BTC}")["adl_ranking"] == 1


def tick(client: GateClient) -> None:
    client.door.tick(client.door.exchange.now_ms())


def test_funding_moves_money_and_is_told_as_fund(client: GateClient) -> None:
    """A row in the book, a push of the balance, and a part of what the position made."""
    client.place(1000)
    listener = a_follower(client)
    listing = client.door.engine.listings[BTC]
    client.door.engine.funding.charge(listing, Decimal("0.001"), client.door.exchange.now_ms())
    told = by_channel(listener)

    assert [(row["type"], row["text"], row["change"]) for row in told["balances"]] == [("fund", BTC, -6.75)]
    assert Decimal(client.ok("GET", f"{F}/positions/{BTC}")["pnl_fund"]) == Decimal("-6.75")
    row = client.ok("GET", f"{F}/account_book", {"type": "fund"})[0]
    assert (row["change"], row["contract"], row["type"]) == ("-6.75", BTC, "fund")
    assert client.ok("GET", f"{F}/accounts")["history"]["fund"] == "-6.75"
    charged = client.ok("GET", f"{F}/funding_rate", {"contract": BTC, "limit": "2"})
    assert [row["r"] for row in charged] == ["0.001", "0.0001"]
    client.place(0, close=True)
    assert client.ok("GET", f"{F}/position_close")[0]["pnl_fund"] == "-6.75"


def test_a_lowered_risk_limit_is_told_with_what_it_cancelled(client: GateClient) -> None:
    """The venue may do that at any time, and says how many orders it cost."""
    client.place(100, "67000")
    listener = a_follower(client)
    account = client.member.wallets["gate"]
    held = account.position(LISTED[0], SINGLE)
    client.door.engine.liquidations.reduce_risk_limit(held, Decimal(100), client.door.exchange.now_ms())
    told = by_channel(listener)

    assert [row["finish_as"] for row in told["orders"]] == ["cancelled"]
    assert [(row["cancel_orders"], row["risk_limit"]) for row in told["reduce_risk_limits"]] == [(1, 100)]


def test_a_follower_of_one_contract_hears_of_no_other(client: GateClient) -> None:
    """On every channel that names a contract."""
    listener = a_follower(client, "ETH_USDT")
    gamble(client)
    sink(client)
    client.place(1, "66000")
    assert set(by_channel(listener)) == {"balances"}
    client.place(1, "3400", contract="ETH_USDT")

    assert {row["contract"] for row in by_channel(listener)["orders"]} == {"ETH_USDT"}
