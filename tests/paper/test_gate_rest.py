"""Gate's REST door: what it accepts, what it refuses and in which words."""

from __future__ import annotations

import time

import pytest

from shared.paper.gate.calls import Call
from shared.paper.gate.door import GateDoor
from tests.paper.gate_client import F, GateClient


@pytest.fixture
def client(door: GateDoor) -> GateClient:
    """A member whose market stands still."""
    door.exchange.market.set_price("BTC_USDT", door.engine.listings["BTC_USDT"].contract.start_price, 1, hold=True)
    return GateClient(door)


def test_whoever_is_not_who_they_say_is_refused(client: GateClient) -> None:
    """Four different mistakes, four different labels: a client tells its user which one it was."""
    other = GateClient(client.door)
    other.member.api_key = "nobody-knows-this-key"
    bare = client.door.handle(Call(client.door, "GET", f"/api/v4/{F}/accounts", "", b"", {}, "", 1))

    assert (bare.status, bare.body["label"]) == (400, "MISSING_REQUIRED_HEADER")
    assert other.refused("GET", f"{F}/accounts") == (401, "INVALID_KEY")
    wrong = client.call("GET", f"{F}/accounts", secret="not-the-secret")
    assert (wrong.status, wrong.body) == (401, {"label": "INVALID_SIGNATURE", "message": "Signature mismatch"})
    stale = client.call("GET", f"{F}/accounts", timestamp=str(int(time.time()) - 61))
    assert (stale.status, stale.body["label"]) == (401, "REQUEST_EXPIRED")
    assert client.call("GET", f"{F}/accounts", timestamp=f"{time.time() - 50:.4f}").status == 200


def test_a_skewed_venue_clock_refuses_who_does_not_follow_it(client: GateClient) -> None:
    """A client that measures the offset goes on; one that trusts its own clock is locked out."""
    client.door.exchange.skew_ms = 300_000

    assert client.call("GET", f"{F}/accounts", timestamp=str(int(time.time()))).body["label"] == "REQUEST_EXPIRED"
    assert client.call("GET", f"{F}/accounts").status == 200


def test_an_unknown_route_is_a_bare_404(client: GateClient) -> None:
    """There is no label to read: the client must treat it as no answer."""
    for method, path in (("GET", f"{F}/nothing"), ("PATCH", f"{F}/orders"), ("GET", f"{F}/dual_comp/positions")):
        reply = client.call(method, path)
        assert (reply.status, reply.body) == (404, None)


def test_an_open_order_has_no_finish_and_a_finished_one_has(client: GateClient) -> None:
    """The shape of the order object is what every client parses first."""
    order = client.place(3, "66000", text="t-mine")
    assert order["id"] > 2**53 and order["id_string"] == str(order["id"])
    assert (order["status"], order["size"], order["left"], order["text"]) == ("open", "3", "3", "t-mine")
    assert "finish_as" not in order and "finish_time" not in order
    gone = client.ok("DELETE", f"{F}/orders/t-mine")

    assert (gone["status"], gone["finish_as"], gone["left"]) == ("finished", "cancelled", "3")
    assert client.refused("DELETE", f"{F}/orders/{order['id']}") == (404, "ORDER_NOT_FOUND")


def test_a_sell_has_a_negative_size_and_left(client: GateClient) -> None:
    """Clients that test `left > 0` break here, as they would at the venue."""
    order = client.place(-25, "69000")

    assert (order["size"], order["left"]) == ("-25", "-25")


def test_sizes_are_whole_numbers_without_the_decimal_header(client: GateClient) -> None:
    """The old form floors: 0.3 contracts look like none."""
    body = {"contract": "ETH_USDT", "size": "0.3", "price": "3000", "tif": "gtc"}
    order = client.call("POST", f"{F}/orders", None, body, headers={"x-gate-size-decimal": "0"}).body
    shown = client.ok("GET", f"{F}/orders/{order['id']}")

    assert (order["size"], shown["size"]) == (0, "0.3")


