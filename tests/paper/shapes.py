"""What two pieces of JSON differ in, by keys and types, and what an SDK's model says of one."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import gate_api

LIST, DICT = re.compile(r"list\[(.+)\]"), re.compile(r"dict\(str, (.+)\)")


def kind(value: Any) -> str:
    """Its JSON type."""
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else type(value).__name__


def differences(expected: Any, said: Any, where: str = "") -> list[str]:
    """What the one has and the other has not, or has in another type; an empty list or null says nothing."""
    if isinstance(expected, dict) and isinstance(said, dict):
        missing = [f"{where}.{name} is missing" for name in expected if name not in said]
        shared = [name for name in expected if name in said]
        return missing + [
            each for name in shared for each in differences(expected[name], said[name], f"{where}.{name}")
        ]
    if isinstance(expected, list) and isinstance(said, list):
        return differences(expected[0], said[0], f"{where}[0]") if expected and said else []
    if expected is None or said is None or kind(expected) == kind(said):
        return []
    return [f"{where} is a {kind(said)}, not a {kind(expected)}"]


class Model:
    """What the official SDK declares of a reply, and what is known to differ from it."""

    def __init__(self, newer: dict[str, set[str]], sometimes: dict[str, set[str]], sizes: Collection[str]) -> None:
        """Per model: keys that it does not know, and keys that are not always sent. `sizes` are text or whole numbers,
        as the caller asked."""
        self.newer, self.sometimes, self.sizes = newer, sometimes, sizes

    def problems(self, declared: str, value: Any, *, is_decimal: bool, where: str = "", key: str = "") -> list[str]:
        """Where a reply is not what its declared type says."""
        if found := LIST.fullmatch(declared):
            if not isinstance(value, list):
                return [f"{where} is no list"]
            return self._each(found[1], enumerate(value), where, is_decimal)
        if found := DICT.fullmatch(declared):
            if not isinstance(value, dict):
                return [f"{where} is no object"]
            return self._each(found[1], value.items(), where, is_decimal)
        if hasattr(gate_api, declared):
            return self._object(declared, value, where, is_decimal)
        wanted = self._kind(declared, key, is_decimal)
        return [] if wanted == _exact_kind(value, declared) else [f"{where} is {value!r}, not {wanted}"]

    def _each(self, declared: str, items: Any, where: str, is_decimal: bool) -> list[str]:
        return [
            problem
            for name, value in items
            for problem in self.problems(declared, value, is_decimal=is_decimal, where=f"{where}[{name}]")
        ]

    def _object(self, name: str, value: Any, where: str, is_decimal: bool) -> list[str]:
        if not isinstance(value, dict):
            return [f"{where} is no object"]
        model = getattr(gate_api, name)
        types = {model.attribute_map[attribute]: declared for attribute, declared in model.openapi_types.items()}
        unknown = set(value) - set(types) - self.newer.get(name, set())
        missing = set(types) - set(value) - self.sometimes.get(name, set())
        problems = [f"{where}.{each} is nowhere declared" for each in sorted(unknown)]
        problems += [f"{where}.{each} is missing" for each in sorted(missing)]
        for each in types.keys() & value.keys():
            if value[each] is not None or each not in self.sometimes.get(name, set()):
                problems += self.problems(
                    types[each], value[each], is_decimal=is_decimal, where=f"{where}.{each}", key=f"{name}.{each}"
                )
        return problems

    def _kind(self, declared: str, key: str, is_decimal: bool) -> str:
        if key in self.sizes and not is_decimal:
            return "int"
        return declared


def _exact_kind(value: Any, declared: str) -> str:
    """Its type in the SDK's words; a whole number is a float too where one is declared."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "float" if declared == "float" else type(value).__name__
    return "str" if isinstance(value, str) else type(value).__name__
