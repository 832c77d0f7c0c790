"""One REST call as the door sees it, the reply it gets, and the errors in Gate's words.

Handlers take a `Call` and answer a `Reply`; they do no I/O. What they refuse they raise as `GateError`, and the
pipeline turns it into the body with a `label` that Gate's clients branch on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import msgspec

from shared.paper.accounts import Account
from shared.paper.contracts import Contract
from shared.paper.exchange import Member
from shared.paper.listing import Listing
from shared.paper.orders import ZERO, Refusal, Why

if TYPE_CHECKING:
    from shared.paper.gate.door import GateDoor

encode_json = msgspec.json.Encoder(decimal_format="number").encode
"""A Decimal becomes a JSON number with exactly its own digits; what Gate sends as text is text in the row already."""

DIGITS_MAX = 30


class GateError(Exception):
    """A refusal. The futures engine says `detail` where the gateway says `message`, and sometimes neither."""

    def __init__(self, status: int, label: str, message: str = "", *, detail: str = "", code: str = "") -> None:
        """`code` is what the service behind trigger orders adds."""
        super().__init__(label)
        self.status, self.label, self.message, self.detail, self.code = status, label, message, detail, code

    def to_body(self) -> dict[str, str]:
        """Gate's error body."""
        body = {"label": self.label}
        if self.message:
            body["message"] = self.message
        if self.detail:
            body["detail"] = self.detail
        if self.code:
            body["code"] = self.code
        return body


