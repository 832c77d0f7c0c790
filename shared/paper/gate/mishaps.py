"""What may go wrong around a private call: the active faults, over REST and over the trading API alike.

A call whose answer is cut is carried out first; which one that is the caller cannot tell, as with the real venue.
"""

from __future__ import annotations

from shared.paper.exchange import Exchange
from shared.paper.faults import Fault
from shared.paper.gate import orders, triggers
from shared.paper.gate.calls import Call, GateError, Reply
from shared.paper.gate.routes import Handler

BAD_GATEWAY = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<h1>502 Bad Gateway</h1>\r\n</body>\r\n</html>"
)
TOO_MANY = "Request Rate limit Exceeded"
PLACEMENTS = (orders.place, orders.place_batch, triggers.place)


class Mishaps:
    """Carries calls out, on good days and bad ones."""

    def __init__(self, exchange: Exchange, venue: str) -> None:
        self.exchange, self.venue = exchange, venue

    def is_down(self, uid: str = "") -> bool:
        """Whether the venue answers nobody."""
        return bool(self.exchange.faults.active) and self._strikes("maintenance", uid) is not None

    def carry_out(self, call: Call, handler: Handler) -> Reply:
        """The handler's answer, and whatever goes wrong around it today."""
        if not self.exchange.faults.active:
            return answer(call, handler)
        uid = call.account.uid
        if self.is_down(uid):
            return Reply(503, BAD_GATEWAY, is_html=True)
        if self._strikes("http_429", uid):
            return too_many(is_fault=True)
        if self._strikes("http_5xx", uid):
            if self.exchange.faults.random.random() < 0.5:
                answer(call, handler)
            return Reply(502, BAD_GATEWAY, is_html=True)
        if handler in (orders.place, orders.place_batch) and self._strikes("reject_order", uid):
            return Reply(400, GateError(400, "INSUFFICIENT_AVAILABLE").to_body())
        if handler is triggers.place and self._strikes("refuse_trigger", uid):
            message = "invalid argument: Trigger.Price must < last_price"
            return Reply(400, GateError(400, "AUTO_TRIGGER_PRICE_LESS_LAST", message, code="1015").to_body())
        reply = answer(call, handler)
        if handler in PLACEMENTS and reply.status < 300 and (cut := self._strikes("cut_reply", uid)):
            reply.is_cut, reply.delay_ms = True, cut.ms
        elif slow := self._strikes("delay_reply", uid):
            reply.delay_ms = slow.ms
        return reply

    def _strikes(self, kind: str, uid: str) -> Fault | None:
        return self.exchange.strike(kind, self.venue, uid)


def answer(call: Call, handler: Handler) -> Reply:
    """What the handler says, a refusal included."""
    try:
        return handler(call)
    except GateError as error:
        return Reply(error.status, error.to_body())


def too_many(*, is_fault: bool = False) -> Reply:
    """More than the limit allows."""
    return Reply(429, {"label": "TOO_MANY_REQUESTS", "message": TOO_MANY}, is_drained=is_fault)
