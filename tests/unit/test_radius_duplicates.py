"""A repeated request is seen as what it is, for as long and for as many as the table says."""

import random

import pytest

from aaad.radius.decoder import Packet, decode
from aaad.radius.duplicates import NEW, PENDING, SOURCE_SIZE_MAX, DuplicateTable

SOURCE = b"\xc0\x00\x02\x01\x06\x6d"


def packet(*, code: int = 4, identifier: int = 1, authenticator: bytes = bytes(16)) -> Packet:
    return decode(bytes((code, identifier, 0, 20)) + authenticator)


def test_new_then_pending_then_answered() -> None:
    table = DuplicateTable(10, 30.0)
    request = packet()
    assert table.lookup(SOURCE, request, 0.0) is NEW
    assert table.lookup(SOURCE, request, 1.0) is PENDING
    table.complete(SOURCE, request, b"reply", 2.0)
    assert table.lookup(SOURCE, packet(), 3.0) == b"reply"
    assert table.lookup(SOURCE, request, 4.0) == b"reply"
    assert (table.pending_hits, table.reply_hits, table.evictions, len(table)) == (1, 2, 0, 1)


@pytest.mark.parametrize(
    ("source", "other"),
    [
        (SOURCE[:-1] + b"\x6e", packet()),
        (b"\xc0\x00\x02\x02\x06\x6d", packet()),
        (SOURCE + b"\x00", packet()),
        (SOURCE, packet(code=1)),
        (SOURCE, packet(identifier=2)),
        (SOURCE, packet(authenticator=b"\1" + bytes(15))),
        (SOURCE, packet(authenticator=bytes(15) + b"\1")),
    ],
)
def test_whatever_differs_is_new(source: bytes, other: Packet) -> None:
    table = DuplicateTable(1, 30.0)  # one bucket: what differs is told apart by itself
    table.lookup(SOURCE, packet(), 0.0)
    assert table.lookup(source, other, 0.0) is NEW


def test_a_forgotten_request_is_new() -> None:
    table = DuplicateTable(10, 30.0)
    table.lookup(SOURCE, packet(), 0.0)
    table.forget(SOURCE, packet())
    table.forget(SOURCE, packet())
    assert len(table) == 0
    assert table.lookup(SOURCE, packet(), 0.0) is NEW


def test_a_reply_is_kept_for_its_lifetime_after_the_answer() -> None:
    table = DuplicateTable(10, 30.0)
    table.lookup(SOURCE, packet(), 0.0)
    table.complete(SOURCE, packet(), b"reply", 20.0)
    assert table.lookup(SOURCE, packet(), 49.9) == b"reply"
    assert table.lookup(SOURCE, packet(), 50.0) is NEW


def test_a_pending_request_that_is_never_answered_expires() -> None:
    table = DuplicateTable(10, 30.0)
    table.lookup(SOURCE, packet(), 0.0)
    assert table.lookup(SOURCE, packet(), 30.0) is NEW


def test_an_answer_that_comes_after_all_is_kept() -> None:
    table = DuplicateTable(10, 30.0)
    table.lookup(SOURCE, packet(), 0.0)
    table.lookup(SOURCE, packet(identifier=2), 31.0)  # the first has expired
    table.complete(SOURCE, packet(), b"late", 32.0)
    assert table.lookup(SOURCE, packet(), 33.0) == b"late"


def test_an_early_answer_does_not_hide_behind_a_late_one() -> None:
    table = DuplicateTable(10, 30.0)
    slow, quick = (packet(identifier=each) for each in (1, 2))
    table.lookup(SOURCE, slow, 0.0)
    table.lookup(SOURCE, quick, 1.0)
    table.complete(SOURCE, quick, b"quick", 2.0)
    table.complete(SOURCE, slow, b"slow", 25.0)
    assert table.lookup(SOURCE, quick, 31.9) == b"quick"
    assert table.lookup(SOURCE, quick, 32.0) is NEW
    assert table.lookup(SOURCE, slow, 54.0) == b"slow"


def test_the_oldest_goes_when_it_is_full() -> None:
    table = DuplicateTable(2, 30.0)
    packets = [packet(identifier=each) for each in range(3)]
    for each in packets:
        table.lookup(SOURCE, each, 0.0)
    assert len(table) == 2
    assert table.evictions == 1
    assert table.lookup(SOURCE, packets[2], 0.0) is PENDING
    assert table.lookup(SOURCE, packets[1], 0.0) is PENDING
    assert table.lookup(SOURCE, packets[0], 0.0) is NEW


@pytest.mark.parametrize("capacity", [1, 5, 64])
def test_it_does_what_a_dictionary_by_age_does(capacity: int) -> None:
    """Random requests, answers and changes of mind, beside the plainest model there is."""
    chance = random.Random(capacity)
    table = DuplicateTable(capacity, 30.0)
    model: dict[int, tuple[float, bytes | None]] = {}
    for step in range(5_000):
        now_s = step * 0.5
        number = chance.randrange(100)
        request = packet(identifier=number, authenticator=bytes((number % 3,)) * 16)
        for old in [key for key, (since_s, _) in model.items() if now_s - since_s >= 30.0]:
            del model[old]
        known = table.lookup(SOURCE, request, now_s)
        if number in model:
            reply = model[number][1]
            assert known == (PENDING if reply is None else reply)
        else:
            assert known is NEW
            if len(model) == capacity:
                del model[next(iter(model))]
            model[number] = (now_s, None)
        act = chance.random()
        if act < 0.6:
            answer = b"%d" % step
            table.complete(SOURCE, request, answer, now_s)
            model.pop(number, None)
            model[number] = (now_s, answer)
        elif act < 0.7:
            table.forget(SOURCE, request)
            model.pop(number, None)
        assert len(table) == len(model)


def test_a_source_of_every_size_is_known_again_and_a_longer_one_is_refused() -> None:
    table = DuplicateTable(100, 30.0)
    for size in range(SOURCE_SIZE_MAX + 1):
        assert table.lookup(bytes(size), packet(), 0.0) is NEW
        assert table.lookup(bytes(size), packet(), 0.0) is PENDING
    with pytest.raises(ValueError, match="23 octets"):
        table.lookup(bytes(SOURCE_SIZE_MAX + 1), packet(), 0.0)


@pytest.mark.parametrize(("capacity", "lifetime_s"), [(0, 1.0), (1, 0.0), (1, float("nan"))])
def test_a_table_without_room_or_time_is_refused(capacity: int, lifetime_s: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        DuplicateTable(capacity, lifetime_s)
