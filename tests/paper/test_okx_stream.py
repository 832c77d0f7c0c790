"""OKX's WebSocket: places, acknowledgements, snapshots, the order of pushes, and how connections end."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest

from shared.paper.faults import Fault
from tests.paper.okx_client import SPOT, SWAP, OkxClient, OkxListener, hold_okx

FOUR = ("orders", "account", "positions", "balance_and_position")


def a_fault(kind: str, **said: Any) -> Fault:
    return Fault("f-1", kind, 1.0, None, said.get("uid"), 0, None, said.get("left"))


# ---- talking


def test_ping_is_text_before_it_is_anything_else(okx: OkxClient) -> None:
    """Answered before a login, too; as JSON it is no operation."""
    ears = OkxListener(okx, logs_in=False)
    ears.say("ping")
    assert ears.heard() == ["pong"]
    ears.say({"op": "ping"})

    assert ears.heard()[0]["code"] == "60019"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("not json", "60012"),
        ("[]", "60012"),
        ("5", "60012"),
        ('{"op": 5}', "60012"),
        ({"op": "subscribe"}, "60012"),
        ({"op": "subscribe", "args": []}, "60012"),
        ({"op": "subscribe", "args": ["orders"]}, "60012"),
        ({"op": "subscribe", "args": [{}]}, "60012"),
        ({"op": "subscribe", "args": [{"channel": "orderz", "instType": "ANY"}]}, "60018"),
        ({"op": "subscribe", "args": [{"channel": "orders"}]}, "60018"),
        ({"op": "subscribe", "args": [{"channel": "orders", "instType": 5}]}, "60018"),
        ({"op": "subscribe", "args": [{"channel": "orders", "instType": "ANY", "instId": "NONE"}]}, "60018"),
        ({"op": "subscribe", "args": [{"channel": "account", "extraParams": "{"}]}, "60033"),
        ({"op": "subscribe", "args": [{"channel": "orders-algo", "instType": "ANY"}]}, "64001"),
        ({"op": "subscribe", "args": [{"channel": "candle1m", "instId": SWAP}]}, "64001"),
        ({"op": "subscribe", "args": [{"channel": "tickers", "instId": SWAP}]}, "60008"),
        ({"op": "subscribe", "args": [{"channel": "fills"}]}, "64003"),
        ({"op": "subscribe", "id": "with-dash", "args": [{"channel": "account"}]}, "60012"),
        ({"op": "dance"}, "60019"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_an_error_event(okx: OkxClient, said: Any, code: str) -> None:
    """Which names the connection, and the request where it had an id."""
    ears = OkxListener(okx)
    ears.say(said)
    answer = ears.heard()[0]

    assert (answer["event"], answer["code"], answer["connId"]) == ("error", code, ears.socket.conn_id)
    assert not ears.socket.subscriptions


def test_each_place_has_its_channels(okx: OkxClient) -> None:
    """Wrong ones are refused with where to look."""
    public, business = OkxListener(okx, "public"), OkxListener(okx, "business")
    assert [each["code"] for each in public.subscribe("orders")] == ["60008"]
    assert [each["code"] for each in business.subscribe("orders")] == ["64002"]
    assert public.login()["code"] == "60028"
    assert [each["code"] for each in OkxListener(okx, "business", logs_in=False).subscribe("orders-algo")] == ["60011"]

    assert business.subscribe("orders-algo")[0]["event"] == "subscribe"


def test_each_argument_is_acknowledged_by_itself_as_it_was_sent(okx: OkxClient) -> None:
    """Then the count of connections, where it is counted, then the snapshot, where there is one."""
    ears = OkxListener(okx)
    args = [{"channel": "orders", "instType": "ANY"}, {"channel": "balance_and_position"}]
    ears.say({"id": "1512", "op": "subscribe", "args": args})
    heard = ears.heard()
    acks = [each for each in heard if each.get("event") == "subscribe"]
    counts = [each for each in heard if each.get("event") == "channel-conn-count"]

    assert [(each["id"], each["arg"]) for each in acks] == [("1512", args[0]), ("1512", args[1])]
    assert [(each["channel"], each["connCount"]) for each in counts] == [("orders", "1"), ("balance_and_position", "1")]
    assert [each["arg"]["channel"] for each in heard if "data" in each] == ["balance_and_position"]


def test_snapshots_come_with_four_channels_and_not_with_orders(okx: OkxClient) -> None:
    """Whoever comes later does not hear what was before."""
    okx.place("buy", 5)
    okx.place("buy", 1, "66000")
    trail = {"instId": SWAP, "tdMode": "cross", "side": "sell", "sz": "5", "ordType": "move_order_stop"}
    okx.post("trade/order-algo", trail | {"callbackRatio": "0.01"})
    private, business = OkxListener(okx), OkxListener(okx, "business")
    heard = private.subscribe(*FOUR) + business.subscribe("orders-algo", "algo-advance")
    snapshots = {each["arg"]["channel"]: each for each in heard if "data" in each}

    assert set(snapshots) == {"account", "positions", "balance_and_position", "algo-advance"}
    for name in ("account", "positions"):
        frame = snapshots[name]
        assert (frame["eventType"], frame["curPage"], frame["lastPage"]) == ("snapshot", 1, True)
        assert frame["arg"]["uid"] == str(okx.member.number)
    row = snapshots["balance_and_position"]["data"][0]
    assert (row["eventType"], len(row["balData"]), len(row["posData"]), row["trades"]) == ("snapshot", 2, 1, [])


def test_a_long_snapshot_comes_in_pages(okx: OkxClient) -> None:
    """Only the last one says that it is."""
    okx.door.stream.private.page_size = 1
    frames = [each for each in OkxListener(okx).subscribe("account") if "data" in each]

    assert [(f["curPage"], f["lastPage"], f["data"][0]["details"][0]["ccy"]) for f in frames] == [
        (1, False, "USDT"),
        (2, True, "BTC"),
    ]


def test_snapshots_come_again_unless_events_alone_are_wanted(okx: OkxClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every five seconds; `extraParams` is JSON inside of a text."""
    usual, quiet = OkxListener(okx), OkxListener(okx)
    usual.subscribe("account", "positions")
    quiet.subscribe("account", "positions", extraParams='{"updateInterval": "0"}')
    later = okx.door.exchange.real_ms() + 5_001
    monkeypatch.setattr(okx.door.exchange, "real_ms", lambda: later)
    okx.door.tick(okx.door.exchange.now_ms())

    assert [f["eventType"] for f in usual.heard()] == ["snapshot", "snapshot"] and quiet.heard() == []
    okx.place("buy", 1)
    frames = quiet.heard()
    assert [f["eventType"] for f in frames] == ["event_update", "event_update"]
    assert all("curPage" not in f and "extraParams" not in f["arg"] for f in frames)


