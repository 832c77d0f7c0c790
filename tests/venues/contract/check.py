"""What a check is: a true sentence about every venue, and what one must have to see whether it holds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from shared.model import Fill, Order, plain

if TYPE_CHECKING:
    from tests.venues.contract.bench import Bench


class Need(StrEnum):
    """What a check does to the account that it is run with."""

    READ_ONLY = "read_only"
    """Only asks. What it tries with a wrong secret must be refused."""
    SMALLEST_SIZE = "smallest_size"
    """Places the smallest orders there are; none of them and nothing of what they become outlives it."""
    PAPER_ONLY = "paper_only"
    """Needs the paper exchange's control surface: it moves prices and breaks things."""


@dataclass(frozen=True)
class Check:
    """Returns when it holds; raises Differs when it does not, CannotTell when that cannot be seen here and now."""

    run: Callable[[Bench], Awaitable[None]]
    need: Need

    @property
    def name(self) -> str:
        return self.run.__name__

    @property
    def sentence(self) -> str:
        return self.name.replace("_", " ")


def check(need: Need) -> Callable[[Callable[[Bench], Awaitable[None]]], Check]:
    return lambda run: Check(run, need)


class Differs(AssertionError):
    """What was seen is not what every venue must keep."""


class CannotTell(Exception):
    """The account, the market or the venue does not let this be seen now; the text says why."""


def expect(is_so: object, what: str) -> None:
    if not is_so:
        raise Differs(what)


def same(what: str, seen: object, wanted: object) -> None:
    expect(seen == wanted, f"{what} is {seen}, not {wanted}")


def equal(what: str, seen: str | None, wanted: str | Decimal) -> None:
    """Numbers as numbers: `30000.0` is `30000`."""
    expect(seen is not None and Decimal(seen) == Decimal(wanted), f"{what} is {seen}, not {wanted}")


OUR_OWN_LABELS = frozenset({"NO_ANSWER", "CONNECTION_LOST", "CANNOT_CONNECT", "BROKEN_ANSWER"})
"""What `rest` says when the venue itself said nothing."""
SAID_OF_AN_ORDER = ("id", "client_order_id", "symbol", "side", "type", "time_in_force", "status", "reduce_only")
NUMBERS_OF_AN_ORDER = ("price", "size", "filled", "remaining", "average_price")
SAID_OF_A_FILL = ("id", "order_id", "client_order_id", "symbol", "side", "role")
NUMBERS_OF_A_FILL = ("price", "size", "fee")


def to_words(order: Order) -> dict[str, Any]:
    """What an order is, whoever tells it: by push and over REST this must be the same."""
    return _words(order, SAID_OF_AN_ORDER, NUMBERS_OF_AN_ORDER)


def to_fill_words(fill: Fill) -> dict[str, Any]:
    return _words(fill, SAID_OF_A_FILL, NUMBERS_OF_A_FILL)


def alike(what: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    """Says only the words that differ."""
    apart = [f"{name} {one[name]!r} and {other[name]!r}" for name in one if one[name] != other[name]]
    expect(not apart, f"{what} differ: {'; '.join(apart)}")


def _words(fact: Order | Fill, said: tuple[str, ...], numbers: tuple[str, ...]) -> dict[str, Any]:
    words = {name: getattr(fact, name) for name in said}
    return words | {name: plain(getattr(fact, name)) for name in numbers}
