"""Replies: what every answer over REST is read with. One that cannot be read says nothing of what was done."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from shared.errors import UnknownWord, VenueUnknown
from shared.exchanges.base import Reply
from shared.exchanges.okx import NAME, rows

T = TypeVar("T")
Readable = (msgspec.DecodeError, ValueError, ArithmeticError, TypeError, LookupError, AttributeError)
"""What reading garbage can raise."""


def raw_rows(reply: Reply) -> list[msgspec.Raw]:
    """The rows of an answer as they came."""
    try:
        return rows.ANSWER.decode(reply.body).data
    except Readable as error:
        raise unreadable(str(error)) from None


def first(decoder: msgspec.json.Decoder[T], reply: Reply) -> T:
    """The only row of an answer to a question for one thing."""
    said = raw_rows(reply)
    if not said:
        raise unreadable("the answer is empty")
    try:
        return decoder.decode(said[0])
    except Readable as error:
        raise unreadable(str(error)) from None


def every(decoder: msgspec.json.Decoder[T], reply: Reply) -> list[T]:
    """All rows of a public answer."""
    try:
        return [decoder.decode(raw) for raw in raw_rows(reply)]
    except Readable as error:
        raise unreadable(str(error)) from None


def row(decoder: msgspec.json.Decoder[Any], raw: msgspec.Raw) -> Any:
    """One row of a list: what is new in it is a word that the venue never said before."""
    try:
        return decoder.decode(raw)
    except Readable as error:
        raise UnknownWord(NAME, "row", error) from None


def unreadable(why: str) -> VenueUnknown:
    return VenueUnknown(NAME, "UNREADABLE_ANSWER", why)
