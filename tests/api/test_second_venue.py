"""A venue that names orders by symbol, says modes with each order and only acknowledges commands: the same routes."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from shared.model import Credentials
from tests.api.running import Api, RedisProcess, Told, running_api, until
from tests.api.trader import ORDERS, TRIGGERS, Trader
from tests.paper.process import PaperProcess

SWAP, PAIR = "BTC-USDT-SWAP", "BTC-USDT"
FUTURES_ORDER: dict[str, Any] = {
    "market_type": "limit", "contract": SWAP, "leverage": 10, "leverage_type": "ISOLATED", "position_type": "long",
    "size": 1,
}  # fmt: skip


@dataclass
class Bot:
    """Somebody who comes with the venue's keys."""

    api: Api
    paper: PaperProcess
    user_id: str
    uid: str
    keys: dict[str, str]

    async def ask(self, method: str, what: str, body: Any = None, **more: str) -> Told:
        return await self.api.ask(method, f"/okx/{what}", body, headers=self.keys | more)

    async def place(self, key: str | None = None, **words: Any) -> Told:
        more = {} if key is None else {"Idempotency-Key": key}
        body = {"userId": self.user_id, **FUTURES_ORDER, "price": below(self.paper), **words}
        return await self.ask("POST", "place-futures-order", body, **more)

    async def cancel(self, **ids: str) -> Told:
        query = "&".join(f"{name}={said}" for name, said in ids.items())
        return await self.ask("DELETE", f"cancel-futures-order?{query}")

    async def get(self, order_id: str) -> Told:
        return await self.ask("GET", f"get-futures-order?trade_id={order_id}")

    def own(self, kind: str) -> list[Any]:
        """What the exchange itself has of this account at that venue."""
        return [row for row in self.paper.books(self.uid)[kind] if row["venue"] == "okx"]

    def held(self) -> dict[str, str]:
        return {row["symbol"]: row["size"] for row in self.own("positions") if row["size"] != "0"}


def last(paper: PaperProcess, symbol: str = SWAP) -> Decimal:
    return Decimal(paper.ask("GET", "/paper/books")["markets"][symbol]["last"])


def below(paper: PaperProcess, symbol: str = SWAP) -> str:
    """Where an order to buy only waits."""
    return str((last(paper, symbol) * Decimal("0.97")).quantize(Decimal("0.1")))


def above(paper: PaperProcess, symbol: str = SWAP) -> str:
    return str((last(paper, symbol) * Decimal("1.03")).quantize(Decimal("0.1")))


@pytest.fixture
def bot(api: Api, api_paper: PaperProcess, user_id: str) -> Bot:
    account = api_paper.account(balances={"USDT": "100000"})
    keys = {"api-key": account.api_key, "api-secret": account.api_secret, "api-passphrase": account.passphrase}
    return Bot(api, api_paper, user_id, account.uid, keys)


@pytest.fixture
async def okx_trader(bot: Bot) -> Trader:
    """The same account, of somebody who comes with a token."""
    credentials = Credentials(bot.keys["api-key"], bot.keys["api-secret"], bot.keys["api-passphrase"])
    account = await bot.api.gateway.auth.claim("okx", bot.user_id, credentials)
    return Trader(bot.api, bot.user_id, account.account_id, bot.uid)


# Bots.


async def test_an_order_is_placed_shown_and_cancelled(bot: Bot) -> None:
    """By its id alone: the symbol that the venue wants beside it is known here."""
    told = await bot.place()

    assert told.status == 200 and told.json["message"] == "ok", told.body
    order = told.data["order"]
    assert (order["venue"], order["symbol"], order["instrument"]) == ("okx", SWAP, "BTC/USDT:USDT")
    assert (order["status"], order["size"], order["size_unit"], order["origin"]) == (
        "open",
        "1",
        "contracts",
        "gateway",
    )
    assert told.data["resPlaceOrder"]["data"][0]["ordId"] == order["id"]
    assert told.data["stream"]["ticket"]
    (row,) = bot.own("orders")
    assert (row["id"], row["status"]) == (order["id"], "open")
    seen = await bot.get(order["id"])
    assert (seen.status, seen.data["order"]["id"], seen.data["order"]["status"]) == (200, order["id"], "open")

    gone = await bot.cancel(trade_id=order["id"])

    assert gone.status == 200 and gone.data["trade_id"]["order"]["status"] == "cancelled", gone.body
    assert (await bot.get(order["id"])).data["order"]["status"] == "cancelled"
    again = await bot.cancel(trade_id=order["id"])
    assert (again.status, again.error["venue"]["code"]) == (404, "51400")


