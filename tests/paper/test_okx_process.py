"""OKX's door in a real process: one port with the other doors, one control surface for all."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Any

import pytest
import websockets
from websockets.exceptions import ConnectionClosed, InvalidStatus

from shared.paper.okx.auth import sign, to_signed_text
from tests.paper.okx_client import SWAP
from tests.paper.process import PaperAccount, PaperProcess, wait_until

WITHIN_S = 10


def ask(paper: PaperProcess, account: PaperAccount, method: str, path: str, body: object = None) -> Any:
    """A signed call over the network: its status and JSON; none when the answer was cut."""
    data = b"" if body is None else json.dumps(body).encode()
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    headers = {
        "OK-ACCESS-KEY": account.api_key,
        "OK-ACCESS-PASSPHRASE": account.passphrase,
        "OK-ACCESS-TIMESTAMP": at,
        "OK-ACCESS-SIGN": sign(account.api_secret, to_signed_text(at, method, f"/api/v5/{path}", data)),
        "Content-Type": "application/json",
    }
    request = urllib.request.Request(f"{paper.url}/api/v5/{path}", data or None, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        with error:
            text = error.read()
            return error.code, json.loads(text) if text.startswith(b"{") else text
    except (ConnectionError, urllib.error.URLError, OSError):
        return None


ORDER = {"instId": SWAP, "tdMode": "cross", "side": "buy", "ordType": "limit", "sz": "1", "px": "66000"}


@pytest.fixture
def account(paper: PaperProcess) -> PaperAccount:
    paper.clear_faults()
    paper.price(SWAP, 67500, hold=True)
    return paper.account(uid=f"7{time.time_ns() % 10**9}", balances={"USDT": "20000", "ETH": "3"}, account_level=2)


def test_one_account_works_at_every_door_and_is_apart_at_each(paper: PaperProcess, account: PaperAccount) -> None:
    """The same keys, a wallet for each venue, and orders that only their own venue knows."""
    status, answer = ask(paper, account, "POST", "trade/order", ORDER | {"clOrdId": "mine"})
    assert (status, answer["code"]) == (200, "0")
    books = paper.books(account.uid)

    assert [(each["venue"], each["symbol"], each["text"]) for each in books["orders"]] == [("okx", SWAP, "mine")]
    assert [(each["venue"], each["asset"], each["total"]) for each in books["balances"]] == [
        ("gate", "USDT", "20000"),
        ("okx", "USDT", "20000"),
        ("okx", "ETH", "3"),
    ]
    assert ask(paper, account, "GET", "account/config")[1]["data"][0]["uid"] == account.uid


def test_a_price_moves_at_all_doors_by_any_name(paper: PaperProcess, account: PaperAccount) -> None:
    """Contracts and spot of the coin, at every venue that lists it."""
    for name in ("BTC_USDT", SWAP, "BTC-USDT", "BTCUSDT"):
        paper.price(name, "67100.5", hold=True)
        markets = paper.ask("GET", "/paper/books")["markets"]
        assert {market["last"] for key, market in markets.items() if key.startswith("BTC")} == {"67100.5"}
    assert paper.ask("GET", "/api/v5/market/ticker?instId=BTC-USDT")["data"][0]["last"] == "67100.5"
    assert paper.ask("GET", "/api/v4/futures/usdt/tickers?contract=BTC_USDT")[0]["last"] == "67100.5"


def test_the_control_surface_reaches_positions_at_this_door(paper: PaperProcess, account: PaperAccount) -> None:
    """Funding is charged wherever the coin is held; a venue is named to deleverage there."""
    ask(paper, account, "POST", "trade/order", ORDER | {"ordType": "market", "sz": "10"})
    assert paper.ask("POST", "/paper/funding", {"symbol": SWAP, "rate": "0.001"})["holders"] >= 1
    said = {"uid": account.uid, "symbol": SWAP, "size": "4", "venue": "okx"}
    assert paper.ask("POST", "/paper/deleverage", said)["left"] == "6"
    held = ask(paper, account, "GET", "account/positions")[1]["data"][0]

    assert (held["pos"], held["fundingFee"]) == ("6", "-6.75")
    assert ask(paper, account, "GET", "trade/orders-history?instType=SWAP")[1]["data"][0]["category"] == "adl"


def test_keys_are_bound_revoked_and_made_to_read_here_too(paper: PaperProcess, account: PaperAccount) -> None:
    """One key is the same key at every door."""
    paper.ask("POST", "/paper/keys", {"uid": account.uid, "environment": "demo"})
    assert ask(paper, account, "GET", "account/config") == (
        401, {"msg": "APIKey does not match current environment.", "code": "50101"},
    )  # fmt: skip
    paper.ask("POST", "/paper/keys", {"uid": account.uid, "read_only": True})
    assert ask(paper, account, "POST", "trade/order", ORDER)[1]["code"] == "50120"
    paper.ask("POST", "/paper/keys", {"uid": account.uid, "revoked": True})

    assert ask(paper, account, "GET", "account/config")[0] == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"account_level": 5}', "account_level"),
        (b'{"account_level": true}', "account_level"),
        (b'{"vip": "high"}', "vip"),
        (b'{"funding": []}', "funding"),
        (b'{"funding": {"USDT": "-1"}}', "funding.USDT"),
    ],
)
def test_a_wrong_account_is_refused_by_field(paper: PaperProcess, body: bytes, field: str) -> None:
    """As everywhere on this surface."""
    status, answer = paper.status("POST", "/paper/accounts", body)

    assert (status, answer["error"]["fields"][0]["field"]) == (400, field)


def test_an_answer_is_cut_and_the_order_stands(paper: PaperProcess, account: PaperAccount) -> None:
    """Only this venue's, when a venue is named."""
    paper.fault("cut_reply", venue="okx", uid=account.uid, count=1)

    assert ask(paper, account, "POST", "trade/order", ORDER | {"clOrdId": "lost"}) is None
    assert [each["text"] for each in paper.books(account.uid)["orders"]] == ["lost"]


