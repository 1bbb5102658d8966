"""Augmentation stays within its settings, repeats itself by seed, and has a strength of 0."""

from dataclasses import replace

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tests.training.recipe import NO_AUGMENTATION
from training.configuration import Augmentation
from training.network.augmentation import augment

ALL = Augmentation(0.75, 0.5, 0.5, 0.22, 0.25, 0.13, 1.2, 1.1, 0.8, 0.25)


def pictures(n: int = 16) -> NDArray[np.float32]:
    images = np.zeros((n, 28, 28), np.float32)
    images[:, 6:22, 12:16] = 1.0
    images[:, 6:9, 8:20] = 0.5
    return images


def augmented(
    settings: Augmentation, *, strength: float = 1.0, seed: int = 1, n: int = 16
) -> NDArray[np.float32]:
    strengths = tf.fill((n,), strength)
    result = augment(tf.constant(pictures(n)), strengths, tf.constant([seed, 2]), settings)
    return np.asarray(result)


def test_strength_0_changes_nothing() -> None:
    np.testing.assert_allclose(augmented(ALL, strength=0.0), pictures(), atol=1e-5)


def test_pictures_stay_in_range_and_differ_from_each_other() -> None:
    images = augmented(ALL)
    assert images.shape == (16, 28, 28)
    assert images.dtype == np.float32
    assert images.min() >= 0.0
    assert images.max() <= 1.0 + 1e-6
    assert len({image.tobytes() for image in images}) == 16


def test_the_seed_decides() -> None:
    first = augmented(ALL, seed=1)
    assert (first == augmented(ALL, seed=1)).all()
    assert (first != augmented(ALL, seed=2)).any()


def test_a_shift_moves_the_centre_of_mass_by_at_most_what_is_set() -> None:
    images = augmented(replace(NO_AUGMENTATION, shift=2.0), n=64)
    columns = np.arange(28)
    centre = (images.sum(1) * columns).sum(1) / images.sum((1, 2))
    before = (pictures(1).sum(1) * columns).sum(1) / pictures(1).sum((1, 2))
    moved = np.abs(centre - before)
    assert 1.0 < moved.max() <= 2.01


def test_thickness_goes_both_ways_and_leaves_half_unchanged() -> None:
    mass = augmented(replace(NO_AUGMENTATION, thickness=0.8), n=64).sum((1, 2)) / pictures(1).sum()
    assert (mass > 1.02).any()
    assert (mass < 0.98).any()
    assert 0.3 < (np.abs(mass - 1) < 1e-3).mean() < 0.7


def test_a_rotation_keeps_the_mass_of_the_ink() -> None:
    mass = augmented(replace(NO_AUGMENTATION, rotation=0.3)).sum((1, 2)) / pictures(1).sum()
    np.testing.assert_allclose(mass, 1.0, atol=0.03)


def test_a_picture_at_the_edge_is_not_wrapped_around() -> None:
    images = np.zeros((8, 28, 28), np.float32)
    images[:, :, 26:] = 1.0
    settings = replace(NO_AUGMENTATION, shift=3.0, elastic=2.0)
    moved = augment(tf.constant(images), tf.ones((8,)), tf.constant([1, 1]), settings).numpy()
    assert moved[:, :, :18].max() < 1e-5