@pytest.mark.parametrize(
    ("said", "status", "label"),
    [
        ({"size": 0}, 400, "INVALID_ARGUMENT"),
        ({"size": "0.5"}, 400, "INVALID_PARAM_VALUE"),
        ({"size": "NaN"}, 400, "INVALID_PARAM_VALUE"),
        ({"size": True}, 400, "INVALID_PARAM_VALUE"),
        ({"size": "1e99999"}, 400, "INVALID_PARAM_VALUE"),
        ({"size": None}, 400, "MISSING_REQUIRED_PARAM"),
        ({"price": "67000.05"}, 400, "INVALID_PARAM_VALUE"),
        ({"price": "10"}, 400, "PRICE_TOO_DEVIATED"),
        ({"price": "0", "tif": "gtc"}, 400, "INVALID_ARGUMENT"),
        ({"tif": "GTC"}, 400, "INVALID_ARGUMENT"),
        ({"tif": "poc", "price": "68000"}, 400, "ORDER_POC_IMMEDIATE"),
        ({"text": "mine"}, 400, "INVALID_PARAM_VALUE"),
        ({"text": "t-" + "x" * 29}, 400, "INVALID_PARAM_VALUE"),
        ({"text": "t-a b"}, 400, "INVALID_PARAM_VALUE"),
        ({"stp_act": "cn"}, 400, "INVALID_PARAM_VALUE"),
        ({"size": 900_000}, 400, "INSUFFICIENT_AVAILABLE"),
        ({"size": 2_000_000}, 400, "SIZE_TOO_LARGE"),
        ({"contract": "NOPE_USDT"}, 400, "CONTRACT_NOT_FOUND"),
        ({"contract": None}, 400, "MISSING_REQUIRED_PARAM"),
        ({"reduce_only": True}, 400, "POSITION_EMPTY"),
        ({"size": 0, "close": True}, 400, "POSITION_EMPTY"),
        ({"size": 0, "auto_size": "close_long"}, 400, "INVALID_PARAM_VALUE"),
    ],
    ids=lambda case: str(case)[:40],
)
def test_a_bad_order_is_refused_with_the_venues_own_label(
    client: GateClient, said: dict[str, object], status: int, label: str
) -> None:
    """A connector that never saw these labels would meet them first with real money."""
    body = {"contract": "BTC_USDT", "size": 1, "price": "67000", "tif": "gtc"} | said

    assert client.refused("POST", f"{F}/orders", None, body) == (status, label)
    assert not client.member.wallets["gate"].orders


@pytest.mark.parametrize("body", [b"", b"nope", b"[]", b"\xff", b"[" * 10_000, b'{"size": NaN}'])
def test_a_body_that_is_no_order_is_refused(client: GateClient, body: bytes) -> None:
    """Whatever is sent, the door answers in its own words."""
    assert client.refused("POST", f"{F}/orders", None, body) == (400, "INVALID_REQUEST_BODY")


def test_leverage_is_taken_from_the_query_and_never_from_the_body(client: GateClient) -> None:
    """The one POST without a body; a client that signs a body here fails at the venue."""
    path = f"{F}/positions/BTC_USDT/leverage"
    cross = client.ok("POST", path, {"leverage": "0", "cross_leverage_limit": "25"})
    isolated = client.ok("POST", path, {"leverage": "5"})

    assert (cross["leverage"], cross["cross_leverage_limit"], cross["lever"], cross["pos_margin_mode"]) == (
        "0", "25", "25", "cross",
    )  # fmt: skip
    assert (isolated["leverage"], isolated["lever"], isolated["pos_margin_mode"]) == ("5", "5", "isolated")
    assert client.refused("POST", path, None, {"leverage": "5"}) == (400, "MISSING_REQUIRED_PARAM")
    assert client.refused("POST", path, {"leverage": "500"}) == (400, "LEVERAGE_TOO_HIGH")


