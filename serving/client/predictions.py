"""The request and response documents of `:predict`, in the row format of the REST contract."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from serving.client.errors import ServingError
from serving.verdict import DIGITS

CLASSES = (DIGITS, DIGITS + 1)  # digits 0..9, and in newer versions "not a digit"
ROUNDING = 1e-3  # a softmax may exceed 0..1 by rounding


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The predictions of one model version.

    Attributes:
        probabilities: float64 (n, classes), finite, each 0..1.
        version: the version that answered.
        label: the label by which it was chosen; "" if it was asked by its number.
    """

    probabilities: NDArray[np.float64]
    version: int
    label: str


def request_body(instances: NDArray[np.floating[Any]]) -> bytes:
    """Encodes instances as (n, 28, 28, 1).

    Each number has as few digits as its type needs to be read back unchanged: a float32 half of
    those that `json` would write, after it had made a Python float of it.

    Args:
        instances: (n, 28, 28) or (n, 28, 28, 1).

    Raises:
        ValueError: names the wrong shape, or the first instance with a value that is not finite.
    """
    array = np.asarray(instances)
    if array.ndim == 3:
        array = array[..., np.newaxis]
    if array.ndim != 4 or array.shape[1:] != (28, 28, 1) or not len(array):
        raise ValueError(
            f"instances must be (n, 28, 28) or (n, 28, 28, 1) with n at least 1, "
            f"not {np.shape(instances)}"
        )
    finite = np.isfinite(array).all(axis=(1, 2, 3))
    if not finite.all():
        raise ValueError(f"instance {int(np.argmin(finite))} has values that are not finite")
    array = np.ascontiguousarray(array)  # orjson reads no other
    return orjson.dumps({"instances": array}, option=orjson.OPT_SERIALIZE_NUMPY)


def read_probabilities(document: Any, *, count: int) -> NDArray[np.float64]:
    """Returns the (count, 10 or 11) probabilities of a predict document.

    Raises:
        ServingError: it holds anything else: another number or width, NaN, or values outside
            0..1. A wrong answer must not be recorded.
    """
    predictions = document.get("predictions") if isinstance(document, Mapping) else None
    try:
        array = np.asarray(predictions)
    except ValueError as error:
        raise ServingError(f"predictions are ragged: {document!r:.200}") from error
    if array.dtype.kind not in "fiu":
        raise ServingError(f"predictions are not lists of numbers: {document!r:.200}")
    if array.ndim != 2 or len(array) != count or array.shape[1] not in CLASSES:
        raise ServingError(
            f"predictions have shape {array.shape}; {count} instances should be answered by "
            f"{count} lists of {CLASSES[0]} or {CLASSES[1]} probabilities"
        )
    probabilities = array.astype(np.float64)
    if not ((probabilities >= -ROUNDING) & (probabilities <= 1 + ROUNDING)).all():  # NaN too
        raise ServingError(f"predictions are not probabilities: {document!r:.200}")
    return probabilities.clip(0.0, 1.0)
