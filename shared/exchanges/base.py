"""The questions every venue answers. A venue is facts and two translations; it owns no socket, no clock, no sleep.

`Wire` makes requests and frames and says what came back. Time, identity and credentials are arguments, so a wire can be
tested with plain lists. The loops that connect, sign, send and retry are `socket` and `rest`; they know no venue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from shared.errors import UnknownWord, VenueError
from shared.model import Credentials, Fact, Number, Order, Owner, Trigger


class Lane(StrEnum):
    """What a request is for, in the order in which a tight budget is spent."""

    CANCEL = "cancel"
    PROTECT = "protect"
    PLACE = "place"
    QUERY = "query"


@dataclass(frozen=True, slots=True)
class Request:
    """One REST call before it is signed. `body` is the exact bytes that are signed and sent."""

    method: str
    path: str
    """Behind the base URL, percent-encoded."""
    query: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    lane: Lane = Lane.QUERY
    private: bool = True
    writes: bool = False
    """A write whose answer is lost has an unknown outcome; a read can simply be asked again."""
    expires_at_ms: int | None = None
    """By our clock; after this the venue must not carry it out. `Rest` moves it to the venue's clock."""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes
    received_at_ms: int


@dataclass(frozen=True, slots=True)
class Ask:
    """A question by REST and how its answer is read: as facts, and perhaps as the request for the next page."""

    request: Request
    read: Callable[[Reply], list[Fact]]
    next_page: Callable[[Reply], Ask | None] = lambda _reply: None
    absent: Callable[[VenueError], bool] = lambda _error: False
    """Says whether this refusal is the definite answer "there is no such thing"."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a venue is, in one environment."""

    rest_url: str
    ws_url: str


@dataclass(frozen=True, slots=True)
class Subscription:
    """A frame to send, and the key that its answer will carry."""

    key: str
    frame: bytes


# What a received frame can be. Facts are by far the most frequent, so they come as a plain list.


@dataclass(frozen=True, slots=True)
class Ack:
    """The venue accepted the subscription with this key."""

    key: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """The venue refused the subscription with this key. `error` is KeyRefused when the key itself is not accepted."""

    key: str
    error: VenueError