async def test_a_contract_has_two_spellings_and_a_pair_is_none(bot: Bot) -> None:
    for contract in ("BTC/USDT:USDT", "btc-usdt-swap"):
        told = await bot.place(contract=contract)
        assert told.status == 200 and told.data["order"]["symbol"] == SWAP, told.body
    for contract in (PAIR, "BTC/USDT"):
        refused = await bot.place(contract=contract)
        assert refused.status == 422 and "contract" in refused.fields, refused.body


async def test_a_key_makes_one_order(bot: Bot) -> None:
    first, second = await bot.place("once"), await bot.place("once")

    assert first.data["order"] == second.data["order"]
    assert len(bot.own("orders")) == 1


async def test_guards_go_with_the_order_and_are_named_once_they_live(bot: Bot) -> None:
    """The venue attaches them: there is no moment in which the position stands without them."""
    profit, stop = above(bot.paper), below(bot.paper)
    told = await bot.place(market_type="market", take_profit={"price": profit}, stop_loss={"price": stop})

    assert told.status == 200, told.body
    guards = told.data["take_profit"], told.data["stop_loss"]
    assert [(guard["outcome"], guard["attached"]) for guard in guards] == [("accepted", True)] * 2
    assert [guard["trigger"]["parent_id"] for guard in guards] == [told.data["order"]["id"]] * 2
    assert [guard["trigger"]["purpose"] for guard in guards] == ["take_profit", "stop_loss"]
    assert told.data["order"]["status"] == "filled"
    assert bot.held() == {SWAP: "1"}

    gone = await bot.cancel(trade_id=told.data["order"]["id"], tp_id=guards[0]["id"], sl_id=guards[1]["id"])

    assert {name: one["outcome"] for name, one in gone.data.items()} == {
        "trade_id": "rejected", "tp_id": "accepted", "sl_id": "accepted",
    }, gone.body  # fmt: skip
    assert [row["status"] for row in bot.own("triggers") if row["status"] == "open"] == []


async def test_guards_of_an_order_that_waits_are_attached_to_it(bot: Bot) -> None:
    told = await bot.place(take_profit={"price": above(bot.paper)}, stop_loss={"price": "50000"})

    guards = told.data["take_profit"], told.data["stop_loss"]
    assert [(guard["outcome"], guard["attached"], guard["id"]) for guard in guards] == [("accepted", True, None)] * 2


async def test_a_guard_that_follows_the_mark_price_is_placed_beside(bot: Bot) -> None:
    guard = {"price": above(bot.paper), "price_type": "mark"}
    told = await bot.place(market_type="market", take_profit=guard)

    said = told.data["take_profit"]
    assert (said["outcome"], said["attached"], said["trigger"]["price_type"]) == ("accepted", False, "mark"), told.body


async def test_a_position_is_closed_and_its_triggers_with_it(bot: Bot) -> None:
    placed = await bot.place(market_type="market", take_profit={"price": above(bot.paper)})
    assert bot.held() == {SWAP: "1"}, placed.body

    told = await bot.ask(
        "POST", "close-futures-order", {"contract": SWAP, "auto_size": "close_long", "userId": bot.user_id}
    )

    assert told.status == 200 and told.data["order"]["status"] == "filled", told.body
    assert (told.data["order"]["side"], told.data["order"]["origin"]) == ("sell", "gateway")
    assert bot.held() == {}
    assert [row for row in bot.own("triggers") if row["status"] == "open"] == []
    again = await bot.ask("POST", "close-futures-order", {"contract": SWAP, "auto_size": "close_long"})
    assert again.status == 404 and again.error["venue"]["code"] == "51023", again.body


