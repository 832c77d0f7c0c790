"""The control surface and the process around it, as people and other tests use them."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from shared.paper.gate.auth import sign, to_signed_text
from tests.paper.process import ROOT, PaperAccount, PaperProcess, free_port, wait_until


def test_an_empty_body_makes_an_account_with_money_and_keys(paper: PaperProcess) -> None:
    """`make up` prints these, and the first curl line uses them."""
    account = paper.account()
    books = paper.books(account.uid)

    assert account.api_key and account.api_secret and account.passphrase
    assert books["balances"][:1] == [
        {
            "venue": "gate",
            "asset": "USDT",
            "total": "10000",
            "available": "10000",
            "unrealised_pnl": "0",
            "moved": {"dnw": "10000"},
        }
    ]


def test_what_is_given_is_kept_and_the_same_again_is_the_same_account(paper: PaperProcess) -> None:
    """A script that is run twice must not fail, and somebody else's uid or key must."""
    said = {"uid": "770001", "api_key": "my-own-key-1", "api_secret": "my-own-secret", "balances": {"USDT": "5"}}
    account = paper.account(**said)
    assert (account.uid, account.api_key, account.api_secret) == ("770001", "my-own-key-1", "my-own-secret")
    assert paper.account(**said) == account
    assert paper.books("770001")["balances"][0]["total"] == "1000"

    for other in ({"uid": "770001"}, {"api_key": "my-own-key-1"}):
        status, body = paper.status("POST", "/paper/accounts", json.dumps(other).encode())
        assert (status, body["error"]["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("accounts", b"nope", "body"),
        ("accounts", b"[]", "body"),
        ("accounts", b'{"uid": "a b"}', "uid"),
        ("accounts", b'{"uid": ""}', "uid"),
        ("accounts", b'{"api_key": 5}', "api_key"),
        ("accounts", b'{"balances": []}', "balances"),
        ("accounts", b'{"balances": {"USDT": "-1"}}', "balances.USDT"),
        ("accounts", b'{"balances": {"USDT": "1e400"}}', "balances.USDT"),
        ("accounts", b'{"name": "x"}', "name"),
        ("faults", b'{"kind": "nope"}', "kind"),
        ("price", b'{"symbol": "NOPE", "price": 1}', "symbol"),
        ("price", b'{"symbol": "BTC_USDT"}', "price"),
        ("price", b'{"symbol": "BTC_USDT", "price": "-5"}', "price"),
        ("price", b'{"symbol": "BTC_USDT", "price": "Infinity"}', "price"),
        ("price", b'{"symbol": "BTC_USDT", "price": true}', "price"),
        ("price", b'{"symbol": "BTC_USDT", "price": 67000, "hold": "yes"}', "hold"),
        ("price", b'{"symbol": "BTC_USDT", "price": 67000, "why": 1}', "why"),
        ("clock", b"{}", "skew_ms"),
        ("clock", b'{"skew_ms": 1.5}', "skew_ms"),
        ("clock", b'{"skew_ms": 1e30}', "skew_ms"),
    ],
    ids=lambda case: str(case)[:40],
)
def test_bad_input_is_refused_by_field(paper: PaperProcess, path: str, body: bytes, field: str) -> None:
    """The house's one error shape, a line for each field, and an exchange that goes on."""
    status, answer = paper.status("POST", f"/paper/{path}", body)

    assert status == 400 and [each["field"] for each in answer["error"]["fields"]] == [field]
    assert paper.ask("GET", "/paper/clock")["now_ms"]


def test_any_venues_name_of_a_market_moves_it(paper: PaperProcess) -> None:
    """One market stands behind all doors."""
    for symbol in ("BTC_USDT", "BTC-USDT-SWAP", "BTC-USDT", "BTCUSDT"):
        assert paper.price(symbol, "67000.04", hold=True) == {"symbol": "BTC_USDT", "price": "67000", "hold": True}
    assert paper.ask("GET", "/paper/books")["markets"]["BTC_USDT"] == {
        "last": "67000",
        "mark": "67000",
        "index": "67000",
    }
    paper.price("BTC_USDT", 67500)


def test_the_clock_of_the_venue_can_be_shifted(paper: PaperProcess) -> None:
    """For a minute of skew nobody should have to change their machine."""
    paper.skew(90_000)
    ahead = paper.ask("GET", "/api/v4/spot/time")["server_time"] - time.time() * 1000
    paper.skew(0)

    assert 89_000 < ahead < 91_000


