"""Proves that `ratingcore.packing` keeps a meter whole, and refuses damage and other prices."""

import msgpack
import pytest

from ratingcore.errors import RatingError, TariffError
from ratingcore.meter import Meter
from ratingcore.tariff import Metric
from tests.rating_samples import HOURLY, NOON, flat, halves, price


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
