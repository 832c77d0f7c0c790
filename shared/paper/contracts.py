"""What can be traded: the terms of each contract, as plain values.

One contract stands for a fixed amount of coins (`multiplier`); every size in the engine is a number of contracts,
signed where it has a direction. Doors whose venue counts otherwise convert at the door.
"""

from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal

from shared.paper.orders import ZERO

TIER_STEPS = ((1, 1), (2, 2), (5, 5), (10, 10), (20, 25))
"""How many times the first risk limit, for which part of the highest leverage."""


@dataclass(frozen=True, slots=True)
class Tier:
    """Up to which worth a position may be held with which leverage, and what it takes to keep it."""

    number: int
    risk_limit: Decimal
    leverage_max: Decimal
    maintenance_rate: Decimal
    deduction: Decimal


@dataclass(frozen=True, slots=True)
class Contract:
    """The terms of one perpetual contract that settles in USDT."""

    name: str
    base: str
    multiplier: Decimal
    tick: Decimal
    size_step: Decimal
    start_price: Decimal
    size_max: Decimal = Decimal(1_000_000)
    leverage_max: Decimal = Decimal(125)
    cross_leverage_default: Decimal = Decimal(10)
    maintenance_rate: Decimal = Decimal("0.004")
    maker_rate: Decimal = Decimal("-0.0001")
    taker_rate: Decimal = Decimal("0.0005")
    price_deviate: Decimal = Decimal("0.2")
    slip_ratio: Decimal = Decimal("0.05")
    orders_max: int = 100
    risk_limit_base: Decimal = Decimal(1_000_000)
    funding_interval_s: int = 28_800
    tiers: tuple[Tier, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tiers", _to_tiers(self))

    @property
    def is_held(self) -> bool:
        """Whether trading it makes a position."""
        return True

    @property
    def is_funded(self) -> bool:
        """Whether its holders pay one another at intervals."""
        return True

    @property
    def is_decimal(self) -> bool:
        """Whether a fraction of a contract can be traded."""
        return self.size_step < 1

    def value(self, size: Decimal, price: Decimal) -> Decimal:
        """The worth of `size` contracts in USDT, signed as the size is."""
        return size * self.multiplier * price

    def to_tick(self, price: Decimal) -> Decimal:
        """The nearest price that the contract can be quoted at."""
        return (price / self.tick).quantize(Decimal(1)) * self.tick

    def tier_of(self, value: Decimal) -> Tier:
        """The tier of a position that is worth this much, unsigned."""
        if value <= self.risk_limit_base:
            return self.tiers[0]
        return next((tier for tier in self.tiers if value <= tier.risk_limit), self.tiers[-1])

    def risk_limit_for(self, leverage: Decimal) -> Decimal:
        """The most that may be held with this leverage: the lower it is, the more."""
        return next((t.risk_limit for t in reversed(self.tiers) if leverage <= t.leverage_max), self.risk_limit_base)


def _to_tiers(contract: Contract) -> tuple[Tier, ...]:
    tiers: list[Tier] = []
    for number, (times, part) in enumerate(TIER_STEPS, 1):
        leverage = (contract.leverage_max / part).quantize(Decimal(1), ROUND_DOWN)
        rate, deduction = contract.maintenance_rate * part, ZERO
        if tiers:
            deduction = tiers[-1].deduction + tiers[-1].risk_limit * (rate - tiers[-1].maintenance_rate)
        tiers.append(Tier(number, contract.risk_limit_base * times, leverage, rate, deduction))
    return tuple(tiers)


LISTED = (
    Contract("BTC_USDT", "BTC", Decimal("0.0001"), Decimal("0.1"), Decimal(1), Decimal("67500")),
    Contract(
        "ETH_USDT", "ETH", Decimal("0.01"), Decimal("0.01"), Decimal("0.1"), Decimal("3450"), leverage_max=Decimal(100)
    ),
    Contract(
        "SOL_USDT",
        "SOL",
        Decimal(1),
        Decimal("0.01"),
        Decimal("0.1"),
        Decimal("152"),
        leverage_max=Decimal(100),
        maintenance_rate=Decimal("0.005"),
    ),
)


def is_same_market(contract: Contract, symbol: str) -> bool:
    """Whether a symbol as any venue writes it (`BTC_USDT`, `BTC-USDT-SWAP`, `BTCUSDT`) means this contract."""
    return _bare_name(symbol) == _bare_name(contract.name)


def _bare_name(symbol: str) -> str:
    return symbol.upper().removesuffix("-SWAP").replace("_", "").replace("-", "").replace("/", "")
