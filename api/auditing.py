"""Auditing: what a request comes to in the audit log: who, from where, what was ordered, and how it ended.

The note costs an order nothing that it would wait for: its words are made when the log is written. Only what is named
here is told: no body of a request and no header, since a caller may put a secret anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from aiohttp import web

from api.address import ADDRESS
from api.auth import BEARER, CALLER
from api.problems import REQUEST_ID
from shared.desk import Answer, Seat
from shared.desk.cancel import Ended
from shared.model import Owner
from shared.store import Store

NAME_MAX = 64

Outcomes = Sequence[Answer] | Sequence[Ended]
COMMANDED: web.RequestKey[tuple[Owner, Outcomes]] = web.RequestKey("commanded")


def commanded(request: web.Request, seat: Seat, outcomes: Outcomes) -> None:
    """Whose command this request was, and how it ended or each of them did."""
    request[COMMANDED] = seat.owner, outcomes


def write_down(store: Store, request: web.Request, told: str, status: int, code: str | None) -> None:
    """`code` is the refusal's, where there was one."""
    caller = request.get(CALLER) or request.get(BEARER)
    done, address, request_id = request.get(COMMANDED), request.get(ADDRESS), request[REQUEST_ID]
    named = request.match_info.get("id") or (request.query.get("trade_id") if request.query_string else None)

    def details() -> dict[str, Any]:
        said: dict[str, Any] = {"from": address, "request": request_id, "status": status}
        if caller is not None:
            said |= {"user": caller.user_id, "by": caller.by}
        if done is not None:
            owner, outcomes = done
            said |= {"user": owner.user_id, "account": owner.account_id, "venue": owner.venue}
            said.setdefault("by", "venue keys")
            each = [_of_answer(one) if isinstance(one, Answer) else _of_ended(one) for one in outcomes]
            said |= each[0] if len(each) == 1 else {"each": each}
        if named:
            said["named"] = named[:NAME_MAX].encode("ascii", "backslashreplace").decode()
        if code is not None:
            said["error"] = code
        return said

    store.audit.note(told, details)


class _Order(msgspec.Struct, omit_defaults=True):
    """As much of an order or trigger as the log keeps."""

    id: str | None = None
    client_order_id: str | None = None
    symbol: str | None = None
    side: str | None = None
    type: str | None = None
    size: str | None = None
    price: str | None = None
    trigger_price: str | None = None


class _Intent(msgspec.Struct):
    id: str | None = None


class _Error(msgspec.Struct):
    code: str | None = None


class _Body(msgspec.Struct):
    order: _Order | None = None
    trigger: _Order | None = None
    intent: _Intent | None = None
    error: _Error | None = None


_BODIES = msgspec.json.Decoder(_Body)


def _of_answer(answer: Answer) -> dict[str, Any]:
    """How one command ended, and what it was about as far as its answer says so."""
    said: dict[str, Any] = {"outcome": answer.outcome.value}
    try:
        body = _BODIES.decode(answer.body)
    except msgspec.DecodeError:
        return said
    if body.order is not None:
        said["order"] = body.order
    if body.trigger is not None:
        said["trigger"] = body.trigger
    if body.intent is not None:
        said["intent"] = body.intent.id
    if body.error is not None:
        said["error"] = answer.venue_code or body.error.code
    return said


def _of_ended(ended: Ended) -> dict[str, Any]:
    said: dict[str, Any] = {"id": ended.id, "outcome": ended.outcome}
    for name, order in (("order", ended.order), ("trigger", ended.trigger)):
        if order is not None:
            kept = {field: getattr(order, field, None) for field in _Order.__struct_fields__}
            said[name] = {field: str(value) for field, value in kept.items() if value is not None}
    if ended.venue is not None:
        said["error"] = ended.venue.get("code")
    return said
