"""Wishes: what can be said to OKX is said exactly, and what cannot is refused by the name of the field."""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadRequest
from shared.exchanges.base import AmendOrder, AmendTrigger, Guards, Leverage, Page, PlaceTrigger, Request
from tests.facts import a_trigger
from tests.venues.okx.frames import VENUE, WIRE
from tests.venues.okx.test_requests import ALGO_ID, PAIR, SWAP, a_stop, an_order


def body_of(request: Request) -> Any:
    return json.loads(request.body)


def placed(**words: Any) -> Any:
    return body_of(WIRE.place(an_order(**words), None))


def set_to(**words: Any) -> Any:
    return body_of(WIRE.place_trigger(a_stop(**words)))


def refused_field(ask: Callable[[], Any]) -> str:
    with pytest.raises(BadRequest) as refused:
        ask()
    return refused.value.fields[0][0]


# Names.

NAMES = {
    "BTC-USDT": "BTC/USDT",
    "BTC-USD": "BTC/USD",
    "BTC-USDT-SWAP": "BTC/USDT:USDT",
    "ETH-USDC-SWAP": "ETH/USDC:USDC",
    "BTC-USD-SWAP": "BTC/USD:BTC",
    "BTC-USDT-251226": "BTC/USDT:USDT-251226",
    "BTC-USD-251226": "BTC/USD:BTC-251226",
    "BTC-USD-251226-60000-C": "BTC/USD:BTC-251226-60000-C",
    "1INCH-USDT-SWAP": "1INCH/USDT:USDT",
}


@pytest.mark.parametrize("symbol", NAMES)
def test_an_instrument_has_two_names_and_either_is_understood(symbol: str) -> None:
    name = NAMES[symbol]

    assert VENUE.instrument(symbol) == name
    for spelling in (symbol, name, symbol.lower(), f" {name} "):
        assert VENUE.symbol(spelling) == symbol


@pytest.mark.parametrize(
    "name", ["", "BTC", "BTC_USDT", "BTCUSDT", "BTC/", "/USDT", "BTC/USDT:BTC", "BTC/USD:USD", "A-B-C-D-E-F", "Б-USDT"]
)
def test_a_name_that_is_none_is_refused(name: str) -> None:
    assert refused_field(lambda: VENUE.symbol(name)) == "symbol"


@given(st.text(max_size=80))
def test_an_own_client_order_id_can_always_be_sent_and_is_always_the_same(key: str) -> None:
    made = VENUE.client_order_id(None, key)

    assert made.startswith("ow") and len(made) <= 32
    assert set(made) <= set(string.ascii_lowercase + string.digits)
    assert made == VENUE.client_order_id(None, key) == VENUE.client_order_id(made, "")


@given(st.lists(st.text(max_size=20), unique=True, max_size=20))
def test_different_keys_give_different_client_order_ids(keys: list[str]) -> None:
    assert len({VENUE.client_order_id(None, key) for key in keys}) == len(keys)


@pytest.mark.parametrize("wanted", ["", "x" * 33, "a b", "ä", "a-b", "a_b", "a.b", "a\n", "٣"])
def test_a_client_order_id_that_cannot_be_sent_is_refused_by_name(wanted: str) -> None:
    """Dashes and underscores are what the venue refuses most often."""
    assert refused_field(lambda: VENUE.client_order_id(wanted, "key")) == "client_order_id"
    assert VENUE.client_order_id("x" * 32, "key") == "x" * 32


@pytest.mark.parametrize("order_id", ["", ".", "a/b", "1?x=y", "x" * 33, "1\n", "1,2"])
def test_an_id_that_is_none_is_never_sent(order_id: str) -> None:
    for ask in (
        lambda: WIRE.cancel(SWAP, order_id),
        lambda: WIRE.cancel_batch([order_id], [SWAP]),
        lambda: WIRE.amend(AmendOrder(SWAP, order_id, "buy", "1"), None),
        lambda: WIRE.order(SWAP, order_id),
        lambda: WIRE.fills(SWAP, order_id, Page()),
    ):
        assert refused_field(ask).startswith("order_id")


@pytest.mark.parametrize("trigger_id", ["", "abc", "12-xx", "12-tp-sl", "-tp", "1" * 33])
def test_a_triggers_id_that_is_none_is_never_sent(trigger_id: str) -> None:
    for ask in (
        lambda: WIRE.cancel_trigger(trigger_id, SWAP),
        lambda: WIRE.amend_trigger(AmendTrigger(a_trigger(id=trigger_id), price="1")),
        lambda: WIRE.trigger(trigger_id),
    ):
        assert refused_field(ask) == "trigger_id"


