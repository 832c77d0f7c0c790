"""The one WebSocket loop, against a real server on loopback and a wire of a few lines that is no venue's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket as sockets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from websockets.asyncio.server import ServerConnection, serve

from shared.errors import ConnectionLost, KeyRefused, UnknownWord
from shared.exchanges import socket as socket_module
from shared.exchanges.base import (
    Ack,
    Budget,
    Goodbye,
    Limits,
    Message,
    PartlyRead,
    Pong,
    Refusal,
    Subscription,
    Wire,
)
from shared.exchanges.socket import Socket
from shared.model import Fact, Gap

CONNECTS = Budget("connects", 100, 1, by_account=False)
LIMITS = Limits(
    ping_every_s=30, silence_max_s=60, resync_overlap_s=1, text_lookup_s=60, clock_window_s=60, connects=CONNECTS
)
Serving = Callable[[ServerConnection], Awaitable[None]]


class PlainWire:
    """`{"say": word}`: a number is a fact with that number, the rest is what its name says."""

    def read(self, frame: bytes | str, received_at_ms: int) -> Message:
        said = json.loads(frame)["say"]
        if isinstance(said, int):
            return [fact(said)]
        messages: dict[str, Message] = {
            "ack": Ack("a"),
            "ack b": Ack("b"),
            "refused": Refusal("a", KeyRefused("plain", "BAD_KEY", "no")),
            "pong": Pong(),
            "bye": Goodbye("the venue restarts"),
            "nothing": None,
        }
        if said == "partly":
            raise PartlyRead(UnknownWord("plain", "row", "odd"), [fact(7)])
        if said not in messages:
            raise UnknownWord("plain", "word", said)
        return messages[said]

    def ping(self, at_s: float) -> bytes:
        return b'{"ping":1}'


def fact(number: int) -> Fact:
    return Gap(
        user_id="u",
        account_id="a",
        venue="plain",
        environment="paper",
        from_ms=number,
        to_ms=number,
        reason="",
        recovered=True,
    )


class Taker:
    """Takes facts and lets a test wait until enough of them came."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.words: list[UnknownWord] = []
        self.changed = asyncio.Event()

    def take(self, facts: list[Fact]) -> None:
        self.numbers += [cast(Gap, fact).from_ms for fact in facts]
        self.changed.set()

    def wonder(self, word: UnknownWord) -> None:
        self.words.append(word)
        self.changed.set()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not true():
                self.changed.clear()
                await self.changed.wait()


@contextlib.asynccontextmanager
async def serving(serve_one: Serving, limits: Limits = LIMITS) -> AsyncIterator[tuple[Socket, Taker]]:
    taker = Taker()
    async with serve(serve_one, "127.0.0.1", 0, compression=None, ping_interval=None, close_timeout=0.2) as server:
        port = server.sockets[0].getsockname()[1]
        socket = await connect(port, taker, limits)
        yield socket, taker
        await socket.close()


async def connect(port: int, taker: Taker, limits: Limits = LIMITS, **options: Any) -> Socket:
    wire = cast(Wire, PlainWire())
    url = f"ws://127.0.0.1:{port}/x"
    return await Socket.connect(url, {"X-Test": "1"}, wire, limits, taker.take, on_unknown=taker.wonder, **options)


async def say(connection: ServerConnection, *words: Any) -> None:
    for word in words:
        await connection.send(json.dumps({"say": word}))


A, B = Subscription("a", b'{"want":"a"}'), Subscription("b", b'{"want":"b"}')


async def test_subscribing_waits_for_every_answer() -> None:
    """A session that is not told everything must not think it is live."""
    asked: list[Any] = []
    answer_b = asyncio.Event()

    async def venue(connection: ServerConnection) -> None:
        asked.append(json.loads(await connection.recv()))
        asked.append(json.loads(await connection.recv()))
        await say(connection, "ack", "a word that the test sees")
        await answer_b.wait()
        await say(connection, "ack b")
        await connection.wait_closed()

    async with serving(venue) as (socket, taker):
        subscribing = asyncio.create_task(socket.subscribe([A, B]))
        await taker.until(lambda: len(taker.words) == 1)
        assert not subscribing.done()
        answer_b.set()
        await subscribing

    assert asked == [{"want": "a"}, {"want": "b"}]


