"""Order entry over OKX's socket: the same request as a frame, and its answer in REST's own form."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.errors import KeyRefused, VenueRefused, VenueUnknown
from shared.exchanges.base import AmendOrder, Answered, Guards, Leverage, Request
from shared.exchanges.okx.wire import OkxVenue
from tests.venues.okx.frames import AT_MS, CREDENTIALS, WIRE, frame, said
from tests.venues.okx.test_requests import PAIR, SWAP, an_order, placed

VENUE = OkxVenue()
VENUE.codes.update({SWAP: 10459, PAIR: 3})
LOGIN = Request("GET", "/login")


def call(request: Request) -> Any:
    said = VENUE.to_call(request, "17", 0)
    assert said is not None
    return json.loads(said)


def answered(name: str) -> Answered:
    told = VENUE.to_answer(frame(name), AT_MS)
    assert told is not None
    return told


CALLED: dict[str, tuple[Request, str]] = {
    "place": (placed(), "order"),
    "place several": (WIRE.place_batch([an_order(), an_order(PAIR)], None), "batch-orders"),
    "cancel": (WIRE.cancel(SWAP, "1"), "cancel-order"),
    "cancel several": (WIRE.cancel_batch(["1"], [SWAP]), "batch-cancel-orders"),
    "amend": (WIRE.amend(AmendOrder(SWAP, "1", "buy", "2"), None), "amend-order"),
    "amend several": (WIRE.amend_batch([AmendOrder(SWAP, "1", "buy", "2")], None), "batch-amend-orders"),
}


@pytest.mark.parametrize("what", CALLED)
def test_a_call_says_what_the_request_says_but_for_the_number_of_the_instrument(what: str) -> None:
    """The socket ignores the name that REST takes."""
    request, operation = CALLED[what]
    told = call(request)
    bodies = json.loads(request.body)

    assert (told["id"], told["op"]) == ("17", operation)
    assert told["args"] == [
        {"instIdCode": VENUE.codes[body.pop("instId")]} | body
        for body in (bodies if isinstance(bodies, list) else [bodies])
    ]
    assert "expTime" not in told


def test_an_expiry_is_of_the_whole_call() -> None:
    told = call(WIRE.place(an_order(), 1_786_000_005_000))

    assert told["expTime"] == "1786000005000" and "expTime" not in told["args"][0]


def test_what_the_socket_has_no_word_for_goes_over_rest() -> None:
    for request in (
        placed(guards=Guards("99000")),
        placed(symbol="ETH-USDT-SWAP"),
        WIRE.place_batch([an_order(), an_order("ETH-USDT-SWAP")], None),
        WIRE.close(SWAP, "long", "ow1", None),
        WIRE.set_leverage(SWAP, Leverage("5", "cross")),
        WIRE.cancel_trigger("1", SWAP),
        WIRE.order(SWAP, "1").request,
    ):
        assert VENUE.to_call(request, "17", 0) is None


def test_an_answer_is_read_as_rests_is() -> None:
    told = answered("call_placed")

    assert (told.call_id, told.final) == ("17", True)
    assert VENUE.refusal(placed(), told.reply) is None
    assert WIRE.to_order(told.reply, an_order()).id == "2510004000000000001"


def test_a_refusal_is_read_as_rests_is() -> None:
    """A refused call has an envelope without words; the item has them."""
    refused = VENUE.refusal(placed(), answered("call_refused").reply)
    invalid = VENUE.refusal(placed(), answered("call_invalid").reply)

    assert isinstance(refused, VenueRefused) and refused.venue_code == "51008"
    assert isinstance(invalid, VenueRefused) and invalid.venue_code == "60013"


def test_an_answer_that_does_not_say_how_it_went_is_unknown() -> None:
    silent = json.dumps(said("call_refused") | {"data": []})
    told = VENUE.to_answer(silent, AT_MS)

    assert told is not None
    assert isinstance(VENUE.refusal(placed(), told.reply), VenueUnknown)


def test_a_login_is_the_only_call_whose_answer_carries_no_id() -> None:
    login = json.loads(VENUE.login_call(CREDENTIALS, "1", 1_704_876_947.9))

    assert login["args"][0]["sign"] == "5/36BgGV6m/6pmdc20zdqk0mzF5ZalmzzPD2fo3wavU="
    assert answered("login_accepted").call_id == ""
    assert VENUE.refusal(LOGIN, answered("login_accepted").reply) is None
    assert isinstance(VENUE.refusal(LOGIN, answered("login_refused").reply), KeyRefused)


def test_a_forgotten_login_is_told_as_a_key_that_is_not_accepted() -> None:
    """Then the connection is given up, and REST says what becomes of the command."""
    told = VENUE.to_answer(json.dumps(said("channel_refused_by_id") | {"id": "17"}), AT_MS)

    assert told is not None and told.call_id == "17"
    assert isinstance(VENUE.refusal(placed(), told.reply), KeyRefused)


@pytest.mark.parametrize("name", ["order_live", "subscribed", "upgrade_notice", "connections_told"])
def test_a_frame_that_answers_no_call_is_left_to_the_wire(name: str) -> None:
    assert VENUE.to_answer(frame(name), AT_MS) is None


@pytest.mark.parametrize("garbage", [b"pong", "pong", b"", b"{", b"[]", b"\xff"])
def test_what_cannot_be_read_answers_nothing(garbage: bytes | str) -> None:
    assert VENUE.to_answer(garbage, AT_MS) is None
