"""The same over a network: what the control surface causes arrives on a client's own sockets."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from shared.paper.gate.auth import sign, to_signed_text
from tests.paper.process import PaperAccount, PaperProcess

BTC = "BTC_USDT"
F = "/api/v4/futures/usdt"
WITHIN_S = 5.0


class Client:
    """Somebody with a socket and a REST line."""

    def __init__(self, paper: PaperProcess, account: PaperAccount, socket: ClientConnection) -> None:
        self.paper, self.account, self.socket = paper, account, socket

    def follow(self, *channels: str) -> None:
        for channel in (f"futures.{name}" for name in channels):
            now_s = int(time.time())
            signature = sign(self.account.api_secret, f"channel={channel}&event=subscribe&time={now_s}")
            auth = {"method": "api_key", "KEY": self.account.api_key, "SIGN": signature}
            payload = [self.account.uid] + ([] if channel == "futures.balances" else ["!all"])
            asked = {"time": now_s, "channel": channel, "event": "subscribe", "payload": payload, "auth": auth}
            self.socket.send(json.dumps(asked))
            assert self.hear()["result"] == {"status": "success"}

    def hear(self) -> Any:
        return json.loads(self.socket.recv(timeout=WITHIN_S))

    def hear_of(self, channel: str) -> Any:
        """The next row of a channel; what others say meanwhile is passed over."""
        while (frame := self.hear())["channel"] != f"futures.{channel}":
            pass
        return frame["result"][0]

    def ask(self, method: str, path: str, query: dict[str, str] | None = None, body: object = None) -> Any:
        text, data, at = urlencode(query or {}), b"" if body is None else json.dumps(body).encode(), str(time.time())
        signature = sign(self.account.api_secret, to_signed_text(method, F + path, text, data, at))
        headers = {"KEY": self.account.api_key, "SIGN": signature, "Timestamp": at, "Content-Type": "application/json"}
        url = f"{self.paper.url}{F}{path}?{text}"
        request = urllib.request.Request(url, data or None, headers, method=method)
        with urllib.request.urlopen(request, timeout=WITHIN_S) as reply:
            return json.loads(reply.read())

    def buy(self, size: int) -> Any:
        return self.ask("POST", "/orders", None, {"contract": BTC, "size": size, "price": "0", "tif": "ioc"})


@pytest.fixture
def client(paper: PaperProcess) -> Iterator[Client]:
    with a_client(paper) as client:
        yield client


@contextmanager
def a_client(paper: PaperProcess) -> Iterator[Client]:
    paper.price(BTC, 67500, hold=True)
    account = paper.account(balances={"USDT": "1000"})
    with connect(paper.ws_url, compression=None) as socket:
        yield Client(paper, account, socket)


def test_a_mark_price_that_falls_liquidates_and_everybody_concerned_hears_of_it(
    paper: PaperProcess, client: Client
) -> None:
    """From the control surface through the engine to the socket, and into the books."""
    client.ask("POST", f"/positions/{BTC}/leverage", {"leverage": "0", "cross_leverage_limit": "100"})
    client.buy(10_000)
    client.follow("orders", "positions", "position_closes", "liquidates")
    paper.ask("POST", "/paper/price", {"symbol": BTC, "price": 66780, "only": "mark"})

    position, order = client.hear_of("positions"), client.hear_of("orders")
    assert (position["contract"], order["text"], order["is_liq"], order["left"]) == (BTC, "liquidation", True, 0)
    told = client.hear_of("liquidates")
    assert (told["order_id"], told["mark_price"]) == (order["id"], 66780)
    assert {row["size"] for row in paper.books(client.account.uid)["positions"]} == {"0"}
    assert client.ask("GET", "/liquidates")[0]["order_id"] == order["id"]
    paper.price(BTC, 67500, hold=True)


def test_a_deleveraged_position_and_a_charged_one_hear_of_it(paper: PaperProcess, client: Client) -> None:
    """What may befall anybody at any time."""
    client.buy(100)
    client.follow("balances", "auto_deleverages")
    paper.ask("POST", "/paper/funding", {"symbol": BTC, "rate": "0.0005"})
    assert client.hear_of("balances")["type"] == "fund"
    said = paper.ask("POST", "/paper/deleverage", {"uid": client.account.uid, "symbol": BTC, "size": 40})

    assert (said["size"], said["left"]) == ("40", "60")
    assert client.hear_of("auto_deleverages")["trade_size"] == 40
    assert client.ask("GET", "/auto_deleverages")[0]["order_id"] == int(said["order_id"])


def test_a_revoked_key_takes_its_sockets_with_it_when_it_is_asked_to(paper: PaperProcess, client: Client) -> None:
    """After the delay, and not before."""
    client.follow("orders")
    began_s = time.monotonic()
    paper.ask("POST", "/paper/keys", {"uid": client.account.uid, "revoked": True, "sockets": "closed", "after_ms": 300})
    assert client.ask("GET", "/accounts")["user"] == int(client.account.uid)
    with pytest.raises(ConnectionClosed):
        client.hear()

    assert time.monotonic() - began_s >= 0.25
    with pytest.raises(urllib.error.HTTPError, match="401"):
        client.ask("GET", "/accounts")
