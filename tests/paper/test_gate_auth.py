"""Gate's signatures against vectors that its own SDK, ccxt and the manual agree on."""

from __future__ import annotations

import pytest

from shared.paper.gate.auth import sign, to_signed_text

SECRET = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
AT = "1700000000"
ORDERS = "/api/v4/futures/usdt/orders"
ORDER_BODY = b'{"contract":"BTC_USDT","size":10,"price":"30000","tif":"gtc","text":"t-abc123"}'

REST = {
    (
        "GET",
        ORDERS,
        "contract=BTC_USDT&status=open",
        b"",
    ): "9524fc93a5894bc3e3fd0eadddbd6d6ca396ee86b35500b6a63a165ed2db6c2d"
    "25ababbbd299d0ec78ac1cf777a2eb49df4abcd1ef9a420b77ec06b129beba7a",
    ("POST", ORDERS, "", ORDER_BODY): "d1ec2a950f909d193f577677982bb1649bc0eb160234a3afcb7b2072240d1efe"
    "da983592970fe1520be71faa25a977c0fbf885c017a85b742d65f96971a2de5b",
    ("DELETE", f"{ORDERS}/t-abc123", "", b""): "06ce9758ca9195fc5d993a80b50ee5bb7c2c5db9aeae46b2d645187572e04e6e"
    "afc14764ea85c34132365ce02a4e3ca660b5c85e125733b5e5b5a65e6f9bac6e",
    ("POST", "/api/v4/futures/usdt/positions/BTC_USDT/leverage", "leverage=0&cross_leverage_limit=10", b""): "2e5a273d"
    "f98e9ac2fe0605f73333265b11a360ab41b61fcd83dc5034dad20fc9943b8db95dc7424d0686461eefe79ecccef4e52cf4fbb53df1918191"
    "497915a6",
    ("GET", "/api/v4/account/detail", "", b""): "259c1dd6161e2ccc61727d01d6f6e34b1c32424e4d4273837eff1f68af47be12"
    "02784d393735e75bae000093d1bd99dbc245e15d23ca4894c3131111c8a46757",
    (
        "POST",
        "/api/v4/futures/usdt/dual_mode",
        "dual_mode=true",
        b"",
    ): "f5ab5ab7d904fdb06acb03c0ed29af4e642d4fa5acbcfc0a"
    "836087501e16067ab7f65289a1055e7a3c394d13d7b5965d186b4ace00dd7370811b821960c4a75a",
    (
        "GET",
        ORDERS,
        "contract=币安人生_USDT&status=open",
        b"",
    ): "ef53d1d3073b183b4106df690633df3b44f8400607dbd1729d9743ed97583f30"
    "28fe7692952ca976c244c171d3660ab5e9fe4eaf1d8f19e020b849d678f60e84",
}

CHANNELS = {
    ("orders", "subscribe"): "4d5c02afdb11e95c935438af887e88091d47c838558f41dfeee694680900fd93"
    "87784a59ca60cce9930e5f9240b1ee39008828de766aceadbc6ebbae456ceb40",
    ("usertrades", "subscribe"): "8b018fc72e42f4728b83cb9e3cd1539d07066ab7f3c02cb1cf989e02d72efad2"
    "2c30ca59dfe083a9c35ca624335cd9bc5eb1a8df5ab2250e390bb8863b4ae4b6",
    ("balances", "subscribe"): "98bfe1df26dc43f63d3bbb33774e705ed5e5a57450ab16eb79f67bf5c8610ed4"
    "a027ea2ddcbc333d1543fa709353a29f66d36af63274555fb1da5e386bc4dc38",
    ("positions", "subscribe"): "aa4fbfeff1bf376f16580c851e050779434c34d81dbbc7ac33aff9e12e990edb"
    "acbb5fed6f07dcaf0239b207a9b215304d00e6583ff643720db314fe9c1e201a",
    ("autoorders", "subscribe"): "119ce6defedb6854603c3eed5c712903c25c3569cd6d58ec087ee8708c2b8155"
    "0e15c69bb617e1d8ef0a9188bfc12c8a176073624c51c25e5beadc95eb37e083",
    ("position_closes", "subscribe"): "7e313bfc7621de8e43cb9a7a8e84a2e3a22fc353475f6d101bc84a7f836fc611"
    "2880f32b9d5177cfd63107fa5d09173ca8b0267ec5e71ac358e2f06fe2f63eb3",
    ("orders", "unsubscribe"): "85584c49b0a99dadf537d1797eb736c6675da0beba53430d16e8c52c1a4123d0"
    "fdd8dd7f23c96e6c1ce7102eaf4668a99446e5b05b12ae9fb77031d260cf5dcd",
}

LOGINS = {
    "": "350092f2ee4c1b38f205c2349da1a15da09dbc42bbcb6409ac91431d68b3ae35"
    "c90f20f1f3633543547994ee7d83ae9606da94a80b044f981618da38379eff93",
    "{}": "17d4e179d27ed59b63ce92c78324d3e1865a39cbfd3cf81c80eac59cfeb5a4b8"
    "9a171af164c62e7e1e7e3f26400d8d4eddad6ffa61afd3c79936c97b227e40f7",
}


@pytest.mark.parametrize(("call", "signature"), REST.items(), ids=lambda case: str(case)[:40])
def test_rest_signatures_equal_those_of_the_official_signer(call: tuple[str, str, str, bytes], signature: str) -> None:
    """One byte off and every private call is refused, here or, worse, only at the real venue."""
    method, path, query, body = call

    assert sign(SECRET, to_signed_text(method, path, query, body, AT)) == signature


@pytest.mark.parametrize(("asked", "signature"), CHANNELS.items(), ids=lambda case: str(case)[:30])
def test_channel_signatures_equal_those_of_the_official_client(asked: tuple[str, str], signature: str) -> None:
    """Each private channel is signed by itself, over the time of its own envelope."""
    channel, event = asked

    assert sign(SECRET, f"channel=futures.{channel}&event={event}&time={AT}") == signature


@pytest.mark.parametrize(("parameter", "signature"), LOGINS.items())
def test_login_signatures_cover_the_parameter_as_it_was_sent(parameter: str, signature: str) -> None:
    """Both forms are in use in the field: without a parameter, and with an empty object."""
    assert sign(SECRET, f"api\nfutures.login\n{parameter}\n{AT}") == signature


def test_the_manuals_own_vectors_come_out() -> None:
    """They use old paths and another key, which is what makes them an independent check."""
    body = b'{"contract":"BTC_USD","type":"limit","size":100,"price":6800,"time_in_force":"gtc"}'
    listed = to_signed_text(
        "GET", "/api/v4/futures/orders", "contract=BTC_USD&status=finished&limit=50", b"", "1541993715"
    )
    placed = to_signed_text("POST", "/api/v4/futures/orders", "", body, "1541993715")

    assert sign("secret", listed).startswith("55f84ea195d6fe57ce62464daaa7c3c02fa9d1dde954e4c8")
    assert sign("secret", placed).startswith("eae42da914a590ddf727473aff25fc87d50b64783941061f")
