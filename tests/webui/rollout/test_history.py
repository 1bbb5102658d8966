"""The history is append-only, and determines the version that a rollback restores."""

import pytest

from webui.rollout.models import Action, AppendOnly, HistoryEntry
from webui.rollout.selectors import stable_before, used_versions

pytestmark = pytest.mark.django_db


def add_entry(action: Action, came_from: int | None, led_to: int | None, **fields: object) -> None:
    HistoryEntry.objects.create(
        by="ada",
        action=action,
        model_name="digits",
        from_version=came_from,
        to_version=led_to,
        **fields,
    )


def before(stable: int | None) -> int | None:
    return stable_before(model_name="digits", stable=stable)


def test_entries_are_never_changed_or_deleted() -> None:
    add_entry(Action.PROMOTE, 1, 2, note="better")
    entry = HistoryEntry.objects.get()
    entry.note = "worse"
    with pytest.raises(AppendOnly):
        entry.save()
    with pytest.raises(AppendOnly):
        entry.delete()
    with pytest.raises(AppendOnly):
        HistoryEntry.objects.update(note="worse")
    with pytest.raises(AppendOnly):
        HistoryEntry.objects.all().delete()
    with pytest.raises(AppendOnly):
        HistoryEntry.objects.bulk_update([entry], ["note"])
    assert HistoryEntry.objects.get().note == "better"


def test_nothing_was_stable_before_the_first() -> None:
    assert before(1) is None
    assert before(None) is None


def test_a_rollback_goes_one_step_back_and_two_go_two() -> None:
    add_entry(Action.PROMOTE, 1, 2)
    add_entry(Action.PROMOTE, 2, 5)
    assert before(5) == 2
    add_entry(Action.ROLLBACK, 5, 2)
    assert before(2) == 1
    add_entry(Action.ROLLBACK, 2, 1)
    assert before(1) is None
    add_entry(Action.PROMOTE, 1, 5)
    assert before(5) == 1


def test_a_failed_promotion_is_ignored() -> None:
    add_entry(Action.PROMOTE, 1, 2)
    add_entry(Action.PROMOTE, 2, 3, succeeded=False)
    assert before(2) == 1


def test_a_label_moved_outside_the_site_is_included() -> None:
    add_entry(Action.PROMOTE, 1, 2)
    assert before(7) == 2  # 7 is stable now, by a hand-written models.config
    add_entry(Action.PROMOTE, 7, 8)
    assert before(8) == 7


def test_numbers_of_failed_versions_are_not_reused() -> None:
    add_entry(Action.PUBLISH, None, 3)
    add_entry(Action.PUBLISH, None, 4, succeeded=False)
    add_entry(Action.PUBLISH, None, None, succeeded=False)
    add_entry(Action.PROMOTE, 3, 9)
    assert used_versions("digits") == {3, 4}
    assert used_versions("letters") == frozenset()
