"""OKX's replies and pushes against what the venue is known to send: keys and JSON types.

All is text but for a few keys, and what does not apply is empty text, never null and never missing. The keys are those
of the documents of 2026; recorded and documented payloads of others are held beside them where their folder is at hand.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from shared.paper.okx.public_pushes import BUSINESS_CHANNELS, PUBLIC_CHANNELS
from shared.paper.okx.routes import ROUTES
from shared.paper.okx.stream import BUSINESS_PRIVATE, PRIVATE_CHANNELS
from tests.paper.okx_scene import PRIVATE, PUBLIC, Scene
from tests.paper.process import ROOT
from tests.paper.shapes import differences

SAMPLES = ROOT.parent / "shared/samples/okx"


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


# ---- types

NOT_TEXT = {
    "instIdCode": int, "seqId": int, "prevSeqId": int, "checksum": int, "curPage": int, "lastPage": bool,
    "autoLoan": bool, "enableSpotBorrow": bool, "spotBorrowAutoRepay": bool, "collateralEnabled": bool,
    "collateralRestrict": bool, "futureSettlement": bool, "enabled": bool,
}  # fmt: skip
"""The sheet's exceptions to all being text. A currency's row has flags of its own, and algo-advance a flag that is text
elsewhere."""
CURRENCY_FLAGS = ("canDep", "canWd", "canInternal", "mainNet", "needTag")


def not_text(value: Any, also: dict[str, type], where: str = "", key: str = "") -> list[str]:
    """Where a payload is neither text nor a known exception."""
    if isinstance(value, dict):
        return [each for name, item in value.items() for each in not_text(item, also, f"{where}.{name}", name)]
    if isinstance(value, list):
        return [each for i, item in enumerate(value) for each in not_text(item, also, f"{where}[{i}]", key)]
    return [] if type(value) is also.get(key, str) else [f"{where} is {value!r}"]


def test_replies_are_text_but_for_the_known_exceptions(scene: Scene) -> None:
    """No number, no null."""
    flags = NOT_TEXT | dict.fromkeys(CURRENCY_FLAGS, bool)
    for path, reply in scene.replies.items():
        assert not_text(reply, flags if path == "asset/currencies" else NOT_TEXT) == [], path


def test_pushes_are_text_but_for_the_known_exceptions(scene: Scene) -> None:
    """Of two channels that tell the same thing only one has it as a flag."""
    for channel, frames in scene.pushes.items():
        also = {"isTradeBorrowMode": bool} if channel == "algo-advance" else {}
        for frame in frames:
            assert not_text(frame, NOT_TEXT | also) == [], channel
    for event in scene.events.values():
        assert not_text(event, NOT_TEXT) == []


# ---- keys

ORDER_PUSH = """instType instId tgtCcy ccy tradeQuoteCcy ordId clOrdId algoClOrdId algoId tag px sz notionalUsd
ordType side posSide tdMode accFillSz fillNotionalUsd avgPx state lever pnl feeCcy fee rebateCcy rebate category uTime
cTime source reduceOnly cancelSource quickMgnType stpId stpMode attachAlgoClOrdId lastPx outcome slippage isTpLimit
slTriggerPx slTriggerPxType tpOrdPx tpTriggerPx tpTriggerPxType slOrdPx fillPx tradeId fillSz fillTime fillPnl fillFee
fillFeeCcy execType fillPxVol fillPxUsd fillMarkVol fillFwdPx fillMarkPx fillIdxPx amendSource reqId amendResult code
msg pxType pxUsd pxVol linkedAlgoOrd attachAlgoOrds"""
ATTACHED = """attachAlgoId attachAlgoClOrdId tpOrdKind tpTriggerPx tpTriggerRatio tpTriggerPxType tpOrdPx slTriggerPx
slTriggerRatio slTriggerPxType slOrdPx sz amendPxOnTriggerType callbackRatio callbackSpread activePx"""
POSITION = """instType instId mgnMode posId posSide pos posCcy availPos avgPx markPx last idxPx bePx lever liqPx imr
mmr margin mgnRatio notionalUsd upl uplRatio uplLastPx uplRatioLastPx realizedPnl pnl fee fundingFee liqPenalty
settledPnl nonSettleAvgPx ccy usdPx tradeId adl interest liab liabCcy optVal hedgedPos pendingCloseOrdLiabVal
spotInUseAmt spotInUseCcy clSpotInUseAmt maxSpotInUseAmt bizRefId bizRefType baseBorrowed baseInterest quoteBorrowed
quoteInterest deltaBS deltaPA gammaBS gammaPA thetaBS thetaPA vegaBS vegaPA closeOrderAlgo cTime uTime"""
BALANCE_TOP = """adjEq availEq borrowFroz delta deltaLever deltaNeutralStatus imr isoEq mgnRatio mmr notionalUsd
notionalUsdForBorrow notionalUsdForFutures notionalUsdForOption notionalUsdForSwap ordFroz totalEq upl uTime
details"""
BALANCE = """ccy cashBal availBal availEq frozenBal ordFrozen eq eqUsd disEq upl isoEq isoUpl isoLiab liab crossLiab
uplLiab interest borrowFroz maxLoan notionalLever mgnRatio imr mmr fixedBal rewardBal stgyEq smtSyncEq
spotCopyTradingEq spotIsoBal spotInUseAmt clSpotInUseAmt spotBal openAvgPx accAvgPx spotUpl spotUplRatio totalPnl
totalPnlRatio twap frpType colRes colBorrAutoConversion collateralEnabled collateralRestrict autoLendStatus
autoLendMtAmt uTime autoLendAmt autoStakingStatus"""
ALGO_PUSH = """actualPx actualSide actualSz advanceOrdType algoClOrdId algoId amendPxOnTriggerType amendResult
attachAlgoOrds cTime uTime ccy chaseType chaseVal maxChaseType maxChaseVal clOrdId closeFraction failCode instId
instType isTradeBorrowMode last lever linkedOrd notionalUsd ordId ordIdList ordPx ordType posSide quickMgnType
reduceOnly reqId side slOrdPx slTriggerPx slTriggerPxType state sz tag tdMode tgtCcy tpOrdPx tpTriggerPx
tpTriggerPxType triggerPx triggerPxType triggerTime tradeQuoteCcy"""
ADVANCE_PUSH = """actualPx actualSide actualSz algoClOrdId algoId activePx callbackRatio callbackSpread cTime ccy
clOrdId count failCode instId instType isTradeBorrowMode lever moveTriggerPx notionalUsd ordPx ordType pTime posSide
pxLimit pxSpread pxVar reduceOnly side slOrdPx slTriggerPx state sz szLimit tag tdMode timeInterval tpOrdPx
tpTriggerPx tradeQuoteCcy triggerPx triggerTime ordId"""
FILL = """instType instId tradeId ordId clOrdId billId subType tag fillPx fillSz fillIdxPx fillMarkPx fillPnl
fillPxVol fillPxUsd fillMarkVol fillFwdPx side posSide execType feeCcy fee feeRate ts fillTime tradeQuoteCcy"""
INSTRUMENT = """instType instId instIdCode uly instFamily baseCcy quoteCcy settleCcy ctType ctVal ctMult ctValCcy
tickSz lotSz minSz lever state ruleType instCategory groupId category alias listTime contTdSwTime preMktSwTime
auctionEndTime expTime openType optType stk maxLmtSz maxMktSz maxLmtAmt maxMktAmt maxTwapSz maxIcebergSz maxTriggerSz
maxStopSz posLmtAmt posLmtPct maxPlatOILmt maxPlatOICoinLmt longPosRemainingQuota shortPosRemainingQuota
futureSettlement tradeQuoteCcyList upcChg seriesId method freq initPxLmtPct floatPxLmtPct maxPxLmtPct"""
TICKER = """instType instId last lastSz askPx askSz bidPx bidSz open24h high24h low24h volCcy24h vol24h sodUtc0
sodUtc8 ts"""
MOVED = "posId tradeId instId instType mgnMode posSide pos ccy posCcy avgPx nonSettleAvgPx settledPnl uTime"
ONLY_PUSHED = {
    "notionalUsd", "lastPx", "outcome", "slippage", "fillPnl", "fillFee", "fillFeeCcy", "execType", "fillPxVol",
    "fillPxUsd", "fillMarkVol", "fillFwdPx", "fillMarkPx", "fillIdxPx", "fillNotionalUsd", "amendSource", "reqId",
    "amendResult", "code", "msg",
}  # fmt: skip


def rows(scene: Scene, channel: str) -> list[Any]:
    return [row for frame in scene.pushes[channel] for row in frame["data"]]


def test_every_order_push_has_71_keys(scene: Scene) -> None:
    """Whatever happened: live, amended, filled, cancelled, spot, spawned by an algo."""
    pushed = rows(scene, "orders")

    assert len(ORDER_PUSH.split()) == 71
    assert all(set(row) == set(ORDER_PUSH.split()) for row in pushed)
    assert {row["state"] for row in pushed} == {"live", "partially_filled", "filled", "canceled"}
    assert {row["source"] for row in pushed} == {"", "7"} and {row["instType"] for row in pushed} == {"SPOT", "SWAP"}
    attached = [item for row in pushed for item in row["attachAlgoOrds"]]
    assert attached and all(set(item) == set(ATTACHED.split()) and len(item) == 16 for item in attached)


def test_an_order_over_rest_has_other_keys(scene: Scene) -> None:
    """None of a push's own; a reason why it was cancelled instead."""
    expected = set(ORDER_PUSH.split()) - ONLY_PUSHED | {"cancelSourceReason"}
    listed = [scene.replies[path]["data"] for path in ("trade/orders-pending", "trade/orders-history", "trade/order?")]
    for row in [each for part in listed for each in part]:
        assert set(row) == expected
    guarded = scene.replies["pending guarded"]["data"][0]["attachAlgoOrds"][0]
    assert set(guarded) == set(ATTACHED.split()) | {"failCode", "failReason"}