async def test_a_refused_subscription_raises_the_refusal() -> None:
    async def venue(connection: ServerConnection) -> None:
        await connection.recv()
        await say(connection, "refused")
        await connection.wait_closed()

    async with serving(venue) as (socket, _):
        with pytest.raises(KeyRefused):
            await socket.subscribe([A])


async def test_a_subscription_that_is_taken_back_ends_the_connection() -> None:
    """The socket would live on, and what it followed would be silent for ever."""

    async def venue(connection: ServerConnection) -> None:
        await connection.recv()
        await say(connection, "ack", "refused")
        await connection.wait_closed()

    async with serving(venue) as (socket, _):
        await socket.subscribe([A])
        async with asyncio.timeout(5):
            lost = await socket.lost()

    assert not lost.planned and "took a back" in lost.reason and "BAD_KEY" in lost.reason


async def test_a_subscription_without_an_answer_is_a_lost_connection() -> None:
    async with serving(lambda connection: connection.wait_closed()) as (socket, _):
        with pytest.raises(ConnectionLost, match="a within"):
            await socket.subscribe([A], timeout_s=0.05)


async def test_a_connection_that_ends_while_subscribing_says_so() -> None:
    async def venue(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.close(4001, "go away")

    async with serving(venue) as (socket, _):
        with pytest.raises(ConnectionLost, match="4001: go away"):
            await socket.subscribe([A])
        with pytest.raises(ConnectionLost):
            await socket.subscribe([A])


async def test_facts_are_held_until_release_and_keep_their_order() -> None:
    """What happens while a session asks by REST is handed over after it, in the order in which it came."""
    more = asyncio.Event()

    async def venue(connection: ServerConnection) -> None:
        await say(connection, 1, 2, "pong", 3, "a word that the test sees")
        await more.wait()
        await say(connection, 4, 5)
        await connection.wait_closed()

    async with serving(venue) as (socket, taker):
        await taker.until(lambda: len(taker.words) == 1)
        assert taker.numbers == []
        socket.release()
        assert taker.numbers == [1, 2, 3]
        more.set()
        await taker.until(lambda: len(taker.numbers) == 5)

    assert taker.numbers == [1, 2, 3, 4, 5]


async def test_more_facts_than_can_be_held_end_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded, and nothing is dropped in silence: the session comes back and asks again."""
    monkeypatch.setattr(socket_module, "HELD_FACTS_MAX", 10)

    async def venue(connection: ServerConnection) -> None:
        await say(connection, *range(50))
        await connection.wait_closed()

    async with serving(venue) as (socket, taker):
        lost = await socket.lost()
        socket.release()

    assert "more than 10 facts" in lost.reason and not lost.planned
    assert taker.numbers == []


@pytest.mark.parametrize(
    "junk", ["", "x", "[]", "{}", '{"say":"never heard"}', '{"say":[]}', b"\xff\xfe", b"\x00" * 300]
)
async def test_a_frame_that_makes_no_sense_is_counted_and_costs_nothing(junk: str | bytes) -> None:
    """One odd frame must not blind an account."""

    async def venue(connection: ServerConnection) -> None:
        await connection.send(junk)
        await say(connection, 1)
        await connection.wait_closed()

    async with serving(venue) as (socket, taker):
        socket.release()
        await taker.until(lambda: taker.numbers == [1])

    assert (socket.unknown_words, len(taker.words)) == (1, 1)


async def test_a_partly_read_frame_is_reported_and_its_facts_are_handed_over() -> None:
    async def venue(connection: ServerConnection) -> None:
        await say(connection, "partly")
        await connection.wait_closed()

    async with serving(venue) as (socket, taker):
        socket.release()
        await taker.until(lambda: bool(taker.numbers))

    assert (taker.numbers, len(taker.words)) == ([7], 1)


async def test_a_message_in_fragments_is_one_message() -> None:
    async def venue(connection: ServerConnection) -> None:
        await connection.send(iter(['{"sa', 'y": ', "12}"]))
        await connection.wait_closed()

    async with serving(venue) as (socket, taker):
        socket.release()
        await taker.until(lambda: taker.numbers == [12])


@pytest.mark.parametrize("piece", [1, 2, 3, 5, 126, 4096, 100_000])
async def test_frames_are_read_alike_however_the_network_cuts_them(piece: int) -> None:
    """Short, long and very long messages, an empty ping and fragments between them: each once, in order."""
    said = b"".join(
        (
            to_frame(0x81, b'{"say":1}'),
            to_frame(0x89, b""),
            to_frame(0x81, b'{"say":2}' + b" " * 300),
            to_frame(0x01, b'{"sa'),
            to_frame(0x89, b"in between"),
            to_frame(0x80, b'y":3}'),
            to_frame(0x81, b'{"say":4}'),
            to_frame(0x81, b'{"say":5}' + b" " * 70_000),
            to_frame(0x81, b'{"say":6}'),
        )
    )
    async with serving(_waits) as (socket, taker):
        socket.release()
        connection = socket._connection
        assert connection is not None
        for start in range(0, len(said), piece):
            connection.data_received(said[start : start + piece])

        assert taker.numbers == [1, 2, 3, 4, 5, 6]
        assert (socket.frames, taker.words) == (8, [])


async def _waits(connection: ServerConnection) -> None:
    await connection.wait_closed()


def to_frame(head: int, data: bytes) -> bytes:
    """One frame as a server sends it."""
    if len(data) < 126:
        return bytes((head, len(data))) + data
    if len(data) < 65536:
        return bytes((head, 126)) + len(data).to_bytes(2, "big") + data
    return bytes((head, 127)) + len(data).to_bytes(8, "big") + data


async def test_a_venue_that_falls_silent_is_given_up() -> None:
    """A dead line does not say so; only missing answers do."""
    limits = replace(LIMITS, ping_every_s=0.02, silence_max_s=0.06)

    async with serving(lambda connection: connection.wait_closed(), limits) as (socket, _):
        async with asyncio.timeout(5):
            lost = await socket.lost()

    assert "nothing received" in lost.reason and not lost.planned


async def test_a_venue_that_answers_pings_is_there() -> None:
    """The pings are the venue's own words, and any frame is a sign of life."""
    pings = 0

    async def venue(connection: ServerConnection) -> None:
        nonlocal pings
        async for message in connection:
            assert json.loads(message) == {"ping": 1}
            pings += 1
            await say(connection, pings if pings == 10 else "pong")

    async with serving(venue, replace(LIMITS, ping_every_s=0.02, silence_max_s=0.06)) as (socket, taker):
        socket.release()
        await taker.until(lambda: taker.numbers == [10])
        assert "open" in repr(socket)


async def test_the_protocols_own_ping_is_answered() -> None:
    """The venue drops who does not answer."""
    async with serving(_pings) as (socket, taker):
        socket.release()
        await taker.until(lambda: taker.numbers == [1])


async def _pings(connection: ServerConnection) -> None:
    await (await connection.ping())
    await say(connection, 1)
    await connection.wait_closed()


async def test_a_goodbye_is_planned_and_facts_still_come() -> None:
    """So a new connection can be made before the old one is dropped."""
    go_on = asyncio.Event()

    async def venue(connection: ServerConnection) -> None:
        await say(connection, "bye")
        await go_on.wait()
        await say(connection, 1)
        await connection.wait_closed()

    async with serving(venue) as (socket, taker):
        socket.release()
        lost = await socket.lost()
        go_on.set()
        await taker.until(lambda: taker.numbers == [1])

    assert lost.planned and lost.reason == "the venue restarts"


async def test_a_close_frame_is_told_with_its_words() -> None:
    async with serving(lambda connection: connection.close(1012, "restart")) as (socket, _):
        lost = await socket.lost()

    assert "1012: restart" in lost.reason and not lost.planned


async def test_a_line_that_breaks_without_a_close_frame_is_told() -> None:
    async def venue(connection: ServerConnection) -> None:
        connection.transport.abort()

    async with serving(venue) as (socket, _):
        lost = await socket.lost()

    assert "without a goodbye" in lost.reason


async def test_a_message_beyond_all_measure_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_module, "MESSAGE_BYTES_MAX", 1000)

    async def venue(connection: ServerConnection) -> None:
        await connection.send("x" * 2000)
        await connection.wait_closed()

    async with serving(venue) as (socket, _):
        lost = await socket.lost()

    assert "broke the protocol" in lost.reason or "1009" in lost.reason or "too big" in lost.reason


