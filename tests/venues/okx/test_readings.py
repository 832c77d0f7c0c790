"""What OKX says of orders, fills, positions, balances and triggers, in our words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import UnknownWord, VenueUnknown
from shared.exchanges.base import Guards, Leverage, NotShown, PartlyRead, PlaceOrder, PlaceTrigger
from shared.exchanges.okx.wire import OkxWire
from shared.model import Balance, Fill, Order, Position, Times, Trigger
from tests.venues.okx.frames import AT_MS, OWNER, VENUE, WIRE, frame, only, push, pushed, reply, said, told, words

SEVENTY_ONE = len(said("order_live")["data"][0])


def order_of(name: str) -> Order:
    (order,) = pushed(name, Order)
    return order


def trigger_of(name: str) -> Trigger:
    (trigger,) = pushed(name, Trigger)
    return trigger


# Orders.

ORDERS: dict[str, dict[str, Any]] = {
    "order_live": {
        "status": "open", "side": "buy", "size": "4.5", "filled": "0", "remaining": "4.5", "price": "97000.5",
        "average_price": None, "fee": "0", "size_unit": "contracts", "type": "limit", "time_in_force": "gtc",
        "cause": None, "reduce_only": False, "position_side": None,
    },
    "order_partly_filled": {
        "status": "partially_filled", "filled": "1.5", "remaining": "3.0", "average_price": "97000.5",
        "fee": "0.2910015",
    },
    "order_filled": {"status": "filled", "filled": "4.5", "remaining": "0.0", "fee": "0.8730045", "cause": None},
    "order_cancelled": {"status": "cancelled", "filled": "1.5", "remaining": "3.0", "cause": None},
    "order_amended": {"status": "open", "price": "96990"},
    "order_amend_failed": {"status": "open", "price": "97000.5", "time_in_force": "post_only"},
    "order_cancelled_post_only": {"status": "cancelled", "cause": "post_only", "time_in_force": "post_only"},
    "order_cancelled_ioc": {"status": "cancelled", "cause": "ioc", "time_in_force": "ioc"},
    "order_cancelled_fok": {"status": "cancelled", "cause": "fok", "time_in_force": "fok"},
    "order_cancelled_self_trade": {"status": "cancelled", "cause": "self_trade"},
    "order_cancelled_reduce_only": {"status": "cancelled", "cause": "reduce_only"},
    "order_cancelled_position_closed": {"status": "cancelled", "cause": "position_closed"},
    "order_cancelled_cancel_all_after": {"status": "cancelled", "cause": "cancel_all_after"},
    "order_cancelled_liquidation_cancel": {"status": "cancelled", "cause": "liquidation"},
    "order_cancelled_strangely": {"status": "cancelled", "cause": "cancel_source_99"},
    "order_liquidation": {"status": "filled", "cause": "liquidation", "type": "market", "client_order_id": None},
    "order_deleveraged": {"status": "filled", "cause": "adl", "position_side": "long", "reduce_only": True},
    "order_hedge_close": {"position_side": "long", "reduce_only": True},
    "order_hedge_open_short": {"position_side": "short", "reduce_only": False},
    "order_reduce_only": {"position_side": "long", "reduce_only": True},
    "order_market": {"type": "market", "time_in_force": "ioc", "price": None, "average_price": "97000.5"},
    "order_spot_filled": {"size": "0.0002", "size_unit": "base", "fee": "0.0000002", "position_side": None},
    "order_spot_maker_rebate": {"fee": "0.00000015"},
    "order_spot_for_quote": {"size": "100", "size_unit": "quote", "filled": "50.000", "remaining": "50.000"},
    "order_spot_end_without_trade": {"status": "filled", "filled": "0.0002", "remaining": "0.0000"},
}  # fmt: skip


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_push_says_in_our_words_what_the_venue_said(name: str) -> None:
    """The state is the state; who cancelled it is the cause; a fee that was paid is above zero."""
    order = order_of(name)

    assert words(order, *ORDERS[name]) == ORDERS[name]


def test_every_push_of_an_order_has_all_of_its_keys() -> None:
    """The frames are the venue's own shape: 71 keys, whatever it tells."""
    assert SEVENTY_ONE == 71