def test_faults_are_listed_and_cleared_and_never_hit_the_control_surface(paper: PaperProcess) -> None:
    """Whoever switched the lights off must find the switch."""
    for kind in ("http_5xx", "maintenance", "cut_reply", "delay_reply"):
        paper.fault(kind, for_s=60)
    assert [fault["kind"] for fault in paper.ask("GET", "/paper/faults")] == [
        "http_5xx", "maintenance", "cut_reply", "delay_reply",
    ]  # fmt: skip
    assert paper.ask("DELETE", "/paper/faults") == {"cleared": 4}
    assert paper.ask("GET", "/paper/faults") == []


def test_an_unknown_uid_is_not_in_the_books(paper: PaperProcess) -> None:
    """A test that compares with nobody's books would always pass."""
    status, body = paper.status("GET", "/paper/books?uid=nobody", b"")

    assert (status, body["error"]["code"]) == (404, "not_found")


def test_odd_requests_leave_the_process_unharmed(paper: PaperProcess) -> None:
    """Too large a body, odd bytes in a header, a WebSocket path without a handshake."""
    line = http.client.HTTPConnection("127.0.0.1", paper.port, timeout=5)
    for path in ("/paper/accounts", "/api/v4/futures/usdt/orders"):
        line.request("POST", path, b"x" * (1 << 21))
        assert line.getresponse().status in (400, 413)
        line.close()
    with socket.create_connection(("127.0.0.1", paper.port)) as raw:
        raw.sendall(b"GET /api/v4/spot/time HTTP/1.1\r\nHost: x\r\nKEY: \xff\xfe\x80\r\n\r\n")
        assert raw.recv(12).startswith(b"HTTP/1.")
    line.request("GET", "/v4/ws/usdt")
    assert line.getresponse().status == 400
    line.close()

    assert paper.ask("GET", "/paper/clock")


def test_a_port_in_use_is_one_sentence_and_status_1(paper: PaperProcess) -> None:
    """The commonest failure of all, and it must name the setting."""
    command = [sys.executable, "-m", "shared.paper"]
    env = {"PAPER_PORT": str(paper.port), "PATH": "/usr/bin:/bin"}
    ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=20, check=False)

    assert ended.returncode == 1 and "Traceback" not in ended.stderr
    assert f"PAPER_PORT {paper.port} is in use" in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_within_a_second_with_sockets_open(number: signal.Signals) -> None:
    """Ctrl-C must mean now, whoever is connected."""
    with PaperProcess.running() as paper, socket.create_connection(("127.0.0.1", paper.port)) as line:
        line.sendall(
            b"GET /v4/ws/usdt HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert b"101" in line.recv(100)
        paper.process.send_signal(number)
        wait_until(lambda: paper.process.poll() is not None, 1.0)

        assert paper.process.returncode == 0


def test_the_tls_port_shows_a_certificate_for_localhost_that_is_kept(tmp_path: Path) -> None:
    """Clients are told to trust it once; a new one at each start would break them."""
    port = free_port()
    kept = tmp_path / "paper" / "cert.pem"
    seen = []
    for _ in range(2):
        with PaperProcess.running(PAPER_TLS_PORT=str(port), STATE_DIR=str(tmp_path)):
            context = ssl.create_default_context(cafile=str(kept))
            with urllib.request.urlopen(f"https://localhost:{port}/paper/clock", context=context) as reply:
                assert reply.status == 200
            seen.append(kept.read_bytes())

    assert seen[0] == seen[1]
    assert (tmp_path / "paper" / "key.pem").stat().st_mode & 0o077 == 0


def test_a_cut_reply_ends_the_connection_and_the_order_stands(paper: PaperProcess) -> None:
    """The caller sees a broken line and nothing else; only asking tells it that the order exists."""
    account = paper.account()
    paper.fault("cut_reply", uid=account.uid, count=1)
    with pytest.raises((http.client.HTTPException, OSError)):
        place_by_hand(paper, account)

    assert [order["status"] for order in paper.books(account.uid)["orders"]] == ["open"]
    assert place_by_hand(paper, account)["status"] == "open"


def place_by_hand(paper: PaperProcess, account: PaperAccount) -> Any:
    """One order, with nothing between the test and the wire."""
    body = json.dumps({"contract": "BTC_USDT", "size": 1, "price": "60000", "tif": "gtc"}).encode()
    path, at = "/api/v4/futures/usdt/orders", str(time.time())
    signed = sign(account.api_secret, to_signed_text("POST", path, "", body, at))
    headers = {"KEY": account.api_key, "SIGN": signed, "Timestamp": at, "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(paper.url + path, body, headers), timeout=5) as reply:
        return json.loads(reply.read())
