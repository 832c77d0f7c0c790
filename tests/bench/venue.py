"""A stub venue: just enough of Gate to hold sessions, answer their REST and push order updates at a steady pace.

One protocol on a plain port and on a TLS port, close to the socket so that it is never what a row measures. Sockets are
grouped by the first part of their path (`/g/<group>/…`), so several clients can be kept and only one of them pushed to.
Each push carries the moment it left (`text` is `t-<monotonic ns>`), by the clock that all processes here share.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from hashlib import sha1
from pathlib import Path
from typing import Any, cast

from shared.paper.tls import make_context
from tests.bench.processes import UID, serve

STATES = 4
"""An order is told so many times: open, twice partly filled, filled."""
SIZE = 30
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
FIRST_ID = 58828270140077001
CONTRACTS = 600
PUSH = (
    b'{"time":%d,"time_ms":%d,"channel":"futures.orders","event":"update","result":[{"id":%d,"id_string":"%d",'
    b'"user":"20000001","contract":"BTC_USDT","create_time":1786000000,"create_time_ms":1786000000100,'
    b'"update_time":%d,"update_id":%d,"finish_time":1786000000,"finish_time_ms":1786000000100,"status":"%b",'
    b'"finish_as":"%b","size":"-30","left":"-%d","iceberg":"0","price":"97000.5","fill_price":"97000.5","tif":"gtc",'
    b'"text":"t-%d","is_close":false,"is_liq":false,"is_reduce_only":false,"mkfr":-0.0001,"tkfr":0.0005,"refr":0,'
    b'"refu":0,"stp_act":"-","stp_id":"0","amend_text":"-","biz_info":"-","bbo":"-","role":"maker","fee":-0.01455,'
    b'"point_fee":0,"is_voucher":false,"leverage":"10","pos_margin_mode":"isolated","market_order_slip_ratio":"0"}]}'
)
POSITION = {
    "user": int(UID), "contract": "BTC_USDT", "size": "0", "mode": "single", "leverage": "10", "lever": "10",
    "cross_leverage_limit": "0", "pos_margin_mode": "isolated", "entry_price": "0", "mark_price": "97010.4",
    "margin": "0", "realised_pnl": "0", "unrealised_pnl": "0", "update_time": 1786000002, "update_id": 18,
}  # fmt: skip
ACCOUNT = {
    "user": int(UID), "currency": "USDT", "total": "10296.16455822737", "available": "10215.46455822737",
    "position_margin": "0", "order_margin": "0", "unrealised_pnl": "0", "update_time": 1786000002,
}  # fmt: skip


def to_push(number: int, state: int, at_ms: int, stamp_ns: int) -> bytes:
    """One state of one order, as the venue pushes it."""
    left = SIZE - SIZE * state // (STATES - 1)
    status, finish = (b"finished", b"filled") if left == 0 else (b"open", b"_update" if state else b"_new")
    order = FIRST_ID + number
    return PUSH % (at_ms // 1000, at_ms, order, order, at_ms, state + 1, status, finish, left, stamp_ns)


def to_frame(data: bytes, opcode: int = 1) -> bytes:
    """One unmasked WebSocket frame."""
    if len(data) < 126:
        return bytes((0x80 | opcode, len(data))) + data
    if len(data) < 65536:
        return bytes((0x80 | opcode, 126)) + len(data).to_bytes(2, "big") + data
    return bytes((0x80 | opcode, 127)) + len(data).to_bytes(8, "big") + data


class Venue:
    """What all connections share."""

    def __init__(self) -> None:
        self.groups: dict[str, list[Connection]] = {}
        self.orders = 0
        self.contracts = json.dumps([a_contract(number) for number in range(CONTRACTS)]).encode()
        self.requests = 0
        self._numbers: dict[str, int] = {}

    async def push(
        self, group: str, rate: float, seconds: float, states: int = STATES, sockets: int = 0
    ) -> dict[str, Any]:
        """Push at a steady pace, every socket of the group in turn; tells how many left and how late the last did."""
        connections = [each for each in self.groups[group] if each.follows]
        connections = connections[: sockets or None]
        total, sent, begun_s = int(rate * seconds), 0, time.monotonic()
        start = self._numbers.get(group, 0)
        while sent < total:
            passed_s = time.monotonic() - begun_s
            due = min(total, int(passed_s * rate) + 1)
            if passed_s > seconds * 1.5 + 0.5:
                break  # it cannot be kept up; what was pushed is told
            at_ms = time.time_ns() // 1_000_000
            while sent < due:
                turn, place = divmod(sent, len(connections))
                number = start + turn // states * len(connections) + place
                push = to_push(number, turn % states, at_ms, time.monotonic_ns())
                connections[place].transport.write(to_frame(push))
                sent += 1
            await asyncio.sleep(max(0.001, sent / rate - (time.monotonic() - begun_s)))  # finer would spin
        self._numbers[group] = start + sent
        return {"sent": sent, "took_s": time.monotonic() - begun_s}

    async def burst(self, group: str, orders: int, states: int, bursts: int, pause_s: float) -> dict[str, Any]:
        """All states of some orders in one write to one socket; then a pause."""
        connection = next(each for each in self.groups[group] if each.follows)
        for burst in range(bursts):
            at_ms = time.time_ns() // 1_000_000
            frames = [
                to_frame(to_push(10_000_000 + burst * orders + order, 0, at_ms + state, state))
                for state in range(states)
                for order in range(orders)
            ]
            connection.transport.write(b"".join(frames))
            await asyncio.sleep(pause_s)
        return {"sent": orders * states * bursts}

    async def count(self, group: str) -> dict[str, Any]:
        connections = self.groups.get(group, [])
        return {"open": len(connections), "following": sum(each.follows for each in connections)}

    def reply(self, method: str, path: str, body: bytes) -> bytes:
        """What REST answers; the lists of a quiet account are empty."""
        self.requests += 1
        place = path.partition("?")[0]
        if method == "POST" and place.endswith("/orders"):
            return self.place(json.loads(body))
        if place.endswith("/time"):
            return b'{"server_time":%d}' % (time.time_ns() // 1_000_000)
        if place.endswith("/accounts"):
            return json.dumps(ACCOUNT).encode()
        if place.endswith("/usdt/contracts"):
            return self.contracts
        if "/positions/" in place:
            return json.dumps(POSITION).encode()
        return b"[]"

    def place(self, said: dict[str, Any]) -> bytes:
        self.orders += 1
        now_s = time.time()
        order = {
            "id": FIRST_ID + self.orders, "user": int(UID), "contract": said["contract"], "create_time": now_s,
            "update_time": now_s, "status": "open", "size": said["size"], "left": said["size"], "iceberg": "0",
            "price": said["price"], "fill_price": "0", "tif": said.get("tif", "gtc"), "text": said.get("text", ""),
            "is_close": False, "is_reduce_only": False, "is_liq": False, "mkfr": "-0.0001", "tkfr": "0.0005",
            "refu": 0, "refr": "0", "stp_id": 0, "stp_act": "-", "amend_text": "-", "biz_info": "-", "pid": 0,
        }  # fmt: skip
        return json.dumps(order).encode()


def a_contract(number: int) -> dict[str, Any]:
    """As many markets as Gate lists, for those who load them all."""
    return {
        "name": "BTC_USDT" if number == 0 else f"COIN{number}_USDT", "type": "direct", "status": "trading",
        "in_delisting": False, "quanto_multiplier": "0.0001", "order_price_round": "0.1", "mark_price_round": "0.01",
        "order_size_min": "1", "order_size_max": "1000000", "enable_decimal": False, "leverage_min": "1",
        "leverage_max": "125", "maker_fee_rate": "-0.0001", "taker_fee_rate": "0.0005", "create_time": 1700000000,
        "mark_price": "97010.4", "index_price": "97010", "last_price": "97000", "maintenance_rate": "0.005",
        "risk_limit_base": "1000000", "risk_limit_max": "2000000", "funding_interval": 28800, "orders_limit": 50,
    }  # fmt: skip


class Connection(asyncio.Protocol):
    """One connection: HTTP until it is upgraded, WebSocket from then on."""

    transport: asyncio.Transport

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.waiting = b""
        self.is_ws = False
        self.follows = False
        self.group = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.group:
            self.venue.groups[self.group].remove(self)

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        while (self._read_frame if self.is_ws else self._read_request)():
            pass

    def _read_request(self) -> bool:
        head, end, rest = self.waiting.partition(b"\r\n\r\n")
        if not end:
            return False
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return False
        body, self.waiting = rest[:length], rest[length:]
        method, path, _ = lines[0].split(" ")
        if headers.get("upgrade", "").lower() == "websocket":
            self._upgrade(headers["sec-websocket-key"], path)
        else:
            answer = self.venue.reply(method, path, body)
            head_line = b"HTTP/1.1 %b\r\n" % (b"201 Created" if method == "POST" else b"200 OK")
            about = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(answer)
            self.transport.write(head_line + about + answer)
        return True

    def _upgrade(self, key: str, path: str) -> None:
        accept = base64.b64encode(sha1(key.encode() + MAGIC).digest())
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept
        )
        parts = path.split("/")
        self.group = parts[2] if parts[1] == "g" else "all"
        self.venue.groups.setdefault(self.group, []).append(self)
        self.is_ws = True

    def _read_frame(self) -> bool:
        """Clients mask; nothing they send here is long."""
        data = self.waiting
        if len(data) < 6:
            return False
        length, start = data[1] & 0x7F, 2
        if length == 126:
            length, start = int.from_bytes(data[2:4], "big"), 4
        if len(data) < start + 4 + length:
            return False
        mask, payload = data[start : start + 4], data[start + 4 : start + 4 + length]
        self.waiting = data[start + 4 + length :]
        key = int.from_bytes((mask * (length // 4 + 1))[:length], "big")
        self._heed(data[0] & 0x0F, (int.from_bytes(payload, "big") ^ key).to_bytes(length, "big"))
        return True

    def _heed(self, opcode: int, payload: bytes) -> None:
        if opcode == 8:
            self.transport.write(to_frame(payload, 8))
            self.transport.close()
        elif opcode == 9:
            self.transport.write(to_frame(payload, 10))
        elif opcode == 1:
            self._heed_words(json.loads(payload))

    def _heed_words(self, said: dict[str, Any]) -> None:
        now_ms = time.time_ns() // 1_000_000
        answer: dict[str, Any] = {"time": now_ms // 1000, "time_ms": now_ms}
        if said["channel"].endswith(".ping"):
            answer |= {"channel": said["channel"].replace("ping", "pong"), "event": "", "result": None}
        else:
            self.follows = self.follows or said["channel"] == "futures.orders"
            answer |= {
                "id": said.get("id"),
                "channel": said["channel"],
                "event": said["event"],
                "payload": said.get("payload"),
                "error": None,
                "result": {"status": "success"},
            }
        self.transport.write(to_frame(json.dumps(answer).encode()))


async def run(port: int, tls_port: int, folder: str) -> None:
    """The program."""
    loop, venue = asyncio.get_running_loop(), Venue()
    context = make_context(Path(folder))
    await loop.create_server(lambda: Connection(venue), "127.0.0.1", port, backlog=4096)
    await loop.create_server(lambda: Connection(venue), "127.0.0.1", tls_port, ssl=context, backlog=4096)
    await serve(push=venue.push, burst=venue.burst, count=venue.count)
