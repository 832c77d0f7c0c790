"""OKX's rules on how often it may be asked: what a request is counted against.

Placing, amending and cancelling are each counted for the account and the instrument, over REST and the socket together;
a batch counts its orders, in a budget of its own unless it has only one. All else is counted by endpoint, a private one
by account and a public one by address. No reply says what is left.

Not counted here: a thousand new and amended orders of derivatives in two seconds for the whole account (50061).
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from shared.exchanges.base import Budget, Left, Reply, Request

CONNECTS = Budget("connects", 3, 1, by_account=False)

ONE = {
    "/trade/order": ("places", 60),
    "/trade/amend-order": ("amends", 60),
    "/trade/cancel-order": ("cancels", 60),
    "/trade/close-position": ("closes", 20),
    "/trade/order-algo": ("algo places", 20),
    "/trade/amend-algos": ("algo amends", 20),
    "/trade/cancel-algos": ("algo cancels", 20),
}
"""In two seconds, for each instrument."""
BATCH = {
    "/trade/batch-orders": ("places", "batch places"),
    "/trade/amend-batch-orders": ("amends", "batch amends"),
    "/trade/cancel-batch-orders": ("cancels", "batch cancels"),
}
"""What a batch of one is counted against, and a longer one."""
ONE_COUNT, BATCH_COUNT, WINDOW_S = 60, 300, 2

ENDPOINTS = {
    "/trade/order": (60, 2),
    "/trade/orders-pending": (60, 2),
    "/trade/fills": (60, 2),
    "/trade/orders-history": (40, 2),
    "/trade/orders-history-archive": (20, 2),
    "/trade/fills-history": (10, 2),
    "/trade/order-algo": (20, 2),
    "/trade/orders-algo-pending": (20, 2),
    "/trade/orders-algo-history": (20, 2),
    "/trade/cancel-all-after": (1, 1),
    "/account/balance": (10, 2),
    "/account/positions": (10, 2),
    "/account/config": (5, 2),
    "/account/leverage-info": (20, 2),
    "/account/set-leverage": (20, 2),
    "/account/set-position-mode": (5, 2),
    "/asset/balances": (6, 1),
    "/public/instruments": (20, 2),
    "/public/time": (10, 2),
    "/market/ticker": (20, 2),
    "/market/books": (40, 2),
    "/market/candles": (40, 2),
    "/market/history-candles": (20, 2),
    "/market/trades": (100, 2),
}
LEAST = (5, 2)
"""For an endpoint that is not in the table: the tightest that is usual."""


def spends(request: Request) -> tuple[Budget, int]:
    name = request.path.removeprefix("/api/v5")
    if request.method == "POST":
        one = ONE.get(name)
        if one is not None:
            return _for_instrument(*one, _symbols(request.body)[0]), 1
        batch = BATCH.get(name)
        if batch is not None:
            return _batch(*batch, _symbols(request.body))
    return _for_endpoint(request.method, name, request.private), 1


def left(_reply: Reply) -> Left | None:
    return None


def _batch(single: str, many: str, symbols: list[str]) -> tuple[Budget, int]:
    """A batch over several instruments is counted against the first of them."""
    if len(symbols) == 1:
        return _for_instrument(single, ONE_COUNT, symbols[0]), 1
    return _for_instrument(many, BATCH_COUNT, symbols[0]), len(symbols)


@lru_cache(4096)
def _for_instrument(name: str, count: int, symbol: str) -> Budget:
    return Budget(f"{name} {symbol}", count, WINDOW_S)


@lru_cache(256)
def _for_endpoint(method: str, name: str, private: bool) -> Budget:
    count, per_s = ENDPOINTS.get(name, LEAST)
    return Budget(f"{method} {name}", count, per_s, by_account=private)


class _Named(msgspec.Struct):
    instId: str = ""  # noqa: N815 - the venue's own name


_NAMED = msgspec.json.Decoder(_Named | list[_Named])


def _symbols(body: bytes) -> list[str]:
    """Of the orders in a body; there is always one."""
    try:
        said = _NAMED.decode(body)
    except msgspec.DecodeError:
        return [""]
    rows = said if isinstance(said, list) else [said]
    return [row.instId for row in rows] or [""]