async def test_isolated_and_cross_are_said_with_each_order(bot: Bot) -> None:
    for leverage_type in ("ISOLATED", "CROSS"):
        told = await bot.place(market_type="market", leverage_type=leverage_type, leverage=7)
        assert told.status == 200, told.body

    rows = [row for row in bot.own("positions") if row["size"] != "0"]
    assert sorted((row["margin_mode"], row["leverage"]) for row in rows) == [("cross", "7"), ("isolated", "7")]


# Keys.


@pytest.mark.parametrize(
    ("passphrase", "code"), [(None, "50104"), ("another one", "50105")], ids=["without", "with a wrong one"]
)
async def test_a_passphrase_is_needed(bot: Bot, passphrase: str | None, code: str) -> None:
    del bot.keys["api-passphrase"]
    if passphrase is not None:
        bot.keys["api-passphrase"] = passphrase

    told = await bot.place()

    assert (told.status, told.error["venue"]["code"]) == (401, code)
    assert "passphrase" in told.error["message"].lower()
    assert bot.own("orders") == []


async def test_a_key_that_may_only_read_is_not_tried_for_more(bot: Bot) -> None:
    """It is told by us, before anything is sent."""
    bot.paper.ask("POST", "/paper/keys", {"uid": bot.uid, "read_only": True})
    for told in (
        await bot.place(),
        await bot.ask("POST", "close-futures-order", {"contract": SWAP, "auto_size": "close_long"}),
    ):
        assert (told.status, told.error["venue"]["code"]) == (403, "READ_ONLY_KEY"), told.body

    bot.paper.ask("POST", "/paper/keys", {"uid": bot.uid})


async def test_a_reading_key_still_reads(okx_trader: Trader, bot: Bot) -> None:
    told = await okx_trader.ask("GET", "/api/trading/balances")

    assert told.status == 200 and told.json["unread"] == [], told.body
    assert {row["wallet"] for row in told.json["balances"]} >= {"trading"}


# One shape for every venue.


async def patiently(trader: Trader, body: dict[str, Any]) -> Told:
    """As a caller who is told to ask again: each test's gateway reads the terms anew, which is allowed so often."""

    async def place() -> Told | None:
        told = await trader.ask("POST", ORDERS, body)
        return None if told.status == 503 and told.error["retryable"] else told

    told: Told = await until(place, "the terms are read")
    return told


async def test_a_size_is_said_in_contracts_in_base_and_in_quote(okx_trader: Trader, bot: Bot) -> None:
    """A contract is a hundredth of a coin."""
    price = below(bot.paper)
    for words in (
        {"quantity": "2"},
        {"quantity": "0.02", "quantity_unit": "base"},
        {"quote_quantity": str(Decimal(price) * Decimal("0.02"))},
    ):
        told = await patiently(okx_trader, {"symbol": SWAP, "side": "buy", "type": "limit", "price": price, **words})
        assert told.status == 200 and told.json["order"]["size"] == "2", told.body


async def test_coins_are_bought_for_base_and_for_quote(okx_trader: Trader, bot: Bot) -> None:
    market = {"symbol": "BTC/USDT", "side": "buy", "type": "market"}
    for words, unit in (
        ({"quantity": "0.01"}, "base"), ({"quantity": "0.01", "quantity_unit": "base"}, "base"),
        ({"quote_quantity": "500"}, "quote"),
    ):  # fmt: skip
        told = await patiently(okx_trader, market | words)
        assert told.status == 200, told.body
        assert (told.json["order"]["symbol"], told.json["order"]["size_unit"]) == (PAIR, unit)
        seen = await okx_trader.ask("GET", f"{ORDERS}/{told.json['order']['id']}?raw=1")
        assert seen.status == 200 and seen.json["order"]["status"] == "filled", seen.body

    selling = {"symbol": PAIR, "side": "sell", "type": "limit", "quantity": "0.01", "price": above(bot.paper, PAIR)}
    told = await okx_trader.ask("POST", ORDERS, selling)
    assert told.status == 200 and told.json["order"]["position_side"] is None, told.body


