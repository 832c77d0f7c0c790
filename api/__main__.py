"""`python -m api`: one api process. SIGTERM stops it within seconds: what is being answered is finished first."""

from __future__ import annotations

import argparse
import asyncio
import errno
import gc
import logging
import signal
import sys

import uvloop

from api.app import make_app
from api.gateway import GATEWAY
from api.server import listen
from shared import logs
from shared.errors import BadSetting, StoreUnavailable
from shared.settings import Settings

log = logging.getLogger("api")


def main(arguments: list[str] | None = None) -> int:
    """Run it; the exit status."""
    argparse.ArgumentParser(prog="python -m api", description=__doc__).parse_args(arguments)
    try:
        settings = Settings.from_env()
        logs.configure(settings.log_format, settings.log_level)
        return uvloop.run(_run(settings))
    except BadSetting as wrong:
        return _refuse(str(wrong))
    except OSError as error:
        return _refuse(f"STATE_DIR: {error}\n  set STATE_DIR to a folder that this user can write to")


async def _run(settings: Settings) -> int:
    app, stopped = make_app(settings), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        await app[GATEWAY].store.redis.agree()
    except StoreUnavailable as away:
        log.warning("%s; /readyz is not green before it is there", away)
    try:
        runner = await listen(app, settings.host, settings.port)
    except OSError as error:
        return _refuse(_why(settings, error))
    # What was made until now stays for good; the collector need not look at it again.
    gc.collect()
    gc.freeze()
    log.info("the api listens on http://%s:%d (%s)", settings.host, settings.port, settings.trading_env)
    await stopped.wait()
    await runner.cleanup()
    return 0


def _why(settings: Settings, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"PORT {settings.port} is in use on {settings.host}: stop what listens there, or set another PORT."
    return f"PORT {settings.port} on HOST {settings.host} cannot be opened: {error.strerror or error}. Set another one."


def _refuse(why: str) -> int:
    print(why, file=sys.stderr)  # noqa: T201 - this is the command line
    return 1


if __name__ == "__main__":
    sys.exit(main())
