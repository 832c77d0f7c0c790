"""What OKX remembers of how an order was asked for, and its words for how it is going."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from shared.paper.numbers import plain
from shared.paper.okx.calls import OkxError
from shared.paper.okx.instruments import is_spot
from shared.paper.orders import Order, Refusal, Why
from shared.paper.wallets import CROSS, ISOLATED, LONG, NET, SHORT, UnifiedRequest, position_mode

CASH = "cash"
NET_MODE, LONG_SHORT_MODE = "net_mode", "long_short_mode"
STP_MODE = "cancel_maker"
"""What the account does when its own orders would trade with each other."""

CANCEL_SOURCES = {
    "cancelled": "1", "reduce_only": "2", "liquidated": "3", "auto_deleveraged": "6", "fok": "13", "ioc": "14",
    "position_closed": "17", "countdown": "20", "poc": "31", "stp": "32",
}  # fmt: skip
CANCEL_REASONS = {
    "1": "Order canceled by user", "2": "The reduce-only order was canceled", "3": "Canceled by liquidation",
    "13": "FOK order could not be filled", "14": "The IOC order could not be filled as a whole",
    "17": "The position was closed", "20": "Cancel all after", "31": "The post-only order would take liquidity",
    "32": "Self trade prevention",
}  # fmt: skip
SOURCES = {"trigger": "6", "conditional": "7", "oco": "7", "move_order_stop": "25"}
CATEGORIES = {"liquidation": "full_liquidation", "adl": "adl"}


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """An order in OKX's words, as far as the engine does not know it."""

    ord_type: str = "market"
    td_mode: str = CROSS
    pos_side: str = NET
    reduce_only: bool = False
    quote_size: str = ""
    """How much money was named instead of coins."""
    tgt_ccy: str = ""
    tag: str = ""
    stp_mode: str = STP_MODE
    algo_id: str = ""
    algo_text: str = ""
    source: str = ""
    category: str = "normal"


def terms_of(order: Order) -> OrderTerms:
    """How an order was asked for; those that the exchange placed by itself have no asker."""
    request = order.request
    if isinstance(request, UnifiedRequest) and isinstance(request.said, OrderTerms):
        return request.said
    mode, _, side = order.mode.partition(":")
    category = "full_liquidation" if order.is_liquidation else "adl"
    return OrderTerms(td_mode=mode, pos_side=side or NET, category=category)


def client_text(order: Order) -> str:
    """The client's own id; orders that the exchange placed have none."""
    return order.text if isinstance(order.request, UnifiedRequest) else ""


def state_of(order: Order) -> str:
    """How an order is going."""
    if order.is_open:
        return "partially_filled" if order.filled else "live"
    return "canceled" if order.left else "filled"


def cancel_source(order: Order) -> str:
    """Who or what cancelled an order; nothing for one that was not."""
    return CANCEL_SOURCES.get(order.finish_as, "0") if state_of(order) == "canceled" else ""


def size_text(order: Order) -> str:
    """How much was asked for, in the unit that it was asked in."""
    return terms_of(order).quote_size or plain(abs(order.size))


def fee_coins(order: Order) -> tuple[str, str]:
    """The currencies of the fee and of a rebate."""
    if not is_spot(order.contract):
        return "USDT", "USDT"
    base, quote = order.contract.base, "USDT"
    return (base, quote) if order.is_buy else (quote, base)


def sides(mode: str, td_mode: str) -> list[str]:
    """The positions that an account can have in one contract, by how they are margined."""
    return [position_mode(td_mode, side) for side in ((LONG, SHORT) if mode == LONG_SHORT_MODE else (NET,))]


def all_modes() -> list[str]:
    """Every position that there can be in one contract."""
    return [position_mode(td_mode, side) for td_mode in (CROSS, ISOLATED) for side in (NET, LONG, SHORT)]


REFUSALS: dict[Why, tuple[str, str]] = {
    Why.SIZE: ("51121", "Order quantity must be a multiple of the lot size."),
    Why.SIZE_TOO_SMALL: ("51020", "Your order should meet or exceed the minimum order amount."),
    Why.SIZE_TOO_LARGE: ("51005", "Your order amount exceeds the max order amount."),
    Why.PRICE: ("51000", "Parameter px error"),
    Why.PRICE_TOO_HIGH: ("51137", "The highest price limit for buy orders is {}"),
    Why.PRICE_TOO_LOW: ("51138", "The lowest price limit for sell orders is {}"),
    Why.NO_POSITION: (
        "51169", "Order failed because you don't have any positions in this direction to reduce or close.",
    ),
    Why.WOULD_INCREASE: (
        "51170",
        "Failed to place order because a reduce-only order can't be the same trading direction as your positions.",
    ),
    Why.REDUCES_TOO_MUCH: ("51112", "Close order size exceeds your available size."),
    Why.TOO_MANY_ORDERS: ("51174", "The number of pending orders exceeds the upper limit."),
    Why.RISK_LIMIT: ("51004", "Order failed. The position would exceed the upper limit of its tier."),
    Why.POST_WOULD_TAKE: ("51511", "Amendment failed as the order would take liquidity although it is post-only."),
    Why.NOT_OPEN: ("51503", "Your order has already been filled or canceled."),
}  # fmt: skip


def to_error(refusal: Refusal, *, is_spot: bool = False) -> OkxError:
    """The engine's no in OKX's code."""
    if refusal.why is Why.MARGIN:
        coin, sub_code = refusal.detail or "USDT", "1000" if is_spot else "1001"
        what = "balance" if is_spot else "margin"
        return OkxError("51008", f"Order failed. Insufficient {coin} {what} in account.", sub_code=sub_code)
    code, text = REFUSALS.get(refusal.why, ("51000", "Parameter error"))
    return OkxError(code, text.format(refusal.detail))


def price_text(price: Decimal) -> str:
    """A price; none when there is none."""
    return plain(price) if price else ""
