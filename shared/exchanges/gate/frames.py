"""Frames: what one account says to Gate's socket, and what the socket says to it.

Every private channel is signed by itself, for the second in its frame. Nothing is replayed and no channel begins with a
snapshot, so frames tell changes only. `read` is the hottest path of a worker.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from shared.errors import UnknownWord
from shared.exchanges.base import Ack, Goodbye, Message, PartlyRead, Pong, Refusal, Subscription
from shared.exchanges.gate import NAME, convert, refusals, rows, triggers
from shared.exchanges.gate.numbers import whole
from shared.exchanges.gate.replies import Readable
from shared.exchanges.gate.rows import Envelope
from shared.exchanges.gate.signing import checked_key, signature
from shared.model import Credentials, Fact, Owner

CHANNELS: dict[str, list[str]] = {
    "futures.orders": ["!all"],
    "futures.usertrades": ["!all"],
    "futures.positions": ["!all"],
    "futures.balances": [],
    "futures.autoorders": ["!all"],
    "futures.position_closes": ["!all"],
}
"""What a session follows, and what its payload says after the uid."""

KNOWN_CHANNELS = frozenset(
    {
        *CHANNELS,
        "futures.liquidates",
        "futures.auto_deleverages",
        "futures.reduce_risk_limits",
        "futures.position_adl_rank",
    }
)

ToFact = Callable[[Any, Owner, int], Fact]
PUSHES: dict[str, tuple[msgspec.json.Decoder[Any], ToFact]] = {
    "futures.orders": (rows.ORDERS, convert.to_order),
    "futures.usertrades": (rows.FILLS, convert.to_fill),
    "futures.positions": (rows.POSITIONS, convert.to_position),
    "futures.balances": (rows.BALANCES, convert.from_push),
    "futures.position_closes": (rows.CLOSED, convert.to_closed_position),
}
AUTOORDERS = "futures.autoorders"


class Frames:
    """One account on the socket. `identity` is the uid that private channels want to hear."""

    def __init__(self, owner: Owner, identity: str) -> None:
        self.owner, self.identity = owner, identity

    def login(self, credentials: Credentials, at_s: float) -> Subscription | None:
        return None

    def subscriptions(self, credentials: Credentials, at_s: float, line: int = 0) -> list[Subscription]:
        return [
            Subscription(channel, to_frame(channel, "subscribe", [self.identity, *more], credentials, int(at_s)))
            for channel, more in CHANNELS.items()
        ]

    def ping(self, at_s: float) -> bytes:
        return b'{"time":%d,"channel":"futures.ping"}' % int(at_s)

    def read(self, frame: bytes | str, received_at_ms: int) -> Message:
        try:
            envelope = rows.ENVELOPE.decode(frame)
            if envelope.event == "update":
                reader = PUSHES.get(envelope.channel)
                if reader is not None:
                    decoder, to_fact = reader
                    owner = self.owner
                    return [to_fact(row, owner, received_at_ms) for row in decoder.decode(envelope.result)]
                if envelope.channel == AUTOORDERS:
                    return [
                        self._trigger(row, envelope, received_at_ms) for row in rows.TRIGGERS.decode(envelope.result)
                    ]
            return _read_rare(envelope, frame)
        except (UnknownWord, *Readable) as error:
            return self._read_by_row(frame, received_at_ms, error)

    def _read_by_row(self, frame: bytes | str, received_at_ms: int, error: Exception) -> Message:
        """Something in this frame is new. The rows that can be read are still facts; the others are counted."""
        unknown = error if isinstance(error, UnknownWord) else UnknownWord(NAME, "frame", f"{error} in {frame[:80]!r}")
        facts: list[Fact] = []
        try:
            envelope = rows.ENVELOPE.decode(frame)
            for raw in rows.RAW_ROWS.decode(envelope.result):
                try:
                    facts.append(self._fact(envelope, raw, received_at_ms))
                except (UnknownWord, *Readable):
                    continue
        except (UnknownWord, *Readable):
            raise unknown from None
        if facts:
            raise PartlyRead(unknown, facts) from None
        raise unknown from None

    def _fact(self, envelope: Envelope, raw: msgspec.Raw, received_at_ms: int) -> Fact:
        if envelope.channel == AUTOORDERS:
            return self._trigger(rows.TRIGGER.decode(raw), envelope, received_at_ms)
        decoder, to_fact = PUSHES[envelope.channel]
        return to_fact(decoder.decode(b"[%b]" % bytes(raw))[0], self.owner, received_at_ms)

    def _trigger(self, row: rows.TriggerRow, envelope: Envelope, received_at_ms: int) -> Fact:
        """Dated by the frame that tells it."""
        trigger = triggers.to_trigger(row, self.owner, received_at_ms)
        return triggers.as_of(trigger, whole(envelope.time_ms or 0))


def _read_rare(envelope: Envelope, frame: bytes | str) -> Message:
    """Everything that is not a push of ours."""
    channel, event = envelope.channel, envelope.event
    if channel == "futures.pong":
        return Pong()
    if bytes(envelope.error) != b"null":
        error = rows.FRAME_ERROR.decode(envelope.error)
        return Refusal(channel, refusals.frame_error(error.code, error.message))
    if event == "subscribe":
        return Ack(channel)
    if channel == "futures.system":
        notice = rows.NOTICE.decode(envelope.result)
        if event == "upgrade" or notice.type == "upgrade":
            return Goodbye(notice.msg or "the venue will close this connection")
        raise UnknownWord(NAME, "system notice", notice.type)
    if channel in KNOWN_CHANNELS and event in ("update", "unsubscribe"):
        return None
    if channel == "" and rows.CALL_ENVELOPE.decode(frame).header:
        return None  # an answer to a call: whoever called reads it
    raise UnknownWord(NAME, "frame", f"{channel} {event}")


def to_frame(channel: str, event: str, payload: list[str], credentials: Credentials, at_s: int) -> bytes:
    return msgspec.json.encode(
        {
            "time": at_s,
            "channel": channel,
            "event": event,
            "payload": payload,
            "auth": {
                "method": "api_key",
                "KEY": checked_key(credentials),
                "SIGN": signature(credentials, f"channel={channel}&event={event}&time={at_s}"),
            },
        }
    )
