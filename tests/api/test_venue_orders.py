"""The four old routes against the paper exchange: what bots send, and what they are told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from shared.model import Order, Session, SessionState
from tests.api.running import Api, RedisProcess, StubVenue, refuse, running_api, until
from tests.paper.process import PaperProcess

GUARDS: dict[str, Any] = {
    "take_profit": {"enabled": True, "price": "120000", "price_type": "mark"},
    "stop_loss": {"enabled": True, "price": "30000", "price_type": "last"},
}


async def test_an_order_is_placed_shown_and_cancelled(api: Api, user_id: str) -> None:
    """The way every bot goes; each answer is the shape of the design."""
    placed = await api.place(user_id, **GUARDS)

    assert placed.status == 200 and placed.json["message"] == "ok"
    order = placed.data["order"]
    assert set(order) == {field.name for field in msgspec.structs.fields(Order)} - {"raw"}
    assert (order["status"], order["side"], order["price"], order["size"]) == ("open", "buy", "60000", "1")
    assert (order["origin"], order["user_id"], order["instrument"]) == ("gateway", user_id, "BTC/USDT:USDT")
    assert placed.data["resPlaceOrder"]["text"] == order["client_order_id"]
    assert placed.data["stream"]["url"] == f"/sse/orders/{user_id}" and placed.data["stream"]["ticket"]

    shown = await api.ask("GET", f"/gate/get-futures-order?trade_id={order['id']}")
    assert shown.data["order"]["id"] == order["id"]

    guards = {name: placed.data[name] for name in GUARDS}
    assert [guard["outcome"] for guard in guards.values()] == ["accepted", "accepted"]
    ids = f"trade_id={order['id']}&tp_id={guards['take_profit']['id']}&sl_id={guards['stop_loss']['id']}"
    ended = await api.ask("DELETE", f"/gate/cancel-futures-order?{ids}")
    assert {name: part["outcome"] for name, part in ended.data.items()} == {
        "trade_id": "accepted",
        "tp_id": "accepted",
        "sl_id": "accepted",
    }
    shown = await api.ask("GET", f"/gate/get-futures-order?trade_id={order['id']}")
    assert shown.data["order"]["status"] == "cancelled"


async def test_a_market_order_fills_and_is_closed_with_its_triggers(
    api: Api, user_id: str, api_paper: PaperProcess
) -> None:
    """Closing leaves nothing behind that could open a position again."""
    placed = await api.place(
        user_id,
        market_type="market",
        size="3",
        position_type="short",
        take_profit={"price": 30000},
        stop_loss={"price": "120000.5", "price_type": "index"},
    )

    assert placed.data["order"]["status"] == "filled"
    assert (placed.data["order"]["side"], placed.data["resPlaceOrder"]["size"]) == ("sell", "-3")

    refused = await api.ask("POST", "/gate/close-futures-order", {"contract": "BTC_USDT", "auto_size": "close_long"})
    assert refused.status == 409

    closed = await api.ask("POST", "/gate/close-futures-order", {"contract": "BTC_USDT", "auto_size": "close_short"})
    assert closed.data["order"]["status"] == "filled" and closed.data["order"]["side"] == "buy"
    assert [one["outcome"] for one in closed.data["triggers"]] == ["accepted", "accepted"]

    again = await api.ask("POST", "/gate/close-futures-order", {"contract": "BTC_USDT", "auto_size": "close_short"})
    assert again.status == 409 and again.error["venue"]["code"] == "POSITION_EMPTY"


async def test_leverage_is_written_only_where_it_differs(api: Api, user_id: str) -> None:
    """A write that changes nothing costs a round trip and can be refused while orders are open."""
    placed = await api.place(user_id, leverage=7, leverage_type="CROSS")
    assert placed.status == 200
    again = await api.place(user_id, leverage="7", leverage_type="CROSS")
    assert again.status == 200

    known = api.gateway.desk.leverage._known
    entry = known[f"{user_id}/{placed.data['order']['account_id']}", "BTC_USDT", ""]
    assert entry.leverage is not None
    assert (entry.leverage.leverage, entry.leverage.margin_mode) == ("7", "cross")


async def test_the_same_key_is_the_same_order(api: Api, user_id: str, api_paper: PaperProcess) -> None:
    """A bot that lost the answer asks again, and must not trade twice."""
    first = await api.place(user_id, key="once")
    second = await api.place(user_id, key="once")
    assert second.status == 200
    told, again = first.data, second.data
    assert told.pop("stream")["ticket"] != again.pop("stream")["ticket"]
    assert told == again

    other = await api.place(user_id, key="once", size=2)
    assert other.status == 422 and other.error["code"] == "idempotency_mismatch"


async def test_two_processes_with_one_key_make_one_order(
    api: Api, user_id: str, api_redis: RedisProcess, api_paper: PaperProcess
) -> None:
    """Behind a load balancer the retry lands on another process, at the same instant."""
    async with running_api(api_redis.url, PAPER_PORT=str(api_paper.port)) as other:
        other.keys = api.keys
        await api.place(user_id)
        answers = await asyncio.gather(*(one.place(user_id, key="same") for one in (api, other) * 4))

    assert {answer.status for answer in answers} == {200}
    assert len({answer.data["order"]["id"] for answer in answers}) == 1


async def test_a_refusal_carries_the_venues_own_label(api: Api, user_id: str) -> None:
    poor = await api.place(user_id, size=900_000)
    assert poor.status == 400 and poor.error["venue"]["code"] == "INSUFFICIENT_AVAILABLE"


async def test_what_may_be_asked_again_is_tried_again_with_the_same_key(
    api: Api, user_id: str, api_paper: PaperProcess
) -> None:
    """A 429 proves that nothing happened; the same key must be able to make its order after it."""
    await api.place(user_id)
    api_paper.fault("http_429", count=1)
    try:
        busy = await api.place(user_id, key="patient")
    finally:
        api_paper.clear_faults()
    assert busy.status == 429 and busy.error["retryable"] and int(busy.headers["Retry-After"]) >= 1

    placed = await api.place(user_id, key="patient")
    assert placed.status == 200


async def test_the_events_of_an_order_are_on_the_record(api: Api, user_id: str) -> None:
    placed = await api.place(user_id, **GUARDS)
    events = await api.gateway.store.events.after(user_id, "0-0")

    assert [event.kind for event in events] == ["session", "order", "trigger", "trigger"]
    assert json.loads(events[1].data)["id"] == placed.data["order"]["id"]


async def test_the_stream_of_a_claimed_user_begins_with_the_session(
    stub_api: Api, venue: StubVenue, user_id: str
) -> None:
    """Even when the order is refused; and no worker's word is older than it."""
    venue.answers["POST", "futures/usdt/orders"] = refuse({"label": "INSUFFICIENT_AVAILABLE"}, 400)
    assert (await stub_api.place(user_id)).status == 400
    assert (await stub_api.place(user_id)).status == 400
    first, *others = await stub_api.gateway.store.events.after(user_id, "0-0")

    session = json.loads(first.data)
    assert first.kind == "session" and "session" not in {event.kind for event in others}
    assert (session["state"], session["owner"], session["gaps"], session["turn"]) == ("connecting", None, 0, 0)


