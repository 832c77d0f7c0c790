"""Faults at OKX's door: what a bad day looks like there, over REST and over the socket."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.paper.okx_client import SWAP, OkxClient, OkxListener

STOP = {
    "instId": SWAP, "tdMode": "cross", "side": "sell", "sz": "5", "ordType": "conditional", "slTriggerPx": "66000",
    "slOrdPx": "-1",
}  # fmt: skip
ATTACHED = [{"slTriggerPx": "65000", "slOrdPx": "-1"}]


def fault(okx: OkxClient, kind: str, **said: Any) -> None:
    exchange = okx.door.exchange
    exchange.faults.add({"kind": kind, "venue": "okx"} | said, exchange.venues, exchange.real_ms())


def over_socket(okx: OkxClient, **said: Any) -> dict[str, Any]:
    return okx.order("buy", 1, "66000") | {"instIdCode": 10459} | said


@pytest.fixture
def ears(okx: OkxClient) -> OkxListener:
    listener = OkxListener(okx)
    listener.subscribe("orders")
    return listener


def test_too_many_in_the_venues_words(okx: OkxClient, ears: OkxListener) -> None:
    """HTTP 429 without data; over the socket an item."""
    fault(okx, "http_429")
    reply = okx.call("GET", "account/config")

    assert (reply.status, reply.body) == (429, {"msg": "Too Many Requests", "code": "50011"})
    answer = ears.do("order", over_socket(okx))
    assert (answer["code"], answer["data"][0]["sCode"]) == ("1", "50011") and not okx.account.orders


def test_a_failure_of_the_server_may_have_placed_the_order(okx: OkxClient) -> None:
    """Half of them did; nothing in the answer says which."""
    fault(okx, "http_5xx")
    replies = [okx.call("POST", "trade/order", None, okx.order("buy", 1, "66000")) for _ in range(40)]

    assert {reply.status for reply in replies} == {500, 502}
    assert {reply.body["code"] for reply in replies if not reply.is_html} == {"50026", "51054", "51149"}
    assert 5 < len(okx.account.orders) < 35


def test_maintenance_answers_nobody(okx: OkxClient) -> None:
    """503 for all calls and for new sockets."""
    fault(okx, "maintenance")

    assert (okx.call("GET", "public/time").status, okx.call("GET", "account/config").body["code"]) == (503, "50001")
    assert okx.door.stream.connect(OkxListener.__new__(OkxListener), "public", {}) == 503  # type: ignore[arg-type]  # unused


def test_orders_are_rejected_as_for_want_of_money(okx: OkxClient, ears: OkxListener) -> None:
    """Each item of a batch, with the client's own id."""
    fault(okx, "reject_order")
    batch = [okx.order("buy", 1, "66000", clOrdId="a1"), okx.order("buy", 1, "66000", clOrdId="a2")]
    answer = okx.body("POST", "trade/batch-orders", None, batch)

    assert [(item["clOrdId"], item["sCode"], item["subCode"]) for item in answer["data"]] == [
        ("a1", "51008", "1001"),
        ("a2", "51008", "1001"),
    ]
    assert ears.do("order", over_socket(okx))["data"][0]["sCode"] == "51008"
    assert okx.refused("POST", "trade/cancel-order", None, {"instId": SWAP, "ordId": "1"}) == "51400"


def test_what_protects_is_refused(okx: OkxClient) -> None:
    """By itself, and with the order that it is attached to."""
    fault(okx, "refuse_trigger")
    okx.place("buy", 5)

    answer = okx.body("POST", "trade/order-algo", None, STOP | {"algoClOrdId": "s1"})
    assert (answer["code"], answer["data"][0]["sCode"], answer["data"][0]["algoClOrdId"]) == ("0", "51280", "s1")
    body = okx.order("buy", 1, "66000", attachAlgoOrds=ATTACHED)
    assert okx.refused("POST", "trade/order", None, body) == "51280"
    assert not okx.account.triggers and len(okx.account.orders) == 1


async def test_a_cut_reply_is_an_order_that_was_placed(okx: OkxClient, ears: OkxListener) -> None:
    """Its push comes all the same; over the socket the connection goes."""
    fault(okx, "cut_reply", count=2)
    reply = okx.call("POST", "trade/order", None, okx.order("buy", 1, "66000", clOrdId="c1"))
    assert reply.is_cut and ears.rows("orders")[0]["clOrdId"] == "c1"
    ears.say({"id": "7", "op": "order", "args": [over_socket(okx, clOrdId="c2")]})

    assert ears.transport.is_cut and len(okx.account.orders) == 2
    assert okx.refused("POST", "trade/order", None, okx.order("buy", 0)) == "51000"


async def test_a_late_answer_comes_after_its_push(okx: OkxClient, ears: OkxListener) -> None:
    """Over both ways in."""
    fault(okx, "delay_reply", ms=20)
    assert okx.call("POST", "trade/order", None, okx.order("buy", 1, "66000")).delay_ms == 20
    ears.heard()
    ears.say({"id": "7", "op": "order", "args": [over_socket(okx)]})
    assert [each.get("op") for each in ears.heard()] == [None]
    async with asyncio.timeout(5):
        while not ears.transport.written:
            await asyncio.sleep(0.005)

    assert [each.get("op") for each in ears.heard()] == ["order"]


async def test_frames_are_dropped_repeated_delayed_shuffled_and_withheld(okx: OkxClient, ears: OkxListener) -> None:
    """Private ones alone, whatever is done with them."""
    fault(okx, "drop_frames", count=1)
    okx.place("buy", 1, "66000")
    assert ears.heard() == []
    fault(okx, "repeat_frames", count=1)
    okx.place("buy", 1, "66000")
    assert len({repr(frame) for frame in ears.heard()}) == 1
    fault(okx, "withhold_frames")
    first, second = okx.place("buy", 1, "66000"), okx.place("buy", 1, "66000")
    assert ears.heard() == []
    okx.door.exchange.faults.active.clear()
    okx.door.tick(okx.door.exchange.now_ms())
    assert [row["ordId"] for row in ears.rows("orders")] == [first, second]
    fault(okx, "shuffle_frames", ms=10)
    placed = {okx.place("buy", 1, "66000") for _ in range(5)}
    assert ears.heard() == []
    async with asyncio.timeout(5):
        while len(ears.transport.written) < 5:
            await asyncio.sleep(0.005)

    assert {row["ordId"] for row in ears.rows("orders")} == placed


def test_a_fault_of_another_venue_or_account_does_nothing(okx: OkxClient) -> None:
    """One user's Gate may be down while their OKX is not."""
    other = OkxClient(okx.door)
    fault(okx, "http_429", uid=other.member.uid)

    assert okx.call("GET", "account/config").status == 200
    assert other.call("GET", "account/config").status == 429
