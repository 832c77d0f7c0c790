"""What can be traded: the terms of each contract, as plain values.

One contract stands for a fixed amount of coins (`multiplier`); every size in the engine is a number of contracts,
signed where it has a direction. Doors whose venue counts otherwise convert at the door.
"""

from dataclasses import dataclass
from decimal import Decimal


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
    plain = symbol.upper().removesuffix("-SWAP").replace("_", "").replace("-", "").replace("/", "")
    return plain == contract.name.replace("_", "")
