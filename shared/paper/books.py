"""The engine's own truth as plain JSON: what everybody checks their view against."""

from __future__ import annotations

from typing import Any

from shared.paper.accounts import Account, Position
from shared.paper.algos import Algo
from shared.paper.exchange import Exchange, Member
from shared.paper.numbers import plain
from shared.paper.orders import Fill, Order
from shared.paper.triggers import Trigger
from shared.paper.wallets import CoinAccount

Row = dict[str, Any]
Sockets = dict[str, dict[str, list[Row]]]


def show_books(exchange: Exchange, uid: str | None) -> Row:
    """Markets, and all that accounts have; of one account when it is named."""
    members = exchange.members if uid is None else {uid: exchange.members[uid]}
    sockets: Sockets = {venue: door.sockets_by_uid() for venue, door in exchange.doors.items()}
    return {
        "now_ms": exchange.now_ms(),
        "markets": {
            name: {"last": plain(each.last), "mark": plain(each.mark), "index": plain(each.index)}
            for door in exchange.doors.values()
            for name, each in door.engine.listings.items()
        },
        "accounts": {name: _member_row(exchange, member, sockets) for name, member in members.items()},
    }


def _member_row(exchange: Exchange, member: Member, sockets: Sockets) -> Row:
    row: Row = {"uid": member.uid, "orders": [], "positions": [], "balances": [], "triggers": [], "sockets": {}}
    for venue, account in member.wallets.items():
        row["orders"] += [_order_row(order) for order in account.orders.values()]
        row["positions"] += [_position_row(exchange, held) for held in account.positions.values()]
        row["balances"].append(_balance_row(exchange, account))
        row["balances"] += _coin_rows(account)
        row["triggers"] += [_trigger_row(trigger) for trigger in account.triggers.values()]
        row["sockets"][venue] = sockets[venue].get(member.uid, [])
    row["sockets_open"] = sum(len(open_now) for open_now in row["sockets"].values())
    return row


def _position_row(exchange: Exchange, held: Position) -> Row:
    mark = exchange.doors[held.account.venue].engine.listings[held.contract.name].mark
    return {
        "venue": held.account.venue, "symbol": held.contract.name, "mode": held.mode, "size": plain(held.size),
        "entry_price": plain(held.entry_price), "leverage": plain(held.leverage),
        "margin_mode": "cross" if held.is_cross else "isolated", "margin": plain(held.margin),
        "realised_pnl": plain(held.realised_pnl), "history_pnl": plain(held.history_pnl),
        "unrealised_pnl": plain(held.unrealised(mark)), "mark_price": plain(mark), "update_id": held.update_id,
    }  # fmt: skip


def _balance_row(exchange: Exchange, account: Account) -> Row:
    marks = exchange.doors[account.venue].engine.marks()
    return {
        "venue": account.venue, "asset": "USDT", "total": plain(account.balance),
        "available": plain(account.available(marks)), "unrealised_pnl": plain(account.unrealised(marks)),
        "moved": {kind: plain(total) for kind, total in account.totals.items()},
    }  # fmt: skip


def _coin_rows(account: Account) -> list[Row]:
    """What else a wallet of coins holds, and what lies in its funding account."""
    if not isinstance(account, CoinAccount):
        return []
    coins = [
        {"venue": account.venue, "asset": coin, "total": plain(has), "available": plain(has - account.ordered(coin))}
        for coin, has in account.coins.items()
    ]
    return coins + [
        {"venue": account.venue, "asset": coin, "total": plain(has), "available": plain(has), "account": "funding"}
        for coin, has in account.funding.items()
    ]


def _order_row(order: Order) -> Row:
    return {
        "id": str(order.id), "text": order.text, "venue": order.account.venue, "symbol": order.contract.name,
        "side": "buy" if order.is_buy else "sell", "size": plain(order.size), "left": plain(order.left),
        "filled": plain(order.filled), "price": plain(order.price), "average_price": plain(order.fill_price),
        "tif": order.tif.value, "status": "open" if order.is_open else "finished", "finish_as": order.finish_as or None,
        "reduce_only": order.reduce_only, "fee": plain(order.fee), "update_id": order.update_id,
        "created_ms": order.created_ms, "updated_ms": order.updated_ms, "fills": [_fill_row(f) for f in order.fills],
    }  # fmt: skip


def _fill_row(fill: Fill) -> Row:
    return {
        "id": str(fill.id), "size": plain(fill.size), "price": plain(fill.price), "role": fill.role,
        "fee": plain(fill.fee), "time_ms": fill.time_ms,
    }  # fmt: skip


def _trigger_row(trigger: Trigger) -> Row:
    legs = [
        {"name": leg.name, "price": plain(leg.price), "price_type": leg.price_kind}
        for leg in (trigger.terms.legs if isinstance(trigger, Algo) else ())
    ]
    return ({"legs": legs} if legs else {}) | {
        "id": str(trigger.id), "venue": trigger.account.venue, "symbol": trigger.contract.name,
        "price": plain(trigger.price), "price_type": trigger.price_kind,
        "fires": "at_or_above" if trigger.rises else "at_or_below",
        "size": plain(trigger.request.size), "status": trigger.status, "finish_as": trigger.finish_as or None,
        "reason": trigger.reason, "order_id": str(trigger.order_id) if trigger.order_id else None,
        "parent_id": str(trigger.parent.id) if trigger.parent else None,
        "text": trigger.text if isinstance(trigger, Algo) else trigger.request.text, "order_type": trigger.order_type,
    }  # fmt: skip
