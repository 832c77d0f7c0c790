"""Gate's futures WebSocket: subscriptions, each private one signed by itself, and pushes without snapshot or replay.

Pushes leave while the engine is still telling its facts, so a push may reach a client before the reply to the call
behind it.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from shared.paper.accounts import Account, Position
from shared.paper.facts import Fact, Traded
from shared.paper.faults import Fault
from shared.paper.gate import position_rows
from shared.paper.gate.auth import check_frame
from shared.paper.gate.calls import GateError, encode_json
from shared.paper.gate.forms import Row
from shared.paper.gate.pushes import PUBLIC_CHANNELS, PublicPushes
from shared.paper.gate.sockets import ALL, Socket
from shared.paper.gate.tellings import TOLD
from shared.paper.gate.trading_api import TradingApi
from shared.paper.liquidation import NO_RANK
from shared.paper.sockets import Courier, to_frame

if TYPE_CHECKING:
    from shared.paper.gate.door import GateDoor

PRIVATE_CHANNELS = frozenset(
    f"futures.{name}"
    for name in (
        "orders", "usertrades", "positions", "balances", "autoorders", "position_closes", "liquidates",
        "auto_deleverages", "reduce_risk_limits", "position_adl_rank",
    )
)  # fmt: skip
RANKS, BALANCES = "futures.position_adl_rank", "futures.balances"
IDLE_MS, SILENT_MS = 30_000, 60_000
UPGRADE = "The connection will soon be closed for a service upgrade. Please reconnect."
INVALID_STRUCTURE, INVALID_ARGUMENT, AUTH_FAILED = 1, 2, 4
TEXT_MAX = 1 << 17


class FrameError(Exception):
    """A frame that is answered with an error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class GateStream:
    """All sockets of the door."""

    def __init__(self, door: GateDoor) -> None:
        self.door, self.exchange = door, door.exchange
        self.sockets: dict[Socket, None] = {}
        self.courier = Courier(door.exchange, "gate")
        self.public = PublicPushes(door)
        self.trading = TradingApi(door)
        self._followers: dict[tuple[Account, str], dict[Socket, set[str]]] = defaultdict(dict)
        self._ranks: dict[Position, int] = {}
        self._ranked: set[Account] = set()

    # ---- a socket's life

    def connect(self, transport: asyncio.Transport, headers: dict[str, str]) -> Socket | None:
        """A new socket; none while the venue is down."""
        if self.exchange.faults.active and self.exchange.strike("maintenance", "gate", ""):
            return None
        now_ms, peer = self.exchange.real_ms(), transport.get_extra_info("peername")
        forwarded = headers.get("x-forwarded-for", "").partition(",")[0].strip()
        address = forwarded or (str(peer[0]) if peer else "")
        socket = Socket(transport, headers.get("x-gate-size-decimal") == "1", address, now_ms, now_ms, now_ms)
        self.sockets[socket] = None
        return socket

    def disconnect(self, socket: Socket) -> None:
        """Forget a socket."""
        self.sockets.pop(socket, None)
        for channel in list(socket.private):
            self._unfollow(socket, channel)
        self.public.forget(socket)

    def hear(self, socket: Socket, text: str) -> None:
        """Answer one frame."""
        socket.heard_ms = self.exchange.real_ms()
        try:
            message = json.loads(text) if len(text) <= TEXT_MAX else None
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            error = {"code": INVALID_STRUCTURE, "message": "request message need json scheme"}
            self.say(socket, self._envelope("", "") | {"error": error, "result": None})
            return
        channel, event = message.get("channel"), message.get("event")
        if channel == "futures.ping":
            self.say(socket, self._envelope("futures.pong", "") | {"conn_id": socket.conn_id, "result": None})
        elif event == "api":
            self.trading.answer(socket, text)
        else:
            self.say(socket, self._answer(socket, message, str(channel or ""), str(event or "")))

    def _answer(self, socket: Socket, message: dict[str, Any], channel: str, event: str) -> dict[str, Any]:
        reply = self._envelope(channel, event)
        if "id" in message:
            reply["id"] = message["id"]
        if isinstance(message.get("payload"), list):
            reply["payload"] = message["payload"]
        reply |= {"conn_id": socket.conn_id, "trace_id": secrets.token_hex(16)}
        try:
            self._change(socket, message, channel, event)
        except FrameError as error:
            return reply | {"error": {"code": error.code, "message": error.message}, "result": {"status": "fail"}}
        return reply | {"result": {"status": "success"}, "requestId": secrets.token_hex(16)}

    def _change(self, socket: Socket, message: dict[str, Any], channel: str, event: str) -> None:
        if event not in ("subscribe", "unsubscribe"):
            raise FrameError(INVALID_STRUCTURE, f"Unknown event {event[:40]}")
        if channel not in PRIVATE_CHANNELS and channel not in PUBLIC_CHANNELS:
            raise FrameError(INVALID_ARGUMENT, f"Unknown channel {channel[:60]}")
        payload = message.get("payload") or []
        if not isinstance(payload, list) or not all(isinstance(each, str | int) for each in payload):
            raise FrameError(INVALID_STRUCTURE, "invalid payload")
        texts = [str(each) for each in payload]
        if channel in PUBLIC_CHANNELS:
            self._follow_public(socket, channel, event, texts)
        else:
            self._follow_private(socket, message, channel, event, texts)

    def _follow_public(self, socket: Socket, channel: str, event: str, payload: list[str]) -> None:
        unknown = self.public.unknown(channel, payload)
        if unknown is not None:
            raise FrameError(INVALID_ARGUMENT, f"unknown contract {unknown[:40]}")
        if event == "subscribe":
            self.public.follow(socket, channel, payload)
        else:
            self.public.unfollow(socket, channel, payload)

    def _follow_private(
        self, socket: Socket, message: dict[str, Any], channel: str, event: str, payload: list[str]
    ) -> None:
        try:
            member = check_frame(
                self.exchange, message.get("auth"), channel, event, message.get("time"), socket.address,
                self.exchange.now_ms(),
            )  # fmt: skip
        except GateError as error:
            text = json.dumps({"label": error.label, "message": error.message}, separators=(",", ":"))
            raise FrameError(AUTH_FAILED, text + "\n") from error
        contract = self._contract(channel, payload, (str(member.number), member.uid))
        if event == "unsubscribe":
            self._unfollow(socket, channel)
            return
        account = member.wallets["gate"]
        known = socket.private.get(channel)
        if known is not None and known[0] is not account:
            self._unfollow(socket, channel)
        contracts = self._followers[account, channel].setdefault(socket, set())
        contracts.add(contract)
        socket.private[channel] = (account, contracts)
        if channel == RANKS:
            self._ranked.add(account)
            for held in account.positions.values():
                self._ranks.pop(held, None)  # whoever follows from now on hears where they stand

    def _contract(self, channel: str, payload: list[str], uids: tuple[str, str]) -> str:
        """What a private payload asks for, once it is right."""
        takes_uid = True
        if channel in (RANKS, "futures.autoorders") and payload and payload[0] not in uids:
            takes_uid = False  # the manual of 2026 leaves the uid out, the older one and most clients send it
        if takes_uid:
            if not payload or (payload[0] not in uids and channel != "futures.positions"):
                raise FrameError(INVALID_ARGUMENT, "invalid argument: user id")
            payload = payload[1:]
        if channel == BALANCES:
            return ALL
        contract = payload[0] if payload else ""
        if contract != ALL and contract not in self.door.engine.listings:
            raise FrameError(INVALID_ARGUMENT, f"unknown contract {contract[:40]}")
        return contract

    def _unfollow(self, socket: Socket, channel: str) -> None:
        known = socket.private.pop(channel, None)
        if known is not None:
            followers = self._followers[known[0], channel]
            followers.pop(socket, None)
            if not followers:
                del self._followers[known[0], channel]
                if channel == RANKS:
                    self._ranked.discard(known[0])

    # ---- pushes

    def on_fact(self, fact: Fact) -> None:
        """Push what happened to those who follow it."""
        told = TOLD.get(type(fact))
        if told is None:
            self.public.on_trade(cast(Traded, fact))
            return
        noun, old = told.noun(fact), self.door.is_old
        followers = self._followers.get((noun.account, told.channel))
        if followers:
            contract = ALL if told.channel == BALANCES else noun.contract.name
            self._push(told.channel, noun.account, contract, followers, lambda form: told.to_row(fact, form, old))

    def _push_ranks(self, now_ms: int) -> None:
        """Tell those who follow it whose turn to be deleveraged comes when, where that changed."""
        for held in [held for account in self._ranked for held in account.positions.values()]:
            rank = self.door.engine.liquidations.rank(held)
            if self._ranks.get(held, NO_RANK) != rank:
                self._ranks[held] = rank
                row, followers = position_rows.rank_push(held, rank, now_ms), self._followers[held.account, RANKS]
                self._push(RANKS, held.account, held.contract.name, followers, partial(_same, row))

    def _push(
        self, channel: str, account: Account, contract: str, followers: dict[Socket, set[str]],
        make: Callable[[bool], Row],
    ) -> None:  # fmt: skip
        frames: dict[bool, bytes] = {}
        for socket, contracts in list(followers.items()):
            if contract != ALL and contract not in contracts and ALL not in contracts:
                continue
            frame = frames.get(socket.is_decimal)
            if frame is None:
                body = self._envelope(channel, "update") | {"result": [make(socket.is_decimal)]}
                frame = frames[socket.is_decimal] = to_frame(encode_json(body))
            self.courier.deliver(socket, frame, account.uid)
            socket.spoke_ms = self.exchange.real_ms()

    def publish_books(self) -> None:
        """Send the books' differences."""
        self.public.publish_books()

    def tick(self, now_ms: int) -> None:
        """Cut the idle, release what was withheld, send public pushes."""
        real_ms = self.exchange.real_ms()
        for socket in list(self.sockets):
            if socket.withheld:
                self.courier.release(socket)
            if socket.follows_anything:
                is_idle = real_ms - max(socket.heard_ms, socket.spoke_ms) > SILENT_MS
            else:
                is_idle = real_ms - socket.heard_ms > IDLE_MS
            if is_idle:
                socket.cut()
        self._push_ranks(now_ms)
        self.public.tick(now_ms)

    def say(self, socket: Socket, body: dict[str, Any]) -> None:
        socket.write(to_frame(encode_json(body)))
        socket.spoke_ms = self.exchange.real_ms()

    def _envelope(self, channel: str, event: str) -> dict[str, Any]:
        now_ms = self.exchange.now_ms()
        return {"time": now_ms // 1000, "time_ms": now_ms, "channel": channel, "event": event}

    # ---- what the exchange asks

    def sockets_by_uid(self) -> dict[str, list[dict[str, Any]]]:
        """The open sockets that follow each account."""
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for socket in self.sockets:
            for uid in socket.owners():
                found[uid].append(socket.to_row())
        return found

    def _belongs(self, socket: Socket, uid: str | None) -> bool:
        return uid is None or uid in socket.owners()

    def close_sockets(self, fault: Fault) -> int:
        """Cut the open sockets that a fault concerns, each by its chance, as many as its count says."""
        cut = 0
        for socket in [s for s in self.sockets if self._belongs(s, fault.uid)]:
            if fault.left == 0:
                break
            if self._is_hit(fault):
                socket.cut()
                cut += 1
                fault.left = fault.left if fault.left is None else fault.left - 1
        return cut

    def announce_close(self, fault: Fault) -> int:
        """Announce an upgrade to everybody concerned and cut them a little later; answers how many that are."""
        notice = self._envelope("futures.system", "update") | {"result": {"type": "upgrade", "msg": UPGRADE}}
        loop = asyncio.get_running_loop()
        told = [s for s in self.sockets if self._belongs(s, fault.uid) and self._is_hit(fault)]
        for socket in told:
            self.say(socket, notice)
            loop.call_later(fault.ms / 1000, socket.cut)
        return len(told)

    def _is_hit(self, fault: Fault) -> bool:
        return self.exchange.faults.random.random() < fault.rate

    def end_sessions(self, uid: str, *, is_closed: bool) -> None:
        """Close an account's sockets, or let them stay open and say nothing on them any more."""
        for socket in [s for s in self.sockets if uid in s.owners()]:
            if is_closed:
                socket.cut()
            else:
                socket.trader = None
                for channel in list(socket.private):
                    self._unfollow(socket, channel)


def _same(row: Row, is_decimal: bool) -> Row:
    """A row without sizes is the same in both forms."""
    return row
