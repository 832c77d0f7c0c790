"""`python -m workers`: one worker. A first signal drains, a second stops."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import secrets
import signal
import socket
import sys

import uvloop

from shared import logs
from shared.errors import BadSetting
from shared.settings import Settings
from workers.worker import Worker

log = logging.getLogger("orderwire.worker")


def main() -> int:
    try:
        settings = Settings.from_env()
        settings.master_keys()
        logs.configure(settings.log_format, settings.log_level)
        uvloop.run(_run(settings))
    except BadSetting as error:
        print(error, file=sys.stderr)  # noqa: T201 - for the person who started it
        return 1
    return 0


async def _run(settings: Settings) -> None:
    # Never the same twice: a restarted worker must not take the leases of its former self for its own.
    name = os.environ.get("WORKER_ID", "").strip() or f"{socket.gethostname()}-{os.getpid()}"
    worker = Worker(settings, f"{name}-{secrets.token_hex(3)}")
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        worker.stop() if worker.draining else worker.drain()

    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, on_signal)
    gc.collect()
    gc.freeze()
    log.info("%s starts", worker.worker_id)
    await worker.run()
    log.info("%s ended", worker.worker_id)


if __name__ == "__main__":
    sys.exit(main())
