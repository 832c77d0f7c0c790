"""The engine with wallets of coins, alone: what must hold whatever anybody does to it."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.paper.algos import Algo
from shared.paper.facts import Filled, OrderChanged
from shared.paper.market import Market
from shared.paper.okx.instruments import listed
from shared.paper.orders import Order, Refusal, Stp, Tif, Why
from shared.paper.unified import UnifiedEngine
from shared.paper.wallets import USDT, AlgoTerms, CoinAccount, LegTerms, UnifiedRequest
from tests.paper.trading import NOW, facts

SWAP, SPOT = "BTC-USDT-SWAP", "BTC-USDT"
TIFS = (Tif.GTC, Tif.IOC, Tif.FOK, Tif.POST)
MODES = ("cross:net", "isolated:net", "cross:long", "cross:short")
KINDS = (
    "limit", "limit", "spot", "spot", "market", "money", "reduce", "guarded", "cancel", "amend", "move", "pin", "stop",
    "trail", "fund", "deleverage", "unset",
)  # fmt: skip
ACTIONS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(KINDS), st.integers(-300, 300).filter(bool), st.integers(-60, 60)),
    max_size=40,
)


def an_engine() -> tuple[UnifiedEngine, Market]:
    engine = UnifiedEngine(listed(NOW))
    return engine, Market(engine, seed=3, now_ms=NOW)


def an_account(engine: UnifiedEngine, money: str, coins: str = "0") -> CoinAccount:
    account = engine.open_account(f"u{len(engine.accounts)}", "okx", len(engine.accounts))
    engine.move(account, USDT, Decimal(money), "dnw", NOW)
    engine.move(account, "BTC", Decimal(coins), "dnw", NOW)
    return account


def a_request(name: str, size: Decimal, price: str = "", **said: object) -> UnifiedRequest:
    tif = said.pop("tif", Tif.GTC if price else Tif.IOC)
    terms = {"tif": tif, "text": "", "stp": Stp.OLDEST} | said
    return UnifiedRequest(name, size, Decimal(price or 0), **terms)  # type: ignore[arg-type]  # fields by their names


def guard(engine: UnifiedEngine, is_buy: bool) -> AlgoTerms:
    low, high = Decimal(66000), Decimal(69000)
    loss, profit = (low, high) if is_buy else (high, low)
    return AlgoTerms(engine.algos.next_id(), "", (LegTerms("tp", profit), LegTerms("sl", loss)))


def act(engine: UnifiedEngine, market: Market, accounts: list[CoinAccount], action: tuple[int, str, int, int]) -> None:
    who, kind, number, offset = action
    account, price = accounts[who], f"{67500 + offset * 3}"
    size, coins, mode = Decimal(number) / 10, Decimal(number) / 1000, MODES[number % 4]
    resting = list(account.open_orders.values())
    if kind == "limit":
        engine.place(account, a_request(SWAP, size, price, mode=mode, tif=TIFS[offset % 4]), NOW)
    elif kind == "spot":
        engine.place(account, a_request(SPOT, coins, price, tif=TIFS[offset % 4]), NOW)
    elif kind == "market":
        engine.place(account, a_request(SWAP, size, mode=mode), NOW)
    elif kind == "money":
        engine.place(account, a_request(SPOT, coins, quote_size=abs(size) * 100), NOW)
    elif kind == "reduce":
        engine.place(account, a_request(SWAP, size, mode=mode, reduce_only=True), NOW)
    elif kind == "guarded":
        attached = (guard(engine, size > 0),)
        engine.place(account, a_request(SWAP, size, price, mode="cross:net", attached=attached), NOW)
    elif kind == "cancel" and resting:
        engine.cancel(resting[number % len(resting)], NOW)
    elif kind == "amend" and resting:
        order = resting[number % len(resting)]
        amended = abs(coins if order.contract.name == SPOT else size)
        engine.amend(order, amended if order.is_buy else -amended, Decimal(price), "r", NOW)
    elif kind == "move":
        for name in (SWAP, SPOT):
            market.set_price(name, Decimal(67500 + offset * 100), NOW, hold=False)
    elif kind == "pin":
        market.pin(SWAP, "mark", Decimal(67500 + offset * 100), NOW)
    elif kind == "stop":
        terms = AlgoTerms(engine.algos.next_id(), "", (LegTerms("trigger", Decimal(67500 + offset * 30)),))
        engine.algos.make(account, a_request(SWAP, size, mode="cross:net"), terms, "trigger", NOW)
    elif kind == "trail":
        terms = AlgoTerms(engine.algos.next_id(), "", (), Decimal("0.005"))
        request = a_request(SWAP, size, mode="cross:net", reduce_only=True)
        engine.algos.make(account, request, terms, "move_order_stop", NOW)
    elif kind == "fund":
        engine.funding.charge(engine.listings[SWAP], Decimal(offset) / 10_000, NOW)
    elif kind == "deleverage":
        position = account.position(engine.listings[SWAP].contract, mode)
        engine.liquidations.deleverage(position, abs(size), NOW)
    elif kind == "unset":
        for algo in list(account.triggers.values()):
            engine.algos.end(algo, "cancelled", NOW)


def check(engine: UnifiedEngine, money: Decimal, coins: Decimal) -> None:
    for name in (SWAP, SPOT):
        book = engine.listings[name].book
        assert not book.is_crossed()
        for side in (book.bids, book.asks):
            for price, level in side.levels.items():
                assert side.totals[price] == sum(order.shown for order in level.values()) > 0
    wallets = cast(list[CoinAccount], engine.accounts)
    held = [p for account in wallets for p in account.positions.values() if p.contract.name == SWAP]
    assert sum(position.size for position in held) == 0
    worth = sum(account.balance + account.unrealised(engine.marks()) for account in wallets)
    usdt_fees = engine.fees + engine.coin_fees.get(USDT, Decimal(0))
    assert worth + usdt_fees + engine.insurance == money
    assert sum(account.cash("BTC") for account in wallets) + engine.coin_fees.get("BTC", Decimal(0)) == coins
    for account in wallets:
        if not account.is_house:
            assert account.cash("BTC") >= account.ordered("BTC") >= 0
        for order in account.orders.values():
            assert 0 <= order.filled <= abs(order.size) and (order.left == 0 or (order.left > 0) == order.is_buy)
            assert sum(abs(fill.size) for fill in order.fills) == order.filled
            assert order.is_open == (order.id in account.open_orders)
            assert order.tif is not Tif.FOK or order.filled in (0, abs(order.size))
        for algo in account.triggers.values():
            assert isinstance(algo, Algo) and (algo.id not in account.guards or algo.is_waiting)


@settings(max_examples=60, deadline=None)
@given(ACTIONS)
def test_no_order_of_events_makes_money_or_coins_or_overfills(actions: list[tuple[int, str, int, int]]) -> None:
    """Whatever is placed, amended, moved, fired, funded and taken away, the sums of both stay what was paid in."""
    engine, market = an_engine()
    accounts = [an_account(engine, money, coins) for money, coins in (("500", "0"), ("10000", "0.5"), ("1000000", "3"))]
    money, coins = Decimal("1010500"), Decimal("3.5")
    for action in actions:
        act(engine, market, accounts, action)
        check(engine, money, coins)


@settings(max_examples=40, deadline=None)
@given(ACTIONS)
def test_what_is_told_of_an_order_is_never_too_little(actions: list[tuple[int, str, int, int]]) -> None:
    """Live first unless it never was, each fill by itself, and one end after which nothing comes."""
    engine, market = an_engine()
    accounts = [an_account(engine, "1000000", "5") for _ in range(3)]
    told: dict[Order, list[tuple[str, int]]] = {}

    def hear(fact: object) -> None:
        if isinstance(fact, OrderChanged):
            told.setdefault(fact.order, []).append((fact.word, len(fact.order.fills)))

    engine.listen(hear)
    for action in actions:
        act(engine, market, accounts, action)
    for order, words in told.items():
        names = [word for word, _ in words]
        is_system = names[-1] == "auto_deleveraged" or order.is_liquidation
        assert names[0] == "_new" or names == ["poc"] or is_system
        assert [n for n in names if n in ("_new",)] in (["_new"], []) and len(told[order]) == order.update_id
        ends = [i for i, name in enumerate(names) if not name.startswith("_")]
        assert ends == ([] if order.is_open else [len(names) - 1])
        if not is_system:
            fills = [count for _, count in words]
            assert all(after - before in (0, 1) for before, after in pairwise(fills))


def test_a_trade_of_coins_moves_both_sides_and_takes_fees_from_what_is_received() -> None:
    """The buyer pays in coins, the seller in money."""
    engine = UnifiedEngine(listed(NOW))
    buyer, seller = an_account(engine, "10000"), an_account(engine, "0", "1")
    heard = facts(engine)
    engine.place(seller, a_request(SPOT, Decimal("-0.1"), "67500"), NOW)
    engine.place(buyer, a_request(SPOT, Decimal("0.1"), "67500"), NOW)

    assert (buyer.balance, buyer.cash("BTC")) == (Decimal(10000) - 6750, Decimal("0.0999"))
    assert (seller.balance, seller.cash("BTC")) == (6750 - Decimal("5.4"), Decimal("0.9"))
    assert [fact.fill.role for fact in heard if isinstance(fact, Filled)] == ["taker", "maker"]
    assert not buyer.positions and not seller.positions


def test_what_is_locked_cannot_be_spent_twice() -> None:
    """Not by another spot order, not as margin."""
    engine, _ = an_engine()
    account = an_account(engine, "1000", "0.1")
    engine.place(account, a_request(SPOT, Decimal("0.014"), "67000"), NOW)
    engine.place(account, a_request(SPOT, Decimal("-0.1"), "70000"), NOW)

    for request in (
        a_request(SPOT, Decimal("0.001"), "67000"),
        a_request(SPOT, Decimal("-0.001"), "70000"),
        a_request(SWAP, Decimal(2), "67000"),
    ):
        placed = engine.place(account, request, NOW)
        assert isinstance(placed, Refusal) and placed.why is Why.MARGIN
