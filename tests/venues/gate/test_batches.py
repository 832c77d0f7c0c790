"""Commands for many orders: each has an outcome of its own, in the order in which they were asked."""

from __future__ import annotations

import json

import pytest

from shared.errors import VenueError, VenueRefused, VenueUnknown
from shared.exchanges.base import PlaceOrder
from shared.model import Order
from tests.venues.gate.frames import WIRE, frame, reply

ORDERS = [PlaceOrder("BTC_USDT", "sell", "limit", "40", "97000.5", "gtc", False, f"t-b{n}") for n in range(1, 6)]
IDS = ["58828270140077001", "58828270140077002", "58828270140077003"]


def test_every_order_of_a_batch_has_its_outcome_in_its_place() -> None:
    """What the venue refused, what it does not know itself, and what its answer leaves out."""
    first, *others = WIRE.to_placed(reply(frame("rest_batch_placed")), ORDERS)

    assert isinstance(first, Order) and (first.client_order_id, first.status) == ("t-b1", "open")
    assert [(type(e), e.venue_code) for e in others if isinstance(e, VenueError)] == [
        (VenueRefused, "INSUFFICIENT_AVAILABLE"),
        (VenueRefused, "ORDER_POC_IMMEDIATE"),
        (VenueUnknown, "INTERNAL"),
        (VenueUnknown, "UNREADABLE_ANSWER"),
    ]


def test_a_refused_item_has_the_venues_words() -> None:
    refused = WIRE.to_placed(reply(frame("rest_batch_placed")), ORDERS)[2]

    assert isinstance(refused, VenueRefused)
    assert refused.venue_message == "order price 97000.5 while counter price 97000.4"


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"[]", b"[1,null]", b'[{"succeeded":true}]', b'[{"id":1}]'])
def test_a_batch_whose_answer_cannot_be_read_is_unknown_in_each_order(body: bytes) -> None:
    """It was carried out, or not: only asking will tell."""
    outcomes = WIRE.to_placed(reply(body), ORDERS[:2])

    assert [type(outcome) for outcome in outcomes] == [VenueUnknown, VenueUnknown]


def test_an_order_in_anothers_place_is_not_taken_for_it() -> None:
    """The venue promises the order of the request; should it break that, two outcomes would be exchanged."""
    row = json.loads(frame("rest_order_open"))
    rows = [row | {"text": "t-b2", "succeeded": True}, row | {"text": "t-b1", "succeeded": True}]

    assert [type(o) for o in WIRE.to_placed(reply(rows), ORDERS[:2])] == [VenueUnknown, VenueUnknown]


def test_every_cancel_of_a_batch_has_its_outcome_by_its_id() -> None:
    """In whatever order they are answered; one that is not named may have been cancelled or not."""
    done, refused, silent = WIRE.to_cancelled(reply(frame("rest_batch_cancelled")), IDS)

    assert done is None
    assert isinstance(refused, VenueRefused) and (refused.venue_code, refused.status) == ("ORDER_NOT_FOUND", 404)
    assert isinstance(silent, VenueUnknown)


@pytest.mark.parametrize(
    ("message", "kind", "code"),
    [
        ("ORDER_NOT_FOUND", VenueRefused, "ORDER_NOT_FOUND"),
        ("label: ORDER_FINISHED, message: gone", VenueRefused, "ORDER_FINISHED"),
        ("INTERNAL", VenueUnknown, "INTERNAL"),
        ("HTTP went wrong", VenueUnknown, "NO_LABEL"),
        ("", VenueUnknown, "NO_LABEL"),
    ],
)
def test_a_failed_cancel_is_refused_by_a_label_alone(message: str, kind: type[VenueError], code: str) -> None:
    row = {"user_id": 1, "id": IDS[0], "succeeded": False, "message": message}
    (outcome,) = WIRE.to_cancelled(reply([row]), IDS[:1])

    assert outcome is not None and (type(outcome), outcome.venue_code) == (kind, code)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"[]", b"[1,null]", b'[{"id":"1"}]'])
def test_a_batch_of_cancels_whose_answer_cannot_be_read_is_unknown_in_each(body: bytes) -> None:
    assert [type(outcome) for outcome in WIRE.to_cancelled(reply(body), IDS)] == [VenueUnknown] * 3


def test_all_that_were_cancelled_are_told() -> None:
    first, second = WIRE.to_orders(reply(frame("rest_orders_cancelled")))

    assert (first.status, first.filled, second.client_order_id) == ("cancelled", "15", "web")
    for body in (b"{}", b'[{"id":1,"contract":"X_USDT","status":"odd","size":1}]'):
        with pytest.raises(VenueUnknown):
            WIRE.to_orders(reply(body))
