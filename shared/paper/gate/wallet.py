"""Gate's calls about money: accounts, positions, leverage, margin mode and position mode.

Leverage and position mode take their parameters from the query of a POST, never from its body. Leverage "0" means
cross, and then `cross_leverage_limit` is the multiple.
"""

from __future__ import annotations

from decimal import Decimal

from shared.paper.accounts import COST_DIGITS, LONG, SHORT, SINGLE, Position
from shared.paper.contracts import Contract
from shared.paper.gate.calls import Call, GateError, Reply, to_decimal, to_error
from shared.paper.gate.rows import Row, account_row, plain, position_row, seconds
from shared.paper.orders import ZERO, PositionChanged, Refusal, Why


def detail(call: Call) -> Reply:
    """GET account/detail."""
    return Reply(
        200,
        {
            "user_id": call.account.number,
            "ip_whitelist": [],
            "currency_pairs": [],
            "tier": 0,
            "tier_expire_time": "0001-01-01T00:00:00Z",
            "key": {"mode": 1},
            "copy_trading_role": 0,
        },
    )


def futures_account(call: Call) -> Reply:
    """GET futures/usdt/accounts."""
    return Reply(200, _account_row(call))


def _account_row(call: Call) -> Row:
    marks = call.door.engine.marks()
    row = account_row(call.account, marks, call.account.available(marks))
    row["update_time"] = call.now_ms // 1000
    return row


def account_book(call: Call) -> Reply:
    """GET futures/usdt/account_book."""
    kind = call.query.get("type", "")
    contract = call.contract_asked()
    start, end = call.whole("from", 0, 10**12), call.whole("to", 10**12, 10**12)
    rows = [
        {
            "time": seconds(fact.now_ms), "change": plain(fact.change), "balance": plain(balance), "type": fact.kind,
            "text": fact.text, "contract": fact.text.partition(":")[0] if ":" in fact.text else "",
        }
        for fact, balance in reversed(call.door.book_of(call.account))
        if kind in ("", fact.kind) and start <= fact.now_ms // 1000 <= end
    ]  # fmt: skip
    return Reply(200, call.page([row for row in rows if contract is None or row["contract"] == contract.name]))


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
    """GET spot/accounts: the same money, shown where spot clients look for it."""
    currency = call.query.get("currency", "USDT")
    free = plain(max(ZERO, call.door.engine.available(call.account)))
    row = {"currency": "USDT", "available": free, "locked": "0", "update_id": call.account.update_id}
    return Reply(200, [row] if currency == "USDT" else [])


def unified_accounts(call: Call) -> Reply:
    """GET unified/accounts: these accounts are classic."""
    row = _account_row(call)
    equity = plain(call.account.balance + call.account.unrealised(call.door.engine.marks()))
    usdt = dict.fromkeys(("freeze", "borrowed", "negative_liab", "futures_pos_liab", "total_freeze", "total_liab"), "0")
    return Reply(
        200,
        {
            "user_id": call.account.number, "refresh_time": call.now_ms, "locked": False, "mode": "classic",
            "balances": {"USDT": usdt | {"available": row["available"], "equity": equity}}, "total": equity,
            "borrowed": "0", "total_initial_margin": row["cross_initial_margin"], "total_margin_balance": equity,
            "total_maintenance_margin": row["cross_maintenance_margin"],
            "total_available_margin": row["available"], "unified_account_total": equity,
            "unified_account_total_liab": "0", "unified_account_total_equity": equity, "leverage": "0",
        },
    )  # fmt: skip


def positions(call: Call) -> Reply:
    """GET futures/usdt/positions."""
    holding_only = call.query.get("holding", "").lower() == "true"
    rows = [p for p in call.account.positions.values() if p.size or not holding_only]
    rows = [p for p in rows if p.size or (p.mode == SINGLE) != call.account.is_dual]
    return Reply(200, [_shown(call, p) for p in call.page(rows, 100)])


def position(call: Call) -> Reply:
    """GET futures/usdt/positions/{contract}."""
    contract = call.listing(call.params["contract"]).contract
    if call.account.is_dual:
        return Reply(200, _both(call, contract))
    if (contract.name, SINGLE) not in call.account.positions:
        raise GateError(400, "POSITION_NOT_FOUND")
    return Reply(200, _shown(call, call.account.position(contract, SINGLE)))


def dual_position(call: Call) -> Reply:
    """GET futures/usdt/dual_comp/positions/{contract}."""
    return Reply(200, _both(call, call.listing(call.params["contract"]).contract))


def closed_positions(call: Call) -> Reply:
    """GET futures/usdt/position_close."""
    contract, side = call.contract_asked(), call.query.get("side", "")
    start, end = call.whole("from", 0, 10**12), call.whole("to", 10**12, 10**12)
    rows = [
        row
        for row in reversed(call.door.closed_of(call.account))
        if (contract is None or row["contract"] == contract.name)
        and side in ("", row["side"])
        and start <= row["time"] <= end
    ]
    return Reply(200, call.page(rows))


def _shown(call: Call, held: Position) -> Row:
    engine = call.door.engine
    listing = engine.listings[held.contract.name]
    pending = len(call.account.open_for(held.contract, held.mode))
    wallet = call.account.balance - call.account.isolated_margin()
    return position_row(held, listing, wallet, pending, call.is_decimal)


def _both(call: Call, contract: Contract) -> list[Row]:
    return [_shown(call, call.account.position(contract, mode)) for mode in (LONG, SHORT)]


def _concerned(call: Call, contract: Contract, side: str = "") -> list[Position]:
    modes = [SINGLE] if not call.account.is_dual else [side] if side else [LONG, SHORT]
    return [call.account.position(contract, mode) for mode in modes]


