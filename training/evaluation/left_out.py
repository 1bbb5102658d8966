"""Left-out sources: how well people of sources that a network never saw are read.

A cell is one training of one recipe with one random seed, without the sources of one fold, and what
that network answers to the drawings of these sources. A finished cell is kept as a small file, so
that a comparison can be interrupted and resumed.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from serving.atomic_files import replacing_file
from serving.intervals import wilson_interval
from serving.verdict import NOT_A_DIGIT_CLASS
from training.configuration import Configuration
from training.data.pen_strokes import PenDrawing, load_digits, load_letters
from training.evaluation.metrics import Share
from training.evaluation.samples import Sample, draw_samples
from training.network.calibration import ThresholdChoice, choose_thresholds, fit_temperature
from training.network.calibration import at_temperature as calibrated

# Sources that are left out together, so that three trainings measure every source once. People of
# one fold are alike (tablet, country, or school), so none is measured by the help of the others.
# kai, lav, mot and sie recorded letters only.
FOLDS: tuple[tuple[str, ...], ...] = (
    ("ujipenchars2", "lipitk", "aga", "pri", "lou", "lav", "mot"),
    ("syn", "gmd", "numberpad", "kai"),
    ("apa", "apb", "app", "sie"),
)
MOST_OF_A_PERSON = 200  # digits measured; a few people wrote 500 each
LEAST_DIGITS = 50  # of a source that counts for the mean and the worst
RESAMPLES = 2000  # of people, for an interval
# Renderings of each digit. A network that reads three of nine wrongly is worse than one that reads
# all; with a third of them, differences between recipes are lost in the chance of each rendering.
PERTURBED = 9
MOST_LOSS = 8.0  # of a rendering, so that one with a hopeless answer does not decide a comparison


@dataclass(frozen=True)
class Cell:
    """The answers of one network to the drawings of the sources it never saw."""

    digits: dict[str, NDArray[np.float32]]  # "clean", "perturbed": probabilities (n, 11)
    labels: dict[str, NDArray[np.int64]]
    people: dict[str, NDArray[np.str_]]  # "source/writer" of each
    negatives: dict[str, NDArray[np.float32]]  # by kind: probabilities (n, 11)


def load_samples(
    data: Path, left_out: Sequence[str], *, seed: int
) -> tuple[dict[str, Sample], dict[str, Sample]]:
    """Render the digits and the negatives of the left-out sources, the same every time."""
    digits = list(_at_most(MOST_OF_A_PERSON, _of(load_digits(data), left_out)))
    letters = _of(load_letters(data), left_out)
    return draw_samples(digits, letters, seed=seed, perturbed=PERTURBED)


def _of(drawings: list[PenDrawing], sources: Sequence[str]) -> list[PenDrawing]:
    return [drawing for drawing in drawings if drawing.donor in sources]


def _at_most(count: int, drawings: Iterable[PenDrawing]) -> Iterable[PenDrawing]:
    """Yield the first drawings of each person."""
    seen: Counter[str] = Counter()
    for drawing in drawings:
        seen[drawing.person] += 1
        if seen[drawing.person] <= count:
            yield drawing


def cell_name(configuration: Configuration, fold: int) -> str:
    """Return a file name for a cell: another recipe, seed or number of steps has another name."""
    sections = configuration.as_dict()
    # Temperature and thresholds are chosen from the cells, so no cell depends on them.
    sections["calibration"] = {"expected_negatives": configuration.calibration.expected_negatives}
    recipe = json.dumps(sections, sort_keys=True) + repr(FOLDS[fold])
    digest = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    return f"fold-{fold + 1}-seed-{configuration.run.seed}-{digest}.npz"


def write_cell(path: Path, cell: Cell) -> None:
    """Store a cell in one step."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for how in cell.digits:
        arrays[f"digits/{how}"] = cell.digits[how]
        arrays[f"labels/{how}"] = cell.labels[how]
        arrays[f"people/{how}"] = cell.people[how]
    arrays |= {f"negatives/{name}": part for name, part in cell.negatives.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing_file(path) as draft, draft.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def read_cell(path: Path) -> Cell:
    """Read a cell that `write_cell` stored."""
    parts: dict[str, dict[str, NDArray[np.generic]]] = {}
    with np.load(path) as stored:
        for key in stored.files:
            part, name = key.split("/", 1)
            parts.setdefault(part, {})[name] = stored[key]
    return Cell(**parts)  # type: ignore[arg-type]


@dataclass(frozen=True)
class SourceResult:
    """Accuracy on the people of one source, of networks that never saw the source."""

    source: str
    people: int
    clean: Share
    perturbed: Share
    clean_interval: tuple[float, float]  # 95 %, by resampling people
    perturbed_interval: tuple[float, float]


def by_source(cells: Sequence[Cell]) -> dict[str, SourceResult]:
    """Return the result of every source in the cells; several random seeds count together."""
    results = {}
    seen = (set(_sources(cell.people["clean"]).tolist()) for cell in cells)
    trainings = Counter(source for sources in seen for source in sources)
    for source in sorted(trainings):
        right = {how: _right_by_person(cells, source, how) for how in ("clean", "perturbed")}
        shares = {how: Share(int(r[:, 0].sum()), int(r[:, 1].sum())) for how, r in right.items()}
        results[source] = SourceResult(
            source,
            people=len(right["clean"]),
            clean=shares["clean"],
            perturbed=shares["perturbed"],
            clean_interval=_resampled(right["clean"], trainings[source]),
            perturbed_interval=_resampled(right["perturbed"], trainings[source]),
        )
    return results


def _sources(people: NDArray[np.str_]) -> NDArray[np.str_]:
    return np.array([person.split("/")[0] for person in people.tolist()])


def _right_by_person(cells: Sequence[Cell], source: str, how: str) -> NDArray[np.float64]:
    """Return right answers and drawings of each person of a source: (people, 2)."""
    people = np.concatenate([cell.people[how] for cell in cells])
    right = np.concatenate([cell.digits[how].argmax(1) == cell.labels[how] for cell in cells])
    chosen = _sources(people) == source
    return _sums_by_person(people[chosen], right[chosen])


def _sums_by_person(people: NDArray[np.str_], values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return the sum and the count of each person's values: (people, 2)."""
    person = np.unique(people, return_inverse=True)[1]
    return np.stack([np.bincount(person, values), np.bincount(person)], axis=1)


def _resampled(right: NDArray[np.float64], trainings: int) -> tuple[float, float]:
    """Return a 95 % interval by resampling people, or Wilson's for fewer than eight people.

    Answers of several trainings to one drawing resemble one another, so that Wilson's interval
    counts each drawing once.
    """
    count, of = (right.sum(0) / trainings).tolist()
    wilson = wilson_interval(count, of)
    if len(right) < 8:
        return wilson
    low, high = _interval(right)
    # Resampling cannot be wrong about errors it never saw: Wilson's lower end, if that is lower.
    return min(low, wilson[0]), max(high, wilson[1])


def _interval(by_person: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % interval of a mean by resampling people; (people, 2): sums and counts."""
    people = len(by_person)
    chosen = np.random.default_rng(0).integers(people, size=(RESAMPLES, people))
    sums = by_person[chosen].sum(1)
    low, high = np.quantile(sums[:, 0] / sums[:, 1], (0.025, 0.975))
    return float(low), float(high)


@dataclass(frozen=True)
class Summary:
    """Mean and worst of the sources with at least LEAST_DIGITS digits."""

    mean_clean: float
    mean_perturbed: float
    worst_clean: tuple[str, float]
    worst_perturbed: tuple[str, float]


def summary(results: dict[str, SourceResult], seeds: int) -> Summary | None:
    """Summarise sources, each with the same weight; None if none is large enough."""
    large = [one for one in results.values() if one.clean.of >= LEAST_DIGITS * seeds]
    if not large:
        return None
    clean = {one.source: one.clean.value for one in large}
    perturbed = {one.source: one.perturbed.value for one in large}
    return Summary(
        mean_clean=float(np.mean(list(clean.values()))),
        mean_perturbed=float(np.mean(list(perturbed.values()))),
        worst_clean=min(clean.items(), key=lambda item: item[1]),
        worst_perturbed=min(perturbed.items(), key=lambda item: item[1]),
    )


@dataclass(frozen=True)
class Verdicts:
    """The page's verdicts on strangers, at the thresholds chosen on them."""

    temperature: float
    choice: ThresholdChoice
    refused: dict[str, Share]  # negatives called "not a digit", by kind


def verdicts(cells: Sequence[Cell]) -> Verdicts:
    """Choose temperature and thresholds on the drawings of all left-out sources together."""
    digits = np.concatenate([part for cell in cells for part in cell.digits.values()])
    labels = np.concatenate([part for cell in cells for part in cell.labels.values()])
    kinds = sorted({name for cell in cells for name in cell.negatives})
    negatives = {
        name: np.concatenate([cell.negatives[name] for cell in cells if name in cell.negatives])
        for name in kinds
    }
    everything = np.concatenate(list(negatives.values()))
    temperature = fit_temperature(
        np.concatenate([digits, everything]),
        np.concatenate([labels, np.full(len(everything), NOT_A_DIGIT_CLASS)]),
    )
    choice = choose_thresholds(
        calibrated(digits, temperature), labels, calibrated(everything, temperature)
    )
    refused = {}
    for name, part in negatives.items():
        called = calibrated(part, temperature)[:, NOT_A_DIGIT_CLASS] >= choice.not_a_digit
        refused[name] = Share(int(called.sum()), len(called))
    return Verdicts(temperature, choice, refused)


@dataclass(frozen=True)
class Difference:
    """Differences of one recipe's networks from another's, over all renderings.

    Both read the same renderings, so what differs between people and drawings cancels out. The
    intervals (95 %) are found by resampling people.
    """

    most_probable: float  # right answers, by the most probable of the ten digits
    most_probable_interval: tuple[float, float]
    log_loss: float  # of the ten digits, in nats, each at its best temperature; less is better
    log_loss_interval: tuple[float, float]


def difference(cells: Sequence[Cell], of: Sequence[Cell]) -> Difference:
    """Compare two recipes on strangers, whatever the probability of "not a digit".

    The prior and the thresholds decide about refusals after the training; what a network can tell
    apart is seen in the ten digits alone. The log loss also sees how near a right answer was to
    being wrong, and so orders recipes that differ in a few drawings only.

    Args:
        cells: of the recipe.
        of: of the recipe that it is compared with: the same folds, as many seeds.
    """
    people = np.concatenate([part for cell in cells for part in cell.people.values()])
    after, before = _by_digits(cells), _by_digits(of)
    right, loss = after[0] - before[0], after[1] - before[1]
    return Difference(
        float(right.mean()), _interval(_sums_by_person(people, right)),
        float(loss.mean()), _interval(_sums_by_person(people, loss)),
    )  # fmt: skip


def _by_digits(cells: Sequence[Cell]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return whether the most probable digit is right, and the log loss, of each rendering."""
    answers = [part[:, :NOT_A_DIGIT_CLASS] for cell in cells for part in cell.digits.values()]
    digits = np.concatenate(answers).astype(np.float64)
    labels = np.concatenate([part for cell in cells for part in cell.labels.values()])
    scores = calibrated(digits, fit_temperature(digits, labels))
    loss = -np.log(np.maximum(scores[np.arange(len(labels)), labels], np.exp(-MOST_LOSS)))
    return (digits.argmax(1) == labels).astype(np.float64), loss
