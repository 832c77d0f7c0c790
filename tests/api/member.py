"""A member for tests: somebody who registered, and what they can ask with."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.api.running import Api, Told, until

PASSWORD = "a battery, a staple and a horse"
_numbers = count(1)


def new_name() -> str:
    return f"member-{next(_numbers)}"


@dataclass
class Member:
    api: Api
    name: str
    user_id: str
    tokens: dict[str, Any] = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        return bearing(self.tokens["access_token"])

    async def ask(self, method: str, path: str, body: Any = None, **more: str) -> Told:
        return await self.api.ask(method, path, body, headers=self.headers | more)

    async def me(self) -> dict[str, Any]:
        told = await self.ask("GET", "/api/auth/me")
        assert told.status == 200, told.body
        said: dict[str, Any] = told.json
        return said

    async def key(self, *scopes: str, **more: Any) -> dict[str, Any]:
        told = await self.ask("POST", "/api/auth/keys", {"scopes": list(scopes), **more})
        assert told.status == 201, told.body
        made: dict[str, Any] = told.json
        return made

    async def ready(self) -> str:
        """Waits for the paper account; answers its id."""

        async def account_id() -> str | None:
            paper = (await self.me())["paper_account"]
            return paper["account_id"] if paper["state"] == "ready" else None

        return str(await until(account_id, "the paper account is made"))


async def a_member(api: Api, name: str | None = None, password: str = PASSWORD) -> Member:
    said = {"username": name or new_name(), "password": password}
    told = await api.ask("POST", "/api/auth/register", said, headers={})
    assert told.status == 201, told.body
    return Member(api, said["username"], told.json["id"], told.json)


async def log_in(api: Api, name: str, password: str = PASSWORD) -> Told:
    return await api.ask("POST", "/api/auth/login", {"username": name, "password": password}, headers={})


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
