"""Gate's REST door: every route on one screen, and the pipeline that each call goes through.

Signature, then rate limit, then faults, then the handler. A private call whose fault says so is carried out and loses
its answer; which one that is the caller cannot tell, as with the real venue.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import count
from typing import Any, NamedTuple
from urllib.parse import unquote

from shared.paper.accounts import Account
from shared.paper.contracts import Contract
from shared.paper.exchange import Exchange
from shared.paper.faults import Fault
from shared.paper.gate import orders, public, triggers, wallet
from shared.paper.gate.auth import check_call
from shared.paper.gate.calls import Call, GateError, Reply
from shared.paper.gate.limits import CANCEL, OTHER, PLACE, PUBLIC, Limits
from shared.paper.gate.rows import Row, plain
from shared.paper.gate.stream import GateStream
from shared.paper.listing import Listing
from shared.paper.market import Candle
from shared.paper.orders import BalanceChanged, Fact, PositionClosed

Handler = Callable[[Call], Reply]
HISTORY_KEPT = 1000
SETTLES = ("usdt", "btc", "usd1")
DAY_S = 86_400
BAD_GATEWAY = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<h1>502 Bad Gateway</h1>\r\n</body>\r\n</html>"
)


class Route(NamedTuple):
    """Where a call goes, and what it counts as."""

    method: str
    pattern: str
    group: str
    handler: Handler


F = "futures/usdt"
ROUTES = (
    Route("GET", "spot/time", PUBLIC, public.time),
    Route("GET", "spot/currencies", PUBLIC, public.currencies),
    Route("GET", "spot/currency_pairs", PUBLIC, public.nothing),
    Route("GET", "margin/currency_pairs", PUBLIC, public.nothing),
    Route("GET", "margin/uni/currency_pairs", PUBLIC, public.nothing),
    Route("GET", "futures/btc/contracts", PUBLIC, public.nothing),
    Route("GET", "futures/usd1/contracts", PUBLIC, public.nothing),
    Route("GET", "delivery/usdt/contracts", PUBLIC, public.nothing),
    Route("GET", "delivery/btc/contracts", PUBLIC, public.nothing),
    Route("GET", "options/underlyings", PUBLIC, public.nothing),
    Route("GET", f"{F}/contracts", PUBLIC, public.contracts),
    Route("GET", f"{F}/contracts/{{contract}}", PUBLIC, public.contract),
    Route("GET", f"{F}/tickers", PUBLIC, public.tickers),
    Route("GET", f"{F}/order_book", PUBLIC, public.order_book),
    Route("GET", f"{F}/trades", PUBLIC, public.trades),
    Route("GET", f"{F}/candlesticks", PUBLIC, public.candlesticks),
    Route("GET", f"{F}/funding_rate", PUBLIC, public.funding_rate),
    Route("GET", f"{F}/risk_limit_tiers", PUBLIC, public.risk_limit_tiers),
    Route("GET", "account/detail", OTHER, wallet.detail),
    Route("GET", "spot/accounts", OTHER, wallet.spot_accounts),
    Route("GET", "unified/accounts", OTHER, wallet.unified_accounts),
    Route("GET", f"{F}/accounts", OTHER, wallet.futures_account),
    Route("GET", f"{F}/account_book", OTHER, wallet.account_book),
    Route("GET", f"{F}/fee", OTHER, wallet.fee),
    Route("GET", f"{F}/positions", OTHER, wallet.positions),
    Route("GET", f"{F}/positions/{{contract}}", OTHER, wallet.position),
    Route("GET", f"{F}/dual_comp/positions/{{contract}}", OTHER, wallet.dual_position),
    Route("GET", f"{F}/position_close", OTHER, wallet.closed_positions),
    Route("GET", f"{F}/get_leverage/{{contract}}", OTHER, wallet.get_leverage),
    Route("POST", f"{F}/positions/cross_mode", OTHER, wallet.set_cross_mode),
    Route("POST", f"{F}/dual_comp/positions/cross_mode", OTHER, wallet.set_cross_mode),
    Route("POST", f"{F}/positions/{{contract}}/leverage", OTHER, wallet.set_leverage),
    Route("POST", f"{F}/dual_comp/positions/{{contract}}/leverage", OTHER, wallet.set_leverage),
    Route("POST", f"{F}/positions/{{contract}}/set_leverage", OTHER, wallet.set_leverage_by_name),
    Route("POST", f"{F}/positions/{{contract}}/margin", OTHER, wallet.change_margin),
    Route("POST", f"{F}/dual_comp/positions/{{contract}}/margin", OTHER, wallet.change_margin),
    Route("POST", f"{F}/dual_mode", OTHER, wallet.set_dual_mode),
    Route("POST", f"{F}/set_position_mode", OTHER, wallet.set_position_mode),
    Route("POST", f"{F}/orders", PLACE, orders.place),
    Route("GET", f"{F}/orders", OTHER, orders.list_orders),
    Route("DELETE", f"{F}/orders", CANCEL, orders.cancel_all),
    Route("GET", f"{F}/orders/{{order}}", OTHER, orders.get),
    Route("PUT", f"{F}/orders/{{order}}", PLACE, orders.amend),
    Route("DELETE", f"{F}/orders/{{order}}", CANCEL, orders.cancel),
    Route("GET", f"{F}/orders_timerange", OTHER, orders.list_by_time),
    Route("POST", f"{F}/batch_orders", PLACE, orders.place_batch),
    Route("POST", f"{F}/batch_amend_orders", PLACE, orders.amend_batch),
    Route("POST", f"{F}/batch_cancel_orders", CANCEL, orders.cancel_batch),
    Route("POST", f"{F}/countdown_cancel_all", OTHER, orders.countdown),
    Route("GET", f"{F}/my_trades", OTHER, orders.my_trades),
    Route("GET", f"{F}/my_trades_timerange", OTHER, orders.my_trades_by_time),
    Route("POST", f"{F}/price_orders", PLACE, triggers.place),
    Route("GET", f"{F}/price_orders", OTHER, triggers.list_triggers),
    Route("DELETE", f"{F}/price_orders", CANCEL, triggers.cancel_all),
    Route("GET", f"{F}/price_orders/{{order}}", OTHER, triggers.get),
    Route("DELETE", f"{F}/price_orders/{{order}}", CANCEL, triggers.cancel),
)
PLACEMENTS = (orders.place, orders.place_batch, triggers.place)


class GateDoor:
    """What Gate keeps beside the engine, and the way through for every call."""

    venue = "gate"

    def __init__(self, exchange: Exchange, *, is_old: bool = False, limits_on: bool = True) -> None:
        self.exchange, self.engine, self.is_old = exchange, exchange.engine, is_old
        self.limits = Limits(is_on=limits_on)
        self.stream = GateStream(self)
        self._traces = count(0x1BDE5AAA0ACF2F5F)
        self._routes = {(r.method, r.pattern): r for r in ROUTES if "{" not in r.pattern}
        self._patterns = [(r, r.pattern.split("/")) for r in ROUTES if "{" in r.pattern]
        self._books: dict[Account, deque[tuple[BalanceChanged, Decimal]]] = defaultdict(
            lambda: deque(maxlen=HISTORY_KEPT)
        )
        self._closed: dict[Account, deque[Row]] = defaultdict(lambda: deque(maxlen=HISTORY_KEPT))
        self._countdowns: dict[tuple[Account, Contract | None], int] = {}
        self.engine.listen(self._on_fact)
        exchange.add_door(self)

    # ---- the way through

    def handle(self, call: Call) -> Reply:
        """Answer one REST call."""
        found = self._find(call)
        if found is None:
            return Reply(404)
        try:
            reply = self._handle(call, *found)
        except GateError as error:
            reply = Reply(error.status, error.to_body())
        reply.headers["X-Gate-Trace-ID"] = f"{next(self._traces):032x}"
        return reply

    def _find(self, call: Call) -> tuple[Route, dict[str, str]] | None:
        path = unquote(call.path).removeprefix("/api/v4/")
        route = self._routes.get((call.method, path))
        if route is not None:
            return route, {}
        parts = path.split("/")
        for route, pattern in self._patterns:
            if route.method == call.method and len(pattern) == len(parts):
                pairs = list(zip(pattern, parts, strict=True))
                if all(want == part or (want[0] == "{" and part) for want, part in pairs):
                    return route, {want[1:-1]: part for want, part in pairs if want[0] == "{"}
        if parts[0] == "futures" and len(parts) > 2 and parts[1] not in SETTLES:
            return Route(call.method, path, PUBLIC, _wrong_settle), {}
        return None

    def _handle(self, call: Call, route: Route, params: dict[str, str]) -> Reply:
        call.params = params
        if route.group == PUBLIC:
            if self.exchange.faults.active and self.exchange.strike("maintenance", self.venue, ""):
                return Reply(503, BAD_GATEWAY, is_html=True)
            passed = call.ip in ("127.0.0.1", "::1") or self._take(call, route)[0]
            if not passed:
                raise GateError(429, "TOO_MANY_REQUESTS", "Request Rate limit Exceeded")
            return route.handler(call)
        member = check_call(self.exchange, call)
        call.wallet = member.wallets[self.venue]
        passed, headers = self._take(call, route)
        reply = self._act(call, route) if passed else _too_many()
        reply.headers |= headers
        return reply

    def _take(self, call: Call, route: Route) -> tuple[bool, dict[str, str]]:
        tokens = 1
        if route.handler in (orders.place_batch, orders.amend_batch):
            items = call.json()
            tokens = max(1, len(items)) if isinstance(items, list) else 1
        who = call.ip if call.wallet is None else call.wallet.uid
        passed, bucket = self.limits.take(who, route.group, route.method + route.pattern, tokens, call.now_ms)
        return passed, bucket.to_headers(call.now_ms)

    def _act(self, call: Call, route: Route) -> Reply:
        """The handler, and whatever goes wrong around it today."""
        if not self.exchange.faults.active:
            return self._answer(call, route)
        uid = call.account.uid
        if self._strikes("maintenance", uid):
            return Reply(503, BAD_GATEWAY, is_html=True)
        if self._strikes("http_429", uid):
            return _too_many()
        if self._strikes("http_5xx", uid):
            if self.exchange.faults.random.random() < 0.5:
                self._answer(call, route)
            return Reply(502, BAD_GATEWAY, is_html=True)
        if route.handler in (orders.place, orders.place_batch) and self._strikes("reject_order", uid):
            return Reply(400, GateError(400, "INSUFFICIENT_AVAILABLE").to_body())
        if route.handler is triggers.place and self._strikes("refuse_trigger", uid):
            refused = GateError(400, "AUTO_TRIGGER_PRICE_LESS_LAST", "Trigger.Price must > last_price")
            return Reply(400, refused.to_body() | {"code": "1015"})
        reply = self._answer(call, route)
        if route.handler in PLACEMENTS and reply.status < 300 and (cut := self._strikes("cut_reply", uid)):
            reply.is_cut, reply.delay_ms = True, cut.ms
        elif slow := self._strikes("delay_reply", uid):
            reply.delay_ms = slow.ms
        return reply

    def _answer(self, call: Call, route: Route) -> Reply:
        try:
            return route.handler(call)
        except GateError as error:
            return Reply(error.status, error.to_body())

    def _strikes(self, kind: str, uid: str) -> Fault | None:
        return self.exchange.strike(kind, self.venue, uid)

    # ---- what Gate keeps beside the engine

    def _on_fact(self, fact: Fact) -> None:
        if isinstance(fact, BalanceChanged) and fact.account.venue == self.venue:
            self._books[fact.account].append((fact, fact.account.balance))
        elif isinstance(fact, PositionClosed) and fact.position.account.venue == self.venue:
            held = fact.position
            self._closed[held.account].append(
                {
                    "contract": held.contract.name, "side": fact.side, "text": fact.text, "pnl": plain(fact.pnl),
                    "pnl_pnl": plain(held.pnl), "pnl_fee": plain(-held.fees), "pnl_fund": "0",
                    "leverage": plain(held.leverage),
                    "time": fact.now_ms // 1000, "first_open_time": held.opened_ms // 1000,
                }
            )  # fmt: skip
        self.stream.on_fact(fact)

    def book_of(self, account: Account) -> Sequence[tuple[BalanceChanged, Decimal]]:
        """The movements of an account's money, oldest first, each with the balance after it."""
        return self._books[account]

    def closed_of(self, account: Account) -> Sequence[Row]:
        """An account's closed positions, oldest first."""
        return self._closed[account]

    def candles_of(self, listing: Listing) -> Sequence[Candle]:
        """A contract's candles of a minute, oldest first."""
        return self.exchange.market.candles[listing.contract.name]

    def day_of(self, listing: Listing) -> list[Candle]:
        """The candles of the last day."""
        since_s = self.exchange.now_ms() // 1000 - DAY_S
        return [candle for candle in self.candles_of(listing) if candle.at_s >= since_s]

    def arm_countdown(self, account: Account, contract: Contract | None, at_ms: int) -> None:
        """Cancel an account's open orders at this time; 0 takes it back."""
        if at_ms:
            self._countdowns[account, contract] = at_ms
        else:
            self._countdowns.pop((account, contract), None)

    def publish_books(self) -> None:
        """Send what changed in the books to those who follow them."""
        self.stream.publish_books()

    def tick(self, now_ms: int) -> None:
        """What is due by time alone: countdowns, idle sockets, public pushes."""
        for (account, contract), at_ms in list(self._countdowns.items()):
            if at_ms <= now_ms:
                del self._countdowns[account, contract]
                for order in list(account.open_orders.values()):
                    if contract in (None, order.contract):
                        self.engine.cancel(order, now_ms)
        self.limits.forget(now_ms)
        self.stream.tick(now_ms)

    # ---- what the exchange asks of a door

    def sockets_by_uid(self) -> dict[str, list[dict[str, Any]]]:
        """The open sockets that follow each account."""
        return self.stream.sockets_by_uid()

    def close_sockets(self, fault: Fault) -> int:
        """Cut the open sockets that a fault concerns."""
        return self.stream.close_sockets(fault)

    def begin_maintenance(self, fault: Fault) -> None:
        """Announce it and close."""
        self.stream.begin_maintenance(fault)


def _too_many() -> Reply:
    return Reply(429, {"label": "TOO_MANY_REQUESTS", "message": "Request Rate limit Exceeded"})


def _wrong_settle(call: Call) -> Reply:
    raise GateError(400, "MISSING_REQUIRED_HEADER", "Missing required header: Timestamp")