async def test_a_taker_that_fails_ends_the_connection() -> None:
    """Its facts are gone, so only a new look at the venue helps."""

    def fail(facts: list[Fact]) -> None:
        raise RuntimeError("full")

    async def venue(connection: ServerConnection) -> None:
        await say(connection, 1)
        await connection.wait_closed()

    async with serving(venue) as (socket, _):
        socket._on_facts = fail
        socket.release()
        lost = await socket.lost()

    assert "RuntimeError" in lost.reason


async def test_a_flood_arrives_whole_and_in_order() -> None:
    """Ten thousand facts, handled where they arrive: none lost, none waiting in a queue."""

    async def venue(connection: ServerConnection) -> None:
        await say(connection, *range(10_000))
        await connection.wait_closed()

    async with serving(venue) as (socket, taker):
        socket.release()
        await taker.until(lambda: len(taker.numbers) == 10_000)

        assert taker.numbers == list(range(10_000))
        assert socket._connection is not None and len(socket._connection.recv_messages.frames) == 0


async def test_nobody_there_is_a_lost_connection() -> None:
    with sockets.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    with pytest.raises(ConnectionLost, match=r"cannot connect to 127\.0\.0\.1"):
        await connect(port, Taker())


@contextlib.asynccontextmanager
async def answering(words: bytes) -> AsyncIterator[int]:
    """A plain TCP server that says these words to whoever asks, and hangs up when the caller does."""
    hung_up = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(words)
            await reader.read()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        hung_up.set()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        await hung_up.wait()


