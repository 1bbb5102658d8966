"""Wrong labels are found earlier than in a random order.

`tests/data/recorded_answers.jsonl` holds version 2's answers to 400 pen digits of
people whom it was not trained on (UNIPEN, drawn by `training.data.canvas.clean`), each with the
digit that the person was asked for.
"""

import json
import random
from pathlib import Path
from statistics import fmean
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings

from tests.webui.records.factory import make_record
from webui.records.models import Record
from webui.review.queue import rank

ANSWERS = Path(settings.BASE_DIR) / "tests" / "data" / "recorded_answers.jsonl"
PLANTED = 0.05


def recorded() -> list[tuple[str, list[float]]]:
    lines = [json.loads(line) for line in ANSWERS.read_text().splitlines()]
    return [(line["digit"], line["probabilities"]) for line in lines]


def answered(probabilities: list[float], **changed: Any) -> Record:
    likeliest = max(range(11), key=probabilities.__getitem__)
    return make_record(
        digit=None if likeliest == 10 else likeliest,
        probabilities=probabilities,
        confidence=probabilities[likeliest],
        **changed,
    )


def planted(seed: int) -> tuple[list[Record], set[UUID]]:
    """Returns records that visitors have labelled, and the ids of the 5 % wrong ones."""
    rng = random.Random(seed)
    answers = recorded()
    wrong_places = set(rng.sample(range(len(answers)), round(PLANTED * len(answers))))
    records: list[Record] = []
    wrong: set[UUID] = set()
    for place, (digit, probabilities) in enumerate(answers):
        given = rng.choice([other for other in "0123456789" if other != digit])
        label = given if place in wrong_places else digit
        record = answered(probabilities, corrected_label=label)
        records.append(record)
        if label != digit:
            wrong.add(record.id)
    return records, wrong


def places(order: list[UUID], wanted: set[UUID]) -> list[int]:
    return [place for place, one in enumerate(order) if one in wanted]


@pytest.mark.django_db  # asks for disagreements of a shadow
def test_planted_wrong_labels_come_early() -> None:
    """Measured: the 20 wrong labels are the first 20 of 400; by chance their mean place is 200."""
    for seed in range(5):
        records, wrong = planted(seed)
        found = places([one.record_id for one in rank(records)], wrong)
        shuffled = [record.id for record in records]
        random.Random(seed).shuffle(shuffled)
        by_chance = places(shuffled, wrong)
        assert len(found) == len(wrong) == 20
        assert fmean(found) < 0.25 * fmean(by_chance)
        assert max(found) < 0.25 * len(records)
