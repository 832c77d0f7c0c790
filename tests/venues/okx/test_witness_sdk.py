"""OKX's official SDK, unmodified, against the paper exchange: REST over http, its WebSocket over the TLS port.

One life of orders, algos and positions is seen twice: by the calls of the account that lived it, and by the pushes that
another connection followed it by. At its end both equal the books.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any

import pytest

from tests.paper.process import PaperAccount, PaperProcess
from tests.venues.okx.views import heard_view, sdk_view, truth
from tests.venues.okx.witnesses import CODE, SPOT, SWAP, Sdk, an_order, eventually, item, listening, rows

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # how the SDK speaks to httpx

PRIVATE = [
    {"channel": "orders", "instType": "ANY"},
    {"channel": "positions", "instType": "ANY"},
    {"channel": "balance_and_position"},
    {"channel": "account"},
]
BUSINESS = [{"channel": "orders-algo", "instType": "ANY"}, {"channel": "algo-advance", "instType": "ANY"}]
GUARD = {
    "attachAlgoClOrdId": "guard1",
    "slTriggerPx": "66000",
    "slOrdPx": "-1",
    "tpTriggerPx": "70000",
    "tpOrdPx": "-1",
}


def test_the_public_side_is_read(sdk: Sdk) -> None:
    """Instruments, tickers, books, candles and the clock."""
    swap = rows(sdk.public.get_instruments("SWAP", instId=SWAP))[0]

    assert (swap["instIdCode"], swap["ctVal"]) == (CODE, "0.01")
    assert rows(sdk.market.get_ticker(SWAP))[0]["last"] == "67500"
    assert len(rows(sdk.market.get_orderbook(SWAP, sz="5"))[0]["asks"]) == 5
    assert len(rows(sdk.market.get_candlesticks(SWAP, bar="1H", limit="3"))) == 3
    assert rows(sdk.public.get_system_time())[0]["ts"] and rows(sdk.public.get_price_limit(SWAP))[0]["enabled"]
    assert rows(sdk.public.get_mark_price("SWAP", instId=SWAP))[0]["markPx"] == "67500"
    assert rows(sdk.public.get_funding_rate(SWAP))[0]["fundingRate"] == "0.0001"


def test_the_account_is_read_and_set(sdk: Sdk, account: PaperAccount) -> None:
    """Config, leverage, modes, and the funding account."""
    assert rows(sdk.account.get_account_config())[0]["uid"] == account.uid
    assert rows(sdk.account.set_leverage("20", "cross", instId=SWAP))[0]["lever"] == "20"
    assert rows(sdk.account.get_leverage("cross", instId=SWAP))[0]["lever"] == "20"
    assert rows(sdk.account.set_position_mode("long_short_mode")) == [{"posMode": "long_short_mode"}]
    moved = rows(sdk.funding.funds_transfer("USDT", "100", "18", "6"))[0]
    assert rows(sdk.funding.transfer_state(moved["transId"]))[0]["state"] == "success"
    assert rows(sdk.funding.get_balances()) == [{"ccy": "USDT", "bal": "100", "availBal": "100", "frozenBal": "0"}]

    assert sdk.account.set_leverage("500", "cross", instId=SWAP)["code"] == "59102"


def live(sdk: Sdk, other: Sdk) -> None:
    """In parts and at once, as maker and as taker, amended, cancelled, refused, in batches, with protection."""
    resting = sdk.place("buy", 8, "67500", clOrdId="rest1")["ordId"]
    other.place("sell", 5, "67500")
    assert sdk.order(resting)["state"] == "partially_filled"
    other.place("sell", 3, "67500")
    amended = sdk.place("buy", 3, "66000")["ordId"]
    assert item(sdk.trade.amend_order(SWAP, ordId=amended, newSz="4", reqId="r1"))["sCode"] == "0"
    assert sdk.order(amended)["sz"] == "4" and sdk.cancel(amended)["sCode"] == "0"
    assert sdk.cancel(amended)["sCode"] == "51400"
    assert sdk.place("buy", "0.001", "66000")["sCode"] == "51020"
    for kind in ("ioc", "fok"):
        assert sdk.place("buy", 2, "67000", ordType=kind)["sCode"] == "0"
    assert sdk.place("buy", 2, "67600", ordType="post_only")["sCode"] == "0"
    batch = [an_order("buy", 1, "66100", clOrdId="b1"), an_order("buy", 1, "66200"), an_order("buy", 0, "66200")]
    placed = sdk.trade.place_multiple_orders(batch)
    assert placed["code"] == "2" and [each["sCode"] for each in placed["data"]] == ["0", "0", "51000"]
    names = [{"instId": SWAP, "ordId": each["ordId"]} for each in placed["data"][:2]]
    rows(sdk.trade.amend_multiple_orders([each | {"newPx": "66050"} for each in names]))
    rows(sdk.trade.cancel_multiple_orders(names[1:]))
    sdk.place("buy", 1000, instId=SPOT)
    sdk.place("sell", "0.01", instId=SPOT)
    sdk.place("sell", "0.1", "70000", instId=SPOT)


def protect(sdk: Sdk, paper: PaperProcess) -> None:
    """Set, amended, cancelled, fired, failed, attached and trailing."""
    stop = sdk.algo(ordType="conditional", slTriggerPx="66500", slOrdPx="-1", sz="3", algoClOrdId="stop1")["algoId"]
    trigger = sdk.algo(ordType="trigger", triggerPx="69500", orderPx="69500", sz="1")["algoId"]
    gone = sdk.algo(ordType="oco", slTriggerPx="60000", slOrdPx="-1", tpTriggerPx="75000", tpOrdPx="-1")["algoId"]
    sdk.algo(ordType="move_order_stop", callbackRatio="0.05")
    changed = sdk.trade.amend_algo_order(SWAP, algoId=stop, newSlTriggerPx="66600", newSz="2")
    assert item(changed)["sCode"] == "0"
    assert item(sdk.trade.cancel_algo_order([{"instId": SWAP, "algoId": gone}]))["sCode"] == "0"
    assert sdk.algo(ordType="conditional", slTriggerPx="69000", slOrdPx="-1")["sCode"] == "51280"
    guarded = sdk.place("buy", 2, attachAlgoOrds=[GUARD])["ordId"]
    paper.price(SWAP, 66550, hold=True)
    assert rows(sdk.trade.get_algo_order_details(algoId=stop))[0]["state"] == "effective"
    paper.price(SWAP, 69600, hold=True)
    assert rows(sdk.trade.get_algo_order_details(algoId=trigger))[0]["state"] == "effective"
    paper.price(SWAP, 65900, hold=True)
    attached = rows(sdk.trade.get_algo_order_details(algoClOrdId="guard1"))[0]
    assert (attached["state"], attached["actualSide"]) == ("effective", "sl") and sdk.order(guarded)[
        "state"
    ] == "filled"
    sdk.algo(ordType="oco", slTriggerPx="60000", slOrdPx="-1", tpTriggerPx="75000", tpOrdPx="-1")


def test_a_whole_life_equals_the_books(sdk: Sdk, other: Sdk, paper: PaperProcess, account: PaperAccount) -> None:
    """Every list that the SDK can read, row by row."""
    live(sdk, other)
    protect(sdk, paper)
    seen, books = sdk_view(sdk), truth(paper, account)

    assert seen == books
    assert {each[-1] for each in books["orders"].values()} >= {"live", "filled", "canceled"}
    assert {each[2] for each in books["algos"].values()} >= {"live", "effective", "canceled"}
    assert len(books["fills"]) > 8 and books["positions"]


def test_a_hedged_life_equals_the_books(sdk: Sdk, paper: PaperProcess, account: PaperAccount) -> None:
    """Long and short beside each other, cross and isolated, one of them closed."""
    sdk.account.set_position_mode("long_short_mode")
    assert sdk.place("buy", 3)["sCode"] == "51000"
    sdk.place("buy", 3, posSide="long")
    sdk.place("sell", 2, posSide="short")
    sdk.place("buy", 4, posSide="long", tdMode="isolated")
    sdk.algo(ordType="conditional", slTriggerPx="66000", slOrdPx="-1", posSide="long", sz="3", reduceOnly="")
    sdk.place("sell", 1, posSide="long")
    closed = rows(sdk.trade.close_positions(SWAP, "cross", posSide="short", clOrdId="bye"))
    assert closed == [{"clOrdId": "bye", "instId": SWAP, "posSide": "short", "tag": ""}]
    paper.price(SWAP, 65900, hold=True)
    seen, books = sdk_view(sdk), truth(paper, account)

    assert seen == books
    assert {mode: size for (_, mode), (size, *_) in books["positions"].items()} == {"isolated:long": Decimal(4)}


async def test_the_official_socket_client_sees_the_same_life(
    sdk: Sdk, other: Sdk, paper: PaperProcess, account: PaperAccount, tls_url: str
) -> None:
    """By the pushes alone, over TLS, each place with a login of its own; orders are placed over it, too."""
    async with AsyncExitStack() as both:
        followed = (("private", PRIVATE), ("business", BUSINESS))
        ears, algos = await asyncio.gather(
            *(both.enter_async_context(listening(tls_url, account, place, args)) for place, args in followed)
        )
        assert len(ears.events("channel-conn-count")) == 4 and not ears.events("error") + algos.events("error")
        await asyncio.to_thread(live, sdk, other)
        await asyncio.to_thread(protect, sdk, paper)
        order = {k: v for k, v in an_order("buy", 1, "65000", clOrdId="ws1").items() if k != "instId"}
        await ears.client.place_order([order | {"instIdCode": CODE}], id="w1")
        await eventually(lambda: ears.answers("order"))
        assert ears.answers("order")[0]["data"][0]["sCode"] == "0"
        await ears.client.amend_order([{"instIdCode": CODE, "clOrdId": "ws1", "newSz": "2"}], id="w2")
        await ears.client.cancel_order([{"instIdCode": CODE, "clOrdId": "ws1"}], id="w3")
        await eventually(lambda: ears.answers("cancel-order"))
        books = truth(paper, account)
        await eventually(lambda: heard_view(ears, algos) == books)

    ended = [(row["clOrdId"], row["state"], row["sz"]) for row in ears.rows("orders") if row["clOrdId"] == "ws1"]
    assert ended == [("ws1", "live", "1"), ("ws1", "live", "2"), ("ws1", "canceled", "2")]
    assert len({(row["instId"], row["tradeId"]) for row in ears.rows("orders") if row["tradeId"]}) == len(
        books["fills"]
    )


@pytest.mark.parametrize(
    ("other_keys", "code"),
    [
        ({"api_secret": "not-the-secret"}, "50113"),
        ({"passphrase": "not-the-one"}, "50105"),
        ({"api_key": "no"}, "50111"),
    ],
)
def test_wrong_keys_are_refused_on_every_private_call(
    paper: PaperProcess, account: PaperAccount, other_keys: dict[str, str], code: str
) -> None:
    """And nothing of it reaches the books."""
    with Sdk(paper, account, **other_keys) as thief:
        for wish in private_wishes(thief):
            answer = wish()
            assert answer["code"] == code and "data" not in answer
    assert truth(paper, account)["orders"] == {}


def test_a_stale_timestamp_is_refused_on_every_private_call(
    paper: PaperProcess, account: PaperAccount, sdk: Sdk
) -> None:
    """The venue's clock is half a minute ahead of the caller's."""
    paper.skew(31_000)
    try:
        assert {wish()["code"] for wish in private_wishes(sdk)} == {"50102"}
    finally:
        paper.skew(0)


def private_wishes(sdk: Sdk) -> tuple[Callable[[], Any], ...]:
    return (
        sdk.account.get_account_config,
        sdk.account.get_account_balance,
        sdk.account.get_positions,
        sdk.funding.get_balances,
        lambda: sdk.account.set_leverage("5", "cross", instId=SWAP),
        lambda: sdk.trade.place_order(**an_order("buy", 1)),
        lambda: sdk.trade.place_multiple_orders([an_order("buy", 1)]),
        lambda: sdk.trade.cancel_order(SWAP, ordId="1"),
        lambda: sdk.trade.amend_order(SWAP, ordId="1", newSz="2"),
        sdk.trade.get_order_list,
        lambda: sdk.trade.get_orders_history("SWAP"),
        sdk.trade.get_fills,
        lambda: sdk.trade.place_algo_order(instId=SWAP, ordType="conditional"),
        lambda: sdk.trade.order_algos_list(ordType="conditional"),
        lambda: sdk.funding.funds_transfer("USDT", "1", "18", "6"),
    )


@pytest.mark.parametrize(
    ("other_keys", "code"), [({"api_secret": "not-the-secret"}, "60007"), ({"passphrase": "not-the-one"}, "60024")]
)
async def test_the_official_socket_client_is_told_that_its_keys_are_wrong(
    paper: PaperProcess, account: PaperAccount, tls_url: str, other_keys: dict[str, str], code: str
) -> None:
    """The login is refused, and then everything that needs one."""
    async with listening(tls_url, account, "private", PRIVATE[:1], **other_keys) as ears:
        await eventually(lambda: len(ears.events("error")) == 2)

    assert [event["code"] for event in ears.events("error")] == [code, "60011"]
    assert paper.books(account.uid)["sockets_open"] == 0
