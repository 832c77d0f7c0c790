"""Wallets of coins, the instruments that are traded from them, and how their owners ask for orders."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from shared.paper.accounts import Account, Position
from shared.paper.contracts import Contract
from shared.paper.orders import ZERO, Order, OrderRequest

USDT = "USDT"
SPOT, SWAP, FUTURES = "SPOT", "SWAP", "FUTURES"
CROSS, ISOLATED = "cross", "isolated"
NET, LONG, SHORT = "net", "long", "short"


def position_mode(margin_mode: str, side: str) -> str:
    """Which position is meant: `cross:net`, `isolated:long` and so on."""
    return f"{margin_mode}:{side}"


@dataclass(frozen=True, slots=True)
class Instrument(Contract):
    """A market of the unified engine. A spot market counts in coins, so its multiplier is 1."""

    kind: str = SWAP
    quote: str = USDT
    size_min: Decimal = Decimal("0.01")
    size_max_market: Decimal = Decimal(34_000)

    @property
    def is_held(self) -> bool:
        """Whether trading it makes a position."""
        return not self.is_spot

    @property
    def is_funded(self) -> bool:
        """Whether its holders pay one another at intervals."""
        return self.kind == SWAP

    @property
    def is_spot(self) -> bool:
        """Whether it trades coins for money."""
        return self.kind == SPOT


@dataclass(frozen=True, slots=True)
class LegTerms:
    """One place where an algo fires: at this price of this kind, with an order at that price, or at market for 0."""

    name: str
    price: Decimal
    price_kind: str = "last"
    order_price: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class AlgoTerms:
    """What fires, and where. A trailing one has no leg: it follows the best price since it was set or reached
    `active_price`, and fires when the market comes back from there by a part or by a distance."""

    id: int
    text: str = ""
    legs: tuple[LegTerms, ...] = ()
    callback_ratio: Decimal | None = None
    callback_spread: Decimal | None = None
    active_price: Decimal | None = None

    @property
    def is_trailing(self) -> bool:
        """Whether it follows the market."""
        return not self.legs


@dataclass(frozen=True, slots=True)
class UnifiedRequest(OrderRequest):
    """An order as this engine takes it: which position it works on, and what the door wants to find again."""

    mode: str = "cross:net"
    quote_size: Decimal | None = None
    """A spot order at market may name the money instead of the coins."""
    attached: tuple[AlgoTerms, ...] = ()
    said: Any = None


@dataclass(slots=True, eq=False)
class CoinAccount(Account):
    """A wallet of coins. USDT is its `balance`; contracts are paid and margined from that alone."""

    coins: dict[str, Decimal] = field(default_factory=dict)
    funding: dict[str, Decimal] = field(default_factory=dict)
    """What lies beside the trading account, and cannot be traded until it is moved."""
    moved_ms: dict[str, int] = field(default_factory=dict)
    """When each currency's ledger last changed."""
    level: int = 2
    vip: int = 0

    def cash(self, coin: str) -> Decimal:
        """What the ledger says, whatever is locked."""
        return self.balance if coin == USDT else self.coins.get(coin, ZERO)

    def ordered(self, coin: str) -> Decimal:
        """How much of a currency its resting spot orders lock."""
        return sum((_locked(order) for order in self.open_orders.values() if _lock_coin(order) == coin), ZERO)

    def free(self, coin: str, marks: dict[str, Decimal]) -> Decimal:
        """How much of a currency a new order may use."""
        if coin == USDT:
            return self.available(marks)
        return self.coins.get(coin, ZERO) - self.ordered(coin)

    def available(self, marks: dict[str, Decimal]) -> Decimal:
        """What a new order may bind in USDT."""
        # `Account` by name: a slotted dataclass is made anew by its decorator, which breaks a bare super().
        return Account.available(self, marks) - self.ordered(USDT)

    def position(self, contract: Contract, mode: str) -> Position:
        """The position of a contract, made when it is first asked for; coins are none, so theirs is not kept."""
        if isinstance(contract, Instrument) and contract.is_spot:
            return Position(self, contract, mode, Decimal(1))
        found = self.positions.get((contract.name, mode))
        if found is None:
            found = Account.position(self, contract, mode)
            found.is_cross = not mode.startswith(ISOLATED)
        return found

    def positions_of(self, contract: Contract) -> list[Position]:
        """All its positions in a contract, in the order of their making."""
        return [held for held in self.positions.values() if held.contract is contract]

    def holdings_in(self) -> list[str]:
        """The currencies that it has something of."""
        coins = [coin for coin, amount in self.coins.items() if amount]
        return ([USDT] if self.balance or any(self.holdings()) else []) + coins


def _lock_coin(order: Order) -> str:
    contract = order.contract
    if not (isinstance(contract, Instrument) and contract.is_spot):
        return ""
    return contract.quote if order.is_buy else contract.base


def _locked(order: Order) -> Decimal:
    return order.left * order.price if order.is_buy else -order.left
