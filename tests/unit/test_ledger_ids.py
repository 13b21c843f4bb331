"""Ids: their layout is exact, they order by time, and one node never makes the same one twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.ids import (
    EPOCH_MS,
    MILLISECOND_MAX,
    NODE_MAX,
    SEQUENCE_MAX,
    IdMaker,
    made_at_ms,
    make_id,
    node_of,
)

NOW_MS = 1_700_000_000_123


def test_the_layout_is_41_bits_of_time_6_of_node_16_of_sequence() -> None:
    assert make_id(EPOCH_MS + 1, 0, 0) == 1 << 22
    assert make_id(EPOCH_MS, 1, 0) == 1 << 16
    assert make_id(EPOCH_MS, 0, 1) == 1
    assert make_id(EPOCH_MS + MILLISECOND_MAX, NODE_MAX, SEQUENCE_MAX) == (1 << 63) - 1


@given(
    st.integers(EPOCH_MS, EPOCH_MS + MILLISECOND_MAX),
    st.integers(0, NODE_MAX),
    st.integers(0, SEQUENCE_MAX),
)
def test_an_id_tells_when_and_where_it_was_made(at_ms: int, node: int, sequence: int) -> None:
    made = make_id(at_ms, node, sequence)
    assert 0 <= made < 1 << 63
    assert (made_at_ms(made), node_of(made), made & SEQUENCE_MAX) == (at_ms, node, sequence)


def test_a_nas_in_1970_does_not_make_an_id_negative() -> None:
    assert make_id(0, 3, 4) == make_id(EPOCH_MS, 3, 4) > 0


@pytest.mark.parametrize(
    ("at_ms", "node", "sequence", "message"),
    [
        (EPOCH_MS + MILLISECOND_MAX + 1, 0, 0, "2089"),
        (NOW_MS, NODE_MAX + 1, 0, "node 64"),
        (NOW_MS, -1, 0, "node -1"),
        (NOW_MS, 0, SEQUENCE_MAX + 1, "sequence 65536"),
    ],
)
def test_a_part_that_does_not_fit_is_refused(
    at_ms: int, node: int, sequence: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_id(at_ms, node, sequence)


def test_a_maker_of_a_node_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="node 64"):
        IdMaker(64)


@given(st.lists(st.integers(NOW_MS - 3, NOW_MS + 3), min_size=1, max_size=50))
def test_ids_grow_whatever_the_clock_says(instants: list[int]) -> None:
    maker = IdMaker(5)
    made = [maker.make(at_ms) for at_ms in instants]
    assert made == sorted(set(made))
    assert {node_of(one) for one in made} == {5}
    assert maker.last_id == made[-1]


def test_a_full_millisecond_borrows_the_next_one() -> None:
    maker = IdMaker(1)
    maker.advance(make_id(NOW_MS, 1, SEQUENCE_MAX))
    assert maker.make(NOW_MS) == make_id(NOW_MS + 1, 1, 1)


def test_a_clock_before_2020_still_makes_ids_of_its_node() -> None:
    maker = IdMaker(9)
    assert [node_of(maker.make(0)) for _ in range(3)] == [9, 9, 9]


def test_a_maker_goes_on_beyond_what_another_has_made() -> None:
    maker = IdMaker(1)
    seen = make_id(NOW_MS + 60_000, 1, 7)
    maker.advance(seen)
    maker.advance(5)
    assert maker.make(NOW_MS) == seen + 1
