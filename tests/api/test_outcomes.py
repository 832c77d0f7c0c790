"""Outcomes: an answer that was lost is "unknown", is never sent again, and is found by asking."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import msgspec
import pytest
from aiohttp import web

from shared.desk.resolve import resolve
from shared.model import Outcome
from shared.store.intents import Intent
from tests.api.running import Answerer, Api, StubVenue, refuse

ORDERS = ("POST", "futures/usdt/orders")


async def hang(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    raise AssertionError


async def cut(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def bad_gateway(request: web.Request) -> web.StreamResponse:
    return web.Response(status=502, text="<html><h1>502 Bad Gateway</h1></html>", content_type="text/html")


async def gibberish(request: web.Request) -> web.StreamResponse:
    return web.Response(status=201, text="<html>", content_type="text/html")


async def the_intent(api: Api, user_id: str, intent_id: str) -> Intent:
    intent = await api.gateway.store.intents.get(user_id, intent_id)
    assert intent is not None
    return intent


@pytest.mark.parametrize(
    "lost", [hang, cut, bad_gateway, gibberish, refuse({"label": "SERVER_ERROR"}, 500)],
    ids=["timeout", "reset", "502 page", "unreadable", "500"],
)  # fmt: skip
async def test_a_lost_answer_is_unknown_and_never_sent_again(
    stub_api: Api, venue: StubVenue, user_id: str, lost: Answerer
) -> None:
    """The order may exist; a second one would be a second position."""
    stub_api.gateway.desk.order_deadline_s = 0.3
    venue.answers[ORDERS] = lost
    answer = await stub_api.place(user_id, key="k", take_profit={"price": 90000})

    assert (answer.status, answer.json["message"]) == (202, "unknown")
    assert answer.data["order"] is None and answer.data["take_profit"]["outcome"] == "not_placed"
    assert venue.count(*ORDERS) == 1
    intent = await the_intent(stub_api, user_id, answer.data["intent"]["id"])
    assert intent.outcome == "unknown"
    _, event = await stub_api.gateway.store.events.after(user_id, "0-0")
    assert event.kind == "outcome" and msgspec.json.decode(event.data)["outcome"] == "unknown"

    again = await stub_api.place(user_id, key="k", take_profit={"price": 90000})
    assert again.status == 202 and again.data["intent"] == answer.data["intent"]
    assert venue.count(*ORDERS) == 1


async def test_what_became_of_it_is_found_by_asking(stub_api: Api, venue: StubVenue, user_id: str) -> None:
    """The venue took the order and the answer was cut: the resolver finds it, tells the stream and the caller."""

    async def take_and_cut(request: web.Request) -> web.StreamResponse:
        await venue.book(request)
        return await cut(request)

    venue.answers[ORDERS] = take_and_cut
    answer = await stub_api.place(user_id, key="k")
    assert answer.status == 202
    intent = await the_intent(stub_api, user_id, answer.data["intent"]["id"])

    assert await resolve(stub_api.gateway.desk, intent) is Outcome.ACCEPTED
    kinds = [event.kind for event in await stub_api.gateway.store.events.after(user_id, "0-0")]
    assert kinds == ["session", "outcome", "order", "outcome"]
    again = await stub_api.place(user_id, key="k")
    assert again.status == 200 and again.data["order"]["id"] == "9007199254740993"
    assert venue.count(*ORDERS) == 1
    assert await resolve(stub_api.gateway.desk, await the_intent(stub_api, user_id, intent.id)) is Outcome.ACCEPTED


async def test_a_lost_leverage_answer_places_nothing(stub_api: Api, venue: StubVenue, user_id: str) -> None:
    """The order did not leave, so the outcome is known: nothing happened, and asking again is safe."""
    venue.answers["POST", "futures/usdt/positions/BTC_USDT/leverage"] = cut
    answer = await stub_api.place(user_id, key="k", leverage=3)

    assert answer.status == 503 and answer.error["retryable"] and "nothing was placed" in answer.error["message"]
    assert venue.count(*ORDERS) == 0
    del venue.answers["POST", "futures/usdt/positions/BTC_USDT/leverage"]
    venue.answers["POST", "futures/usdt/positions/BTC_USDT/leverage"] = refuse({"contract": "BTC_USDT", "size": "0"})
    again = await stub_api.place(user_id, key="k", leverage=3)
    assert again.status == 200


async def test_a_guard_that_is_refused_is_said(stub_api: Api, venue: StubVenue, user_id: str) -> None:
    """The order stands; each guard has an outcome of its own and is never passed over in silence."""

    async def only_stop_losses(request: web.Request) -> web.StreamResponse:
        said = msgspec.json.decode(await request.read())
        if said["trigger"]["rule"] == 1:
            return web.json_response({"label": "AUTO_TRIGGER_PRICE_LESS_LAST"}, status=400)
        return web.json_response({"id": 7, "id_string": "7"}, status=201)

    venue.answers["POST", "futures/usdt/price_orders"] = only_stop_losses
    answer = await stub_api.place(user_id, take_profit={"price": 1}, stop_loss={"price": "50000"})
    assert answer.status == 200
    assert answer.data["take_profit"]["outcome"] == "rejected"
    assert answer.data["take_profit"]["venue"]["code"] == "AUTO_TRIGGER_PRICE_LESS_LAST"
    assert (answer.data["stop_loss"]["outcome"], answer.data["stop_loss"]["id"]) == ("accepted", "7")


async def test_numbers_and_ids_keep_every_digit(stub_api: Api, venue: StubVenue, user_id: str) -> None:
    """Through a float 2^53+1 becomes another order, and a price another price."""
    answer = await stub_api.ask(
        "POST",
        "/gate/place-futures-order",
        raw=b'{"userId":"%b","market_type":"limit","price":60000.123456789012345678,"contract":"BTC_USDT","leverage":10,'
        b'"leverage_type":"ISOLATED","size":9007199254740993,"position_type":"short"}' % user_id.encode(),
    )

    assert answer.status == 200
    (said,) = (body for method, path, body in venue.asked if (method, path) == ORDERS)
    sent = msgspec.json.decode(said)
    assert sent["price"] == "60000.123456789012345678" and sent["size"] == -9007199254740993
    order = answer.data["order"]
    assert order["id"] == "9007199254740993" and order["size"] == "9007199254740993"
    assert Decimal(order["price"]) == Decimal("60000.123456789012345678")
    assert b'"resPlaceOrder":{"id": 9007199254740993' in answer.body


async def test_a_market_order_goes_out_as_ioc_at_no_price(stub_api: Api, venue: StubVenue, user_id: str) -> None:
    await stub_api.place(user_id, market_type="market", price="garbage is ignored here")
    (said,) = (body for method, path, body in venue.asked if (method, path) == ORDERS)
    sent = msgspec.json.decode(said)
    assert (sent["price"], sent["tif"], sent["size"]) == ("0", "ioc", 1)
    assert sent["text"].startswith("t-")


async def test_a_callers_own_id_is_what_the_venue_hears(stub_api: Api, venue: StubVenue, user_id: str) -> None:
    """And it is the key, where no other was given."""
    first = await stub_api.place(user_id, client_order_id="my-order-1", time_in_force="post_only", reduce_only=True)
    again = await stub_api.place(user_id, client_order_id="my-order-1", time_in_force="post_only", reduce_only=True)
    (said,) = (body for method, path, body in venue.asked if (method, path) == ORDERS)
    sent = msgspec.json.decode(said)
    assert (sent["text"], sent["tif"], sent["reduce_only"]) == ("t-my-order-1", "poc", True)
    assert first.data["order"] == again.data["order"]


async def test_with_proof_it_was_not_placed_and_the_key_may_try_again(
    stub_api: Api, venue: StubVenue, user_id: str
) -> None:
    """The request never arrived: the venue says so after the wire's expiry, and only then is a second order safe."""
    venue.answers[ORDERS] = cut
    answer = await stub_api.place(user_id, key="k")
    intent = await the_intent(stub_api, user_id, answer.data["intent"]["id"])
    assert await resolve(stub_api.gateway.desk, intent) is Outcome.UNKNOWN

    assert intent.expires_at_ms is not None
    older = msgspec.structs.replace(
        intent, created_at_ms=intent.created_at_ms - 20_000, expires_at_ms=intent.expires_at_ms - 20_000
    )
    assert await resolve(stub_api.gateway.desk, older) is Outcome.REJECTED
    last = (await stub_api.gateway.store.events.after(user_id, "0-0"))[-1]
    assert msgspec.json.decode(last.data)["reason"].startswith("not placed")

    venue.answers[ORDERS] = venue.book
    again = await stub_api.place(user_id, key="k")
    assert again.status == 200 and again.data["intent"]["id"] != intent.id
    assert venue.count(*ORDERS) == 2


async def test_a_filled_order_is_found_by_its_fill_when_its_text_is_forgotten(
    stub_api: Api, venue: StubVenue, user_id: str
) -> None:
    """Texts are forgotten after a minute; fills are not."""

    async def take_and_cut(request: web.Request) -> web.StreamResponse:
        await venue.book(request)
        return await cut(request)

    venue.answers[ORDERS] = take_and_cut
    answer = await stub_api.place(user_id)
    intent = await the_intent(stub_api, user_id, answer.data["intent"]["id"])
    row = venue.orders.pop(intent.id)
    venue.orders["forgotten"] = row
    fill = {"contract": "BTC_USDT", "size": 1, "price": "60000", "order_id": str(row["id"]), "trade_id": "7",
            "create_time": 1700000000.5, "text": intent.id}  # fmt: skip
    venue.answers["GET", "futures/usdt/my_trades_timerange"] = refuse([fill])

    assert await resolve(stub_api.gateway.desk, intent) is Outcome.ACCEPTED
    resolved = await the_intent(stub_api, user_id, intent.id)
    assert resolved.order_id == "9007199254740993"
