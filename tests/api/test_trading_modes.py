"""Position mode, leverage and margin mode: read first, and written only where they are otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.running import StubVenue, refuse
from tests.api.trader import LIMIT, ORDERS, Trader
from tests.paper.process import PaperProcess

MODE, LEVERAGE = "/api/trading/position-mode", "/api/trading/leverage"


async def test_the_position_mode_is_written_only_where_it_is_otherwise(trader: Trader) -> None:
    assert (await trader.ask("GET", MODE)).json == {"position_mode": "one_way"}
    same = await trader.ask("PUT", MODE, {"position_mode": "one_way"})
    assert same.json == {"outcome": "accepted", "position_mode": "one_way", "changed": False}
    changed = await trader.ask("PUT", MODE, {"position_mode": "HEDGE"})
    assert changed.json == {"outcome": "accepted", "position_mode": "hedge", "changed": True}
    assert (await trader.ask("GET", MODE)).json == {"position_mode": "hedge"}


async def test_a_mode_that_cannot_be_changed_now_is_the_venues_refusal(trader: Trader) -> None:
    await trader.placed()
    told = await trader.ask("PUT", MODE, {"position_mode": "hedge"})
    assert told.status == 409 and told.error["venue"]["code"], told.body


async def test_leverage_is_read_and_written(trader: Trader) -> None:
    """What is left out stays as it is at the venue."""
    told = await trader.ask("PUT", LEVERAGE, {"symbol": "BTC/USDT", "leverage": "7", "margin_mode": "ISOLATED"})
    assert told.status == 200, told.body
    assert told.json == {"outcome": "accepted", "symbol": "BTC_USDT", "leverage": "7", "margin_mode": "isolated"}
    shown = (await trader.ask("GET", f"{LEVERAGE}?symbol=BTC_USDT")).json
    assert shown == {"symbol": "BTC_USDT", "leverage": "7", "margin_mode": "isolated"}
    told = await trader.ask("PUT", LEVERAGE, {"symbol": "BTC_USDT", "leverage": 12})
    assert (told.json["leverage"], told.json["margin_mode"]) == ("12", "isolated")
    told = await trader.ask("PUT", LEVERAGE, {"symbol": "BTC_USDT", "margin_mode": "cross"})
    assert (told.json["leverage"], told.json["margin_mode"]) == ("12", "cross")
    shown = (await trader.ask("GET", f"{LEVERAGE}?symbol=BTC_USDT")).json
    assert (shown["leverage"], shown["margin_mode"]) == ("12", "cross")
    refused = await trader.ask("PUT", LEVERAGE, {"symbol": "BTC_USDT", "leverage": 900, "margin_mode": "cross"})
    assert refused.status == 400 and refused.error["venue"]["code"], refused.body


async def test_an_order_may_say_half_of_it(trader: Trader) -> None:
    await trader.ask("PUT", LEVERAGE, {"symbol": "BTC_USDT", "leverage": 7, "margin_mode": "isolated"})
    await trader.placed(leverage=9)
    shown = (await trader.ask("GET", f"{LEVERAGE}?symbol=BTC_USDT")).json
    assert (shown["leverage"], shown["margin_mode"]) == ("9", "isolated")


async def test_both_sides_are_held_ordered_and_closed(trader: Trader, api_paper: PaperProcess) -> None:
    """In hedge mode a position is named with its side, and each is closed by itself."""
    await trader.ask("PUT", MODE, {"position_mode": "hedge"})
    for side, quantity in (("buy", 3), ("sell", 2)):
        order = {"symbol": "BTC_USDT", "side": side, "type": "market", "quantity": quantity, "leverage": 5}
        told = await trader.ask("POST", ORDERS, order | {"margin_mode": "cross"})
        assert told.status == 200 and told.json["order"]["status"] == "filled", told.body
    held = {row["id"]: row["size"] for row in (await trader.ask("GET", "/api/trading/positions")).json["positions"]}
    assert held == {"BTC_USDT:long": "3", "BTC_USDT:short": "2"}
    told = await trader.ask("POST", "/api/trading/positions/BTC_USDT/close")
    assert told.status == 409 and "BTC_USDT:short" in told.error["message"]
    told = await trader.ask("POST", "/api/trading/positions/BTC_USDT:short/close")
    assert told.status == 200 and told.json["order"]["side"] == "buy", told.body
    told = await trader.ask("POST", "/api/trading/positions/BTC_USDT/close")
    assert told.status == 200 and told.json["order"]["side"] == "sell", told.body


async def test_a_known_mode_saves_the_refused_first_try(stub_trader: Trader, venue: StubVenue) -> None:
    """Where both sides are held the venue has another call for leverage, and refuses the plain one."""
    venue.answers["GET", "futures/usdt/accounts"] = refuse(
        {"user": 1, "currency": "USDT", "total": "1", "available": "1", "in_dual_mode": True}
    )
    plain, dual = "futures/usdt/positions/BTC_USDT/leverage", "futures/usdt/dual_comp/positions/BTC_USDT/leverage"
    row = {"contract": "BTC_USDT", "size": "0", "leverage": "10", "update_time": 1}
    both: list[dict[str, Any]] = [row | {"mode": "dual_long"}, row | {"mode": "dual_short"}]
    venue.answers["GET", "futures/usdt/dual_comp/positions/BTC_USDT"] = refuse(both)
    venue.answers["POST", plain] = refuse({"label": "POSITION_DUAL_MODE"}, 400)
    venue.answers["POST", dual] = refuse(both)
    assert (await stub_trader.ask("GET", MODE)).json == {"position_mode": "hedge"}
    wanted = {"symbol": "BTC_USDT", "leverage": 3, "margin_mode": "isolated"}
    assert (await stub_trader.ask("PUT", LEVERAGE, wanted)).status == 200
    assert (venue.count("POST", plain), venue.count("POST", dual)) == (0, 1)
    shown = (await stub_trader.ask("GET", f"{LEVERAGE}?symbol=BTC_USDT")).json
    assert (shown["leverage"], shown["margin_mode"]) == ("10", "isolated")


async def test_a_mode_is_learnt_from_what_the_venue_takes(stub_trader: Trader, venue: StubVenue) -> None:
    plain, dual = "futures/usdt/positions/BTC_USDT/leverage", "futures/usdt/dual_comp/positions/BTC_USDT/leverage"
    venue.answers["POST", plain] = refuse({"label": "POSITION_DUAL_MODE"}, 400)
    venue.answers["POST", dual] = refuse([])
    for leverage in (3, 4):
        wanted = {"symbol": "BTC_USDT", "leverage": leverage, "margin_mode": "isolated"}
        assert (await stub_trader.ask("PUT", LEVERAGE, wanted)).status == 200
    assert (venue.count("POST", plain), venue.count("POST", dual)) == (1, 2)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (MODE, {}, "position_mode"),
        (MODE, {"position_mode": "both"}, "position_mode"),
        (LEVERAGE, {"leverage": 1}, "symbol"),
        (LEVERAGE, {"symbol": "BTC_USDT"}, "leverage"),
        (LEVERAGE, {"symbol": "BTC_USDT", "leverage": 0}, "leverage"),
        (LEVERAGE, {"symbol": "BTC_USDT", "leverage": 5, "margin_mode": "both"}, "margin_mode"),
    ],
)
async def test_bad_words_are_named(stub_trader: Trader, path: str, body: Any, field: str) -> None:
    told = await stub_trader.ask("PUT", path, body)
    assert told.status == 422 and set(told.fields) == {field}, told.body


async def test_a_leverage_that_nobody_knows_must_be_said(stub_trader: Trader, venue: StubVenue) -> None:
    """An order that only says the mode is refused, and its outcome is known."""
    venue.answers["GET", "futures/usdt/positions/BTC_USDT"] = refuse({"label": "POSITION_NOT_FOUND"}, 400)
    told = await stub_trader.place(margin_mode="cross", key="k")
    assert told.status == 422 and set(told.fields) == {"leverage"}, told.body
    assert venue.count("POST", "futures/usdt/orders") == 0
    assert [outcome["outcome"] for outcome in await stub_trader.outcomes()] == ["rejected"]
    again = await stub_trader.ask("POST", ORDERS, LIMIT | {"margin_mode": "cross"}, key="k")
    assert again.status == 422
