"""What a request is counted against at Gate, and what its replies say is left."""

from __future__ import annotations

import pytest

from shared.exchanges.base import Left, Reply, Request
from shared.exchanges.gate import LIMITS, budgets
from shared.paper.gate.limits import CANCEL, OTHER, PLACE, PUBLIC
from shared.paper.gate.routes import ROUTES, Route

NAMES = {"{contract}": "BTC_USDT", "{order}": "58828270140077001"}
GROUPS = {PLACE: budgets.PLACES, CANCEL: budgets.CANCELS}


def request_of(route: Route) -> Request:
    path = "/".join(NAMES.get(part, part) for part in route.pattern.split("/"))
    return Request(route.method, f"/{path}", private=route.group != PUBLIC)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.pattern}")
def test_every_call_is_counted_as_the_paper_exchange_counts_it(route: Route) -> None:
    """Two readings of one table."""
    budget, cost = budgets.spends(request_of(route))

    assert cost == 1
    if route.group in GROUPS:
        assert budget is GROUPS[route.group]
    else:
        assert (budget.count, budget.per_s) == (200, 10)
        assert budget.by_account == (route.group != PUBLIC)


def test_every_other_endpoint_has_a_budget_of_its_own() -> None:
    """Whatever the id or the contract is; two endpoints never share one."""
    routes = [route for route in ROUTES if route.group in (OTHER, PUBLIC)]
    counted = {budgets.spends(request_of(route))[0].name for route in routes}

    assert len(counted) == len(routes)
    same = {
        budgets.spends(Request("GET", f"/futures/usdt/orders/{name}"))[0]
        for name in ("58828270140077001", "t-abc", "t-ow12ab_9.Z", "123")
    }
    assert len(same) == 1
    names = ("BTC_USDT", "1000BONK_USDT", "%E5%B8%81%E5%AE%89_USDT", "币安_USDT")
    assert len({budgets.spends(Request("GET", f"/futures/usdt/positions/{name}"))[0] for name in names}) == 1


@pytest.mark.parametrize(
    ("body", "cost"),
    [
        (b"[]", 1),
        (b'[{"text":"t-1"}]', 1),
        (b'[{"a":[1,2,{"b":"},{"}]}, {"text":"],["},{}]', 3),
        (b'{"not":"a list"}', 1),
        (b"nonsense", 1),
    ],
)
def test_a_batch_counts_each_of_its_orders(body: bytes, cost: int) -> None:
    """Also with brackets in texts; and a body that is no batch is still one request."""
    for name in ("batch_orders", "batch_amend_orders"):
        assert budgets.spends(Request("POST", f"/futures/usdt/{name}", body=body)) == (budgets.PLACES, cost)
    assert budgets.spends(Request("POST", "/futures/usdt/batch_cancel_orders", body=body)) == (budgets.CANCELS, 1)


def test_the_same_path_means_another_budget_to_those_without_a_key() -> None:
    public, _ = budgets.spends(Request("GET", "/futures/usdt/orders", private=False))

    assert not public.by_account and public.count == 200


def reply(**headers: str) -> Reply:
    return Reply(200, {name.replace("_", "-"): said for name, said in headers.items()}, b"{}", 1_700_000_000_500)


def told(remaining: str = "7", limit: str = "100", reset: str = "1700000002", **more: str) -> Reply:
    return reply(
        X_Gate_RateLimit_Requests_Remain=remaining,
        X_Gate_RateLimit_Limit=limit,
        X_Gate_RateLimit_Reset_Timestamp=reset,
        **more,
    )


def test_the_headers_say_what_is_left() -> None:
    assert budgets.left(told()) == Left(7, 100, 1.5)
    assert budgets.left(reply()) is None
    assert budgets.left(told(remaining="-1")) == Left(0, 100, 1.5)


def test_a_reset_is_read_by_the_venues_clock_and_in_either_unit() -> None:
    """Ours may be a minute off. Over the socket the same header is in milliseconds."""
    out_time = {"x_out_time": "1700000001750000"}

    for reset in ("1700000002", "1700000002000"):
        said = budgets.left(told(reset=reset, **out_time))
        assert said is not None and said.resets_in_s == pytest.approx(0.25)


@pytest.mark.parametrize(("reset", "resets_in_s"), [("1700000000", 0), ("0", 0), ("", 0), ("1800000000", 60)])
def test_a_reset_that_is_over_or_far_off_means_little(reset: str, resets_in_s: float) -> None:
    """Who is not held back is told the present second."""
    said = budgets.left(told(reset=reset))

    assert said is not None and said.resets_in_s == resets_in_s


@pytest.mark.parametrize("odd", [{"remaining": "many"}, {"limit": "x"}, {"reset": "soon"}])
def test_headers_that_make_no_sense_say_nothing(odd: dict[str, str]) -> None:
    assert budgets.left(told(**odd)) is None


def test_connects_are_limited_by_address() -> None:
    """All sockets that one address may hold are back within seconds, and not all at once."""
    connects = LIMITS.connects

    assert connects is budgets.CONNECTS and not connects.by_account
    assert LIMITS.sockets_max is not None
    assert LIMITS.sockets_max / connects.count * connects.per_s <= 30
