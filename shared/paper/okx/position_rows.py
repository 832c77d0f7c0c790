"""OKX's positions as REST and the pushes show them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from shared.paper.accounts import Position
from shared.paper.algos import Algo
from shared.paper.liquidation import NO_RANK
from shared.paper.numbers import plain
from shared.paper.okx.attached import leg_words
from shared.paper.okx.instruments import kind_of
from shared.paper.orders import ZERO
from shared.paper.wallets import NET

if TYPE_CHECKING:
    from shared.paper.okx.door import OkxDoor

Row = dict[str, Any]
NOTHING = dict.fromkeys(
    (
        "posCcy", "nonSettleAvgPx", "settledPnl", "interest", "liab", "liabCcy", "optVal", "hedgedPos",
        "pendingCloseOrdLiabVal", "baseBorrowed", "baseInterest", "quoteBorrowed", "quoteInterest", "spotInUseAmt",
        "spotInUseCcy", "clSpotInUseAmt", "maxSpotInUseAmt", "bizRefId", "bizRefType", "deltaBS", "deltaPA",
        "gammaBS", "gammaPA", "thetaBS", "thetaPA", "vegaBS", "vegaPA",
    ),
    "",
)  # fmt: skip
ONLY_REST = {"baseBal": "", "quoteBal": ""}
RATIO_DIGITS = Decimal("0.0001")


def side_of(position: Position) -> str:
    """net, long or short."""
    return position.mode.partition(":")[2] or NET


def margin_mode_of(position: Position) -> str:
    """cross or isolated."""
    return position.mode.partition(":")[0]


def shown_size(position: Position) -> str:
    """What is held: with a sign in net mode only."""
    return plain(position.size if side_of(position) == NET else abs(position.size))


def position_row(door: OkxDoor, position: Position) -> Row:
    """What both show."""
    listing, contract = door.engine.listings[position.contract.name], position.contract
    mark, held = listing.mark, bool(position.size)
    upl = position.unrealised(mark)
    margin = position.initial_margin(mark) if position.is_cross else position.margin
    maintenance = position.maintenance_margin(mark) if held else ZERO
    upl_last = contract.value(position.size, listing.last) - position.cost
    rank = door.engine.liquidations.rank(position)
    return NOTHING | {
        "instType": kind_of(contract), "instId": contract.name, "mgnMode": margin_mode_of(position),
        "posId": door.ledger.position_id(position), "posSide": side_of(position), "pos": shown_size(position),
        "availPos": plain(abs(position.size)) if held and side_of(position) != NET else "",
        "avgPx": plain(position.entry_price) if held else "", "markPx": plain(mark), "last": plain(listing.last),
        "idxPx": plain(listing.index), "usdPx": "1", "bePx": plain(_break_even(position)) if held else "",
        "lever": plain(position.leverage), "liqPx": _liquidation(door, position),
        "imr": plain(round(margin, 8)) if held and position.is_cross else "",
        "mmr": plain(round(maintenance, 8)), "margin": "" if position.is_cross else plain(position.margin),
        "mgnRatio": _ratio(_behind(door, position), maintenance) if held else "",
        "notionalUsd": plain(abs(contract.value(position.size, mark))) if held else "", "upl": plain(round(upl, 12)),
        "uplRatio": _ratio(upl, position.initial_margin(position.entry_price)) if held else "0",
        "uplLastPx": plain(round(upl_last, 12)),
        "uplRatioLastPx": _ratio(upl_last, position.initial_margin(position.entry_price)) if held else "0",
        "realizedPnl": plain(position.realised_pnl), "pnl": plain(position.pnl), "fee": plain(-position.fees),
        "fundingFee": plain(position.funding), "liqPenalty": "0", "ccy": "USDT",
        "tradeId": door.ledger.last_trade(position), "adl": str(0 if rank == NO_RANK else 6 - rank),
        "closeOrderAlgo": _closing_algos(position), "cTime": str(position.opened_ms or position.updated_ms),
        "uTime": str(position.updated_ms),
    }  # fmt: skip


def position_rest_row(door: OkxDoor, position: Position) -> Row:
    """A position as REST shows it."""
    return position_row(door, position) | ONLY_REST


def moved_row(door: OkxDoor, position: Position) -> Row:
    """A position as balance_and_position shows it."""
    row = position_row(door, position)
    names = (
        "posId", "tradeId", "instId", "instType", "mgnMode", "posSide", "pos", "ccy", "posCcy", "avgPx",
        "nonSettleAvgPx", "settledPnl", "uTime",
    )  # fmt: skip
    return {name: row[name] for name in names}


def _break_even(position: Position) -> Decimal:
    fee = position.contract.taker_rate * 2
    return position.contract.to_tick(position.entry_price * (1 + fee if position.size > 0 else 1 - fee))


def _behind(door: OkxDoor, position: Position) -> Decimal:
    if not position.is_cross:
        return position.margin + position.unrealised(door.engine.listings[position.contract.name].mark)
    account = position.account
    marks = door.engine.marks()
    return account.balance - account.isolated_margin() + account.unrealised(marks, cross_only=True)


def _liquidation(door: OkxDoor, position: Position) -> str:
    account = position.account
    price = position.liquidation_price(account.balance - account.isolated_margin())
    return plain(price) if position.size and price else ""


def _ratio(what: Decimal, of: Decimal) -> str:
    return plain((what / of).quantize(RATIO_DIGITS)) if of else "0"


def _closing_algos(position: Position) -> list[Row]:
    algos = [a for a in position.account.triggers.values() if isinstance(a, Algo) and a.is_waiting and a.closes_all]
    mine = [a for a in algos if a.contract is position.contract and getattr(a.request, "mode", "") == position.mode]
    names = ("slTriggerPx", "slTriggerPxType", "tpTriggerPx", "tpTriggerPxType")
    rows = [(algo, leg_words(algo.terms.legs)) for algo in mine]
    return [
        {"algoId": str(algo.id), "closeFraction": "1"} | {name: words[name] for name in names} for algo, words in rows
    ]
