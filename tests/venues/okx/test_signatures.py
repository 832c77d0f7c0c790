"""Signatures that others made: with the official SDK's own signer, one of them with ccxt's too."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from shared.errors import KeyRefused
from shared.exchanges.base import Request
from shared.exchanges.okx.signing import timestamp
from shared.exchanges.okx.wire import OkxVenue
from shared.model import Credentials
from tests.venues.okx.frames import CREDENTIALS, KEY, PASSPHRASE, VENUE, WIRE

AT_S = datetime(2020, 12, 8, 9, 8, 57, 715000, UTC).timestamp()
SECRET = CREDENTIALS.api_secret
BALANCE = "/api/v5/account/balance"

SIGNED = {
    "a query": (Request("GET", BALANCE, (("ccy", "BTC"),)), "HiZhvSfMtWJA3uUIVXV3a/bSXNPCWvYFXoGCVS8V4zY="),
    "no query": (Request("GET", BALANCE), "AkD5YszBhggtIyjDlmTy/9PpNVntel+1Lff8wh0qpQw="),
    "a body": (
        Request(
            "POST",
            "/api/v5/account/set-leverage",
            body=b'{"instId":"BTC-USDT","lever":"5","mgnMode":"isolated"}',
        ),
        "eCnnCgWLjlQ9XnpUkrcny3qNq3WW/81KNrDr/XR6Xv8=",
    ),
    "the same body with spaces": (
        Request(
            "POST",
            "/api/v5/account/set-leverage",
            body=b'{"instId": "BTC-USDT", "lever": "5", "mgnMode": "isolated"}',
        ),
        "/XctMG4gU+l0Tv1E5CsSdhrndN0MZxclhFp3+SFofI8=",
    ),
    "a list": (
        Request(
            "POST",
            "/api/v5/trade/cancel-batch-orders",
            body=b'[{"instId":"BTC-USDT-SWAP","ordId":"1"},{"instId":"BTC-USDT-SWAP","clOrdId":"a1"}]',
        ),
        "2zvL3OojzeqyNP7/IImCi19nRfGWsa2rB3cjPdcy2XI=",
    ),
    "a comma, which goes over the wire encoded": (
        Request("GET", BALANCE, (("ccy", "BTC,ETH"),)),
        "X/i/q53ENYaVFJP/x3gMqfyuIw8hS3HPa3eFxfQQFaY=",
    ),
    "a comma in a path that is encoded as it stands": (
        Request("GET", f"{BALANCE}?ccy=BTC,ETH"),
        "oah2EOT2Fnz1bjkgiAnuKl+zFQzDG3/nqPUqyYzArrE=",
    ),
}


@pytest.mark.parametrize("about", SIGNED)
def test_a_request_is_signed_as_the_venues_own_signer_does(about: str) -> None:
    request, expected = SIGNED[about]
    signed = VENUE.sign(request, CREDENTIALS, AT_S)

    assert signed.headers["OK-ACCESS-TIMESTAMP"] == "2020-12-08T09:08:57.715Z"
    assert signed.headers["OK-ACCESS-SIGN"] == expected
    assert (signed.headers["OK-ACCESS-KEY"], signed.headers["OK-ACCESS-PASSPHRASE"]) == (KEY, PASSPHRASE)


def test_what_is_signed_is_what_is_sent() -> None:
    signed = VENUE.sign(SIGNED["a comma, which goes over the wire encoded"][0], CREDENTIALS, AT_S)

    assert signed.path == f"{BALANCE}?ccy=BTC%2CETH"


@pytest.mark.parametrize(
    ("at_s", "expected"),
    [
        (1_704_876_947, "5/36BgGV6m/6pmdc20zdqk0mzF5ZalmzzPD2fo3wavU="),
        (1_538_054_050, "+LdIr8lkkvhr5hoA3g9TMC0+uQJ849ftAcocA/ouu4M="),
    ],
)
def test_a_login_is_signed_for_its_second(at_s: int, expected: str) -> None:
    """One that was signed earlier and is sent again is refused."""
    login = WIRE.login(CREDENTIALS, at_s + 0.7)

    assert login is not None
    assert json.loads(login.frame) == {
        "op": "login",
        "args": [{"apiKey": KEY, "passphrase": PASSPHRASE, "timestamp": str(at_s), "sign": expected}],
    }


@pytest.mark.parametrize("ms", [0, 1, 9, 99, 100, 999])
def test_a_timestamp_has_its_milliseconds(ms: int) -> None:
    assert timestamp(1_607_418_537 + ms / 1000 + 0.0001) == f"2020-12-08T09:08:57.{ms:03d}Z"


@pytest.mark.parametrize(
    ("credentials", "code"),
    [
        (Credentials(KEY, SECRET), "50104"),
        (Credentials(KEY, SECRET, ""), "50105"),
        (Credentials(KEY, SECRET, "p\r\nX-Evil: 1"), "50105"),
        (Credentials("k\nX-Evil: 1", SECRET, PASSPHRASE), "50111"),
        (Credentials("", SECRET, PASSPHRASE), "50111"),
        (Credentials(KEY, "\udcff", PASSPHRASE), "50113"),
    ],
)
def test_keys_that_can_be_none_are_refused_before_anything_is_sent(credentials: Credentials, code: str) -> None:
    """In the venue's own words, and without a word of the key."""
    with pytest.raises(KeyRefused) as refused:
        VENUE.sign(Request("GET", BALANCE), credentials, AT_S)
    with pytest.raises(KeyRefused):
        WIRE.login(credentials, AT_S)

    assert refused.value.venue_code == code
    assert SECRET not in str(refused.value) and "Evil" not in str(refused.value)


def test_a_public_request_has_no_key() -> None:
    headers = VENUE.sign(VENUE.clock(), CREDENTIALS, AT_S).headers

    assert not [name for name in headers if name.startswith("OK-")]


def test_only_demo_trading_is_told_by_a_header() -> None:
    """It is the same host: without the header a demo key is refused, and public prices are those of real trading."""
    demo = VENUE.at("testnet")

    for request in (VENUE.clock(), Request("GET", BALANCE)):
        assert demo.sign(request, CREDENTIALS, AT_S).headers["x-simulated-trading"] == "1"
        for real in (VENUE, VENUE.at("live"), demo.at("live"), VENUE.at("paper")):
            assert "x-simulated-trading" not in real.sign(request, CREDENTIALS, AT_S).headers
    assert demo is VENUE.at("testnet") and demo.at("live") is VENUE
    assert OkxVenue("testnet").at("testnet").sign(VENUE.clock(), None, AT_S).headers["x-simulated-trading"] == "1"


def test_an_expiry_goes_as_a_header_and_is_not_signed() -> None:
    request = Request("GET", BALANCE, expires_at_ms=1_786_000_005_000)
    signed = VENUE.sign(request, CREDENTIALS, AT_S)

    assert signed.headers["expTime"] == "1786000005000"
    assert signed.headers["OK-ACCESS-SIGN"] == SIGNED["no query"][1]
