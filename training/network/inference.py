"""Inference of a Keras model on many instances."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from training.data.instances import Instances

if TYPE_CHECKING:
    import keras


def predict(model: "keras.Model", images: NDArray[Any], batch: int = 512) -> NDArray[np.float32]:
    """Return the probabilities (n, classes) of instances.

    Args:
        model: takes float32 (n, 28, 28, 1) in 0..1.
        images: (n, 28, 28), as floats in 0..1 or as bytes, where 255 is 1.0.
        batch: instances a call.
    """
    if not len(images):
        return np.zeros((0, model.output_shape[-1]), np.float32)
    instances = images.astype(np.float32)[..., None]
    if images.dtype == np.uint8:
        instances /= 255.0
    return np.asarray(model.predict(instances, batch_size=batch, verbose=0))


def accuracy(model: "keras.Model", instances: Instances) -> float:
    """Return the share of instances whose class is the most probable one."""
    return float((predict(model, instances.images).argmax(1) == instances.labels).mean())