def test_an_order_has_its_ids_owner_times_and_both_names() -> None:
    """An id beyond 2^53 survives as it is."""
    order = order_of("order_filled")

    assert words(order, "id", "client_order_id", "origin", "stop_price", "parent_id") == {
        "id": "2510004000000000001", "client_order_id": "owsample1", "origin": "external", "stop_price": None,
        "parent_id": None,
    }  # fmt: skip
    assert (order.user_id, order.account_id, order.venue, order.environment) == ("u-1", "a-1", "okx", "paper")
    assert (order.symbol, order.instrument) == ("BTC-USDT-SWAP", "BTC/USDT:USDT")
    assert (order.created_at_ms, order.updated_at_ms) == (1_786_000_000_100, 1_786_000_002_300)
    assert order.times == Times(1_786_000_002_300, AT_MS, None)


@pytest.mark.parametrize(
    ("by_rest", "by_push"),
    [
        ("rest_order_live", "order_live"),
        ("rest_order_partly_filled", "order_partly_filled"),
        ("rest_order_filled", "order_filled"),
        ("rest_order_cancelled", "order_cancelled"),
        ("rest_order_spot_filled", "order_spot_filled"),
    ],
)
def test_a_reply_and_a_push_about_the_same_state_are_the_same_record(by_rest: str, by_push: str) -> None:
    """They race; whichever comes second is no event and changes nothing."""
    assert WIRE.to_order(reply(frame(by_rest))) == order_of(by_push)


def test_each_state_of_an_order_outranks_the_one_before() -> None:
    names = ("order_live", "order_amended", "order_partly_filled", "order_cancelled")
    ranks = [order_of(name).rank() for name in names]

    assert ranks == sorted(set(ranks))


def test_an_order_of_quote_is_filled_when_the_venue_says_so() -> None:
    """What base was bought for an amount of quote is never worth exactly that."""
    row = said("order_spot_for_quote")
    row["data"][0] |= {"state": "filled", "accFillSz": "0.00199", "avgPx": "50001"}
    (order,) = only(Order, told(row))

    assert words(order, "status", "filled", "remaining") == {"status": "filled", "filled": "100", "remaining": "0"}


def test_an_order_that_was_amended_below_what_is_filled_has_nothing_left() -> None:
    """The venue takes that for the wish that it be done."""
    row = said("order_filled")
    row["data"][0]["sz"] = "4"
    (order,) = only(Order, told(row))

    assert words(order, "status", "size", "filled", "remaining") == {
        "status": "filled", "size": "4", "filled": "4.5", "remaining": "0",
    }  # fmt: skip


def test_an_unknown_word_in_one_row_costs_no_other_row() -> None:
    with pytest.raises(PartlyRead) as partly:
        WIRE.read(frame("order_unknown_state"), AT_MS)

    assert "paused" in str(partly.value)
    assert [fact.key() for fact in partly.value.facts] == ["a-1:2510004000000000002"]


@pytest.mark.parametrize(
    "garbage",
    [
        b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"event":"dance"}', b'{"arg":{"channel":"orders"}}',
        b'{"arg":{"channel":"orders"},"data":[{"ordId":"1"}]}', b'{"arg":{"channel":"candle1m"},"data":[]}',
        b'{"arg":{"channel":"account"},"data":[{"details":[{"ccy":"BTC","cashBal":"NaN"}]}]}',
        b'{"event":"notice","code":"1","msg":"?"}', b'{"arg":{"channel":"positions"},"data":[7]}',
    ],
)  # fmt: skip
def test_what_the_venue_never_said_is_an_unknown_word_and_nothing_else(garbage: bytes) -> None:
    with pytest.raises(UnknownWord):
        WIRE.read(garbage, AT_MS)


@given(st.dictionaries(st.sampled_from(sorted(said("order_live")["data"][0])), st.none() | st.text(max_size=8)))
def test_no_value_of_any_field_can_raise_anything_else(changes: dict[str, Any]) -> None:
    row = said("order_partly_filled")
    row["data"][0] |= changes
    try:
        message = WIRE.read(json.dumps(row), AT_MS)
    except UnknownWord:
        return
    assert isinstance(message, list)


