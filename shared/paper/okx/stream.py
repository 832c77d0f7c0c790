"""OKX's WebSocket: three places, each with channels of its own; a login for each connection; nothing is replayed.

Pushes leave while the engine is still telling its facts, so a push may reach a client before the reply to the call
behind it. Whoever follows one of the counted channels on too many connections is acknowledged first and refused then.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import orjson

from shared.paper.facts import Fact, Traded
from shared.paper.faults import Fault
from shared.paper.okx.auth import check_login
from shared.paper.okx.calls import OkxError, Said
from shared.paper.okx.operations import OPERATIONS, Operations
from shared.paper.okx.private import ACCOUNT, ADVANCE, ALGOS, COUNTED, FILLS, ORDERS, POSITIONS, PrivatePushes
from shared.paper.okx.public_pushes import BUSINESS_CHANNELS, PUBLIC_CHANNELS, PublicPushes
from shared.paper.okx.sockets import BUSINESS, PRIVATE, PUBLIC, Row, Socket, Subscription
from shared.paper.sockets import Courier, to_frame

if TYPE_CHECKING:
    from shared.paper.okx.door import OkxDoor

NEEDS_TYPE = (ORDERS, ALGOS, ADVANCE, POSITIONS)
TYPES = ("SPOT", "MARGIN", "SWAP", "FUTURES", "OPTION", "EVENTS", "ANY")
PRIVATE_CHANNELS = frozenset((*COUNTED, FILLS))
BUSINESS_PRIVATE = frozenset((ALGOS, ADVANCE))
IDLE_MS, USUAL_INTERVAL_MS = 30_000, 5_000
INTERVALS_MS = {"0": 0, "2000": 2_000, "3000": 3_000, "4000": 4_000}
REQUESTS_MOST, REQUESTS_SPAN_MS = 480, 3_600_000
CONNECTIONS_MOST, CONNECTS_MOST, CONNECTS_SPAN_MS = 30, 3, 1_000
FILLS_VIP = 4
TEXT_MOST = 1 << 16
ID = re.compile(r"[A-Za-z0-9]{1,32}")
UPGRADE = "The connection will soon be closed for a service upgrade. Please reconnect."
LOCAL = ("127.0.0.1", "::1", "")


class OkxStream:
    """All sockets of the door."""

    def __init__(self, door: OkxDoor) -> None:
        self.door, self.exchange = door, door.exchange
        self.sockets: dict[Socket, None] = {}
        self.courier = Courier(door.exchange, door.venue)
        self.private = PrivatePushes(self)
        self.public = PublicPushes(self)
        self.operations = Operations(self)
        self.connections_most = CONNECTIONS_MOST
        self._connects: dict[str, list[int]] = defaultdict(list)

    # ---- a socket's life

    def connect(self, transport: asyncio.Transport, place: str, headers: dict[str, str]) -> Socket | int:
        """A new socket, or the status that refuses it."""
        if self.exchange.faults.active and self.exchange.strike("maintenance", self.door.venue, ""):
            return 503
        now_ms, peer = self.exchange.real_ms(), transport.get_extra_info("peername")
        forwarded = headers.get("x-forwarded-for", "").partition(",")[0].strip()
        address = forwarded or (str(peer[0]) if peer else "")
        if not self._may_connect(address, now_ms):
            return 429
        socket = Socket(transport, place, address, now_ms, now_ms, now_ms)
        self.sockets[socket] = None
        return socket

    def _may_connect(self, address: str, now_ms: int) -> bool:
        if address in LOCAL or not self.door.limits.is_on:
            return True
        recent = self._connects[address] = [t for t in self._connects[address] if t > now_ms - CONNECTS_SPAN_MS]
        if len(recent) >= CONNECTS_MOST:
            return False
        recent.append(now_ms)
        return True

    def disconnect(self, socket: Socket) -> None:
        """Forget a socket."""
        self.sockets.pop(socket, None)
        self._drop_all(socket)

    def _drop_all(self, socket: Socket) -> None:
        while socket.subscriptions:
            self._drop(socket, socket.subscriptions.popitem()[1])

    def _drop(self, socket: Socket, subscription: Subscription) -> None:
        if subscription.channel in PRIVATE_CHANNELS | BUSINESS_PRIVATE:
            if all(each.channel != subscription.channel for each in socket.subscriptions.values()):
                self.private.unfollow(socket, subscription.channel)
        else:
            self.public.unfollow(socket, subscription)

    def hear(self, socket: Socket, text: str) -> None:
        """Answer one frame."""
        socket.heard_ms = self.exchange.real_ms()
        if text == "ping":
            socket.write(to_frame(b"pong"))
            return
        if len(text) > TEXT_MOST:
            socket.close(1009, "Max frame length of 65536 has been exceeded")
            return
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            message = None
        if not isinstance(message, dict) or not isinstance(message.get("op"), str):
            self._refuse(socket, {}, OkxError("60012", f"Illegal request: {text[:1000]}"))
            return
        try:
            self._act(socket, message, text)
        except OkxError as error:
            self._refuse(socket, message, error)

    def _act(self, socket: Socket, message: Row, text: str) -> None:
        op = message["op"]
        if op in OPERATIONS:
            self.operations.answer(socket, message)
            return
        if op not in ("login", "subscribe", "unsubscribe"):
            raise OkxError("60019", f"Invalid op: {op[:40]}")
        args = message.get("args")
        if not isinstance(args, list) or not args or not all(isinstance(each, dict) for each in args):
            raise OkxError("60012", f"Illegal request: {text[:1000]}")
        if message.get("id") not in (None, "") and not ID.fullmatch(str(message["id"])):
            raise OkxError("60012", f"Illegal request: {text[:1000]}")
        self._count_request(socket)
        if op == "login":
            self._login(socket, args)
            return
        for arg in args:
            try:
                (self._subscribe if op == "subscribe" else self._unsubscribe)(socket, message, arg)
            except OkxError as error:
                self._refuse(socket, message, error)

    def _count_request(self, socket: Socket) -> None:
        now_ms, used = self.exchange.real_ms(), socket.requests
        while used and used[0] <= now_ms - REQUESTS_SPAN_MS:
            used.popleft()
        if len(used) >= REQUESTS_MOST and self.door.limits.is_on:
            raise OkxError("60014", "Requests too frequent")
        used.append(now_ms)

    def _login(self, socket: Socket, args: list[Row]) -> None:
        if socket.place == PUBLIC:
            raise OkxError("60028", "The current operation is not supported by this URL.")
        if socket.member is not None:
            raise OkxError("60031", "The WebSocket endpoint does not allow multiple or repeated logins.")
        if len(args) > 1:
            raise OkxError("60026", "Batch login by APIKey and token simultaneously is not supported.")
        socket.member = check_login(self.exchange, Said(args[0]), socket.address, self.exchange.now_ms())
        self.say(socket, {"event": "login", "code": "0", "msg": "", "connId": socket.conn_id})

    # ---- subscriptions

    def _subscribe(self, socket: Socket, message: Row, arg: Row) -> None:
        channel = self._checked(socket, arg)
        subscription = Subscription(arg, self._interval(channel, arg))
        key = orjson.dumps(arg, option=orjson.OPT_SORT_KEYS).decode()
        known = key in socket.subscriptions
        socket.subscriptions[key] = subscription
        self.say(socket, _echo(message, "subscribe", arg, socket))
        if channel in COUNTED:
            self._tell_count(socket, channel)
        if channel in socket.dead:
            self.private.unfollow(socket, channel)
            return
        if channel in PRIVATE_CHANNELS | BUSINESS_PRIVATE:
            self.private.follow(socket, subscription)
        else:
            self.public.follow(socket, subscription, is_known=known)

    def _tell_count(self, socket: Socket, channel: str) -> None:
        account = self.private.account_of(socket)
        others = [each for each in self.private.followers.get((account, channel), ()) if each is not socket]
        is_over = len(others) >= self.connections_most
        if is_over:
            socket.dead.add(channel)
        count = min(len(others) + 1, self.connections_most)
        event = "channel-conn-count-error" if is_over else "channel-conn-count"
        self.say(socket, {"event": event, "channel": channel, "connCount": str(count), "connId": socket.conn_id})

    def _unsubscribe(self, socket: Socket, message: Row, arg: Row) -> None:
        self._checked(socket, arg)
        subscription = socket.subscriptions.pop(orjson.dumps(arg, option=orjson.OPT_SORT_KEYS).decode(), None)
        if subscription is not None:
            self._drop(socket, subscription)
        self.say(socket, _echo(message, "unsubscribe", arg, socket))

    def _checked(self, socket: Socket, arg: Row) -> str:
        """The channel of an argument that is right."""
        channel = arg.get("channel")
        if not isinstance(channel, str):
            raise OkxError("60012", f"Illegal request: {orjson.dumps(arg).decode()[:500]}")
        place = place_of(channel)
        if place is None or not all(isinstance(each, str) for each in arg.values()):
            raise _unknown(arg)
        if place != socket.place:
            if place == BUSINESS:
                raise OkxError("64001", f"This channel has been migrated to the '/business' URL. {_words(arg)}")
            if socket.place == BUSINESS:
                raise OkxError("64002", f'This channel is not supported by "/business" URL. {_words(arg)}')
            raise OkxError(
                "60008",
                f"The current WebSocket endpoint does not support subscribing to {channel} channels. "
                "Please check the WebSocket URL",
            )
        self._check_words(socket, channel, arg)
        return channel

    def _check_words(self, socket: Socket, channel: str, arg: Row) -> None:
        if channel in PRIVATE_CHANNELS | BUSINESS_PRIVATE:
            if socket.member is None:
                raise OkxError("60011", "Please log in")
            if channel == FILLS and self.private.account_of(socket).vip < FILLS_VIP:
                text = "Your trading fee tier does not meet the requirement to access this channel"
                raise OkxError("64003", text)
            if channel in NEEDS_TYPE and arg.get("instType") not in TYPES:
                raise _unknown(arg)
            if arg.get("instId") and arg["instId"] not in self.door.engine.listings:
                raise _unknown(arg)
        elif self.public.is_unknown(channel, arg):
            raise _unknown(arg)

    @staticmethod
    def _interval(channel: str, arg: Row) -> int:
        """How often the snapshot comes: the parameter is JSON inside of a text."""
        if channel not in (ACCOUNT, POSITIONS):
            return 0
        if not arg.get("extraParams"):
            return USUAL_INTERVAL_MS
        try:
            said = orjson.loads(arg["extraParams"])
            return INTERVALS_MS[str(said.get("updateInterval", ""))]
        except (orjson.JSONDecodeError, AttributeError, KeyError):
            raise OkxError("60033", "Parameter extraParams error") from None

    # ---- pushes

    def on_fact(self, fact: Fact) -> None:
        """Push what happened to those who follow it."""
        if isinstance(fact, Traded):
            self.public.on_trade(fact)
        else:
            self.private.on_fact(fact)

    def tick(self, now_ms: int) -> None:
        """Close the idle, release what was withheld, send what goes out by time."""
        real_ms = self.exchange.real_ms()
        for socket in list(self.sockets):
            if socket.withheld:
                self.courier.release(socket)
            if real_ms - max(socket.heard_ms, socket.spoke_ms) > IDLE_MS:
                socket.close(4004, "No data received in 30s.")
        self.private.tick(real_ms)
        self.public.tick(now_ms)

    def say(self, socket: Socket, body: Row) -> None:
        """Send one frame that is no push."""
        socket.write(to_frame(orjson.dumps(body)))
        socket.spoke_ms = self.exchange.real_ms()

    def _refuse(self, socket: Socket, message: Row, error: OkxError) -> None:
        row: Row = {"id": str(message["id"])} if message.get("id") not in (None, "") else {}
        row |= {"event": "error", "code": error.code, "msg": error.message, "connId": socket.conn_id}
        self.say(socket, row)

    # ---- what the exchange asks

    def sockets_by_uid(self) -> dict[str, list[dict[str, Any]]]:
        """The open sockets that are logged in to each account."""
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for socket in self.sockets:
            if socket.member is not None:
                found[socket.member.uid].append(socket.to_row())
        return found

    def _of(self, uid: str | None) -> list[Socket]:
        return [s for s in self.sockets if uid is None or (s.member is not None and s.member.uid == uid)]

    def close_sockets(self, fault: Fault) -> int:
        """Cut the open sockets that a fault concerns, each by its chance, as many as its count says."""
        cut = 0
        for socket in self._of(fault.uid):
            if fault.left == 0:
                break
            if self._is_hit(fault):
                socket.cut()
                cut += 1
                fault.left = fault.left if fault.left is None else fault.left - 1
        return cut

    def announce_close(self, fault: Fault) -> int:
        """Announce an upgrade to everybody concerned and close them a little later; answers how many that are."""
        loop = asyncio.get_running_loop()
        told = [socket for socket in self._of(fault.uid) if self._is_hit(fault)]
        for socket in told:
            self.say(socket, {"event": "notice", "code": "64008", "msg": UPGRADE, "connId": socket.conn_id})
            loop.call_later(fault.ms / 1000, socket.close, 1001, "upgrade")
        return len(told)

    def _is_hit(self, fault: Fault) -> bool:
        return self.exchange.faults.random.random() < fault.rate

    def end_sessions(self, uid: str, *, is_closed: bool) -> None:
        """Close an account's sockets, or let them stay open and say nothing on them any more."""
        for socket in self._of(uid):
            if is_closed:
                socket.close(4007, "APIKey has been updated or deleted. Please reconnect.")
            else:
                self._drop_all(socket)
                socket.member = None


def place_of(channel: str) -> str | None:
    """The URL that a channel lives at; none for one that there is not."""
    if channel in PRIVATE_CHANNELS:
        return PRIVATE
    if channel in BUSINESS_PRIVATE or channel in BUSINESS_CHANNELS:
        return BUSINESS
    return PUBLIC if channel in PUBLIC_CHANNELS else None


def _echo(message: Row, event: str, arg: Row, socket: Socket) -> Row:
    row: Row = {"id": str(message["id"])} if message.get("id") not in (None, "") else {}
    return row | {"event": event, "arg": arg, "connId": socket.conn_id}


def _words(arg: Row) -> str:
    return ",".join(f"{name}:{value}" for name, value in arg.items())


def _unknown(arg: Row) -> OkxError:
    words = ",".join(str(v) if name == "channel" else f"{name}:{v}" for name, v in arg.items())
    text = (
        f"Wrong URL or channel:{words} doesn't exist. Please use the correct URL, channel and parameters referring to "
    )
    return OkxError("60018", text + "API document.")
