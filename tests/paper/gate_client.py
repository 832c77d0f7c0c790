"""A caller at Gate's door, for tests without sockets: it signs as the manual says and hands the call straight in."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast
from urllib.parse import unquote_plus, urlencode

from shared.paper.exchange import Member
from shared.paper.gate.auth import sign, to_signed_text
from shared.paper.gate.calls import Call, Reply, encode_json
from shared.paper.gate.door import GateDoor
from shared.paper.gate.sockets import Socket

F = "futures/usdt"


class GateClient:
    """One member's calls."""

    def __init__(self, door: GateDoor, member: Member | None = None, *, is_decimal: bool = True) -> None:
        self.door, self.is_decimal = door, is_decimal
        self.member = member or door.exchange.open_member({})

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
        at = timestamp or str(now_ms / 1000)
        text = urlencode(query or {})
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        signed = to_signed_text(method, f"/api/v4/{path}", unquote_plus(text), data, at)
        own = {
            "key": self.member.api_key,
            "timestamp": at,
            "sign": sign(secret or self.member.api_secret, signed),
            "x-gate-size-decimal": "1" if self.is_decimal else "0",
        }
        return self.door.handle(
            Call(self.door, method, f"/api/v4/{path}", text, data, own | (headers or {}), "127.0.0.1", now_ms)
        )

    def ok(self, method: str, path: str, query: dict[str, str] | None = None, body: object = None) -> Any:
        """The body of a call that succeeds."""
        reply = self.call(method, path, query, body)
        assert reply.status < 300, reply.body
        return json.loads(encode_json(reply.body))

    def refused(
        self, method: str, path: str, query: dict[str, str] | None = None, body: object = None
    ) -> tuple[int, str]:
        """Status and label of a call that is refused."""
        reply = self.call(method, path, query, body)
        assert reply.status >= 400, reply.body
        return reply.status, reply.body["label"]

    def place(self, size: object, price: str = "0", **said: object) -> Any:
        """Place an order in BTC."""
        tif = said.pop("tif", "ioc" if price == "0" else "gtc")
        return self.ok(
            "POST", f"{F}/orders", None, {"contract": "BTC_USDT", "size": size, "price": price, "tif": tif} | said
        )


class KeptTransport(asyncio.Transport):
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.waiting = 0
        self.is_cut = self.is_closed = False

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return self.is_cut or self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_cut = True


class GateListener:
    """One member's WebSocket, without a network."""

    def __init__(self, client: GateClient, *, is_decimal: bool = True) -> None:
        self.client, self.transport = client, KeptTransport()
        headers = {"x-gate-size-decimal": "1"} if is_decimal else {}
        self.socket = cast(Socket, client.door.stream.connect(self.transport, headers))

    def say(self, message: object) -> None:
        """Send one frame."""
        self.client.door.stream.hear(self.socket, message if isinstance(message, str) else json.dumps(message))

    def subscribe(self, channel: str, payload: list[str] | None = None, **said: Any) -> Any:
        """Subscribe to a private channel; answers the acknowledgement."""
        member, time_s = self.client.member, said.pop("time", self.client.door.exchange.now_ms() // 1000)
        event = said.pop("event", "subscribe")
        signed = sign(said.pop("secret", member.api_secret), f"channel={channel}&event={event}&time={time_s}")
        auth = {"method": "api_key", "KEY": said.pop("key", member.api_key), "SIGN": signed}
        default = [str(member.number)] + ([] if channel == "futures.balances" else ["!all"])
        asked = default if payload is None else payload
        self.say({"time": time_s, "id": 7, "channel": channel, "event": event, "payload": asked, "auth": auth})
        return self.heard()[-1]

    def heard(self) -> list[Any]:
        """All frames since the last time."""
        frames, self.transport.written = self.transport.written, []
        return [json.loads(to_payload(frame)) for frame in frames]

    def rows(self) -> list[tuple[str, Any]]:
        """Channel and row of every push since the last time."""
        return [(f["channel"].removeprefix("futures."), row) for f in self.heard() for row in f["result"]]


def to_payload(frame: bytes) -> bytes:
    """The payload of an unmasked text frame."""
    assert frame[0] == 0x81
    if frame[1] < 126:
        return frame[2:]
    return frame[4:] if frame[1] == 126 else frame[10:]
