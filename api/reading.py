"""Reading a request: bytes in, checked words out, and a line for each field that is wrong.

Numbers keep the digits they came with: JSON is parsed to `Decimal`, never through a float.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from shared.errors import BadRequest, GatewayError

BODY_MAX = 64 * 1024
BODY_WITHIN_S = 10.0
"""From the first word of a request to the last one of its body."""
DIGITS_MAX = 40
DEPTH_MAX = 16
FIELDS_SHOWN_MAX = 20
IDEMPOTENCY_KEY = re.compile(r"[\x20-\x7e]{1,64}")

Model = TypeVar("Model", bound=BaseModel)


class BodyTooLarge(GatewayError):
    """More than any request here needs."""

    code, status = "body_too_large", 413

    def __init__(self) -> None:
        super().__init__(f"the body is larger than {BODY_MAX // 1024} KiB")


class BodyTooSlow(GatewayError):
    """The body did not arrive; nothing was done, and the connection ends with this answer."""

    code, status, retryable = "body_too_slow", 408, True

    def __init__(self) -> None:
        super().__init__(f"the body did not arrive within {BODY_WITHIN_S:g} s")


class _Duplicate(ValueError):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


async def read_json(request: web.Request) -> dict[str, Any]:
    """The body as an object. An unsaid body is an empty one."""
    if (request.content_length or 0) > BODY_MAX:
        raise BodyTooLarge
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            body = await request.read()
    except TimeoutError:
        raise BodyTooSlow from None
    except web.HTTPRequestEntityTooLarge:
        raise BodyTooLarge from None
    except web.RequestPayloadError:
        if request.transport is None or request.transport.is_closing():
            raise ConnectionResetError("the caller hung up before the end of the body") from None
        raise BadRequest("the body is not what its headers say") from None
    return to_object(body) if body.strip() else {}


def to_object(body: bytes) -> dict[str, Any]:
    try:
        said = _DECODER.decode(body.decode())
    except _Duplicate as twice:
        name = shown(twice.name)
        raise BadRequest(f"{name} is given twice", ((name, "is given twice"),)) from None
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise BadRequest(f"the body is not valid JSON: {_why(error)}") from None
    if not isinstance(said, dict):
        raise BadRequest("the body must be a JSON object")
    if odd := _not_finite(said, body):
        raise BadRequest(f"{odd[0]} must be a finite number", tuple((name, "must be a finite number") for name in odd))
    return said


def _not_finite(said: dict[str, Any], body: bytes) -> list[str]:
    """The fields that hold `NaN` or an `Infinity`, which JSON does not have: nowhere is one of them ignored."""
    if b"NaN" not in body and b"Infinity" not in body:
        return []
    odd: list[str] = []
    waiting: list[tuple[str, Any]] = [("", said)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, Decimal) and not value.is_finite():
            odd.append(shown(place))
        elif isinstance(value, dict):
            waiting += [(f"{place}.{name}" if place else name, held) for name, held in reversed(value.items())]
        elif isinstance(value, list):
            waiting += [(f"{place}.{index}", held) for index, held in reversed(list(enumerate(value)))]
    return odd[:FIELDS_SHOWN_MAX]


def _why(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos}"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return shown(str(error))


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    said = dict(pairs)
    if len(said) != len(pairs):
        names = [name for name, _ in pairs]
        raise _Duplicate(next(name for name in names if names.count(name) > 1))
    return said


def _whole(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= 2 * DIGITS_MAX else Decimal(digits)


# `NaN` and `Infinity` are read so that the field which holds them can be named.
_DECODER = json.JSONDecoder(
    parse_float=Decimal, parse_int=_whole, parse_constant=Decimal, object_pairs_hook=_no_duplicates
)


def check(model: type[Model], said: Mapping[str, Any]) -> Model:
    """The words as the model wants them, or BadRequest with a line for each field."""
    try:
        return model.model_validate(said)
    except ValidationError as error:
        lines = tuple((_name(line["loc"]), _message(line)) for line in error.errors(include_url=False))
        raise refused(lines) from None


def refused(lines: tuple[tuple[str, str], ...]) -> BadRequest:
    """Fields, and what is wrong with each."""
    shown_lines = lines[:FIELDS_SHOWN_MAX]
    summary = "; ".join(f"{field} {message}" for field, message in shown_lines[:3])
    return BadRequest(summary, shown_lines, status=422)


def idempotency_key(request: web.Request) -> str | None:
    keys = request.headers.getall("Idempotency-Key", [])
    if len(keys) > 1:
        raise BadRequest("Idempotency-Key is given twice", (("Idempotency-Key", "is given twice"),))
    key = keys[0] if keys else None
    if key is not None and not IDEMPOTENCY_KEY.fullmatch(key):
        raise BadRequest(
            "Idempotency-Key must be 1 to 64 printable characters",
            (("Idempotency-Key", "must be 1 to 64 printable characters"),),
        )
    return key


def check_query(model: type[Model], request: web.Request) -> Model:
    query = request.query
    twice = next((name for name in query if len(query.getall(name)) > 1), None)
    if twice is not None:
        raise BadRequest(f"{shown(twice)} is given twice", ((shown(twice), "is given twice"),))
    return check(model, dict(query))


def _name(place: tuple[int | str, ...]) -> str:
    return shown(".".join(str(part) for part in place)) or "body"


def _message(line: Any) -> str:
    known = _MESSAGES.get(line["type"])
    if known is not None:
        return known.format(**line.get("ctx", {}))
    return str(line["msg"])


_MESSAGES = {
    "missing": "is required",
    "extra_forbidden": "is not known here",
    "string_type": "must be a text",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number",
    "int_from_float": "must be a whole number",
    "list_type": "must be a list",
    "too_short": "must have at least {min_length}",
    "too_long": "must have at most {max_length}",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
}


def shown(words: str) -> str:
    """Somebody else's words, fit to be told back: short, and nothing that an encoder stumbles over."""
    return words[:80].encode("ascii", "backslashreplace").decode()
