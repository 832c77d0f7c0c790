"""Operations: a row for every route, as the document tells it. A test compares them with the application's."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import BaseModel

from api import queries
from api import requests as words
from api import requests_trading as trading
from api import requests_users as users
from api.routes.streams import EVENTS_LIMIT, EVENTS_LIMIT_MAX
from shared.model import CHANNELS, Balance, Fill, Gap, Order, OutcomeEvent, Position, Session, Trigger

PUBLIC: list[dict[str, list[str]]] = []
KEYS: list[dict[str, list[str]]] = [{"venueKey": [], "venueSecret": []}]
BEARER: list[dict[str, list[str]]] = [{"bearer": []}]
ANYBODY_KNOWN = [*BEARER, *KEYS]
RECORDS = (Order, Fill, Position, Balance, Trigger, Session, Gap, OutcomeEvent)
MODELS: tuple[type[BaseModel], ...] = (
    words.PlaceFuturesOrder,
    words.CloseFuturesOrder,
    words.CancelFuturesOrder,
    words.GetFuturesOrder,
    words.TicketWish,
    users.NewUser,
    users.UserLogin,
    users.Refresh,
    users.NewKey,
    queries.MarketQuery,
    queries.BookQuery,
    queries.CandlesQuery,
    queries.TradesQuery,
    trading.NewOrder,
    trading.NewOrders,
    trading.NewTrigger,
    trading.Changed,
    trading.OrderIds,
    trading.ClosePosition,
    trading.PositionMode,
    trading.NewLeverage,
    queries.AccountQuery,
    queries.ShownQuery,
    queries.FreshQuery,
    queries.ListQuery,
    queries.FillsQuery,
    queries.CancelAllQuery,
    queries.SymbolQuery,
    queries.LeverageQuery,
)
ORDER = {"$ref": "#/components/schemas/Order"}
TRIGGER = {"$ref": "#/components/schemas/Trigger"}
ANY: dict[str, Any] = {}


class Operation(NamedTuple):
    """One route. `query` and `body` are the models that check it; `data` is what the answer holds."""

    method: str
    path: str
    tag: str
    summary: str
    security: list[dict[str, list[str]]]
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    answer: dict[str, Any] | None = None
    media_type: str = "application/json"
    more: tuple[dict[str, Any], ...] = ()
    """Parameters that no model checks."""
    is_command: bool = False
    """Its outcome may not be known yet when it is answered."""
    is_once: bool = False
    """An Idempotency-Key makes it safe to send again."""
    examples: dict[str, Any] | None = None
    """Bodies by what they are for."""


def object_of(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def list_of(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def rows_of(name: str, record: str) -> dict[str, Any]:
    rows = list_of({"$ref": f"#/components/schemas/{record}"})
    return object_of(
        **{name: rows}, source={"type": "string", "enum": ["record", "venue"]}, next_offset={"type": "integer"}
    )


def told_of(**data: dict[str, Any]) -> dict[str, Any]:
    return object_of(message={"type": "string", "enum": ["ok", "unknown"]}, data=object_of(**data))


TEXT = {"type": "string"}
STREAM = object_of(url=TEXT, ticket=TEXT)
PLACED = told_of(resPlaceOrder=ANY, take_profit=ANY, stop_loss=ANY, order=ORDER, intent=ANY, stream=STREAM)
CLOSED = told_of(resCloseOrder=ANY, order=ORDER, triggers={"type": "array", "items": ANY}, intent=ANY)
OUTCOME = {"type": "string", "enum": ["accepted", "rejected", "unknown"]}
MADE = object_of(outcome=OUTCOME, order=ORDER, take_profit=ANY, stop_loss=ANY, intent=ANY)
WAITS = object_of(outcome=OUTCOME, order=ORDER, trigger=TRIGGER, intent=ANY)
EACH_PLACED = object_of(
    orders=list_of(object_of(index={"type": "integer"}, outcome=OUTCOME, order=ORDER, error=ANY, intent=ANY))
)
EACH_ENDED = object_of(
    orders=list_of(object_of(id=TEXT, outcome=OUTCOME, order=ORDER, trigger=TRIGGER, venue=ANY, reason=TEXT))
)
LEVERAGE = object_of(symbol=TEXT, leverage=TEXT, margin_mode=TEXT)
NUMBER = {"type": "integer"}
GRANTED = object_of(access_token=TEXT, refresh_token=TEXT, token_type=TEXT, expires_in=NUMBER)
KEY = object_of(
    id=TEXT, label=TEXT, scopes=list_of(TEXT), ips=list_of(TEXT), created_at_ms=NUMBER, expires_at_ms=NUMBER,
    last_used=object_of(at_ms=NUMBER, address=TEXT),
)  # fmt: skip
ME = object_of(
    id=TEXT, username=TEXT, created_at_ms=NUMBER, scopes=list_of(TEXT), admin={"type": "boolean"},
    paper_account=object_of(account_id=TEXT, state={"type": "string", "enum": ["making", "ready"]}, reason=TEXT),
)  # fmt: skip
SSE = "text/event-stream"


def _parameter(name: str, where: str, description: str, **schema: Any) -> dict[str, Any]:
    return {
        "name": name,
        "in": where,
        "required": False,
        "description": description,
        "schema": {"type": "string", **schema},
    }


CURSOR = {"pattern": "^[0-9]+-[0-9]+$", "examples": ["1763650000000-4"]}
FOLLOWED = (
    _parameter("channels", "query", f"Some of {', '.join(CHANNELS)}, with commas between", examples=["orders,fills"]),
    _parameter("last_event_id", "query", "Resume after this event", **CURSOR),
    _parameter("ticket", "query", "Instead of other credentials; opens once"),
    _parameter("Last-Event-ID", "header", "Resume after this event; wins over last_event_id", **CURSOR),
)
PAGED = (
    _parameter("after", "query", "The cursor to go on from; without it, the oldest event kept", **CURSOR),
    _parameter(
        "limit", "query", "How many events at most", type="integer", minimum=1, maximum=EVENTS_LIMIT_MAX,
        default=EVENTS_LIMIT,
    ),
    _parameter("user_id", "query", "Whose events; the caller's own when left out", examples=["alice"]),
)  # fmt: skip

ORDER_EXAMPLES: dict[str, dict[str, Any]] = {
    "limit": {"symbol": "BTC_USDT", "side": "buy", "type": "limit", "quantity": 1, "price": "60000"},
    "market, in coins": {"symbol": "BTC/USDT:USDT", "side": "sell", "type": "market", "quantity": "0.01", "quantity_unit": "base"},
    "protected": {"symbol": "BTC_USDT", "side": "buy", "type": "limit", "quantity": 1, "price": "60000", "leverage": 10,
                  "margin_mode": "isolated", "take_profit": "66000", "stop_loss": {"price": "57000", "price_type": "mark"}},
    "stop": {"symbol": "BTC_USDT", "side": "sell", "type": "stop", "quantity": 1, "stop_price": "55000", "reduce_only": True},
    "rehearsed": {"symbol": "BTC_USDT", "side": "buy", "type": "market", "quantity": 1, "dry_run": True},
}  # fmt: skip
BATCH_EXAMPLES: dict[str, Any] = {"two": {"orders": [ORDER_EXAMPLES["limit"], ORDER_EXAMPLES["protected"]]}}
TRIGGER_EXAMPLES: dict[str, Any] = {
    "close all below": {
        "symbol": "BTC_USDT",
        "side": "sell",
        "stop_price": "55000",
        "rule": "at_or_below",
        "reduce_only": True,
    },
    "open above": {
        "symbol": "BTC_USDT",
        "side": "buy",
        "type": "stop_limit",
        "stop_price": "70000",
        "price": "70100",
        "quantity": 1,
    },
}

# ruff: noqa: E501 - a table reads best with a row on a line
OPERATIONS = (
    Operation("post", "/{venue}/place-futures-order", "Orders", "Place an order", KEYS, body=words.PlaceFuturesOrder, answer=PLACED, is_command=True, is_once=True),
    Operation("post", "/{venue}/close-futures-order", "Orders", "Close a position and clear its triggers", KEYS, body=words.CloseFuturesOrder, answer=CLOSED, is_command=True, is_once=True),
    Operation("delete", "/{venue}/cancel-futures-order", "Orders", "Cancel an order and, when named, its guards", KEYS, query=words.CancelFuturesOrder, answer=told_of(trade_id=ANY, tp_id=ANY, sl_id=ANY), is_command=True),
    Operation("get", "/{venue}/get-futures-order", "Orders", "One order", KEYS, query=words.GetFuturesOrder, answer=told_of(order=ORDER)),
    Operation("get", "/sse/orders/{user_id}", "Streams", "Follow a user's orders as Server-Sent Events", ANYBODY_KNOWN, media_type=SSE, more=FOLLOWED),
    Operation("get", "/sse/sse/orders/{user_id}", "Streams", "The same, at its old address", ANYBODY_KNOWN, media_type=SSE, more=FOLLOWED),
    Operation("get", "/api/v1/events", "Streams", "The same facts as plain JSON", ANYBODY_KNOWN, more=PAGED),
    Operation("post", "/api/auth/ticket", "Streams", "A ticket that opens a stream once, for 30 s", ANYBODY_KNOWN, body=words.TicketWish, answer=object_of(ticket=TEXT, expires_in={"type": "integer"}, url=TEXT)),
    Operation("post", "/api/auth/register", "Users", "Make a user; on paper an account follows by itself", PUBLIC, body=users.NewUser, answer=object_of(id=TEXT, username=TEXT, **GRANTED["properties"])),
    Operation("post", "/api/auth/login", "Users", "Log in", PUBLIC, body=users.UserLogin, answer=GRANTED),
    Operation("post", "/api/auth/refresh", "Users", "Stay logged in; each refresh token works once", PUBLIC, body=users.Refresh, answer=GRANTED),
    Operation("post", "/api/auth/logout", "Users", "End this login, its tokens and its streams", BEARER),
    Operation("get", "/api/auth/me", "Users", "Who asks, and how their paper account is going", ANYBODY_KNOWN, answer=ME),
    Operation("get", "/api/auth/keys", "Users", "Gateway keys of the user", BEARER, answer=object_of(keys=list_of(KEY))),
    Operation("post", "/api/auth/keys", "Users", "Make a gateway key, which is shown once", BEARER, body=users.NewKey, answer=object_of(key=TEXT, **KEY["properties"]), examples={"a bot that trades": {"label": "bot", "scopes": ["orders:write", "orders:read", "stream:read"]}, "only from one address": {"scopes": ["stream:read"], "ips": ["203.0.113.7"]}}),
    Operation("delete", "/api/auth/keys/{id}", "Users", "Revoke a gateway key; what it opened ends within a second", BEARER),
    Operation("get", "/api/v1/sessions", "Sessions", "How the connections to the caller's accounts are going", ANYBODY_KNOWN, answer=object_of(sessions={"type": "array", "items": {"$ref": "#/components/schemas/Session"}})),
    Operation("post", "/api/trading/orders", "Trading", "Place an order", ANYBODY_KNOWN, body=trading.NewOrder, answer=MADE, is_command=True, is_once=True, examples=ORDER_EXAMPLES),
    Operation("get", "/api/trading/orders", "Trading", "Orders, newest first", ANYBODY_KNOWN, query=queries.ListQuery, answer=rows_of("orders", "Order")),
    Operation("delete", "/api/trading/orders", "Trading", "Cancel all open orders, or those of a symbol or side", ANYBODY_KNOWN, query=queries.CancelAllQuery, answer=EACH_ENDED, is_command=True),
    Operation("post", "/api/trading/orders/batch", "Trading", "Place many orders, each with its own outcome", ANYBODY_KNOWN, body=trading.NewOrders, answer=EACH_PLACED, is_command=True, is_once=True, examples=BATCH_EXAMPLES),
    Operation("delete", "/api/trading/orders/batch", "Trading", "Cancel many orders, each with its own outcome", ANYBODY_KNOWN, body=trading.OrderIds, answer=EACH_ENDED, is_command=True, examples={"two": {"order_ids": ["58828270140012048", "my-order-1"]}}),
    Operation("get", "/api/trading/orders/{id}", "Trading", "One order, by the venue's id or the client order id", ANYBODY_KNOWN, query=queries.ShownQuery, answer=object_of(order=ORDER, trigger=TRIGGER)),
    Operation("patch", "/api/trading/orders/{id}", "Trading", "Change an open order", ANYBODY_KNOWN, body=trading.Changed, answer=MADE, is_command=True, is_once=True, examples={"another price": {"price": "59000"}, "another size": {"quantity": 3}}),
    Operation("delete", "/api/trading/orders/{id}", "Trading", "Cancel an order", ANYBODY_KNOWN, query=queries.AccountQuery, answer=MADE, is_command=True),
    Operation("get", "/api/trading/positions", "Trading", "Open positions", ANYBODY_KNOWN, query=queries.FreshQuery, answer=rows_of("positions", "Position")),
    Operation("post", "/api/trading/positions/{id}/close", "Trading", "Close a position and clear its triggers", ANYBODY_KNOWN, body=trading.ClosePosition, answer=object_of(outcome=OUTCOME, order=ORDER, triggers=ANY, intent=ANY), is_command=True, is_once=True, examples={"all of it": {}}),
    Operation("get", "/api/trading/fills", "Trading", "Fills, newest first", ANYBODY_KNOWN, query=queries.FillsQuery, answer=rows_of("fills", "Fill")),
    Operation("get", "/api/trading/balances", "Trading", "Balances, by wallet", ANYBODY_KNOWN, query=queries.ShownQuery, answer=object_of(balances=list_of({"$ref": "#/components/schemas/Balance"}), unread=list_of(object_of(wallet=TEXT, code=TEXT, message=TEXT)))),
    Operation("get", "/api/trading/triggers", "Trading", "Triggers, newest first", ANYBODY_KNOWN, query=queries.ListQuery, answer=rows_of("triggers", "Trigger")),
    Operation("post", "/api/trading/triggers", "Trading", "Place an order that waits for a price", ANYBODY_KNOWN, body=trading.NewTrigger, answer=WAITS, is_command=True, is_once=True, examples=TRIGGER_EXAMPLES),
    Operation("delete", "/api/trading/triggers", "Trading", "Cancel all triggers, or those of a symbol", ANYBODY_KNOWN, query=queries.SymbolQuery, answer=object_of(triggers=EACH_ENDED["properties"]["orders"]), is_command=True),
    Operation("get", "/api/trading/triggers/{id}", "Trading", "One trigger", ANYBODY_KNOWN, query=queries.ShownQuery, answer=object_of(trigger=TRIGGER)),
    Operation("patch", "/api/trading/triggers/{id}", "Trading", "Change a waiting trigger", ANYBODY_KNOWN, body=trading.Changed, answer=object_of(outcome=OUTCOME, order=ORDER, trigger=TRIGGER, replaced=ANY, intent=ANY), is_command=True, is_once=True, examples={"another price": {"stop_price": "55000"}}),
    Operation("delete", "/api/trading/triggers/{id}", "Trading", "Cancel a trigger", ANYBODY_KNOWN, query=queries.AccountQuery, answer=WAITS, is_command=True),
    Operation("get", "/api/trading/position-mode", "Trading", "Whether both sides of an instrument are held", ANYBODY_KNOWN, query=queries.AccountQuery, answer=object_of(position_mode=TEXT)),
    Operation("put", "/api/trading/position-mode", "Trading", "Set it where it is otherwise", ANYBODY_KNOWN, body=trading.PositionMode, answer=object_of(outcome=OUTCOME, position_mode=TEXT, changed={"type": "boolean"}), is_command=True, examples={"both sides": {"position_mode": "hedge"}}),
    Operation("get", "/api/trading/leverage", "Trading", "Leverage and margin mode of a symbol", ANYBODY_KNOWN, query=queries.LeverageQuery, answer=LEVERAGE),
    Operation("put", "/api/trading/leverage", "Trading", "Set them where they are otherwise", ANYBODY_KNOWN, body=trading.NewLeverage, answer=LEVERAGE, examples={"isolated": {"symbol": "BTC_USDT", "leverage": 10, "margin_mode": "isolated"}}),
    Operation("get", "/api/trading/health", "Trading", "Whether orders are taken here now", PUBLIC, answer=object_of(status=TEXT, trading_env=TEXT, redis=TEXT, workers={"type": "integer"}, venues=list_of(TEXT))),
    Operation("get", "/api/market/klines/{symbol}", "Market", "Candles, oldest first", PUBLIC, query=queries.CandlesQuery, answer=object_of(symbol=TEXT, instrument=TEXT, interval=TEXT, klines=ANY)),
    Operation("get", "/api/market/trades/{symbol}", "Market", "The last trades, newest first", PUBLIC, query=queries.TradesQuery, answer=object_of(symbol=TEXT, instrument=TEXT, trades=ANY)),
    Operation("get", "/api/market/ticker/{symbol}", "Market", "The last prices", PUBLIC, query=queries.MarketQuery, answer=object_of(symbol=TEXT, instrument=TEXT, last=TEXT, bid=TEXT, ask=TEXT)),
    Operation("get", "/api/market/orderbook/{symbol}", "Market", "The order book", PUBLIC, query=queries.BookQuery, answer=object_of(symbol=TEXT, instrument=TEXT, bids=ANY, asks=ANY)),
    Operation("get", "/api/market/instruments", "Market", "What can be traded", PUBLIC, query=queries.MarketQuery, answer=object_of(venue=TEXT, instruments=ANY)),
    Operation("get", "/healthz", "Ops", "Whether this process is there", PUBLIC),
    Operation("get", "/readyz", "Ops", "Whether Redis and a live worker are there", PUBLIC),
    Operation("get", "/metrics", "Ops", "Figures for Prometheus", PUBLIC, media_type="text/plain"),
    Operation("get", "/api/v1/workers", "Ops", "Who is at work (administrators)", BEARER),
    Operation("get", "/openapi.json", "Ops", "This document", PUBLIC),
    Operation("get", "/swagger-ui", "Ops", "This document, for people", PUBLIC, media_type="text/html"),
)  # fmt: skip
