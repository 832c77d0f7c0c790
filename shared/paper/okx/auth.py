"""Who is calling: OKX's signatures over REST requests and WebSocket logins.

A REST signature covers the text of the path with its query and the bytes of the body, both as they were sent. Whether
a key is one of demo trading is asked only where a control says that it is bound to one of the two.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

from shared.paper.exchange import Exchange, Member
from shared.paper.okx.calls import Call, OkxError, Said

WINDOW_MS = 30_000
LOGIN_PATH = "/users/self/verify"
HEADERS = (
    ("ok-access-key", "50103", "OK-ACCESS-KEY"),
    ("ok-access-passphrase", "50104", "OK-ACCESS-PASSPHRASE"),
    ("ok-access-sign", "50106", "OK-ACCESS-SIGN"),
    ("ok-access-timestamp", "50107", "OK-ACCESS-TIMESTAMP"),
)


def sign(secret: str, text: str | bytes) -> str:
    """OKX's HMAC: SHA-256, in base64."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    return base64.b64encode(hmac.new(secret.encode(), data, hashlib.sha256).digest()).decode()


def to_signed_text(timestamp: str, method: str, request_path: str, body: bytes) -> bytes:
    """What a REST signature covers."""
    return (timestamp + method + request_path).encode("utf-8", "surrogateescape") + body


def check_call(exchange: Exchange, call: Call) -> Member:
    """The member who signed this call."""
    for header, code, name in HEADERS:
        if not call.headers.get(header):
            raise _shut(code, f'Request header "{name}" can\'t be empty.')
    member = exchange.by_key.get(call.headers["ok-access-key"])
    if member is None:
        raise _shut("50111", "Invalid OK-ACCESS-KEY")
    check_key(exchange, member, call.address)
    _check_time(call.headers["ok-access-timestamp"], call.now_ms)
    if not same(call.headers["ok-access-passphrase"], member.passphrase):
        raise _shut("50105", 'Request header "OK-ACCESS-PASSPHRASE" incorrect.')
    text = to_signed_text(call.headers["ok-access-timestamp"], call.method, call.request_path, call.raw_body)
    if not same(call.headers["ok-access-sign"], sign(member.api_secret, text)):
        raise _shut("50113", "Invalid Sign")
    bound = member.terms(exchange.real_ms()).environment
    if bound and (bound == "demo") != (call.headers.get("x-simulated-trading") == "1"):
        raise _shut("50101", "APIKey does not match current environment.")
    return member


def check_key(exchange: Exchange, member: Member, address: str) -> None:
    """Whether a key is still good, and may be used from there."""
    terms = member.terms(exchange.real_ms())
    if terms.is_revoked:
        raise _shut("50111", "Invalid OK-ACCESS-KEY")
    if terms.ips and address not in terms.ips:
        text = f"Your IP {address[:45]} is not included in your API key's {member.api_key[:8]} IP whitelist."
        raise _shut("50110", text)


def check_may_write(exchange: Exchange, member: Member) -> None:
    """A key that may only read writes nothing."""
    if member.terms(exchange.real_ms()).is_read_only:
        raise OkxError("50120", "This API key doesn't have permission to use this function")


def check_login(exchange: Exchange, said: Said, address: str, now_ms: int) -> Member:
    """The member who signed this login. Its timestamp counts seconds, as text or as a JSON number."""
    member = exchange.by_key.get(_word(said, "apiKey"))
    if member is None:
        raise OkxError("60005", "Invalid apiKey")
    check_key(exchange, member, address)
    timestamp = _word(said, "timestamp")
    try:
        age_ms = now_ms - float(timestamp) * 1000
    except ValueError:
        raise OkxError("60004", "Invalid timestamp") from None
    if not abs(age_ms) <= WINDOW_MS:
        raise OkxError("60006", "Timestamp request expired")
    if not same(_word(said, "passphrase"), member.passphrase):
        raise OkxError("60024", "Wrong passphrase")
    if not same(_word(said, "sign"), sign(member.api_secret, f"{timestamp}GET{LOGIN_PATH}")):
        raise OkxError("60007", "Invalid sign")
    return member


def same(given: str, expected: str) -> bool:
    """Whether two secrets are the same, in a time that does not tell."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())


def _word(said: Said, name: str) -> str:
    try:
        return said.required(name)
    except OkxError:
        raise OkxError("60027", f"Parameter {name} can not be empty") from None


def _check_time(timestamp: str, now_ms: int) -> None:
    try:
        at = datetime.fromisoformat(timestamp)
    except ValueError:
        raise _shut("50112", "Invalid OK-ACCESS-TIMESTAMP") from None
    if not timestamp.endswith("Z"):
        raise _shut("50112", "Invalid OK-ACCESS-TIMESTAMP")
    if abs(now_ms - at.astimezone(UTC).timestamp() * 1000) > WINDOW_MS:
        raise _shut("50102", "Timestamp request expired")


def _shut(code: str, message: str) -> OkxError:
    return OkxError(code, message, status=401)
