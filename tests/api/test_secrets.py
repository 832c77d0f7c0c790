"""Secrets: in no answer, no log line, no metric, and in Redis only sealed."""

from __future__ import annotations

import logging

import pytest

from api.gateway_keys import HOUSE_SECRET
from shared import logs
from tests.api.running import JWT_SECRET, MASTER_KEY, ORDER, Api, RedisProcess, Told, until


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
        elif kind == b"zset":
            said += await client.zrange(key, 0, -1)
        elif kind == b"list":
            said += await client.lrange(key, 0, -1)
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


def files_of(redis: RedisProcess) -> bytes:
    """What this Redis has put on disk."""
    return b"\n".join(file.read_bytes() for file in redis.folder.rglob("*") if file.is_file())


async def test_nothing_that_opens_anything_is_found_anywhere(
    api: Api, user_id: str, api_redis: RedisProcess, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody registers, logs in, fails to, makes keys, trades in every way, asks badly, and logs out. Each secret is
    told once, to whom it is for; it is in no other answer, log, metric, Redis, file, audit log or error."""
    caplog.set_level(logging.DEBUG)
    heard: list[tuple[Told, str]] = []
    """Each answer, and the secrets in it that it is there to tell."""

    async def ask(method: str, path: str, body: object = None, tells: str = "", **more: str) -> Told:
        told = await api.ask(method, path, body, headers=more)
        heard.append((told, tells))
        return told

    password, wrong_password = f"the password of {user_id}", f"a wrong password of {user_id}"
    named = {"username": user_id, "password": password}
    registered = await ask("POST", "/api/auth/register", named, tells="access_token refresh_token")
    login = await ask("POST", "/api/auth/login", named, tells="access_token refresh_token")
    await ask("POST", "/api/auth/login", named | {"password": wrong_password})
    await ask("POST", "/api/auth/register", named)
    await ask("POST", "/api/auth/register", {"username": "x" * 70, "password": wrong_password})
    await ask("POST", "/api/auth/login", {"username": user_id, "password": password, "more": wrong_password})
    stale = login.json["refresh_token"]
    fresh = await ask("POST", "/api/auth/refresh", {"refresh_token": stale}, tells="access_token refresh_token")
    await ask("POST", "/api/auth/refresh", {"refresh_token": fresh.json["access_token"]})
    token = registered.json["access_token"]
    mine = {"Authorization": f"Bearer {token}"}
    member = registered.json["id"]
    scopes = ["orders:write", "orders:read", "stream:read"]
    key = await ask("POST", "/api/auth/keys", {"scopes": scopes, "label": "bot"}, tells="key", **mine)
    bot = {"Authorization": f"Bearer {key.json['key']}"}

    async def is_ready() -> bool:
        return bool((await ask("GET", "/api/auth/me", **mine)).json["paper_account"]["state"] == "ready")

    await until(is_ready, "the paper account is made")
    order = {"symbol": "BTC_USDT", "side": "buy", "type": "limit", "quantity": 1, "price": "60000"}
    await ask("POST", "/api/trading/orders", order, **bot)
    await ask("POST", "/api/trading/orders", order | {"quantity": 10**9}, **bot)
    await ask("POST", "/api/trading/orders", order | {"symbol": key.json["key"]}, **bot)
    ticket = await ask("POST", "/api/auth/ticket", tells="ticket", **bot)
    venue_order = {"userId": member, **ORDER}
    await ask("POST", "/gate/place-futures-order", venue_order, tells="ticket", **api.keys, **mine)
    backwards = {**api.keys, "api-secret": api.keys["api-secret"][::-1]}
    await ask("POST", "/gate/place-futures-order", venue_order, **backwards, **mine)
    await ask("POST", "/gate/place-futures-order", venue_order, **api.keys)
    for path in ("/api/auth/me", "/api/auth/keys", "/api/v1/sessions", "/api/v1/events", "/api/v1/workers", "/metrics"):
        await ask("GET", path, **mine)
    for bad in (key.json["key"][:-1] + "!", token[:-4] + "AAAA", stale):
        await ask("GET", "/api/auth/me", Authorization=f"Bearer {bad}")
    await ask("GET", f"/sse/orders/{member}?ticket={ticket.json['ticket']}x")
    async with api.client.get(f"{api.url}/sse/orders/{member}?ticket={ticket.json['ticket']}") as stream:
        cookie = stream.headers["Set-Cookie"].partition(";")[0].partition("=")[2]
        first = await stream.content.readany()
    await ask("DELETE", f"/api/auth/keys/{key.json['id']}", **mine)
    await ask("POST", "/api/auth/logout", **mine)

    vault, store = api.gateway.vault, api.gateway.store
    accounts = await store.accounts.of_user(member)
    opened = [vault.open(one.sealed, member, one.venue, one.account_id) for one in accounts]
    house = vault.open_bytes(str(await store.sealed.house_secret()), HOUSE_SECRET)
    secrets = {
        "password": password, "wrong password": wrong_password, "cookie": cookie,
        "venue key": api.keys["api-key"], "venue secret": api.keys["api-secret"],
        "venue secret, wrong": backwards["api-secret"],
        "access_token": token, "access_token 2": login.json["access_token"],
        "access_token 3": fresh.json["access_token"],
        "refresh_token": registered.json["refresh_token"], "refresh_token 2": stale,
        "refresh_token 3": fresh.json["refresh_token"], "key": key.json["key"],
        "key's random part": key.json["key"].rpartition("_")[2], "ticket": ticket.json["ticket"],
        "master key": MASTER_KEY.partition(":")[2], "master key's bytes": "ABC" * 10 + "AB", "JWT secret": JWT_SECRET,
        "house secret": house.hex(),
    }  # fmt: skip
    assert len(opened) == 2
    secrets |= {f"secret of account {n}": one.api_secret for n, one in enumerate(opened)}
    secrets |= {f"key of account {n}": one.api_key for n, one in enumerate(opened)}

    async def is_written() -> bool:
        return len(store.audit) == 0

    await until(is_written, "the audit log is written")
    logged = "\n".join(logs.TextFormatter().format(record) for record in caplog.records)
    audit = b"\n".join([entry.said async for entry in store.audit.entries()])
    metrics = (await api.ask("GET", "/metrics", headers={})).body
    places = {
        "the logs": logged.encode(), "the metrics": metrics, "Redis": await everything_in(api_redis, api),
        "Redis' files": files_of(api_redis), "the audit log": audit, "the stream": first,
        "what objects say of themselves": repr([api.gateway, vars(api.gateway.auth), vars(api.gateway.users)]).encode(),
    }  # fmt: skip
    assert member.encode() in places["Redis"] and member.encode() in places["Redis' files"] and member.encode() in audit
    for name, secret in secrets.items():
        for where, said in places.items():
            assert secret.encode() not in said, f"{name} is in {where}"
        for told, tells in heard:
            if secret in told.body.decode():
                assert name.split(" ")[0].partition("'")[0] in tells.split(), f"{name}: {told.body!r}"
    assert house not in places["Redis"] and house not in places["Redis' files"]
