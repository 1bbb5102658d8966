"""Evaluation: figures from their definitions, a report that holds them, and the gate."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from serving.verdict import NOT_A_DIGIT_CLASS, Thresholds, read_verdict
from serving.versions.card import ModelCard
from training import evaluate
from training.evaluation import gate, measurements, metrics, report
from training.evaluation.metrics import Share
from training.evaluation.samples import Sample, Samples
from training.export import check_digits

Predict = Callable[[NDArray[np.float32]], NDArray[np.float64]]

# ---------------------------------------------------------------- figures


def test_wilsons_interval() -> None:
    # Newcombe (1998), table I: 81 of 263 and 0 of 20, without continuity correction.
    assert Share(81, 263).interval == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert Share(0, 20).interval == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert Share(20, 20).interval[1] == 1.0
    assert Share(0, 0).interval == (0.0, 1.0)


def test_calibration_error_by_hand() -> None:
    found = metrics.reliability([0.9, 0.9, 0.9, 0.9, 0.55, 0.55], [1, 1, 1, 0, 1, 0])
    assert found.count == [2, 4]
    assert found.error == pytest.approx((4 * 0.15 + 2 * 0.05) / 6)
    assert metrics.reliability([1.0, 1.0], [True, True]).error == 0.0


def test_roc_by_hand() -> None:
    assert metrics.auroc([3, 4, 5], [0, 1, 2]) == 1.0
    assert metrics.auroc([0, 1], [0, 1]) == 0.5
    assert metrics.auroc([1, 3], [2]) == 0.5
    assert metrics.false_positives_at([1, 2, 3, 4], [0, 0, 2, 9], true_rate=0.75) == 0.5


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=30),
    st.lists(st.integers(0, 9), min_size=1, max_size=30),
)
def test_auroc_is_the_chance_that_a_digit_scores_higher(high: list[int], low: list[int]) -> None:
    pairs = [(a > b) + 0.5 * (a == b) for a in high for b in low]
    assert metrics.auroc(high, low) == pytest.approx(np.mean(pairs))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([10, 11]), st.floats(0, 1))
def test_says_what_the_page_says(seed: int, classes: int, refuse: float) -> None:
    scores = np.random.default_rng(seed).dirichlet(np.ones(classes), 20)
    limits = Thresholds(digit_confidence=0.5, not_a_digit=refuse)
    page = [read_verdict(row.tolist(), limits).digit for row in scores]
    said = measurements.read_all(scores, refuse)
    assert [NOT_A_DIGIT_CLASS if digit is None else digit for digit in page] == said.tolist()


# ---------------------------------------------------------------- a whole evaluation


@dataclass(frozen=True)
class Known:
    """A version whose answers are known: right, but for every `wrong_every`-th."""

    version: int
    served: Predict
    kept: Predict | None
    card: ModelCard

    @property
    def thresholds(self) -> Thresholds:
        return self.card.thresholds


def knows(wrong_every: int, classes: int = 11) -> Predict:
    """Reads the class from the first pixel."""

    def predict(instances: NDArray[np.float32]) -> NDArray[np.float64]:
        classes_of = np.rint(instances[:, 0, 0] * 100).astype(int) % classes
        classes_of[::wrong_every] = (classes_of[::wrong_every] + 1) % 10
        scores = np.full((len(instances), classes), 0.02 / (classes - 1))
        scores[np.arange(len(instances)), classes_of] = 0.98
        return scores

    return predict


def subject(
    version: int = 2, *, served: Predict | None = None, kept: Predict | None = None
) -> Known:
    card = ModelCard(
        name="digits",
        version=version,
        title="A test's",
        made_at="2026-01-01T00:00:00+00:00",
        parameters=1,
        classes=11,
        size_bytes=1,
        temperature=1.0,
    )
    served = served or knows(20)
    return Known(version, served, kept or served, card)


@pytest.fixture
def data() -> Samples:
    def sample(name: str, labels: NDArray[np.int64], people: tuple[str, ...] = ()) -> Sample:
        instances = np.resize(check_digits()[..., 0], (len(labels), 28, 28)).astype(np.float32)
        instances[:, 0, 0] = labels / 100
        return Sample(name, instances, labels, people)

    digits = np.repeat(np.arange(10), 20)
    people = tuple(f"lab{index % 2}/writer{index % 5}" for index in range(200))
    return Samples(
        digits={
            "mnist": sample("MNIST test set", digits),
            "tidy": sample("tidy", digits, people),
            "messy": sample("messy", digits, people),
        },
        whole_canvas={"tidy": sample("whole", digits, people)},
        others={"scribbles": sample("scribbles", np.full(50, NOT_A_DIGIT_CLASS))},
    )


def test_every_figure_is_in_the_report(data: Samples, tmp_path: Path) -> None:
    figures = measurements.measure(subject(), data)
    assert figures.agrees
    assert figures.digits["tidy"].accuracy == Share(190, 200)
    assert figures.digits["tidy"].by_digit["3"] == Share(19, 20)
    assert sum(share.of for share in figures.digits["tidy"].by_person.values()) == 200
    assert figures.digits["tidy"].confusion.trace() == 190
    assert figures.digits["tidy"].reliability.error == pytest.approx(0.03, abs=0.001)
    assert figures.others["scribbles"].refused == Share(47, 50)
    assert figures.others["scribbles"].auroc > 0.95
    seeds = tmp_path / "seeds"
    seeds.mkdir()
    for seed, value in ((1, 0.99), (2, 0.97)):
        made = {"seed": seed, "metrics": {"mnist_test_accuracy": value}}
        (seeds / f"seed-{seed}.json").write_text(json.dumps(made))
    spread = measurements.seeds_spread(seeds)
    assert spread["mnist_test_accuracy"]["mean"] == pytest.approx(0.98)
    assert spread["mnist_test_accuracy"]["standard_deviation"] == pytest.approx(0.01414, abs=1e-4)
    text = report.write(tmp_path / "out", [figures], data, spread)
    assert "95.00 % (91.04 to 97.26)" in text
    document = json.loads((tmp_path / "out" / "results.json").read_text())
    assert document["versions"][0]["digits"]["tidy"]["accuracy"]["count"] == 190
    pictures = {path.name for path in (tmp_path / "out").glob("*.png")}
    assert {"reliability.png", "roc.png", "confusion-2.png", "errors-2-mnist.png"} <= pictures
    assert all(f"({name})" in text for name in pictures)


def test_a_graph_that_answers_otherwise_does_not_agree(data: Samples) -> None:
    assert not measurements.measure(subject(kept=knows(19)), data).agrees


def test_the_gate_passes_an_equal_and_refuses_a_worse_one(data: Samples) -> None:
    champion = measurements.measure(subject(), data)
    assert gate.decide(champion, champion).passed
    worse = measurements.measure(subject(3, served=knows(10)), data)
    reasons = "\n".join(gate.decide(champion, worse).reasons)
    assert "mnist: 90.00% right, the champion 95.00%" in reasons
    assert "messy" in reasons
    assert gate.decide(worse, champion).passed
    fewer = replace(champion, classes=10)
    assert "10 classes" in gate.decide(champion, fewer).reasons[0]


def test_the_gate_refuses_who_refuses_digits(data: Samples) -> None:
    def timid(instances: NDArray[np.float32]) -> NDArray[np.float64]:
        scores = knows(20)(instances)
        scores[1::40] = np.eye(11)[NOT_A_DIGIT_CLASS]
        return scores

    champion = measurements.measure(subject(served=timid), data)
    assert any("refused" in reason for reason in gate.decide(champion, champion).reasons)


def test_a_missing_version_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert evaluate.main(["--models", str(tmp_path), "--quick"]) == 2
    assert "no version" in capsys.readouterr().err
