"""Gate's trading API over the socket: a request as it would go over REST becomes a call, and its answer a reply.

The venue acknowledges a placement before it answers it; only the answer is final. Callers see no difference to REST:
the status, the error's words and the row come back in the form in which REST tells them.
"""

from __future__ import annotations

import re

import msgspec

from shared.exchanges.base import Answered, Reply, Request
from shared.exchanges.gate import FUTURES
from shared.exchanges.gate.signing import checked_key, signature
from shared.model import Credentials

LOGIN = "futures.login"
NO_PARAM = "{}"
"""The parameter of a login. The manual sends none; this is what the venue's own client and ccxt send and sign."""
CHANNEL_OF = {
    ("POST", f"{FUTURES}/orders"): "futures.order_place",
    ("POST", f"{FUTURES}/batch_orders"): "futures.order_batch_place",
    ("POST", f"{FUTURES}/batch_cancel_orders"): "futures.order_cancel_ids",
    ("DELETE", f"{FUTURES}/orders"): "futures.order_cancel_cp",
}
CHANNEL_OF_ONE = {"DELETE": "futures.order_cancel", "PUT": "futures.order_amend"}
"""For one order, whose id ends the path."""
ONE_ORDER = re.compile(rf"{FUTURES}/orders/([^/]+)")
ERROR_WORDS = re.compile(r"\Alabel: \w*, message: ?")
"""What the trading API puts in front of a message; REST tells the message alone."""


def login_call(credentials: Credentials, call_id: str, at_s: float) -> bytes:
    """The first call of a connection; it stands for a signature of each that follows."""
    timestamp = str(int(at_s))
    payload = {
        "req_id": call_id,
        "api_key": checked_key(credentials),
        "timestamp": timestamp,
        "signature": login_signature(credentials, NO_PARAM, timestamp),
        "req_param": msgspec.Raw(NO_PARAM.encode()),
    }
    return _frame(LOGIN, payload, at_s)


def login_signature(credentials: Credentials, req_param: str, timestamp: str) -> str:
    """Over the parameter's exact text."""
    return signature(credentials, f"api\n{LOGIN}\n{req_param}\n{timestamp}")


def to_call(request: Request, call_id: str, at_s: float) -> bytes | None:
    """The same request as a frame; None when the trading API has no such call."""
    asked = _channel_and_param(request)
    if asked is None:
        return None
    channel, param = asked
    payload: dict[str, object] = {"req_id": call_id, "req_param": param}
    headers = dict(request.headers)
    if request.expires_at_ms is not None:
        headers["x-gate-exptime"] = str(request.expires_at_ms)
    if headers:
        payload["req_header"] = headers
    return _frame(channel, payload, at_s)


def to_answer(frame: bytes | str, received_at_ms: int) -> Answered | None:
    """What the frame answers. None for frames that answer no call: pushes, pongs, and what cannot be read."""
    try:
        said = _ANSWER.decode(frame)
        status = int(said.header.status)
    except (msgspec.DecodeError, ValueError):
        return None
    error = said.data.errs
    body = bytes(said.data.result) if error is None else _error_body(error)
    return Answered(said.request_id, Reply(status, _headers(said.header), body, received_at_ms), not said.ack)


# Requests.


def _channel_and_param(request: Request) -> tuple[str, msgspec.Raw] | None:
    channel = CHANNEL_OF.get((request.method, request.path))
    if channel == "futures.order_cancel_cp":
        return _cancel_all(channel, request)
    if request.query:
        return None
    if channel is not None:
        return channel, msgspec.Raw(request.body)
    channel, one = CHANNEL_OF_ONE.get(request.method), ONE_ORDER.fullmatch(request.path)
    if channel is None or one is None:
        return None
    # The body's numbers go through as the text that they are, so that none of them changes.
    change = _MEMBERS.decode(request.body) if request.body else {}
    return channel, _raw({"order_id": msgspec.Raw(msgspec.json.encode(one[1]))} | change)


def _cancel_all(channel: str, request: Request) -> tuple[str, msgspec.Raw] | None:
    """The call wants a contract; over REST all of them may be meant."""
    query = dict(request.query)
    if "contract" not in query or not query.keys() <= {"contract", "side"} or request.body:
        return None
    return channel, _raw(query)


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def _frame(channel: str, payload: object, at_s: float) -> bytes:
    return msgspec.json.encode({"time": int(at_s), "channel": channel, "event": "api", "payload": payload})


# Answers.


class _Header(msgspec.Struct):
    status: str | int
    response_time: str | int | None = None
    x_out_time: str | int | None = None
    x_gate_ratelimit_requests_remain: str | int | None = None
    x_gate_ratelimit_limit: str | int | None = None
    x_gat_ratelimit_reset_timestamp: str | int | None = None
    """The venue's own spelling, in one half of its manual; the other half says it in full."""
    x_gate_ratelimit_reset_timestamp: str | int | None = None


class _Error(msgspec.Struct):
    label: str = ""
    message: str = ""


class _Data(msgspec.Struct):
    result: msgspec.Raw = msgspec.Raw(b"null")
    errs: _Error | None = None


class _Answer(msgspec.Struct):
    request_id: str
    header: _Header
    data: _Data = msgspec.field(default_factory=_Data)
    ack: bool = False


_ANSWER = msgspec.json.Decoder(_Answer)
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _error_body(error: _Error) -> bytes:
    message = ERROR_WORDS.sub("", error.message, count=1)
    return msgspec.json.encode({"label": error.label, "message": message} if message else {"label": error.label})


def _headers(header: _Header) -> dict[str, str]:
    """By the names and in the units that REST has for them."""
    said = _limit(header)
    if header.x_out_time is not None:
        said["x-out-time"] = str(header.x_out_time)
    elif header.response_time is not None:
        said["x-out-time"] = f"{header.response_time}000"  # milliseconds here, microseconds there
    return said


def _limit(header: _Header) -> dict[str, str]:
    """What is left is not told when it is nothing. The reset is in milliseconds here and in seconds over REST: a time
    that must be waited for is rounded up, and one that is only the present is rounded down."""
    if header.x_gate_ratelimit_limit is None:
        return {}
    remain = str(header.x_gate_ratelimit_requests_remain or 0)
    said = {"X-Gate-RateLimit-Limit": str(header.x_gate_ratelimit_limit), "X-Gate-RateLimit-Requests-Remain": remain}
    reset_ms = str(header.x_gat_ratelimit_reset_timestamp or header.x_gate_ratelimit_reset_timestamp or "")
    if reset_ms.isdigit():
        reset_s = int(reset_ms) // 1000 if remain != "0" else -(-int(reset_ms) // 1000)
        said["X-Gate-RateLimit-Reset-Timestamp"] = str(reset_s)
    return said
