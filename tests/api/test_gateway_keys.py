"""Gateway keys: shown once, kept as a digest, bound to what they may do, and gone at once when they are revoked."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import msgspec
import pytest

from shared.store import keys as names
from shared.store.gateway_keys import GatewayKey
from tests.api.member import Member, a_member, bearing
from tests.api.running import Api, RedisProcess, Told, running_api, until
from tests.api.trader import LIMIT, ORDERS

KEYS = "/api/auth/keys"


@pytest.fixture
async def member(api: Api) -> Member:
    member = await a_member(api)
    await member.ready()
    return member


async def me(api: Api, key: str, **headers: str) -> Told:
    return await api.ask("GET", "/api/auth/me", headers=bearing(key) | headers)


async def test_a_bot_trades_with_its_key(api: Api, member: Member) -> None:
    made = await member.key("orders:write", "orders:read", label="the bot")
    bot = bearing(made["key"])
    placed = await api.ask("POST", ORDERS, LIMIT, headers=bot)
    assert placed.status == 200 and placed.json["order"]["user_id"] == member.user_id
    order_id = placed.json["order"]["id"]
    assert (await api.ask("GET", f"{ORDERS}/{order_id}", headers=bot)).status == 200
    assert (await api.ask("DELETE", f"{ORDERS}/{order_id}", headers=bot)).status == 200
    assert (await api.ask("GET", f"/sse/orders/{member.user_id}", headers=bot)).status == 403
    assert (await api.ask("GET", KEYS, headers=bot)).status == 403


async def test_a_key_is_shown_once_and_listed_without_its_secret(api: Api, member: Member) -> None:
    made = await member.key("orders:read", label="reader", ips=["127.0.0.1", "203.0.113.0/24"])
    listed = await member.ask("GET", KEYS)
    (row,) = listed.json["keys"]
    assert row == {name: value for name, value in made.items() if name != "key"}
    assert row["ips"] == ["127.0.0.1/32", "203.0.113.0/24"] and row["last_used"] is None
    secret = made["key"].rpartition("_")[2]
    assert secret not in listed.body.decode()
    said = await api.gateway.store.redis("GET", names.gateway_key(made["id"]))
    assert secret.encode() not in said and msgspec.json.decode(said)["digest"]


async def test_when_and_where_it_was_used_last_is_told(api: Api, member: Member) -> None:
    made = await member.key("orders:read")
    assert (await me(api, made["key"])).status == 200

    async def last_used() -> dict[str, object] | None:
        (row,) = (await member.ask("GET", KEYS)).json["keys"]
        used: dict[str, object] | None = row["last_used"]
        return used

    used = await until(last_used, "the use is told")
    assert used["address"] == "127.0.0.1" and used["at_ms"] >= made["created_at_ms"]


async def test_a_key_works_only_from_its_addresses(api_redis: RedisProcess) -> None:
    async with running_api(api_redis.url, TRUSTED_PROXIES="127.0.0.1") as api:
        member = await a_member(api)
        made = await member.key("orders:read", ips=["203.0.113.0/24", "2001:db8::/32"])
        for address, status in (("203.0.113.9", 200), ("2001:db8::7", 200), ("198.51.100.1", 403), ("127.0.0.1", 403)):
            told = await me(api, made["key"], **{"X-Forwarded-For": address})
            assert told.status == status, (address, told.body)
        assert (await me(api, made["key"])).status == 403


async def test_who_may_not_be_believed_cannot_say_where_they_come_from(api: Api, member: Member) -> None:
    made = await member.key("orders:read", ips=["203.0.113.0/24"])
    assert (await me(api, made["key"], **{"X-Forwarded-For": "203.0.113.9"})).status == 403


async def test_an_expired_key_opens_nothing(api: Api, member: Member) -> None:
    made = await member.key("orders:read", expires_in_s=1)
    assert (await me(api, made["key"])).status == 200

    async def is_over() -> bool:
        return (await me(api, made["key"])).status == 401

    await until(is_over, "the key expires")


@pytest.mark.parametrize(
    "change",
    [
        {"scopes": ("orders:read", "orders:write")},
        {"scopes": ("orders:read", "admin")},
        {"user_id": "somebody-else"},
        {"ips": ("127.0.0.0/8",)},
        {"expires_at_ms": None},
        {"digest": "0" * 64},
    ],
)
async def test_a_record_that_was_changed_in_redis_opens_nothing(
    api: Api, member: Member, change: dict[str, object]
) -> None:
    """Who can write to Redis can neither widen a key nor give it to somebody else."""
    made = await member.key("orders:read", ips=["127.0.0.1"], expires_in_s=600)
    assert (await me(api, made["key"])).status == 200
    name = names.gateway_key(made["id"])
    record = msgspec.json.decode(await api.gateway.store.redis("GET", name), type=GatewayKey)
    changed = msgspec.structs.replace(record, **change)
    await api.gateway.store.redis("SET", name, msgspec.json.encode(changed))

    async def is_refused() -> bool:
        return (await me(api, made["key"])).status == 401

    await until(is_refused, "the changed record is seen", 2)


async def test_only_administrators_make_keys_for_administrators(api: Api, member: Member) -> None:
    told = await member.ask("POST", KEYS, {"scopes": ["admin"]})
    assert told.status == 422 and list(told.fields) == ["scopes"]
    login = await api.gateway.store.logins.get(member.name)
    assert login is not None
    await api.gateway.store.logins.replace(login, msgspec.structs.replace(login, is_admin=True))
    said = {"refresh_token": member.tokens["refresh_token"]}
    member.tokens = (await api.ask("POST", "/api/auth/refresh", said, headers={})).json
    made = await member.key("admin")
    assert (await api.ask("GET", "/api/v1/workers", headers=bearing(made["key"]))).status == 200
    assert (await api.ask("GET", ORDERS, headers=bearing(made["key"]))).status == 403


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "scopes"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["orders:write", "everything"]}, "scopes"),
        ({"scopes": "orders:read"}, "scopes"),
        ({"scopes": ["orders:read"], "ips": ["here"]}, "ips"),
        ({"scopes": ["orders:read"], "ips": [0]}, "ips"),
        ({"scopes": ["orders:read"], "ips": ["10.0.0.1/8"]}, "ips"),
        ({"scopes": ["orders:read"], "expires_in_s": 0}, "expires_in_s"),
        ({"scopes": ["orders:read"], "label": "x" * 65}, "label"),
        ({"scopes": ["orders:read"], "user_id": "alice"}, "user_id"),
    ],
)
async def test_what_is_wrong_with_a_key_is_told_by_field(member: Member, said: dict[str, object], field: str) -> None:
    told = await member.ask("POST", KEYS, said)
    assert told.status == 422 and list(told.fields) == [field], told.body


async def test_a_revoked_key_ends_its_streams_within_a_second(
    api: Api, api_redis: RedisProcess, member: Member
) -> None:
    """In every process; also a stream that was opened with a ticket got by the key, and its cookie."""
    made, other = await member.key("stream:read"), await member.key("stream:read")
    path = f"/sse/orders/{member.user_id}"
    ticket = (await api.ask("POST", "/api/auth/ticket", headers=bearing(made["key"]))).json["ticket"]
    spare = (await api.ask("POST", "/api/auth/ticket", headers=bearing(made["key"]))).json["ticket"]
    async with (
        running_api(api_redis.url) as second,
        second.client.get(second.url + path, headers=bearing(made["key"])) as stream,
        second.client.get(f"{second.url}{path}?ticket={ticket}") as by_ticket,
        second.client.get(second.url + path, headers=bearing(other["key"])) as others,
    ):
        for opened in (stream, by_ticket, others):
            assert opened.status == 200
            await opened.content.readline()
        cookie = {"Cookie": by_ticket.headers["Set-Cookie"].partition(";")[0]}

        assert (await member.ask("DELETE", f"{KEYS}/{made['id']}")).status == 200
        async with asyncio.timeout(1):
            await stream.content.read()
            await by_ticket.content.read()
            while (await second.ask("GET", path, headers=cookie)).status != 401:
                await asyncio.sleep(0.02)
        assert not others.content.at_eof()
        assert (await second.ask("GET", f"{path}?ticket={spare}", headers={})).status in (401, 404)
        for process in (api, second):
            assert (await me(process, made["key"])).status == 401
    assert (await member.ask("DELETE", f"{KEYS}/{made['id']}")).status == 404
    assert [row["id"] for row in (await member.ask("GET", KEYS)).json["keys"]] == [other["id"]]


async def test_a_revoked_key_stays_revoked_when_redis_loses_its_last_second(
    fragile_redis: RedisProcess, tmp_path: Path
) -> None:
    """The file is as it was before; the process that revoked says it again, and another one believes it at once."""
    async with running_api(fragile_redis.url) as api, running_api(fragile_redis.url) as second:
        member = await a_member(api)
        made = await member.key("orders:read")
        for process in (api, second):
            assert (await me(process, made["key"])).status == 200
        before = tmp_path.with_name(tmp_path.name + "-before")
        await until(lambda: is_on_disk(fragile_redis.folder, made["id"]), "the key is on disk")
        shutil.copytree(fragile_redis.folder, before)

        assert (await member.ask("DELETE", f"{KEYS}/{made['id']}")).status == 200
        fragile_redis.stop()
        shutil.rmtree(fragile_redis.folder)
        shutil.copytree(before, fragile_redis.folder)
        fragile_redis.start()

        async def is_gone() -> bool:
            redis = api.gateway.store.redis
            try:
                assert (await me(api, made["key"])).status != 200
                return await redis("GET", names.gateway_key(made["id"])) is None
            except OSError:
                return False

        await until(is_gone, "it was revoked again", 5)

        async def refused() -> bool:
            return (await me(second, made["key"])).status == 401

        await until(refused, "the other process refuses it", 1)
        assert (await member.ask("GET", KEYS)).json["keys"] == []


async def is_on_disk(folder: Path, words: str) -> bool:
    return await asyncio.to_thread(_is_in_files, folder, words.encode())


def _is_in_files(folder: Path, words: bytes) -> bool:
    return any(words in file.read_bytes() for file in folder.rglob("*.aof") if file.is_file())


async def test_streams_go_on_while_redis_is_away(fragile_redis: RedisProcess) -> None:
    """Nobody knows then what was revoked; only a definite answer ends a stream."""
    async with running_api(fragile_redis.url) as api:
        member = await a_member(api)
        made = await member.key("stream:read")
        path = f"{api.url}/sse/orders/{member.user_id}"
        async with api.client.get(path, headers=bearing(made["key"])) as stream:
            await stream.content.readline()
            fragile_redis.stop()

            async def is_away() -> bool:
                return (await me(api, made["key"])).status == 503

            await until(is_away, "it is noticed that Redis is away", 5)
            fragile_redis.start()

            async def is_back() -> bool:
                return (await me(api, made["key"])).status == 200

            await until(is_back, "Redis is back", 10)
            assert not stream.content.at_eof()
