"""`orderwire status` and `orderwire doctor`: what they say when all is well, and when it is not."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from deploy import doctor, terminal
from shared.settings import Settings
from tests.deploy.running import BIN, Running, clean_env, free_house, ready, run


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with ready(tmp_path_factory.mktemp("status") / "var") as running:
        yield running


def test_status_of_a_house_that_is_well(house: Running) -> None:
    said = house.run("orderwire", "status")

    assert said.returncode == 0
    assert "256 of 256 owned" in said.stdout
    assert "worker_00" in said.stdout and "worker_01" in said.stdout
    assert "\033[" not in said.stdout, "colours are for terminals"


def test_status_for_programs(house: Running) -> None:
    said = json.loads(house.run("orderwire", "status", "--json").stdout)

    assert said["api_ready"] is True
    assert said["redis"]["aof"] is True
    assert len(said["workers"]) == 2


def test_doctor_finds_nothing_in_a_house_that_is_well(house: Running) -> None:
    said = house.run("orderwire", "doctor")

    assert said.returncode == 0, said.stdout
    assert "All is well" in said.stdout


def test_the_cures_of_doctor_mend(house: Running) -> None:
    """A shifted paper clock and a stopped append-only file: each printed cure, run as it stands, ends the complaint."""
    shift(house, 90_000)
    with redis.Redis.from_url(f"redis://127.0.0.1:{house.ports[2]}/0") as client:
        client.config_set("appendonly", "no")
    said = json.loads(house.run("orderwire", "doctor", "--json").stdout)
    wrong = {finding["what"]: finding["cure"] for finding in said if not finding["is_good"]}
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    for cure in wrong.values():
        subprocess.run(["bash", "-c", cure], env=clean_env(PATH=path), capture_output=True, timeout=20, check=True)

    assert set(wrong) == {"paper", "redis"}
    assert house.run("orderwire", "doctor").returncode == 0


def shift(house: Running, skew_ms: int) -> None:
    body = json.dumps({"skew_ms": skew_ms}).encode()
    with urllib.request.urlopen(f"http://127.0.0.1:{house.ports[1]}/paper/clock", body, timeout=5) as reply:
        reply.read()


def test_status_without_redis_says_so(tmp_path: Path) -> None:
    said = run("orderwire", "status", **free_house(tmp_path / "var"))

    assert said.returncode == 1
    assert "is away" in said.stdout
    assert "Traceback" not in said.stderr


def test_doctor_without_a_house_names_what_to_do(tmp_path: Path) -> None:
    said = run("orderwire", "doctor", **free_house(tmp_path / "var"))

    assert said.returncode == 1
    assert "make up" in said.stdout
    assert "Traceback" not in said.stderr


def test_doctor_names_what_live_trading_needs(tmp_path: Path) -> None:
    said = run("orderwire", "doctor", **free_house(tmp_path / "var"), TRADING_ENV="live")

    assert said.returncode == 1
    assert "REDIS_URL" in said.stdout


async def test_doctor_sees_a_redis_that_would_lose_orders(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.config_set("appendonly", "no")
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("maxmemory", client.info("memory")["used_memory"])
    findings = await doctor.check_redis(Settings.from_env({"REDIS_URL": redis_url}))

    said = " ".join(finding.says for finding in findings if not finding.is_good)
    assert "append-only" in said and "evicts" in said and "used" in said
    assert all(finding.cure.startswith("redis-cli -u redis://") for finding in findings if not finding.is_good)


def test_weak_secrets_are_named() -> None:
    weak = {"JWT_SECRET": "a" * 40, "MASTER_KEYS": "k1:" + "A" * 43 + "="}

    assert [finding.is_good for finding in doctor.check_secrets(weak)] == [False, False]


def test_an_open_stream_on_a_network_is_named() -> None:
    exposed = Settings.from_env({"SSE_OPEN": "1", "HOST": "0.0.0.0"})

    assert doctor.check_exposure(exposed)
    assert not doctor.check_exposure(Settings.from_env({"SSE_OPEN": "1"}))


def test_amounts_are_said_as_people_read_them() -> None:
    assert [terminal.to_size(size) for size in (0, 1536, 60 * 2**20, 3 * 2**40)] == [
        "0 B",
        "1.5 KiB",
        "60 MiB",
        "3.0 TiB",
    ]
    assert [terminal.to_age(age) for age in (3, 125, 3_700, 90_000)] == ["3 s", "2 min", "1 h 1 min", "1 d 1 h"]


def test_a_table_keeps_its_columns() -> None:
    shown = terminal.table(("worker", "pid"), [("w-1", "7"), ("worker-2", "12345")])

    assert [len(line) for line in shown.splitlines()] == [2 + 8 + 3 + 5] * 3
