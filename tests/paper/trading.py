"""Traders of the engine's own tests: they trade with one another, without a house or a door in between."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from shared.paper.accounts import Account
from shared.paper.engine import Engine
from shared.paper.facts import Fact
from shared.paper.orders import Order, OrderRequest, Refusal, Tif

BTC = "BTC_USDT"
NOW = 1_700_000_000_000


def an_account(engine: Engine, money: str = "10000", *, stp_group: int = 0) -> Account:
    account = engine.open_account(f"u{len(engine.accounts)}", "gate", len(engine.accounts))
    account.stp_group = stp_group
    engine.pay(account, Decimal(money), "dnw", "-", NOW)
    return account


def place(engine: Engine, account: Account, size: int | str, price: str = "0", **said: Any) -> Order | Refusal:
    tif = said.pop("tif", Tif.GTC if price != "0" else Tif.IOC)
    for name in ("iceberg", "slip", "take_profit", "stop_loss"):
        if name in said:
            said[name] = Decimal(said[name])
    return engine.place(account, OrderRequest(BTC, Decimal(size), Decimal(price), tif, **said), NOW)


def placed(engine: Engine, account: Account, size: int | str, price: str = "0", **said: Any) -> Order:
    order = place(engine, account, size, price, **said)
    assert isinstance(order, Order), order
    return order


def facts(engine: Engine) -> list[Fact]:
    heard: list[Fact] = []
    engine.listen(heard.append)
    return heard
