"""Two witnesses, unmodified, with their transport in our hands: the official SDK and ccxt. What they send is compared.

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
from shared.exchanges.gate.wire import GateVenue
from shared.model import Credentials

KEY = "0123456789abcdef0123456789abcdef"
SECRET = "fedcba9876543210" * 4
CREDENTIALS = Credentials(KEY, SECRET)
AT_S = 1_700_000_000
VENUE = GateVenue()


class Sent:
    """A request as a witness sent it."""

    def __init__(self, method: str, url: str, headers: dict[str, str], body: str | bytes | None) -> None:
        parts = urlsplit(url)
        self.method, self.path, self.headers = method, parts.path, headers
        self.query = dict(parse_qsl(parts.query))
        self.body = body.encode() if isinstance(body, str) else body or b""


class Transport:
    """Stands where urllib3's pool manager would, and answers like the venue."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []

    def request(self, method: str, url: str, **options: Any) -> Any:
        fields = options.get("fields") or []
        query = "&".join(f"{name}={value}" for name, value in fields)
        self.sent.append(Sent(method, f"{url}?{query}" if query else url, options["headers"], options.get("body")))

        class Answer:
            status, reason, data = 200, "OK", b"null"

            def getheaders(self) -> dict[str, str]:
                return {}

            def getheader(self, name: str, default: str | None = None) -> str | None:
                return default

        return Answer()


def sdk_sends(ask: Callable[[Any, Any], Any], monkeypatch: pytest.MonkeyPatch) -> Sent:
    gate_api = pytest.importorskip("gate_api")
    client = gate_api.ApiClient(gate_api.Configuration(key=KEY, secret=SECRET))
    transport = client.rest_client.pool_manager = Transport()
    monkeypatch.setattr("gate_api.api_client.time.time", lambda: AT_S)
    ask(gate_api, gate_api.FuturesApi(client))
    return transport.sent[0]


CONTRACT = {
    "name": "BTC_USDT",
    "quanto_multiplier": "0.0001",
    "order_price_round": "0.1",
    "order_size_min": "1",
    "order_size_max": "1000000",
    "leverage_min": "1",
    "leverage_max": "125",
    "maker_fee_rate": "-0.0001",
    "taker_fee_rate": "0.0005",
    "mark_price": "30000",
    "order_price_deviate": "0.5",
    "create_time": 1600000000,
    "in_delisting": False,
}


async def ccxt_sends(ask: Callable[[Any], Awaitable[Any]]) -> Sent:
    ccxt = pytest.importorskip("ccxt.async_support")
    exchange = ccxt.gate({"apiKey": KEY, "secret": SECRET, "options": {"defaultType": "swap", "unifiedAccount": False}})
    exchange.set_markets([exchange.parse_contract_market(CONTRACT, "usdt")])
    exchange.milliseconds = lambda: AT_S * 1000
    sent: list[Sent] = []

    async def fetch(url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        sent.append(Sent(method, url, headers, body))
        return {} if method != "GET" else []

    exchange.fetch = fetch
    try:
        await ask(exchange)
    finally:
        await exchange.close()
    return sent[-1]


def body_of(words: bytes) -> Any:
    """As a value. Both witnesses may say `false` where we say nothing: it is the venue's default."""

    def told(value: Any) -> Any:
        if isinstance(value, list):
            return [told(each) for each in value]
        return {k: told(v) for k, v in value.items() if v is not False} if isinstance(value, dict) else value

    return told(json.loads(words)) if words else None


def assert_same(signed: Signed, request: Request, sent: Sent) -> None:
    parts = urlsplit(signed.path)
    assert request.method == sent.method
    assert f"/api/v4{parts.path}" == sent.path
    assert query_of(dict(parse_qsl(parts.query))) == query_of(sent.query)
    assert body_of(signed.body) == body_of(sent.body)
    signs = ("KEY", "Timestamp") if request.private else ()
    for header in (*signs, "X-Gate-Size-Decimal", "Accept"):
        assert signed.headers[header] == str(sent.headers[header])
    assert signed.headers.get("x-gate-exptime") == sent.headers.get("x-gate-exptime")
    if request.body:
        assert signed.headers["Content-Type"] == sent.headers["Content-Type"]
    if request.private:
        assert our_signature(sent) == sent.headers["SIGN"]
    else:
        assert "SIGN" not in signed.headers


def query_of(query: dict[str, str]) -> dict[str, str]:
    """The SDK writes Python's `True`, ccxt `true`; the venue takes either."""
    return {name: value.lower() if value in ("True", "False") else value for name, value in query.items()}


def our_signature(sent: Sent) -> str:
    """Ours over the very words and bytes that the witness sent, in its order."""
    theirs = Request(sent.method, sent.path.removeprefix("/api/v4"), tuple(sent.query.items()), sent.body)
    return VENUE.sign(theirs, CREDENTIALS, AT_S).headers["SIGN"]
