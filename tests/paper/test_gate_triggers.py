"""Gate's price-triggered orders: set, read, changed, fired, failed, expired."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from shared.paper.exchange import Exchange
from shared.paper.gate.door import GateDoor
from tests.paper.gate_client import F, GateClient, GateListener

BTC = "BTC_USDT"
CLOSE = {"contract": BTC, "size": 0, "price": "0", "tif": "ioc", "close": True}
OPEN = {"contract": BTC, "size": 3, "price": "0", "tif": "ioc"}


@pytest.fixture
def client(door: GateDoor) -> GateClient:
    """A member whose market stands still."""
    return a_client(door)


def a_client(door: GateDoor) -> GateClient:
    door.exchange.market.set_price(BTC, Decimal("67500"), 1, hold=True)
    return GateClient(door)


def setting(price: str, rule: int, price_type: int = 0, initial: Any = None, **said: object) -> dict[str, Any]:
    trigger = {"strategy_type": 0, "price_type": price_type, "price": price, "rule": rule}
    return {"initial": initial or CLOSE, "trigger": trigger} | said


def a_trigger(client: GateClient, *said: Any, **more: Any) -> str:
    number: str = client.ok("POST", f"{F}/price_orders", None, setting(*said, **more))["id_string"]
    return number


def shown(client: GateClient, number: str) -> Any:
    return client.ok("GET", f"{F}/price_orders/{number}")


def move(client: GateClient, kind: str, price: str) -> None:
    market, now_ms = client.door.exchange.market, client.door.exchange.now_ms()
    if kind == "last":
        market.pin(BTC, "mark", Decimal(67500), now_ms)
        market.pin(BTC, "index", Decimal(67500), now_ms)
        client.door.engine.reprice(BTC, Decimal(price), now_ms)
    else:
        market.pin(BTC, kind, Decimal(price), now_ms)


@pytest.mark.parametrize(("price_type", "kind"), [(0, "last"), (1, "mark"), (2, "index")])
@pytest.mark.parametrize(("rule", "price", "other"), [(1, "68000", "67000"), (2, "67000", "68000")])
def test_each_price_fires_its_own_triggers_on_their_own_side(
    client: GateClient, price_type: int, kind: str, rule: int, price: str, other: str
) -> None:
    """A stop on the mark must not be hunted by a last price, nor fire when the price goes the good way."""
    number = a_trigger(client, price, rule, price_type, OPEN)
    for elsewhere in {"mark", "index"} - {kind}:
        move(client, elsewhere, price)
    move(client, kind, other)
    assert shown(client, number)["status"] == "open"
    move(client, kind, price)

    assert shown(client, number)["finish_as"] == "succeeded"


@pytest.mark.parametrize(
    ("rule", "price_type", "label"),
    [
        (1, 0, "AUTO_TRIGGER_PRICE_GREATE_LAST"),
        (2, 0, "AUTO_TRIGGER_PRICE_LESS_LAST"),
        (1, 1, "AUTO_TRIGGER_PRICE_GREATE_MARK"),
        (2, 1, "AUTO_TRIGGER_PRICE_LESS_MARK"),
    ],
)
def test_a_trigger_that_would_fire_at_once_is_refused_with_how_it_would_have_to_be(
    client: GateClient, rule: int, price_type: int, label: str
) -> None:
    """The label names the side that the price must be on, as ccxt has recorded it beside its message."""
    reply = client.call("POST", f"{F}/price_orders", None, setting("67500", rule, price_type))

    assert (reply.status, reply.body["label"]) == (400, label)
    assert ("must >" if rule == 1 else "must <") in reply.body["message"]


@pytest.mark.parametrize(
    ("part", "said", "label"),
    [
        ("trigger", {"rule": 3}, "AUTO_INVALID_PARAM_TRIGGER_RULE"),
        ("trigger", {"price": 61000}, "AUTO_INVALID_REQUEST_BODY"),
        ("trigger", {"price": "61000.05"}, "AUTO_INVALID_PARAM_TRIGGER_PRICE"),
        ("trigger", {"expiration": -5}, "AUTO_INVALID_PARAM_TRIGGER_EXPIRATION"),
        ("trigger", {"price_type": 9}, "INVALID_PARAM_VALUE"),
        ("initial", {"price": 0}, "AUTO_INVALID_REQUEST_BODY"),
        ("initial", {"size": 5}, "AUTO_INVALID_PARAM_CLOSE"),
        ("initial", {"close": False}, "AUTO_INVALID_PARAM_CLOSE"),
        ("initial", {"auto_size": "close_long", "close": False}, "AUTO_INVALID_PARAM_CLOSE"),
        ("initial", {"tif": "gtc"}, "INVALID_ARGUMENT"),
        ("initial", {"contract": "NOPE_USDT"}, "CONTRACT_NOT_FOUND"),
        ("", {"order_type": "close-long-order"}, "AUTO_INVALID_PARAM_ORDER_TYPE"),
        ("", {"initial": None}, "AUTO_INVALID_REQUEST_BODY"),
    ],
    ids=str,
)
def test_a_bad_trigger_is_refused_in_the_services_own_words(
    client: GateClient, part: str, said: dict[str, object], label: str
) -> None:
    """Each of these was seen in somebody's log."""
    body = setting("61000", 2)
    body = body | said if not part else body | {part: body[part] | said}

    assert client.refused("POST", f"{F}/price_orders", None, body) == (400, label)
    assert not client.member.wallets["gate"].triggers


