"""A client's WebSocket, from the exchange's chair: frames are written at once, and a client that does not read is
cut.

Frames go straight to the transport, so that one encoded frame serves every socket and a push costs no task. Faults
are applied here, and to private frames only.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from shared.paper.exchange import Exchange
from shared.paper.faults import Fault

BUFFER_MAX = 1 << 20
"""Bytes that may wait for a client to read; more, and it is cut."""


def to_frame(payload: bytes) -> bytes:
    """One text frame as a server sends it: not masked, not compressed."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


@dataclass(slots=True, eq=False)
class Line:
    """One connection, whatever is spoken on it."""

    transport: asyncio.Transport
    withheld: list[tuple[str, bytes]] = field(default_factory=list, kw_only=True)
    shuffled: list[bytes] = field(default_factory=list, kw_only=True)

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

    def close(self, code: int, reason: str) -> None:
        """End the connection with a close frame."""
        if not self.transport.is_closing():
            payload = code.to_bytes(2, "big") + reason.encode()
            self.transport.write(bytes((0x88, len(payload))) + payload)
            self.transport.close()

    @property
    def waiting_bytes(self) -> int:
        """How much its client has not read yet."""
        return 0 if self.transport.is_closing() else self.transport.get_write_buffer_size()


class Courier:
    """Brings private frames to sockets, on good days and bad ones."""

    def __init__(self, exchange: Exchange, venue: str) -> None:
        self.exchange, self.venue = exchange, venue

    def deliver(self, line: Line, frame: bytes, uid: str) -> None:
        """Send one private frame to one socket."""
        if line.withheld:
            self.release(line)
        if not self.exchange.faults.active:
            line.write(frame)
        elif self._strikes("close_sockets", uid):
            line.cut()
        elif not self._strikes("drop_frames", uid):
            self._deliver_late(line, frame, uid)

    def _deliver_late(self, line: Line, frame: bytes, uid: str) -> None:
        loop = asyncio.get_running_loop()
        if fault := self._strikes("withhold_frames", uid):
            line.withheld.append((fault.id, frame))
        elif fault := self._strikes("shuffle_frames", uid):
            if not line.shuffled:
                loop.call_later(fault.ms / 1000, self._deal, line)
            line.shuffled.append(frame)
        elif fault := self._strikes("delay_frames", uid):
            loop.call_later(fault.ms / 1000, line.write, frame)
        else:
            line.write(frame)
        if self._strikes("repeat_frames", uid):
            line.write(frame)

    def _deal(self, line: Line) -> None:
        frames, line.shuffled = line.shuffled, []
        self.exchange.faults.random.shuffle(frames)
        for frame in frames:
            line.write(frame)

    def release(self, line: Line) -> None:
        """Send what was withheld by faults that are over, in order."""
        now_ms = self.exchange.real_ms()
        still = []
        for fault_id, frame in line.withheld:
            if self.exchange.faults.is_active(fault_id, now_ms):
                still.append((fault_id, frame))
            else:
                line.write(frame)
        line.withheld = still

    def _strikes(self, kind: str, uid: str) -> Fault | None:
        return self.exchange.strike(kind, self.venue, uid)
