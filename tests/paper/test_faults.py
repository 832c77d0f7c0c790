"""Faults: each does what its name says, to whom it was meant for, for as long as it was asked to."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from shared.errors import BadRequest
from shared.paper.faults import KINDS, Faults
from shared.paper.gate.door import GateDoor
from tests.paper.gate_client import F, GateClient, GateListener, KeptTransport
from tests.paper.process import ROOT

VENUES = ("gate",)


@pytest.fixture
def client(door: GateDoor) -> GateClient:
    """A member whose market stands still."""
    door.exchange.market.set_price("BTC_USDT", Decimal("67500"), 1, hold=True)
    return GateClient(door)


def start(client: GateClient, kind: str, **said: object) -> str:
    exchange = client.door.exchange
    return exchange.faults.add({"kind": kind, "rate": 1} | said, VENUES, exchange.real_ms()).id


def a_listener(client: GateClient) -> GateListener:
    listener = GateListener(client)
    listener.subscribe("futures.orders")
    return listener


def words(listener: GateListener) -> list[str]:
    return [row["finish_as"] for _, row in listener.rows()]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "body"),
        ({}, "kind"),
        ({"kind": "earthquake"}, "kind"),
        ({"kind": "drop_frames", "rate": 2}, "rate"),
        ({"kind": "drop_frames", "rate": "1"}, "rate"),
        ({"kind": "drop_frames", "rate": True}, "rate"),
        ({"kind": "drop_frames", "rate": float("nan")}, "rate"),
        ({"kind": "drop_frames", "venue": "nowhere"}, "venue"),
        ({"kind": "drop_frames", "uid": "a b"}, "uid"),
        ({"kind": "drop_frames", "ms": -1}, "ms"),
        ({"kind": "drop_frames", "ms": 1.5}, "ms"),
        ({"kind": "drop_frames", "for_s": 0}, "for_s"),
        ({"kind": "drop_frames", "count": 0}, "count"),
        ({"kind": "drop_frames", "colour": "red"}, "colour"),
    ],
)
def test_what_is_no_fault_is_refused_by_field(body: object, field: str) -> None:
    """A chaos test whose fault was misspelt would pass without testing anything."""
    with pytest.raises(BadRequest) as refused:
        Faults(seed=1).add(body, VENUES, 0)

    assert [name for name, _ in refused.value.fields] == [field]


def test_a_fault_ends_by_count_by_time_and_hits_only_whom_it_was_meant_for() -> None:
    """Tests that run side by side must not break one another."""
    faults = Faults(seed=1)
    faults.add({"kind": "http_429", "uid": "7", "count": 2}, VENUES, 0)
    faults.add({"kind": "http_5xx", "for_s": 1}, VENUES, 0)

    assert faults.strike("http_429", "gate", "8", 0) is None
    assert [faults.strike("http_429", "gate", "7", 0) is not None for _ in range(3)] == [True, True, False]
    assert faults.strike("http_5xx", "gate", "8", 999) and not faults.strike("http_5xx", "gate", "8", 1000)
    assert faults.rows(1000) == []


def test_the_rate_is_a_chance() -> None:
    """Half means about half, by the exchange's own seed."""
    faults = Faults(seed=1)
    faults.add({"kind": "drop_frames", "rate": 0.5}, VENUES, 0)

    assert 400 < sum(faults.strike("drop_frames", "gate", "1", 0) is not None for _ in range(1000)) < 600


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("drop_frames", []),
        ("repeat_frames", ["_new", "_new", "cancelled", "cancelled"]),
        ("withhold_frames", []),
    ],
)
def test_frames_are_dropped_repeated_or_withheld(client: GateClient, kind: str, expected: list[str]) -> None:
    """What a client must survive: nothing, the same again, or everything late."""
    listener = a_listener(client)
    start(client, kind)

    async def go() -> None:
        client.ok("DELETE", f"{F}/orders/{client.place(3, '66000')['id']}")

    asyncio.run(go())
    assert words(listener) == expected


def test_withheld_frames_leave_in_order_when_the_fault_ends(client: GateClient) -> None:
    """A line that hangs and comes back delivers everything, late."""
    listener = a_listener(client)
    start(client, "withhold_frames")

    async def go() -> None:
        client.ok("DELETE", f"{F}/orders/{client.place(3, '66000')['id']}")
        assert words(listener) == []
        client.door.exchange.faults.active.clear()
        client.place(3, "66001")

    asyncio.run(go())
    assert words(listener) == ["_new", "cancelled", "_new"]


