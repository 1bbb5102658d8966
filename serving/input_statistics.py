"""Features of instances and ink, and their drift against the training data.

Drift is the population stability index (PSI) of each feature: the sum over bins of
(p - q) ln(p / q), p being the shares of what is seen and q those of the reference. See N. Siddiqi,
"Credit Risk Scorecards" (2006), whose rule of thumb is that below 0.1 nothing has changed, and from
0.25 on the population is another one; and B. Yurdakul, "Statistical Properties of Population
Stability Index" (2018): without any drift it is about (bins - 1) (1/n + 1/m) for n drawings and a
reference of m.

The reference, `training_inputs.json`, is made by `python -m training.input_reference`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

REFERENCE_FILE = Path(__file__).parent / "training_inputs.json"
BINS = 10  # deciles of the reference, as is usual for PSI
SIDE = 28
INK_LEVEL = 64  # of 255: fainter pixels are the soft edge of ink, not its extent
SMOOTHING = 0.5  # drawings added to each bin, so that an empty one gives no infinite index
MODERATE, LARGE = 0.1, 0.25  # Siddiqi's rule of thumb
LEAST_SEEN = 100  # drawings; with fewer the index is mostly noise

INSTANCE_FEATURES = {
    "ink": "Mean ink (0 to 1)",
    "centre_x": "Centre of mass, from the left (pixels)",
    "centre_y": "Centre of mass, from the top (pixels)",
    "aspect": "Width by height (log 2)",
    "stroke_width": "Stroke width (pixels)",
}
INK_FEATURES = {"strokes": "Strokes of the pen"}
FEATURES = {**INSTANCE_FEATURES, **INK_FEATURES}


def instance_features(instances: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
    """Returns each of INSTANCE_FEATURES of instances of shape (n, 28, 28), 0 to 255."""
    ink = instances.reshape(-1, SIDE, SIDE).astype(np.float64) / 255
    total = np.maximum(ink.sum(axis=(1, 2)), 1e-9)
    place = np.arange(SIDE) + 0.5
    extent = instances.reshape(-1, SIDE, SIDE) >= INK_LEVEL
    width, height = extent.any(axis=1).sum(axis=1), extent.any(axis=2).sum(axis=1)
    # The length of the outline in pixels, counted along rows and columns; a long stroke of width w
    # and length l has an area of w l and an outline of about 2 l.
    outline = np.abs(np.diff(ink, axis=1)).sum(axis=(1, 2)) / 2
    outline += np.abs(np.diff(ink, axis=2)).sum(axis=(1, 2)) / 2
    return {
        "ink": ink.mean(axis=(1, 2)),
        "centre_x": (ink.sum(axis=1) * place).sum(axis=1) / total,
        "centre_y": (ink.sum(axis=2) * place).sum(axis=1) / total,
        "aspect": np.log2(np.maximum(width, 1) / np.maximum(height, 1)),
        "stroke_width": total / np.maximum(outline, 1e-9),
    }


def ink_features(inks: Sequence[Any]) -> dict[str, NDArray[np.float64]]:
    """Returns each of INK_FEATURES of the paths of a pen, `[[[x, y, t_ms], …], …]`."""
    return {"strokes": np.array([len(ink) for ink in inks], np.float64)}


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """The shares of a feature's values below, between and above edges."""

    edges: Sequence[float]
    shares: Sequence[float]
    seen: int

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> "Distribution":
        """Returns the distribution in deciles; a value that is frequent makes fewer bins."""
        edges = np.unique(
            np.round(
                np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1], method="inverted_cdf"), 4
            )
        )
        counts = np.bincount(_bins(values, edges), minlength=len(edges) + 1)
        return cls(edges=edges.tolist(), shares=(counts / len(values)).tolist(), seen=len(values))

    def psi(self, values: NDArray[np.float64]) -> float:
        """Returns the population stability index of values against this distribution."""
        edges = np.asarray(self.edges)
        counts = np.bincount(_bins(values, edges), minlength=len(edges) + 1) + SMOOTHING
        seen = counts / counts.sum()
        expected = np.asarray(self.shares) * self.seen + SMOOTHING
        expected = expected / expected.sum()
        return float(((seen - expected) * np.log(seen / expected)).sum())


def _bins(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.digitize(values, edges, right=True)


@cache
def reference() -> Mapping[str, Distribution]:
    """Returns the distribution of each of FEATURES in the training data."""
    return {
        name: Distribution(**kept)
        for name, kept in json.loads(REFERENCE_FILE.read_text())["features"].items()
    }
