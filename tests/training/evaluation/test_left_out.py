"""Left-out sources: counts by person and source, intervals, and verdicts on strangers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.training.recipe import DIGITS_RECIPE
from training.evaluation import left_out
from training.evaluation.left_out import Cell


def answers(labels: NDArray[np.int64], wrong: int = 0) -> NDArray[np.float32]:
    """Return confident probabilities; the first `wrong` are for the next digit."""
    answered = labels.copy()
    answered[:wrong] = (answered[:wrong] + 1) % 10
    scores = np.full((len(labels), 11), 0.001, np.float32)
    scores[np.arange(len(labels)), answered] = 0.99
    return scores


def cell(source: str, *, wrong: int, count: int = 60, people: int = 10) -> Cell:
    """Return a cell of one source, whose first drawings are read wrongly."""
    labels = np.arange(count) % 10
    names = np.array([f"{source}/w{n * people // count}" for n in range(count)])
    return Cell(
        digits={how: answers(labels, wrong) for how in ("clean", "perturbed")},
        labels=dict.fromkeys(("clean", "perturbed"), labels),
        people=dict.fromkeys(("clean", "perturbed"), names),
        negatives={"scribbles": answers(np.full(20, 10))},
    )


def test_every_source_has_its_own_row_and_seeds_count_together() -> None:
    results = left_out.by_source([cell("a", wrong=3), cell("a", wrong=6), cell("b", wrong=0)])
    assert (results["a"].clean.count, results["a"].clean.of) == (111, 120)
    assert results["a"].people == 10
    assert results["b"].perturbed.value == 1.0
    low, high = results["b"].clean_interval
    assert low < 0.96  # no error among 60 does not prove that there are none
    assert high == 1.0


def test_the_interval_knows_that_the_errors_are_one_persons() -> None:
    of_one = left_out.by_source([cell("a", wrong=6)])["a"]
    low, high = of_one.clean_interval
    assert low <= of_one.clean.interval[0]
    assert high == 1.0  # without that person there are no errors
    of_few = left_out.by_source([cell("a", wrong=6, people=3)])["a"]
    assert of_few.clean_interval == of_few.clean.interval


def test_several_trainings_do_not_make_more_drawings() -> None:
    one = cell("a", wrong=6, people=3)
    once, thrice = (left_out.by_source(cells)["a"] for cells in ([one], [one, one, one]))
    assert thrice.clean.of == 3 * once.clean.of
    assert thrice.clean_interval == once.clean_interval


def test_the_summary_weighs_sources_alike_and_leaves_out_small_ones() -> None:
    cells = [cell("a", wrong=6), cell("b", wrong=0, count=600), cell("c", wrong=9, count=10)]
    total = left_out.summary(left_out.by_source(cells), seeds=1)
    assert total is not None
    assert total.mean_clean == pytest.approx((0.9 + 1.0) / 2)
    assert total.worst_perturbed[0] == "a"
    assert total.worst_perturbed[1] == pytest.approx(0.9)
    assert left_out.summary(left_out.by_source(cells[2:]), seeds=1) is None


def test_recipes_are_compared_on_the_same_renderings() -> None:
    before = [cell("a", wrong=6), cell("b", wrong=0)]
    after = [cell("a", wrong=3), cell("b", wrong=0)]
    found = left_out.difference(after, of=before)
    assert found.most_probable == pytest.approx(3 / 120)
    low, high = found.most_probable_interval
    assert low <= found.most_probable <= high
    assert found.log_loss < 0
    same = left_out.difference(before, of=before)
    assert (same.most_probable, same.log_loss) == (0.0, 0.0)
    assert same.log_loss_interval == (0.0, 0.0)


def test_a_refusal_does_not_count_in_a_comparison() -> None:
    read = cell("a", wrong=0)
    refused = {how: part.copy() for how, part in read.digits.items()}
    for part in refused.values():
        part[:5, 10] = 5.0  # far more than the digit's
    found = left_out.difference([replace(read, digits=refused)], of=[read])
    assert found.most_probable == 0.0
    assert found.log_loss == pytest.approx(0.0, abs=1e-9)


def test_verdicts_on_strangers() -> None:
    said = left_out.verdicts([cell("a", wrong=0), cell("b", wrong=0)])
    assert said.choice.right_when_sure == 1.0
    assert said.choice.refused_digits == 0.0
    assert (said.refused["scribbles"].count, said.refused["scribbles"].of) == (40, 40)


def test_a_stored_cell_reads_back(tmp_path: Path) -> None:
    stored = cell("a", wrong=2)
    left_out.write_cell(tmp_path / "cells" / "one.npz", stored)
    read = left_out.read_cell(tmp_path / "cells" / "one.npz")
    assert (read.digits["clean"] == stored.digits["clean"]).all()
    assert read.people["perturbed"].tolist() == stored.people["perturbed"].tolist()
    assert (read.negatives["scribbles"] == stored.negatives["scribbles"]).all()


def test_another_recipe_seed_or_fold_is_another_cell() -> None:
    other_seed = replace(DIGITS_RECIPE, run=replace(DIGITS_RECIPE.run, seed=9))
    other_data = replace(DIGITS_RECIPE, data=replace(DIGITS_RECIPE.data, styled=1))
    names = {left_out.cell_name(one, 0) for one in (DIGITS_RECIPE, other_seed, other_data)}
    assert len(names | {left_out.cell_name(DIGITS_RECIPE, 1)}) == 4


def test_no_source_is_in_two_folds() -> None:
    sources = [source for fold in left_out.FOLDS for source in fold]
    assert len(sources) == len(set(sources))
