"""Numbers as text."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal


def plain(number: Decimal) -> str:
    """A number as text: all its digits, no exponent, no trailing zeros, no minus before zero."""
    return format(number.normalize(), "f") if number else "0"


def floor_to(number: Decimal, step: Decimal) -> Decimal:
    """The largest whole number of steps that is not above it, for what is not below zero."""
    return (number / step).to_integral_value(ROUND_DOWN) * step
