"""Instrument: what the venue publishes decides which numbers an order can have, and says the nearest one."""

from __future__ import annotations

import re
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.desk.instrument import Terms, contracts_of, to_terms, wrong_with

BTC = Terms("BTC_USDT", Decimal("0.1"), Decimal(1), Decimal(2), Decimal(1000))
ETH = Terms("ETH_USDT", Decimal("0.05"), Decimal("0.1"), Decimal("0.1"), None)
BANDED = Terms(
    "SOL_USDT", price_step=Decimal("0.1"), size_step=Decimal(1), size_max=Decimal(900), market_size_max=Decimal(50),
    contract_size=Decimal("0.5"), price_band=Decimal("0.2"), mark_price=Decimal(100),
)  # fmt: skip
NEAR_MARK = "must be from 80 to 120 for SOL_USDT now, around its mark price; the nearest is"
BTC_COINS = Terms("BTC_USDT", size_step=Decimal(1), contract_size=Decimal("0.0001"))
ETH_COINS = Terms("ETH_USDT", size_step=Decimal("0.1"), contract_size=Decimal("0.01"))
STEPS = st.sampled_from([Decimal(step) for step in ("0.00001", "0.05", "0.1", "0.25", "1", "5", "10")])
NUMBERS = st.decimals("0.0000001", "99999999999999999999", places=12)


@pytest.mark.parametrize(
    ("terms", "size", "price", "told"),
    [
        (BTC, "2", "60000.1", {}),
        (BTC, "1000", None, {}),
        (BTC, "2.0", "60000.100", {}),
        (BTC, "2", "60000.14", {"price": "must be a multiple of 0.1 for BTC_USDT; the nearest is 60000.1"}),
        (BTC, "2", "0.01", {"price": "must be a multiple of 0.1 for BTC_USDT; the nearest is 0.1"}),
        (BTC, "2.6", "1", {"size": "must be a multiple of 1 for BTC_USDT; the nearest is 3"}),
        (BTC, "1", "1", {"size": "must be from 2 to 1000 for BTC_USDT; the nearest is 2"}),
        (BTC, "1000.5", "1", {"size": "must be from 2 to 1000 for BTC_USDT; the nearest is 1000"}),
        (ETH, "0.05", "1", {"size": "must be at least 0.1 for ETH_USDT; the nearest is 0.1"}),
        (ETH, "0.15", "0.07", {
            "price": "must be a multiple of 0.05 for ETH_USDT; the nearest is 0.05",
            "size": "must be a multiple of 0.1 for ETH_USDT; the nearest is 0.2",
        }),
        (Terms("X", size_max=Decimal(3)), "4", "0.00001", {"size": "must be at most 3 for X; the nearest is 3"}),
        (BANDED, "900", "120", {}),
        (BANDED, "900", "120.1", {"price": f"{NEAR_MARK} 120"}),
        (BANDED, "1", "3", {"price": f"{NEAR_MARK} 80"}),
        (BANDED, "900", None, {"size": "must be at most 50 for SOL_USDT; the nearest is 50"}),
        (Terms("X", leverage_max=Decimal(5)), "1", None, {}),
        (Terms("X"), "0.0000000001", "9" * 20 + "." + "9" * 20, {}),
    ],
)  # fmt: skip
def test_each_number_is_judged_by_the_terms(terms: Terms, size: str, price: str | None, told: dict[str, str]) -> None:
    assert dict(wrong_with(terms, size, price)) == told


@pytest.mark.parametrize(("leverage", "told"), [("1", ""), ("20.5", ""), ("21", "must be from 1 to 20.5 for X")])
def test_leverage_is_judged_by_the_terms(leverage: str, told: str) -> None:
    terms = Terms("X", leverage_min=Decimal(1), leverage_max=Decimal("20.5"))

    assert dict(wrong_with(terms, "1", None, leverage)).get("leverage", "") == told


@given(step=STEPS, price=NUMBERS)
def test_the_nearest_price_is_right_and_near(step: Decimal, price: Decimal) -> None:
    """Whoever takes the advice must not be refused again."""
    terms = Terms("X", price_step=step)
    wrong = dict(wrong_with(terms, "1", format(price, "f")))
    if not wrong:
        assert price % step == 0 if price < 10**15 else True
        return
    found = re.search(r"the nearest is ([0-9.]+)$", wrong["price"])
    assert found is not None
    assert wrong_with(terms, "1", found[1]) == ()
    assert abs(Decimal(found[1]) - price) <= max(step / 2, step - price)


