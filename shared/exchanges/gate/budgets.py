"""Gate's rules on how often it may be asked: what a request is counted against, and what a reply says is left.

Placing and amending share one budget in which every order of a batch counts; cancels have one of their own. Every other
endpoint has its own, a private one by account and a public one by address. An endpoint is a method and a path without
the ids and contracts in it.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from shared.exchanges.base import Budget, Left, Reply, Request

PLACES = Budget("places", 100, 1)
CANCELS = Budget("cancels", 200, 1)
CALLS = Budget("calls", 100, 1)
"""Places, amends and cancels together, when they go over the socket."""
SOCKETS_MAX = 300
"""Open at once, by one address."""
CONNECTS = Budget("connects", 20, 1, by_account=False)
"""No rate is documented, so this is our prudence: all sockets that one address may hold are back within 15 s."""

OTHERS_COUNT, OTHERS_PER_S = 200, 10
"""For each endpoint that has no budget above."""
RESET_MAX_S = 60.0
"""Further off than this a reset is a clock that is wrong, or a word that we do not understand."""

_VARIABLE = re.compile(r"/[^/]*[^a-z_/][^/]*")
"""A part of a path that no endpoint is named by: names are lower case, while ids and contracts never are."""
_ROWS = msgspec.json.Decoder(list[msgspec.Raw])

_GROUPS = {
    "POST orders": PLACES,
    "PUT orders/*": PLACES,
    "POST batch_orders": PLACES,
    "POST batch_amend_orders": PLACES,
    "DELETE orders": CANCELS,
    "DELETE orders/*": CANCELS,
    "POST batch_cancel_orders": CANCELS,
}
"""Behind the settle currency."""
_COUNTED_BY_ROW = ("/batch_orders", "/batch_amend_orders")


def spends(request: Request) -> tuple[Budget, int]:
    """A batch counts as many times as it has orders; a batch of cancels is one request."""
    endpoint = _VARIABLE.sub("/*", request.path)
    budget = _budget(request.method, endpoint, request.private)
    return budget, _rows(request.body) if endpoint.endswith(_COUNTED_BY_ROW) else 1


def left(reply: Reply) -> Left | None:
    """A reset that is now or gone says only that nobody is held back; then it is 0."""
    headers = reply.headers
    remaining, count = headers.get("X-Gate-RateLimit-Requests-Remain"), headers.get("X-Gate-RateLimit-Limit")
    if remaining is None or count is None:
        return None
    try:
        return Left(max(int(remaining), 0), int(count), _resets_in_s(reply))
    except ValueError:
        return None


@lru_cache(1024)
def _budget(method: str, endpoint: str, private: bool) -> Budget:
    _, _, name = endpoint.removeprefix("/futures/").partition("/")
    group = _GROUPS.get(f"{method} {name}") if private and endpoint.startswith("/futures/") else None
    return group or Budget(f"{method} {endpoint}", OTHERS_COUNT, OTHERS_PER_S, by_account=private)


def _rows(body: bytes) -> int:
    try:
        return max(len(_ROWS.decode(body)), 1)
    except msgspec.DecodeError:
        return 1


def _resets_in_s(reply: Reply) -> float:
    """The reset is a time of day by the venue's clock: in seconds over REST, in milliseconds over the socket."""
    reset_s = float(reply.headers.get("X-Gate-RateLimit-Reset-Timestamp") or 0)
    if reset_s > 1e11:
        reset_s /= 1000
    answered = reply.headers.get("x-out-time") or ""
    now_s = int(answered) / 1e6 if answered.isdigit() else reply.received_at_ms / 1000
    return min(max(reset_s - now_s, 0.0), RESET_MAX_S)
