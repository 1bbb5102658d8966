"""Prometheus metrics: counts and durations, without drawings, visitors and addresses.

Under gunicorn several processes count. Each writes its counts to files in the directory that
PROMETHEUS_MULTIPROC_DIR names (deploy/gunicorn.conf.py sets it), and the process that answers
/metrics adds them up.
"""

import os
from collections.abc import Iterable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from webui.dashboard.metrics import RecentCollector
from webui.records.store import StoreError, store

__all__ = [
    "CONTENT_TYPE_LATEST",
    "ERRORS",
    "PREDICTIONS",
    "REQUESTS",
    "REQUEST_SECONDS",
    "SHADOW",
    "STAGES",
]

# Seconds, from the fastest answer up to the client's read timeout.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

PREDICTIONS = Counter(
    "digits_predictions",
    "Drawings that were answered and recorded",
    ("verdict", "version", "label", "recorded"),
)
STAGES = Histogram(
    "digits_prediction_stage_seconds",
    "Where the time of a prediction goes: preprocess, model, record",
    ("stage",),
    buckets=BUCKETS,
)
REQUESTS = Counter("digits_http_requests", "HTTP requests", ("route", "method", "status"))
REQUEST_SECONDS = Histogram(
    "digits_http_request_seconds", "Duration of HTTP requests", ("route",), buckets=BUCKETS
)
ERRORS = Counter("digits_api_errors", "Errors that the API answered with", ("code",))


SHADOW = Counter(
    "digits_shadow",
    "Drawings chosen for the shadow: agreed, disagreed, failed, dropped because the queue was full",
    ("outcome",),
)


class _SpoolCollector(Collector):
    """The number of pending events in the spool, read at each scrape."""

    def collect(self) -> Iterable[Metric]:
        try:
            waiting = store().pending()
        except StoreError:
            return
        yield GaugeMetricFamily(
            "digits_records_waiting", "Events that wait in the spool for Cassandra", value=waiting
        )


def exposition() -> bytes:
    """Return all metrics of all processes in Prometheus's text format."""
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry: CollectorRegistry = REGISTRY
    else:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
    read_now = CollectorRegistry()
    read_now.register(_SpoolCollector())
    read_now.register(RecentCollector())
    return generate_latest(registry) + generate_latest(read_now)
