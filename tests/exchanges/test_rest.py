"""The one signed request, against real servers on loopback and a venue of a few lines that is nobody's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket as sockets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import pytest
from aiohttp import web

from shared.clock import Clock
from shared.errors import KeyRefused, VenueBusy, VenueError, VenueRefused, VenueUnknown
from shared.exchanges import rest as rest_module
from shared.exchanges.base import Ask, Budget, Lane, Left, Reply, Request, Signed, Venue
from shared.exchanges.rest import Budgets, Rest, pass_on
from shared.model import Credentials, Fact
from shared.settings import Settings
from shared.store import Store

KEYS = Credentials("the-key", "the-secret")
READ = Request("GET", "/thing")
WRITE = Request("POST", "/thing", body=b'{"a":1}', writes=True)
CANCEL = Request("DELETE", "/thing", writes=True)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PlainVenue:
    """Signs with the time and nothing else; refuses in JSON with a `word`; allows 20 of a kind in a minute."""

    name = "plain"
    allows = 20

    def sign(self, request: Request, credentials: Credentials | None, at_s: float) -> Signed:
        headers = {"At": f"{at_s:.3f}", "Secret": credentials.api_secret if credentials else "none"}
        if request.expires_at_ms is not None:
            headers["Expires-At"] = str(request.expires_at_ms)
        return Signed(request.path, headers, request.body)

    def clock(self) -> Request:
        return Request("GET", "/time", private=False)

    def to_clock_ms(self, reply: Reply) -> int:
        return int(reply.body)

    def is_clock_error(self, error: VenueError) -> bool:
        return error.venue_code == "EXPIRED"

    def refusal(self, request: Request, reply: Reply) -> VenueError | None:
        if reply.status < 400:
            return None
        try:
            word = json.loads(reply.body)["word"]
        except ValueError:
            return VenueUnknown("plain", f"HTTP_{reply.status}", "")
        kinds = {"KEY": KeyRefused, "BUSY": VenueBusy}
        return kinds.get(word, VenueRefused)("plain", word, "")

    def spends(self, request: Request) -> tuple[Budget, int]:
        return Budget(f"{request.method} {request.path}", self.allows, 60, by_account=request.private), 1

    def left(self, reply: Reply) -> Left | None:
        said = reply.headers.get("Left")
        return Left(int(said), 10, float(reply.headers["Resets-In"])) if said else None


VENUE = cast(Venue, PlainVenue())


class Server:
    """A venue's REST door whose answers a test writes; it keeps what was asked."""

    def __init__(self, answer: Handler) -> None:
        self.answer, self.asked, self.ahead_ms, self.clock_asked = answer, list[web.Request](), 0, 0
        self.url = ""

    async def time(self, request: web.Request) -> web.Response:
        self.clock_asked += 1
        return web.Response(text=str(Clock().now_ms() + self.ahead_ms))

    async def thing(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        return await self.answer(request)

    @property
    def count(self) -> int:
        return len(self.asked)


@contextlib.asynccontextmanager
async def serving(
    answer: Handler, clock: Clock | None = None, budgets: Budgets | None = None
) -> AsyncIterator[tuple[Server, Rest]]:
    server = Server(answer)
    app = web.Application()
    app.router.add_get("/api/time", server.time)
    app.router.add_route("*", "/api/thing", server.thing)
    runner = web.AppRunner(app, shutdown_timeout=0, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/api"
    rest = Rest(clock or Clock(), budgets)
    await rest.start()
    try:
        yield server, rest
    finally:
        await rest.close()
        await runner.cleanup()


def answering(status: int = 200, body: str = "{}", **headers: str) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, text=body, headers=headers)

    return answer


async def test_a_reply_comes_back_as_it_was_said() -> None:
    async with serving(answering(201, '{"id":58828270140077001}')) as (server, rest):
        reply = await rest.call(VENUE, server.url, WRITE, KEYS)

    assert (reply.status, reply.body) == (201, b'{"id":58828270140077001}')
    assert reply.headers["content-type"].startswith("text/plain")
    assert abs(reply.received_at_ms - Clock().now_ms()) < 5000


@pytest.mark.parametrize("body_and_kind", [("KEY", KeyRefused), ("BUSY", VenueBusy), ("NO", VenueRefused)])
async def test_a_refusal_is_raised_as_the_venue_put_it(body_and_kind: tuple[str, type[VenueError]]) -> None:
    word, kind = body_and_kind
    async with serving(answering(400, json.dumps({"word": word}))) as (server, rest):
        with pytest.raises(kind):
            await rest.call(VENUE, server.url, WRITE, KEYS)

        assert server.count == 1


async def test_a_page_instead_of_an_answer_is_unknown() -> None:
    async with serving(answering(502, "<html>Bad Gateway</html>")) as (server, rest):
        with pytest.raises(VenueUnknown):
            await rest.call(VENUE, server.url, WRITE, KEYS)

        assert server.count == 1


async def never(request: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.parametrize("request_", [READ, WRITE, CANCEL])
async def test_no_answer_before_the_deadline_is_unknown(request_: Request) -> None:
    """The order may have been placed: only asking will tell."""
    async with serving(never) as (server, rest):
        with pytest.raises(VenueUnknown, match="within"):
            await rest.call(VENUE, server.url, request_, KEYS, deadline_s=0.2)

        assert server.count == 1


async def test_no_socket_is_connected_behind_the_loops_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python socket that is connected by hand and then given to uvloop left other connections deaf under load."""

    async def by_hand(*_: object, **__: object) -> None:
        raise AssertionError("a socket was connected by hand")

    monkeypatch.setattr("aiohappyeyeballs.start_connection", by_hand)
    async with serving(answering(200, "{}")) as (server, rest):
        reply = await rest.call(VENUE, server.url, READ, KEYS)

    assert reply.status == 200


async def test_nobody_there_means_that_nothing_happened() -> None:
    """A request that could not leave cannot have been carried out, so it may be sent again."""
    with sockets.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/api"
    rest = Rest()
    await rest.start()
    with pytest.raises(VenueBusy) as busy:
        await rest.call(VENUE, url, WRITE, KEYS)
    await rest.close()

    assert (busy.value.status, busy.value.retryable, busy.value.venue_code) == (503, True, "CANNOT_CONNECT")


# The outcome of a write is unknown as soon as its connection ends; it must not be sent again by anyone.


async def cut(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def cut_in_the_middle(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"id":')
    assert request.transport is not None
    request.transport.abort()
    return response


@pytest.mark.parametrize("request_", [WRITE, CANCEL, Request("PUT", "/thing", body=b"{}", writes=True)])
@pytest.mark.parametrize("cutting", [cut, cut_in_the_middle])
async def test_a_write_whose_connection_ends_was_sent_once_and_is_unknown(request_: Request, cutting: Handler) -> None:
    """On a reused connection too, where the HTTP library would send DELETE and PUT again by itself."""
    async with serving(answering()) as (server, rest):
        await rest.call(VENUE, server.url, READ, KEYS)
        server.answer = cutting
        with pytest.raises(VenueUnknown):
            await rest.call(VENUE, server.url, request_, KEYS)

        assert [r.method for r in server.asked] == ["GET", request_.method]


async def test_a_read_whose_connection_ends_is_asked_once_more() -> None:
    """Asking twice changes nothing, and a kept connection may just have been closed."""
    answers = iter([cut, answering(200, "second")])

    async def answer(request: web.Request) -> web.StreamResponse:
        return await next(answers)(request)

    async with serving(answer) as (server, rest):
        reply = await rest.call(VENUE, server.url, READ, KEYS)

        assert (reply.body, server.count) == (b"second", 2)


async def test_a_redirect_is_not_followed() -> None:
    """It would take the key's signature to wherever it points."""
    async with serving(answering(302, "", Location="/api/thing")) as (server, rest):
        reply = await rest.call(VENUE, server.url, WRITE, KEYS)

        assert (reply.status, server.count) == (302, 1)


# The venue's clock.


async def strict(request: web.Request) -> web.Response:
    """Refuses what is more than a minute off the server's own time, which is an hour ahead."""
    off_s = float(request.headers["At"]) - (Clock().now_s() + 3600)
    return web.Response(status=401, text='{"word":"EXPIRED"}') if abs(off_s) > 60 else web.Response(text="{}")


async def test_requests_are_signed_by_the_venues_clock() -> None:
    async with serving(strict) as (server, rest):
        server.ahead_ms = 3_600_000
        await rest.call(VENUE, server.url, WRITE, KEYS)
        await rest.call(VENUE, server.url, WRITE, KEYS)

        assert abs(rest.offset_ms(VENUE, server.url) - 3_600_000) < 1000
        assert (server.count, server.clock_asked) == (2, rest_module.CLOCK_SAMPLES)
        assert "3" in repr(rest)


async def test_a_clock_that_jumped_is_healed_once_and_the_request_sent_once_more() -> None:
    """A request refused for its time was not carried out, so this is the one that may be sent again."""
    async with serving(strict) as (server, rest):
        await rest.measure_offset(VENUE, server.url)
        server.ahead_ms = 3_600_000
        reply = await rest.call(VENUE, server.url, WRITE, KEYS)

        assert (reply.status, server.count) == (200, 2)


async def test_a_clock_that_cannot_be_healed_is_refused_and_not_tried_for_ever() -> None:
    async with serving(strict) as (server, rest):
        with pytest.raises(VenueRefused):
            await rest.call(VENUE, server.url, WRITE, KEYS)

        assert server.count == 2


async def test_a_request_that_came_too_late_is_not_sent_again() -> None:
    """Venues may use the same word for a request whose expiry has passed, and that one is over."""
    async with serving(answering(401, '{"word":"EXPIRED"}')) as (server, rest):
        late = Request("POST", "/thing", writes=True, expires_at_ms=Clock().now_ms() - 1)
        with pytest.raises(VenueRefused):
            await rest.call(VENUE, server.url, late, KEYS)

        assert (server.count, server.clock_asked) == (1, rest_module.CLOCK_SAMPLES)


async def test_many_first_requests_measure_the_clock_once() -> None:
    async with serving(answering()) as (server, rest):
        await asyncio.gather(*(rest.call(VENUE, server.url, READ, KEYS) for _ in range(20)))

        assert (server.count, server.clock_asked) == (20, rest_module.CLOCK_SAMPLES)


async def test_an_expiry_moves_with_the_venues_clock() -> None:
    """Callers name it by our clock, and the venue compares it with its own."""
    async with serving(answering()) as (server, rest):
        server.ahead_ms = 3_600_000
        now_ms = Clock().now_ms()
        await rest.call(VENUE, server.url, Request("POST", "/thing", writes=True, expires_at_ms=now_ms + 5000), KEYS)

        assert abs(int(server.asked[0].headers["Expires-At"]) - (now_ms + 3_605_000)) < 1000


async def test_a_stale_clock_is_measured_again_without_holding_up_the_call() -> None:
    class Later(Clock):
        later_s = 0.0

        def monotonic_s(self) -> float:
            return super().monotonic_s() + self.later_s

    clock = Later()
    async with serving(answering(), clock) as (server, rest):
        await rest.call(VENUE, server.url, READ, KEYS)
        server.ahead_ms, clock.later_s = 7000, rest_module.OFFSET_STALE_S + 1
        await rest.call(VENUE, server.url, READ, KEYS)
        (refreshing,) = rest._refreshing
        await refreshing

        assert abs(rest.offset_ms(VENUE, server.url) - 7000) < 1000
        assert server.clock_asked == 2 * rest_module.CLOCK_SAMPLES


async def test_a_clock_that_does_not_answer_stops_no_order(caplog: pytest.LogCaptureFixture) -> None:
    """Our own time is right more often than not; the venue will say if it is not."""
    async with serving(answering()) as (server, rest):

        class Mute(PlainVenue):
            def clock(self) -> Request:
                return Request("GET", "/nowhere", private=False)

        with caplog.at_level(logging.WARNING):
            await rest.call(cast(Venue, Mute()), server.url, WRITE, KEYS)

        assert server.count == 1
        assert "clock of plain" in caplog.text


# Pages, secrets.


async def test_a_question_is_asked_page_by_page_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_module, "PAGES_MAX", 3)

    def page(number: int, pages: int) -> Ask:
        def following(reply: Reply) -> Ask | None:
            return page(number + 1, pages) if number < pages else None

        return Ask(READ, lambda reply: [cast(Fact, number)], following)

    async with serving(answering()) as (server, rest):
        answers: list[Any] = [*await rest.ask(VENUE, server.url, page(1, 3), KEYS)]
        assert answers == [1, 2, 3]
        with pytest.raises(VenueUnknown):
            await rest.ask(VENUE, server.url, page(1, 4), KEYS)


@pytest.mark.parametrize("answer", [cut, cut_in_the_middle, never, answering(500, "x")])
async def test_no_error_and_no_log_tells_the_secret(answer: Handler, caplog: pytest.LogCaptureFixture) -> None:
    """Errors of the library carry the request with its headers; ours carry nothing of them."""
    caplog.set_level(logging.DEBUG)
    async with serving(answer) as (server, rest):
        with pytest.raises(VenueUnknown) as unknown:
            await rest.call(VENUE, server.url, WRITE, KEYS, deadline_s=0.3)

    told = f"{unknown.value!r} {unknown.value} {unknown.value.__dict__} {unknown.value.to_body()} {caplog.text}"
    assert unknown.value.__cause__ is None
    assert unknown.value.__context__ is None or unknown.value.__suppress_context__
    assert "the-secret" not in told and "the-key" not in told
    assert "the-secret" not in repr(rest) + repr(KEYS)


# Budgets: what is sent is counted first, by all processes together.

BUSY = answering(429, '{"word":"BUSY"}', **{"Left": "0", "Resets-In": "2"})
TOLD = answering(200, "{}", **{"Left": "1", "Resets-In": "0"})


@pytest.fixture
async def budgets(redis_url: str) -> AsyncIterator[Budgets]:
    store = Store(Settings.from_env({"REDIS_URL": redis_url}))
    store.budgets.start()
    async with asyncio.timeout(10):
        while "together" not in repr(store.budgets):
            await store.budgets.take(Budget("nothing", 1000, 1), "nobody", Lane.QUERY)
            await asyncio.sleep(0.002)
    yield store.budgets
    await store.close()


async def test_after_too_many_nothing_of_that_kind_is_sent_until_the_reset(budgets: Budgets) -> None:
    """One answer is enough for all: no retry loop. What is counted elsewhere goes on, as does another account."""
    async with serving(BUSY, budgets=budgets) as (server, rest):
        with pytest.raises(VenueBusy, match="BUSY"):
            await rest.call(VENUE, server.url, WRITE, KEYS)
        server.answer = answering()
        for _ in range(3):
            with pytest.raises(VenueBusy) as busy:
                await rest.call(VENUE, server.url, WRITE, KEYS, deadline_s=0.1)
        assert server.count == 1
        told = busy.value
        assert (told.venue_code, told.status, told.retryable) == ("BUDGET_SPENT", 429, True)
        assert told.retry_after_s is not None and 0 < told.retry_after_s < 6
        assert "nothing was sent" in str(told)

        await rest.call(VENUE, server.url, READ, KEYS, deadline_s=1)
        await rest.call(VENUE, server.url, WRITE, Credentials("another-key", "the-secret"), deadline_s=1)
        assert [request.method for request in server.asked] == ["POST", "GET", "POST"]


async def test_a_request_waits_for_a_budget_that_is_soon_whole_again(budgets: Budgets) -> None:
    class Hasty(PlainVenue):
        def spends(self, request: Request) -> tuple[Budget, int]:
            return Budget(request.method, 2, 0.4), 1

    async with serving(answering(), budgets=budgets) as (server, rest):
        for _ in range(5):
            await rest.call(cast(Venue, Hasty()), server.url, CANCEL, KEYS)

        assert server.count == 5


async def test_what_a_reply_says_is_left_is_heeded(budgets: Budgets) -> None:
    """Of ten it leaves one: a read must leave that to whoever is in a hurry."""
    async with serving(TOLD, budgets=budgets) as (server, rest):
        await rest.call(VENUE, server.url, READ, KEYS)
        with pytest.raises(VenueBusy, match="BUDGET_SPENT"):
            await rest.call(VENUE, server.url, READ, KEYS)
        urgent = Request("GET", "/thing", lane=Lane.CANCEL)
        await rest.call(VENUE, server.url, urgent, KEYS)

        assert server.count == 2


async def test_a_second_try_and_the_clock_are_counted_too(budgets: Budgets) -> None:
    """Whatever is sent is sent: the venue counts it."""
    answers = iter([cut, answering(200, "second")])

    async def answer(request: web.Request) -> web.StreamResponse:
        return await next(answers)(request)

    class Counted(PlainVenue):
        def __init__(self) -> None:
            self.spent: list[str] = []

        def spends(self, request: Request) -> tuple[Budget, int]:
            self.spent.append(request.path)
            return super().spends(request)

    venue = Counted()
    async with serving(answer, budgets=budgets) as (server, rest):
        await rest.call(cast(Venue, venue), server.url, READ, KEYS)

        assert server.count == 2
        assert sorted(venue.spent) == ["/thing", "/thing", *["/time"] * rest_module.CLOCK_SAMPLES]


async def test_no_key_stands_in_the_name_of_a_budget(budgets: Budgets, redis_url: str) -> None:
    """Redis is read by people and kept in backups."""
    async with serving(answering(), budgets=budgets) as (server, rest):
        await rest.call(VENUE, server.url, READ, KEYS)

    store = Store(Settings.from_env({"REDIS_URL": redis_url}))
    names = [name.decode() for name in await store.redis("KEYS", "*budget*")]
    await store.close()
    assert len(names) == 3 and not any("the-key" in name or "127.0.0.1" in name for name in names)


@pytest.mark.parametrize(
    ("left", "retry_after_s", "for_s"),
    [
        (None, None, 1.0),
        (Left(99, 100, 0.0), None, 1.0),  # as some say in the same breath
        (Left(0, 100, 4.0), None, 4.0),
        (Left(0, 100, 0.2), 2.5, 2.5),
        (Left(0, 100, 4_000.0), None, 60.0),
    ],
)
def test_too_many_drains_the_budget_whatever_is_said_beside_it(
    left: Left | None, retry_after_s: float | None, for_s: float
) -> None:
    """A drain that ends at once would be a retry loop in disguise."""
    drained: list[float] = []

    class Purse:
        def learn(self, budget: Budget, who: str, told: Left) -> None:
            raise AssertionError("what is left does not matter now")

        def drain(self, budget: Budget, who: str, seconds: float) -> None:
            drained.append(seconds)

    error = VenueBusy("plain", "TOO_MANY", "slow down", status=429, retry_after_s=retry_after_s)
    pass_on(cast(Budgets, Purse()), Budget("places", 100, 1), "me", left, error)

    assert drained == [for_s]
