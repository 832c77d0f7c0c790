"""The questions every venue answers. A venue is facts and two translations; it owns no socket, no clock, no sleep.

`Wire` makes requests and frames and says what came back. Time, identity and credentials are arguments, so a wire can be
tested with plain lists. The loops that connect, sign, send and retry are `socket` and `rest`; they know no venue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from shared.errors import UnknownWord, VenueError, VenueUnknown
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
    whole_wallet: str | None = None
    """The wallet of which the answer is all: an asset that it does not show is no more."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a venue is, in one environment."""

    rest_url: str
    ws_url: str
    more_ws_urls: tuple[str, ...] = ()
    """Where a session needs further sockets beside the first: they live and end together."""


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


class NotShown(VenueUnknown):
    """The venue took the command, and its answer only names what it is about: ask for that by its id."""

    def __init__(self, venue: str, order_id: str | None, client_order_id: str | None) -> None:
        super().__init__(venue, "NOT_SHOWN", "it was taken, and the answer does not show what became of it")
        self.order_id, self.client_order_id = order_id, client_order_id


Message = list[Fact] | Ack | Refusal | Pong | Goodbye | None
"""None is a frame that carries nothing for us."""


class Wire(Protocol):
    """One account's view of a venue's wire. Made by `Venue.wire`; holds the owner that facts are stamped with."""

    def login(self, credentials: Credentials, at_s: float) -> Subscription | None:
        """What to send on every socket before anything else; None where each subscription is signed by itself."""
        ...

    def subscriptions(self, credentials: Credentials, at_s: float, line: int = 0) -> list[Subscription]:
        """What to send on this socket after login, signed for this moment; each must be acknowledged before resync.

        `line` counts the sockets as `Endpoints` does: 0 is `ws_url`, then `more_ws_urls`.
        """
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

    def cancel(self, symbol: str | None, order_id: str) -> Request:
        """Here and wherever else an id is said: `symbol` may be None unless `Limits.ids_need_symbol`."""
        ...

    def close(
        self,
        symbol: str,
        position_side: str,
        client_order_id: str,
        expires_at_ms: int | None,
        *,
        hedged: bool = False,
        margin_mode: str | None = None,
    ) -> Request:
        """Closes all of a position. `hedged` is `Position.mode == "hedge"`; the venue refuses a wrong guess."""
        ...

    def leverage(self, symbol: str, *, hedged: bool = False, margin_mode: str | None = None) -> Request:
        """`margin_mode` says which, where each has a leverage of its own."""
        ...

    def to_leverage(self, reply: Reply) -> Leverage | None:
        """None when the venue does not say, as for an instrument that the account never used."""
        ...

    def set_leverage(
        self, symbol: str, wanted: Leverage, *, hedged: bool = False, position_side: str | None = None
    ) -> Request:
        """`position_side` says which, where long and short have a leverage each."""
        ...

    def position_mode(self) -> Request: ...

    def to_position_mode(self, reply: Reply) -> str:
        """`one_way` or `hedge`."""
        ...

    def set_position_mode(self, mode: str) -> Request: ...

    def amend(self, amended: AmendOrder, expires_at_ms: int | None) -> Request:
        """The answer is read with `to_order`."""
        ...

    def place_batch(self, orders: Sequence[PlaceOrder], expires_at_ms: int | None) -> Request:
        """At most `Limits.batch_place_max`; a malformed one may have all of them refused."""
        ...

    def to_placed(self, reply: Reply, orders: Sequence[PlaceOrder]) -> list[Order | VenueError]:
        """What became of each, in their order."""
        ...

    def cancel_batch(self, order_ids: Sequence[str], symbols: Sequence[str] | None = None) -> Request:
        """At most `Limits.batch_cancel_max`. `symbols` are those of the orders, in their order."""
        ...

    def to_cancelled(self, reply: Reply, order_ids: Sequence[str]) -> list[VenueError | None]:
        """What became of each, in their order; None is cancelled."""
        ...

    def cancel_all(self, symbol: str | None, side: str | None = None) -> Request | None:
        """None where the venue has no such request: then what is open is cancelled by its ids."""
        ...

    def to_orders(self, reply: Reply) -> list[Order]:
        """The orders that a `cancel_all` reply shows."""
        ...

    def place_trigger(self, trigger: PlaceTrigger) -> Request: ...

    def amend_trigger(self, amended: AmendTrigger) -> Request:
        """The answer need only name it: ask `trigger` for what it has become."""
        ...

    def cancel_trigger(self, trigger_id: str, symbol: str | None = None, *, alone: bool = False) -> Request:
        """`alone`: of those that were placed together, the first of which to fire ends the others, only it is left."""
        ...

    def cancel_all_triggers(self, symbol: str | None) -> Request | None:
        """None as for `cancel_all`."""
        ...

    def to_triggers(self, reply: Reply) -> list[Trigger]:
        """The triggers that a `cancel_all_triggers` reply shows."""
        ...

    def open_triggers(self, symbol: str | None) -> Ask: ...

    def trigger(self, trigger_id: str) -> Ask: ...

    def to_order(self, reply: Reply, placed: PlaceOrder | None = None) -> Order:
        """The order that a place, close, cancel or get reply shows. Raises VenueUnknown for a reply that shows none,
        and its NotShown for one that only names it; with what was `placed` the name is enough."""
        ...

    def to_trigger(self, reply: Reply, placed: PlaceTrigger | None = None) -> Trigger:
        """The same of a trigger."""
        ...

    def guards_told(self, reply: Reply) -> Guards | None:
        """The take-profit and stop-loss that a reply of `place` or `order` says are attached to the order. None for a
        reply that does not show the order: ask `order`."""
        ...

    # Reads for people: one page, newest first, each fact with the venue's own row as `raw`.
    def orders(self, symbol: str | None, status: str, page: Page) -> Ask:
        """`status` is `open` or `finished`."""
        ...

    def fills(self, symbol: str | None, order_id: str | None, page: Page) -> Ask: ...

    def triggers(self, symbol: str | None, status: str, page: Page) -> Ask: ...

    def balances(self) -> Mapping[str, Ask]:
        """By wallet. A key may be allowed to see some of them only, so each is asked by itself."""
        ...