async def test_an_order_is_amended_and_cancelled_by_either_of_its_ids(okx_trader: Trader, bot: Bot) -> None:
    words = {"symbol": SWAP, "side": "buy", "type": "limit", "price": below(bot.paper), "quantity": 1}
    order = (await okx_trader.ask("POST", ORDERS, words | {"client_order_id": f"own{bot.uid}"})).json["order"]

    told = await okx_trader.ask("PATCH", f"{ORDERS}/{order['id']}", {"quantity": 3})
    assert told.status == 200 and told.json["order"]["size"] == "3", told.body
    told = await okx_trader.ask("DELETE", f"{ORDERS}/own{bot.uid}")
    assert told.status == 200 and told.json["order"]["status"] == "cancelled", told.body


async def test_orders_are_cancelled_in_many_and_all(okx_trader: Trader, bot: Bot) -> None:
    """The venue has no request for all: what is open is read, and cancelled in batches."""
    price = {SWAP: below(bot.paper), PAIR: below(bot.paper, PAIR)}
    words = {"side": "buy", "type": "limit"}
    orders = [
        {"symbol": symbol, "price": price[symbol], "quantity": "0.01", **words}
        for symbol in (SWAP, SWAP, PAIR, SWAP, PAIR)
    ]
    placed = await okx_trader.ask("POST", f"{ORDERS}/batch", {"orders": orders})
    ids = [row["order"]["id"] for row in placed.json["orders"]]

    many = await okx_trader.ask("DELETE", f"{ORDERS}/batch", {"order_ids": [ids[0], ids[2], "7"]})
    assert [row["outcome"] for row in many.json["orders"]] == ["accepted", "accepted", "rejected"], many.body
    told = await okx_trader.ask("DELETE", f"{ORDERS}?symbol={SWAP}")
    assert {row["id"] for row in told.json["orders"]} == {ids[1], ids[3]}, told.body
    told = await okx_trader.ask("DELETE", ORDERS)
    assert {(row["id"], row["outcome"]) for row in told.json["orders"]} == {(ids[4], "accepted")}, told.body
    assert [row for row in bot.own("orders") if row["status"] == "open"] == []


async def test_a_trigger_is_placed_amended_listed_and_cancelled(okx_trader: Trader, bot: Bot) -> None:
    assert (await bot.place(market_type="market")).status == 200
    words = {"symbol": SWAP, "side": "sell", "stop_price": below(bot.paper), "reduce_only": True, "type": "stop"}
    placed = await okx_trader.ask("POST", TRIGGERS, words)
    assert placed.status == 200, placed.body
    trigger_id = placed.json["trigger"]["id"]
    (row,) = (row for row in bot.own("triggers") if row["status"] == "open")
    assert row["id"] == trigger_id

    changed = await okx_trader.ask("PATCH", f"{TRIGGERS}/{trigger_id}", {"stop_price": "55000"})
    assert changed.status == 200 and changed.json["trigger"]["price"] == "55000", changed.body
    listed = await okx_trader.ask("GET", f"{TRIGGERS}?fresh=1&status=open")
    assert [row["id"] for row in listed.json["triggers"]] == [trigger_id]
    gone = await okx_trader.ask("DELETE", f"{TRIGGERS}?symbol={SWAP}")
    assert [(row["id"], row["outcome"]) for row in gone.json["triggers"]] == [(trigger_id, "accepted")], gone.body


