"""`make live-check` as somebody with a testnet key runs it; here the testnet is the paper exchange."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.errors import BadSetting, ConnectionLost, KeyRefused, VenueBusy, VenueRefused, VenueUnknown
from shared.exchanges import registry
from shared.exchanges.base import Endpoints, Venue
from shared.model import Credentials
from tests.deploy.running import clean_env
from tests.paper.process import PaperAccount, PaperProcess, free_port, wait_until
from tests.venues.contract import CHECKS
from tests.venues.contract.check import CannotTell, Check, Differs, Need
from tests.venues.gate.questions import QUESTIONS
from tests.venues.live import check_is_trial, outcome_of, questions_of
from tests.venues.page import CANNOT_TELL, DIFFERS, OK, Page, Result

ROOT = Path(__file__).resolve().parents[2]
WITHIN_S = 60
SEEN = {
    "1": '"finish_as":"_update"',
    "2": "without it: id int",
    "4": "payload !all alone: {",
    "5": "401 {",
    "6": "201 {",
    "7": "signed raw: ",
    "8": '"lever":',
    "9": "limit of orders: ",
    "10": "filled just now: found",
}
"""Of each question, what the paper exchange shows."""
KEYS = ("GATE_API_KEY", "GATE_API_SECRET")


@pytest.fixture(scope="module")
def paper() -> Iterator[PaperProcess]:
    with PaperProcess.running() as process:
        yield process


@pytest.fixture
def account(paper: PaperProcess) -> PaperAccount:
    paper.clear_faults()
    return paper.account(balances={"USDT": "100000"})


def env_of(paper: PaperProcess | None = None, account: PaperAccount | None = None, **said: str) -> dict[str, str]:
    env = {name: value for name, value in clean_env().items() if not name.startswith("GATE_")}
    if paper is not None:
        env |= {"TRADING_ENV": "paper", "PAPER_PORT": str(paper.port)}
    if account is not None:
        env |= dict(zip(KEYS, (account.api_key, account.api_secret), strict=True))
    return env | said


def live(env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.venues.live", *words]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=WITHIN_S, check=False)


def is_as_found(paper: PaperProcess, account: PaperAccount) -> bool:
    books = paper.books(account.uid)
    open_now = [row for row in (*books["orders"], *books["triggers"]) if row["status"] == "open"]
    return not open_now and all(row["size"] == "0" for row in books["positions"])


def test_it_runs_through_and_tells_each_check_and_each_question(
    paper: PaperProcess, account: PaperAccount, tmp_path: Path
) -> None:
    """To the end, a line each, without a secret, and leaves the account as it was found."""
    learned = tmp_path / "learned.json"
    done = live(env_of(paper, account), "gate", "--json", str(learned))
    said = json.loads(learned.read_text())

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    for check in CHECKS:
        assert (f"  ✓ ok          {check.sentence}  " in done.stdout) == (check.need != Need.PAPER_ONLY), check.name
    for question in QUESTIONS:
        assert f"{question.number:>3}. {question.words}" in done.stdout
    assert f"{len(QUESTIONS)} questions: " in done.stdout and " 0 differs, 0 cannot tell." in done.stdout
    assert "\033" not in done.stdout and "\r" not in done.stdout
    assert {row["outcome"] for row in said["checks"]} == {"ok"}
    assert [row["number"] for row in said["questions"]] == [str(number) for number in range(1, 12)]
    assert is_as_found(paper, account)
    for secret in (account.api_key, account.api_secret):
        assert secret not in done.stdout + learned.read_text()


def test_what_was_seen_and_what_it_means_is_told_for_each_question(
    paper: PaperProcess, account: PaperAccount, tmp_path: Path
) -> None:
    """The venue's own words are what a reader can judge by; those that cannot be asked say so."""
    learned = tmp_path / "learned.json"
    numbers = [question.number for question in QUESTIONS]
    done = live(env_of(paper, account), "gate", "--json", str(learned), "--only", *numbers)
    told = {row["number"]: row for row in json.loads(learned.read_text())["questions"]}

    for number, words in SEEN.items():
        assert any(words in line for line in told[number]["seen"]), f"question {number}: {told[number]['seen']}"
        assert told[number]["means"] or told[number]["open"]
    for number in told.keys() - SEEN.keys():
        assert told[number]["open"][0].startswith("cannot be asked") and not told[number]["settled"]
    for row in told.values():
        lines = [*(f"saw   {line}" for line in row["seen"]), *(f"means {line}" for line in row["means"])]
        for line in [*lines, *(f"open  {line}" for line in row["open"])]:
            assert f"     {line}\n" in done.stdout