def test_one_trade_is_told_in_its_order(okx: OkxClient) -> None:
    """The order live, the order filled, money and position at once, account and positions a little later."""
    ears = OkxListener(okx)
    ears.subscribe(*FOUR)
    okx.place("buy", 1)
    frames, ears.transport.written = ears.transport.written, []
    at_once = [json.loads(frame[frame.index(b"{") :]) for frame in frames]
    later = ears.rows()

    assert [f["arg"]["channel"] for f in at_once] == ["orders", "orders", "balance_and_position"]
    row = at_once[2]["data"][0]
    assert row["trades"] == [{"instId": SWAP, "tradeId": at_once[1]["data"][0]["tradeId"]}]
    assert (row["balData"][0]["ccy"], row["posData"][0]["pos"], row["eventType"]) == ("USDT", "1", "filled")
    assert [name for name, _ in later] == ["account", "positions"]


def test_an_order_that_only_rests_moves_what_is_free_and_nothing_else(okx: OkxClient) -> None:
    """No balance_and_position; the account's update has the affected currencies alone."""
    ears = OkxListener(okx)
    ears.subscribe(*FOUR)
    okx.place("sell", "0.25", "70000", instId=SPOT)
    rows = ears.rows()

    assert [name for name, _ in rows] == ["orders", "account"]
    assert {row["ccy"]: row["availBal"] for row in rows[1][1]["details"]} == {"USDT": "100000", "BTC": "0.75"}


