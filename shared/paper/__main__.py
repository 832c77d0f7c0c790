"""`python -m shared.paper`: the paper exchange, until it is told to stop. It keeps nothing: a restart forgets
everything."""

from __future__ import annotations

import argparse
import asyncio
import errno
import logging
import resource
import signal
import sys

import uvloop

from shared import logs
from shared.errors import BadSetting
from shared.paper.okx.door import UNFILLED_KEPT_MS
from shared.paper.server import PaperOptions, PaperServer
from shared.settings import Settings

log = logging.getLogger("paper")
FILES_WANTED = 65_536


def main(arguments: list[str] | None = None) -> int:
    """Run it; the exit status."""
    asked = _parser().parse_args(arguments)
    try:
        settings = Settings.from_env()
    except BadSetting as wrong:
        print(wrong, file=sys.stderr)  # noqa: T201 - this is the command line
        return 1
    logs.configure(settings.log_format, settings.log_level)
    _allow_many_sockets()
    options = PaperOptions(
        asked.seed, asked.form == "2024", asked.trigger_times == "us", not asked.no_limits,
        asked.unfilled_kept_s * 1000,
    )  # fmt: skip
    return uvloop.run(_run(settings, options))


async def _run(settings: Settings, options: PaperOptions) -> int:
    server, stopped = PaperServer(options), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        await server.start(settings.host, settings.paper_port, settings.paper_tls_port, settings.state_dir)
    except OSError as error:
        print(_why(settings, error), file=sys.stderr)  # noqa: T201 - this is the command line
        await server.stop()
        return 1
    log.info("the paper exchange listens on http://%s:%d", settings.host, settings.paper_port)
    await stopped.wait()
    await server.stop()
    return 0


def _allow_many_sockets() -> None:
    """Each socket is an open file, and the usual limit of 1024 is fewer than this exchange carries."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_WANTED if hard == resource.RLIM_INFINITY else min(hard, FILES_WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _why(settings: Settings, error: OSError) -> str:
    ports = f"PAPER_PORT {settings.paper_port}"
    if settings.paper_tls_port is not None:
        ports += f" or PAPER_TLS_PORT {settings.paper_tls_port}"
    if error.errno == errno.EADDRINUSE:
        return f"{ports} is in use on {settings.host}: stop what listens there, or set another port."
    return f"{ports} on HOST {settings.host} cannot be opened: {error.strerror or error}. Set another HOST or port."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m shared.paper", description=__doc__)
    parser.add_argument("--seed", type=int, default=7, help="the market's seed: the same seed, the same prices")
    parser.add_argument("--form", choices=("2024", "2026"), default="2026", help="the age of Gate's order rows")
    parser.add_argument("--trigger-times", choices=("s", "us"), default="s", help="the unit of Gate's trigger orders")
    parser.add_argument(
        "--unfilled-kept-s", type=int, default=UNFILLED_KEPT_MS // 1000,
        help="how long OKX knows an order that was cancelled unfilled",
    )  # fmt: skip
    parser.add_argument("--no-limits", action="store_true", help="never answer 429 by itself, for benchmarks")
    return parser


if __name__ == "__main__":
    sys.exit(main())
