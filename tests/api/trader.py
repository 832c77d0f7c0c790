"""A trader for tests: a user with one account at the paper exchange or at a stub, who comes with a bearer token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from shared.model import Credentials, Session, SessionState
from shared.store.events import Event
from shared.store.intents import Intent
from tests.api.running import Api, Told
from tests.paper.process import PaperProcess

LIMIT: dict[str, Any] = {"symbol": "BTC_USDT", "side": "buy", "type": "limit", "quantity": 1, "price": "60000"}
MARKET: dict[str, Any] = {"symbol": "BTC_USDT", "side": "buy", "type": "market", "quantity": 1}
ORDERS = "/api/trading/orders"
TRIGGERS = "/api/trading/triggers"


@dataclass
class Trader:
    api: Api
    user_id: str
    account_id: str
    uid: str = ""
    """Who they are at the paper exchange."""

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api.gateway.auth.token(self.user_id, 600)}"}

    async def ask(self, method: str, path: str, body: Any = None, *, key: str | None = None, raw: bytes = b"") -> Told:
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        return await self.api.ask(method, path, body, headers=headers, raw=raw)

    async def place(self, key: str | None = None, **words: Any) -> Told:
        return await self.ask("POST", ORDERS, LIMIT | words, key=key)

    async def placed(self, **words: Any) -> dict[str, Any]:
        """An order that the venue took."""
        told = await self.place(**words)
        assert told.status == 200, told.body
        order: dict[str, Any] = told.json["order"]
        return order

    async def bought(self, quantity: int = 1) -> dict[str, Any]:
        """A market order that filled."""
        told = await self.ask("POST", ORDERS, MARKET | {"quantity": quantity})
        assert told.status == 200 and told.json["order"]["status"] == "filled", told.body
        order: dict[str, Any] = told.json["order"]
        return order

    async def events(self) -> list[Event]:
        return await self.api.gateway.store.events.after(self.user_id, "0-0")

    async def outcomes(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(event.data) for event in await self.events() if event.kind == "outcome"]

    async def intent(self, intent_id: str) -> Intent:
        intent = await self.api.gateway.store.intents.get(self.user_id, intent_id)
        assert intent is not None
        return intent

    async def be_live(self, state: SessionState = SessionState.LIVE) -> None:
        """As if a worker followed the account: the record is what the venue says."""
        session = Session(
            user_id=self.user_id, account_id=self.account_id, venue="gate", environment="paper", state=state,
            owner="w-1", since_ms=1, last_event_at_ms=None, gaps=0, reason=None, turn=1,
        )  # fmt: skip
        await self.api.gateway.store.events.record([session], self.user_id)


async def a_trader(api: Api, user_id: str, keys: dict[str, str], uid: str = "") -> Trader:
    credentials = Credentials(keys["api-key"], keys["api-secret"])
    account = await api.gateway.auth.claim("gate", user_id, credentials)
    return Trader(api, user_id, account.account_id, uid)


async def a_paper_trader(api: Api, user_id: str, paper: PaperProcess) -> Trader:
    account = paper.account()
    return await a_trader(api, user_id, {"api-key": account.api_key, "api-secret": account.api_secret}, account.uid)
