"""Properties of buckets, timeuuids and filter combinations, for every instant and id."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webui.records.models import instant_of, new_record_id
from webui.records_cassandra.tables.bucket_layout import MOST_SHARDS, BucketLayout
from webui.records_cassandra.tables.bucket_width import BucketWidth
from webui.records_cassandra.tables.buckets import month_of, partition_of
from webui.records_cassandra.tables.filter_combinations import (
    FilterCombination,
    filter_combinations_of,
)
from webui.records_cassandra.tables.timeuuid import (
    LAST_TICK,
    instant_at,
    largest_id,
    smallest_id,
    sort_key,
    ticks_of,
    timeuuid,
)

INSTANTS = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001 - hypothesis asks for naive bounds
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
WIDTHS = st.sampled_from(BucketWidth)
LAYOUTS = st.builds(BucketLayout, WIDTHS, st.integers(1, MOST_SHARDS))
TICKS = st.integers(min_value=0, max_value=LAST_TICK)
TAILS = st.integers(min_value=0, max_value=(1 << 64) - 1)


@pytest.mark.parametrize(
    ("width", "name"),
    [
        (BucketWidth.DAY, "2026-11-23"),
        (BucketWidth.HOUR, "2026-11-23T21"),
        (BucketWidth.TEN_MINUTES, "2026-11-23T21:40/PT10M"),
        (BucketWidth.MINUTE, "2026-11-23T21:43"),
    ],
)
def test_a_bucket_name_states_its_width(width: BucketWidth, name: str) -> None:
    instant = datetime(2026, 11, 23, 21, 43, 59, 999_999, tzinfo=UTC)
    assert width.partition_key(width.start(instant)) == name


@given(instant=INSTANTS, width=WIDTHS)
def test_a_bucket_holds_its_instant_and_is_in_one_month(
    instant: datetime, width: BucketWidth
) -> None:
    start = width.start(instant)
    assert start <= instant < start + width.duration
    assert width.start(start) == start
    assert month_of(start) == month_of(start + width.duration - timedelta(microseconds=1))


@given(instants=st.tuples(INSTANTS, INSTANTS), layouts=st.tuples(LAYOUTS, LAYOUTS))
def test_no_two_buckets_share_a_partition(
    instants: tuple[datetime, datetime], layouts: tuple[BucketLayout, BucketLayout]
) -> None:
    one, other = (
        (layout, layout.width.start(instant))
        for layout, instant in zip(layouts, instants, strict=True)
    )
    shared = {*one[0].partition_keys(one[1])} & {*other[0].partition_keys(other[1])}
    assert bool(shared) == (one == other)


@given(instant=INSTANTS, layout=LAYOUTS)
def test_the_partition_follows_from_the_id(instant: datetime, layout: BucketLayout) -> None:
    partitions = layout.partition_keys(layout.width.start(instant))
    assert len(partitions) == layout.shards
    assert partition_of(smallest_id(ticks_of(instant)), layout) in partitions


@given(layout=LAYOUTS)
def test_a_layout_is_read_as_it_was_written(layout: BucketLayout) -> None:
    assert BucketLayout.parse(str(layout)) == layout


def test_the_partition_names_the_shard() -> None:
    start = datetime(2026, 11, 23, 21, 40, tzinfo=UTC)
    assert BucketLayout(BucketWidth.TEN_MINUTES).partition_keys(start) == ["2026-11-23T21:40/PT10M"]
    assert BucketLayout(BucketWidth.TEN_MINUTES, 16).partition_keys(start)[3] == (
        "2026-11-23T21:40/PT10M#3/16"
    )


def test_the_records_of_a_moment_are_spread_evenly_over_the_shards() -> None:
    layout = BucketLayout(BucketWidth.DAY, 16)
    ids = [new_record_id() for _ in range(16_000)]
    counts = Counter(partition_of(record_id, layout).partition("#")[2] for record_id in ids)
    assert len(counts) == 16
    assert max(counts.values()) < 1.2 * 1000  # four standard deviations are 1.13


@given(ticks=TICKS, tail=TAILS)
def test_ids_of_a_tick_lie_between_its_smallest_and_its_largest(ticks: int, tail: int) -> None:
    one = timeuuid(ticks, tail)
    assert one.time == ticks
    assert sort_key(smallest_id(ticks)) <= sort_key(one) <= sort_key(largest_id(ticks))
    if ticks < LAST_TICK:
        assert sort_key(one) < sort_key(smallest_id(ticks + 1))


@given(instant=INSTANTS)
def test_ticks_convert_back_to_their_instant(instant: datetime) -> None:
    assert instant_at(ticks_of(instant)) == instant
    assert instant_of(smallest_id(ticks_of(instant))) == instant


def test_new_ids_are_sorted() -> None:
    ids = [new_record_id() for _ in range(100)]
    assert sorted(ids, key=sort_key) == ids


@pytest.mark.parametrize(
    ("combination", "text"),
    [
        (FilterCombination(), "all"),
        (FilterCombination(model_version=2), "version=2"),
        (FilterCombination(digit=0, verdict="unsure"), "digit=0 verdict=unsure"),
        (
            FilterCombination(model_version=2, digit=3, verdict="digit"),
            "version=2 digit=3 verdict=digit",
        ),
        (FilterCombination(visitor="key:1"), "visitor=key:1"),
    ],
)
def test_the_text_of_a_filter_combination(combination: FilterCombination, text: str) -> None:
    assert str(combination) == text


@given(
    version=st.integers(1, 5),
    digit=st.none() | st.integers(0, 9),
    verdict=st.sampled_from(["digit", "unsure", "not_a_digit"]),
    ask_version=st.none() | st.integers(1, 5),
    ask_digit=st.none() | st.integers(0, 9),
    ask_verdict=st.none() | st.sampled_from(["digit", "unsure", "not_a_digit"]),
)
def test_a_record_has_exactly_the_combinations_that_it_matches(
    version: int,
    digit: int | None,
    verdict: str,
    ask_version: int | None,
    ask_digit: int | None,
    ask_verdict: str | None,
) -> None:
    asked = FilterCombination(model_version=ask_version, digit=ask_digit, verdict=ask_verdict)
    matches = (
        ask_version in (None, version)
        and ask_digit in (None, digit)
        and ask_verdict in (None, verdict)
    )
    combinations = list(
        filter_combinations_of(model_version=version, digit=digit, verdict=verdict, visitor="key:1")
    )
    assert (asked in combinations) == matches
    assert FilterCombination(visitor="key:1") in combinations
    assert len(combinations) == len(set(combinations))