@dataclass(frozen=True, slots=True)
class Pong:
    """The venue is there."""


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The venue says that it will close this socket soon."""

    reason: str


class PartlyRead(UnknownWord):
    """One row of a frame was unknown; `facts` are the rows that were read."""

    def __init__(self, word: UnknownWord, facts: list[Fact]) -> None:
        super().__init__(word.venue, word.where, word.word)
        self.facts = facts


Message = list[Fact] | Ack | Refusal | Pong | Goodbye | None
"""None is a frame that carries nothing for us."""


class Wire(Protocol):
    """One account's view of a venue's wire. Made by `Venue.wire`; holds the owner that facts are stamped with."""

    def subscriptions(self, credentials: Credentials, at_s: float) -> list[Subscription]:
        """What to send after connecting, signed for this moment; each must be acknowledged before resync."""
        ...

    def ping(self, at_s: float) -> bytes: ...

    def read(self, frame: bytes | str, received_at_ms: int) -> Message:
        """What this frame says. Raises UnknownWord, and nothing else, for what the venue never said before."""
        ...

    # What a resync asks: everything that could have changed while nobody looked.
    def snapshot(self, since_ms: int) -> list[Ask]:
        """Open orders, orders finished and fills since then (nothing is added to it), triggers, positions, balances."""
        ...

    def positions(self, symbol: str | None = None) -> Ask:
        """Positions, also those that are closed: size 0."""
        ...

    def order(self, symbol: str | None, order_id: str | None, client_order_id: str | None = None) -> Ask: ...

    def order_gone(self, known: Order, at_ms: int) -> Order | None:
        """What it means when the venue definitely does not know an order that we knew to be open; None if nothing."""
        ...

    # Commands.
    def place(self, order: PlaceOrder, expires_at_ms: int | None) -> Request: ...

    def cancel(self, symbol: str | None, order_id: str) -> Request: ...

    def close(
        self,
        symbol: str,
        position_side: str,
        client_order_id: str,
        expires_at_ms: int | None,
        *,
        hedged: bool = False,
    ) -> Request:
        """Closes all of a position. `hedged` is `Position.mode == "hedge"`; the venue refuses a wrong guess."""
        ...

    def leverage(self, symbol: str, *, hedged: bool = False) -> Request: ...

    def to_leverage(self, reply: Reply) -> Leverage | None:
        """None when the venue does not say, as for an instrument that the account never used."""
        ...

    def set_leverage(self, symbol: str, wanted: Leverage, *, hedged: bool = False) -> Request: ...

    def place_trigger(self, trigger: PlaceTrigger) -> Request: ...

    def cancel_trigger(self, trigger_id: str) -> Request: ...

    def open_triggers(self, symbol: str | None) -> Ask: ...

    def trigger(self, trigger_id: str) -> Ask: ...

    def to_order(self, reply: Reply) -> Order:
        """The order that a place, close, cancel or get reply shows. Raises VenueUnknown for a reply that shows none."""
        ...

    def to_trigger(self, reply: Reply, placed: PlaceTrigger | None = None) -> Trigger: ...


class Venue(Protocol):
    """What is true of a venue whoever trades there."""

    name: str
    limits: Limits

    def endpoints(self, environment: str) -> Endpoints: ...

    def client_order_id(self, wanted: str | None, key: str) -> str:
        """The text to send: the caller's own, else one made from `key` (same key, same text).
        Raises BadRequest when the caller's text cannot be sent."""
        ...

    def instrument(self, symbol: str) -> str:
        """The unified name of the venue's symbol: `BTC/USDT:USDT`."""
        ...

    def symbol(self, name: str) -> str:
        """The venue's own name for either spelling."""
        ...

    def sign(self, request: Request, credentials: Credentials | None, at_s: float) -> Signed:
        """The exact URL path with query, headers and body to send."""
        ...

    def connect_headers(self) -> Mapping[str, str]: ...

    def clock(self) -> Request:
        """A cheap public call that tells the venue's time."""
        ...

    def to_clock_ms(self, reply: Reply) -> int: ...

    def is_clock_error(self, error: VenueError) -> bool:
        """Says whether this refusal may only mean that our time was off: nothing happened, sign it again."""
        ...

    def refusal(self, request: Request, reply: Reply) -> VenueError | None:
        """The venue's error in our family, or None when the reply is not one."""
        ...

    def identity(self) -> Request:
        """The call that proves a key and names the account."""
        ...

    def to_identity(self, reply: Reply) -> str: ...

    def wire(self, owner: Owner, identity: str) -> Wire: ...

    # Public market data, as our words (dicts of the surface).
    def ticker(self, symbol: str) -> tuple[Request, Callable[[Reply], dict[str, Any]]]: ...

    def instruments(self) -> tuple[Request, Callable[[Reply], list[dict[str, Any]]]]: ...

    def orderbook(self, symbol: str, limit: int) -> tuple[Request, Callable[[Reply], dict[str, Any]]]: ...


@dataclass(frozen=True, slots=True)
class Signed:
    path: str
    """With the query, percent-encoded, ready to be put behind the base URL."""
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Limits:
    """The venue's own rules that the shared loops keep."""

    ping_every_s: float
    silence_max_s: float
    """With nothing received for this long, the socket is dead."""
    resync_overlap_s: float
    """How far before the last sight a resync looks, for events that were late."""
    text_lookup_s: float
    """How long the venue surely finds by its client order id an order that ended without a fill."""
    clock_window_s: float
    """The venue refuses requests whose time is further off than this."""


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """A wish to trade. `size` is positive; `side` says which way."""

    symbol: str
    side: str
    type: str
    size: Number
    price: Number | None
    time_in_force: str
    reduce_only: bool
    client_order_id: str


@dataclass(frozen=True, slots=True)
class PlaceTrigger:
    """A wish to close a position at a price. `position_side` is the side that it closes."""

    symbol: str
    position_side: str
    purpose: str
    price: Number
    price_type: str
    size: Number | None
    """None closes whatever there is."""
    client_order_id: str
    parent_id: str | None = None
    hedged: bool = False
    """Whether the account holds long and short side by side."""


@dataclass(frozen=True, slots=True)
class Leverage:
    leverage: Number
    margin_mode: str
    """`isolated` or `cross`."""
