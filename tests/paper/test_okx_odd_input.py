"""Anything at all, sent to every route and every place of OKX's: the door answers in its own words and stays what it
was."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from shared.paper.exchange import Exchange
from shared.paper.okx.door import OkxDoor
from shared.paper.okx.operations import OPERATIONS
from shared.paper.okx.routes import ROUTES
from tests.paper.okx_client import SPOT, SWAP, OkxClient, OkxListener, hold_okx

WORDS = st.sampled_from(
    [SWAP, SPOT, "cross", "isolated", "cash", "buy", "sell", "long", "net", "limit", "market", "oco", "trigger", "SWAP",
     "SPOT", "FUTURES", "conditional", "move_order_stop", "base_ccy", "quote_ccy", "USDT", "6", "18", "-1", "0", "1",
     "5", "0.01", "67000", "1e400", "9" * 40, "true", "live", "canceled", "effective", "2", "long_short_mode", "1H",
     "20"]
)  # fmt: skip
GUARDS = st.dictionaries(st.sampled_from(["slTriggerPx", "slOrdPx", "sz"]), WORDS, max_size=3)
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), WORDS,
    st.lists(st.integers(), max_size=2), st.lists(GUARDS, max_size=2),
)  # fmt: skip
FIELDS = (
    "instId tdMode side posSide ordType sz px tgtCcy reduceOnly clOrdId tag stpMode attachAlgoOrds pxAmendType "
    "ordId reqId newSz newPx cxlOnFail mgnMode autoCxl timeOut algoId algoClOrdId slTriggerPx slOrdPx tpTriggerPx "
    "tpOrdPx triggerPx orderPx callbackRatio callbackSpread activePx closeFraction cxlOnClosePos lever posMode "
    "acctLv ccy amt from to type newSlTriggerPx newTpTriggerPx triggerPxType slTriggerPxType instIdCode"
)
QUERIES = (
    "instType instId instFamily ordType state after before limit begin end ordId clOrdId algoId ccy posId mgnMode "
    "bar sz subType category transId"
)
OBJECTS = st.dictionaries(st.sampled_from(FIELDS.split()), ODD, max_size=8)
BODIES = st.one_of(ODD, OBJECTS, st.lists(OBJECTS, max_size=2))
ARGS = st.dictionaries(st.sampled_from(["channel", "instType", "instId", "ccy", "extraParams"]), ODD, max_size=4)
CHANNELS = st.sampled_from(
    ["orders", "account", "positions", "balance_and_position", "orders-algo", "tickers", "books"]
)

door = OkxDoor(Exchange(), limits_on=False)
hold_okx(door, "67500")
client = OkxClient(door, balances={"USDT": "100000", "BTC": "5"}, funding={"USDT": "100"})
STATUSES = {200, 400, 405}


def sent(value: object) -> bytes:
    """As JSON, whatever it is; what strict JSON has no word for is not sent at all."""
    try:
        return orjson.dumps(value)
    except (TypeError, orjson.JSONEncodeError):
        reject()


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(ROUTES),
    st.dictionaries(st.sampled_from(QUERIES.split()), st.one_of(st.text(max_size=6), WORDS), max_size=6),
    BODIES,
)
def test_whatever_is_sent_to_a_route_is_answered(route: Any, query: dict[str, str], body: object) -> None:
    """An exception in the door would be an answer that the venue never gives."""
    query = {name: value.encode("utf-8", "ignore").decode() for name, value in query.items()}
    reply = client.call(route.method, route.path, query, sent(body) if route.method == "POST" else None)

    assert reply.status in STATUSES
    orjson.dumps(reply.to_body(1, 2))


ORDER = {
    "instId": SWAP,
    "tdMode": "cross",
    "side": "buy",
    "ordType": "limit",
    "sz": "1",
    "px": "67000",
    "clOrdId": "odd",
}
ALGO = {
    "instId": SWAP, "tdMode": "cross", "side": "sell", "ordType": "conditional", "sz": "1", "slTriggerPx": "66000",
    "slOrdPx": "-1",
}  # fmt: skip


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(FIELDS.split()), ODD, max_size=2), st.sampled_from([ORDER, ALGO]))
def test_what_is_nearly_right_is_answered(odd: dict[str, Any], base: dict[str, str]) -> None:
    """That is what gets furthest into the engine; nothing of it makes money or loses it."""
    body, named = sent(base | odd), sent({"instId": SWAP, "clOrdId": "odd"} | odd)
    replies = [
        client.call("POST", "trade/order", None, body),
        client.call("POST", "trade/batch-orders", None, b"[" + body + b"]"),
        client.call("POST", "trade/order-algo", None, body),
        client.call("POST", "trade/amend-order", None, named),
        client.call("POST", "trade/close-position", None, sent({"instId": SWAP, "mgnMode": "cross"} | odd)),
    ]
    for order in list(client.account.open_orders.values()):
        door.engine.cancel(order, 1)
    for algo in list(client.account.triggers.values()):
        door.engine.algos.end(algo, "cancelled", 1)

    assert {reply.status for reply in replies} <= STATUSES
    marks, wallets = door.engine.marks(), door.engine.accounts
    worth = sum((each.balance + each.unrealised(marks) for each in wallets), Decimal(0))
    assert worth + door.engine.fees + door.engine.coin_fees.get("USDT", 0) + door.engine.insurance == 100_000


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(["op", "id", "args", "expTime"]), ODD, max_size=4), ARGS, CHANNELS)
def test_whatever_is_said_on_a_socket_is_answered(frame: dict[str, Any], arg: dict[str, Any], channel: str) -> None:
    """One frame in, one answer out at least; nothing that a client says may end another client's connection."""
    for place in ("private", "business", "public"):
        listener = OkxListener(client, place)
        for said in (
            frame,
            frame | {"op": "subscribe", "args": [arg]},
            frame | {"op": "subscribe", "args": [arg | {"channel": channel}]},
            frame | {"op": "login", "args": [arg]},
        ):
            listener.say(sent(said).decode())
        answers = listener.heard()
        door.stream.disconnect(listener.socket)
        assert len(answers) >= 4


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(OPERATIONS)), st.lists(OBJECTS, max_size=2), st.booleans())
def test_whatever_a_trader_says_is_answered(op: str, args: list[Any], has_code: bool) -> None:
    """With the operation's own name, and the socket stays open."""
    listener = OkxListener(client)
    items = [each | ({"instIdCode": 10459} if has_code else {}) for each in args]
    listener.say(sent({"id": "1", "op": op, "args": items}).decode())
    answers = listener.heard()
    door.stream.disconnect(listener.socket)

    assert [each["op"] for each in answers if "op" in each] == [op] and not listener.transport.is_cut
