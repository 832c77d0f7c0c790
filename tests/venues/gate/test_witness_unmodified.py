"""The witnesses are those that the project pins, byte for byte as their makers published them."""

from __future__ import annotations

import base64
import hashlib
from importlib import metadata
from pathlib import Path

import pytest

PINS = (Path(__file__).parents[3] / "pyproject.toml").read_text()


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("gate-api", "gate_api/"), ("gate-ws", "gate_ws/"), ("ccxt", "ccxt/pro/gate.py"), ("ccxt", "ccxt/base/"),
        ("ccxt", "ccxt/async_support/gate.py"), ("ccxt", "ccxt/async_support/base/"),
    ],
)  # fmt: skip
def test_a_witness_is_pinned_and_unmodified(name: str, package: str) -> None:
    """A witness that was helped along would witness nothing."""
    installed = metadata.distribution(name)
    files = [each for each in installed.files or () if str(each).startswith(package) and each.hash is not None]

    assert f'"{name}=={installed.version}"' in PINS and files
    for file in files:
        digest = hashlib.sha256(Path(str(file.locate())).read_bytes()).digest()
        assert file.hash is not None
        assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == file.hash.value, file
