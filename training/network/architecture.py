"""Architecture of the bundled pen network: a small convolutional network with eleven classes.

Convolutions in three stages, each followed by batch normalisation, and one dense layer. The pooling
at the end of a stage comes before normalisation and rectifier. The result is the same, since both
keep the order of values, with a quarter of the memory traffic, which dominates on a CPU.
"""

import keras
from keras import layers

from training.configuration import Network
from training.network.batch_normalisation import Normalisation

CLASSES = 11  # digits 0..9, then "not a digit"
MAX_PARAMETERS = 1_000_000


def build(
    network: Network,
    *,
    classes: int = CLASSES,
    seed: int = 0,
    normalisation: Normalisation = layers.BatchNormalization,
) -> keras.Model:
    """Return a model from instances, float32 (n, 28, 28, 1) in 0..1, to probabilities.

    Under Keras' mixed_bfloat16 policy the convolutions run in bfloat16, the softmax in float32.

    Args:
        network: sizes of the layers.
        classes: eleven, or ten for digits alone.
        seed: random seed of the first weights and of dropout.
        normalisation: makes the layers of batch normalisation. A training has others than Keras'
            (training/network/batch_normalisation.py), with the same weights; a stored model must
            not name them.

    Returns:
        A model whose output is float32 (n, classes).
    """
    image = keras.Input((28, 28, 1), name="image")
    x, layer = image, 0
    for stage, (channels, count) in enumerate(
        zip(network.channels, network.convolutions, strict=True)
    ):
        for place in range(count):  # (n, 14, 14, 32), then (n, 7, 7, 64), then (n, 4, 4, 128)
            kernel, last = 5 if stage == 0 else 3, place == count - 1
            normalise = normalisation(momentum=network.batch_norm_momentum)
            x = _convolution(x, channels, kernel, normalise, seed=seed + layer, pool=last)
            layer += 1
    x = layers.Flatten()(x)
    x = layers.Dense(
        network.dense, use_bias=False, kernel_initializer=keras.initializers.HeNormal(seed + layer)
    )(x)
    x = normalisation(momentum=network.batch_norm_momentum)(x)
    x = layers.ReLU()(x)
    x = layers.Dropout(network.dropout, seed=seed + layer + 1)(x)
    logits = layers.Dense(
        classes,
        dtype="float32",
        kernel_initializer=keras.initializers.GlorotUniform(seed + layer + 2),
    )(x)
    probabilities = layers.Softmax(dtype="float32", name="probabilities")(logits)
    return keras.Model(image, probabilities, name="digits")


def _convolution(
    x: keras.KerasTensor,
    channels: int,
    kernel: int,
    normalise: layers.BatchNormalization,
    *,
    seed: int,
    pool: bool,
) -> keras.KerasTensor:
    x = layers.Conv2D(
        channels,
        kernel,
        padding="same",
        use_bias=False,  # batch normalisation adds one
        kernel_initializer=keras.initializers.HeNormal(seed),
    )(x)
    if pool:
        x = layers.MaxPooling2D(2, padding="same")(x)
    return layers.ReLU()(normalise(x))
