"""One REST call as the door sees it, the reply it gets, and refusals in OKX's codes.

Handlers take a `Call` and answer a `Reply`; they do no I/O. What a call asks is read through `Said`, whether it stood
in the query, in a body or in a frame: everything is text, and empty text is nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from shared.paper.exchange import Member
from shared.paper.listing import Listing
from shared.paper.wallets import CoinAccount

if TYPE_CHECKING:
    from shared.paper.okx.door import OkxDoor

Row = dict[str, Any]
DIGITS_MAX = 30
NAME = re.compile(r"[A-Za-z0-9]{1,32}")
TAG = re.compile(r"[A-Za-z0-9]{1,16}")

STATUS = {
    "50000": 400, "50001": 503, "50002": 400, "50004": 400, "50006": 400, "50013": 429, "50014": 400, "50016": 400,
    "50026": 500, "50100": 400, "50115": 405, "51000": 400, "51054": 500, "51149": 500,
}  # fmt: skip
"""The HTTP status of a refused call, where it is not 200. That of one that is not let in is always 401."""


class OkxError(Exception):
    """A refusal. As a part of an answer it is an item's `sCode`, as the whole of one it is the `code`."""

    def __init__(self, code: str, message: str, *, sub_code: str = "", status: int = 0) -> None:
        super().__init__(f"{code} {message}")
        self.code, self.message, self.sub_code = code, message, sub_code
        self.status = status or STATUS.get(code, 200)

    @property
    def has_data(self) -> bool:
        """Who is not let in, and who comes too often, is not shown any data."""
        return self.status not in (401, 429)

    def to_body(self) -> Row:
        """The whole of an answer."""
        body: Row = {"msg": self.message, "code": self.code}
        return body | ({"data": []} if self.has_data else {})


def wrong(name: str) -> OkxError:
    """No to a parameter."""
    return OkxError("51000", f"Parameter {name} error")


def empty(name: str) -> OkxError:
    """No to a parameter that is not there."""
    return OkxError("50014", f"Parameter {name} can not be empty")


@dataclass(slots=True)
class Reply:
    """Status and JSON. A `rows` reply is wrapped by the door; a body is sent as it stands."""

    rows: list[Any] = field(default_factory=list)
    status: int = 200
    body: Any = None
    code: str = "0"
    message: str = ""
    is_trading: bool = False
    """Whether the door's times go with it."""
    is_html: bool = False
    delay_ms: int = 0
    is_cut: bool = False

    def to_body(self, in_us: int, out_us: int) -> Any:
        """What is sent."""
        if self.body is not None:
            return self.body
        body: Row = {"code": self.code, "msg": self.message, "data": self.rows}
        return body | ({"inTime": str(in_us), "outTime": str(out_us)} if self.is_trading else {})


