"""OKX's rate limits: orders by account and instrument, over both ways in together; other calls by account."""

from __future__ import annotations

from shared.paper.exchange import Exchange
from shared.paper.okx.calls import Call
from shared.paper.okx.door import OkxDoor
from shared.paper.okx.limits import TWO_S, USER, Limit, Limits
from tests.paper.okx_client import SPOT, SWAP, OkxClient, OkxListener

CODE = {"instIdCode": 10459}


def test_a_limit_slides(okx: OkxClient) -> None:
    """What was used two seconds ago counts no more."""
    limits, limit = Limits(), Limit(2)
    assert limit == (2, TWO_S, USER)

    assert [limits.take(limit, ("a",), at) for at in (0, 500, 1_000, 1_999, 2_000, 2_400, 2_500)] == [
        True, True, False, False, True, False, True,
    ]  # fmt: skip
    assert limits.take(limit, ("b",), 2_500, 2) and not limits.take(limit, ("c",), 2_500, 3)


def test_sixty_orders_in_two_seconds_and_no_more(okx: OkxClient) -> None:
    """By instrument, placing apart from cancelling, REST together with the socket."""
    ears = OkxListener(okx)
    for _ in range(30):
        okx.place("buy", "0.01", "66000")
        assert ears.do("order", okx.order("buy", "0.01", "66000") | CODE)["code"] == "0"
    reply = okx.call("POST", "trade/order", None, okx.order("buy", 1, "66000"))
    assert (reply.status, reply.body) == (429, {"msg": "Too Many Requests", "code": "50011"})
    assert ears.do("order", okx.order("buy", 1, "66000") | CODE)["data"][0]["sCode"] == "50011"

    okx.place("buy", "0.01", "66000", instId=SPOT)
    okx.post("trade/cancel-order", {"instId": SWAP, "ordId": next(iter(map(str, okx.account.orders)))})
    OkxClient(okx.door).place("buy", "0.01", "66000")


def test_batches_count_by_orders_and_one_alone_as_such(okx: OkxClient) -> None:
    """Three hundred; whoever is too many is refused by itself."""
    batch = [okx.order("buy", "0.01", "66000")] * 20
    for _ in range(15):
        assert okx.body("POST", "trade/batch-orders", None, batch)["code"] == "0"
    answer = okx.body("POST", "trade/batch-orders", None, batch[:1] * 2)
    assert [item["sCode"] for item in answer["data"]] == ["50011", "50011"]

    assert okx.body("POST", "trade/batch-orders", None, batch[:1])["code"] == "0"


def test_an_account_has_a_limit_over_all_contracts(okx: OkxClient) -> None:
    """Spot aside: 50061, with HTTP 200."""
    limits, now_ms = okx.door.limits, okx.door.exchange.now_ms()
    assert limits.take(Limit(1_000), ("orders", okx.member.uid), now_ms, 1_000)
    answer = okx.body("POST", "trade/batch-orders", None, [okx.order("buy", 1, "66000")] * 2)
    reply = okx.call("POST", "trade/order", None, okx.order("buy", 1, "66000"))

    assert {item["sCode"] for item in answer["data"]} == {"50061"}
    assert (reply.status, reply.body["code"]) == (200, "50061")
    okx.place("buy", "0.01", "66000", instId=SPOT)


def test_reads_are_limited_by_account(okx: OkxClient) -> None:
    """Five configs; an order's by its instrument; who is not let in is not counted."""
    assert [okx.call("GET", "account/config").status for _ in range(6)] == [200] * 5 + [429]
    assert okx.call("GET", "account/balance").status == 200
    assert OkxClient(okx.door).call("GET", "account/config").status == 200
    for _ in range(60):
        okx.call("GET", "trade/order", {"instId": SWAP, "ordId": "1"})
    assert okx.call("GET", "trade/order", {"instId": SWAP, "ordId": "1"}).status == 429
    assert okx.call("GET", "trade/order", {"instId": SPOT, "ordId": "1"}).status == 200


def test_cancelled_algos_count_one_by_one(okx: OkxClient) -> None:
    """Twenty, ten at most in a call."""
    items = [{"instId": SWAP, "algoId": "1"}] * 10

    assert [okx.call("POST", "trade/cancel-algos", None, items).status for _ in range(3)] == [200, 200, 429]


def test_public_calls_are_limited_by_address_except_on_this_machine(okx: OkxClient) -> None:
    """Everybody here has the same address."""

    def asked(headers: dict[str, str]) -> int:
        now_ms = okx.door.exchange.now_ms()
        return okx.door.handle(
            Call(okx.door, "GET", "/api/v5/public/time", "", b"", headers, "127.0.0.1", now_ms)
        ).status

    assert {asked({}) for _ in range(30)} == {200}
    assert [asked({"x-forwarded-for": "10.0.0.1"}) for _ in range(11)] == [200] * 10 + [429]
    assert asked({"x-forwarded-for": "10.0.0.2"}) == 200


def test_connections_and_requests_are_limited(okx: OkxClient) -> None:
    """Three connections a second from an address, 480 requests an hour on each."""
    connect = okx.door.stream.connect
    transport = OkxListener(okx, "public").transport
    statuses = [connect(transport, "public", {"x-forwarded-for": "10.0.0.1"}) for _ in range(4)]
    assert statuses[3] == 429 and 429 not in statuses[:3]
    ears = OkxListener(okx, "public")
    for _ in range(480):
        ears.subscribe("tickers", instId=SWAP)
    assert ears.subscribe("tickers", instId=SWAP)[0]["code"] == "60014"


def test_limits_can_be_switched_off() -> None:
    """For benchmarks."""
    okx = OkxClient(OkxDoor(Exchange(), limits_on=False))

    assert {okx.call("GET", "account/config").status for _ in range(50)} == {200}
