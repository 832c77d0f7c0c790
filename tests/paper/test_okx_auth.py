"""OKX's signatures: the vectors of the documents' own key, and every way not to be let in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.paper.exchange import KeyTerms
from shared.paper.okx.auth import sign, to_signed_text
from shared.paper.okx.calls import Call
from tests.paper.okx_client import OkxClient, OkxListener

SECRET, AT = "22582BD0CFF14C41EDBF1AB98506286D", "2020-12-08T09:08:57.715Z"
VECTORS = [
    ("GET", "/api/v5/account/balance?ccy=BTC", b"", "HiZhvSfMtWJA3uUIVXV3a/bSXNPCWvYFXoGCVS8V4zY="),
    ("GET", "/api/v5/account/balance", b"", "AkD5YszBhggtIyjDlmTy/9PpNVntel+1Lff8wh0qpQw="),
    (
        "POST",
        "/api/v5/account/set-leverage",
        b'{"instId":"BTC-USDT","lever":"5","mgnMode":"isolated"}',
        "eCnnCgWLjlQ9XnpUkrcny3qNq3WW/81KNrDr/XR6Xv8=",
    ),
    (
        "POST",
        "/api/v5/account/set-leverage",
        b'{"instId": "BTC-USDT", "lever": "5", "mgnMode": "isolated"}',
        "/XctMG4gU+l0Tv1E5CsSdhrndN0MZxclhFp3+SFofI8=",
    ),
    (
        "POST",
        "/api/v5/trade/cancel-batch-orders",
        b'[{"instId":"BTC-USDT-SWAP","ordId":"1"},{"instId":"BTC-USDT-SWAP","clOrdId":"a1"}]',
        "2zvL3OojzeqyNP7/IImCi19nRfGWsa2rB3cjPdcy2XI=",
    ),
    ("GET", "/api/v5/account/balance?ccy=BTC,ETH", b"", "oah2EOT2Fnz1bjkgiAnuKl+zFQzDG3/nqPUqyYzArrE="),
    ("GET", "/api/v5/account/balance?ccy=BTC%2CETH", b"", "X/i/q53ENYaVFJP/x3gMqfyuIw8hS3HPa3eFxfQQFaY="),
]


@pytest.mark.parametrize(("method", "path", "body", "signature"), VECTORS)
def test_the_documents_vectors_are_reproduced(method: str, path: str, body: bytes, signature: str) -> None:
    """Byte for byte: the same JSON with spaces and the same query percent-encoded are other texts."""
    if "cancel-batch" in path:
        path = "/api/v5/trade/cancel-batch-orders"

    assert sign(SECRET, to_signed_text(AT, method, path, body)) == signature


@pytest.mark.parametrize(
    ("timestamp", "signature"),
    [
        ("1704876947", "5/36BgGV6m/6pmdc20zdqk0mzF5ZalmzzPD2fo3wavU="),
        ("1538054050", "+LdIr8lkkvhr5hoA3g9TMC0+uQJ849ftAcocA/ouu4M="),
    ],
)
def test_the_login_vectors_are_reproduced(timestamp: str, signature: str) -> None:
    """Computed once with the official SDK."""
    assert sign(SECRET, f"{timestamp}GET/users/self/verify") == signature


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"ok-access-key": ""}, "50103"),
        ({"ok-access-passphrase": ""}, "50104"),
        ({"ok-access-sign": ""}, "50106"),
        ({"ok-access-timestamp": ""}, "50107"),
        ({"ok-access-key": "nobody"}, "50111"),
        ({"ok-access-passphrase": "another"}, "50105"),
        ({"ok-access-sign": "bm90IHRoZSBzaWduYXR1cmU="}, "50113"),
        ({"ok-access-sign": "\udcff"}, "50113"),
        ({"ok-access-timestamp": "1763600000"}, "50112"),
        ({"ok-access-timestamp": "2026-01-01T00:00:00+00:00"}, "50112"),
        ({"ok-access-timestamp": "2026-01-01T00:00:00.000Z"}, "50102"),
    ],
    ids=str,
)
def test_who_is_not_let_in_gets_401_and_no_data(okx: OkxClient, headers: dict[str, str], code: str) -> None:
    """A body without `data`, which parsers that expect it trip over."""
    reply = okx.call("GET", "account/balance", headers=headers)

    assert reply.status == 401 and reply.body["code"] == code and set(reply.body) == {"code", "msg"}


def test_a_timestamp_may_be_thirty_seconds_off(okx: OkxClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the venue's clock, which may be another than the caller's."""
    okx.get("account/config")
    okx.door.exchange.skew_ms = 0
    now_ms = okx.door.exchange.now_ms()
    monkeypatch.setattr(okx.door.exchange, "now_ms", lambda: now_ms)
    for shift_ms, status in ((29_000, 200), (-29_000, 200), (31_000, 401), (-31_000, 401)):
        call = signed(okx, now_ms, now_ms + shift_ms)
        assert okx.door.handle(call).status == status


