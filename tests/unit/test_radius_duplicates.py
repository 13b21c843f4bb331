"""A repeated request is seen as what it is, for as long and for as many as the table says."""

import pytest

from aaad.radius.decoder import Packet, decode
from aaad.radius.duplicates import NEW, PENDING, DuplicateTable

SOURCE = ("192.0.2.1", 1645)


def packet(*, code: int = 4, identifier: int = 1, authenticator: bytes = bytes(16)) -> Packet:
    return decode(bytes((code, identifier, 0, 20)) + authenticator)


def test_new_then_pending_then_answered() -> None:
    table = DuplicateTable(10, 30.0)
    key = table.key(SOURCE, packet())
    assert table.lookup(key, now_s=0.0) is NEW
    assert table.lookup(key, now_s=1.0) is PENDING
    table.complete(key, b"reply", now_s=2.0)
    assert table.lookup(table.key(SOURCE, packet()), now_s=3.0) == b"reply"
    assert table.lookup(key, now_s=4.0) == b"reply"
    assert (table.pending_hits, table.reply_hits, table.evictions, len(table)) == (1, 2, 0, 1)


@pytest.mark.parametrize(
    ("source", "other"),
    [
        (("192.0.2.1", 1646), packet()),
        (("192.0.2.2", 1645), packet()),
        (SOURCE, packet(code=1)),
        (SOURCE, packet(identifier=2)),
        (SOURCE, packet(authenticator=b"\1" + bytes(15))),
    ],
)
def test_whatever_differs_is_new(source: tuple[str, int], other: Packet) -> None:
    table = DuplicateTable(10, 30.0)
    table.lookup(table.key(SOURCE, packet()), now_s=0.0)
    assert table.lookup(table.key(source, other), now_s=0.0) is NEW


def test_a_forgotten_request_is_new() -> None:
    table = DuplicateTable(10, 30.0)
    key = table.key(SOURCE, packet())
    table.lookup(key, now_s=0.0)
    table.forget(key)
    table.forget(key)
    assert table.lookup(key, now_s=0.0) is NEW


def test_a_reply_is_kept_for_its_lifetime_after_the_answer() -> None:
    table = DuplicateTable(10, 30.0)
    key = table.key(SOURCE, packet())
    table.lookup(key, now_s=0.0)
    table.complete(key, b"reply", now_s=20.0)
    assert table.lookup(key, now_s=49.9) == b"reply"
    assert table.lookup(key, now_s=50.0) is NEW


def test_a_pending_request_that_is_never_answered_expires() -> None:
    table = DuplicateTable(10, 30.0)
    key = table.key(SOURCE, packet())
    table.lookup(key, now_s=0.0)
    assert table.lookup(key, now_s=30.0) is NEW


def test_an_early_answer_does_not_hide_behind_a_late_one() -> None:
    table = DuplicateTable(10, 30.0)
    slow, quick = (table.key(SOURCE, packet(identifier=each)) for each in (1, 2))
    table.lookup(slow, now_s=0.0)
    table.lookup(quick, now_s=1.0)
    table.complete(quick, b"quick", now_s=2.0)
    table.complete(slow, b"slow", now_s=25.0)
    assert table.lookup(quick, now_s=31.9) == b"quick"
    assert table.lookup(quick, now_s=32.0) is NEW
    assert table.lookup(slow, now_s=54.0) == b"slow"


def test_the_oldest_goes_when_it_is_full() -> None:
    table = DuplicateTable(2, 30.0)
    keys = [table.key(SOURCE, packet(identifier=each)) for each in range(3)]
    for key in keys:
        table.lookup(key, now_s=0.0)
    assert len(table) == 2
    assert table.evictions == 1
    assert table.lookup(keys[2], now_s=0.0) is PENDING
    assert table.lookup(keys[1], now_s=0.0) is PENDING
    assert table.lookup(keys[0], now_s=0.0) is NEW


@pytest.mark.parametrize(("capacity", "lifetime_s"), [(0, 1.0), (1, 0.0), (1, float("nan"))])
def test_a_table_without_room_or_time_is_refused(capacity: int, lifetime_s: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        DuplicateTable(capacity, lifetime_s)