class Venue(Protocol):
    """What is true of a venue whoever trades there."""

    name: str
    limits: Limits

    def at(self, environment: str) -> Venue:
        """The same venue as it is asked in this environment, where that is a difference."""
        ...

    def endpoints(self, environment: str, rest_url: str | None = None, ws_url: str | None = None) -> Endpoints:
        """Where it is, with a base URL said instead of its own."""
        ...

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

    def may_trade(self, reply: Reply) -> bool:
        """Whether the key that the identity was asked with may do more than read, as far as the reply says."""
        ...

    def wire(self, owner: Owner, identity: str) -> Wire: ...

    # Public market data, as our words (dicts of the surface).
    def ticker(self, symbol: str) -> tuple[Request, Callable[[Reply], dict[str, Any]]]: ...

    def listings(self) -> list[tuple[Request, Callable[[Reply], list[dict[str, Any]]]]]:
        """Everything that can be traded: one question for each kind of instrument that is asked for by itself."""
        ...

    def orderbook(self, symbol: str, limit: int) -> tuple[Request, Callable[[Reply], dict[str, Any]]]: ...

    def candles(
        self, symbol: str, interval: str, limit: int, from_ms: int | None = None, to_ms: int | None = None
    ) -> tuple[Request, Callable[[Reply], list[dict[str, Any]]]]:
        """Oldest first. Raises BadRequest for an interval that the venue does not have."""
        ...

    def trades(self, symbol: str, limit: int) -> tuple[Request, Callable[[Reply], list[dict[str, Any]]]]:
        """Newest first."""
        ...

    # The venue's rules on how often it may be asked.
    def spends(self, request: Request) -> tuple[Budget, int]:
        """What this request is counted against, and how many times."""
        ...

    def left(self, reply: Reply) -> Left | None:
        """What the venue says is left of the budget that the request was counted against."""
        ...

    # Order entry over the socket, for a venue that has it.
    def login_call(self, credentials: Credentials, call_id: str, at_s: float) -> bytes: ...

    def to_call(self, request: Request, call_id: str, at_s: float) -> bytes | None:
        """The same request as a frame; None when it can only be asked over REST."""
        ...

    def to_answer(self, frame: bytes | str, received_at_ms: int) -> Answered | None:
        """The call that this frame answers, in the form in which REST would have answered it. None: no such frame."""
        ...

    def is_call_error(self, error: VenueError) -> bool:
        """Says whether this refusal may only mean that it was a call: nothing happened, ask over REST."""
        ...


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
    connects: Budget
    """How often a socket may be opened."""
    batch_place_max: int = 1
    batch_cancel_max: int = 1
    sockets_max: int | None = None
    """How many sockets one address may hold open at once."""
    calls: Budget | None = None
    """How often commands may go over the socket, where they do; None counts them as over REST."""
    ids_need_symbol: bool = False
    """An id says nothing there without its symbol."""
    modes_with_orders: bool = False
    """The margin mode and how positions are held are said with each order; else the account's setting counts."""
    attaches_guards: bool = False
    """Guards go with the order unless the caller says otherwise: it is known to attach them, and to say so."""


