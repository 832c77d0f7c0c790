"""What is read: from the record while a session keeps it true, from the venue where it is history or asked for."""

from __future__ import annotations

from typing import Any

import pytest

from shared.exchanges.base import PlaceOrder
from shared.model import SessionState
from tests.api.running import Api, StubVenue, refuse
from tests.api.trader import LIMIT, ORDERS, TRIGGERS, Trader
from tests.facts import a_position, a_trigger, an_order
from tests.paper.process import PaperProcess

POSITIONS, FILLS, BALANCES = "/api/trading/positions", "/api/trading/fills", "/api/trading/balances"


async def rows(trader: Trader, path: str, name: str = "orders") -> list[dict[str, Any]]:
    told = await trader.ask("GET", path)
    assert told.status == 200, told.body
    found: list[dict[str, Any]] = told.json[name]
    return found


async def test_orders_are_listed_newest_first_by_status_and_symbol(trader: Trader) -> None:
    first, second = await trader.placed(), await trader.placed(price="59000")
    done = await trader.placed(price="58000")
    await trader.ask("DELETE", f"{ORDERS}/{done['id']}")
    filled = await trader.bought()

    async def ids(query: str) -> list[str]:
        return [row["id"] for row in await rows(trader, f"{ORDERS}?{query}")]

    assert await ids("status=open") == [second["id"], first["id"]]
    assert await ids("status=open&symbol=BTC/USDT") == [second["id"], first["id"]]
    assert await ids("status=open&symbol=ETH_USDT") == []
    assert await ids("status=finished") == [filled["id"], done["id"]]
    assert await ids("status=filled") == [filled["id"]]
    assert await ids("status=CANCELLED") == [done["id"]]
    assert await ids("") == [filled["id"], done["id"], second["id"], first["id"]]
    assert await ids("limit=3") == [filled["id"], done["id"], second["id"]]


async def test_what_only_we_know_stands_beside_what_the_venue_says(trader: Trader) -> None:
    """The venue does not say who placed an order; the record and the intent do."""
    ours = await trader.placed()
    desk = trader.api.gateway.desk
    seat = await desk.seat_of(trader.user_id, trader.account_id)
    text = seat.venue.client_order_id("by-hand", "")
    by_hand = PlaceOrder("BTC_USDT", "buy", "limit", "1", "59000", "gtc", False, text)
    await desk.send(seat, seat.wire.place(by_hand, None))
    listed = {row["client_order_id"]: row for row in await rows(trader, f"{ORDERS}?status=open&fresh=true")}
    assert {row["id"]: row["origin"] for row in listed.values()}[ours["id"]] == "gateway"
    assert listed[text]["origin"] == "external"


async def test_pages_follow_each_other(trader: Trader) -> None:
    placed = [(await trader.placed(price=str(58_000 + index)))["id"] for index in range(5)]
    for live in (False, True):
        if live:
            await trader.be_live()
        seen: list[str] = []
        offset: int | None = 0
        while offset is not None:
            told = (await trader.ask("GET", f"{ORDERS}?status=open&limit=2&offset={offset}")).json
            assert told["source"] == ("record" if live else "venue")
            seen += [row["id"] for row in told["orders"]]
            offset = told["next_offset"]
        assert sorted(seen) == sorted(placed)


async def test_the_record_is_believed_while_its_session_is_live(stub_trader: Trader, venue: StubVenue) -> None:
    """One look at Redis, and no question to the venue. Anything else asks."""
    order = await stub_trader.placed()
    await stub_trader.be_live()
    venue.answers["GET", "futures/usdt/orders"] = refuse([])
    asked = ("GET", "futures/usdt/orders")

    told = (await stub_trader.ask("GET", f"{ORDERS}?status=open")).json
    assert (told["source"], [row["id"] for row in told["orders"]]) == ("record", [order["id"]])
    assert venue.count(*asked) == 0
    for query in ("status=open&fresh=true", "status=open&raw=true", "status=finished"):
        told = (await stub_trader.ask("GET", f"{ORDERS}?{query}")).json
        assert (told["source"], told["orders"]) == ("venue", []), query
    assert venue.count(*asked) == 3
    await stub_trader.be_live(SessionState.RECONNECTING)


