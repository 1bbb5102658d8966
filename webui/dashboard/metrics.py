"""The dashboard's statistics as metrics."""

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from webui.dashboard import statistics
from webui.dashboard.statistics import CONFIDENCE_BINS
from webui.records.store import StoreError


class RecentCollector(Collector):
    """Gauges over the latest records, computed once in some minutes by each process."""

    def collect(self) -> Iterable[Metric]:
        try:
            found = statistics.latest.get()
        except StoreError:
            return
        versions = {
            "digits_recent_readings": ("Of the latest records, those of a version", "readings"),
            "digits_recent_corrected": ("Of these, corrected to another label", "corrected"),
            "digits_recent_unsure": ("Of these, unsure", "unsure"),
            "digits_recent_reviewed": ("Of these, with a reviewers' label", "reviewed"),
            "digits_recent_right": ("Of the reviewed, predicted rightly", "right"),
        }
        for metric, (text, name) in versions.items():
            family = GaugeMetricFamily(metric, text, labels=("version",))
            for version, counts in found.versions.items():
                family.add_metric((str(version),), getattr(counts, name))
            yield family
        confidence = GaugeMetricFamily(
            "digits_recent_confidence",
            "Of the latest records, those with a confidence of at least this and below the next",
            labels=("from",),
        )
        for place, count in enumerate(found.confidence):
            confidence.add_metric((f"{place / CONFIDENCE_BINS:g}",), count)
        yield confidence
        confusion = GaugeMetricFamily(
            "digits_recent_confusion",
            "Of the latest records with a true label, by that and the prediction",
            labels=("truth", "predicted"),
        )
        for (truth, predicted), count in found.confusion.items():
            confusion.add_metric((truth, predicted), count)
        yield confusion
        drift = GaugeMetricFamily(
            "digits_input_drift",
            "Population stability index of a feature against the training data",
            labels=("feature",),
        )
        for one in found.drift:
            if one.psi is not None:
                drift.add_metric((one.feature,), one.psi)
        yield drift
