"""Signatures that others made: with the SDK's and ccxt's own signers, and those of the venue's manual."""

from __future__ import annotations

import json

import pytest

from shared.errors import KeyRefused
from shared.exchanges.base import Leverage, PlaceOrder, Request
from shared.exchanges.gate.frames import to_frame
from shared.model import Credentials
from tests.venues.gate.frames import WIRE
from tests.venues.gate.sent import AT_S, CREDENTIALS, KEY, SECRET, VENUE

BUY = PlaceOrder("BTC_USDT", "buy", "limit", "10", "30000", "gtc", False, "t-abc123")
MANUALS = Credentials("key", "secret")
MANUALS_AT_S = 1_541_993_715

REST_SIGNATURES: dict[str, tuple[Request, Credentials, int, str]] = {
    "GET orders": (
        Request("GET", "/futures/usdt/orders", (("contract", "BTC_USDT"), ("status", "open"))),
        CREDENTIALS,
        AT_S,
        "9524fc93a5894bc3e3fd0eadddbd6d6ca396ee86b35500b6a63a165ed2db6c2d"
        "25ababbbd299d0ec78ac1cf777a2eb49df4abcd1ef9a420b77ec06b129beba7a",
    ),
    "POST order": (
        WIRE.place(BUY, None),
        CREDENTIALS,
        AT_S,
        "d1ec2a950f909d193f577677982bb1649bc0eb160234a3afcb7b2072240d1efe"
        "da983592970fe1520be71faa25a977c0fbf885c017a85b742d65f96971a2de5b",
    ),
    "DELETE by text": (
        WIRE.cancel("BTC_USDT", "t-abc123"),
        CREDENTIALS,
        AT_S,
        "06ce9758ca9195fc5d993a80b50ee5bb7c2c5db9aeae46b2d645187572e04e6e"
        "afc14764ea85c34132365ce02a4e3ca660b5c85e125733b5e5b5a65e6f9bac6e",
    ),
    "POST cross leverage": (
        WIRE.set_leverage("BTC_USDT", Leverage("10", "cross")),
        CREDENTIALS,
        AT_S,
        "2e5a273df98e9ac2fe0605f73333265b11a360ab41b61fcd83dc5034dad20fc9"
        "943b8db95dc7424d0686461eefe79ecccef4e52cf4fbb53df1918191497915a6",
    ),
    "GET detail": (
        Request("GET", "/account/detail"),
        CREDENTIALS,
        AT_S,
        "259c1dd6161e2ccc61727d01d6f6e34b1c32424e4d4273837eff1f68af47be12"
        "02784d393735e75bae000093d1bd99dbc245e15d23ca4894c3131111c8a46757",
    ),
    "POST dual mode": (
        WIRE.set_position_mode("hedge"),
        CREDENTIALS,
        AT_S,
        "f5ab5ab7d904fdb06acb03c0ed29af4e642d4fa5acbcfc0a836087501e16067a"
        "b7f65289a1055e7a3c394d13d7b5965d186b4ace00dd7370811b821960c4a75a",
    ),
    "GET a name that is not ASCII": (
        Request("GET", "/futures/usdt/orders", (("contract", "币安人生_USDT"), ("status", "open"))),
        CREDENTIALS,
        AT_S,
        "ef53d1d3073b183b4106df690633df3b44f8400607dbd1729d9743ed97583f30"
        "28fe7692952ca976c244c171d3660ab5e9fe4eaf1d8f19e020b849d678f60e84",
    ),
    "the manual's list": (
        Request("GET", "/futures/orders", (("contract", "BTC_USD"), ("status", "finished"), ("limit", "50"))),
        MANUALS,
        MANUALS_AT_S,
        "55f84ea195d6fe57ce62464daaa7c3c02fa9d1dde954e4c898289c9a2407a3d6"
        "fb3faf24deff16790d726b66ac9f74526668b13bd01029199cc4fcc522418b8a",
    ),
    "the manual's order": (
        Request(
            "POST",
            "/futures/orders",
            body=b'{"contract":"BTC_USD","type":"limit","size":100,"price":6800,"time_in_force":"gtc"}',
        ),
        MANUALS,
        MANUALS_AT_S,
        "eae42da914a590ddf727473aff25fc87d50b64783941061f47a3fdb92742541f"
        "c4c2c14017581b4199a1418d54471c269c03a38d788d802e2c306c37636389f0",
    ),
}

