"""What the books say and what each witness has seen, in one form, so that they can be told to be equal.

An exact view takes numbers from text; what ccxt makes floats of is compared as those floats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from tests.paper.process import PaperAccount, PaperProcess
from tests.venues.okx.witnesses import COIN, SPOT, SWAP, SYMBOL, Ears, Sdk, rows

View = dict[str, Any]
Number = Callable[[Any], Any]
STATES = {"succeeded": "effective", "cancelled": "canceled", "failed": "order_failed", None: "live"}
CCXT_STATUS = {"live": "open", "effective": "closed", "canceled": "canceled", "order_failed": "rejected"}
ALGO_KINDS = ("conditional,oco", "trigger", "move_order_stop")
SYMBOLS = {SWAP: SYMBOL, SPOT: COIN}


def state_of(order: Any) -> str:
    """The state that a row of the books is in, in the venue's word."""
    if order["status"] == "open":
        return "partially_filled" if Decimal(order["filled"]) else "live"
    return "canceled" if Decimal(order["left"]) else "filled"


def truth(paper: PaperProcess, account: PaperAccount, number: Number = Decimal) -> View:
    """What the engine's books say of the account at this venue."""
    books = paper.books(account.uid)
    orders = [each for each in books["orders"] if each["venue"] == "okx"]
    return {
        "orders": {
            each["id"]: (
                each["text"], each["symbol"], each["side"],
                *map(number, (each["filled"], each["price"], each["average_price"], each["fee"])), state_of(each),
            )
            for each in orders
        },
        "fills": {
            (order["symbol"], fill["id"]): (
                order["id"], *map(number, (fill["size"].lstrip("-"), fill["price"], fill["fee"])), fill["role"],
            )
            for order in orders
            for fill in order["fills"]
        },
        "positions": {
            (each["symbol"], each["mode"]): tuple(
                map(number, (each["size"].lstrip("-"), each["entry_price"], each["leverage"]))
            )
            for each in books["positions"]
            if each["venue"] == "okx" and number(each["size"])
        },
        "algos": {
            each["id"]: (each["text"], each["order_type"], STATES[each["finish_as"]], each["order_id"] or "")
            for each in books["triggers"]
            if each["venue"] == "okx"
        },
        "cash": {
            each["asset"]: number(each["total"])
            for each in books["balances"]
            if each["venue"] == "okx" and each.get("account") != "funding" and number(each["total"])
        },
    }  # fmt: skip


# ---- the venue's words


def order_view(listed: Iterable[Any], number: Number = Decimal) -> dict[Any, Any]:
    """Orders as REST and the pushes write them; of each the last one counts."""
    return {
        row["ordId"]: (
            row["clOrdId"], row["instId"], row["side"],
            *map(number, (row["accFillSz"], row["px"] or "0", row["avgPx"] or "0")), -number(row["fee"]), row["state"],
        )
        for row in listed
    }  # fmt: skip


def position_view(listed: Iterable[Any], number: Number = Decimal) -> dict[Any, Any]:
    """Positions that are not empty."""
    return {
        (row["instId"], f"{row['mgnMode']}:{row['posSide']}"): (
            number(row["pos"].lstrip("-")), number(row["avgPx"]), number(row["lever"]),
        )
        for row in listed
        if row["avgPx"]
    }  # fmt: skip


def algo_view(listed: Iterable[Any]) -> dict[Any, Any]:
    """Algos, of each the last one."""
    return {row["algoId"]: (row["algoClOrdId"], row["ordType"], row["state"], row["ordId"]) for row in listed}


