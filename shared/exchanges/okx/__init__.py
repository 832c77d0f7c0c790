"""Facts about OKX v5: where it is, its limits, and the words it ends an account's requests with.

Facts only, from the sources that NOTES.md names. What a code means stands in `codes`.
"""

from __future__ import annotations

from shared.exchanges.base import Endpoints, Limits
from shared.exchanges.okx.budgets import CONNECTS

NAME = "okx"
API = "/api/v5"

PRIVATE, BUSINESS = "/ws/v5/private", "/ws/v5/business"
"""Orders, positions and balances come over the first; algo orders only over the second."""


def endpoints(rest_url: str, ws_url: str) -> Endpoints:
    """From the addresses as they may be said: without the paths that follow, or with them."""
    ws_origin = ws_url
    for path in (PRIVATE, BUSINESS, "/ws/v5"):
        ws_origin = ws_origin.removesuffix(path)
    return Endpoints(rest_url.removesuffix(API), f"{ws_origin}{PRIVATE}", (f"{ws_origin}{BUSINESS}",))


ENDPOINTS = {
    "live": ("https://openapi.okx.com", "wss://ws.okx.com:8443"),
    "testnet": ("https://openapi.okx.com", "wss://wspap.okx.com:8443"),
    "paper": ("{paper}", "{paper_ws}"),
}
"""The global site. Accounts of the EEA and of the US live at other hosts, where alone their keys work: see NOTES."""

DEMO_HEADERS = {"x-simulated-trading": "1"}
"""Demo trading has the same REST host: only this tells it from trading for money."""
HEADERS = {"live": {}, "testnet": DEMO_HEADERS, "paper": {}}

LIMITS = Limits(
    ping_every_s=10,  # a socket over which nothing came is closed after 30 s
    silence_max_s=20,
    resync_overlap_s=10,
    text_lookup_s=7200,  # an order that was cancelled without a fill is forgotten after two hours
    clock_window_s=30,
    connects=CONNECTS,
    batch_place_max=20,
    batch_cancel_max=20,
    ids_need_symbol=True,
    modes_with_orders=True,
    attaches_guards=True,
)

PAGE = 100
"""Rows in a page of any list: the most there are."""
HISTORY_MS = 7 * 86_400_000
"""How far back the list of finished orders goes; before that there is an archive."""
FILLS_MS = 3 * 86_400_000
"""The same of fills."""

ORDER_TYPES = ("SWAP", "FUTURES", "MARGIN", "SPOT")
"""The kinds of instruments, each of which has a list of finished orders of its own."""
ALGO_KINDS = ("conditional,oco", "trigger", "move_order_stop")
"""The kinds of algo orders that are triggers to us; only the first two may be asked for together."""
ALGO_ENDS = ("effective", "canceled", "order_failed")

CLIENT_ID_MAX = 32
OUR_CLIENT_ID_PREFIX = "ow"
