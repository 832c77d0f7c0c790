"""`orderwire up`: what it prints works when pasted, and what it started is gone when it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.deploy.running import listens, ready, run, up, wait_until


def test_the_first_minute(tmp_path: Path) -> None:
    """The two lines that a newcomer pastes place an order and show it; the stream can be followed before the first."""
    with ready(tmp_path / "var") as house:
        place, follow = house.curl_lines()
        reader = subprocess.Popen(["bash", "-c", follow], stdout=subprocess.PIPE, text=True)
        try:
            assert reader.stdout is not None
            lines = iter(reader.stdout.readline, "")
            assert next(line for line in lines if line.startswith("event: snapshot"))
            placed = subprocess.run(["bash", "-c", place], capture_output=True, text=True, timeout=20, check=True)
            order = json.loads(placed.stdout)["data"]["order"]
            seen = next(line for line in lines if line.startswith("data: ") and f'"id":"{order["id"]}"' in line)
        finally:
            reader.kill()
            reader.communicate()

        assert json.loads(placed.stdout)["message"] == "ok"
        assert json.loads(seen.removeprefix("data: "))["user_id"] == "demo"
        assert f"http://127.0.0.1:{house.port}/" in house.said()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    with ready(tmp_path / "var") as house:
        status = house.stop(number)

        assert status == 0
        assert len(house.others) >= 6, "supervisord, Redis, the paper exchange, the api and two workers"
        assert house.left() == []
        assert not any(listens(port) for port in house.ports)


def test_a_killed_parent_leaves_nothing(tmp_path: Path) -> None:
    """Whoever kills `orderwire up` outright must not find its ports taken next time."""
    with ready(tmp_path / "var") as house:
        house.look()
        house.process.kill()
        house.process.wait()

        wait_until(lambda: not house.left(), "supervisord stopped by itself", 40)


def test_orders_and_keys_survive_a_restart(tmp_path: Path) -> None:
    """The user `demo` belongs to the first keys that used it, so the next start must print the same ones."""
    with ready(tmp_path / "var") as house:
        env, (place, follow) = house.env, house.curl_lines()
        first = subprocess.run(["bash", "-c", place], capture_output=True, text=True, timeout=20, check=True)
        house.stop()
    with ready(tmp_path / "var", **env) as house:
        assert house.curl_lines() == [place, follow]
        again = subprocess.run(["bash", "-c", place], capture_output=True, text=True, timeout=20, check=True)
        shown = house.run("orderwire", "status", "--json")

    assert json.loads(first.stdout)["message"] == json.loads(again.stdout)["message"] == "ok"
    assert json.loads(shown.stdout)["sessions"] == 1


def test_a_second_one_in_the_same_place_is_refused(tmp_path: Path) -> None:
    with ready(tmp_path / "var") as house:
        second = house.run("orderwire", "up")

        assert second.returncode != 0
        assert "STATE_DIR" in second.stderr and f"pid {house.process.pid}" in second.stderr
        assert house.process.poll() is None


def test_a_program_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    """A broken append-only file keeps Redis down: the user sees Redis' own words, not a time-out."""
    broken = tmp_path / "var" / "redis" / "appendonlydir"
    broken.mkdir(parents=True)
    (broken / "appendonly.aof.manifest").write_text("nonsense\n")
    with up(tmp_path / "var") as house:
        status = house.process.wait(40)

        assert status == 1
        assert "redis does not start" in house.said() or "holds data of Redis 7" in house.said()
        assert "Traceback" not in house.said()


def test_everything_also_works_in_a_deep_folder(tmp_path: Path) -> None:
    """A Unix socket's path ends at 107 bytes; folders do not."""
    deep = tmp_path / ("deep" * 20) / "var"
    with ready(deep, WORKERS="1") as house:
        assert len(house.workers()) == 1


def test_it_runs_with_a_redis_of_yours(tmp_path: Path, redis_url: str) -> None:
    """On a Redis that others use too, `demo` may be taken: the printed user has a name of its own."""
    with ready(tmp_path / "var", REDIS_URL=redis_url, WORKERS="1") as house:
        place, _ = house.curl_lines()
        placed = subprocess.run(["bash", "-c", place], capture_output=True, text=True, timeout=20, check=True)

        assert json.loads(placed.stdout)["message"] == "ok"
        assert not listens(house.ports[2])
        assert "demo-" in place


def test_the_api_runs_on_a_worker_that_is_killed(tmp_path: Path) -> None:
    """supervisord starts again what died; only what drained stays down."""
    with ready(tmp_path / "var", WORKERS="1") as house:
        ((name, pid),) = house.workers().items()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: house.workers().get(name, pid) != pid, "another process in its place")

        assert not psutil.pid_exists(pid)


def test_help_and_version_need_nothing() -> None:
    for words in (["--help"], ["--version"], *([part, "--help"] for part in ("up", "api", "worker", "paper", "redis"))):
        assert run("orderwire", *words).returncode == 0


def test_a_misspelt_command_is_recognised() -> None:
    said = run("orderwire", "staus")

    assert said.returncode == 2
    assert "did you mean 'status'" in said.stderr
