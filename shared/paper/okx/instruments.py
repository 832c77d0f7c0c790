"""What OKX lists here: spot, perpetuals and one dated contract, with the terms of its 2026 instrument rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.paper.contracts import Contract
from shared.paper.numbers import plain
from shared.paper.wallets import FUTURES, SPOT, SWAP, USDT, Instrument

Row = dict[str, Any]
D = Decimal
BAND = D("0.05")
"""How far from the mark a price may be, and how far a market order goes."""
CODES = {
    "BTC-USDT": 3, "ETH-USDT": 4, "SOL-USDT": 16, "BTC-USDT-SWAP": 10459, "ETH-USDT-SWAP": 10461,
    "SOL-USDT-SWAP": 10465,
}  # fmt: skip
FUTURES_CODE = 20_459
"""Of SOL and of the dated contract they are made up, the others are the venue's."""
LIST_MS = 1_573_557_408_000
FRIDAY, DELIVERY_HOUR = 4, 8


def _swap(
    base: str, value: str, tick: str, price: str, most: int, kind: str = SWAP, suffix: str = "SWAP"
) -> Instrument:
    return Instrument(
        f"{base}-{USDT}-{suffix}", base, D(value), D(tick), D("0.01"), D(price), size_max=D(100_000_000),
        leverage_max=D(100), maker_rate=D("0.0002"), taker_rate=D("0.0005"), price_deviate=BAND, slip_ratio=BAND,
        orders_max=500, risk_limit_base=D(5_000_000), kind=kind, size_min=D("0.01"), size_max_market=D(most),
    )  # fmt: skip


def _spot(base: str, lot: str, least: str, tick: str, price: str) -> Instrument:
    return Instrument(
        f"{base}-{USDT}", base, D(1), D(tick), D(lot), D(price), size_max=D(9_999_999_999), leverage_max=D(1),
        cross_leverage_default=D(1), maker_rate=D("0.0008"), taker_rate=D("0.001"), price_deviate=BAND,
        slip_ratio=BAND, orders_max=500, kind=SPOT, size_min=D(least), size_max_market=D(1_000_000),
    )  # fmt: skip


def listed(now_ms: int) -> tuple[Instrument, ...]:
    """All that trades, as of now: the dated contract is the one of the next quarter's end but one week at least."""
    until = next_delivery(now_ms)
    return (
        _spot("BTC", "0.00000001", "0.00001", "0.1", "67500"),
        _spot("ETH", "0.000001", "0.0001", "0.01", "3450"),
        _spot("SOL", "0.000001", "0.001", "0.01", "152"),
        _swap("BTC", "0.01", "0.1", "67500", 34_000),
        _swap("ETH", "0.1", "0.01", "3450", 67_000),
        _swap("SOL", "1", "0.01", "152", 67_000),
        _swap("BTC", "0.01", "0.1", "67500", 34_000, FUTURES, f"{until:%y%m%d}"),
    )


def next_delivery(now_ms: int) -> datetime:
    """The last Friday of the quarter, at 08:00 UTC; of the next one when that is near."""
    soon = datetime.fromtimestamp(now_ms / 1000, UTC) + timedelta(days=7)
    month = (soon.month - 1) // 3 * 3 + 3
    first_after = datetime(soon.year + month // 12, month % 12 + 1, 1, DELIVERY_HOUR, tzinfo=UTC)
    last = first_after - timedelta(days=1)
    last -= timedelta(days=(last.weekday() - FRIDAY) % 7)
    return last if last > soon else next_delivery(now_ms + 14 * 86_400_000)


def kind_of(contract: Contract) -> str:
    """SPOT, SWAP or FUTURES."""
    assert isinstance(contract, Instrument)
    return contract.kind


def is_spot(contract: Contract) -> bool:
    """Whether it trades coins."""
    return kind_of(contract) == SPOT


def code_of(contract: Contract) -> int:
    """The number that WebSocket orders name it by."""
    return CODES.get(contract.name, FUTURES_CODE)


def family_of(contract: Contract) -> str:
    """The underlying of a contract: nothing for spot."""
    return "" if is_spot(contract) else f"{contract.base}-{USDT}"


def instrument_row(contract: Contract) -> Row:
    """An instrument as both lists show it."""
    assert isinstance(contract, Instrument)
    spot, dated = contract.is_spot, contract.kind == FUTURES
    most, market = plain(contract.size_max), plain(contract.size_max_market)
    until = ""
    if dated:
        until = str(int(datetime.strptime(contract.name[-6:] + "08+0000", "%y%m%d%H%z").timestamp() * 1000))
    return {
        "instType": contract.kind, "instId": contract.name, "instIdCode": code_of(contract),
        "uly": family_of(contract), "instFamily": family_of(contract), "baseCcy": contract.base if spot else "",
        "quoteCcy": contract.quote if spot else "", "settleCcy": "" if spot else USDT,
        "ctType": "" if spot else "linear", "ctVal": "" if spot else plain(contract.multiplier),
        "ctMult": "" if spot else "1", "ctValCcy": "" if spot else contract.base, "tickSz": plain(contract.tick),
        "lotSz": plain(contract.size_step), "minSz": plain(contract.size_min),
        "lever": "10" if spot else plain(contract.leverage_max), "state": "live", "ruleType": "normal",
        "instCategory": "1", "groupId": "1" if spot else "4", "category": "1",
        "alias": "quarter" if dated else "", "listTime": str(LIST_MS), "contTdSwTime": str(LIST_MS),
        "preMktSwTime": "", "auctionEndTime": "", "expTime": until, "openType": "call_auction", "optType": "",
        "stk": "", "maxLmtSz": most, "maxMktSz": market, "maxLmtAmt": "20000000",
        "maxMktAmt": "1000000" if spot else "", "maxTwapSz": f"{most}.0000000000000000",
        "maxIcebergSz": f"{most}.0000000000000000", "maxTriggerSz": f"{most}.0000000000000000", "maxStopSz": market,
        "posLmtAmt": "" if spot else "250000", "posLmtPct": "" if spot else "30",
        "maxPlatOILmt": "" if spot else "10000000000000", "maxPlatOICoinLmt": "", "longPosRemainingQuota": "",
        "shortPosRemainingQuota": "", "futureSettlement": False,
        "tradeQuoteCcyList": [contract.quote] if spot else [], "upcChg": [], "seriesId": "", "method": "", "freq": "",
        "initPxLmtPct": "0.05", "floatPxLmtPct": "0.05", "maxPxLmtPct": "0.05",
    }  # fmt: skip
