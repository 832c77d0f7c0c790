"""Gate's WebSocket door: who may follow, what is pushed, and in which form."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from shared.paper.exchange import Exchange
from shared.paper.gate.door import GateDoor
from shared.paper.sockets import BUFFER_MAX
from tests.paper.gate_client import GateClient, GateListener

CHANNELS = ("orders", "usertrades", "positions", "balances", "autoorders", "position_closes")


@pytest.fixture
def client(door: GateDoor) -> GateClient:
    """A member whose market stands still."""
    door.exchange.market.set_price("BTC_USDT", Decimal("67500"), 1, hold=True)
    return GateClient(door)


def a_follower(client: GateClient, *, is_decimal: bool = True) -> GateListener:
    listener = GateListener(client, is_decimal=is_decimal)
    for channel in CHANNELS:
        assert listener.subscribe(f"futures.{channel}")["result"] == {"status": "success"}
    return listener


def test_an_acknowledgement_repeats_the_question(client: GateClient) -> None:
    """Clients match it by `id`, and test `error` before anything else."""
    ack = GateListener(client).subscribe("futures.orders")

    assert (ack["id"], ack["channel"], ack["event"]) == (7, "futures.orders", "subscribe")
    assert ack["payload"] == [str(client.member.number), "!all"] and "error" not in ack


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ({"secret": "wrong"}, "INVALID_SIGNATURE"),
        ({"key": "nobody"}, "INVALID_KEY"),
        ({"time": 1_600_000_000}, "REQUEST_EXPIRED"),
    ],
)
def test_a_subscription_that_is_signed_wrong_fails_with_code_4_and_the_label(
    client: GateClient, said: dict[str, Any], label: str
) -> None:
    """A stale frame that is replayed after a reconnect ends here, as at the venue; the socket stays open."""
    listener = GateListener(client)
    ack = listener.subscribe("futures.orders", **said)

    assert ack["error"]["code"] == 4 and json.loads(ack["error"]["message"])["label"] == label
    assert ack["result"] == {"status": "fail"} and not listener.transport.is_cut


def test_a_payload_without_the_uid_or_with_an_unknown_contract_fails_with_code_2(client: GateClient) -> None:
    """The commonest mistake in the field."""
    listener, uid = GateListener(client), str(client.member.number)
    for payload in (["!all"], ["1", "!all"], [uid, "NOPE_USDT"], [uid]):
        assert listener.subscribe("futures.orders", payload)["error"]["code"] == 2

    assert listener.subscribe("futures.autoorders", ["!all"])["result"] == {"status": "success"}
    assert listener.subscribe("futures.autoorders", [uid, "!all"])["result"] == {"status": "success"}


def test_what_is_no_request_is_answered_and_the_socket_stays_open(client: GateClient) -> None:
    """A venue does not hang up on nonsense, and neither may a client count on it."""
    listener = GateListener(client)
    for nonsense in ("nope", "[]", "[" * 5000, '{"channel": 3}', '{"channel":"futures.nope","event":"subscribe"}'):
        listener.say(nonsense)
    codes = [frame["error"]["code"] for frame in listener.heard()]

    assert codes == [1, 1, 1, 1, 2] and not listener.transport.is_cut


def test_a_ping_is_answered_without_a_key(client: GateClient) -> None:
    """What keeps a connection alive, and shows that it is."""
    listener = GateListener(client)
    listener.say({"time": 1, "channel": "futures.ping"})

    assert listener.heard()[0]["channel"] == "futures.pong"


def test_a_fill_is_told_on_every_channel_with_the_same_facts(client: GateClient) -> None:
    """Fill, fee, position and order must be of one mind, whichever channel a client trusts."""
    listener = a_follower(client)
    order = client.place(25, text="t-one")
    rows = listener.rows()
    by_channel = dict(rows)

    assert [channel for channel, _ in rows] == ["positions", "usertrades", "balances", "orders"]
    told = by_channel["orders"]
    assert (told["id"], told["id_string"]) == (order["id"], str(order["id"]))
    assert (told["status"], told["finish_as"], told["size"], told["left"]) == ("finished", "filled", "25", "0")
    assert told["user"] == str(client.member.number) and told["update_id"] == 1
    assert by_channel["usertrades"]["order_id"] == str(order["id"])
    assert by_channel["usertrades"]["fee"] == told["fee"] == -by_channel["balances"]["change"]
    assert by_channel["positions"]["size"] == "25" and "mark_price" not in by_channel["positions"]


def test_an_order_that_rests_is_told_new_and_cancelled_with_growing_update_ids(client: GateClient) -> None:
    """`update_id` is the only order that several pushes of one millisecond have."""
    listener = a_follower(client)
    order = client.place(-3, "69000")
    client.ok("DELETE", f"futures/usdt/orders/{order['id']}")
    told = [row for channel, row in listener.rows() if channel == "orders"]

    assert [(row["finish_as"], row["update_id"], row["left"]) for row in told] == [
        ("_new", 1, "-3"),
        ("cancelled", 2, "-3"),
    ]
    assert told[0]["finish_time_ms"] == told[0]["update_time"]


def test_sizes_are_numbers_for_a_socket_without_the_decimal_header(client: GateClient) -> None:
    """Both forms at once, each to who asked for it."""
    old, new = a_follower(client, is_decimal=False), a_follower(client)
    client.place(3, "66000")

    assert [listener.rows()[0][1]["size"] for listener in (old, new)] == [3, "3"]


def test_the_form_of_2024_has_numbers_for_prices() -> None:
    """Both ages exist in sources; a connector must read either."""
    listener = a_follower(GateClient(GateDoor(Exchange(), is_old=True)), is_decimal=False)
    listener.client.place(3, "66000.1")
    row = listener.rows()[0][1]

    assert row["price"] == 66000.1 and "id_string" not in row and "fee" not in row


def test_a_trigger_is_told_when_set_and_when_fired_with_the_order_it_became(client: GateClient) -> None:
    """How a client learns that its stop has worked, and which order to look at."""
    client.place(10)
    listener = a_follower(client)
    initial = {"contract": "BTC_USDT", "size": 0, "price": "0", "tif": "ioc", "close": True}
    trigger = {"strategy_type": 0, "price_type": 1, "price": "67000", "rule": 2}
    client.ok("POST", "futures/usdt/price_orders", None, {"initial": initial, "trigger": trigger})
    client.door.exchange.market.set_price("BTC_USDT", Decimal(66900), client.door.exchange.now_ms(), hold=True)
    rows = listener.rows()
    told = [row for channel, row in rows if channel == "autoorders"]
    closed = [row for channel, row in rows if channel == "position_closes"]

    assert [(row["status"], row["finish_as"]) for row in told] == [("open", ""), ("finished", "succeeded")]
    spawned = [row for channel, row in rows if channel == "orders"][-1]
    assert told[1]["me_order_id"] == spawned["id_string"] and spawned["finish_as"] == "filled"
    assert len(closed) == 1 and closed[0]["side"] == "long"


def test_nobody_hears_of_anothers_orders(client: GateClient) -> None:
    """A leak here would hide one in the gateway."""
    stranger = a_follower(GateClient(client.door))
    client.place(5)

    assert stranger.rows() == []


def test_after_an_unsubscribe_there_is_silence(client: GateClient) -> None:
    """And it is signed like a subscription."""
    listener = GateListener(client)
    listener.subscribe("futures.orders")
    assert listener.subscribe("futures.orders", event="unsubscribe")["result"] == {"status": "success"}
    client.place(3, "66000")

    assert listener.heard() == []


def test_who_does_not_read_is_cut(client: GateClient) -> None:
    """A slow reader must cost a bounded amount of memory, and reconnect."""
    listener = a_follower(client)
    listener.transport.waiting = BUFFER_MAX + 1
    client.place(3, "66000")

    assert listener.transport.is_cut


def test_idle_sockets_are_cut_sooner_when_they_follow_nothing(client: GateClient) -> None:
    """30 s without a subscription, 60 s of silence with one: who forgets to ping finds out here."""
    idle, following = GateListener(client), a_follower(client)
    for listener, age_ms in ((idle, 29_000), (following, 59_000)):
        listener.socket.heard_ms = listener.socket.spoke_ms = client.door.exchange.real_ms() - age_ms
    client.door.stream.tick(client.door.exchange.now_ms())
    assert not idle.transport.is_cut and not following.transport.is_cut
    for listener in (idle, following):
        listener.socket.heard_ms -= 2_000
        listener.socket.spoke_ms -= 2_000
    client.door.stream.tick(client.door.exchange.now_ms())

    assert idle.transport.is_cut and following.transport.is_cut


def test_public_books_follow_on_from_their_snapshot(client: GateClient) -> None:
    """Each difference names the versions it covers, without a hole after the snapshot's id."""
    listener = GateListener(client)
    listener.say(
        {"time": 1, "channel": "futures.order_book_update", "event": "subscribe", "payload": ["BTC_USDT", "100ms"]}
    )
    snapshot = client.ok("GET", "futures/usdt/order_book", {"contract": "BTC_USDT", "with_id": "true", "limit": "50"})
    client.place(3, "67499.9")
    listener.heard()
    client.door.tick(client.door.exchange.now_ms())
    update = listener.heard()[-1]["result"]

    assert update["U"] == snapshot["id"] + 1 and {"p", "s"} == set(update["b"][0])