def test_the_order_that_a_trigger_became_is_named_by_it(client: GateClient) -> None:
    """By number and by text, in two fields; its own text when it had one, else one made of the trigger's id."""
    client.place(10)
    named = a_trigger(client, "67000", 2, 0, OPEN | {"size": -3, "reduce_only": True, "text": "t-stop"})
    bare = a_trigger(client, "66900", 2, 0, CLOSE)
    assert shown(client, bare)["initial"]["text"] == ""
    client.door.exchange.market.set_price(BTC, Decimal(66800), client.door.exchange.now_ms(), hold=True)

    for number, text, size in ((named, "t-stop", "-3"), (bare, f"ao-{bare}", "-7")):
        row = shown(client, number)
        spawned = client.ok("GET", f"{F}/orders/{row['trade_id']}")
        assert (spawned["text"], spawned["size"], spawned["finish_as"]) == (text, size, "filled")
        assert row["me_order_id"] == row["trade_id"] and row["trade_id_string"] == str(row["trade_id"])
        assert row["me_order_id_string"] == spawned["id_string"] and row["parent_id"] == 0


def test_one_whose_position_is_gone_fails_and_gives_the_label_as_its_reason(client: GateClient) -> None:
    """Position and margin are looked at when it fires and not before."""
    listener = GateListener(client)
    listener.subscribe("futures.autoorders")
    number = a_trigger(client, "67000", 2)
    client.door.exchange.market.set_price(BTC, Decimal(66800), client.door.exchange.now_ms(), hold=True)
    row = shown(client, number)

    assert (row["status"], row["finish_as"], row["reason"], row["trade_id"]) == (
        "finished",
        "failed",
        "POSITION_EMPTY",
        0,
    )
    assert [row["reason"] for _, row in listener.rows()] == ["", "POSITION_EMPTY"]


def test_one_expires_when_its_time_is_over(client: GateClient) -> None:
    """And is found among the finished, not among the open."""
    number = a_trigger(client, "61000", 2, trigger={
        "strategy_type": 0, "price_type": 0, "price": "61000", "rule": 2, "expiration": 60,
    })  # fmt: skip
    exchange = client.door.exchange
    exchange.market.step(exchange.now_ms() + 59_000)
    assert [row["id_string"] for row in client.ok("GET", f"{F}/price_orders", {"status": "open"})] == [number]
    exchange.market.step(exchange.now_ms() + 61_000)

    assert client.ok("GET", f"{F}/price_orders", {"status": "open"}) == []
    assert [row["finish_as"] for row in client.ok("GET", f"{F}/price_orders", {"status": "finished"})] == ["expired"]


@pytest.mark.parametrize("has_id_in_path", [True, False])
def test_a_trigger_is_amended_under_either_path(client: GateClient, has_id_in_path: bool) -> None:
    """The SDK puts the id into the path and the body, the changelog into the body alone."""
    client.place(10)
    listener = GateListener(client)
    listener.subscribe("futures.autoorders")
    number = a_trigger(
        client, "61000", 2, 0, OPEN | {"size": -3, "reduce_only": True}, order_type="plan-close-long-position"
    )
    body = {"order_id": int(number), "amount": "-4", "price": "60000", "trigger_price": "67200", "price_type": 1}
    path = f"{F}/price_orders/amend" + (f"/{number}" if has_id_in_path else "")
    assert client.ok("PUT", path, None, body) == {"id": int(number), "id_string": number}
    row = shown(client, number)
    assert (row["initial"]["amount"], row["initial"]["price"]) == ("-4", "60000")
    assert (row["trigger"]["price"], row["trigger"]["price_type"], row["trigger"]["rule"]) == ("67200", 1, 2)
    assert [row["trigger"]["price"] for _, row in listener.rows()] == ["61000", "67200"]
    move(client, "mark", "67200")

    assert shown(client, number)["finish_as"] == "succeeded"


