"""What we send to OKX, against a witness: ccxt, unmodified, for every endpoint that it knows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

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
from tests.facts import a_trigger
from tests.venues.okx.frames import CREDENTIALS, VENUE, WIRE
from tests.venues.okx.sent import AT_S, TIMESTAMP, assert_same, ccxt_sends

SWAP, PAIR = "BTC-USDT-SWAP", "BTC-USDT"
THEIR_SWAP, THEIR_PAIR = "BTC/USDT:USDT", "BTC/USDT"
ID, TEXT, ALGO_ID = "2510004000000000001", "owsample1", "2510004000000000301"
SINCE = 1_786_000_000_000

Asked = Callable[[Any], Awaitable[Any]]
Case = tuple[Request, Asked] | tuple[Request, Asked, dict[str, Any]]


def an_order(symbol: str = SWAP, **words: Any) -> PlaceOrder:
    told: dict[str, Any] = {
        "symbol": symbol, "side": "buy", "type": "limit", "size": "4.5", "price": "97000.5", "time_in_force": "gtc",
        "reduce_only": False, "client_order_id": TEXT,
    }  # fmt: skip
    return PlaceOrder(**(told | words))


def a_stop(**words: Any) -> PlaceTrigger:
    told: dict[str, Any] = {
        "symbol": SWAP, "side": "sell", "price": "95000", "rule": "at_or_below", "price_type": "mark", "size": "4.5",
        "client_order_id": TEXT, "closes": "long",
    }  # fmt: skip
    return PlaceTrigger(**(told | words))


def places(symbol: str, kind: str, side: str, price: float | None, **params: Any) -> Asked:
    return lambda x: x.create_order(symbol, kind, side, 4.5, price, {"clOrdId": TEXT} | params)


def stops(kind: str, price: float | None, side: str = "sell", **params: Any) -> Asked:
    told = {"algoClOrdId": TEXT, "clOrdId": None}
    return lambda x: x.create_order(THEIR_SWAP, kind, side, 4.5, price, told | params)


def placed(**words: Any) -> Request:
    return WIRE.place(an_order(**words), None)


def set_to(**words: Any) -> Request:
    return WIRE.place_trigger(a_stop(**words))


GUARDS = {
    "stopLoss": {"triggerPrice": 95000, "type": "market"},
    "takeProfit": {"triggerPrice": 99000, "type": "market"},
    "marginMode": "cross",
}

PLACED: dict[str, Case] = {
    "a limit order": (placed(), places(THEIR_SWAP, "limit", "buy", 97000.5)),
    "a post-only order": (
        placed(time_in_force="post_only"),
        places(THEIR_SWAP, "limit", "buy", 97000.5, postOnly=True),
    ),
    "all or nothing": (placed(time_in_force="fok"), places(THEIR_SWAP, "limit", "buy", 97000.5, timeInForce="FOK")),
    "what is there": (placed(time_in_force="ioc"), places(THEIR_SWAP, "limit", "buy", 97000.5, timeInForce="IOC")),
    "a market order": (placed(type="market", price=None), places(THEIR_SWAP, "market", "buy", None)),
    "a market order that never rests": (
        placed(type="market", price=None, time_in_force="ioc"),
        places(THEIR_SWAP, "market", "buy", None, timeInForce="IOC"),
    ),
    "only reducing": (
        placed(side="sell", reduce_only=True),
        places(THEIR_SWAP, "limit", "sell", 97000.5, reduceOnly=True),
    ),
    "isolated": (placed(margin_mode="isolated"), places(THEIR_SWAP, "limit", "buy", 97000.5, marginMode="isolated")),
    "opening a long in hedge mode": (placed(hedged=True), places(THEIR_SWAP, "limit", "buy", 97000.5, hedged=True)),
    "opening a short in hedge mode": (
        placed(hedged=True, side="sell"),
        places(THEIR_SWAP, "limit", "sell", 97000.5, hedged=True),
    ),
    "closing a long in hedge mode": (
        placed(hedged=True, side="sell", reduce_only=True),
        places(THEIR_SWAP, "limit", "sell", 97000.5, hedged=True, reduceOnly=True),
    ),
    "closing a short in hedge mode": (
        placed(hedged=True, reduce_only=True),
        places(THEIR_SWAP, "limit", "buy", 97000.5, hedged=True, reduceOnly=True),
    ),
    "a future": (placed(symbol="BTC-USDT-261225"), places("BTC/USDT:USDT-261225", "limit", "buy", 97000.5)),
    "coins; the unit of a limit order's size is not in question": (
        placed(symbol=PAIR),
        lambda x: x.private_post_trade_order(
            {"instId": PAIR, "tdMode": "cash", "side": "buy", "ordType": "limit", "sz": "4.5", "px": "97000.5",
             "clOrdId": TEXT}
        ),
    ),
    "coins at the market": (placed(symbol=PAIR, type="market", price=None), places(THEIR_PAIR, "market", "buy", None)),
    "selling coins at the market": (
        placed(symbol=PAIR, type="market", price=None, side="sell"),
        places(THEIR_PAIR, "market", "sell", None),
    ),
    "coins on margin": (
        placed(symbol=PAIR, margin_mode="cross"),
        places(THEIR_PAIR, "limit", "buy", 97000.5, marginMode="cross"),
    ),
    "selling coins on margin": (
        placed(symbol=PAIR, margin_mode="isolated", side="sell", reduce_only=True),
        places(THEIR_PAIR, "limit", "sell", 97000.5, marginMode="isolated", reduceOnly=True),
    ),
    "with what goes when it meets one of our own": (
        placed(self_trade="cancel_newest"),
        places(THEIR_SWAP, "limit", "buy", 97000.5, selfTradePrevention="EXPIRE_TAKER"),
    ),
    "with guards, which have the order's own text": (
        placed(guards=Guards("99000", "95000")),
        places(THEIR_SWAP, "limit", "buy", 97000.5, **GUARDS),
        {
            "attachAlgoOrds": [
                {
                    "attachAlgoClOrdId": TEXT, "slTriggerPx": "95000", "slOrdPx": "-1", "slTriggerPxType": "last",
                    "tpTriggerPx": "99000", "tpOrdPx": "-1", "tpTriggerPxType": "last",
                }
            ]
        },
    ),
    "several": (
        WIRE.place_batch([an_order(), an_order(side="sell", client_order_id="owsample2")], None),
        lambda x: x.create_orders(
            [
                {"symbol": THEIR_SWAP, "type": "limit", "side": side, "amount": 4.5, "price": 97000.5,
                 "params": {"clOrdId": text}}
                for side, text in (("buy", TEXT), ("sell", "owsample2"))
            ]
        ),
    ),
}  # fmt: skip

CHANGED: dict[str, Case] = {
    "another price and size": (
        WIRE.amend(AmendOrder(SWAP, ID, "buy", "5", "97001.5"), None),
        lambda x: x.edit_order(ID, THEIR_SWAP, "limit", "buy", 5, 97001.5),
    ),
    "another price": (
        WIRE.amend(AmendOrder(SWAP, ID, "buy", None, "97001.5"), None),
        lambda x: x.edit_order(ID, THEIR_SWAP, "limit", "buy", None, 97001.5),
    ),
    "cancelling": (WIRE.cancel(SWAP, ID), lambda x: x.cancel_order(ID, THEIR_SWAP)),
    "cancelling by its text": (
        WIRE.cancel(SWAP, TEXT),
        lambda x: x.cancel_order(None, THEIR_SWAP, {"clientOrderId": TEXT}),
    ),
    "cancelling several": (
        WIRE.cancel_batch([ID, "2510004000000000002"], [SWAP, SWAP]),
        lambda x: x.cancel_orders([ID, "2510004000000000002"], THEIR_SWAP),
    ),
    "cancelling several of several instruments": (
        WIRE.cancel_batch([ID, "2510004000000000002"], [SWAP, PAIR]),
        lambda x: x.cancel_orders_for_symbols(
            [{"id": ID, "symbol": THEIR_SWAP}, {"id": "2510004000000000002", "symbol": THEIR_PAIR}]
        ),
    ),
    "amending several": (
        WIRE.amend_batch([AmendOrder(SWAP, ID, "buy", "5"), AmendOrder(SWAP, TEXT, "buy", None, "97001.5")], None),
        lambda x: x.private_post_trade_amend_batch_orders(
            [{"instId": SWAP, "ordId": ID, "newSz": "5"}, {"instId": SWAP, "clOrdId": TEXT, "newPx": "97001.5"}]
        ),
    ),
    "closing; what stands in the way is cancelled": (
        WIRE.close(SWAP, "long", TEXT, None),
        lambda x: x.close_position(THEIR_SWAP, None, {"clientOrderId": TEXT}),
        {"autoCxl": True},
    ),
    "closing in hedge mode": (
        WIRE.close(SWAP, "long", TEXT, None, hedged=True, margin_mode="isolated"),
        lambda x: x.close_position(THEIR_SWAP, "buy", {"clientOrderId": TEXT, "marginMode": "isolated"}),
        {"autoCxl": True},
    ),
    "leverage": (
        WIRE.set_leverage(SWAP, Leverage("10", "cross")),
        lambda x: x.set_leverage(10, THEIR_SWAP, {"mgnMode": "cross"}),
        {"lever": "10"},
    ),
    "isolated leverage of one side": (
        WIRE.set_leverage(SWAP, Leverage("10", "isolated"), hedged=True, position_side="long"),
        lambda x: x.set_leverage(10, THEIR_SWAP, {"mgnMode": "isolated", "posSide": "long"}),
        {"lever": "10"},
    ),
    "hedge mode": (WIRE.set_position_mode("hedge"), lambda x: x.set_position_mode(True)),
    "one-way mode": (WIRE.set_position_mode("one_way"), lambda x: x.set_position_mode(False)),
    "a switch for dead men": (
        WIRE.cancel_all_after(60),
        lambda x: x.cancel_all_orders_after(60_000),
        {"timeOut": "60"},
    ),
    "its end": (WIRE.cancel_all_after(0), lambda x: x.cancel_all_orders_after(0), {"timeOut": "0"}),
}

TRIGGERS: dict[str, Case] = {
    "a stop-loss": (
        set_to(),
        stops("market", None, stopLossPrice=95000, slTriggerPxType="mark", reduceOnly=True),
    ),
    "a take-profit at a price of its own": (
        set_to(price="99000", rule="at_or_above", price_type="index", order_price="98990.5"),
        stops(
            "limit", 98990.5, takeProfitPrice=99000, tpTriggerPxType="index", tpOrdPx=98990.5, reduceOnly=True
        ),
    ),
    "a stop-loss of a short in hedge mode": (
        set_to(side="buy", closes="short", price="99000", rule="at_or_above", hedged=True),
        stops("market", None, "buy", stopLossPrice=99000, slTriggerPxType="mark", hedged=True),
    ),
    "both, of which one ends the other": (
        set_to(opposite="99000", price_type="last"),
        stops("market", None, stopLossPrice=95000, takeProfitPrice=99000, reduceOnly=True),
    ),
    "all of a position": (
        set_to(size=None),
        lambda x: x.private_post_trade_order_algo(
            {"instId": SWAP, "tdMode": "cross", "side": "sell", "ordType": "conditional", "closeFraction": "1",
             "algoClOrdId": TEXT, "reduceOnly": True, "slTriggerPx": "95000", "slOrdPx": "-1",
             "slTriggerPxType": "mark", "clOrdId": None}
        ),
    ),
    "an order of its own once the price is there": (
        set_to(closes=None, side="buy", price="99000", rule="at_or_above", order_price="99100"),
        stops("limit", 99100, "buy", stopLossPrice=99000, slTriggerPxType="mark", slOrdPx=99100),
    ),
    "whichever way the price comes": (
        set_to(closes=None, side="buy", price="99000", rule="crossing", order_price="99100"),
        stops("limit", 99100, "buy", triggerPrice=99000, triggerPxType="mark"),
    ),
    "following the market by a share": (
        set_to(price="0", trail_ratio="0.01"),
        stops("market", None, trailingPercent=1, reduceOnly=True),
    ),
    "following the market at a distance, from a price on": (
        set_to(price="98000", trail_distance="500"),
        stops("market", None, trailingAmount="500", activePx="98000", reduceOnly=True),
    ),
    "another price to fire at": (
        WIRE.amend_trigger(
            AmendTrigger(
                a_trigger(id=ALGO_ID, symbol=SWAP, side="sell", rule="at_or_below", price="95000"), price="95500"
            )
        ),
        lambda x: x.private_post_trade_amend_algos(
            {"instId": SWAP, "algoId": ALGO_ID, "newSlTriggerPx": "95500", "newSlOrdPx": "-1",
             "newSlTriggerPxType": "last"}
        ),
    ),
    "another size and price of one half": (
        WIRE.amend_trigger(
            AmendTrigger(
                a_trigger(id=f"{ALGO_ID}-tp", symbol=SWAP, side="sell", rule="at_or_above", price="99000"),
                order_price="98900", size="2", price_type="mark",
            )
        ),
        lambda x: x.private_post_trade_amend_algos(
            {"instId": SWAP, "algoId": ALGO_ID, "newSz": "2", "newTpTriggerPx": "99000", "newTpOrdPx": "98900",
             "newTpTriggerPxType": "mark"}
        ),
    ),
    "another price of one that fires from either side": (
        WIRE.amend_trigger(
            AmendTrigger(
                a_trigger(id=ALGO_ID, symbol=SWAP, side="buy", rule=None, price="99000", order_price="99100"),
                price="99500",
            )
        ),
        lambda x: x.private_post_trade_amend_algos(
            {"instId": SWAP, "algoId": ALGO_ID, "newTriggerPx": "99500", "newOrdPx": "99100",
             "newTriggerPxType": "last"}
        ),
    ),
    "cancelling one": (
        WIRE.cancel_trigger(ALGO_ID, SWAP),
        lambda x: x.cancel_order(ALGO_ID, THEIR_SWAP, {"trigger": True}),
    ),
    "cancelling one half": (
        WIRE.cancel_trigger(f"{ALGO_ID}-sl", SWAP),
        lambda x: x.private_post_trade_amend_algos({"instId": SWAP, "algoId": ALGO_ID, "newSlTriggerPx": "0"}),
    ),
}  # fmt: skip

SNAPSHOT = {(ask.request.path.rpartition("/")[2], *ask.request.query): ask.request for ask in WIRE.snapshot(SINCE)}


def asked(name: str, *query: tuple[str, str]) -> Request:
    return SNAPSHOT[(name, *query, ("limit", "100"))]


ASKED: dict[str, Case] = {
    "one order": (WIRE.order(SWAP, ID).request, lambda x: x.fetch_order(ID, THEIR_SWAP)),
    "one order by its text": (
        WIRE.order(SWAP, None, TEXT).request,
        lambda x: x.fetch_order(None, THEIR_SWAP, {"clientOrderId": TEXT}),
    ),
    "open orders": (
        asked("orders-pending"),
        lambda x: x.fetch_open_orders(None, None, 100),
    ),
    "orders of perpetuals since": (
        asked("orders-history", ("instType", "SWAP"), ("begin", str(SINCE))),
        lambda x: x.private_get_trade_orders_history({"instType": "SWAP", "begin": str(SINCE), "limit": "100"}),
    ),
    "fills since": (
        asked("fills", ("begin", str(SINCE))),
        lambda x: x.private_get_trade_fills({"begin": str(SINCE), "limit": "100"}),
    ),
    "triggers that wait": (
        WIRE.open_triggers(SWAP).request,
        lambda x: x.private_get_trade_orders_algo_pending(
            {"ordType": "conditional,oco", "instId": SWAP, "limit": "100"}
        ),
    ),
    "triggers that fired": (
        asked("orders-algo-history", ("ordType", "move_order_stop"), ("state", "effective")),
        lambda x: x.private_get_trade_orders_algo_history(
            {"ordType": "move_order_stop", "state": "effective", "limit": "100"}
        ),
    ),
    "one trigger": (
        WIRE.trigger(f"{ALGO_ID}-tp").request,
        lambda x: x.private_get_trade_order_algo({"algoId": ALGO_ID}),
    ),
    "a page of finished orders": (
        WIRE.orders(SWAP, "finished", Page(50)).request,
        lambda x: x.private_get_trade_orders_history({"instType": "SWAP", "instId": SWAP, "limit": "50"}),
    ),
    "an order's fills": (
        WIRE.fills(SWAP, ID, Page()).request,
        lambda x: x.private_get_trade_fills({"instId": SWAP, "ordId": ID, "limit": "100"}),
    ),
    "positions": (WIRE.positions().request, lambda x: x.fetch_positions()),
    "positions of one instrument": (WIRE.positions(SWAP).request, lambda x: x.fetch_positions([THEIR_SWAP])),
    "the trading wallet": (WIRE.balances()["trading"].request, lambda x: x.fetch_balance()),
    "the funding wallet": (WIRE.balances()["funding"].request, lambda x: x.fetch_balance({"type": "funding"})),
    "leverage": (WIRE.leverage(SWAP), lambda x: x.fetch_leverage(THEIR_SWAP, {"mgnMode": "cross"})),
    "the account": (VENUE.identity(), lambda x: x.fetch_accounts()),
    "the position mode": (WIRE.position_mode(), lambda x: x.fetch_position_mode()),
    "the venue's time": (VENUE.clock(), lambda x: x.fetch_time()),
    "perpetuals": (VENUE.listings()[1][0], lambda x: x.fetch_markets_by_type("SWAP")),
    "pairs": (VENUE.listings()[0][0], lambda x: x.fetch_markets_by_type("SPOT")),
    "a ticker": (VENUE.ticker(SWAP)[0], lambda x: x.fetch_ticker(THEIR_SWAP)),
    "the order book": (VENUE.orderbook(SWAP, 20)[0], lambda x: x.fetch_order_book(THEIR_SWAP, 20)),
    "the last candles": (VENUE.candles(SWAP, "5m", 200)[0], lambda x: x.fetch_ohlcv(THEIR_SWAP, "5m", None, 200)),
    "the last trades": (
        VENUE.trades(SWAP, 50)[0],
        lambda x: x.fetch_trades(THEIR_SWAP, None, 50, {"method": "publicGetMarketTrades"}),
    ),
}

EVERYTHING = {
    f"{about}: {intent}": case
    for about, cases in (("placing", PLACED), ("changing", CHANGED), ("triggers", TRIGGERS), ("asking", ASKED))
    for intent, case in cases.items()
}


@pytest.mark.parametrize("intent", EVERYTHING)
async def test_our_request_is_ccxts_for_the_same_intent(intent: str) -> None:
    """Method, path, query, body, headers and signature, but for what the intent's name explains."""
    request, ask, *more = EVERYTHING[intent]

    assert_same(VENUE.sign(request, CREDENTIALS, AT_S), request, await ccxt_sends(ask), more[0] if more else {})


