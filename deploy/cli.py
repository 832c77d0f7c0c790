"""`orderwire`: one command for every part. This file holds only its words; each part is a file beside it or a process.

api, worker, paper and redis become the process they name (exec), so whoever started them signals the right one.
"""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from deploy import house, terminal
from shared.errors import BadSetting, GatewayError
from shared.settings import SETTINGS, Settings

PAPER_ANSWERS_WITHIN_S = 15.0


class Help(argparse.RawDescriptionHelpFormatter):
    """Lists the commands without a line that says `command`."""

    def _format_action(self, action: argparse.Action) -> str:
        text = super()._format_action(action)
        return text.partition("\n")[2] if action.nargs == argparse.PARSER else text


class Parser(argparse.ArgumentParser):
    """Says what was meant when a command is misspelt."""

    def error(self, message: str) -> NoReturn:
        said = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
        close = difflib.get_close_matches(said, COMMANDS, n=1)
        if "invalid choice" in message and said not in COMMANDS:
            message = f"there is no command {said!r}" + (f"; did you mean {close[0]!r}?" if close else "")
        self.exit(2, f"{self.prog}: {message}\n  see: {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    terminal.prepare()
    parser = _parser()
    asked = parser.parse_args(arguments)
    if asked.command is None:
        parser.print_help()
        return 0
    try:
        return int(COMMANDS[asked.command][0](asked))
    except (BadSetting, GatewayError) as wrong:
        print(wrong, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _up(asked: argparse.Namespace) -> int:
    from deploy.up import up

    return up(house.environment())


def _api(asked: argparse.Namespace) -> int:
    env = house.environment()
    Settings.from_env(env)
    return _become("api", env)


def _worker(asked: argparse.Namespace) -> int:
    from deploy import welcome

    env = house.environment()
    settings = Settings.from_env(env)
    if settings.trading_env == "paper" and not settings.venue_urls:
        welcome.open_account(settings, PAPER_ANSWERS_WITHIN_S)
    return _become("workers", env)


def _paper(asked: argparse.Namespace) -> int:
    env = house.environment()
    if asked.if_needed and Settings.from_env(env).trading_env != "paper":
        house.rest("TRADING_ENV is not paper: the paper exchange is not needed and rests.")
    return _become("shared.paper", env)


def _redis(asked: argparse.Namespace) -> int:
    from deploy import redis

    env = house.environment()
    return redis.run(Settings.from_env(env), env, if_needed=asked.if_needed)


def _status(asked: argparse.Namespace) -> int:
    from deploy.status import status

    return status(as_json=asked.json, watch=asked.watch)


def _doctor(asked: argparse.Namespace) -> int:
    from deploy.doctor import doctor

    return doctor(as_json=asked.json)


def _keys(asked: argparse.Namespace) -> int:
    from deploy.keys import keys

    return keys(asked.action)


def _audit(asked: argparse.Namespace) -> int:
    from deploy import audit

    if asked.action == "verify":
        return audit.verify(asked.file, asked.seen)
    if asked.action == "export":
        return audit.export(asked.file)
    return audit.read(asked.last, asked.user, asked.what, as_json=asked.json)


def _users(asked: argparse.Namespace) -> int:
    from deploy.users import users

    return users(asked.action, asked.name, off=asked.off)


def _become(module: str, env: dict[str, str]) -> NoReturn:
    os.execve(sys.executable, [sys.executable, "-m", module], env)  # noqa: S606 - so that signals reach the part itself


COMMANDS: dict[str, tuple[Callable[[argparse.Namespace], int], str, str]] = {
    # command: (what runs, what it does, examples)
    "up": (
        _up,
        "start everything under supervisor, in the foreground; Ctrl-C stops it all",
        "orderwire up\n  PORT=1200 PAPER_PORT=4200 STATE_DIR=var2 orderwire up     a second house beside the first\n"
        "  REDIS_URL=redis://127.0.0.1:6379/0 orderwire up          with a Redis of yours",
    ),
    "api": (_api, "one api process, on HOST:PORT", "orderwire api\n  HOST=0.0.0.0 PORT=8080 orderwire api"),
    "worker": (_worker, "one worker; a first signal drains it, a second stops it", "orderwire worker"),
    "paper": (_paper, "the paper exchange, on HOST:PAPER_PORT", "orderwire paper\n  PAPER_PORT=4200 orderwire paper"),
    "redis": (_redis, "the embedded Redis, on 127.0.0.1:PORT+1000", "orderwire redis"),
    "status": (
        _status,
        "workers, shards, sessions, Redis and the api, as a table",
        "orderwire status\n  orderwire status --watch\n  orderwire status --json",
    ),
    "doctor": (_doctor, "what is wrong, and the command that mends it", "orderwire doctor\n  orderwire doctor --json"),
    "keys": (
        _keys,
        "which master key sealed what; `rotate` seals all anew with the first one, while everything runs",
        "orderwire keys\n  MASTER_KEYS=k2:…,k1:… orderwire keys rotate     every process must know both by now",
    ),
    "users": (
        _users,
        "who registered; make somebody an administrator, or end their logins",
        "orderwire users\n  orderwire users admin alice\n  orderwire users admin alice --off\n"
        "  orderwire users logout alice",
    ),
    "audit": (
        _audit,
        "who did what: read the log, verify its chain, export it",
        "orderwire audit --last 20 --user alice\n  orderwire audit verify --seen 3f2a…\n"
        "  orderwire audit export log.jsonl\n  orderwire audit verify log.jsonl",
    ),
}


def _parser() -> Parser:
    parser = Parser(
        prog="orderwire",
        description="A self-hosted order gateway. `orderwire up` starts everything; the others are its parts.",
        epilog=f"settings (environment): {', '.join(SETTINGS)}\nexample: WORKERS=4 orderwire up",
        formatter_class=Help,
    )
    parser.add_argument("--version", action="version", version=f"orderwire {house.version()}")
    commands = parser.add_subparsers(dest="command", metavar="command", title="commands")
    for name, (_, does, examples) in COMMANDS.items():
        part = commands.add_parser(
            name,
            help=does,
            description=does[0].upper() + does[1:] + ".",
            epilog=f"examples:\n  {examples}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name in ("redis", "paper"):
            part.add_argument("--if-needed", action="store_true", help="rest when the settings need none (Procfile)")
        if name in ("status", "doctor"):
            part.add_argument("--json", action="store_true", help="for programs")
        if name == "keys":
            part.add_argument("action", nargs="?", choices=("status", "rotate"), default="status")
        if name == "users":
            part.add_argument("action", nargs="?", choices=("list", "admin", "logout"), default="list")
            part.add_argument("name", nargs="?", help="whom")
            part.add_argument("--off", action="store_true", help="no administrator any more")
        if name == "audit":
            part.add_argument("action", nargs="?", choices=("read", "verify", "export"), default="read")
            part.add_argument("file", nargs="?", help="an export: to verify, or to write (- is standard output)")
            part.add_argument("--last", type=int, default=50, metavar="N", help="so many entries (50)")
            part.add_argument("--user", help="only of this user, by id or name")
            part.add_argument("--what", help="only of this kind, for example order. or login")
            part.add_argument("--seen", metavar="HASH", help="a hash that was once in the log")
            part.add_argument("--json", action="store_true", help="for programs")
        if name == "status":
            part.add_argument("--watch", action="store_true", help="again every 2 s, until Ctrl-C")
    return parser


if __name__ == "__main__":
    sys.exit(main())