class Said:
    """What a caller said, by name."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        self.said = said

    def text(self, name: str) -> str:
        """What was said as text; a number counts as its text, null and the empty text as nothing."""
        value = self.said.get(name)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            raise wrong(name)
        return str(value)

    def required(self, name: str) -> str:
        """A text that must be there."""
        value = self.text(name)
        if not value:
            raise empty(name)
        return value

    def one_of(self, name: str, words: Iterable[str], usual: str = "") -> str:
        """One of these words."""
        value = self.text(name) or usual
        if value not in words:
            raise wrong(name) if value else empty(name)
        return value

    def flag(self, name: str) -> bool:
        """A boolean, which may be written as text."""
        value = self.said.get(name)
        if value in (None, "", False, "false"):
            return False
        if value in (True, "true"):
            return True
        raise wrong(name)

    def name(self, name: str, pattern: re.Pattern[str] = NAME) -> str:
        """A name that the caller made up."""
        value = self.text(name)
        if value and not pattern.fullmatch(value):
            raise wrong(name)
        return value

    def number(self, name: str) -> Decimal | None:
        """A number, when there is one."""
        value = self.text(name)
        if not value:
            return None
        try:
            number = Decimal(value)
        except InvalidOperation:
            raise wrong(name) from None
        digits = len(number.as_tuple().digits)
        if not number.is_finite() or abs(number.adjusted()) > DIGITS_MAX or digits > DIGITS_MAX:
            raise wrong(name)
        return number

    def above_zero(self, name: str) -> Decimal:
        """A number that must be there, and above zero."""
        self.required(name)
        number = self.number(name)
        if number is None or number <= 0:
            raise wrong(name)
        return number

    def whole(self, name: str, usual: int, most: int) -> int:
        """A whole number, at most `most`."""
        value = self.text(name)
        if not value:
            return usual
        if not re.fullmatch("[0-9]{1,19}", value):
            raise wrong(name)
        return min(int(value), most)

    def items(self, name: str) -> list[Said]:
        """A list of objects; null and the empty text are none."""
        value = self.said.get(name)
        if value in (None, ""):
            return []
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise wrong(name)
        return [Said(each) for each in value]


@dataclass(slots=True)
class Call:
    """A request, with everything that a signature covers still as it was sent."""

    door: OkxDoor
    method: str
    path: str
    raw_query: str
    raw_body: bytes
    headers: dict[str, str]
    ip: str
    now_ms: int
    caller: Member | None = None
    over_socket: bool = False
    said: Any = None
    """The arguments of a frame, instead of a body."""

    @property
    def member(self) -> Member:
        """Who calls; only for private calls."""
        assert self.caller is not None
        return self.caller

    @property
    def account(self) -> CoinAccount:
        """Whose money it is about; only for private calls."""
        account = self.member.wallets[self.door.venue]
        assert isinstance(account, CoinAccount)
        return account

    @property
    def address(self) -> str:
        """Where the call came from; a forwarder in between says so in the usual header."""
        return self.headers.get("x-forwarded-for", "").partition(",")[0].strip() or self.ip

    @property
    def request_path(self) -> str:
        """The path with its query, as it was sent."""
        return f"{self.path}?{self.raw_query}" if self.raw_query else self.path

    @property
    def query(self) -> Said:
        """The query's parameters, the last of a repeated one."""
        return Said(dict(parse_qsl(self.raw_query, keep_blank_values=True)))

    def json(self) -> Any:
        """The body, with exact numbers."""
        if self.said is not None:
            return self.said
        if not self.raw_body:
            raise OkxError("50000", "Body for POST request cannot be empty.")
        try:
            return json.loads(self.raw_body, parse_float=Decimal, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise OkxError("50002", "JSON syntax error") from error

    def body(self) -> Said:
        """The body, which must be an object."""
        body = self.json()
        if not isinstance(body, dict):
            raise OkxError("50002", "JSON syntax error")
        return Said(body)

    def batch(self, most: int) -> list[Said]:
        """The body, which must be a list of objects."""
        body = self.json()
        if isinstance(body, dict):
            body = [body]
        if not isinstance(body, list) or not all(isinstance(each, dict) for each in body):
            raise OkxError("50002", "JSON syntax error")
        if not body:
            raise OkxError("50000", "Body for POST request cannot be empty.")
        if len(body) > most:
            raise OkxError("51111", f"Maximum {most} orders can be placed in bulk.")
        return [Said(each) for each in body]

    def listing(self, said: Said) -> Listing:
        """The instrument that is meant; over a socket by its code."""
        if not self.over_socket:
            return self.door.listing(said.required("instId"))
        code = said.said.get("instIdCode")
        if code in (None, ""):
            raise empty("instIdCode")
        found = self.door.by_code.get(code) if isinstance(code, int) and not isinstance(code, bool) else None
        if found is None:
            raise OkxError("51001", "Instrument ID, Instrument ID code, or Spread ID doesn't exist.")
        return found


def _no_constant(text: str) -> None:
    raise ValueError(text)
