"""A wrong secret fails every private call of every witness, and leaves nothing in the books.

The tables name each call once. That they miss none of the door's private routes is checked too: by what a witness
sends when it is asked for each of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import ccxt
import ccxt.async_support
import ccxt.pro
import gate_api
import pytest
import pytest_asyncio
from gate_ws import futures as channels

from shared.paper.gate.limits import PUBLIC
from shared.paper.gate.routes import ROUTES, RouteTable
from tests.paper.process import PaperAccount, PaperProcess
from tests.venues.gate.sent import Transport
from tests.venues.gate.witnesses import BTC, SYMBOL, Sdk, a_ccxt, a_stop, an_order, listening, refusal_of, soon

Wish = Callable[[Any], Any]
WRONG = "not-the-secret"
U = {"settle": "usdt"}
C = U | {"contract": BTC}
TRIGGER = {"trigger": True}
SIDE, MODE = "dual_long", gate_api.FuturesPositionCrossMode(mode="CROSS", contract=BTC)

SDK_CALLS: dict[str, Wish] = {
    "account_detail": lambda sdk: sdk.account.get_account_detail(),
    "spot_accounts": lambda sdk: sdk.spot.list_spot_accounts(),
    "unified_accounts": lambda sdk: sdk.unified.list_unified_accounts(),
    "total_balance": lambda sdk: sdk.wallet.get_total_balance(),
    "accounts": lambda sdk: sdk.futures.list_futures_accounts("usdt"),
    "account_book": lambda sdk: sdk.futures.list_futures_account_book("usdt"),
    "fee": lambda sdk: sdk.futures.get_futures_fee("usdt"),
    "positions": lambda sdk: sdk.futures.list_positions("usdt"),
    "position": lambda sdk: sdk.position(),
    "dual_position": lambda sdk: sdk.sides(),
    "position_close": lambda sdk: sdk.futures.list_position_close("usdt"),
    "liquidates": lambda sdk: sdk.futures.list_liquidates("usdt"),
    "auto_deleverages": lambda sdk: sdk.futures.list_auto_deleverages("usdt"),
    "get_leverage": lambda sdk: sdk.futures.get_leverage("usdt", BTC, "cross", SIDE),
    "cross_mode": lambda sdk: sdk.futures.update_position_cross_mode("usdt", MODE),
    "dual_cross_mode": lambda sdk: sdk.futures.update_dual_comp_position_cross_mode("usdt", MODE),
    "leverage": lambda sdk: sdk.futures.update_position_leverage("usdt", BTC, "5"),
    "dual_leverage": lambda sdk: sdk.futures.update_dual_mode_position_leverage("usdt", BTC, "5"),
    "set_leverage": lambda sdk: sdk.futures.update_contract_position_leverage("usdt", BTC, "5", "cross"),
    "margin": lambda sdk: sdk.futures.update_position_margin("usdt", BTC, "1"),
    "dual_margin": lambda sdk: sdk.futures.update_dual_mode_position_margin("usdt", BTC, "1", SIDE),
    "risk_limit": lambda sdk: sdk.futures.update_position_risk_limit("usdt", BTC, "1000000"),
    "dual_risk_limit": lambda sdk: sdk.futures.update_dual_mode_position_risk_limit("usdt", BTC, "1000000"),
    "dual_mode": lambda sdk: sdk.futures.set_dual_mode("usdt", True),
    "position_mode": lambda sdk: sdk.futures.set_position_mode("usdt", "dual"),
    "place": lambda sdk: sdk.place(1),
    "orders": lambda sdk: sdk.futures.list_futures_orders("usdt", "open"),
    "cancel_all": lambda sdk: sdk.futures.cancel_futures_orders("usdt"),
    "order": lambda sdk: sdk.order("1"),
    "amend": lambda sdk: sdk.amend(1, size="2"),
    "cancel": lambda sdk: sdk.futures.cancel_futures_order("usdt", "1"),
    "orders_timerange": lambda sdk: sdk.futures.get_orders_with_time_range("usdt"),
    "batch_orders": lambda sdk: sdk.futures.create_batch_futures_order("usdt", [an_order(1)]),
    "batch_amend": lambda sdk: sdk.futures.amend_batch_future_orders("usdt", [gate_api.BatchAmendOrderReq(order_id=1)]),
    "batch_cancel": lambda sdk: sdk.futures.cancel_batch_future_orders("usdt", ["1"]),
    "countdown": lambda sdk: sdk.futures.countdown_cancel_all_futures(
        "usdt", gate_api.CountdownCancelAllFuturesTask(timeout=30)
    ),
    "my_trades": lambda sdk: sdk.futures.get_my_trades("usdt"),
    "my_trades_timerange": lambda sdk: sdk.futures.get_my_trades_with_time_range("usdt"),
    "trigger_place": lambda sdk: sdk.set_trigger(a_stop("66000")),
    "triggers": lambda sdk: sdk.futures.list_price_triggered_orders("usdt", "open"),
    "trigger_cancel_all": lambda sdk: sdk.futures.cancel_price_triggered_order_list("usdt"),
    "trigger": lambda sdk: sdk.trigger(1),
    "trigger_cancel": lambda sdk: sdk.futures.cancel_price_triggered_order("usdt", "1"),
    "trigger_amend": lambda sdk: sdk.amend_trigger(1, trigger_price="66000"),
}
NOT_IN_THE_SDK = {("PUT", "futures/usdt/price_orders/amend")}
"""The changelog's form of an amendment; the SDK names the order in the path."""

