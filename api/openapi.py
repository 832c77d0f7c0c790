"""The document at /openapi.json, made from the models that check requests and the records that answer them.

`OPERATIONS` has a row for every route; a test compares them with the application's.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import msgspec
from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api import requests as words
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
    words.MarketQuery,
    words.BookQuery,
)
ORDER = {"$ref": "#/components/schemas/Order"}
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


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _told(**data: dict[str, Any]) -> dict[str, Any]:
    return _object(message={"type": "string", "enum": ["ok", "unknown"]}, data=_object(**data))


TEXT = {"type": "string"}
STREAM = _object(url=TEXT, ticket=TEXT)
PLACED = _told(resPlaceOrder=ANY, take_profit=ANY, stop_loss=ANY, order=ORDER, intent=ANY, stream=STREAM)
CLOSED = _told(resCloseOrder=ANY, order=ORDER, triggers={"type": "array", "items": ANY}, intent=ANY)
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

# ruff: noqa: E501 - a table reads best with a row on a line
OPERATIONS = (
    Operation("post", "/{venue}/place-futures-order", "Orders", "Place an order", KEYS, body=words.PlaceFuturesOrder, answer=PLACED),
    Operation("post", "/{venue}/close-futures-order", "Orders", "Close a position and clear its triggers", KEYS, body=words.CloseFuturesOrder, answer=CLOSED),
    Operation("delete", "/{venue}/cancel-futures-order", "Orders", "Cancel an order and, when named, its guards", KEYS, query=words.CancelFuturesOrder, answer=_told(trade_id=ANY, tp_id=ANY, sl_id=ANY)),
    Operation("get", "/{venue}/get-futures-order", "Orders", "One order", KEYS, query=words.GetFuturesOrder, answer=_told(order=ORDER)),
    Operation("get", "/sse/orders/{user_id}", "Streams", "Follow a user's orders as Server-Sent Events", ANYBODY_KNOWN, media_type=SSE, more=FOLLOWED),
    Operation("get", "/sse/sse/orders/{user_id}", "Streams", "The same, at its old address", ANYBODY_KNOWN, media_type=SSE, more=FOLLOWED),
    Operation("get", "/api/v1/events", "Streams", "The same facts as plain JSON", ANYBODY_KNOWN, more=PAGED),
    Operation("post", "/api/auth/ticket", "Streams", "A ticket that opens a stream once, for 30 s", ANYBODY_KNOWN, body=words.TicketWish, answer=_object(ticket=TEXT, expires_in={"type": "integer"}, url=TEXT)),
    Operation("get", "/api/v1/sessions", "Sessions", "How the connections to the caller's accounts are going", ANYBODY_KNOWN, answer=_object(sessions={"type": "array", "items": {"$ref": "#/components/schemas/Session"}})),
    Operation("get", "/api/market/ticker/{symbol}", "Market", "The last prices", PUBLIC, query=words.MarketQuery, answer=_object(symbol=TEXT, instrument=TEXT, last=TEXT, bid=TEXT, ask=TEXT)),
    Operation("get", "/api/market/orderbook/{symbol}", "Market", "The order book", PUBLIC, query=words.BookQuery, answer=_object(symbol=TEXT, instrument=TEXT, bids=ANY, asks=ANY)),
    Operation("get", "/api/market/instruments", "Market", "What can be traded", PUBLIC, query=words.MarketQuery, answer=_object(venue=TEXT, instruments=ANY)),
    Operation("get", "/healthz", "Ops", "Whether this process is there", PUBLIC),
    Operation("get", "/readyz", "Ops", "Whether Redis and a live worker are there", PUBLIC),
    Operation("get", "/metrics", "Ops", "Figures for Prometheus", PUBLIC, media_type="text/plain"),
    Operation("get", "/api/v1/workers", "Ops", "Who is at work (administrators)", BEARER),
    Operation("get", "/openapi.json", "Ops", "This document", PUBLIC),
    Operation("get", "/swagger-ui", "Ops", "This document, for people", PUBLIC, media_type="text/html"),
)  # fmt: skip

ERROR = _object(
    error=_object(
        code=TEXT,
        message=TEXT,
        retryable={"type": "boolean"},
        fields={"type": "array", "items": _object(field=TEXT, message=TEXT)},
        venue={"anyOf": [_object(code=TEXT, message=TEXT), {"type": "null"}]},
    )
)


def add_routes(app: web.Application) -> None:
    app.router.add_get("/openapi.json", openapi)


async def openapi(request: web.Request) -> web.Response:
    return web.Response(body=_encoded(), content_type="application/json")


@cache
def _encoded() -> bytes:
    return msgspec.json.encode(document())


def document() -> dict[str, Any]:
    _, asked = models_json_schema(
        [(model, "validation") for model in MODELS], ref_template="#/components/schemas/{model}"
    )
    _, records = msgspec.json.schema_components(RECORDS, ref_template="#/components/schemas/{name}")
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _to_operation(operation, asked["$defs"])
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Orderwire",
            "version": "0.1.0",
            "description": "A self-hosted order gateway: place an order, follow what becomes of it.",
        },
        "paths": paths,
        "components": {
            "schemas": {**asked["$defs"], **records, "Error": ERROR},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "venueKey": {"type": "apiKey", "in": "header", "name": "api-key"},
                "venueSecret": {"type": "apiKey", "in": "header", "name": "api-secret"},
            },
        },
    }


def _to_operation(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    media = {operation.media_type: {"schema": operation.answer or ANY}}
    said: dict[str, Any] = {
        "tags": [operation.tag],
        "summary": operation.summary,
        "operationId": f"{operation.method}{operation.path}".replace("/", "_").replace("{", "").replace("}", ""),
        "security": operation.security,
        "parameters": _parameters(operation, schemas),
        "responses": {
            "200": {"description": "Done", "content": media},
            "default": {
                "description": "Refused",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            },
        },
    }
    if operation.method in ("post", "delete") and operation.path.startswith("/{venue}/"):
        said["responses"]["202"] = {"description": "The outcome is not known yet; it is streamed", "content": media}
    if operation.body is not None:
        schema = {"$ref": f"#/components/schemas/{operation.body.__name__}"}
        said["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return said


def _parameters(operation: Operation, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "examples": [EXAMPLES[name]]}}
        for name in names
    ]
    if operation.query is not None:
        schema = schemas[operation.query.__name__]
        required = schema.get("required", [])
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": field}
            for name, field in schema["properties"].items()
        ]
    if operation.method == "post" and operation.path.startswith("/{venue}/"):
        field = {"type": "string", "minLength": 1, "maxLength": 64}
        parameters.append({"name": "Idempotency-Key", "in": "header", "required": False, "schema": field})
    return [*parameters, *operation.more]


EXAMPLES = {"venue": "gate", "user_id": "alice", "symbol": "BTC_USDT"}
