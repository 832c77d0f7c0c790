"""A WebSocket of OKX's, and what it follows."""

from __future__ import annotations

import secrets
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from shared.paper.exchange import Member
from shared.paper.sockets import Line

Row = dict[str, Any]
PUBLIC, PRIVATE, BUSINESS = "public", "private", "business"
PLACES = (PUBLIC, PRIVATE, BUSINESS)


@dataclass(slots=True, eq=False)
class Subscription:
    """One thing that a socket follows, by the words it was asked with."""

    arg: Row
    interval_ms: int = 0
    """How often a snapshot comes by itself; 0 never."""
    told_ms: int = 0

    @property
    def channel(self) -> str:
        """Its channel."""
        return str(self.arg["channel"])

    def is_for(self, kind: str, family: str, name: str) -> bool:
        """Whether it was asked for this instrument; its own name counts before its family."""
        if self.arg.get("instType") not in (None, "", "ANY", kind):
            return False
        if self.arg.get("instId"):
            return bool(self.arg["instId"] == name)
        return self.arg.get("instFamily") in (None, "", family)


@dataclass(slots=True, eq=False)
class Socket(Line):
    """One connection and what it follows."""

    place: str
    address: str
    opened_ms: int
    heard_ms: int
    spoke_ms: int
    conn_id: str = field(default_factory=lambda: secrets.token_hex(4))
    member: Member | None = None
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    """By what they were asked with."""
    dead: set[str] = field(default_factory=set)
    """Channels that were acknowledged and then refused."""
    requests: deque[int] = field(default_factory=deque)

    def follows(self, channel: str) -> bool:
        """Whether it hears a channel."""
        return channel not in self.dead and any(each.channel == channel for each in self.subscriptions.values())

    def to_row(self) -> Row:
        """As the control surface shows it."""
        return {
            "conn_id": self.conn_id, "place": self.place, "opened_ms": self.opened_ms,
            "channels": sorted({each.channel for each in self.subscriptions.values()} - self.dead),
            "waiting_bytes": self.waiting_bytes,
        }  # fmt: skip
