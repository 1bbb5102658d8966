"""A network that is built and exported in a moment."""

import keras
from keras import layers


def small_network(classes: int = 11, *, softmax_layer: bool = True) -> keras.Model:
    """Return an untrained network; without `softmax_layer` the last dense layer has the softmax."""
    keras.utils.set_random_seed(0)
    top = [layers.Dense(classes), layers.Softmax()] if softmax_layer else []
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(4, 5, strides=4, activation="relu"),
            layers.Flatten(),
            *(top or [layers.Dense(classes, activation="softmax")]),
        ]
    )
