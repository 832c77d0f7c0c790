"""Gate's reads: lists and their pages, histories by time, wallets of every kind, candles and statistics."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from shared.paper.gate.calls import Call
from shared.paper.gate.door import GateDoor
from shared.paper.gate.public import INTERVALS
from tests.paper.gate_client import F, GateClient

BTC = "BTC_USDT"
UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


@pytest.fixture
def client(door: GateDoor) -> GateClient:
    """A member whose market stands still."""
    door.exchange.market.set_price(BTC, Decimal("67500"), 1, hold=True)
    return GateClient(door)


def get(client: GateClient, path: str, query: str = "", *, status: int = 200) -> Any:
    """A public call from this machine."""
    headers = {"x-gate-size-decimal": "1"}
    call = Call(client.door, "GET", f"/api/v4/{path}", query, b"", headers, "127.0.0.1", client.door.exchange.now_ms())
    reply = client.door.handle(call)
    assert reply.status == status, reply.body
    return reply.body


# ---- lists


def test_lists_of_orders_are_paged_three_ways_and_say_how_many_there_are(client: GateClient) -> None:
    """Newest first; the last id of a page is where the next one begins."""
    ids = [client.place(1, "66000")["id"] for _ in range(5)][::-1]
    path, query = f"{F}/orders", {"status": "open", "contract": BTC, "limit": "2"}
    pages = [client.call("GET", path, query | {"offset": str(offset)}) for offset in (0, 2, 4)]
    assert [[row["id"] for row in page.body] for page in pages] == [ids[0:2], ids[2:4], ids[4:]]
    assert {name: pages[1].headers[f"X-Pagination-{name}"] for name in ("Limit", "Offset", "Total")} == {
        "Limit": "2", "Offset": "2", "Total": "5",
    }  # fmt: skip

    after = client.ok("GET", path, query | {"last_id": str(ids[1])})
    assert [row["id"] for row in after] == ids[2:4]
    assert client.ok("GET", path, query | {"contract": "ETH_USDT"}) == []
    assert client.refused("GET", path, {}) == (400, "MISSING_REQUIRED_PARAM")
    assert client.refused("GET", path, {"status": "closed"}) == (400, "INVALID_PARAM_VALUE")


def test_what_is_finished_is_found_by_status_and_by_time(client: GateClient) -> None:
    """The list by time has no open orders, and two of its times are text, as the SDK declares them."""
    client.place(1, "66000")
    gone = client.place(1, "66001")
    client.ok("DELETE", f"{F}/orders/{gone['id']}")
    filled = client.place(2)
    now_s = client.door.exchange.now_ms() // 1000
    expected = [filled["id"], gone["id"]]

    assert [row["id"] for row in client.ok("GET", f"{F}/orders", {"status": "finished"})] == expected
    around = {"from": str(now_s - 5), "to": str(now_s + 5), "contract": BTC}
    rows = client.ok("GET", f"{F}/orders_timerange", around)
    assert [row["id"] for row in rows] == expected and isinstance(rows[0]["update_time"], str)
    assert client.ok("GET", f"{F}/orders_timerange", {"from": str(now_s + 60)}) == []


def test_own_trades_are_found_by_order_by_time_and_by_role(client: GateClient) -> None:
    """Newest first; the list by time names the id `trade_id`."""
    first, second = client.place(3), client.place(-1)
    trades = client.ok("GET", f"{F}/my_trades", {"contract": BTC})
    assert [row["order_id"] for row in trades] == [second["id_string"], first["id_string"]]
    assert [row["close_size"] for row in trades] == ["-1", "0"]
    of_first = client.ok("GET", f"{F}/my_trades", {"order": first["id_string"]})
    assert [row["id"] for row in of_first] == [trades[1]["id"]]

    timed = client.ok("GET", f"{F}/my_trades_timerange", {"contract": BTC, "role": "taker", "limit": "1"})
    assert [row["trade_id"] for row in timed] == [str(trades[0]["id"])]
    assert client.ok("GET", f"{F}/my_trades_timerange", {"role": "maker"}) == []


def test_positions_are_all_that_was_touched_or_what_is_held(client: GateClient) -> None:
    """A contract that was never touched has none; one that closes something names the order that waits."""
    assert client.ok("GET", f"{F}/positions") == []
    assert client.refused("GET", f"{F}/positions/{BTC}") == (400, "POSITION_NOT_FOUND")
    assert client.refused("GET", f"{F}/positions/NOPE_USDT") == (400, "CONTRACT_NOT_FOUND")
    client.place(3)
    client.ok("POST", f"{F}/positions/ETH_USDT/leverage", {"leverage": "5"})
    assert [row["contract"] for row in client.ok("GET", f"{F}/positions")] == [BTC, "ETH_USDT"]
    assert [row["contract"] for row in client.ok("GET", f"{F}/positions", {"holding": "true"})] == [BTC]
    assert len(client.ok("GET", f"{F}/positions", {"limit": "1", "offset": "1"})) == 1
    assert client.refused("GET", f"{F}/positions", {"limit": "101"}) == (400, "INVALID_PARAM_VALUE")
    order = client.place(0, "69000", close=True)
    shown = client.ok("GET", f"{F}/positions/{BTC}")

    assert shown["close_order"] == {"id": order["id"], "price": "69000", "is_liq": False}
    assert shown["pending_orders"] == 1


def test_a_closed_position_keeps_its_averages_and_its_parts_add_up(client: GateClient) -> None:
    """Turned round in one order, the old one ends and the new one begins."""
    other = GateClient(client.door)
    for price, size in (("67500", 4), ("67400", 2)):
        client.door.exchange.market.set_price(BTC, Decimal(price), client.door.exchange.now_ms(), hold=True)
        client.place(size, price)
        other.place(-size, price)
    client.place(-9, "67400")
    other.place(9, "67400")
    row = client.ok("GET", f"{F}/position_close")[0]

    assert (row["side"], row["max_size"], row["accum_size"]) == ("long", "6", "6")
    assert Decimal(row["long_price"]) == round(Decimal(4 * 67500 + 2 * 67400) / 6, 12)
    assert row["short_price"] == "67400"
    assert Decimal(row["pnl"]) == sum(Decimal(row[part]) for part in ("pnl_pnl", "pnl_fee", "pnl_fund"))
    assert client.ok("GET", f"{F}/positions/{BTC}")["size"] == "-3"
    assert client.ok("GET", f"{F}/position_close", {"side": "short"}) == []
    assert len(client.ok("GET", f"{F}/position_close", {"pnl": "loss"})) == 1


def test_the_account_book_tells_every_movement_with_the_trade_behind_it(client: GateClient) -> None:
    """What it sums up to is the balance."""
    client.place(10)
    client.place(-10)
    rows = client.ok("GET", f"{F}/account_book")
    wallet = client.ok("GET", f"{F}/accounts")

    assert sum(Decimal(row["change"]) for row in rows) == Decimal(wallet["total"]) == Decimal(rows[0]["balance"])
    assert len({row["id"] for row in rows}) == len(rows)
    trades = {str(row["id"]) for row in client.ok("GET", f"{F}/my_trades")}
    assert {row["trade_id"] for row in rows if row["type"] != "dnw"} == trades
    fees = client.ok("GET", f"{F}/account_book", {"type": "fee", "contract": BTC, "limit": "1"})
    assert len(fees) == 1 and fees[0]["type"] == "fee"


# ---- wallets


def test_the_same_money_is_counted_once_in_the_total(client: GateClient) -> None:
    """Whatever other wallets show, the sum of all is what there is."""
    rich = GateClient(client.door, client.door.exchange.open_member({"balances": {"USDT": "5000", "BTC": "2"}}))
    rich.place(10)
    total = rich.ok("GET", "wallet/total_balance")

    assert total["total"]["amount"] == rich.ok("GET", f"{F}/accounts")["total"]
    assert sum(Decimal(part["amount"]) for part in total["details"].values()) == Decimal(total["total"]["amount"])
    spot = {row["currency"]: row["available"] for row in rich.ok("GET", "spot/accounts")}
    assert spot["BTC"] == "2" and set(spot) == {"USDT", "BTC"}
    assert [row["currency"] for row in rich.ok("GET", "spot/accounts", {"currency": "BTC"})] == ["BTC"]


@pytest.mark.parametrize(
    ("mode", "margin_mode", "key_mode"),
    [("classic", 0, 1), ("multi_currency", 1, 2), ("portfolio", 2, 2), ("single_currency", 3, 2)],
)
def test_a_unified_account_says_so_everywhere(client: GateClient, mode: str, margin_mode: int, key_mode: int) -> None:
    """It trades through the same calls; only where the money shows is another place."""
    member = GateClient(client.door, client.door.exchange.open_member({"mode": mode}))
    member.place(10)
    unified = member.ok("GET", "unified/accounts")

    assert (unified["mode"], unified["user_id"]) == (mode, member.member.number)
    assert member.ok("GET", f"{F}/accounts")["margin_mode"] == margin_mode
    assert member.ok("GET", "account/detail")["key"]["mode"] == key_mode
    usdt = unified["balances"]["USDT"]
    assert Decimal(usdt["equity"]) == Decimal(unified["unified_account_total_equity"])
    assert Decimal(usdt["available"]) < Decimal(usdt["equity"])


def test_fees_are_those_that_are_charged(client: GateClient) -> None:
    """One contract or all."""
    client.place(10)
    fill = client.ok("GET", f"{F}/my_trades")[0]
    rates = client.ok("GET", f"{F}/fee", {"contract": BTC})

    assert set(rates) == {BTC} and len(client.ok("GET", f"{F}/fee")) == 3
    assert Decimal(fill["fee"]) == Decimal(fill["trade_value"]) * Decimal(rates[BTC]["taker_fee"])


# ---- markets


@pytest.mark.parametrize("interval", INTERVALS)
def test_candles_of_every_interval_follow_on_from_each_other(client: GateClient, interval: str) -> None:
    """No hole, no overlap, the highest on top; and the newest ends at the price."""
    rows = get(client, f"{F}/candlesticks", f"contract={BTC}&interval={interval}&limit=50")
    steps = {later["t"] - earlier["t"] for earlier, later in pairwise(rows)}

    assert len(steps) <= 1 and rows
    assert all(Decimal(r["l"]) <= min(Decimal(r["o"]), Decimal(r["c"])) for r in rows)
    assert all(Decimal(r["h"]) >= max(Decimal(r["o"]), Decimal(r["c"])) for r in rows)
    if len(steps) == 1 and not INTERVALS[interval].is_natural:
        assert steps == {int(interval[:-1]) * UNITS_S[interval[-1]]}
    if interval in ("1w", "7d"):
        weekday = rows[-1]["t"] // 86_400 % 7  # a natural week begins on a Monday, the other as time began
        assert weekday == (4 if interval == "1w" else 0)


def test_candles_come_by_limit_or_by_time_and_mark_and_index_have_no_volume(client: GateClient) -> None:
    """Both kinds of question at once is none."""
    now_s = client.door.exchange.now_ms() // 1000
    ranged = get(client, f"{F}/candlesticks", f"contract={BTC}&interval=1m&from={now_s - 300}&to={now_s}")
    assert 4 <= len(ranged) <= 6 and all(now_s - 300 <= row["t"] <= now_s for row in ranged)
    for name in ("mark_", "index_"):
        row = get(client, f"{F}/candlesticks", f"contract={name}{BTC}&interval=5m&limit=1")[0]
        assert set(row) == {"t", "o", "h", "l", "c"}
    for query in (f"limit=5&from={now_s}", "interval=7m", f"interval=10s&from=1&to={now_s}"):
        body = get(client, f"{F}/candlesticks", f"contract={BTC}&{query}", status=400)
        assert body["label"] == "INVALID_PARAM_VALUE"


def test_a_trade_moves_the_candle_of_its_moment(client: GateClient) -> None:
    """In the short one and in the long one alike."""
    before = get(client, f"{F}/candlesticks", f"contract={BTC}&interval=1m&limit=1")[0]
    client.door.exchange.market.set_price(BTC, Decimal("68000"), client.door.exchange.now_ms(), hold=True)
    for interval in ("10s", "1m", "1d"):
        row = get(client, f"{F}/candlesticks", f"contract={BTC}&interval={interval}&limit=1")[0]
        assert row["h"] == row["c"] == "68000"
    assert before["c"] != "68000"


def test_the_premium_is_how_far_mark_is_from_index(client: GateClient) -> None:
    """And zero while nobody moved one of them alone."""
    assert get(client, f"{F}/premium_index", f"contract={BTC}&limit=2")[-1]["c"] == "0"
    client.door.exchange.market.pin(BTC, "mark", Decimal("68175"), client.door.exchange.now_ms())

    assert get(client, f"{F}/premium_index", f"contract={BTC}&limit=2")[-1]["c"] == "0.01"


def test_statistics_count_who_holds_what(client: GateClient) -> None:
    """Longs and shorts of members; the house is nobody."""
    other = GateClient(client.door)
    client.place(10)
    other.place(-4)
    row = get(client, f"{F}/contract_stats", f"contract={BTC}&limit=1")[0]

    assert (row["long_users"], row["short_users"], row["open_interest"]) == (1, 1, "14")
    assert (row["top_long_size"], row["top_short_size"]) == ("10", "4")


def test_markets_are_listed_and_unknown_ones_are_not_found(client: GateClient) -> None:
    """400 and not 404, as captured."""
    assert [row["name"] for row in get(client, f"{F}/contracts", "limit=2&offset=1")] == ["ETH_USDT", "SOL_USDT"]
    assert len(get(client, f"{F}/risk_limit_tiers")) == 15 and len(get(client, f"{F}/risk_limit_tiers", "limit=1")) == 5
    assert "contract" not in get(client, f"{F}/risk_limit_table", f"table_id={BTC}")[0]
    for path in ("contracts/NOPE_USDT", "order_book?contract=NOPE_USDT", "trades?contract=NOPE_USDT"):
        route, _, query = path.partition("?")
        assert get(client, f"{F}/{route}", query, status=400)["label"] == "CONTRACT_NOT_FOUND"
