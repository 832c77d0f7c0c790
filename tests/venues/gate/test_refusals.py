"""Refusals: every label of the venue's list as one of our errors, with the label beside it."""

from __future__ import annotations

import json

import pytest

from shared.errors import KeyRefused, VenueBusy, VenueError, VenueRefused, VenueUnknown
from shared.exchanges.base import PlaceOrder, Reply, Request
from tests.venues.gate.frames import AT_MS, VENUE, WIRE, frame, reply

PLACE = WIRE.place(PlaceOrder("BTC_USDT", "buy", "limit", "1", "1", "gtc", False, "t-x"), None)
GET = WIRE.order("BTC_USDT", "1").request

# The venue's status, and what becomes of it: the kind of our error, our status, and whether asking again can help.
Row = tuple[int, type[VenueError], int, bool]
PLAIN: Row = (400, VenueRefused, 400, False)
STATE: Row = (400, VenueRefused, 409, False)
PASSES: Row = (400, VenueRefused, 400, True)
NO_KEY: Row = (401, KeyRefused, 401, False)
NOT_ALLOWED: Row = (403, KeyRefused, 403, False)
SERVER: Row = (500, VenueUnknown, 504, True)

LABELS: dict[str, Row] = {
    "INVALID_KEY": NO_KEY,
    "INVALID_SIGNATURE": NO_KEY,
    "REQUEST_EXPIRED": (401, VenueBusy, 503, True),
    "INVALID_CREDENTIALS": NO_KEY,
    "MISSING_REQUIRED_HEADER": (400, KeyRefused, 401, False),
    "IP_FORBIDDEN": NOT_ALLOWED,
    "READ_ONLY": NOT_ALLOWED,
    "FORBIDDEN": NOT_ALLOWED,
    "ACCOUNT_LOCKED": NOT_ALLOWED,
    "INVALID_PARAM_VALUE": PLAIN,
    "INVALID_ARGUMENT": PLAIN,
    "INVALID_REQUEST_BODY": PLAIN,
    "INVALID_PROTOCOL": PLAIN,
    "BAD_REQUEST": PLAIN,
    "MISSING_REQUIRED_PARAM": PLAIN,
    "TOO_BIG": PLAIN,
    "CONTRACT_NOT_FOUND": PLAIN,
    "ORDER_NOT_FOUND": (404, VenueRefused, 404, False),
    "ORDER_FINISHED": STATE,
    "ORDER_NOT_OWNED": (400, VenueRefused, 404, False),
    "INSUFFICIENT_AVAILABLE": PLAIN,
    "BALANCE_NOT_ENOUGH": PLAIN,
    "FUTURES_BALANCE_NOT_ENOUGH": PLAIN,
    "USER_NOT_FOUND": (400, VenueRefused, 404, False),
    "POSITION_NOT_FOUND": (400, VenueRefused, 404, False),
    "POSITION_DUAL_MODE": STATE,
    "POSITION_HOLDING": STATE,
    "ORDER_PENDING": STATE,
    "NO_CHANGE": STATE,
    "POSITION_EMPTY": STATE,
    "INCREASE_POSITION": STATE,
    "REDUCE_EXCEEDED": STATE,
    "ORDER_POC_IMMEDIATE": PLAIN,
    "ORDER_FOK": PLAIN,
    "PRICE_TOO_DEVIATED": PLAIN,
    "PRICE_OVER_LIQUIDATION": PLAIN,
    "PRICE_OVER_BANKRUPT": PLAIN,
    "LIQUIDATE_IMMEDIATELY": PLAIN,
    "SIZE_TOO_LARGE": PLAIN,
    "SIZE_TOO_SMALL": PLAIN,
    "RISK_LIMIT_EXCEEDED": PLAIN,
    "LEVERAGE_TOO_HIGH": PLAIN,
    "LEVERAGE_TOO_LOW": PLAIN,
    "TOO_MANY_ORDERS": PLAIN,
    "CONTRACT_IN_DELISTING": PLAIN,
    "CONTRACT_NO_COUNTER": PASSES,
    "POSITION_IN_LIQUIDATION": PASSES,
    "POSITION_IN_CLOSE": PASSES,
    "POSITION_CROSS_MARGIN": PLAIN,
    "REMOVE_TOO_MUCH": PLAIN,
    "AMEND_WITH_STOP": PLAIN,
    "RISK_LIMIT_TOO_HIGH": PLAIN,
    "RISK_LIMIT_TOO_lOW": PLAIN,
    "RISK_LIMIT_TOO_LOW": PLAIN,
    "RISK_LIMIT_NOT_MULTIPLE": PLAIN,
    "USER_PORTFOLIO_MARGIN": STATE,
    "TOO_MANY_REQUESTS": (429, VenueBusy, 429, True),
    "TOO_FAST": (400, VenueBusy, 429, True),
    "INTERNAL": SERVER,
    "SERVER_ERROR": SERVER,
    "INTERNAL_SERVER_ERROR": SERVER,
    "TOO_BUSY": SERVER,
    "AUTO_ORDER_NOT_FOUND": (400, VenueRefused, 404, False),
    "AUTO_TRIGGER_PRICE_LESS_LAST": PASSES,
    "AUTO_TRIGGER_PRICE_GREATE_LAST": PASSES,
    "AUTO_TRIGGER_PRICE_LESS_MARK": PASSES,
    "AUTO_TRIGGER_PRICE_GREATE_MARK": PASSES,
    "AUTO_INVALID_PARAM_TRIGGER_RULE": PLAIN,
    "AUTO_INVALID_PARAM_TRIGGER_PRICE": PLAIN,
    "AUTO_INVALID_PARAM_TRIGGER_CLOSE": PLAIN,
    "AUTO_INVALID_PARAM_TRIGGER_ORDER_TYPE": PLAIN,
    "AUTO_INVALID_PARAM_TRIGGER_EXPIRATION": PLAIN,
    "AUTO_INVALID_REQUEST_BODY": PLAIN,
}
"""What a write is answered with."""


