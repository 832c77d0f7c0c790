"""Gate's leverage, margin modes, position modes and risk limits."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from shared.paper.gate.door import GateDoor
from tests.paper.gate_client import F, GateClient, GateListener

BTC = "BTC_USDT"
P, DUAL = f"{F}/positions/{BTC}", f"{F}/dual_comp/positions/{BTC}"


@pytest.fixture
def client(door: GateDoor) -> GateClient:
    """A member whose market stands still."""
    door.exchange.market.set_price(BTC, Decimal("67500"), 1, hold=True)
    return GateClient(door)


@pytest.fixture
def hedged(client: GateClient) -> GateClient:
    """The same in dual mode, long 5 and short 3."""
    client.ok("POST", f"{F}/dual_mode", {"dual_mode": "true"})
    client.place(5)
    client.place(-3)
    return client


def modes(rows: list[Any]) -> list[tuple[str, str, str]]:
    return [(row["mode"], row["lever"], row["pos_margin_mode"]) for row in rows]


def test_leverage_in_dual_mode_is_an_array_under_both_paths(hedged: GateClient) -> None:
    """Against the schema of one of them, as seen in the field."""
    both = [("dual_long", "20", "isolated"), ("dual_short", "20", "isolated")]

    assert modes(hedged.ok("POST", f"{P}/leverage", {"leverage": "20"})) == both
    assert modes(hedged.ok("POST", f"{DUAL}/leverage", {"leverage": "20"})) == both
    assert modes(hedged.ok("GET", DUAL)) == both
    cross = hedged.ok("POST", f"{DUAL}/leverage", {"leverage": "0", "cross_leverage_limit": "15"})
    assert modes(cross) == [("dual_long", "15", "cross"), ("dual_short", "15", "cross")]


def test_single_position_calls_are_refused_in_dual_mode(hedged: GateClient) -> None:
    """They do not say which side they mean."""
    for method, path, query, body in (
        ("GET", P, {}, None),
        ("POST", f"{P}/margin", {"change": "1"}, None),
        ("POST", f"{P}/risk_limit", {"risk_limit": "1000000"}, None),
        ("POST", f"{F}/positions/cross_mode", {}, {"mode": "ISOLATED", "contract": BTC}),
    ):
        assert hedged.refused(method, path, query, body) == (400, "POSITION_DUAL_MODE"), path


def test_leverage_is_set_by_name_for_one_side_and_read_back(hedged: GateClient) -> None:
    """The newer pair of calls; the SDK reads `Lever`, the manual says `lever`."""
    rows = hedged.ok(
        "POST", f"{P}/set_leverage", {"leverage": "7", "margin_mode": "isolated", "dual_side": "dual_long"}
    )
    assert modes(rows) == [("dual_long", "7", "isolated")]
    read = {
        side: hedged.ok("GET", f"{F}/get_leverage/{BTC}", {"pos_margin_mode": "isolated", "dual_side": side})
        for side in ("dual_long", "dual_short")
    }

    assert read == {"dual_long": {"lever": "7", "Lever": "7"}, "dual_short": {"lever": "10", "Lever": "10"}}
    assert hedged.refused("POST", f"{P}/set_leverage", {"leverage": "7", "margin_mode": "both"}) == (
        400, "INVALID_PARAM_VALUE",
    )  # fmt: skip


@pytest.mark.parametrize(("leverage", "label"), [("126", "LEVERAGE_TOO_HIGH"), ("0.5", "LEVERAGE_TOO_LOW")])
def test_leverage_has_bounds(client: GateClient, leverage: str, label: str) -> None:
    """And nothing changes when it is refused."""
    before = client.ok("POST", f"{P}/leverage", {"leverage": "5"})

    assert client.refused("POST", f"{P}/leverage", {"leverage": leverage}) == (400, label)
    assert client.ok("GET", P) | {"mark_price": ""} == before | {"mark_price": ""}


def test_a_change_of_one_side_that_cannot_be_changes_neither(hedged: GateClient) -> None:
    """An array of which one half is old would be worse than a refusal."""
    hedged.member.wallets["gate"].balance = Decimal("40")
    before = modes(hedged.ok("GET", DUAL))

    assert hedged.refused("POST", f"{DUAL}/leverage", {"leverage": "1"}) == (400, "INSUFFICIENT_AVAILABLE")
    assert modes(hedged.ok("GET", DUAL)) == before


def test_the_margin_mode_is_switched_by_a_body(client: GateClient) -> None:
    """The one such call that takes one; the same mode again is no change."""
    path, isolated = f"{F}/positions/cross_mode", {"mode": "ISOLATED", "contract": BTC}
    row = client.ok("POST", path, None, isolated)

    assert (row["leverage"], row["cross_leverage_limit"], row["pos_margin_mode"]) == ("10", "0", "isolated")
    assert client.refused("POST", path, None, isolated) == (400, "NO_CHANGE")
    assert client.refused("POST", path, None, isolated | {"mode": "isolated"}) == (400, "INVALID_PARAM_VALUE")
    assert client.ok("POST", path, None, isolated | {"mode": "CROSS"})["leverage"] == "0"


def test_the_margin_mode_of_both_sides_is_switched_together(hedged: GateClient) -> None:
    """The dual form answers both."""
    rows = hedged.ok("POST", f"{F}/dual_comp/positions/cross_mode", None, {"mode": "ISOLATED", "contract": BTC})

    assert modes(rows) == [("dual_long", "10", "isolated"), ("dual_short", "10", "isolated")]
    assert all(Decimal(row["margin"]) > 0 for row in rows)


def test_margin_is_added_and_taken_only_where_it_is_set_aside(client: GateClient) -> None:
    """And never so much that the position could not have been opened."""
    client.place(10)
    assert client.refused("POST", f"{P}/margin", {"change": "5"}) == (400, "POSITION_CROSS_MARGIN")
    client.ok("POST", f"{P}/leverage", {"leverage": "10"})
    before = Decimal(client.ok("GET", P)["margin"])
    listener = GateListener(client)
    listener.subscribe("futures.positions")

    assert Decimal(client.ok("POST", f"{P}/margin", {"change": "5"})["margin"]) == before + 5
    assert [Decimal(str(row["margin"])) for _, row in listener.rows()] == [before + 5]
    assert Decimal(client.ok("POST", f"{P}/margin", {"change": "-3"})["margin"]) == before + 2
    assert client.refused("POST", f"{P}/margin", {"change": "-100"}) == (400, "REMOVE_TOO_MUCH")
    assert client.refused("POST", f"{P}/margin", {"change": "1000000"}) == (400, "INSUFFICIENT_AVAILABLE")


def test_margin_in_dual_mode_names_its_side(hedged: GateClient) -> None:
    """The answer is both sides all the same."""
    hedged.ok("POST", f"{DUAL}/leverage", {"leverage": "10"})
    assert hedged.refused("POST", f"{DUAL}/margin", {"change": "5"}) == (400, "MISSING_REQUIRED_PARAM")
    before = [Decimal(row["margin"]) for row in hedged.ok("GET", DUAL)]
    rows = hedged.ok("POST", f"{DUAL}/margin", {"change": "5", "dual_side": "dual_short"})

    assert [Decimal(row["margin"]) for row in rows] == [before[0], before[1] + 5]


def test_the_position_mode_changes_only_when_nothing_is_at_stake(client: GateClient) -> None:
    """Old call and new one, and what each is refused for."""
    order = client.place(1, "66000")
    assert client.refused("POST", f"{F}/dual_mode", {"dual_mode": "true"}) == (400, "ORDER_PENDING")
    client.ok("DELETE", f"{F}/orders/{order['id']}")
    client.place(1)
    assert client.refused("POST", f"{F}/set_position_mode", {"position_mode": "dual"}) == (400, "POSITION_HOLDING")
    client.place(0, close=True)
    changed = client.ok("POST", f"{F}/set_position_mode", {"position_mode": "dual"})

    assert (changed["in_dual_mode"], changed["position_mode"]) == (True, "dual")
    assert client.refused("POST", f"{F}/set_position_mode", {"position_mode": "dual"}) == (400, "NO_CHANGE")
    assert client.refused("POST", f"{F}/set_position_mode", {"position_mode": "dual_plus"}) == (
        400, "INVALID_PARAM_VALUE",
    )  # fmt: skip
    assert client.ok("POST", f"{F}/dual_mode", {"dual_mode": "False"})["position_mode"] == "single"


def test_a_risk_limit_is_one_of_the_tiers_and_fits_leverage_and_holding(client: GateClient) -> None:
    """Each of its refusals has a label of its own."""
    path = f"{P}/risk_limit"
    client.ok("POST", f"{P}/leverage", {"leverage": "50"})
    tiers = client.ok("GET", f"{F}/risk_limit_tiers", {"contract": BTC})
    assert [(t["risk_limit"], t["leverage_max"]) for t in tiers][:2] == [("1000000", "125"), ("2000000", "62")]

    assert client.ok("POST", path, {"risk_limit": "1000000"})["risk_limit"] == "1000000"
    assert client.refused("POST", path, {"risk_limit": "1234567"}) == (400, "RISK_LIMIT_NOT_MULTIPLE")
    assert client.refused("POST", path, {"risk_limit": "5000000"}) == (400, "RISK_LIMIT_TOO_HIGH")
    client.ok("POST", path, {"risk_limit": "2000000"})
    client.member.wallets["gate"].balance = Decimal(10**6)
    client.place(180_000, "67000")
    assert client.refused("POST", path, {"risk_limit": "1000000"}) == (400, "RISK_LIMIT_TOO_LOW")


def test_a_portfolio_account_has_no_isolated_margin(client: GateClient) -> None:
    """Whoever finds this label must fall back to cross."""
    unified = GateClient(client.door, client.door.exchange.open_member({"mode": "portfolio"}))

    assert unified.refused("POST", f"{P}/leverage", {"leverage": "5"}) == (400, "USER_PORTFOLIO_MARGIN")
    assert unified.ok("POST", f"{P}/leverage", {"leverage": "0", "cross_leverage_limit": "5"})["lever"] == "5"
