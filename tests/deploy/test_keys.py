"""`orderwire keys`: everything sealed anew while orders flow, taken up again after a kill, and the old key dropped."""

from __future__ import annotations

import asyncio
import base64
import random
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from deploy import terminal
from deploy.keys import rotate
from shared.model import Credentials
from shared.settings import Settings
from shared.store import Store
from shared.store.accounts import Account
from shared.vault import CannotOpen, Vault
from tests.api.member import a_member, bearing
from tests.api.running import JWT_SECRET, Api, running_api, running_stub
from tests.deploy.running import BIN, ROOT, clean_env, free_house, run

COUNT = 10_000
K1, K2 = bytes(range(32)), bytes(range(32, 64))
RING = ",".join(f"{name}:{base64.b64encode(key).decode()}" for name, key in (("k2", K2), ("k1", K1)))
OLD, NEW = Vault({"k1": K1}), Vault({"k2": K2})


def credentials_of(number: int) -> Credentials:
    return Credentials(f"key-{number}", f"secret-{number}", None)


def an_account(number: int, vault: Vault = OLD) -> Account:
    user_id, account_id = f"user-{number}", f"gate-{number}"
    return Account(
        account_id=account_id,
        user_id=user_id,
        venue="gate",
        environment="paper",
        label="first",
        sealed=vault.seal(credentials_of(number), user_id, "gate", account_id),
        created_at_ms=1,
    )


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[Store]:
    store = Store(Settings.from_env({"REDIS_URL": redis_url}))
    yield store
    await store.close()


async def fill(store: Store, count: int) -> None:
    await asyncio.gather(*(store.accounts.put(an_account(number)) for number in range(count)))


def environment(redis_url: str, folder: Path) -> dict[str, str]:
    return free_house(folder / "var") | {"REDIS_URL": redis_url, "MASTER_KEYS": RING}