def test_an_order_that_the_venue_forgot_ended_with_what_we_knew() -> None:
    known = order_of("order_partly_filled")
    gone = WIRE.order_gone(known, AT_MS)

    assert gone is not None
    assert words(gone, "status", "cause", "filled", "remaining") == {
        "status": "cancelled", "cause": "gone", "filled": "1.5", "remaining": "3.0",
    }  # fmt: skip
    assert gone.rank() > known.rank()
    assert WIRE.order_gone(gone, AT_MS + 1) is None


# Fills.


def test_a_push_of_an_order_with_a_match_tells_the_fill_too() -> None:
    order, fill = push("order_partly_filled")

    assert isinstance(order, Order) and isinstance(fill, Fill)
    assert words(fill, "id", "order_id", "client_order_id", "price", "size", "fee", "fee_asset", "role", "at_ms") == {
        "id": "900000001", "order_id": "2510004000000000001", "client_order_id": "owsample1", "price": "97000.5",
        "size": "1.5", "fee": "0.2910015", "fee_asset": "USDT", "role": "maker", "at_ms": 1_786_000_001_199,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["order_live", "order_cancelled", "order_amended", "order_spot_end_without_trade"])
def test_a_push_without_a_match_tells_no_fill(name: str) -> None:
    assert pushed(name, Fill) == []


@pytest.mark.parametrize("changes", [{"tradeId": ""}, {"tradeId": "0"}, {"fillSz": "0"}, {"fillSz": ""}])
def test_a_push_tells_a_fill_only_with_a_trade_and_a_size(changes: dict[str, str]) -> None:
    row = said("order_partly_filled")
    row["data"][0] |= changes

    assert only(Fill, told(row)) == []


def fills_by_rest() -> list[Any]:
    ask = next(ask for ask in WIRE.snapshot(0) if ask.request.path.endswith("/trade/fills"))
    return ask.read(reply(frame("rest_fills")))


def test_the_list_of_fills_tells_the_same_fill() -> None:
    (pushed_fill,) = pushed("order_partly_filled", Fill)

    assert fills_by_rest()[0] == pushed_fill


def test_a_rebate_is_a_fee_below_zero_and_a_forced_trade_has_an_id_of_its_own() -> None:
    forced = fills_by_rest()[1]

    assert (forced.id, forced.fee, forced.role) == ("-900000009", "-0.01", "taker")


@pytest.mark.parametrize(("fee", "paid"), [("", None), ("0", "0"), ("-0", "0"), ("-0.10", "0.10"), ("0.1", "-0.1")])
def test_a_fee_is_turned_as_it_is_written(fee: str, paid: str | None) -> None:
    """Nothing at all is not known, and nothing is nothing on either side."""
    row = said("rest_fills")
    row["data"][0]["fee"] = fee
    ask = next(ask for ask in WIRE.snapshot(0) if ask.request.path.endswith("/trade/fills"))

    assert only(Fill, ask.read(reply(row)))[0].fee == paid


# Positions.


def test_a_position_is_told_with_its_sign_as_its_side() -> None:
    (long,), (short,) = pushed("position_long", Position), pushed("position_short", Position)

    assert words(long, "id", "side", "mode", "size", "size_unit", "entry_price", "leverage", "margin_mode") == {
        "id": "BTC-USDT-SWAP", "side": "long", "mode": "one_way", "size": "4.5", "size_unit": "contracts",
        "entry_price": "97000.5", "leverage": "10", "margin_mode": "cross",
    }  # fmt: skip
    assert words(long, "margin", "realised_pnl", "unrealised_pnl", "liquidation_price", "sequence") == {
        "margin": "436.5", "realised_pnl": "-0.8730045", "unrealised_pnl": "0.4275", "liquidation_price": None,
        "sequence": 1_786_000_002_301,
    }  # fmt: skip
    assert (short.side, short.size) == ("short", "0.03")


def test_both_sides_and_both_margin_modes_are_positions_of_their_own() -> None:
    long, short = pushed("positions_hedge", Position)

    assert words(long, "id", "side", "mode", "margin_mode", "margin") == {
        "id": "BTC-USDT-SWAP:isolated:long", "side": "long", "mode": "hedge", "margin_mode": "isolated",
        "margin": "436.5",
    }  # fmt: skip
    assert (short.id, short.side, short.size) == ("ETH-USDT-SWAP:short", "short", "3")


