"""OKX's REST door: every route on one screen, and what each may be asked how often."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from shared.paper.okx import account, algo_calls, funding, order_lists, orders, public
from shared.paper.okx.calls import Call, Reply
from shared.paper.okx.limits import IP, ONE_S, TWO_S, USER_COIN, USER_INSTRUMENT, Limit

Handler = Callable[[Call], Reply]


class Route(NamedTuple):
    """Where a call goes. Orders are counted one by one where they are handled."""

    method: str
    path: str
    handler: Handler
    limit: Limit | None = None

    @property
    def is_public(self) -> bool:
        """Whether no key is asked for."""
        return self.path.startswith(("public/", "market/", "system/"))


def _by_address(most: int) -> Limit:
    return Limit(most, TWO_S, IP)


ROUTES = (
    Route("GET", "system/status", public.nothing, _by_address(10)),
    Route("GET", "public/time", public.time, _by_address(10)),
    Route("GET", "public/instruments", public.instruments, _by_address(20)),
    Route("GET", "public/price-limit", public.price_limit, _by_address(20)),
    Route("GET", "public/mark-price", public.mark_price, _by_address(10)),
    Route("GET", "public/funding-rate", public.funding_rate, _by_address(20)),
    Route("GET", "public/funding-rate-history", public.funding_history, _by_address(10)),
    Route("GET", "public/open-interest", public.open_interest, _by_address(20)),
    Route("GET", "public/position-tiers", public.position_tiers, _by_address(10)),
    Route("GET", "market/ticker", public.ticker, _by_address(20)),
    Route("GET", "market/tickers", public.tickers, _by_address(20)),
    Route("GET", "market/index-tickers", public.index_tickers, _by_address(20)),
    Route("GET", "market/books", public.books, _by_address(40)),
    Route("GET", "market/books-full", public.books_full, _by_address(10)),
    Route("GET", "market/candles", public.candles, _by_address(40)),
    Route("GET", "market/history-candles", public.candles, _by_address(20)),
    Route("GET", "market/trades", public.trades, _by_address(100)),
    Route("GET", "market/history-trades", public.history_trades, _by_address(20)),
    Route("GET", "account/config", account.config, Limit(5)),
    Route("GET", "account/balance", account.balance, Limit(10)),
    Route("GET", "account/positions", account.positions, Limit(10)),
    Route("GET", "account/instruments", account.instruments, Limit(20)),
    Route("GET", "account/trade-fee", account.trade_fee, Limit(5)),
    Route("GET", "account/leverage-info", account.leverage_info, Limit(20)),
    Route("POST", "account/set-leverage", account.set_leverage, Limit(20)),
    Route("POST", "account/set-position-mode", account.set_position_mode, Limit(5)),
    Route("POST", "account/set-account-level", account.set_level, Limit(5)),
    Route("GET", "asset/currencies", funding.currencies, Limit(6, ONE_S)),
    Route("GET", "asset/balances", funding.balances, Limit(6, ONE_S)),
    Route("GET", "asset/asset-valuation", funding.valuation, Limit(1, ONE_S)),
    Route("POST", "asset/transfer", funding.transfer, Limit(2, ONE_S, USER_COIN)),
    Route("GET", "asset/transfer-state", funding.transfer_state, Limit(10, ONE_S)),
    Route("POST", "trade/order", orders.place),
    Route("POST", "trade/batch-orders", orders.place_batch),
    Route("POST", "trade/amend-order", orders.amend),
    Route("POST", "trade/amend-batch-orders", orders.amend_batch),
    Route("POST", "trade/cancel-order", orders.cancel),
    Route("POST", "trade/cancel-batch-orders", orders.cancel_batch),
    Route("POST", "trade/close-position", orders.close_position, Limit(20)),
    Route("POST", "trade/cancel-all-after", orders.cancel_all_after, Limit(1, ONE_S)),
    Route("GET", "trade/order", order_lists.get, Limit(60, TWO_S, USER_INSTRUMENT)),
    Route("GET", "trade/orders-pending", order_lists.pending, Limit(60)),
    Route("GET", "trade/orders-history", order_lists.history, Limit(40)),
    Route("GET", "trade/orders-history-archive", order_lists.archive, Limit(20)),
    Route("GET", "trade/fills", order_lists.fills, Limit(60)),
    Route("GET", "trade/fills-history", order_lists.fills_history, Limit(10)),
    Route("POST", "trade/order-algo", algo_calls.place, Limit(20)),
    Route("GET", "trade/order-algo", algo_calls.get, Limit(20)),
    Route("POST", "trade/amend-algos", algo_calls.amend, Limit(20)),
    Route("POST", "trade/cancel-algos", algo_calls.cancel),
    Route("GET", "trade/orders-algo-pending", algo_calls.pending, Limit(20)),
    Route("GET", "trade/orders-algo-history", algo_calls.history, Limit(20)),
)
TABLE = {(route.method, route.path): route for route in ROUTES}
PATHS = frozenset(route.path for route in ROUTES)
