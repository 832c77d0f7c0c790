"""`orderwire audit` and `orderwire users`: what an operator reads, checks, exports and decides."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.settings import Settings
from shared.store import Store
from tests.api.member import Member, a_member, bearing, log_in
from tests.api.running import Api, running_api
from tests.deploy.running import free_house, run


@pytest.fixture
def env(redis_url: str, tmp_path: Path) -> dict[str, str]:
    return free_house(tmp_path / "var") | {"REDIS_URL": redis_url}


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[Store]:
    store = Store(Settings.from_env({"REDIS_URL": redis_url}))
    yield store
    await store.close()


async def orderwire(*words: str, env: dict[str, str]) -> tuple[int, str]:
    done = await asyncio.to_thread(run, "orderwire", *words, **env)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr


async def fill(store: Store) -> None:
    for number in range(5):
        await store.audit.append("tested", {"user": f"user-{number % 2}", "number": number, "from": "203.0.113.1"})


async def test_the_log_is_read_as_a_table_and_as_json(store: Store, env: dict[str, str]) -> None:
    await fill(store)
    status, said = await orderwire("audit", "--last", "2", env=env)
    assert status == 0 and said.count("tested") == 2 and "user=user-1 from=203.0.113.1 number=3" in said
    status, said = await orderwire("audit", "--user", "user-0", "--json", env=env)
    assert [json.loads(line)["number"] for line in said.splitlines()] == [0, 2, 4]
    assert "Nothing" in (await orderwire("audit", "--what", "order.", env=env))[1]


async def test_an_export_is_checked_without_redis(store: Store, env: dict[str, str], tmp_path: Path) -> None:
    """By anybody who has the file: it holds the entries' own bytes."""
    await fill(store)
    file = tmp_path / "log.jsonl"
    assert (await orderwire("audit", "export", str(file), env=env))[0] == 0
    assert file.stat().st_mode & 0o777 == 0o600
    away = env | {"REDIS_URL": "redis://127.0.0.1:1/0"}
    status, said = await orderwire("audit", "verify", str(file), env=away)
    assert status == 0 and "5 entries" in said
    newest = json.loads(file.read_text().splitlines()[-1])["hash"]
    assert newest in said
    assert (await orderwire("audit", "verify", str(file), "--seen", newest, env=away))[0] == 0
    assert (await orderwire("audit", "verify", str(file), "--seen", "0" * 64, env=away))[0] == 1
    assert (await orderwire("audit", "export", str(file), env=env))[0] == 1, "an export that is there stays"

    lines = file.read_bytes().splitlines(keepends=True)
    for changed in (
        lines[:2] + lines[3:],
        [*lines[:2], lines[2].replace(b'"number":2', b'"number":9'), *lines[3:]],
        [*lines[:2], b"{}\n"],
        [lines[1], lines[0]],
    ):
        file.write_bytes(b"".join(changed))
        status, said = await orderwire("audit", "verify", str(file), env=away)
        assert status == 1 and "broken at" in said, changed


async def test_the_log_itself_is_checked(store: Store, env: dict[str, str]) -> None:
    await fill(store)
    seen = (await store.audit.head()).hash
    assert (await orderwire("audit", "verify", "--seen", seen, env=env))[0] == 0
    (entry, *_) = await store.audit.last(3)
    await store.redis("XDEL", "ow:{audit}:log", entry.id)
    status, said = await orderwire("audit", "verify", env=env)
    assert status == 1 and "broken at" in said and "2 entries" in said


async def test_a_redis_that_is_away_is_said(env: dict[str, str]) -> None:
    status, said = await orderwire("audit", env=env | {"REDIS_URL": "redis://127.0.0.1:1/0"})
    assert status == 1 and "Redis" in said and len(said.splitlines()) <= 3


# Users.


@pytest.fixture
async def api(redis_url: str) -> AsyncIterator[Api]:
    async with running_api(redis_url, PAPER_PORT="1") as api:
        yield api


async def workers(member: Member) -> int:
    return (await member.ask("GET", "/api/v1/workers")).status


async def test_an_administrator_is_made_and_unmade(api: Api, store: Store, env: dict[str, str]) -> None:
    """Who is none any more has lost it within a second of the command, keys included."""
    member = await a_member(api, "Alice")
    assert await workers(member) == 403
    status, said = await orderwire("users", "admin", "alice", env=env)
    assert status == 0 and "Alice is an administrator" in said
    member.tokens = (await log_in(api, "alice")).json
    assert await workers(member) == 200 and (await member.me())["admin"]
    admins, plain = await member.key("admin"), await member.key("orders:read")
    assert "admin" in (await orderwire("users", env=env))[1]

    status, said = await orderwire("users", "admin", "alice", "--off", env=env)
    assert status == 0 and "1 key for administrators revoked" in said
    assert await workers(member) == 401
    assert (await api.ask("GET", "/api/v1/workers", headers=bearing(admins["key"]))).status == 401
    assert (await api.ask("GET", "/api/auth/me", headers=bearing(plain["key"]))).status == 200
    member.tokens = (await log_in(api, "alice")).json
    assert await workers(member) == 403
    said_of_it = [json.loads(entry.said) async for entry in store.audit.entries()]
    decided = [entry for entry in said_of_it if entry["what"] == "user.admin"]
    assert [(entry["admin"], entry["by"], entry["name"]) for entry in decided] == [
        (True, "operator", "Alice"), (False, "operator", "Alice"),
    ]  # fmt: skip


async def test_all_logins_of_somebody_are_ended(api: Api, env: dict[str, str]) -> None:
    """And of nobody else, streams included."""
    alice, bob = await a_member(api, "alice-2"), await a_member(api, "bob-2")
    other = (await log_in(api, "alice-2")).json
    async with api.client.get(f"{api.url}/sse/orders/{alice.user_id}", headers=alice.headers) as stream:
        await stream.content.readline()
        status, said = await orderwire("users", "logout", "alice-2", env=env)
        assert status == 0 and "2 logins" in said
        async with asyncio.timeout(1):
            await stream.content.read()
    for token in (alice.tokens["access_token"], other["access_token"]):
        assert (await api.ask("GET", "/api/auth/me", headers=bearing(token))).status == 401
    assert (await bob.ask("GET", "/api/auth/me")).status == 200


@pytest.mark.parametrize("words", [("admin", "nobody"), ("logout", "nobody"), ("admin",), ("logout",)])
async def test_whom_nobody_knows_is_refused(env: dict[str, str], words: tuple[str, ...]) -> None:
    status, said = await orderwire("users", *words, env=env)
    assert status == 1 and len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "says"), [(("keys", "turn"), "turn"), (("audti",), "audit"), (("users", "make"), "make")]
)
async def test_a_misspelt_word_is_named(env: dict[str, str], words: tuple[str, ...], says: str) -> None:
    status, said = await orderwire(*words, env=env)
    assert status == 2 and says in said


async def test_workers_that_are_scaled_are_written_down(store: Store, env: dict[str, str], tmp_path: Path) -> None:
    """By whoever scaled them; a command that could not be carried out was asked for all the same."""
    said = env | {"STATE_DIR": str(tmp_path / "var")}
    await asyncio.to_thread(run, "supervisorctl", "-c", "supervisord.conf", "scale", "worker", "3", **said)
    entry = json.loads((await store.audit.last(1))[0].said)
    assert (entry["what"], entry["words"], entry["by"]) == ("workers.scale", "worker 3", "operator")
    assert entry["who"] and entry["host"] == os.uname().nodename
