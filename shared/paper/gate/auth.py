"""Who is calling: Gate's signatures over REST requests, channel subscriptions and the trading API.

A REST signature covers the query as it is before percent-encoding, in the order sent, and the exact bytes of the body.
Timestamps are signed as the text they are, with or without a fraction.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Iterable
from urllib.parse import unquote, unquote_plus

from shared.paper.exchange import Exchange, Member
from shared.paper.gate.calls import Call, GateError

WINDOW_S = 60


def sign(secret: str, text: str) -> str:
    """Gate's HMAC: SHA-512, the secret used as text."""
    return hmac.new(secret.encode(), text.encode("utf-8", "surrogateescape"), hashlib.sha512).hexdigest()


def to_signed_text(method: str, path: str, query: str, body: bytes, timestamp: str) -> str:
    """What a REST signature covers."""
    return "\n".join((method, path, query, hashlib.sha512(body).hexdigest(), timestamp))


def check_call(exchange: Exchange, call: Call) -> Member:
    """The member who signed this call."""
    for header in ("Timestamp", "KEY", "SIGN"):
        if not call.headers.get(header.lower()):
            raise GateError(400, "MISSING_REQUIRED_HEADER", f"Missing required header: {header}")
    timestamp = call.headers["timestamp"]
    member = _member(exchange, call.headers["key"], call.address)
    check_time(timestamp, call.now_ms)
    # The documents do not say whether a path is signed encoded or plain, and clients do both; a query is signed plain.
    texts = {
        to_signed_text(call.method, path, query, call.raw_body, timestamp)
        for path in {call.path, unquote(call.path)}
        for query in {unquote_plus(call.raw_query), unquote(call.raw_query)}
    }
    _check_signature(member, call.headers["sign"], texts)
    if call.method != "GET":
        check_may_write(exchange, member)
    return member


def check_frame(
    exchange: Exchange, auth: object, channel: str, event: str, time: object, address: str, now_ms: int
) -> Member:
    """The member who signed this subscription."""
    if not isinstance(auth, dict) or not isinstance(auth.get("KEY"), str) or not isinstance(auth.get("SIGN"), str):
        raise GateError(401, "MISSING_REQUIRED_HEADER", "Missing required header: KEY")
    member = _member(exchange, auth["KEY"], address)
    check_time(str(time), now_ms)
    _check_signature(member, auth["SIGN"], (f"channel={channel}&event={event}&time={time}",))
    return member


def check_login(
    exchange: Exchange, payload: dict[str, object], channel: str, raw_param: str, address: str, now_ms: int
) -> Member:
    """The member who signed this trading-API login; the parameter is signed as the text that was sent."""
    member = _member(exchange, str(payload.get("api_key", "")), address)
    timestamp = str(payload.get("timestamp", ""))
    check_time(timestamp, now_ms)
    _check_signature(member, str(payload.get("signature", "")), (f"api\n{channel}\n{raw_param}\n{timestamp}",))
    return member


def check_time(timestamp: str, now_ms: int) -> None:
    """A request older or newer than the window is refused."""
    try:
        seconds = float(timestamp)
    except ValueError:
        seconds = math.nan
    if not abs(now_ms / 1000 - seconds) <= WINDOW_S:
        gap = "gap between request Timestamp and server time exceeds 60"
        raise GateError(401, "REQUEST_EXPIRED", gap)


def _member(exchange: Exchange, api_key: str, address: str) -> Member:
    member = exchange.by_key.get(api_key)
    if member is None:
        raise GateError(401, "INVALID_KEY", "Invalid key provided")
    check_key(exchange, member, address)
    return member


def check_key(exchange: Exchange, member: Member, address: str) -> None:
    """Whether a key is still good, and may be used from there."""
    terms = member.terms(exchange.real_ms())
    if terms.is_revoked:
        raise GateError(401, "INVALID_KEY", "Invalid key provided")
    if terms.ips and address not in terms.ips:
        raise GateError(403, "IP_FORBIDDEN", f"Request IP not in whitelist: {address[:45]}")


def check_may_write(exchange: Exchange, member: Member) -> None:
    """Every GET is a read, everything else a write."""
    if member.terms(exchange.real_ms()).is_read_only:
        raise GateError(403, "READ_ONLY", "This API key is read-only")


def _check_signature(member: Member, given: str, texts: Iterable[str]) -> None:
    if not any(hmac.compare_digest(sign(member.api_secret, text).encode(), given.encode()) for text in texts):
        raise GateError(401, "INVALID_SIGNATURE", "Signature mismatch")
