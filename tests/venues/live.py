"""`make live-check VENUE=gate`: the contract and the open questions, asked at a venue's testnet with a key of yours.

It runs what only asks and what trades the smallest size, says each as it goes, and leaves the account as it was found.
It does not run on live money. With TRADING_ENV=paper it asks a running paper exchange, with an account made for it.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import ipaddress
import json
import logging
import os
import re
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deploy import terminal
from shared.clock import CLOCK
from shared.errors import BadRequest, BadSetting, ConnectionLost, GatewayError, KeyRefused, VenueBusy, VenueUnknown
from shared.exchanges import registry
from shared.exchanges.base import Endpoints, Venue
from shared.model import Credentials
from shared.settings import SETTINGS, Settings
from tests.venues.contract import CHECKS
from tests.venues.contract.bench import USUAL_NAME, Bench, Paper, bench_of
from tests.venues.contract.check import OUR_OWN_LABELS, CannotTell, Check, Differs, Need
from tests.venues.page import CANNOT_TELL, DIFFERS, OK, Page, Result
from tests.venues.question import Notes, Question

KEYS = ("API_KEY", "API_SECRET")
MORE_KEYS = {"okx": ("API_PASSPHRASE",)}
"""What a venue wants beside a key and its secret."""
TRIAL_HOSTS = re.compile(r"(^|[.-])(test|testnet|demo|sandbox|paper|mock)", re.IGNORECASE)
"""Hosts whose name says that nothing there is worth money."""
CHECK_WITHIN_S = 120.0
QUESTION_WITHIN_S = 300.0
PATIENCE_S = 10.0
HELD, FAILED, STOPPED = 0, 1, 130
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def main(arguments: Sequence[str] | None = None) -> int:
    terminal.prepare()
    logging.basicConfig(level=logging.ERROR)
    asked = _parser().parse_args(arguments)
    try:
        run = Run(asked, os.environ)
    except (BadSetting, BadRequest) as wrong:
        print(wrong, file=sys.stderr)
        return FAILED
    try:
        return asyncio.run(run.run())
    except (KeyboardInterrupt, asyncio.CancelledError):
        return STOPPED
    except (BadSetting, GatewayError, OSError) as wrong:
        print(run.page.clean(str(wrong)), file=sys.stderr)
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.venues.live",
        description="Asks a venue's testnet whether it keeps what our connector stands on.",
        epilog="Keys come from <VENUE>_API_KEY and <VENUE>_API_SECRET. TRADING_ENV=paper asks a paper exchange.",
    )
    parser.add_argument("venue", nargs="?", default="", help=f"one of: {', '.join(registry.VENUES)}")
    parser.add_argument("--read-only", action="store_true", help="place nothing: only what asks")
    parser.add_argument(
        "--only", nargs="+", metavar="WORD", default=[], help="checks with this word, questions by number"
    )
    parser.add_argument("--symbol", default=USUAL_NAME, help=f"what is traded (default {USUAL_NAME})")
    parser.add_argument("--flood", action="store_true", help="also ask what follows too many requests, by making them")
    parser.add_argument(
        "--patience", type=float, default=PATIENCE_S, metavar="S", help="seconds that an answer may take"
    )
    parser.add_argument("--json", metavar="FILE", help="write what was learned there too")
    return parser


# Where, and with what.


class Run:
    """One run: whom it asks, and what it has learned so far."""

    def __init__(self, asked: argparse.Namespace, env: Mapping[str, str]) -> None:
        if not asked.venue:
            raise BadSetting(
                "VENUE", "is not set", f"say whom to ask: make live-check VENUE={next(iter(registry.VENUES))}"
            )
        self.asked, self.venue = asked, registry.venue(asked.venue).at(_environment(env))
        self.environment = _environment(env)
        self.settings = _settings(env)
        self.endpoints = registry.endpoints(self.settings, self.venue.name, self.environment)
        check_is_trial(self.venue, self.endpoints)
        self.credentials = _credentials(self.venue, self.environment, env)
        self.page = Page()
        self.results: list[Result] = []
        self.notes: dict[Question, Notes] = {}
        self.left: list[str] = []

    async def run(self) -> int:
        began_s = time.monotonic()
        self._heed_signals()
        paper = Paper(self.settings.paper_url) if self.environment == "paper" else None
        credentials = self.credentials or await self._open_account(paper)
        self.page.hide(credentials)
        self._say_where()
        options = {"name": self.asked.symbol, "patience_s": self.asked.patience}
        try:
            async with bench_of(self.venue, self.environment, self.endpoints, credentials, **options) as bench:
                self.page.hide_text(bench.identity, "<uid>")
                await self._run(bench)
        except KeyRefused as refused:
            self.page.line(f"The key is refused: {refused}")
            self.page.line("  A testnet wants a key that was made there; a live key is unknown to it.")
            return FAILED
        except (ConnectionLost, VenueBusy, VenueUnknown) as away:
            self.page.line(f"{self.venue.name} cannot be asked: {away}")
            return FAILED
        finally:
            self._write()
        return self._sum_up(time.monotonic() - began_s)

    async def _run(self, bench: Bench) -> None:
        try:
            if checks := self._checks():
                self.page.head("What every venue keeps")
            for check in checks:
                await self._check(bench, check)
            if questions := self._questions():
                self.page.head(f"What the papers about {self.venue.name} leave open")
            for question in questions:
                await self._ask(bench, question)
        except asyncio.CancelledError:
            self.page.line("Stopped." if bench.told else "Stopped; what was placed is cancelled and closed.")
            raise
        finally:
            self.left += bench.told
            for words in bench.told:
                self.page.line(terminal.paint(f"✗ {words}: look there yourself", "red"))

    def _heed_signals(self) -> None:
        """The first one ends the check under way, which puts its things in order; a second one ends everything."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def stop() -> None:
            self.page.line("\nStopping: what was placed is cancelled and closed first …")
            for number in SIGNALS:
                loop.remove_signal_handler(number)
            task.cancel()

        for number in SIGNALS:
            loop.add_signal_handler(number, stop)

    def _checks(self) -> list[Check]:
        allowed = {Need.READ_ONLY} if self.asked.read_only else {Need.READ_ONLY, Need.SMALLEST_SIZE}
        return [each for each in CHECKS if each.need in allowed and self._is_meant(each.sentence)]

    def _questions(self) -> list[Question]:
        allowed = {Need.READ_ONLY} if self.asked.read_only else {Need.READ_ONLY, Need.SMALLEST_SIZE}
        return [each for each in questions_of(self.venue.name) if each.need in allowed and self._is_meant(each.number)]

    def _is_meant(self, words: str) -> bool:
        return not self.asked.only or any(word == words or word.lower() in words.split() for word in self.asked.only)

    async def _check(self, bench: Bench, check: Check) -> None:
        result = Result(check)
        with self.page.waiting(check.sentence):
            began_s = time.monotonic()
            result.outcome, result.says = await outcome_of(check, bench)
            result.took_s = time.monotonic() - began_s
        self.results.append(result)
        self.page.result(result)

    async def _ask(self, bench: Bench, question: Question) -> None:
        self.page.question(question)
        options = {name for name in ("read_only", "flood") if getattr(self.asked, name)}
        notes = self.notes[question] = Notes(self.page.note, bench, frozenset(options))
        try:
            async with asyncio.timeout(QUESTION_WITHIN_S):
                await question.ask(notes)
        except CannotTell as reason:
            notes.leaves(str(reason))
        except TimeoutError:
            notes.leaves(f"no answer within {QUESTION_WITHIN_S:g} s")
        except (GatewayError, Differs, ArithmeticError, LookupError, ValueError, TypeError) as error:
            notes.leaves(f"it went otherwise than expected: {type(error).__name__}: {error}")

    async def _open_account(self, paper: Paper | None) -> Credentials:
        assert paper is not None, "only paper goes without keys"
        try:
            return await paper.open_account(balances={"USDT": "100000"})
        except OSError:
            raise BadSetting(
                "PAPER_PORT",
                f"no paper exchange answers at {paper.url}",
                "start one with make paper, or set PAPER_PORT",
            ) from None

    def _say_where(self) -> None:
        self.page.line(f"Live check of {self.venue.name} · {self.environment}{' · only asks' * self.asked.read_only}")
        self.page.line(f"  {self.endpoints.rest_url}")
        for url in (self.endpoints.ws_url, *self.endpoints.more_ws_urls):
            self.page.line(f"  {url}")

    # The end.

    def _sum_up(self, took_s: float) -> int:
        counts = {word: sum(each.outcome == word for each in self.results) for word in (OK, DIFFERS, CANNOT_TELL)}
        settled = sum(notes.is_settled for notes in self.notes.values())
        checks = ", ".join(f"{count} {word}" for word, count in counts.items())
        self.page.line("")
        self.page.line(f"{len(self.results)} checks: {checks}.")
        if self.notes:
            part = sum(bool(notes.meant) and not notes.is_settled for notes in self.notes.values())
            rest = len(self.notes) - settled - part
            self.page.line(f"{len(self.notes)} questions: {settled} settled, {part} in part, {rest} open.")
        if self.environment == "paper":
            self.page.line(f"It was the paper exchange that answered: of {self.venue.name} itself nothing was learned.")
        self.page.line(f"{took_s:.0f} s.")
        for each in self.results:
            if each.outcome == DIFFERS:
                self.page.line(f"  {terminal.paint('✗', 'red')} {each.check.sentence}")
        return FAILED if counts[DIFFERS] or self.left or not (counts[OK] or self.notes) else HELD

    def _write(self) -> None:
        if not self.asked.json:
            return

        def clean(lines: list[str]) -> list[str]:
            return [self.page.clean(line) for line in lines]

        said: dict[str, Any] = {
            "venue": self.venue.name,
            "environment": self.environment,
            "at_ms": CLOCK.now_ms(),
            "checks": [each.to_row() | {"says": self.page.clean(each.says)} for each in self.results],
            "questions": [
                {"number": question.number, "question": question.words, "settled": notes.is_settled}
                | {"seen": clean(notes.seen), "means": clean(notes.meant), "open": clean(notes.open)}
                for question, notes in self.notes.items()
            ],
            "left_behind": clean(self.left),
        }
        Path(self.asked.json).write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n")


