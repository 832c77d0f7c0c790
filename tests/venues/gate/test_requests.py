"""What we send to Gate, against two witnesses: the official SDK for every endpoint that we use, and ccxt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from shared.exchanges.base import (
    AmendOrder,
    AmendTrigger,
    Guards,
    Lane,
    Leverage,
    Page,
    PlaceOrder,
    PlaceTrigger,
    Request,
)
from shared.model import Number
from tests.facts import a_trigger
from tests.venues.gate.frames import WIRE
from tests.venues.gate.sent import (
    AT_S,
    CREDENTIALS,
    VENUE,
    assert_same,
    body_of,
    ccxt_sends,
    our_signature,
    sdk_sends,
)

BTC = "BTC_USDT"
TEXT = "t-abc123"
ID = "58828270140077001"
TRIGGER_ID = "2007047737421336577"
EXPIRES_AT_MS = 1_700_000_005_000
FROM_MS = 1_699_999_990_000

Ask = Callable[[Any, Any], Any]


def an_order(
    side: str = "buy", size: Number = "10", price: Number | None = "30000", tif: str = "gtc", **more: Any
) -> PlaceOrder:
    kind = "market" if price is None else "limit"
    return PlaceOrder(BTC, side, kind, size, price, tif, more.pop("reduce_only", False), TEXT, **more)


def a_stop(
    price: Number, rule: str, price_type: str, size: Number | None, closes: str | None = "long", **more: Any
) -> PlaceTrigger:
    side = more.pop("side", "buy" if closes == "short" else "sell")
    return PlaceTrigger(BTC, side, price, rule, price_type, size, "t-sl01", closes=closes, **more)


def sdk_order(sdk: Any, **fields: Any) -> Any:
    return sdk.FuturesOrder(**({"contract": BTC, "text": TEXT} | fields))


def sdk_trigger(sdk: Any, initial: dict[str, Any], trigger: dict[str, Any], order_type: str | None = None) -> Any:
    return sdk.FuturesPriceTriggeredOrder(
        initial=sdk.FuturesInitialOrder(**({"contract": BTC, "price": "0", "tif": "ioc", "text": "t-sl01"} | initial)),
        trigger=sdk.FuturesPriceTrigger(strategy_type=0, **trigger),
        order_type=order_type,
    )


def placed(order: PlaceOrder, expires_at_ms: int | None = None, **fields: Any) -> tuple[Request, Ask]:
    return (
        WIRE.place(order, expires_at_ms),
        lambda sdk, api: api.create_futures_order("usdt", sdk_order(sdk, **fields)),
    )


PLACED: dict[str, tuple[Request, Ask]] = {
    "a limit order": placed(an_order(), size=10, price="30000", tif="gtc"),
    "a market order": placed(an_order("sell", "25", None, "ioc"), size=-25, price="0", tif="ioc"),
    "an order that only reduces": placed(
        an_order("sell", "25", None, "ioc", reduce_only=True), size=-25, price="0", tif="ioc", reduce_only=True
    ),
    "a part of a contract, post-only": placed(
        an_order("sell", "0.30", "30000.5", "post_only"), size="-0.3", price="30000.5", tif="poc"
    ),
    "an order for now": placed(an_order(tif="ioc"), size=10, price="30000", tif="ioc"),
    "an order for all or nothing": placed(an_order(tif="fok"), size=10, price="30000", tif="fok"),
    "an iceberg": placed(an_order(iceberg="2"), size=10, price="30000", tif="gtc", iceberg=2),
    "an order that ends older ones of its own": placed(
        an_order(self_trade="cancel_oldest"), size=10, price="30000", tif="gtc", stp_act="co"
    ),
    "an order that ends when it meets its own": placed(
        an_order(self_trade="cancel_newest"), size=10, price="30000", tif="gtc", stp_act="cn"
    ),
    "an order that ends with its own": placed(
        an_order(self_trade="cancel_both"), size=10, price="30000", tif="gtc", stp_act="cb"
    ),
    "an order with its guards": placed(
        an_order(guards=Guards("33000.5", "29000")),
        size=10, price="30000", tif="gtc", tpsl_tp_trigger_price="33000.5", tpsl_sl_trigger_price="29000",
    ),
    "an order with one guard": placed(
        an_order(guards=Guards(stop_loss="29000")), size=10, price="30000", tif="gtc", tpsl_sl_trigger_price="29000"
    ),
    "an order that expires": (
        WIRE.place(an_order(), EXPIRES_AT_MS),
        lambda sdk, api: api.create_futures_order(
            "usdt", sdk_order(sdk, size=10, price="30000", tif="gtc"), x_gate_exptime=str(EXPIRES_AT_MS)
        ),
    ),
    "closing in one-way mode": (
        WIRE.close(BTC, "long", TEXT, None),
        lambda sdk, api: api.create_futures_order("usdt", sdk_order(sdk, size=0, price="0", tif="ioc", close=True)),
    ),
    "closing in hedge mode": (
        WIRE.close(BTC, "short", TEXT, None, hedged=True),
        lambda sdk, api: api.create_futures_order(
            "usdt", sdk_order(sdk, size=0, price="0", tif="ioc", reduce_only=True, auto_size="close_short")
        ),
    ),
}  # fmt: skip

CHANGED: dict[str, tuple[Request, Ask]] = {
    "another price": (
        WIRE.amend(AmendOrder(BTC, ID, "buy", price="30001.5"), EXPIRES_AT_MS),
        lambda sdk, api: api.amend_futures_order(
            "usdt", ID, sdk.FuturesOrderAmendment(price="30001.5"), x_gate_exptime=str(EXPIRES_AT_MS)
        ),
    ),
    "another total, of a sell": (
        WIRE.amend(AmendOrder(BTC, TEXT, "sell", size="12"), None),
        lambda sdk, api: api.amend_futures_order("usdt", TEXT, sdk.FuturesOrderAmendment(size=-12)),
    ),
    "another total and price": (
        WIRE.amend(AmendOrder(BTC, ID, "buy", "0.5", "30001"), None),
        lambda sdk, api: api.amend_futures_order("usdt", ID, sdk.FuturesOrderAmendment(size="0.5", price="30001")),
    ),
    "several orders": (
        WIRE.place_batch([an_order(), an_order("sell", "3", "31000", "post_only", reduce_only=True)], EXPIRES_AT_MS),
        lambda sdk, api: api.create_batch_futures_order(
            "usdt",
            [
                sdk_order(sdk, size=10, price="30000", tif="gtc"),
                sdk_order(sdk, size=-3, price="31000", tif="poc", reduce_only=True),
            ],
            x_gate_exptime=str(EXPIRES_AT_MS),
        ),
    ),
    "cancelling one": (WIRE.cancel(BTC, ID), lambda sdk, api: api.cancel_futures_order("usdt", ID)),
    "cancelling several": (
        WIRE.cancel_batch([ID, "58828270140077002"]),
        lambda sdk, api: api.cancel_batch_future_orders("usdt", [ID, "58828270140077002"]),
    ),
    "cancelling all": (WIRE.cancel_all(None), lambda sdk, api: api.cancel_futures_orders("usdt")),
    "cancelling all of a contract": (
        WIRE.cancel_all(BTC),
        lambda sdk, api: api.cancel_futures_orders("usdt", contract=BTC),
    ),
    "cancelling what buys": (
        WIRE.cancel_all(BTC, "buy"),
        lambda sdk, api: api.cancel_futures_orders("usdt", contract=BTC, side="bid"),
    ),
    "cancelling what sells": (
        WIRE.cancel_all(BTC, "sell"),
        lambda sdk, api: api.cancel_futures_orders("usdt", contract=BTC, side="ask"),
    ),
    "isolated leverage": (
        WIRE.set_leverage(BTC, Leverage("5", "isolated")),
        lambda sdk, api: api.update_position_leverage("usdt", BTC, "5"),
    ),
    "cross leverage": (
        WIRE.set_leverage(BTC, Leverage("10", "cross")),
        lambda sdk, api: api.update_position_leverage("usdt", BTC, "0", cross_leverage_limit="10"),
    ),
    "isolated leverage in hedge mode": (
        WIRE.set_leverage(BTC, Leverage("5", "isolated"), hedged=True),
        lambda sdk, api: api.update_dual_mode_position_leverage("usdt", BTC, "5"),
    ),
    "cross leverage in hedge mode": (
        WIRE.set_leverage(BTC, Leverage("10", "cross"), hedged=True),
        lambda sdk, api: api.update_dual_mode_position_leverage("usdt", BTC, "0", cross_leverage_limit="10"),
    ),
    "hedge mode": (WIRE.set_position_mode("hedge"), lambda sdk, api: api.set_dual_mode("usdt", True)),
    "one-way mode": (WIRE.set_position_mode("one_way"), lambda sdk, api: api.set_dual_mode("usdt", False)),
}


def set_to(trigger: PlaceTrigger, *fields: Any) -> tuple[Request, Ask]:
    return (
        WIRE.place_trigger(trigger),
        lambda sdk, api: api.create_price_triggered_order("usdt", sdk_trigger(sdk, *fields)),
    )


TRIGGERS: dict[str, tuple[Request, Ask]] = {
    "a stop-loss on a part": set_to(
        a_stop("61000", "at_or_below", "mark", "25"),
        {"size": -25, "reduce_only": True},
        {"price_type": 1, "price": "61000", "rule": 2},
        "plan-close-long-position",
    ),
    "a take-profit on part of a contract": set_to(
        a_stop("55000", "at_or_below", "last", "0.5", "short"),
        {"size": 0, "amount": "0.5", "reduce_only": True},
        {"price_type": 0, "price": "55000", "rule": 2},
        "plan-close-short-position",
    ),
    "a take-profit on all of a short": set_to(
        a_stop("55000.5", "at_or_below", "last", None, "short"),
        {"size": 0, "close": True},
        {"price_type": 0, "price": "55000.5", "rule": 2},
        "close-short-position",
    ),
    "a take-profit on all of a long in hedge mode": set_to(
        a_stop("99000", "at_or_above", "index", None, hedged=True),
        {"size": 0, "close": False, "auto_size": "close_long"},
        {"price_type": 2, "price": "99000", "rule": 1},
        "close-long-position",
    ),
    "a take-profit at a price of its own, for a day": set_to(
        a_stop("99000", "at_or_above", "last", "5", order_price="98990.5", expires_in_s=86400),
        {"size": -5, "price": "98990.5", "tif": "gtc", "reduce_only": True},
        {"price_type": 0, "price": "99000", "rule": 1, "expiration": 86400},
        "plan-close-long-position",
    ),
    "an order of its own once the price is there": set_to(
        a_stop("99000", "at_or_above", "mark", "5", None, side="buy", order_price="99100"),
        {"size": 5, "price": "99100", "tif": "gtc"},
        {"price_type": 1, "price": "99000", "rule": 1},
    ),
    "another price to fire at": (
        WIRE.amend_trigger(AmendTrigger(a_trigger(id=TRIGGER_ID, side="sell", size="0"), price="60500")),
        lambda sdk, api: api.update_price_triggered_order(
            "usdt",
            TRIGGER_ID,
            sdk.FuturesUpdatePriceTriggeredOrder(
                order_id=int(TRIGGER_ID), size=0, price="0", trigger_price="60500", close=True
            ),
        ),
    ),
    "another price in hedge mode": (
        WIRE.amend_trigger(AmendTrigger(a_trigger(id=TRIGGER_ID, side="buy", size="0"), price="60500", hedged=True)),
        lambda sdk, api: api.update_price_triggered_order(
            "usdt",
            TRIGGER_ID,
            sdk.FuturesUpdatePriceTriggeredOrder(
                order_id=int(TRIGGER_ID), size=0, price="0", trigger_price="60500", auto_size="close_short"
            ),
        ),
    ),
    "another size, order price and kind of price": (
        WIRE.amend_trigger(
            AmendTrigger(
                a_trigger(id=TRIGGER_ID, side="sell", size="25", order_price="60900"),
                size="12",
                order_price="60890.5",
                price_type="index",
            )
        ),
        lambda sdk, api: api.update_price_triggered_order(
            "usdt",
            TRIGGER_ID,
            sdk.FuturesUpdatePriceTriggeredOrder(order_id=int(TRIGGER_ID), size=-12, price="60890.5", price_type=2),
        ),
    ),
    "part of a contract, its order price kept": (
        WIRE.amend_trigger(
            AmendTrigger(a_trigger(id=TRIGGER_ID, side="buy", size="25", order_price="60900"), size="0.5")
        ),
        lambda sdk, api: api.update_price_triggered_order(
            "usdt",
            TRIGGER_ID,
            sdk.FuturesUpdatePriceTriggeredOrder(order_id=int(TRIGGER_ID), size=0, amount="0.5", price="60900"),
        ),
    ),
    "cancelling one": (
        WIRE.cancel_trigger(TRIGGER_ID),
        lambda sdk, api: api.cancel_price_triggered_order("usdt", int(TRIGGER_ID)),
    ),
    "cancelling all": (
        WIRE.cancel_all_triggers(None),
        lambda sdk, api: api.cancel_price_triggered_order_list("usdt"),
    ),
    "cancelling all of a contract": (
        WIRE.cancel_all_triggers(BTC),
        lambda sdk, api: api.cancel_price_triggered_order_list("usdt", contract=BTC),
    ),
    "asking for one": (
        WIRE.trigger(TRIGGER_ID).request,
        lambda sdk, api: api.get_price_triggered_order("usdt", int(TRIGGER_ID)),
    ),
    "those that wait": (
        WIRE.open_triggers(BTC).request,
        lambda sdk, api: api.list_price_triggered_orders("usdt", "open", contract=BTC, limit=100, offset=0),
    ),
    "a page of those that ended": (
        WIRE.triggers(BTC, "finished", Page(20, 40)).request,
        lambda sdk, api: api.list_price_triggered_orders("usdt", "finished", contract=BTC, limit=20, offset=40),
    ),
}

ASKED: dict[str, tuple[Request, Ask]] = {
    "one order by its text": (
        WIRE.order(BTC, None, TEXT).request,
        lambda sdk, api: api.get_futures_order("usdt", TEXT),
    ),
    "open orders": (
        WIRE.snapshot(0)[0].request,
        lambda sdk, api: api.list_futures_orders("usdt", "open", limit=100, offset=0),
    ),
    "orders since": (
        WIRE.snapshot(FROM_MS)[1].request,
        lambda sdk, api: api.get_orders_with_time_range("usdt", _from=1_699_999_990, limit=100, offset=0),
    ),
    "fills since": (
        WIRE.snapshot(FROM_MS)[2].request,
        lambda sdk, api: api.get_my_trades_with_time_range("usdt", _from=1_699_999_990, limit=100, offset=0),
    ),
    "a page of finished orders": (
        WIRE.orders(BTC, "finished", Page(50, 100)).request,
        lambda sdk, api: api.list_futures_orders("usdt", "finished", contract=BTC, limit=50, offset=100),
    ),
    "a page of fills": (
        WIRE.fills(BTC, None, Page(50, 100)).request,
        lambda sdk, api: api.get_my_trades("usdt", contract=BTC, limit=50, offset=100),
    ),
    "an order's fills": (
        WIRE.fills(None, ID, Page()).request,
        lambda sdk, api: api.get_my_trades("usdt", order=int(ID), limit=100, offset=0),
    ),
    "positions": (WIRE.positions().request, lambda sdk, api: api.list_positions("usdt", limit=100, offset=0)),
    "leverage": (WIRE.leverage(BTC), lambda sdk, api: api.get_position("usdt", BTC)),
    "leverage in hedge mode": (
        WIRE.leverage(BTC, hedged=True),
        lambda sdk, api: api.get_dual_mode_position("usdt", BTC),
    ),
    "the account": (VENUE.identity(), lambda sdk, api: api.list_futures_accounts("usdt")),
    "the position mode": (WIRE.position_mode(), lambda sdk, api: api.list_futures_accounts("usdt")),
    "the futures wallet": (
        WIRE.balances()["futures"].request,
        lambda sdk, api: api.list_futures_accounts("usdt"),
    ),
    "the spot wallet": (
        WIRE.balances()["spot"].request,
        lambda sdk, api: sdk.SpotApi(api.api_client).list_spot_accounts(),
    ),
    "the unified wallet": (
        WIRE.balances()["unified"].request,
        lambda sdk, api: sdk.UnifiedApi(api.api_client).list_unified_accounts(),
    ),
    "contracts": (VENUE.listings()[0][0], lambda sdk, api: api.list_futures_contracts("usdt")),
    "a ticker": (VENUE.ticker(BTC)[0], lambda sdk, api: api.list_futures_tickers("usdt", contract=BTC)),
    "the order book": (
        VENUE.orderbook(BTC, 20)[0],
        lambda sdk, api: api.list_futures_order_book("usdt", BTC, limit=20, with_id=True),
    ),
    "the last candles": (
        VENUE.candles(BTC, "5m", 200)[0],
        lambda sdk, api: api.list_futures_candlesticks("usdt", BTC, interval="5m", limit=200),
    ),
    "candles from a time to a time": (
        VENUE.candles(BTC, "1h", 200, FROM_MS, FROM_MS + 7_200_000)[0],
        lambda sdk, api: api.list_futures_candlesticks(
            "usdt", BTC, interval="1h", _from=1_699_999_990, to=1_700_007_190
        ),
    ),
    "the last trades": (
        VENUE.trades(BTC, 50)[0],
        lambda sdk, api: api.list_futures_trades("usdt", BTC, limit=50),
    ),
    "the venue's time": (VENUE.clock(), lambda sdk, api: sdk.SpotApi(api.api_client).get_system_time()),
}

EVERYTHING = {
    f"{about}: {intent}": case
    for about, cases in (("placing", PLACED), ("changing", CHANGED), ("triggers", TRIGGERS), ("asking", ASKED))
    for intent, case in cases.items()
}


@pytest.mark.parametrize("intent", EVERYTHING)
def test_our_request_is_the_sdks_for_the_same_intent(intent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Method, path, query, body, headers and signature; the SDK's code runs unmodified up to its transport."""
    request, ask = EVERYTHING[intent]

    assert_same(VENUE.sign(request, CREDENTIALS, AT_S), request, sdk_sends(ask, monkeypatch))


