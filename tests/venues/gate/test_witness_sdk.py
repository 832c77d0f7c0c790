"""Gate's official SDKs, unmodified, against the paper exchange: `gate-api` over REST, `gate-ws` over the WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import gate_api
import pytest
from gate_api.exceptions import GateApiException
from gate_ws import Configuration, Connection
from gate_ws.futures import (
    FuturesAutoOrdersChannel,
    FuturesOrderChannel,
    FuturesPositionsChannel,
    FuturesUserTradesChannel,
)

from tests.paper.process import PaperAccount, PaperProcess

BTC = "BTC_USDT"
WITHIN_S = 10


@pytest.fixture(scope="module")
def paper() -> Iterator[PaperProcess]:
    with PaperProcess.running() as process:
        yield process


@pytest.fixture
def account(paper: PaperProcess) -> PaperAccount:
    paper.clear_faults()
    paper.price(BTC, 67500, hold=True)
    return paper.account()


def a_client(paper: PaperProcess, account: PaperAccount, secret: str = "") -> Any:
    configuration = gate_api.Configuration(
        host=paper.rest_url, key=account.api_key, secret=secret or account.api_secret
    )
    return gate_api.FuturesApi(gate_api.ApiClient(configuration))


@pytest.fixture
def futures(paper: PaperProcess, account: PaperAccount) -> Any:
    return a_client(paper, account)


def an_order(size: int, price: str = "0", **said: Any) -> Any:
    tif = "ioc" if price == "0" else "gtc"
    return gate_api.FuturesOrder(**({"contract": BTC, "size": str(size), "price": price, "tif": tif} | said))


def a_stop(price: str, rule: int = 2) -> Any:
    return gate_api.FuturesPriceTriggeredOrder(
        initial=gate_api.FuturesInitialOrder(contract=BTC, size=0, price="0", tif="ioc", close=True, text="t-stop"),
        trigger=gate_api.FuturesPriceTrigger(strategy_type=0, price_type=1, price=price, rule=rule, expiration=86400),
        order_type="close-long-position",
    )


def test_contracts_tickers_and_the_wallet_are_read(futures: Any, account: PaperAccount) -> None:
    """The SDK's models refuse unknown words, so that they parse at all says much."""
    contract = futures.get_futures_contract("usdt", BTC)
    assert (contract.quanto_multiplier, contract.order_price_round) == ("0.0001", "0.1")
    assert [each.name for each in futures.list_futures_contracts("usdt")] == [BTC, "ETH_USDT", "SOL_USDT"]
    assert futures.list_futures_tickers("usdt", contract=BTC)[0].last == "67500"
    assert len(futures.list_futures_order_book("usdt", BTC, limit=5, with_id=True).asks) == 5
    assert len(futures.list_futures_candlesticks("usdt", BTC, interval="1h", limit=3)) == 3
    wallet = futures.list_futures_accounts("usdt")
    detail = gate_api.AccountApi(futures.api_client).get_account_detail()

    assert (wallet.total, wallet.available, wallet.in_dual_mode) == ("10000", "10000", False)
    assert str(detail.user_id) == account.uid


def test_an_order_is_placed_listed_amended_and_cancelled(
    futures: Any, paper: PaperProcess, account: PaperAccount
) -> None:
    """By id and by text, and with ids that no float can hold."""
    placed = futures.create_futures_order("usdt", an_order(3, "66000", text="t-sdk-1"))
    assert placed.status == "open" and placed.id > 2**53
    assert [each.id for each in futures.list_futures_orders("usdt", "open", contract=BTC)] == [placed.id]
    amended = futures.amend_futures_order(
        "usdt", str(placed.id), gate_api.FuturesOrderAmendment(size="5", price="66001")
    )
    assert (amended.size, amended.left, amended.price) == ("5", "5", "66001")
    assert futures.get_futures_order("usdt", "t-sdk-1").id == placed.id
    gone = futures.cancel_futures_order("usdt", str(placed.id))
    assert (gone.status, gone.finish_as) == ("finished", "cancelled")
    told = paper.books(account.uid)["orders"]

    assert [(each["id"], each["size"], each["finish_as"]) for each in told] == [(str(placed.id), "5", "cancelled")]


