"""Gate's calls about positions: what is held, its leverage and margin, the two modes, and how positions ended.

Leverage and position mode take their parameters from the query of a POST, never from its body. Leverage "0" means
cross, and then `cross_leverage_limit` is the multiple. In dual mode `dual_comp/...` answers an array of both sides, as
plain `leverage` does; other calls for a single position are refused there.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from shared.paper.accounts import COST_DIGITS, LONG, SHORT, SINGLE, Position
from shared.paper.contracts import Contract
from shared.paper.facts import PositionChanged
from shared.paper.gate.account_rows import account_row
from shared.paper.gate.calls import Call, GateError, Reply, invalid, to_decimal, to_error
from shared.paper.gate.forms import Row, plain
from shared.paper.gate.position_rows import deleveraged_row, liquidated_row, position_row
from shared.paper.orders import ZERO, Refusal, Why

POSITIONS_MOST = 100
POSITION_MODES = ("single", "dual", "dual_plus")


# ---- what is held


def positions(call: Call) -> Reply:
    """GET positions: all that was ever touched, or what is held."""
    holding_only = call.query.get("holding", "").lower() == "true"
    rows = [p for p in call.account.positions.values() if p.size or not holding_only]
    rows = [p for p in rows if p.size or (p.mode == SINGLE) != call.account.is_dual]
    limit = call.query.get("limit", "")
    if limit and not 1 <= call.whole("limit", 0, 10**9) <= POSITIONS_MOST:
        raise invalid("limit", limit)
    return Reply(200, [_shown(call, p) for p in (call.page(rows) if limit else rows)])


def position(call: Call) -> Reply:
    """GET positions/{contract}."""
    contract = call.listing(call.params["contract"]).contract
    _need_single(call)
    if (contract.name, SINGLE) not in call.account.positions:
        raise GateError(400, "POSITION_NOT_FOUND")
    return Reply(200, _shown(call, call.account.position(contract, SINGLE)))


def dual_position(call: Call) -> Reply:
    """GET dual_comp/positions/{contract}."""
    return _answer_all(call, _sides(call, call.listing(call.params["contract"]).contract))


def _need_single(call: Call) -> None:
    if call.account.is_dual:
        raise GateError(400, "POSITION_DUAL_MODE")


def _shown(call: Call, held: Position) -> Row:
    engine = call.door.engine
    rank = engine.liquidations.rank(held)
    return position_row(held, engine.listings[held.contract.name], rank, call.is_decimal)


def _sides(call: Call, contract: Contract, side: str = "") -> list[Position]:
    """The one position of single mode, or both sides of dual mode, or the one that is named."""
    modes = [SINGLE] if not call.account.is_dual else [side] if side else [LONG, SHORT]
    return [call.account.position(contract, mode) for mode in modes]


def _answer(call: Call, held: list[Position]) -> Reply:
    """One position, or in dual mode an array of both, whatever the schema says."""
    rows = [_shown(call, each) for each in held]
    return Reply(200, rows if call.account.is_dual else rows[0])


def _answer_all(call: Call, held: list[Position]) -> Reply:
    return Reply(200, [_shown(call, each) for each in held])


def _dual_side(call: Call, *, is_required: bool = False) -> str:
    side = call.query.get("dual_side", "")
    if side not in ("", LONG, SHORT):
        raise invalid("dual_side", side)
    if is_required and not side and call.account.is_dual:
        raise GateError(400, "MISSING_REQUIRED_PARAM", "Missing required parameter: dual_side")
    return side


# ---- leverage


def set_leverage(call: Call) -> Reply:
    """POST positions/{contract}/leverage: 0 is cross; any other number is isolated, even on a cross position."""
    return _answer(call, _set_leverage(call))


def set_dual_leverage(call: Call) -> Reply:
    """POST dual_comp/positions/{contract}/leverage."""
    return _answer_all(call, _set_leverage(call))


def _set_leverage(call: Call) -> list[Position]:
    contract = call.listing(call.params["contract"]).contract
    leverage = to_decimal(call.required("leverage"), "leverage")
    is_cross = not leverage
    if is_cross:
        limit = call.query.get("cross_leverage_limit", "") or plain(contract.cross_leverage_default)
        leverage = to_decimal(limit, "cross_leverage_limit") or contract.cross_leverage_default
    return _change_all(call, _sides(call, contract), leverage, is_cross=is_cross)


def set_leverage_by_name(call: Call) -> Reply:
    """POST positions/{contract}/set_leverage: the newer form, which names the margin mode."""
    contract = call.listing(call.params["contract"]).contract
    leverage, mode = to_decimal(call.required("leverage"), "leverage"), call.query.get("margin_mode", "")
    if mode not in ("", "isolated", "cross"):
        raise invalid("margin_mode", mode)
    held = _sides(call, contract, _dual_side(call))
    return _answer(call, _change_all(call, held, leverage, is_cross=None if not mode else mode == "cross"))


def get_leverage(call: Call) -> Reply:
    """GET get_leverage/{contract}. The SDK reads `Lever`, the manual says `lever`: both are there."""
    contract = call.listing(call.params["contract"]).contract
    lever = plain(_sides(call, contract, _dual_side(call))[0].leverage)
    return Reply(200, {"lever": lever, "Lever": lever})


def set_cross_mode(call: Call) -> Reply:
    """POST positions/cross_mode: the one such call that takes a body."""
    _need_single(call)
    return _answer(call, _set_cross_mode(call))


def set_dual_cross_mode(call: Call) -> Reply:
    """POST dual_comp/positions/cross_mode."""
    return _answer_all(call, _set_cross_mode(call))


def _set_cross_mode(call: Call) -> list[Position]:
    body = call.json_object()
    contract, mode = call.listing(body.get("contract")).contract, body.get("mode")
    if mode not in ("CROSS", "ISOLATED"):
        raise invalid("mode", mode)
    held = _sides(call, contract)
    if all(each.is_cross == (mode == "CROSS") for each in held):
        raise to_error(Refusal(Why.NO_CHANGE))
    return _change_all(call, held, None, is_cross=mode == "CROSS")


def _change_all(call: Call, held: list[Position], leverage: Decimal | None, *, is_cross: bool | None) -> list[Position]:
    """Change every one of them, or none."""
    plans = [(p, leverage or p.leverage, p.is_cross if is_cross is None else is_cross) for p in held]
    for each, multiple, crosses in plans:
        _check_leverage(call, each, multiple, is_cross=crosses)
    more = sum((_more_bound(call, each, multiple, is_cross=crosses) for each, multiple, crosses in plans), ZERO)
    if more > max(ZERO, call.door.engine.available(call.account)):
        raise to_error(Refusal(Why.MARGIN))
    for each, multiple, crosses in plans:
        each.margin = _isolated_margin(each, multiple, is_cross=crosses)
        each.leverage, each.is_cross, each.risk_limit_set = multiple, crosses, None
        _tell(call, each)
    return held


def _isolated_margin(held: Position, leverage: Decimal, *, is_cross: bool) -> Decimal:
    return ZERO if is_cross else round(abs(held.cost) / leverage, COST_DIGITS)


def _check_leverage(call: Call, held: Position, leverage: Decimal, *, is_cross: bool) -> None:
    if leverage < 1 or leverage != leverage.to_integral_value():
        raise to_error(Refusal(Why.LEVERAGE_TOO_LOW))
    if leverage > held.contract.tier_of(abs(held.cost)).leverage_max:
        raise to_error(Refusal(Why.LEVERAGE_TOO_HIGH))
    if not is_cross and call.member.mode == "portfolio":
        raise GateError(400, "USER_PORTFOLIO_MARGIN", "isolated not supported")


def _more_bound(call: Call, held: Position, leverage: Decimal, *, is_cross: bool) -> Decimal:
    """How much more of the money a position would bind."""
    mark = call.door.engine.listings[held.contract.name].mark
    bound = held.initial_margin(mark) if held.is_cross else held.margin
    value = abs(held.contract.value(held.size, mark))
    return (value / leverage if is_cross else _isolated_margin(held, leverage, is_cross=False)) - bound


def _tell(call: Call, held: Position) -> None:
    held.update_id += 1
    held.updated_ms = call.now_ms
    call.door.engine.tell(PositionChanged(held, call.now_ms))


# ---- margin and risk limit


def change_margin(call: Call) -> Reply:
    """POST positions/{contract}/margin: more or less money set aside for an isolated position."""
    _need_single(call)
    return _answer(call, [_change_margin(call)])


def change_dual_margin(call: Call) -> Reply:
    """POST dual_comp/positions/{contract}/margin."""
    _change_margin(call)
    return _answer_all(call, _sides(call, call.listing(call.params["contract"]).contract))


def _change_margin(call: Call) -> Position:
    contract = call.listing(call.params["contract"]).contract
    change = to_decimal(call.required("change"), "change")
    held = _sides(call, contract, _dual_side(call, is_required=True))[0]
    if held.is_cross:
        raise GateError(400, "POSITION_CROSS_MARGIN")
    if not held.size:
        raise to_error(Refusal(Why.NO_POSITION))
    if change > call.door.engine.available(call.account):
        raise to_error(Refusal(Why.MARGIN))
    if held.margin + change < abs(held.cost) / held.contract.leverage_max:
        raise GateError(400, "REMOVE_TOO_MUCH")
    held.margin += change
    _tell(call, held)
    return held


def set_risk_limit(call: Call) -> Reply:
    """POST positions/{contract}/risk_limit."""
    _need_single(call)
    return _answer(call, _set_risk_limit(call))


def set_dual_risk_limit(call: Call) -> Reply:
    """POST dual_comp/positions/{contract}/risk_limit."""
    return _answer_all(call, _set_risk_limit(call))


def _set_risk_limit(call: Call) -> list[Position]:
    contract = call.listing(call.params["contract"]).contract
    limit, held = to_decimal(call.required("risk_limit"), "risk_limit"), _sides(call, contract)
    if limit not in [tier.risk_limit for tier in contract.tiers]:
        raise GateError(400, "RISK_LIMIT_NOT_MULTIPLE")
    mark = call.door.engine.listings[contract.name].mark
    for each in held:
        most = contract.risk_limit_for(each.leverage)
        if limit > most:
            raise GateError(400, "RISK_LIMIT_TOO_HIGH", detail=f"limit {plain(most)}")
        wanted = max(call.account.exposure(each, mark, is_buy=is_buy) for is_buy in (True, False))
        if wanted > limit:
            raise GateError(400, "RISK_LIMIT_TOO_LOW", detail=f"limit {plain(wanted)}")
    for each in held:
        each.risk_limit_set = limit
        _tell(call, each)
    return held


# ---- position mode


def set_dual_mode(call: Call) -> Reply:
    """POST dual_mode."""
    asked = call.required("dual_mode").lower()
    if asked not in ("true", "false"):
        raise invalid("dual_mode", asked)
    return _set_dual(call, is_dual=asked == "true")


def set_position_mode(call: Call) -> Reply:
    """POST set_position_mode: the newer form. Split positions are not offered here."""
    asked = call.required("position_mode")
    if asked not in POSITION_MODES:
        raise invalid("position_mode", asked)
    if asked == "dual_plus":
        raise GateError(400, "INVALID_PARAM_VALUE", "position_mode dual_plus is not offered here")
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
    return Reply(200, account_row(account, call.door.engine.marks(), call.member.mode, call.now_ms))


# ---- how positions ended


def closed_positions(call: Call) -> Reply:
    """GET position_close."""
    side, pnl = call.query.get("side", ""), call.query.get("pnl", "")
    rows = _within(call, call.door.ledger.closed(call.account))
    rows = [row for row in rows if side in ("", row["side"])]
    if pnl in ("profit", "loss"):
        rows = [row for row in rows if row["pnl"].startswith("-") == (pnl == "loss")]
    return Reply(200, call.page(rows))


def liquidations(call: Call) -> Reply:
    """GET liquidates."""
    rows = [liquidated_row(fact, call.is_decimal) for fact in call.door.ledger.liquidated(call.account)]
    return Reply(200, call.page(_within(call, rows)))


def deleveragings(call: Call) -> Reply:
    """GET auto_deleverages."""
    rows = [deleveraged_row(fact, left, call.is_decimal) for fact, left in call.door.ledger.deleveraged(call.account)]
    return Reply(200, call.page(_within(call, rows)))


def _within(call: Call, rows: Iterable[Row]) -> list[Row]:
    """Rows of the contract and the time that are asked for, newest first."""
    contract, span, at = call.contract_asked(), call.span(), call.whole("at", 0, 10**12)
    found = [row for row in rows if contract is None or row["contract"] == contract.name]
    return [row for row in reversed(found) if row["time"] in span and at in (0, row["time"])]
