"""Statistics of a model version, over its latest records."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.webui.records.factory import NOON, make_record
from webui.records.selectors import version_statistics
from webui.records.store import store

pytestmark = pytest.mark.django_db


def test_a_version_without_records_has_no_numbers() -> None:
    found = version_statistics(4)
    assert (found.seen, found.complete, found.mean_confidence_percent) == (0, True, None)
    assert (found.corrected_percent, found.median_latency_ms) == (None, None)


def test_statistics_are_of_the_latest_records_of_the_version() -> None:
    records = [
        make_record(
            at=NOON + number * timedelta(minutes=1),
            digit=number,
            confidence=0.5 + number / 20,
            latency_ms=float(number),
            model_version=1 if number == 9 else 2,
        )
        for number in range(10)
    ]
    for record in records:
        store().append(record)
    now = datetime.now(UTC)
    store().correct(records[8].id, label="8", by="ada", at=now)  # equal to the prediction
    store().correct(records[7].id, label="1", by="ada", at=now)
    store().correct(records[0].id, label="1", by="ada", at=now)  # older than the sample
    found = version_statistics(2, sample=5)
    assert (found.seen, found.complete) == (5, False)
    assert found.mean_confidence_percent == pytest.approx(50 + 100 * 6 / 20)
    assert found.median_latency_ms == 6
    assert (found.corrected, found.corrected_percent) == (2, 40)
    assert version_statistics(2).complete