CCXT_CALLS: dict[str, Wish] = {
    "account_detail": lambda gate: gate.private_account_get_detail(),
    "spot_accounts": lambda gate: gate.fetch_balance({"type": "spot"}),
    "unified_accounts": lambda gate: gate.fetch_balance({"type": "spot", "unifiedAccount": True}),
    "total_balance": lambda gate: gate.private_wallet_get_total_balance(),
    "accounts": lambda gate: gate.fetch_balance(),
    "account_book": lambda gate: gate.fetch_ledger("USDT"),
    "fee": lambda gate: gate.private_futures_get_settle_fee(U),
    "positions": lambda gate: gate.fetch_positions(),
    "position": lambda gate: gate.fetch_position(SYMBOL),
    "dual_position": lambda gate: gate.private_futures_get_settle_dual_comp_positions_contract(C),
    "position_close": lambda gate: gate.fetch_positions_history([SYMBOL]),
    "liquidates": lambda gate: gate.fetch_my_liquidations(SYMBOL),
    "auto_deleverages": lambda gate: gate.private_futures_get_settle_auto_deleverages(U),
    "get_leverage": lambda gate: gate.private_futures_get_settle_get_leverage_contract(C),
    "cross_mode": lambda gate: gate.private_futures_post_settle_positions_cross_mode(C | {"mode": "CROSS"}),
    "dual_cross_mode": lambda gate: gate.private_futures_post_settle_dual_comp_positions_cross_mode(C),
    "leverage": lambda gate: gate.set_leverage(5, SYMBOL),
    "dual_leverage": lambda gate: gate.private_futures_post_settle_dual_comp_positions_contract_leverage(C),
    "set_leverage": lambda gate: gate.private_futures_post_settle_positions_contract_set_leverage(C),
    "margin": lambda gate: gate.add_margin(SYMBOL, 1),
    "dual_margin": lambda gate: gate.private_futures_post_settle_dual_comp_positions_contract_margin(C),
    "risk_limit": lambda gate: gate.private_futures_post_settle_positions_contract_risk_limit(C),
    "dual_risk_limit": lambda gate: gate.private_futures_post_settle_dual_comp_positions_contract_risk_limit(C),
    "dual_mode": lambda gate: gate.set_position_mode(True, SYMBOL),
    "position_mode": lambda gate: gate.private_futures_post_settle_set_position_mode(U),
    "place": lambda gate: gate.create_order(SYMBOL, "limit", "buy", 3, 66000),
    "close": lambda gate: gate.close_position(SYMBOL),
    "orders": lambda gate: gate.fetch_open_orders(SYMBOL),
    "orders_closed": lambda gate: gate.fetch_closed_orders(SYMBOL),
    "cancel_all": lambda gate: gate.cancel_all_orders(SYMBOL),
    "order": lambda gate: gate.fetch_order("1", SYMBOL),
    "amend": lambda gate: gate.edit_order("1", SYMBOL, "limit", "buy", 3, 66000),
    "cancel": lambda gate: gate.cancel_order("1", SYMBOL),
    "orders_timerange": lambda gate: gate.fetch_closed_orders(SYMBOL, since=1),
    "batch_orders": lambda gate: gate.create_orders(
        [{"symbol": SYMBOL, "type": "limit", "side": "buy", "amount": 3, "price": 66000}]
    ),
    "batch_amend": lambda gate: gate.private_futures_post_settle_batch_amend_orders([U | {"order_id": 1}]),
    "batch_cancel": lambda gate: gate.cancel_orders(["1"]),
    "countdown": lambda gate: gate.private_futures_post_settle_countdown_cancel_all(U | {"timeout": 30}),
    "my_trades": lambda gate: gate.private_futures_get_settle_my_trades(U),
    "my_trades_timerange": lambda gate: gate.fetch_my_trades(SYMBOL),
    "order_trades": lambda gate: gate.fetch_order_trades("1", SYMBOL),
    "trigger_place": lambda gate: gate.create_order(SYMBOL, "market", "sell", 3, None, {"stopLossPrice": 66000}),
    "triggers": lambda gate: gate.fetch_open_orders(SYMBOL, params=TRIGGER),
    "trigger_cancel_all": lambda gate: gate.cancel_all_orders(SYMBOL, TRIGGER),
    "trigger": lambda gate: gate.fetch_order("1", SYMBOL, TRIGGER),
    "trigger_cancel": lambda gate: gate.cancel_order("1", SYMBOL, TRIGGER),
    "funding_history": lambda gate: gate.fetch_funding_history(SYMBOL),
}
NOT_IN_CCXT = NOT_IN_THE_SDK | {("PUT", "futures/usdt/price_orders/amend/{order}")}
"""ccxt amends trigger orders under another path, which the venue's own papers do not have."""

