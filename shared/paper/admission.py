"""Whether an order may enter: plain questions about a request, a wallet and a book. Nothing here changes anything."""

from __future__ import annotations

from decimal import Decimal

from shared.paper.accounts import LONG, SHORT, SINGLE, Account, Position
from shared.paper.contracts import Contract
from shared.paper.listing import Listing
from shared.paper.orders import ZERO, OrderRequest, Refusal, Tif, Why


def to_size(account: Account, contract: Contract, request: OrderRequest) -> tuple[Decimal, str, bool, Refusal | None]:
    """Signed size, position mode, whether it may only reduce, and what is wrong with that."""
    size, reduces = request.size, request.reduce_only or request.close or bool(request.close_side)
    if request.close or request.close_side:
        if request.close and account.is_dual:
            return size, SINGLE, True, Refusal(Why.NOT_IN_DUAL)
        if request.close_side and not account.is_dual and not request.close:
            return size, SINGLE, True, Refusal(Why.ONLY_IN_DUAL)
        mode = SINGLE if not account.is_dual else LONG if request.close_side == "close_long" else SHORT
        size = -account.held(contract, mode)
        if not size:
            return size, mode, True, Refusal(Why.NO_POSITION)
        return size, mode, True, None
    mode = account.mode_for(size, reduces=reduces)
    if reduces and size:
        held = account.held(contract, mode)
        if not held:
            return size, mode, True, Refusal(Why.NO_POSITION)
        if (held > 0) == (size > 0):
            return size, mode, True, Refusal(Why.WOULD_INCREASE)
        if account.is_dual and abs(size) > abs(held):
            return size, mode, True, Refusal(Why.REDUCES_TOO_MUCH)
    return size, mode, reduces, None


def check_terms(listing: Listing, size: Decimal, price: Decimal) -> Refusal | None:
    """What is wrong with an order's size and price, whatever else it is."""
    contract = listing.contract
    if not size or size % contract.size_step:
        return Refusal(Why.SIZE, f"{size}")
    if abs(size) > contract.size_max:
        return Refusal(Why.SIZE_TOO_LARGE, f"{contract.size_max}")
    if price < 0 or price % contract.tick:
        return Refusal(Why.PRICE, f"{price}")
    if price and abs(price - listing.mark) > listing.mark * contract.price_deviate:
        return Refusal(Why.PRICE_DEVIATES, f"order price {price} while mark price {listing.mark}")
    return None


def check_kind(listing: Listing, size: Decimal, request: OrderRequest, price: Decimal) -> Refusal | None:
    """What is wrong with its kind, given who waits on the other side."""
    opposite = listing.book.opposite(is_buy=size > 0)
    if not price and request.tif not in (Tif.IOC, Tif.FOK):
        return Refusal(Why.MARKET_NEEDS_IOC)
    if request.tif is Tif.POST and opposite.prices and opposite.is_reached_by(price, opposite.best_price):
        return Refusal(Why.POST_WOULD_TAKE, f"order price {price} while counter price {opposite.best_price}")
    limit = price or listing.market_bound(is_buy=size > 0, slip=request.slip)
    if request.tif is Tif.FOK and opposite.within(limit, abs(size)) < abs(size):
        return Refusal(Why.FOK_WOULD_REST)
    if not price and not opposite.prices:
        return Refusal(Why.NO_COUNTERPARTY)
    return None


def check_attached(listing: Listing, size: Decimal, request: OrderRequest) -> Refusal | None:
    """Whether take-profit and stop-loss are on their sides of the price at which the order is meant to trade."""
    price = request.price or listing.last
    for asked, is_above in ((request.take_profit, size > 0), (request.stop_loss, size < 0)):
        if asked and asked % listing.contract.tick:
            return Refusal(Why.PRICE, f"{asked}")
        if asked and is_above and asked <= price:
            return Refusal(Why.TRIGGER_TOO_LOW, f"{asked}")
        if asked and not is_above and asked >= price:
            return Refusal(Why.TRIGGER_TOO_HIGH, f"{asked}")
    return None


def check_holding(
    account: Account, listing: Listing, position: Position, needed: Decimal, size: Decimal, request: OrderRequest,
    available: Decimal,
) -> Refusal | None:  # fmt: skip
    """Whether the account can pay for, and may hold, what an opening order would give it."""
    if needed > available:
        return Refusal(Why.MARGIN)
    price = request.price or listing.last
    if account.exposure(position, price, is_buy=size > 0, more=size) > position.risk_limit:
        return Refusal(Why.RISK_LIMIT, f"limit {position.risk_limit}")
    return None


def opening_margin(position: Position, listing: Listing, size: Decimal, price: Decimal) -> Decimal:
    """What an order binds: margin and the fee for the part of it that makes the position larger."""
    opposite = ZERO if position.is_opened_by(size) else abs(position.size)
    opening = max(ZERO, abs(size) - opposite)
    value = listing.contract.value(opening, price or listing.last)
    return value / position.leverage + value * listing.contract.taker_rate
