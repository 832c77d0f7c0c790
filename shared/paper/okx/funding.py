"""OKX's funding account: what lies there, and what moves between it and the trading account."""

from __future__ import annotations

from decimal import Decimal

from shared.paper.numbers import plain
from shared.paper.okx.balance_rows import coin_price, worth
from shared.paper.okx.calls import Call, OkxError, Reply, Row, wrong
from shared.paper.okx.ledger import Transfer
from shared.paper.orders import ZERO
from shared.paper.wallets import USDT, CoinAccount

FUNDING, TRADING = "6", "18"
SHORT_OF = "58350", "Insufficient balance"


def coins(call: Call) -> list[str]:
    """The currencies that are known here."""
    return list(dict.fromkeys([USDT, *(each.contract.base for each in call.door.engine.listings.values())]))


def currencies(call: Call) -> Reply:
    """GET asset/currencies."""
    asked = [coin for coin in call.query.text("ccy").split(",") if coin]
    chain = {USDT: "USDT-TRC20"}
    rows = [
        {
            "ccy": coin, "name": coin, "logoLink": "", "chain": chain.get(coin, f"{coin}-{coin}"), "ctAddr": "",
            "canDep": False, "canWd": False, "canInternal": True, "depEstOpenTime": "", "wdEstOpenTime": "",
            "minDep": "0.0001", "minWd": "0.001", "minInternal": "0.0001", "maxWd": "100", "wdTickSz": "8",
            "wdQuota": "10000000", "usedWdQuota": "0", "fee": "0.0002", "minFee": "0.0002", "maxFee": "0.0004",
            "minFeeForCtAddr": "", "maxFeeForCtAddr": "", "mainNet": coin != USDT, "needTag": False,
            "minDepArrivalConfirm": "1", "minWdUnlockConfirm": "2", "depQuotaFixed": "", "usedDepQuotaFixed": "",
            "depQuoteDailyLayer2": "", "burningFeeRate": "",
        }
        for coin in coins(call)
        if not asked or coin in asked
    ]  # fmt: skip
    return Reply(rows)


def balances(call: Call) -> Reply:
    """GET asset/balances: what there is."""
    asked = [coin for coin in call.query.text("ccy").split(",") if coin]
    meant = {coin: has for coin, has in call.account.funding.items() if has and (not asked or coin in asked)}
    return Reply([{"ccy": c, "bal": plain(has), "availBal": plain(has), "frozenBal": "0"} for c, has in meant.items()])


def valuation(call: Call) -> Reply:
    """GET asset/asset-valuation, in dollars whatever is asked."""
    account = call.account
    lies = sum((has * coin_price(call.door, coin) for coin, has in account.funding.items()), ZERO)
    trades = worth(call.door, account)
    parts = {"classic": "0", "earn": "0", "funding": plain(round(lies, 8)), "trading": plain(round(trades, 8))}
    return Reply([{"totalBal": plain(round(lies + trades, 8)), "ts": str(call.now_ms), "details": parts}])


def transfer(call: Call) -> Reply:
    """POST asset/transfer, within the account."""
    said, account = call.body(), call.account
    coin, amount = said.required("ccy"), said.above_zero("amt")
    source, target = said.one_of("from", (FUNDING, TRADING)), said.one_of("to", (FUNDING, TRADING))
    if said.text("type") not in ("", "0"):
        raise OkxError("58110", "There are no sub-accounts here.")
    if source == target:
        raise wrong("to")
    if coin not in coins(call):
        raise OkxError("58001", "The currency does not exist.")
    if amount > _has(call, account, coin, source):
        raise OkxError(*SHORT_OF)
    client_id = said.name("clientId")
    done = Transfer(call.door.ledger.next_transfer_id(), account, coin, amount, source, target, client_id, call.now_ms)
    change = amount if source == FUNDING else -amount
    account.funding[coin] = account.funding.get(coin, ZERO) - change
    call.door.engine.move(account, coin, change, "dnw", call.now_ms)
    call.door.ledger.transfers[done.id] = done
    row = _row(done)
    return Reply([{name: row[name] for name in ("transId", "ccy", "clientId", "from", "amt", "to")}])


def _has(call: Call, account: CoinAccount, coin: str, where: str) -> Decimal:
    if where == FUNDING:
        return account.funding.get(coin, ZERO)
    return account.free(coin, call.door.engine.marks())


def transfer_state(call: Call) -> Reply:
    """GET asset/transfer-state."""
    said = call.query
    number, client_id = said.text("transId"), said.text("clientId")
    if not number and not client_id:
        raise OkxError("50015", "Either parameter transId or clientId is required")
    done = [each for each in call.door.ledger.transfers.values() if each.account is call.account]
    found = [each for each in done if number == each.id or (not number and client_id == each.client_id)]
    if not found:
        raise OkxError("58129", "Transfer does not exist.")
    return Reply([_row(found[-1]) | {"type": "0", "subAcct": "", "instId": "", "toInstId": "", "state": "success"}])


def _row(done: Transfer) -> Row:
    return {
        "transId": done.id, "ccy": done.coin, "clientId": done.client_id, "from": done.source,
        "amt": plain(done.amount), "to": done.target,
    }  # fmt: skip