def test_the_venue_names_nothing_without_its_instrument() -> None:
    for ask in (
        lambda: WIRE.cancel(None, "1"),
        lambda: WIRE.cancel_batch(["1"]),
        lambda: WIRE.cancel_batch(["1", "2"], [SWAP]),
        lambda: WIRE.order(None, "1"),
        lambda: WIRE.cancel_trigger("1"),
    ):
        assert refused_field(ask) == "symbol"


# Orders.


@given(st.decimals(min_value="0.00000000001", max_value="99999999999", places=11).filter(lambda said: said > 0))
def test_every_size_and_price_is_sent_exactly(said: Decimal) -> None:
    told = placed(size=format(said, "f"), price=format(said, "f"))

    assert Decimal(told["sz"]) == Decimal(told["px"]) == said
    assert "E" not in told["sz"].upper()


NO_WORD: dict[str, tuple[str, dict[str, Any]]] = {
    "a size of nothing": ("size", {"size": "0"}),
    "a size below nothing": ("size", {"size": "-1"}),
    "a size that is no number": ("size", {"size": "NaN"}),
    "a price of nothing": ("price", {"price": "0"}),
    "no price": ("price", {"price": None}),
    "another side": ("side", {"side": "long"}),
    "another type": ("type", {"type": "stop"}),
    "another time in force": ("time_in_force", {"time_in_force": "gtd"}),
    "a market order that must fill": ("time_in_force", {"type": "market", "time_in_force": "fok"}),
    "an iceberg": ("iceberg", {"iceberg": "1"}),
    "another way with one's own orders": ("self_trade", {"self_trade": "none"}),
    "another margin mode": ("margin_mode", {"margin_mode": "portfolio"}),
    "reducing coins": ("reduce_only", {"symbol": PAIR, "reduce_only": True}),
    "reducing coins at the market": ("reduce_only", {"symbol": PAIR, "type": "market", "reduce_only": True}),
    "a market buy on margin, which is sized in quote": (
        "type",
        {"symbol": PAIR, "type": "market", "price": None, "margin_mode": "cross"},
    ),
    "a guard that is no price": ("take_profit", {"guards": Guards("0")}),
}


@pytest.mark.parametrize("what", NO_WORD)
def test_what_the_venue_has_no_word_for_is_refused_by_the_name_of_the_field(what: str) -> None:
    field, words = NO_WORD[what]

    assert refused_field(lambda: placed(**words)) == field


def test_the_unit_of_a_market_order_of_coins_is_always_said() -> None:
    """The venue's own default for a buy is the quote."""
    for side in ("buy", "sell"):
        assert placed(symbol=PAIR, type="market", price=None, side=side)["tgtCcy"] == "base_ccy"
    assert "tgtCcy" not in placed(symbol=PAIR, margin_mode="cross", type="market", price=None, side="sell")


@pytest.mark.parametrize("symbol", [PAIR, SWAP])
def test_hedge_mode_names_a_side_and_never_says_reduce_only(symbol: str) -> None:
    for reduce_only in (True, False):
        if symbol == SWAP:
            told = placed(hedged=True, reduce_only=reduce_only)
            assert told["posSide"] == ("short" if reduce_only else "long") and "reduceOnly" not in told
    assert "posSide" not in placed(symbol=symbol) and "posSide" not in placed(symbol=PAIR, hedged=True)


def test_guards_of_nothing_are_not_sent() -> None:
    assert "attachAlgoOrds" not in placed(guards=Guards())


def test_an_amendment_changes_something() -> None:
    assert refused_field(lambda: WIRE.amend(AmendOrder(SWAP, "1", "buy"), None)) == "price"
    assert refused_field(lambda: WIRE.amend_trigger(AmendTrigger(a_trigger(id=ALGO_ID)))) == "price"


def test_a_batch_is_neither_empty_nor_too_long() -> None:
    for count in (0, 21):
        assert refused_field(lambda count=count: WIRE.place_batch([an_order()] * count, None)) == "orders"  # type: ignore[misc]
        assert refused_field(lambda count=count: WIRE.cancel_batch(["1"] * count, [SWAP] * count)) == "order_ids"  # type: ignore[misc]
    assert len(body_of(WIRE.place_batch([an_order()] * 20, None))) == 20


@pytest.mark.parametrize(("timeout_s", "fits"), [(0, True), (10, True), (120, True), (9, False), (121, False)])
def test_a_switch_for_dead_men_has_a_range(timeout_s: int, fits: bool) -> None:
    if fits:
        assert body_of(WIRE.cancel_all_after(timeout_s)) == {"timeOut": str(timeout_s)}
    else:
        assert refused_field(lambda: WIRE.cancel_all_after(timeout_s)) == "timeout_s"


def test_nothing_here_cancels_everything_in_one_request() -> None:
    """Whoever wants that reads what is open, and cancels it in batches."""
    assert WIRE.cancel_all(None) is None
    assert WIRE.cancel_all_triggers(SWAP) is None


