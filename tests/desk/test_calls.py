"""A placement over the socket is the same command: one intent, one order, and an answer of the same form."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import redis

from shared.errors import BadSetting
from shared.exchanges.base import Reply, Request, Venue
from shared.model import Credentials
from shared.settings import Settings
from tests.api.running import Api, Told, running_api, until
from tests.paper.process import PaperAccount, PaperProcess

BTC = "BTC_USDT"


@pytest.fixture(scope="module")
def paper() -> Iterator[PaperProcess]:
    with PaperProcess.running("--no-limits") as process:
        process.price(BTC, 67500, hold=True)
        yield process


class Trader:
    """A user of a gateway who knows which way each of its commands went."""

    def __init__(self, api: Api, paper: PaperProcess, user_id: str) -> None:
        self.api, self.paper, self.user_id = api, paper, user_id
        account: PaperAccount = paper.account()
        self.uid = account.uid
        api.keys = {"api-key": account.api_key, "api-secret": account.api_secret}
        self.over_rest: list[Request] = []
        rest = api.gateway.rest
        send = rest.call

        async def counted(
            venue: Venue,
            base_url: str,
            request: Request,
            credentials: Credentials | None,
            *,
            deadline_s: float = 10,
        ) -> Reply:
            if request.writes and "/orders" in request.path:
                self.over_rest.append(request)
            return await send(venue, base_url, request, credentials, deadline_s=deadline_s)

        rest.call = counted  # type: ignore[method-assign]  # it only counts

    async def place(self, key: str, **words: Any) -> Told:
        return await self.api.place(self.user_id, key, price="60000", **words)

    async def stand(self) -> None:
        """Until the account's connection stands."""

        async def is_ready() -> bool:
            said = repr(self.api.gateway.desk.calls)
            return "ready" in said and "not ready" not in said

        await until(is_ready, "the connection stands")
        self.over_rest.clear()

    def texts(self) -> list[str]:
        return [order["text"] for order in self.paper.books(self.uid)["orders"]]


@pytest.fixture
async def by_rest(redis_url: str, paper: PaperProcess) -> AsyncIterator[Trader]:
    async with running_api(redis_url, PAPER_PORT=str(paper.port)) as api:
        yield Trader(api, paper, "by-rest")


@pytest.fixture
async def by_socket(redis_url: str, paper: PaperProcess) -> AsyncIterator[Trader]:
    async with running_api(redis_url, PAPER_PORT=str(paper.port), ORDER_ENTRY="socket") as api:
        trader = Trader(api, paper, "by-socket")
        assert (await trader.place("the first")).status == 200
        await trader.stand()
        yield trader


def form_of(body: Any) -> Any:
    """Its keys, at every depth, and the types of what they hold."""
    if isinstance(body, dict):
        return {key: form_of(value) for key, value in sorted(body.items())}
    return [form_of(value) for value in body] if isinstance(body, list) else type(body).__name__


def intents(redis_url: str, user_id: str) -> int:
    with redis.Redis.from_url(redis_url) as client:
        return len(list(client.scan_iter(f"*{user_id}*:intent:*")))


async def test_rest_is_the_way_unless_another_is_chosen(by_rest: Trader) -> None:
    assert (await by_rest.place("one")).status == 200
    assert (await by_rest.place("two")).status == 200

    assert by_rest.api.gateway.desk.calls is None
    assert len(by_rest.over_rest) == 2


async def test_an_answer_has_the_same_form_both_ways(by_rest: Trader, by_socket: Trader) -> None:
    """A caller cannot tell which way its order went; the venue's own reply may leave out what has its default."""
    answers = [(await trader.place("the second")).data for trader in (by_rest, by_socket)]
    replies = [answer.pop("resPlaceOrder") for answer in answers]

    assert by_socket.over_rest == []
    assert form_of(answers[1]) == form_of(answers[0])
    assert replies[1].keys() <= replies[0].keys()
    assert answers[1]["order"]["origin"] == "gateway"


async def test_a_key_that_is_used_again_makes_no_other_order(by_socket: Trader, redis_url: str) -> None:
    first, *again = await asyncio.gather(*(by_socket.place("the same") for _ in range(5)))

    assert by_socket.over_rest == []
    assert {told.status for told in again} == {200}
    assert {told.data["order"]["id"] for told in again} == {first.data["order"]["id"]}
    assert len(by_socket.texts()) == 2  # with the very first, which opened the connection
    assert intents(redis_url, by_socket.user_id) == 2


async def test_a_refusal_is_answered_alike_both_ways(by_rest: Trader, by_socket: Trader) -> None:
    by_rest.paper.fault("reject_order", uid=by_rest.uid)
    by_rest.paper.fault("reject_order", uid=by_socket.uid)
    told = [await trader.place("no") for trader in (by_rest, by_socket)]
    by_rest.paper.clear_faults()

    assert by_socket.over_rest == []
    assert [answer.status for answer in told] == [400, 400]
    assert told[0].error == told[1].error
    assert told[1].error["venue"]["code"] == "INSUFFICIENT_AVAILABLE"


async def test_an_answer_that_is_lost_is_unknown_and_the_order_is_placed_once(
    by_socket: Trader, redis_url: str
) -> None:
    """Asking again with the same key tells the same, and sends nothing."""
    by_socket.paper.fault("cut_reply", uid=by_socket.uid, count=1)
    told = [await by_socket.place("lost") for _ in range(2)]

    assert [answer.status for answer in told] == [202, 202]
    assert told[0].json["message"] == "unknown"
    assert by_socket.over_rest == []
    assert len(by_socket.texts()) == 2
    assert intents(redis_url, by_socket.user_id) == 2


async def test_a_cancel_and_a_close_go_the_same_way(by_socket: Trader) -> None:
    api, headers = by_socket.api, by_socket.api.keys
    placed = (await by_socket.place("to be cancelled")).data["order"]
    path = f"/gate/cancel-futures-order?trade_id={placed['id']}"
    cancelled = await api.ask("DELETE", path, headers=headers)
    await by_socket.api.place(by_socket.user_id, "market", market_type="market", size=3)
    closing = {"contract": BTC, "auto_size": "close_long", "userId": by_socket.user_id}
    closed = await api.ask("POST", "/gate/close-futures-order", closing, headers=headers)

    assert (cancelled.status, closed.status) == (200, 200)
    assert by_socket.over_rest == []
    (position,) = by_socket.paper.books(by_socket.uid)["positions"]
    assert position["size"] == "0"


async def test_a_gateway_that_stops_closes_its_connections(redis_url: str, paper: PaperProcess) -> None:
    async with running_api(redis_url, PAPER_PORT=str(paper.port), ORDER_ENTRY="socket") as api:
        trader = Trader(api, paper, "who-leaves")
        await trader.place("one")
        await trader.stand()
        assert paper.books(trader.uid)["sockets_open"] == 1

    assert paper.books(trader.uid)["sockets_open"] == 0


def test_another_way_than_these_is_a_bad_setting() -> None:
    with pytest.raises(BadSetting, match="rest, socket"):
        Settings.from_env({"ORDER_ENTRY": "fax"})
