"""The network of version 2: small, quick on a CPU, eleven classes.

Convolutions in three stages, each followed by batch normalisation, and one dense layer. Where a
layer is pooled, pooling comes before normalisation and rectifier: the answer is the same (both keep
order) and three quarters of the memory traffic go away, which on a CPU is where the time goes.
"""

import keras
from keras import layers

from training.configuration import Network

CLASSES = 11  # digits 0..9, then "not a digit"
MAX_PARAMETERS = 1_000_000


def build(network: Network, *, classes: int = CLASSES, seed: int = 0) -> keras.Model:
    """Instances float32 (n, 28, 28, 1) in 0..1 to probabilities float32 (n, classes).

    Under keras' mixed_bfloat16 policy the convolutions run in bfloat16; the softmax never does.
    """
    image = keras.Input((28, 28, 1), name="image")
    x, layer = image, 0
    for stage, (channels, count) in enumerate(
        zip(network.channels, network.convolutions, strict=True)
    ):
        for place in range(count):  # (n, 14, 14, 32), then (n, 7, 7, 64), then (n, 4, 4, 128)
            kernel, last = 5 if stage == 0 else 3, place == count - 1
            x = _convolution(x, channels, kernel, network, seed + layer, pool=last)
            layer += 1
    x = layers.Flatten()(x)
    x = layers.Dense(
        network.dense, use_bias=False, kernel_initializer=keras.initializers.HeNormal(seed + layer)
    )(x)
    x = layers.BatchNormalization(momentum=network.batch_norm_momentum)(x)
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
    network: Network,
    seed: int,
    pool: bool = False,
) -> keras.KerasTensor:
    x = layers.Conv2D(
        channels,
        kernel,
        padding="same",
        use_bias=False,  # batch normalisation has one
        kernel_initializer=keras.initializers.HeNormal(seed),
    )(x)
    if pool:
        x = layers.MaxPooling2D(2, padding="same")(x)
    x = layers.BatchNormalization(momentum=network.batch_norm_momentum)(x)
    return layers.ReLU()(x)
