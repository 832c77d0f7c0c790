"""Gate's wire: requests, signatures and frames. No socket, no sleeping, no clock: the time is an argument.

A signature covers the query as it reads before percent-encoding and the body's exact bytes, so both are made here once
and sent as they are. Leverage is set by a POST whose parameters are in the query and whose body is empty; in the body
they would be refused as a wrong signature.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from shared.errors import KeyRefused, UnknownWord, VenueBusy, VenueError, VenueRefused, VenueUnknown
from shared.exchanges import gate
from shared.exchanges.base import (
    Ack,
    Ask,
    Endpoints,
    Goodbye,
    Lane,
    Leverage,
    Message,
    PartlyRead,
    PlaceOrder,
    PlaceTrigger,
    Pong,
    Refusal,
    Reply,
    Request,
    Signed,
    Subscription,
)
from shared.exchanges.gate import NAME, PAGE, convert
from shared.model import Credentials, Fact, Number, Order, Owner, Times, Trigger

FUTURES = f"/futures/{gate.SETTLE}"
NO_BODY_HASH = hashlib.sha512().hexdigest()
SIZE_HEADER = {"X-Gate-Size-Decimal": "1"}
"""Sizes as exact text; without it contracts with fractions are told floored."""
PLAIN_HEADERS = {"Accept": "application/json", "Content-Type": "application/json", **SIZE_HEADER}
LABEL = re.compile(r"[A-Z][A-Z]+(?:_[A-Z]+)*")

T = TypeVar("T")
F = TypeVar("F", bound=Fact)
Readable = (msgspec.DecodeError, ValueError, ArithmeticError, TypeError, LookupError, AttributeError)
"""What reading garbage can raise."""


# What is true whoever trades.


class GateVenue:
    """Gate.io futures, whoever trades there."""

    name = NAME
    limits = gate.LIMITS

    def endpoints(self, environment: str) -> Endpoints:
        return gate.ENDPOINTS[environment]

    def client_order_id(self, wanted: str | None, key: str) -> str:
        return convert.client_order_id(wanted, key)

    def instrument(self, symbol: str) -> str:
        return convert.instrument(symbol)

    def symbol(self, name: str) -> str:
        return convert.symbol_of(name)

    def sign(self, request: Request, credentials: Credentials | None, at_s: float) -> Signed:
        path, headers = request.path, dict(PLAIN_HEADERS)
        raw_query = ""
        if request.query:
            raw_query = "&".join([f"{name}={value}" for name, value in request.query])
            path = f"{path}?{'&'.join([f'{name}={_quoted(value)}' for name, value in request.query])}"
        if request.headers:
            headers.update(request.headers)
        if request.expires_at_ms is not None:
            headers["x-gate-exptime"] = str(request.expires_at_ms)
        if credentials is not None and request.private:
            timestamp = str(int(at_s))
            body_hash = hashlib.sha512(request.body).hexdigest() if request.body else NO_BODY_HASH
            words = f"{request.method}\n{gate.API}{request.path}\n{raw_query}\n{body_hash}\n{timestamp}"
            headers["KEY"] = _checked_key(credentials)
            headers["Timestamp"] = timestamp
            headers["SIGN"] = _signature(credentials, words)
        return Signed(path, headers, request.body)

    def connect_headers(self) -> Mapping[str, str]:
        return SIZE_HEADER

    def clock(self) -> Request:
        return Request("GET", "/spot/time", private=False)

    def to_clock_ms(self, reply: Reply) -> int:
        return _read(_CLOCK, reply).server_time

    def is_clock_error(self, error: VenueError) -> bool:
        return error.venue_code in gate.CLOCK_LABELS

    def refusal(self, request: Request, reply: Reply) -> VenueError | None:
        if 200 <= reply.status < 300:
            return None
        label, message = _error_words(reply.body)
        if label in gate.NO_POSITION_LABELS and not request.writes and "/positions/" in request.path:
            return None
        if label == "" and reply.status != 429:
            # A page of some proxy, or a bare 404: it does not say what became of the request.
            return VenueUnknown(NAME, f"HTTP_{reply.status}", "the answer says nothing")
        if label in gate.SERVER_LABELS or (reply.status >= 500 and label not in gate.BUSY_LABELS):
            return (
                VenueUnknown(NAME, label, message)
                if request.writes
                else VenueBusy(NAME, label, message, status=503, retry_after_s=1)
            )
        if label in gate.BUSY_LABELS or reply.status == 429:
            return VenueBusy(
                NAME,
                label or "TOO_MANY_REQUESTS",
                message,
                status=gate.BUSY_LABELS.get(label, 429),
                retry_after_s=_retry_after_s(reply),
            )
        return _refused(label, message, reply.status)

    def identity(self) -> Request:
        """The futures account, for which the futures permission is enough; `/account/detail` may want another."""
        return Request("GET", f"{FUTURES}/accounts")

    def to_identity(self, reply: Reply) -> str:
        said = _read(_IDENTITY, reply)
        if said.user is None and said.user_id is None:
            raise _unreadable("an account without a user id")
        return str(said.user_id if said.user is None else said.user)

    def wire(self, owner: Owner, identity: str) -> GateWire:
        return GateWire(owner, identity)

    def ticker(self, symbol: str) -> tuple[Request, Callable[[Reply], dict[str, Any]]]:
        request = Request("GET", f"{FUTURES}/tickers", (("contract", symbol),), private=False)

        def read(reply: Reply) -> dict[str, Any]:
            rows = _read(_TICKERS, reply)
            if not rows:
                raise VenueRefused(NAME, "CONTRACT_NOT_FOUND", symbol, status=404)
            row = rows[0]
            return {
                "venue": NAME,
                "symbol": row.contract,
                "instrument": convert.instrument(row.contract),
                "last": _text(row.last),
                "bid": _text(row.highest_bid),
                "ask": _text(row.lowest_ask),
                "bid_size": _text(row.highest_size),
                "ask_size": _text(row.lowest_size),
                "mark_price": _text(row.mark_price),
                "index_price": _text(row.index_price),
                "high_24h": _text(row.high_24h),
                "low_24h": _text(row.low_24h),
                "volume_24h": _text(row.volume_24h),
                "change_24h_percent": _text(row.change_percentage),
                "funding_rate": _text(row.funding_rate),
                "at_ms": reply.received_at_ms,
            }

        return request, read

    def instruments(self) -> tuple[Request, Callable[[Reply], list[dict[str, Any]]]]:
        request = Request("GET", f"{FUTURES}/contracts", private=False)
        return request, lambda reply: [_instrument(row) for row in _read(_CONTRACTS, reply)]

    def orderbook(self, symbol: str, limit: int) -> tuple[Request, Callable[[Reply], dict[str, Any]]]:
        query = (("contract", symbol), ("limit", str(max(1, min(limit, 50)))), ("with_id", "true"))
        request = Request("GET", f"{FUTURES}/order_book", query, private=False)

        def read(reply: Reply) -> dict[str, Any]:
            book = _read(_BOOK, reply)
            return {
                "venue": NAME,
                "symbol": symbol,
                "instrument": convert.instrument(symbol),
                "bids": [[convert.number(level.p), convert.number(level.s)] for level in book.bids],
                "asks": [[convert.number(level.p), convert.number(level.s)] for level in book.asks],
                "sequence": None if book.id is None else str(book.id),
                "at_ms": int(book.update * 1000) if book.update else reply.received_at_ms,
            }

        return request, read


# One account's view.


class GateWire:
    """One account at Gate. `identity` is the uid that private channels want to hear."""

    def __init__(self, owner: Owner, identity: str) -> None:
        self.owner, self.identity = owner, identity

    def subscriptions(self, credentials: Credentials, at_s: float) -> list[Subscription]:
        return [
            Subscription(channel, _subscribe(channel, [self.identity, *more], credentials, int(at_s)))
            for channel, more in _CHANNELS.items()
        ]

    def ping(self, at_s: float) -> bytes:
        return b'{"time":%d,"channel":"futures.ping"}' % int(at_s)

    def read(self, frame: bytes | str, received_at_ms: int) -> Message:
        try:
            envelope = _ENVELOPE.decode(frame)
            if envelope.event == "update":
                reader = _PUSHES.get(envelope.channel)
                if reader is not None:
                    rows, to_fact = reader
                    owner = self.owner
                    return [to_fact(row, owner, received_at_ms) for row in rows.decode(envelope.result)]
            return _read_rare(envelope)
        except (UnknownWord, *Readable) as error:
            return self._read_by_row(frame, received_at_ms, error)

    def _read_by_row(self, frame: bytes | str, received_at_ms: int, error: Exception) -> Message:
        """Something in this frame is new. The rows that can be read are still facts; the others are counted."""
        unknown = error if isinstance(error, UnknownWord) else UnknownWord(NAME, "frame", f"{error} in {frame[:80]!r}")
        facts: list[Fact] = []
        try:
            envelope = _ENVELOPE.decode(frame)
            rows, to_fact = _PUSHES[envelope.channel]
            for raw in _RAW_ROWS.decode(envelope.result):
                try:
                    facts.append(to_fact(rows.decode(b"[%b]" % bytes(raw))[0], self.owner, received_at_ms))
                except (UnknownWord, *Readable):
                    continue
        except (UnknownWord, *Readable):
            raise unknown from None
        if facts:
            raise PartlyRead(unknown, facts) from None
        raise unknown from None

    # What a resync asks.

    def snapshot(self, since_ms: int) -> list[Ask]:
        since = str(since_ms // 1000)
        return [
            self._list("orders", (("status", "open"),), self._orders),
            self._list("orders_timerange", (("from", since),), self._orders),
            self._list("my_trades_timerange", (("from", since),), self._fills),
            self.open_triggers(None),
            self._ended_triggers(since_ms),
            self.positions(),
            Ask(Request("GET", f"{FUTURES}/accounts"), self._account),
        ]

    def positions(self, symbol: str | None = None) -> Ask:
        """The list, for one contract too: it has both sides in hedge mode, and an empty answer where there is none."""
        if symbol is None:
            return self._list("positions", (), self._positions)

        def read(reply: Reply) -> list[Fact]:
            return [fact for fact in self._many(_POSITIONS, convert.to_position, reply) if fact.symbol == symbol]

        return self._list("positions", (), read)

    def order(self, symbol: str | None, order_id: str | None, client_order_id: str | None = None) -> Ask:
        name = convert.checked_id("order_id", order_id or client_order_id or "")
        return Ask(Request("GET", f"{FUTURES}/orders/{name}"), lambda reply: [self.to_order(reply)], absent=_is_absent)

    def order_gone(self, known: Order, at_ms: int) -> Order | None:
        """Gate forgets an order that ended without a fill after ten minutes, and never one that is open or was filled.

        So this must be asked only after all fills were merged into `known`: then nothing more can have happened to it.
        """
        if known.is_final():
            return None
        times = Times(at_ms, at_ms, known.times.recorded)
        return msgspec.structs.replace(known, status="cancelled", cause="gone", updated_at_ms=at_ms, times=times)

    # Commands.

    def place(self, order: PlaceOrder, expires_at_ms: int | None) -> Request:
        return _post("orders", convert.from_place(order), Lane.PLACE, expires_at_ms)

    def cancel(self, symbol: str | None, order_id: str) -> Request:
        return _delete(f"orders/{convert.checked_id('order_id', order_id)}")

    def close(
        self,
        symbol: str,
        position_side: str,
        client_order_id: str,
        expires_at_ms: int | None,
        *,
        hedged: bool = False,
    ) -> Request:
        body = convert.from_close(symbol, position_side, client_order_id, hedged)
        return _post("orders", body, Lane.PROTECT, expires_at_ms)

    def leverage(self, symbol: str, *, hedged: bool = False) -> Request:
        return Request("GET", f"{FUTURES}/{'dual_comp/' if hedged else ''}positions/{_quoted(symbol)}")

    def to_leverage(self, reply: Reply) -> Leverage | None:
        """One position or, in hedge mode, two. A contract that was never used is refused, and then nothing is known."""
        if reply.status >= 400:
            return None
        rows = _read(_POSITIONS, _as_array(reply))
        try:
            return convert.to_leverage(rows)
        except (UnknownWord, *Readable) as error:
            raise _unreadable(str(error)) from None

    def set_leverage(self, symbol: str, wanted: Leverage, *, hedged: bool = False) -> Request:
        path = f"{FUTURES}/{'dual_comp/' if hedged else ''}positions/{_quoted(symbol)}/leverage"
        return Request("POST", path, convert.from_leverage(wanted), lane=Lane.PLACE, writes=True)

    def place_trigger(self, trigger: PlaceTrigger) -> Request:
        return _post("price_orders", convert.from_place_trigger(trigger), Lane.PROTECT, None)

    def cancel_trigger(self, trigger_id: str) -> Request:
        return _delete(f"price_orders/{convert.checked_id('trigger_id', trigger_id)}")

    def open_triggers(self, symbol: str | None) -> Ask:
        query = (("status", "open"), *((("contract", symbol),) if symbol else ()))
        return self._list("price_orders", query, self._triggers)

    def trigger(self, trigger_id: str) -> Ask:
        path = f"{FUTURES}/price_orders/{convert.checked_id('trigger_id', trigger_id)}"
        return Ask(Request("GET", path), lambda reply: [self.to_trigger(reply)], absent=_is_absent)

    def to_order(self, reply: Reply) -> Order:
        return self._one(_ORDER, convert.to_order, reply)

    def to_trigger(self, reply: Reply, placed: PlaceTrigger | None = None) -> Trigger:
        if placed is None:
            return self._one(_TRIGGER, convert.to_trigger, reply)
        said = _read(_TRIGGER_ID, reply)
        at_ms = _venue_ms(reply) or reply.received_at_ms
        return convert.placed_trigger(said.id_string or str(said.id), placed, self.owner, at_ms, reply.received_at_ms)

    # Readers.

    def _one(self, row: msgspec.json.Decoder[T], to_fact: Callable[[T, Owner, int], F], reply: Reply) -> F:
        """The answer to a command: when it cannot be read, what became of the command is not known."""
        try:
            return to_fact(row.decode(reply.body), self.owner, reply.received_at_ms)
        except (UnknownWord, *Readable) as error:
            raise _unreadable(str(error)) from None

    def _many(
        self, rows: msgspec.json.Decoder[list[T]], to_fact: Callable[[T, Owner, int], F], reply: Reply
    ) -> list[F]:
        said = _read(rows, reply)
        try:
            return [to_fact(row, self.owner, reply.received_at_ms) for row in said]
        except Readable as error:
            raise UnknownWord(NAME, "row", error) from None

    def _list(
        self,
        name: str,
        query: tuple[tuple[str, str], ...],
        read: Callable[[Reply], list[Fact]],
        offset: int = 0,
    ) -> Ask:
        page = (*query, ("limit", str(PAGE)), ("offset", str(offset)))

        def next_page(reply: Reply) -> Ask | None:
            if len(_read(_RAW_ROWS, reply)) < PAGE:
                return None
            return self._list(name, query, read, offset + PAGE)

        return Ask(Request("GET", f"{FUTURES}/{name}", page), read, next_page)

    def _ended_triggers(self, since_ms: int) -> Ask:
        """One page: those that ended while nobody looked. Older ones are known, or asked for one by one."""
        query = (("status", "finished"), ("limit", str(PAGE)), ("offset", "0"))

        def read(reply: Reply) -> list[Fact]:
            facts = self._many(_TRIGGERS, convert.to_trigger, reply)
            return [fact for fact in facts if (fact.updated_at_ms or 0) >= since_ms]

        return Ask(Request("GET", f"{FUTURES}/price_orders", query), read)

    def _orders(self, reply: Reply) -> list[Fact]:
        return [*self._many(_ORDERS, convert.to_order, reply)]

    def _fills(self, reply: Reply) -> list[Fact]:
        return [*self._many(_FILLS, convert.to_fill, reply)]

    def _triggers(self, reply: Reply) -> list[Fact]:
        return [*self._many(_TRIGGERS, convert.to_trigger, reply)]

    def _positions(self, reply: Reply) -> list[Fact]:
        return [*self._many(_POSITIONS, convert.to_position, reply)]

    def _account(self, reply: Reply) -> list[Fact]:
        def to_fact(row: convert.AccountRow, owner: Owner, received_at_ms: int) -> Fact:
            return convert.from_account(row, owner, received_at_ms, _venue_ms(reply))

        return [self._one(_ACCOUNT, to_fact, reply)]


# Frames.


_CHANNELS: dict[str, list[str]] = {
    "futures.orders": ["!all"],
    "futures.usertrades": ["!all"],
    "futures.positions": ["!all"],
    "futures.balances": [],
    "futures.autoorders": ["!all"],
}
"""What a session follows, and what its payload says after the uid."""

_KNOWN_CHANNELS = frozenset(
    {
        *_CHANNELS,
        "futures.position_closes",
        "futures.liquidates",
        "futures.auto_deleverages",
        "futures.reduce_risk_limits",
        "futures.position_adl_rank",
    }
)


class _Envelope(msgspec.Struct):
    channel: str = ""
    event: str = ""
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: msgspec.Raw = msgspec.Raw(b"null")


class _WsError(msgspec.Struct):
    code: int = 0
    message: str = ""


class _Notice(msgspec.Struct):
    type: str = ""
    msg: str = ""


class _Clock(msgspec.Struct):
    server_time: int


class _Identity(msgspec.Struct):
    user: int | str | None = None
    user_id: int | str | None = None


class _TriggerId(msgspec.Struct):
    id: int | str
    id_string: str = ""


class _Error(msgspec.Struct):
    label: str = ""
    message: str | None = None
    detail: str | None = None


class _Ticker(msgspec.Struct):
    contract: str
    last: Decimal | None = None
    highest_bid: Decimal | None = None
    lowest_ask: Decimal | None = None
    highest_size: Decimal | None = None
    lowest_size: Decimal | None = None
    mark_price: Decimal | None = None
    index_price: Decimal | None = None
    high_24h: Decimal | None = None
    low_24h: Decimal | None = None
    volume_24h: Decimal | None = None
    change_percentage: Decimal | None = None
    funding_rate: Decimal | None = None


class _Contract(msgspec.Struct):
    name: str
    quanto_multiplier: Decimal
    status: str = ""
    in_delisting: bool = False
    order_price_round: Decimal | None = None
    order_size_min: Decimal | None = None
    order_size_max: Decimal | None = None
    enable_decimal: bool = False
    leverage_min: Decimal | None = None
    leverage_max: Decimal | None = None
    maker_fee_rate: Decimal | None = None
    taker_fee_rate: Decimal | None = None


class _Level(msgspec.Struct):
    p: Decimal
    s: Decimal


class _Book(msgspec.Struct):
    asks: list[_Level]
    bids: list[_Level]
    id: int | str | None = None
    update: Decimal | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_RAW_ROWS = msgspec.json.Decoder(list[msgspec.Raw])
_ORDER = msgspec.json.Decoder(convert.OrderRow)
_ORDERS = msgspec.json.Decoder(list[convert.OrderRow])
_FILLS = msgspec.json.Decoder(list[convert.FillRow])
_POSITIONS = msgspec.json.Decoder(list[convert.PositionRow])
_BALANCES = msgspec.json.Decoder(list[convert.BalanceRow])
_ACCOUNT = msgspec.json.Decoder(convert.AccountRow)
_TRIGGER = msgspec.json.Decoder(convert.TriggerRow)
_TRIGGERS = msgspec.json.Decoder(list[convert.TriggerRow])
_TRIGGER_ID = msgspec.json.Decoder(_TriggerId)
_CLOCK = msgspec.json.Decoder(_Clock)
_IDENTITY = msgspec.json.Decoder(_Identity)
_ERROR = msgspec.json.Decoder(_Error)
_WS_ERROR = msgspec.json.Decoder(_WsError)
_NOTICE = msgspec.json.Decoder(_Notice)
_TICKERS = msgspec.json.Decoder(list[_Ticker])
_CONTRACTS = msgspec.json.Decoder(list[_Contract])
_BOOK = msgspec.json.Decoder(_Book)

_PUSHES: dict[str, tuple[msgspec.json.Decoder[Any], Callable[[Any, Owner, int], Fact]]] = {
    "futures.orders": (_ORDERS, convert.to_order),
    "futures.usertrades": (_FILLS, convert.to_fill),
    "futures.positions": (_POSITIONS, convert.to_position),
    "futures.balances": (_BALANCES, convert.from_push),
    "futures.autoorders": (_TRIGGERS, convert.to_trigger),
}


def _read_rare(envelope: _Envelope) -> Message:
    """Everything that is not a push of ours."""
    channel, event = envelope.channel, envelope.event
    if channel == "futures.pong":
        return Pong()
    if bytes(envelope.error) != b"null":
        return Refusal(channel, _ws_refusal(_WS_ERROR.decode(envelope.error)))
    if event == "subscribe":
        return Ack(channel)
    if channel == "futures.system":
        notice = _NOTICE.decode(envelope.result)
        if event == "upgrade" or notice.type == "upgrade":
            return Goodbye(notice.msg or "the venue will close this connection")
        raise UnknownWord(NAME, "system notice", notice.type)
    if channel in _KNOWN_CHANNELS and event in ("update", "unsubscribe"):
        return None
    raise UnknownWord(NAME, "frame", f"{channel} {event}")


def _subscribe(channel: str, payload: list[str], credentials: Credentials, at_s: int) -> bytes:
    words = f"channel={channel}&event=subscribe&time={at_s}"
    return msgspec.json.encode(
        {
            "time": at_s,
            "channel": channel,
            "event": "subscribe",
            "payload": payload,
            "auth": {
                "method": "api_key",
                "KEY": _checked_key(credentials),
                "SIGN": _signature(credentials, words),
            },
        }
    )


def _ws_refusal(error: _WsError) -> VenueError:
    """The label is somewhere in the message, as JSON or as plain text; the number is only a hint."""
    found = LABEL.findall(error.message)
    known = next((label for label in found if label in gate.KEY_LABELS or label in gate.BUSY_LABELS), None)
    if known in gate.BUSY_LABELS:
        return VenueBusy(NAME, known, error.message, status=gate.BUSY_LABELS[known])
    if known is not None or error.code in gate.WS_KEY_CODES:
        code = known or next((label for label in found if "_" in label), f"WS_{error.code}")
        return KeyRefused(NAME, code, error.message, status=gate.KEY_LABELS.get(code, 401))
    if error.code == 3:
        return VenueBusy(NAME, "WS_3", error.message, status=503)
    return VenueRefused(NAME, f"WS_{error.code}", error.message)


# Requests and replies.


def _post(name: str, body: bytes, lane: Lane, expires_at_ms: int | None) -> Request:
    return Request("POST", f"{FUTURES}/{name}", body=body, lane=lane, writes=True, expires_at_ms=expires_at_ms)


def _delete(name: str) -> Request:
    return Request("DELETE", f"{FUTURES}/{name}", lane=Lane.CANCEL, writes=True)


def _quoted(value: str) -> str:
    return value if value.isalnum() and value.isascii() else quote(value, safe="")


@lru_cache(4096)
def _keyed(secret: str) -> hmac.HMAC:
    """The hash with the key already in it: a copy costs less than a new one. Bounded, and gone with the process."""
    return hmac.new(secret.encode(), digestmod=hashlib.sha512)


def _signature(credentials: Credentials, words: str) -> str:
    try:
        keyed = _keyed(credentials.api_secret).copy()
        keyed.update(words.encode())
    except UnicodeEncodeError:
        raise KeyRefused(NAME, "INVALID_SIGNATURE", "the secret holds bytes that no secret here has") from None
    return keyed.hexdigest()


def _checked_key(credentials: Credentials) -> str:
    """A key goes into a header, where odd bytes would break the request."""
    key = credentials.api_key
    if not key.isascii() or not key.isprintable() or not key:
        raise KeyRefused(NAME, "INVALID_KEY", "the key holds bytes that no key here has")
    return key


def _read(decoder: msgspec.json.Decoder[T], reply: Reply) -> T:
    try:
        return decoder.decode(reply.body)
    except Readable as error:
        raise _unreadable(str(error)) from None


def _as_array(reply: Reply) -> Reply:
    body = reply.body.strip()
    return Reply(reply.status, reply.headers, b"[%b]" % body, reply.received_at_ms) if body[:1] == b"{" else reply


def _unreadable(why: str) -> VenueUnknown:
    return VenueUnknown(NAME, "UNREADABLE_ANSWER", why)


def _error_words(body: bytes) -> tuple[str, str]:
    try:
        error = _ERROR.decode(body)
    except Readable:
        return "", ""
    return error.label[:80], (error.detail or error.message or "")[:300]


def _refused(label: str, message: str, status: int) -> VenueError:
    if label in gate.KEY_LABELS:
        return KeyRefused(NAME, label, message, status=gate.KEY_LABELS[label])
    if status in (401, 403):
        return KeyRefused(NAME, label, message, status=status)
    shown = gate.REFUSAL_STATUS.get(label, 404 if status == 404 else 400)
    return VenueRefused(NAME, label, message, status=shown, retryable=label in gate.RETRYABLE_LABELS)


def _is_absent(error: VenueError) -> bool:
    return error.venue_code in gate.ABSENT_LABELS


def _retry_after_s(reply: Reply) -> float:
    """Until the window opens again; the venue tells it as a time of day by its own clock."""
    said = reply.headers.get("Retry-After") or ""
    if said.isdigit():
        return min(float(said), 60.0)
    reset = reply.headers.get("X-Gate-RateLimit-Reset-Timestamp") or ""
    now_s = (_venue_ms(reply) or reply.received_at_ms) / 1000
    return min(max(float(reset) - now_s, 0.2), 10.0) if reset.isdigit() else 1.0


def _venue_ms(reply: Reply) -> int | None:
    """When the venue answered, by its own clock; it tells microseconds."""
    said = reply.headers.get("x-out-time") or ""
    return int(said) // 1000 if said.isdigit() else None


def _text(value: Decimal | None) -> Number | None:
    return None if value is None else convert.number(value)


def _instrument(row: _Contract) -> dict[str, Any]:
    base, _, settle = row.name.rpartition("_")
    whole = not row.enable_decimal
    return {
        "venue": NAME,
        "symbol": row.name,
        "instrument": convert.instrument(row.name),
        "type": "swap",
        "base": base,
        "quote": settle,
        "settle": settle,
        "status": "trading" if row.status in ("", "trading") and not row.in_delisting else "halted",
        "contract_size": _text(row.quanto_multiplier),
        "price_step": _text(row.order_price_round),
        "size_step": "1" if whole else _text(row.order_size_min),
        "size_min": _text(row.order_size_min),
        "size_max": _text(row.order_size_max),
        "leverage_min": _text(row.leverage_min),
        "leverage_max": _text(row.leverage_max),
        "maker_fee": _text(row.maker_fee_rate),
        "taker_fee": _text(row.taker_fee_rate),
    }
