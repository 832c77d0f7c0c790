"""Guards that go with the order: what the venue does not confirm is placed beside it at once."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from aiohttp import web

from tests.api.running import StubVenue, refuse
from tests.api.trader import LIMIT, ORDERS, Trader

PLACES, TRIGGERS = ("POST", "futures/usdt/orders"), ("POST", "futures/usdt/price_orders")
GUARDS: dict[str, Any] = {"take_profit": "66000", "stop_loss": "57000.50", "attach": True}


def echoing(venue: StubVenue, *names: str) -> None:
    """The venue tells these fields of an order back, as it does what it has understood."""

    async def book(request: web.Request) -> web.StreamResponse:
        said = msgspec.json.decode(await request.read())
        await venue.book(request)
        return web.json_response(venue.orders[said["text"]] | {name: said[name] for name in names}, status=201)

    venue.answers[PLACES] = book
    venue.answers[TRIGGERS] = refuse({"id": 7, "id_string": "7"}, 201)


@pytest.mark.parametrize(
    ("echoed", "attached", "placed"),
    [
        (["tpsl_tp_trigger_price", "tpsl_sl_trigger_price"], (True, True), 0),
        (["tpsl_tp_trigger_price"], (True, False), 1),
        ([], (False, False), 2),
    ],
    ids=["both", "one", "none"],
)
async def test_what_is_not_echoed_is_placed_beside_the_order(
    stub_trader: Trader, venue: StubVenue, echoed: list[str], attached: tuple[bool, bool], placed: int
) -> None:
    """An order that was taken without the guards it asked for would be silently unprotected."""
    echoing(venue, *echoed)
    told = await stub_trader.place(**GUARDS)

    assert told.status == 200, told.body
    guards = told.json["take_profit"], told.json["stop_loss"]
    assert tuple(guard["attached"] for guard in guards) == attached
    assert {guard["outcome"] for guard in guards} == {"accepted"}
    assert [guard["id"] for guard in guards] == [None if is_attached else "7" for is_attached in attached]
    assert venue.count(*TRIGGERS) == placed
    (said,) = (msgspec.json.decode(body) for method, path, body in venue.asked if (method, path) == PLACES)
    assert (said["tpsl_tp_trigger_price"], said["tpsl_sl_trigger_price"]) == ("66000", "57000.50")


async def test_an_echo_of_another_price_is_none(stub_trader: Trader, venue: StubVenue) -> None:
    async def book(request: web.Request) -> web.StreamResponse:
        said = msgspec.json.decode(await request.read())
        await venue.book(request)
        odd = {"tpsl_tp_trigger_price": "66000.0", "tpsl_sl_trigger_price": "1"}
        return web.json_response(venue.orders[said["text"]] | odd, status=201)

    echoing(venue)
    venue.answers[PLACES] = book
    told = await stub_trader.place(**GUARDS)
    assert (told.json["take_profit"]["attached"], told.json["stop_loss"]["attached"]) == (True, False)


async def test_only_what_follows_the_last_price_is_attached(stub_trader: Trader, venue: StubVenue) -> None:
    """The venue's fields have no word for another price."""
    echoing(venue, "tpsl_tp_trigger_price")
    told = await stub_trader.place(**GUARDS | {"stop_loss": {"price": 57000, "price_type": "mark"}})
    assert told.json["take_profit"]["attached"] and not told.json["stop_loss"]["attached"]
    (said,) = (msgspec.json.decode(body) for method, path, body in venue.asked if (method, path) == PLACES)
    assert "tpsl_sl_trigger_price" not in said


async def test_a_guard_that_cannot_be_placed_either_is_said(stub_trader: Trader, venue: StubVenue) -> None:
    echoing(venue, "tpsl_tp_trigger_price")
    venue.answers[TRIGGERS] = refuse({"label": "AUTO_TRIGGER_PRICE_GREATE_LAST"}, 400)
    told = await stub_trader.place(**GUARDS)
    guard = told.json["stop_loss"]
    assert (guard["outcome"], guard["venue"]["code"]) == ("rejected", "AUTO_TRIGGER_PRICE_GREATE_LAST")


async def test_a_lost_answer_says_nothing_of_what_was_attached(stub_trader: Trader, venue: StubVenue) -> None:
    venue.answers[PLACES] = refuse({"label": "SERVER_ERROR"}, 500)
    told = await stub_trader.place(**GUARDS | {"stop_loss": {"price": 57000, "price_type": "mark"}})
    assert told.status == 202 and told.json["outcome"] == "unknown"
    assert (told.json["take_profit"]["outcome"], told.json["stop_loss"]["outcome"]) == ("unknown", "not_placed")
    assert venue.count(*TRIGGERS) == 0


async def test_in_a_batch_each_order_is_asked_for_its_guards(stub_trader: Trader, venue: StubVenue) -> None:
    """Its answer has no room for them."""

    async def book(request: web.Request) -> web.StreamResponse:
        rows = []
        for number, said in enumerate(msgspec.json.decode(await request.read())):
            row = {
                "id": 70 + number,
                "left": said["size"],
                "fill_price": "0",
                "status": "open",
                "create_time": 1,
            } | said
            venue.orders[said["text"]] = row
            rows.append({key: row[key] for key in row if not key.startswith("tpsl")} | {"succeeded": True})
        return web.json_response(rows)

    echoing(venue)
    venue.answers["POST", "futures/usdt/batch_orders"] = book
    told = await stub_trader.ask("POST", f"{ORDERS}/batch", {"orders": [LIMIT | GUARDS, LIMIT]})
    assert told.status == 200, told.body
    first, second = told.json["orders"]
    assert first["take_profit"]["attached"] and first["stop_loss"]["attached"], first
    assert second["take_profit"] is None and venue.count(*TRIGGERS) == 0
