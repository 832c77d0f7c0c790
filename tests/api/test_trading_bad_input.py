"""Bad input at the trading routes: a line per field, nothing sent, and nobody hears it who may not ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.api.running import Api, StubVenue
from tests.api.trader import LIMIT, MARKET, ORDERS, TRIGGERS, Trader
from tests.paper.process import PaperProcess

COMMANDS: list[tuple[str, str, Any]] = [
    ("POST", ORDERS, LIMIT), ("DELETE", ORDERS, None), ("POST", f"{ORDERS}/batch", {"orders": [LIMIT]}),
    ("DELETE", f"{ORDERS}/batch", {"order_ids": ["1"]}), ("PATCH", f"{ORDERS}/1", {"price": 1}),
    ("DELETE", f"{ORDERS}/1", None), ("POST", "/api/trading/positions/BTC_USDT/close", {}),
    ("POST", TRIGGERS, {"symbol": "BTC_USDT", "side": "sell", "stop_price": 1, "quantity": 1}),
    ("DELETE", TRIGGERS, None), ("PATCH", f"{TRIGGERS}/1", {"stop_price": 1}), ("DELETE", f"{TRIGGERS}/1", None),
    ("PUT", "/api/trading/position-mode", {"position_mode": "hedge"}),
    ("PUT", "/api/trading/leverage", {"symbol": "BTC_USDT", "leverage": 2}),
]  # fmt: skip
WRONG_FIELDS: list[tuple[str, Any]] = [
    ("symbol", "BTC USDT"), ("symbol", None), ("symbol", "BTC_EUR"), ("symbol", 7), ("side", "long"), ("side", None),
    ("type", "iceberg"), ("type", None), ("type", "trailing_stop"), ("quantity", 0), ("quantity", "-1"),
    ("quantity", "1e3"), ("quantity", None), ("quantity", True), ("quantity", [1]), ("quantity", "9" * 60),
    ("quantity_unit", "quote"), ("quote_quantity", 10), ("price", None), ("price", 0), ("price", "abc"),
    ("stop_price", 1), ("price_type", "bid"), ("time_in_force", "day"), ("reduce_only", "yes"), ("reduce_only", 1),
    ("leverage", 0), ("leverage", 5000), ("margin_mode", "both"), ("take_profit", "high"), ("take_profit", True),
    ("take_profit", -1), ("stop_loss", []), ("client_order_id", "a b"), ("client_order_id", "x" * 40),
    ("client_order_id", ""), ("iceberg", 0), ("self_trade", "fight"), ("attach", True),
    ("on_protection_failure", "pray"), ("dry_run", "yes"), ("account_id", "a/b"), ("size", 1), ("market_type", "limit"),
]  # fmt: skip


async def test_each_wrong_field_is_named(stub_trader: Trader, venue: StubVenue) -> None:
    """A client must know which of its words was wrong."""
    for name, value in WRONG_FIELDS:
        told = await stub_trader.place(**{name: value})
        assert told.status == 422 and name in told.fields, (name, value, told.body)
        assert told.error["code"] == "bad_request" and len(told.fields) <= 2, told.body
    assert venue.count("POST", "futures/usdt/orders") == 0 and await stub_trader.outcomes() == []


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"take_profit": {"price": "-5"}}, "take_profit.price"),
        ({"stop_loss": {"enabled": True}}, "stop_loss.price"),
        ({"stop_loss": {"price": 1, "price_type": "bid"}}, "stop_loss.price_type"),
        ({"stop_loss": {"price": 1, "prize": 1}}, "stop_loss.prize"),
    ],
)
async def test_nested_fields_are_named_with_their_place(stub_trader: Trader, words: Any, field: str) -> None:
    told = await stub_trader.place(**words)
    assert told.status == 422 and list(told.fields) == [field], told.body


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"time_in_force": "post_only"}, "time_in_force"),
        ({"iceberg": 1}, "iceberg"),
        ({"quantity": None}, "quantity"),
        ({"stop_price": 1}, "stop_price"),
    ],
)
async def test_what_a_market_order_cannot_have_is_named(stub_trader: Trader, words: Any, field: str) -> None:
    told = await stub_trader.ask("POST", ORDERS, MARKET | words)
    assert told.status == 422 and list(told.fields) == [field], told.body


async def test_a_price_is_ignored_for_a_market_order(stub_trader: Trader, venue: StubVenue) -> None:
    """As in the old routes."""
    assert (await stub_trader.ask("POST", ORDERS, MARKET | {"price": "1"})).status == 200
    (said,) = (body for method, path, body in venue.asked if (method, path) == ("POST", "futures/usdt/orders"))
    assert b'"price":"0"' in said


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "orders"), ({"orders": []}, "orders"), ({"orders": [LIMIT] * 51}, "orders"), ({"orders": LIMIT}, "orders"),
        ({"orders": [LIMIT], "dry_run": True}, "dry_run"),
    ],
)  # fmt: skip
async def test_a_batch_that_is_none_is_refused_whole(stub_trader: Trader, body: Any, field: str) -> None:
    told = await stub_trader.ask("POST", f"{ORDERS}/batch", body)
    assert told.status == 422 and list(told.fields) == [field], told.body


async def test_in_a_batch_what_is_said_of_the_whole_is_named(stub_trader: Trader, venue: StubVenue) -> None:
    items = [{**LIMIT, "dry_run": True}, {**LIMIT, "account_id": stub_trader.account_id}]
    told = await stub_trader.ask("POST", f"{ORDERS}/batch", {"orders": items})
    fields = [[line["field"] for line in row["error"]["fields"]] for row in told.json["orders"]]
    assert fields == [["dry_run"], ["account_id"]] and venue.count("POST", "futures/usdt/batch_orders") == 0


@pytest.mark.parametrize("ids", [None, [], ["a/b"], ["1"] * 101, [7]])
async def test_ids_are_checked(stub_trader: Trader, ids: Any) -> None:
    told = await stub_trader.ask("DELETE", f"{ORDERS}/batch", {"order_ids": ids})
    assert told.status == 422 and all(name.startswith("order_ids") for name in told.fields), told.body


async def test_broken_bodies_are_refused(stub_trader: Trader) -> None:
    for raw in (b"{", b"[]", b'{"symbol":NaN}', b'{"side":"buy","side":"sell"}', b"\xff"):
        for method, path, _ in COMMANDS:
            if method in ("POST", "PATCH", "PUT"):
                told = await stub_trader.ask(method, path, raw=raw)
                assert told.status in (400, 422) and "Traceback" not in told.body.decode(), (path, told.body)


async def test_numbers_keep_every_digit(stub_trader: Trader, venue: StubVenue) -> None:
    """Through a float a price becomes another price."""
    raw = (
        b'{"symbol":"BTC_USDT","side":"sell","type":"limit","quantity":9007199254740993,'
        b'"price":60000.123456789012345678}'
    )
    told = await stub_trader.ask("POST", ORDERS, raw=raw)
    assert told.status == 200, told.body
    (said,) = (body for method, path, body in venue.asked if (method, path) == ("POST", "futures/usdt/orders"))
    assert b'"price":"60000.123456789012345678"' in said and b'"size":-9007199254740993' in said
    assert told.json["order"]["id"] == "9007199254740993"


async def test_who_asks_is_checked_before_what_is_asked(trader: Trader, api: Api, api_paper: PaperProcess) -> None:
    """Nobody, a forged token, and keys that nobody claimed are told nothing of what they asked."""
    account = api_paper.account()
    strangers: list[dict[str, str]] = [
        {},
        {"Authorization": "Bearer x.y.z"},
        {"Authorization": f"Bearer {api.gateway.auth.token(trader.user_id, -60)}"},
        {"api-key": account.api_key, "api-secret": account.api_secret},
        {"api-key": "only"},
    ]
    for method, path, _ in COMMANDS:
        for headers in strangers:
            told = await api.ask(method, f"{path}?what=1", raw=b"{", headers=headers)
            assert (told.status, told.error["code"]) == (401, "not_authenticated"), (method, path, headers, told.body)


async def test_what_belongs_to_someone_else_is_not_there(
    trader: Trader, api: Api, api_paper: PaperProcess, new_keys: Callable[[], dict[str, str]], user_id: str
) -> None:
    """Neither by its account nor by its order's id."""
    keys = new_keys()
    theirs = await api.holding(keys).place(f"{user_id}-other")
    account_id, order_id = theirs.data["order"]["account_id"], theirs.data["order"]["id"]
    for method, path, body in COMMANDS:
        if body is None:
            told = await trader.ask(method, f"{path}?account_id={account_id}")
        else:
            told = await trader.ask(method, path, {**body, "account_id": account_id})
        assert told.status == 404, (method, path, told.body)
    for method, body in (("GET", None), ("PATCH", {"price": "59000"}), ("DELETE", None)):
        assert (await trader.ask(method, f"{ORDERS}/{order_id}", body)).status == 404
    rows = (await trader.ask("DELETE", f"{ORDERS}/batch", {"order_ids": [order_id]})).json["orders"]
    assert [row["outcome"] for row in rows] == ["rejected"]
    shown = await api.holding(keys).ask("GET", f"{ORDERS}/{order_id}")
    assert shown.json["order"]["status"] == "open"


async def test_idempotency_keys_are_short_and_printable(stub_trader: Trader) -> None:
    for method, path, body in COMMANDS:
        if method in ("POST", "PATCH"):
            headers = {**stub_trader.headers, "Idempotency-Key": "k" * 65}
            told = await stub_trader.api.ask(method, path, body, headers=headers)
            assert told.status == 400 and "Idempotency-Key" in told.fields, (path, told.body)


async def test_a_secret_is_told_to_nobody(trader: Trader, api: Api) -> None:
    """Not by a rehearsal, and not by what the venue says of a position or an order."""
    seat = await api.gateway.desk.seat_of(trader.user_id, trader.account_id)
    shown = (f"{ORDERS}?raw=true", "/api/trading/balances?raw=true", "/api/trading/positions?raw=true")
    told = [await trader.ask("GET", path) for path in shown]
    for answer in (*told, await trader.place(dry_run=True), await trader.place(take_profit=120000)):
        assert seat.credentials.api_secret not in answer.body.decode()
        assert seat.credentials.api_key not in answer.body.decode()