def _answer(call: Call, held: list[Position]) -> Reply:
    """One position, or in dual mode an array of both, whatever the schema says."""
    rows = [_shown(call, each) for each in held]
    return Reply(200, rows if call.account.is_dual else rows[0])


def set_leverage(call: Call) -> Reply:
    """POST positions/{contract}/leverage: 0 is cross; any other number is isolated, even on a cross position."""
    contract = call.listing(call.params["contract"]).contract
    leverage = to_decimal(call.required("leverage"), "leverage")
    is_cross = not leverage
    if is_cross:
        limit = call.query.get("cross_leverage_limit", "") or plain(contract.cross_leverage_default)
        leverage = to_decimal(limit, "cross_leverage_limit") or contract.cross_leverage_default
    held = _concerned(call, contract)
    for each in held:
        _change(call, each, leverage, is_cross=is_cross)
    return _answer(call, held)


def set_leverage_by_name(call: Call) -> Reply:
    """POST positions/{contract}/set_leverage: the newer form, which names the margin mode."""
    contract = call.listing(call.params["contract"]).contract
    leverage = to_decimal(call.required("leverage"), "leverage")
    mode, side = call.query.get("margin_mode", ""), call.query.get("dual_side", "")
    if mode not in ("", "isolated", "cross") or side not in ("", LONG, SHORT):
        raise GateError(400, "INVALID_PARAM_VALUE", "Invalid request parameter `margin_mode` or `dual_side`")
    held = _concerned(call, contract, side)
    for each in held:
        _change(call, each, leverage, is_cross=each.is_cross if not mode else mode == "cross")
    return _answer(call, held)


def get_leverage(call: Call) -> Reply:
    """GET get_leverage/{contract}."""
    contract = call.listing(call.params["contract"]).contract
    return Reply(200, {"lever": plain(_concerned(call, contract, call.query.get("dual_side", ""))[0].leverage)})


def set_cross_mode(call: Call) -> Reply:
    """POST positions/cross_mode: the one such call that takes a body."""
    body = call.json_object()
    contract = call.listing(body.get("contract")).contract
    if body.get("mode") not in ("CROSS", "ISOLATED"):
        raise GateError(
            400, "INVALID_PARAM_VALUE", f"Invalid request parameter `mode` value: {str(body.get('mode'))[:40]}"
        )
    held = _concerned(call, contract)
    for each in held:
        _change(call, each, each.leverage, is_cross=body["mode"] == "CROSS")
    return _answer(call, held)


def _change(call: Call, held: Position, leverage: Decimal, *, is_cross: bool) -> None:
    if leverage < 1 or leverage != leverage.to_integral_value():
        raise to_error(Refusal(Why.LEVERAGE_TOO_LOW))
    if leverage > held.contract.leverage_max:
        raise to_error(Refusal(Why.LEVERAGE_TOO_HIGH))
    needed = ZERO if is_cross else round(abs(held.cost) / leverage, COST_DIGITS)
    if held.size:
        mark = call.door.engine.listings[held.contract.name].mark
        bound = held.initial_margin(mark) if held.is_cross else held.margin
        wanted = abs(held.contract.value(held.size, mark)) / leverage if is_cross else needed
        if wanted - bound > call.door.engine.available(call.account):
            raise to_error(Refusal(Why.MARGIN))
    held.leverage, held.is_cross, held.margin = leverage, is_cross, needed
    held.update_id += 1
    held.updated_ms = call.now_ms
    call.door.engine.tell(PositionChanged(held, call.now_ms))


def change_margin(call: Call) -> Reply:
    """POST positions/{contract}/margin: more or less money set aside for an isolated position."""
    contract = call.listing(call.params["contract"]).contract
    change = to_decimal(call.required("change"), "change")
    held = _concerned(call, contract, call.query.get("dual_side", ""))[0]
    if held.is_cross:
        raise GateError(400, "POSITION_CROSS_MARGIN")
    if not held.size:
        raise to_error(Refusal(Why.NO_POSITION))
    if change > call.door.engine.available(call.account):
        raise to_error(Refusal(Why.MARGIN))
    if held.margin + change < abs(held.cost) / held.contract.leverage_max:
        raise GateError(400, "REMOVE_TOO_MUCH")
    held.margin += change
    held.update_id += 1
    call.door.engine.tell(PositionChanged(held, call.now_ms))
    return _answer(call, [held])


def set_dual_mode(call: Call) -> Reply:
    """POST dual_mode."""
    asked = call.required("dual_mode").lower()
    if asked not in ("true", "false"):
        raise GateError(400, "INVALID_PARAM_VALUE", f"Invalid request parameter `dual_mode` value: {asked[:40]}")
    return _set_dual(call, is_dual=asked == "true")


def set_position_mode(call: Call) -> Reply:
    """POST set_position_mode: the newer form."""
    asked = call.required("position_mode")
    if asked not in ("single", "dual"):
        raise GateError(400, "INVALID_PARAM_VALUE", f"Invalid request parameter `position_mode` value: {asked[:40]}")
    return _set_dual(call, is_dual=asked == "dual")


def _set_dual(call: Call, *, is_dual: bool) -> Reply:
    account = call.account
    if account.is_dual == is_dual:
        raise to_error(Refusal(Why.NO_CHANGE))
    if any(account.holdings()):
        raise to_error(Refusal(Why.HAS_POSITION))
    if account.open_orders:
        raise to_error(Refusal(Why.HAS_ORDERS))
    account.is_dual = is_dual
    return Reply(200, _account_row(call))
