"""The label of a drawing: what reviewers agree on, else what was asked for."""

import pytest
from django.test import Client

from tests.webui.collection.participants import draw, join, open_session
from tests.webui.records.factory import append_records
from webui.collection.models import PromptedDrawing
from webui.datasets.labels import labelled
from webui.records.store import store
from webui.review.services import decide, undo

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("model")]


def labels() -> dict[object, tuple[str, str]]:
    return {each.record_id: (each.label, each.source) for each in labelled()}


@pytest.fixture
def prompted(browser_client: Client) -> PromptedDrawing:
    """A drawing that somebody was asked for."""
    open_session()
    join(browser_client)
    draw(browser_client, 0)
    return PromptedDrawing.objects.get()


@pytest.mark.parametrize(
    ("decisions", "label"),
    [
        ([], None),  # predicted, perhaps corrected; nobody has looked at it
        (["3"], "3"),
        (["not_a_digit"], "not_a_digit"),
        (["rejected"], None),
        (["3", "8"], None),
        (["3", "8", "8"], "8"),
        (["3", "5", "8"], None),
    ],
)
def test_a_drawing_has_the_label_that_its_reviewers_agree_on(
    decisions: list[str], label: str | None
) -> None:
    (record,) = append_records(store(), 1, corrected_label="4")
    for number, decision in enumerate(decisions):
        decide(record.id, label=decision, reviewer=f"reviewer {number}")
    assert labels() == ({record.id: (label, "review")} if label else {})


def test_a_decision_that_is_undone_counts_no_more() -> None:
    (record,) = append_records(store(), 1)
    decide(record.id, label="3", reviewer="ada")
    undo("ada")
    assert labels() == {}


@pytest.mark.parametrize(
    ("decisions", "label"),
    [([], "asked for"), (["3"], "3"), (["rejected"], None), (["3", "8"], None)],
)
def test_reviewers_count_more_than_the_prompt(
    prompted: PromptedDrawing, decisions: list[str], label: str | None
) -> None:
    for number, decision in enumerate(decisions):
        decide(prompted.record_id, label=decision, reviewer=f"reviewer {number}")
    expected = str(prompted.digit) if label == "asked for" else label
    assert labels() == ({prompted.record_id: (expected, "prompt")} if expected else {})


def test_many_drawings_are_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webui.datasets.labels.ROWS_AT_ONCE", 3)
    records = append_records(store(), 8)
    for record in records:
        decide(record.id, label="1", reviewer="ada")
    assert set(labels()) == {record.id for record in records}