CASES: dict[str, tuple[Callable[[Scene], list[Any]], str, set[str]]] = {
    "account/positions": (lambda s: s.replies["held"]["data"], POSITION, {"baseBal", "quoteBal"}),
    "positions": (lambda s: rows(s, "positions"), POSITION, {"pTime"}),
    "account/balance": (lambda s: s.replies["account/balance"]["data"], BALANCE_TOP, set()),
    "account": (lambda s: rows(s, "account"), BALANCE_TOP, set()),
    "account/balance details": (
        lambda s: s.replies["account/balance"]["data"][0]["details"], BALANCE, {"maxSpotInUse"},
    ),
    "account details": (
        lambda s: [d for row in rows(s, "account") for d in row["details"]], BALANCE,
        {"maxSpotInUseAmt", "coinUsdPrice"},
    ),
    "orders-algo": (lambda s: rows(s, "orders-algo"), ALGO_PUSH, set()),
    "algo-advance": (lambda s: rows(s, "algo-advance"), ADVANCE_PUSH, set()),
    "trade/fills": (lambda s: s.replies["trade/fills"]["data"], FILL, set()),
    "public/instruments": (lambda s: s.replies["public/instruments"]["data"], INSTRUMENT, set()),
    "account/instruments": (lambda s: s.replies["account/instruments"]["data"], INSTRUMENT, set()),
    "instruments": (lambda s: rows(s, "instruments"), INSTRUMENT, set()),
    "market/ticker": (lambda s: s.replies["market/ticker"]["data"], TICKER, set()),
    "tickers": (lambda s: rows(s, "tickers"), TICKER, set()),
    "balance_and_position": (
        lambda s: rows(s, "balance_and_position"), "pTime eventType balData posData trades", set(),
    ),
    "moved positions": (
        lambda s: [p for row in rows(s, "balance_and_position") for p in row["posData"]], MOVED, set(),
    ),
    "moved balances": (
        lambda s: [b for row in rows(s, "balance_and_position") for b in row["balData"]], "ccy cashBal uTime", set(),
    ),
    "asset/balances": (lambda s: s.replies["asset/balances"]["data"], "ccy bal availBal frozenBal", set()),
    "leverage-info": (lambda s: s.replies["account/leverage-info"]["data"], "ccy instId mgnMode posSide lever", set()),
    "order": (lambda s: s.replies["trade/order"]["data"], "clOrdId ordId tag ts sCode sMsg subCode", set()),
    "amend-order": (
        lambda s: s.replies["trade/amend-order"]["data"], "clOrdId ordId reqId ts sCode sMsg subCode", set(),
    ),
    "cancel-order": (lambda s: s.replies["trade/cancel-order"]["data"], "clOrdId ordId ts sCode sMsg", set()),
    "order-algo": (lambda s: s.replies["trade/order-algo"]["data"], "algoId algoClOrdId clOrdId tag sCode sMsg", set()),
    "close-position": (lambda s: s.replies["trade/close-position"]["data"], "clOrdId instId posSide tag", set()),
    "fills": (
        lambda s: rows(s, "fills"), "instId fillSz fillPx side ts ordId clOrdId tradeId execType count", set(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_rows_have_the_documented_keys(scene: Scene, name: str) -> None:
    """All of them and no others."""
    find, keys, also = CASES[name]
    found = find(scene)

    assert found and all(set(row) == set(keys.split()) | also for row in found)


def test_envelopes_say_what_they_should(scene: Scene) -> None:
    """Writes of orders tell the door's times, other calls do not; items decide, the code only sums up."""
    timed = {path for path, reply in scene.replies.items() if "inTime" in reply}

    assert timed == {
        "trade/order", "trade/batch-orders", "trade/amend-order", "trade/amend-batch-orders", "trade/cancel-order",
        "trade/cancel-batch-orders", "spot",
    }  # fmt: skip
    assert (scene.replies["trade/batch-orders"]["code"], scene.replies["trade/cancel-batch-orders"]["code"]) == (
        "2",
        "1",
    )
    for frame in scene.pushes["account"] + scene.pushes["positions"]:
        assert ("curPage" in frame) == ("lastPage" in frame) == (frame["eventType"] == "snapshot")
    assert all(frame["arg"]["uid"].isdecimal() for name in PRIVATE_CHANNELS for frame in scene.pushes.get(name, []))
    assert all("uid" not in frame["arg"] for name in PUBLIC_CHANNELS for frame in scene.pushes.get(name, []))


def test_nothing_is_left_out(scene: Scene) -> None:
    """Every route and every channel that says anything is looked at here."""
    asked = {path.rstrip("?") for path in scene.replies} | set(PUBLIC) | set(PRIVATE)
    assert {route.path for route in ROUTES} - asked == set()
    silent = {"liquidation-warning", "account-greeks", "status"}
    candles = {name for name in BUSINESS_CHANNELS if name.startswith("candle") and name != "candle1m"}

    assert (PRIVATE_CHANNELS | BUSINESS_PRIVATE | PUBLIC_CHANNELS | BUSINESS_CHANNELS) - silent - candles == set(
        scene.pushes
    )


# ---- what others have recorded

LACKING = {
    "nautilus-okx/ws_orders": {".data[0].cancelSourceReason"},  # made by hand from a REST row
    "jkorf-okx/rest.UnifiedApi.Account.GetAccountBalance": {".data[0].details[0].maxSpotInUseAmt"},  # the push's name
    "jkorf-okx/rest.UnifiedApi.Account.SetAccountMode": {".data[0].isoMode"},  # of another call
    "hummingbot-okx/perp.order_event_for_full_fill_websocket_update.0": {".arg.instId"},  # another subscription
    "hummingbot-okx/perp.order_event_for_canceled_order_websocket_update.0": {".arg.instId"},
    "hummingbot-okx/spot.order_event_for_full_fill_websocket_update.0": {".arg.instId"},
}
REST = "jkorf-okx/rest.UnifiedApi."
RECORDED: dict[str, Callable[[Scene], Any]] = {
    "nautilus-okx/ws_orders": lambda s: s.pushes["orders"][-1],
    "nautilus-okx/ws_account": lambda s: s.pushes["account"][0],
    "nautilus-okx/ws_orders_algo": lambda s: s.pushes["orders-algo"][-1],
    "nautilus-okx/ws_books_snapshot": lambda s: s.pushes["books"][0],
    "nautilus-okx/ws_books_update": lambda s: s.pushes["books"][1],
    "nautilus-okx/ws_trades": lambda s: s.pushes["trades"][0],
    "nautilus-okx/ws_candle": lambda s: s.pushes["candle1m"][0],
    "nautilus-okx/ws_instruments": lambda s: s.pushes["instruments"][0],
    "nautilus-okx/http_get_orders_history": lambda s: s.replies["trade/orders-history"],
    "nautilus-okx/http_get_orders_pending": lambda s: s.replies["trade/orders-pending"],
    "nautilus-okx/http_get_orders_pending_with_attached_tp_sl": lambda s: s.replies["pending guarded"],
    "nautilus-okx/http_get_orders_algo_pending_attached_oco": lambda s: s.replies["oco pending"],
    "nautilus-okx/http_get_instruments_spot": lambda s: s.replies["account/instruments"],
    "nautilus-okx/http_get_instruments_swap": lambda s: s.replies["public/instruments"],
    "nautilus-okx/http_place_algo_order_rejected": lambda s: s.replies["trade/order-algo"],
    REST + "Account.GetAccountConfiguration": lambda s: s.replies["account/config"],
    REST + "Account.GetAccountBalance": lambda s: s.replies["account/balance"],
    REST + "Account.GetFundingBalance": lambda s: s.replies["asset/balances"],
    REST + "Account.GetFeeRates": lambda s: s.replies["account/trade-fee"],
    REST + "Account.SetAccountMode": lambda s: s.replies["account/set-account-level"],
    REST + "Trading.GetOrderDetails": lambda s: s.replies["trade/order?"],
    REST + "Trading.GetOrders": lambda s: s.replies["trade/orders-pending"],
    REST + "Trading.GetOrderHistory": lambda s: s.replies["trade/orders-history"],
    REST + "Trading.GetOrderArchive": lambda s: s.replies["trade/orders-history-archive"],
    REST + "Trading.GetUserTrades": lambda s: s.replies["trade/fills"],
    REST + "Trading.GetUserTradesArchive": lambda s: s.replies["trade/fills-history"],
    REST + "Trading.PlaceMultipleOrders": lambda s: s.replies["trade/batch-orders"],
    REST + "Trading.CancelMultipleOrders": lambda s: s.replies["trade/cancel-batch-orders"],
    REST + "Trading.AmendOrder": lambda s: s.replies["trade/amend-order"],
    REST + "Trading.PlaceAlgoOrder": lambda s: s.replies["trade/order-algo"],
    REST + "Trading.AmendAlgoOrder": lambda s: s.replies["trade/amend-algos"],
    REST + "Trading.ClosePosition": lambda s: s.replies["trade/close-position"],
    REST + "ExchangeData.GetTicker": lambda s: s.replies["market/ticker"],
    REST + "ExchangeData.GetTickers": lambda s: s.replies["market/tickers"],
    REST + "ExchangeData.GetKlines": lambda s: s.replies["market/candles"],
    REST + "ExchangeData.GetRecentTrades": lambda s: s.replies["market/trades"],
    REST + "ExchangeData.GetServerTime": lambda s: s.replies["public/time"],
    REST + "ExchangeData.GetPositionTiers": lambda s: s.replies["public/position-tiers"],
    "jkorf-okx/sub.Unified.Account.Balance": lambda s: s.pushes["account"][0],
    "jkorf-okx/sub.Unified.Account.BalanceAndPosition": lambda s: s.pushes["balance_and_position"][1],
    "jkorf-okx/sub.Unified.Trading.AlgoOrder": lambda s: s.pushes["orders-algo"][0],
    "jkorf-okx/sub.Unified.Trading.AdvancedAlgoOrder": lambda s: s.pushes["algo-advance"][0],
    "jkorf-okx/sub.Unified.Trading.Position": lambda s: s.pushes["positions"][1],
    "jkorf-okx/sub.Unified.Trading.UserTrade": lambda s: s.pushes["fills"][0],
    "jkorf-okx/sub.Unified.ExchangeData.FundingRate": lambda s: s.pushes["funding-rate"][0],
    "jkorf-okx/sub.Unified.ExchangeData.Trades": lambda s: s.pushes["trades"][0],
    "hummingbot-okx/perp.order_event_for_full_fill_websocket_update.0": lambda s: s.pushes["orders"][-1],
    "hummingbot-okx/perp.order_event_for_canceled_order_websocket_update.0": lambda s: s.pushes["orders"][-1],
    "hummingbot-okx/spot.order_event_for_full_fill_websocket_update.0": lambda s: s.pushes["orders"][-1],
    "hummingbot-okx/perp.position_event_for_full_fill_websocket_update.0": lambda s: s.pushes["positions"][1],
    "hummingbot-okx/perp.get_funding_info_rest_msg.0": lambda s: s.replies["public/funding-rate"],
    "hummingbot-okx/spot._order_status_request_partially_filled_mock_response.0": lambda s: s.replies["partly filled"],
    "hummingbot-okx/spot._order_fills_request_full_fill_mock_response.0": lambda s: s.replies["trade/fills"],
    "hummingbot-okx/spot.balance_request_mock_response_for_base_and_quote.0": lambda s: s.replies["account/balance"],
    "ccxt-static/fetchPositions.0": lambda s: s.replies["held"],
    "ccxt-static/fetchMyTrades.0": lambda s: s.replies["trade/fills"],
}


@pytest.mark.skipif(not SAMPLES.exists(), reason="the samples are not here")
@pytest.mark.parametrize("name", RECORDED)
def test_what_others_have_recorded_is_said_here_too(scene: Scene, name: str) -> None:
    """A row may say more than a recorded one, never less, and never in another type."""
    lacking = {f"{key} is missing" for key in LACKING.get(name, set())}

    assert set(differences(_recorded(name), RECORDED[name](scene))) == lacking


def _recorded(name: str) -> Any:
    data = json.loads((SAMPLES / f"{name}.json").read_text())["data"]
    if isinstance(data, dict) and "frames" in data:
        return next(told["message"] for told in data["frames"] if told["from"] == "server_push")
    if isinstance(data, dict):
        return data.get("response", data.get("httpResponse", data))
    return data