def sdk_view(sdk: Sdk) -> View:
    """What the official REST SDK reads of its account, list by list."""
    trade, kinds = sdk.trade, ("SWAP", "SPOT")
    orders = rows(trade.get_order_list()) + [row for k in kinds for row in rows(trade.get_orders_history(k))]
    algos = [row for kind in ALGO_KINDS for row in rows(trade.order_algos_list(ordType=kind))]
    for kind in ALGO_KINDS:
        for state in ("effective", "canceled", "order_failed"):
            algos += rows(trade.order_algos_history(kind, state=state))
    return {
        "orders": order_view(orders),
        "fills": {
            (row["instId"], row["tradeId"]): (
                row["ordId"], Decimal(row["fillSz"]), Decimal(row["fillPx"]), -Decimal(row["fee"]),
                "taker" if row["execType"] == "T" else "maker",
            )
            for row in rows(trade.get_fills())
        },
        "positions": position_view(rows(sdk.account.get_positions())),
        "algos": algo_view(algos),
        "cash": {
            row["ccy"]: Decimal(row["cashBal"]) for row in rows(sdk.account.get_account_balance())[0]["details"]
        },
    }  # fmt: skip


def heard_view(private: Ears, business: Ears) -> View:
    """What a follower knows by the pushes alone."""
    orders = private.rows("orders")
    fills = {(row["instId"], row["tradeId"]): row for row in orders if row["tradeId"]}
    moved = private.rows("balance_and_position")
    held = {(row["instId"], row["posId"]): row for each in moved for row in each["posData"]}
    told = {(row["instId"], row["posId"]): row for row in private.rows("positions")}
    return {
        "orders": order_view(orders),
        "fills": {
            key: (
                row["ordId"], Decimal(row["fillSz"]), Decimal(row["fillPx"]), -Decimal(row["fillFee"]),
                "taker" if row["execType"] == "T" else "maker",
            )
            for key, row in fills.items()
        },
        "positions": position_view(row for key, row in told.items() if held[key]["pos"] == row["pos"]),
        "algos": algo_view([*business.rows("orders-algo"), *({**r} for r in business.rows("algo-advance"))]),
        "cash": {
            coin: cash
            for coin, cash in {b["ccy"]: Decimal(b["cashBal"]) for row in moved for b in row["balData"]}.items()
            if cash
        },
    }  # fmt: skip


# ---- ccxt's words


def ccxt_truth(paper: PaperProcess, account: PaperAccount) -> View:
    """What the books say in ccxt's words. It calls an order that an algo placed by the id of the algo."""
    said = truth(paper, account, float)
    spawned = {order: algo for algo, (_, _, _, order) in said["algos"].items()}
    words = {"live": "open", "partially_filled": "open", "filled": "closed", "canceled": "canceled"}
    return {
        "orders": {
            spawned.get(key, key): (SYMBOLS[name], side, filled, average or None, rounded(fee), words[state])
            for key, (_, name, side, filled, _, average, fee, state) in said["orders"].items()
        },
        "fills": {
            (SYMBOLS[name], trade): (order, size, price, rounded(fee), role)
            for (name, trade), (order, size, price, fee, role) in said["fills"].items()
        },
        "positions": {
            (SYMBOLS[name], mode): (size, price) for (name, mode), (size, price, _) in said["positions"].items()
        },
        "algos": {key: CCXT_STATUS[state] for key, (_, _, state, _) in said["algos"].items()},
        "cash": said["cash"],
    }


def rounded(number: float) -> float:
    """Sums of floats differ in their last digits."""
    return round(number, 9)


def ccxt_view(orders: Any, trades: Any, positions: Any, algos: Any, balance: Any) -> View:
    """What ccxt has, read or pushed."""
    return {
        "orders": {
            each["id"]: (
                each["symbol"], each["side"], each["filled"], each["average"],
                rounded((each["fee"] or {}).get("cost") or 0.0), each["status"],
            )
            for each in orders
        },
        "fills": {
            (each["symbol"], each["id"]): (
                each["order"], each["amount"], each["price"], rounded(each["fee"]["cost"]), each["takerOrMaker"],
            )
            for each in trades
        },
        "positions": {
            (each["symbol"], f"{each['marginMode']}:{each['info']['posSide']}"): (
                each["contracts"], each["entryPrice"],
            )
            for each in positions
            if each["contracts"]
        },
        "algos": {each["id"]: each["status"] for each in algos},
        "cash": {coin: total for coin, total in balance["total"].items() if total},
    }  # fmt: skip
