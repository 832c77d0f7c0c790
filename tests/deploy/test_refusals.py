"""Every refusal is a few lines that name the setting and the cure, with a status that is not zero."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from deploy import redis
from deploy.house import House
from shared.errors import BadSetting
from tests.deploy.running import free_house, run

REFUSED = [
    ("PORT", {"PORT": "eleven"}),
    ("PORT", {"PORT": "65000"}),
    ("PAPER_PORT", {"PAPER_PORT": "70000"}),
    ("PAPER_TLS_PORT", {"PAPER_TLS_PORT": "x"}),
    ("WORKERS", {"WORKERS": "-1"}),
    ("WORKERS", {"WORKERS": "1000"}),
    ("HOST", {"HOST": "no such host"}),
    ("STATE_DIR", {"STATE_DIR": "/dev/null/var"}),
    ("TRADING_ENV", {"TRADING_ENV": "production"}),
    ("REDIS_URL", {"TRADING_ENV": "live"}),
    ("REDIS_URL", {"REDIS_URL": "localhost:6379"}),
    ("REDIS_URL", {"REDIS_URL": "redis://127.0.0.1:1/0"}),
    ("JWT_SECRET", {"JWT_SECRET": "short"}),
    ("MASTER_KEYS", {"MASTER_KEYS": "k1:short"}),
    ("MASTER_KEYS_FILE", {"MASTER_KEYS_FILE": "/nowhere/keys"}),
    ("JWT_KEYS", {"JWT_KEYS": "j1:none:AAAA"}),
    ("LIMITS", {"LIMITS": "user:many"}),
    ("CORS_ORIGINS", {"CORS_ORIGINS": "app.example"}),
    ("TRUSTED_PROXIES", {"TRUSTED_PROXIES": "10.0.0.1/8"}),
    ("AUDIT_KEPT", {"AUDIT_KEPT": "1"}),
    ("GATE_REST_URL", {"GATE_REST_URL": "gate"}),
    ("SSE_OPEN", {"SSE_OPEN": "yes"}),
    ("LOG_LEVEL", {"LOG_LEVEL": "loud"}),
]


@pytest.mark.parametrize(("name", "said"), REFUSED)
def test_a_wrong_setting_is_named_with_its_cure(tmp_path: Path, name: str, said: dict[str, str]) -> None:
    refused = run("orderwire", "up", **free_house(tmp_path / "var") | said)

    assert refused.returncode != 0
    assert refused.stderr.startswith(f"{name}: "), refused.stderr
    assert 2 <= len(refused.stderr.splitlines()) <= 4
    assert "Traceback" not in refused.stderr + refused.stdout


@pytest.mark.parametrize("setting", ["PORT", "PAPER_PORT", "PAPER_TLS_PORT"])
def test_a_port_in_use_is_named(tmp_path: Path, setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = run("orderwire", "up", **free_house(tmp_path / "var") | {setting: str(port)})

    assert refused.returncode != 0
    assert refused.stderr.startswith(f"{setting}: ")
    assert str(port) in refused.stderr and "in use" in refused.stderr


def test_the_embedded_redis_port_in_use_is_explained(tmp_path: Path) -> None:
    said = free_house(tmp_path / "var")
    with socket.create_server(("127.0.0.1", int(said["PORT"]) + 1000)):
        refused = run("orderwire", "up", **said)

    assert refused.returncode != 0
    assert "PORT + 1000" in refused.stderr


def test_two_settings_cannot_share_a_port(tmp_path: Path) -> None:
    said = free_house(tmp_path / "var")
    refused = run("orderwire", "up", **said | {"PAPER_PORT": said["PORT"]})

    assert refused.returncode != 0
    assert "PORT" in refused.stderr and "PAPER_PORT" in refused.stderr


def test_a_password_is_never_shown(tmp_path: Path) -> None:
    said = free_house(tmp_path / "var") | {"REDIS_URL": "redis://:hunter2@127.0.0.1:1/0"}
    for command in ("up", "status", "doctor"):
        shown = run("orderwire", command, **said)
        assert shown.returncode != 0
        assert "hunter2" not in shown.stdout + shown.stderr


def test_data_of_a_newer_redis_is_not_silently_left_behind(tmp_path: Path) -> None:
    """Redis 6.2 does not see what 7 wrote: it would start empty, and every order would be gone."""
    (tmp_path / "appendonlydir").mkdir()

    redis.check_data(tmp_path, (7, 0, 15))
    with pytest.raises(BadSetting, match="Redis 7"):
        redis.check_data(tmp_path, (6, 2, 14))


def test_a_redis_server_is_found_without_debians(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    binary = redis.find()
    assert redis.version_of(binary) >= redis.VERSION_MIN


def test_an_old_redis_server_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = tmp_path / "redis-server"
    old.write_text(f"#!{sys.executable}\nprint('Redis server v=5.0.7 sha=0')\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert redis.find() != str(old)


def test_a_deep_state_dir_has_a_short_socket_that_everybody_finds(tmp_path: Path) -> None:
    deep = House(tmp_path / ("x" * 100))

    assert len(str(deep.socket)) < 100
    assert deep.socket == House(deep.state_dir).socket != House(tmp_path / ("y" * 100)).socket
