"""Standings: what was remembered of an account's keys holds no longer than the account and its keys."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from api.standings import Standings
from shared.clock import HeldClock
from shared.errors import StoreUnavailable
from shared.model import Credentials
from tests.api.running import Api, RedisProcess, running_api
from tests.paper.process import PaperProcess


async def test_keys_of_an_account_that_is_gone_open_nothing(
    api: Api, user_id: str, api_redis: RedisProcess, api_paper: PaperProcess
) -> None:
    """In every process and within a second, streams included; the user's own token goes on."""
    ticket = (await api.place(user_id)).data["stream"]["ticket"]
    path = f"/sse/orders/{user_id}"
    token = {"Authorization": f"Bearer {api.gateway.auth.token(user_id, 600)}"}
    async with (
        running_api(api_redis.url, PAPER_PORT=str(api_paper.port)) as second,
        second.client.get(second.url + path, headers=api.keys) as by_keys,
        second.client.get(f"{second.url}{path}?ticket={ticket}") as by_ticket,
        second.client.get(second.url + path, headers=token) as by_token,
    ):
        for stream in (by_keys, by_ticket, by_token):
            assert stream.status == 200
            await stream.content.readline()
        assert (await second.ask("GET", "/api/v1/sessions", headers=api.keys)).status == 200
        (account,) = await api.gateway.store.accounts.of_user(user_id)

        await api.gateway.store.accounts.delete(user_id, account.account_id)
        async with asyncio.timeout(1):
            await by_keys.content.read()
            await by_ticket.content.read()
            while (await second.ask("GET", "/api/v1/sessions", headers=api.keys)).status != 401:
                await asyncio.sleep(0.02)
        assert not by_token.content.at_eof()
        assert (await second.holding(api.keys).place(user_id)).status == 403


async def test_keys_that_were_replaced_are_not_remembered(api: Api, user_id: str) -> None:
    """Another process seals other keys for the account; the old ones are asked about anew."""
    await api.place(user_id)
    (account,) = await api.gateway.store.accounts.of_user(user_id)
    others = Credentials(api.keys["api-key"], "another-secret", None)
    sealed = api.gateway.vault.seal(others, user_id, account.venue, account.account_id)
    await api.gateway.store.accounts.put(msgspec.structs.replace(account, sealed=sealed))
    async with asyncio.timeout(1):
        while (await api.ask("GET", "/api/v1/sessions")).status != 401:
            await asyncio.sleep(0.02)
    assert (await api.place(user_id)).status == 200, "the venue takes them, and they are sealed again"
    assert (await api.ask("GET", "/api/v1/sessions")).status == 200


class Known:
    """What Redis says, and how often it was asked."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.asked = 0
        self.is_away = False

    async def __call__(self, names: list[str]) -> list[str | None]:
        self.asked += 1
        if self.is_away:
            raise StoreUnavailable
        return [self.values.get(name) for name in names]


@pytest.fixture
def known() -> Known:
    return Known()


@pytest.fixture
def standings(known: Known) -> Standings[str]:
    return Standings(known, HeldClock())


def clock_of(standings: Standings[str]) -> HeldClock:
    assert isinstance(standings._clock, HeldClock)
    return standings._clock


async def test_what_is_in_use_is_not_asked_for_again(standings: Standings[str], known: Known) -> None:
    known.values["key:a"] = "a"
    assert [await standings.get("key:a") for _ in range(5)] == ["a"] * 5 and known.asked == 1
    for _ in range(10):
        clock_of(standings).advance(0.4)
        await standings._look()
        assert await standings.get("key:a") == "a"
    assert known.asked == 11
    clock_of(standings).advance(1)
    assert await standings.get("key:a") == "a" and known.asked == 12


async def test_what_is_out_of_use_is_not_looked_at(standings: Standings[str], known: Known) -> None:
    """Else every key that was ever shown would be asked for twice a second."""
    known.values["key:a"] = "a"
    await standings.get("key:a")
    clock_of(standings).advance(31)
    await standings._look()
    assert known.asked == 1 and not standings._known
    assert await standings.get("key:nobodys") is None and not standings._known


async def test_what_has_ended_stays_so_while_redis_forgets(standings: Standings[str], known: Known) -> None:
    """A Redis that lost its last second says for a moment that it still stands."""
    known.values["key:a"] = "a"
    ended: list[str] = []
    await standings.get("key:a")
    standings.when_it_ends("key:a", lambda: ended.append("a"))
    standings.revoke("key:a")
    assert ended == ["a"] and await standings.get("key:a") is None
    clock_of(standings).advance(5)
    assert await standings.get("key:a") is None
    clock_of(standings).advance(6)
    assert await standings.get("key:a") == "a"


async def test_an_answer_that_comes_late_changes_nothing(standings: Standings[str], known: Known) -> None:
    """It was asked for before it ended, and is heard afterwards."""
    known.values["key:a"] = "a"
    await standings.get("key:a")
    asked_s = clock_of(standings).monotonic_s()
    clock_of(standings).advance(0.1)
    standings.revoke("key:a")
    standings._learn("key:a", "a", asked_s)
    assert await standings.get("key:a") is None


async def test_only_a_definite_answer_ends_anything(standings: Standings[str], known: Known) -> None:
    known.values["key:a"] = "a"
    ended: list[str] = []
    await standings.get("key:a")
    take_back = standings.when_it_ends("key:a", lambda: ended.append("a"))
    known.is_away = True
    with pytest.raises(StoreUnavailable):
        await standings._look()
    clock_of(standings).advance(1)
    with pytest.raises(StoreUnavailable):
        await standings.get("key:a")
    assert ended == []
    known.is_away = False
    take_back()
    known.values.clear()
    await standings._look()
    assert ended == []
