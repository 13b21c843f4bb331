"""Proves that `ratingcore.packing` keeps a meter whole, and refuses damage and other prices."""

from dataclasses import replace

import msgpack
import pytest

from ratingcore.allowance import Allowance, Counter
from ratingcore.compile import Timeline, compile_timeline
from ratingcore.errors import RatingError, TariffError
from ratingcore.meter import Meter
from ratingcore.pool import Pool
from ratingcore.tariff import (
    Cap,
    ConnectionFee,
    Counted,
    Covers,
    Discount,
    FreeRule,
    FreeStart,
    Increment,
    Metric,
    Period,
    Rounding,
)
from tests.rating_samples import HOURLY, NOON, flat, halves, price, tariff


def test_pack_is_small_and_comes_back_whole():
    meter = Meter(halves(), NOON - 10)
    meter.advance(NOON + 20, input_octets=5 * 10**9, output_octets=2 * 10**9, cuts=[NOON + 3])
    data = meter.pack()
    assert len(data) < 150
    other = Meter.unpack(halves(), data)
    assert other.open_piece() == meter.open_piece()
    assert other.open_charge_micros == meter.open_charge_micros
    assert other.pack() == data


def damaged(index: int, value: object) -> bytes:
    meter = Meter(HOURLY, NOON)
    meter.advance(NOON + 60, cuts=[NOON + 30])
    items = msgpack.unpackb(meter.pack())
    items[index] = value
    return msgpack.packb(items)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\xc1", b"\x00", b"\x93\x01\x02\x03", msgpack.packb({}), msgpack.packb([1] * 15),
        b"\xdd\xff\xff\xff\xff", b"\0" * ((1 << 20) + 1),
        *(damaged(index, value) for index, value in [
            (0, 2), (1, 1), (1, -1), (2, 0), (3, -1), (4, -1), (4, 1 << 32), (5, -1), (5, 61),
            (6, 61), (7, -1), (9, 1), (11, 1), (12, 1), (13, 1), (13, -1), (14, 0), (15, 61),
            (16, 61), (17, 61), (14, 1.0), (14, True), (14, None), (14, 1 << 63), (14, "x"),
        ]),
    ],
)  # fmt: skip
def test_bad_data_is_a_rating_error(data: bytes):
    with pytest.raises(RatingError):
        Meter.unpack(HOURLY, data)


def test_every_damaged_byte_is_refused_or_gives_a_sound_meter():
    meter = Meter(halves(), NOON - 10)
    meter.advance(NOON + 20, input_octets=500, output_octets=200, cuts=[NOON + 3])
    data = meter.pack()
    refused = 0
    for index in range(len(data)):
        for flip in (1, 0x80, 0xFF):
            bad = bytearray(data)
            bad[index] ^= flip
            try:
                other = Meter.unpack(halves(), bytes(bad))
            except RatingError:
                refused += 1
                continue
            assert msgpack.unpackb(other.pack()) == msgpack.unpackb(bytes(bad))
    assert refused > len(data) / 2


def test_a_meter_does_not_go_on_under_other_prices():
    meter = Meter(HOURLY, NOON)
    meter.advance(NOON + 60)
    dearer = flat(price(Metric.SECONDS, (0, 2_000_000, 3600)))
    with pytest.raises(TariffError, match="other prices"):
        Meter.unpack(dearer, meter.pack())
    with pytest.raises(TariffError, match="other prices"):
        meter.follow(dearer)
    assert meter.timeline is HOURLY