async def test_sockets_speak_and_end_as_the_venue_does(paper: PaperProcess, account: PaperAccount) -> None:
    """Text pings, no pings of the protocol; a notice, then the end."""
    url = f"ws://127.0.0.1:{paper.port}/ws/v5/private?brokerId=9999"
    async with websockets.connect(url, ping_interval=None) as socket:
        await socket.send("ping")
        assert await socket.recv() == "pong"
        at = str(int(time.time()))
        signed = sign(account.api_secret, f"{at}GET/users/self/verify")
        arg = {"apiKey": account.api_key, "passphrase": account.passphrase, "timestamp": at, "sign": signed}
        await socket.send(json.dumps({"op": "login", "args": [arg]}))
        assert json.loads(await socket.recv())["event"] == "login"
        wait_until(lambda: paper.books(account.uid)["sockets_open"] == 1, WITHIN_S)
        unanswered = asyncio.ensure_future(await socket.ping())
        paper.fault("upgrade", venue="okx", uid=account.uid, ms=50)
        assert json.loads(await socket.recv())["code"] == "64008" and not unanswered.done()
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        with pytest.raises(ConnectionClosed):
            await unanswered
    wait_until(lambda: paper.books(account.uid)["sockets_open"] == 0, WITHIN_S)


async def test_other_places_are_not_there(paper: PaperProcess) -> None:
    """A wrong address is an HTTP answer and no handshake."""
    with pytest.raises(InvalidStatus) as refused:
        await websockets.connect(f"ws://127.0.0.1:{paper.port}/ws/v5/nothing")

    assert refused.value.response.status_code == 404


def test_the_doors_stay_apart_under_faults(paper: PaperProcess, account: PaperAccount) -> None:
    """Maintenance at one venue leaves the other as it was."""
    paper.fault("maintenance", venue="gate", for_s=60)
    assert ask(paper, account, "GET", "account/config")[0] == 200
    paper.clear_faults()
    paper.fault("maintenance", venue="okx", for_s=60)
    statuses = [paper.status("GET", path, b"")[0] for path in ("/api/v5/public/time", "/api/v4/spot/time")]
    paper.clear_faults()

    assert statuses == [503, 200] and paper.status("GET", "/api/v5/public/time", b"")[0] == 200
