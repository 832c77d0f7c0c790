"""Orders that wait for a price: placed as orders or as triggers, shown as both, changed without a moment of nothing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from aiohttp import web

from tests.api.running import StubVenue, refuse, until
from tests.api.trader import LIMIT, ORDERS, TRIGGERS, Trader
from tests.paper.process import PaperProcess

STOP: dict[str, Any] = {"symbol": "BTC_USDT", "side": "sell", "type": "stop", "quantity": 2, "stop_price": "30000"}
CLOSE_ALL: dict[str, Any] = {
    "symbol": "BTC_USDT", "side": "sell", "rule": "at_or_below", "stop_price": "30000", "reduce_only": True,
}  # fmt: skip
AMEND = "futures/usdt/price_orders/amend/7"
ROW: dict[str, Any] = {
    "id": 7, "id_string": "7", "user": 1, "status": "open", "create_time": 1700000000, "order_type": "",
    "initial": {"contract": "BTC_USDT", "size": -2, "price": "0", "tif": "ioc", "text": "t-old"},
    "trigger": {"strategy_type": 0, "price_type": 0, "price": "30000", "rule": 2, "expiration": 0},
}  # fmt: skip


@pytest.mark.parametrize(
    ("words", "kind", "rule"),
    [
        ({"type": "stop"}, "stop", "at_or_below"),
        ({"type": "stop", "side": "buy", "stop_price": "90000"}, "stop", "at_or_above"),
        ({"type": "stop_limit", "price": "29900"}, "stop_limit", "at_or_below"),
        ({"type": "take_profit", "stop_price": "90000"}, "take_profit", "at_or_above"),
        ({"type": "take_profit_limit", "side": "buy", "price": "29000"}, "take_profit_limit", "at_or_below"),
        ({"type": "stop", "reduce_only": True}, "stop", "at_or_below"),
        ({"type": "stop", "reduce_only": True, "quantity": None}, "stop", "at_or_below"),
        ({"type": "stop", "price_type": "mark", "quantity": "0.0002", "quantity_unit": "base"}, "stop", "at_or_below"),
    ],
)
async def test_each_kind_of_conditional_order_waits_the_right_way(
    trader: Trader, api_paper: PaperProcess, words: dict[str, Any], kind: str, rule: str
) -> None:
    """A stop follows the market, a take-profit waits for a better price."""
    told = await trader.ask("POST", ORDERS, STOP | words)

    assert told.status == 200, told.body
    order, trigger = told.json["order"], told.json["trigger"]
    assert (order["type"], order["status"], order["stop_price"]) == (kind, "open", trigger["price"])
    assert (trigger["rule"], trigger["origin"], order["id"]) == (rule, "gateway", trigger["id"])
    assert (order["reduce_only"], trigger["purpose"] is not None) == (words.get("reduce_only", False),) * 2
    assert (await trader.ask("GET", f"{ORDERS}/{order['id']}")).json["order"]["type"] == kind
    (held,) = api_paper.books(trader.uid)["triggers"]
    assert str(held["id"]) == trigger["id"]


async def test_a_trigger_is_placed_shown_changed_and_cancelled(trader: Trader) -> None:
    placed = await trader.ask("POST", TRIGGERS, STOP | {"client_order_id": "s-1", "expires_in_s": 3600})
    assert placed.status == 200 and placed.json["outcome"] == "accepted", placed.body
    trigger_id = placed.json["trigger"]["id"]

    for name in (trigger_id, "s-1"):
        assert (await trader.ask("GET", f"{TRIGGERS}/{name}")).json["trigger"]["id"] == trigger_id
    changed = await trader.ask("PATCH", f"{TRIGGERS}/s-1", {"stop_price": "29000", "quantity": 3})
    assert changed.status == 200, changed.body
    shown = changed.json["trigger"]
    assert (shown["price"], shown["size"], shown["status"], shown["side"]) == ("29000", "3", "open", "sell")
    waiting = (await trader.ask("GET", f"{TRIGGERS}?status=open")).json["triggers"]
    assert [(row["id"], row["price"]) for row in waiting] == [(shown["id"], "29000")]

    ended = await trader.ask("DELETE", f"{TRIGGERS}/{shown['id']}")
    assert ended.json["trigger"]["status"] == "cancelled" and ended.json["order"]["status"] == "cancelled"
    again = await trader.ask("DELETE", f"{TRIGGERS}/{shown['id']}")
    assert again.status == 404 and again.error["venue"]["code"] == "AUTO_ORDER_NOT_FOUND"
    gone = await trader.ask("PATCH", f"{TRIGGERS}/{shown['id']}", {"stop_price": "28000"})
    assert gone.status == 409 and gone.error["venue"]["code"], gone.body


async def test_without_a_word_the_way_is_from_the_price_of_the_moment(trader: Trader) -> None:
    words = {name: value for name, value in STOP.items() if name != "type"}
    below = await trader.ask("POST", TRIGGERS, words)
    above = await trader.ask("POST", TRIGGERS, words | {"stop_price": "120000", "price_type": "index"})
    assert [told.json["trigger"]["rule"] for told in (below, above)] == ["at_or_below", "at_or_above"]


async def test_one_that_closes_all_there_is_works_in_both_modes(trader: Trader, api_paper: PaperProcess) -> None:
    """The venue wants different words for it where both sides are held, and refuses a wrong guess."""
    for mode in ("one_way", "hedge"):
        told = await trader.ask("PUT", "/api/trading/position-mode", {"position_mode": mode})
        assert told.status == 200
        placed = await trader.ask("POST", TRIGGERS, CLOSE_ALL)
        assert placed.status == 200 and placed.json["trigger"]["size"] == "0", placed.body
        changed = await trader.ask("PATCH", f"{TRIGGERS}/{placed.json['trigger']['id']}", {"stop_price": "29000"})
        assert changed.status == 200 and changed.json["trigger"]["price"] == "29000", changed.body
        assert (await trader.ask("DELETE", TRIGGERS)).status == 200


async def test_a_fired_trigger_is_shown_with_what_its_child_did(trader: Trader, api_paper: PaperProcess) -> None:
    """The order that a caller placed is the one they look for."""
    await trader.bought(2)
    stop = await trader.ask("POST", ORDERS, STOP | {"reduce_only": True, "stop_price": "50000"})
    order_id = stop.json["order"]["id"]
    api_paper.price("BTC_USDT", "49000")
    try:

        async def fired() -> Any:
            shown = (await trader.ask("GET", f"{ORDERS}/{order_id}?raw=true")).json
            return shown if shown["trigger"]["status"] == "fired" else None

        shown = await until(fired, "the stop fires")
    finally:
        api_paper.price("BTC_USDT", "67500")
    assert shown["trigger"]["child_id"] and shown["trigger"]["raw"]["status"] == "finished"
    order = shown["order"]
    assert (order["id"], order["status"], order["filled"], order["cause"]) == (order_id, "filled", "2", "fired")


async def test_all_triggers_are_cancelled(trader: Trader) -> None:
    ids = {(await trader.ask("POST", TRIGGERS, STOP)).json["trigger"]["id"] for _ in range(3)}
    told = await trader.ask("DELETE", f"{TRIGGERS}?symbol=BTC_USDT")
    assert {(row["id"], row["outcome"]) for row in told.json["triggers"]} == {(name, "accepted") for name in ids}
    finished = (await trader.ask("GET", f"{TRIGGERS}?status=finished")).json["triggers"]
    assert {row["id"] for row in finished} == ids and {row["origin"] for row in finished} == {"gateway"}


async def test_the_same_key_is_the_same_trigger(trader: Trader, api_paper: PaperProcess) -> None:
    first, second = [await trader.ask("POST", ORDERS, STOP, key="once") for _ in range(2)]
    assert first.json == second.json and len(api_paper.books(trader.uid)["triggers"]) == 1
    other = await trader.place(key="once")
    assert other.status == 422 and other.error["code"] == "idempotency_mismatch"


async def test_a_price_on_the_wrong_side_is_refused_with_the_venues_label(trader: Trader) -> None:
    told = await trader.ask("POST", ORDERS, STOP | {"stop_price": "120000"})
    assert told.status == 400 and told.error["venue"]["code"].startswith("AUTO_TRIGGER_PRICE")
    assert told.error["retryable"]


async def test_a_rehearsed_trigger_sends_nothing(trader: Trader, api_paper: PaperProcess) -> None:
    for path in (ORDERS, TRIGGERS):
        told = await trader.ask("POST", path, STOP | {"dry_run": True})
        request = told.json["request"]
        assert (request["method"], request["path"]) == ("POST", "/futures/usdt/price_orders")
        assert request["body"]["trigger"]["rule"] == 2 and request["body"]["initial"]["size"] == -2
    assert api_paper.books(trader.uid)["triggers"] == []


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        ({"stop_price": None}, {"stop_price"}),
        ({"price": "30000"}, {"price"}),
        ({"type": "stop_limit"}, {"price"}),
        ({"quantity": None}, {"quantity"}),
        ({"time_in_force": "fok"}, {"time_in_force"}),
        ({"take_profit": 1, "iceberg": 1, "attach": True}, {"take_profit", "iceberg", "attach"}),
        ({"type": "trailing_stop"}, {"type"}),
        ({"quantity": "0.5"}, {"quantity"}),
        ({"type": "stop_limit", "price": "60000.05"}, {"price"}),
        ({"stop_price": "30000.01"}, {"stop_price"}),
        ({"reduce_only": True, "quantity": None, "stop_price": "30000.01"}, {"stop_price"}),
        ({"client_order_id": "x" * 40}, {"client_order_id"}),
    ],
)
async def test_what_is_wrong_with_a_conditional_order_is_named(
    trader: Trader, words: dict[str, Any], fields: set[str]
) -> None:
    told = await trader.ask("POST", ORDERS, STOP | words)
    assert told.status == 422 and set(told.fields) == fields, told.body


async def test_changes_that_make_no_sense_are_named(trader: Trader) -> None:
    order, stop = await trader.placed(), (await trader.ask("POST", ORDERS, STOP)).json["order"]
    assert set((await trader.ask("PATCH", f"{ORDERS}/{order['id']}", {"stop_price": 1})).fields) == {"stop_price"}
    for path in (f"{ORDERS}/{order['id']}", f"{ORDERS}/{stop['id']}"):
        assert (await trader.ask("PATCH", path, {})).status == 422
        assert set((await trader.ask("PATCH", path, {"quantity": "0.5"})).fields) == {"quantity"}
        assert set((await trader.ask("PATCH", path, {"size": 1})).fields) == {"size"}


# When the venue will not amend: another one in its place.


def waits(venue: StubVenue, row: dict[str, Any]) -> None:
    """The venue shows this trigger, and takes others."""
    venue.answers["GET", "futures/usdt/price_orders/7"] = refuse(row)
    venue.answers["POST", "futures/usdt/price_orders"] = refuse({"id": 8, "id_string": "8"}, 201)
    venue.answers["DELETE", "futures/usdt/price_orders/7"] = refuse(
        row | {"status": "finished", "finish_as": "cancelled"}
    )
    venue.answers["DELETE", "futures/usdt/price_orders/8"] = refuse(
        row | {"id": 8, "id_string": "8", "status": "finished", "finish_as": "cancelled"}
    )


def sent(venue: StubVenue) -> list[tuple[str, str]]:
    return [(method, path.removeprefix("futures/usdt/")) for method, path, _ in venue.asked if method != "GET"]


async def not_routed(request: web.Request) -> web.StreamResponse:
    return web.Response(status=404)


@pytest.mark.parametrize(
    "refusal",
    [not_routed, refuse({"label": "AUTO_INVALID_REQUEST_BODY", "code": "1077"}, 400)],
    ids=["no such call", "refused"],
)
async def test_a_venue_that_will_not_amend_gets_another_one_first(
    stub_trader: Trader, venue: StubVenue, refusal: Any
) -> None:
    """Then the old one is cancelled: for a moment there are two, and never none."""
    waits(venue, ROW)
    venue.answers["PUT", AMEND] = refusal
    told = await stub_trader.ask("PATCH", f"{TRIGGERS}/7", {"stop_price": "29000"})

    assert told.status == 200, told.body
    assert sent(venue) == [("PUT", "price_orders/amend/7"), ("POST", "price_orders"), ("DELETE", "price_orders/7")]
    assert (told.json["trigger"]["id"], told.json["trigger"]["price"]) == ("8", "29000")
    assert told.json["replaced"]["id"] == "7" and told.json["replaced"]["outcome"] == "accepted"
    (said,) = (msgspec.json.decode(body) for method, path, body in venue.asked if path == "futures/usdt/price_orders")
    assert (said["initial"]["size"], said["trigger"]["price"], said["trigger"]["rule"]) == (-2, "29000", 2)


async def test_a_refusal_of_the_new_price_replaces_nothing(stub_trader: Trader, venue: StubVenue) -> None:
    waits(venue, ROW)
    venue.answers["PUT", AMEND] = refuse({"label": "AUTO_TRIGGER_PRICE_GREATE_LAST"}, 400)
    told = await stub_trader.ask("PATCH", f"{TRIGGERS}/7", {"stop_price": "99000"})
    assert told.status == 400 and told.error["venue"]["code"] == "AUTO_TRIGGER_PRICE_GREATE_LAST"
    assert sent(venue) == [("PUT", "price_orders/amend/7")]


async def test_when_the_new_one_is_refused_the_old_one_stays(stub_trader: Trader, venue: StubVenue) -> None:
    """Never silently unprotected."""
    waits(venue, ROW)
    venue.answers["PUT", AMEND] = not_routed
    venue.answers["POST", "futures/usdt/price_orders"] = refuse({"label": "AUTO_TRIGGER_PRICE_GREATE_LAST"}, 400)
    told = await stub_trader.ask("PATCH", f"{TRIGGERS}/7", {"stop_price": "99000"})
    assert told.status == 400 and sent(venue) == [("PUT", "price_orders/amend/7"), ("POST", "price_orders")]


async def test_one_that_has_fired_is_not_replaced(stub_trader: Trader, venue: StubVenue) -> None:
    waits(venue, ROW)
    venue.answers["PUT", AMEND] = refuse({"label": "AUTO_ORDER_NOT_FOUND"}, 400)
    fired = ROW | {"status": "finished", "finish_as": "succeeded", "trade_id": 9}

    async def then(request: web.Request) -> web.StreamResponse:
        return web.json_response(fired if venue.count("PUT", AMEND) else ROW)

    venue.answers["GET", "futures/usdt/price_orders/7"] = then
    told = await stub_trader.ask("PATCH", f"{TRIGGERS}/7", {"stop_price": "29000"})
    assert told.status == 409 and told.error["venue"]["code"] == "AUTO_ORDER_NOT_FOUND", told.body
    assert sent(venue) == [("PUT", "price_orders/amend/7")]


async def test_when_the_old_one_fires_meanwhile_the_new_one_goes_again(stub_trader: Trader, venue: StubVenue) -> None:
    """Its purpose is served; the other one would do it twice."""
    waits(venue, ROW)
    venue.answers["PUT", AMEND] = not_routed
    venue.answers["DELETE", "futures/usdt/price_orders/7"] = refuse({"label": "AUTO_ORDER_NOT_FOUND"}, 400)

    async def then(request: web.Request) -> web.StreamResponse:
        is_over = venue.count("POST", "futures/usdt/price_orders")
        return web.json_response(ROW | ({"status": "finished", "finish_as": "succeeded"} if is_over else {}))

    venue.answers["GET", "futures/usdt/price_orders/7"] = then
    told = await stub_trader.ask("PATCH", f"{TRIGGERS}/7", {"stop_price": "29000"})
    assert told.status == 409, told.body
    assert sent(venue)[-2:] == [("DELETE", "price_orders/7"), ("DELETE", "price_orders/8")]


async def test_an_order_beside_a_trigger_of_the_same_id_is_the_order(stub_trader: Trader, venue: StubVenue) -> None:
    """Triggers have ids of their own at the venue; an address says which is meant."""
    waits(venue, ROW)
    order = await stub_trader.placed()
    venue.orders[order["client_order_id"]]["id"] = 7
    placed = await stub_trader.place(**LIMIT)
    assert placed.status == 200
    assert (await stub_trader.ask("GET", f"{TRIGGERS}/7")).json["trigger"]["id"] == "7"
    assert (await stub_trader.ask("GET", f"{ORDERS}/7")).json["order"]["type"] == "limit"