def test_dual_mode_has_two_positions_and_refuses_what_single_mode_does(client: GateClient) -> None:
    """Hedged accounts answer arrays where the schema says object, and both sides stand next to each other."""
    assert client.ok("POST", f"{F}/dual_mode", {"dual_mode": "true"})["in_dual_mode"] is True
    assert client.refused("POST", f"{F}/dual_mode", {"dual_mode": "true"}) == (400, "NO_CHANGE")
    both = client.ok("POST", f"{F}/positions/BTC_USDT/leverage", {"leverage": "10"})
    assert [each["mode"] for each in both] == ["dual_long", "dual_short"]
    client.place(5)
    client.place(-3)
    close = {"contract": "BTC_USDT", "size": 0, "price": "0", "tif": "ioc", "close": True}
    assert client.refused("POST", f"{F}/orders", None, close) == (400, "POSITION_DUAL_MODE")
    assert client.refused("POST", f"{F}/dual_mode", {"dual_mode": "false"}) == (400, "POSITION_HOLDING")
    assert [each["size"] for each in client.ok("GET", f"{F}/positions", {"holding": "true"})] == ["5", "-3"]
    for side in ("close_long", "close_short"):
        client.place(0, close=False, reduce_only=True, auto_size=side)

    assert client.ok("GET", f"{F}/positions", {"holding": "true"}) == []


def test_money_in_every_place_adds_up(client: GateClient) -> None:
    """`total` leaves open profit out; available is what is left after margin."""
    client.ok("POST", f"{F}/positions/BTC_USDT/leverage", {"leverage": "10"})
    client.place(100)
    wallet = client.ok("GET", f"{F}/accounts")
    held = client.ok("GET", f"{F}/positions/BTC_USDT")
    fills = client.ok("GET", f"{F}/my_trades", {"contract": "BTC_USDT"})

    assert held["entry_price"] == fills[0]["price"]
    assert wallet["history"]["fee"] == "-" + fills[0]["fee"]
    assert float(wallet["total"]) == pytest.approx(10000 - float(fills[0]["fee"]))
    assert float(wallet["available"]) == pytest.approx(float(wallet["total"]) - float(held["margin"]))
    assert {row["type"] for row in client.ok("GET", f"{F}/account_book")} == {"dnw", "fee"}


def test_zero_fill_orders_are_forgotten_by_text_before_by_id(client: GateClient) -> None:
    """A gateway that was away for long must conclude from "not found", so "not found" must come."""
    order = client.place(1, "66000", text="t-lost")
    client.ok("DELETE", f"{F}/orders/{order['id']}")
    assert client.ok("GET", f"{F}/orders/t-lost")["finish_as"] == "cancelled"
    client.door.exchange.skew_ms = 61_000
    assert client.refused("GET", f"{F}/orders/t-lost") == (404, "ORDER_NOT_FOUND")
    assert client.ok("GET", f"{F}/orders/{order['id']}")["left"] == "1"
    client.door.exchange.skew_ms = 601_000

    assert client.refused("GET", f"{F}/orders/{order['id']}") == (404, "ORDER_NOT_FOUND")
    assert client.ok("GET", f"{F}/orders", {"status": "finished"}) == []


def test_an_order_that_arrives_after_its_expiry_is_not_placed(client: GateClient) -> None:
    """The expiry on the wire is what makes a timed-out order safe to give up."""
    body = {"contract": "BTC_USDT", "size": 1, "price": "66000"}
    late = {"x-gate-exptime": str(client.door.exchange.now_ms() - 1)}
    in_time = {"x-gate-exptime": str(client.door.exchange.now_ms() + 60_000)}

    assert client.call("POST", f"{F}/orders", None, body, headers=late).status == 400
    assert client.call("POST", f"{F}/orders", None, body, headers=in_time).status == 201


def test_too_many_orders_in_a_second_are_refused_and_say_when_to_come_back(client: GateClient) -> None:
    """100 placements a second for one account, and headers that tell how many are left."""
    body = {"contract": "BTC_USDT", "size": 1, "price": "0", "tif": "gtc"}
    replies = [client.call("POST", f"{F}/orders", None, body) for _ in range(140)]

    assert replies[0].headers["X-Gate-RateLimit-Requests-Remain"] == "99"
    assert replies[-1].status == 429 and replies[-1].body["label"] == "TOO_MANY_REQUESTS"
    assert replies[-1].headers["X-Gate-RateLimit-Limit"] == "100"


