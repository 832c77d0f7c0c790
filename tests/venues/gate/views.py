"""What the books say and what each witness has seen, in one form, so that they can be told to be equal.

An exact view takes numbers from text; what came as JSON numbers is compared as the floats that those clients make.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from tests.paper.process import PaperAccount, PaperProcess
from tests.venues.gate.witnesses import SYMBOL, Ears, Sdk

View = dict[str, Any]
Number = Callable[[Any], Any]
PRICE_KINDS = ("last", "mark", "index")
CCXT_STATUS = {
    "filled": "closed", "succeeded": "closed", "liquidated": "closed", "cancelled": "canceled", "ioc": "canceled",
    "failed": "canceled", "expired": "canceled",
}  # fmt: skip
"""ccxt's own words; a word that it does not know it passes on."""


# ---- the venue's words


def truth(paper: PaperProcess, account: PaperAccount, number: Number = Decimal) -> View:
    """What the engine's books say."""
    books = paper.books(account.uid)
    return {
        "orders": {
            each["id"]: (
                each["text"], *map(number, (each["size"], each["left"], each["price"], each["average_price"])),
                each["tif"], each["status"], each["finish_as"], each["reduce_only"],
            )
            for each in books["orders"]
        },
        "fills": {
            (order["id"], fill["id"]): (*map(number, (fill["size"], fill["price"], fill["fee"])), fill["role"])
            for order in books["orders"]
            for fill in order["fills"]
        },
        "positions": {
            (each["symbol"], each["mode"]): (
                *map(number, (each["size"], each["entry_price"], each["leverage"])), each["margin_mode"],
            )
            for each in books["positions"]
            if number(each["size"])
        },
        "triggers": {
            each["id"]: (
                number(each["price"]), each["price_type"], each["fires"] == "at_or_above", each["status"],
                each["finish_as"], each["order_id"],
            )
            for each in books["triggers"]
        },
        "total": number(books["balances"][0]["total"]),
    }  # fmt: skip


def sdk_view(sdk: Sdk) -> View:
    """What the official REST SDK reads of its account, list by list."""
    futures, both = sdk.futures, ("open", "finished")
    orders = [each for status in both for each in futures.list_futures_orders("usdt", status, limit=100)]
    triggers = [each for status in both for each in futures.list_price_triggered_orders("usdt", status, limit=100)]
    return {
        "orders": {
            str(each.id): (
                each.text, *map(Decimal, (each.size, each.left, each.price, each.fill_price)), each.tif, each.status,
                each.finish_as, each.is_reduce_only,
            )
            for each in orders
        },
        "fills": {
            (each.order_id, str(each.id)): (*map(Decimal, (each.size, each.price, each.fee)), each.role)
            for each in futures.get_my_trades("usdt", limit=1000)
        },
        "positions": {
            (each.contract, each.mode): (
                *map(Decimal, (each.size, each.entry_price, each.lever)),
                "cross" if each.leverage == "0" else "isolated",
            )
            for each in futures.list_positions("usdt", holding=True)
        },
        "triggers": {
            each.id_string: (
                Decimal(each.trigger.price), PRICE_KINDS[each.trigger.price_type], each.trigger.rule == 1, each.status,
                each.finish_as, str(each.trade_id) if each.trade_id else None,
            )
            for each in triggers
        },
        "total": Decimal(futures.list_futures_accounts("usdt").total),
    }  # fmt: skip


def heard_view(ears: Ears) -> View:
    """What a follower knows by the pushes alone, when of each thing the newest is what counts."""
    orders = newest(ears.rows("futures.orders"), lambda row: row["id_string"], "update_id")
    held = newest(ears.rows("futures.positions"), lambda row: (row["contract"], row["mode"]), "update_id")
    triggers = {row["id_string"]: row for row in ears.rows("futures.autoorders")}
    return {
        "orders": {
            key: (
                row["text"], *map(float, (row["size"], row["left"], row["price"], row["fill_price"])), row["tif"],
                row["status"], row["finish_as"] if row["status"] == "finished" else None, row["is_reduce_only"],
            )
            for key, row in orders.items()
        },
        "fills": {
            (row["order_id"], row["id"]): (*map(float, (row["size"], row["price"], row["fee"])), row["role"])
            for row in ears.rows("futures.usertrades")
        },
        "positions": {
            key: (
                *map(float, (row["size"], row["entry_price"], row["lever"])),
                "isolated" if row["leverage"] else "cross",
            )
            for key, row in held.items()
            if row["size"]
        },
        "triggers": {
            key: (
                float(row["trigger"]["price"]), PRICE_KINDS[row["trigger"]["price_type"]], row["trigger"]["rule"] == 1,
                row["status"], row["finish_as"] or None, str(row["trade_id"]) if row["trade_id"] else None,
            )
            for key, row in triggers.items()
        },
        "total": ears.rows("futures.balances")[-1]["balance"],
    }  # fmt: skip


def newest(rows: Iterable[Any], key: Callable[[Any], Any], order: str) -> dict[Any, Any]:
    """The row of each key that is latest by its own count, in whatever order they came."""
    return {key(row): row for row in sorted(rows, key=lambda row: int(row[order]))}


# ---- ccxt's words


def ccxt_truth(paper: PaperProcess, account: PaperAccount, *, is_pushed: bool = False) -> View:
    """What the books say in ccxt's words. Of a push it shows `_update`, a word that it does not know, as the status."""
    books = paper.books(account.uid)
    return {
        "orders": {
            each["id"]: (
                each["text"], each["side"], *map(abs, map(float, (each["size"], each["left"], each["filled"]))),
                float(each["average_price"]) or None, _status(each, is_pushed=is_pushed), each["reduce_only"],
            )
            for each in books["orders"]
        },
        "fills": {
            (order["id"], fill["id"]): (
                abs(float(fill["size"])), float(fill["price"]), float(fill["fee"]), fill["role"], order["side"],
            )
            for order in books["orders"]
            for fill in order["fills"]
        },
        "positions": {
            (SYMBOL, "long" if float(each["size"]) > 0 else "short"): (
                abs(float(each["size"])), float(each["entry_price"]), each["margin_mode"],
            )
            for each in books["positions"]
            if float(each["size"])
        },
        "triggers": {
            each["id"]: (float(each["price"]), CCXT_STATUS.get(each["finish_as"], each["status"]))
            for each in books["triggers"]
        },
        "total": float(books["balances"][0]["total"]),
    }  # fmt: skip


def _status(order: Any, *, is_pushed: bool) -> str:
    if order["status"] == "finished":
        return CCXT_STATUS.get(order["finish_as"], str(order["finish_as"]))
    return "_update" if is_pushed and order["update_id"] > 1 else "open"


def ccxt_view(orders: Any, trades: Any, positions: Any, triggers: Any, total: float) -> View:
    """What ccxt has, read or pushed."""
    return {
        "orders": {
            each["id"]: (
                each["clientOrderId"], each["side"], each["amount"], each["remaining"], each["filled"], each["average"],
                each["status"], each["reduceOnly"],
            )
            for each in orders
        },
        "fills": {
            (each["order"], each["id"]): (
                each["amount"], each["price"], each["fee"]["cost"], each["takerOrMaker"], each["side"],
            )
            for each in trades
        },
        "positions": {
            (each["symbol"], each["side"]): (each["contracts"], each["entryPrice"], each["marginMode"])
            for each in positions
            if each["contracts"]
        },
        "triggers": {each["id"]: (each["triggerPrice"], each["status"]) for each in triggers},
        "total": total,
    }  # fmt: skip
