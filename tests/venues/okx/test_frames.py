"""What passes over OKX's sockets beside facts: logins, subscriptions, pings, notices and refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.errors import KeyRefused, UnknownWord, VenueBusy, VenueRefused
from shared.exchanges.base import Ack, Endpoints, Goodbye, Pong, Refusal
from tests.venues.okx.frames import AT_MS, CREDENTIALS, VENUE, WIRE, frame, said


def subscribed(line: int) -> list[dict[str, Any]]:
    return [json.loads(subscription.frame) for subscription in WIRE.subscriptions(CREDENTIALS, 0, line)]


def refusal(name: str) -> Refusal:
    message = WIRE.read(frame(name), AT_MS)
    assert isinstance(message, Refusal)
    return message


def test_each_line_follows_the_channels_that_live_there() -> None:
    """Algo orders are told at another address than orders; whole pictures every five seconds are not wanted."""
    events_only = '{"updateInterval": "0"}'

    assert [frame["args"] for frame in subscribed(0)] == [
        [{"channel": "orders", "instType": "ANY"}],
        [{"channel": "positions", "instType": "ANY", "extraParams": events_only}],
        [{"channel": "account", "extraParams": events_only}],
        [{"channel": "balance_and_position"}],
    ]
    assert [frame["args"] for frame in subscribed(1)] == [
        [{"channel": "orders-algo", "instType": "ANY"}],
        [{"channel": "algo-advance", "instType": "ANY"}],
    ]
    for told in (*subscribed(0), *subscribed(1)):
        assert told["op"] == "subscribe" and told["id"].isalnum() and len(told["id"]) <= 32


@pytest.mark.parametrize("environment", ["live", "testnet", "paper"])
def test_there_is_a_socket_for_each_line(environment: str) -> None:
    places = VENUE.endpoints(environment)

    assert places.ws_url.endswith("/ws/v5/private")
    assert [url.removesuffix("/ws/v5/business") for url in places.more_ws_urls] == [
        places.ws_url.removesuffix("/ws/v5/private")
    ]
    assert VENUE.endpoints("paper").rest_url == "{paper}"


@pytest.mark.parametrize("line", [0, 1])
def test_what_is_sent_is_what_the_answer_is_known_by(line: int) -> None:
    """One answer for each channel, with the channel in it."""
    for subscription in WIRE.subscriptions(CREDENTIALS, 0, line):
        (arg,) = json.loads(subscription.frame)["args"]
        answer = said("subscribed") | {"arg": arg, "id": json.loads(subscription.frame)["id"]}

        assert WIRE.read(json.dumps(answer), AT_MS) == Ack(subscription.key)


def test_a_login_comes_first_and_is_answered() -> None:
    login = WIRE.login(CREDENTIALS, 0)

    assert login is not None
    assert WIRE.read(frame("login_accepted"), AT_MS) == Ack(login.key)


@pytest.mark.parametrize("code", ["60005", "60007", "60024", "60032", "50101", "50110", "50111", "50119"])
def test_a_login_that_can_never_succeed_refuses_the_key(code: str) -> None:
    """A session that went on trying would hammer the venue."""
    message = WIRE.read(json.dumps(said("login_refused") | {"code": code}), AT_MS)

    assert isinstance(message, Refusal) and isinstance(message.error, KeyRefused)
    assert (message.key, message.error.venue_code) == ("", code)


@pytest.mark.parametrize("code", ["60004", "60006", "60014", "60023", "63999"])
def test_a_login_that_may_succeed_next_time_does_not(code: str) -> None:
    message = WIRE.read(json.dumps(said("login_refused") | {"code": code}), AT_MS)

    assert isinstance(message, Refusal) and isinstance(message.error, VenueBusy)


def test_a_refused_channel_is_named_where_the_venue_does() -> None:
    assert refusal("channel_refused").key == ""
    by_id = refusal("channel_refused_by_id")

    assert by_id.key == "orders-algo"
    assert isinstance(by_id.error, VenueRefused) and not isinstance(by_id.error, KeyRefused)


def test_too_many_connections_take_a_subscription_back() -> None:
    """The acknowledgement came first; after this the channel is dead while the socket lives."""
    late = refusal("connections_spent")

    assert late.key == "orders" and isinstance(late.error, VenueBusy)
    assert "30" in str(late.error)
    assert WIRE.read(frame("connections_told"), AT_MS) is None


def test_a_notice_of_an_upgrade_is_a_goodbye() -> None:
    message = WIRE.read(frame("upgrade_notice"), AT_MS)

    assert isinstance(message, Goodbye) and "upgrade" in message.reason


def test_another_notice_is_an_unknown_word() -> None:
    with pytest.raises(UnknownWord):
        WIRE.read(json.dumps(said("upgrade_notice") | {"code": "64099"}), AT_MS)


@pytest.mark.parametrize("pong", [b"pong", "pong"])
def test_a_ping_and_its_answer_are_plain_words(pong: bytes | str) -> None:
    assert WIRE.ping(0) == b"ping"
    assert WIRE.read(pong, AT_MS) == Pong()


def test_an_end_of_a_subscription_and_an_answer_to_a_call_are_nothing_to_a_session() -> None:
    assert WIRE.read(json.dumps(said("subscribed") | {"event": "unsubscribe"}), AT_MS) is None
    assert WIRE.read(frame("call_placed"), AT_MS) is None


def test_frames_are_read_as_text_too() -> None:
    assert WIRE.read(frame("order_live").decode(), AT_MS) == WIRE.read(frame("order_live"), AT_MS)


@pytest.mark.parametrize("rest", ["http://127.0.0.1:9", "http://127.0.0.1:9/api/v5"])
@pytest.mark.parametrize("socket", ["", "/ws/v5", "/ws/v5/private", "/ws/v5/business"])
def test_an_address_may_be_said_with_and_without_the_paths_that_follow(rest: str, socket: str) -> None:
    places = VENUE.endpoints("live", rest, f"ws://127.0.0.1:9{socket}")

    assert places == Endpoints(
        "http://127.0.0.1:9", "ws://127.0.0.1:9/ws/v5/private", ("ws://127.0.0.1:9/ws/v5/business",)
    )
