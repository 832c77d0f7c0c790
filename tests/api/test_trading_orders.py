"""The trading routes against the paper exchange: orders placed, changed and cancelled in one shape for every venue."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from shared.model import Order
from tests.api.running import Api
from tests.api.trader import LIMIT, MARKET, ORDERS, Trader, a_paper_trader
from tests.paper.process import PaperProcess

ORDER_KEYS = {field.name for field in msgspec.structs.fields(Order)} - {"raw"}


async def test_an_order_is_placed_shown_changed_and_cancelled(trader: Trader) -> None:
    """The way every client goes, and each answer holds the whole order."""
    placed = await trader.place()

    assert placed.status == 200 and placed.json["outcome"] == "accepted"
    order = placed.json["order"]
    assert set(order) == ORDER_KEYS and set(placed.json) == {"outcome", "order", "take_profit", "stop_loss", "intent"}
    assert (order["status"], order["side"], order["price"], order["size"]) == ("open", "buy", "60000", "1")
    assert (order["origin"], order["user_id"], order["account_id"]) == ("gateway", trader.user_id, trader.account_id)

    path = f"{ORDERS}/{order['id']}"
    assert (await trader.ask("GET", path)).json["order"]["id"] == order["id"]
    changed = await trader.ask("PATCH", path, {"price": "59000", "quantity": 4})
    assert changed.status == 200, changed.body
    shown = changed.json["order"]
    assert (shown["id"], shown["price"], shown["size"], shown["origin"]) == (order["id"], "59000", "4", "gateway")

    ended = await trader.ask("DELETE", path)
    assert ended.status == 200 and ended.json["outcome"] == "accepted"
    assert (ended.json["order"]["status"], ended.json["order"]["origin"]) == ("cancelled", "gateway")
    assert (await trader.ask("GET", path)).json["order"]["status"] == "cancelled"
    again = await trader.ask("DELETE", path)
    assert again.status == 404 and again.error["venue"]["code"] == "ORDER_NOT_FOUND"


async def test_the_facts_of_it_are_on_the_stream(trader: Trader) -> None:
    order = await trader.placed()
    await trader.ask("PATCH", f"{ORDERS}/{order['id']}", {"price": "59000"})
    await trader.ask("DELETE", f"{ORDERS}/{order['id']}")
    told = [msgspec.json.decode(event.data) for event in await trader.events() if event.kind == "order"]

    assert [(fact["price"], fact["status"]) for fact in told] == [
        ("60000", "open"),
        ("59000", "open"),
        ("59000", "cancelled"),
    ]
    assert {fact["origin"] for fact in told} == {"gateway"}


@pytest.mark.parametrize(
    ("words", "size"),
    [
        ({"quantity": "3"}, "3"),
        ({"quantity": "0.0003", "quantity_unit": "base"}, "3"),
        ({"quantity": None, "quote_quantity": "18"}, "3"),  # 3 contracts of 0.0001 at 60000
        ({"quantity": 7, "iceberg": 2}, "7"),
        ({"time_in_force": "post_only"}, "1"),
        ({"time_in_force": "POC", "symbol": "BTC/USDT:USDT"}, "1"),
        ({"leverage": 7, "margin_mode": "cross"}, "1"),
        ({"leverage": "8"}, "1"),
    ],
)
async def test_what_can_be_said_of_an_order(trader: Trader, words: dict[str, Any], size: str) -> None:
    order = await trader.placed(**words)
    assert (order["size"], order["size_unit"], order["symbol"], order["status"]) == (
        size,
        "contracts",
        "BTC_USDT",
        "open",
    )


@pytest.mark.parametrize(
    ("words", "field", "nearest"),
    [
        ({"quantity": "1.5"}, "quantity", "the nearest is 2"),
        ({"quantity": "0.00025", "quantity_unit": "base"}, "quantity", "the nearest is 0.0002 (2 contracts)"),
        ({"quantity": None, "quote_quantity": "19"}, "quote_quantity", "the nearest is 18 (3 contracts)"),
        ({"price": "60000.05"}, "price", "the nearest is 60000"),
        ({"price": "1"}, "price", "the nearest is"),
        ({"quantity": "2", "iceberg": "0.5"}, "iceberg", "the nearest is"),
        ({"symbol": "NOPE_USDT"}, "symbol", "not traded"),
        ({"take_profit": "120000.05"}, "take_profit", "the nearest is"),
        ({"stop_loss": {"price": "30000.01", "price_type": "mark"}}, "stop_loss", "the nearest is 30000"),
        ({"type": "market", "quantity": None, "quote_quantity": "18"}, "quote_quantity", "needs a price"),
    ],
)
async def test_what_the_contract_cannot_have_is_refused_and_never_rounded(
    trader: Trader, api_paper: PaperProcess, words: dict[str, Any], field: str, nearest: str
) -> None:
    """By the name that the caller used, with the nearest value that would do, and with nothing sent."""
    refused = await trader.place(**words)

    assert refused.status == 422 and list(refused.fields) == [field], refused.body
    assert nearest in refused.fields[field]
    assert api_paper.books(trader.uid)["orders"] == []


async def test_a_position_is_opened_and_closed(trader: Trader, api_paper: PaperProcess) -> None:
    bought = await trader.bought(3)
    assert (bought["type"], bought["filled"], bought["remaining"]) == ("market", "3", "0")
    (position,) = (await trader.ask("GET", "/api/trading/positions")).json["positions"]
    assert (position["id"], position["side"], position["size"]) == ("BTC_USDT", "long", "3")

    path = f"/api/trading/positions/{position['id']}/close"
    closed = await trader.ask("POST", path, key="leave")
    assert closed.status == 200 and closed.json["order"]["status"] == "filled", closed.body
    assert "resCloseOrder" not in closed.json and closed.json["outcome"] == "accepted"
    again = await trader.ask("POST", path, key="leave")
    assert again.status == 200 and again.json == closed.json
    other = await trader.ask("POST", path, key="another")
    assert other.status == 409 and "no open position" in other.error["message"]
    assert (await trader.ask("POST", "/api/trading/positions/what/close")).status == 404
    assert (await trader.ask("GET", "/api/trading/positions")).json["positions"] == []


async def test_closing_clears_what_would_open_a_position_again(trader: Trader) -> None:
    guards = {"take_profit": "120000", "stop_loss": {"price": 30000, "price_type": "mark"}}
    told = await trader.ask("POST", ORDERS, MARKET | guards)
    assert [told.json[name]["outcome"] for name in guards] == ["accepted", "accepted"], told.body
    assert [told.json[name]["attached"] for name in guards] == [False, False]
    assert told.json["stop_loss"]["trigger"]["price_type"] == "mark"
    assert told.json["take_profit"]["trigger"]["parent_id"] == told.json["order"]["id"]

    closed = await trader.ask("POST", "/api/trading/positions/BTC%2FUSDT%3AUSDT/close", {})
    assert [one["outcome"] for one in closed.json["triggers"]] == ["accepted", "accepted"]


async def test_an_order_is_known_by_its_client_order_id_too(trader: Trader) -> None:
    """A bot that lost an answer has only its own id."""
    order = await trader.placed(client_order_id="mine-7")
    assert order["client_order_id"] == "t-mine-7"
    for name in ("mine-7", "t-mine-7", order["id"]):
        shown = await trader.ask("GET", f"{ORDERS}/{name}")
        assert shown.status == 200 and shown.json["order"]["id"] == order["id"], name
    changed = await trader.ask("PATCH", f"{ORDERS}/mine-7", {"price": "58000"})
    assert changed.json["order"]["price"] == "58000"
    assert (await trader.ask("DELETE", f"{ORDERS}/t-mine-7")).json["order"]["id"] == order["id"]
    assert (await trader.ask("GET", f"{ORDERS}/never-said")).status == 404
    assert (await trader.ask("GET", f"{ORDERS}/12345")).status == 404


async def test_the_same_key_is_the_same_order(trader: Trader, api_paper: PaperProcess) -> None:
    first, second = await trader.place(key="once"), await trader.place(key="once")
    assert first.json == second.json and len(api_paper.books(trader.uid)["orders"]) == 1
    other = await trader.place(key="once", quantity=2)
    assert other.status == 422 and other.error["code"] == "idempotency_mismatch"
    changed = [
        await trader.ask("PATCH", f"{ORDERS}/{first.json['order']['id']}", {"price": "59000"}, key="change")
        for _ in range(2)
    ]
    assert changed[0].status == 200 and changed[0].json == changed[1].json


async def test_to_change_nothing_is_accepted_as_it_stands(trader: Trader) -> None:
    """The venue refuses it, and yet the order is as wanted."""
    order = await trader.placed()
    told = await trader.ask("PATCH", f"{ORDERS}/{order['id']}", {"price": "60000.0", "quantity": "1"})
    assert told.status == 200 and told.json["order"]["price"] == "60000", told.body


async def test_an_order_that_finished_meanwhile_is_a_conflict(trader: Trader, api_paper: PaperProcess) -> None:
    """With the venue's own label, and what became of it is recorded."""
    order = await trader.placed()
    assert (await trader.ask("DELETE", f"{ORDERS}/{order['id']}")).status == 200
    told = await trader.ask("PATCH", f"{ORDERS}/{order['id']}", {"price": "59000"})
    assert told.status == 409 and told.error["venue"]["code"], told.body
    last = (await trader.outcomes())[-1]
    assert (last["outcome"], last["order_id"]) == ("rejected", order["id"])


