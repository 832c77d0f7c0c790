"""A caller at OKX's door, for tests without sockets: it signs as the documents say and hands the call straight in."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast
from urllib.parse import urlencode

import orjson

from shared.paper.exchange import Member
from shared.paper.okx.auth import sign, to_signed_text
from shared.paper.okx.calls import Call, Reply
from shared.paper.okx.door import OkxDoor
from shared.paper.okx.sockets import Socket
from shared.paper.wallets import CoinAccount
from tests.paper.gate_client import KeptTransport, to_payload

SWAP, SPOT = "BTC-USDT-SWAP", "BTC-USDT"


def hold_okx(door: OkxDoor, price: str) -> None:
    """Let every BTC market of the door stand at a price."""
    for name, listing in door.engine.listings.items():
        if listing.contract.base == "BTC":
            door.market.set_price(name, Decimal(price), door.exchange.now_ms(), hold=True)


class OkxClient:
    """One member's calls."""

    def __init__(self, door: OkxDoor, member: Member | None = None, **said: Any) -> None:
        self.door = door
        self.member = member or door.exchange.open_member(said)

    @property
    def account(self) -> CoinAccount:
        return cast(CoinAccount, self.member.wallets["okx"])

    def call(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: object = None,
        *,
        headers: dict[str, str] | None = None,
        timestamp: str | None = None,
        secret: str | None = None,
    ) -> Reply:
        """A signed call; answers the reply."""
        now_ms = self.door.exchange.now_ms()
        at = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        at = timestamp or at
        text = urlencode(query or {}, safe=",")
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        full = f"/api/v5/{path}"
        signed = to_signed_text(at, method, f"{full}?{text}" if text else full, data)
        own = {
            "ok-access-key": self.member.api_key,
            "ok-access-passphrase": self.member.passphrase,
            "ok-access-timestamp": at,
            "ok-access-sign": sign(secret or self.member.api_secret, signed),
            "content-type": "application/json",
        }
        return self.door.handle(Call(self.door, method, full, text, data, own | (headers or {}), "127.0.0.1", now_ms))

    def body(
        self, method: str, path: str, query: dict[str, str] | None = None, body: object = None, **said: Any
    ) -> Any:
        """The JSON of a call's answer."""
        reply = self.call(method, path, query, body, **said)
        return json.loads(orjson.dumps(reply.to_body(1, 2)))

    def get(self, path: str, **query: str) -> Any:
        """The rows of a read that succeeds."""
        answer = self.body("GET", path, query)
        assert answer["code"] == "0", answer
        return answer["data"]

    def post(self, path: str, body: object) -> Any:
        """The rows of a write that succeeds."""
        answer = self.body("POST", path, None, body)
        assert answer["code"] == "0", answer
        return answer["data"]

    def refused(self, method: str, path: str, query: dict[str, str] | None = None, body: object = None) -> str:
        """The code of a call that is refused: its only item's, or its own."""
        answer = self.body(method, path, query, body)
        assert answer["code"] != "0", answer
        return str(answer["data"][0]["sCode"] if answer.get("data") else answer["code"])

    def order(self, side: str, size: object, price: str = "", **said: Any) -> dict[str, Any]:
        """What an order says: of the BTC perpetual, at a limit or at market."""
        name = said.get("instId", SWAP)
        kind = "limit" if price else "market"
        terms = {"instId": name, "tdMode": "cash" if name == SPOT else "cross", "side": side, "ordType": kind}
        return terms | {"sz": str(size)} | ({"px": price} if price else {}) | said

    def place(self, side: str, size: object, price: str = "", **said: Any) -> str:
        """Place an order; answers its id."""
        return str(self.post("trade/order", self.order(side, size, price, **said))[0]["ordId"])

    def show(self, order_id: str, name: str = SWAP) -> Any:
        """An order as it stands."""
        return self.get("trade/order", instId=name, ordId=order_id)[0]


class OkxListener:
    """One member's WebSocket, without a network."""

    def __init__(self, client: OkxClient, place: str = "private", *, logs_in: bool = True) -> None:
        self.client, self.transport, self.stream = client, KeptTransport(), client.door.stream
        self.socket = cast(Socket, self.stream.connect(self.transport, place, {}))
        if logs_in and place != "public":
            assert self.login()["event"] == "login"

    def login(self, **said: Any) -> Any:
        """Log in; answers the acknowledgement."""
        member = self.client.member
        at = said.pop("timestamp", str(self.client.door.exchange.now_ms() // 1000))
        arg = {
            "apiKey": member.api_key,
            "passphrase": member.passphrase,
            "timestamp": at,
            "sign": sign(said.pop("secret", member.api_secret), f"{at}GET/users/self/verify"),
        }
        self.say({"op": "login", "args": [arg | said]})
        return self.heard()[-1]

    def say(self, message: object) -> None:
        """Send one frame."""
        self.stream.hear(self.socket, message if isinstance(message, str) else json.dumps(message))

    def subscribe(self, *channels: str, **said: str) -> list[Any]:
        """Follow channels of all instruments; answers what came of it."""
        typed = ("orders", "orders-algo", "algo-advance", "positions")
        args = [{"channel": c} | ({"instType": "ANY"} if c in typed else {}) | said for c in channels]
        self.say({"id": "5", "op": "subscribe", "args": args})
        return self.heard()

    def do(self, op: str, *args: dict[str, Any], **said: Any) -> Any:
        """An order operation; answers its result."""
        self.say({"id": "7", "op": op, "args": list(args)} | said)
        return [each for each in self.heard() if each.get("op") == op][-1]

    def heard(self) -> list[Any]:
        """All frames since the last time; what was being gathered is told first."""
        self.stream.private.flush()
        frames, self.transport.written = self.transport.written, []
        return [as_json(to_payload(frame)) for frame in frames]

    def rows(self, channel: str = "") -> list[Any]:
        """The rows of every push since the last time, of one channel or with their channels."""
        pushed = [(f["arg"]["channel"], row) for f in self.heard() if "data" in f and "arg" in f for row in f["data"]]
        return [row for name, row in pushed if name == channel] if channel else pushed


def as_json(payload: bytes) -> Any:
    """A frame's JSON, or its text."""
    return payload.decode() if payload == b"pong" else json.loads(payload)
