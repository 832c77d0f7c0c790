"""Somebody who registers, in a house of real processes: their account, their session, and what the logs know."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import orjson

from tests.house.house import House, until

PASSWORD = "a battery, a staple and a horse"
ORDER = {"symbol": "BTC_USDT", "side": "buy", "type": "limit", "quantity": 1, "price": "60000"}


class Somebody:
    """Asks one api, with a token once they have one."""

    def __init__(self, house: House, url: str) -> None:
        self.house, self.url, self.headers = house, url, dict[str, str]()

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        assert self.house.http is not None
        async with self.house.http.request(method, self.url + path, json=body, headers=self.headers) as answer:
            return answer.status, orjson.loads(await answer.read())

    async def register(self, name: str) -> dict[str, Any]:
        status, said = await self.ask("POST", "/api/auth/register", {"username": name, "password": PASSWORD})
        assert status == 201, said
        self.headers = {"Authorization": f"Bearer {said['access_token']}"}
        registered: dict[str, Any] = said
        return registered

    async def is_live(self) -> bool:
        _, said = await self.ask("GET", "/api/v1/sessions")
        return [session["state"] for session in said["sessions"]] == ["live"]

    async def orders(self) -> list[str]:
        _, said = await self.ask("GET", "/api/v1/events?limit=1000")
        return [event["data"]["id"] for event in said["events"] if event["kind"] == "order"]


async def test_who_registers_has_a_live_session_that_comes_back(tmp_path: Path) -> None:
    """Also after the paper exchange forgot everything, without anybody's help; and no log knows a secret."""
    async with House(tmp_path) as house:
        await house.start_workers("w1")
        somebody = Somebody(house, await house.start_api())
        said = await somebody.register("somebody")
        await until(somebody.is_live, "the session is live", 20)
        status, placed = await somebody.ask("POST", "/api/trading/orders", ORDER)
        assert status == 200, placed

        async def is_told() -> bool:
            return placed["order"]["id"] in await somebody.orders()

        await until(is_told, "the order is on the stream", 10)
        house.signal("paper", signal.SIGKILL)
        await house.ended("paper")
        house.start("paper", "shared.paper")

        async def trades() -> bool:
            return (await somebody.ask("POST", "/api/trading/orders", ORDER))[0] == 200

        await until(trades, "the account is there again", 30)
        await until(somebody.is_live, "the session is live again", 60)

        (account,) = await house.store.accounts.of_user(said["id"])
        keys = house.vault.open(account.sealed, account.user_id, account.venue, account.account_id)
        secrets = (PASSWORD, said["access_token"], said["refresh_token"], keys.api_key, keys.api_secret)
        for name in house.processes:
            assert not [secret for secret in secrets if secret in house.log_of(name)], name
