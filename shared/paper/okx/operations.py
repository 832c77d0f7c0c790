"""Order operations over the private WebSocket: the handlers of REST, by another way in.

Instruments are named by their number here, and a failed operation has no text at the top.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from shared.paper.okx import orders
from shared.paper.okx.auth import check_key, check_may_write
from shared.paper.okx.calls import Call, OkxError, Reply
from shared.paper.okx.routes import Handler
from shared.paper.okx.sockets import PRIVATE, Row, Socket

if TYPE_CHECKING:
    from shared.paper.okx.stream import OkxStream


class Operation(NamedTuple):
    """What an `op` does, and whether it takes a list."""

    handler: Handler
    is_batch: bool = False


OPERATIONS = {
    "order": Operation(orders.place), "batch-orders": Operation(orders.place_batch, True),
    "cancel-order": Operation(orders.cancel), "batch-cancel-orders": Operation(orders.cancel_batch, True),
    "amend-order": Operation(orders.amend), "batch-amend-orders": Operation(orders.amend_batch, True),
}  # fmt: skip
PLACED = "Order successfully placed."


class Operations:
    """Answers what is done over a socket."""

    def __init__(self, stream: OkxStream) -> None:
        self.stream, self.door = stream, stream.door

    def answer(self, socket: Socket, message: Row) -> None:
        """Do what one frame asks, and say how it went."""
        if socket.place != PRIVATE:
            raise OkxError("60028", "The current operation is not supported by this URL.")
        if socket.member is None:
            raise OkxError("60011", "Please log in")
        if not isinstance(message.get("id"), str | int) or message["id"] == "":
            raise OkxError("60027", "Parameter id can not be empty")
        operation, args = OPERATIONS[message["op"]], message.get("args")
        is_right = isinstance(args, list) and args and all(isinstance(each, dict) for each in args)
        if not is_right or (not operation.is_batch and len(args or []) != 1):
            self._conclude(socket, message, Reply(code="60013", message="Invalid args", is_trading=True))
            return
        assert args is not None
        now_ms = self.door.exchange.now_ms()
        headers = {"exptime": str(message["expTime"])} if message.get("expTime") else {}
        call = Call(
            self.door, "POST", message["op"], "", b"", headers, socket.address, now_ms, socket.member, True,
            args if operation.is_batch else args[0],
        )  # fmt: skip
        reply = self._do(socket, call, operation)
        if reply.delay_ms:
            loop = asyncio.get_running_loop()
            loop.call_later(reply.delay_ms / 1000, self._conclude, socket, message, reply)
        else:
            self._conclude(socket, message, reply)

    def _do(self, socket: Socket, call: Call, operation: Operation) -> Reply:
        try:
            check_key(self.door.exchange, call.member, socket.address)
            check_may_write(self.door.exchange, call.member)
            return self.door.mishaps.carry_out(call, operation.handler)
        except OkxError as error:
            return Reply(code=error.code, message=error.message, is_trading=True)

    def _conclude(self, socket: Socket, message: Row, reply: Reply) -> None:
        if reply.is_cut:
            socket.cut()
            return
        at_us = self.door.exchange.now_ms() * 1000
        if reply.is_html:
            reply = Reply(code="50026", message="System error. Try again later.")
        elif reply.status == 429:
            item = {"ordId": "", "clOrdId": "", "tag": "", "ts": str(at_us // 1000), "subCode": ""}
            reply = Reply([item | {"sCode": reply.body["code"], "sMsg": reply.body["msg"]}], code="1")
        elif reply.body is not None:
            reply = Reply(code=reply.body["code"], message=reply.body["msg"])
        is_items = bool(reply.rows)
        rows = [row | {"sMsg": PLACED} if row.get("sMsg") == orders.PLACE.message else row for row in reply.rows]
        self.stream.say(
            socket,
            {
                "id": str(message["id"]), "op": message["op"], "code": reply.code,
                "msg": "" if is_items else reply.message, "data": rows, "inTime": str(at_us),
                "outTime": str(at_us + 100),
            },
        )  # fmt: skip