@pytest.mark.parametrize("way", ["retry", "flatten", "keep", "alarm", "KEEP", None])
async def test_what_to_do_without_protection_can_be_said(api: Api, user_id: str, way: str | None) -> None:
    assert (await api.place(user_id, **GUARDS, on_protection_failure=way)).status == 200


async def test_a_first_order_wishes_for_a_session(api: Api, user_id: str) -> None:
    """A worker must open the account's session without being asked again."""
    placed = await api.place(user_id)
    wishes = await api.gateway.store.sessions.wishes_of(user_id)
    assert [wish.account_id for wish in wishes] == [placed.data["order"]["account_id"]]

    sessions = await api.ask("GET", "/api/v1/sessions")
    assert [(entry["venue"], entry["state"]) for entry in sessions.json["sessions"]] == [("gate", "connecting")]


async def test_an_order_wakes_a_parked_session(
    api: Api, user_id: str, new_keys: Callable[[], dict[str, str]], api_redis: RedisProcess, api_paper: PaperProcess
) -> None:
    """A session that rested must follow the account again as soon as it trades."""
    placed = await api.place(user_id)
    account_id, store = placed.data["order"]["account_id"], api.gateway.store
    parked = Session(
        user_id=user_id, account_id=account_id, venue="gate", environment="paper", state=SessionState.PARKED,
        owner=None, since_ms=1, last_event_at_ms=None, gaps=0, reason=None, turn=1,
    )  # fmt: skip
    await store.events.record([parked], user_id)
    async with running_api(api_redis.url, PAPER_PORT=str(api_paper.port)) as other:
        await other.holding(api.keys).place(user_id)

        async def stirred() -> bool:
            return any(wish.stirred for wish in await store.sessions.wishes_of(user_id))

        await until(stirred, "the wish is stirred")


async def test_a_venue_that_nobody_knows_is_not_there(api: Api) -> None:
    answer = await api.ask("GET", "/nowhere/get-futures-order?trade_id=1")
    assert answer.status == 404 and "nowhere" in answer.error["message"]