def test_a_closed_position_is_told_as_zero(okx: OkxClient) -> None:
    """And a currency that is gone as well."""
    okx.place("buy", 1)
    ears = OkxListener(okx)
    ears.subscribe("positions", "account")
    okx.place("sell", 1)
    okx.place("sell", 1, instId=SPOT)
    rows = ears.rows()

    assert [row["pos"] for name, row in rows if name == "positions"] == ["0"]
    assert {row["ccy"]: row["cashBal"] for row in rows[0][1]["details"]}["BTC"] == "0"


def test_pushes_are_gathered_for_a_moment(okx: OkxClient) -> None:
    """Of a burst of trades the account is told once."""
    ears = OkxListener(okx)
    ears.subscribe("account", "positions", "orders")
    okx.place("buy", 30)
    names = [name for name, _ in ears.rows()]

    assert names.count("account") == names.count("positions") == 1 < names.count("orders")


async def test_what_is_gathered_leaves_by_itself(okx: OkxClient) -> None:
    """After some tens of milliseconds, with nobody asking."""
    ears = OkxListener(okx)
    ears.subscribe("account")
    okx.place("buy", 1)
    async with asyncio.timeout(5):
        while not ears.transport.written:
            await asyncio.sleep(0.005)

    assert ears.rows("account")


def test_a_follower_hears_what_it_asked_for(okx: OkxClient) -> None:
    """An instrument counts before its family, and a family before everything."""
    one, family, spot = OkxListener(okx), OkxListener(okx), OkxListener(okx)
    one.subscribe("orders", instId=SWAP, instFamily="ETH-USDT")
    family.subscribe("orders", instFamily="BTC-USDT")
    spot.subscribe("orders", instType="SPOT")
    okx.place("buy", 1, "66000")
    okx.place("buy", "0.01", "66000", instId=SPOT)

    assert [[row["instId"] for row in ears.rows("orders")] for ears in (one, family, spot)] == [[SWAP], [SWAP], [SPOT]]


def test_a_follower_can_stop(okx: OkxClient) -> None:
    """The acknowledgement echoes the argument."""
    ears = OkxListener(okx)
    ears.subscribe("orders")
    arg = {"channel": "orders", "instType": "ANY"}
    ears.say({"op": "unsubscribe", "args": [arg]})
    assert ears.heard() == [{"event": "unsubscribe", "arg": arg, "connId": ears.socket.conn_id}]
    okx.place("buy", 1, "66000")

    assert ears.heard() == [] and not okx.door.stream.private.followers


def test_nobody_hears_another_account(okx: OkxClient) -> None:
    """Not its orders, not its money."""
    other = OkxListener(OkxClient(okx.door))
    other.subscribe(*FOUR)
    okx.place("buy", 1)

    assert other.rows() == []


def test_the_thirty_first_connection_is_acknowledged_and_then_refused(okx: OkxClient) -> None:
    """The socket lives, the channel is dead; orders can still be placed over it."""
    for _ in range(30):
        OkxListener(okx).subscribe("orders")
    last = OkxListener(okx)
    heard = last.subscribe("orders", "orders")
    assert [(each["event"], each.get("connCount")) for each in heard[:2]] == [
        ("subscribe", None),
        ("channel-conn-count-error", "30"),
    ]
    placed = last.do("order", okx.order("buy", 1, "66000") | {"instIdCode": 10459})

    assert placed["code"] == "0" and last.rows("orders") == []
    assert last.socket.to_row()["channels"] == []


