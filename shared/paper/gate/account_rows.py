"""Wallets as Gate's JSON rows: futures, spot, unified, and the sum of all."""

from __future__ import annotations

from decimal import Decimal

from shared.paper.accounts import Account
from shared.paper.exchange import Member
from shared.paper.facts import BalanceChanged
from shared.paper.gate.forms import Row, bare, plain, seconds
from shared.paper.orders import ZERO

MARGIN_MODES = {"classic": 0, "multi_currency": 1, "portfolio": 2, "single_currency": 3}


def account_row(account: Account, marks: dict[str, Decimal], mode: str, now_ms: int) -> Row:
    """The futures wallet. `total` leaves unrealised profit out, as Gate's does."""
    cross_pnl, cross_margin = account.unrealised(marks, cross_only=True), round(account.cross_margin(marks), 12)
    maintenance = sum((p.maintenance_margin(marks[p.contract.name]) for p in account.holdings() if p.is_cross), ZERO)
    isolated, pending = account.isolated_margin(), round(account.order_margin(), 12)
    equity = account.balance - isolated + cross_pnl
    free = plain(max(ZERO, round(account.available(marks), 12)))
    history = {
        name: plain(account.totals.get(name, ZERO)) for name in ("dnw", "pnl", "fee", "refr", "fund", "bonus_offset")
    }
    zeros = dict.fromkeys(("point_dnw", "point_fee", "point_refr", "bonus_dnw", "cross_settle"), "0")
    return {
        "user": account.number, "currency": "USDT", "total": plain(account.balance),
        "unrealised_pnl": plain(account.unrealised(marks)), "position_margin": plain(isolated),
        "order_margin": plain(pending), "available": free, "point": "0", "bonus": "0",
        "in_dual_mode": account.is_dual, "position_mode": "dual" if account.is_dual else "single",
        "margin_mode": MARGIN_MODES[mode],
        "enable_credit": True, "enable_evolved_classic": True, "enable_new_dual_mode": True, "enable_tiered_mm": True,
        "enable_dual_plus": False, "position_initial_margin": plain(isolated),
        "maintenance_margin": plain(maintenance), "cross_order_margin": plain(pending),
        "cross_initial_margin": plain(cross_margin), "cross_maintenance_margin": plain(maintenance),
        "cross_unrealised_pnl": plain(cross_pnl), "cross_available": free, "cross_margin_balance": plain(equity),
        "cross_mmr": plain(round(equity / maintenance, 4)) if maintenance else "0",
        "cross_imr": plain(round(equity / cross_margin, 4)) if cross_margin else "0",
        "isolated_position_margin": plain(isolated), "update_time": now_ms // 1000, "update_id": account.update_id,
        "history": history | zeros,
    }  # fmt: skip


def book_row(number: int, fact: BalanceChanged, balance: Decimal) -> Row:
    """A movement of money as the account book shows it."""
    return {
        "time": seconds(fact.now_ms), "change": plain(fact.change), "balance": plain(balance), "type": fact.kind,
        "text": fact.text, "contract": contract_of(fact), "trade_id": str(fact.trade_id) if fact.trade_id else "",
        "id": str(number),
    }  # fmt: skip


def contract_of(fact: BalanceChanged) -> str:
    """The contract behind a movement of money, empty when there is none."""
    return "" if fact.text == "-" else fact.text.partition(":")[0]


def balance_push(fact: BalanceChanged) -> Row:
    """A movement of money as it is pushed."""
    return {
        "user": str(fact.account.number), "currency": "usdt", "balance": bare(fact.account.balance),
        "change": bare(fact.change), "type": fact.kind, "text": fact.text, "time": fact.now_ms // 1000,
        "time_ms": fact.now_ms,
    }  # fmt: skip


def spot_rows(member: Member, free: Decimal) -> list[Row]:
    """The spot wallet: USDT is the money that futures trade with too, the rest what the account was made with."""
    money = {"USDT": max(ZERO, free)} | {c: each for c, each in member.balances.items() if c != "USDT" and each}
    return [
        {"currency": currency, "available": plain(amount), "locked": "0", "update_id": 1}
        for currency, amount in money.items()
    ]


def unified_row(member: Member, futures: Row, equity: Decimal, now_ms: int) -> Row:
    """The unified account. A classic account has one too, which says so."""
    zeros = (
        "freeze", "borrowed", "negative_liab", "futures_pos_liab", "total_freeze", "total_liab", "spot_in_use",
        "funding", "funding_version",
    )  # fmt: skip
    usdt = dict.fromkeys(zeros, "0") | {
        "available": futures["available"], "equity": plain(equity), "cross_balance": futures["total"],
        "iso_balance": futures["isolated_position_margin"], "im": futures["cross_initial_margin"],
        "mm": futures["cross_maintenance_margin"], "imr": futures["cross_imr"], "mmr": futures["cross_mmr"],
        "margin_balance": futures["cross_margin_balance"], "available_margin": futures["cross_available"],
        "enabled_collateral": True,
    }  # fmt: skip
    return {
        "user_id": member.number, "refresh_time": now_ms, "locked": False, "mode": member.mode,
        "balances": {"USDT": usdt}, "total": plain(equity), "borrowed": "0",
        "total_initial_margin": futures["cross_initial_margin"],
        "total_margin_balance": futures["cross_margin_balance"],
        "total_maintenance_margin": futures["cross_maintenance_margin"],
        "total_initial_margin_rate": futures["cross_imr"], "total_maintenance_margin_rate": futures["cross_mmr"],
        "total_available_margin": futures["available"], "unified_account_total": plain(equity),
        "unified_account_total_liab": "0", "unified_account_total_equity": plain(equity), "leverage": "0",
        "spot_order_loss": "0", "options_order_loss": "0", "spot_hedge": False, "use_funding": False,
        "is_all_collateral": True,
    }  # fmt: skip


def total_row(account: Account, unrealised: Decimal) -> Row:
    """What all wallets are worth in USDT; the money is counted once, where it is traded with."""

    def part(amount: Decimal, **more: str) -> Row:
        return {"amount": plain(amount), "currency": "USDT"} | more

    futures = part(account.balance, unrealised_pnl=plain(unrealised))
    others = {name: part(ZERO) for name in ("spot", "finance", "quant", "meme_box", "payment")}
    borrowed = {name: part(ZERO, borrowed="0") for name in ("margin", "cross_margin")}
    derived = {name: part(ZERO, unrealised_pnl="0") for name in ("delivery", "options")}
    return {
        "total": futures | {"borrowed": "0"},
        "details": {"futures": futures} | others | borrowed | derived,
    }
