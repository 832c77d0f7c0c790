"""Wishes: what can be said to Gate is said exactly, and what cannot is refused by the name of the field."""

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
from shared.exchanges.base import (
    PURPOSES,
    AmendOrder,
    AmendTrigger,
    Guards,
    Leverage,
    Page,
    PlaceOrder,
    PlaceTrigger,
)
from shared.model import Number
from tests.facts import a_trigger
from tests.venues.gate.frames import VENUE, WIRE, reply

BTC = "BTC_USDT"


# Ids and names.


@given(st.text(max_size=80))
def test_an_own_client_order_id_can_always_be_sent_and_is_always_the_same(key: str) -> None:
    made = VENUE.client_order_id(None, key)

    assert made.startswith("t-ow") and len(made) <= 30
    assert set(made) <= set(string.ascii_lowercase + string.digits + "-")
    assert made == VENUE.client_order_id(None, key) == VENUE.client_order_id(made, "")


@given(st.lists(st.text(max_size=20), unique=True, max_size=20))
def test_different_keys_give_different_client_order_ids(keys: list[str]) -> None:
    assert len({VENUE.client_order_id(None, key) for key in keys}) == len(keys)


@pytest.mark.parametrize(("wanted", "sent"), [("abc", "t-abc"), ("t-abc", "t-abc"), ("A.b_c-9", "t-A.b_c-9")])
def test_a_callers_client_order_id_gets_the_prefix_once(wanted: str, sent: str) -> None:
    assert VENUE.client_order_id(wanted, "key") == sent


@pytest.mark.parametrize("wanted", ["", "t-", "x" * 29, "t-" + "x" * 29, "a b", "ä", "a/b", "a\n"])
def test_a_client_order_id_that_cannot_be_sent_is_refused_by_name(wanted: str) -> None:
    with pytest.raises(BadRequest) as refused:
        VENUE.client_order_id(wanted, "key")

    assert refused.value.fields[0][0] == "client_order_id"


@pytest.mark.parametrize("order_id", ["", ".", "..", "a/b", "1?contract=X", "x" * 65, "1\n", "%2e"])
def test_an_id_that_is_none_never_becomes_a_url(order_id: str) -> None:
    """`DELETE /orders/` with nothing behind it would be about all orders."""
    asks: list[Callable[[], Any]] = [
        lambda: WIRE.cancel(BTC, order_id),
        lambda: WIRE.cancel_batch([order_id]),
        lambda: WIRE.amend(AmendOrder(BTC, order_id, "buy", "1"), None),
        lambda: WIRE.cancel_trigger(order_id),
        lambda: WIRE.amend_trigger(AmendTrigger(a_trigger(id=order_id), price="1")),
        lambda: WIRE.trigger(order_id),
        lambda: WIRE.order(BTC, order_id),
        lambda: WIRE.fills(BTC, order_id, Page()),
    ]
    for ask in asks:
        with pytest.raises(BadRequest):
            ask()


@pytest.mark.parametrize("name", ["BTC_USDT", "BTC/USDT", "BTC/USDT:USDT", " btc_usdt "])
def test_either_spelling_of_a_symbol_is_understood(name: str) -> None:
    assert VENUE.symbol(name) == BTC
    assert VENUE.instrument(VENUE.symbol(name)) == "BTC/USDT:USDT"


@pytest.mark.parametrize("name", ["", "BTC", "BTC/USD", "BTC/USDT:BTC", "_USDT", "A/B/C", "B&C_USDT", "../x_USDT"])
def test_a_symbol_of_another_kind_is_refused_by_name(name: str) -> None:
    with pytest.raises(BadRequest) as refused:
        VENUE.symbol(name)

    assert refused.value.fields[0][0] == "symbol"


# Numbers.


@given(
    st.decimals(min_value="0.000000000000000001", max_value="1000000000000", allow_nan=False, places=18),
    st.sampled_from(["buy", "sell"]),
)
def test_a_size_keeps_every_digit_and_its_sign_says_the_side(size: Any, side: str) -> None:
    """Whole numbers go as JSON integers, fractions as text; neither passes through a float."""
    order = PlaceOrder(BTC, side, "limit", format(size, "f"), "1", "gtc", False, "t-x")
    sent = json.loads(WIRE.place(order, None).body)["size"]

    assert isinstance(sent, int) == (size == size.to_integral_value())
    assert type(size)(sent) == (size if side == "buy" else size.copy_negate())


@pytest.mark.parametrize("size", ["0", "-1", "NaN", "Infinity", "1e999999", "", "x"])
def test_a_size_that_is_none_is_refused_by_name(size: str) -> None:
    with pytest.raises(BadRequest) as refused:
        WIRE.place(PlaceOrder(BTC, "buy", "limit", size, "1", "gtc", False, "t-x"), None)

    assert refused.value.fields[0][0] == "size"


amounts = st.decimals(min_value="0.000000000001", max_value="1000000000000", allow_nan=False, places=12).map(
    lambda amount: format(amount, "f")
)
maybe = st.none() | amounts
sides = st.sampled_from(["buy", "sell"])
ids = st.integers(1, 2**63 - 1).map(str)
texts = st.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=28).map(lambda own: f"t-{own}")

