"""Streams: a user's events as Server-Sent Events, and the same facts as plain JSON.

The answer begins as aiohttp's own, for headers, auth and errors. From the first byte of the body on, ready chunks go
straight to the transport (`api.fanout.Reader`), so nothing here may use the response's `write`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec
from aiohttp import HttpVersion11, web

from api.auth import StreamReader, stream_reader
from api.fanout import FANOUT, Feed, Reader, read_on
from api.keys import STORE
from shared.errors import BadRequest, GatewayError
from shared.model import CHANNELS, EVENT_KINDS
from shared.store.events import BEGINNING, Event, Snapshot, is_cursor

HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
}
RETRY = b"retry: 2000\n\n"
EVENTS_LIMIT = 100
EVENTS_LIMIT_MAX = 1000


class CursorGone(GatewayError):
    """The cursor cannot be resumed exactly. Take a snapshot and go on from its cursor."""

    code, status = "cursor_gone", 410

    def __init__(self, cursor: str) -> None:
        super().__init__(f"{cursor[:40]!r} is not a kept event of this user; begin again without `after`")
        self.fields = (("after", "cannot be resumed"),)


class Sse(NamedTuple):
    """Server-Sent Events of some kinds, in chunks of HTTP/1.1 or bare for older callers."""

    kinds: frozenset[str]
    chunked: bool

    def framed(self, data: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(data), data) if self.chunked else data

    def heartbeat(self) -> bytes:
        return self.framed(b": heartbeat\n\n")

    def events(self, events: Sequence[Event]) -> bytes:
        if len(events) == 1:  # as it nearly always is
            return self.framed(to_frame(events[0])) if events[0].kind in self.kinds else b""
        frames = [to_frame(event) for event in events if event.kind in self.kinds]
        return self.framed(b"".join(frames)) if frames else b""

    def snapshot(self, user_id: str, snapshot: Snapshot) -> bytes:
        """Lists that were not asked for are there, and empty."""
        wanted = {kind: records for kind, records in snapshot.records.items() if kind in self.kinds}
        data = Snapshot(snapshot.cursor, wanted).to_json(user_id)
        return self.framed(b"event: snapshot\nid: %b\ndata: %b\n\n" % (snapshot.cursor.encode(), data))

    def reset(self, reason: str) -> bytes:
        return self.framed(b'event: reset\ndata: {"reason":"%b"}\n\n' % reason.encode())

    def end(self) -> bytes:
        return b"0\r\n\r\n" if self.chunked else b""


@lru_cache(maxsize=256)
def to_form(kinds: frozenset[str], chunked: bool) -> Sse:
    """Equal forms are one object, however many readers have it."""
    return Sse(kinds, chunked)


def to_frame(event: Event) -> bytes:
    if event.kind == "order":  # unnamed, so that EventSource.onmessage gets it
        return b"id: %b\ndata: %b\n\n" % (event.id.encode(), event.data)
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (event.id.encode(), event.kind.encode(), event.data)


def to_kinds(channels: str | None) -> frozenset[str]:
    """The events of the channels asked for; all of them when none is named."""
    if not channels:
        return frozenset(EVENT_KINDS)
    names = [name.strip() for name in channels.split(",")]
    if unknown := [name for name in names if name not in CHANNELS]:
        known = ", ".join(CHANNELS)
        raise BadRequest("no such channel", (("channels", f"{unknown[0][:40]!r} is not one of: {known}"),))
    return frozenset().union(*(CHANNELS[name] for name in names))


async def follow(request: web.Request) -> web.StreamResponse:
    """GET /sse/orders/{user_id}: a snapshot or what follows the cursor, then everything as it happens."""
    caller = await stream_reader(request, request.match_info["user_id"])
    form = to_form(to_kinds(request.query.get("channels")), request.version >= HttpVersion11)
    fanout = request.app[FANOUT]
    feed = await fanout.follow(caller.user_id)
    proven, reader = feed.resets, None
    response = web.StreamResponse(headers=to_headers(caller))
    try:
        reader = await begin(request, response, feed, form)
        if caller.when_it_ends is not None:
            reader.gone.add_done_callback(_take_back(caller.when_it_ends(reader.end)))
        fanout.add(reader)
        await feed.catch_up(reader, proven)
        await reader.gone
    except ConnectionError:
        pass  # gone before it was live
    finally:
        fanout.unfollow(feed)
        if reader is not None:
            fanout.remove(reader)
    return response


async def begin(request: web.Request, response: web.StreamResponse, feed: Feed, form: Sse) -> Reader:
    """The first bytes. A function of its own, since a snapshot is large and `follow` lives as long as its reader."""
    cursor = request.headers.get("Last-Event-ID") or request.query.get("last_event_id") or None
    place, opening = await feed.open(form, cursor)  # while Redis can still be answered for with a 503
    await response.prepare(request)
    if request.transport is None:
        raise ConnectionResetError("the reader is gone")
    reader = Reader(request.transport, form, feed, place)
    reader.take(form.framed(RETRY) + opening)
    return reader


def _take_back(act: Callable[[], None]) -> Callable[[object], None]:
    return lambda _: act()


def to_headers(caller: StreamReader) -> dict[str, str]:
    return {**HEADERS, "Set-Cookie": caller.set_cookie} if caller.set_cookie else HEADERS


async def events(request: web.Request) -> web.Response:
    """GET /api/v1/events: what follows `after`, oldest first; without it, from the oldest event kept."""
    caller = await stream_reader(request, request.query.get("user_id", ""))
    limit, after = to_limit(request.query.get("limit")), request.query.get("after")
    kept = request.app[STORE].events
    if not after:
        page: list[Event] | None = await kept.after(caller.user_id, BEGINNING, limit)
    else:
        page = await read_on(kept, caller.user_id, after, limit) if is_cursor(after) else None
    if page is None:
        raise CursorGone(after or "")
    body = b'{"events":[%b],"cursor":%b}' % (
        b",".join([to_json(event) for event in page]),
        msgspec.json.encode(page[-1].id if page else after or BEGINNING),
    )
    response = web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-store"})
    if caller.set_cookie:
        response.headers["Set-Cookie"] = caller.set_cookie
    return response


def to_limit(said: str | None) -> int:
    if not said:
        return EVENTS_LIMIT
    if said.isascii() and said.isdigit() and len(said) <= 6 and 1 <= int(said) <= EVENTS_LIMIT_MAX:
        return int(said)
    raise BadRequest("no such limit", (("limit", f"must be a whole number from 1 to {EVENTS_LIMIT_MAX}"),))


def to_json(event: Event) -> bytes:
    return b'{"id":"%b","kind":"%b","data":%b}' % (event.id.encode(), event.kind.encode(), event.data)


async def end_streams(app: web.Application) -> None:
    """The process is about to stop: let the readers go to another one, instead of waiting for them."""
    if FANOUT in app:
        app[FANOUT].end()


def add_routes(app: web.Application) -> None:
    app.router.add_get("/sse/orders/{user_id}", follow, allow_head=False)
    app.router.add_get("/sse/sse/orders/{user_id}", follow, allow_head=False)
    app.router.add_get("/api/v1/events", events)
    app.on_shutdown.append(end_streams)