def test_fills_are_for_those_who_trade_much(okx: OkxClient) -> None:
    """No fee, and a client's id only when it is a number."""
    rich = OkxClient(okx.door, vip=4, balances={"USDT": "100000"})
    ears = OkxListener(rich)
    assert ears.subscribe("fills")[0]["event"] == "subscribe"
    rich.place("buy", 1, clOrdId="abc")
    rich.place("buy", 1, clOrdId="123")
    rows = ears.rows("fills")

    assert [row["clOrdId"] for row in rows] == ["0", "123"]
    assert set(rows[0]) == {
        "instId", "fillSz", "fillPx", "side", "ts", "ordId", "clOrdId", "tradeId", "execType", "count",
    }  # fmt: skip


# ---- orders over the socket


def test_orders_over_the_socket_name_instruments_by_their_number(okx: OkxClient) -> None:
    """And the same engine takes them."""
    ears = OkxListener(okx)
    order = {"instIdCode": 10459, "tdMode": "cross", "side": "buy", "ordType": "limit", "px": "66000", "sz": "3"}
    placed = ears.do("order", order | {"clOrdId": "ws1"})
    assert (placed["id"], placed["code"], placed["msg"], placed["data"][0]["sMsg"]) == (
        "7", "0", "", "Order successfully placed.",
    )  # fmt: skip
    assert placed["inTime"] and placed["outTime"]
    amended = ears.do("amend-order", {"instIdCode": 10459, "clOrdId": "ws1", "newSz": "4"})
    assert amended["data"][0]["sCode"] == "0" and okx.get("trade/orders-pending")[0]["sz"] == "4"
    gone = ears.do("cancel-order", {"instIdCode": 10459, "clOrdId": "ws1"})
    assert gone["data"][0]["ordId"] == placed["data"][0]["ordId"]
    again = ears.do("cancel-order", {"instIdCode": 10459, "clOrdId": "ws1"})

    assert (again["code"], again["msg"], again["data"][0]["sCode"]) == ("1", "", "51400")


@pytest.mark.parametrize(
    ("more", "code"),
    [({}, "50014"), ({"instIdCode": "10459"}, "51001"), ({"instIdCode": 5}, "51001"), ({"instIdCode": True}, "51001")],
)
def test_a_name_is_no_number(okx: OkxClient, more: dict[str, Any], code: str) -> None:
    """instId is ignored there since 2026."""
    answer = OkxListener(okx).do("order", okx.order("buy", 1, "66000") | more)

    assert (answer["code"], answer["data"][0]["sCode"]) == ("1", code)


def test_batches_over_the_socket_have_an_outcome_for_each(okx: OkxClient) -> None:
    """Up to twenty."""
    ears = OkxListener(okx)
    good = okx.order("buy", 1, "66000", clOrdId="w1") | {"instIdCode": 10459}
    answer = ears.do("batch-orders", good, good | {"sz": "0.001", "clOrdId": "w2"})
    assert (answer["code"], [item["sCode"] for item in answer["data"]]) == ("2", ["0", "51020"])
    assert ears.do("batch-amend-orders", {"instIdCode": 10459, "clOrdId": "w1", "newSz": "2"})["code"] == "0"
    assert ears.do("batch-cancel-orders", {"instIdCode": 10459, "clOrdId": "w1"})["code"] == "0"
    assert ears.do("batch-orders", *([good] * 21))["code"] == "51111"

    assert ears.do("order", good, good)["code"] == "60013"