def test_an_amended_trigger_no_longer_fires_at_its_old_price(client: GateClient) -> None:
    """Two prices for one stop would be one too many."""
    client.place(10)
    number = a_trigger(client, "67200", 2)
    client.ok("PUT", f"{F}/price_orders/amend/{number}", None, {"order_id": int(number), "trigger_price": "66000"})
    client.door.exchange.market.set_price(BTC, Decimal(67000), client.door.exchange.now_ms(), hold=True)
    assert shown(client, number)["status"] == "open"
    client.door.exchange.market.set_price(BTC, Decimal(65900), client.door.exchange.now_ms(), hold=True)

    assert shown(client, number)["finish_as"] == "succeeded"


def test_an_amended_trigger_leaves_the_queue_it_waited_in(client: GateClient) -> None:
    """There it would hide the ones behind it, or fire on a price that it no longer looks at."""
    client.place(10)
    first, behind = a_trigger(client, "67200", 2), a_trigger(client, "67100", 2, 0, OPEN)
    moved = {"order_id": int(first), "trigger_price": "66000", "price_type": 1}
    client.ok("PUT", f"{F}/price_orders/amend", None, moved)
    move(client, "last", "67050")
    assert [shown(client, number)["status"] for number in (first, behind)] == ["open", "finished"]
    move(client, "last", "65900")

    assert shown(client, first)["status"] == "open"


def test_what_cannot_be_amended_says_why(client: GateClient) -> None:
    """Cancel and create is the way for these."""
    client.place(10)
    opening, closing = a_trigger(client, "61000", 2, 0, OPEN), a_trigger(client, "61000", 2)
    refused = client.call("PUT", f"{F}/price_orders/amend/{opening}", None, {"trigger_price": "62000"})
    assert (refused.status, refused.body["code"]) == (400, "1077")
    for said, label in (
        ({"trigger_price": "70000"}, "AUTO_TRIGGER_PRICE_LESS_LAST"),
        ({"trigger_price": 62000}, "AUTO_INVALID_REQUEST_BODY"),
        ({"order_id": 5}, "INVALID_PARAM_VALUE"),
        ({"auto_size": "close_long"}, "AUTO_INVALID_PARAM_CLOSE"),
        ({"close": False}, "AUTO_INVALID_PARAM_CLOSE"),
    ):
        assert client.refused("PUT", f"{F}/price_orders/amend/{closing}", None, said) == (400, label), said
    client.ok("DELETE", f"{F}/price_orders/{closing}")

    for number in (closing, "12"):
        path = f"{F}/price_orders/amend/{number}"
        assert client.refused("PUT", path, None, {"trigger_price": "62000"}) == (400, "AUTO_ORDER_NOT_FOUND")


def test_all_of_a_contract_are_cancelled_and_others_stay(client: GateClient) -> None:
    """The list answers each as it is now."""
    for _ in range(2):
        a_trigger(client, "61000", 2)
    other = a_trigger(client, "3000", 2, 0, CLOSE | {"contract": "ETH_USDT"})
    gone = client.ok("DELETE", f"{F}/price_orders", {"contract": BTC})

    assert [row["finish_as"] for row in gone] == ["cancelled"] * 2
    assert [row["id_string"] for row in client.ok("GET", f"{F}/price_orders", {"status": "open"})] == [other]
    page = client.ok("GET", f"{F}/price_orders", {"status": "finished", "limit": "1", "offset": "1"})
    assert [row["id"] for row in page] == [gone[0]["id"]]


def test_a_dual_position_is_closed_by_its_side(client: GateClient) -> None:
    """`close` is refused there, `auto_size` is what names a side."""
    client.ok("POST", f"{F}/dual_mode", {"dual_mode": "true"})
    client.place(5)
    client.place(-3)
    assert client.refused("POST", f"{F}/price_orders", None, setting("67000", 2)) == (400, "POSITION_DUAL_MODE")
    whole = CLOSE | {"close": False, "auto_size": "close_long"}
    number = a_trigger(client, "67000", 2, 0, whole, order_type="close-long-position")
    assert shown(client, number)["in_dual_mode"] is True
    client.door.exchange.market.set_price(BTC, Decimal(66900), client.door.exchange.now_ms(), hold=True)

    assert [row["size"] for row in client.ok("GET", f"{F}/positions", {"holding": "true"})] == ["-3"]


def test_times_are_seconds_or_microseconds_as_the_switch_says() -> None:
    """Both were recorded at the real venue; a client must tell them by their size."""
    for in_us, digits in ((False, 10), (True, 16)):
        client = a_client(GateDoor(Exchange(), in_us=in_us))
        number = a_trigger(client, "61000", 2)
        client.ok("DELETE", f"{F}/price_orders/{number}")
        row = shown(client, number)
        assert [len(str(row[name])) for name in ("create_time", "finish_time")] == [digits] * 2
