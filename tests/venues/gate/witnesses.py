"""Gate's witnesses, unmodified: `gate-api`, `gate-ws` and ccxt, pointed at a paper exchange by addresses alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import gate_api
import pytest
from gate_api.exceptions import GateApiException
from gate_ws import Configuration, Connection

from tests.paper.process import PaperAccount, PaperProcess

BTC, SYMBOL = "BTC_USDT", "BTC/USDT:USDT"
WITHIN_S, POLL_S = 10, 0.01


# ---- the official REST SDK


class Sdk:
    """`gate-api` with one account's keys."""

    def __init__(self, paper: PaperProcess, account: PaperAccount, secret: str = "") -> None:
        configuration = gate_api.Configuration(
            host=paper.rest_url, key=account.api_key, secret=secret or account.api_secret
        )
        self.client = gate_api.ApiClient(configuration)
        self.futures = gate_api.FuturesApi(self.client)
        self.account = gate_api.AccountApi(self.client)
        self.spot = gate_api.SpotApi(self.client)
        self.unified = gate_api.UnifiedApi(self.client)
        self.wallet = gate_api.WalletApi(self.client)

    def place(self, size: int, price: str = "0", **said: Any) -> Any:
        """Place an order in BTC; without a price it is a market order."""
        return self.futures.create_futures_order("usdt", an_order(size, price, **said))

    def order(self, order_id: object) -> Any:
        """Look an order up, by id or by text."""
        return self.futures.get_futures_order("usdt", str(order_id))

    def trigger(self, trigger_id: object) -> Any:
        """Look a trigger order up."""
        return self.futures.get_price_triggered_order("usdt", str(trigger_id))

    def amend(self, order_id: int, **said: Any) -> Any:
        """Amend an order."""
        change = gate_api.FuturesOrderAmendment(**said)
        return self.futures.amend_futures_order("usdt", str(order_id), change)

    def set_trigger(self, wish: Any) -> Any:
        """Let an order wait for a price; answers its ids."""
        return self.futures.create_price_triggered_order("usdt", wish)

    def amend_trigger(self, trigger_id: int, **said: Any) -> Any:
        """Amend a trigger order."""
        change = gate_api.FuturesUpdatePriceTriggeredOrder(order_id=trigger_id, **said)
        return self.futures.update_price_triggered_order("usdt", trigger_id, change)

    def position(self) -> Any:
        """The position of single mode."""
        return self.futures.get_position("usdt", BTC)

    def sides(self) -> dict[str, Any]:
        """Both positions of dual mode, by their mode."""
        return {each.mode: each for each in self.futures.get_dual_mode_position("usdt", BTC)}


def an_order(size: int, price: str = "0", **said: Any) -> Any:
    tif = "ioc" if price == "0" else "gtc"
    return gate_api.FuturesOrder(**({"contract": BTC, "size": str(size), "price": price, "tif": tif} | said))


def a_stop(price: str, rule: int = 2, price_type: int = 0, order_type: str = "", **said: Any) -> Any:
    """A trigger order that closes the whole position at the market, unless more is said of what it places."""
    initial = {"contract": BTC, "size": 0, "price": "0", "tif": "ioc", "close": not said.get("size")} | said
    return gate_api.FuturesPriceTriggeredOrder(
        initial=gate_api.FuturesInitialOrder(**initial),
        trigger=gate_api.FuturesPriceTrigger(strategy_type=0, price_type=price_type, price=price, rule=rule),
        order_type=order_type or None,
    )


def refusal_of(wish: Callable[[], Any]) -> tuple[int, str]:
    """Status and label of what the SDK raises."""
    with pytest.raises(GateApiException) as refused:
        wish()
    return refused.value.status, refused.value.label


# ---- the official WebSocket client


class Ears:
    """A `gate-ws` connection and everything that it heard, oldest first."""

    def __init__(self, paper: PaperProcess, account: PaperAccount, secret: str = "") -> None:
        self.account, self._news = account, asyncio.Event()
        self.heard: list[Any] = []
        self.connection = Connection(
            Configuration(
                app="futures", host=paper.ws_url, api_key=account.api_key, api_secret=secret or account.api_secret
            )
        )

    async def hear(self, _: Any, response: Any) -> None:
        """What the client calls for each frame."""
        self.heard.append(response)
        self._news.set()

    async def until(self, find: Callable[[], Any]) -> Any:
        """Wait until something is found among what was heard."""
        async with asyncio.timeout(WITHIN_S):
            while not (found := find()):
                self._news.clear()
                await self._news.wait()
        return found

    def rows(self, channel: str) -> list[Any]:
        """All rows that were pushed on a channel."""
        pushes = [each for each in self.heard if (each.channel, each.event) == (channel, "update")]
        return [row for each in pushes for row in each.result]

    async def subscribe(self, *channels: Any) -> None:
        """Follow private channels, and wait for each acknowledgement."""
        for channel in channels:
            payload = [self.account.uid] if channel.name == "futures.balances" else [self.account.uid, "!all"]
            channel(self.connection, self.hear).subscribe(payload)
        await self.until(lambda: len([each for each in self.heard if each.event == "subscribe"]) >= len(channels))

    async def ask(self, channel: Any, payload: object, name: str) -> Any:
        """A command of the trading API, which logs in first; its final answer as it was sent."""
        channel(self.connection, self.hear).api_request(payload, "", name)
        return await self.until(lambda: self._answer(channel.name, name))

    def _answer(self, channel: str, name: str) -> Any:
        answers = [json.loads(each.body) for each in self.heard if each.channel == channel]
        return next((each for each in answers if each.get("request_id") == name and each.get("ack") is not True), None)


@asynccontextmanager
async def listening(paper: PaperProcess, account: PaperAccount, secret: str = "") -> AsyncIterator[Ears]:
    """A running connection."""
    ears = Ears(paper, account, secret)
    running = asyncio.create_task(ears.connection.run())
    try:
        yield ears
    finally:
        ears.connection.close()
        await asyncio.wait([running], timeout=WITHIN_S)


# ---- ccxt


def a_ccxt(kind: Any, paper: PaperProcess, account: PaperAccount, **said: Any) -> Any:
    """A ccxt client that differs from the usual one in its addresses, and that neither paces itself nor dawdles."""
    keys = {"apiKey": account.api_key, "secret": account.api_secret, "uid": account.uid}
    pace = {"enableRateLimit": False, "timeout_on_exit": 0}
    client = kind(keys | pace | {"options": {"defaultType": "swap"}} | said)
    for side in ("public", "private"):
        for name in client.urls["api"][side]:
            client.urls["api"][side][name] = paper.rest_url
    if "swap" in client.urls["api"]:
        client.urls["api"]["swap"] = {"usdt": paper.ws_url}
    return client


def channels_of(paper: PaperProcess, account: PaperAccount) -> set[str]:
    """The private channels that an account's sockets follow, by the engine's own books."""
    sockets = paper.books(account.uid)["sockets"]["gate"]
    return {channel for each in sockets for channel in each["channels"]}


async def soon(wish: Any) -> Any:
    """What is awaited, or a failure when it takes too long."""
    return await asyncio.wait_for(wish, WITHIN_S)


async def eventually(is_so: Callable[[], Any]) -> Any:
    """Wait for a condition of an object that calls nobody."""
    async with asyncio.timeout(WITHIN_S):
        while not (found := is_so()):
            await asyncio.sleep(POLL_S)
    return found
