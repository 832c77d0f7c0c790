"""Keys that are revoked, may only read, or only from somewhere: what REST, streams and the trading API say then."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from shared.paper.exchange import KeyTerms
from shared.paper.gate.door import GateDoor
from shared.paper.orders import OrderRequest
from tests.paper.gate_client import F, GateClient, GateListener
from tests.paper.process import PaperProcess

ORDER = {"contract": "BTC_USDT", "size": 1, "price": "60000", "tif": "gtc"}


@pytest.fixture
def client(door: GateDoor) -> GateClient:
    return GateClient(door)


def test_a_revoked_key_is_unknown_and_what_it_had_opened_goes_on(client: GateClient) -> None:
    """A quiet or even a busy socket is no proof of a valid key."""
    listener = GateListener(client)
    listener.subscribe("futures.orders")
    client.member.key = KeyTerms(is_revoked=True)

    assert client.refused("GET", f"{F}/accounts") == (401, "INVALID_KEY")
    ack = GateListener(client).subscribe("futures.orders")
    assert ack["error"]["code"] == 4 and json.loads(ack["error"]["message"])["label"] == "INVALID_KEY"
    client.door.engine.place(
        client.member.wallets["gate"],
        OrderRequest("BTC_USDT", Decimal(1), Decimal(60000)),
        client.door.exchange.now_ms(),
    )
    assert len(listener.heard()) == 1


@pytest.mark.parametrize("is_closed", [True, False])
def test_the_sockets_of_a_revoked_key_are_closed_or_fall_silent(client: GateClient, is_closed: bool) -> None:
    """Nobody knows which of them the real venue does, so both can be had."""
    listener, other = GateListener(client), GateListener(GateClient(client.door))
    for each in (listener, other):
        each.subscribe("futures.orders")
    client.door.end_sessions(client.member.uid, is_closed=is_closed)
    client.place(1, "60000")

    assert listener.transport.is_cut is is_closed and not other.transport.is_cut
    assert listener.heard() == []


def test_a_key_that_only_reads_places_nothing(client: GateClient) -> None:
    """Every GET is a read, everything else a write."""
    client.member.key = KeyTerms(is_read_only=True)

    assert client.call("GET", f"{F}/accounts").status == 200
    for method, path, body in (("POST", "orders", ORDER), ("DELETE", "orders", None), ("POST", "dual_mode", None)):
        assert client.refused(method, f"{F}/{path}", None, body) == (403, "READ_ONLY")
    assert GateListener(client).subscribe("futures.orders")["result"] == {"status": "success"}


def test_a_key_is_good_only_from_the_addresses_it_names(client: GateClient) -> None:
    """Behind a forwarder the address is the one it forwards for."""
    client.member.key = KeyTerms(ips=("10.0.0.1", "10.0.0.2"))

    assert client.refused("GET", f"{F}/accounts") == (403, "IP_FORBIDDEN")
    good = client.call("GET", f"{F}/accounts", headers={"x-forwarded-for": "10.0.0.2"})
    assert good.status == 200
    ack = GateListener(client).subscribe("futures.orders")
    assert json.loads(ack["error"]["message"])["label"] == "IP_FORBIDDEN"


def test_a_change_may_take_its_time(client: GateClient) -> None:
    """Up to five minutes at the real venue."""
    exchange = client.door.exchange
    client.member.key_next = KeyTerms(is_revoked=True, acts_ms=exchange.real_ms() + 60_000)
    assert client.call("GET", f"{F}/accounts").status == 200
    client.member.key_next.acts_ms = exchange.real_ms()

    assert client.refused("GET", f"{F}/accounts") == (401, "INVALID_KEY")


# ---- the control surface


def test_keys_are_set_over_the_control_surface(paper: PaperProcess) -> None:
    """By uid or by key; what is left out is as with a new key."""
    account = paper.account()
    said = paper.ask("POST", "/paper/keys", {"uid": account.uid, "read_only": True, "ips": ["10.0.0.1"]})
    assert (said["uid"], said["revoked"], said["read_only"], said["ips"]) == (account.uid, False, True, ["10.0.0.1"])
    assert (said["after_ms"], said["sockets"]) == (0, "open")
    assert paper.ask("POST", "/paper/keys", {"api_key": account.api_key})["read_only"] is False


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"revoked": "yes"}, "revoked"),
        ({"ips": "10.0.0.1"}, "ips"),
        ({"after_ms": -1}, "after_ms"),
        ({"sockets": "gone"}, "sockets"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_no_change_of_a_key_is_refused_by_field(paper: PaperProcess, body: dict[str, Any], field: str) -> None:
    """And an unknown account is not found."""
    status, answer = post(paper)("keys", {"uid": paper.account().uid} | body)

    assert status == 400 and [each["field"] for each in answer["error"]["fields"]] == [field]
    assert post(paper)("keys", {"uid": "nobody"})[0] == 404


def post(paper: PaperProcess) -> Callable[[str, object], tuple[int, Any]]:
    return lambda path, body: paper.status("POST", f"/paper/{path}", json.dumps(body).encode())


def test_the_surface_says_what_it_does(paper: PaperProcess) -> None:
    """Every route with its body and a sentence; nothing is a secret here."""
    rows = paper.ask("GET", "/paper")

    assert {row["route"] for row in rows} >= {"POST /paper/keys", "POST /paper/funding", "GET /paper/books"}
    assert all(row["does"] for row in rows)


def test_markets_and_positions_are_moved_over_the_control_surface(paper: PaperProcess) -> None:
    """Funding, deleveraging, a lowered limit, and a mark price that moves alone."""
    account = paper.account()
    moved = paper.ask("POST", "/paper/price", {"symbol": "BTC_USDT", "price": 67000, "only": "mark"})
    assert moved == {"symbol": "BTC_USDT", "price": "67000", "hold": False, "only": "mark"}
    paper.price("BTC_USDT", 67500)
    said = paper.ask("POST", "/paper/funding", {"symbol": "BTC_USDT", "rate": "0.0005"})
    assert (said["symbol"], said["rate"]) == ("BTC_USDT", "0.0005")
    limit = {"uid": account.uid, "symbol": "BTC-USDT-SWAP", "risk_limit": "5000"}
    assert paper.ask("POST", "/paper/risk_limit", limit) == {"symbol": "BTC_USDT", "risk_limit": "5000"}

    for path, body, field in (
        ("deleverage", {"uid": account.uid, "symbol": "BTC_USDT"}, "uid"),
        ("deleverage", {"uid": account.uid, "symbol": "BTC_USDT", "side": "up"}, "side"),
        ("funding", {"symbol": "BTC_USDT", "rate": "5"}, "rate"),
        ("risk_limit", limit | {"risk_limit": "x"}, "risk_limit"),
        ("risk_limit", limit | {"venue": "mars"}, "venue"),
        ("price", {"symbol": "BTC_USDT", "price": 67000, "only": "last"}, "only"),
        ("accounts", {"stp_group": -1}, "stp_group"),
        ("accounts", {"mode": "margin"}, "mode"),
    ):
        status, answer = post(paper)(path, body)
        assert status == 400 and [each["field"] for each in answer["error"]["fields"]] == [field], path