def test_leverage_fills_and_positions_equal_the_books(futures: Any, paper: PaperProcess, account: PaperAccount) -> None:
    """A partial fill, its completion and the position that comes of both."""
    held = futures.update_position_leverage("usdt", BTC, "0", cross_leverage_limit="20")
    assert (held.leverage, held.cross_leverage_limit, held.lever) == ("0", "20", "20")
    order = futures.create_futures_order("usdt", an_order(6000, "67500.1"))
    assert order.status == "open" and 0 < int(order.left) < 6000
    paper.price(BTC, 67499, hold=True)
    order = futures.get_futures_order("usdt", str(order.id))
    books = paper.books(account.uid)
    fills = futures.get_my_trades("usdt", contract=BTC, order=str(order.id))
    held = futures.get_position("usdt", BTC)

    assert (order.status, order.finish_as, order.left) == ("finished", "filled", "0")
    assert order.fill_price == books["orders"][0]["average_price"]
    assert [(str(fill.id), fill.size, fill.price, fill.fee) for fill in reversed(fills)] == [
        (fill["id"], fill["size"], fill["price"], fill["fee"]) for fill in books["orders"][0]["fills"]
    ]
    assert (held.size, held.entry_price) == ("6000", books["positions"][0]["entry_price"])
    assert futures.list_futures_accounts("usdt").total == books["balances"][0]["total"]
    assert len(futures.get_my_trades_with_time_range("usdt", contract=BTC)) == len(fills)


def test_a_stop_is_set_fires_and_leaves_a_closed_position(
    futures: Any, paper: PaperProcess, account: PaperAccount
) -> None:
    """What protects a position must work in the SDK's words, and be seen to have worked."""
    futures.create_futures_order("usdt", an_order(10))
    stop = futures.create_price_triggered_order("usdt", a_stop("66500"))
    assert [each.status for each in futures.list_price_triggered_orders("usdt", "open")] == ["open"]
    paper.price(BTC, 66400, hold=True)
    fired = futures.get_price_triggered_order("usdt", str(stop.id))
    spawned = futures.get_futures_order("usdt", str(fired.trade_id))

    assert (fired.status, fired.finish_as) == ("finished", "succeeded")
    assert (spawned.finish_as, spawned.size, spawned.text) == ("filled", "-10", "t-stop")
    assert futures.list_positions("usdt", holding=True) == []
    assert [(each.side, each.pnl) for each in futures.list_position_close("usdt", contract=BTC)] == [
        ("long", paper.books(account.uid)["positions"][0]["history_pnl"])
    ]


def test_dual_mode_is_switched_and_read(futures: Any) -> None:
    """Hedged accounts use the calls with `dual` in their names."""
    assert futures.set_dual_mode("usdt", True).in_dual_mode is True
    futures.update_dual_mode_position_leverage("usdt", BTC, "10")
    futures.create_futures_order("usdt", an_order(3))
    futures.create_futures_order("usdt", an_order(-2))

    assert [(each.mode, each.size) for each in futures.get_dual_mode_position("usdt", BTC)] == [
        ("dual_long", "3"),
        ("dual_short", "-2"),
    ]


def test_a_wrong_secret_is_refused_on_every_private_call(paper: PaperProcess, account: PaperAccount) -> None:
    """And nothing of it reaches the books."""
    thief = a_client(paper, account, secret="not-the-secret")
    wishes: tuple[Callable[[], Any], ...] = (
        lambda: thief.list_futures_accounts("usdt"),
        lambda: thief.list_positions("usdt"),
        lambda: thief.create_futures_order("usdt", an_order(1)),
        lambda: thief.list_futures_orders("usdt", "open"),
        lambda: thief.cancel_futures_orders("usdt", contract=BTC),
        lambda: thief.update_position_leverage("usdt", BTC, "5"),
        lambda: thief.create_price_triggered_order("usdt", a_stop("66000")),
        lambda: thief.get_my_trades("usdt"),
    )
    for wish in wishes:
        with pytest.raises(GateApiException) as refused:
            wish()
        assert (refused.value.status, refused.value.label) == (401, "INVALID_SIGNATURE")
    assert paper.books(account.uid)["orders"] == []


