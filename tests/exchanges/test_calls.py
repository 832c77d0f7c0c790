"""Order entry over the socket, against real servers on loopback and a venue of a few lines that is nobody's.

What matters in every test: how often a command reached the venue, by which way, and how it ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, cast

import pytest
from aiohttp import WSMsgType, web

from shared.clock import Clock
from shared.errors import KeyRefused, UnknownWord, VenueBusy, VenueError, VenueRefused, VenueUnknown
from shared.exchanges import calls as calls_module
from shared.exchanges import rest as rest_module
from shared.exchanges.base import (
    Answered,
    Budget,
    Endpoints,
    Goodbye,
    Lane,
    Left,
    Limits,
    Message,
    Pong,
    Reply,
    Request,
    Signed,
    Venue,
)
from shared.exchanges.calls import Calls
from shared.exchanges.rest import Rest
from shared.model import Credentials

KEYS, OTHER_KEYS = Credentials("the-key", "the-secret"), Credentials("other-key", "other-secret")
PLACE = Request("POST", "/order", body=b'{"a":1}', writes=True)
ONLY_REST = Request("POST", "/rest-only", body=b"{}", writes=True)
WITHIN_S = 5.0


class PlainWire:
    def read(self, frame: bytes | str, received_at_ms: int) -> Message:
        said = json.loads(frame).get("say")
        if said == "bye":
            return Goodbye("the venue restarts")
        if said == "pong":
            return Pong()
        raise UnknownWord("plain", "word", said)

    def ping(self, at_s: float) -> bytes:
        return b'{"ping":1}'


class PlainVenue:
    """Signs with the secret itself and nothing else; refuses in JSON with a `word`, alike by both ways."""

    name = "plain"

    def __init__(self) -> None:
        self.limits = Limits(
            ping_every_s=30,
            silence_max_s=60,
            resync_overlap_s=1,
            text_lookup_s=60,
            clock_window_s=60,
            connects=Budget("connects", 100, 1, by_account=False),
        )

    def sign(self, request: Request, credentials: Credentials | None, at_s: float) -> Signed:
        headers = {"At": f"{at_s:.3f}", "Secret": credentials.api_secret if credentials else "none"}
        return Signed(request.path, headers, request.body)

    def connect_headers(self) -> Mapping[str, str]:
        return {"X-Test": "1"}

    def clock(self) -> Request:
        return Request("GET", "/time", private=False)

    def to_clock_ms(self, reply: Reply) -> int:
        return int(reply.body)

    def is_call_error(self, error: VenueError) -> bool:
        return error.venue_code == "ONLY_REST"

    def is_clock_error(self, error: VenueError) -> bool:
        return error.venue_code == "EXPIRED"

    def refusal(self, request: Request, reply: Reply) -> VenueError | None:
        if reply.status < 400:
            return None
        word = json.loads(reply.body)["word"]
        kinds = {"KEY": KeyRefused, "BUSY": VenueBusy, "TROUBLE": VenueUnknown}
        return kinds.get(word, VenueRefused)("plain", word, "")

    def spends(self, request: Request) -> tuple[Budget, int]:
        return Budget("rest", 1000, 1), 1

    def left(self, reply: Reply) -> Left | None:
        said = json.loads(reply.body)
        return Left(said["left"], 10, 0) if isinstance(said, dict) and "left" in said else None

    def wire(self, owner: object, identity: str) -> PlainWire:
        return PlainWire()

    def login_call(self, credentials: Credentials, call_id: str, at_s: float) -> bytes:
        return json.dumps({"id": call_id, "login": credentials.api_secret, "at": at_s}).encode()

    def to_call(self, request: Request, call_id: str, at_s: float) -> bytes | None:
        if request.path != "/order":
            return None
        said = {"id": call_id, "order": request.body.decode(), "at": at_s, "expires": request.expires_at_ms}
        return json.dumps(said).encode()

    def to_answer(self, frame: bytes | str, received_at_ms: int) -> Answered | None:
        said = json.loads(frame)
        if "answers" not in said:
            return None
        body = json.dumps(said.get("body", {})).encode()
        return Answered(said["answers"], Reply(said.get("status", 200), {}, body, received_at_ms), said["final"])


Heard = dict[str, Any]
Serve = Callable[["Line", Heard], Awaitable[None]]


class Line:
    """One connection as the venue sees it."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.socket, self.request = socket, request
        self.login: Heard = {}
        self.heard: list[Heard] = []
        self.pings = 0
        self.ended = asyncio.Event()

    async def answer(self, call: Heard, body: object = None, status: int = 200, *, final: bool = True) -> None:
        said = {"answers": call["id"], "status": status, "body": body or {"by": "socket"}, "final": final}
        await self.socket.send_str(json.dumps(said))

    async def say(self, words: str) -> None:
        await self.socket.send_str(words)

    def cut(self) -> None:
        assert self.request.transport is not None
        self.request.transport.abort()


