"""Anything at all, sent to every route: the door answers in its own words and stays what it was."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.paper.exchange import Exchange
from shared.paper.gate.door import GateDoor
from shared.paper.gate.routes import ROUTES
from shared.paper.gate.trading_api import COMMANDS
from tests.paper.gate_client import GateClient, GateListener

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["BTC_USDT", "0", "1", "-1", "1e400", "t-x", "gtc", "ioc", "close_long", "9" * 40, "0.00001"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(
        st.sampled_from(["contract", "size", "price", "tif", "rule", "order_id"]), st.integers(), max_size=2
    ),
)
NAMES = st.sampled_from(
    ["contract", "size", "price", "tif", "text", "close", "reduce_only", "auto_size", "iceberg", "mode", "timeout",
     "initial", "trigger", "order_type", "order_id", "amend_text", "action_mode", "stp_act", "market_order_slip_ratio",
     "tpsl_tp_trigger_price", "tpsl_sl_trigger_price", "amount", "trigger_price", "price_type", "rule", "expiration"]
)  # fmt: skip
OBJECTS = st.dictionaries(NAMES, ODD, max_size=8)
BODIES = st.one_of(ODD, OBJECTS, st.lists(OBJECTS, max_size=2))
WORDS = st.sampled_from(["BTC_USDT", "0", "5", "-1", "1e99", "true", "open", "finished"])
TEXTS = st.one_of(st.text(max_size=6), WORDS)
PARAMETERS = (
    "contract limit offset status leverage cross_leverage_limit change from to interval last_id dual_mode position_mode"
    " margin_mode dual_side side with_id risk_limit holding table_id at pnl text action_mode type role order"
)
QUERIES = st.dictionaries(st.sampled_from(PARAMETERS.split()), TEXTS, max_size=6)

door = GateDoor(Exchange(), limits_on=False)
client = GateClient(door, door.exchange.open_member({"stp_group": 3}))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(ROUTES), TEXTS, QUERIES, BODIES)
def test_whatever_is_sent_to_a_route_is_answered(route: Any, part: str, query: dict[str, str], body: object) -> None:
    """An exception in the door would be a 500 that the venue never says."""
    name = quote(part or "x", safe="")
    path = route.pattern.replace("{contract}", name).replace("{order}", name)
    reply = client.call(route.method, path, query, body)

    assert reply.status in (200, 201, 400, 404)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["time", "id", "channel", "event", "payload", "auth"]), ODD, max_size=6), TEXTS)
def test_whatever_is_said_on_a_socket_is_answered(frame: dict[str, Any], word: str) -> None:
    """One frame in, one answer out; nothing that a client says may end another client's connection."""
    listener = GateListener(client)
    listener.say(frame)
    listener.say(frame | {"channel": "futures.orders", "event": "subscribe"})
    listener.say({"channel": f"futures.{word}", "event": "api", "payload": frame})
    answers = listener.heard()
    client.door.stream.disconnect(listener.socket)

    assert len(answers) >= 3


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(COMMANDS)),
    BODIES,
    st.dictionaries(st.sampled_from(["x-gate-exptime", "a"]), ODD, max_size=2),
)
def test_whatever_a_trader_says_is_answered(channel: str, param: object, header: dict[str, Any]) -> None:
    """An acknowledgement and a result, or a result alone, and the socket stays open."""
    listener = GateListener(client)
    listener.socket.trader = client.member
    payload = {"req_id": "r", "req_param": param, "req_header": header}
    listener.say({"time": 1, "channel": channel, "event": "api", "payload": payload})
    answers = listener.heard()
    door.stream.disconnect(listener.socket)

    assert [bool(each.get("ack")) for each in answers] in ([False], [True, False])
    assert answers[-1]["header"]["status"] in ("200", "400", "404") and not listener.transport.is_cut


ORDER = {"contract": "BTC_USDT", "size": 1, "price": "60000", "tif": "gtc", "text": "t-odd"}
STOP = {
    "initial": {"contract": "BTC_USDT", "size": 0, "price": "0", "tif": "ioc", "close": True},
    "trigger": {"strategy_type": 0, "price_type": 0, "price": "1000", "rule": 2, "expiration": 60},
    "order_type": "close-long-position",
}


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(NAMES, ODD, max_size=2), st.sampled_from(["initial", "trigger", ""]), st.booleans())
def test_a_good_order_with_odd_fields_is_answered(odd: dict[str, Any], part: str, is_amend: bool) -> None:
    """Nearly right is what gets furthest into the engine."""
    stop = STOP | (odd if not part else {part: STOP[part] | odd})  # type: ignore[operator]
    replies = [
        client.call("POST", "futures/usdt/orders", None, ORDER | odd),
        client.call("POST", "futures/usdt/batch_orders", None, [ORDER | odd, ORDER]),
        client.call("POST", "futures/usdt/price_orders", None, stop),
        client.call("PUT", "futures/usdt/orders/t-odd", None, odd) if is_amend else client.call("GET", "spot/time"),
        client.call("DELETE", "futures/usdt/orders"),
        client.call("DELETE", "futures/usdt/price_orders"),
    ]

    assert {reply.status for reply in replies} <= {200, 201, 400, 404}
    assert not client.member.wallets["gate"].open_orders
