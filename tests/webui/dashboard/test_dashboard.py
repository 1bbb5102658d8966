"""The dashboard's statistics, its page, and the same figures as metrics."""

from datetime import timedelta

import pytest
from django.test import Client
from pytest_django import Settings

from tests.webui.records.factory import NOON, make_record
from tests.webui.staff import staff_client
from webui.dashboard import statistics
from webui.dashboard.charts import Column, Line, bar_chart, line_chart
from webui.dashboard.statistics import Share, compute
from webui.operations.metrics import exposition
from webui.records.models import Verdict
from webui.records.store import StoreUnavailable, store
from webui.review import services

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_store")]

PAGE = "/admin/dashboard/dashboard/"


@pytest.fixture
def history() -> None:
    """Three days, two versions: 12 readings of a seven, of which some are labelled."""
    for number in range(12):
        record = make_record(
            at=NOON + timedelta(days=(0, 0, 2)[number % 3], seconds=number),
            model_version=2 + number % 2,
            confidence=0.35 if number == 4 else 0.95,
            verdict=Verdict.UNSURE if number == 4 else Verdict.DIGIT,
            corrected_label={0: "1", 2: "7"}.get(number, ""),
        )
        store().append(record)
        if number in (5, 6):
            services.decide(record.id, label="9" if number == 5 else "7", reviewer="ada")
        if number == 7:
            services.decide(record.id, label="rejected", reviewer="ada")


def test_statistics_of_a_window(history: None) -> None:
    found = compute()
    assert (found.total.readings, found.total.corrected, found.total.unsure) == (12, 1, 1)
    assert (found.total.reviewed, found.total.right) == (2, 1)
    assert [counts.readings for counts in found.days.values()] == [8, 0, 4]
    assert {version: counts.readings for version, counts in found.versions.items()} == {2: 6, 3: 6}
    assert found.confidence[3] == 1
    assert found.confidence[9] == 11
    assert found.confusion == {("1", "7"): 1, ("7", "7"): 2, ("9", "7"): 1}
    assert found.complete
    assert found.since == NOON
    assert all(one.psi is None for one in found.drift)


def test_the_window_is_bounded(history: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "WINDOW", 5)
    monkeypatch.setattr(statistics, "CHUNK", 2)
    found = compute()
    assert (found.total.readings, found.complete) == (5, False)


def test_drift_is_told_from_enough_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "LEAST_SEEN", 3)
    for _ in range(4):
        store().append(make_record(instance=bytes(784 // 2) + bytes([255]) * (784 // 2)))
    drift = {one.feature: one for one in compute().drift}
    assert drift["ink"].grade == drift["centre_y"].grade == "large"
    assert drift["strokes"].seen == 4


def test_wilsons_interval() -> None:
    """Figures of R: binom::binom.confint(10, 100, methods = "wilson")."""
    share = Share(count=10, of=100)
    assert (share.low, share.high) == pytest.approx((5.522914, 17.43657), abs=1e-4)
    assert Share(count=0, of=0).interval == (0.0, 100.0)
    assert Share(count=0, of=10).low == 0.0
    assert Share(count=10, of=10).high == pytest.approx(100.0)


def test_the_page_shows_charts_and_figures(history: None) -> None:
    page = staff_client("ada", "view_dashboard").get(PAGE).content.decode()
    assert page.count("<svg") >= 3
    assert "All 12 records" in page
    assert "8.3 %" in page  # corrected
    assert " style=" not in page.split('id="content-main"')[1]  # the policy forbids it


def test_without_records_the_page_says_so() -> None:
    page = staff_client("ada", "view_dashboard").get(PAGE).content.decode()
    assert "Nothing has been read yet" in page


def test_the_page_needs_its_permission() -> None:
    assert staff_client("bob", "view_record").get(PAGE).status_code == 403
    assert Client().get(PAGE).status_code == 302


def test_the_same_figures_are_metrics(history: None, settings: Settings) -> None:
    text = exposition().decode()
    assert 'digits_recent_readings{version="2"} 6.0' in text
    assert 'digits_recent_confusion{predicted="7",truth="9"} 1.0' in text
    assert 'digits_recent_confidence{from="0.3"} 1.0' in text


def test_an_unavailable_store_leaves_the_other_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise StoreUnavailable("down")

    monkeypatch.setattr(store(), "scan", refuse)
    text = exposition().decode()
    assert "digits_recent_readings" not in text
    assert "digits_records_waiting" in text
    assert staff_client("ada", "view_dashboard").get(PAGE).status_code == 503


def test_statistics_are_kept_for_a_while(history: None, monkeypatch: pytest.MonkeyPatch) -> None:
    first = statistics.latest.get()
    store().append(make_record())
    assert statistics.latest.get() is first
    monkeypatch.setattr(statistics, "KEPT_SECONDS", 0)
    assert statistics.latest.get().total.readings == 13


def test_charts_escape_and_survive_gaps() -> None:
    chart = bar_chart([Column(label="<b>", value=0)], description='"a"')
    assert "<b>" not in chart
    lines = line_chart(["a", "b", "c"], [Line(name="x", values=[1.0, None, 30.0])], description="")
    assert lines.count("<polyline") == 2
    assert "nan" not in bar_chart([], description="")