orders = st.builds(
    PlaceOrder,
    symbol=st.just(BTC),
    side=sides,
    type=st.just("limit"),
    size=amounts,
    price=amounts,
    time_in_force=st.sampled_from(["gtc", "ioc", "fok", "post_only", "GTC"]),
    reduce_only=st.booleans(),
    client_order_id=texts,
    iceberg=maybe,
    self_trade=st.none() | st.sampled_from(["cancel_newest", "cancel_oldest", "cancel_both"]),
    guards=st.none() | st.builds(Guards, maybe, maybe),
)
amends = st.builds(
    AmendOrder, symbol=st.just(BTC), order_id=ids | texts, side=sides, size=amounts, price=maybe
) | st.builds(AmendOrder, symbol=st.just(BTC), order_id=ids | texts, side=sides, price=amounts)


@st.composite
def triggers(draw: st.DrawFn) -> PlaceTrigger:
    closes = draw(st.sampled_from([None, "long", "short"]))
    return PlaceTrigger(
        symbol=BTC,
        side={"long": "sell", "short": "buy"}.get(closes or "") or draw(sides),
        price=draw(amounts),
        rule=draw(st.sampled_from(["at_or_above", "at_or_below"])),
        price_type=draw(st.sampled_from(["last", "mark", "index"])),
        size=draw(amounts if closes is None else maybe),
        client_order_id=draw(texts),
        closes=closes,
        order_price=draw(maybe),
        expires_in_s=draw(st.none() | st.integers(1, 10**8)),
        hedged=draw(st.booleans()),
    )


amended_triggers = st.builds(
    AmendTrigger,
    trigger=st.builds(a_trigger, id=ids, side=sides, size=amounts | st.just("0"), order_price=maybe),
    price=amounts,
    order_price=maybe,
    size=maybe,
    price_type=st.none() | st.sampled_from(["last", "mark", "index"]),
    hedged=st.booleans(),
)


def exact(body: bytes) -> Any:
    """The body as values whose numbers are those that stand there; a float would be none of ours."""

    def no_float(digits: str) -> Any:
        raise AssertionError(f"{digits} would be read as a float")

    return json.loads(body, parse_float=no_float, parse_constant=no_float)


def same(said: Any, wanted: Number | None) -> bool:
    return wanted is None or Decimal(said) == Decimal(wanted)


@given(orders)
def test_any_order_is_said_exactly(order: PlaceOrder) -> None:
    body = exact(WIRE.place(order, None).body)

    assert abs(Decimal(body["size"])) == Decimal(order.size) and same(body["price"], order.price)
    assert (Decimal(body["size"]) > 0) == (order.side == "buy")
    assert same(body.get("iceberg"), order.iceberg) and ("iceberg" in body) == (order.iceberg is not None)
    guards = order.guards or Guards()
    assert same(body.get("tpsl_tp_trigger_price"), guards.take_profit)
    assert same(body.get("tpsl_sl_trigger_price"), guards.stop_loss)
    assert ("tpsl_sl_trigger_price" in body) == (guards.stop_loss is not None)
    assert body.get("reduce_only", False) is order.reduce_only and body["text"] == order.client_order_id


@given(st.lists(orders, min_size=1, max_size=10))
def test_a_batch_says_each_order_as_it_is_said_alone(batch: list[PlaceOrder]) -> None:
    assert exact(WIRE.place_batch(batch, None).body) == [exact(WIRE.place(order, None).body) for order in batch]


@given(amends)
def test_any_change_of_an_order_is_said_exactly(amended: AmendOrder) -> None:
    body = exact(WIRE.amend(amended, None).body)

    assert set(body) == {name for name in ("size", "price") if getattr(amended, name) is not None}
    assert same(body.get("price"), amended.price)
    if amended.size is not None:
        assert same(abs(Decimal(body["size"])), amended.size)
        assert (Decimal(body["size"]) > 0) == (amended.side == "buy")


@given(triggers())
def test_any_trigger_is_said_exactly(trigger: PlaceTrigger) -> None:
    """Also what it is for: a reader of the body takes it for the same purpose."""
    body = exact(WIRE.place_trigger(trigger).body)
    initial, size = body["initial"], Decimal(body["initial"].get("amount", body["initial"]["size"]))

    assert same(body["trigger"]["price"], trigger.price)
    assert same(initial["price"], trigger.order_price or "0")
    assert initial["tif"] == ("ioc" if trigger.order_price is None else "gtc")
    assert same(abs(size), trigger.size or "0")
    assert size == 0 or (size > 0) == (trigger.side == "buy")
    assert body["trigger"].get("expiration") == trigger.expires_in_s
    assert ("order_type" in body) == (trigger.closes is not None)
    row = body | {"id": 1, "status": "open", "order_type": body.get("order_type", "")}
    (told,) = WIRE.to_triggers(reply([row]))
    assert (told.purpose, told.rule, told.price_type) == (
        PURPOSES.get((trigger.closes or "", trigger.rule)),
        trigger.rule,
        trigger.price_type,
    )
    assert told.side == trigger.side


