"""Rendered data set: pen strokes drawn as the page's canvas draws them and preprocessed.

Each drawing of the training part is rendered several times, each time with another stroke
augmentation and another pen; digits in further styles and generated negatives are added. The result
is cached under a checksum of all it depends on, including the code that draws.
"""

import functools
import hashlib
import json
import os
from collections import Counter
from collections.abc import Collection, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from serving.atomic_files import replacing_file
from serving.preprocessing import PREPROCESSING_VERSION, to_instance
from serving.verdict import NOT_A_DIGIT_CLASS
from training.configuration import Data
from training.cpu_time import cpu_seconds
from training.data import canvas, digit_styles, negatives, stroke_augmentation, strokes, symbols
from training.data.instances import Instances, concatenated, seed_from, to_bytes
from training.data.pen_strokes import (
    HELD_OUT_LETTERS,
    PROLIFIC,
    PenDrawing,
    checksums,
    load_digits,
    load_letters,
    split,
)
from training.data.strokes import Rng, Stroke

# Kinds of drawings, with the name that the random seed of each is derived from. Another name would
# change the drawings.
SEED_NAMES = {"digit": "pen", "styled digit": "styled", "letter": "letter", "negative": "outlier"}
OF_DIGITS = ("digit", "styled digit")
SOURCE_NAME = "<U16"  # the type of an array of sources
JOB_SIZE = 250  # drawings a process renders at a time


@dataclass(frozen=True)
class RenderedDataSet:
    """The drawings that are trained on."""

    digits: Instances
    negatives: Instances
    cpu_seconds: float  # of rendering, also when it was read from the cache
    digit_sources: NDArray[np.str_]  # (n,) source of each drawing; empty if generated
    negative_sources: NDArray[np.str_]

    @classmethod
    def empty(cls) -> "RenderedDataSet":
        """Return a data set without drawings, for a training on MNIST alone."""
        nobody = np.zeros(0, str)
        return cls(Instances.empty(), Instances.empty(), 0.0, nobody, nobody)

    def without(self, left_out: Collection[str]) -> "RenderedDataSet":
        """Return the data set without anything made from drawings of these sources."""
        kept = ~np.isin(self.digit_sources, list(left_out))
        kept_negatives = ~np.isin(self.negative_sources, list(left_out))
        return replace(
            self,
            digits=self.digits.where(kept),
            negatives=self.negatives.where(kept_negatives),
            digit_sources=self.digit_sources[kept],
            negative_sources=self.negative_sources[kept_negatives],
        )


@dataclass(frozen=True)
class _Job:
    """Drawings that one process renders."""

    kind: str  # a key of SEED_NAMES
    numbers: range
    data_dir: Path
    settings: Data


@dataclass(frozen=True)
class _Drawings:
    """Drawings that may be trained on."""

    digits: list[PenDrawing]
    letters: list[PenDrawing]
    digits_by_person: Counter[str]

    def of_somebody(self, rng: Rng) -> "_Drawings":
        """Return the drawings of one source; a source with more people is drawn more often."""
        return self._by_source[self._source_of_each[int(rng.integers(len(self._source_of_each)))]]

    @functools.cached_property
    def _source_of_each(self) -> list[str]:
        """The source of each person, of sources with a digit that can be turned."""
        usable = {digit.donor for digit in self.digits if digit.label in negatives.QUARTER_TURNS}
        sources = sorted(person.split("/")[0] for person in self.digits_by_person)
        return [source for source in sources if source in usable]

    @functools.cached_property
    def _by_source(self) -> "dict[str, _Drawings]":
        return {
            source: _Drawings(
                [digit for digit in self.digits if digit.donor == source],
                # Of a source without letters, its digits are recombined.
                [letter for letter in self.letters if letter.donor == source]
                or [digit for digit in self.digits if digit.donor == source],
                self.digits_by_person,
            )
            for source in {digit.donor for digit in self.digits}
        }


def render(data_dir: Path, settings: Data, *, cache: Path | None = None) -> RenderedDataSet:
    """Render the data set, or read it from `cache` if the same was rendered before.

    Raises:
        training.data.pen_strokes.PenStrokesMissing: `data_dir` has no pen strokes.
    """
    path = cache / f"rendered-{_cache_key(data_dir, settings)}.npz" if cache else None
    if path and path.is_file():
        return _read(path)
    before = cpu_seconds()
    jobs = list(_jobs(data_dir, settings))
    processes = max(1, len(os.sched_getaffinity(0)))
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as workers:
        parts = list(workers.map(_render, jobs))
    digits, negatives = (
        [part for part, job in zip(parts, jobs, strict=True) if (job.kind in OF_DIGITS) is wanted]
        for wanted in (True, False)
    )
    rendered = RenderedDataSet(
        digits=concatenated(*(part.instances for part in digits)),
        negatives=concatenated(*(part.instances for part in negatives)),
        cpu_seconds=cpu_seconds() - before,
        digit_sources=np.concatenate([part.sources for part in digits]),
        negative_sources=np.concatenate([part.sources for part in negatives]),
    )
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, rendered)
    return rendered


def _cache_key(data_dir: Path, settings: Data) -> str:
    """Return a checksum of the data, the settings, the preprocessing and the code that draws."""
    digest = hashlib.sha256(json.dumps([asdict(settings), checksums(data_dir)]).encode())
    digest.update(str(PREPROCESSING_VERSION).encode())
    for module in (canvas, digit_styles, negatives, stroke_augmentation, strokes, symbols):
        digest.update(Path(str(module.__file__)).read_bytes())
    digest.update(Path(__file__).read_bytes())
    return digest.hexdigest()[:16]


