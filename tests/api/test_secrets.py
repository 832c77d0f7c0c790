"""Secrets: in no answer, no log line, no metric, and in Redis only sealed."""

from __future__ import annotations

import logging

import pytest

from shared import logs
from tests.api.running import Api, RedisProcess


async def everything_in(redis: RedisProcess, api: Api) -> bytes:
    """Every key and value of this Redis, whatever its type."""
    client, said = api.gateway.store.redis.client, []
    async for key in client.scan_iter("*"):
        said.append(key)
        said.append(await client.dump(key) or b"")
        kind = await client.type(key)
        if kind == b"string":
            said.append(await client.get(key) or b"")
        elif kind == b"hash":
            said += [part for pair in (await client.hgetall(key)).items() for part in pair]
        elif kind == b"stream":
            said += [repr(row).encode() for row in await client.xrange(key) or ()]
    return b"\n".join(said)


async def test_a_secret_is_told_to_nobody(
    api: Api, user_id: str, api_redis: RedisProcess, caplog: pytest.LogCaptureFixture
) -> None:
    """Through every route that takes it, well and badly used."""
    caplog.set_level(logging.DEBUG)
    secret, key = api.keys["api-secret"], api.keys["api-key"]
    placed = await api.place(user_id, key="k", take_profit={"price": 120000})
    ticket = placed.data["stream"]["ticket"]
    order_id = placed.data["order"]["id"]
    answers = [
        placed,
        await api.place(user_id, size="bad"),
        await api.place(user_id, contract="NOPE_USDT"),
        await api.holding({**api.keys, "api-secret": secret[::-1]}).place(user_id),
        await api.ask("POST", "/gate/place-futures-order", raw=f'{{"api-secret":"{secret}"'.encode()),
        await api.ask("GET", f"/gate/get-futures-order?trade_id={order_id}"),
        await api.ask("DELETE", f"/gate/cancel-futures-order?trade_id={order_id}"),
        await api.ask("POST", "/gate/close-futures-order", {"contract": "BTC_USDT", "auto_size": "close_long"}),
        await api.ask("GET", "/api/v1/sessions"),
        await api.ask("GET", "/metrics"),
        await api.ask("GET", "/nothing"),
    ]
    stored = await everything_in(api_redis, api)
    logged = "\n".join(logs.TextFormatter().format(record) for record in caplog.records)

    assert user_id.encode() in stored
    for hidden in (secret, secret[::-1]):
        assert all(hidden not in answer.body.decode() for answer in answers)
        assert hidden.encode() not in stored and hidden not in logged
    assert key.encode() not in stored and key not in logged
    assert ticket.encode() not in stored and ticket not in logged
    assert user_id not in (await api.ask("GET", "/metrics")).body.decode()
    known = {"gateway": api.gateway, "auth": vars(api.gateway.auth), "desk": vars(api.gateway.desk)}
    assert secret not in repr(known)
