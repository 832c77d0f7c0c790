"""OKX's calls about the trading account: config, balances, positions, leverage and modes."""

from __future__ import annotations

from decimal import Decimal

from shared.paper.accounts import Position
from shared.paper.listing import Listing
from shared.paper.numbers import plain
from shared.paper.okx.balance_rows import balance_row
from shared.paper.okx.calls import Call, OkxError, Reply, Row, Said, empty, wrong
from shared.paper.okx.instruments import family_of, instrument_row, is_spot, kind_of
from shared.paper.okx.orders import WRONG_MODE, mode_word
from shared.paper.okx.position_rows import margin_mode_of, position_rest_row, side_of
from shared.paper.okx.terms import LONG_SHORT_MODE, NET_MODE, sides
from shared.paper.wallets import CROSS, FUTURES, ISOLATED, LONG, SHORT, SPOT, SWAP, position_mode

TYPES = (SPOT, SWAP, FUTURES, "MARGIN", "OPTION", "EVENTS")
MARGIN_MODES = (CROSS, ISOLATED)
COINS_MAX, POSITIONS_MAX = 20, 20
BUSY = "59000", "Setting failed. Cancel any open orders, close positions, and stop trading bots first."


def config(call: Call) -> Reply:
    """GET account/config."""
    account, key = call.account, call.member.key
    uid = str(account.number)
    row: Row = {
        "uid": uid, "mainUid": uid, "acctLv": str(account.level), "posMode": mode_word(account),
        "acctStpMode": "cancel_maker", "autoLoan": False, "ctIsoMode": "automatic", "mgnIsoMode": "automatic",
        "greeksType": "PA", "feeType": "0", "level": f"VIP{account.vip}" if account.vip else "Lv1", "levelTmp": "",
        "perm": "read_only" if key.is_read_only else "read_only,trade", "ip": ",".join(key.ips), "label": "paper",
        "kycLv": "2", "type": "0", "roleType": "0", "traderInsts": [], "spotRoleType": "0", "spotTraderInsts": [],
        "spotOffsetType": "", "stgyType": "0", "opAuth": "0", "enableSpotBorrow": False, "spotBorrowAutoRepay": False,
        "liquidationGear": "-1", "settleCcy": "USDC", "settleCcyList": ["USD", "USDC", "USDG"],
    }  # fmt: skip
    return Reply([row])


def balance(call: Call) -> Reply:
    """GET account/balance: what there is, and what was ever held of the currencies that are named."""
    asked, account = call.query.text("ccy"), call.account
    coins = account.holdings_in()
    if asked:
        named = asked.split(",")
        if len(named) > COINS_MAX:
            raise OkxError("50025", f"Parameter ccy count exceeds the limit {COINS_MAX}")
        coins = [coin for coin in named if coin in account.moved_ms]
    return Reply([balance_row(call.door, account, coins, call.now_ms, is_push=False)])


def positions(call: Call) -> Reply:
    """GET account/positions: those that are not empty; closed ones by their id."""
    said, ledger = call.query, call.door.ledger
    kind, names = said.text("instType"), [name for name in said.text("instId").split(",") if name]
    ids = [each for each in said.text("posId").split(",") if each]
    if kind and kind not in TYPES:
        raise wrong("instType")
    if max(len(ids), len(names)) > POSITIONS_MAX:
        raise OkxError("50025", f"Parameter posId count exceeds the limit {POSITIONS_MAX}")
    held = [p for p in call.account.positions.values() if p.size or (p.updated_ms and ledger.position_id(p) in ids)]
    found = [p for p in held if kind in ("", kind_of(p.contract)) and (not names or p.contract.name in names)]
    return Reply([position_rest_row(call.door, p) for p in found if not ids or ledger.position_id(p) in ids])


def instruments(call: Call) -> Reply:
    """GET account/instruments: what this account may trade."""
    rows = to_instruments(call, call.query)
    if call.account.level == 1:
        rows = [row for row in rows if row["instType"] == SPOT]
    return Reply(rows)


def to_instruments(call: Call, said: Said) -> list[Row]:
    """The instruments that are asked for."""
    kind, family, name = (
        said.one_of("instType", TYPES),
        said.text("instFamily") or said.text("uly"),
        said.text("instId"),
    )
    if name and name not in call.door.engine.listings:
        raise OkxError("51001", "Instrument ID, Instrument ID code, or Spread ID doesn't exist.")
    contracts = [each.contract for each in call.door.engine.listings.values()]
    meant = [each for each in contracts if kind_of(each) == kind and family in ("", family_of(each))]
    return [instrument_row(each) for each in meant if name in ("", each.name)]


def trade_fee(call: Call) -> Reply:
    """GET account/trade-fee."""
    kind = call.query.one_of("instType", TYPES)
    meant = [e.contract for e in call.door.engine.listings.values() if kind_of(e.contract) == kind]
    maker, taker = (plain(-meant[0].maker_rate), plain(-meant[0].taker_rate)) if meant else ("", "")
    spot = kind == SPOT
    row = {
        "category": "1", "delivery": "", "exercise": "", "instType": kind, "level": "Lv1", "feeGroup": [],
        "maker": maker if spot else "", "makerU": "" if spot else maker, "makerUSDC": maker,
        "taker": taker if spot else "", "takerU": "" if spot else taker, "takerUSDC": taker,
        "ruleType": "normal", "ts": str(call.now_ms), "fiat": [],
    }  # fmt: skip
    return Reply([row])