def test_on_margin_the_coin_that_is_held_says_the_side() -> None:
    long, short = pushed("positions_margin", Position)

    assert words(long, "id", "side", "size", "size_unit") == {
        "id": "ETH-USDT:margin:USDT", "side": "long", "size": "1.25", "size_unit": "base",
    }  # fmt: skip
    assert (short.id, short.side, short.size) == ("BTC-USDT:margin:BTC", "short", "100")


def test_a_closed_position_is_newer_and_of_no_side() -> None:
    (held,), (closed,) = pushed("position_long", Position), pushed("position_closed", Position)

    assert (closed.size, closed.side, closed.entry_price) == ("0", None, None)
    assert closed.key() == held.key() and closed.rank() > held.rank()


def test_a_position_that_was_opened_again_outranks_its_forced_end() -> None:
    """Without an order of changes of its own the end, which has a cause, would stand for ever."""
    (closed,), later = pushed("position_closed", Position), said("position_long")
    closed.cause = "liquidation"
    later["data"][0]["uTime"] = "1786000009000"
    (again,) = only(Position, told(later))

    assert again.rank() > closed.rank()


def test_the_list_of_positions_tells_the_same() -> None:
    """Whatever the market did since: a position's own time moves only with the position."""
    by_rest = WIRE.positions().read(reply(frame("rest_positions")))

    assert by_rest == [*pushed("position_long", Position), *pushed("positions_hedge", Position)]


def test_a_position_that_was_taken_away_says_why_it_ended() -> None:
    """The living position has a name of its own, and is told by another channel."""
    (ended,) = pushed("moved_by_liquidation", Position)

    assert words(ended, "id", "size", "cause", "closed_at_ms") == {
        "id": "BTC-USDT-SWAP:closed:1786000006000", "size": "0", "cause": "liquidation",
        "closed_at_ms": 1_786_000_006_000,
    }  # fmt: skip


def test_a_position_of_which_only_a_part_was_taken_has_not_ended() -> None:
    moved = said("moved_by_liquidation")
    moved["data"][0]["posData"][0]["pos"] = "1"

    assert only(Position, told(moved)) == []


# Balances.


def test_an_account_tells_each_asset_with_what_is_free_and_frozen() -> None:
    (usdt,) = pushed("account_update", Balance)

    assert words(usdt, "id", "wallet", "asset", "total", "available", "frozen", "updated_at_ms") == {
        "id": "trading:USDT", "wallet": "trading", "asset": "USDT", "total": "10249.6", "available": "10069.6",
        "frozen": "180", "updated_at_ms": 1_786_000_001_353,
    }  # fmt: skip


def test_what_is_available_is_told_by_one_field_or_the_other() -> None:
    """In some account modes one of them is empty, which is not zero."""
    wire = OkxWire(OWNER, "1")
    by_asset = {fact.asset: fact for name in (1, 2) for fact in pushed(f"account_snapshot_{name}", Balance, wire)}

    assert (by_asset["BTC"].available, by_asset["ETH"].available) == ("0.5", "2")


@pytest.mark.parametrize(("changes", "total"), [({"eq": "7"}, "7"), ({"eq": ""}, "10249.6")])
def test_an_asset_without_cash_is_told_by_its_equity_or_by_its_parts(changes: dict[str, str], total: str) -> None:
    row = said("account_update")
    row["data"][0]["details"][0] |= {"cashBal": ""} | changes

    assert only(Balance, told(row))[0].total == total


def test_a_list_that_is_complete_also_tells_what_is_no_more() -> None:
    """The venue leaves out what is nothing; a page is not the whole list."""
    wire = OkxWire(OWNER, "1")

    assert [fact.asset for fact in pushed("account_snapshot_1", Balance, wire)] == ["USDT", "ETH"]
    assert [fact.asset for fact in pushed("account_snapshot_2", Balance, wire)] == ["BTC"]
    assert [fact.asset for fact in pushed("account_update", Balance, wire)] == ["USDT"]
    later = {fact.asset: fact for fact in pushed("account_snapshot_without_eth", Balance, wire)}
    assert words(later["ETH"], "total", "available", "frozen") == {"total": "0", "available": "0", "frozen": "0"}
    assert later["ETH"].updated_at_ms == 1_786_000_009_000
    assert {fact.asset for fact in pushed("account_snapshot_without_eth", Balance, wire)} == {"USDT", "BTC"}