async def test_a_session_that_is_not_live_is_not_believed(stub_trader: Trader, venue: StubVenue) -> None:
    await stub_trader.placed()
    await stub_trader.be_live(SessionState.RECONNECTING)
    venue.answers["GET", "futures/usdt/orders"] = refuse([])
    told = (await stub_trader.ask("GET", f"{ORDERS}?status=open")).json
    assert (told["source"], told["orders"]) == ("venue", [])


async def test_other_accounts_records_are_not_shown(stub_trader: Trader) -> None:
    """A user's accounts share one record."""
    await stub_trader.be_live()
    other = {"user_id": stub_trader.user_id, "account_id": "gate-other"}
    facts = [an_order(**other), a_position(**other), a_trigger(**other)]
    await stub_trader.api.gateway.store.events.record(facts, stub_trader.user_id)
    assert await rows(stub_trader, f"{ORDERS}?status=open") == []
    assert await rows(stub_trader, POSITIONS, "positions") == []
    assert await rows(stub_trader, f"{TRIGGERS}?status=open", "triggers") == []
    assert (await stub_trader.ask("GET", f"{ORDERS}/{facts[0].key().rpartition(':')[2]}")).status == 404


async def test_raw_shows_the_venues_own_row_beside(trader: Trader) -> None:
    """In every list and of every single one; without the wish it is not there."""
    order = await trader.placed()
    await trader.bought(2)
    trigger = await trader.placed(type="stop", price=None, side="sell", stop_price=30000)
    paths = {
        f"{ORDERS}?status=open": "orders", f"{ORDERS}?status=finished": "orders", f"{FILLS}?": "fills",
        f"{POSITIONS}?": "positions", f"{TRIGGERS}?status=open": "triggers", f"{BALANCES}?": "balances",
    }  # fmt: skip
    for path, name in paths.items():
        plain, raw = await rows(trader, path, name), await rows(trader, f"{path}&raw=true", name)
        assert raw and all(row["raw"] for row in raw), path
        assert all("raw" not in row for row in plain), path
    for path, name in ((f"{ORDERS}/{order['id']}", "order"), (f"{TRIGGERS}/{trigger['id']}", "trigger")):
        plain, raw = (await trader.ask("GET", path)).json, (await trader.ask("GET", f"{path}?raw=true")).json
        assert "raw" not in plain[name] and str(raw[name]["raw"]["id"]) == raw[name]["id"]


async def test_fills_can_be_asked_for_by_order(trader: Trader) -> None:
    one, two = await trader.bought(1), await trader.bought(2)
    every = await rows(trader, f"{FILLS}?symbol=BTC_USDT", "fills")
    assert {row["order_id"] for row in every} == {one["id"], two["id"]}
    for name in (two["id"], two["client_order_id"]):
        found = await rows(trader, f"{FILLS}?order_id={name}", "fills")
        assert found and {row["order_id"] for row in found} == {two["id"]}
    assert {row["side"] for row in every} == {"buy"} and all(row["fee"] for row in every)


async def test_positions_are_shown_from_record_and_venue(trader: Trader) -> None:
    await trader.bought(2)
    (venues,) = await rows(trader, POSITIONS, "positions")
    assert (venues["size"], venues["side"], venues["mark_price"] is not None) == ("2", "long", True)
    await trader.be_live()
    assert (await trader.ask("GET", POSITIONS)).json == {"positions": [], "source": "record", "next_offset": None}
    (fresh,) = await rows(trader, f"{POSITIONS}?fresh=true&symbol=BTC_USDT", "positions")
    assert fresh["size"] == "2"
    told = await trader.ask("POST", f"{POSITIONS}/BTC_USDT/close")  # a record that is behind keeps nobody in
    assert told.status == 200, told.body


