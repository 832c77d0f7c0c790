"""A client's WebSocket, from the exchange's chair: frames are written at once, and a client that does not read is
cut.

Frames go straight to the transport, so that one encoded frame serves every socket and a push costs no task. Faults
are applied here, and to private frames only.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Any

from shared.paper.accounts import Account
from shared.paper.exchange import Exchange
from shared.paper.faults import Fault

BUFFER_MAX = 1 << 20
"""Bytes that may wait for a client to read; more, and it is cut."""
ALL = "!all"


def to_frame(payload: bytes) -> bytes:
    """One text frame as a server sends it: not masked, not compressed."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


@dataclass(slots=True, eq=False)
class Socket:
    """One connection and what it follows."""

    transport: asyncio.Transport
    is_decimal: bool
    opened_ms: int
    heard_ms: int
    spoke_ms: int
    conn_id: str = field(default_factory=lambda: secrets.token_hex(8))
    private: dict[str, tuple[Account, set[str]]] = field(default_factory=dict)
    public: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    trader: Account | None = None
    withheld: list[tuple[str, bytes]] = field(default_factory=list)
    shuffled: list[bytes] = field(default_factory=list)

    def write(self, frame: bytes) -> None:
        """Send a frame, or cut a client that lets too many wait."""
        if self.transport.is_closing():
            return
        if self.transport.get_write_buffer_size() > BUFFER_MAX:
            self.cut()
            return
        self.transport.write(frame)

    def cut(self) -> None:
        """End the connection without a close frame."""
        self.transport.abort()

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
            "waiting_bytes": 0 if self.transport.is_closing() else self.transport.get_write_buffer_size(),
        }


class Courier:
    """Brings private frames to sockets, on good days and bad ones."""

    def __init__(self, exchange: Exchange, venue: str) -> None:
        self.exchange, self.venue = exchange, venue

    def deliver(self, socket: Socket, frame: bytes, uid: str) -> None:
        """Send one private frame to one socket."""
        if socket.withheld:
            self.release(socket)
        if not self.exchange.faults.active:
            socket.write(frame)
        elif self._strikes("close_sockets", uid):
            socket.cut()
        elif not self._strikes("drop_frames", uid):
            self._deliver_late(socket, frame, uid)

    def _deliver_late(self, socket: Socket, frame: bytes, uid: str) -> None:
        loop = asyncio.get_running_loop()
        if fault := self._strikes("withhold_frames", uid):
            socket.withheld.append((fault.id, frame))
        elif fault := self._strikes("shuffle_frames", uid):
            if not socket.shuffled:
                loop.call_later(fault.ms / 1000, self._deal, socket)
            socket.shuffled.append(frame)
        elif fault := self._strikes("delay_frames", uid):
            loop.call_later(fault.ms / 1000, socket.write, frame)
        else:
            socket.write(frame)
        if self._strikes("repeat_frames", uid):
            socket.write(frame)

    def _deal(self, socket: Socket) -> None:
        frames, socket.shuffled = socket.shuffled, []
        self.exchange.faults.random.shuffle(frames)
        for frame in frames:
            socket.write(frame)

    def release(self, socket: Socket) -> None:
        """Send what was withheld by faults that are over, in order."""
        now_ms = self.exchange.real_ms()
        still = []
        for fault_id, frame in socket.withheld:
            if self.exchange.faults.is_active(fault_id, now_ms):
                still.append((fault_id, frame))
            else:
                socket.write(frame)
        socket.withheld = still

    def _strikes(self, kind: str, uid: str) -> Fault | None:
        return self.exchange.strike(kind, self.venue, uid)
