"""supervisorctl's `scale`, `drain`, `roll`, `sessions` and `status`, on a house that runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.supervisor import Refused, to_target
from tests.deploy.running import Running, ready, run


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with ready(tmp_path_factory.mktemp("scale") / "var") as running:
        yield running


@pytest.fixture(autouse=True)
def two_workers(request: pytest.FixtureRequest) -> None:
    if "house" in request.fixturenames:
        request.getfixturevalue("house").ctl("scale worker 2")


def test_scaling_restarts_nobody(house: Running) -> None:
    """2 → 4 → 6 → 5 → 2: whoever is there before and after is the same process."""
    before = house.workers()
    for words, count in (("4", 4), ("+2", 6), ("-1", 5), ("2", 2)):
        said = house.ctl(f"scale worker {words}")
        now = house.workers()

        assert said.returncode == 0, said.stdout
        assert len(now) == count
        assert all(now[name] == pid for name, pid in before.items() if name in now)
        before = now


def test_the_same_number_changes_nothing(house: Running) -> None:
    before = house.workers()
    said = house.ctl("scale worker 2")

    assert said.returncode == 0
    assert "nothing to do" in said.stdout
    assert house.workers() == before


def test_a_roll_replaces_everybody_and_never_has_fewer(house: Running) -> None:
    before = house.workers()
    said = house.ctl("roll")
    after = house.workers()

    assert said.returncode == 0, said.stdout
    assert len(after) == len(before)
    assert not set(after.values()) & set(before.values())


def test_one_worker_drains_and_stays_away(house: Running) -> None:
    name = sorted(house.workers())[0]
    said = house.ctl(f"drain {name}")

    assert said.returncode == 0, said.stdout
    assert name not in house.workers()


def test_all_workers_drain(house: Running) -> None:
    said = house.ctl("drain")

    assert said.returncode == 0, said.stdout
    assert house.workers() == {}
    assert house.ctl("roll").returncode != 0
    assert "No worker" in house.ctl("sessions").stdout


def test_sessions_shows_every_worker(house: Running) -> None:
    said = house.ctl("sessions")

    assert said.returncode == 0
    assert "256 of 256 owned" in said.stdout
    assert all(name.removeprefix("worker:") in said.stdout for name in house.workers())


def test_status_is_green_and_hides_the_free_slots(house: Running) -> None:
    said = house.ctl("status")

    assert said.returncode == 0
    assert len(said.stdout.splitlines()) == 5
    assert all("RUNNING" in line for line in said.stdout.splitlines())


def test_every_command_has_help(house: Running) -> None:
    for command in ("scale", "drain", "roll", "sessions"):
        said = house.ctl(f"help {command}").stdout
        assert command in said and "No help" not in said


@pytest.mark.parametrize("words", ["scale", "scale api 2", "scale worker many", "scale worker -9", "scale worker 999"])
def test_a_wrong_word_is_one_clear_sentence(house: Running, words: str) -> None:
    before = house.workers()
    said = house.ctl(words)

    assert said.returncode != 0
    assert said.stdout.startswith("scale: ")
    assert len(said.stdout.splitlines()) == 1
    assert house.workers() == before


def test_the_shell_needs_only_the_place(house: Running) -> None:
    """A running house keeps its settings: PORT and the others need not be said again."""
    where = {"STATE_DIR": house.env["STATE_DIR"]}

    assert run("supervisorctl", "-c", "supervisord.conf", "scale", "worker", "2", **where).returncode == 0
    assert "256 of 256 owned" in run("orderwire", "status", **where).stdout


def test_without_a_house_it_says_how_to_start_one(tmp_path: Path) -> None:
    for command in ("scale worker 2", "drain", "roll", "status"):
        said = run("supervisorctl", "-c", "supervisord.conf", *command.split(), STATE_DIR=str(tmp_path / "none"))
        assert said.returncode != 0
        assert "make up" in said.stdout


@pytest.mark.parametrize(("word", "running", "target"), [("4", 2, 4), ("+2", 2, 4), ("-1", 4, 3), ("0", 3, 0)])
def test_words_for_a_number_of_workers(word: str, running: int, target: int) -> None:
    assert to_target(word, running) == target


@pytest.mark.parametrize("word", ["", "+", "-", "x", "1.5", "²", "--1", "65", "-3", "9" * 40])
def test_words_for_no_number_of_workers(word: str) -> None:
    with pytest.raises(Refused):
        to_target(word, 2)
