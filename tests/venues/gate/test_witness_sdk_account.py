"""Gate's official REST SDK, unmodified, against the paper exchange: markets, money, positions, leverage and modes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import gate_api
import pytest

from tests.paper.process import PaperAccount, PaperProcess
from tests.venues.gate.witnesses import BTC, Sdk, refusal_of

CrossMode = gate_api.FuturesPositionCrossMode


def terms(held: Any) -> tuple[str, str, str, str]:
    """What a position says of its leverage, in its older words and its newer ones."""
    return held.leverage, held.cross_leverage_limit, held.lever, held.pos_margin_mode


# ---- markets


def test_contracts_prices_books_and_candles_are_read(sdk: Sdk) -> None:
    """The SDK's models refuse unknown words, so that they parse at all says much."""
    futures = sdk.futures
    contract = futures.get_futures_contract("usdt", BTC)
    assert (contract.quanto_multiplier, contract.order_price_round, contract.enable_decimal) == ("0.0001", "0.1", False)
    assert [each.name for each in futures.list_futures_contracts("usdt")] == [BTC, "ETH_USDT", "SOL_USDT"]
    assert [each.order_size_min for each in futures.list_futures_contracts("usdt")] == ["1", "0.1", "0.1"]
    ticker = futures.list_futures_tickers("usdt", contract=BTC)[0]
    assert (ticker.last, ticker.highest_bid, ticker.lowest_ask) == ("67500", "67499.9", "67500.1")
    book = futures.list_futures_order_book("usdt", BTC, limit=5, with_id=True)
    assert [each.p for each in book.asks[:1] + book.bids[:1]] == ["67500.1", "67499.9"] and len(book.bids) == 5
    for name in (BTC, f"mark_{BTC}", f"index_{BTC}"):
        assert len(futures.list_futures_candlesticks("usdt", name, interval="1h", limit=3)) == 3
    assert len(futures.list_futures_funding_rate_history("usdt", BTC, limit=2)) == 2
    assert futures.list_futures_risk_limit_tiers("usdt", contract=BTC)[0].leverage_max == contract.leverage_max
    assert len(futures.list_contract_stats("usdt", BTC, limit=2)) == 2
    assert len(futures.list_futures_premium_index("usdt", BTC, limit=2)) == 2


def test_a_trade_is_seen_by_everybody_in_the_list_and_the_candle(
    sdk: Sdk, paper: PaperProcess, account: PaperAccount
) -> None:
    """With the id that its taker knows it by."""
    sdk.place(3)
    told = paper.books(account.uid)["orders"][0]["fills"][0]
    shown = {str(each.id): each for each in sdk.futures.list_futures_trades("usdt", BTC)}[told["id"]]
    candles = sdk.futures.list_futures_candlesticks("usdt", BTC, interval="1m", limit=2)

    assert (shown.size, shown.price) == (told["size"], told["price"])
    assert max(float(each.h) for each in candles) >= float(told["price"])


def test_an_unknown_contract_is_400_and_not_404(sdk: Sdk) -> None:
    """As the venue was seen to answer."""
    for wish in (
        lambda: sdk.futures.get_futures_contract("usdt", "NOPE_USDT"),
        lambda: sdk.futures.list_futures_order_book("usdt", "NOPE_USDT"),
        lambda: sdk.futures.get_position("usdt", "NOPE_USDT"),
    ):
        assert refusal_of(wish) == (400, "CONTRACT_NOT_FOUND")


# ---- money


def test_every_movement_of_money_is_in_the_account_book_and_adds_up(
    sdk: Sdk, paper: PaperProcess, account: PaperAccount
) -> None:
    """Deposit, fees and profit: their sum is the total, and each kind's sum is in the history."""
    sdk.place(100)
    paper.price(BTC, 67800, hold=True)
    sdk.place(0, close=True)
    wallet, rows = sdk.futures.list_futures_accounts("usdt"), sdk.futures.list_futures_account_book("usdt")
    moved, told = paper.books(account.uid)["balances"][0]["moved"], sdk.futures.get_my_trades("usdt")

    assert [row.type for row in rows] == ["fee", "pnl", "fee", "dnw"] and rows[0].balance == wallet.total
    assert (wallet.history.fee, wallet.history.pnl, wallet.history.dnw) == (moved["fee"], moved["pnl"], moved["dnw"])
    assert rows[1].change == moved["pnl"] and {row.trade_id for row in rows[:3]} == {str(each.id) for each in told}
    assert [row.type for row in sdk.futures.list_futures_account_book("usdt", contract=BTC, type="pnl")] == ["pnl"]
    assert sdk.futures.get_futures_fee("usdt", contract=BTC)[BTC].taker_fee == "0.0005"


