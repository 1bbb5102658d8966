"""The watch over a canary: what is counted, and who withdraws it, when and why."""

import random
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from pytest_django import Settings

from tests.harness.served_model import ServedModel
from tests.webui.records.factory import make_record
from webui.leases import Lease
from webui.records.models import Record
from webui.rollout import canary_watch, services
from webui.rollout.canary_timer import CanaryTimer
from webui.rollout.canary_watch import BLOCK, look
from webui.rollout.models import CanaryWatch, HistoryEntry

BEGAN = datetime.now(UTC) - timedelta(hours=3)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "SHARE_SECONDS", 0.0)


@pytest.fixture
def canary(site: ServedModel) -> ServedModel:
    """Version 2, the canary of 50 % for three hours."""
    services.start_canary(version=2, share=50, by="ada")
    HistoryEntry.objects.all()._raw_delete("default")
    HistoryEntry(
        at=BEGAN, by="ada", action="canary", model_name=site.model_name, to_version=2
    ).save()
    return site


def draw(
    count: int,
    *,
    corrected: tuple[int, int],
    after: timedelta = timedelta(),
    by: str = "visitor",
    late: bool = False,
) -> None:
    """Append drawings, every second one by the canary, each by another visitor.

    Args:
        corrected: one in so many, of the stable version and of the canary; 0: none.
    """
    records, at = [], BEGAN + after
    for number in range(count):
        at += timedelta(seconds=1)
        arm = number % 2
        record = make_record(
            at=at,
            visitor=f"{random.randrange(16**32):032x}",
            model_version=1 + arm,
            model_label=("stable", "canary")[arm],
        )
        if corrected[arm] and (number // 2) % corrected[arm] == 0:
            record.corrected_label, record.corrected_by = "3", by
            record.corrected_at = at + timedelta(minutes=11 if late else 1)
        records.append(record)
    Record.objects.bulk_create(records)


def watched() -> CanaryWatch:
    found = look(withdraw=False)
    assert found is not None
    return found.watch


def test_a_worse_canary_is_withdrawn_and_the_history_says_why(
    canary: ServedModel, caplog: pytest.LogCaptureFixture
) -> None:
    draw(6 * BLOCK, corrected=(50, 5))
    found = look(withdraw=True)
    assert found is not None
    assert (found.is_worse, found.withdrawn) == (True, True)
    entry = HistoryEntry.objects.first()
    assert entry is not None
    assert (entry.by, entry.action, entry.from_version) == ("automatic rollback", "withdraw", 2)
    assert "version 2, the canary, was corrected in" in entry.note
    assert "version 1, stable, was corrected in" in entry.note
    assert "canary_found_worse" in caplog.text
    assert canary.versions.deployment().canary is None
    assert look(withdraw=True) is None


def test_a_canary_as_good_stays_and_nothing_is_counted_twice(canary: ServedModel) -> None:
    draw(2 * BLOCK + 30, corrected=(20, 20))
    counted = watched()
    assert (counted.stable_drawings, counted.canary_drawings) == (BLOCK, BLOCK)
    assert (counted.stable_corrected, counted.canary_corrected) == (5, 5)
    assert watched().stable_drawings == BLOCK  # the last 30 wait for their block
    draw(BLOCK, corrected=(0, 0), after=timedelta(minutes=30))
    assert watched().stable_drawings == BLOCK + BLOCK // 2
    assert canary.versions.deployment().canary == 2


@pytest.mark.parametrize(
    ("by", "late", "count"),
    [
        ("visitor", False, 10),
        ("API key scanner", False, 10),
        ("ada", False, 0),
        ("visitor", True, 0),
    ],
)
def test_corrections_of_visitors_count_if_they_come_in_time(
    canary: ServedModel, by: str, late: bool, count: int
) -> None:
    draw(BLOCK, corrected=(5, 5), by=by, late=late)
    assert watched().stable_corrected == count


def test_a_confirmed_answer_is_not_corrected(canary: ServedModel) -> None:
    draw(BLOCK, corrected=(5, 5))
    Record.objects.exclude(corrected_label="").update(corrected_label="7")
    assert watched().stable_corrected == 0


def test_each_visitor_counts_once(canary: ServedModel) -> None:
    draw(2 * BLOCK, corrected=(0, 0))
    Record.objects.update(visitor="somebody")
    draw(BLOCK, corrected=(0, 0), after=timedelta(hours=1))
    counted = watched()
    # Somebody's first drawing, and of the others all but what waits for the next block.
    assert counted.stable_drawings + counted.canary_drawings == BLOCK


def test_another_canary_is_counted_from_its_own_beginning(canary: ServedModel) -> None:
    draw(2 * BLOCK, corrected=(10, 10))
    assert watched().canary_drawings == BLOCK
    services.withdraw_canary(by="ada")
    services.start_canary(version=2, share=50, by="ada")
    assert watched().canary_drawings == 0
    services.start_canary(version=2, share=60, by="ada")  # a share changes nothing
    draw(BLOCK, corrected=(0, 0), after=datetime.now(UTC) - BEGAN)
    began = watched().began_at
    assert began is not None
    assert began > BEGAN


def test_one_process_looks_at_a_time(canary: ServedModel) -> None:
    draw(6 * BLOCK, corrected=(50, 5))
    other = Lease(CanaryWatch, canary.model_name)
    assert other.acquire()
    assert look(withdraw=True) is None
    other.release()
    found = look(withdraw=True)
    assert found is not None
    assert found.withdrawn


def test_a_withdrawal_that_must_wait_is_tried_again(canary: ServedModel) -> None:
    draw(6 * BLOCK, corrected=(50, 5))
    with services.exclusive_access(by="grace", what="publish"), pytest.raises(services.Busy):
        look(withdraw=True)
    found = look(withdraw=True)
    assert found is not None
    assert found.withdrawn


def test_it_is_off_by_default(canary: ServedModel, settings: Settings) -> None:
    draw(6 * BLOCK, corrected=(50, 5))
    assert settings.CANARY_ROLLBACK is False
    CanaryTimer().job()
    assert canary.versions.deployment().canary == 2
    out = StringIO()
    call_command("watch_canary", stdout=out)
    assert "The canary is worse. --withdraw ends it." in out.getvalue()
    settings.CANARY_ROLLBACK = True
    CanaryTimer().job()
    assert canary.versions.deployment().canary is None
    call_command("watch_canary", stdout=out)
    assert "There is no canary" in out.getvalue()


def test_without_a_models_config_nothing_happens(
    site: ServedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert look(withdraw=True) is None
    assert not canary_watch.Look(watch=CanaryWatch()).is_worse