LANES = {
    Lane.CANCEL: [
        WIRE.cancel(BTC, ID),
        WIRE.cancel_batch([ID]),
        WIRE.cancel_all(BTC),
        WIRE.cancel_trigger(ID),
        WIRE.cancel_all_triggers(BTC),
    ],
    Lane.PROTECT: [
        WIRE.close(BTC, "long", TEXT, None),
        WIRE.place_trigger(a_stop("1", "at_or_below", "last", None)),
        WIRE.amend_trigger(AmendTrigger(a_trigger(id=ID), price="2")),
    ],
    Lane.PLACE: [
        WIRE.place(an_order(), None),
        WIRE.place_batch([an_order()], None),
        WIRE.amend(AmendOrder(BTC, ID, "buy", "1"), None),
    ],
    Lane.QUERY: [WIRE.order(BTC, ID).request, WIRE.positions().request, WIRE.position_mode(), WIRE.leverage(BTC)],
}


@pytest.mark.parametrize("lane", LANES)
def test_a_request_has_the_lane_of_its_purpose(lane: Lane) -> None:
    """What ends risk goes before what takes some. Only a question may be asked twice."""
    assert [request.lane for request in LANES[lane]] == [lane] * len(LANES[lane])
    assert [request.writes for request in LANES[lane]] == [lane is not Lane.QUERY] * len(LANES[lane])
    assert all(request.private for request in LANES[lane])