def test_the_same_is_true_of_the_list_that_is_asked_for() -> None:
    wire = OkxWire(OWNER, "1")
    pushed("account_snapshot_1", Balance, wire)
    ask = next(ask for ask in wire.snapshot(0) if ask.request.path.endswith("/account/balance"))
    balances = only(Balance, ask.read(reply(frame("rest_balance"))))

    assert {balance.asset: balance.total for balance in balances} == {"USDT": "10250.5", "BTC": "0.75", "ETH": "0"}


def test_a_list_that_was_broken_off_and_begun_again_is_the_second_one_alone() -> None:
    wire = OkxWire(OWNER, "1")
    push("account_snapshot_1", wire)
    later = pushed("account_snapshot_without_eth", Balance, wire)

    assert {balance.asset: balance.total for balance in later}["ETH"] == "0"


def test_a_list_of_one_kind_says_nothing_of_the_others() -> None:
    wire = OkxWire(OWNER, "1")
    held = [*push("position_long", wire), *wire.snapshot(0)[-1].read(reply(frame("rest_funding")))]
    told_by = [fact.key() for fact in push("account_snapshot_without_eth", wire)]

    assert len(held) == 2 and not {fact.key() for fact in held} & set(told_by)


def test_an_empty_list_of_positions_closes_those_that_were_told() -> None:
    wire = OkxWire(OWNER, "1")
    pushed("position_long", Position, wire)
    (closed,) = pushed("positions_snapshot_empty", Position, wire)

    assert (closed.key(), closed.size, closed.side) == ("a-1:BTC-USDT-SWAP", "0", None)
    assert pushed("positions_snapshot_empty", Position, wire) == []


def test_money_that_moved_is_told_at_once_without_what_is_free_of_it() -> None:
    """The account tells that tenths of a second later; the position is left to its own channel."""
    (usdt,) = push("moved_by_fill")

    assert isinstance(usdt, Balance)
    assert words(usdt, "total", "available", "frozen", "updated_at_ms") == {
        "total": "10249.627", "available": None, "frozen": None, "updated_at_ms": 1_786_000_002_302,
    }  # fmt: skip


def test_a_wallet_is_asked_by_itself_and_each_row_is_beside_its_balance() -> None:
    asks = WIRE.balances()
    trading = asks["trading"].read(reply(frame("rest_balance")))
    (funding,) = asks["funding"].read(reply(frame("rest_funding")))

    assert [getattr(fact, "id", "") for fact in trading] == ["trading:USDT", "trading:BTC"]
    assert words(funding, "id", "total", "available", "frozen") == {
        "id": "funding:USDT", "total": "500", "available": "450", "frozen": "50",
    }  # fmt: skip
    assert json.loads(bytes(funding.raw)) == said("rest_funding")["data"][0]  # type: ignore[arg-type]  # it is set


# Triggers.

