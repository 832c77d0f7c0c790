"""Candles of one contract: rows of ten seconds and of a minute are kept, longer ones are made of those.

Mark and index price follow the last trade here, so their candles are those of the trades.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from shared.paper.orders import ZERO

FINE_S, MINUTE_S, DAY_S, WEEK_S, MONTH_S = 10, 60, 86_400, 604_800, 2_592_000
KEPT = 2000
PAST_FINE, PAST_MINUTES = 360, 1380
MONDAY_S = 4 * DAY_S
"""Time began on a Thursday; a natural week begins this much later."""


@dataclass(slots=True)
class Candle:
    """Prices and contracts traded within a stretch of time."""

    at_s: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    size: Decimal = ZERO
    worth: Decimal = ZERO

    def count(self, price: Decimal, size: Decimal, worth: Decimal) -> None:
        """Put a trade into it."""
        self.high, self.low, self.close = max(self.high, price), min(self.low, price), price
        self.size += size
        self.worth += worth


class Candles:
    """The candles of one contract, with a day that leads to its first price, so that charts have something to show."""

    def __init__(self, price: Decimal, value_of_one: Decimal, now_ms: int, chance: random.Random) -> None:
        """`value_of_one` is what one contract is worth when the price is 1."""
        now_s = now_ms // 1000
        fine = _past(price, value_of_one, now_s // FINE_S * FINE_S, FINE_S, PAST_FINE, chance)
        minutes = merge(fine, MINUTE_S)
        first = minutes[0]
        older = _past(first.open, value_of_one, first.at_s, MINUTE_S, PAST_MINUTES, chance)
        self.fine = deque(fine, maxlen=KEPT)
        self.minutes = deque(older + minutes, maxlen=KEPT)

    def count(self, price: Decimal, size: Decimal, worth: Decimal, now_ms: int) -> None:
        """Put a trade into the candles of its moment."""
        for rows, span_s in ((self.fine, FINE_S), (self.minutes, MINUTE_S)):
            at_s = now_ms // 1000 // span_s * span_s
            if rows[-1].at_s < at_s:
                rows.append(Candle(at_s, price, price, price, price))
            rows[-1].count(price, size, worth)

    def rows(self, span_s: int, *, is_natural: bool = False) -> list[Candle]:
        """Candles of this length, oldest first. Natural ones are the calendar's weeks and months."""
        return merge(self.fine if span_s < MINUTE_S else self.minutes, span_s, is_natural=is_natural)

    def last(self, span_s: int, *, is_natural: bool = False) -> Candle:
        """The candle of this moment."""
        rows = self.fine if span_s < MINUTE_S else self.minutes
        at_s, recent = start_of(rows[-1].at_s, span_s, is_natural=is_natural), []
        for each in reversed(rows):
            if each.at_s < at_s:
                break
            recent.append(each)
        return merge(reversed(recent), span_s, is_natural=is_natural)[-1]

    def since(self, at_s: int) -> list[Candle]:
        """The minutes since a moment."""
        return [candle for candle in self.minutes if candle.at_s >= at_s]


def start_of(at_s: int, span_s: int, *, is_natural: bool = False) -> int:
    """When the candle begins that a moment falls into."""
    if is_natural and span_s == MONTH_S:
        moment = datetime.fromtimestamp(at_s, UTC)
        return int(datetime(moment.year, moment.month, 1, tzinfo=UTC).timestamp())
    offset_s = MONDAY_S if is_natural else 0
    return (at_s - offset_s) // span_s * span_s + offset_s


def merge(candles: Iterable[Candle], span_s: int, *, is_natural: bool = False) -> list[Candle]:
    """Longer candles out of shorter ones."""
    merged: list[Candle] = []
    for each in candles:
        at_s = start_of(each.at_s, span_s, is_natural=is_natural)
        if not merged or merged[-1].at_s != at_s:
            merged.append(Candle(at_s, each.open, each.high, each.low, each.close, each.size, each.worth))
            continue
        last = merged[-1]
        last.high, last.low, last.close = max(last.high, each.high), min(last.low, each.low), each.close
        last.size, last.worth = last.size + each.size, last.worth + each.worth
    return merged


def _past(
    price: Decimal, value_of_one: Decimal, until_s: int, span_s: int, number: int, chance: random.Random
) -> list[Candle]:
    """So many candles that end at a price, oldest first."""
    rows: list[Candle] = []
    close, places = price, price.as_tuple().exponent
    digits = Decimal(1).scaleb(places if isinstance(places, int) and places < 0 else -1)
    for i in range(1, number + 1):
        opened = (close * Decimal(repr(1 + chance.uniform(-0.0003, 0.0003)))).quantize(digits)
        high, low = max(opened, close), min(opened, close)
        size = Decimal(chance.randint(span_s, 80 * span_s))
        rows.append(Candle(until_s - i * span_s, opened, high, low, close, size, size * value_of_one * close))
        close = opened
    return rows[::-1]