# What ccxt says otherwise for the same intent, and why that is the same to the venue.
CCXT_INTENTS: dict[str, tuple[Request, Callable[[Any], Awaitable[Any]], dict[str, str], dict[str, Any]]] = {
    "a limit order; gtc is the venue's default": (
        WIRE.place(an_order(), None),
        lambda x: x.create_order("BTC/USDT:USDT", "limit", "buy", 10, 30000, {"text": TEXT}),
        {},
        {"tif": "gtc"},
    ),
    "a market order": (
        WIRE.place(an_order("sell", "25", None, "ioc", reduce_only=True), None),
        lambda x: x.create_order("BTC/USDT:USDT", "market", "sell", 25, None, {"text": TEXT, "reduceOnly": True}),
        {},
        {},
    ),
    "cancelling; the contract is not needed for an id": (
        WIRE.cancel(BTC, ID),
        lambda x: x.cancel_order(ID, "BTC/USDT:USDT"),
        {"contract": BTC},
        {},
    ),
    "cancelling all of a contract": (
        WIRE.cancel_all(BTC),
        lambda x: x.cancel_all_orders("BTC/USDT:USDT"),
        {},
        {},
    ),
    "isolated leverage": (
        WIRE.set_leverage(BTC, Leverage("5", "isolated")),
        lambda x: x.set_leverage(5, "BTC/USDT:USDT"),
        {},
        {},
    ),
    "hedge mode": (WIRE.set_position_mode("hedge"), lambda x: x.set_position_mode(True), {}, {}),
    "one position": (WIRE.leverage(BTC), lambda x: x.fetch_position("BTC/USDT:USDT"), {}, {}),
    "the account": (VENUE.identity(), lambda x: x.fetch_balance({"type": "swap"}), {}, {}),
    "the spot wallet": (WIRE.balances()["spot"].request, lambda x: x.fetch_balance({"type": "spot"}), {}, {}),
}


@pytest.mark.parametrize("intent", CCXT_INTENTS)
async def test_our_request_means_the_same_as_ccxts(intent: str) -> None:
    """Two independent readings of the manual agree, but for what the intent's name explains."""
    request, ask, more_query, more_body = CCXT_INTENTS[intent]
    sent = await ccxt_sends(ask)
    signed = VENUE.sign(request, CREDENTIALS, AT_S)

    assert request.method == sent.method
    assert f"/api/v4{urlsplit(signed.path).path}" == sent.path
    assert dict(parse_qsl(urlsplit(signed.path).query)) | more_query == sent.query
    if signed.body:
        assert body_of(signed.body) == body_of(sent.body) | more_body
    assert our_signature(sent) == sent.headers["SIGN"]
    for header in ("KEY", "Timestamp", "X-Gate-Size-Decimal"):
        if header in sent.headers:  # ccxt tells the form of sizes for futures only
            assert signed.headers[header] == sent.headers[header]