async def test_the_witness_and_we_date_a_request_alike() -> None:
    sent = await ccxt_sends(lambda x: x.fetch_balance())

    assert sent.headers["OK-ACCESS-TIMESTAMP"] == TIMESTAMP


LANES = {
    Lane.CANCEL: [
        WIRE.cancel(SWAP, ID),
        WIRE.cancel_batch([ID], [SWAP]),
        WIRE.cancel_trigger(ALGO_ID, SWAP),
        WIRE.cancel_trigger(f"{ALGO_ID}-tp", SWAP),
        WIRE.cancel_all_after(0),
    ],
    Lane.PROTECT: [
        WIRE.close(SWAP, "long", TEXT, None),
        WIRE.place_trigger(a_stop()),
        WIRE.amend_trigger(AmendTrigger(a_trigger(id=ALGO_ID), price="2")),
    ],
    Lane.PLACE: [
        WIRE.place(an_order(), None),
        WIRE.place_batch([an_order()], None),
        WIRE.amend(AmendOrder(SWAP, ID, "buy", "1"), None),
        WIRE.set_leverage(SWAP, Leverage("1", "cross")),
    ],
    Lane.QUERY: [WIRE.order(SWAP, ID).request, WIRE.positions().request, WIRE.position_mode(), WIRE.leverage(SWAP)],
}


@pytest.mark.parametrize("lane", LANES)
def test_a_request_has_the_lane_of_its_purpose(lane: Lane) -> None:
    """What ends risk goes before what takes some. Only a question may be asked twice."""
    assert [request.lane for request in LANES[lane]] == [lane] * len(LANES[lane])
    assert [request.writes for request in LANES[lane]] == [lane is not Lane.QUERY] * len(LANES[lane])
    assert all(request.private for request in LANES[lane])


def test_what_places_or_amends_goes_with_its_expiry() -> None:
    for request in (
        WIRE.place(an_order(), 7),
        WIRE.place_batch([an_order()], 7),
        WIRE.amend(AmendOrder(SWAP, ID, "buy", "1"), 7),
        WIRE.amend_batch([AmendOrder(SWAP, ID, "buy", "1")], 7),
        WIRE.close(SWAP, "long", TEXT, 7),
    ):
        assert VENUE.sign(request, CREDENTIALS, AT_S).headers["expTime"] == "7"
