"""One account at Gate: the commands for it, and how the venue says what became of each.

A POST that sets leverage or a mode has its parameters in the query and an empty body; in the body they would be refused
as a wrong signature. An answer to a command that cannot be read leaves the command unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TypeVar

import msgspec

from shared.errors import UnknownWord, VenueError
from shared.exchanges.base import (
    AmendOrder,
    AmendTrigger,
    Guards,
    Lane,
    Leverage,
    PlaceOrder,
    PlaceTrigger,
    Reply,
    Request,
)
from shared.exchanges.gate import FUTURES, LIMITS, convert, rows, triggers, wishes
from shared.exchanges.gate.asks import Asks, told_at_ms
from shared.exchanges.gate.names import checked_id, quoted, refused
from shared.exchanges.gate.numbers import EXPONENT_MAX
from shared.exchanges.gate.refusals import item_error
from shared.exchanges.gate.replies import Readable, as_array, read, unreadable
from shared.exchanges.gate.wishes import Query, from_contract
from shared.model import Fact, Number, Order, Owner, Trigger, text

T = TypeVar("T")
F = TypeVar("F", bound=Fact)


class GateWire(Asks):
    """One account at Gate, on the socket and over REST."""

    # One order.

    def place(self, order: PlaceOrder, expires_at_ms: int | None) -> Request:
        return _post("orders", wishes.from_place(order), Lane.PLACE, expires_at_ms)

    def amend(self, amended: AmendOrder, expires_at_ms: int | None) -> Request:
        path = f"orders/{checked_id('order_id', amended.order_id)}"
        return _write("PUT", path, wishes.from_amend(amended), Lane.PLACE, expires_at_ms)

    def cancel(self, symbol: str | None, order_id: str) -> Request:
        return _delete(f"orders/{checked_id('order_id', order_id)}")

    def close(
        self,
        symbol: str,
        position_side: str,
        client_order_id: str,
        expires_at_ms: int | None,
        *,
        hedged: bool = False,
        margin_mode: str | None = None,
    ) -> Request:
        body = wishes.from_close(symbol, position_side, client_order_id, hedged)
        return _post("orders", body, Lane.PROTECT, expires_at_ms)

    def guards_told(self, reply: Reply) -> Guards:
        said = read(rows.GUARDS, reply)
        return Guards(
            take_profit=_price_told(said.tpsl_tp_trigger_price) or _price_told(said.stop_profit_price),
            stop_loss=_price_told(said.tpsl_sl_trigger_price) or _price_told(said.stop_loss_price),
        )

    # Many orders.

    def place_batch(self, orders: Sequence[PlaceOrder], expires_at_ms: int | None) -> Request:
        _check_count("orders", len(orders), LIMITS.batch_place_max)
        body = b"[%b]" % b",".join([wishes.from_place(order) for order in orders])
        return _post("batch_orders", body, Lane.PLACE, expires_at_ms)

    def to_placed(self, reply: Reply, orders: Sequence[PlaceOrder]) -> list[Order | VenueError]:
        said = _items(reply)
        silent = unreadable("the answer does not name this order")
        return [
            self._placed(said[place], order, reply.received_at_ms) if place < len(said) else silent
            for place, order in enumerate(orders)
        ]

    def _placed(self, raw: msgspec.Raw, wanted: PlaceOrder, received_at_ms: int) -> Order | VenueError:
        try:
            item = rows.PLACED_ITEM.decode(raw)
            if item.succeeded is False or (item.succeeded is None and item.label):
                return item_error(item.label, item.detail or item.message or "")
            order = convert.to_order(rows.ORDER.decode(raw), self.owner, received_at_ms)
        except (UnknownWord, *Readable) as error:
            return unreadable(str(error))
        if order.client_order_id not in (None, wanted.client_order_id):
            return unreadable("another order stands in its place")
        return order

    def cancel_batch(self, order_ids: Sequence[str], symbols: Sequence[str] | None = None) -> Request:
        _check_count("order_ids", len(order_ids), LIMITS.batch_cancel_max)
        body = msgspec.json.encode([checked_id("order_ids", order_id) for order_id in order_ids])
        return _post("batch_cancel_orders", body, Lane.CANCEL, None)

    def to_cancelled(self, reply: Reply, order_ids: Sequence[str]) -> list[VenueError | None]:
        said: dict[str, VenueError | None] = {}
        for raw in _items(reply):
            try:
                item = rows.CANCELLED_ITEM.decode(raw)
            except Readable:
                continue
            said[str(item.id)] = None if item.succeeded else item_error(item.label, item.message or "")
        silent = unreadable("the answer does not name this order")
        return [said.get(order_id, silent) for order_id in order_ids]

    def cancel_all(self, symbol: str | None, side: str | None = None) -> Request:
        sides = () if side is None else (("side", wishes.word("side", wishes.SIDES, side)),)
        return _delete("orders", (*from_contract(symbol), *sides))

    def to_orders(self, reply: Reply) -> list[Order]:
        return self._all(rows.ORDERS, convert.to_order, reply)

    # Leverage and modes.

    def leverage(self, symbol: str, *, hedged: bool = False, margin_mode: str | None = None) -> Request:
        return Request("GET", f"{FUTURES}/{_dual(hedged)}positions/{quoted(symbol)}")

    def to_leverage(self, reply: Reply) -> Leverage | None:
        """One position or, in hedge mode, two. A contract that was never used is refused, and then nothing is known."""
        if reply.status >= 400:
            return None
        said = read(rows.POSITIONS, as_array(reply))
        try:
            return convert.to_leverage(said)
        except (UnknownWord, *Readable) as error:
            raise unreadable(str(error)) from None

    def set_leverage(
        self, symbol: str, wanted: Leverage, *, hedged: bool = False, position_side: str | None = None
    ) -> Request:
        return _query_post(f"{_dual(hedged)}positions/{quoted(symbol)}/leverage", wishes.from_leverage(wanted))

    def position_mode(self) -> Request:
        return Request("GET", f"{FUTURES}/accounts")

    def to_position_mode(self, reply: Reply) -> str:
        return convert.to_position_mode(read(rows.MODE, reply))

    def set_position_mode(self, mode: str) -> Request:
        return _query_post("dual_mode", wishes.from_position_mode(mode))

    # Triggers.

    def place_trigger(self, trigger: PlaceTrigger) -> Request:
        return _post("price_orders", wishes.from_place_trigger(trigger), Lane.PROTECT, None)

    def to_trigger(self, reply: Reply, placed: PlaceTrigger | None = None) -> Trigger:
        """With what was `placed`, the reply need only name it."""
        if placed is None:
            return triggers.as_of(self._one(rows.TRIGGER, triggers.to_trigger, reply), told_at_ms(reply))
        said = read(rows.TRIGGER_ID, reply)
        trigger_id, at_ms = said.id_string or str(said.id), told_at_ms(reply)
        return triggers.placed_trigger(trigger_id, placed, self.owner, at_ms, reply.received_at_ms)

    def amend_trigger(self, amended: AmendTrigger) -> Request:
        path = f"price_orders/amend/{checked_id('trigger_id', amended.trigger.id)}"
        return _write("PUT", path, wishes.from_amend_trigger(amended), Lane.PROTECT, None)

    def cancel_trigger(self, trigger_id: str, symbol: str | None = None, *, alone: bool = False) -> Request:
        return _delete(f"price_orders/{checked_id('trigger_id', trigger_id)}")

    def cancel_all_triggers(self, symbol: str | None) -> Request:
        return _delete("price_orders", from_contract(symbol))

    def to_triggers(self, reply: Reply) -> list[Trigger]:
        return self._all(rows.TRIGGERS, triggers.to_trigger, reply)

    def _all(self, many: msgspec.json.Decoder[list[T]], to_fact: Callable[[T, Owner, int], F], reply: Reply) -> list[F]:
        """The answer to a command for all. When a part of it cannot be read, what became of that part is not known."""
        try:
            return [to_fact(row, self.owner, reply.received_at_ms) for row in many.decode(reply.body)]
        except (UnknownWord, *Readable) as error:
            raise unreadable(str(error)) from None


# Requests.


def _write(method: str, name: str, body: bytes, lane: Lane, expires_at_ms: int | None) -> Request:
    return Request(method, f"{FUTURES}/{name}", body=body, lane=lane, writes=True, expires_at_ms=expires_at_ms)


def _post(name: str, body: bytes, lane: Lane, expires_at_ms: int | None) -> Request:
    return _write("POST", name, body, lane, expires_at_ms)


def _query_post(name: str, query: Query) -> Request:
    return Request("POST", f"{FUTURES}/{name}", query, lane=Lane.PLACE, writes=True)


def _delete(name: str, query: Query = ()) -> Request:
    return Request("DELETE", f"{FUTURES}/{name}", query, lane=Lane.CANCEL, writes=True)


def _dual(hedged: bool) -> str:
    return "dual_comp/" if hedged else ""


def _check_count(field: str, count: int, most: int) -> None:
    if not 1 <= count <= most:
        raise refused(field, f"are {count}, not 1 to {most}", "split them up")


# Replies.


def _items(reply: Reply) -> list[msgspec.Raw]:
    """None at all when the answer is no list: then it names no order."""
    try:
        return rows.RAW_ROWS.decode(reply.body)
    except Readable:
        return []


def _price_told(raw: msgspec.Raw) -> Number | None:
    """The price, unless the row says that there is none."""
    try:
        price = Decimal(bytes(raw).decode().strip('"'))
    except (ArithmeticError, ValueError):
        return None
    return text(price) if price.is_finite() and price > 0 and abs(price.adjusted()) < EXPONENT_MAX else None