PRO_CALLS: dict[str, Wish] = {
    "watch_orders": lambda pro: pro.watch_orders(SYMBOL),
    "watch_triggers": lambda pro: pro.watch_orders(SYMBOL, params=TRIGGER),
    "watch_my_trades": lambda pro: pro.watch_my_trades(SYMBOL),
    "watch_positions": lambda pro: pro.watch_positions([SYMBOL]),
    "watch_balance": lambda pro: pro.watch_balance(),
    "watch_my_liquidations": lambda pro: pro.watch_my_liquidations(SYMBOL),
    "create_order_ws": lambda pro: pro.create_order_ws(SYMBOL, "limit", "buy", 3, 66000),
    "create_orders_ws": lambda pro: pro.create_orders_ws(
        [{"symbol": SYMBOL, "type": "limit", "side": "buy", "amount": 3, "price": 66000}]
    ),
    "edit_order_ws": lambda pro: pro.edit_order_ws("1", SYMBOL, "limit", "buy", 3, 66000),
    "cancel_order_ws": lambda pro: pro.cancel_order_ws("1", SYMBOL),
    "cancel_all_orders_ws": lambda pro: pro.cancel_all_orders_ws(SYMBOL),
    "fetch_order_ws": lambda pro: pro.fetch_order_ws("1", SYMBOL),
    "fetch_open_orders_ws": lambda pro: pro.fetch_open_orders_ws(SYMBOL),
    "fetch_closed_orders_ws": lambda pro: pro.fetch_closed_orders_ws(SYMBOL),
}

SUBSCRIPTIONS = (
    channels.FuturesOrderChannel, channels.FuturesUserTradesChannel, channels.FuturesPositionsChannel,
    channels.FuturesBalanceChannel, channels.FuturesAutoOrdersChannel, channels.FuturesPositionClosesChannel,
    channels.FuturesLiquidatesChannel, channels.FuturesADLChannel, channels.FuturesReduceRiskLimitChannel,
)  # fmt: skip
COMMANDS = (
    channels.FuturesOrderPlaceChannel, channels.FuturesOrderBatchPlaceChannel, channels.FuturesOrderAmendChannel,
    channels.FuturesOrderCancelChannel, channels.FuturesOrderCancelCpChannel, channels.FuturesOrderStatusChannel,
    channels.FuturesOrderListChannel,
)  # fmt: skip


@pytest.fixture(scope="module")
def owner(paper: PaperProcess) -> PaperAccount:
    """Whose key it is."""
    return paper.account()


@pytest.fixture
def untouched(paper: PaperProcess, owner: PaperAccount) -> Any:
    """Nothing of the owner's may change while somebody tries."""
    paper.clear_faults()
    before = paper.books(owner.uid)
    yield
    assert paper.books(owner.uid) == before


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def thief(paper: PaperProcess, owner: PaperAccount) -> AsyncIterator[Any]:
    """A ccxt client with the right key and a wrong secret, which has read the public markets."""
    client = a_ccxt(ccxt.async_support.gate, paper, owner, secret=WRONG)
    await client.load_markets()
    yield client
    await client.close()