async def test_an_amend_never_cancels_by_a_size_that_is_filled_already(trader: Trader) -> None:
    """A venue takes a total at or below what is filled for a cancel."""
    order = await trader.bought(3)
    told = await trader.ask("PATCH", f"{ORDERS}/{order['id']}", {"quantity": 3})
    assert told.status == 422 and "above the 3" in told.fields["quantity"]


async def test_a_batch_ends_item_by_item(trader: Trader, api_paper: PaperProcess) -> None:
    """A bad one is told by its place, and holds up none of the others."""
    orders = [
        LIMIT | {"client_order_id": "b-0"},
        LIMIT | {"quantity": "0.5"},
        LIMIT | {"client_order_id": "b-2", "take_profit": 120000},
        {"symbol": "BTC_USDT"},
        LIMIT | {"quantity": 900_000},
        "odd",
        LIMIT | {"client_order_id": "b-0"},
        LIMIT | {"type": "stop", "price": None, "stop_price": 50000},
    ]
    told = await trader.ask("POST", f"{ORDERS}/batch", {"orders": orders})

    assert told.status == 200, told.body
    rows = told.json["orders"]
    assert [row["index"] for row in rows] == list(range(8))
    outcomes = ["accepted", "rejected", "accepted", *["rejected"] * 5]
    assert [row["outcome"] for row in rows] == outcomes
    assert [row["status"] for row in rows] == [200, 422, 200, 422, 400, 422, 422, 422]
    assert rows[0]["order"]["client_order_id"] == "t-b-0" and rows[2]["take_profit"]["outcome"] == "accepted"
    fields = [{line["field"] for line in row["error"]["fields"]} for row in rows if "error" in row]
    assert fields == [
        {"quantity"},
        {"side", "type"},
        set(),
        {"order", "symbol", "side", "type"},
        {"client_order_id"},
        {"type"},
    ]
    assert rows[4]["error"]["venue"]["code"] == "INSUFFICIENT_AVAILABLE"
    assert len(api_paper.books(trader.uid)["orders"]) == 2


