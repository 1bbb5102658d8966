"""Fused batch normalisation: what Keras' own layer computes, in one operation."""

import keras
import numpy as np
import tensorflow as tf

from training.network.batch_normalisation import FusedBatchNormalization


def test_it_trains_and_averages_as_keras_does() -> None:
    rng = np.random.default_rng(1)
    images = tf.constant(rng.normal(2, 3, (16, 5, 5, 4)).astype(np.float32))
    reference, fused = (
        keras.layers.BatchNormalization(momentum=0.9),
        FusedBatchNormalization(momentum=0.9),
    )
    for layer in (reference, fused):
        layer.build(images.shape)
        layer.set_weights([np.array([1, 2, 3, 4], np.float32), *layer.get_weights()[1:]])
    gradients = []
    for layer in (reference, fused):
        with tf.GradientTape() as tape:
            tape.watch(images)
            scaled = layer(images, training=True)
            loss = tf.reduce_sum(scaled**3)
        gradients.append((scaled.numpy(), tape.gradient(loss, images).numpy()))
    for ours, theirs in zip(*gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=2e-3)
    for ours, theirs in zip(fused.get_weights(), reference.get_weights(), strict=True):
        # The variance differs by n / (n - 1).
        np.testing.assert_allclose(ours, theirs, rtol=5e-3)


def test_outside_training_it_uses_the_averages() -> None:
    layer = FusedBatchNormalization()
    images = tf.ones((2, 3, 3, 4))
    np.testing.assert_allclose(layer(images, training=False), images, rtol=1e-3)
