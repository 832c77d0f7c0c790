"""Frames: what one account says to OKX's two sockets, and what they say to it.

A socket is logged in before anything is followed on it. Orders come without a snapshot and are not replayed; positions
and balances begin with one, in pages. A ping and its answer are plain words, all else is JSON. `read` is the hottest
path of a worker.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from shared.errors import UnknownWord, VenueBusy
from shared.exchanges.base import Ack, Goodbye, Message, PartlyRead, Pong, Refusal, Subscription
from shared.exchanges.okx import NAME, codes, convert, refusals, rows, triggers
from shared.exchanges.okx.numbers import ms_of
from shared.exchanges.okx.picture import Picture
from shared.exchanges.okx.replies import Readable
from shared.exchanges.okx.rows import Frame
from shared.exchanges.okx.signing import LOGIN_WORDS, checked_key, checked_passphrase, signature
from shared.model import Credentials, Fact, Owner

PING, PONG = b"ping", b"pong"
LOGIN = "login"
ANY = {"instType": "ANY"}
EVENTS_ONLY = {"extraParams": '{"updateInterval": "0"}'}
"""Without it the whole picture comes every five seconds."""
CHANNELS: tuple[dict[str, dict[str, str]], ...] = (
    {"orders": ANY, "positions": ANY | EVENTS_ONLY, "account": EVENTS_ONLY, "balance_and_position": {}},
    {"orders-algo": ANY, "algo-advance": ANY},
)
"""By the line they come over. A channel is followed once, for all kinds of instruments."""
ROWS: dict[str, msgspec.json.Decoder[Any]] = {
    "orders": rows.ORDERS,
    "orders-algo": rows.ALGOS,
    "algo-advance": rows.ALGOS,
    "positions": rows.POSITIONS,
    "account": rows.ACCOUNTS,
    "balance_and_position": rows.MOVED,
}
UPGRADE = "64008"
QUIET = frozenset({"channel-conn-count", "unsubscribe"})
CONNECTIONS_SPENT = "channel-conn-count-error"


class Frames:
    """One account on the sockets. `identity` is the uid, which no frame needs."""

    def __init__(self, owner: Owner, identity: str) -> None:
        self.owner, self.identity = owner, identity
        self.picture = Picture()
        self._readers: dict[str, Callable[[Any, int], list[Fact]]] = {
            "orders": self._order,
            "orders-algo": self._algo,
            "algo-advance": self._algo,
            "positions": self._position,
            "account": self._account,
            "balance_and_position": self._moved,
        }

    def login(self, credentials: Credentials, at_s: float) -> Subscription | None:
        return Subscription(LOGIN, login_frame(credentials, at_s))

    def subscriptions(self, credentials: Credentials, at_s: float, line: int = 0) -> list[Subscription]:
        return [Subscription(channel, _subscribe(channel, more)) for channel, more in CHANNELS[line].items()]

    def ping(self, at_s: float) -> bytes:
        return PING

    def read(self, frame: bytes | str, received_at_ms: int) -> Message:
        if len(frame) == len(PONG) and frame in (PONG, "pong"):
            return Pong()
        try:
            said = rows.FRAME.decode(frame)
            if said.arg is None or said.event:
                return _read_rare(said)
            channel = said.arg.channel
            reader = self._readers.get(channel)
            if reader is None:
                raise UnknownWord(NAME, "channel", channel)
            facts: list[Fact] = []
            for row in ROWS[channel].decode(said.data):
                facts += reader(row, received_at_ms)
            return self._placed_in_picture(channel, said, facts, received_at_ms)
        except (UnknownWord, *Readable) as error:
            return self._read_by_row(frame, received_at_ms, error)

    def _read_by_row(self, frame: bytes | str, received_at_ms: int, error: Exception) -> Message:
        """Something in this frame is new. The rows that can be read are still facts; the others are counted."""
        unknown = error if isinstance(error, UnknownWord) else UnknownWord(NAME, "frame", f"{error} in {frame[:80]!r}")
        facts: list[Fact] = []
        try:
            said = rows.FRAME.decode(frame)
            channel = said.arg.channel if said.arg is not None else ""
            for raw in rows.RAW_ROWS.decode(said.data):
                try:
                    facts += self._readers[channel](ROWS[channel].decode(b"[%b]" % bytes(raw))[0], received_at_ms)
                except (UnknownWord, *Readable):
                    continue
        except (UnknownWord, *Readable):
            raise unknown from None
        if facts:
            self.picture.see(facts)
            raise PartlyRead(unknown, facts) from None
        raise unknown from None

    # One row of each channel.

    def _order(self, row: rows.OrderRow, received_at_ms: int) -> list[Fact]:
        """The whole order, and the match that this push is about."""
        order = convert.to_order(row, self.owner, received_at_ms)
        fill = convert.pushed_fill(row, self.owner, received_at_ms)
        return [order] if fill is None else [order, fill]

    def _algo(self, row: rows.AlgoRow, received_at_ms: int) -> list[Fact]:
        return [*triggers.to_triggers(row, self.owner, received_at_ms)]

    def _position(self, row: rows.PositionRow, received_at_ms: int) -> list[Fact]:
        return [convert.to_position(row, self.owner, received_at_ms)]

    def _account(self, row: rows.AccountRow, received_at_ms: int) -> list[Fact]:
        return [convert.from_asset(rows.ASSET.decode(raw), row, self.owner, received_at_ms) for raw in row.details]

    def _moved(self, row: rows.MovedRow, received_at_ms: int) -> list[Fact]:
        """Cash at once, before the account tells what is free of it. Positions have a channel that says more of them,
        and only here is it said when one was taken away by force."""
        facts: list[Fact] = [convert.from_cash(cash, self.owner, received_at_ms) for cash in row.balData]
        cause = convert.FORCED_MOVES.get(row.eventType)
        if cause is not None:
            ended = [convert.forced_close(held, cause, self.owner, received_at_ms) for held in row.posData]
            facts += [fact for fact in ended if fact is not None]
        return facts

    def _placed_in_picture(self, channel: str, said: Frame, facts: list[Fact], received_at_ms: int) -> list[Fact]:
        """A whole list also tells what is not in it any more."""
        if said.eventType != "snapshot" or channel not in ("account", "positions"):
            if channel not in ("orders", "orders-algo", "algo-advance"):
                self.picture.see(facts)
            return facts
        group = convert.TRADING if channel == "account" else "positions"
        at_ms = _told_at_ms(channel, said) or received_at_ms
        return self.picture.page(group, facts, said.curPage, said.lastPage is not False, at_ms)


def _told_at_ms(channel: str, said: Frame) -> int | None:
    if channel != "account":
        return None
    account = rows.ACCOUNTS.decode(said.data)
    return ms_of(account[0].uTime) if account else None


def _read_rare(said: Frame) -> Message:
    """Everything that is not a push of ours."""
    if said.event == "subscribe" and said.arg is not None:
        return Ack(said.arg.channel)
    if said.event == LOGIN and said.code in ("", "0"):
        return Ack(LOGIN)
    if said.event in (LOGIN, "error"):
        return Refusal(_refused_key(said), refusals.frame_error(said.code, said.msg))
    if said.event == CONNECTIONS_SPENT:
        # The subscription was acknowledged a moment before: this takes it back.
        words = f"{codes.BUSY[CONNECTIONS_SPENT].words}: {said.connCount}"
        return Refusal(said.channel, VenueBusy(NAME, CONNECTIONS_SPENT, words, status=429, retry_after_s=30))
    if said.event == "notice" and said.code == UPGRADE:
        return Goodbye(said.msg or "the venue will close this connection")
    if said.event in QUIET or (said.event == "" and said.op):
        return None  # an answer to a call: whoever called reads it
    raise UnknownWord(NAME, "frame", f"{said.event} {said.code} {said.msg}")


def _refused_key(said: Frame) -> str:
    """Which subscription it is about. Not every refusal says so; one that doesn't is about whatever is waited for."""
    if said.arg is not None:
        return said.arg.channel
    return _KEYS.get(said.id, "")


def login_frame(credentials: Credentials, at_s: float) -> bytes:
    """Signed for this second: one that is sent again later is refused."""
    at = str(int(at_s))
    said = {
        "apiKey": checked_key(credentials),
        "passphrase": checked_passphrase(credentials),
        "timestamp": at,
        "sign": signature(credentials, f"{at}{LOGIN_WORDS}".encode()),
    }
    return msgspec.json.encode({"op": LOGIN, "args": [said]})


def _subscribe(channel: str, more: dict[str, str]) -> bytes:
    return msgspec.json.encode({"id": _id_of(channel), "op": "subscribe", "args": [{"channel": channel} | more]})


def _id_of(channel: str) -> str:
    """Letters and digits only."""
    return channel.replace("-", "").replace("_", "")


_KEYS = {_id_of(channel): channel for line in CHANNELS for channel in line}
