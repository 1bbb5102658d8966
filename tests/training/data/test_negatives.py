"""Negatives: random drawings, none of which is a digit by accident."""

import numpy as np
import pytest

from tests.training.pens import drawing
from training.data import negatives, symbols
from training.data.pen_strokes import HELD_OUT_LETTERS, PenDrawing
from training.data.strokes import polyline

DIGITS = [drawing(str(label), writer=str(label)) for label in range(10)]
LETTERS = [drawing("E"), drawing("m")]


@pytest.mark.parametrize("kind", list(negatives.KINDS))
def test_every_kind_gives_finite_strokes_that_depend_on_the_seed(kind: str) -> None:
    one, two = (np.random.default_rng(9) for _ in range(2))
    for _ in range(40):
        strokes = negatives.negative(kind, digits=DIGITS, letters=LETTERS, rng=one)
        assert strokes
        for stroke in strokes:
            assert stroke.ndim == 2
            assert stroke.shape[1] == 2
            assert np.isfinite(stroke).all()
        again = negatives.negative(kind, digits=DIGITS, letters=LETTERS, rng=two)
        assert [stroke.tobytes() for stroke in strokes] == [stroke.tobytes() for stroke in again]


@pytest.mark.parametrize("name", list(symbols.SHAPES))
def test_every_symbol_is_about_as_large_as_the_others(name: str) -> None:
    points = np.concatenate(symbols.draw(name, np.random.default_rng(0)))
    assert 0.7 < (points.max(0) - points.min(0)).max() < 2.0


def test_digits_that_stay_digits_are_not_turned() -> None:
    turns = negatives.QUARTER_TURNS
    assert not {"0", "1", "8"} & (set(turns) | set(negatives.MIRRORED))
    assert not {"2", "5"} & set(negatives.MIRRORED)
    assert all(2 not in turns[digit] for digit in "2569")  # upside down these are digits


def test_a_quarter_turn_is_clockwise() -> None:
    seven = PenDrawing("7", "d", "w", (polyline((0, 0), (600, 0), (200, 1000)),))
    rng = np.random.default_rng(0)
    turned = {
        tuple((negatives.turned_digit([seven], rng)[0].ravel().round() + 0.0).tolist())
        for _ in range(60)
    }
    assert (0.0, 0.0, 0.0, 600.0, -1000.0, 200.0) in turned  # the bar points down


def test_no_single_upright_line() -> None:
    rng = np.random.default_rng(2)
    for _ in range(300):
        strokes = negatives.lines(rng)
        if len(strokes) == 1:
            x, y = strokes[0][1] - strokes[0][0]
            assert y < 1.2 * x  # flatter than a leaning 1, or falling to the right


def test_a_column_of_digits_has_no_ones() -> None:
    for seed in range(50):  # would not end if ones were all there is
        assert negatives.several_digits([drawing("1"), drawing("7")], np.random.default_rng(seed))


def test_symbols_are_neither_held_out_letters_nor_like_digits() -> None:
    names = {name.strip("~").split()[0] for name in symbols.SHAPES}
    assert not names & (HELD_OUT_LETTERS | set("OoSsZzIlqgbBDG"))


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(KeyError):
        negatives.negative("poem", digits=DIGITS, letters=LETTERS, rng=np.random.default_rng(0))


def test_digits_that_all_stay_digits_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match="none of the digits can be turned"):
        negatives.turned_digit([drawing("0"), drawing("8")], np.random.default_rng(1))
