"""Triggers: orders that wait for a price, set by hand or attached to an order.

An attached one sleeps (`inactive`) until its order has filled something and closes as much as that order has filled.
The first of a pair that fires cancels the other; a position that closes takes those of finished orders with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

from shared.paper.accounts import Account, Position
from shared.paper.contracts import Contract
from shared.paper.facts import TriggerChanged
from shared.paper.orders import ZERO, Order, OrderRequest, Refusal, Tif

if TYPE_CHECKING:
    from shared.paper.engine import Engine

TRIGGER_ID_FIRST = 2_007_047_737_421_336_577
SPAWNED_TEXT = "ao-{}"
"""What an order is called that came of a trigger without a text of its own."""


@dataclass(slots=True, eq=False)
class Trigger:
    """An order that waits for a price. `rises` fires at or above its price, otherwise at or below."""

    id: int
    account: Account
    contract: Contract
    request: OrderRequest
    price: Decimal
    price_kind: str
    rises: bool
    created_ms: int
    expires_ms: int | None = None
    expiration_s: int = 0
    order_type: str = ""
    status: str = "open"
    finish_as: str = ""
    reason: str = ""
    finished_ms: int | None = None
    order_id: int = 0
    parent: Order | None = field(default=None, repr=False)
    version: int = 0
    """Grows with every amendment, so that a queue knows which of its entries are old."""

    @property
    def is_waiting(self) -> bool:
        """Whether it may still fire."""
        return self.status in ("open", "inactive")

    @property
    def spawned_text(self) -> str:
        """What its order will be called."""
        return self.request.text or SPAWNED_TEXT.format(self.id)


class Triggers:
    """All that wait for a price."""

    def __init__(self, engine: Engine, *, id_first: int) -> None:
        self.engine = engine
        self._ids = count(id_first)
        self._expiring: list[tuple[int, int, Trigger]] = []
        self._firing: Trigger | None = None
        self._settling = False

    def next_id(self) -> int:
        """Triggers have an id space of their own."""
        return next(self._ids)

    def set(self, trigger: Trigger) -> None:
        """Let an order wait for its price."""
        trigger.account.triggers[trigger.id] = trigger
        if trigger.status == "open":
            self._queue(trigger)
        if trigger.expires_ms is not None:
            heappush(self._expiring, (trigger.expires_ms, trigger.id, trigger))
        self.engine.tell(TriggerChanged(trigger, trigger.created_ms))

    def amend(self, trigger: Trigger, request: OrderRequest, price: Decimal, kind: str, now_ms: int) -> None:
        """Let it wait for another price, or be another order when it fires."""
        trigger.request, trigger.price, trigger.price_kind = request, price, kind
        trigger.version += 1
        if trigger.status == "open":
            self._queue(trigger)
        self.engine.tell(TriggerChanged(trigger, now_ms))

    def end(self, trigger: Trigger, finish_as: str, now_ms: int, reason: str = "") -> bool:
        """Finish a waiting trigger; false when it has ended already."""
        if not trigger.is_waiting:
            return False
        trigger.status, trigger.finish_as, trigger.reason, trigger.finished_ms = "finished", finish_as, reason, now_ms
        trigger.account.guards.pop(trigger.id, None)
        self.engine.tell(TriggerChanged(trigger, now_ms))
        return True

    def expire(self, now_ms: int) -> None:
        """End the triggers whose time is over."""
        while self._expiring and self._expiring[0][0] <= now_ms:
            self.end(heappop(self._expiring)[2], "expired", now_ms)

    def _queue(self, trigger: Trigger) -> None:
        self.engine.listings[trigger.contract.name].triggers.add(trigger)

    # ---- those that belong to an order

    def attach(self, order: Order, now_ms: int) -> None:
        """Give an order the take-profit and the stop-loss that it was asked for with."""
        asked = ((order.request.take_profit, order.is_buy), (order.request.stop_loss, not order.is_buy))
        pairs = [(price, rises) for price, rises in asked if price]
        order.attached = tuple(self._attached(order, price, rises, now_ms) for price, rises in pairs)
        for trigger in order.attached:
            order.account.guards[trigger.id] = trigger
            self.set(trigger)

    def _attached(self, order: Order, price: Decimal, rises: bool, now_ms: int) -> Trigger:
        request = OrderRequest(order.contract.name, -order.size, tif=Tif.IOC, text="", reduce_only=True)
        return Trigger(
            self.next_id(), order.account, order.contract, request, price, "last", rises, now_ms, status="inactive",
            parent=order,
        )  # fmt: skip

    def follow(self, order: Order) -> None:
        """Wake what is attached to an order when it fills, end it when the order ends without a fill."""
        now_ms, closing = order.updated_ms, order.left - order.size
        for trigger in order.attached:
            if trigger.status == "inactive" and not closing and not order.is_open:
                self.end(trigger, "cancelled", now_ms)
            elif trigger.status == "inactive" and closing:
                trigger.status = "open"
                trigger.request = replace(trigger.request, size=closing)
                self._queue(trigger)
                self.engine.tell(TriggerChanged(trigger, now_ms))
            elif trigger.status == "open" and trigger.request.size != closing:
                trigger.request = replace(trigger.request, size=closing)
                self.engine.tell(TriggerChanged(trigger, now_ms))

    def drop_guards(self, position: Position, now_ms: int) -> None:
        """A position that is gone takes with it what would have closed it."""
        for trigger in list(position.account.guards.values()):
            parent = trigger.parent
            if parent is None or parent.is_open or trigger is self._firing:
                continue
            if parent.contract is position.contract and parent.mode == position.mode:
                self.end(trigger, "cancelled", now_ms)

    # ---- firing

    def settle(self, now_ms: int) -> None:
        """Fire triggers until none is due. An order that one of them places may make the next one due."""
        if self._settling:
            return
        self._settling = True
        try:
            for trigger in self._due():
                self._fire(trigger, now_ms)
        finally:
            self._settling, self._firing = False, None

    def _due(self) -> Iterator[Trigger]:
        found = True
        while found:
            found = False
            for listing in self.engine.listings.values():
                trigger = listing.triggers.pop_due(listing.price)
                if trigger is not None:
                    found = True
                    yield trigger

    def _fire(self, trigger: Trigger, now_ms: int) -> None:
        self._firing = trigger
        request = replace(trigger.request, text=trigger.spawned_text)
        if trigger.parent is not None:
            request = replace(request, size=_at_most(request.size, self._held_by(trigger.parent)))
        placed = self.engine.place(trigger.account, request, now_ms)
        if isinstance(placed, Refusal):
            self.end(trigger, "failed", now_ms, placed.why.value)
            return
        trigger.order_id = placed.id
        self.end(trigger, "succeeded", now_ms)
        if trigger.parent is not None:
            for other in trigger.parent.attached:
                self.end(other, "cancelled", now_ms)

    @staticmethod
    def _held_by(parent: Order) -> Decimal:
        held = parent.account.held(parent.contract, parent.mode)
        return held if (held > 0) == parent.is_buy else ZERO


def _at_most(size: Decimal, held: Decimal) -> Decimal:
    """A closing size that does not exceed what is held; unchanged when nothing is, so that it is refused for that."""
    return size if not held or abs(size) <= abs(held) else -held
