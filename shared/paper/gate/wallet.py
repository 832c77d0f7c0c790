"""Gate's calls about money: the account's ids, its wallets, and every movement in them."""

from __future__ import annotations

from shared.paper.gate.account_rows import account_row, book_row, contract_of, spot_rows, total_row, unified_row
from shared.paper.gate.calls import Call, Reply
from shared.paper.gate.forms import Row, plain


def detail(call: Call) -> Reply:
    """GET account/detail."""
    is_unified = call.member.mode != "classic"
    return Reply(
        200,
        {
            "user_id": call.account.number, "ip_whitelist": list(call.member.key.ips), "currency_pairs": [], "tier": 0,
            "tier_expire_time": "0001-01-01T00:00:00Z", "key": {"mode": 2 if is_unified else 1},
            "copy_trading_role": 0,
        },
    )  # fmt: skip


def futures_account(call: Call) -> Reply:
    """GET futures/usdt/accounts."""
    return Reply(200, _account_row(call))


def _account_row(call: Call) -> Row:
    return account_row(call.account, call.door.engine.marks(), call.member.mode, call.now_ms)


def account_book(call: Call) -> Reply:
    """GET futures/usdt/account_book."""
    kind, contract, span = call.query.get("type", ""), call.contract_asked(), call.span()
    moved = [
        each
        for each in reversed(call.door.ledger.book(call.account))
        if kind in ("", each.fact.kind)
        and each.fact.now_ms // 1000 in span
        and (contract is None or contract_of(each.fact) == contract.name)
    ]
    return Reply(200, [book_row(each.number, each.fact, each.balance) for each in call.page(moved)])


def fee(call: Call) -> Reply:
    """GET futures/usdt/fee."""
    asked = call.contract_asked()
    rates = {
        name: {"taker_fee": plain(each.contract.taker_rate), "maker_fee": plain(each.contract.maker_rate)}
        for name, each in call.door.engine.listings.items()
        if asked in (None, each.contract)
    }
    return Reply(200, rates)


def spot_accounts(call: Call) -> Reply:
    """GET spot/accounts."""
    currency = call.query.get("currency", "")
    rows = spot_rows(call.member, call.door.engine.available(call.account))
    return Reply(200, [row for row in rows if currency in ("", row["currency"])])


def unified_accounts(call: Call) -> Reply:
    """GET unified/accounts."""
    equity = call.account.balance + call.account.unrealised(call.door.engine.marks())
    return Reply(200, unified_row(call.member, _account_row(call), equity, call.now_ms))


def total_balance(call: Call) -> Reply:
    """GET wallet/total_balance."""
    return Reply(200, total_row(call.account, call.account.unrealised(call.door.engine.marks())))
