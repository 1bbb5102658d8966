"""Evaluation: measurements of a version with known answers and their report."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from serving.verdict import NOT_A_DIGIT_CLASS, Thresholds, read_verdict
from serving.versions.card import ModelCard
from training import evaluate
from training.evaluation import measurements, report, seeds
from training.evaluation.candidates import Candidate, Predict
from training.evaluation.metrics import Share
from training.evaluation.samples import Sample, Samples
from training.export import check_digits


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([10, 11]), st.floats(0, 1))
def test_predictions_are_the_answers_of_the_page(seed: int, classes: int, refuse: float) -> None:
    scores = np.random.default_rng(seed).dirichlet(np.ones(classes), 20)
    thresholds = Thresholds(digit_confidence=0.5, not_a_digit=refuse)
    page = [read_verdict(row.tolist(), thresholds).digit for row in scores]
    predicted = measurements.predict_all(scores, thresholds)
    assert [NOT_A_DIGIT_CLASS if digit is None else digit for digit in page] == predicted.tolist()


def right_but_for_every(nth: int, classes: int = 11) -> Predict:
    """Return a version that reads the class from the first pixel, and errs every nth time."""

    def predict(instances: NDArray[np.float32]) -> NDArray[np.float64]:
        predicted = np.rint(instances[:, 0, 0] * 100).astype(int) % classes
        predicted[::nth] = (predicted[::nth] + 1) % 10
        scores = np.full((len(instances), classes), 0.02 / (classes - 1))
        scores[np.arange(len(instances)), predicted] = 0.98
        return scores

    return predict


def candidate(version: int = 2, *, served: Predict, source: Predict | None = None) -> Candidate:
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
    return Candidate(card, served, source or served)


@pytest.fixture(scope="module")
def samples() -> Samples:
    def sample(name: str, labels: NDArray[np.int64], people: tuple[str, ...] = ()) -> Sample:
        instances = np.resize(check_digits()[..., 0], (len(labels), 28, 28)).astype(np.float32)
        instances[:, 0, 0] = labels / 100
        return Sample(name, instances, labels, people)

    digits = np.repeat(np.arange(10), 20)
    people = tuple(f"lab{index % 2}/writer{index % 5}" for index in range(200))
    return Samples(
        digits={
            "mnist": sample("MNIST test set", digits),
            "clean": sample("clean", digits, people),
            "perturbed": sample("perturbed", digits, people),
        },
        negatives={"scribbles": sample("scribbles", np.full(50, NOT_A_DIGIT_CLASS))},
        whole_canvas={"clean": sample("whole", digits, people)},
    )


@pytest.fixture(scope="module")
def champion(samples: Samples) -> measurements.VersionMeasurements:
    return measurements.measure(candidate(served=right_but_for_every(20)), samples)


def test_measurements(champion: measurements.VersionMeasurements) -> None:
    clean = champion.digits["clean"]
    assert clean.accuracy == Share(190, 200)
    assert clean.by_digit["3"] == Share(19, 20)
    assert sum(share.of for share in clean.by_person.values()) == 200
    assert clean.confusion.trace() == 190
    assert clean.reliability.error == pytest.approx(0.03, abs=0.001)
    assert champion.negatives["scribbles"].refused == Share(47, 50)
    assert champion.negatives["scribbles"].auroc > 0.95
    assert champion.agrees


def test_the_report_has_tables_and_plots(
    champion: measurements.VersionMeasurements, samples: Samples, tmp_path: Path
) -> None:
    for seed, value in ((1, 0.99), (2, 0.97)):
        metadata = {"seed": seed, "metrics": {"mnist_test_accuracy": value}}
        (tmp_path / f"seed-{seed}.json").write_text(json.dumps(metadata))
    spread = seeds.spread(tmp_path)
    assert spread["mnist_test_accuracy"].mean == pytest.approx(0.98)
    assert spread["mnist_test_accuracy"].standard_deviation == pytest.approx(0.01414, abs=1e-4)
    text = report.write(tmp_path / "out", [champion], samples, spread)
    assert "95.00 % (91.04 to 97.26)" in text
    assert "98.00 %" in text
    document = json.loads((tmp_path / "out" / "results.json").read_text())
    assert document["versions"][0]["digits"]["clean"]["accuracy"]["count"] == 190
    plots = {path.name for path in (tmp_path / "out").glob("*.png")}
    assert {"reliability.png", "roc.png", "confusion-2.png", "errors-2-mnist.png"} <= plots
    assert all(f"({name})" in text for name in plots)


def test_a_directory_without_versions_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert evaluate.main(["--models", str(tmp_path), "--quick"]) == 2
    assert f"no version in {tmp_path}" in capsys.readouterr().err
