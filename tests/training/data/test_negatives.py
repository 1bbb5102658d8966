"""What is no digit: drawn at random, and never by accident a digit."""

import numpy as np
import pytest

from tests.training.pens import drawing
from training.data import negatives

DIGITS = [drawing(str(label), writer=str(label)) for label in range(10)]
LETTERS = [drawing("E"), drawing("m")]


@pytest.mark.parametrize("kind", list(negatives.KINDS))
def test_every_kind_draws_something_finite(kind: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        strokes = negatives.outlier(kind, digits=DIGITS, letters=LETTERS, rng=rng)
        assert strokes
        for stroke in strokes:
            assert stroke.ndim == 2
            assert stroke.shape[1] == 2
            assert np.isfinite(stroke).all()


@pytest.mark.parametrize("name", list(negatives.SHAPES))
def test_every_shape_is_about_as_large_as_the_others(name: str) -> None:
    points = np.concatenate(negatives.shape(name, np.random.default_rng(0)))
    assert 0.7 < (points.max(0) - points.min(0)).max() < 2.0


def test_the_same_generator_draws_the_same() -> None:
    def draw() -> list[bytes]:
        rng = np.random.default_rng(9)
        return [
            stroke.tobytes()
            for kind in negatives.KINDS
            for stroke in negatives.outlier(kind, digits=DIGITS, letters=LETTERS, rng=rng)
        ]

    assert draw() == draw()


def test_digits_that_survive_turning_are_never_turned() -> None:
    assert not {"0", "1", "8"} & (set(negatives.QUARTERS) | set(negatives.MIRRORED))
    assert not {"2", "5"} & set(negatives.MIRRORED)
    assert 2 not in negatives.QUARTERS["6"] + negatives.QUARTERS["9"]  # upside down: each other
    assert 2 not in negatives.QUARTERS["2"] + negatives.QUARTERS["5"]  # upside down: themselves


def test_a_quarter_turn_turns_clockwise() -> None:
    seven = [np.float32([[0, 0], [600, 0], [200, 1000]])]
    digit = drawing("7").__class__("7", "d", "w", tuple(seven))
    rng = np.random.default_rng(0)
    turned = {
        tuple(negatives.turned_digit([digit], rng)[0].ravel().round().tolist()) for _ in range(60)
    }
    clockwise = (0.0, 0.0, 0.0, 600.0, -1000.0, 200.0)  # the bar now points down
    assert clockwise in {tuple(value + 0.0 for value in path) for path in turned}


def test_no_single_upright_line() -> None:
    rng = np.random.default_rng(2)
    for _ in range(300):
        strokes = negatives.lines(rng)
        if len(strokes) == 1:
            x, y = strokes[0][1] - strokes[0][0]
            assert y < 1.2 * x  # flatter than a leaning 1, or falling to the right


def test_one_digit_below_another_is_never_a_line_of_ones() -> None:
    ones = [drawing("1"), drawing("7")]
    for seed in range(50):
        assert negatives.several_digits(ones, np.random.default_rng(seed))


def test_held_out_letters_are_not_among_the_shapes() -> None:
    from training.data.pen_strokes import HELD_OUT_LETTERS

    names = {name.strip("~").split()[0] for name in negatives.SHAPES}
    assert not names & HELD_OUT_LETTERS
    # ... nor any double of a digit
    assert not names & set("OoSsZzIlqgbBDG")


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(KeyError):
        negatives.outlier("poem", digits=DIGITS, letters=LETTERS, rng=np.random.default_rng(0))
