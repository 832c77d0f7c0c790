"""Markets as Gate's JSON rows: contracts, tickers, trades, candles, books and statistics."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import islice

from shared.paper.candles import Candle
from shared.paper.facts import Traded
from shared.paper.gate.forms import Row, plain, seconds, size_of
from shared.paper.listing import Listing
from shared.paper.orders import ZERO

FUNDING_OFFSET = 0
BORN_S, CHANGED_S = 1_600_000_000, 1_700_000_000


def contract_row(listing: Listing, is_decimal: bool, now_ms: int) -> Row:
    """The terms of a contract."""
    contract, now_s = listing.contract, now_ms // 1000
    least = contract.size_step if is_decimal else max(Decimal(1), contract.size_step)
    interval = contract.funding_interval_s
    longs = sum(1 for p in listing.holders if p.size > 0)
    return {
        "name": contract.name, "type": "direct", "status": "trading", "in_delisting": False,
        "quanto_multiplier": plain(contract.multiplier), "order_price_round": plain(contract.tick),
        "mark_price_round": plain(contract.tick), "order_size_min": size_of(least, is_decimal),
        "order_size_max": size_of(contract.size_max, is_decimal), "enable_decimal": contract.is_decimal,
        "market_order_size_max": "0", "market_order_slip_ratio": plain(contract.slip_ratio),
        "order_price_deviate": plain(contract.price_deviate), "orders_limit": contract.orders_max,
        "leverage_min": "1", "leverage_max": plain(contract.leverage_max),
        "cross_leverage_default": plain(contract.cross_leverage_default),
        "maintenance_rate": plain(contract.maintenance_rate), "mark_type": "index",
        "mark_price": plain(listing.mark), "index_price": plain(listing.index), "last_price": plain(listing.last),
        "maker_fee_rate": plain(contract.maker_rate), "taker_fee_rate": plain(contract.taker_rate),
        "funding_rate": plain(listing.funding_rate), "funding_rate_indicative": plain(listing.funding_rate),
        "funding_interval": interval, "funding_next_apply": (now_s // interval + 1) * interval,
        "funding_offset": FUNDING_OFFSET, "funding_cap_ratio": "0.75", "funding_rate_limit": "0.003",
        "funding_impact_value": "60000", "interest_rate": "0.0003",
        "risk_limit_base": plain(contract.risk_limit_base), "risk_limit_step": "0",
        "risk_limit_max": plain(contract.tiers[-1].risk_limit),
        "ref_discount_rate": "0", "ref_rebate_rate": "0.2", "orderbook_id": listing.book.version,
        "trade_id": listing.trades[-1].id if listing.trades else 0, "trade_size": size_of(ZERO, is_decimal),
        "position_size": size_of(_held(listing), is_decimal), "long_users": longs,
        "short_users": len(listing.holders) - longs, "config_change_time": CHANGED_S, "create_time": BORN_S,
        "launch_time": BORN_S, "delisting_time": 0, "delisted_time": 0, "contract_type": "",
        "enable_bonus": True, "enable_credit": True, "enable_circuit_breaker": False,
    }  # fmt: skip


def _held(listing: Listing) -> Decimal:
    return sum((abs(p.size) for p in listing.holders), ZERO)


def ticker_row(day: list[Candle], listing: Listing, is_decimal: bool) -> Row:
    """A ticker, from the candles of a day."""
    asks, bids = listing.book.asks, listing.book.bids
    size = sum((candle.size for candle in day), ZERO)
    worth = sum((candle.worth for candle in day), ZERO)
    opened = day[0].open if day else listing.last
    return {
        "contract": listing.contract.name, "last": plain(listing.last),
        "change_percentage": plain(round((listing.last - opened) / opened * 100, 4)),
        "change_price": plain(listing.last - opened),
        "high_24h": plain(max([candle.high for candle in day] + [listing.last])),
        "low_24h": plain(min([candle.low for candle in day] + [listing.last])),
        "total_size": plain(_held(listing)), "volume_24h": plain(size),
        "volume_24h_base": plain(size * listing.contract.multiplier), "volume_24h_quote": plain(worth),
        "volume_24h_settle": plain(worth), "mark_price": plain(listing.mark), "index_price": plain(listing.index),
        "funding_rate": plain(listing.funding_rate), "funding_rate_indicative": plain(listing.funding_rate),
        "quanto_base_rate": "",
        "lowest_ask": plain(asks.best_price) if asks.prices else "0",
        "lowest_size": str(size_of(asks.totals[asks.best_price], is_decimal)) if asks.prices else "0",
        "highest_bid": plain(bids.best_price) if bids.prices else "0",
        "highest_size": str(size_of(bids.totals[bids.best_price], is_decimal)) if bids.prices else "0",
    }  # fmt: skip


def levels(walk: Iterable[tuple[Decimal, Decimal]], limit: int, is_decimal: bool) -> list[Row]:
    """The first levels of one side."""
    return [{"p": plain(price), "s": size_of(size, is_decimal)} for price, size in islice(walk, limit)]


def public_trade_row(trade: Traded, is_decimal: bool) -> Row:
    """A public trade."""
    return {
        "id": trade.id, "create_time": seconds(trade.time_ms), "create_time_ms": seconds(trade.time_ms),
        "contract": trade.contract.name, "size": size_of(trade.size, is_decimal), "price": plain(trade.price),
    }  # fmt: skip


def candle_row(candle: Candle, is_decimal: bool) -> Row:
    """A candle of trades."""
    return price_row(candle) | {"v": size_of(candle.size, is_decimal), "sum": plain(candle.worth)}


def price_row(candle: Candle) -> Row:
    """A candle of a price that is not traded: mark or index."""
    return {
        "t": candle.at_s, "o": plain(candle.open), "h": plain(candle.high), "l": plain(candle.low),
        "c": plain(candle.close),
    }  # fmt: skip


def stat_row(candle: Candle, listing: Listing, is_decimal: bool) -> Row:
    """Statistics of a stretch of time; who holds what is as it is now."""
    contract = listing.contract
    sides = [[p for p in listing.holders if (p.size > 0) == is_long] for is_long in (True, False)]
    longs, shorts = (sum((abs(p.size) for p in side), ZERO) for side in sides)
    taken = size_of(candle.size / 2, is_decimal)
    row: Row = {
        "time": candle.at_s, "mark_price": float(candle.close), "lsr_taker": 1.0,
        "lsr_account": _ratio(Decimal(len(sides[0])), Decimal(len(sides[1]))),
        "open_interest": size_of(_held(listing), is_decimal),
        "open_interest_usd": float(contract.value(_held(listing), listing.mark)),
        "top_lsr_account": _ratio(Decimal(len(sides[0])), Decimal(len(sides[1]))),
        "top_lsr_size": str(_ratio(longs, shorts)), "top_long_size": size_of(longs, is_decimal),
        "top_short_size": size_of(shorts, is_decimal), "long_taker_size": taken, "short_taker_size": taken,
        "top_long_account": len(sides[0]), "top_short_account": len(sides[1]), "long_users": len(sides[0]),
        "short_users": len(sides[1]),
    }  # fmt: skip
    return row | _liquidated(candle, listing, is_decimal)


def _liquidated(candle: Candle, listing: Listing, is_decimal: bool) -> Row:
    row: Row = {}
    facts = [fact for fact in listing.liquidated if fact.now_ms // 1000 >= candle.at_s]
    for name, is_long in (("long", True), ("short", False)):
        size = sum((abs(fact.size) for fact in facts if (fact.size > 0) == is_long), ZERO)
        worth = float(listing.contract.value(size, listing.mark))
        row |= {
            f"{name}_liq_size": size_of(size, is_decimal), f"{name}_liq_usd": worth, f"{name}_liq_usd_new": worth,
            f"{name}_liq_amount": float(size * listing.contract.multiplier),
        }  # fmt: skip
    return row


def _ratio(one: Decimal, other: Decimal) -> float:
    return float(round(one / other, 8)) if other else float(one)
