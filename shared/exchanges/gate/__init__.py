"""Facts about Gate.io USDT-settled futures: where it is, its limits, and what its error labels mean.

Facts only, from the sources that NOTES.md names. A label in no table is a plain refusal: nothing happened.
"""

from __future__ import annotations

from shared.exchanges.base import Endpoints, Limits
from shared.exchanges.gate.budgets import CALLS, CONNECTS, SOCKETS_MAX

NAME = "gate"
SETTLE = "usdt"
API = "/api/v4"
"""Where every signed path begins, whatever stands in front of it."""
FUTURES = f"/futures/{SETTLE}"

ENDPOINTS = {
    "live": Endpoints("https://api.gateio.ws/api/v4", "wss://fx-ws.gateio.ws/v4/ws/usdt"),
    "testnet": Endpoints("https://api-testnet.gateapi.io/api/v4", "wss://ws-testnet.gate.com/v4/ws/futures/usdt"),
    "paper": Endpoints("{paper}/api/v4", "{paper_ws}/v4/ws/usdt"),
}

LIMITS = Limits(
    ping_every_s=10,  # an idle socket is cut after 30 to 60 s, without a close frame
    silence_max_s=20,  # two pongs missed
    resync_overlap_s=10,
    text_lookup_s=60,
    clock_window_s=60,
    connects=CONNECTS,
    batch_place_max=10,
    batch_cancel_max=20,
    sockets_max=SOCKETS_MAX,
    calls=CALLS,
)

PAGE = 100
"""Rows in a page of any list: the manual's ceiling."""
CLIENT_ID_PREFIX = "t-"
CLIENT_ID_BYTES_MAX = 28
"""Of what follows the prefix."""
OUR_CLIENT_ID_PREFIX = "t-ow"

KEY_LABELS = {
    "INVALID_KEY": 401,
    "INVALID_SIGNATURE": 401,
    "INVALID_CREDENTIALS": 401,
    "AUTHENTICATION_FAILED": 401,
    "MISSING_REQUIRED_HEADER": 401,
    "IP_FORBIDDEN": 403,
    "READ_ONLY": 403,
    "FORBIDDEN": 403,
    "ACCOUNT_LOCKED": 403,
}
"""The key is not accepted, or not for this: label and the status that we show."""

BUSY_LABELS = {"TOO_MANY_REQUESTS": 429, "TOO_FAST": 429, "REQUEST_EXPIRED": 503}
"""Not now; nothing happened."""

SERVER_LABELS = frozenset({"INTERNAL", "SERVER_ERROR", "INTERNAL_SERVER_ERROR", "TOO_BUSY"})
"""The venue's own trouble: what became of a write is not known."""

CLOCK_LABELS = frozenset({"REQUEST_EXPIRED", "INVALID_CREDENTIALS"})
"""May only mean that our time was more than a minute off."""

ABSENT_LABELS = frozenset({"ORDER_NOT_FOUND", "AUTO_ORDER_NOT_FOUND"})

NO_WALLET_LABELS = frozenset({"USER_NOT_FOUND"})
"""To the question for a wallet: there is none before the first transfer into it."""

NO_POSITION_LABELS = frozenset({"POSITION_NOT_FOUND", "POSITION_DUAL_MODE"})
"""To the question for one position: there is none in the plain sense. Not an error of the one who asked."""

CONTRACT_NOT_FOUND = "CONTRACT_NOT_FOUND"
NOT_FOUND_LABELS = frozenset({CONTRACT_NOT_FOUND})
"""To a question: there is no such thing. In an order it is a wrong field."""

REFUSAL_STATUS = {
    "ORDER_NOT_FOUND": 404,
    "AUTO_ORDER_NOT_FOUND": 404,
    "ORDER_NOT_OWNED": 404,
    "POSITION_NOT_FOUND": 404,
    "USER_NOT_FOUND": 404,
    "ORDER_FINISHED": 409,
    "NO_CHANGE": 409,
    "POSITION_HOLDING": 409,
    "ORDER_PENDING": 409,
    "POSITION_DUAL_MODE": 409,
    "POSITION_EMPTY": 409,
    "INCREASE_POSITION": 409,
    "REDUCE_EXCEEDED": 409,
    "USER_PORTFOLIO_MARGIN": 409,
}
"""Where another status than 400 says it better."""

RETRYABLE_LABELS = frozenset(
    {
        "CONTRACT_NO_COUNTER",
        "POSITION_IN_LIQUIDATION",
        "POSITION_IN_CLOSE",
        "AUTO_TRIGGER_PRICE_LESS_LAST",
        "AUTO_TRIGGER_PRICE_GREATE_LAST",
        "AUTO_TRIGGER_PRICE_LESS_MARK",
        "AUTO_TRIGGER_PRICE_GREATE_MARK",
    }
)
"""Refusals that pass by themselves: the same request may be taken a moment later."""

WS_KEY_CODES = frozenset({4, 6, 11})
"""Codes of a refused subscription that mean the key."""