@given(amended_triggers)
def test_any_change_of_a_trigger_is_said_exactly(amended: AmendTrigger) -> None:
    """What stays is said again where the venue would else take the market's."""
    body, known = exact(WIRE.amend_trigger(amended).body), amended.trigger
    size = Decimal(body.get("amount", body["size"]))

    assert str(body["order_id"]) == known.id
    assert same(body["trigger_price"], amended.price)
    assert same(body["price"], amended.order_price or known.order_price or "0")
    assert same(abs(size), amended.size or known.size)
    assert size == 0 or (size > 0) == (known.side == "buy")
    closes = {"sell": "close_long", "buy": "close_short"}[known.side or ""]
    if size == 0:
        assert (body.get("auto_size"), body.get("close")) == ((closes, None) if amended.hedged else (None, True))
    else:
        assert "auto_size" not in body and "close" not in body


# What is refused.


def an_order(**words: Any) -> Callable[[], Any]:
    said: dict[str, Any] = {"symbol": "B_USDT", "side": "buy", "type": "limit", "size": "1", "price": "1"}
    said |= {"time_in_force": "gtc", "reduce_only": False, "client_order_id": "t-x"} | words
    return lambda: WIRE.place(PlaceOrder(**said), None)


def a_stop(**words: Any) -> Callable[[], Any]:
    said: dict[str, Any] = {"symbol": "B_USDT", "side": "sell", "price": "1", "rule": "at_or_below", "size": None}
    said |= {"price_type": "last", "client_order_id": "t-x", "closes": "long"} | words
    return lambda: WIRE.place_trigger(PlaceTrigger(**said))


def a_change(**words: Any) -> Callable[[], Any]:
    return lambda: WIRE.amend_trigger(AmendTrigger(a_trigger(id="7"), **words))


@pytest.mark.parametrize(
    ("field", "ask"),
    [
        ("leverage", lambda: WIRE.set_leverage(BTC, Leverage("0", "isolated"))),
        ("margin_mode", lambda: WIRE.set_leverage(BTC, Leverage("5", "portfolio"))),
        ("position_mode", lambda: WIRE.set_position_mode("split")),
        ("position_side", lambda: WIRE.close(BTC, "both", "t-x", None, hedged=True)),
        ("type", an_order(type="stop")),
        ("side", an_order(side="long")),
        ("time_in_force", an_order(time_in_force="gtd")),
        ("price", an_order(price=None)),
        ("iceberg", an_order(iceberg="0")),
        ("self_trade", an_order(self_trade="decrement")),
        ("take_profit", an_order(guards=Guards("0"))),
        ("stop_loss", an_order(guards=Guards(None, "x"))),
        ("price", lambda: WIRE.amend(AmendOrder(BTC, "1", "buy"), None)),
        ("size", lambda: WIRE.amend(AmendOrder(BTC, "1", "buy", "0"), None)),
        ("orders", lambda: WIRE.place_batch([], None)),
        ("orders", lambda: WIRE.place_batch([PlaceOrder("B", "buy", "limit", "1", "1", "gtc", False, "t")] * 11, None)),
        ("order_ids", lambda: WIRE.cancel_batch([])),
        ("order_ids", lambda: WIRE.cancel_batch(["1"] * 21)),
        ("side", lambda: WIRE.cancel_all(BTC, "long")),
        ("price_type", a_stop(price_type="bid")),
        ("rule", a_stop(rule="at")),
        ("closes", a_stop(closes="up")),
        ("side", a_stop(side="buy")),
        ("size", a_stop(closes=None)),
        ("side", a_stop(closes=None, size="1", side="long")),
        ("order_price", a_stop(order_price="0")),
        ("expires_in_s", a_stop(expires_in_s=0)),
        ("price", a_change()),
        ("price", a_change(price="0")),
        ("size", a_change(size="-1")),
        ("price_type", a_change(price_type="bid")),
        ("trigger_id", lambda: WIRE.amend_trigger(AmendTrigger(a_trigger(id="t-text"), price="1"))),
        ("status", lambda: WIRE.orders(BTC, "cancelled", Page())),
        ("status", lambda: WIRE.triggers(BTC, "fired", Page())),
        ("interval", lambda: VENUE.candles(BTC, "3m", 1)),
    ],
)
def test_a_wish_that_the_venue_has_no_word_for_is_refused_by_name(field: str, ask: Callable[[], Any]) -> None:
    """Leverage 0 above all: here it would not mean none but cross."""
    with pytest.raises(BadRequest) as refused:
        ask()

    assert refused.value.fields[0][0] == field


def test_a_batch_is_as_long_as_the_venue_takes_it() -> None:
    order = PlaceOrder(BTC, "buy", "limit", "1", "1", "gtc", False, "t-x")

    assert len(json.loads(WIRE.place_batch([order] * VENUE.limits.batch_place_max, None).body)) == 10
    assert len(json.loads(WIRE.cancel_batch(["1"] * VENUE.limits.batch_cancel_max).body)) == 20
