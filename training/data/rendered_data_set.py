"""Drawings to train on, made once from pen strokes by the page's canvas and the preprocessing.

Every drawing of the training part is drawn several times, each time bent by another hand and with
another pen; digits in styles that nobody there wrote and drawings that are no digit are added. The
pool is kept by the checksum of everything it was made from, the code that draws included.
"""

import hashlib
import json
import os
import resource
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from serving.preprocessing import PREPROCESSING_VERSION, to_instance
from serving.verdict import NOT_A_DIGIT_CLASS
from training.configuration import Data
from training.data import canvas, negatives, stroke_augmentation
from training.data.instances import Instances, as_bytes, number_of
from training.data.pen_strokes import (
    HELD_OUT_LETTERS,
    PenDrawing,
    checksums,
    load_digits,
    load_other,
    split,
)

Rng = np.random.Generator
PROLIFIC_DIGITS = 150  # who wrote more gets fewer variants of each


@dataclass(frozen=True)
class Pool:
    """The drawings trained on."""

    pen: Instances
    outlier: Instances
    cpu_seconds: float  # that making it took, also when it was read from the cache

    @classmethod
    def empty(cls) -> "Pool":
        """For a training on MNIST alone."""
        return cls(Instances.none(), Instances.none(), 0.0)


@dataclass(frozen=True)
class _Job:
    """Some drawings to make in one process."""

    kind: str  # "pen", "styled", "letter", or "outlier"
    numbers: tuple[int, ...]
    seed: int
    data_dir: str
    settings: Data


def build_pool(data_dir: Path, settings: Data, *, cache: Path | None = None) -> Pool:
    """Makes the pool, or reads it from `cache` when it was made from the same before."""
    path = cache / f"pool-{_pool_key(data_dir, settings)}.npz" if cache else None
    if path and path.is_file():
        with np.load(path) as stored:
            return _pool_of({name: stored[name] for name in stored.files})
    before = _seconds()
    arrays: dict[str, list[NDArray[np.generic]]] = {}
    with ProcessPoolExecutor(_processes(), mp_context=get_context("spawn")) as workers:
        for part in workers.map(_make, list(_jobs(data_dir, settings))):
            for name, array in part.items():
                arrays.setdefault(name, []).append(array)
    joined = {name: np.concatenate(parts) for name, parts in arrays.items()}
    joined["cpu_seconds"] = np.array([_seconds() - before])
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.stem}.{os.getpid()}.partial.npz")
        np.savez(partial, **joined)  # type: ignore[arg-type]
        partial.rename(path)
    return _pool_of(joined)


def _seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _processes() -> int:
    return max(1, len(os.sched_getaffinity(0)))


def _pool_key(data_dir: Path, settings: Data) -> str:
    """Changes with the data, the settings, the preprocessing and the code that draws."""
    digest = hashlib.sha256(json.dumps([asdict(settings), checksums(data_dir)]).encode())
    digest.update(str(PREPROCESSING_VERSION).encode())
    for module in (canvas, stroke_augmentation, negatives):
        digest.update(Path(str(module.__file__)).read_bytes())
    digest.update(Path(__file__).read_bytes())
    return digest.hexdigest()[:16]


def _pool_of(arrays: dict[str, NDArray[np.generic]]) -> Pool:
    def instances(name: str) -> Instances:
        return Instances(arrays[f"{name}_images"], arrays[f"{name}_labels"])  # type: ignore[arg-type]

    return Pool(
        pen=instances("pen"),
        outlier=instances("outlier"),
        cpu_seconds=float(arrays["cpu_seconds"][0]),  # type: ignore[arg-type]
    )


def _jobs(data_dir: Path, settings: Data) -> Iterator[_Job]:
    digits, letters = _training_drawings(data_dir)
    counts = {
        "pen": len(digits),
        "styled": settings.styled,
        "letter": len(letters),
        "outlier": settings.outliers,
    }
    for kind, count in counts.items():
        for start in range(0, count, 250):
            numbers = tuple(range(start, min(start + 250, count)))
            yield _Job(kind, numbers, settings.pool_seed, str(data_dir), settings)


_drawings: dict[str, tuple[list[PenDrawing], list[PenDrawing]]] = {}  # one reading a process


