"""What OKX pushes to an account: each step of its orders at once, its money and positions merged and a little later.

The orders channels have no snapshot. `balance_and_position` follows the push of the trade that moved something;
`account` and `positions` are gathered for a while, so that they come later than both.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from shared.paper.accounts import Account, Position
from shared.paper.algos import Algo
from shared.paper.contracts import Contract
from shared.paper.facts import BalanceChanged, Fact, Filled, OrderChanged, PositionChanged, TriggerChanged
from shared.paper.numbers import plain
from shared.paper.okx.algo_rows import ADVANCED, advance_push, algo_push
from shared.paper.okx.balance_rows import balance_row
from shared.paper.okx.instruments import family_of, is_spot, kind_of
from shared.paper.okx.order_rows import exec_type, order_push, trade_id
from shared.paper.okx.position_rows import moved_row, position_row
from shared.paper.okx.sockets import Row, Socket, Subscription
from shared.paper.okx.terms import client_text, terms_of
from shared.paper.orders import Fill, Order
from shared.paper.sockets import to_frame
from shared.paper.wallets import CoinAccount

if TYPE_CHECKING:
    from shared.paper.okx.stream import OkxStream

ORDERS, ALGOS, ADVANCE, FILLS = "orders", "orders-algo", "algo-advance", "fills"
ACCOUNT, POSITIONS, MOVES = "account", "positions", "balance_and_position"
WARNINGS, GREEKS = "liquidation-warning", "account-greeks"
COUNTED = (ORDERS, ACCOUNT, POSITIONS, MOVES, WARNINGS, GREEKS)
"""Channels that an account may follow on so many connections."""
GATHERED_S = 0.05
EVENTS = {
    "pnl": "filled", "fee": "filled", "trade": "filled", "fund": "funding_fee", "dnw": "transferred",
    "bonus_offset": "liquidation",
}  # fmt: skip
FORCED = {"full_liquidation": "liquidation", "adl": "adl"}
INT64_MOST = 2**63 - 1


@dataclass(slots=True)
class Moves:
    """What moved and has not been told on `balance_and_position`."""

    event: str = ""
    coins: dict[str, None] = field(default_factory=dict)
    positions: dict[Position, None] = field(default_factory=dict)
    trades: list[Row] = field(default_factory=list)


@dataclass(slots=True)
class Gathered:
    """What changed and has not been told on `account` and `positions`."""

    coins: dict[str, None] = field(default_factory=dict)
    positions: dict[Position, None] = field(default_factory=dict)


class PrivatePushes:
    """Who follows which account, and what they are sent."""

    def __init__(self, stream: OkxStream) -> None:
        self.stream, self.door, self.exchange = stream, stream.door, stream.door.exchange
        self.page_size = 100
        """How many rows a snapshot has at most; what is more comes in further pages."""
        self.followers: dict[tuple[Account, str], dict[Socket, None]] = defaultdict(dict)
        self._moves: dict[Account, Moves] = defaultdict(Moves)
        self._gathered: dict[Account, Gathered] = defaultdict(Gathered)
        self._fills_told: dict[Order, int] = {}
        self._is_due = {"moves": False, "gathered": False}

    # ---- who follows

    def follow(self, socket: Socket, subscription: Subscription) -> None:
        """Let a socket hear a channel of its account, beginning with a snapshot where the channel has one."""
        self.followers[self.account_of(socket), subscription.channel][socket] = None
        self.show(socket, subscription)

    def unfollow(self, socket: Socket, channel: str) -> None:
        """Let it hear a channel no more."""
        if socket.member is None:
            return
        key = (self.account_of(socket), channel)
        followers = self.followers.get(key, {})
        followers.pop(socket, None)
        if not followers:
            self.followers.pop(key, None)

    def account_of(self, socket: Socket) -> CoinAccount:
        """Whose socket it is; only for those that are logged in."""
        assert socket.member is not None
        account = socket.member.wallets[self.door.venue]
        assert isinstance(account, CoinAccount)
        return account

    def show(self, socket: Socket, subscription: Subscription) -> None:
        """Send the snapshot of a channel that has one."""
        account, channel = self.account_of(socket), subscription.channel
        subscription.told_ms = self.exchange.real_ms()
        if channel == ACCOUNT:
            coins = [coin for coin in account.holdings_in() if _wants_coin(subscription, coin)]
            for part, place in self._pages(coins):
                row = balance_row(self.door, account, part, self.exchange.now_ms(), is_push=True)
                self._tell_one(socket, account, subscription, place | {"data": [row]})
        elif channel == POSITIONS:
            held = [self._position(each) for each in account.holdings() if _wants(subscription, each.contract)]
            for part, place in self._pages(held):
                self._tell_one(socket, account, subscription, place | {"data": part})
        elif channel == MOVES:
            moves = Moves("snapshot", dict.fromkeys(account.holdings_in()), dict.fromkeys(account.holdings()))
            self._tell_one(socket, account, subscription, {"data": [self._moves_row(account, moves)]})
        elif channel == ADVANCE:
            living = [algo for algo in account.triggers.values() if isinstance(algo, Algo) and algo.is_waiting]
            for algo in living:
                if algo.order_type in ADVANCED and _wants(subscription, algo.contract):
                    self._tell_one(socket, account, subscription, {"data": [advance_push(self.door, algo)]})

    def _pages(self, rows: list[Any]) -> Iterable[tuple[list[Any], Row]]:
        parts = [rows[i : i + self.page_size] for i in range(0, len(rows), self.page_size)] or [[]]
        for number, part in enumerate(parts, 1):
            yield part, {"eventType": "snapshot", "curPage": number, "lastPage": number == len(parts)}

    # ---- facts

    def on_fact(self, fact: Fact) -> None:
        """Push what happened, or keep it until it is pushed."""
        match fact:
            case OrderChanged(order, word):
                self._on_order(order, word)
            case Filled(fill):
                self._on_fill(fill)
            case PositionChanged(position):
                self._moves[position.account].positions[position] = None
                self._gather(position.account).positions[position] = None
                self._gather(position.account).coins["USDT"] = None
                self._later("moves")
            case BalanceChanged(account):
                moves = self._moves[account]
                moves.coins[fact.coin] = None
                moves.event = moves.event or EVENTS.get(fact.kind, "filled")
                self._gather(account).coins[fact.coin] = None
                self._later("moves")
            case TriggerChanged(trigger):
                if isinstance(trigger, Algo):
                    self._on_algo(trigger)

    def _on_order(self, order: Order, word: str) -> None:
        told, account = self._fills_told.get(order, 0), order.account
        fill = order.fills[-1] if len(order.fills) > told else None
        if order.is_open:
            self._fills_told[order] = len(order.fills)
        else:
            self._fills_told.pop(order, None)
        amended = self.door.amendments.get(order)
        if amended is not None and word == "_fill":
            amended = None
        listing = self.door.engine.listings[order.contract.name]
        note = self.door.ledger.notes[fill] if fill else None
        self._tell(account, ORDERS, order.contract, lambda: order_push(order, fill, note, amended, listing.last))
        if fill is not None:
            self._moves[account].event = FORCED.get(terms_of(order).category, "filled")
            self.tell_moves(account)
        for coin in ("USDT", order.contract.base) if is_spot(order.contract) else ("USDT",):
            self._gather(account).coins[coin] = None  # what it locks is another now

    def _on_fill(self, fill: Fill) -> None:
        order, account = fill.order, fill.order.account
        self._moves[account].trades.append({"instId": order.contract.name, "tradeId": trade_id(fill)})
        if terms_of(order).category == "normal":
            self._tell(account, FILLS, order.contract, lambda: _fill_push(fill))

    def _on_algo(self, algo: Algo) -> None:
        if algo.order_type in ADVANCED:
            self._tell(algo.account, ADVANCE, algo.contract, lambda: advance_push(self.door, algo))
        else:
            self._tell(algo.account, ALGOS, algo.contract, lambda: algo_push(self.door, algo))

    # ---- money and positions

    def moved(self, account: Account, event: str, coins: list[str], positions: list[Position]) -> None:
        """Tell of what moved by other means than a trade."""
        moves = self._moves[account]
        moves.event = event
        moves.coins |= dict.fromkeys(coins)
        moves.positions |= dict.fromkeys(positions)
        self._gather(account).positions |= dict.fromkeys(positions)
        self.tell_moves(account)

    def tell_moves(self, account: Account) -> None:
        """Push on `balance_and_position` what has not been told there."""
        moves = self._moves.pop(account, None)
        if moves is None or not (moves.coins or moves.positions):
            return
        assert isinstance(account, CoinAccount)
        for socket, subscription in self._subscribers(account, MOVES):
            self._tell_one(socket, account, subscription, {"data": [self._moves_row(account, moves)]})

    def _moves_row(self, account: CoinAccount, moves: Moves) -> Row:
        now_ms = str(self.exchange.now_ms())
        return {
            "pTime": now_ms, "eventType": moves.event or "filled",
            "balData": [
                {"ccy": coin, "cashBal": plain(account.cash(coin)), "uTime": str(account.moved_ms.get(coin, 0))}
                for coin in moves.coins
            ],
            "posData": [moved_row(self.door, position) for position in moves.positions], "trades": moves.trades,
        }  # fmt: skip

    def _gather(self, account: Account) -> Gathered:
        self._later("gathered")
        return self._gathered[account]

    def tell_gathered(self) -> None:
        """Push on `account` and `positions` what has changed since the last time."""
        gathered, self._gathered = self._gathered, defaultdict(Gathered)
        for account, changed in gathered.items():
            assert isinstance(account, CoinAccount)
            for socket, subscription in self._subscribers(account, ACCOUNT):
                coins = [coin for coin in changed.coins if _wants_coin(subscription, coin) and coin in account.moved_ms]
                if coins:
                    row = balance_row(self.door, account, coins, self.exchange.now_ms(), is_push=True)
                    self._tell_one(socket, account, subscription, {"eventType": "event_update", "data": [row]})
            for socket, subscription in self._subscribers(account, POSITIONS):
                held = [self._position(each) for each in changed.positions if _wants(subscription, each.contract)]
                if held:
                    self._tell_one(socket, account, subscription, {"eventType": "event_update", "data": held})

    def _position(self, position: Position) -> Row:
        return position_row(self.door, position) | {"pTime": str(self.exchange.now_ms())}

    def _later(self, what: str) -> None:
        """Tell it in a while; without a loop whoever drives the door has to flush."""
        if self._is_due[what]:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        self._is_due[what] = True
        loop.call_later(GATHERED_S if what == "gathered" else 0, self._tell_due, what)

    def _tell_due(self, what: str) -> None:
        self._is_due[what] = False
        if what == "gathered":
            self.tell_gathered()
        else:
            for account in list(self._moves):
                self.tell_moves(account)

    def flush(self) -> None:
        """Tell at once all that waits to be told."""
        for account in list(self._moves):
            self.tell_moves(account)
        self.tell_gathered()

    def tick(self, real_ms: int) -> None:
        """Send the snapshots that come by themselves."""
        for (_, channel), sockets in list(self.followers.items()):
            if channel not in (ACCOUNT, POSITIONS):
                continue
            for socket in list(sockets):
                for each in list(socket.subscriptions.values()):
                    if each.channel == channel and each.interval_ms and real_ms - each.told_ms >= each.interval_ms:
                        self.show(socket, each)

    # ---- sending

    def _subscribers(self, account: Account, channel: str) -> Iterable[tuple[Socket, Subscription]]:
        for socket in list(self.followers.get((account, channel), ())):
            for each in list(socket.subscriptions.values()):
                if each.channel == channel:
                    yield socket, each

    def _tell(self, account: Account, channel: str, contract: Contract, make: Callable[[], Row]) -> None:
        row: Row | None = None
        for socket, subscription in self._subscribers(account, channel):
            if _wants(subscription, contract):
                row = make() if row is None else row
                self._tell_one(socket, account, subscription, {"data": [row]})

    def _tell_one(self, socket: Socket, account: Account, subscription: Subscription, body: Row) -> None:
        arg = {name: value for name, value in subscription.arg.items() if name != "extraParams"}
        frame = to_frame(orjson.dumps({"arg": arg | {"uid": str(account.number)}} | body))
        self.stream.courier.deliver(socket, frame, account.uid)
        socket.spoke_ms = self.exchange.real_ms()


def _wants(subscription: Subscription, contract: Contract) -> bool:
    return subscription.is_for(kind_of(contract), family_of(contract), contract.name)


def _wants_coin(subscription: Subscription, coin: str) -> bool:
    return subscription.arg.get("ccy") in (None, "", coin)


def _fill_push(fill: Fill) -> Row:
    text = client_text(fill.order)
    is_number = text.isdecimal() and 0 < int(text) <= INT64_MOST
    return {
        "instId": fill.order.contract.name, "fillSz": plain(abs(fill.size)), "fillPx": plain(fill.price),
        "side": "buy" if fill.size > 0 else "sell", "ts": str(fill.time_ms), "ordId": str(fill.order.id),
        "clOrdId": text if is_number else "0", "tradeId": trade_id(fill), "execType": exec_type(fill), "count": "1",
    }  # fmt: skip
