"""Answers of the trading routes: a command's outcome beside what it made, in one shape for every venue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from aiohttp import web

from api.auditing import commanded
from api.problems import count_venue_error, raw_response
from shared.desk import Answer, Seat
from shared.desk.cancel import Ended
from shared.model import Outcome

VENUES_OWN = ("resPlaceOrder", "resCloseOrder")
"""The venue's reply as it came, which only its own routes tell."""


def told(request: web.Request, seat: Seat, answer: Answer) -> web.Response:
    """How one command ended."""
    commanded(request, seat, [answer])
    if answer.venue_code is not None:
        count_venue_error(request, seat.venue.name, answer.venue_code)
    if answer.outcome is Outcome.REJECTED:
        return raw_response(answer.body, answer.status, answer.retry_after_s)
    return raw_response(msgspec.json.encode(_with_outcome(answer)), answer.status)


def told_each(request: web.Request, seat: Seat, answers: Sequence[Answer]) -> web.Response:
    """How each of many ended, in the order in which they were asked for."""
    commanded(request, seat, answers)
    for answer in answers:
        if answer.venue_code is not None:
            count_venue_error(request, seat.venue.name, answer.venue_code)
    rows = [{"index": index, "status": answer.status, **_with_outcome(answer)} for index, answer in enumerate(answers)]
    return _rows(rows, [answer.outcome for answer in answers])


def told_ended(request: web.Request, seat: Seat, ended: Sequence[Ended], name: str = "orders") -> web.Response:
    """How each of many cancels ended."""
    commanded(request, seat, ended)
    for one in ended:
        if one.venue is not None:
            count_venue_error(request, seat.venue.name, one.venue["code"])
    return _rows(ended, [one.outcome for one in ended], name)


def _with_outcome(answer: Answer) -> dict[str, object]:
    said = msgspec.json.decode(answer.body, type=dict[str, msgspec.Raw])
    return {"outcome": answer.outcome.value, **{name: part for name, part in said.items() if name not in VENUES_OWN}}


def _rows(rows: Sequence[object], outcomes: Iterable[str], name: str = "orders") -> web.Response:
    status = 202 if Outcome.UNKNOWN in outcomes else 200
    return raw_response(msgspec.json.encode({name: rows}), status)