def test_a_check_that_differs_gives_another_status_than_zero(paper: PaperProcess, account: PaperAccount) -> None:
    """And is named again at the end, with what was seen instead."""
    paper.fault("reject_order", uid=account.uid)
    done = live(env_of(paper, account), "gate", "--only", "waits", "identity")

    assert done.returncode == 1
    sentence = "an order that waits is told alike by the stream and over rest"
    assert f"✗ differs     {sentence}" in done.stdout and "INSUFFICIENT_AVAILABLE" in done.stdout
    assert done.stdout.rstrip().endswith(f"✗ {sentence}")
    assert "1 checks: 0 ok, 1 differs, 0 cannot tell." in done.stdout


def test_missing_keys_are_three_lines_that_say_what_to_set() -> None:
    done = live(env_of(), "gate")

    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) == 3 and all(name in lines[0] and name in lines[2] for name in KEYS)
    assert "make live-check VENUE=gate" in lines[2]


def test_only_the_key_that_is_missing_is_said_to_be(paper: PaperProcess) -> None:
    done = live(env_of(paper, GATE_API_KEY="not-shown-anywhere"), "gate")

    assert done.returncode == 1 and done.stderr.startswith("GATE_API_SECRET: is not set")
    assert "not-shown-anywhere" not in done.stderr


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"TRADING_ENV": "live"}, "TRADING_ENV"),
        ({"GATE_REST_URL": "https://api.gateio.ws/api/v4"}, "GATE_REST_URL: api.gateio.ws may be live money"),
        ({"GATE_WS_URL": "wss://fx-ws.gateio.ws/v4/ws/usdt"}, "GATE_WS_URL: fx-ws.gateio.ws may be live money"),
        ({"GATE_REST_URL": "https://203.0.114.7/api/v4"}, "203.0.114.7 may be live money"),
        ({"TRADING_ENV": "paper", "GATE_REST_URL": "https://api.gateio.ws/api/v4"}, "may be live money"),
    ],
)
def test_live_money_is_refused_before_anything_is_asked(said: dict[str, str], words: str) -> None:
    """With keys set, whatever the environment says: an address decides, and it must be known to be a trial's."""
    done = live(env_of(GATE_API_KEY="k", GATE_API_SECRET="s") | said, "gate")

    assert done.returncode == 1 and words in done.stderr and done.stdout == ""


@pytest.mark.parametrize("venue", registry.VENUES.values(), ids=registry.VENUES)
def test_no_venue_may_be_asked_at_its_live_address(venue: Venue) -> None:
    def local(url: str) -> str:
        return url.replace("{paper}", "http://127.0.0.1").replace("{paper_ws}", "ws://127.0.0.1")

    for environment in ("testnet", "paper"):
        known = venue.endpoints(environment)
        check_is_trial(venue, Endpoints(local(known.rest_url), local(known.ws_url)))

    with pytest.raises(BadSetting):
        check_is_trial(venue, venue.endpoints("live"))


def test_a_key_that_the_venue_refuses_is_said_with_its_label(paper: PaperProcess, account: PaperAccount) -> None:
    done = live(env_of(paper, account, GATE_API_SECRET="another-secret"), "gate")

    assert done.returncode == 1 and "The key is refused: gate: INVALID_SIGNATURE" in done.stdout
    assert "another-secret" not in done.stdout + done.stderr


def test_a_venue_that_does_not_answer_is_said_at_once(account: PaperAccount) -> None:
    nobody = f"http://127.0.0.1:{free_port()}/api/v4"
    done = live(env_of(None, account, GATE_REST_URL=nobody, GATE_WS_URL="ws://127.0.0.1:1/"), "gate")

    assert done.returncode == 1 and "gate cannot be asked: gate: CANNOT_CONNECT" in done.stdout