def full_meter() -> Meter:
    """One that needs format 2: blocks, a fee, a free start, an allowance and a counter."""
    octets = replace(price(Metric.OCTETS, (0, 1, 1)), increment=Increment(100, 100, Counted.DOWN))
    seconds = replace(
        price(Metric.SECONDS, (0, 1_000, 1), (50, 500, 1)),
        increment=Increment(60, 30),
        block_rounding=Rounding(decimals=2),
        counter="talk",
    )
    band = replace(tariff(seconds, octets).bands[0], fee=ConnectionFee(5))
    bounded = replace(
        tariff(seconds), bands=(band,), free_start=FreeStart(5, FreeRule.SKIP), minimum_micros=9
    )
    pool = Pool([Allowance(3, Metric.SECONDS, 20)], [Counter(4, "talk", 10)])
    meter = Meter(compile_timeline([(0, bounded)]), NOON, occurrences=2, pool=pool)
    meter.advance(NOON + 200, input_octets=150, output_octets=220, cuts=[NOON + 70])
    return meter


def test_a_full_meter_comes_back_whole():
    meter = full_meter()
    data = meter.pack()
    assert len(data) < 300
    other = Meter.unpack(meter.timeline, data, meter.pool)
    assert other.pack() == data
    assert other.open_piece() == meter.open_piece()
    for one in (meter, other):
        one.share(Pool(counters=[Counter(4, "talk", 10)]))
        one.advance(NOON + 900, input_octets=199, output_octets=251)
    assert other.open_piece() == meter.open_piece()


def test_every_damaged_byte_of_a_full_meter_is_refused_or_gives_a_sound_one():
    meter = full_meter()
    data = meter.pack()
    refused = 0
    for index in range(len(data)):
        for flip in (1, 0x80, 0xFF):
            bad = bytearray(data)
            bad[index] ^= flip
            try:
                other = Meter.unpack(meter.timeline, bytes(bad))
            except RatingError:
                refused += 1
                continue
            assert msgpack.unpackb(other.pack()) == msgpack.unpackb(bytes(bad))
            assert other.open_piece() is None or other.open_piece().charge_micros is not None
    assert refused > len(data) / 2


def test_a_full_meter_that_is_cut_off_is_refused():
    items = msgpack.unpackb(full_meter().pack())
    timeline = full_meter().timeline
    cells_at = 13 + 4 + 5 * 4
    assert (len(items) - cells_at) % 8 == 0
    for length in range(cells_at):
        with pytest.raises(RatingError):
            Meter.unpack(timeline, msgpack.packb(items[:length]))


def lowered() -> tuple[Timeline, list[int]]:
    """A timeline with a discount, a cap and blocks, and the packed items of a meter under it."""
    said = price(Metric.SECONDS, (0, 1_000, 1))
    blocks = replace(said, increment=Increment(60, 60, Counted.DOWN))
    terms = {
        "discounts": (Discount("tenth", 10_000_000, covers=Covers.ALL),),
        "caps": (Cap("day", Period.DAY, 30_000),),
        "minimum_micros": 5,
    }
    timeline = compile_timeline([(0, replace(tariff(blocks), **terms))])
    meter = Meter(timeline, NOON, pool=Pool(counters=[Counter(1, "day", 0)]))
    meter.advance(NOON + 150, cuts=(NOON + 130,))
    assert meter.charge_micros == 30_000
    return timeline, msgpack.unpackb(meter.pack())


def test_discounts_and_caps_come_back_whole():
    timeline, items = lowered()
    data = msgpack.packb(items)
    again = Meter.unpack(timeline, data)
    assert (again.charge_micros, again.pack()) == (30_000, data)


def test_damage_to_discounts_and_caps_is_a_rating_error_or_a_meter():
    timeline, items = lowered()
    refused = 0
    for index in range(len(items)):
        for value in (-1, -2, -3, -4, 2, 1 << 16, 1 << 40):
            wrong = [*items[:index], value, *items[index + 1 :]]
            try:
                assert isinstance(Meter.unpack(timeline, msgpack.packb(wrong)).charge_micros, int)
            except RatingError:
                refused += 1
    assert refused > len(items)
    with pytest.raises(RatingError):
        Meter.unpack(timeline, msgpack.packb(items[:-1]))