def _training_drawings(data_dir: Path) -> tuple[list[PenDrawing], list[PenDrawing]]:
    """Digits and letters that may be trained on."""
    if str(data_dir) not in _drawings:
        letters = split(load_other(data_dir)).training
        _drawings[str(data_dir)] = (
            split(load_digits(data_dir)).training,
            [letter for letter in letters if letter.label not in HELD_OUT_LETTERS],
        )
    return _drawings[str(data_dir)]


def _make(job: _Job) -> dict[str, NDArray[np.generic]]:
    digits, letters = _training_drawings(Path(job.data_dir))
    images: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    settings = job.settings
    for number in job.numbers:
        # The same drawing whatever the number of processes.
        rng = np.random.default_rng([job.seed, number_of(job.kind), number])
        for strokes, label in _variants(job.kind, number, digits, letters, settings, rng):
            images.append(as_bytes(to_instance(_with_some_pen(strokes, rng, settings))))
            labels.append(label)
    name = "pen" if job.kind in ("pen", "styled") else "outlier"
    return {
        f"{name}_images": np.stack(images),
        f"{name}_labels": np.array(labels, np.int32),
    }


def _variants(
    kind: str,
    number: int,
    digits: Sequence[PenDrawing],
    letters: Sequence[PenDrawing],
    settings: Data,
    rng: Rng,
) -> Iterator[tuple[list[stroke_augmentation.Stroke], int]]:
    """Strokes and class."""
    if kind == "pen":
        drawing = digits[number]
        few = _digits_of(digits)[drawing.person] > PROLIFIC_DIGITS
        for _ in range(settings.prolific_variants if few else settings.pen_variants):
            strokes = list(drawing.strokes)
            if rng.random() < settings.style_probability:
                strokes = stroke_augmentation.with_style(strokes, drawing.label, rng)
            yield _bent(strokes, rng, settings), int(drawing.label)
    elif kind == "styled":
        label = tuple(stroke_augmentation.STYLES)[number % len(stroke_augmentation.STYLES)]
        yield _bent(stroke_augmentation.in_style(label, rng), rng, settings), int(label)
    elif kind == "letter":
        for _ in range(settings.letter_variants):
            yield _bent(list(letters[number].strokes), rng, settings), NOT_A_DIGIT_CLASS
    else:
        names = tuple(negatives.KINDS)
        weights = np.array([negatives.KINDS[name] for name in names])
        name = names[int(rng.choice(len(names), p=weights / weights.sum()))]
        strokes = negatives.outlier(name, digits=digits, letters=letters, rng=rng)
        # Bent less than digits: what is a symbol must not become a digit by bending.
        yield stroke_augmentation.distort(strokes, rng, strength=0.6), NOT_A_DIGIT_CLASS


_counts: dict[int, dict[str, int]] = {}


def _digits_of(digits: Sequence[PenDrawing]) -> dict[str, int]:
    """How many digits each person wrote."""
    if id(digits) not in _counts:
        counts: dict[str, int] = {}
        for drawing in digits:
            counts[drawing.person] = counts.get(drawing.person, 0) + 1
        _counts[id(digits)] = counts
    return _counts[id(digits)]


def _bent(
    strokes: list[stroke_augmentation.Stroke], rng: Rng, settings: Data
) -> list[stroke_augmentation.Stroke]:
    low, high = (0.0, 0.5) if rng.random() < settings.mild_share else (0.5, 1.0)
    strength = float(rng.uniform(low, high))
    return stroke_augmentation.distort(strokes, rng, strength=strength)


def _with_some_pen(
    strokes: Sequence[stroke_augmentation.Stroke], rng: Rng, settings: Data
) -> Image.Image:
    """Any pen on any size of drawing: from 3 % to a third of the ink's own size.

    Both ends are the canvas' own: a pen of 3 % on a drawing that fills it, and one of 10 % on one
    that is 30 % of it. Most are in between, as with the page's own pen.
    """
    low, high = (0.05, 0.2) if rng.random() < 0.7 else (0.025, 0.34)
    ratio = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    scale = 0.8
    return canvas.render(
        strokes,
        size=settings.canvas,
        brush=ratio * scale,
        scale=scale,
        offset=(float(rng.uniform(-1, 1)), float(rng.uniform(-1, 1))),
        smooth=bool(rng.random() < 0.4),
    )