@asynccontextmanager
async def following(
    paper: PaperProcess, account: PaperAccount, channels: tuple[Any, ...], secret: str = ""
) -> AsyncIterator[asyncio.Queue[Any]]:
    """A gate-ws connection that has subscribed; everything it hears is in the queue."""
    heard: asyncio.Queue[Any] = asyncio.Queue()

    async def hear(_: Any, response: Any) -> None:
        heard.put_nowait(response)

    connection = Connection(
        Configuration(
            app="futures", host=paper.ws_url, api_key=account.api_key, api_secret=secret or account.api_secret
        )
    )
    for channel in channels:
        channel(connection, hear).subscribe([account.uid, "!all"])
    running = asyncio.create_task(connection.run())
    try:
        for _ in channels:
            heard.put_nowait(await asyncio.wait_for(heard.get(), WITHIN_S))
        yield heard
    finally:
        connection.close()
        await asyncio.wait([running], timeout=WITHIN_S)


async def next_rows(heard: asyncio.Queue[Any], count: int) -> list[tuple[str, Any]]:
    """The next pushed rows, with their channels."""
    rows: list[tuple[str, Any]] = []
    while len(rows) < count:
        response = await asyncio.wait_for(heard.get(), WITHIN_S)
        if response.event == "update":
            rows += [(response.channel, row) for row in response.result]
    return rows


async def test_the_official_socket_client_sees_every_step_of_an_order(
    futures: Any, paper: PaperProcess, account: PaperAccount
) -> None:
    """New, in part, filled: by the pushes alone a client knows what the books know."""
    channels = (FuturesOrderChannel, FuturesUserTradesChannel, FuturesPositionsChannel, FuturesAutoOrdersChannel)
    async with following(paper, account, channels) as heard:
        order = await asyncio.to_thread(futures.create_futures_order, "usdt", an_order(6000, "67500.1"))
        await asyncio.to_thread(paper.price, BTC, 67499, hold=True)
        fills = (await asyncio.to_thread(paper.books, account.uid))["orders"][0]["fills"]
        rows = await next_rows(heard, 3 + 2 * len(fills))
        await asyncio.to_thread(futures.create_price_triggered_order, "usdt", a_stop("60000"))
        trigger = (await next_rows(heard, 1))[0]
    told = sorted((row for name, row in rows if name == "futures.orders"), key=lambda row: row["update_id"])
    traded = [row for name, row in rows if name == "futures.usertrades"]

    assert [row["finish_as"] for row in told] == ["_new", "_update", "filled"]
    assert {row["id"] for row in told} == {order.id} and told[-1]["left"] == 0
    assert [(row["id"], Decimal(str(row["size"])), row["price"]) for row in traded] == [
        (fill["id"], Decimal(fill["size"]), fill["price"]) for fill in fills
    ]
    assert [row["size"] for name, row in rows if name == "futures.positions"][-1] == 6000
    assert (trigger[0], trigger[1]["status"]) == ("futures.autoorders", "open")


async def test_the_official_socket_client_is_told_that_its_secret_is_wrong(
    paper: PaperProcess, account: PaperAccount
) -> None:
    """Code 4 and the label, and never a push."""
    async with following(paper, account, (FuturesOrderChannel,), secret="not-the-secret") as heard:
        answer = await asyncio.wait_for(heard.get(), WITHIN_S)

    assert answer.error.code == 4 and "INVALID_SIGNATURE" in answer.error.message
    assert paper.books(account.uid)["sockets_open"] == 0