@pytest.mark.parametrize("call", SDK_CALLS)
def test_the_sdk_is_refused(paper: PaperProcess, owner: PaperAccount, untouched: None, call: str) -> None:
    assert refusal_of(lambda: SDK_CALLS[call](Sdk(paper, owner, WRONG))) == (401, "INVALID_SIGNATURE")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("call", CCXT_CALLS)
async def test_ccxt_is_refused(thief: Any, untouched: None, call: str) -> None:
    with pytest.raises(ccxt.AuthenticationError, match="INVALID_SIGNATURE"):
        await CCXT_CALLS[call](thief)


@pytest.mark.parametrize("call", PRO_CALLS)
async def test_ccxt_is_refused_on_the_socket(
    paper: PaperProcess, owner: PaperAccount, untouched: None, call: str
) -> None:
    """Subscriptions by code 4 with the label, commands by their login."""
    pro = a_ccxt(ccxt.pro.gate, paper, owner, secret=WRONG)
    pro.options["watchPositions"]["fetchPositionsSnapshot"] = False  # the socket itself is asked here
    try:
        with pytest.raises(ccxt.AuthenticationError, match="INVALID_SIGNATURE"):
            await soon(PRO_CALLS[call](pro))
    finally:
        await pro.close()


@pytest.mark.parametrize("channel", SUBSCRIPTIONS, ids=lambda channel: channel.name)
async def test_the_official_client_is_refused_a_subscription(
    paper: PaperProcess, owner: PaperAccount, untouched: None, channel: Any
) -> None:
    async with listening(paper, owner, WRONG) as ears:
        await ears.subscribe(channel)

    assert ears.heard[0].error.code == 4 and "INVALID_SIGNATURE" in ears.heard[0].error.message


@pytest.mark.parametrize("channel", COMMANDS, ids=lambda channel: channel.name)
async def test_the_official_client_is_refused_a_command(
    paper: PaperProcess, owner: PaperAccount, untouched: None, channel: Any
) -> None:
    """Its login fails, and so nobody is logged in."""
    async with listening(paper, owner, WRONG) as ears:
        channels.FuturesLoginChannel(ears.connection, ears.hear)
        answer = await ears.ask(channel, {"order_id": "1"}, "1")

    assert [each.result["label"] for each in ears.heard] == ["INVALID_SIGNATURE", "AUTHENTICATION_FAILED"]
    assert answer["header"]["status"] == "400"


async def test_an_unknown_key_is_refused_by_that_name(paper: PaperProcess, owner: PaperAccount) -> None:
    """To every witness, and not as a wrong signature."""
    nobody = PaperAccount(owner.uid, "0" * 32, owner.api_secret, "")
    assert refusal_of(lambda: Sdk(paper, nobody).place(1)) == (401, "INVALID_KEY")
    pro = a_ccxt(ccxt.pro.gate, paper, nobody)
    try:
        with pytest.raises(ccxt.AuthenticationError, match="INVALID_KEY"):
            await soon(pro.watch_orders(SYMBOL))
    finally:
        await pro.close()


# ---- the tables miss nothing


def private_routes() -> set[tuple[str, str]]:
    return {(each.method, each.pattern) for each in ROUTES if each.group != PUBLIC}


def route_of(method: str, path: str) -> tuple[str, str]:
    found = RouteTable().find(method, path.partition("/api/v4/")[2])
    assert found is not None, path
    return found[0].method, found[0].pattern


def test_the_sdks_calls_are_all_of_the_doors_private_routes(paper: PaperProcess, owner: PaperAccount) -> None:
    """What it would send is caught before it leaves."""
    sdk = Sdk(paper, owner)
    transport = sdk.client.rest_client.pool_manager = Transport()
    for call in SDK_CALLS.values():
        try:
            call(sdk)
        except TypeError:
            continue  # the empty answer has no sides to tell
    sent = {route_of(each.method, each.path) for each in transport.sent}

    assert sent == private_routes() - NOT_IN_THE_SDK and len(transport.sent) == len(SDK_CALLS)


@pytest.mark.asyncio(loop_scope="module")
async def test_ccxts_calls_are_all_of_the_doors_private_routes(thief: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Likewise."""
    sent: set[tuple[str, str]] = set()

    async def fetch(url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        sent.add(route_of(method, url.partition("?")[0]))
        raise ccxt.AuthenticationError

    monkeypatch.setattr(thief, "fetch", fetch)
    for call in CCXT_CALLS.values():
        with pytest.raises(ccxt.AuthenticationError):
            await call(thief)

    assert sent == private_routes() - NOT_IN_CCXT