async def test_a_batch_with_the_same_key_is_the_same_batch(trader: Trader, api_paper: PaperProcess) -> None:
    """And is more requests than one where the venue takes fewer at once."""
    body = {"orders": [LIMIT | {"price": str(58_000 + index)} for index in range(23)]}
    first = await trader.ask("POST", f"{ORDERS}/batch", body, key="all")
    second = await trader.ask("POST", f"{ORDERS}/batch", body, key="all")
    assert {row["outcome"] for row in first.json["orders"]} == {"accepted"}
    assert first.json == second.json and len(api_paper.books(trader.uid)["orders"]) == 23
    ids = [row["order"]["id"] for row in first.json["orders"]]
    ended = (await trader.ask("DELETE", f"{ORDERS}/batch", {"order_ids": ids})).json["orders"]
    assert [(row["id"], row["outcome"]) for row in ended] == [(name, "accepted") for name in ids]
    assert {row["order"]["status"] for row in ended} == {"cancelled"}
    body["orders"][7] = LIMIT
    third = await trader.ask("POST", f"{ORDERS}/batch", body, key="all")
    assert [row["status"] for row in third.json["orders"]].count(422) == 1


async def test_a_batch_cannot_want_two_leverages_of_one_contract(trader: Trader) -> None:
    orders = [LIMIT | {"leverage": 5, "margin_mode": "cross"}, LIMIT | {"leverage": 6, "margin_mode": "cross"}]
    rows = (await trader.ask("POST", f"{ORDERS}/batch", {"orders": orders})).json["orders"]
    assert [row["status"] for row in rows] == [200, 409]