async def test_long_and_short_are_held_side_by_side(okx_trader: Trader, bot: Bot) -> None:
    """In hedge mode each order names the side of its position, and each side has its own leverage."""
    mode = await okx_trader.ask("PUT", "/api/trading/position-mode", {"position_mode": "hedge"})
    assert mode.status == 200, mode.body
    for position_type, leverage in (("long", 5), ("short", 8)):
        told = await bot.place(market_type="market", position_type=position_type, leverage=leverage)
        assert told.status == 200, told.body
    shown = await okx_trader.ask("GET", "/api/trading/positions?fresh=1")
    assert {(row["side"], row["leverage"], row["mode"]) for row in shown.json["positions"]} == {
        ("long", "5", "hedge"), ("short", "8", "hedge"),
    }  # fmt: skip

    short = next(row["id"] for row in shown.json["positions"] if row["side"] == "short")
    told = await okx_trader.ask("POST", f"/api/trading/positions/{short}/close", {})
    assert told.status == 200, told.body
    shown = await okx_trader.ask("GET", "/api/trading/positions?fresh=1")
    assert [row["side"] for row in shown.json["positions"]] == ["long"]


async def test_leverage_is_of_each_margin_mode(okx_trader: Trader) -> None:
    path = "/api/trading/leverage"
    for margin_mode, leverage in (("cross", "4"), ("isolated", "9")):
        told = await okx_trader.ask("PUT", path, {"symbol": SWAP, "leverage": leverage, "margin_mode": margin_mode})
        assert told.status == 200, told.body
    for margin_mode, leverage in (("cross", "4"), ("isolated", "9")):
        told = await okx_trader.ask("GET", f"{path}?symbol={SWAP}&margin_mode={margin_mode}")
        assert (told.json["leverage"], told.json["margin_mode"]) == (leverage, margin_mode)


# The market, for everybody.


@pytest.mark.parametrize(
    ("said", "symbol", "instrument"),
    [
        (SWAP, SWAP, "BTC/USDT:USDT"),
        ("BTC/USDT:USDT", SWAP, "BTC/USDT:USDT"),
        (PAIR, PAIR, "BTC/USDT"),
        ("BTC/USDT", PAIR, "BTC/USDT"),
    ],
)
async def test_a_market_is_read_by_any_of_its_names(api: Api, said: str, symbol: str, instrument: str) -> None:
    for what in ("ticker", "orderbook", "klines", "trades"):
        told = await api.ask("GET", f"/api/market/{what}/{said}?venue=okx", headers={})
        assert told.status == 200, told.body
        assert (told.json["symbol"], told.json["instrument"]) == (symbol, instrument)


async def test_pairs_perpetuals_and_dated_contracts_are_listed_together(api: Api) -> None:
    async def listed() -> Told | None:
        told = await api.ask("GET", "/api/market/instruments?venue=okx", headers={})
        return told if told.status == 200 else None

    told = await until(listed, "the instruments are listed")
    assert {row["type"] for row in told.json["instruments"]} == {"spot", "swap", "future"}


# Over the socket.


async def test_orders_go_over_the_socket_once_the_terms_are_known(
    api_redis: RedisProcess, api_paper: PaperProcess, bot: Bot
) -> None:
    """The socket names instruments by numbers that come with the terms, and answers a login without its id."""
    async with running_api(api_redis.url, PAPER_PORT=str(api_paper.port), ORDER_ENTRY="socket") as api:
        other = Bot(api, api_paper, bot.user_id, bot.uid, bot.keys)
        assert (await other.place()).status == 200
        calls = api.gateway.desk.calls
        assert calls is not None

        async def is_ready() -> bool:
            if "ready" in repr(calls) and "not ready" not in repr(calls):
                return True
            assert (await other.place()).status == 200
            return False

        await until(is_ready, "the connection stands", 30)
        frames = [connection._socket.frames for connection in calls._connections.values() if connection._socket]
        told = await other.place()
        gone = await other.cancel(trade_id=told.data["order"]["id"])

        after = [connection._socket.frames for connection in calls._connections.values() if connection._socket]
        assert told.status == gone.status == 200, (told.body, gone.body)
        assert gone.data["trade_id"]["order"]["status"] == "cancelled"
        assert sum(after) - sum(frames) == 2
