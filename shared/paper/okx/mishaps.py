"""What may go wrong around a private call: the active faults, over REST and over the socket alike.

A call whose answer is cut, or that ends as a failure of the server, may have been carried out; which one that is the
caller cannot tell, as with the real venue.
"""

from __future__ import annotations

from dataclasses import replace

from shared.paper.exchange import Exchange
from shared.paper.faults import Fault
from shared.paper.okx import algo_calls, orders
from shared.paper.okx.calls import Call, OkxError, Reply, Row
from shared.paper.okx.routes import Handler

BAD_GATEWAY = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<h1>502 Bad Gateway</h1>\r\n</body>\r\n</html>"
)
DOWN: Row = {"code": "50001", "data": [], "msg": "Service temporarily unavailable. Please try again later."}
FAILURES: tuple[Reply, ...] = (
    Reply(status=502, body=BAD_GATEWAY, is_html=True),
    Reply(status=500, body={"code": "50026", "data": [], "msg": "System error. Please try again later."}),
    Reply(status=500, body={"code": "51054", "data": [], "msg": "Request timed out. Please try again."}),
    Reply(status=500, body={"code": "51149", "data": [], "msg": "Order timed out. Please try again."}),
)
TOO_MANY: Row = {"msg": "Too Many Requests", "code": "50011"}
SHORT = "51008", "Order failed. Insufficient USDT margin in account."
WRONG_SIDE = "51280", "SL trigger price can not be higher than the last price"
PLACEMENTS = (orders.place, orders.place_batch, algo_calls.place)


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
            return Reply(status=503, body=DOWN)
        if self._strikes("http_429", uid):
            return Reply(status=429, body=TOO_MANY)
        if self._strikes("http_5xx", uid):
            if self.exchange.faults.random.random() < 0.5:
                answer(call, handler)
            return self.exchange.faults.random.choice(FAILURES)
        if handler in (orders.place, orders.place_batch) and self._strikes("reject_order", uid):
            return _refused(call, *SHORT, "1001")
        if self._asks_protection(call, handler) and self._strikes("refuse_trigger", uid):
            refused = _refused(call, *WRONG_SIDE)
            # It has been seen that the whole of such an answer says all is well while its item does not.
            return replace(refused, code="0", message="") if handler is algo_calls.place else refused
        reply = answer(call, handler)
        if handler in PLACEMENTS and reply.code == "0" and (cut := self._strikes("cut_reply", uid)):
            reply.is_cut, reply.delay_ms = True, cut.ms
        elif slow := self._strikes("delay_reply", uid):
            reply.delay_ms = slow.ms
        return reply

    @staticmethod
    def _asks_protection(call: Call, handler: Handler) -> bool:
        if handler not in PLACEMENTS:
            return False
        body = call.json()
        items = body if isinstance(body, list) else [body]
        return handler is algo_calls.place or any(isinstance(i, dict) and i.get("attachAlgoOrds") for i in items)

    def _strikes(self, kind: str, uid: str) -> Fault | None:
        return self.exchange.strike(kind, self.venue, uid)


def answer(call: Call, handler: Handler) -> Reply:
    """What the handler says, a refusal included."""
    try:
        return handler(call)
    except OkxError as error:
        return Reply(status=error.status, body=error.to_body(), code=error.code)


def _refused(call: Call, code: str, text: str, sub_code: str = "") -> Reply:
    """Every item refused for the same reason."""
    body = call.json()
    items = body if isinstance(body, list) else [body]
    names = [each if isinstance(each, dict) else {} for each in items]
    rows = [
        {
            "clOrdId": str(said.get("clOrdId") or ""), "ordId": "", "tag": str(said.get("tag") or ""),
            "algoId": "", "algoClOrdId": str(said.get("algoClOrdId") or ""), "ts": str(call.now_ms), "sCode": code,
            "sMsg": text, "subCode": sub_code,
        }
        for said in names
    ]  # fmt: skip
    return orders.as_items(rows)