@pytest.mark.parametrize("label", LABELS)
def test_a_label_is_one_of_our_errors_with_the_venues_words_beside_it(label: str) -> None:
    """Retryable only where the same request may be taken a moment later."""
    status, kind, shown, retryable = LABELS[label]
    error = VENUE.refusal(PLACE, reply({"label": label, "message": "as the venue says"}, status))

    assert error is not None and type(error) is kind
    assert (error.status, error.retryable) == (shown, retryable)
    assert error.to_body()["error"]["venue"] == {"code": label, "message": "as the venue says"}


READS: dict[str, Row] = {
    "CONTRACT_NOT_FOUND": (400, VenueRefused, 404, False),
    "INTERNAL": (500, VenueBusy, 503, True),
    "TOO_BUSY": (503, VenueBusy, 503, True),
    "INVALID_PARAM_VALUE": PLAIN,
    "ORDER_NOT_FOUND": (400, VenueRefused, 404, False),
}


@pytest.mark.parametrize("label", READS)
def test_a_question_that_was_refused_can_be_asked_again_or_has_no_answer(label: str) -> None:
    status, kind, shown, retryable = READS[label]
    error = VENUE.refusal(GET, reply({"label": label}, status))

    assert error is not None and type(error) is kind
    assert (error.status, error.retryable, error.venue_code) == (shown, retryable, label)


ODD: list[tuple[Request, int, bytes, type[VenueError], int, bool]] = [
    (PLACE, 400, frame("place_refused_margin"), VenueRefused, 400, False),
    (PLACE, 400, frame("place_refused_post_only"), VenueRefused, 400, False),
    (PLACE, 401, frame("refused_key"), KeyRefused, 401, False),
    (PLACE, 401, b'{"label":"READ_ONLY"}', KeyRefused, 403, False),
    (PLACE, 401, b'{"label":"A_NEW_WORD"}', KeyRefused, 401, False),
    (GET, 404, frame("refused_order_unknown"), VenueRefused, 404, False),
    (PLACE, 400, b'{"label":"A_NEW_WORD","message":"m"}', VenueRefused, 400, False),
    (PLACE, 404, b'{"label":"A_NEW_WORD"}', VenueRefused, 404, False),
    (PLACE, 500, b'{"label":"A_NEW_WORD"}', VenueUnknown, 504, True),
    (PLACE, 429, b"<html>slow down</html>", VenueBusy, 429, True),
    (PLACE, 400, b'{"label":"SERVER_ERROR"}', VenueUnknown, 504, True),
    (PLACE, 502, b"<html>Bad Gateway</html>", VenueUnknown, 504, True),
    (PLACE, 404, b"", VenueUnknown, 504, True),
    (PLACE, 302, b"", VenueUnknown, 504, True),
    (PLACE, 400, b'{"label":5}', VenueUnknown, 504, True),
]