def _environment(env: Mapping[str, str]) -> str:
    said = env.get("TRADING_ENV", "").strip() or "testnet"
    if said not in ("testnet", "paper"):
        raise BadSetting("TRADING_ENV", f"is {said!r}", "live-check runs on testnet or paper, never on live money")
    return said


def _settings(env: Mapping[str, str]) -> Settings:
    """For the addresses alone: a testnet is asked without a house of one's own."""
    said = {name: value for name, value in env.items() if name in SETTINGS}
    return Settings.from_env(said | {"TRADING_ENV": "paper"})


def check_is_trial(venue: Venue, endpoints: Endpoints) -> None:
    """Every address must be one where nothing is worth money; a mistyped override must not place orders elsewhere."""
    known = venue.endpoints("testnet")
    trial = {urlsplit(url).hostname for url in (known.rest_url, known.ws_url, *known.more_ws_urls)}
    for name, urls in (("REST_URL", [endpoints.rest_url]), ("WS_URL", [endpoints.ws_url, *endpoints.more_ws_urls])):
        for url in urls:
            host = urlsplit(url).hostname or ""
            if host not in trial and not TRIAL_HOSTS.search(host) and not _is_private(host):
                setting = f"{venue.name.upper()}_{name}"
                raise BadSetting(setting, f"{host} may be live money", "unset it, or name a testnet or a private host")