@pytest.mark.parametrize(
    ("mode", "margin_mode", "key_mode"),
    [("classic", 0, 1), ("multi_currency", 1, 2), ("portfolio", 2, 2), ("single_currency", 3, 2)],
)
def test_the_wallets_of_every_kind_of_account_agree(
    paper: PaperProcess, member: Callable[..., PaperAccount], mode: str, margin_mode: int, key_mode: int
) -> None:
    """Futures, spot, unified and the estimate of all tell the same money, and the ids are one."""
    account = member(mode=mode, balances={"USDT": "5000", "BTC": "0.5"})
    sdk = Sdk(paper, account)
    sdk.place(10, "66000")
    wallet, unified = sdk.futures.list_futures_accounts("usdt"), sdk.unified.list_unified_accounts()
    spot = {each.currency: each.available for each in sdk.spot.list_spot_accounts()}
    detail, told = sdk.account.get_account_detail(), paper.books(account.uid)["balances"][0]

    assert (wallet.total, wallet.available, wallet.margin_mode) == ("5000", told["available"], margin_mode)
    assert (str(detail.user_id), detail.key.mode, unified.user_id) == (account.uid, key_mode, detail.user_id)
    assert (unified.mode, unified.balances["USDT"].available) == (mode, told["available"])
    assert spot == {"USDT": told["available"], "BTC": "0.5"}
    assert sdk.wallet.get_total_balance().total.amount == "5000"


# ---- leverage and margin


def test_leverage_is_cross_or_isolated_in_both_forms_and_leaves_no_doubt(sdk: Sdk) -> None:
    """Zero says cross; any other number flips a cross position to isolated, as the venue does."""
    futures = sdk.futures
    assert terms(futures.update_position_leverage("usdt", BTC, "0", cross_leverage_limit="20")) == (
        "0", "20", "20", "cross",
    )  # fmt: skip
    assert terms(futures.update_position_leverage("usdt", BTC, "5")) == ("5", "0", "5", "isolated")
    sdk.place(40)
    held = sdk.position()
    assert (held.margin, held.leverage) == ("54.00008", "5") and float(held.liq_price) > 0
    assert futures.update_position_margin("usdt", BTC, "10").margin == "64.00008"
    assert futures.update_position_margin("usdt", BTC, "-4").margin == "60.00008"
    assert terms(futures.update_contract_position_leverage("usdt", BTC, "6", "cross")) == ("0", "6", "6", "cross")
    assert terms(futures.update_position_cross_mode("usdt", CrossMode(mode="ISOLATED", contract=BTC))) == (
        "6", "0", "6", "isolated",
    )  # fmt: skip
    assert futures.get_leverage("usdt", BTC, "isolated", "").lever == "6"

    assert futures.update_position_risk_limit("usdt", BTC, "2000000").risk_limit == "2000000"
    assert terms(sdk.position()) == ("6", "0", "6", "isolated")


@pytest.mark.parametrize(
    ("wish", "label"),
    [
        (lambda futures: futures.update_position_leverage("usdt", BTC, "500"), "LEVERAGE_TOO_HIGH"),
        (lambda futures: futures.update_position_leverage("usdt", BTC, "0.5"), "LEVERAGE_TOO_LOW"),
        (lambda futures: futures.update_position_margin("usdt", BTC, "10"), "POSITION_CROSS_MARGIN"),
        (lambda futures: futures.update_position_risk_limit("usdt", BTC, "123"), "RISK_LIMIT_NOT_MULTIPLE"),
        (lambda futures: futures.set_dual_mode("usdt", False), "NO_CHANGE"),
        (
            lambda futures: futures.update_position_cross_mode("usdt", CrossMode(mode="CROSS", contract=BTC)),
            "NO_CHANGE",
        ),
        (lambda futures: futures.get_position("usdt", "ETH_USDT"), "POSITION_NOT_FOUND"),
        (lambda futures: futures.list_futures_orders("usdt", "paused"), "INVALID_PARAM_VALUE"),
    ],
)
def test_what_a_position_cannot_be_is_refused_with_its_label(sdk: Sdk, wish: Callable[[Any], Any], label: str) -> None:
    """Each a 400 with the venue's word."""
    assert refusal_of(lambda: wish(sdk.futures)) == (400, label)


