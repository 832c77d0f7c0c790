"""Gate's rate limits: who counts for what, what the headers say, and who is spared."""

from __future__ import annotations

import pytest

from shared.paper.exchange import Exchange
from shared.paper.gate.calls import Call, Reply
from shared.paper.gate.door import GateDoor
from tests.paper.gate_client import F, GateClient

BODY = {"contract": "BTC_USDT", "size": 1, "price": "0", "tif": "gtc"}
"""An order that is refused, and counts all the same."""


@pytest.fixture
def client(door: GateDoor, monkeypatch: pytest.MonkeyPatch) -> GateClient:
    """A member of an exchange whose time stands still."""
    now_ms = door.exchange.now_ms()
    monkeypatch.setattr(door.exchange, "now_ms", lambda: now_ms)
    return GateClient(door)


def remain(reply: Reply) -> int:
    return int(reply.headers["X-Gate-RateLimit-Requests-Remain"])


def limit(reply: Reply) -> int:
    return int(reply.headers["X-Gate-RateLimit-Limit"])


def test_placing_amending_and_every_order_of_a_batch_share_one_allowance(client: GateClient) -> None:
    """100 a second, whichever call they come by."""
    assert remain(client.call("POST", f"{F}/orders", None, BODY)) == 99
    assert remain(client.call("PUT", f"{F}/orders/5", None, {"size": 1})) == 98
    assert remain(client.call("POST", f"{F}/batch_orders", None, [BODY] * 10)) == 88
    assert remain(client.call("POST", f"{F}/batch_amend_orders", None, [{"order_id": 5, "size": 1}] * 8)) == 80
    replies = [client.call("POST", f"{F}/batch_orders", None, [BODY] * 10) for _ in range(9)]

    assert [reply.status for reply in replies] == [200] * 8 + [429]
    assert client.call("DELETE", f"{F}/orders").status == 200


def test_cancelling_has_an_allowance_of_its_own(client: GateClient) -> None:
    """So that a bot that may no longer place can still get out."""
    for _ in range(100):
        client.call("POST", f"{F}/orders", None, BODY)
    assert client.call("POST", f"{F}/orders", None, BODY).status == 429
    replies = [
        client.call("DELETE", f"{F}/orders"), client.call("DELETE", f"{F}/orders/5"),
        client.call("POST", f"{F}/batch_cancel_orders", None, ["5", "6"]),
    ]  # fmt: skip

    assert [(reply.status == 429, limit(reply), remain(reply)) for reply in replies] == [
        (False, 200, 199), (False, 200, 198), (False, 200, 197),
    ]  # fmt: skip


def test_other_private_calls_have_an_allowance_each(client: GateClient) -> None:
    """200 in ten seconds for each endpoint, triggers among them; another account has its own."""
    replies = [client.call("GET", f"{F}/accounts") for _ in range(201)]
    assert [replies[199].status, replies[200].status] == [200, 429]
    assert replies[200].body["label"] == "TOO_MANY_REQUESTS"

    assert remain(client.call("GET", f"{F}/positions")) == 199
    assert limit(client.call("POST", f"{F}/price_orders", None, {})) == 200
    assert [remain(client.call("GET", f"{F}/orders/{number}")) for number in (5, 6)] == [199, 198]
    assert GateClient(client.door).call("GET", f"{F}/accounts").status == 200


def test_the_headers_say_how_it_stands_and_when_it_gets_better(client: GateClient) -> None:
    """Seconds; now while something is left, later when nothing is."""
    now_s = client.door.exchange.now_ms() // 1000
    first = client.call("GET", f"{F}/accounts")
    assert {name: value for name, value in first.headers.items() if "RateLimit" in name} == {
        "X-Gate-RateLimit-Requests-Remain": "199",
        "X-Gate-RateLimit-Limit": "200",
        "X-Gate-RateLimit-Reset-Timestamp": str(now_s),
    }
    for _ in range(199):
        client.call("GET", f"{F}/accounts")
    last = client.call("GET", f"{F}/accounts")

    assert last.status == 429 and remain(last) == 0
    assert now_s < int(last.headers["X-Gate-RateLimit-Reset-Timestamp"]) <= now_s + 2


def test_an_allowance_comes_back_with_time(client: GateClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evenly: half a second brings half of a second's orders."""
    for _ in range(100):
        client.call("POST", f"{F}/orders", None, BODY)
    later_ms = client.door.exchange.now_ms() + 500
    monkeypatch.setattr(client.door.exchange, "now_ms", lambda: later_ms)

    assert remain(client.call("POST", f"{F}/orders", None, BODY)) == 49


def test_a_faulted_429_says_that_nothing_is_left(client: GateClient) -> None:
    """A header that promised more would contradict the answer."""
    exchange = client.door.exchange
    exchange.faults.add({"kind": "http_429", "count": 1}, ("gate",), exchange.real_ms())
    reply = client.call("POST", f"{F}/orders", None, BODY)

    assert (reply.status, remain(reply)) == (429, 0)
    assert remain(client.call("POST", f"{F}/orders", None, BODY)) == 98


def public(client: GateClient, path: str, **headers: str) -> int:
    call = Call(client.door, "GET", f"/api/v4/{path}", "", b"", headers, "127.0.0.1", client.door.exchange.now_ms())
    return client.door.handle(call).status


def test_public_calls_count_by_address_and_endpoint_and_this_machine_is_spared(client: GateClient) -> None:
    """A house of many processes has one address here, which no real house has."""
    assert {public(client, f"{F}/contracts") for _ in range(250)} == {200}
    away = {"x-forwarded-for": "10.0.0.7, 127.0.0.1"}
    statuses = [public(client, f"{F}/contracts", **away) for _ in range(201)]

    assert statuses[199:] == [200, 429]
    assert public(client, f"{F}/tickers", **away) == 200
    assert public(client, f"{F}/contracts", **{"x-forwarded-for": "10.0.0.8"}) == 200


def test_a_bench_can_switch_the_limits_off() -> None:
    """The headers still count, so that what reads them is measured too."""
    client = GateClient(GateDoor(Exchange(), limits_on=False))
    replies = [client.call("POST", f"{F}/orders", None, BODY) for _ in range(130)]

    assert {reply.status for reply in replies} == {400} and limit(replies[0]) == 100