def _write(path: Path, rendered: RenderedDataSet) -> None:
    with replacing_file(path) as draft:
        np.savez(
            draft,
            digit_images=rendered.digits.images,
            digit_labels=rendered.digits.labels,
            negative_images=rendered.negatives.images,
            negative_labels=rendered.negatives.labels,
            cpu_seconds=np.array(rendered.cpu_seconds),
            digit_sources=rendered.digit_sources,
            negative_sources=rendered.negative_sources,
        )


def _read(path: Path) -> RenderedDataSet:
    with np.load(path) as stored:
        return RenderedDataSet(
            digits=Instances(stored["digit_images"], stored["digit_labels"]),
            negatives=Instances(stored["negative_images"], stored["negative_labels"]),
            cpu_seconds=float(stored["cpu_seconds"]),
            digit_sources=stored["digit_sources"],
            negative_sources=stored["negative_sources"],
        )


def _jobs(data_dir: Path, settings: Data) -> Iterator[_Job]:
    drawings = _drawings(data_dir)
    counts = {
        "digit": len(drawings.digits),
        "styled digit": settings.styled,
        "letter": len(drawings.letters),
        "negative": settings.negatives,
    }
    for kind, count in counts.items():
        for start in range(0, count, JOB_SIZE):
            yield _Job(kind, range(start, min(start + JOB_SIZE, count)), data_dir, settings)


@functools.lru_cache(maxsize=1)  # each process renders many jobs of the same drawings
def _drawings(data_dir: Path) -> _Drawings:
    digits = split(load_digits(data_dir)).training
    letters = split(load_letters(data_dir)).training
    return _Drawings(
        digits=digits,
        letters=[letter for letter in letters if letter.label not in HELD_OUT_LETTERS],
        digits_by_person=Counter(digit.person for digit in digits),
    )


@dataclass(frozen=True)
class _Rendered:
    """The result of a job."""

    instances: Instances
    sources: NDArray[np.str_]  # (n,)


def _render(job: _Job) -> _Rendered:
    drawings = _drawings(job.data_dir)
    images, labels, sources = [], [], []
    for number in job.numbers:
        # A seed for each drawing, so that the number of processes does not change it.
        seed = [job.settings.rendering_seed, seed_from(SEED_NAMES[job.kind]), number]
        rng = np.random.default_rng(seed)
        for variant, label, source in _variants(job.kind, number, drawings, job.settings, rng):
            images.append(to_bytes(to_instance(with_random_pen(variant, rng, job.settings))))
            labels.append(label)
            sources.append(source)
    instances = Instances(np.stack(images), np.array(labels, np.int32))
    return _Rendered(instances, np.array(sources, SOURCE_NAME))


def _variants(
    kind: str, number: int, drawings: _Drawings, settings: Data, rng: Rng
) -> Iterator[tuple[list[Stroke], int, str]]:
    """Yield the strokes, the class and the source of each variant of one drawing."""
    if kind == "digit":
        drawing = drawings.digits[number]
        prolific = drawings.digits_by_person[drawing.person] > PROLIFIC
        for _ in range(settings.prolific_variants if prolific else settings.pen_variants):
            original = list(drawing.strokes)
            if rng.random() < settings.style_probability:
                original = digit_styles.with_style(original, drawing.label, rng)
            yield augmented(original, rng, settings), int(drawing.label), drawing.donor
    elif kind == "styled digit":
        label = tuple(digit_styles.STYLES)[number % len(digit_styles.STYLES)]
        yield augmented(digit_styles.in_style(label, rng), rng, settings), int(label), ""
    elif kind == "letter":
        drawing = drawings.letters[number]
        for _ in range(settings.letter_variants):
            original = list(drawing.strokes)
            yield augmented(original, rng, settings), NOT_A_DIGIT_CLASS, drawing.donor
    else:
        names = tuple(negatives.KINDS)
        weights = np.array([negatives.KINDS[name] for name in names])
        name = names[int(rng.choice(len(names), p=weights / weights.sum()))]
        # Of one source, so that it can be left out with everything made from its drawings.
        some = drawings.of_somebody(rng)
        original = negatives.negative(name, digits=some.digits, letters=some.letters, rng=rng)
        source = some.digits[0].donor if name in negatives.FROM_DRAWINGS else ""
        # Weaker than for digits, so that a symbol does not come to look like a digit.
        yield stroke_augmentation.augment(original, rng, strength=0.6), NOT_A_DIGIT_CLASS, source


def augmented(original: list[Stroke], rng: Rng, settings: Data) -> list[Stroke]:
    """Return the strokes changed as another drawing by another person might be."""
    low, high = (0.0, 0.5) if rng.random() < settings.mild_share else (0.5, 1.0)
    return stroke_augmentation.augment(original, rng, strength=float(rng.uniform(low, high)))


def with_random_pen(variant: list[Stroke], rng: Rng, settings: Data) -> Image.Image:
    """Draw the strokes with a pen of 2.5 to 34 % of their size, most of them with 5 to 20 %.

    The range is the canvas': from a pen of 3 % on a drawing that fills it to one of 10 % on a
    drawing of 30 % of its side.
    """
    low, high = (0.05, 0.2) if rng.random() < 0.7 else (0.025, 0.34)
    ratio = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    scale = 0.8
    return canvas.render(
        variant,
        size=settings.canvas,
        brush=ratio * scale,
        scale=scale,
        offset=(float(rng.uniform(-1, 1)), float(rng.uniform(-1, 1))),
        smooth=bool(rng.random() < 0.4),
    )