# ---- dual mode


def test_both_sides_are_held_levered_and_closed_in_dual_mode(
    sdk: Sdk, paper: PaperProcess, account: PaperAccount
) -> None:
    """From switching the mode to switching it back; what single mode does is refused meanwhile."""
    futures = sdk.futures
    wallet = futures.set_dual_mode("usdt", True)
    assert (wallet.in_dual_mode, wallet.position_mode) == (True, "dual")
    assert refusal_of(lambda: futures.set_dual_mode("usdt", True)) == (400, "NO_CHANGE")
    both = futures.update_dual_mode_position_leverage("usdt", BTC, "10")
    assert [(each.mode, *terms(each)) for each in both] == [
        ("dual_long", "10", "0", "10", "isolated"), ("dual_short", "10", "0", "10", "isolated"),
    ]  # fmt: skip
    sdk.place(30)
    sdk.place(-20)
    sdk.place(5, reduce_only=True)
    assert {mode: each.size for mode, each in sdk.sides().items()} == {"dual_long": "30", "dual_short": "-15"}
    assert [(each.mode, each.size) for each in futures.list_positions("usdt", holding=True)] == [
        ("dual_long", "30"), ("dual_short", "-15"),
    ]  # fmt: skip
    assert refusal_of(lambda: sdk.place(0, close=True)) == (400, "POSITION_DUAL_MODE")
    assert refusal_of(sdk.position) == (400, "POSITION_DUAL_MODE")
    assert refusal_of(lambda: sdk.place(16, reduce_only=True)) == (400, "REDUCE_EXCEEDED")
    assert refusal_of(lambda: futures.set_dual_mode("usdt", False)) == (400, "POSITION_HOLDING")
    closed = [sdk.place(0, auto_size=side, reduce_only=True) for side in ("close_long", "close_short")]
    assert [(each.size, each.auto_size, each.finish_as) for each in closed] == [
        ("-30", "close_long", "filled"), ("15", "close_short", "filled"),
    ]  # fmt: skip
    order = sdk.place(1, "66000")
    assert refusal_of(lambda: futures.set_dual_mode("usdt", False)) == (400, "ORDER_PENDING")
    futures.cancel_futures_order("usdt", str(order.id))

    assert futures.set_position_mode("usdt", "single").in_dual_mode is False
    assert {each["size"] for each in paper.books(account.uid)["positions"]} == {"0"}


def test_leverage_of_a_hedge_is_an_array_even_where_the_schema_has_one_position(sdk: Sdk) -> None:
    """The SDK cannot read it there and says so with an empty position; the bytes are an array, as at the venue."""
    sdk.futures.set_dual_mode("usdt", True)
    hollow = sdk.futures.update_position_leverage("usdt", BTC, "7")
    raw = sdk.futures.update_position_leverage("usdt", BTC, "0", cross_leverage_limit="8", _preload_content=False)

    assert (hollow.contract, hollow.leverage) == (None, None)
    assert [(each["mode"], each["cross_leverage_limit"]) for each in json.loads(raw.data)] == [
        ("dual_long", "8"), ("dual_short", "8"),
    ]  # fmt: skip