def signed(okx: OkxClient, at_ms: int, now_ms: int) -> Call:
    at = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    text = to_signed_text(at, "GET", "/api/v5/account/config", b"")
    headers = {
        "ok-access-key": okx.member.api_key,
        "ok-access-passphrase": okx.member.passphrase,
        "ok-access-timestamp": at,
        "ok-access-sign": sign(okx.member.api_secret, text),
    }
    return Call(okx.door, "GET", "/api/v5/account/config", "", b"", headers, "127.0.0.1", now_ms)


def test_what_is_signed_is_what_was_sent(okx: OkxClient) -> None:
    """A query that is signed in one spelling and sent in another is refused, as clients have learnt the hard way."""
    now_ms = okx.door.exchange.now_ms()
    call = signed(okx, now_ms, now_ms)
    call.raw_query = "ccy=BTC%2CETH"

    assert okx.door.handle(call).body["code"] == "50113"


def test_a_key_of_demo_trading_needs_the_header_where_a_control_says_so(okx: OkxClient) -> None:
    """Otherwise both are taken: there is one address here for live and demo."""
    demo = {"x-simulated-trading": "1"}
    for headers in ({}, demo):
        assert okx.call("GET", "account/config", headers=headers).status == 200
    okx.member.key = KeyTerms(environment="demo")
    assert okx.call("GET", "account/config").body["code"] == "50101"
    assert okx.call("GET", "account/config", headers=demo).status == 200
    okx.member.key = KeyTerms(environment="live")

    assert okx.call("GET", "account/config", headers=demo).status == 401


def test_a_key_that_only_reads_writes_nothing(okx: OkxClient) -> None:
    """It says so in the config, too."""
    okx.member.key = KeyTerms(is_read_only=True)

    assert okx.get("account/config")[0]["perm"] == "read_only"
    assert okx.refused("POST", "trade/order", None, okx.order("buy", 1)) == "50120"
    answer = OkxListener(okx).do("order", okx.order("buy", 1) | {"instIdCode": 10459})
    assert answer["code"] == "50120" and not okx.account.orders


def test_a_revoked_key_or_a_wrong_address_is_shut_out(okx: OkxClient) -> None:
    """Over REST and at login."""
    okx.member.key = KeyTerms(ips=("10.0.0.1",))
    assert okx.call("GET", "account/config").body["code"] == "50110"
    assert okx.call("GET", "account/config", headers={"x-forwarded-for": "10.0.0.1"}).status == 200
    okx.member.key = KeyTerms(is_revoked=True)

    assert okx.call("GET", "account/config").body["code"] == "50111"
    assert OkxListener(okx, logs_in=False).login()["code"] == "50111"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"apiKey": "nobody"}, "60005"),
        ({"passphrase": "another"}, "60024"),
        ({"secret": "another"}, "60007"),
        ({"timestamp": "soon"}, "60004"),
        ({"timestamp": "1704876947"}, "60006"),
        ({"sign": ""}, "60027"),
    ],
)
def test_a_wrong_login_is_an_error_event(okx: OkxClient, said: dict[str, Any], code: str) -> None:
    """And nothing private is told on that socket."""
    listener = OkxListener(okx, logs_in=False)
    answer = listener.login(**said)

    assert (answer["event"], answer["code"]) == ("error", code) and answer["connId"]
    assert [each["code"] for each in listener.subscribe("orders")] == ["60011"]


def test_a_login_counts_seconds_as_text_or_as_a_number(okx: OkxClient) -> None:
    """The official SDK sends a number."""
    listener = OkxListener(okx, logs_in=False)

    assert listener.login(timestamp=okx.door.exchange.now_ms() // 1000) == {
        "event": "login",
        "code": "0",
        "msg": "",
        "connId": listener.socket.conn_id,
    }
    assert listener.login()["code"] == "60031"


def test_unknown_paths_and_bodies_are_answered_in_the_gateways_own_words(okx: OkxClient) -> None:
    """The 404 has a number where all else has text."""
    assert okx.body("GET", "account/nothing") == {
        "code": 404,
        "data": {},
        "detailMsg": "",
        "error_code": "404",
        "error_message": "Not Found",
        "msg": "Not Found",
    }
    assert okx.call("DELETE", "trade/order").status == 405
    assert okx.refused("POST", "trade/order") == "50000"
    assert okx.refused("POST", "trade/order", None, b"{") == "50002"
    reply = okx.call("POST", "trade/order", None, okx.order("buy", 1), headers={"content-type": "text/plain"})
    assert (reply.status, reply.body["code"]) == (400, "50006")


def test_an_order_that_arrives_after_its_time_is_refused(okx: OkxClient) -> None:
    """In a header over REST, in the frame over the socket."""
    late, early = str(okx.door.exchange.now_ms() - 1), str(okx.door.exchange.now_ms() + 5_000)
    body = okx.order("buy", 1, "60000")

    assert okx.body("POST", "trade/order", None, body, headers={"exptime": late})["code"] == "50036"
    assert okx.body("POST", "trade/order", None, body, headers={"exptime": early})["code"] == "0"
    listener, order = OkxListener(okx), {**body, "instIdCode": 10459}
    assert listener.do("order", order, expTime=late)["code"] == "50036"
    assert listener.do("order", order, expTime=early)["code"] == "0"
    assert len(okx.account.orders) == 2
