"""Counts and latencies under TensorFlow Serving's names, as its Prometheus exporter prints them.

Prometheus' own client is no help: it refuses names that begin with a colon, and these do.
"""

import threading
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

# servables/tensorflow/util.cc: Buckets::Exponential(10, 1.8, 33), in microseconds: to 20 minutes
LATENCY_LIMITS = tuple(10 * 1.8**power for power in range(33))
# servables/tensorflow/util.cc: Buckets::Exponential(1, 2, 20)
EXAMPLE_LIMITS = tuple(1.0 * 2**power for power in range(20))

REQUEST_COUNT = ":tensorflow:serving:request_count"
REQUEST_LATENCY = ":tensorflow:serving:request_latency"
RUNTIME_LATENCY = ":tensorflow:serving:runtime_latency"
EXAMPLE_COUNTS = ":tensorflow:serving:request_example_counts"
EXAMPLE_COUNT_TOTAL = ":tensorflow:serving:request_example_count_total"
LOAD_ATTEMPTS = ":tensorflow:cc:saved_model:load_attempt_count"

Labels = tuple[tuple[str, str], ...]


@dataclass
class Histogram:
    limits: tuple[float, ...]
    buckets: list[int] = field(init=False)
    total: float = 0.0

    def __post_init__(self) -> None:
        self.buckets = [0] * (len(self.limits) + 1)

    def add(self, value: float) -> None:
        self.buckets[bisect_left(self.limits, value)] += 1
        self.total += value


class Metrics:
    """All metrics of one server. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counters: dict[str, dict[Labels, int]] = {}
        self._histograms: dict[str, dict[Labels, Histogram]] = {}

    def request(self, *, model: str, api: str, status: str, micros: float) -> None:
        """One REST request that reached the handler; only good ones count for the latency."""
        with self._lock:
            self._count(REQUEST_COUNT, (("model_name", model), ("status", status)))
            if status == "OK":
                labels = (("model_name", model), ("API", api), ("entrypoint", "REST"))
                self._observe(REQUEST_LATENCY, labels, LATENCY_LIMITS, micros)

    def run(self, *, model: str, api: str, micros: float, examples: int) -> None:
        """One run of a model."""
        with self._lock:
            labels = (("model_name", model), ("API", api), ("runtime", "TF1"))
            self._observe(RUNTIME_LATENCY, labels, LATENCY_LIMITS, micros)
            by_model = (("model_name", model),)
            self._observe(EXAMPLE_COUNTS, by_model, EXAMPLE_LIMITS, examples)
            self._count(EXAMPLE_COUNT_TOTAL, by_model, examples)

    def load(self, *, path: str, succeeded: bool) -> None:
        """One attempt to load a SavedModel."""
        labels = (("model_path", path), ("status", "success" if succeeded else "fail"))
        with self._lock:
            self._count(LOAD_ATTEMPTS, labels)

    def page(self) -> bytes:
        """The exporter's page; no HELP lines (`prometheus_exporter.cc`)."""
        lines: list[str] = []
        with self._lock:
            for name in sorted({*self._counters, *self._histograms}):
                if name in self._counters:
                    lines.append(f"# TYPE {name} counter")
                    lines.extend(
                        f"{name}{{{_text(labels)}}} {count}"
                        for labels, count in self._counters[name].items()
                    )
                else:
                    lines.append(f"# TYPE {name} histogram")
                    for labels, histogram in self._histograms[name].items():
                        lines.extend(_histogram_lines(name, labels, histogram))
        return ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")

    def _count(self, name: str, labels: Labels, by: int = 1) -> None:
        cells = self._counters.setdefault(name, {})
        cells[labels] = cells.get(labels, 0) + by

    def _observe(self, name: str, labels: Labels, limits: tuple[float, ...], value: float) -> None:
        cells = self._histograms.setdefault(name, {})
        if labels not in cells:
            cells[labels] = Histogram(limits)
        cells[labels].add(value)


def _histogram_lines(name: str, labels: Labels, histogram: Histogram) -> Iterable[str]:
    text = _text(labels)
    separator = "," if text else ""
    cumulative = 0
    for limit, count in zip((*histogram.limits, None), histogram.buckets, strict=True):
        cumulative += count
        shown = "+Inf" if limit is None else f"{limit:g}"
        yield f'{name}_bucket{{{text}{separator}le="{shown}"}} {cumulative}'
    yield f"{name}_sum{{{text}}} {histogram.total:g}"
    yield f"{name}_count{{{text}}} {cumulative}"


def _text(labels: Labels) -> str:
    return ",".join(
        '{}="{}"'.format(name, value.replace("\\", "\\\\").replace('"', '\\"'))
        for name, value in labels
    )
