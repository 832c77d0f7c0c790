"""Connections that misbehave: slow bodies, callers that hang up, odd expectations."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from api import reading
from tests.api.running import Api

HEAD = b"POST /gate/place-futures-order HTTP/1.1\r\nHost: x\r\n"


async def opened(api: Api) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = api.url.removeprefix("http://").partition(":")
    return await asyncio.open_connection(host, int(port))


def keys_of(api: Api) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in api.keys.items()).encode()


@pytest.mark.parametrize(
    "sent", [b"Content-Length: 50\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"], ids=["length", "chunks"]
)
async def test_a_body_that_does_not_arrive_is_not_waited_for(
    api: Api, user_id: str, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    """Connections held open by silence would be all there are."""
    monkeypatch.setattr(reading, "BODY_WITHIN_S", 0.2)
    await api.place(user_id)
    reader, writer = await opened(api)
    writer.write(HEAD + keys_of(api) + sent)
    said = await asyncio.wait_for(reader.read(), 5)  # to the end: the connection is closed
    writer.close()

    head, _, body = said.partition(b"\r\n\r\n")
    assert b" 408 " in head.splitlines()[0] and b"connection: close" in head.lower()
    error = json.loads(body)["error"]
    assert (error["code"], error["retryable"], error["fields"]) == ("body_too_slow", True, [])


@pytest.mark.parametrize(
    "sent",
    [
        b"Content-Length: 50\r\n\r\n{",
        b"Content-Length: 50\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nf",
    ],
)
@pytest.mark.parametrize("is_rude", [True, False], ids=["reset", "closed"])
async def test_a_caller_that_hangs_up_is_no_error(
    api: Api, user_id: str, caplog: pytest.LogCaptureFixture, sent: bytes, is_rude: bool
) -> None:
    """It happens all day; a stack trace for each would hide those that matter."""
    caplog.set_level(logging.INFO)
    await api.place(user_id)
    _, writer = await opened(api)
    writer.write(HEAD + keys_of(api) + sent)
    await writer.drain()
    await asyncio.sleep(0.05)
    if is_rude:
        writer.transport.abort()
    else:
        writer.close()
    await asyncio.sleep(0.1)

    assert (await api.ask("GET", "/healthz")).status == 200
    ours = [record for record in caplog.records if record.name != "asyncio"]
    assert [record.getMessage() for record in ours if record.levelno > logging.INFO or record.exc_info] == []


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate"])
async def test_a_body_that_cannot_be_unpacked_is_refused(
    api: Api, user_id: str, encoding: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a stack trace: it is the caller's error."""
    await api.place(user_id)
    reader, writer = await opened(api)
    writer.write(HEAD + keys_of(api) + b"Content-Encoding: " + encoding + b"\r\nContent-Length: 9\r\n\r\n")
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.write(b"not so, 9")
    said = await asyncio.wait_for(reader.read(65536), 5)
    writer.close()
    assert b" 400 " in said.splitlines()[0] and b'"code":"bad_request"' in said
    assert [record for record in caplog.records if record.exc_info] == []


async def test_an_expectation_that_nobody_knows_is_refused_in_our_shape(api: Api) -> None:
    told = await api.ask("GET", "/healthz", headers={"Expect": "junk", "X-Request-Id": "trace-9"})
    assert (told.status, told.error["code"], told.headers["X-Request-Id"]) == (417, "expectation_failed", "trace-9")
