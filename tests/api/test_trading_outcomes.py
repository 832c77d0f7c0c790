"""Outcomes of the trading routes: a lost answer is unknown, is never sent again, and is found by asking."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from aiohttp import web

from shared.desk.resolve import resolve
from shared.model import Outcome
from shared.store.intents import Intent
from tests.api.running import RedisProcess, StubVenue, refuse, running_api
from tests.api.test_trading_triggers import AMEND, ROW, STOP, waits
from tests.api.trader import LIMIT, ORDERS, TRIGGERS, Trader
from tests.paper.process import PaperProcess

PLACES = ("POST", "futures/usdt/orders")
AMENDS = "futures/usdt/orders/9007199254740993"
CANCELS = ("DELETE", "futures/usdt/orders")
LONG_AGO_MS = 80_000


@pytest.fixture
def cut_replies(trader: Trader, api_paper: PaperProcess) -> Iterator[None]:
    """The exchange carries out what this trader places, and its answers never arrive."""
    fault = api_paper.fault("cut_reply", uid=trader.uid)
    yield
    if fault["id"]:
        api_paper.clear_faults()


async def cut(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def long_ago(intent: Intent) -> Intent:
    """The same, from when its request could still have arrived."""
    assert intent.expires_at_ms is not None
    return msgspec.structs.replace(
        intent, created_at_ms=intent.created_at_ms - LONG_AGO_MS, expires_at_ms=intent.expires_at_ms - LONG_AGO_MS
    )


async def find_out(trader: Trader, intent_id: str, *, later: bool = False) -> Outcome:
    intent = await trader.intent(intent_id)
    return await resolve(trader.api.gateway.desk, long_ago(intent) if later else intent)


@pytest.mark.usefixtures("cut_replies")
async def test_every_order_of_a_lost_batch_is_found_by_its_own_id(trader: Trader, api_paper: PaperProcess) -> None:
    """One answer was lost, and two positions may stand."""
    body = {"orders": [LIMIT, LIMIT | {"quantity": "0.5"}, LIMIT | {"client_order_id": "b-2", "stop_loss": 50000}]}
    told = await trader.ask("POST", f"{ORDERS}/batch", body, key="k")

    assert told.status == 202, told.body
    rows = told.json["orders"]
    assert [row["outcome"] for row in rows] == ["unknown", "rejected", "unknown"]
    assert rows[2]["stop_loss"]["outcome"] == "not_placed" and rows[2]["intent"]["id"] == "t-b-2"
    assert len(api_paper.books(trader.uid)["orders"]) == 2
    for row in (rows[0], rows[2]):
        assert await find_out(trader, row["intent"]["id"]) is Outcome.ACCEPTED
    again = await trader.ask("POST", f"{ORDERS}/batch", body, key="k")
    assert [row["outcome"] for row in again.json["orders"]] == ["accepted", "rejected", "accepted"]
    assert again.json["orders"][2]["order"]["client_order_id"] == "t-b-2"
    assert len(api_paper.books(trader.uid)["orders"]) == 2
    assert [outcome["outcome"] for outcome in await trader.outcomes()] == ["unknown", "unknown", "accepted", "accepted"]


@pytest.mark.usefixtures("cut_replies")
async def test_a_lost_trigger_is_found_in_the_venues_lists(trader: Trader, api_paper: PaperProcess) -> None:
    """It cannot be asked for by its text."""
    told = await trader.ask("POST", TRIGGERS, STOP, key="k")

    assert told.status == 202 and told.json["outcome"] == "unknown" and told.json["trigger"] is None
    assert await find_out(trader, told.json["intent"]["id"]) is Outcome.ACCEPTED
    again = await trader.ask("POST", TRIGGERS, STOP, key="k")
    (held,) = api_paper.books(trader.uid)["triggers"]
    assert again.status == 200 and again.json["trigger"]["id"] == str(held["id"])
    kinds = [event.kind for event in await trader.events()]
    assert kinds == ["session", "outcome", "trigger", "outcome"]


@pytest.mark.usefixtures("cut_replies")
async def test_a_lost_order_is_told_in_the_one_shape(trader: Trader) -> None:
    told = await trader.place(key="k", take_profit=120000)
    assert told.status == 202, told.body
    assert (told.json["outcome"], told.json["order"]) == ("unknown", None)
    assert told.json["take_profit"]["outcome"] == "not_placed"
    assert await find_out(trader, told.json["intent"]["id"]) is Outcome.ACCEPTED
    assert (await trader.place(key="k", take_profit=120000)).json["order"]["status"] == "open"


async def test_a_trigger_that_never_arrived_is_so_only_when_it_cannot_come_any_more(
    stub_trader: Trader, venue: StubVenue
) -> None:
    """Until the time that it was signed with is too old for the venue, it may still come."""
    venue.answers["POST", "futures/usdt/price_orders"] = cut
    told = await stub_trader.ask("POST", TRIGGERS, STOP, key="k")
    assert told.status == 202 and venue.count("POST", "futures/usdt/price_orders") == 1

    intent_id = told.json["intent"]["id"]
    assert await find_out(stub_trader, intent_id) is Outcome.UNKNOWN
    assert await find_out(stub_trader, intent_id, later=True) is Outcome.REJECTED
    last = (await stub_trader.outcomes())[-1]
    assert last["outcome"] == "rejected" and last["reason"].startswith("not placed")
    venue.answers["POST", "futures/usdt/price_orders"] = refuse({"id": 7, "id_string": "7"}, 201)
    again = await stub_trader.ask("POST", TRIGGERS, STOP, key="k")
    assert again.status == 200 and again.json["intent"]["id"] != intent_id


def takes_and_cuts(venue: StubVenue) -> None:
    """The venue changes the order, and its answer never arrives."""

    async def change(request: web.Request) -> web.StreamResponse:
        said = msgspec.json.decode(await request.read())
        (row,) = venue.orders.values()
        row.update(said, left=said.get("size", row["size"]))
        return await cut(request)

    venue.answers["PUT", AMENDS] = change


async def test_a_lost_amend_is_read_off_the_order(stub_trader: Trader, venue: StubVenue) -> None:
    order = await stub_trader.placed()
    takes_and_cuts(venue)
    told = await stub_trader.ask("PATCH", f"{ORDERS}/{order['id']}", {"price": "59000"}, key="k")

    assert told.status == 202 and (told.json["outcome"], told.json["order"]) == ("unknown", None), told.body
    assert venue.count("PUT", AMENDS) == 1
    assert await find_out(stub_trader, told.json["intent"]["id"]) is Outcome.ACCEPTED
    again = await stub_trader.ask("PATCH", f"{ORDERS}/{order['id']}", {"price": "59000"}, key="k")
    assert again.status == 200 and again.json["order"]["price"] == "59000"
    assert again.json["order"]["origin"] == "gateway" and venue.count("PUT", AMENDS) == 1
    assert [outcome["outcome"] for outcome in await stub_trader.outcomes()] == ["unknown", "accepted"]


async def test_an_amend_that_never_arrived_is_so_only_later(stub_trader: Trader, venue: StubVenue) -> None:
    order = await stub_trader.placed()
    venue.answers["PUT", AMENDS] = cut
    told = await stub_trader.ask("PATCH", f"{ORDERS}/{order['id']}", {"quantity": 4})
    intent_id = told.json["intent"]["id"]
    assert await find_out(stub_trader, intent_id) is Outcome.UNKNOWN
    assert await find_out(stub_trader, intent_id, later=True) is Outcome.REJECTED
    assert (await stub_trader.outcomes())[-1]["reason"].startswith("not changed")


async def test_a_venue_that_does_not_know_an_ended_order_makes_it_a_conflict(
    stub_trader: Trader, venue: StubVenue
) -> None:
    """It says "not found" of what we know was there."""
    order = await stub_trader.placed()
    (row,) = venue.orders.values()
    venue.answers["PUT", AMENDS] = refuse({"label": "ORDER_NOT_FOUND"}, 404)
    row.update(status="finished", finish_as="filled", left=0, fill_price="60000")
    told = await stub_trader.ask("PATCH", f"{ORDERS}/{order['id']}", {"quantity": 4})
    assert told.status == 409 and told.error["venue"]["code"] == "ORDER_NOT_FOUND", told.body
    shown = await stub_trader.ask("GET", f"{ORDERS}/{order['id']}")
    assert shown.json["order"]["status"] == "filled"
    venue.orders.clear()
    told = await stub_trader.ask("PATCH", f"{ORDERS}/{order['id']}", {"quantity": 4})
    assert told.status in (404, 409) and told.error["venue"]["code"] == "ORDER_NOT_FOUND"


async def test_an_amend_of_an_order_that_ended_is_rejected_at_once(stub_trader: Trader, venue: StubVenue) -> None:
    order = await stub_trader.placed()
    venue.answers["PUT", AMENDS] = cut
    told = await stub_trader.ask("PATCH", f"{ORDERS}/{order['id']}", {"quantity": 4})
    (row,) = venue.orders.values()
    row.update(status="finished", finish_as="cancelled")
    assert await find_out(stub_trader, told.json["intent"]["id"]) is Outcome.REJECTED


async def test_what_was_refused_for_now_may_be_asked_again_with_the_same_key(
    stub_trader: Trader, venue: StubVenue
) -> None:
    order = await stub_trader.placed()
    venue.answers["PUT", AMENDS] = refuse({"label": "CONTRACT_NO_COUNTER"}, 400)
    path, body = f"{ORDERS}/{order['id']}", {"price": "59000"}
    refused = await stub_trader.ask("PATCH", path, body, key="k")
    assert refused.status == 400 and refused.error["retryable"]

    async def change(request: web.Request) -> web.StreamResponse:
        (row,) = venue.orders.values()
        return web.json_response(row | {"price": "59000"})

    venue.answers["PUT", AMENDS] = change
    told = await stub_trader.ask("PATCH", path, body, key="k")
    assert told.status == 200 and told.json["order"]["price"] == "59000", told.body


async def test_a_lost_amend_of_a_trigger_is_read_off_the_trigger(stub_trader: Trader, venue: StubVenue) -> None:
    waits(venue, ROW)
    venue.answers["PUT", AMEND] = cut
    told = await stub_trader.ask("PATCH", f"{TRIGGERS}/7", {"stop_price": "29000"}, key="k")
    assert told.status == 202 and told.json["trigger"] is None, told.body
    assert venue.count("POST", "futures/usdt/price_orders") == 0  # it may have been amended: no other is placed

    intent_id = told.json["intent"]["id"]
    assert await find_out(stub_trader, intent_id) is Outcome.UNKNOWN
    waits(venue, ROW | {"trigger": ROW["trigger"] | {"price": "29000"}})
    assert await find_out(stub_trader, intent_id) is Outcome.ACCEPTED
    again = await stub_trader.ask("PATCH", f"{TRIGGERS}/7", {"stop_price": "29000"}, key="k")
    assert again.json["trigger"]["price"] == "29000" and venue.count("PUT", AMEND) == 1


async def test_a_lost_answer_to_the_other_trigger_leaves_the_old_one(stub_trader: Trader, venue: StubVenue) -> None:
    """Two may stand; none would be worse. The other one is found by its text."""
    waits(venue, ROW)
    venue.answers["PUT", AMEND] = refuse({"label": "AUTO_INVALID_REQUEST_BODY", "code": "1077"}, 400)
    venue.answers["POST", "futures/usdt/price_orders"] = cut
    told = await stub_trader.ask("PATCH", f"{TRIGGERS}/7", {"stop_price": "29000"})
    assert told.status == 202 and venue.count("DELETE", "futures/usdt/price_orders/7") == 0

    intent_id = told.json["intent"]["id"]
    new = ROW | {"id": 8, "id_string": "8", "initial": ROW["initial"] | {"text": intent_id}}
    venue.answers["GET", "futures/usdt/price_orders"] = refuse([new])
    assert await find_out(stub_trader, intent_id) is Outcome.ACCEPTED
    assert (await stub_trader.outcomes())[-1]["order_id"] == "8"


async def test_a_lost_cancel_is_unknown(stub_trader: Trader, venue: StubVenue) -> None:
    """Nothing is written for it: what the order is comes with the session."""
    order = await stub_trader.placed()
    venue.answers["DELETE", AMENDS] = cut
    venue.answers["POST", "futures/usdt/batch_cancel_orders"] = cut
    venue.answers[CANCELS] = cut
    venue.answers["DELETE", "futures/usdt/price_orders"] = cut
    one = await stub_trader.ask("DELETE", f"{ORDERS}/{order['id']}")
    assert one.status == 202 and (one.json["outcome"], one.json["order"]) == ("unknown", None)
    many = await stub_trader.ask("DELETE", f"{ORDERS}/batch", {"order_ids": [order["id"]]})
    every = await stub_trader.ask("DELETE", f"{ORDERS}?triggers=true")
    waiting = await stub_trader.ask("DELETE", TRIGGERS)
    for told, name in ((many, "orders"), (every, "orders"), (waiting, "triggers")):
        assert told.status == 202 and {row["outcome"] for row in told.json[name]} == {"unknown"}, told.body
    assert [row["id"] for row in every.json["orders"]] == [order["id"], ""]


async def test_a_refusal_of_the_whole_is_told_as_one(stub_trader: Trader, venue: StubVenue) -> None:
    await stub_trader.placed()
    venue.answers[CANCELS] = refuse({"label": "READ_ONLY"}, 403)
    told = await stub_trader.ask("DELETE", ORDERS)
    assert told.status == 403 and told.error["venue"]["code"] == "READ_ONLY"
    venue.answers["POST", "futures/usdt/batch_orders"] = refuse({"label": "INVALID_REQUEST_BODY"}, 400)
    told = await stub_trader.ask("POST", f"{ORDERS}/batch", {"orders": [LIMIT, LIMIT]})
    assert [row["error"]["venue"]["code"] for row in told.json["orders"]] == ["INVALID_REQUEST_BODY"] * 2


async def test_a_lost_position_mode_is_looked_at_again(stub_trader: Trader, venue: StubVenue) -> None:
    account = {"user": 1, "currency": "USDT", "total": "1", "available": "1", "in_dual_mode": False}
    venue.answers["GET", "futures/usdt/accounts"] = refuse(account)
    venue.answers["POST", "futures/usdt/dual_mode"] = cut
    path, body = "/api/trading/position-mode", {"position_mode": "hedge"}
    told = await stub_trader.ask("PUT", path, body)
    assert told.status == 202 and told.json["outcome"] == "unknown" and told.json["wanted"] == "hedge"

    async def change_and_cut(request: web.Request) -> web.StreamResponse:
        venue.answers["GET", "futures/usdt/accounts"] = refuse(account | {"in_dual_mode": True})
        return await cut(request)

    venue.answers["POST", "futures/usdt/dual_mode"] = change_and_cut
    told = await stub_trader.ask("PUT", path, body)
    assert told.status == 200 and told.json == {"outcome": "accepted", "position_mode": "hedge", "changed": True}


async def test_two_processes_with_one_key_make_one_change(
    stub_trader: Trader, venue: StubVenue, api_redis: RedisProcess
) -> None:
    """Behind a load balancer the retry lands on another process, at the same instant."""
    order = await stub_trader.placed()

    async def change(request: web.Request) -> web.StreamResponse:
        (row,) = venue.orders.values()
        return web.json_response(row | {"price": "59000"})

    venue.answers["PUT", AMENDS] = change
    body: dict[str, Any] = {"price": "59000"}
    async with running_api(api_redis.url, GATE_REST_URL=venue.url) as other:
        second = Trader(other, stub_trader.user_id, stub_trader.account_id)
        told = await asyncio.gather(
            *(one.ask("PATCH", f"{ORDERS}/{order['id']}", body, key="k") for one in (stub_trader, second) * 4)
        )
    assert {answer.status for answer in told} == {200} and venue.count("PUT", AMENDS) == 1
