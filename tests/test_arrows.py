"""Imports go down, never sideways. Each rule is a row: who, and what they may never import.

The rows are what ARCHITECTURE.md promises; this reads every import in the code, those inside functions too.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = ("api", "workers", "shared", "deploy")
FLOOR = ("shared.model", "shared.errors", "shared.keyring", "shared.settings", "shared.clock", "shared.logs")
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    # the longest name that fits a module decides
    "shared.vault": FLOOR,
    "shared.store": ("shared.store", *FLOOR),
    "shared.exchanges": ("shared.exchanges", *FLOOR),
    "shared.paper": ("shared.paper", *FLOOR),
    "shared.desk": ("shared.desk", "shared.store", "shared.exchanges", "shared.vault", *FLOOR),
    "api": ("api", "shared.desk", "shared.store", "shared.exchanges", "shared.vault", *FLOOR),
    "workers": ("workers", "shared.desk", "shared.store", "shared.exchanges", "shared.vault", *FLOOR),
    "deploy": ("deploy", "shared.store", "shared.vault", *FLOOR),
}
FLOOR_MAY_IMPORT = {"shared.settings": ("shared.errors", "shared.keyring"), "shared.keyring": ("shared.errors",)}
"""The floor stands on nothing of ours; within it, the settings read keys, and both may raise its errors."""


def modules() -> dict[str, Path]:
    files = (path for top in OURS for path in sorted((ROOT / top).rglob("*.py")))
    named = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in files}
    return {name.removesuffix(".__init__"): path for name, path in named.items()}


def imports(path: Path) -> set[str]:
    """Every module of ours that the file imports, by its full name."""
    known = modules()
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides where it goes"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in known else str(node.module) for name in names}
    return {name for name in found if name.split(".")[0] in OURS}


def within(name: str, places: tuple[str, ...]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)


def allowed(module: str) -> tuple[str, ...]:
    if module in FLOOR or module == "shared":
        return FLOOR_MAY_IMPORT.get(module, ())
    fitting = [place for place in MAY_IMPORT if within(module, (place,))]
    assert fitting, f"{module} is in no place that the house knows"
    return MAY_IMPORT[max(fitting, key=len)]


@pytest.mark.parametrize("module", modules())
def test_imports_go_down(module: str) -> None:
    sideways = {name for name in imports(modules()[module]) if not within(name, allowed(module))}

    assert not sideways, f"{module} may not import {', '.join(sorted(sideways))}"


@pytest.mark.parametrize("family", ["shared.exchanges", "shared.paper"])
def test_no_venue_knows_another(family: str) -> None:
    """Only what is shared by all, and the one registry, stand beside the venues."""
    folder = ROOT / family.replace(".", "/")
    venues = [f"{family}.{path.name}" for path in folder.iterdir() if (path / "__init__.py").exists()]
    assert venues
    for venue in venues:
        others = tuple(each for each in venues if each != venue)
        for module, path in modules().items():
            if within(module, (venue,)):
                assert not {name for name in imports(path) if within(name, others)}, module