async def test_many_are_cancelled_by_any_of_their_ids(trader: Trader) -> None:
    """Each with its own outcome, shown by the id that the caller said."""
    one, two = await trader.placed(client_order_id="c-1"), await trader.placed()
    done = await trader.placed()
    await trader.ask("DELETE", f"{ORDERS}/{done['id']}")
    stop = await trader.ask(
        "POST", ORDERS, LIMIT | {"type": "stop", "price": None, "side": "sell", "stop_price": 30000}
    )
    waiting = stop.json["order"]["id"]
    ids = ["c-1", two["id"], done["id"], waiting, "never-said"]
    told = await trader.ask("DELETE", f"{ORDERS}/batch", {"order_ids": ids})

    assert told.status == 200, told.body
    rows = {row["id"]: row for row in told.json["orders"]}
    assert [rows[name]["outcome"] for name in ids] == ["accepted", "accepted", "rejected", "accepted", "rejected"]
    assert rows["c-1"]["order"]["id"] == one["id"] and rows[two["id"]]["order"]["status"] == "cancelled"
    assert rows[done["id"]]["venue"]["code"] == "ORDER_NOT_FOUND"
    assert rows[waiting]["trigger"]["status"] == "cancelled"
    told = await trader.ask("DELETE", f"{ORDERS}/batch?order_ids={one['id']},{two['id']}")
    assert [row["outcome"] for row in told.json["orders"]] == ["rejected", "rejected"]


async def test_all_are_cancelled_and_one_that_finished_meanwhile_is_told(
    trader: Trader, api_paper: PaperProcess
) -> None:
    """The record has it as open; only the venue knows that it is not."""
    kept = await trader.placed(side="sell", price="75000")
    first, second = await trader.placed(), await trader.placed(price="59000")
    direct = trader.api.gateway.desk
    seat = await direct.seat_of(trader.user_id, trader.account_id)
    await direct.send(seat, seat.wire.cancel(None, second["id"]))  # behind the record's back
    told = await trader.ask("DELETE", f"{ORDERS}?symbol=BTC_USDT&side=buy")

    assert told.status == 200, told.body
    rows = {row["id"]: row for row in told.json["orders"]}
    assert set(rows) == {first["id"], second["id"]}
    assert (rows[first["id"]]["outcome"], rows[first["id"]]["order"]["origin"]) == ("accepted", "gateway")
    assert (rows[second["id"]]["outcome"], rows[second["id"]]["reason"]) == ("rejected", "the order is cancelled")
    shown = await trader.ask("GET", f"{ORDERS}/{second['id']}")
    assert shown.json["order"]["status"] == "cancelled"
    rest = await trader.ask("DELETE", ORDERS)
    assert [row["id"] for row in rest.json["orders"]] == [kept["id"]]
    assert (await trader.ask("DELETE", ORDERS)).json == {"orders": []}


async def test_all_means_triggers_too_where_it_is_said(trader: Trader) -> None:
    order = await trader.placed()
    stop = {"type": "stop", "price": None, "side": "sell", "stop_price": 30000}
    below = (await trader.placed(**stop))["id"]
    above = (await trader.placed(**stop | {"side": "buy", "stop_price": 120000}))["id"]
    first = await trader.ask("DELETE", f"{ORDERS}?side=sell&triggers=true")
    assert [row["id"] for row in first.json["orders"]] == [below]
    second = await trader.ask("DELETE", f"{ORDERS}?triggers=true")
    assert [row["id"] for row in second.json["orders"]] == [order["id"], above]