TRIGGERS: dict[str, dict[str, Any]] = {
    "algo_stop_live": {
        "id": "2510004000000000301", "purpose": "stop_loss", "rule": "at_or_below", "price": "95000.5",
        "price_type": "mark", "side": "sell", "order_price": None, "size": "0", "status": "open", "child_id": None,
    },
    "algo_stop_fired": {"status": "fired", "child_id": "2510004000000000303", "updated_at_ms": 1_786_000_009_001},
    "algo_take_profit_short": {
        "purpose": "take_profit", "rule": "at_or_below", "side": "buy", "price": "90000", "order_price": "89990.5",
        "size": "4.5", "client_order_id": "owguard1",
    },
    "algo_failed": {"status": "failed", "reason": "51008"},
    "algo_partly_failed": {"status": "failed", "reason": "partially_failed"},
    "algo_cancelled": {"status": "cancelled", "reason": None},
    "algo_crossing": {
        "purpose": None, "rule": None, "price": "99000", "price_type": "index", "order_price": "99100", "side": "buy",
    },
    "algo_trailing": {
        "id": "2510004000000000305", "purpose": "stop_loss", "rule": "at_or_below", "price": "96040",
        "updated_at_ms": 1_786_000_002_010,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", TRIGGERS)
def test_an_algo_order_is_a_trigger(name: str) -> None:
    assert words(trigger_of(name), *TRIGGERS[name]) == TRIGGERS[name]


def test_an_algo_order_with_two_prices_is_two_triggers() -> None:
    """Each has a price, a rule and an end of its own."""
    profit, loss = pushed("algo_oco_live", Trigger)

    assert words(profit, "id", "purpose", "price", "rule", "price_type", "status") == {
        "id": "2510004000000000301-tp", "purpose": "take_profit", "price": "99000", "rule": "at_or_above",
        "price_type": "last", "status": "open",
    }  # fmt: skip
    assert words(loss, "id", "purpose", "price", "rule", "price_type", "status") == {
        "id": "2510004000000000301-sl", "purpose": "stop_loss", "price": "95000.5", "rule": "at_or_below",
        "price_type": "mark", "status": "open",
    }  # fmt: skip


def test_the_half_that_fires_ends_the_other() -> None:
    profit, loss = pushed("algo_oco_fired", Trigger)

    assert (profit.status, profit.child_id) == ("fired", "2510004000000000302")
    assert (loss.status, loss.child_id, loss.reason) == ("cancelled", None, "the other half fired")


def test_a_half_that_was_taken_away_leaves_the_other_standing() -> None:
    profit, loss = pushed("algo_oco_half_dropped", Trigger)

    assert (profit.id, profit.status, loss.status) == ("2510004000000000301-tp", "cancelled", "open")


def test_a_trigger_that_is_asked_for_by_a_name_it_lost_is_no_more() -> None:
    """Else it would stay open in the record, and be asked for again and again."""
    facts = WIRE.trigger("2510004000000000301-tp").read(reply(frame("rest_algo_stop")))

    assert {fact.id: fact.status for fact in only(Trigger, facts)} == {
        "2510004000000000301": "open",
        "2510004000000000301-tp": "cancelled",
    }


def test_the_list_of_algo_orders_tells_the_same_triggers() -> None:
    assert WIRE.open_triggers(None).read(reply(frame("rest_algo_oco"))) == push("algo_oco_live")


# Answers to commands.

PLACED = PlaceOrder("BTC-USDT-SWAP", "sell", "limit", "4.5", "97000.5", "post_only", True, "owsample1", hedged=True)


def test_an_answer_to_a_placement_is_the_order_as_it_was_asked_for() -> None:
    order = WIRE.to_order(reply(frame("rest_placed")), PLACED)

    assert words(order, "id", "status", "side", "position_side", "size", "filled", "remaining", "price", "fee") == {
        "id": "2510004000000000001", "status": "open", "side": "sell", "position_side": "long", "size": "4.5",
        "filled": "0", "remaining": "4.5", "price": "97000.5", "fee": "0",
    }  # fmt: skip
    assert (order.client_order_id, order.time_in_force, order.updated_at_ms) == (
        "owsample1", "post_only", 1_786_000_000_122,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "order_id", "client_order_id"),
    [
        ("rest_placed", "2510004000000000001", "owsample1"),
        ("rest_cancelled", "2510004000000000001", None),
        ("rest_closing", None, "owclose1"),
    ],
)
def test_an_answer_that_only_names_the_order_says_what_to_ask_for(
    name: str, order_id: str | None, client_order_id: str | None
) -> None:
    with pytest.raises(NotShown) as taken:
        WIRE.to_order(reply(frame(name)))

    assert (taken.value.order_id, taken.value.client_order_id) == (order_id, client_order_id)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"code":"0","data":[]}', b'{"code":"0","data":[{"state":"new"}]}'])
def test_an_answer_that_cannot_be_read_leaves_the_command_unknown(body: bytes) -> None:
    with pytest.raises(VenueUnknown) as lost:
        WIRE.to_order(reply(body))

    assert not isinstance(lost.value, NotShown)


