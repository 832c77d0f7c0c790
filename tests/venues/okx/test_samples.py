"""Payloads that others captured or documented, where they are at hand: all are read, and as ccxt reads them.

ccxt's own parser runs here on the same rows. Where it reads otherwise, the case says how; NOTES.md says why.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from shared.errors import KeyRefused, VenueError, VenueRefused
from shared.exchanges.base import Guards, Page, PlaceOrder, Request
from shared.exchanges.okx.wire import OkxVenue, OkxWire
from shared.model import Balance, Fact, Fill, Order, Position, Trigger
from tests.venues.okx.frames import AT_MS, OWNER, SAMPLES, reply

pytestmark = pytest.mark.skipif(not SAMPLES.exists(), reason="the samples are not here")

PLACEHOLDERS: dict[str, Any] = {
    "instId": "BTC-USDT-SWAP",
    "ordId": "317321390244397056",
    "clOrdId": "owx",
    "px": "97000",
    "sz": "323",
    "fillSz": "323",
    "fillPx": "97000",
    "tradeId": "77",
    "side": "buy",
    "posSide": "net",
    "fillFee": "-0.1",
    "fillFeeCcy": "USDT",
    "feeCcy": "USDT",
    "avgPx": "97000",
    "lever": "10",
    "upl": "-1",
    "fee": "-0.1",
    "notionalUsd": "97000",
}
"""What stands for a name of the test that a payload was taken from."""


def sample(name: str) -> Any:
    """The payload: of a recorded conversation the push, of a recorded request the answer."""
    data = json.loads((SAMPLES / f"{name}.json").read_text())["data"]
    if isinstance(data, dict):
        if "frames" in data:
            return next(told["message"] for told in data["frames"] if told["from"] == "server_push")
        data = data.get("httpResponse", data.get("response", data))
    return _filled_in(data)


def _filled_in(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _filled_in(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled_in(each) for each in value]
    if not isinstance(value, str) or not re.search("<.*>", value):
        return value
    return {"<self.base_asset>": "BTC", "<self.quote_asset>": "USDT"}.get(value) or PLACEHOLDERS.get(name, value)


@pytest.fixture(scope="module")
def ccxt() -> Any:
    return pytest.importorskip("ccxt").okx()


def facts_of(payload: Any) -> list[Fact]:
    message = OkxWire(OWNER, "1").read(json.dumps(payload).encode(), AT_MS)
    assert isinstance(message, list)
    return message


PUSHES: dict[str, list[type[Fact]]] = {
    "gct-okx/ws.wsOrders.orders.1": [Order],
    "gct-okx/lit.TestOrderPushData.algo-advance.0": [],
    "hummingbot-okx/perp.order_event_for_canceled_order_websocket_update.0": [Order],
    "hummingbot-okx/perp.order_event_for_full_fill_websocket_update.0": [Order, Fill],
    "hummingbot-okx/perp.position_event_for_full_fill_websocket_update.0": [Position],
    "hummingbot-okx/spot.order_event_for_full_fill_websocket_update.0": [Order],
    "hummingbot-okx/spot.trade_event_for_full_fill_websocket_update.0": [Order, Fill],
    "jkorf-okx/sub.Unified.Account.Balance": [Balance],
    "jkorf-okx/sub.Unified.Account.BalanceAndPosition": [Balance],
    "jkorf-okx/sub.Unified.Trading.AdvancedAlgoOrder": [],
    "jkorf-okx/sub.Unified.Trading.AlgoOrder": [Trigger],
    "jkorf-okx/sub.Unified.Trading.Position": [Position],
    "nautilus-okx/ws_account": [Balance, Balance, Balance],
    "nautilus-okx/ws_orders": [Order, Fill],
    "nautilus-okx/ws_orders_adl": [Order, Fill],
    "nautilus-okx/ws_orders_liquidation": [Order, Fill],
    "nautilus-okx/ws_orders_optimal_limit_ioc": [Order, Fill],
}


@pytest.mark.parametrize("name", PUSHES)
def test_a_captured_push_is_read(name: str) -> None:
    assert [type(fact) for fact in facts_of(sample(name))] == PUSHES[name]


def private_pushes() -> Iterator[str]:
    ours = {"orders", "orders-algo", "algo-advance", "positions", "account", "balance_and_position"}
    for path in sorted(SAMPLES.glob("*/*.json")):
        name = str(path.relative_to(SAMPLES)).removesuffix(".json")
        try:
            payload = sample(name)
        except StopIteration:
            continue
        if isinstance(payload, dict) and isinstance(payload.get("arg"), dict) and payload["arg"]["channel"] in ours:
            yield name


def test_no_private_push_of_the_samples_is_left_out() -> None:
    """A sample that comes later must be looked at."""
    made_up = {"nautilus-okx/ws_orders_algo"}  # has states of orders, which no algo order is documented to have

    assert set(private_pushes()) - made_up == set(PUSHES)


# Orders.


def order_rows() -> Iterator[tuple[str, int]]:
    """Every row of an order, pushed or answered."""
    for path in sorted(SAMPLES.glob("*/*.json")):
        name = str(path.relative_to(SAMPLES)).removesuffix(".json")
        for at, row in enumerate(rows_of(name)):
            if isinstance(row, dict) and {"ordId", "state", "accFillSz"} <= set(row):
                yield name, at


def rows_of(name: str) -> list[Any]:
    try:
        payload = sample(name)
    except StopIteration:
        return []
    data = payload.get("data") if isinstance(payload, dict) else None
    return data if isinstance(data, list) else []


CCXT_STATES = {
    "open": "open",
    "partially_filled": "open",
    "filled": "closed",
    "cancelled": "canceled",
}
INVENTED = {
    "hummingbot-okx/perp.order_event_for_full_fill_websocket_update.0",
    "hummingbot-okx/perp.order_event_for_canceled_order_websocket_update.0",
    "hummingbot-okx/spot.order_event_for_full_fill_websocket_update.0",
    "hummingbot-okx/spot.trade_event_for_full_fill_websocket_update.0",
    "hummingbot-okx/perp._order_status_request_completely_filled_mock_response.0",
    "hummingbot-okx/spot._order_status_request_completely_filled_mock_response.0",
    "hummingbot-okx/spot._order_status_request_partially_filled_mock_response.0",
}
"""Their sizes, prices and fees do not fit together, so that only words can be compared."""


@pytest.mark.parametrize(("name", "at"), list(order_rows()))
def test_an_order_is_what_ccxt_takes_it_for(name: str, at: int, ccxt: Any) -> None:
    """But for an order of quote, which ccxt counts in base where it was bought at the market."""
    row = rows_of(name)[at]
    ours = OkxWire(OWNER, "1").to_order(reply({"code": "0", "data": [row]}))
    theirs = ccxt.parse_order(row)

    assert ours.id == theirs["id"]
    assert (ours.client_order_id or "") == (theirs["clientOrderId"] or "")
    assert (ours.side, CCXT_STATES[ours.status]) == (theirs["side"], theirs["status"])
    assert (ours.created_at_ms, ours.reduce_only or False) == (theirs["timestamp"], _reduces(row, theirs))
    if ours.size_unit == "quote" or name in INVENTED:
        return
    for our, their in (
        (ours.size, theirs["amount"]),
        (ours.filled, theirs["filled"]),
        (ours.average_price, theirs["average"]),
    ):
        assert our is None or Decimal(our) == Decimal(str(their)), (our, their)
    if ours.filled.strip("0."):
        assert Decimal(ours.fee or 0) == Decimal(str(theirs["fee"]["cost"]))


def _reduces(row: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """In hedge mode the side of the position says it, which ccxt does not look at."""
    hedged = {"long": "sell", "short": "buy"}.get(row["posSide"])
    return row["side"] == hedged if hedged else bool(theirs["reduceOnly"])


def test_orders_were_found_to_compare() -> None:
    assert len(list(order_rows())) >= 15


# Fills.


def fill_rows() -> Iterator[tuple[str, int]]:
    for path in sorted(SAMPLES.glob("*/*.json")):
        name = str(path.relative_to(SAMPLES)).removesuffix(".json")
        for at, row in enumerate(rows_of(name)):
            if isinstance(row, dict) and {"billId", "fillPx", "tradeId"} <= set(row):
                yield name, at


@pytest.mark.parametrize(("name", "at"), list(fill_rows()))
def test_a_fill_is_what_ccxt_takes_it_for(name: str, at: int, ccxt: Any) -> None:
    """But for its time: ccxt shows when it was written down, we when it happened."""
    row = rows_of(name)[at]
    (ours,) = (
        OkxWire(OWNER, "1")
        .fills("BTC-USDT-SWAP", None, Page())
        .next_page(reply({"data": [row]}))
        .read(  # type: ignore[union-attr]
            reply({"code": "0", "data": []})
        )
    )
    assert isinstance(ours, Fill)
    theirs = ccxt.parse_trade(row)

    assert (ours.id, ours.order_id, ours.side) == (theirs["id"], theirs["order"], theirs["side"])
    assert ours.role == theirs["takerOrMaker"]
    assert (Decimal(ours.price), Decimal(ours.size)) == (Decimal(str(theirs["price"])), Decimal(str(theirs["amount"])))
    if ours.fee is not None:
        assert (Decimal(ours.fee), ours.fee_asset) == (Decimal(str(theirs["fee"]["cost"])), theirs["fee"]["currency"])
    assert (ours.at_ms or 0) <= (theirs["timestamp"] or AT_MS)


# Positions and balances.

POSITIONS = [
    "ccxt-static/fetchPositions.0",
    "jkorf-okx/sub.Unified.Trading.Position",
    "hummingbot-okx/perp.position_event_for_full_fill_websocket_update.0",
]


@pytest.mark.parametrize("name", POSITIONS)
def test_a_position_is_what_ccxt_takes_it_for(name: str, ccxt: Any) -> None:
    (row,) = rows_of(name)
    (ours,) = OkxWire(OWNER, "1").positions().read(reply({"code": "0", "data": [row]}))
    theirs = ccxt.parse_position(row)

    assert isinstance(ours, Position)
    assert (ours.side, ours.mode == "hedge") == (theirs["side"], theirs["hedged"])
    assert (ours.margin_mode, ours.updated_at_ms) == (theirs["marginMode"], int(row["uTime"]))
    for our, their in (
        (ours.size, theirs["contracts"]),
        (ours.entry_price, theirs["entryPrice"]),
        (ours.mark_price, theirs["markPrice"]),
        (ours.leverage, theirs["leverage"]),
        (ours.liquidation_price, theirs["liquidationPrice"]),
        (ours.unrealised_pnl, theirs["unrealizedPnl"]),
    ):
        assert our is None or Decimal(our) == Decimal(str(their)), (our, their)


BALANCES = [
    "jkorf-okx/rest.UnifiedApi.Account.GetAccountBalance",
    "hummingbot-okx/perp.balance_request_mock_response_for_base_and_quote.0",
    "hummingbot-okx/perp.balance_request_mock_response_only_base.0",
    "hummingbot-okx/spot.balance_request_mock_response_for_base_and_quote.0",
    "hummingbot-okx/spot.balance_request_mock_response_only_base.0",
]


@pytest.mark.parametrize("name", BALANCES)
def test_the_trading_wallet_is_what_ccxt_takes_it_for(name: str, ccxt: Any) -> None:
    """But for the total, which ccxt takes with what is gained on paper: ours is the cash."""
    payload = sample(name)
    ours = OkxWire(OWNER, "1").balances()["trading"].read(reply(payload))
    theirs = ccxt.parse_trading_balance(payload)

    assert ours
    for fact, row in zip(ours, payload["data"][0]["details"], strict=True):
        assert isinstance(fact, Balance)
        assert row["cashBal"] in (fact.total, "")
        free = theirs[fact.asset]["free"]
        assert fact.available in (row["availBal"], row.get("availEq"))
        if row.get("availEq") in (None, "", row["availBal"]):
            assert Decimal(fact.available or 0) == Decimal(str(free))


@pytest.mark.parametrize("name", ["ccxt-static/fetchBalance.0", "jkorf-okx/rest.UnifiedApi.Account.GetFundingBalance"])
def test_the_funding_wallet_is_what_ccxt_takes_it_for(name: str, ccxt: Any) -> None:
    payload = sample(name)
    (ours,) = OkxWire(OWNER, "1").balances()["funding"].read(reply(payload))
    assert isinstance(ours, Balance)
    theirs = ccxt.parse_funding_balance(payload)[ours.asset]

    assert [Decimal(number or 0) for number in (ours.total, ours.available, ours.frozen)] == [
        Decimal(str(theirs[name])) for name in ("total", "free", "used")
    ]


# Triggers.

ALGOS = {
    "nautilus-okx/http_get_orders_algo_pending_attached_oco": 2,
    "jkorf-okx/sub.Unified.Trading.AlgoOrder": 1,
    "ccxt-static/fetchOpenOrders.0": 1,
}


@pytest.mark.parametrize("name", ALGOS)
def test_an_algo_order_is_what_ccxt_takes_it_for(name: str, ccxt: Any) -> None:
    """One price for each of our triggers; ccxt shows both of an order that has two."""
    payload = sample(name)
    row = payload["element"] if "element" in payload else payload["data"][0]
    ours = OkxWire(OWNER, "1").open_triggers(None).read(reply({"code": "0", "data": [row]}))
    theirs = ccxt.parse_order(row)

    assert len(ours) == ALGOS[name]
    for trigger in ours:
        assert isinstance(trigger, Trigger)
        is_profit = trigger.rule == ("at_or_above" if trigger.side == "sell" else "at_or_below")
        price = theirs["takeProfitPrice" if is_profit else "stopLossPrice"]
        assert Decimal(trigger.price or 0) == Decimal(str(price))
        assert trigger.id.removesuffix("-tp").removesuffix("-sl") == theirs["id"]
        assert (trigger.side, trigger.status) == (theirs["side"], "open")
        assert Decimal(trigger.size) == Decimal(str(theirs["amount"])) or trigger.size_unit == "quote"


def test_a_captured_parent_shows_both_guards() -> None:
    payload = sample("nautilus-okx/http_get_orders_pending_with_attached_tp_sl")
    told = OkxWire(OWNER, "1").guards_told(reply(payload)) or Guards()

    assert (told.take_profit, told.stop_loss) == ("2600", "1500")


# Answers and the market.


def test_a_captured_refusal_of_an_algo_order_is_one() -> None:
    payload = sample("nautilus-okx/http_place_algo_order_rejected")
    error = OkxVenue().refusal(Request("POST", "/api/v5/trade/order-algo", writes=True), reply(payload))

    assert isinstance(error, VenueRefused) and not isinstance(error, KeyRefused) and error.venue_code == "51000"


@pytest.mark.parametrize("name", ["CancelMultipleOrders", "PlaceMultipleOrders"])
def test_captured_answers_to_batches_are_read(name: str) -> None:
    payload = sample(f"jkorf-okx/rest.UnifiedApi.Trading.{name}")
    wire, rows = OkxWire(OWNER, "1"), payload["data"]
    ids = [row["ordId"] for row in rows]
    orders = [PlaceOrder("X-Y", "buy", "limit", "1", "1", "gtc", False, row["clOrdId"]) for row in rows]

    assert not [ended for ended in wire.to_cancelled(reply(payload), ids) if ended is not None]
    assert [None if isinstance(o, VenueError) else o.id for o in wire.to_placed(reply(payload), orders)] == ids


@pytest.mark.parametrize("name", ["spot", "swap"])
def test_captured_instruments_are_what_ccxt_takes_them_for(name: str, ccxt: Any) -> None:
    payload = sample(f"nautilus-okx/http_get_instruments_{name}")
    _, read = OkxVenue().listings()[0]
    for ours, row in zip(read(reply(payload)), payload["data"], strict=True):
        theirs = ccxt.parse_market(row)

        assert (ours["instrument"], ours["base"], ours["quote"]) == (theirs["symbol"], theirs["base"], theirs["quote"])
        assert ours["settle"] == theirs["settle"] and ours["type"] == theirs["type"]
        assert Decimal(ours["price_step"]) == Decimal(str(theirs["precision"]["price"]))
        assert Decimal(ours["size_step"]) == Decimal(str(theirs["precision"]["amount"]))
        assert Decimal(ours["size_min"]) == Decimal(str(theirs["limits"]["amount"]["min"]))
        assert (ours["status"] == "trading") == theirs["active"]
        if theirs["linear"]:
            assert Decimal(ours["contract_size"]) == Decimal(str(theirs["contractSize"]))


def test_a_captured_ticker_is_what_ccxt_takes_it_for(ccxt: Any) -> None:
    payload = sample("jkorf-okx/rest.UnifiedApi.ExchangeData.GetTicker")
    _, read = OkxVenue().ticker("X-Y")
    ours, theirs = read(reply(payload)), ccxt.parse_ticker(payload["data"][0])

    for our, their in (("last", "last"), ("bid", "bid"), ("ask", "ask"), ("high_24h", "high"), ("low_24h", "low")):
        assert Decimal(ours[our]) == Decimal(str(theirs[their]))
    assert ours["at_ms"] == theirs["timestamp"]
    assert abs(Decimal(ours["change_24h_percent"]) - Decimal(str(theirs["percentage"]))) < Decimal("0.01")


def test_captured_candles_and_trades_are_what_ccxt_takes_them_for(ccxt: Any) -> None:
    klines = sample("jkorf-okx/rest.UnifiedApi.ExchangeData.GetKlines")
    _, read = OkxVenue().candles("X-Y", "1m", 10)
    for ours, row in zip(read(reply(klines)), sorted(klines["data"]), strict=True):
        theirs = ccxt.parse_ohlcv(row, {"type": "spot"})
        assert [ours["at_ms"], *(float(ours[name]) for name in ("open", "high", "low", "close"))] == theirs[:5]
    trades = sample("jkorf-okx/rest.UnifiedApi.ExchangeData.GetRecentTrades")
    _, read = OkxVenue().trades("X-Y", 10)
    by_id = {row["id"]: row for row in read(reply(trades))}
    for row in trades["data"]:
        theirs = ccxt.parse_trade(row)
        ours = by_id[theirs["id"]]
        assert (ours["side"], ours["at_ms"]) == (theirs["side"], theirs["timestamp"])
        assert float(ours["price"]) == theirs["price"]
