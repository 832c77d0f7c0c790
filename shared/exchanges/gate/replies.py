"""Replies: what every answer over REST is read with. One that cannot be read says nothing of what was done."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from shared.errors import VenueUnknown
from shared.exchanges.base import Reply
from shared.exchanges.gate import NAME

T = TypeVar("T")
Readable = (msgspec.DecodeError, ValueError, ArithmeticError, TypeError, LookupError, AttributeError)
"""What reading garbage can raise."""


def read(decoder: msgspec.json.Decoder[T], reply: Reply) -> T:
    try:
        return decoder.decode(reply.body)
    except Readable as error:
        raise unreadable(str(error)) from None


def as_array(reply: Reply) -> Reply:
    """One object or a list of them, as a list."""
    body = reply.body.strip()
    return Reply(reply.status, reply.headers, b"[%b]" % body, reply.received_at_ms) if body[:1] == b"{" else reply


def unreadable(why: str) -> VenueUnknown:
    return VenueUnknown(NAME, "UNREADABLE_ANSWER", why)


def venue_ms(reply: Reply) -> int | None:
    """When the venue answered, by its own clock; it tells microseconds."""
    said = reply.headers.get("x-out-time") or ""
    return int(said) // 1000 if said.isdigit() else None