async def test_a_rehearsal_shows_the_request_and_sends_nothing(trader: Trader, api_paper: PaperProcess) -> None:
    """The very body that the venue would get; never a key or a signature, and nothing is written down."""
    before = await trader.events()
    words: dict[str, Any] = {
        "quantity": "0.0003", "quantity_unit": "base", "client_order_id": "try-1", "leverage": 9,
        "margin_mode": "isolated", "take_profit": 120000, "dry_run": True,
    }  # fmt: skip
    told = await trader.place(key="rehearsal", **words)

    assert told.status == 200 and told.json["dry_run"] and told.json["order"] is None, told.body
    request = told.json["request"]
    assert (request["method"], request["path"], request["query"]) == ("POST", "/futures/usdt/orders", {})
    assert request["url"].endswith("/api/v4/futures/usdt/orders")
    assert request["body"] == {
        "contract": "BTC_USDT", "size": 3, "price": "60000", "tif": "gtc", "text": "t-try-1",
    }  # fmt: skip
    assert [also["for"] for also in told.json["also"]] == ["leverage", "take_profit"]
    assert told.json["values"]["size"] == "3"
    assert "SIGN" not in told.body.decode() and "KEY" not in told.body.decode()
    books = api_paper.books(trader.uid)
    assert books["orders"] == [] and books["triggers"] == []
    assert await trader.events() == before
    assert await trader.api.gateway.store.intents.get(trader.user_id, "t-try-1") is None
    for bad in ({"quantity": "0.5"}, {"client_order_id": "x" * 40}, {"quantity": None}):
        assert (await trader.place(dry_run=True, **bad)).status == 422


async def test_a_refusal_carries_the_venues_own_label(trader: Trader) -> None:
    poor = await trader.place(quantity=900_000)
    assert poor.status == 400 and poor.error["venue"]["code"] == "INSUFFICIENT_AVAILABLE"
    (outcome,) = await trader.outcomes()
    assert (outcome["outcome"], "INSUFFICIENT_AVAILABLE" in outcome["reason"]) == ("rejected", True)


async def test_a_caller_with_several_accounts_says_which(
    trader: Trader, api: Api, api_paper: PaperProcess, user_id: str
) -> None:
    account = api_paper.account()
    keys = {"api-key": account.api_key, "api-secret": account.api_secret, **trader.headers}
    added = await api.holding(keys).place(user_id)
    second = added.data["order"]["account_id"]
    asked: list[tuple[str, str, Any]] = [
        ("POST", ORDERS, LIMIT), ("GET", ORDERS, None), ("DELETE", ORDERS, None),
        ("PUT", "/api/trading/position-mode", {"position_mode": "one_way"}),
    ]  # fmt: skip
    for method, path, body in asked:
        told = await trader.ask(method, path, body)
        assert told.status == 409 and told.error["code"] == "which_account", told.body
        assert trader.account_id in told.fields["account_id"] and second in told.fields["account_id"]
    for account_id in (trader.account_id, second):
        order = await trader.placed(account_id=account_id)
        assert order["account_id"] == account_id
        (row,) = [
            row for row in (await trader.ask("GET", f"{ORDERS}?account_id={account_id}")).json["orders"]
            if row["id"] == order["id"]
        ]  # fmt: skip
        assert row["account_id"] == account_id
    mine = api.holding({name: keys[name] for name in ("api-key", "api-secret")})
    by_keys = await mine.ask("POST", ORDERS, LIMIT)
    assert by_keys.json["order"]["account_id"] == second  # keys act on their own account
    assert (await mine.ask("POST", ORDERS, LIMIT | {"account_id": trader.account_id})).status == 404


async def test_two_traders_at_once_do_not_meet(api: Api, api_paper: PaperProcess, user_id: str) -> None:
    one, two = await asyncio.gather(*(a_paper_trader(api, f"{user_id}-{name}", api_paper) for name in ("a", "b")))
    mine, theirs = await asyncio.gather(one.placed(), two.placed())
    assert [row["id"] for row in (await one.ask("GET", f"{ORDERS}?status=open")).json["orders"]] == [mine["id"]]
    assert (await one.ask("GET", f"{ORDERS}/{theirs['id']}")).status == 404
