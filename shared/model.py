"""The records that everyone speaks of: orders, fills, positions, balances, triggers, sessions, gaps and outcomes.

A number is kept as its plain text (`text`), made from a `Decimal` and never from a float, so that what a venue said is
what a browser reads. A record is a fact: it is made once, encoded once (`to_json`), and the bytes are passed on.

Facts arrive twice, late and in any order. `rank` gives every fact a place in one total order per record: terminal
beats open, more filled beats less, then the venue's later time wins. Whoever keeps a record keeps the fact of highest
rank, so the end is the same whatever the order of arrival. The record script in Redis compares these very strings.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

import msgspec

Number = str
"""A decimal number as plain text: no exponent, no float in its past."""

TERMINAL = frozenset({"filled", "cancelled", "rejected", "expired"})
EVENT_KINDS = ("order", "fill", "position", "balance", "trigger", "session", "gap", "outcome")
CHANNELS = {
    "orders": frozenset({"order", "outcome", "gap"}),
    "fills": frozenset({"fill"}),
    "positions": frozenset({"position"}),
    "balances": frozenset({"balance"}),
    "triggers": frozenset({"trigger"}),
    "sessions": frozenset({"session", "gap"}),
}
"""Which events each channel of a stream carries. A gap belongs to every reader who trusts orders or sessions."""


def text(number: Decimal) -> Number:
    """The number's own digits, never an exponent: `Decimal('1E-18')` is `0.000000000000000001`."""
    return format(number, "f")


def sortable(number: Number | None) -> str:
    """A non-negative number as text that sorts as the number does: `5` < `5.25` < `12`."""
    whole, _, fraction = (number or "0").partition(".")
    return f"{whole.zfill(24)}.{fraction.rstrip('0')}" if fraction.strip("0") else whole.zfill(24)


def plain(number: Number | None) -> str:
    """The number without idle zeros, so that `30000.0` and `30000` compare equal; empty when unknown."""
    if number is None:
        return ""
    return number.rstrip("0").rstrip(".") if "." in number else number


class Times(msgspec.Struct, frozen=True):
    """When a fact happened at the venue, reached us, and was handed to the record; milliseconds."""

    venue: int | None = None
    received: int | None = None
    recorded: int | None = None


class Owner(msgspec.Struct, frozen=True):
    """Whose a fact is. The venue never says; the session knows."""

    user_id: str
    account_id: str
    venue: str
    environment: str


class Fact(msgspec.Struct, kw_only=True, omit_defaults=False):
    """One thing that became true. Subclasses say of what, and how new."""

    kind: ClassVar[str] = ""

    raw: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    """The venue's own row, for who asks for it; never recorded, and not there unless set."""

    def key(self) -> str:
        """Which record of the user this fact is about."""
        raise NotImplementedError  # pragma: no cover - every subclass answers

    def rank(self) -> str:
        """How new the fact is; a higher text wins."""
        raise NotImplementedError  # pragma: no cover - every subclass answers

    def gist(self) -> str:
        """What a reader would act on. A newer fact with the same gist changes the record but is no event."""
        return self.rank()

    def is_final(self) -> bool:
        """A final record is kept for a while and then let go."""
        return False

    def to_json(self) -> bytes:
        return ENCODER.encode(self)


class Order(Fact, kw_only=True):
    """What is known of one order at a venue, as every route and event shows it."""

    kind: ClassVar[str] = "order"

    id: str
    client_order_id: str | None
    user_id: str
    account_id: str
    venue: str
    environment: str
    symbol: str
    instrument: str | None
    side: str
    position_side: str | None
    type: str
    time_in_force: str | None
    price: Number | None
    stop_price: Number | None
    size: Number
    size_unit: str
    filled: Number
    remaining: Number
    average_price: Number | None
    fee: Number | None
    status: str
    cause: str | None
    reduce_only: bool | None
    origin: str
    parent_id: str | None
    created_at_ms: int | None
    updated_at_ms: int | None
    times: Times

    def key(self) -> str:
        return f"{self.account_id}:{self.id}"

    def is_final(self) -> bool:
        return self.status in TERMINAL

    def rank(self) -> str:
        terminal = "1" if self.status in TERMINAL else "0"
        # Last, that a telling with the fee outranks one of the same moment without it.
        return f"{terminal} {sortable(self.filled)} {self.updated_at_ms or 0:013d} {int(self.fee is not None)}"

    def gist(self) -> str:
        return (
            f"{self.status} {plain(self.size)} {plain(self.filled)} {plain(self.price)} {plain(self.stop_price)}"
            f" {plain(self.average_price)} {self.cause or ''}"
        )


class Fill(Fact, kw_only=True):
    """One match of an order. Never changes, so the first telling is the only one."""

    kind: ClassVar[str] = "fill"

    id: str
    order_id: str
    client_order_id: str | None
    user_id: str
    account_id: str
    venue: str
    environment: str
    symbol: str
    instrument: str | None
    side: str
    price: Number
    size: Number
    size_unit: str
    fee: Number | None
    fee_asset: str | None
    role: str | None
    at_ms: int | None
    times: Times

    def key(self) -> str:
        return f"{self.account_id}:{self.symbol}:{self.id}"

    def rank(self) -> str:
        return "1"

    def is_final(self) -> bool:
        return True


