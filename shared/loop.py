"""The event loop of every process: uvloop, for a fifth of the memory of a TLS connection and half the CPU.

Its libuv hands changes of its poll set to the kernel through io_uring. Under load, when descriptors are closed and used
again in the same turn, a new connection was seen to stay deaf for good: bytes waited in the kernel, and nobody read.
So that way is switched off before the loop is made, unless the environment says otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`, on the loop that the house uses."""
    os.environ.setdefault("UV_USE_IO_URING", "0")
    return uvloop.run(main)
