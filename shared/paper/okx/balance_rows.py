"""OKX's balances: one row for the account and one for each currency in it.

Which fields say anything depends on the account's level: with spot alone there is no margin to speak of.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from shared.paper.numbers import plain
from shared.paper.orders import ZERO
from shared.paper.wallets import USDT, CoinAccount

if TYPE_CHECKING:
    from shared.paper.okx.door import OkxDoor

Row = dict[str, Any]
USDT_USD = Decimal("0.9999")
TOP = dict.fromkeys(
    (
        "adjEq", "availEq", "borrowFroz", "delta", "deltaLever", "deltaNeutralStatus", "imr", "mgnRatio", "mmr",
        "notionalUsd", "notionalUsdForBorrow", "notionalUsdForFutures", "notionalUsdForOption", "notionalUsdForSwap",
        "ordFroz", "upl",
    ),
    "",
)  # fmt: skip
EMPTY = dict.fromkeys(
    (
        "isoLiab", "liab", "crossLiab", "uplLiab", "interest", "borrowFroz", "maxLoan", "spotInUseAmt",
        "clSpotInUseAmt", "spotBal", "openAvgPx", "accAvgPx", "spotUpl", "spotUplRatio", "totalPnl", "totalPnlRatio",
    ),
    "",
)  # fmt: skip
ZEROS = dict.fromkeys(
    (
        "disEq", "isoUpl", "notionalLever", "fixedBal", "rewardBal", "stgyEq", "smtSyncEq", "spotCopyTradingEq",
        "spotIsoBal", "twap", "frpType", "colRes", "colBorrAutoConversion", "autoLendMtAmt",
    ),
    "0",
)  # fmt: skip


def coin_price(door: OkxDoor, coin: str) -> Decimal:
    """What a currency is worth in dollars; what is not listed is worth nothing."""
    if coin == USDT:
        return USDT_USD
    listing = door.engine.listings.get(f"{coin}-{USDT}")
    return listing.last * USDT_USD if listing else ZERO


def equity(door: OkxDoor, account: CoinAccount, coin: str) -> Decimal:
    """The ledger and what is not taken yet."""
    upl = account.unrealised(door.engine.marks()) if coin == USDT else ZERO
    return account.cash(coin) + upl


def worth(door: OkxDoor, account: CoinAccount) -> Decimal:
    """All of it in dollars."""
    coins = [USDT, *account.coins]
    return sum((equity(door, account, coin) * coin_price(door, coin) for coin in coins), ZERO)


def balance_row(door: OkxDoor, account: CoinAccount, coins: list[str], now_ms: int, *, is_push: bool) -> Row:
    """The account, with these currencies."""
    details = [_detail(door, account, coin, is_push=is_push) for coin in coins]
    top = TOP | {"isoEq": plain(account.isolated_margin()), "totalEq": _short(worth(door, account))}
    return top | {"uTime": str(now_ms), "details": details}


def _detail(door: OkxDoor, account: CoinAccount, coin: str, *, is_push: bool) -> Row:
    marks, has = door.engine.marks(), equity(door, account, coin)
    free, is_spot_only = account.free(coin, marks), account.level == 1
    ordered = account.ordered(coin) + (account.order_margin() if coin == USDT else ZERO)
    row = EMPTY | ZEROS | {
        "ccy": coin, "cashBal": plain(account.cash(coin)), "availBal": plain(max(ZERO, round(free, 12))),
        "availEq": "" if is_spot_only else plain(max(ZERO, round(free, 12))),
        "frozenBal": plain(max(ZERO, round(has - free, 12))), "ordFrozen": plain(ordered),
        "eq": plain(round(has, 12)), "eqUsd": _short(has * coin_price(door, coin)), "upl": "0", "isoEq": "0",
        "mgnRatio": "", "imr": "" if is_spot_only else "0", "mmr": "" if is_spot_only else "0",
        "autoLendAmt": "0", "autoStakingStatus": "unsupported",
        "collateralEnabled": False, "collateralRestrict": False, "autoLendStatus": "off",
        "uTime": str(account.moved_ms.get(coin, 0)),
    }  # fmt: skip
    if coin == USDT and not is_spot_only:
        row |= _margins(account, has, marks)
    if is_push:
        return row | {"maxSpotInUseAmt": "", "coinUsdPrice": plain(coin_price(door, coin))}
    return row | {"maxSpotInUse": ""}


def _margins(account: CoinAccount, has: Decimal, marks: dict[str, Decimal]) -> Row:
    held = [each for each in account.holdings() if each.is_cross]
    maintenance = sum((each.maintenance_margin(marks[each.contract.name]) for each in held), ZERO)
    values = sum((abs(each.contract.value(each.size, marks[each.contract.name])) for each in held), ZERO)
    isolated = account.isolated_margin()
    upl = account.unrealised(marks)
    iso_upl = upl - account.unrealised(marks, cross_only=True)
    return {
        "upl": plain(round(upl, 12)), "isoUpl": plain(round(iso_upl, 12)),
        "isoEq": plain(round(isolated + iso_upl, 12)),
        "imr": plain(round(account.cross_margin(marks), 8)), "mmr": plain(round(maintenance, 8)),
        "mgnRatio": _short((has - isolated) / maintenance) if maintenance else "",
        "notionalLever": _short(values / has) if has > 0 else "0",
    }  # fmt: skip


def _short(number: Decimal) -> str:
    return plain(round(number, 8))
