"""Gate's REST door: every route on one screen, and what each counts as."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from shared.paper.gate import order_lists, orders, positions, public, triggers, wallet
from shared.paper.gate.calls import Call, Reply
from shared.paper.gate.limits import CANCEL, OTHER, PLACE, PUBLIC

Handler = Callable[[Call], Reply]


class Route(NamedTuple):
    """Where a call goes, and what it counts as."""

    method: str
    pattern: str
    group: str
    handler: Handler


F = "futures/usdt"
ROUTES = (
    Route("GET", "spot/time", PUBLIC, public.time),
    Route("GET", "spot/currencies", PUBLIC, public.currencies),
    Route("GET", "spot/currency_pairs", PUBLIC, public.nothing),
    Route("GET", "margin/currency_pairs", PUBLIC, public.nothing),
    Route("GET", "margin/uni/currency_pairs", PUBLIC, public.nothing),
    Route("GET", "futures/btc/contracts", PUBLIC, public.nothing),
    Route("GET", "futures/usd1/contracts", PUBLIC, public.nothing),
    Route("GET", "delivery/usdt/contracts", PUBLIC, public.nothing),
    Route("GET", "delivery/btc/contracts", PUBLIC, public.nothing),
    Route("GET", "options/underlyings", PUBLIC, public.nothing),
    Route("GET", f"{F}/contracts", PUBLIC, public.contracts),
    Route("GET", f"{F}/contracts/{{contract}}", PUBLIC, public.contract),
    Route("GET", f"{F}/tickers", PUBLIC, public.tickers),
    Route("GET", f"{F}/order_book", PUBLIC, public.order_book),
    Route("GET", f"{F}/trades", PUBLIC, public.trades),
    Route("GET", f"{F}/candlesticks", PUBLIC, public.candlesticks),
    Route("GET", f"{F}/premium_index", PUBLIC, public.premium_index),
    Route("GET", f"{F}/contract_stats", PUBLIC, public.contract_stats),
    Route("GET", f"{F}/funding_rate", PUBLIC, public.funding_rate),
    Route("GET", f"{F}/risk_limit_tiers", PUBLIC, public.risk_limit_tiers),
    Route("GET", f"{F}/risk_limit_table", PUBLIC, public.risk_limit_table),
    Route("GET", f"{F}/liq_orders", PUBLIC, public.liq_orders),
    Route("GET", "account/detail", OTHER, wallet.detail),
    Route("GET", "spot/accounts", OTHER, wallet.spot_accounts),
    Route("GET", "unified/accounts", OTHER, wallet.unified_accounts),
    Route("GET", "wallet/total_balance", OTHER, wallet.total_balance),
    Route("GET", f"{F}/accounts", OTHER, wallet.futures_account),
    Route("GET", f"{F}/account_book", OTHER, wallet.account_book),
    Route("GET", f"{F}/fee", OTHER, wallet.fee),
    Route("GET", f"{F}/positions", OTHER, positions.positions),
    Route("GET", f"{F}/positions/{{contract}}", OTHER, positions.position),
    Route("GET", f"{F}/dual_comp/positions/{{contract}}", OTHER, positions.dual_position),
    Route("GET", f"{F}/position_close", OTHER, positions.closed_positions),
    Route("GET", f"{F}/liquidates", OTHER, positions.liquidations),
    Route("GET", f"{F}/auto_deleverages", OTHER, positions.deleveragings),
    Route("GET", f"{F}/get_leverage/{{contract}}", OTHER, positions.get_leverage),
    Route("POST", f"{F}/positions/cross_mode", OTHER, positions.set_cross_mode),
    Route("POST", f"{F}/dual_comp/positions/cross_mode", OTHER, positions.set_dual_cross_mode),
    Route("POST", f"{F}/positions/{{contract}}/leverage", OTHER, positions.set_leverage),
    Route("POST", f"{F}/dual_comp/positions/{{contract}}/leverage", OTHER, positions.set_dual_leverage),
    Route("POST", f"{F}/positions/{{contract}}/set_leverage", OTHER, positions.set_leverage_by_name),
    Route("POST", f"{F}/positions/{{contract}}/margin", OTHER, positions.change_margin),
    Route("POST", f"{F}/dual_comp/positions/{{contract}}/margin", OTHER, positions.change_dual_margin),
    Route("POST", f"{F}/positions/{{contract}}/risk_limit", OTHER, positions.set_risk_limit),
    Route("POST", f"{F}/dual_comp/positions/{{contract}}/risk_limit", OTHER, positions.set_dual_risk_limit),
    Route("POST", f"{F}/dual_mode", OTHER, positions.set_dual_mode),
    Route("POST", f"{F}/set_position_mode", OTHER, positions.set_position_mode),
    Route("POST", f"{F}/orders", PLACE, orders.place),
    Route("GET", f"{F}/orders", OTHER, order_lists.list_orders),
    Route("DELETE", f"{F}/orders", CANCEL, orders.cancel_all),
    Route("GET", f"{F}/orders/{{order}}", OTHER, order_lists.get),
    Route("PUT", f"{F}/orders/{{order}}", PLACE, orders.amend),
    Route("DELETE", f"{F}/orders/{{order}}", CANCEL, orders.cancel),
    Route("GET", f"{F}/orders_timerange", OTHER, order_lists.list_by_time),
    Route("POST", f"{F}/batch_orders", PLACE, orders.place_batch),
    Route("POST", f"{F}/batch_amend_orders", PLACE, orders.amend_batch),
    Route("POST", f"{F}/batch_cancel_orders", CANCEL, orders.cancel_batch),
    Route("POST", f"{F}/countdown_cancel_all", OTHER, orders.countdown),
    Route("GET", f"{F}/my_trades", OTHER, order_lists.my_trades),
    Route("GET", f"{F}/my_trades_timerange", OTHER, order_lists.my_trades_by_time),
    Route("POST", f"{F}/price_orders", OTHER, triggers.place),
    Route("GET", f"{F}/price_orders", OTHER, triggers.list_triggers),
    Route("DELETE", f"{F}/price_orders", OTHER, triggers.cancel_all),
    Route("GET", f"{F}/price_orders/{{order}}", OTHER, triggers.get),
    Route("DELETE", f"{F}/price_orders/{{order}}", OTHER, triggers.cancel),
    Route("PUT", f"{F}/price_orders/amend", OTHER, triggers.amend),
    Route("PUT", f"{F}/price_orders/amend/{{order}}", OTHER, triggers.amend),
)
EACH_COUNTS = (orders.place_batch, orders.amend_batch)
"""Batches of which every order counts."""


class RouteTable:
    """Finds the route of a path."""

    def __init__(self) -> None:
        self._plain = {(r.method, r.pattern): r for r in ROUTES if "{" not in r.pattern}
        self._patterns = [(r, r.pattern.split("/")) for r in ROUTES if "{" in r.pattern]

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route, and what stood in its gaps."""
        route = self._plain.get((method, path))
        if route is not None:
            return route, {}
        parts = path.split("/")
        for route, pattern in self._patterns:
            if route.method == method and len(pattern) == len(parts):
                pairs = list(zip(pattern, parts, strict=True))
                if all(want == part or (want[0] == "{" and part) for want, part in pairs):
                    return route, {want[1:-1]: part for want, part in pairs if want[0] == "{"}
        return None