def test_one_side_of_a_hedge_has_its_own_leverage_and_margin(sdk: Sdk) -> None:
    """The newer calls name a side; the mode of margin is switched for both."""
    futures = sdk.futures
    futures.set_position_mode("usdt", "dual")
    futures.update_contract_position_leverage("usdt", BTC, "4", "isolated", dual_side="dual_short")
    sdk.place(-20)
    levers = [futures.get_leverage("usdt", BTC, "isolated", side).lever for side in ("dual_long", "dual_short")]
    assert levers == ["10", "4"]
    before = sdk.sides()["dual_short"].margin
    after = futures.update_dual_mode_position_margin("usdt", BTC, "3", "dual_short")
    assert [each.mode for each in after] == ["dual_long", "dual_short"]
    assert float(after[1].margin) == pytest.approx(float(before) + 3)
    crossed = futures.update_dual_comp_position_cross_mode("usdt", CrossMode(mode="CROSS", contract=BTC))
    limited = futures.update_dual_mode_position_risk_limit("usdt", BTC, "2000000")

    assert [terms(each) for each in crossed] == [("0", "10", "10", "cross"), ("0", "4", "4", "cross")]
    assert [each.risk_limit for each in limited] == ["2000000", "2000000"]


# ---- how positions end


def test_a_position_that_was_closed_is_in_the_history_with_what_it_made(
    sdk: Sdk, paper: PaperProcess, account: PaperAccount
) -> None:
    """Its parts add up to the engine's figure."""
    sdk.place(10, text="t-in")
    paper.price(BTC, 67600, hold=True)
    sdk.place(0, close=True, text="t-out")
    row, held = sdk.futures.list_position_close("usdt", contract=BTC)[0], paper.books(account.uid)["positions"][0]

    assert (row.side, row.text, row.max_size, row.pnl) == ("long", "t-out", "10", held["history_pnl"])
    assert float(row.pnl_pnl) + float(row.pnl_fee) + float(row.pnl_fund) == pytest.approx(float(row.pnl))
    assert (sdk.position().size, sdk.position().last_close_pnl) == ("0", row.pnl)
    assert sdk.futures.list_positions("usdt", holding=True) == []
    assert [each.contract for each in sdk.futures.list_positions("usdt")] == [BTC]


def test_a_liquidation_is_seen_in_every_list(paper: PaperProcess, member: Callable[..., PaperAccount]) -> None:
    """The exchange's own order, the liquidation, the closed position and the orders that it took along."""
    account = member(balances={"USDT": "1000"})
    sdk = Sdk(paper, account)
    sdk.futures.update_position_leverage("usdt", BTC, "0", cross_leverage_limit="100")
    sdk.place(10, "60000", text="t-waits")
    sdk.place(10_000, text="t-gamble")
    paper.price(BTC, 66780, hold=True)
    taken, waited, _ = sorted(sdk.futures.list_futures_orders("usdt", "finished"), key=lambda each: each.text)
    row, closed = sdk.futures.list_liquidates("usdt", contract=BTC)[0], sdk.futures.list_position_close("usdt")[0]

    assert (taken.text, taken.is_liq, taken.size, taken.finish_as) == ("liquidation", True, "-10000", "filled")
    assert (waited.text, waited.finish_as) == ("t-gamble", "filled")
    assert sdk.order("t-waits").finish_as == "liquidated"
    assert (row.order_id, row.size, row.fill_price, row.left) == (taken.id, "10000", taken.fill_price, "0")
    assert (closed.text, closed.side) == ("liquidation", "long")
    assert taken.id in {int(each["id"]) for each in paper.books(account.uid)["orders"]}
    assert "10000" in [each.size for each in sdk.futures.list_liquidated_orders("usdt", contract=BTC)]
    assert sdk.position().size == "0"


def test_a_deleveraging_is_seen_as_an_order_that_nobody_placed(
    sdk: Sdk, paper: PaperProcess, account: PaperAccount
) -> None:
    """With the list that says why."""
    sdk.place(10)
    done = paper.ask("POST", "/paper/deleverage", {"uid": account.uid, "symbol": BTC, "size": "4"})
    row, order = sdk.futures.list_auto_deleverages("usdt", contract=BTC)[0], sdk.order(done["order_id"])

    assert (order.text, order.finish_as, order.size) == ("auto_deleveraging", "auto_deleveraged", "-4")
    assert (row.order_id, row.trade_size, row.position_size) == (order.id, "4", "6")
    assert sdk.position().size == "6"