def _is_private(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False


def _credentials(venue: Venue, environment: str, env: Mapping[str, str]) -> Credentials | None:
    """None where an account can be made."""
    names = [f"{venue.name.upper()}_{name}" for name in (*KEYS, *MORE_KEYS.get(venue.name, ()))]
    missing = [name for name in names if not env.get(name, "").strip()]
    if environment == "paper" and len(missing) == len(names):
        return None
    if missing:
        shown = " ".join(f"{name}=…" for name in names)
        command = f"{shown} make live-check VENUE={venue.name}"
        cure = f"make a key that may trade at the testnet of {venue.name}, then:\n  {command}"
        raise BadSetting(" and ".join(missing), f"{'are' if len(missing) > 1 else 'is'} not set", cure)
    return Credentials(*(env[name].strip() for name in names))


def questions_of(venue_name: str) -> Sequence[Question]:
    """None for a venue whose papers leave nothing open."""
    name = f"tests.venues.{venue_name}.questions"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name is None or not name.startswith(missing.name):
            raise
        return ()
    found: Sequence[Question] = module.QUESTIONS
    return found


async def outcome_of(check: Check, bench: Bench) -> tuple[str, str]:
    """How a check went, and why it did not simply hold."""
    try:
        async with asyncio.timeout(CHECK_WITHIN_S):
            await check.run(bench)
    except CannotTell as reason:
        return CANNOT_TELL, str(reason)
    except Differs as seen:
        return DIFFERS, str(seen)
    except ConnectionLost as away:
        return CANNOT_TELL, str(away)
    except (VenueBusy, VenueUnknown) as away:
        # With a label it is the venue that says so, and no check breaks anything here.
        return CANNOT_TELL if isinstance(away, VenueBusy) or away.venue_code in OUR_OWN_LABELS else DIFFERS, str(away)
    except TimeoutError:
        return DIFFERS, f"it did not end within {CHECK_WITHIN_S:g} s"
    except Exception as error:
        return DIFFERS, str(error) if isinstance(error, GatewayError) else f"{type(error).__name__}: {error}"
    return OK, ""


if __name__ == "__main__":
    sys.exit(main())