class Server:
    """A venue's two doors, whose answers a test writes; it keeps what was asked at each."""

    def __init__(self) -> None:
        self.venue = PlainVenue()
        self.asked: list[web.Request] = []
        self.lines: list[Line] = []
        self.ahead_ms = 0
        self.takes_sockets = True
        self.rest: Callable[[web.Request], Awaitable[web.Response]] = _fine
        self.call: Serve = _answered
        self.login: Serve = _answered
        self.endpoints = Endpoints("", "")
        self.changed = asyncio.Event()

    async def time(self, request: web.Request) -> web.Response:
        return web.Response(text=str(Clock().now_ms() + self.ahead_ms))

    async def order(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        return await self.rest(request)

    async def socket(self, request: web.Request) -> web.StreamResponse:
        if not self.takes_sockets:
            return web.Response(status=503)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        line = Line(socket, request)
        self.lines.append(line)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await self._hear(line, json.loads(message.data))
        except ConnectionResetError:
            pass
        finally:
            line.ended.set()
            self.changed.set()
        return socket

    async def _hear(self, line: Line, said: Heard) -> None:
        if "ping" in said:
            line.pings += 1
        elif "login" in said:
            line.login = said
            await self.login(line, said)
        else:
            line.heard.append(said)
            await self.call(line, said)
        self.changed.set()

    @property
    def calls(self) -> list[Heard]:
        return [heard for line in self.lines for heard in line.heard]

    def counts(self) -> tuple[int, int]:
        """How often a command came over REST, and over sockets."""
        return len(self.asked), len(self.calls)


async def _fine(request: web.Request) -> web.Response:
    return web.json_response({"by": "rest"})


async def _answered(line: Line, call: Heard) -> None:
    await line.answer(call)


async def _acknowledged(line: Line, call: Heard) -> None:
    await line.answer(call, final=False)


async def _nothing(line: Line, call: Heard) -> None:
    pass


async def _cut(line: Line, call: Heard) -> None:
    line.cut()


def refusing(word: str) -> Serve:
    async def refuse(line: Line, call: Heard) -> None:
        await line.answer(call, {"word": word}, 400)

    return refuse


class House:
    """The server and the calls under test."""

    def __init__(self, server: Server, calls: Calls) -> None:
        self.server, self.calls = server, calls

    async def call(self, request: Request = PLACE, keys: Credentials = KEYS, *, deadline_s: float = WITHIN_S) -> Any:
        """Who answered."""
        venue, endpoints = cast(Venue, self.server.venue), self.server.endpoints
        reply = await self.calls.call(venue, endpoints, request, keys, deadline_s=deadline_s)
        return json.loads(reply.body).get("by")

    def is_ready(self) -> bool:
        return any(connection._is_ready for connection in self.calls._connections.values())

    async def open(self, keys: Credentials = KEYS) -> Line:
        """A connection for these keys, as a first command gets it."""
        before = len(self.server.lines)
        assert await self.call(keys=keys) == "rest"
        await until(lambda: len(self.server.lines) > before and self._are_ready(), "a connection stands")
        self.server.asked.clear()
        return self.server.lines[-1]

    def _are_ready(self) -> bool:
        return all(connection._is_ready for connection in self.calls._connections.values())


async def until(is_so: Callable[[], bool], what: str) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not is_so():
            await asyncio.sleep(0.005)
    assert is_so(), what


@contextlib.asynccontextmanager
async def running(**options: float) -> AsyncIterator[House]:
    server = Server()
    app = web.Application()
    app.router.add_get("/api/time", server.time)
    app.router.add_route("*", "/api/{name}", server.order)
    app.router.add_get("/ws", server.socket)
    runner = web.AppRunner(app, shutdown_timeout=0, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    server.endpoints = Endpoints(f"http://127.0.0.1:{port}/api", f"ws://127.0.0.1:{port}/ws")
    rest = Rest()
    await rest.start()
    calls = Calls(rest, **options)
    try:
        yield House(server, calls)
    finally:
        await calls.stop()
        await rest.close()
        await runner.cleanup()


# Which way a command goes.


async def test_the_first_command_goes_over_rest_and_those_that_follow_over_the_socket() -> None:
    """Nobody waits for a connection; it is opened behind the answer."""
    async with running() as house:
        assert await house.call() == "rest"
        await until(house.is_ready, "the connection stands")
        assert [await house.call() for _ in range(3)] == ["socket"] * 3

        assert house.server.counts() == (1, 3)
        (line,) = house.server.lines
        assert line.request.headers["X-Test"] == "1"
        assert "1 calls" not in repr(house.calls) and "ready" in repr(house.calls)


async def test_what_the_socket_has_no_word_for_goes_over_rest_and_opens_nothing() -> None:
    async with running() as house:
        await house.call(ONLY_REST)
        assert house.calls._connections == {}
        await house.open()
        assert await house.call(ONLY_REST) == "rest"

        assert house.server.counts() == (1, 0)


async def test_a_refused_command_opens_a_connection_too() -> None:
    """The venue took the key, and that is what counts."""
    async with running() as house:

        async def refuse(request: web.Request) -> web.Response:
            return web.json_response({"word": "NO"}, status=400)

        house.server.rest = refuse
        with pytest.raises(VenueRefused):
            await house.call()
        await until(house.is_ready, "the connection stands")


async def test_a_key_that_the_venue_does_not_take_costs_no_connection() -> None:
    """Callers bring their own keys: made-up ones must not use up what the venue allows our address."""
    async with running() as house:

        async def refuse(request: web.Request) -> web.Response:
            return web.json_response({"word": "KEY"}, status=401)

        house.server.rest = refuse
        for number in range(5):
            with pytest.raises(KeyRefused):
                await house.call(keys=Credentials(f"k{number}", "s"))

        assert (house.calls._connections, house.server.lines) == ({}, [])


async def test_an_account_beyond_the_most_goes_over_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_module, "CONNECTIONS_MAX", 1)
    async with running() as house:
        await house.open()
        assert [await house.call(keys=OTHER_KEYS) for _ in range(3)] == ["rest"] * 3

        assert len(house.server.lines) == 1


async def test_no_two_accounts_share_a_connection() -> None:
    """Whoever logs in speaks for that account, so each has its own; and a key with another secret is nobody's."""
    async with running() as house:
        await house.open(KEYS)
        await house.open(OTHER_KEYS)
        assert await house.call(keys=OTHER_KEYS) == await house.call(keys=KEYS) == "socket"
        assert await house.call(keys=Credentials("the-key", "a wrong one")) == "rest"

        secrets = [line.login["login"] for line in house.server.lines[:2]]
        assert secrets == ["the-secret", "other-secret"]
        assert [len(line.heard) for line in house.server.lines[:2]] == [1, 1]


# How a command ends.


async def test_many_calls_are_under_way_and_each_gets_its_own_answer() -> None:
    """Whatever the order in which the venue answers."""
    async with running() as house:
        await house.open()
        waiting: list[Heard] = []

        async def backwards(line: Line, call: Heard) -> None:
            waiting.append(call)
            if len(waiting) == 30:
                for one in reversed(waiting):
                    await line.answer(one, {"by": one["order"]})

        house.server.call = backwards
        wanted = [f'{{"n":{n}}}' for n in range(30)]
        orders = [Request("POST", "/order", body=body.encode(), writes=True) for body in wanted]
        assert await asyncio.gather(*(house.call(order) for order in orders)) == wanted


async def test_an_acknowledgement_is_not_an_answer() -> None:
    async with running() as house:
        await house.open()

        async def twice(line: Line, call: Heard) -> None:
            await line.answer(call, {"by": "an acknowledgement"}, final=False)
            await line.answer(call, {"by": "the result"})

        house.server.call = twice
        assert await house.call() == "the result"


@pytest.mark.parametrize(("word", "kind"), [("NO", VenueRefused), ("BUSY", VenueBusy), ("TROUBLE", VenueUnknown)])
async def test_a_refusal_is_raised_as_the_venue_put_it(word: str, kind: type[VenueError]) -> None:
    async with running() as house:
        await house.open()
        house.server.call = refusing(word)
        with pytest.raises(VenueError) as refused:
            await house.call()

        assert (type(refused.value), refused.value.venue_code) == (kind, word)
        assert house.server.counts() == (0, 1)


async def test_no_answer_before_the_deadline_is_unknown_and_the_command_was_sent_once() -> None:
    """An acknowledgement does not help: what became of the order is not known."""
    async with running() as house:
        await house.open()
        house.server.call = _acknowledged
        with pytest.raises(VenueUnknown) as unknown:
            await house.call(deadline_s=0.1)

        assert (unknown.value.venue_code, unknown.value.venue_message) == ("NO_ANSWER", "no answer within 0.1 s")
        assert house.server.counts() == (0, 1)


async def test_after_a_command_that_met_silence_the_next_go_another_way() -> None:
    """Nothing at all was heard from the venue since: a line that is dead would swallow one order after the other."""
    async with running(rest_for_s=0.05) as house:
        line = await house.open()
        house.server.call = _nothing
        with pytest.raises(VenueUnknown):
            await house.call(deadline_s=0.1)
        assert await house.call() == "rest"

        assert house.server.counts() == (1, 1)
        await line.ended.wait()


async def test_a_command_that_is_only_slow_keeps_its_connection() -> None:
    async with running() as house:
        await house.open()
        house.server.call = _acknowledged
        with pytest.raises(VenueUnknown):
            await house.call(deadline_s=0.1)
        house.server.call = _answered
        assert await house.call() == "socket"


async def test_a_command_whose_connection_ends_is_unknown_and_was_sent_once() -> None:
    """It may have been carried out: neither this way nor the other may it be sent again."""
    async with running() as house:
        await house.open()
        house.server.call = _cut
        with pytest.raises(VenueUnknown) as unknown:
            await house.call()

        assert unknown.value.venue_code == "CONNECTION_LOST"
        assert house.server.counts() == (0, 1)


async def test_a_venue_that_falls_silent_is_given_up() -> None:
    """A dead line does not say so; only missing answers to our pings do."""
    async with running() as house:
        house.server.venue.limits = Limits(0.02, 0.06, 1, 60, 60, Budget("connects", 1, 1))
        line = await house.open()
        house.server.call = _nothing
        with pytest.raises(VenueUnknown) as unknown:
            await house.call()

        assert unknown.value.venue_code == "CONNECTION_LOST"
        assert line.pings > 0


async def test_a_connection_that_ended_before_the_command_was_handed_to_it_costs_nothing() -> None:
    """Nothing was sent, so REST may."""
    async with running() as house:
        line = await house.open()
        line.cut()
        (connection,) = house.calls._connections.values()
        socket = connection._socket
        assert socket is not None
        await socket.lost()
        # The end is known and nobody has acted on it yet: no turn of the loop lies between.
        assert await house.call() == "rest"

        assert house.server.counts() == (1, 0)


async def test_a_late_answer_is_nobodys() -> None:
    """Ids are never used twice, so it cannot be taken for the answer to another command."""
    async with running() as house:
        line = await house.open()
        house.server.call = _acknowledged
        with pytest.raises(VenueUnknown):
            await house.call(deadline_s=0.05)
        house.server.call = _answered
        await line.answer(line.heard[0], {"by": "the first one's"})
        await line.say('{"answers": "never asked", "final": true}')
        assert await house.call() == "socket"

        assert len({call["id"] for call in [line.login, *line.heard]}) == 3


@pytest.mark.parametrize("junk", ["", "x", "[]", '{"say":"never heard"}', '{"answers":[],"final":true}'])
async def test_a_frame_that_makes_no_sense_costs_nothing(junk: str) -> None:
    async with running() as house:
        line = await house.open()
        await line.say(junk)

        assert await house.call() == "socket"


async def test_an_answer_that_comes_twice_counts_once(caplog: pytest.LogCaptureFixture) -> None:
    async with running() as house:
        await house.open()

        async def twice(line: Line, call: Heard) -> None:
            said = json.dumps({"answers": call["id"], "body": {"by": "socket"}, "final": True}).encode()
            frame = b"\x81" + bytes((len(said),)) + said
            assert line.request.transport is not None
            line.request.transport.write(frame + frame)  # in one piece, so that both are read in one go

        house.server.call = twice
        assert await house.call() == "socket"
        assert caplog.text == ""


async def test_a_caller_who_goes_away_leaves_nothing_behind() -> None:
    async with running() as house:
        await house.open()
        house.server.call = _nothing
        calling = asyncio.create_task(house.call())
        await until(lambda: house.server.counts() == (0, 1), "the call arrived")
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling

        (connection,) = house.calls._connections.values()
        assert connection._waiting == {}


# Time, and the key.


async def test_calls_are_made_by_the_venues_clock() -> None:
    """Their time, the login's and the expiry, which callers name by our clock."""
    async with running() as house:
        house.server.ahead_ms = 3_600_000
        line = await house.open()
        now_ms = Clock().now_ms()
        await house.call(Request("POST", "/order", writes=True, expires_at_ms=now_ms + 5000))

        assert abs(line.login["at"] - now_ms / 1000 - 3600) < 2
        assert abs(line.heard[0]["at"] - now_ms / 1000 - 3600) < 2
        assert abs(line.heard[0]["expires"] - now_ms - 3_605_000) < 1000


async def test_a_call_refused_for_its_time_goes_over_rest_which_sets_the_clock_right() -> None:
    """It was not carried out, so it may be sent once more."""
    async with running() as house:
        await house.open()
        house.server.ahead_ms = 3_600_000

        def is_off(at_s: float) -> bool:
            return abs(at_s - Clock().now_s() - 3600) > 60

        async def strict(request: web.Request) -> web.Response:
            off = is_off(float(request.headers["At"]))
            return web.json_response({"word": "EXPIRED"} if off else {"by": "rest"}, status=401 if off else 200)

        async def strict_call(line: Line, call: Heard) -> None:
            await (refusing("EXPIRED") if is_off(call["at"]) else _answered)(line, call)

        house.server.rest, house.server.call = strict, strict_call
        assert await house.call() == "rest"
        assert await house.call() == "socket"

        assert house.server.counts() == (2, 2)


async def test_a_call_that_came_too_late_is_not_sent_again() -> None:
    """Venues may use the same word for a request whose expiry has passed, and that one is over."""
    async with running() as house:
        await house.open()
        house.server.call = refusing("EXPIRED")
        with pytest.raises(VenueRefused):
            await house.call(Request("POST", "/order", writes=True, expires_at_ms=Clock().now_ms() - 1))

        assert house.server.counts() == (0, 1)


async def test_a_call_refused_for_being_a_call_is_left_to_rest() -> None:
    async with running() as house:
        await house.open()
        house.server.call = refusing("ONLY_REST")

        assert await house.call() == "rest"
        assert house.is_ready()


async def test_a_login_may_be_answered_without_its_id() -> None:
    """Some venues say only that it is a login that they took."""

    async def nameless(line: Line, call: Heard) -> None:
        await line.answer(call | {"id": ""})

    async with running() as house:
        house.server.login = nameless
        await house.open()

        assert await house.call() == "socket"


async def test_a_call_refused_for_its_key_is_left_to_rest() -> None:
    """A venue may forget a login; only REST, which signs each request, says whether it is the key."""
    async with running() as house:
        line = await house.open()
        house.server.call = refusing("KEY")
        assert [await house.call() for _ in range(3)] == ["rest"] * 3

        await line.ended.wait()
        assert house.server.counts() == (3, 1)
        assert len(house.server.lines) == 1


async def test_a_key_that_rest_refuses_too_is_refused() -> None:
    async with running() as house:
        await house.open()
        house.server.call = refusing("KEY")

        async def refuse(request: web.Request) -> web.Response:
            return web.json_response({"word": "KEY"}, status=401)

        house.server.rest = refuse
        with pytest.raises(KeyRefused):
            await house.call()

        assert house.server.counts() == (1, 1)


# When no connection can be had.


@pytest.mark.parametrize("login", [refusing("KEY"), refusing("BUSY"), _cut], ids=["refused", "busy", "cut"])
async def test_without_a_login_commands_go_over_rest_and_it_is_tried_again_later(
    login: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(rest_for_s=0.2) as house:
        house.server.login = login
        assert await house.call() == "rest"
        await until(lambda: "over REST" in caplog.text, "it is said")
        assert [await house.call() for _ in range(5)] == ["rest"] * 5
        assert len(house.server.lines) == 1
        house.server.login = _answered
        await until(lambda: house.calls._connections == {}, "it rested long enough")
        await house.open()
        assert await house.call() == "socket"

        assert len(house.server.lines) == 2


async def test_a_door_that_is_shut_stops_no_command(caplog: pytest.LogCaptureFixture) -> None:
    async with running() as house:
        house.server.takes_sockets = False
        assert await house.call() == "rest"
        await until(lambda: "HTTP 503" in caplog.text, "it is said")
        assert await house.call() == "rest"


async def test_while_a_login_is_not_answered_nobody_waits_for_it() -> None:
    async with running() as house:
        house.server.login = _nothing
        assert await house.call() == "rest"
        await until(lambda: bool(house.server.lines and house.server.lines[0].login), "the login arrived")
        assert await house.call() == "rest"

        assert len(house.server.lines) == 1


# The venue's budgets.

CALL_BUDGET = Budget("calls", 100, 1)


class Purse:
    """Counts what is spent, and has nothing left where the test says so."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str, str, int]] = []
        self.empty: set[str] = set()
        self.told: list[tuple[str, str, object]] = []

    async def take(self, budget: Budget, who: str, lane: str, cost: int = 1, wait_s: float = 0.0) -> float | None:
        if budget.name in self.empty:
            return 1.0
        self.taken.append((budget.name, who, lane, cost))
        return None

    def learn(self, budget: Budget, who: str, told: Left) -> None:
        self.told.append((budget.name, who, told.remaining))

    def drain(self, budget: Budget, who: str, for_s: float) -> None:
        self.told.append((budget.name, who, "nothing"))


@contextlib.asynccontextmanager
async def running_with_budgets(**options: float) -> AsyncIterator[tuple[House, Purse]]:
    async with running(**options) as house:
        purse = house.calls.rest.budgets = Purse()
        house.server.venue.limits = replace(house.server.venue.limits, calls=CALL_BUDGET)
        yield house, purse


async def test_a_call_is_counted_as_what_it_is() -> None:
    """Against the budget of calls and for its account; the connection for our address, behind all sessions."""
    async with running_with_budgets() as (house, purse):
        await house.open()
        assert [name for name, *_ in purse.taken] == ["rest"] * 3 + ["connects"]  # the order, and asking for the time
        assert purse.taken[-1][2] == Lane.QUERY
        purse.taken.clear()
        await house.call(Request("POST", "/order", writes=True, lane=Lane.CANCEL))
        (spent,) = purse.taken

        assert (spent[0], spent[2:]) == ("calls", (Lane.CANCEL, 1))
        assert spent[1] == rest_module.counted(CALL_BUDGET, house.server.endpoints.rest_url, KEYS)
        assert "key" not in spent[1]


async def test_without_a_budget_for_calls_they_count_as_over_rest() -> None:
    async with running_with_budgets() as (house, purse):
        house.server.venue.limits = replace(house.server.venue.limits, calls=None)
        await house.open()
        purse.taken.clear()
        await house.call()

        assert [name for name, *_ in purse.taken] == ["rest"]


async def test_when_the_budget_for_calls_is_spent_commands_go_over_rest() -> None:
    """It has a budget of its own; nothing was sent, so that may be."""
    async with running_with_budgets() as (house, purse):
        await house.open()
        purse.empty.add("calls")
        assert await house.call() == "rest"

        assert house.server.counts() == (1, 0)


async def test_after_too_many_all_hear_of_it_and_nothing_is_tried_again() -> None:
    async with running_with_budgets() as (house, purse):
        await house.open()
        house.server.call = refusing("BUSY")
        with pytest.raises(VenueBusy):
            await house.call()

        assert house.server.counts() == (0, 1)
        assert [(name, what) for name, _, what in purse.told] == [("calls", "nothing")]


async def test_what_an_answer_says_is_left_is_passed_on() -> None:
    async with running_with_budgets() as (house, purse):
        await house.open()

        async def tell(line: Line, call: Heard) -> None:
            await line.answer(call, {"by": "socket", "left": 2})

        house.server.call = tell
        await house.call()

        assert [(name, what) for name, _, what in purse.told] == [("calls", 2)]


async def test_no_connection_is_opened_when_too_many_were(caplog: pytest.LogCaptureFixture) -> None:
    """A session that must come back needs what is left more than an order does."""
    async with running_with_budgets(rest_for_s=0.05) as (house, purse):
        purse.empty.add("connects")
        assert await house.call() == "rest"
        await until(lambda: "too many sockets" in caplog.text, "it is said")
        assert house.server.lines == []
        purse.empty.clear()
        await until(lambda: house.calls._connections == {}, "it rested long enough")
        await house.open()


# How a connection ends.


async def test_a_connection_that_is_not_used_is_closed_and_comes_back_with_the_next_command() -> None:
    async with running(idle_close_s=0.05) as house:
        line = await house.open()
        async with asyncio.timeout(WITHIN_S):
            await line.ended.wait()
        await until(lambda: house.calls._connections == {}, "it is forgotten")
        await house.open()
        assert await house.call() == "socket"


async def test_a_connection_with_a_call_under_way_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_module, "DRAIN_S", 0)
    async with running(idle_close_s=0.05) as house:
        line = await house.open()
        house.server.call = _nothing
        calling = asyncio.create_task(house.call())
        await until(lambda: house.server.counts() == (0, 1), "the call arrived")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(line.ended.wait(), 0.3)  # six times as long as it may be unused
        await line.answer(line.heard[0])

        assert await calling == "socket"


async def test_a_connection_that_broke_comes_back() -> None:
    async with running(rest_for_s=0.05) as house:
        line = await house.open()
        line.cut()
        await until(lambda: house.calls._connections == {}, "it is forgotten")
        await house.open()
        assert await house.call() == "socket"


async def test_a_connection_that_will_be_closed_takes_no_more_calls_and_ends_those_under_way() -> None:
    """After the venue's notice the next command goes another way, and loses nothing."""
    async with running() as house:
        line = await house.open()
        house.server.call = _nothing
        under_way = asyncio.create_task(house.call())
        await until(lambda: house.server.counts() == (0, 1), "the call arrived")
        await line.say('{"say":"bye"}')
        await until(lambda: not house.is_ready(), "the notice was heard")
        assert await house.call() == "rest"
        await line.answer(line.heard[0])
        assert await under_way == "socket"
        await line.ended.wait()
        house.server.call = _answered
        await house.open()
        assert await house.call() == "socket"


async def test_stopping_waits_for_the_calls_under_way() -> None:
    async with running() as house:
        line = await house.open()
        house.server.call = _nothing
        calling = asyncio.create_task(house.call())
        await until(lambda: house.server.counts() == (0, 1), "the call arrived")
        stopping = asyncio.create_task(house.calls.stop())
        await until(lambda: not house.is_ready(), "it takes no more calls")
        await line.answer(line.heard[0])
        await stopping

        assert await calling == "socket"
        assert house.calls._connections == {}
        assert await house.call() == "rest"
        assert house.calls._connections == {}


async def test_stopping_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has no answer by then is unknown, and was sent once."""
    monkeypatch.setattr(calls_module, "DRAIN_S", 0.05)
    async with running() as house:
        await house.open()
        house.server.call = _nothing
        calling = asyncio.create_task(house.call())
        await until(lambda: house.server.counts() == (0, 1), "the call arrived")
        await house.calls.stop()
        with pytest.raises(VenueUnknown):
            await calling

        assert house.server.counts() == (0, 1)


async def test_stopping_ends_a_connection_that_is_just_being_opened() -> None:
    async with running() as house:
        house.server.login = _nothing
        await house.call()
        await until(lambda: bool(house.server.lines and house.server.lines[0].login), "the login arrived")
        async with asyncio.timeout(WITHIN_S / 2):
            await house.calls.stop()

        assert house.calls._connections == {}


# Secrets.


@pytest.mark.parametrize("trouble", [_cut, _nothing, refusing("NO")], ids=["cut", "silent", "refused"])
async def test_no_error_log_or_repr_tells_the_secret(trouble: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """The login carries it here as it carries a signature elsewhere; the library would log every frame."""
    caplog.set_level(logging.DEBUG)
    async with running() as house:
        line = await house.open()
        await line.say('{"say":"never heard"}')
        house.server.call = trouble
        with pytest.raises(VenueError) as error:
            await house.call(deadline_s=0.1)
        (connection,) = house.calls._connections.values()
        held = f"{house.calls!r} {vars(house.calls)} {connection!r} {vars(connection)}"

    told = f"{error.value!r} {error.value.__dict__} {caplog.text} {held}"
    assert "the-secret" not in told and "the-key" not in told
