"""Bad input: every refusal is 4xx with a line per field; nothing is stored, and the process is unharmed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.api.running import ORDER, Api

PLACE = "/gate/place-futures-order"
CLOSE = "/gate/close-futures-order"
GOOD = {"userId": "bad-input", **ORDER}

WRONG_FIELDS: list[tuple[str, Any]] = [
    ("userId", "a b"), ("userId", "a/b"), ("userId", "u" * 4096), ("userId", ""), ("userId", 7), ("userId", "ü"),
    ("userId", "..\u0000"), ("market_type", "stop"), ("market_type", None), ("price", None), ("price", "-1"),
    ("price", 0), ("price", "NaN"), ("price", "Infinity"), ("price", "1e5"), ("price", "1." + "1" * 60),
    ("price", "9" * 60), ("price", [1]), ("price", True), ("price", {}), ("price", "0x10"), ("price", ""),
    ("price", "\u0661"), ("size", 0), ("size", -3), ("size", "abc"), ("size", "1" * 60), ("size", None),
    ("size", False), ("size", [1]), ("contract", "BTC USDT"), ("contract", "BTC_USDT/../x"), ("contract", 5),
    ("contract", ""), ("contract", "B" * 100), ("contract", "BTC_EUR"), ("leverage", 0), ("leverage", -1),
    ("leverage", 10_000), ("leverage", "ten"), ("leverage_type", "BOTH"), ("position_type", "up"),
    ("client_order_id", "with space"), ("client_order_id", "x" * 60), ("client_order_id", ""),
    ("time_in_force", "day"), ("reduce_only", "yes"), ("on_protection_failure", "pray"), ("take_profit", "high"),
    ("stop_loss", [1]),
]  # fmt: skip
NESTED: list[tuple[str, dict[str, Any]]] = [
    ("take_profit.price", {"take_profit": {"enabled": True}}),
    ("take_profit.price", {"take_profit": {"enabled": True, "price": "-5"}}),
    ("stop_loss.price_type", {"stop_loss": {"price": 1, "price_type": "bid"}}),
    ("stop_loss.enabled", {"stop_loss": {"enabled": "maybe", "price": 1}}),
    ("take_profit.prize", {"take_profit": {"price": 1, "prize": 2}}),
    ("extra", {"extra": 1}),
    ("on_protection_failure", {"on_protection_failure": ["retry"]}),
]
NOT_FINITE: list[tuple[str, str]] = [
    ("size", '"size":%s'),
    ("price", '"price":%s'),
    ("price", '"market_type":"market","price":%s'),
    ("userId", '"userId":%s'),
    ("leverage", '"leverage":%s'),
    ("reduce_only", '"reduce_only":%s'),
    ("market_type", '"market_type":%s'),
    ("take_profit", '"take_profit":%s'),
    ("odd", '"odd":%s'),
    ("take_profit.price", '"take_profit":{"price":%s}'),
    ("take_profit.price", '"take_profit":{"enabled":false,"price":%s}'),
    ("stop_loss.price_type", '"stop_loss":{"price":1,"price_type":%s}'),
    ("odd.1.in", '"odd":[1,{"in":%s}]'),
]
BROKEN: list[bytes] = [
    b"", b"{", b"[]", b"null", b'"text"', b"7", b"\xff\xfe{}", b'{"userId":}', b'{"size":NaN}', b'{"size":Infinity}',
    b'{"price":-Infinity}', b'{"size":1,"size":2}', b"[" * 60_000, b'{"a":' * 9_000, b'{"price":1' + b"0" * 5000 + b"}",
    b'{"price":1e400}', b'{"price":1e99999999999999999999}', b'{"size":1e-400}', b'{"userId":"\\ud800"}',
    b'{"\\ud800":1}', b"{'userId':1}", b"userId=1",
]  # fmt: skip


@pytest.fixture
async def proven(api: Api, user_id: str) -> Api:
    """A caller whose keys work, so that what is asked is looked at."""
    assert (await api.place(user_id)).status == 200
    return api


def checked(told: Any) -> Any:
    assert 400 <= told.status < 500, (told.status, told.body)
    error = told.error
    assert set(error) == {"code", "message", "retryable", "fields", "venue"}
    assert "Traceback" not in told.body.decode() and told.headers["Content-Type"].startswith("application/json")
    assert told.headers["X-Request-Id"]
    return error


async def test_each_wrong_field_is_named(proven: Api) -> None:
    for name, value in WRONG_FIELDS:
        told = await proven.ask("POST", PLACE, {**GOOD, name: value})
        checked(told)
        assert name in told.fields, (name, value, told.body)
        assert all(len(message) < 200 for message in told.fields.values())


async def test_nested_and_unknown_fields_are_named_with_their_place(proven: Api) -> None:
    for name, words in NESTED:
        told = await proven.ask("POST", PLACE, {**GOOD, **words})
        checked(told)
        assert name in told.fields, (words, told.body)


async def test_each_missing_field_is_named(proven: Api) -> None:
    for name in GOOD:
        told = await proven.ask("POST", PLACE, {key: value for key, value in GOOD.items() if key != name})
        checked(told)
        assert told.fields.get(name) == "is required", (name, told.body)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
async def test_what_is_no_number_is_named_with_its_place(proven: Api, word: str) -> None:
    """Python writes such words by itself; nowhere are they ignored, and nothing of the order is stored."""
    for name, part in NOT_FINITE:
        said = {key: value for key, value in GOOD.items() if f'"{key}":' not in part}
        told = await proven.ask("POST", PLACE, raw=(json.dumps(said)[:-1] + "," + part % word + "}").encode())
        checked(told)
        assert told.fields == {name: "must be a finite number"}, (part, told.body)
    assert await proven.gateway.store.users.get("bad-input") is None


async def test_broken_bodies_are_refused(proven: Api) -> None:
    for raw in BROKEN:
        told = await proven.ask("POST", PLACE, raw=raw)
        checked(told)
    assert (await proven.ask("GET", "/healthz")).status == 200


async def test_a_field_that_comes_twice_is_named(proven: Api) -> None:
    told = await proven.ask("POST", PLACE, raw=json.dumps(GOOD).encode()[:-1] + b',"price":"1"}')
    assert checked(told) and told.fields == {"price": "is given twice"}


async def test_nothing_of_it_is_stored(proven: Api) -> None:
    store = proven.gateway.store
    for raw in (*BROKEN[:6], json.dumps({**GOOD, "size": -1}).encode(), json.dumps({**GOOD, "price": "x"}).encode()):
        await proven.ask("POST", PLACE, raw=raw)
    assert await store.users.get("bad-input") is None
    assert [key async for key in store.redis.client.scan_iter("*:u:bad-input:*")] == []


async def test_large_bodies_are_refused_unread(proven: Api) -> None:
    told = await proven.ask("POST", PLACE, raw=b" " * (1 << 20))
    assert told.status == 413 and checked(told)["code"] == "body_too_large"

    async def endless() -> Any:
        for _ in range(64):
            yield b" " * 16384

    async with proven.client.post(proven.url + PLACE, data=endless(), headers=proven.keys) as answer:
        assert answer.status == 413
        assert (await answer.json())["error"]["code"] == "body_too_large"


async def test_who_asks_is_checked_before_what_is_asked(proven: Api) -> None:
    """A body that makes no sense is explained only to somebody whose keys work."""
    nobody = {"api-key": "0" * 32, "api-secret": "0" * 32}
    for headers in ({}, {"api-key": "only"}, nobody):
        for raw in (b"{", b"{}", json.dumps({**GOOD, "size": -1}).encode(), b" " * (1 << 17)):
            told = await proven.ask("POST", PLACE, raw=raw, headers=headers)
            assert told.status == 401, (headers, raw[:20], told.body)
        assert (await proven.ask("DELETE", "/gate/cancel-futures-order", headers=headers)).status == 401
        assert (await proven.ask("GET", "/gate/get-futures-order", headers=headers)).status == 401
        assert (await proven.ask("POST", "/gate/close-futures-order", raw=b"[", headers=headers)).status == 401
    for path in ("/api/v1/nothing", "/api/v1/sessions", "/gate/nothing", "/api/v1/workers"):
        assert (await proven.ask("GET", path, headers={})).status == 401, path
    assert (await proven.ask("GET", "/api/v1/nothing")).status == 404
    assert (await proven.ask("GET", "/nothing", headers={})).status == 404


async def test_queries_are_checked_like_bodies(proven: Api) -> None:
    for query, field in (
        ("", "trade_id"), ("trade_id=", "trade_id"), ("trade_id=a/b", "trade_id"), ("trade_id=" + "9" * 99, "trade_id"),
        ("trade_id=1&trade_id=2", "trade_id"), ("trade_id=1&what=2", "what"), ("trade_id=%00", "trade_id"),
    ):  # fmt: skip
        told = await proven.ask("GET", f"/gate/get-futures-order?{query}")
        checked(told)
        assert field in told.fields, (query, told.body)
    for query in ("trade_id=1&tp_id=%20", "tp_id=1"):
        checked(await proven.ask("DELETE", f"/gate/cancel-futures-order?{query}"))


async def test_idempotency_keys_are_short_and_printable(proven: Api) -> None:
    for key in ("", "k" * 65, "\u00e4"):
        told = await proven.ask("POST", PLACE, GOOD, headers={**proven.keys, "Idempotency-Key": key})
        checked(told)
        assert "Idempotency-Key" in told.fields


async def test_two_idempotency_keys_are_none(proven: Api, user_id: str) -> None:
    """Whoever took the other one would see another order."""
    headers = [*proven.keys.items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    bodies = ((PLACE, {**GOOD, "userId": user_id}), (CLOSE, {"contract": "BTC_USDT", "auto_size": "close_long"}))
    for path, body in bodies:
        async with proven.client.post(proven.url + path, json=body, headers=headers) as answer:
            assert answer.status == 400
            fields = (await answer.json())["error"]["fields"]
            assert fields == [{"field": "Idempotency-Key", "message": "is given twice"}]


async def test_other_methods_and_bad_market_names_are_refused(proven: Api) -> None:
    told = await proven.ask("PUT", "/healthz")
    assert told.status == 405 and checked(told)["code"] == "method_not_allowed"
    for path in ("ticker/..%2F..", "ticker/" + "x" * 200, "ticker/%F0%9F%92%A5", "ticker/BTC_USDT?venue=nasdaq",
                 "ticker/NOPE_USDT", "orderbook/BTC_USDT?limit=0", "orderbook/BTC_USDT?limit=x"):  # fmt: skip
        checked(await proven.ask("GET", f"/api/market/{path}", headers={}))


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\nHo st: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Odd: \x01\x02\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 20_000 + b"\r\n\r\n",
        b"POST /gate/place-futures-order HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /gate/place-futures-order HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    ],
)
async def test_what_is_not_http_is_refused_in_our_shape(api: Api, raw: bytes) -> None:
    """No page of the library's, no stack trace, and the next caller is served."""
    host, _, port = api.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(raw)
    said = await asyncio.wait_for(reader.read(65536), 5)
    writer.close()

    head, _, body = said.partition(b"\r\n\r\n")
    assert head.split(b" ")[1].startswith(b"4"), said
    assert json.loads(body)["error"]["code"] == "bad_request"
    assert (await api.ask("GET", "/healthz")).status == 200


async def test_odd_bytes_in_the_key_headers_are_nobody(api: Api) -> None:
    host, _, port = api.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"GET /gate/get-futures-order?trade_id=1 HTTP/1.1\r\nHost: x\r\n"
        b"api-key: \xff\xfe\x80\r\napi-secret: \xc3\xa4\r\nConnection: close\r\n\r\n"
    )
    said = await asyncio.wait_for(reader.read(65536), 5)
    writer.close()
    assert b" 401 " in said.splitlines()[0]


async def test_a_sane_request_id_comes_back_and_an_odd_one_does_not(api: Api) -> None:
    told = await api.ask("GET", "/healthz", headers={"X-Request-Id": "trace-7.a_b"})
    assert told.headers["X-Request-Id"] == "trace-7.a_b"
    told = await api.ask("GET", "/healthz", headers={"X-Request-Id": "odd one <script>"})
    assert told.headers["X-Request-Id"] != "odd one <script>"
