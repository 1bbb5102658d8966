"""Every digit is asked for equally often, in an order of the writer's."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webui.collection.prompts import prompts_of
from webui.collection.writers import writer_of


@given(writer=st.text(), rounds=st.integers(1, 20))
def test_a_multiple_of_ten_asks_for_every_digit_equally_often(writer: str, rounds: int) -> None:
    prompts = prompts_of(writer, 10 * rounds)
    assert Counter(prompts) == dict.fromkeys(range(10), rounds)
    assert all(one != other for one, other in pairwise(prompts))


@pytest.mark.parametrize("count", [1, 7, 15])
def test_who_stops_early_has_drawn_the_beginning_of_the_same_order(count: int) -> None:
    assert prompts_of("somebody", count) == prompts_of("somebody", 20)[:count]


def test_writers_have_orders_and_ids_of_their_own() -> None:
    writers = {writer_of("visitor-1"), writer_of("visitor-1", turn=1), writer_of("visitor-2")}
    assert len({tuple(prompts_of(writer, 20)) for writer in writers}) == len(writers) == 3
