"""Payloads that others captured or documented, where they are at hand: all are read, and as ccxt reads them.

ccxt's own parser runs here on the same rows. Where it reads otherwise, the case says how; NOTES.md says why.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared.exchanges.base import Page
from shared.model import Balance, Fact, Fill, Order, Position, Trigger
from tests.venues.gate.frames import AT_MS, VENUE, WIRE, facts_of, reply

SAMPLES = Path(__file__).parents[4] / "shared" / "samples" / "gate"

pytestmark = pytest.mark.skipif(not SAMPLES.exists(), reason="the samples are not here")

PLACEHOLDERS: dict[str, Any] = {
    "id": 1,
    "contract": "BTC_USDT",
    "order_id": "58",
    "size": 6024,
    "price": "3765",
    "fill_price": "3765",
    "text": "t-x",
    "fee": "0.1",
    "leverage": "20",
    "in_dual_mode": True,
}
"""What stands for a name of the test that a payload was taken from."""


def sample(name: str) -> Any:
    """The payload: of a recorded conversation the push, of a recorded request the answer."""
    data = json.loads((SAMPLES / f"{name}.json").read_text())["data"]
    if isinstance(data, dict):
        if "frames" in data:
            return next(told["message"] for told in data["frames"] if told["from"] == "server_push")
        data = data.get("response", data)
    return _filled_in(data)


def _filled_in(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _filled_in(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled_in(each) for each in value]
    return PLACEHOLDERS.get(name, value) if isinstance(value, str) and re.fullmatch("<.*>", value) else value


@pytest.fixture(scope="module")
def ccxt() -> Any:
    return pytest.importorskip("ccxt").gate({"options": {"defaultType": "swap"}})


PUSHES: dict[str, type[Fact]] = {
    "jkorf-gate/sub.Futures.SubscribeToOrderUpdates": Order,
    "jkorf-gate/sub.Futures.SubscribeToUserTradeUpdates": Fill,
    "jkorf-gate/sub.Futures.SubscribeToPositionUpdates": Position,
    "jkorf-gate/sub.Futures.SubscribeToPositionCloseUpdates": Position,
    "jkorf-gate/sub.Futures.SubscribeToBalanceUpdates": Balance,
    "jkorf-gate/sub.Futures.SubscribeToTriggerOrderUpdates": Trigger,
    "gct-gate/lit.TestProcessFuturesOrdersPushData.futures.orders.0": Order,
    "gct-gate/ws.wsFutures.futures.positions.0": Position,
    "gct-gate/ws.wsFutures.futures.position_closes.0": Position,
    "gct-gate/ws.wsFutures.futures.autoorders.0": Trigger,
    "hummingbot-gate/perp.order_event_for_new_order_websocket_update.0": Order,
    "hummingbot-gate/perp.trade_event_for_full_fill_websocket_update.0": Fill,
    "hummingbot-gate/perp.position_event_websocket_update.0": Position,
    "hummingbot-gate/perp.position_event_websocket_update_zero.0": Position,
}


@pytest.mark.parametrize("name", PUSHES)
def test_a_captured_push_is_read(name: str) -> None:
    assert [type(fact) for fact in facts_of(sample(name))] == [PUSHES[name]]


@pytest.mark.parametrize(
    "name",
    [
        "jkorf-gate/sub.Futures.SubscribeToUserAutoDeleverageUpdates",
        "gct-gate/ws.wsFutures.futures.auto_deleverages.0",
        "gct-gate/ws.wsFutures.futures.liquidates.0",
    ],
)
def test_a_captured_push_of_a_channel_that_we_leave_is_known(name: str) -> None:
    assert WIRE.read(json.dumps(sample(name)).encode(), AT_MS) is None


@pytest.mark.parametrize("source", ["jkorf-gate/sub.Futures.SubscribeTo", "hummingbot-gate/perp", "gct-gate/ws.wsFut"])
def test_no_private_push_of_the_samples_is_left_out(source: str) -> None:
    """A sample that comes later must be looked at."""
    private = re.compile(r"futures\.(orders|usertrades|positions|position_closes|balances|autoorders)$")
    unread = []
    for path in SAMPLES.glob(f"{source}*.json"):
        name = str(path.relative_to(SAMPLES)).removesuffix(".json")
        payload = sample(name)
        is_push = isinstance(payload, dict) and payload.get("event") == "update"
        if is_push and private.search(str(payload["channel"])) and name not in PUSHES:
            unread.append(name)

    assert unread in ([], ["hummingbot-gate/perp.balance_event_websocket_update.0"])  # names no currency


# Orders.

ROWS_OF_ORDERS = [
    "ccxt-static/createOrder.0",
    "ccxt-static/fetchClosedOrders.3",
    "gct-gate/lit.TestDeriveFuturesWebsocketOrderResponses.1",
    "gct-gate/lit.TestDeriveFuturesWebsocketOrderResponses.3",
    "gct-gate/lit.TestDeriveFuturesWebsocketOrderResponses.4",
    "gct-gate/lit.TestProcessFuturesOrdersPushData.futures.orders.0",
    "jkorf-gate/sub.Futures.SubscribeToOrderUpdates",
    "hummingbot-gate/perp.order_creation_request_successful_mock_response.0",
    "hummingbot-gate/perp.limit_maker_order_creation_request_successful_mock_response.0",
    "hummingbot-gate/perp._order_cancelation_request_successful_mock_response.0",
    "hummingbot-gate/perp._order_status_request_completely_filled_mock_response.0",
    "hummingbot-gate/perp.order_event_for_new_order_websocket_update.0",
]
OUR_STATUS = {"closed": {"filled"}, "canceled": {"cancelled", "expired"}, "open": {"open", "partially_filled"}}
STATUS_UNLIKE = {"jkorf-gate/sub.Futures.SubscribeToOrderUpdates": ("closed", "cancelled")}
"""Finished as `filled` with something left: ccxt believes the word, we the sizes."""


def row_of(name: str) -> Any:
    """The row in a push, in a list, or by itself."""
    payload = sample(name)
    if isinstance(payload, dict):
        payload = payload.get("httpResponse", payload)
        payload = payload.get("result", payload) if isinstance(payload, dict) else payload
    return payload[0] if isinstance(payload, list) else payload


def exactly(theirs: Any) -> Decimal | None:
    return None if theirs is None else Decimal(str(theirs))


def exact(ours: str | None) -> Decimal | None:
    return None if ours is None else Decimal(ours)


@pytest.mark.parametrize("name", ROWS_OF_ORDERS)
def test_an_order_is_what_ccxt_takes_it_for(name: str, ccxt: Any) -> None:
    """But for the price of a market order: ccxt shows the average there, we show none and the average beside it."""
    row = row_of(name)
    ours, theirs = WIRE.to_order(reply(row, 201)), ccxt.parse_order(row)

    assert (ours.id, ours.side, ours.type) == (theirs["id"], theirs["side"], theirs["type"])
    if name in STATUS_UNLIKE:
        assert (theirs["status"], ours.status) == STATUS_UNLIKE[name]
    else:
        assert ours.status in OUR_STATUS[theirs["status"]]
    assert exact(ours.size) == exactly(theirs["amount"])
    assert exact(ours.filled) == exactly(theirs["filled"])
    assert exact(ours.remaining) == exactly(theirs["remaining"])
    assert exact(ours.price) == (None if ours.type == "market" else exactly(theirs["price"]))
    if ours.filled != "0":
        assert exact(ours.average_price) == exactly(theirs["average"])
    assert theirs["fee"] is None and ours.fee in (None, "0")  # no row here tells a fee
    assert ours.created_at_ms == theirs["timestamp"]
    assert ours.time_in_force == {"PO": "post_only"}.get(theirs["timeInForce"], theirs["timeInForce"].lower())


@pytest.mark.parametrize("name", ["ccxt-static/createOrder.0", "ccxt-static/fetchClosedOrders.3"])
def test_an_order_is_what_ccxt_recorded_of_it(name: str) -> None:
    """Recorded by others with their own release, so that no change of the parser here can hide one of ours."""
    data = sample(name)
    theirs = data["parsed"][0] if isinstance(data["parsed"], list) else data["parsed"]
    ours = WIRE.to_order(reply(row_of(name), 201))

    assert (ours.id, ours.client_order_id, ours.instrument) == (theirs["id"], theirs["clientOrderId"], theirs["symbol"])
    assert (ours.type, ours.side) == (theirs["type"], theirs["side"])
    assert ours.status in OUR_STATUS[theirs["status"]]
    assert (ours.created_at_ms, ours.updated_at_ms) == (theirs["timestamp"], theirs["lastTradeTimestamp"])
    assert (exact(ours.size), exact(ours.filled)) == (exactly(theirs["amount"]), exactly(theirs["filled"]))
    assert ours.price is None and exact(ours.average_price) == exactly(theirs["average"])


# Fills.

ROWS_OF_FILLS = [
    "jkorf-gate/sub.Futures.SubscribeToUserTradeUpdates",
    "jkorf-gate/rest.PerpetualFutures.Trading.GetUserTrades",
    "jkorf-gate/rest.PerpetualFutures.Trading.GetUserTradesByTimestamp",
    "hummingbot-gate/perp._order_fills_request_full_fill_mock_response.0",
    "hummingbot-gate/perp.trade_event_for_full_fill_websocket_update.0",
]


@pytest.mark.parametrize("name", ROWS_OF_FILLS)
def test_a_fill_is_what_ccxt_takes_it_for(name: str, ccxt: Any) -> None:
    row = row_of(name)
    (ours,), theirs = WIRE.fills(None, None, Page()).read(reply([row])), ccxt.parse_trade(row)

    assert isinstance(ours, Fill)
    assert (ours.id, ours.order_id, ours.side) == (str(theirs["id"]), theirs["order"], theirs["side"])
    assert (ours.role, ours.at_ms) == (theirs["takerOrMaker"], theirs["timestamp"])
    assert (exact(ours.price), exact(ours.size)) == (exactly(theirs["price"]), exactly(theirs["amount"]))
    assert exact(ours.fee) == exactly(theirs["fee"]["cost"])


# Positions.

ROWS_OF_POSITIONS = [
    "jkorf-gate/sub.Futures.SubscribeToPositionUpdates",
    "gct-gate/ws.wsFutures.futures.positions.0",
    "hummingbot-gate/perp.position_event_websocket_update.0",
    "hummingbot-gate/perp.test_update_position_mode.0",
    "hummingbot-gate/perp.test_update_position_mode.1",
    "hummingbot-gate/perp.configure_failed_set_leverage.0",
    "hummingbot-gate/perp.configure_successful_set_leverage.0",
]


@pytest.mark.parametrize("name", ROWS_OF_POSITIONS)
def test_a_position_is_what_ccxt_takes_it_for(name: str, ccxt: Any) -> None:
    """But for a leverage of 0, which ccxt shows as it stands: here it only says that the margin is shared."""
    row = row_of(name)
    (ours,), theirs = WIRE.positions().read(reply([row])), ccxt.parse_position(row)

    assert isinstance(ours, Position)
    assert (ours.side, ours.margin_mode) == (theirs["side"], theirs["marginMode"])
    assert (exact(ours.size), exact(ours.margin)) == (exactly(theirs["contracts"]), exactly(theirs["positionMargin"]))
    assert exact(ours.entry_price) == exactly(theirs["entryPrice"])
    assert exact(ours.liquidation_price) == exactly(theirs["liquidationPrice"])
    assert exact(ours.mark_price) == exactly(theirs["markPrice"])
    assert exact(ours.unrealised_pnl) == exactly(theirs["unrealizedPnl"])
    assert exact(ours.realised_pnl) == exactly(theirs["realizedPnl"])
    assert (exact(ours.leverage) or 0) == exactly(theirs["leverage"])
    assert ours.mode == ("hedge" if row["mode"].startswith("dual") else "one_way")


def test_the_account_of_a_sample_says_its_mode_and_its_money() -> None:
    row = sample("hummingbot-gate/perp.configure_successful_set_position_mode.0")
    (balance,) = WIRE.balances()["futures"].read(reply(row))

    assert isinstance(balance, Balance)
    assert (balance.total, balance.available) == ("9707.803567115145", "9669.091377934145")
    assert WIRE.to_position_mode(reply(row)) == "hedge"


# Triggers.

ROWS_OF_TRIGGERS = [
    "ccxt-static/cancelOrder.0",
    "ccxt-static/fetchOpenOrders.2",
    "gct-gate/ws.wsFutures.futures.autoorders.0",
    "jkorf-gate/sub.Futures.SubscribeToTriggerOrderUpdates",
]


@pytest.mark.parametrize("name", ROWS_OF_TRIGGERS)
def test_a_trigger_is_what_ccxt_takes_it_for(name: str, ccxt: Any) -> None:
    row = row_of(name)
    (ours,), theirs = WIRE.to_triggers(reply([row])), ccxt.parse_order(row)

    assert (ours.id, ours.side) == (theirs["id"], theirs["side"])
    assert ours.status == {"canceled": "cancelled", "open": "open"}[theirs["status"]]
    assert (exact(ours.price), exact(ours.size)) == (exactly(theirs["triggerPrice"]), exactly(theirs["amount"]))
    assert exact(ours.order_price) == exactly(theirs["price"])
    assert ours.created_at_ms == theirs["timestamp"]


def test_a_captured_trigger_of_an_order_names_that_order() -> None:
    """It is open, so the order in its row cannot be the one that it became."""
    (trigger,) = facts_of(sample("jkorf-gate/sub.Futures.SubscribeToTriggerOrderUpdates"))

    assert isinstance(trigger, Trigger)
    assert (trigger.parent_id, trigger.child_id, trigger.purpose) == ("213867453823", None, "stop_loss")


# Batches, wallets and the market.


def test_a_captured_batch_of_cancels_is_read() -> None:
    body = reply(sample("jkorf-gate/rest.PerpetualFutures.Trading.CancelOrders"))

    assert WIRE.to_cancelled(body, ["123456"]) == [None]


@pytest.mark.parametrize("name", ["jkorf-gate/rest.Spot.Account.GetBalances", "xchange-gate/stub.api_v4_spot_accounts"])
def test_a_captured_spot_wallet_is_what_ccxt_takes_it_for(name: str, ccxt: Any) -> None:
    rows = sample(name)
    for balance, row in zip(WIRE.balances()["spot"].read(reply(rows)), rows, strict=True):
        theirs = ccxt.safe_balance({row["currency"]: ccxt.parse_balance_helper(row)})[row["currency"]]

        assert isinstance(balance, Balance)
        assert (exact(balance.available), exact(balance.frozen)) == (exactly(theirs["free"]), exactly(theirs["used"]))
        assert exact(balance.total) == exactly(theirs["total"])


def test_a_captured_unified_wallet_is_worth_more_than_what_is_free_of_it() -> None:
    """ccxt adds what is free and what is frozen; the venue says the equity, and we say that."""
    row = sample("jkorf-gate/rest.Spot.Account.GetUnifiedAccountInfo")
    facts = WIRE.balances()["unified"].read(reply(row))
    held = {fact.asset: fact for fact in facts if isinstance(fact, Balance)}

    assert {asset: balance.total for asset, balance in held.items()} == {
        asset: said["equity"] for asset, said in row["balances"].items()
    }
    assert (held["USDT"].available, held["ETH"].total) == ("0.00000062023", "1016.1")


def test_captured_contracts_and_trades_are_read() -> None:
    (contract,) = VENUE.listings()[0][1](reply(sample("jkorf-gate/rest.PerpetualFutures.ExchangeData.GetContracts")))
    (trade,) = VENUE.trades("BTC_USDT", 1)[1](reply(sample("jkorf-gate/rest.PerpetualFutures.ExchangeData.GetTrades")))

    assert (contract["symbol"], contract["size_step"], contract["contract_size"]) == ("LAB_USDT", "0.1", "100")
    assert (contract["orders_max"], contract["funding_next_ms"], contract["price_band"]) == (50, 1610035200000, "0.5")
    assert (trade["side"], trade["size"], trade["price"]) == ("sell", "100", "100.123")


def test_captured_books_are_exact() -> None:
    paths = list(SAMPLES.glob("cryptofeed-gate/http.*futures*order_book*.json"))
    for path in paths:
        said = sample(str(path.relative_to(SAMPLES)).removesuffix(".json"))
        book = VENUE.orderbook("X_USDT", 50)[1](reply(said))

        assert book["asks"] == [[level["p"], str(level["s"])] for level in said["asks"]]
        assert book["bids"] == [[level["p"], str(level["s"])] for level in said["bids"]]
    assert paths
