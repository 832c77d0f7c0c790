"""What is written twice drifts unless something checks: the papers' tables against the code they describe."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.settings import SETTINGS
from shared.store.keys import KEYS
from tests.test_arrows import FLOOR, MAY_IMPORT

ROOT = Path(__file__).resolve().parents[1]


def rows(paper: str, head: tuple[str, ...]) -> list[list[str]]:
    """The cells of the table with this head, as Markdown shows them."""
    found: list[list[str]] = []
    inside = False
    for line in (ROOT / paper).read_text().splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        if tuple(cells) == head:
            inside = True
        elif inside and not line.startswith("|"):
            break
        elif inside and not set(line) <= set("|-: "):
            found.append([cell.replace("\\|", "|") for cell in cells])
    assert found, f"{paper} has no table with the head | {' | '.join(head)} |"
    return found


def bare(cell: str) -> str:
    return cell.removeprefix("`").removesuffix("`")


def test_the_readme_describes_every_setting() -> None:
    """| `NAME` | default | meaning |, as SETTINGS says them."""
    said = {bare(name): (bare(default), meaning) for name, default, meaning in rows("README.md", HEADS["settings"])}

    assert said == SETTINGS


def test_the_architecture_shows_every_redis_key() -> None:
    said = {bare(key): (holds, lives, writer) for key, holds, lives, writer in rows("ARCHITECTURE.md", HEADS["keys"])}

    assert said == KEYS


def test_the_architecture_draws_the_arrows_as_they_are() -> None:
    """| `who` | may import |: what test_arrows.py holds every file to. The floor is one word there."""
    said = {bare(who): set(re.findall(r"`([a-z._]+)`", may)) for who, may in rows("ARCHITECTURE.md", HEADS["arrows"])}
    floor = set(FLOOR)

    assert said == {who: set(may) - floor - {who} for who, may in MAY_IMPORT.items()}


@pytest.mark.parametrize("target", ["up", "test", "lint", "bench", "chaos", "live-check", "paper", "help", "clean"])
def test_every_target_of_the_makefile_is_explained(target: str) -> None:
    assert re.search(rf"^{target}:.*## \S", (ROOT / "Makefile").read_text(), re.MULTILINE)


HEADS = {
    "settings": ("setting", "default", "meaning"),
    "keys": ("key", "holds", "lives", "writer"),
    "arrows": ("who", "may import"),
}
