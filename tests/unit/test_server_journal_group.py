"""Proves that a group of records is framed as it grows, and begins anew when it was taken."""

import pytest

from aaad.server.journal_format import BODY_SIZE_MAX, Record, parse_records
from aaad.server.journal_group import OVERHEAD_MAX, Group

SALT = 77


def parsed(data: bytes, *, lsn: int) -> tuple[list[Record], int | None]:
    found = parse_records(data, salt=SALT, expected_lsn=lsn)
    assert (found.damage, found.end) == (None, len(data))
    return found.records, found.group_offset


def test_each_taken_group_begins_a_group() -> None:
    group = Group(SALT)
    for lsn in (1, 2, 3):
        group.append(lsn, 10 * lsn, 1, b"body %d" % lsn)
    assert len(group) == 3
    first, records, received_us = group.take()
    assert (records, received_us, len(group)) == (3, 30, 0)
    group.append(4, 40, 1, b"next")
    second, records, received_us = group.take()
    assert (records, received_us) == (1, 40)
    assert parsed(first, lsn=1) == (
        [Record(lsn, 10 * lsn, 1, b"body %d" % lsn) for lsn in (1, 2, 3)],
        0,
    )
    assert parsed(first + second, lsn=1)[1] == len(first)


def test_an_empty_group_is_nothing() -> None:
    assert Group(SALT).take()[:2] == (b"", 0)


@pytest.mark.parametrize("number", [0, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32])
def test_numbers_and_bodies_of_every_width_come_back(number: int) -> None:
    group = Group(SALT)
    body = bytes(min(number, BODY_SIZE_MAX))
    group.append(number, number, number, body)
    [record], _ = parsed(group.take()[0], lsn=number)
    assert record == Record(number, number, number, body)


def test_it_grows_as_far_as_it_must() -> None:
    group = Group(SALT)
    sizes = [group.append(lsn, 1, 1, bytes(lsn % 700)) for lsn in range(1, 3_000)]
    data, records, _ = group.take()
    assert (len(data), records) == (sum(sizes), len(sizes))
    assert [len(record.body) for record in parsed(data, lsn=1)[0]] == [
        lsn % 700 for lsn in range(1, 3_000)
    ]


def test_the_longest_overhead_is_known() -> None:
    biggest = 2**64 - 1
    size = Group(SALT).append(biggest, biggest, biggest, bytes(BODY_SIZE_MAX))
    assert size == BODY_SIZE_MAX + OVERHEAD_MAX