def test_operations_need_a_login_a_place_and_an_id(okx: OkxClient) -> None:
    """Else they are error events."""
    order = okx.order("buy", 1, "66000") | {"instIdCode": 10459}
    stranger, business, member = OkxListener(okx, logs_in=False), OkxListener(okx, "business"), OkxListener(okx)
    for ears, code in ((stranger, "60011"), (business, "60028")):
        ears.say({"id": "1", "op": "order", "args": [order]})
        assert [(each["event"], each["code"]) for each in ears.heard()] == [("error", code)]
    member.say({"op": "order", "args": [order]})

    assert member.heard()[0]["code"] == "60027" and not okx.account.orders


# ---- how it ends


def test_a_silent_connection_is_closed_after_thirty_seconds(okx: OkxClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a close frame that says so; one that spoke or was spoken to stays."""
    silent, speaking = OkxListener(okx), OkxListener(okx)
    later = okx.door.exchange.real_ms() + 30_001
    monkeypatch.setattr(okx.door.exchange, "real_ms", lambda: later)
    speaking.say("ping")
    okx.door.tick(okx.door.exchange.now_ms())

    assert silent.transport.written[-1][2:4] == (4004).to_bytes(2, "big")
    assert silent.transport.written[-1][4:] == b"No data received in 30s." and silent.transport.is_closed
    assert speaking.heard() == ["pong"] and not speaking.transport.is_closed


async def test_an_upgrade_is_announced_and_then_the_sockets_close(okx: OkxClient) -> None:
    """The notice has neither `arg` nor `op`."""
    ears, other = OkxListener(okx), OkxListener(OkxClient(okx.door))

    assert okx.door.announce_close(a_fault("upgrade", uid=okx.member.uid)) == 1
    notice = ears.heard()[0]
    assert (notice["event"], notice["code"], set(notice)) == ("notice", "64008", {"event", "code", "msg", "connId"})
    async with asyncio.timeout(5):
        while not ears.transport.is_closed:
            await asyncio.sleep(0.005)
    assert not other.transport.is_closed


def test_sockets_are_cut_by_account(okx: OkxClient) -> None:
    """As many as the fault says."""
    mine, other = [OkxListener(okx) for _ in range(3)], OkxListener(OkxClient(okx.door))

    assert okx.door.close_sockets(a_fault("close_sockets", uid=okx.member.uid, left=2)) == 2
    assert [ears.transport.is_cut for ears in mine] == [True, True, False] and not other.transport.is_cut
    assert len(okx.door.sockets_by_uid()[okx.member.uid]) == 3


@pytest.mark.parametrize("is_closed", [True, False])
def test_the_sockets_of_a_revoked_key_are_closed_or_fall_silent(okx: OkxClient, is_closed: bool) -> None:
    """4007 says that the key was changed."""
    ears = OkxListener(okx)
    ears.subscribe("orders")
    okx.door.end_sessions(okx.member.uid, is_closed=is_closed)
    if is_closed:
        assert ears.transport.written[-1][2:4] == (4007).to_bytes(2, "big")
        return
    okx.place("buy", 1, "66000")

    assert ears.heard() == [] and not ears.transport.is_closed


def test_a_socket_that_is_gone_is_forgotten(okx: OkxClient) -> None:
    """Whatever it followed, by however many arguments."""
    ears = OkxListener(okx)
    ears.subscribe("orders")
    ears.subscribe("orders", instId=SWAP)
    ears.subscribe("account")
    okx.door.stream.disconnect(ears.socket)
    hold_okx(okx.door, "67600")

    assert not okx.door.stream.private.followers and not okx.door.sockets_by_uid()


def test_liquidation_moves_are_called_by_their_name(okx: OkxClient) -> None:
    """On balance_and_position, where a fill is filled otherwise."""
    okx.place("buy", 1400)
    ears = OkxListener(okx)
    ears.subscribe("balance_and_position", "positions")
    hold_okx(okx.door, "60400")
    rows = ears.rows()

    assert {row["eventType"] for name, row in rows if name == "balance_and_position"} == {"liquidation"}
    assert [row["pos"] for name, row in rows if name == "positions"][-1] == "0" and Decimal(okx.account.balance) >= 0
