"""Errors become a status and JSON of one shape, in one middleware; every answer carries its request's id.

Nothing of the inside leaves: what nobody expected is logged with the request's id and told as "internal".
"""

from __future__ import annotations

import asyncio
import logging
import re
from http import HTTPStatus
from math import ceil
from time import perf_counter
from typing import Any
from uuid import uuid4

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler
from aiohttp.web_protocol import RequestHandler

from api.auth import AUTH
from api.gateway import GATEWAY
from shared.errors import GatewayError, StoreUnavailable, VenueError

REQUEST_ID = web.RequestKey("request_id", str)
SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
CLOSED = ("/api/", "/sse/", "/gate/", "/okx/")
"""Where somebody without credentials is not even told what exists."""
HTTP_CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    417: "expectation_failed",
}
HTTP_WORDS = {
    404: "there is nothing at this address",
    413: "the body is too large",
    417: "of all expectations, only 100-continue is understood here",
}

log = logging.getLogger("api")


class NoSuchRoute(GatewayError):
    """An address or a method that nothing answers to."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    def to_body(self) -> dict[str, Any]:
        body = super().to_body()
        body["error"]["code"] = HTTP_CODES.get(self.status, "bad_request")
        return body


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    request[REQUEST_ID] = to_request_id(request)
    started_s = perf_counter()
    try:
        response = await handler(request)
    except GatewayError as error:
        response = to_response(error, request)
        if error.status == HTTPStatus.REQUEST_TIMEOUT:
            response.force_close()  # the rest of the body may still come, and would be taken for a request
    except web.HTTPException as error:
        response = error if error.status < 400 else await _from_http(request, error)
    except (ConnectionError, asyncio.CancelledError):
        raise
    except Exception:
        log.exception("%s %s failed (request %s)", request.method, request.path, request[REQUEST_ID])
        response = internal()
    _tell(request, response, perf_counter() - started_s)
    return response


def to_request_id(request: web.BaseRequest) -> str:
    """The caller's own when it is a plain one, else a new one."""
    said = request.headers.get("X-Request-Id", "")
    return said if SANE_REQUEST_ID.fullmatch(said) else uuid4().hex[:20]


async def add_request_id(request: web.Request, response: web.StreamResponse) -> None:
    """A signal, so that streams carry it too."""
    said = request.get(REQUEST_ID)
    if said is not None:
        response.headers["X-Request-Id"] = said


def to_response(error: GatewayError, request: web.Request | None = None) -> web.Response:
    if request is not None and isinstance(error, VenueError):
        count_venue_error(request, error.venue, error.venue_code)
    if request is not None and isinstance(error, StoreUnavailable):
        metrics = request.app[GATEWAY].metrics
        metrics.count("orderwire_redis_errors_total", "Requests refused because Redis was away.")
    return json_response(error.to_body(), error.status, error.retry_after_s)


def count_venue_error(request: web.Request, venue: str, code: str) -> None:
    metrics = request.app[GATEWAY].metrics
    metrics.count("orderwire_venue_errors_total", "Refusals and lost answers of venues.", venue=venue, code=code[:60])


def json_response(body: Any, status: int = 200, retry_after_s: float | None = None) -> web.Response:
    return raw_response(msgspec.json.encode(body), status, retry_after_s)


def raw_response(body: bytes, status: int = 200, retry_after_s: float | None = None) -> web.Response:
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    if retry_after_s is not None:
        headers["Retry-After"] = str(max(1, ceil(retry_after_s)))
    return web.Response(body=body, status=status, headers=headers)


def internal() -> web.Response:
    return to_response(GatewayError("something went wrong here; the request id names it in the log"))


async def _from_http(request: web.Request, error: web.HTTPException) -> web.Response:
    """aiohttp's own refusals. Under a closed path, who asks is checked before what is asked."""
    if error.status in (404, 405) and request.path.startswith(CLOSED):
        try:
            await request.app[AUTH].caller(request)
        except GatewayError as closed:
            return to_response(closed, request)
    response = _to_shape(error, request.method)
    if "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response


def _to_shape(error: web.HTTPException, method: str) -> web.Response:
    words = {**HTTP_WORDS, 405: f"{method} is not understood here"}
    return to_response(NoSuchRoute(error.status, words.get(error.status, HTTPStatus(error.status).phrase)))


def _tell(request: web.Request, response: web.StreamResponse, took_s: float) -> None:
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "unknown"
    # A stream is as long as its reader stays, which says nothing of how fast we answer.
    is_stream = response.content_type == "text/event-stream"
    request.app[GATEWAY].metrics.request(request.method, route, response.status, None if is_stream else took_s)
    if response.status >= 400:
        level = logging.WARNING if response.status >= 500 and route != "/readyz" else logging.INFO
        log.log(level, "%s %s %d (request %s)", request.method, route, response.status, request[REQUEST_ID])


class ProblemHandler(RequestHandler):
    """The connection. What is not HTTP at all is refused in our shape as well, and is not worth a stack trace."""

    __slots__ = ()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """What the library refuses before our middleware is asked, as an expectation, has our shape as well."""
        if isinstance(resp, web.HTTPException) and resp.status >= 400:
            resp = _to_shape(resp, request.method)
            resp.headers["X-Request-Id"] = to_request_id(request)
            resp.force_close()
        return await super().finish_response(request, resp, start_time)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if request.writer is not None and request.writer.output_size > 0:
            raise ConnectionError("the answer had begun when it failed")
        if isinstance(exc, ConnectionError) and (request.transport is None or request.transport.is_closing()):
            log.debug("a caller hung up: %s", exc)
            raise exc
        if status >= 500:
            log.error("a request failed outside of its handler", exc_info=exc)
            response = internal()
        else:
            response = to_response(NoSuchRoute(status, "this is not a well-formed HTTP request"))
        response.headers["X-Request-Id"] = to_request_id(request)
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """A body that cannot be read was told to its caller already, and the library meets it again afterwards."""
        if isinstance(kw.get("exc_info"), web.RequestPayloadError):
            self.log_debug(*args)
        else:
            super().log_exception(*args, **kw)


class ProblemServer(web.Server):
    """Makes connections of our kind."""

    def __call__(self) -> RequestHandler:
        return ProblemHandler(self, loop=self._loop, **self._kwargs)