async def test_ten_thousand_are_sealed_anew_while_orders_flow(
    store: Store, redis_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed in the middle and run again. No order fails, nobody's change is lost, and then the old key can go."""
    await fill(store, COUNT)
    env = environment(redis_url, tmp_path)
    async with (
        running_stub() as venue,
        running_api(redis_url, GATE_REST_URL=venue.url, MASTER_KEYS=RING.rpartition(",")[2]) as old_api,
        running_api(redis_url, GATE_REST_URL=venue.url, MASTER_KEYS=RING) as api,
    ):
        trader = old_api.holding({"api-key": "the-traders-key", "api-secret": "the-traders-secret"})
        assert (await trader.place("trader")).status == 200  # sealed by the old key
        done = asyncio.Event()
        trading = asyncio.create_task(keep_trading(api.holding(trader.keys), done))
        changing = asyncio.create_task(keep_changing(store, done))

        broken_off = await asyncio.to_thread(rotate_and_kill, env)
        assert 0.1 * COUNT < broken_off < 0.9 * COUNT
        begun_s = time.monotonic()
        second = await asyncio.to_thread(run, "orderwire", "keys", "rotate", **env)
        took_s = time.monotonic() - begun_s
        done.set()
        orders, changes = await asyncio.gather(trading, changing)
    assert second.returncode == 0, second.stderr + second.stdout
    assert "nothing is left of k1: drop it" in second.stdout
    assert orders > 20 and len(changes) > 20
    with capsys.disabled():
        print(
            f"\n  {COUNT:,} credentials: killed after {broken_off:,}; the rest in {took_s:.1f} s"
            f" beside {orders:,} orders and {len(changes):,} changes"
        )

    for number in range(COUNT):
        account = await store.accounts.get(f"user-{number}", f"gate-{number}")
        assert account is not None and account.label == changes.get(number, "first")
        assert NEW.open(account.sealed, account.user_id, "gate", account.account_id) == credentials_of(number)
    assert account is not None
    with pytest.raises(CannotOpen, match="k2"):
        OLD.open(account.sealed, account.user_id, "gate", account.account_id)


def rotate_and_kill(env: dict[str, str]) -> int:
    """How many it had looked at when it was killed."""
    process = subprocess.Popen(
        [str(BIN / "orderwire"), "keys", "rotate"], cwd=ROOT, env=clean_env(**env), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        looked_at = int(line.split(" of ")[0].split()[-1].replace(",", ""))
        if looked_at >= 0.3 * COUNT:
            break
    process.send_signal(signal.SIGKILL)
    process.stdout.close()
    process.wait()
    return looked_at


async def keep_trading(trader: Api, done: asyncio.Event) -> int:
    """By venue keys and by token in turns: the second opens the sealed record at every order."""
    token = trader.gateway.auth.token("trader", 600)
    order = {"symbol": "BTC_USDT", "side": "buy", "type": "limit", "quantity": 1, "price": "60000"}
    count = 0
    while not done.is_set():
        for told in (
            await trader.place("trader"),
            await trader.ask("POST", "/api/trading/orders", order, headers=bearing(token)),
        ):
            assert told.status == 200, told.body
            count += 1
        await asyncio.sleep(0.01)
    return count


async def keep_changing(store: Store, done: asyncio.Event) -> dict[int, str]:
    """Accounts that somebody else writes meanwhile, with what they read a moment ago."""
    changed: dict[int, str] = {}
    while not done.is_set():
        number = random.randrange(COUNT)
        account = await store.accounts.get(f"user-{number}", f"gate-{number}")
        assert account is not None
        await asyncio.sleep(0.001)
        changed[number] = f"changed {len(changed)}"
        await store.accounts.put(msgspec.structs.replace(account, label=changed[number]))
    return changed


async def test_a_change_made_between_reading_and_writing_is_not_lost(store: Store) -> None:
    """The record is read again, and then sealed anew as it is."""
    await fill(store, 5)
    replace = store.sealed.replace
    changed: list[str] = []

    async def replace_late(changes):  # type: ignore[no-untyped-def]  # in the place of one that has types
        for spot, _ in changes if not changed else ():
            account = msgspec.json.decode(spot.value, type=Account)
            changed.append(account.user_id)
            await store.accounts.put(msgspec.structs.replace(account, label="meanwhile"))
        return await replace(changes)

    store.sealed.replace = replace_late  # type: ignore[method-assign]
    tally = await rotate(store, Vault({"k2": K2, "k1": K1}), terminal.Progress())
    assert tally.sealed == 5 and len(changed) == 5
    for number in range(5):
        account = await store.accounts.get(f"user-{number}", f"gate-{number}")
        assert account is not None and account.label == "meanwhile" and NEW.is_current(account.sealed)


async def test_what_else_stands_in_a_record_stays_as_it_is(store: Store) -> None:
    """Also what a newer version wrote there."""
    account = an_account(1)
    said = msgspec.to_builtins(account) | {"permissions": ["trade"], "checked": {"at_ms": 12345678901234567890}}
    key = store.accounts._key(account.user_id)
    await store.redis("HSET", key, account.account_id, msgspec.json.encode(said))
    await rotate(store, Vault({"k2": K2, "k1": K1}), terminal.Progress())
    now = msgspec.json.decode(await store.redis("HGET", key, account.account_id))
    assert {name: value for name, value in now.items() if name != "sealed"} == {
        name: value for name, value in said.items() if name != "sealed"
    }
    assert NEW.open(now["sealed"], "user-1", "gate", "gate-1") == credentials_of(1)


async def test_records_of_a_key_that_is_not_here_are_counted_by_it(
    store: Store, redis_url: str, tmp_path: Path
) -> None:
    await fill(store, 3)
    await store.accounts.put(an_account(7, Vault({"k0": bytes(32)})))
    env = environment(redis_url, tmp_path)
    told = await asyncio.to_thread(run, "orderwire", "keys", "rotate", **env)
    assert told.returncode == 1
    assert "3 records sealed anew by k2" in told.stdout and "1 record need master key k0" in told.stdout
    shown = await asyncio.to_thread(run, "orderwire", "keys", **env)
    assert shown.returncode == 1 and "k0" in shown.stdout and "is not here" in shown.stdout
    for line in (told.stdout, told.stderr, shown.stdout):
        assert not any(base64.b64encode(key).decode() in line for key in (K1, K2))


async def test_gateway_keys_and_paper_accounts_outlive_the_old_master_key(redis_url: str, tmp_path: Path) -> None:
    """The house's own secret is sealed anew too, and an account that is not made yet."""
    env = environment(redis_url, tmp_path)
    async with running_api(redis_url, MASTER_KEYS=RING.rpartition(",")[2], PAPER_PORT="1") as api:
        member = await a_member(api)
        made = await member.key("orders:read")
    assert (await asyncio.to_thread(run, "orderwire", "keys", "rotate", **env)).returncode == 0
    async with running_api(redis_url, MASTER_KEYS=RING.partition(",")[0], PAPER_PORT="1") as api:
        assert (await api.ask("GET", "/api/auth/me", headers=bearing(made["key"]))).status == 200
        waiting = await api.gateway.store.papers.account(member.user_id)
        assert waiting is not None and NEW.is_current(waiting.sealed)


async def test_a_record_of_a_dropped_key_says_which_and_is_healed_by_its_keys(redis_url: str) -> None:
    """Dropped too early: a token's order names the missing key; the venue keys, shown again, are sealed anew."""
    order = {"symbol": "BTC_USDT", "side": "buy", "type": "limit", "quantity": 1, "price": "60000"}
    async with running_stub() as venue:
        async with running_api(redis_url, GATE_REST_URL=venue.url, MASTER_KEYS=RING.rpartition(",")[2]) as api:
            keys = {"api-key": "the-traders-key", "api-secret": "the-traders-secret"}
            assert (await api.holding(keys).place("trader")).status == 200
        async with running_api(redis_url, GATE_REST_URL=venue.url, MASTER_KEYS=RING.partition(",")[0]) as api:
            token = bearing(api.gateway.auth.token("trader", 600))
            told = await api.ask("POST", "/api/trading/orders", order, headers=token)
            assert told.status == 409 and "master key 'k1'" in told.error["message"], told.body
            assert (await api.holding(keys).place("trader")).status == 200
            assert (await api.ask("POST", "/api/trading/orders", order, headers=token)).status == 200


async def test_it_is_written_down(store: Store, redis_url: str, tmp_path: Path) -> None:
    await fill(store, 3)
    assert (
        await asyncio.to_thread(run, "orderwire", "keys", "rotate", **environment(redis_url, tmp_path))
    ).returncode == 0
    said = [msgspec.json.decode(entry.said) for entry in await store.audit.last(2)]
    assert [entry["what"] for entry in said] == ["keys.rotate", "keys.rotated"]
    assert said[1]["by"] == "operator" and (said[1]["to"], said[1]["sealed"]) == ("k2", 3)


def test_without_its_keys_it_says_what_to_set(tmp_path: Path) -> None:
    """And nothing of Redis is touched."""
    env = free_house(tmp_path / "var") | {"TRADING_ENV": "live", "REDIS_URL": "redis://127.0.0.1:1/0"}
    told = run("orderwire", "keys", "rotate", **env, JWT_SECRET=JWT_SECRET)
    assert told.returncode == 1 and told.stderr.startswith("MASTER_KEYS: is required")


def test_a_bar_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    bar = terminal.Progress()
    bar.begin(200, "sealing")
    bar.step(50)
    assert "50 of 200" in bar.line() and bar.line().count("█") == 8 and bar.line().count("░") == 22
    bar.step(1_000)
    assert "200 of 200" in bar.line() and "0 s left" in bar.line()
    bar.begin(0, "sealing")
    assert "0 of 0" in bar.line()
