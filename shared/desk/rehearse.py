"""Rehearse: the exact requests that a wish would become, with nothing sent and nothing written.

Of a request only what is said in it: what proves who says it, keys and signature, is no part of this.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import msgspec

from shared.desk.conditional import TriggerWish, to_place_trigger
from shared.desk.desk import Desk, Seat
from shared.desk.once import id_of
from shared.desk.outcome import new_intent
from shared.desk.place import manner_for, request_of
from shared.desk.protect import triggers_wanted
from shared.desk.triggers import terms_of
from shared.desk.wish import LeverageWish, Wish, to_place
from shared.exchanges.base import Leverage, Request


async def rehearse_order(desk: Desk, seat: Seat, wish: Wish, key: str | None) -> dict[str, Any]:
    """The order's request, and those that may come before and after it."""
    intent_id = id_of(seat, wish.client_order_id, key or wish.client_order_id or uuid4().hex)
    intent = new_intent(seat.owner, desk.clock.now_ms(), intent_id, "place", wish.symbol, "")
    manner = await manner_for(desk, seat, wish)
    request = request_of(seat, wish, intent, manner)
    also = _leverage_first(seat, wish.symbol, wish.leverage, reduces=wish.reduce_only)
    also += [
        _told(seat, seat.wire.place_trigger(trigger)) | {"for": name, "when": "after the order is accepted"}
        for name, trigger in triggers_wanted(seat, wish, intent, manner).items()
    ]
    values = msgspec.to_builtins(to_place(wish, intent_id, *manner))
    return {"request": _told(seat, request), "also": also, "values": values}


async def rehearse_trigger(desk: Desk, seat: Seat, wish: TriggerWish, key: str | None) -> dict[str, Any]:
    intent_id = id_of(seat, wish.client_order_id, key or wish.client_order_id or uuid4().hex)
    rule, manner = await terms_of(desk, seat, wish)
    trigger = to_place_trigger(wish, rule, intent_id, manner)
    also = _leverage_first(seat, wish.symbol, wish.leverage, reduces=wish.reduce_only)
    request = seat.wire.place_trigger(trigger)
    return {"request": _told(seat, request), "also": also, "values": msgspec.to_builtins(trigger)}


def told(said: dict[str, Any]) -> dict[str, Any]:
    """Every check that comes before sending has passed, else there was nothing to tell."""
    return {"dry_run": True, "order": None, **said, "checks": ["fields", "account", "instrument", "client_order_id"]}


def _leverage_first(seat: Seat, symbol: str, wanted: LeverageWish | None, *, reduces: bool) -> list[dict[str, Any]]:
    """What is not said of it stays as it stands there, which nobody asks for here."""
    if wanted is None or reduces:
        return []
    when = "before the order, if it is otherwise"
    if wanted.leverage is None or wanted.margin_mode is None:
        return [{"for": "leverage", "when": when, "values": msgspec.to_builtins(wanted)}]
    request = seat.wire.set_leverage(symbol, Leverage(wanted.leverage, wanted.margin_mode))
    return [_told(seat, request) | {"for": "leverage", "when": when}]


def _told(seat: Seat, request: Request) -> dict[str, Any]:
    return {
        "method": request.method,
        "url": f"{seat.rest_url}{request.path}",
        "path": request.path,
        "query": dict(request.query),
        "body": _body(request.body),
        "expires_at_ms": request.expires_at_ms,
    }


def _body(body: bytes) -> Any:
    """The very bytes where they are JSON, else their text; null where there are none."""
    if not body:
        return None
    try:
        msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body.decode(errors="replace")
    return msgspec.Raw(body)
