"""The Procfile runs the same parts, with the same settings, although Procfile tools hand out ports of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import psutil

from deploy.house import environment
from tests.deploy.running import BIN, ROOT, clean_env, free_house, wait_until


def test_honcho_starts_a_house_on_the_port_that_was_said(tmp_path: Path) -> None:
    said = free_house(tmp_path / "var")
    with (tmp_path / "honcho.log").open("wb") as log:
        honcho = subprocess.Popen(
            [str(BIN / "honcho"), "start"], cwd=ROOT, env=clean_env(**said), stdout=log, stderr=log
        )
    try:
        wait_until(lambda: is_ready(int(said["PORT"])), "the house is ready", 40)
        parts = psutil.Process(honcho.pid).children(recursive=True)
    finally:
        honcho.send_signal(signal.SIGTERM)
        honcho.wait(30)

    assert len(parts) >= 4
    wait_until(lambda: not any(part.is_running() for part in parts), "nothing is left")


def is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as reply:
            return bool(reply.status == 200)
    except urllib.error.HTTPError as error:
        error.close()
        return False
    except OSError:
        return False


def test_a_handed_out_port_is_not_taken_for_ours() -> None:
    """honcho gives the worker 5300; what counts is what honcho itself was started with."""
    handed = environment({"PORT": "5300", "HONCHO_PROCESS_NAME": "worker.1", "PATH": os.defpath})

    assert handed.get("PORT") == own_port()


def own_port() -> str | None:
    """The PORT that the one above us was started with, if any."""
    above = Path(f"/proc/{os.getppid()}/environ").read_bytes().split(b"\0")
    return next((pair[5:].decode() for pair in above if pair.startswith(b"PORT=")), None)


def test_every_part_is_in_the_procfile() -> None:
    names = [line.partition(":")[0] for line in (ROOT / "Procfile").read_text().splitlines() if line]

    assert names == ["redis", "paper", "api", "worker"]