async def test_balances_are_by_wallet_and_one_that_is_closed_holds_up_none(trader: Trader) -> None:
    told = (await trader.ask("GET", BALANCES)).json
    wallets = {row["wallet"] for row in told["balances"]}
    assert {"futures", "spot"} <= wallets and told["unread"] == []
    (futures,) = [row for row in told["balances"] if row["wallet"] == "futures"]
    assert (futures["asset"], float(futures["total"]) > 0) == ("USDT", True)


async def test_a_wallet_that_the_key_may_not_see_is_named(stub_trader: Trader, venue: StubVenue) -> None:
    venue.answers["GET", "spot/accounts"] = refuse({"label": "FORBIDDEN", "message": "no spot permission"}, 403)
    venue.answers["GET", "unified/accounts"] = refuse({"label": "USER_NOT_FOUND"}, 400)
    told = (await stub_trader.ask("GET", BALANCES)).json
    assert [row["wallet"] for row in told["balances"]] == ["futures"]
    assert told["unread"] == [{"wallet": "spot", "code": "FORBIDDEN", "message": "no spot permission"}]
    for name in ("futures/usdt/accounts", "spot/accounts", "unified/accounts"):
        venue.answers["GET", name] = refuse({"label": "FORBIDDEN"}, 403)
    told = await stub_trader.ask("GET", BALANCES)
    assert told.status == 403 and told.error["venue"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        (f"{ORDERS}?status=maybe", "status"), (f"{ORDERS}?limit=0", "limit"), (f"{ORDERS}?limit=501", "limit"),
        (f"{ORDERS}?offset=-1&status=open", "offset"), (f"{ORDERS}?offset=1", "offset"), (f"{ORDERS}?what=1", "what"),
        (f"{ORDERS}?symbol=B%20C", "symbol"), (f"{ORDERS}?symbol=BTC_EUR", "symbol"), (f"{ORDERS}?raw=maybe", "raw"),
        (f"{TRIGGERS}?status=filled", "status"), (f"{FILLS}?order_id=a/b", "order_id"),
        (f"{ORDERS}/a%20b", "id"), (f"{ORDERS}/{'9' * 65}", "id"), (f"{BALANCES}?symbol=BTC_USDT", "symbol"),
        (f"{POSITIONS}?limit=2", "limit"), ("/api/trading/leverage", "symbol"),
    ],
)  # fmt: skip
async def test_queries_are_checked_by_name(stub_trader: Trader, path: str, field: str) -> None:
    told = await stub_trader.ask("GET", path)
    assert 400 <= told.status < 500 and field in told.fields, told.body


async def test_nobody_and_strangers_see_nothing(
    trader: Trader, api: Api, api_paper: PaperProcess, user_id: str
) -> None:
    order = await trader.placed()
    paths = [ORDERS, f"{ORDERS}/{order['id']}", FILLS, POSITIONS, BALANCES, TRIGGERS, f"{TRIGGERS}/1",
             "/api/trading/position-mode", "/api/trading/leverage?symbol=BTC_USDT"]  # fmt: skip
    unclaimed = {"Authorization": f"Bearer {api.gateway.auth.token('nobody-yet', 60)}"}
    account = api_paper.account()
    strangers_keys = {"api-key": account.api_key, "api-secret": account.api_secret}
    for path in paths:
        mark = "&" if "?" in path else "?"
        for headers in ({}, {"Authorization": "Bearer x.y.z"}, strangers_keys):
            assert (await api.ask("GET", f"{path}{mark}what=1", headers=headers)).status == 401, path
        assert (await api.ask("GET", path, headers=unclaimed)).status == 404, path
        assert (await trader.ask("GET", f"{path}{mark}account_id=gate-0123456789")).status == 404, path
    health = await api.ask("GET", "/api/trading/health", headers={})
    assert health.status == 200 and health.json["status"] == "degraded" and health.json["venues"] == ["gate", "okx"]


async def test_limits_are_not_made_of_words(trader: Trader) -> None:
    """A limit above a page of the venue's is asked for page by page."""
    for index in range(3):
        await trader.ask("POST", ORDERS, LIMIT | {"price": str(58_000 + index)})
    assert len(await rows(trader, f"{ORDERS}?status=open&limit=250")) == 3