def test_coins_have_no_position_to_close() -> None:
    assert refused_field(lambda: WIRE.close(PAIR, "long", "ow1", None)) == "symbol"
    assert refused_field(lambda: WIRE.close(SWAP, "both", "ow1", None)) == "position_side"


def test_isolated_leverage_in_hedge_mode_is_of_one_side() -> None:
    """Elsewhere the venue refuses a side that is named."""
    isolated, cross = Leverage("5", "isolated"), Leverage("5", "cross")

    assert refused_field(lambda: WIRE.set_leverage(SWAP, isolated, hedged=True)) == "position_side"
    for wanted, hedged in ((cross, True), (cross, False), (isolated, False)):
        assert "posSide" not in body_of(WIRE.set_leverage(SWAP, wanted, hedged=hedged, position_side="long"))


# Triggers.


@pytest.mark.parametrize("side", ["buy", "sell"])
@pytest.mark.parametrize("rule", ["at_or_above", "at_or_below"])
def test_a_rule_is_a_take_profit_or_a_stop_loss_of_the_order_that_it_becomes(side: str, rule: str) -> None:
    """So the venue refuses a price that is there already; a plain trigger would wait for it to come back."""
    told = set_to(closes=None, side=side, rule=rule)
    is_profit = (side == "sell") == (rule == "at_or_above")

    assert told["ordType"] == "conditional"
    assert told.get("tpTriggerPx" if is_profit else "slTriggerPx") == "95000"
    assert ("slTriggerPx" if is_profit else "tpTriggerPx") not in told


def test_all_of_a_position_is_a_fraction_of_it() -> None:
    told = set_to(size=None)

    assert (told["closeFraction"], told["reduceOnly"]) == ("1", True)
    assert "sz" not in told
    hedged = set_to(size=None, hedged=True)
    assert (hedged["closeFraction"], hedged["posSide"]) == ("1", "long")
    assert "reduceOnly" not in hedged


NO_TRIGGER: dict[str, tuple[str, dict[str, Any]]] = {
    "a size of what is its own": ("size", {"closes": None, "size": None}),
    "all of a position at a price": ("size", {"size": None, "order_price": "94000"}),
    "all of a position from either side": ("size", {"size": None, "rule": "crossing"}),
    "all of a position behind the market": ("size", {"size": None, "trail_ratio": "0.01"}),
    "all of some coins": ("size", {"symbol": PAIR, "size": None, "order_price": "1"}),
    "another side than closes": ("side", {"closes": "short"}),
    "another rule": ("rule", {"rule": "above"}),
    "another kind of price": ("price_type", {"price_type": "mid"}),
    "an end": ("expires_in_s", {"expires_in_s": 60}),
    "a price for one that follows": ("order_price", {"trail_ratio": "0.01", "order_price": "1"}),
    "a share that is none": ("trail_ratio", {"trail_ratio": "0"}),
    "buying coins at the market from either side": (
        "order_price",
        {"symbol": PAIR, "closes": None, "side": "buy", "rule": "crossing"},
    ),
    "buying coins at the market on margin": (
        "order_price",
        {"symbol": PAIR, "closes": None, "side": "buy", "margin_mode": "cross"},
    ),
}


@pytest.mark.parametrize("what", NO_TRIGGER)
def test_a_trigger_that_cannot_be_said_is_refused_by_the_name_of_the_field(what: str) -> None:
    field, words = NO_TRIGGER[what]

    assert refused_field(lambda: set_to(**words)) == field


def test_a_trigger_that_buys_coins_at_the_market_says_its_unit() -> None:
    assert set_to(symbol=PAIR, closes=None, side="buy", rule="at_or_below")["tgtCcy"] == "base_ccy"
    assert "tgtCcy" not in set_to(symbol=PAIR, closes=None, side="buy", rule="at_or_below", order_price="94000")
    assert "tgtCcy" not in set_to(symbol=PAIR, closes=None, side="sell")


def test_a_reducing_trigger_of_coins_on_margin_says_so() -> None:
    assert set_to(symbol=PAIR, margin_mode="cross")["reduceOnly"] is True
    assert "reduceOnly" not in set_to(symbol=PAIR)


def test_a_trigger_is_of_the_margin_mode_that_is_said() -> None:
    assert [set_to(margin_mode=mode)["tdMode"] for mode in (None, "cross", "isolated")] == [
        "cross",
        "cross",
        "isolated",
    ]
    assert set_to(symbol=PAIR)["tdMode"] == "cash"


def test_a_wish_has_room_for_all_of_this_without_saying_it() -> None:
    """What only some venues know is left out everywhere else."""
    plain = PlaceTrigger("S", "sell", "1", "at_or_below", "last", "1", "t")

    assert (plain.margin_mode, plain.opposite, plain.trail_ratio, plain.trail_distance) == (None, None, None, None)
