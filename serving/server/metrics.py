"""Request metrics under TensorFlow Serving's names, in Prometheus' text format.

The names, labels and bucket limits are those of TensorFlow Serving's
`servables/tensorflow/util.cc`; latencies are in microseconds.
"""

import re
import threading
from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import accumulate

from prometheus_client import generate_latest
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

LATENCY_LIMITS = tuple(10 * 1.8**power for power in range(33))  # microseconds: up to 20 minutes
EXAMPLE_LIMITS = tuple(float(2**power) for power in range(15))
HELP_LINE = re.compile(rb"^# HELP .*\n", re.MULTILINE)
# generate_latest ends the names of all counters with _total, TensorFlow Serving does not.
COUNTER_TYPE_LINE = re.compile(rb"^(# TYPE \S+)_total counter$", re.MULTILINE)


@dataclass
class Counter:
    """A counter: one number for each combination of label values."""

    name: str
    documentation: str
    label_names: tuple[str, ...]
    counts: dict[tuple[str, ...], int] = field(default_factory=dict)

    def add(self, labels: tuple[str, ...], amount: int = 1) -> None:
        self.counts[labels] = self.counts.get(labels, 0) + amount

    def family(self) -> Metric:
        # CounterMetricFamily would end the samples' names with _total.
        metric = Metric(self.name, self.documentation, "counter")
        for labels, count in self.counts.items():
            metric.add_sample(self.name, dict(zip(self.label_names, labels, strict=True)), count)
        return metric


@dataclass
class Histogram:
    """A histogram: counts in buckets, and a sum, for each combination of label values."""

    name: str
    documentation: str
    label_names: tuple[str, ...]
    limits: tuple[float, ...]
    buckets: dict[tuple[str, ...], list[int]] = field(default_factory=dict)
    sums: dict[tuple[str, ...], float] = field(default_factory=dict)

    def observe(self, labels: tuple[str, ...], value: float) -> None:
        buckets = self.buckets.setdefault(labels, [0] * (len(self.limits) + 1))
        buckets[bisect_left(self.limits, value)] += 1
        self.sums[labels] = self.sums.get(labels, 0.0) + value

    def family(self) -> Metric:
        metric = HistogramMetricFamily(self.name, self.documentation, labels=self.label_names)
        limits = [*(f"{limit:g}" for limit in self.limits), "+Inf"]
        for labels, buckets in self.buckets.items():
            cumulative = list(zip(limits, accumulate(buckets), strict=True))
            metric.add_metric(labels, cumulative, self.sums[labels])
        return metric


class Metrics(Collector):
    """All metrics of one server. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._request_count = Counter(
            ":tensorflow:serving:request_count",
            "The total number of requests.",
            ("model_name", "status"),
        )
        self._request_latency = Histogram(
            ":tensorflow:serving:request_latency",
            "Wall time of successful requests in microseconds.",
            ("model_name", "API", "entrypoint"),
            LATENCY_LIMITS,
        )
        self._runtime_latency = Histogram(
            ":tensorflow:serving:runtime_latency",
            "Wall time of the TensorFlow runtime in microseconds.",
            ("model_name", "API", "runtime"),
            LATENCY_LIMITS,
        )
        self._example_counts = Histogram(
            ":tensorflow:serving:request_example_counts",
            "The number of tf.Examples per request.",
            ("model",),
            EXAMPLE_LIMITS,
        )
        self._example_count_total = Counter(
            ":tensorflow:serving:request_example_count_total",
            "The total number of tf.Examples.",
            ("model",),
        )
        self._load_attempts = Counter(
            ":tensorflow:cc:saved_model:load_attempt_count",
            "The number of attempts to load a SavedModel.",
            ("model_path", "status"),
        )

    def record_request(self, *, model: str, api: str, status: str, microseconds: float) -> None:
        """Record one REST request; the latency counts only successful ones."""
        model = _printable(model)
        with self._lock:
            self._request_count.add((model, status))
            if status == "OK":
                self._request_latency.observe((model, api, "REST"), microseconds)

    def record_run(self, *, model: str, api: str, microseconds: float) -> None:
        """Record one successful run of a model, including its wait in a batching queue."""
        with self._lock:
            # TensorFlow Serving's runtime capitalises the API, its REST handler does not.
            self._runtime_latency.observe((model, api.capitalize(), "TF1"), microseconds)

    def record_examples(self, *, model: str, count: int) -> None:
        """Record the number of examples in one classify or regress request."""
        with self._lock:
            self._example_counts.observe((model,), count)
            self._example_count_total.add((model,), count)

    def record_load(self, *, path: str, succeeded: bool) -> None:
        """Record one attempt to load a SavedModel."""
        with self._lock:
            self._load_attempts.add((_printable(path), "success" if succeeded else "fail"))

    def collect(self) -> list[Metric]:
        """Return the metrics that have a value, in the order of their names."""
        metrics: tuple[Counter | Histogram, ...] = (
            self._load_attempts,
            self._request_count,
            self._example_count_total,
            self._example_counts,
            self._request_latency,
            self._runtime_latency,
        )
        with self._lock:
            return [family for metric in metrics if (family := metric.family()).samples]

    def page(self) -> bytes:
        """Return the exporter's page, which has no HELP lines (`prometheus_exporter.cc`)."""
        text = HELP_LINE.sub(b"", generate_latest(self))
        return COUNTER_TYPE_LINE.sub(rb"\1 counter", text)


def _printable(text: str) -> str:
    """Return `text` with bytes that were not UTF-8 (surrogate escapes) replaced."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
