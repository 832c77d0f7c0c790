"""What cannot be an order at the venue is refused by field before a user id is claimed or anything is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from api import instruments
from tests.api.running import Api, StubVenue, refuse
from tests.api.trader import Trader

CONTRACTS = ("GET", "futures/usdt/contracts")
ORDERS = ("POST", "futures/usdt/orders")
BTC = {
    "name": "BTC_USDT", "quanto_multiplier": "0.0001", "order_price_round": "0.1", "order_size_min": "2",
    "order_size_max": "1000", "enable_decimal": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("words", "field", "hint"),
    [
        ({"contract": "NOPE_USDT"}, "contract", "not traded"),
        ({"price": "60000.05"}, "price", "multiple of 0.1"),
        ({"price": "60000.123456789012345"}, "price", "60000.1"),
        ({"size": "2.5"}, "size", "multiple of 1"),
        ({"size": "1001"}, "size", "from 2 to 1000"),
        ({"size": 1}, "size", "from 2 to 1000"),
        ({"market_type": "market", "size": 1}, "size", "from 2 to 1000"),
    ],
)
async def test_it_is_refused_by_field_and_claims_nothing(
    stub_api: Api, venue: StubVenue, user_id: str, words: dict[str, Any], field: str, hint: str
) -> None:
    """The name stays free for whoever places a real order."""
    venue.answers[CONTRACTS] = refuse([BTC])
    told = await stub_api.place(user_id, **{"size": 2, **words})

    assert told.status == 422 and list(told.fields) == [field], told.body
    assert hint in told.fields[field]
    store = stub_api.gateway.store
    assert await store.users.get(user_id) is None and await store.accounts.of_user(user_id) == []
    assert [key async for key in store.redis.client.scan_iter(f"*{user_id}*")] == []
    assert venue.count(*ORDERS) == 0


async def test_another_account_may_take_the_name_afterwards(
    api: Api, user_id: str, new_keys: Callable[[], dict[str, str]]
) -> None:
    assert "contract" in (await api.place(user_id, contract="NOPE_USDT")).fields
    assert "price" in (await api.place(user_id, price="60000.01")).fields
    assert (await api.holding(new_keys()).place(user_id)).status == 200
    assert (await api.place(user_id)).status == 403


async def test_wrong_keys_are_told_first(stub_api: Api, venue: StubVenue, user_id: str) -> None:
    """What can be traded is explained only to somebody whose keys work."""
    venue.answers[CONTRACTS] = refuse([BTC])
    venue.answers["GET", "futures/usdt/accounts"] = refuse({"label": "INVALID_KEY"}, 401)
    assert (await stub_api.place(user_id, contract="NOPE_USDT")).status == 401
    assert (await stub_api.place(user_id, size=1)).status == 401


async def test_one_reading_serves_all_and_the_table_is_read_again_for_a_new_contract(
    stub_api: Api, venue: StubVenue, user_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A contract that was listed a moment ago is not refused for a minute."""
    venue.answers[CONTRACTS] = refuse([BTC])
    await asyncio.gather(*(stub_api.place(user_id, size=1) for _ in range(10)))
    assert (await stub_api.place(user_id, size=2)).status == 200
    assert "contract" in (await stub_api.place(user_id, contract="NEW_USDT")).fields
    assert venue.count(*CONTRACTS) == 1

    venue.answers[CONTRACTS] = refuse([BTC, {**BTC, "name": "NEW_USDT"}])
    monkeypatch.setattr(instruments, "FRESH_S", 0.0)
    told = await stub_api.place(user_id, contract="NEW_USDT", size=1)
    assert list(told.fields) == ["size"] and venue.count(*CONTRACTS) == 2


async def _hang(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    raise AssertionError


@pytest.mark.parametrize(
    "away", [_hang, refuse({"label": "SERVER_ERROR"}, 500), refuse({"odd": 1}), refuse([])],
    ids=["silent", "500", "unreadable", "empty"],
)  # fmt: skip
async def test_a_venue_that_cannot_be_read_decides_itself(
    stub_api: Api, venue: StubVenue, user_id: str, away: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check is a kindness; an order never waits long for it, nor fails without it."""
    monkeypatch.setattr(instruments, "WAIT_S", 0.2)
    venue.answers[CONTRACTS] = away
    async with asyncio.timeout(3):
        assert (await stub_api.place(user_id, price="60000.01")).status == 200
        assert (await stub_api.place(user_id, price="60000.02")).status == 200
    assert venue.count(*ORDERS) == 2 and venue.count(*CONTRACTS) == 1


async def test_leverage_and_iceberg_are_checked_before_sending(stub_api: Api, venue: StubVenue, user_id: str) -> None:
    venue.answers[CONTRACTS] = refuse([{**BTC, "leverage_min": "1", "leverage_max": "50"}])

    refused = await stub_api.place(user_id, size=2, leverage=51)

    assert refused.fields == {"leverage": "must be from 1 to 50 for BTC_USDT"}
    assert venue.count("POST", "futures/usdt/positions/BTC_USDT/leverage") == 0


async def test_no_more_of_an_order_can_be_seen_than_there_is(trader: Trader) -> None:
    order = {"symbol": "BTC_USDT", "side": "buy", "type": "limit", "quantity": "5", "price": "60000", "iceberg": "6"}
    refused = await trader.ask("POST", "/api/trading/orders", order)
    assert refused.fields == {"iceberg": "must not be more than the order"}
