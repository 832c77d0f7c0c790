"""OKX's witnesses, unmodified: `python-okx` and ccxt, pointed at a paper exchange by addresses alone."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from okx.Account import AccountAPI
from okx.Funding import FundingAPI
from okx.MarketData import MarketAPI
from okx.PublicData import PublicAPI
from okx.Trade import TradeAPI
from okx.websocket.WsPrivateAsync import WsPrivateAsync

from tests.paper.process import PaperAccount, PaperProcess

SWAP, SPOT, CODE = "BTC-USDT-SWAP", "BTC-USDT", 10459
SYMBOL, COIN = "BTC/USDT:USDT", "BTC/USDT"
LIVE = "0"
WITHIN_S, POLL_S = 12, 0.01
Frame = dict[str, Any]


# ---- the official REST SDK


class Sdk:
    """`python-okx` with one account's keys."""

    def __init__(self, paper: PaperProcess, account: PaperAccount, **other: str) -> None:
        account = replace(account, **other)
        keys = (account.api_key, account.api_secret, account.passphrase)
        said: Any = {"flag": LIVE, "domain": paper.url, "debug": False}
        self.trade = TradeAPI(*keys, **said)
        self.account = AccountAPI(*keys, **said)
        self.funding = FundingAPI(*keys, **said)
        self.public = PublicAPI(*keys, **said)
        self.market = MarketAPI(*keys, **said)

    def __enter__(self) -> Sdk:
        return self

    def __exit__(self, *raised: object) -> None:
        for client in (self.trade, self.account, self.funding, self.public, self.market):
            client.close()

    def place(self, side: str, size: object, price: str = "", **said: Any) -> Any:
        """Place an order in the BTC perpetual; without a price it goes at market."""
        return item(self.trade.place_order(**an_order(side, size, price, **said)))

    def order(self, order_id: str, name: str = SWAP) -> Any:
        """Look an order up."""
        return rows(self.trade.get_order(name, ordId=order_id))[0]

    def cancel(self, order_id: str, name: str = SWAP) -> Any:
        """Cancel an order."""
        return item(self.trade.cancel_order(name, ordId=order_id))

    def algo(self, **said: Any) -> Any:
        """Let an order that closes wait for a price."""
        terms: Any = {"instId": SWAP, "tdMode": "cross", "side": "sell", "sz": "1", "reduceOnly": "true"}
        return item(self.trade.place_algo_order(**(terms | said)))


def an_order(side: str, size: object, price: str = "", **said: Any) -> dict[str, Any]:
    """An order's words."""
    name = said.get("instId", SWAP)
    terms = {"instId": name, "tdMode": "cash" if name == SPOT else "cross", "side": side, "sz": str(size)}
    return terms | ({"ordType": "limit", "px": price} if price else {"ordType": "market"}) | said


def rows(answer: Any) -> list[Any]:
    """The rows of an answer that is all well."""
    assert answer["code"] == "0", answer
    found: list[Any] = answer["data"]
    return found


def item(answer: Any) -> Any:
    """The only item of an answer; its own code says how it went."""
    assert len(answer["data"]) == 1, answer
    return answer["data"][0]


# ---- the official WebSocket client


class Ears:
    """What a connection of the official client has heard."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.frames: list[Frame] = []

    def hear(self, message: str) -> None:
        self.frames.append(json.loads(message))

    def rows(self, channel: str) -> list[Any]:
        """The rows of a channel's pushes, in the order they came."""
        told = [frame for frame in self.frames if frame.get("arg", {}).get("channel") == channel and "data" in frame]
        return [row for frame in told for row in frame["data"]]

    def events(self, name: str) -> list[Frame]:
        """The acknowledgements and refusals of this kind."""
        return [frame for frame in self.frames if frame.get("event") == name]

    def answers(self, op: str) -> list[Frame]:
        """The results of an operation."""
        return [frame for frame in self.frames if frame.get("op") == op]


@asynccontextmanager
async def listening(
    tls_url: str, account: PaperAccount, place: str, args: list[dict[str, str]], **other: str
) -> AsyncIterator[Ears]:
    """A connection that has logged in and subscribed in the client's own way, which waits five seconds in between."""
    account = replace(account, **other)
    client = WsPrivateAsync(account.api_key, account.passphrase, account.api_secret, f"{tls_url}/ws/v5/{place}")
    ears = Ears(client)
    consuming = await client.start()
    try:
        await client.subscribe(args, ears.hear)
        await eventually(lambda: len(ears.events("subscribe")) + len(ears.events("error")) >= len(args))
        yield ears
    finally:
        await client.stop()
        consuming.cancel()
        with suppress(asyncio.CancelledError, ssl.SSLError):
            await consuming


# ---- ccxt


def a_ccxt(kind: Any, paper: PaperProcess, account: PaperAccount, **other: str) -> Any:
    """A ccxt client that differs from the usual one in its addresses only."""
    account = replace(account, **other)
    keys = {"apiKey": account.api_key, "secret": account.api_secret, "password": account.passphrase}
    client = kind(keys | {"options": {"defaultType": "swap"}})
    client.urls["api"]["rest"] = paper.url
    if "ws" in client.urls["api"]:
        client.urls["api"]["ws"] = f"ws://127.0.0.1:{paper.port}/ws/v5"
    return client


# ---- waiting


async def eventually(is_so: Callable[[], Any]) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(WITHIN_S):
        while not is_so():
            await asyncio.sleep(POLL_S)


async def soon(wish: Any) -> Any:
    """Its result, which must not take long."""
    return await asyncio.wait_for(wish, WITHIN_S)


def channels_of(paper: PaperProcess, account: PaperAccount) -> set[str]:
    """What an account's sockets follow."""
    return {channel for each in paper.books(account.uid)["sockets"]["okx"] for channel in each["channels"]}
