"""A reader of Server-Sent Events that keeps every byte, so that tests can compare what two readers were told."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, NamedTuple

import orjson


class Told(NamedTuple):
    id: str
    name: str
    data: Any


class Follower:
    """One connection. `body` is what the stream said, without the chunks' framing."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.status, self.headers = 0, dict[str, str]()
        self.body = bytearray()
        self.ended = asyncio.Event()
        self._news = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None

    @classmethod
    async def connect(cls, port: int, path: str, version: str = "1.1", **headers: str) -> Follower:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        follower = cls(reader, writer)
        said = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        writer.write(f"GET {path} HTTP/{version}\r\nHost: here\r\n{said}\r\n".encode())
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).decode().split("\r\n")
        follower.status = int(head[0].split()[1])
        follower.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
        follower._reading = asyncio.create_task(follower._read())
        return follower

    async def _read(self) -> None:
        chunked = self.headers.get("transfer-encoding") == "chunked"
        try:
            while data := await (self._chunk() if chunked else self._reader.read(65536)):
                self.body += data
                self._news.set()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.ended.set()
            self._news.set()

    async def _chunk(self) -> bytes:
        size = int(await self._reader.readuntil(b"\r\n"), 16)
        return (await self._reader.readexactly(size + 2))[:-2]

    @property
    def told(self) -> list[Told]:
        """What was said, without comments and the retry line."""
        said = []
        for block in bytes(self.body).split(b"\n\n")[:-1]:
            fields = dict(line.partition(b": ")[::2] for line in block.split(b"\n"))
            if b"data" in fields:
                data = orjson.loads(fields[b"data"])
                said.append(Told(fields.get(b"id", b"").decode(), fields.get(b"event", b"").decode(), data))
        return said

    @property
    def names(self) -> list[str]:
        return [told.name for told in self.told]

    @property
    def order_ids(self) -> list[str]:
        """The ids of the orders told live."""
        return [told.data["id"] for told in self.told if told.name == ""]

    async def until_told(self, count: int, within_s: float = 8.0) -> list[Told]:
        """Wait until so many things were told; answers them all."""
        async with asyncio.timeout(within_s):
            while self.body.count(b"\ndata: ") + self.body.startswith(b"data: ") < count:
                self._news.clear()
                assert not self.ended.is_set(), "the stream ended early"
                await self._news.wait()
        return self.told

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()
