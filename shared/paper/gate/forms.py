"""Numbers as Gate writes them: text or JSON numbers, contracts in either form, seconds with a fraction."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from shared.paper.numbers import plain

__all__ = ["Row", "bare", "plain", "seconds", "size_of"]
Row = dict[str, Any]


def bare(number: Decimal) -> Decimal:
    """A number as a JSON number, which must not carry an exponent."""
    return Decimal(plain(number))


def size_of(size: Decimal, is_decimal: bool) -> str | int:
    """Contracts in the form asked for: text, or whole numbers that lose a fraction."""
    return plain(size) if is_decimal else int(size)


def seconds(ms: int) -> float:
    """Milliseconds as Gate's fractional seconds."""
    return ms / 1000
