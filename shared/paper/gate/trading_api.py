"""Gate's trading API over the WebSocket: a login, then the same order calls as over REST.

A login signs the parameter as the text it was sent as, and does not stand in for the signature of a channel
subscription.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from shared.paper.gate import orders
from shared.paper.gate.auth import check_login
from shared.paper.gate.calls import Call, GateError
from shared.paper.gate.limits import PLACE
from shared.paper.gate.sockets import Socket

if TYPE_CHECKING:
    from shared.paper.gate.door import GateDoor

CALLS = {
    "futures.order_place": ("POST", orders.place),
    "futures.order_batch_place": ("POST", orders.place_batch),
    "futures.order_cancel": ("DELETE", orders.cancel),
    "futures.order_cancel_ids": ("POST", orders.cancel_batch),
    "futures.order_cancel_cp": ("DELETE", orders.cancel_all),
    "futures.order_amend": ("PUT", orders.amend),
    "futures.order_list": ("GET", orders.list_orders),
    "futures.order_status": ("GET", orders.get),
}
ACKNOWLEDGED = ("futures.order_place", "futures.order_batch_place")


class Envelope(msgspec.Struct):
    """An API frame, its payload still as it was sent."""

    channel: str
    payload: msgspec.Raw


class Payload(msgspec.Struct):
    """What is inside, its parameter still as it was sent, for that text is signed."""

    req_id: str | int = ""
    api_key: str = ""
    timestamp: str | int = ""
    signature: str = ""
    req_param: msgspec.Raw = msgspec.Raw(b"")
    req_header: dict[str, Any] | None = None


class TradingApi:
    """Answers `event: api` frames."""

    def __init__(self, door: GateDoor) -> None:
        self.door = door

    def answer(self, socket: Socket, text: str) -> list[dict[str, Any]]:
        """The replies to one frame: an acknowledgement where Gate sends one, then the result."""
        try:
            envelope = msgspec.json.decode(text, type=Envelope)
            payload = msgspec.json.decode(envelope.payload, type=Payload)
        except msgspec.DecodeError:
            error = GateError(400, "INVALID_ARGUMENT", "invalid request")
            return [self._reply(socket, "", "", {"errs": error.to_body()}, 400)]
        channel, request_id = envelope.channel, str(payload.req_id)
        replies = []
        try:
            if channel == "futures.login":
                result: Any = self._login(socket, channel, payload)
            else:
                call, handler = self._to_call(socket, channel, payload)
                if channel in ACKNOWLEDGED:
                    asked = {"req_id": request_id, "req_param": msgspec.json.decode(payload.req_param or b"null")}
                    replies.append(self._reply(socket, channel, request_id, {"result": asked}, 200, is_ack=True))
                result = handler(call).body
        except GateError as error:
            data = {"errs": {"label": error.label, "message": error.message or error.detail}}
            return [*replies, self._reply(socket, channel, request_id, data, error.status)]
        return [*replies, self._reply(socket, channel, request_id, {"result": result}, 200)]

    def _login(self, socket: Socket, channel: str, payload: Payload) -> dict[str, str]:
        said: dict[str, object] = {
            "api_key": payload.api_key,
            "timestamp": payload.timestamp,
            "signature": payload.signature,
        }
        raw = bytes(payload.req_param).decode()
        member = check_login(self.door.exchange, said, channel, raw, self.door.exchange.now_ms())
        socket.trader = member.wallets["gate"]
        return {"uid": str(member.number), "api_key": member.api_key}

    def _to_call(self, socket: Socket, channel: str, payload: Payload) -> tuple[Call, Any]:
        if channel not in CALLS:
            raise GateError(400, "INVALID_ARGUMENT", f"Unknown channel {channel[:60]}")
        if socket.trader is None:
            raise GateError(400, "AUTHENTICATION_FAILED", "Not login")
        method, handler = CALLS[channel]
        now_ms = self.door.exchange.now_ms()
        if not self.door.limits.take(socket.trader.uid, PLACE, channel, 1, now_ms)[0]:
            raise GateError(429, "TOO_MANY_REQUESTS", "Request Rate limit Exceeded (311)")
        if handler is orders.place and self.door.exchange.strike("reject_order", "gate", socket.trader.uid):
            raise GateError(400, "INSUFFICIENT_AVAILABLE")
        raw = bytes(payload.req_param)
        said = msgspec.json.decode(raw) if raw else {}
        asked = {k: str(v) for k, v in said.items() if v is not None} if isinstance(said, dict) else {}
        headers = {k.lower(): str(v) for k, v in (payload.req_header or {}).items()}
        headers["x-gate-size-decimal"] = "1" if socket.is_decimal else "0"
        call = Call(
            self.door, method, channel, urlencode(asked), raw, headers, "", now_ms,
            {"order": asked.get("order_id", "")}, socket.trader, "apiv4-ws",
        )  # fmt: skip
        return call, handler

    def _reply(
        self, socket: Socket, channel: str, request_id: str, data: dict[str, Any], status: int, *, is_ack: bool = False
    ) -> dict[str, Any]:
        now_ms = self.door.exchange.now_ms()
        header = {
            "response_time": str(now_ms), "status": str(status), "channel": channel, "event": "api",
            "client_id": f"127.0.0.1-{socket.conn_id}", "x_in_time": now_ms * 1000, "x_out_time": now_ms * 1000,
            "conn_id": socket.conn_id, "trace_id": socket.conn_id * 2,
        }  # fmt: skip
        return {"request_id": request_id, "ack": is_ack, "header": header, "data": data}