@pytest.mark.parametrize(("request_", "status", "body", "kind", "shown", "retryable"), ODD)
def test_an_answer_without_a_known_label_is_one_of_our_family(
    request_: Request, status: int, body: bytes, kind: type[VenueError], shown: int, retryable: bool
) -> None:
    """A write of which the venue says nothing clear is unknown; all else did not happen."""
    error = VENUE.refusal(request_, reply(body, status))

    assert error is not None and type(error) is kind
    assert (error.status, error.retryable) == (shown, retryable)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"label": "X_Y", "message": "m"}, "m"),
        ({"label": "X_Y", "detail": "d"}, "d"),
        ({"label": "X_Y", "detail": "d", "message": "m"}, "d"),
        ({"label": "X_Y"}, ""),
        ({"label": "X_Y", "message": "m" * 999, "code": "1015"}, "m" * 300),
    ],
)
def test_the_venues_reason_is_told_by_whichever_name_it_has(body: dict[str, str], message: str) -> None:
    """The futures engine says `detail` where the rest says `message`, or neither."""
    error = VENUE.refusal(PLACE, reply(body, 400))

    assert error is not None and (error.venue_code, error.venue_message) == ("X_Y", message)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_success_is_no_refusal(status: int) -> None:
    assert VENUE.refusal(PLACE, reply(b"{}", status)) is None


@pytest.mark.parametrize("label", ["POSITION_NOT_FOUND", "POSITION_DUAL_MODE"])
def test_no_position_is_an_answer_to_who_asks_and_a_refusal_to_who_sets(label: str) -> None:
    answer = reply(json.dumps({"label": label}).encode(), 400)
    write = Request("POST", "/futures/usdt/positions/BTC_USDT/leverage", writes=True)

    assert VENUE.refusal(WIRE.leverage("BTC_USDT"), answer) is None
    assert VENUE.refusal(GET, answer) is not None
    assert VENUE.refusal(write, answer) is not None


def test_the_wait_after_too_many_requests_is_told_by_the_venues_own_clock() -> None:
    """Its header names a second of its day, so the difference is taken to its own time of answering."""
    headers = {"X-Gate-RateLimit-Reset-Timestamp": "2000000004", "x-out-time": "2000000001500000"}
    error = VENUE.refusal(GET, Reply(429, headers, b'{"label":"TOO_MANY_REQUESTS"}', AT_MS))

    assert error is not None and error.retry_after_s == 2.5


def test_only_the_definite_answer_means_that_there_is_no_such_order() -> None:
    ask, trigger = WIRE.order("BTC_USDT", "1"), WIRE.trigger("1")
    unknown = VENUE.refusal(GET, reply(b"", 404))
    absent = VENUE.refusal(GET, reply(frame("refused_order_unknown"), 404))
    no_trigger = VENUE.refusal(GET, reply(b'{"label":"AUTO_ORDER_NOT_FOUND"}', 400))

    assert unknown is not None and absent is not None and no_trigger is not None
    assert [ask.absent(unknown), ask.absent(absent), trigger.absent(no_trigger)] == [False, True, True]


@pytest.mark.parametrize("label", ["REQUEST_EXPIRED", "INVALID_CREDENTIALS"])
def test_a_wrong_time_is_no_wrong_key(label: str) -> None:
    """Then the request may be signed again for the right one."""
    late = VENUE.refusal(PLACE, reply({"label": label}, 401))
    wrong = VENUE.refusal(PLACE, reply({"label": "INVALID_KEY"}, 401))

    assert late is not None and wrong is not None
    assert (VENUE.is_clock_error(late), VENUE.is_clock_error(wrong)) == (True, False)