# ---- leverage


def _held_at(call: Call, listing: Listing, said: Said, margin_mode: str) -> list[Position]:
    """The positions whose leverage is meant; a side is named only where each has its own."""
    account, side = call.account, said.text("posSide")
    has_sides = account.is_dual and margin_mode == ISOLATED
    if has_sides != (side in (LONG, SHORT)) or (side and not has_sides):
        raise wrong("posSide")
    modes = [position_mode(margin_mode, side)] if has_sides else sides(mode_word(account), margin_mode)
    listings = [listing]
    if kind_of(listing.contract) == FUTURES and margin_mode == CROSS:
        everything = call.door.engine.listings.values()
        listings = [
            e for e in everything if kind_of(e.contract) == FUTURES and e.contract.base == listing.contract.base
        ]
    return [account.position(each.contract, mode) for each in listings for mode in modes]


def set_leverage(call: Call) -> Reply:
    """POST account/set-leverage."""
    said = call.body()
    margin_mode, lever = said.one_of("mgnMode", MARGIN_MODES), said.above_zero("lever")
    if not said.text("instId"):
        raise OkxError(*WRONG_MODE) if said.text("ccy") else empty("instId")
    listing = call.listing(said)
    if is_spot(listing.contract) or call.account.level == 1:
        raise OkxError(*WRONG_MODE)
    if call.account.level == 4 and margin_mode == CROSS:
        raise OkxError("51039", "Leverage can't be changed in portfolio margin mode for cross positions.")
    if not 1 <= lever <= listing.contract.leverage_max:
        raise OkxError("59102", "Leverage exceeds the maximum limit. Please lower the leverage.")
    meant = _held_at(call, listing, said, margin_mode)
    _check_change(call, meant, lever)
    for position in meant:
        if position.leverage != lever:
            _set(call, position, lever)
    side = side_of(meant[0]) if said.text("posSide") else ""
    return Reply([{"lever": plain(lever), "mgnMode": margin_mode, "instId": listing.contract.name, "posSide": side}])


def _check_change(call: Call, meant: list[Position], lever: Decimal) -> None:
    for position in meant:
        open_orders = call.account.open_for(position.contract, position.mode)
        if any(not order.reduce_only for order in open_orders) and lever != position.leverage:
            raise OkxError("59101", "Leverage can't be modified. Please cancel all pending orders before adjusting it.")
        mark = call.door.engine.listings[position.contract.name].mark
        more = abs(position.contract.value(position.size, mark)) * (1 / lever - 1 / position.leverage)
        if position.size and more > call.door.engine.available(call.account):
            raise OkxError("59103", "Leverage is too low. There isn't enough available margin in your account.")


def _set(call: Call, position: Position, lever: Decimal) -> None:
    position.leverage, position.updated_ms = lever, call.now_ms
    if position.size and not position.is_cross:
        position.margin = round(abs(position.cost) / lever, 12)
    if position.size:
        call.door.stream.private.moved(position.account, "set_leverage", [], [position])


def leverage_info(call: Call) -> Reply:
    """GET account/leverage-info."""
    said = call.query
    margin_mode = said.one_of("mgnMode", MARGIN_MODES)
    listings = [call.door.listing(name) for name in said.required("instId").split(",")]
    modes = sides(mode_word(call.account), margin_mode)
    held = [
        call.account.position(each.contract, mode) for each in listings for mode in modes if not is_spot(each.contract)
    ]
    rows = [
        {
            "ccy": "", "instId": p.contract.name, "mgnMode": margin_mode_of(p), "posSide": side_of(p),
            "lever": plain(p.leverage),
        }
        for p in held
    ]  # fmt: skip
    return Reply(rows)


# ---- modes


def set_position_mode(call: Call) -> Reply:
    """POST account/set-position-mode."""
    mode, account = call.body().one_of("posMode", (NET_MODE, LONG_SHORT_MODE)), call.account
    if mode != mode_word(account):
        if account.level == 4:
            raise OkxError("51039", "Position mode can't be changed in portfolio margin mode.")
        orders = [order for order in account.open_orders.values() if not is_spot(order.contract)]
        if orders or any(account.holdings()):
            raise OkxError(*BUSY)
        account.is_dual = mode == LONG_SHORT_MODE
        _keep_leverages(call)
    return Reply([{"posMode": mode}])


def _keep_leverages(call: Call) -> None:
    """What was set for a contract goes on in the other mode."""
    account = call.account
    for held in list(account.positions.values()):
        for mode in sides(mode_word(account), margin_mode_of(held)):
            account.position(held.contract, mode).leverage = held.leverage


def set_level(call: Call) -> Reply:
    """POST account/set-account-level."""
    level, account = call.body().one_of("acctLv", ("1", "2", "3", "4")), call.account
    if account.level != int(level):
        if account.open_orders or any(account.holdings()):
            raise OkxError(*BUSY)
        account.level = int(level)
        if level == "4":
            account.is_dual = False
    return Reply([{"acctLv": level}])
