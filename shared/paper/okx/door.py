"""OKX's door: the way that each REST call goes, and what the door keeps beside the engine.

Signature, then rate limit, then faults, then the handler. Orders are limited one by one, over REST and the socket
together.
"""

from __future__ import annotations

from typing import Any

from shared.paper.accounts import Account, Position
from shared.paper.candles import DAY_S, Candle, Candles
from shared.paper.contracts import Contract
from shared.paper.exchange import FOUNDED_S, Exchange, Member
from shared.paper.facts import Fact
from shared.paper.faults import Fault
from shared.paper.listing import Listing
from shared.paper.market import Market
from shared.paper.okx.auth import check_call, check_may_write
from shared.paper.okx.calls import Call, OkxError, Reply, Said
from shared.paper.okx.instruments import code_of, is_spot, listed
from shared.paper.okx.ledger import Ledger
from shared.paper.okx.limits import IP, ORDERS_OF_ACCOUNT, USER_COIN, USER_INSTRUMENT, Limit, Limits
from shared.paper.okx.mishaps import DOWN, TOO_MANY, Mishaps
from shared.paper.okx.orders import AmendNote
from shared.paper.okx.routes import PATHS, TABLE, Route
from shared.paper.okx.stream import OkxStream
from shared.paper.okx.terms import SOURCES, OrderTerms, terms_of
from shared.paper.orders import Order
from shared.paper.unified import UnifiedEngine
from shared.paper.wallets import CROSS, USDT, AlgoTerms, CoinAccount, position_mode

LOCAL = ("127.0.0.1", "::1")
PREFIX = "/api/v5/"
ALONE, IN_BATCH, ALGOS_CANCELLED = Limit(60), Limit(300), Limit(20)
UNFILLED_KEPT_MS = 2 * 3_600_000
NO_PATH = {
    "code": 404, "data": {}, "detailMsg": "", "error_code": "404", "error_message": "Not Found", "msg": "Not Found",
}  # fmt: skip


