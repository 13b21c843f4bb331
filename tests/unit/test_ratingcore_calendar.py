"""Proves that zone tables know every jump of the local clock to the second, and bad zones by
name."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from ratingcore.calendar import INSTANT_END, load_zone
from ratingcore.errors import QuantityError, TariffError


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text + "+00:00").timestamp())


@pytest.mark.parametrize(
    ("zone", "jump", "before_s", "after_s"),
    [
        ("America/New_York", "2026-03-08 07:00:00", -18_000, -14_400),
        ("America/New_York", "2026-11-01 06:00:00", -14_400, -18_000),
        ("Europe/Berlin", "2026-03-29 01:00:00", 3600, 7200),
        ("Australia/Lord_Howe", "2026-04-04 15:00:00", 39_600, 37_800),
        ("Pacific/Apia", "2011-12-30 10:00:00", -36_000, 50_400),
        ("Africa/Casablanca", "2024-03-10 02:00:00", 3600, 0),
        ("Africa/Monrovia", "1972-01-07 00:44:30", -2670, 0),
    ],
)
def test_a_jump_is_found_to_the_second(zone: str, jump: str, before_s: int, after_s: int):
    at = utc(jump)
    table = load_zone(zone)
    assert (table.offset_at(at - 1), table.offset_at(at)) == (before_s, after_s)
    assert table.offsets(at - 100, at + 100) == [(at - 100, before_s), (at, after_s)]


@pytest.mark.parametrize(
    "zone", ["America/New_York", "Africa/Casablanca", "Asia/Gaza", "Asia/Kolkata"]
)
def test_offsets_agree_with_zoneinfo_each_hour_of_ten_years(zone: str):
    from_at, until_at = utc("2024-01-01 00:30:00"), utc("2034-01-01 00:00:00")
    offsets = load_zone(zone).offsets(from_at, until_at)
    info = ZoneInfo(zone)
    ends = [at for at, _ in offsets[1:]] + [until_at]
    assert offsets[0][0] == from_at
    for (start, offset), end in zip(offsets, ends, strict=True):
        assert start < end
        for at in range(start, end, 7 * 3600):
            shift = datetime.fromtimestamp(at, info).utcoffset()
            assert shift is not None
            assert shift.total_seconds() == offset


def test_a_zone_without_jumps_has_one_offset():
    assert load_zone("Asia/Kolkata").offsets(0x60000000, 0x70000000) == [(0x60000000, 19_800)]


def test_one_table_for_one_zone():
    assert load_zone("Europe/Berlin") is load_zone("Europe/Berlin")
    assert load_zone("Europe/Berlin").name == "Europe/Berlin"


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../passwd", "Europe", "a\0b", 3, None])
def test_a_zone_that_does_not_exist_is_a_tariff_error(name):
    with pytest.raises(TariffError, match="IANA name"):
        load_zone(name)


@pytest.mark.parametrize("at", [-1, INSTANT_END])
def test_an_instant_outside_the_calendar_is_refused(at: int):
    with pytest.raises(QuantityError):
        load_zone("UTC").offset_at(at)


def test_a_falling_interval_is_refused():
    with pytest.raises(QuantityError):
        load_zone("UTC").offsets(10, 10)
