"""A WebSocket of Gate's, and what it follows."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from shared.paper.accounts import Account
from shared.paper.exchange import Member
from shared.paper.sockets import Line

ALL = "!all"


@dataclass(slots=True, eq=False)
class Socket(Line):
    """One connection and what it follows."""

    is_decimal: bool
    address: str
    opened_ms: int
    heard_ms: int
    spoke_ms: int
    conn_id: str = field(default_factory=lambda: secrets.token_hex(8))
    private: dict[str, tuple[Account, set[str]]] = field(default_factory=dict)
    public: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    trader: Member | None = None

    def owners(self) -> set[str]:
        """The uids of the accounts it speaks for."""
        traders = {self.trader.uid} if self.trader else set()
        return {account.uid for account, _ in self.private.values()} | traders

    @property
    def follows_anything(self) -> bool:
        """Whether it has subscribed to something."""
        return bool(self.private or self.public or self.trader)

    def to_row(self) -> dict[str, Any]:
        """As the control surface shows it."""
        return {
            "conn_id": self.conn_id,
            "opened_ms": self.opened_ms,
            "channels": sorted(self.private) + sorted(self.public),
            "is_decimal": self.is_decimal,
            "waiting_bytes": self.waiting_bytes,
        }
