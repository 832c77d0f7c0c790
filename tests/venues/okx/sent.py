"""A witness, unmodified, with its transport in our hands: ccxt. What it sends is compared with what we send.

A request is the same when method, path, query and body mean the same and its signature is the one that the same words
get from the witness. The order of keys in a body and of parameters in a query is each one's own.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from shared.exchanges.base import Request, Signed
from shared.exchanges.okx.signing import signature
from tests.venues.okx.frames import CREDENTIALS, said

AT_S = 1_786_000_000.123
TIMESTAMP = "2026-08-06T07:06:40.123Z"
THEIRS = frozenset({"tag", "clientOrderId"})
"""What only ccxt says: the name of its broker, and its own spelling beside the venue's."""


class Sent:
    """A request as the witness sent it."""

    def __init__(self, method: str, url: str, headers: dict[str, str], body: str | None) -> None:
        parts = urlsplit(url)
        self.method, self.headers, self.body = method, headers or {}, (body or "").encode()
        self.path, self.query = parts.path, dict(parse_qsl(parts.query))
        self.signed_path = f"{parts.path}?{parts.query}" if parts.query else parts.path


def ccxt_okx(**options: Any) -> Any:
    ccxt = pytest.importorskip("ccxt.async_support")
    keys = {"apiKey": CREDENTIALS.api_key, "secret": CREDENTIALS.api_secret, "password": CREDENTIALS.passphrase}
    exchange = ccxt.okx(keys | {"options": {"createOrder": "privatePostTradeOrder"} | options})
    listed = [row for kind in ("spot", "swap", "futures") for row in said(f"rest_instruments_{kind}")["data"]]
    exchange.set_markets([exchange.parse_market(row) for row in listed if row["state"] == "live"])
    exchange.milliseconds = lambda: int(AT_S * 1000)
    return exchange


async def ccxt_sends(ask: Callable[[Any], Awaitable[Any]]) -> Sent:
    exchange = ccxt_okx()
    sent: list[Sent] = []

    async def fetch(url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        sent.append(Sent(method, url, headers, body))
        return {"code": "0", "msg": "", "data": [{"details": [], "ts": "1"}]}

    exchange.fetch = fetch
    try:
        await ask(exchange)
    finally:
        await exchange.close()
    return sent[-1]


def body_of(words: bytes) -> Any:
    """As a value; ccxt sends `null` for what it was told to leave out."""
    said = json.loads(words) if words else None
    if isinstance(said, dict):
        return {name: value for name, value in said.items() if name not in THEIRS and value is not None}
    return said


def assert_same(signed: Signed, request: Request, sent: Sent, more: dict[str, Any]) -> None:
    """`more` is what only we say."""
    parts, more_query = urlsplit(signed.path), more if request.method == "GET" else {}
    assert request.method == sent.method
    assert parts.path == sent.path
    assert dict(parse_qsl(parts.query)) == sent.query | more_query
    ours, theirs = body_of(signed.body), body_of(sent.body)
    assert ours == (theirs | more if isinstance(theirs, dict) else theirs)
    if not request.private:
        assert "OK-ACCESS-SIGN" not in signed.headers
        return
    for header in ("OK-ACCESS-KEY", "OK-ACCESS-PASSPHRASE", "OK-ACCESS-TIMESTAMP"):
        assert signed.headers[header] == sent.headers[header]
    if request.body:
        assert signed.headers["Content-Type"] == sent.headers["Content-Type"]
    assert our_signature(sent) == sent.headers["OK-ACCESS-SIGN"]


def our_signature(sent: Sent) -> str:
    """Ours over the very words and bytes that the witness sent, in its order."""
    words = f"{sent.headers['OK-ACCESS-TIMESTAMP']}{sent.method}{sent.signed_path}".encode()
    return signature(CREDENTIALS, words + sent.body)
