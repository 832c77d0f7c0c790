"""One account at OKX: the commands for it, and how the venue says what became of each.

Every command names the instrument beside the id. The venue's answer to one only says that it was taken: what became of
it is told by a push, or asked for. An answer that cannot be read leaves the command unknown.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.errors import VenueError
from shared.exchanges.base import (
    AmendOrder,
    AmendTrigger,
    Guards,
    Lane,
    Leverage,
    NotShown,
    PlaceOrder,
    PlaceTrigger,
    Reply,
    Request,
)
from shared.exchanges.okx import API, LIMITS, NAME, convert, rows, triggers, wishes
from shared.exchanges.okx.asks import Asks
from shared.exchanges.okx.names import refused, trigger_parts
from shared.exchanges.okx.numbers import ms_of, unless_zero
from shared.exchanges.okx.refusals import item_error
from shared.exchanges.okx.replies import Readable, every, first, raw_rows, unreadable
from shared.exchanges.okx.rows import ItemRow
from shared.exchanges.okx.wishes import Body, needed
from shared.model import Order, Trigger


class OkxWire(Asks):
    """One account at OKX, on the sockets and over REST."""

    # One order.

    def place(self, order: PlaceOrder, expires_at_ms: int | None) -> Request:
        return _post("trade/order", wishes.from_place(order), Lane.PLACE, expires_at_ms)

    def amend(self, amended: AmendOrder, expires_at_ms: int | None) -> Request:
        return _post("trade/amend-order", wishes.from_amend(amended), Lane.PLACE, expires_at_ms)

    def cancel(self, symbol: str | None, order_id: str) -> Request:
        return _post("trade/cancel-order", wishes.from_cancel(symbol, order_id), Lane.CANCEL)

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
        """Whether the venue heeds the expiry of this one is not documented; it is told."""
        body = wishes.from_close(symbol, position_side, client_order_id, hedged, margin_mode)
        return _post("trade/close-position", body, Lane.PROTECT, expires_at_ms)

    def guards_told(self, reply: Reply) -> Guards | None:
        """An answer to a placement shows none; a row of the order does. One that failed is not there."""
        if not first(rows.STATED, reply).state:
            return None
        attached = [row for row in first(rows.GUARDS, reply).attachAlgoOrds if not row.failCode.strip("0")]
        return Guards(
            take_profit=next((unless_zero(row.tpTriggerPx) for row in attached if row.tpTriggerPx), None),
            stop_loss=next((unless_zero(row.slTriggerPx) for row in attached if row.slTriggerPx), None),
        )

    # Many orders.

    def place_batch(self, orders: Sequence[PlaceOrder], expires_at_ms: int | None) -> Request:
        _check_count("orders", len(orders), LIMITS.batch_place_max)
        return _post("trade/batch-orders", [wishes.from_place(order) for order in orders], Lane.PLACE, expires_at_ms)

    def to_placed(self, reply: Reply, orders: Sequence[PlaceOrder]) -> list[Order | VenueError]:
        said = _items(reply)
        silent = unreadable("the answer does not name this order")
        return [
            self._placed(said[place], order, reply.received_at_ms) if place < len(said) else silent
            for place, order in enumerate(orders)
        ]

    def _placed(self, item: ItemRow, wanted: PlaceOrder, received_at_ms: int) -> Order | VenueError:
        if item.clOrdId not in ("", wanted.client_order_id):
            return unreadable("another order stands in its place")
        if item.sCode != "0":
            return item_error(item) if item.sCode else unreadable("the item does not say how it went")
        if not item.ordId:
            return unreadable("the order has no id")
        return convert.placed_order(item.ordId, wanted, ms_of(item.ts) or received_at_ms, self.owner, received_at_ms)

    def amend_batch(self, changes: Sequence[AmendOrder], expires_at_ms: int | None) -> Request:
        """The answer is read with `to_cancelled`: it says of each whether it was taken."""
        _check_count("orders", len(changes), LIMITS.batch_place_max)
        body = [wishes.from_amend(amended) for amended in changes]
        return _post("trade/amend-batch-orders", body, Lane.PLACE, expires_at_ms)

    def cancel_batch(self, order_ids: Sequence[str], symbols: Sequence[str] | None = None) -> Request:
        """`symbols` are those of the orders, in their order."""
        _check_count("order_ids", len(order_ids), LIMITS.batch_cancel_max)
        if symbols is None or len(symbols) != len(order_ids):
            needed(None)
        pairs = zip(order_ids, symbols or (), strict=True)
        body = [wishes.from_cancel(symbol, order_id) for order_id, symbol in pairs]
        return _post("trade/cancel-batch-orders", body, Lane.CANCEL)

    def to_cancelled(self, reply: Reply, order_ids: Sequence[str]) -> list[VenueError | None]:
        """None is taken: the order is as good as cancelled, and says so itself a moment later. An item that names no
        order is about the one in its place."""
        said: dict[str, VenueError | None] = {}
        items = _items(reply)
        for place, item in enumerate(items):
            names = [name for name in (item.ordId, item.clOrdId) if name]
            if not names and len(items) == len(order_ids):
                names = [order_ids[place]]
            said |= dict.fromkeys(names, None if item.sCode == "0" else _failed(item))
        silent = unreadable("the answer does not name this order")
        return [said.get(order_id, silent) for order_id in order_ids]

    def cancel_all(self, symbol: str | None, side: str | None = None) -> Request | None:
        return None

    def to_orders(self, reply: Reply) -> list[Order]:
        raise unreadable("no answer here shows several orders")

    # Leverage and modes.

    def leverage(self, symbol: str, *, hedged: bool = False, margin_mode: str | None = None) -> Request:
        mode = wishes.word("margin_mode", wishes.MARGIN_MODES, margin_mode or wishes.USUAL_MODE)
        return Request("GET", f"{API}/account/leverage-info", (("instId", symbol), ("mgnMode", mode)))

    def to_leverage(self, reply: Reply) -> Leverage | None:
        """One row or, where both sides are held, two. Not every site of the venue can be asked."""
        if reply.status >= 400:
            return None
        return convert.to_leverage(every(rows.LEVERAGE, reply))

    def set_leverage(
        self, symbol: str, wanted: Leverage, *, hedged: bool = False, position_side: str | None = None
    ) -> Request:
        body = wishes.from_leverage(symbol, wanted, hedged, position_side)
        return _post("account/set-leverage", body, Lane.PLACE)

    def position_mode(self) -> Request:
        return Request("GET", f"{API}/account/config")

    def to_position_mode(self, reply: Reply) -> str:
        return convert.to_position_mode(first(rows.CONFIG, reply).posMode)

    def set_position_mode(self, mode: str) -> Request:
        return _post("account/set-position-mode", wishes.from_position_mode(mode), Lane.PLACE)

    # Triggers.

    def place_trigger(self, trigger: PlaceTrigger) -> Request:
        return _post("trade/order-algo", wishes.from_place_trigger(trigger), Lane.PROTECT)

    def to_trigger(self, reply: Reply, placed: PlaceTrigger | None = None) -> Trigger:
        """With what was `placed`, the reply need only name it."""
        item = first(rows.ITEM, reply)
        if placed is not None:
            if not item.algoId:
                raise unreadable("the trigger has no id")
            at_ms = reply.received_at_ms
            return triggers.placed_trigger(item.algoId, placed, at_ms, self.owner, reply.received_at_ms)
        try:
            shown = triggers.to_triggers(first(rows.ALGO, reply), self.owner, reply.received_at_ms)
        except VenueError:
            shown = []
        if not shown:
            raise NotShown(NAME, item.algoId or None, item.algoClOrdId or None)
        return shown[0]

    def amend_trigger(self, amended: AmendTrigger) -> Request:
        return _post("trade/amend-algos", wishes.from_amend_trigger(amended), Lane.PROTECT)

    def cancel_trigger(self, trigger_id: str, symbol: str | None = None, *, alone: bool = False) -> Request:
        """Of an algo order with two prices only the one that is meant is taken away; with its last one it goes."""
        algo_id, half = trigger_parts(trigger_id)
        if half is not None and not alone:
            return _post("trade/amend-algos", wishes.from_drop_half(needed(symbol), algo_id, half), Lane.CANCEL)
        return _post("trade/cancel-algos", wishes.from_cancel_trigger(needed(symbol), algo_id), Lane.CANCEL)

    def cancel_all_triggers(self, symbol: str | None) -> Request | None:
        return None

    def to_triggers(self, reply: Reply) -> list[Trigger]:
        raise unreadable("no answer here shows several triggers")

    # A switch for dead men.

    def cancel_all_after(self, timeout_s: int) -> Request:
        """Cancels every open order unless it is said again in time; 0 takes it back."""
        if timeout_s != 0 and not 10 <= timeout_s <= 120:
            raise refused("timeout_s", "is out of its range", "use 0, or 10 to 120")
        return _post("trade/cancel-all-after", {"timeOut": str(timeout_s)}, Lane.CANCEL)


def _post(name: str, body: Body | list[Body], lane: Lane, expires_at_ms: int | None = None) -> Request:
    path, said = f"{API}/{name}", wishes.to_body(body)
    return Request("POST", path, body=said, lane=lane, writes=True, expires_at_ms=expires_at_ms)


def _check_count(field: str, count: int, most: int) -> None:
    if not 1 <= count <= most:
        raise refused(field, f"are {count}, not 1 to {most}", "split them up")


def _items(reply: Reply) -> list[ItemRow]:
    """None at all when the answer is no list: then it names no order."""
    try:
        return [rows.ITEM.decode(raw) for raw in raw_rows(reply)]
    except (VenueError, *Readable):
        return []


def _failed(item: ItemRow) -> VenueError:
    return item_error(item) if item.sCode else unreadable("the item does not say how it went")