def test_a_batch_says_of_each_order_what_became_of_it() -> None:
    orders = [
        PlaceOrder("BTC-USDT-SWAP", "buy", "limit", "4.5", "97000.5", "gtc", False, f"owsample{n}") for n in range(1, 5)
    ]
    first, second, third, fourth = WIRE.to_placed(reply(frame("rest_placed_partly")), orders)

    assert isinstance(first, Order) and first.id == "2510004000000000001"
    assert not isinstance(second, Order) and (second.code, second.venue_code) == ("venue_refused", "51020")
    assert isinstance(third, VenueUnknown) and third.venue_code == "51149"
    assert isinstance(fourth, VenueUnknown)


def test_an_answer_about_another_order_is_not_taken_for_ours() -> None:
    (answered,) = WIRE.to_placed(
        reply(frame("rest_placed")), [PlaceOrder("BTC-USDT-SWAP", "buy", "limit", "1", "1", "gtc", False, "owother")]
    )

    assert isinstance(answered, VenueUnknown)


def test_a_batch_of_cancels_is_read_by_id() -> None:
    named = ["2510004000000000009", "2510004000000000001"]
    silent, gone = WIRE.to_cancelled(reply(frame("rest_cancel_gone")), named)
    (taken,) = WIRE.to_cancelled(reply(frame("rest_cancelled")), named[1:])

    assert isinstance(silent, VenueUnknown)
    assert gone is not None and (gone.status, gone.venue_code) == (404, "51400")
    assert taken is None


def test_an_orders_row_shows_what_is_attached_to_it() -> None:
    """A guard that failed is not there, and an answer to a placement shows none."""
    assert WIRE.guards_told(reply(frame("rest_order_guarded"))) == Guards("99000", "95000.5")
    assert WIRE.guards_told(reply(frame("rest_order_guard_failed"))) == Guards()
    assert WIRE.guards_told(reply(frame("rest_placed"))) is None


def a_stop(**words: Any) -> PlaceTrigger:
    wish: dict[str, Any] = {
        "symbol": "BTC-USDT-SWAP", "side": "sell", "price": "95000", "rule": "at_or_below", "price_type": "mark",
        "size": "4.5", "client_order_id": "owguard1", "closes": "long", "parent_id": "7",
    }  # fmt: skip
    return PlaceTrigger(**(wish | words))


def test_an_answer_to_a_trigger_is_the_trigger_as_it_was_asked_for() -> None:
    trigger = WIRE.to_trigger(reply(frame("rest_algo_placed")), a_stop())

    assert words(trigger, "id", "purpose", "rule", "price", "size", "parent_id", "status", "client_order_id") == {
        "id": "2510004000000000301", "purpose": "stop_loss", "rule": "at_or_below", "price": "95000", "size": "4.5",
        "parent_id": "7", "status": "open", "client_order_id": "owguard1",
    }  # fmt: skip
    assert WIRE.to_trigger(reply(frame("rest_algo_placed")), a_stop(opposite="99000")).id == "2510004000000000301-sl"


def test_an_answer_that_only_names_a_trigger_says_what_to_ask_for() -> None:
    with pytest.raises(NotShown) as taken:
        WIRE.to_trigger(reply(frame("rest_algo_placed")))

    assert taken.value.order_id == "2510004000000000301"
    assert WIRE.to_trigger(reply(frame("rest_algo_stop"))).id == "2510004000000000301"


# The account.


def test_the_account_says_its_name_its_mode_and_whether_the_key_may_trade() -> None:
    config = said("rest_config")

    assert VENUE.to_identity(reply(config)) == "50120000000000001"
    assert WIRE.to_position_mode(reply(config)) == "hedge"
    assert VENUE.may_trade(reply(config))
    config["data"][0] |= {"perm": "read_only", "posMode": "net_mode"}
    assert not VENUE.may_trade(reply(config))
    assert WIRE.to_position_mode(reply(config)) == "one_way"


def test_leverage_is_what_all_sides_agree_on() -> None:
    agreed = said("rest_leverage_hedge")
    assert WIRE.to_leverage(reply(agreed)) == Leverage("10", "isolated")

    agreed["data"][1]["lever"] = "5"
    assert WIRE.to_leverage(reply(agreed)) is None
    assert WIRE.to_leverage(reply({"code": "0", "msg": "", "data": []})) is None
    assert WIRE.to_leverage(reply(frame("rest_no_such_path"), 404)) is None