CHANNEL_SIGNATURES = {
    "futures.orders": "4d5c02afdb11e95c935438af887e88091d47c838558f41dfeee694680900fd93"
    "87784a59ca60cce9930e5f9240b1ee39008828de766aceadbc6ebbae456ceb40",
    "futures.usertrades": "8b018fc72e42f4728b83cb9e3cd1539d07066ab7f3c02cb1cf989e02d72efad2"
    "2c30ca59dfe083a9c35ca624335cd9bc5eb1a8df5ab2250e390bb8863b4ae4b6",
    "futures.balances": "98bfe1df26dc43f63d3bbb33774e705ed5e5a57450ab16eb79f67bf5c8610ed4"
    "a027ea2ddcbc333d1543fa709353a29f66d36af63274555fb1da5e386bc4dc38",
    "futures.positions": "aa4fbfeff1bf376f16580c851e050779434c34d81dbbc7ac33aff9e12e990edb"
    "acbb5fed6f07dcaf0239b207a9b215304d00e6583ff643720db314fe9c1e201a",
    "futures.autoorders": "119ce6defedb6854603c3eed5c712903c25c3569cd6d58ec087ee8708c2b8155"
    "0e15c69bb617e1d8ef0a9188bfc12c8a176073624c51c25e5beadc95eb37e083",
    "futures.position_closes": "7e313bfc7621de8e43cb9a7a8e84a2e3a22fc353475f6d101bc84a7f836fc611"
    "2880f32b9d5177cfd63107fa5d09173ca8b0267ec5e71ac358e2f06fe2f63eb3",
}
UNSUBSCRIBED = (
    "85584c49b0a99dadf537d1797eb736c6675da0beba53430d16e8c52c1a4123d0"
    "fdd8dd7f23c96e6c1ce7102eaf4668a99446e5b05b12ae9fb77031d260cf5dcd"
)


@pytest.mark.parametrize("name", REST_SIGNATURES)
def test_a_request_has_the_known_signature(name: str) -> None:
    """Over the words that are sent; a POST with its parameters in the query signs the hash of nothing."""
    request, credentials, at_s, signature = REST_SIGNATURES[name]

    assert VENUE.sign(request, credentials, at_s).headers["SIGN"] == signature


def test_every_channel_is_signed_for_its_moment() -> None:
    """A subscription signed for another time is refused, so the time in the frame is the one that was signed."""
    frames = {s.key: json.loads(s.frame) for s in WIRE.subscriptions(CREDENTIALS, AT_S + 0.7)}

    assert {channel: frame["auth"]["SIGN"] for channel, frame in frames.items()} == CHANNEL_SIGNATURES
    assert {frame["time"] for frame in frames.values()} == {AT_S}
    assert {channel: frame["payload"] for channel, frame in frames.items()} == {
        channel: ["20000001"] if channel == "futures.balances" else ["20000001", "!all"] for channel in frames
    }
    assert all(frame["auth"]["KEY"] == KEY and frame["auth"]["method"] == "api_key" for frame in frames.values())


def test_nothing_is_said_before_the_subscriptions() -> None:
    assert WIRE.login(CREDENTIALS, AT_S) is None


def test_leaving_a_channel_has_another_signature_than_following_it() -> None:
    frame = json.loads(to_frame("futures.orders", "unsubscribe", ["20000001", "!all"], CREDENTIALS, AT_S))

    assert (frame["event"], frame["auth"]["SIGN"]) == ("unsubscribe", UNSUBSCRIBED)


def test_the_path_in_the_url_is_encoded_and_the_query_is_signed_as_it_reads() -> None:
    """The venue decodes the query before it checks; an encoded one would be a wrong signature."""
    signed = VENUE.sign(REST_SIGNATURES["GET a name that is not ASCII"][0], CREDENTIALS, AT_S)

    assert signed.path == ("/futures/usdt/orders?contract=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9F_USDT&status=open")


def test_an_expiry_is_a_header_and_no_part_of_what_is_signed() -> None:
    signed = VENUE.sign(WIRE.place(BUY, 1_700_000_005_000), CREDENTIALS, AT_S)

    assert signed.headers["x-gate-exptime"] == "1700000005000"
    assert signed.headers["SIGN"] == REST_SIGNATURES["POST order"][3]


def test_a_public_request_carries_no_key() -> None:
    signed = VENUE.sign(VENUE.clock(), CREDENTIALS, AT_S)

    assert not {"KEY", "SIGN", "Timestamp"} & set(signed.headers)


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials("k\r\nX-Evil: 1", SECRET),
        Credentials("", SECRET),
        Credentials("ключ", SECRET),
        Credentials(KEY, "\udcff"),
    ],
)
def test_a_key_that_cannot_be_a_key_is_refused_before_anything_is_sent(credentials: Credentials) -> None:
    """Keys come from callers' headers; odd bytes must neither break a request nor reach another header."""
    with pytest.raises(KeyRefused):
        VENUE.sign(WIRE.place(BUY, None), credentials, AT_S)
