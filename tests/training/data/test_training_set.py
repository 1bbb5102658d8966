"""The order of the training set: every instance once a round, each source by its share."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.recipe import NO_AUGMENTATION, blots
from training.configuration import Batch
from training.data.rendered_data_set import RenderedDataSet
from training.data.training_set import Sampler, assemble, split_mnist

SOURCES = {
    "mnist": np.arange(0, 50, dtype=np.int32),
    "pen": np.arange(50, 70, dtype=np.int32),
    "negative": np.arange(70, 77, dtype=np.int32),
}


def sampler(seed: int = 1) -> Sampler:
    return Sampler(SOURCES, Batch(mnist=10, pen=4, negative=2), seed=seed)


@given(first=st.integers(0, 40), steps=st.integers(1, 12), seed=st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_a_step_does_not_depend_on_where_reading_began(first: int, steps: int, seed: int) -> None:
    whole = sampler(seed).batches(0, 60)
    assert (sampler(seed).batches(first, steps) == whole[first : first + steps]).all()


def test_every_instance_comes_once_a_round_and_each_source_by_its_share() -> None:
    batches = sampler().batches(0, 5)  # one round of MNIST and of the pens
    assert batches.shape == (5, 16)
    assert sorted(batches[:, :10].ravel()) == list(range(50))
    assert sorted(batches[:, 10:14].ravel()) == list(range(50, 70))
    assert set(batches[:, 14:].ravel()) <= set(range(70, 77))


def test_the_next_round_is_shuffled_anew() -> None:
    batches = sampler().batches(0, 10)
    assert (batches[:5, :10] != batches[5:, :10]).any()


def test_a_source_without_a_share_may_be_empty_others_not() -> None:
    empty = {**SOURCES, "pen": np.zeros(0, np.int32)}
    assert Sampler(empty, Batch(16, 0, 0), seed=1).batches(3, 2).shape == (2, 16)
    with pytest.raises(ValueError, match="wants 4 of pen, but there are none"):
        Sampler(empty, Batch(10, 4, 2), seed=1).batches(0, 1)


def test_mnist_is_divided_without_overlap() -> None:
    all_of = blots(100, classes=10)
    training, validation = split_mnist(all_of.images, all_of.labels, 20)
    assert len(training) == 95
    assert len(validation) == 5
    assert (validation.images == all_of.images[::20]).all()
    assert validation.labels.dtype == np.int32


def test_rows_name_the_source_of_each_instance() -> None:
    digits, negatives = blots(20, classes=10), blots(10, classes=1, first=10)
    rendered = RenderedDataSet(
        digits,
        negatives,
        1.0,
        digit_sources=np.array([""] * 20),
        negative_sources=np.array([""] * 10),
    )
    augmentation = replace(NO_AUGMENTATION, pen=0.75, negative=0.5)
    data = assemble(blots(30, classes=10), rendered, augmentation)
    assert (data.labels[data.rows["negative"]] == 10).all()
    assert (data.images[data.rows["pen"]] == digits.images).all()
    assert len(data.rows["negative"]) == 210  # with 200 blanks
    assert data.images[data.rows["negative"][10]].max() == 0
    assert data.strength[data.rows["mnist"]].tolist() == [1.0] * 30
    assert set(data.strength[data.rows["pen"]].tolist()) == {0.75}
    assert set(data.strength[data.rows["negative"]].tolist()) == {0.5}


def test_mnist_alone_needs_no_rendered_data_set() -> None:
    data = assemble(blots(30, classes=10), RenderedDataSet.empty())
    assert len(data.images) == 30
    assert len(data.rows["negative"]) == 0