@dataclass(frozen=True, slots=True)
class Budget:
    """A rule of the venue: so many in so many seconds, counted by account or by our address."""

    name: str
    count: int
    per_s: float
    by_account: bool = True


@dataclass(frozen=True, slots=True)
class Left:
    """What a venue says of a budget: how many are left of how many until it is whole again."""

    remaining: int
    count: int
    resets_in_s: float


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer to a call over the socket. An answer that is not `final` only says that the call was taken."""

    call_id: str
    """Empty for the answer to a login where the venue does not repeat its id."""
    reply: Reply
    final: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows of a list: so many, beginning after so many."""

    limit: int = 100
    offset: int = 0


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
    margin_mode: str | None = None
    """`isolated` or `cross`, for a venue that is told with each order."""
    hedged: bool = False
    """Whether the account holds long and short side by side; then `reduce_only` says which of them is meant."""
    iceberg: Number | None = None
    """How much of it others may see."""
    in_quote: bool = False
    """`size` is what it may cost, in the quote asset: for a market order of a pair."""
    self_trade: str | None = None
    """What goes when it would meet an order of one's own: `cancel_newest`, `cancel_oldest` or `cancel_both`."""
    guards: Guards | None = None
    """To be attached to the order by the venue itself."""


@dataclass(frozen=True, slots=True)
class Guards:
    """Prices at which a take-profit and a stop-loss that belong to an order fire."""

    take_profit: Number | None = None
    stop_loss: Number | None = None


@dataclass(frozen=True, slots=True)
class AmendOrder:
    """A wish to change an open order; what is None stays. `size` is the new total, with what is filled already."""

    symbol: str
    order_id: str
    side: str
    size: Number | None = None
    price: Number | None = None


@dataclass(frozen=True, slots=True)
class PlaceTrigger:
    """A wish for an order once the price is there: mostly to close a position, else a conditional order."""

    symbol: str
    side: str
    """Of the order that it becomes."""
    price: Number
    rule: str
    """`at_or_above` or `at_or_below` the price; `crossing` where a venue fires it from either side."""
    price_type: str
    size: Number | None
    """None closes whatever there is."""
    client_order_id: str
    closes: str | None = None
    """The side of the position that it may only reduce; None is an order of its own."""
    order_price: Number | None = None
    """None takes what the market gives."""
    expires_in_s: int | None = None
    parent_id: str | None = None
    hedged: bool = False
    """Whether the account holds long and short side by side."""
    margin_mode: str | None = None
    """`isolated` or `cross`, for a venue that is told with each order."""
    opposite: Number | None = None
    """A second price, to be reached from the other side: the first of the two to fire ends the other."""
    opposite_order_price: Number | None = None
    trail_ratio: Number | None = None
    """It fires once the market turned by this share of its best price, from `price` on; a price of `0` is at once."""
    trail_distance: Number | None = None
    """The same as a difference of prices."""


RULES_OF_GUARDS = {
    ("long", "take_profit"): "at_or_above",
    ("long", "stop_loss"): "at_or_below",
    ("short", "take_profit"): "at_or_below",
    ("short", "stop_loss"): "at_or_above",
}
"""Which way the price must go, for the side of the position that is closed."""
REPLACED = "replaced"
"""Why a trigger is told as cancelled that goes on under another id."""
PURPOSES = {(side, rule): purpose for (side, purpose), rule in RULES_OF_GUARDS.items()}
"""What a trigger that closes this side is for, by its rule."""


@dataclass(frozen=True, slots=True)
class AmendTrigger:
    """A wish to change an open trigger; what is None stays. The rule cannot be changed."""

    trigger: Trigger
    """As it is known."""
    price: Number | None = None
    order_price: Number | None = None
    size: Number | None = None
    price_type: str | None = None
    hedged: bool = False


@dataclass(frozen=True, slots=True)
class Leverage:
    leverage: Number
    margin_mode: str
    """`isolated` or `cross`."""
