"""What this process counts, as Prometheus reads it. Labels are routes and codes: never a user, an account or a key."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable

LATENCY_BOUNDS_S = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
Labels = tuple[tuple[str, str], ...]


class Metrics:
    """A small registry. Counting is a dictionary entry; the text is made when somebody asks for it."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, Labels], float] = defaultdict(float)
        self._helps: dict[str, str] = {}
        self._requests: dict[tuple[str, str, int], int] = defaultdict(int)
        self._latencies: dict[str, list[int]] = {}
        self._latency_sums: dict[str, float] = defaultdict(float)
        self._gauges: dict[str, tuple[str, Callable[[], float]]] = {}

    def request(self, method: str, route: str, status: int, took_s: float | None) -> None:
        self._requests[method, route, status] += 1
        if took_s is None:
            return
        counts = self._latencies.get(route)
        if counts is None:
            counts = self._latencies[route] = [0] * (len(LATENCY_BOUNDS_S) + 1)
        counts[bisect_left(LATENCY_BOUNDS_S, took_s)] += 1
        self._latency_sums[route] += took_s

    def count(self, name: str, help_text: str, by: float = 1, **labels: str) -> None:
        self._helps[name] = help_text
        self._counts[name, tuple(sorted(labels.items()))] += by

    def gauge(self, name: str, help_text: str, read: Callable[[], float]) -> None:
        """A figure that is read when somebody asks."""
        self._gauges[name] = (help_text, read)

    def to_text(self) -> str:
        lines = ["# HELP orderwire_requests_total Requests answered.", "# TYPE orderwire_requests_total counter"]
        for (method, route, status), count in sorted(self._requests.items()):
            said = _labels((("method", method), ("route", route), ("status", str(status))))
            lines.append(f"orderwire_requests_total{said} {count}")
        lines += self._latency_lines()
        for name in sorted(self._helps):
            lines += [f"# HELP {name} {self._helps[name]}", f"# TYPE {name} counter"]
            lines += [
                f"{name}{_labels(labels)} {value:g}"
                for (counted, labels), value in sorted(self._counts.items())
                if counted == name
            ]
        for name, (help_text, read) in sorted(self._gauges.items()):
            lines += [f"# HELP {name} {help_text}", f"# TYPE {name} gauge", f"{name} {read():g}"]
        return "\n".join(lines) + "\n"

    def _latency_lines(self) -> list[str]:
        name = "orderwire_request_seconds"
        lines = [f"# HELP {name} How long an answer took.", f"# TYPE {name} histogram"]
        for route, counts in sorted(self._latencies.items()):
            total = 0
            for bound, count in zip((*LATENCY_BOUNDS_S, float("inf")), counts, strict=True):
                total += count
                least = "+Inf" if bound == float("inf") else f"{bound:g}"
                lines.append(f"{name}_bucket{_labels((('route', route), ('le', least)))} {total}")
            lines.append(f"{name}_sum{_labels((('route', route),))} {self._latency_sums[route]:.6f}")
            lines.append(f"{name}_count{_labels((('route', route),))} {total}")
        return lines


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