def test_batches_give_each_order_its_own_outcome(client: GateClient) -> None:
    """One that is refused must not hide the others."""
    good, bad = ({"contract": "BTC_USDT", "size": size, "price": "66000"} for size in (1, 0))
    placed = client.ok("POST", f"{F}/batch_orders", None, [good, bad])
    assert [(each["succeeded"], each.get("label")) for each in placed] == [(True, None), (False, "INVALID_ARGUMENT")]
    gone = client.ok("POST", f"{F}/batch_cancel_orders", None, [str(placed[0]["id"]), "12345"])

    assert [(each["succeeded"], each["message"]) for each in gone] == [(True, ""), (False, "ORDER_NOT_FOUND")]


def test_trigger_orders_have_ids_of_their_own_and_check_their_side(client: GateClient) -> None:
    """A stop on the wrong side of the market would fire at once; the venue refuses it."""
    body = {
        "initial": {"contract": "BTC_USDT", "size": 0, "price": "0", "tif": "ioc", "close": True, "text": "t-sl"},
        "trigger": {"strategy_type": 0, "price_type": 0, "price": "61000", "rule": 2, "expiration": 86400},
        "order_type": "close-long-position",
    }
    number = client.ok("POST", f"{F}/price_orders", None, body)["id_string"]
    shown = client.ok("GET", f"{F}/price_orders/{number}")
    assert (shown["status"], shown["initial"]["is_close"], shown["trigger"]["rule"]) == ("open", True, 2)
    assert "finish_as" not in shown and int(number) > 2**53
    wrong = body | {"trigger": body["trigger"] | {"price": "70000"}}  # type: ignore[operator]
    assert client.refused("POST", f"{F}/price_orders", None, wrong) == (400, "AUTO_TRIGGER_PRICE_LESS_LAST")
    number_price = body | {"initial": body["initial"] | {"price": 0}}  # type: ignore[operator]
    assert client.refused("POST", f"{F}/price_orders", None, number_price) == (400, "AUTO_INVALID_REQUEST_BODY")
    assert client.refused("GET", f"{F}/price_orders/12") == (400, "AUTO_ORDER_NOT_FOUND")

    assert client.ok("DELETE", f"{F}/price_orders/{number}")["finish_as"] == "cancelled"
    assert client.refused("DELETE", f"{F}/price_orders/{number}") == (400, "AUTO_ORDER_NOT_FOUND")


def test_a_countdown_cancels_unless_it_is_taken_back(client: GateClient) -> None:
    """The dead man's switch of a bot that lost its line."""
    order = client.place(1, "66000")
    client.ok("POST", f"{F}/countdown_cancel_all", None, {"timeout": 5, "contract": "BTC_USDT"})
    client.door.tick(client.door.exchange.now_ms())
    assert client.ok("GET", f"{F}/orders/{order['id']}")["status"] == "open"
    client.door.tick(client.door.exchange.now_ms() + 5_001)

    assert client.ok("GET", f"{F}/orders/{order['id']}")["finish_as"] == "cancelled"


def test_public_calls_need_no_key_and_keep_their_shapes(client: GateClient) -> None:
    """Market data is what every client loads before anything else."""

    def get(path: str, query: str = "", **headers: str) -> object:
        call = Call(client.door, "GET", f"/api/v4/{path}", query, b"", headers, "10.0.0.1", 1_700_000_000_000)
        return client.door.handle(call).body

    contract = get(f"{F}/contracts/BTC_USDT")
    assert isinstance(contract, dict)
    assert (contract["quanto_multiplier"], contract["order_price_round"], contract["order_size_min"]) == (
        "0.0001", "0.1", 1,
    )  # fmt: skip
    tickers = get(f"{F}/tickers", "contract=BTC_USDT")
    assert isinstance(tickers, list) and tickers[0]["last"] == "67500"
    book = get(f"{F}/order_book", "contract=BTC_USDT&with_id=true&limit=5", **{"x-gate-size-decimal": "1"})
    assert isinstance(book, dict) and len(book["asks"]) == len(book["bids"]) == 5
    assert float(book["bids"][0]["p"]) < 67500 < float(book["asks"][0]["p"])
    assert get(f"{F}/order_book", "contract=BTC_USDT&limit=1000") == {"label": "TOO_BIG", "message": "limit 300"}
    candles = get(f"{F}/candlesticks", "contract=BTC_USDT&interval=1h&limit=3")
    assert isinstance(candles, list) and len(candles) == 3