@given(step=STEPS, least=st.integers(1, 50), width=st.integers(1, 500), size=NUMBERS)
def test_the_nearest_size_is_within_the_limits(step: Decimal, least: int, width: int, size: Decimal) -> None:
    terms = Terms("X", size_step=step, size_min=step * least, size_max=step * (least + width))
    said = dict(wrong_with(terms, format(size, "f"), None)).get("size", "")
    within = step * least <= size <= step * (least + width)
    assert within or "must be from" in said
    found = re.search(r"the nearest is ([0-9.]+)$", said)
    assert found is None or wrong_with(terms, found[1], None) == ()


def test_terms_are_read_from_a_venues_rows() -> None:
    """What a venue leaves out, or says as 0, is not checked."""
    rows: list[dict[str, str | None]] = [
        {"symbol": "A", "price_step": "0.1", "size_step": "1", "size_min": "1", "size_max": "9", "status": "trading"},
        {"symbol": "B", "price_step": None, "size_step": "0", "size_min": "odd", "size_max": "0"},
        {"symbol": "C"},
    ]
    assert to_terms(rows) == {
        "A": Terms("A", Decimal("0.1"), Decimal(1), Decimal(1), Decimal(9)),
        "B": Terms("B"),
        "C": Terms("C"),
    }


@pytest.mark.parametrize(
    ("terms", "amount", "unit", "price", "size"),
    [
        (BTC_COINS, "0.0012", "base", None, "12"),
        (BTC_COINS, "12", "contracts", None, "12"),
        (BTC_COINS, "600", "quote", "60000", "100"),
        (BTC_COINS, "6.00001", "quote", "60000.1", "1"),
        (ETH_COINS, "0.003", "base", None, "0.3"),
        (Terms("X", contract_size=Decimal("0.0003")), "0.0001", "contracts", None, "0.0001"),
    ],
)
def test_an_amount_is_converted_exactly(terms: Terms, amount: str, unit: str, price: str | None, size: str) -> None:
    assert contracts_of(terms, amount, unit, price) == size


@pytest.mark.parametrize(
    ("terms", "amount", "unit", "price", "told"),
    [
        (BTC_COINS, "0.00125", "base", None,
         "must be a multiple of 0.0001 base for BTC_USDT; the nearest is 0.0012 (12 contracts)"),
        (BTC_COINS, "601", "quote", "60000",
         "must be a multiple of 6 quote for BTC_USDT; the nearest is 600 (100 contracts)"),
        (BTC_COINS, "0.00001", "base", None,
         "must be a multiple of 0.0001 base for BTC_USDT; the nearest is 0.0001 (1 contracts)"),
        (BTC_COINS, "600", "quote", None,
         "in quote needs a price, since a market order has none yet; say it in contracts or base"),
        (Terms("X"), "1", "base", None, "can only be said in contracts for X: their size is not known"),
    ],
)  # fmt: skip
def test_an_amount_that_is_not_exact_is_refused_with_the_nearest(
    terms: Terms, amount: str, unit: str, price: str | None, told: str
) -> None:
    """Rounding somebody's order, up or down, is placing another one."""
    assert contracts_of(terms, amount, unit, price) == (("size", told),)


@given(
    contract=st.decimals("0.0000001", "1000", places=9), step=STEPS, amount=NUMBERS,
    unit=st.sampled_from(["base", "quote"]), price=st.decimals("0.0001", "1000000", places=6),
)  # fmt: skip
def test_the_nearest_amount_is_exact(
    contract: Decimal, step: Decimal, amount: Decimal, unit: str, price: Decimal
) -> None:
    """Whoever takes the advice must not be refused again, and what is converted means the same."""
    terms, at = Terms("X", size_step=step, contract_size=contract), format(price, "f")
    size = contracts_of(terms, format(amount, "f"), unit, at)
    if not isinstance(size, str):
        found = re.search(r"the nearest is ([0-9.]+) \(([0-9.]+) contracts\)$", size[0][1])
        assert found is not None
        assert contracts_of(terms, found[1], unit, at) == found[2]
        return
    with localcontext(prec=200):
        assert Decimal(size) * contract * (price if unit == "quote" else 1) == amount
