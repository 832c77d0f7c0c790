"""Gate's trading API over the WebSocket: a login, then the same order calls as over REST.

A login signs the parameter as the text it was sent as, and does not stand in for the signature of a channel
subscription. Placements are acknowledged first; a result leaves out what has its usual value.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

import msgspec

from shared.paper.gate import order_lists, orders
from shared.paper.gate.auth import check_key, check_login, check_may_write
from shared.paper.gate.calls import Call, GateError, Reply
from shared.paper.gate.forms import Row
from shared.paper.gate.limits import OTHER, SOCKET
from shared.paper.gate.order_rows import without_defaults
from shared.paper.gate.routes import Handler
from shared.paper.gate.sockets import Socket

if TYPE_CHECKING:
    from shared.paper.gate.door import GateDoor

LOGIN = "futures.login"


class Command(NamedTuple):
    """What a channel does, and what it counts as."""

    method: str
    handler: Handler
    group: str = SOCKET
    is_acknowledged: bool = False


COMMANDS = {
    "futures.order_place": Command("POST", orders.place, is_acknowledged=True),
    "futures.order_batch_place": Command("POST", orders.place_batch, is_acknowledged=True),
    "futures.order_cancel": Command("DELETE", orders.cancel),
    "futures.order_cancel_ids": Command("POST", orders.cancel_batch),
    "futures.order_cancel_cp": Command("DELETE", orders.cancel_all),
    "futures.order_amend": Command("PUT", orders.amend),
    "futures.order_list": Command("GET", order_lists.list_orders, OTHER),
    "futures.order_status": Command("GET", order_lists.get, OTHER),
}
TOO_MANY = "Request Rate limit Exceeded (311)"


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

    def said(self) -> Any:
        """The parameter."""
        return msgspec.json.decode(self.req_param) if self.req_param else {}


class Talk(NamedTuple):
    """A request on its way to its answer."""

    socket: Socket
    channel: str
    request_id: str
    limits: dict[str, int]


class TradingApi:
    """Answers `event: api` frames."""

    def __init__(self, door: GateDoor) -> None:
        self.door = door

    def answer(self, socket: Socket, text: str) -> None:
        """Say what one frame is answered with: an acknowledgement where Gate sends one, then the result."""
        try:
            envelope = msgspec.json.decode(text, type=Envelope)
            payload = msgspec.json.decode(envelope.payload, type=Payload)
        except msgspec.DecodeError:
            self._refuse(Talk(socket, "", "", {}), GateError(400, "INVALID_ARGUMENT", "invalid request"))
            return
        talk = Talk(socket, envelope.channel, str(payload.req_id), {})
        try:
            if envelope.channel == LOGIN:
                self._say(talk, {"result": self._login(socket, payload)}, 200)
            else:
                self._command(talk, payload)
        except GateError as error:
            self._refuse(talk, error)

    def _login(self, socket: Socket, payload: Payload) -> dict[str, str]:
        said: dict[str, object] = {
            "api_key": payload.api_key,
            "timestamp": payload.timestamp,
            "signature": payload.signature,
        }
        raw, exchange = bytes(payload.req_param).decode(), self.door.exchange
        member = check_login(exchange, said, LOGIN, raw, socket.address, exchange.now_ms())
        socket.trader = member
        return {"uid": str(member.number), "api_key": member.api_key}

    def _command(self, talk: Talk, payload: Payload) -> None:
        command = COMMANDS.get(talk.channel)
        if command is None:
            raise GateError(400, "INVALID_ARGUMENT", f"Unknown channel {talk.channel[:60]}")
        call = self._to_call(talk.socket, command, talk.channel, payload)
        endpoint = talk.channel if command.group == OTHER else ""
        passed, bucket = self.door.take(call, call.member.uid, command.group, endpoint, command.handler)
        if command.group == SOCKET:
            talk = talk._replace(limits=bucket.to_frame_header(call.now_ms))
        if not passed:
            self._refuse(talk, GateError(429, "TOO_MANY_REQUESTS", TOO_MANY))
            return
        if command.is_acknowledged:
            asked = {"req_id": talk.request_id, "req_header": payload.req_header, "req_param": payload.said()}
            self._say(talk, {"result": asked}, 200, ack=True)
        self._finish(talk, call, command, self.door.mishaps.carry_out(call, command.handler))

    def _to_call(self, socket: Socket, command: Command, channel: str, payload: Payload) -> Call:
        exchange, member = self.door.exchange, socket.trader
        if member is None:
            raise GateError(400, "AUTHENTICATION_FAILED", "Not login")
        check_key(exchange, member, socket.address)
        if command.group == SOCKET:
            check_may_write(exchange, member)
        said = payload.said()
        asked = {k: str(v) for k, v in said.items() if v is not None} if isinstance(said, dict) else {}
        headers = {k.lower(): str(v) for k, v in (payload.req_header or {}).items()}
        headers["x-gate-size-decimal"] = "1" if socket.is_decimal else "0"
        return Call(
            self.door, command.method, channel, urlencode(asked), bytes(payload.req_param), headers, socket.address,
            exchange.now_ms(), {"order": asked.get("order_id", "")}, member, "apiv4-ws",
        )  # fmt: skip

    # ---- answers

    def _finish(self, talk: Talk, call: Call, command: Command, reply: Reply) -> None:
        """Say how a command ended, now or late; one whose answer is cut takes the socket with it."""
        if reply.delay_ms:
            loop = asyncio.get_running_loop()
            loop.call_later(reply.delay_ms / 1000, self._conclude, talk, call, command, reply)
        else:
            self._conclude(talk, call, command, reply)

    def _conclude(self, talk: Talk, call: Call, command: Command, reply: Reply) -> None:
        ack = False if command.is_acknowledged else None
        if reply.is_cut:
            talk.socket.cut()
        elif reply.is_html:
            self._refuse(talk, GateError(reply.status, "INTERNAL", "internal error"), ack=ack)
        elif reply.status == 429:
            self._refuse(talk, GateError(429, "TOO_MANY_REQUESTS", TOO_MANY), ack=ack)
        elif reply.status >= 400:
            self._say(talk, {"errs": _engine_errors(reply.body)}, _status(call, reply), ack=ack)
        else:
            self._say(talk, {"result": _result(reply.body)}, 200, ack=ack)

    def _refuse(self, talk: Talk, error: GateError, *, ack: bool | None = None) -> None:
        self._say(talk, {"errs": _errors(error.to_body())}, error.status, ack=ack)

    def _say(self, talk: Talk, data: dict[str, Any], status: int, *, ack: bool | None = None) -> None:
        now_ms, conn_id = self.door.exchange.now_ms(), talk.socket.conn_id
        header = {
            "response_time": str(now_ms), "status": str(status), "channel": talk.channel, "event": "api",
            "client_id": f"{talk.socket.address}-{conn_id}", "x_in_time": now_ms * 1000, "x_out_time": now_ms * 1000,
            "conn_id": conn_id, "conn_trace_id": conn_id * 2, "trace_id": secrets.token_hex(16),
        }  # fmt: skip
        body = {"request_id": talk.request_id} | ({} if ack is None else {"ack": ack})
        self.door.stream.say(talk.socket, body | {"header": header | talk.limits, "data": data})


def _errors(body: Row) -> dict[str, str]:
    return {"label": body["label"], "message": body.get("message") or body.get("detail") or ""}


def _engine_errors(body: Row) -> dict[str, str]:
    """What the order engine refuses, the trading API quotes."""
    said = _errors(body)
    return said | {"message": f"label: {said['label']}, message: {said['message']}"}


def _status(call: Call, reply: Reply) -> int:
    """An order that nobody ever placed under this text is a bad request; one that has ended is not found."""
    name = call.params["order"]
    if reply.status == 404 and name.startswith("t-") and name not in call.account.by_text:
        return 400
    return reply.status


def _result(body: Any) -> Any:
    if isinstance(body, list):
        return [without_defaults(row) for row in body]
    return without_defaults(body)