@pytest.mark.parametrize("kind", ["delay_frames", "shuffle_frames"])
def test_delayed_and_shuffled_frames_all_arrive(client: GateClient, kind: str) -> None:
    """Late or out of order, but none is lost."""
    listener = a_listener(client)
    start(client, kind, ms=5)

    async def go() -> list[str]:
        for _ in range(6):
            client.ok("DELETE", f"{F}/orders/{client.place(3, '66000')['id']}")
        assert words(listener) == []
        heard: list[str] = []
        async with asyncio.timeout(5):
            while len(heard) < 12:
                await asyncio.sleep(0)
                heard += words(listener)
        return heard

    heard = asyncio.run(go())
    assert sorted(heard) == ["_new"] * 6 + ["cancelled"] * 6
    assert (heard == ["_new", "cancelled"] * 6) == (kind == "delay_frames")


def test_sockets_are_closed_at_once_and_only_those_of_the_account(client: GateClient) -> None:
    """One account's line breaks; its neighbour's does not."""
    other = a_listener(GateClient(client.door))
    listener = a_listener(client)
    exchange = client.door.exchange
    fault = exchange.faults.add({"kind": "close_sockets", "uid": client.member.uid}, VENUES, exchange.real_ms())

    assert client.door.close_sockets(fault) == 1
    assert listener.transport.is_cut and not other.transport.is_cut


@pytest.mark.parametrize(
    ("kind", "status", "label"),
    [
        ("http_429", 429, "TOO_MANY_REQUESTS"),
        ("reject_order", 400, "INSUFFICIENT_AVAILABLE"),
    ],
)
def test_a_refused_order_leaves_no_trace(client: GateClient, kind: str, status: int, label: str) -> None:
    """These two are definite: nothing happened, and asking again is safe."""
    start(client, kind, count=1)
    body = {"contract": "BTC_USDT", "size": 1, "price": "66000"}

    assert client.refused("POST", f"{F}/orders", None, body) == (status, label)
    assert not client.member.wallets["gate"].orders
    client.place(1, "66000")


def test_a_server_error_sometimes_carries_the_order_out(client: GateClient) -> None:
    """A 502 says nothing about the outcome: a client that repeats it blindly trades twice."""
    start(client, "http_5xx")
    body = {"contract": "BTC_USDT", "size": 1, "price": "66000"}
    for _ in range(20):
        reply = client.call("POST", f"{F}/orders", None, body)
        assert reply.status == 502 and reply.is_html

    assert 0 < len(client.member.wallets["gate"].orders) < 20


def test_a_cut_reply_belongs_to_an_order_that_was_accepted(client: GateClient) -> None:
    """The worst moment to lose a line. Only placements are cut, so the call before one does not use up the count."""
    start(client, "cut_reply", count=1)
    client.ok("POST", f"{F}/positions/BTC_USDT/leverage", {"leverage": "5"})
    reply = client.call(
        "POST", f"{F}/orders", None, {"contract": "BTC_USDT", "size": 1, "price": "66000", "text": "t-cut"}
    )

    assert reply.is_cut
    assert client.ok("GET", f"{F}/orders/t-cut")["status"] == "open"


def test_a_refused_trigger_leaves_a_position_unprotected(client: GateClient) -> None:
    """What a gateway must notice at once."""
    client.place(5)
    start(client, "refuse_trigger", count=1)
    initial = {"contract": "BTC_USDT", "size": 0, "price": "0", "tif": "ioc", "close": True}
    body = {"initial": initial, "trigger": {"price_type": 0, "price": "60000", "rule": 2}}

    assert client.refused("POST", f"{F}/price_orders", None, body)[1] == "AUTO_TRIGGER_PRICE_LESS_LAST"
    assert client.ok("POST", f"{F}/price_orders", None, body)["id"]


def test_maintenance_answers_nobody(client: GateClient) -> None:
    """REST says 503 without a label, and a new socket is not taken."""
    start(client, "maintenance")

    assert client.call("GET", f"{F}/accounts").status == 503
    assert client.door.stream.connect(KeptTransport(), {}) is None


def test_every_kind_is_known_to_the_door() -> None:
    """A kind that nothing asks for would be a promise without a body."""
    source = "".join(path.read_text() for path in (ROOT / "shared/paper").rglob("*.py") if path.name != "faults.py")

    assert [kind for kind in KINDS if f'"{kind}"' not in source] == []
