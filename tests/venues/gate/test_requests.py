"""What we send to Gate, against known signatures and two witnesses: the official SDK and ccxt, both as they ship.

A request is the same when method, path, query and body mean the same and its signature is the one that the same words
get from the witness. The order of keys in a body and of parameters in a query is each one's own.
"""

from __future__ import annotations

import json
import string
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadRequest, KeyRefused
from shared.exchanges.base import Leverage, PlaceOrder, PlaceTrigger, Request, Signed
from shared.exchanges.gate.wire import GateVenue, GateWire
from shared.model import Credentials, Owner

KEY = "0123456789abcdef0123456789abcdef"
SECRET = "fedcba9876543210" * 4
CREDENTIALS = Credentials(KEY, SECRET)
AT_S = 1_700_000_000
VENUE = GateVenue()
WIRE = GateWire(Owner("u-1", "a-1", "gate", "paper"), "15564602")

BUY = PlaceOrder("BTC_USDT", "buy", "limit", "10", "30000", "gtc", False, "t-abc123")
STOP = PlaceTrigger("BTC_USDT", "long", "stop_loss", "61000", "mark", "25", "t-sl01")


# Known signatures.

REST_SIGNATURES = {
    "GET orders": (
        Request("GET", "/futures/usdt/orders", (("contract", "BTC_USDT"), ("status", "open"))),
        "9524fc93a5894bc3e3fd0eadddbd6d6ca396ee86b35500b6a63a165ed2db6c2d"
        "25ababbbd299d0ec78ac1cf777a2eb49df4abcd1ef9a420b77ec06b129beba7a",
    ),
    "POST order": (
        WIRE.place(BUY, None),
        "d1ec2a950f909d193f577677982bb1649bc0eb160234a3afcb7b2072240d1efe"
        "da983592970fe1520be71faa25a977c0fbf885c017a85b742d65f96971a2de5b",
    ),
    "DELETE by text": (
        WIRE.cancel("BTC_USDT", "t-abc123"),
        "06ce9758ca9195fc5d993a80b50ee5bb7c2c5db9aeae46b2d645187572e04e6e"
        "afc14764ea85c34132365ce02a4e3ca660b5c85e125733b5e5b5a65e6f9bac6e",
    ),
    "POST cross leverage": (
        WIRE.set_leverage("BTC_USDT", Leverage("10", "cross")),
        "2e5a273df98e9ac2fe0605f73333265b11a360ab41b61fcd83dc5034dad20fc9"
        "943b8db95dc7424d0686461eefe79ecccef4e52cf4fbb53df1918191497915a6",
    ),
    "GET detail": (
        Request("GET", "/account/detail"),
        "259c1dd6161e2ccc61727d01d6f6e34b1c32424e4d4273837eff1f68af47be12"
        "02784d393735e75bae000093d1bd99dbc245e15d23ca4894c3131111c8a46757",
    ),
    "POST dual mode": (
        Request("POST", "/futures/usdt/dual_mode", (("dual_mode", "true"),)),
        "f5ab5ab7d904fdb06acb03c0ed29af4e642d4fa5acbcfc0a836087501e16067a"
        "b7f65289a1055e7a3c394d13d7b5965d186b4ace00dd7370811b821960c4a75a",
    ),
    "GET a name that is not ASCII": (
        Request("GET", "/futures/usdt/orders", (("contract", "币安人生_USDT"), ("status", "open"))),
        "ef53d1d3073b183b4106df690633df3b44f8400607dbd1729d9743ed97583f30"
        "28fe7692952ca976c244c171d3660ab5e9fe4eaf1d8f19e020b849d678f60e84",
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
}


@pytest.mark.parametrize("name", REST_SIGNATURES)
def test_a_request_has_the_known_signature(name: str) -> None:
    """The vectors were made with the SDK's and ccxt's own signers."""
    request, signature = REST_SIGNATURES[name]

    assert VENUE.sign(request, CREDENTIALS, AT_S).headers["SIGN"] == signature


def test_every_channel_is_signed_for_its_moment() -> None:
    """A subscription signed for another time is refused, so the time in the frame is the one that was signed."""
    frames = {s.key: json.loads(s.frame) for s in WIRE.subscriptions(CREDENTIALS, AT_S + 0.7)}

    assert {channel: frame["auth"]["SIGN"] for channel, frame in frames.items()} == CHANNEL_SIGNATURES
    assert {frame["time"] for frame in frames.values()} == {AT_S}
    assert frames["futures.orders"]["payload"] == ["15564602", "!all"]
    assert frames["futures.balances"]["payload"] == ["15564602"]
    assert all(frame["auth"]["KEY"] == KEY and frame["auth"]["method"] == "api_key" for frame in frames.values())


def test_the_path_in_the_url_is_encoded_and_the_query_is_signed_as_it_reads() -> None:
    """The venue decodes the query before it checks; an encoded one would be a wrong signature."""
    signed = VENUE.sign(REST_SIGNATURES["GET a name that is not ASCII"][0], CREDENTIALS, AT_S)

    assert signed.path == ("/futures/usdt/orders?contract=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9F_USDT&status=open")


def test_an_expiry_is_a_header_and_no_part_of_what_is_signed() -> None:
    signed = VENUE.sign(WIRE.place(BUY, 1_700_000_005_000), CREDENTIALS, AT_S)

    assert signed.headers["x-gate-exptime"] == "1700000005000"
    assert signed.headers["SIGN"] == REST_SIGNATURES["POST order"][1]


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


# The official SDK, unmodified, with its transport in our hands.


class Sent:
    """A request as a witness sent it."""

    def __init__(self, method: str, url: str, headers: dict[str, str], body: str | bytes | None) -> None:
        parts = urlsplit(url)
        self.method, self.path, self.headers = method, parts.path, headers
        self.query = dict(parse_qsl(parts.query))
        self.body = body.encode() if isinstance(body, str) else body or b""


class _Transport:
    """Stands where urllib3's pool manager would, and answers like the venue."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []

    def request(self, method: str, url: str, **options: Any) -> Any:
        fields = options.get("fields") or []
        query = "&".join(f"{name}={value}" for name, value in fields)
        self.sent.append(Sent(method, f"{url}?{query}" if query else url, options["headers"], options.get("body")))

        class Answer:
            status, reason, data = 200, "OK", b"null"

            def getheaders(self) -> dict[str, str]:
                return {}

            def getheader(self, name: str, default: str | None = None) -> str | None:
                return default

        return Answer()


def sdk_sends(ask: Callable[[Any, Any], Any], monkeypatch: pytest.MonkeyPatch) -> Sent:
    gate_api = pytest.importorskip("gate_api")
    client = gate_api.ApiClient(gate_api.Configuration(key=KEY, secret=SECRET))
    transport = client.rest_client.pool_manager = _Transport()
    monkeypatch.setattr("gate_api.api_client.time.time", lambda: AT_S)
    ask(gate_api, gate_api.FuturesApi(client))
    return transport.sent[0]


def sdk_order(sdk: Any, **fields: Any) -> Any:
    return sdk.FuturesOrder(contract="BTC_USDT", text="t-abc123", **fields)


def sdk_trigger(sdk: Any, initial: dict[str, Any], trigger: dict[str, Any], order_type: str) -> Any:
    return sdk.FuturesPriceTriggeredOrder(
        initial=sdk.FuturesInitialOrder(contract="BTC_USDT", price="0", tif="ioc", text="t-sl01", **initial),
        trigger=sdk.FuturesPriceTrigger(strategy_type=0, **trigger),
        order_type=order_type,
    )


SDK_INTENTS: dict[str, tuple[Request, Callable[[Any, Any], Any]]] = {
    "a limit order": (
        WIRE.place(BUY, None),
        lambda sdk, api: api.create_futures_order("usdt", sdk_order(sdk, size=10, price="30000", tif="gtc")),
    ),
    "a market order that reduces": (
        WIRE.place(PlaceOrder("BTC_USDT", "sell", "market", "25", None, "ioc", True, "t-abc123"), None),
        lambda sdk, api: api.create_futures_order(
            "usdt", sdk_order(sdk, size=-25, price="0", tif="ioc", reduce_only=True)
        ),
    ),
    "a part of a contract": (
        WIRE.place(PlaceOrder("BTC_USDT", "sell", "limit", "0.30", "30000.5", "post_only", False, "t-abc123"), None),
        lambda sdk, api: api.create_futures_order("usdt", sdk_order(sdk, size="-0.3", price="30000.5", tif="poc")),
    ),
    "an order that expires": (
        WIRE.place(BUY, 1_700_000_005_000),
        lambda sdk, api: api.create_futures_order(
            "usdt", sdk_order(sdk, size=10, price="30000", tif="gtc"), x_gate_exptime="1700000005000"
        ),
    ),
    "closing in one-way mode": (
        WIRE.close("BTC_USDT", "long", "t-abc123", None),
        lambda sdk, api: api.create_futures_order("usdt", sdk_order(sdk, size=0, price="0", tif="ioc", close=True)),
    ),
    "closing in hedge mode": (
        WIRE.close("BTC_USDT", "short", "t-abc123", None, hedged=True),
        lambda sdk, api: api.create_futures_order(
            "usdt", sdk_order(sdk, size=0, price="0", tif="ioc", reduce_only=True, auto_size="close_short")
        ),
    ),
    "cancelling": (
        WIRE.cancel("BTC_USDT", "58828270140077001"),
        lambda sdk, api: api.cancel_futures_order("usdt", "58828270140077001"),
    ),
    "asking for one order": (
        WIRE.order("BTC_USDT", None, "t-abc123").request,
        lambda sdk, api: api.get_futures_order("usdt", "t-abc123"),
    ),
    "isolated leverage": (
        WIRE.set_leverage("BTC_USDT", Leverage("5", "isolated")),
        lambda sdk, api: api.update_position_leverage("usdt", "BTC_USDT", "5"),
    ),
    "cross leverage": (
        WIRE.set_leverage("BTC_USDT", Leverage("10", "cross")),
        lambda sdk, api: api.update_position_leverage("usdt", "BTC_USDT", "0", cross_leverage_limit="10"),
    ),
    "leverage in hedge mode": (
        WIRE.set_leverage("BTC_USDT", Leverage("5", "isolated"), hedged=True),
        lambda sdk, api: api.update_dual_mode_position_leverage("usdt", "BTC_USDT", "5"),
    ),
    "reading leverage": (
        WIRE.leverage("BTC_USDT"),
        lambda sdk, api: api.get_position("usdt", "BTC_USDT"),
    ),
    "a stop-loss on a part": (
        WIRE.place_trigger(STOP),
        lambda sdk, api: api.create_price_triggered_order(
            "usdt",
            sdk_trigger(
                sdk,
                {"size": -25, "reduce_only": True},
                {"price_type": 1, "price": "61000", "rule": 2},
                "plan-close-long-position",
            ),
        ),
    ),
    "a take-profit on all of a short": (
        WIRE.place_trigger(PlaceTrigger("BTC_USDT", "short", "take_profit", "55000.5", "last", None, "t-sl01")),
        lambda sdk, api: api.create_price_triggered_order(
            "usdt",
            sdk_trigger(
                sdk,
                {"size": 0, "close": True},
                {"price_type": 0, "price": "55000.5", "rule": 2},
                "close-short-position",
            ),
        ),
    ),
    "a take-profit on all of a long in hedge mode": (
        WIRE.place_trigger(
            PlaceTrigger("BTC_USDT", "long", "take_profit", "99000", "index", None, "t-sl01", hedged=True)
        ),
        lambda sdk, api: api.create_price_triggered_order(
            "usdt",
            sdk_trigger(
                sdk,
                {"size": 0, "close": False, "auto_size": "close_long"},
                {"price_type": 2, "price": "99000", "rule": 1},
                "close-long-position",
            ),
        ),
    ),
    "cancelling a trigger": (
        WIRE.cancel_trigger("2007047737421336577"),
        lambda sdk, api: api.cancel_price_triggered_order("usdt", 2007047737421336577),
    ),
    "open orders": (
        WIRE.snapshot(0)[0].request,
        lambda sdk, api: api.list_futures_orders("usdt", "open", limit=100, offset=0),
    ),
    "orders since": (
        WIRE.snapshot(1_699_999_990_000)[1].request,
        lambda sdk, api: api.get_orders_with_time_range("usdt", _from=1_699_999_990, limit=100, offset=0),
    ),
    "fills since": (
        WIRE.snapshot(1_699_999_990_000)[2].request,
        lambda sdk, api: api.get_my_trades_with_time_range("usdt", _from=1_699_999_990, limit=100, offset=0),
    ),
    "open triggers": (
        WIRE.open_triggers("BTC_USDT").request,
        lambda sdk, api: api.list_price_triggered_orders("usdt", "open", contract="BTC_USDT", limit=100, offset=0),
    ),
    "positions": (
        WIRE.positions().request,
        lambda sdk, api: api.list_positions("usdt", limit=100, offset=0),
    ),
    "the account": (
        VENUE.identity(),
        lambda sdk, api: api.list_futures_accounts("usdt"),
    ),
}


def body_of(words: bytes) -> Any:
    """As a value. Both witnesses may say `false` where we say nothing: it is the venue's default."""

    def told(value: Any) -> Any:
        return {k: told(v) for k, v in value.items() if v is not False} if isinstance(value, dict) else value

    return told(json.loads(words)) if words else None


def assert_same(signed: Signed, request: Request, sent: Sent) -> None:
    parts = urlsplit(signed.path)
    assert request.method == sent.method
    assert f"/api/v4{parts.path}" == sent.path
    assert dict(parse_qsl(parts.query)) == sent.query
    assert body_of(signed.body) == body_of(sent.body)
    for header in ("KEY", "Timestamp", "Content-Type"):
        assert signed.headers[header] == str(sent.headers[header])
    assert our_signature(sent) == sent.headers["SIGN"]


def our_signature(sent: Sent) -> str:
    """Ours over the very words and bytes that the witness sent, in its order."""
    theirs = Request(sent.method, sent.path.removeprefix("/api/v4"), tuple(sent.query.items()), sent.body)
    return VENUE.sign(theirs, CREDENTIALS, AT_S).headers["SIGN"]


@pytest.mark.parametrize("intent", SDK_INTENTS)
def test_our_request_is_the_sdks_for_the_same_intent(intent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Method, path, query, body, headers and signature; the SDK's code runs unmodified up to its transport."""
    request, ask = SDK_INTENTS[intent]
    sent = sdk_sends(ask, monkeypatch)
    signed = VENUE.sign(request, CREDENTIALS, AT_S)

    assert_same(signed, request, sent)
    assert signed.headers.get("x-gate-exptime") == sent.headers.get("x-gate-exptime")


# ccxt, unmodified, with its fetch in our hands.


async def ccxt_sends(ask: Callable[[Any], Awaitable[Any]]) -> Sent:
    ccxt = pytest.importorskip("ccxt.async_support")
    exchange = ccxt.gate({"apiKey": KEY, "secret": SECRET, "options": {"defaultType": "swap", "unifiedAccount": False}})
    contract = {
        "name": "BTC_USDT",
        "quanto_multiplier": "0.0001",
        "order_price_round": "0.1",
        "order_size_min": "1",
        "order_size_max": "1000000",
        "leverage_min": "1",
        "leverage_max": "125",
        "maker_fee_rate": "-0.0001",
        "taker_fee_rate": "0.0005",
        "mark_price": "30000",
        "order_price_deviate": "0.5",
        "create_time": 1600000000,
        "in_delisting": False,
    }
    exchange.set_markets([exchange.parse_contract_market(contract, "usdt")])
    exchange.milliseconds = lambda: AT_S * 1000
    sent: list[Sent] = []

    async def fetch(url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        sent.append(Sent(method, url, headers, body))
        return {} if method != "GET" else []

    exchange.fetch = fetch
    try:
        await ask(exchange)
    finally:
        await exchange.close()
    return sent[-1]


# What ccxt says otherwise for the same intent, and why that is the same to the venue.
CCXT_INTENTS: dict[str, tuple[Request, Callable[[Any], Awaitable[Any]], dict[str, str], dict[str, Any]]] = {
    "a limit order; gtc is the venue's default": (
        WIRE.place(BUY, None),
        lambda x: x.create_order("BTC/USDT:USDT", "limit", "buy", 10, 30000, {"text": "t-abc123"}),
        {},
        {"tif": "gtc"},
    ),
    "a market order": (
        WIRE.place(PlaceOrder("BTC_USDT", "sell", "market", "25", None, "ioc", True, "t-abc123"), None),
        lambda x: x.create_order("BTC/USDT:USDT", "market", "sell", 25, None, {"text": "t-abc123", "reduceOnly": True}),
        {},
        {},
    ),
    "cancelling; the contract is not needed for an id": (
        WIRE.cancel("BTC_USDT", "58828270140077001"),
        lambda x: x.cancel_order("58828270140077001", "BTC/USDT:USDT"),
        {"contract": "BTC_USDT"},
        {},
    ),
    "isolated leverage": (
        WIRE.set_leverage("BTC_USDT", Leverage("5", "isolated")),
        lambda x: x.set_leverage(5, "BTC/USDT:USDT"),
        {},
        {},
    ),
    "one position": (WIRE.leverage("BTC_USDT"), lambda x: x.fetch_position("BTC/USDT:USDT"), {}, {}),
    "the account": (VENUE.identity(), lambda x: x.fetch_balance({"type": "swap"}), {}, {}),
}


@pytest.mark.parametrize("intent", CCXT_INTENTS)
async def test_our_request_means_the_same_as_ccxts(intent: str) -> None:
    """Two independent readings of the manual agree, but for what the intent's name explains."""
    request, ask, more_query, more_body = CCXT_INTENTS[intent]
    sent = await ccxt_sends(ask)
    signed = VENUE.sign(request, CREDENTIALS, AT_S)

    assert request.method == sent.method
    assert f"/api/v4{urlsplit(signed.path).path}" == sent.path
    assert dict(parse_qsl(urlsplit(signed.path).query)) | more_query == sent.query
    if signed.body:
        assert body_of(signed.body) == body_of(sent.body) | more_body
    assert our_signature(sent) == sent.headers["SIGN"]
    for header in ("KEY", "Timestamp", "X-Gate-Size-Decimal"):
        assert signed.headers[header] == sent.headers[header]


# Ids, sizes and names.


@given(st.text(max_size=80))
def test_an_own_client_order_id_can_always_be_sent_and_is_always_the_same(key: str) -> None:
    made = VENUE.client_order_id(None, key)

    assert made.startswith("t-ow") and len(made) <= 30
    assert set(made) <= set(string.ascii_lowercase + string.digits + "-")
    assert made == VENUE.client_order_id(None, key) == VENUE.client_order_id(made, "")


@given(st.lists(st.text(max_size=20), unique=True, max_size=20))
def test_different_keys_give_different_client_order_ids(keys: list[str]) -> None:
    assert len({VENUE.client_order_id(None, key) for key in keys}) == len(keys)


@pytest.mark.parametrize(("wanted", "sent"), [("abc", "t-abc"), ("t-abc", "t-abc"), ("A.b_c-9", "t-A.b_c-9")])
def test_a_callers_client_order_id_gets_the_prefix_once(wanted: str, sent: str) -> None:
    assert VENUE.client_order_id(wanted, "key") == sent


@pytest.mark.parametrize("wanted", ["", "t-", "x" * 29, "t-" + "x" * 29, "a b", "ä", "a/b", "a\n"])
def test_a_client_order_id_that_cannot_be_sent_is_refused_by_name(wanted: str) -> None:
    with pytest.raises(BadRequest) as refused:
        VENUE.client_order_id(wanted, "key")

    assert refused.value.fields[0][0] == "client_order_id"


@pytest.mark.parametrize("order_id", ["", ".", "..", "a/b", "1?contract=X", "x" * 65, "1\n", "%2e"])
def test_an_id_that_is_none_never_becomes_a_url(order_id: str) -> None:
    """`DELETE /orders/` with nothing behind it would be about all orders."""
    for ask in (
        lambda: WIRE.cancel("BTC_USDT", order_id),
        lambda: WIRE.cancel_trigger(order_id),
        lambda: WIRE.order("BTC_USDT", order_id),
    ):
        with pytest.raises(BadRequest):
            ask()


@pytest.mark.parametrize("name", ["BTC_USDT", "BTC/USDT", "BTC/USDT:USDT", " btc_usdt "])
def test_either_spelling_of_a_symbol_is_understood(name: str) -> None:
    assert VENUE.symbol(name) == "BTC_USDT"
    assert VENUE.instrument(VENUE.symbol(name)) == "BTC/USDT:USDT"


@pytest.mark.parametrize("name", ["", "BTC", "BTC/USD", "BTC/USDT:BTC", "_USDT", "A/B/C", "B&C_USDT", "../x_USDT"])
def test_a_symbol_of_another_kind_is_refused_by_name(name: str) -> None:
    with pytest.raises(BadRequest) as refused:
        VENUE.symbol(name)

    assert refused.value.fields[0][0] == "symbol"


@given(
    st.decimals(min_value="0.000000000000000001", max_value="1000000000000", allow_nan=False, places=18),
    st.sampled_from(["buy", "sell"]),
)
def test_a_size_keeps_every_digit_and_its_sign_says_the_side(size: Any, side: str) -> None:
    """Whole numbers go as JSON integers, fractions as text; neither passes through a float."""
    order = PlaceOrder("BTC_USDT", side, "limit", format(size, "f"), "1", "gtc", False, "t-x")
    sent = json.loads(WIRE.place(order, None).body)["size"]

    assert isinstance(sent, int) == (size == size.to_integral_value())
    assert type(size)(sent) == (size if side == "buy" else size.copy_negate())


@pytest.mark.parametrize("size", ["0", "-1", "NaN", "Infinity", "1e999999", "", "x"])
def test_a_size_that_is_none_is_refused_by_name(size: str) -> None:
    with pytest.raises(BadRequest) as refused:
        WIRE.place(PlaceOrder("BTC_USDT", "buy", "limit", size, "1", "gtc", False, "t-x"), None)

    assert refused.value.fields[0][0] == "size"


@pytest.mark.parametrize(
    ("field", "ask"),
    [
        ("leverage", lambda: WIRE.set_leverage("BTC_USDT", Leverage("0", "isolated"))),
        ("margin_mode", lambda: WIRE.set_leverage("BTC_USDT", Leverage("5", "portfolio"))),
        ("position_side", lambda: WIRE.close("BTC_USDT", "both", "t-x", None, hedged=True)),
        (
            "price_type",
            lambda: WIRE.place_trigger(PlaceTrigger("B_USDT", "long", "stop_loss", "1", "bid", None, "t-x")),
        ),
        ("purpose", lambda: WIRE.place_trigger(PlaceTrigger("B_USDT", "up", "stop_loss", "1", "last", None, "t-x"))),
        ("type", lambda: WIRE.place(PlaceOrder("B_USDT", "buy", "stop", "1", "1", "gtc", False, "t-x"), None)),
        (
            "time_in_force",
            lambda: WIRE.place(PlaceOrder("B_USDT", "buy", "limit", "1", "1", "gtd", False, "t-x"), None),
        ),
        ("price", lambda: WIRE.place(PlaceOrder("B_USDT", "buy", "limit", "1", None, "gtc", False, "t-x"), None)),
    ],
)
def test_a_wish_that_the_venue_has_no_word_for_is_refused_by_name(field: str, ask: Callable[[], Any]) -> None:
    """Leverage 0 above all: here it would not mean none but cross."""
    with pytest.raises(BadRequest) as refused:
        ask()

    assert refused.value.fields[0][0] == field