class OkxDoor:
    """What OKX keeps beside the engine, and the way through for every call."""

    venue = "okx"

    def __init__(self, exchange: Exchange, *, limits_on: bool = True, unfilled_kept_ms: int = UNFILLED_KEPT_MS) -> None:
        """`unfilled_kept_ms` is how long an order is remembered that was cancelled without a fill."""
        now_ms = exchange.now_ms()
        born_s = max(0, now_ms // 1000 - FOUNDED_S)
        self.exchange, self.unfilled_kept_ms = exchange, unfilled_kept_ms
        self.engine = UnifiedEngine(listed(now_ms), born_s=born_s)
        self.engine.describe = _describe
        self.market = Market(
            self.engine, seed=exchange.faults.random.randrange(2**32), now_ms=now_ms, lead=exchange.market
        )
        self.by_code = {code_of(each.contract): each for each in self.engine.listings.values()}
        self.limits = Limits(is_on=limits_on)
        self.mishaps = Mishaps(exchange, self.venue)
        self.ledger = Ledger(self.engine.listings, born_s)
        self.amendments: dict[Order, AmendNote] = {}
        """What the next push of an order says about its amendment; only while it is being amended."""
        self.stream = OkxStream(self)
        self._countdowns: dict[tuple[Account, str], int] = {}
        self.engine.listen(self._on_fact)
        exchange.add_door(self)

    # ---- the way through

    def handle(self, call: Call) -> Reply:
        """Answer one REST call."""
        route = TABLE.get((call.method, call.path.removeprefix(PREFIX)))
        if route is None:
            if call.path.removeprefix(PREFIX) in PATHS:
                return _to_reply(OkxError("50115", "Invalid request method"))
            return Reply(status=404, body=NO_PATH)
        try:
            return self._handle(call, route)
        except OkxError as error:
            return _to_reply(error)

    def _handle(self, call: Call, route: Route) -> Reply:
        if route.is_public:
            if self.mishaps.is_down():
                return Reply(status=503, body=DOWN)
            if call.address not in LOCAL:
                self._count(call, route)
            return route.handler(call)
        call.caller = check_call(self.exchange, call)
        if call.method == "POST":
            if not call.headers.get("content-type", "").startswith("application/json"):
                raise OkxError("50006", 'Invalid Content-Type. Please use "application/json".')
            check_may_write(self.exchange, call.member)
        self._count(call, route)
        return self.mishaps.carry_out(call, route.handler)

    def _count(self, call: Call, route: Route) -> None:
        """Raises when a call comes too soon."""
        limit = route.limit
        if route.path == "trade/cancel-algos":
            body = call.json()
            number = len(body) if isinstance(body, list) else 1
            self.take(ALGOS_CANCELLED, (route.path, call.member.uid), call.now_ms, number)
        if limit is None:
            return
        key = [route.method, route.path, call.address if limit.whose == IP else call.member.uid]
        if limit.whose == USER_INSTRUMENT:
            key.append(call.query.text("instId"))
        elif limit.whose == USER_COIN:
            key.append(call.body().text("ccy"))
        self.take(limit, tuple(key), call.now_ms)

    def take(self, limit: Limit, key: tuple[str, ...], now_ms: int, number: int = 1) -> None:
        """Use some of an allowance; raises when there is not enough."""
        if not self.limits.take(limit, key, now_ms, number):
            raise OkxError("50011", TOO_MANY["msg"], status=429)

    def count_order(self, call: Call, said: Said, kind: str, *, is_alone: bool) -> None:
        """Count one order of a call; an instrument that there is not counts nothing."""
        try:
            contract = call.listing(said).contract
        except OkxError:
            return
        uid = call.member.uid
        limit, word = (ALONE, "one") if is_alone else (IN_BATCH, "batch")
        self.take(limit, (kind, word, uid, contract.name), call.now_ms)
        if (
            kind != "cancel"
            and not is_spot(contract)
            and not self.limits.take(ORDERS_OF_ACCOUNT, ("orders", uid), call.now_ms)
        ):
            raise OkxError("50061", "Sub-account order rate limit exceeded.")

    # ---- what OKX keeps beside the engine

    def welcome(self, member: Member) -> None:
        """Give a new member's wallet its coins, its funding account and its level."""
        account = member.wallets[self.venue]
        assert isinstance(account, CoinAccount)
        account.level, account.vip = member.level, member.vip
        account.funding = dict(member.funding)
        for coin, amount in member.balances.items():
            if coin != USDT and amount:
                self.engine.move(account, coin, amount, "dnw", self.exchange.now_ms())

    def position_of(self, account: Account, contract: Contract, side: str | None) -> Position:
        """The position of a contract that `long`, `short` or neither means; one that is held before another."""
        assert isinstance(account, CoinAccount)
        held = [p for p in account.positions_of(contract) if p.size]
        meant = [p for p in held if side is None or (p.size > 0) == (side == "long")]
        usual = position_mode(CROSS, (side or "long") if account.is_dual else "net")
        return meant[0] if meant else account.position(contract, usual)

    def listing(self, name: str) -> Listing:
        """The instrument of this name."""
        found = self.engine.listings.get(name)
        if found is None:
            raise OkxError("51001", "Instrument ID, Instrument ID code, or Spread ID doesn't exist.")
        return found

    def is_forgotten(self, order: Order, now_ms: int) -> bool:
        """Whether it was cancelled so long ago, without a fill, that the venue no longer knows it."""
        if order.is_open or order.filled:
            return False
        return now_ms - (order.finished_ms or 0) > self.unfilled_kept_ms

    def candles_of(self, listing: Listing) -> Candles:
        """An instrument's candles."""
        return self.market.candles[listing.contract.name]

    def day_of(self, listing: Listing) -> list[Candle]:
        """The candles of the last day."""
        return self.candles_of(listing).since(self.exchange.now_ms() // 1000 - DAY_S)

    def arm_countdown(self, account: Account, tag: str, at_ms: int) -> None:
        """Cancel an account's open orders, those of a tag when there is one, at this time; 0 takes it back."""
        if at_ms:
            self._countdowns[account, tag] = at_ms
        else:
            self._countdowns.pop((account, tag), None)

    def _on_fact(self, fact: Fact) -> None:
        self.ledger.on_fact(fact)
        self.stream.on_fact(fact)

    def tick(self, now_ms: int) -> None:
        """What is due by time alone: countdowns, idle sockets, public pushes."""
        for (account, tag), at_ms in list(self._countdowns.items()):
            if at_ms <= now_ms:
                del self._countdowns[account, tag]
                for order in list(account.open_orders.values()):
                    if tag in ("", terms_of(order).tag):
                        self.engine.cancel(order, now_ms, "countdown")
        self.limits.forget(now_ms)
        self.stream.tick(now_ms)

    # ---- what the exchange asks of a door

    def sockets_by_uid(self) -> dict[str, list[dict[str, Any]]]:
        """The open sockets that are logged in to each account."""
        return self.stream.sockets_by_uid()

    def close_sockets(self, fault: Fault) -> int:
        """Cut the open sockets that a fault concerns."""
        return self.stream.close_sockets(fault)

    def announce_close(self, fault: Fault) -> int:
        """Announce it to the open sockets and close them a little later; answers how many."""
        return self.stream.announce_close(fault)

    def end_sessions(self, uid: str, *, is_closed: bool) -> None:
        """A key is no longer valid: close its account's sockets, or say nothing on them any more."""
        self.stream.end_sessions(uid, is_closed=is_closed)


def _to_reply(error: OkxError) -> Reply:
    return Reply(status=error.status, body=error.to_body())


def _describe(order: Order, terms: AlgoTerms, kind: str) -> OrderTerms:
    """What is shown of an order that was attached to another."""
    parent, spot = terms_of(order), is_spot(order.contract)
    return OrderTerms(
        "market" if terms.is_trailing or not terms.legs[0].order_price else "limit", parent.td_mode, parent.pos_side,
        not spot, tag=parent.tag, algo_id=str(terms.id), algo_text=terms.text, source=SOURCES[kind],
    )  # fmt: skip