def test_a_paper_exchange_that_is_not_there_is_said_with_the_cure() -> None:
    done = live(env_of(TRADING_ENV="paper", PAPER_PORT=str(free_port())), "gate")

    assert done.returncode == 1 and "make paper" in done.stderr


@pytest.mark.parametrize(("words", "said"), [((), "make live-check VENUE="), (("nosuch",), "no such venue")])
def test_a_venue_that_is_not_named_or_not_known_is_said(words: tuple[str, ...], said: str) -> None:
    done = live(env_of(), *words)

    assert done.returncode == 1 and said in done.stderr


def test_read_only_places_nothing(paper: PaperProcess, account: PaperAccount) -> None:
    done = live(env_of(paper, account), "gate", "--read-only")
    books = paper.books(account.uid)

    assert done.returncode == 0 and "only asks" in done.stdout
    assert books["orders"] == books["triggers"] == books["positions"] == []


@pytest.mark.parametrize("states", [{"open"}, {"open", "finished"}], ids=["placing", "cleaning"])
async def test_an_interruption_puts_the_account_in_order(
    paper: PaperProcess, account: PaperAccount, states: set[str]
) -> None:
    """Whoever presses Ctrl-C finds no order open afterwards, also when they were just being cancelled."""

    def is_there() -> bool:
        return {row["status"] for row in paper.books(account.uid)["orders"]} == states

    paper.fault("delay_reply", uid=account.uid, ms=250)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.venues.live", "gate", "--only", "alike", cwd=ROOT, env=env_of(paper, account),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        await asyncio.to_thread(wait_until, is_there, WITHIN_S)
        process.send_signal(signal.SIGINT)
        said, _ = await asyncio.wait_for(process.communicate(), WITHIN_S)
    finally:
        paper.clear_faults()
        if process.returncode is None:
            process.kill()

    assert process.returncode == 130 and b"Stopped" in said and b"Traceback" not in said
    assert is_as_found(paper, account)


@pytest.mark.parametrize(
    ("raised", "outcome"),
    [
        (None, OK),
        (Differs("otherwise"), DIFFERS),
        (CannotTell("not here"), CANNOT_TELL),
        (ConnectionLost("away"), CANNOT_TELL),
        (VenueBusy("gate", "TOO_MANY_REQUESTS", ""), CANNOT_TELL),
        (VenueUnknown("gate", "NO_ANSWER", ""), CANNOT_TELL),
        (VenueUnknown("gate", "HTTP_404", ""), DIFFERS),
        (VenueRefused("gate", "INVALID_PARAM_VALUE", ""), DIFFERS),
        (KeyRefused("gate", "READ_ONLY", ""), DIFFERS),
        (KeyError("price"), DIFFERS),
    ],
)
async def test_what_went_wrong_decides_what_is_said(raised: Exception | None, outcome: str) -> None:
    """An outage tells nothing of the contract; an answer that nobody expected does."""

    async def run(_: object) -> None:
        if raised is not None:
            raise raised

    assert (await outcome_of(Check(run, Need.READ_ONLY), None))[0] == outcome  # type: ignore[arg-type]  # it is not asked


def test_no_key_passes_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a venue echoes: the key, the secret, a signature; and the account's number is nobody's business."""
    keys, page = Credentials("key-0123456789", "secret-9876543210", "phrase-5555"), Page()
    page.hide(keys)
    page.hide_text("15564602", "<uid>")
    words = f"{keys.api_key} {keys.api_secret} {keys.passphrase} {'0f' * 64} of 15564602"
    page.line(words)
    page.note("saw", words)
    page.note("means", words)
    page.result(Result(CHECKS[0], DIFFERS, words))
    said = capsys.readouterr().out

    assert said.count("… … … … of <uid>") == 4
    assert not any(secret in said for secret in (keys.api_key, keys.api_secret, "phrase", "0f0f", "15564602"))


def test_a_venue_whose_papers_leave_nothing_open_has_no_questions() -> None:
    assert questions_of("gate") == QUESTIONS and questions_of("nosuch") == ()


def test_the_makefile_runs_it() -> None:
    command = ["make", "-n", "live-check", "VENUE=gate", "JSON=learned.json"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)

    assert "-m tests.venues.live gate --json learned.json" in said.stdout
