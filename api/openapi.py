"""The document at /openapi.json, made from the models that check requests and the records that answer them."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from aiohttp import web
from pydantic.json_schema import models_json_schema

from api.operations import ANY, MODELS, OPERATIONS, RECORDS, TEXT, Operation, object_of

ERROR = object_of(
    error=object_of(
        code=TEXT,
        message=TEXT,
        retryable={"type": "boolean"},
        fields={"type": "array", "items": object_of(field=TEXT, message=TEXT)},
        venue={"anyOf": [object_of(code=TEXT, message=TEXT), {"type": "null"}]},
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
    if operation.is_command:
        said["responses"]["202"] = {"description": "The outcome is not known yet; it is streamed", "content": media}
    if operation.body is not None:
        schema = {"$ref": f"#/components/schemas/{operation.body.__name__}"}
        content: dict[str, Any] = {"schema": schema}
        if operation.examples is not None:
            content["examples"] = {name: {"value": value} for name, value in operation.examples.items()}
        said["requestBody"] = {"required": True, "content": {"application/json": content}}
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
    if operation.is_once:
        field = {"type": "string", "minLength": 1, "maxLength": 64}
        parameters.append({"name": "Idempotency-Key", "in": "header", "required": False, "schema": field})
    return [*parameters, *operation.more]


EXAMPLES = {"venue": "gate", "user_id": "alice", "symbol": "BTC_USDT", "id": "58828270140012048"}