async def test_a_server_that_is_no_websocket_is_a_lost_connection() -> None:
    async with answering(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n") as port:
        with pytest.raises(ConnectionLost, match="HTTP 503"):
            await connect(port, Taker())


async def test_a_server_that_never_answers_is_given_up() -> None:
    async with answering(b"") as port:
        with pytest.raises(ConnectionLost, match="no answer in time"):
            await connect(port, Taker(), open_timeout_s=0.05)


async def test_closing_leaves_nothing_behind_and_may_be_done_twice() -> None:
    async with serving(lambda connection: connection.wait_closed()) as (socket, _):
        await socket.close()
        await socket.close()

        assert (await socket.lost()).planned
        assert socket._timer is None


async def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    async with serving(lambda connection: connection.wait_closed()) as (socket, _):
        assert "open" in repr(socket)


async def test_what_is_sent_is_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A subscription carries the key and a signature; the library would log frames at level debug."""
    caplog.set_level("DEBUG")

    async def venue(connection: ServerConnection) -> None:
        await connection.recv()
        await say(connection, "ack")
        await connection.wait_closed()

    async with serving(venue) as (socket, _):
        caplog.clear()
        await socket.subscribe([Subscription("a", b'{"KEY":"do-not-tell"}')])

    assert not [r for r in caplog.records if r.name.startswith("shared") and "do-not-tell" in r.getMessage()]