class Position(Fact, kw_only=True):
    """What an account holds of one instrument on one side. `sequence` is the venue's own order of changes."""

    kind: ClassVar[str] = "position"

    id: str
    user_id: str
    account_id: str
    venue: str
    environment: str
    symbol: str
    instrument: str | None
    side: str | None
    mode: str | None
    size: Number
    size_unit: str
    entry_price: Number | None
    mark_price: Number | None
    liquidation_price: Number | None
    leverage: Number | None
    margin_mode: str | None
    margin: Number | None
    realised_pnl: Number | None
    unrealised_pnl: Number | None
    cause: str | None = None  # of its end: liquidation, adl, or null
    closed_at_ms: int | msgspec.UnsetType = msgspec.UNSET  # of a telling how a position ended; never recorded
    sequence: int | None
    updated_at_ms: int | None
    times: Times

    def key(self) -> str:
        return f"{self.account_id}:{self.id}"

    def rank(self) -> str:
        return f"{self.sequence or 0:020d} {int(self.cause is not None)} {self.updated_at_ms or 0:013d}"

    def gist(self) -> str:
        return (
            f"{self.side} {plain(self.size)} {plain(self.entry_price)} {plain(self.leverage)} {self.margin_mode}"
            f" {plain(self.realised_pnl)} {self.cause or ''}"
        )


class Balance(Fact, kw_only=True):
    """What an account has of one asset in one wallet."""

    kind: ClassVar[str] = "balance"

    id: str
    user_id: str
    account_id: str
    venue: str
    environment: str
    wallet: str
    asset: str
    total: Number
    available: Number | None
    frozen: Number | None
    updated_at_ms: int | None
    times: Times

    def key(self) -> str:
        return f"{self.account_id}:{self.id}"

    def rank(self) -> str:
        return f"{self.updated_at_ms or 0:013d}"

    def gist(self) -> str:
        return f"{plain(self.total)} {plain(self.available)} {plain(self.frozen)}"


class Trigger(Fact, kw_only=True):
    """An order that waits at the venue for a price: a take-profit, a stop-loss, or a plain conditional order."""

    kind: ClassVar[str] = "trigger"

    id: str
    client_order_id: str | None
    user_id: str
    account_id: str
    venue: str
    environment: str
    symbol: str
    instrument: str | None
    purpose: str | None  # take_profit, stop_loss, or null
    side: str | None
    price: Number | None
    price_type: str | None  # last, mark, index
    rule: str | None  # at_or_above, at_or_below
    order_price: Number | None
    size: Number
    size_unit: str
    status: str  # open, fired, cancelled, failed, expired
    reason: str | None
    origin: str = "external"
    parent_id: str | None  # the order that it protects
    child_id: str | None  # the order that it became
    created_at_ms: int | None
    updated_at_ms: int | None
    times: Times

    def key(self) -> str:
        return f"{self.account_id}:{self.id}"

    def is_final(self) -> bool:
        return self.status != "open"

    def rank(self) -> str:
        return f"{int(self.is_final())} {self.updated_at_ms or 0:013d}"

    def gist(self) -> str:
        return f"{self.status} {plain(self.price)} {plain(self.size)} {self.child_id or ''}"


class SessionState(StrEnum):
    CONNECTING = "connecting"
    LIVE = "live"
    POLLED = "polled"
    RECONNECTING = "reconnecting"
    AUTH_FAILED = "auth_failed"
    PARKED = "parked"


class Session(Fact, kw_only=True):
    """How the connection to one account is going. `turn` grows with every change, whoever makes it."""

    kind: ClassVar[str] = "session"

    user_id: str
    account_id: str
    venue: str
    environment: str
    state: SessionState
    owner: str | None
    since_ms: int
    last_event_at_ms: int | None
    gaps: int
    reason: str | None
    turn: int

    def key(self) -> str:
        return self.account_id

    def rank(self) -> str:
        return f"{self.turn:020d}"

    def gist(self) -> str:
        return f"{self.state} {self.owner} {self.gaps}"


class Gap(Fact, kw_only=True):
    """Time in which we were blind. `recovered` says whether the venue's REST told us what happened meanwhile."""

    kind: ClassVar[str] = "gap"

    user_id: str
    account_id: str
    venue: str
    environment: str
    from_ms: int
    to_ms: int
    reason: str
    recovered: bool

    def key(self) -> str:
        return f"{self.account_id}:{self.from_ms}:{self.to_ms}"

    def rank(self) -> str:
        return "1"

    def is_final(self) -> bool:
        return True


class OutcomeEvent(Fact, kw_only=True):
    """How a command ended, once that is known."""

    kind: ClassVar[str] = "outcome"

    id: str  # of the intent
    user_id: str
    account_id: str
    venue: str
    environment: str
    client_order_id: str | None
    outcome: str  # accepted, rejected, unknown
    order_id: str | None
    reason: str | None
    at_ms: int

    def key(self) -> str:
        return self.id

    def rank(self) -> str:
        return "0" if self.outcome == "unknown" else "1"

    def is_final(self) -> bool:
        return self.outcome != "unknown"


class Outcome(StrEnum):
    """How a command ended. Not knowing is an answer."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


class Credentials(msgspec.Struct, frozen=True):
    """One account's keys, in the open. Lives only where a request is signed; its repr shows nothing."""

    api_key: str
    api_secret: str
    passphrase: str | None = None

    def __repr__(self) -> str:
        return "Credentials(…)"


ENCODER = msgspec.json.Encoder()