@dataclass(slots=True)
class Reply:
    """Status and JSON; `body` None sends nothing at all."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    is_html: bool = False
    delay_ms: int = 0
    is_cut: bool = False
    is_drained: bool = False
    """Whether its headers are to say that nothing is left of the allowance."""


@dataclass(slots=True)
class Call:
    """A request, with everything that a signature covers still as it was sent."""

    door: GateDoor
    method: str
    path: str
    raw_query: str
    raw_body: bytes
    headers: dict[str, str]
    ip: str
    now_ms: int
    params: dict[str, str] = field(default_factory=dict)
    caller: Member | None = None
    default_text: str = "api"
    paged: tuple[int, int, int] | None = None
    """Limit, offset and how many rows there are, once a list was cut to a page."""

    @property
    def member(self) -> Member:
        """Who calls; only for private calls."""
        assert self.caller is not None
        return self.caller

    @property
    def account(self) -> Account:
        """Whose money it is about; only for private calls."""
        return self.member.wallets[self.door.venue]

    @property
    def address(self) -> str:
        """Where the call came from; a forwarder in between says so in the usual header."""
        return self.headers.get("x-forwarded-for", "").partition(",")[0].strip() or self.ip

    @property
    def is_decimal(self) -> bool:
        """Whether sizes are wanted as text."""
        return self.headers.get("x-gate-size-decimal") == "1"

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters, the last of a repeated one."""
        return dict(parse_qsl(self.raw_query, keep_blank_values=True))

    def required(self, name: str) -> str:
        """A query parameter that must be there."""
        value = self.query.get(name, "")
        if not value:
            raise GateError(400, "MISSING_REQUIRED_PARAM", f"Missing required parameter: {name}")
        return value

    def whole(self, name: str, usual: int, most: int) -> int:
        """A whole number from the query, at most `most`."""
        text = self.query.get(name, "")
        if not text:
            return usual
        if not text.isdecimal() or len(text) > 18:
            raise invalid(name, text)
        return min(int(text), most)

    def page(self, rows: list[Any], most: int = 1000) -> list[Any]:
        """The part of a list that `limit` and `offset` ask for."""
        offset, limit = self.whole("offset", 0, 10**9), self.whole("limit", 100, most)
        self.paged = (limit, offset, len(rows))
        return rows[offset : offset + limit]

    def span(self) -> range:
        """The seconds that `from` and `to` ask for."""
        return range(self.whole("from", 0, 10**12), self.whole("to", 10**12, 10**12) + 1)

    def json(self) -> Any:
        """The body, with exact numbers."""
        try:
            return json.loads(self.raw_body or b"null", parse_float=Decimal, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise GateError(400, "INVALID_REQUEST_BODY", "Invalid request body") from error

    def json_object(self) -> dict[str, Any]:
        """The body, which must be an object."""
        body = self.json()
        if not isinstance(body, dict):
            raise GateError(400, "INVALID_REQUEST_BODY", "Invalid request body")
        return body

    def listing(self, name: object) -> Listing:
        """The contract of this name."""
        listing = self.door.engine.listings.get(name) if isinstance(name, str) else None
        if listing is None:
            raise GateError(400, "CONTRACT_NOT_FOUND")
        return listing

    def contract_asked(self) -> Contract | None:
        """The contract of the query, when it names one."""
        name = self.query.get("contract", "")
        return self.listing(name).contract if name else None


def to_decimal(value: object, name: str) -> Decimal:
    """A number from JSON text or a JSON number, within sane bounds."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise invalid(name, value)
    try:
        number = Decimal(value)
    except (InvalidOperation, ValueError):
        number = Decimal("nan")
    if not number.is_finite() or abs(number.adjusted()) > DIGITS_MAX or len(number.as_tuple().digits) > DIGITS_MAX:
        raise invalid(name, value)
    return number


def to_amount(value: object, name: str) -> Decimal | None:
    """A number above zero; left out, empty or zero is none."""
    number = ZERO if value in (None, "") else to_decimal(value, name)
    if number < 0:
        raise invalid(name, value)
    return number or None


def invalid(name: str, value: object) -> GateError:
    """The gateway's no to a parameter."""
    return GateError(400, "INVALID_PARAM_VALUE", f"Invalid request parameter `{name}` value: {str(value)[:40]}")


def to_flag(value: object, name: str) -> bool:
    """A JSON boolean; null counts as left out."""
    if value is None or isinstance(value, bool):
        return bool(value)
    raise invalid(name, value)


def _no_constant(text: str) -> None:
    raise ValueError(text)


LABELS: dict[Why, str] = {
    Why.MARGIN: "INSUFFICIENT_AVAILABLE",
    Why.SIZE: "INVALID_PARAM_VALUE",
    Why.SIZE_TOO_LARGE: "SIZE_TOO_LARGE",
    Why.PRICE: "INVALID_PARAM_VALUE",
    Why.PRICE_DEVIATES: "PRICE_TOO_DEVIATED",
    Why.MARKET_NEEDS_IOC: "INVALID_ARGUMENT",
    Why.POST_WOULD_TAKE: "ORDER_POC_IMMEDIATE",
    Why.FOK_WOULD_REST: "ORDER_FOK",
    Why.NO_POSITION: "POSITION_EMPTY",
    Why.WOULD_INCREASE: "INCREASE_POSITION",
    Why.REDUCES_TOO_MUCH: "REDUCE_EXCEEDED",
    Why.NOT_IN_DUAL: "POSITION_DUAL_MODE",
    Why.ONLY_IN_DUAL: "INVALID_PARAM_VALUE",
    Why.TOO_MANY_ORDERS: "TOO_MANY_ORDERS",
    Why.NOT_OPEN: "ORDER_FINISHED",
    Why.NO_CHANGE: "NO_CHANGE",
    Why.LEVERAGE_TOO_HIGH: "LEVERAGE_TOO_HIGH",
    Why.LEVERAGE_TOO_LOW: "LEVERAGE_TOO_LOW",
    Why.HAS_POSITION: "POSITION_HOLDING",
    Why.HAS_ORDERS: "ORDER_PENDING",
    Why.NO_COUNTERPARTY: "CONTRACT_NO_COUNTER",
    Why.RISK_LIMIT: "RISK_LIMIT_EXCEEDED",
    Why.TRIGGER_TOO_LOW: "AUTO_TRIGGER_PRICE_GREATE_LAST",
    Why.TRIGGER_TOO_HIGH: "AUTO_TRIGGER_PRICE_LESS_LAST",
}

MESSAGES: dict[Why, str] = {
    Why.SIZE: "Invalid request parameter `size` value: {}",
    Why.PRICE: "Invalid request parameter `price` value: {}",
    Why.ONLY_IN_DUAL: "Invalid request parameter `auto_size` value",
    Why.NO_CHANGE: "No change is made",
    Why.TRIGGER_TOO_LOW: "invalid argument: Trigger.Price must > last_price",
    Why.TRIGGER_TOO_HIGH: "invalid argument: Trigger.Price must < last_price",
}


def to_error(refusal: Refusal) -> GateError:
    """The engine's no in Gate's words."""
    label = LABELS[refusal.why]
    if refusal.why is Why.SIZE and refusal.detail in ("0", ""):
        return GateError(400, "INVALID_ARGUMENT", detail="invalid size")
    if refusal.why is Why.MARKET_NEEDS_IOC:
        return GateError(400, label, detail="invalid TIF")
    if refusal.why in MESSAGES:
        return GateError(400, label, MESSAGES[refusal.why].format(refusal.detail))
    return GateError(400, label, detail=refusal.detail)
