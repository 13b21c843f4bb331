"""Proves that a timeline lays bands over real time exactly, from any side and in any order of
asking (`ratingcore.layout`), and which versions may be compiled (`ratingcore.versions`)."""

from dataclasses import replace
from datetime import datetime
from random import Random
from zoneinfo import ZoneInfo

import pytest

from ratingcore.calendar import INSTANT_END
from ratingcore.compile import Timeline, compile_timeline
from ratingcore.errors import QuantityError, TariffError
from ratingcore.meter import quote
from ratingcore.tariff import Metric, Price, Rounding, Tariff, Tier, TimeBand

HOUR = (Price(Metric.SECONDS, (Tier(0, 1_000_000, 3600),)),)
FREE = (Price(Metric.SECONDS, (Tier(0, 0, 3600),)),)
FLAT = Tariff("flat", "UTC", "EUR", (TimeBand("any time", (), 0, 86_400, HOUR),))
DAY_S = 86_400


def two_bands(zone: str, from_s: int, to_s: int) -> Tariff:
    bands = (TimeBand("night", (), from_s, to_s, FREE), TimeBand("day", (), 0, DAY_S, HOUR))
    return Tariff("two bands", zone, "EUR", bands)


def local(zone: str, text: str, *, fold: int = 0) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp())


def test_bands_begin_and_end_with_the_local_clock():
    zone = "Europe/Berlin"
    timeline = compile_timeline([(0, two_bands(zone, 22 * 3600, 6 * 3600))])
    start = local(zone, "2026-03-28 12:00:00")
    assert timeline.spans(start, start + 2 * DAY_S) == [
        (start, 0, "day"),
        (local(zone, "2026-03-28 22:00:00"), 0, "night"),
        (local(zone, "2026-03-29 06:00:00"), 0, "day"),
        (local(zone, "2026-03-29 22:00:00"), 0, "night"),
        (local(zone, "2026-03-30 06:00:00"), 0, "day"),
    ]
    night_s = local(zone, "2026-03-29 06:00:00") - local(zone, "2026-03-28 22:00:00")
    assert night_s == 7 * 3600


def test_a_band_inside_the_hour_that_comes_twice_comes_twice():
    zone = "America/New_York"
    timeline = compile_timeline([(0, two_bands(zone, 5400, 7200))])
    start = local(zone, "2026-11-01 00:00:00")
    first = local(zone, "2026-11-01 01:30:00")
    second = local(zone, "2026-11-01 01:30:00", fold=1)
    assert second - first == 3600
    assert [(at, name) for at, _, name in timeline.spans(start, start + 4 * 3600)] == [
        (start, "day"),
        (first, "night"),
        (first + 1800, "day"),
        (second, "night"),
        (second + 1800, "day"),
    ]


def test_a_band_inside_the_hour_that_is_skipped_never_holds():
    zone = "America/New_York"
    timeline = compile_timeline([(0, two_bands(zone, 7200, 10_800))])
    start = local(zone, "2026-03-08 00:00:00")
    assert timeline.spans(start, start + DAY_S - 3600) == [(start, 0, "day")]


def test_half_an_hour_comes_twice_on_lord_howe():
    zone = "Australia/Lord_Howe"
    timeline = compile_timeline([(0, two_bands(zone, 5400, 7200))])
    start = local(zone, "2026-04-05 00:00:00")
    spans = timeline.spans(start, start + 4 * 3600)
    lengths = {name: 0 for _, _, name in spans}
    for (at, _, name), end in zip(
        spans, [at for at, _, _ in spans[1:]] + [start + 14_400], strict=True
    ):
        lengths[name] += end - at
    assert lengths == {"day": 3 * 3600, "night": 3600}


def test_the_day_that_never_was_is_not_charged():
    """Apia went from Thursday 29 December 2011 to Saturday the 31st; a Friday price finds no
    second."""
    zone = "Pacific/Apia"
    bands = (TimeBand("friday", (4,), 0, DAY_S, HOUR), TimeBand("rest", (), 0, DAY_S, FREE))
    timeline = compile_timeline([(0, Tariff("apia", zone, "WST", bands))])
    start = local(zone, "2011-12-28 12:00:00")
    assert quote(timeline, start, local(zone, "2012-01-02 12:00:00") - start).charge_micros == 0


def test_spans_are_the_same_in_whatever_order_they_are_asked_for():
    random = Random(7)
    tariffs = [two_bands("Africa/Casablanca", 3600, 10_800), two_bands("Europe/Berlin", 80_000, 5)]
    base = local("UTC", "2024-01-01 00:00:00")
    versions = [(0, tariffs[0]), (base + 90 * DAY_S, tariffs[1]), (base + 500 * DAY_S, FLAT)]
    whole = compile_timeline(versions).spans(base, base + 900 * DAY_S)
    for _ in range(20):
        timeline = compile_timeline(versions)
        for _ in range(5):
            at = base + random.randrange(880) * DAY_S + random.randrange(DAY_S)
            part = timeline.spans(at, at + random.randrange(1, 20 * DAY_S))
            assert set(part[1:]) <= set(whole)
        assert timeline.spans(base, base + 900 * DAY_S) == whole


def test_a_change_of_version_is_a_boundary_even_within_a_band():
    timeline = compile_timeline([(0, FLAT), (1_000, FLAT), (2_000, FLAT)])
    assert timeline.spans(500, 5_000) == [
        (500, 0, "any time"),
        (1_000, 1, "any time"),
        (2_000, 2, "any time"),
    ]


def test_a_session_of_four_hundred_days_and_the_end_of_the_calendar():
    tariff = two_bands("Europe/Berlin", 0, 21_600)
    timeline = compile_timeline([(0, tariff)])
    start = local("Europe/Berlin", "2026-01-01 00:00:00")
    until = local("Europe/Berlin", "2027-02-05 00:00:00")
    # both jumps of a year lie at night, where nothing is charged
    assert quote(timeline, start, until - start).charge_micros == 400 * 18 * 1_000_000
    assert timeline.spans(INSTANT_END - 10, INSTANT_END)[0][0] == INSTANT_END - 10
    with pytest.raises(QuantityError, match="beyond"):
        timeline.spans(INSTANT_END - 10, INSTANT_END + 1)


def test_until_at_finds_spans_beforehand_and_changes_nothing():
    tariff = two_bands("Europe/Berlin", 0, 21_600)
    start = local("Europe/Berlin", "2026-01-01 00:00:00")
    warm = compile_timeline([(start, tariff)], until_at=start + 30 * DAY_S)
    cold = compile_timeline([(start, tariff)])
    assert warm.spans(start, start + 99 * DAY_S) == cold.spans(start, start + 99 * DAY_S)
    assert compile_timeline([(start, tariff)], until_at=start - 5).currency == "EUR"


def test_usage_before_the_first_version_is_refused():
    with pytest.raises(QuantityError, match="lies before the first tariff version"):
        compile_timeline([(1_000, FLAT)]).spans(999, 2_000)


@pytest.mark.parametrize(
    ("versions", "message"),
    [
        ([], "0 tariff versions"),
        ([(0, FLAT)] * 2, "rise strictly"),
        ([(5, FLAT), (4, FLAT)], "rise strictly"),
        ([(-1, FLAT)], "rise strictly"),
        ([(INSTANT_END, FLAT)], "rise strictly"),
        ([(0.0, FLAT)], "effective_at is 0.0"),
        ([(True, FLAT)], "effective_at is True"),
        ([(0, FLAT), (1, replace(FLAT, currency="USD"))], "mix the currencies EUR, USD"),
        ([(0, replace(FLAT, zone="X", name=""))], "name: is empty.*zone: zone 'X' does not exist"),
        ([(at, FLAT) for at in range(1_041)], "1041 tariff versions"),
    ],
)
def test_versions_that_cannot_be_compiled(versions: list, message: str):
    with pytest.raises(TariffError, match=message):
        compile_timeline(versions)


def test_units_of_two_versions_without_a_common_multiple():
    def priced_per(per: int) -> Tariff:
        price = Price(Metric.OCTETS, (Tier(0, 1, per),))
        return replace(FLAT, bands=(TimeBand("any time", (), 0, DAY_S, (price,)),))

    with pytest.raises(TariffError, match="least common multiple"):
        compile_timeline([(0, priced_per(999_999_999_989)), (1, priced_per(999_999_999_961))])


def fingerprints(*versions: tuple[int, Tariff]) -> list[int]:
    timeline: Timeline = compile_timeline(versions)
    return [timeline.fingerprint(index) for index in range(len(versions))]


def test_fingerprints_follow_prices_and_not_names():
    (one,) = fingerprints((0, FLAT))
    assert fingerprints((77, replace(FLAT, name="other", gl_code="4000"))) == [one]
    assert fingerprints((0, FLAT), (9, FLAT))[0] == one
    assert fingerprints((0, FLAT), (9, FLAT))[1] != fingerprints((0, FLAT), (8, FLAT))[1]
    dearer = (Price(Metric.SECONDS, (Tier(0, 1_000_001, 3600),)),)
    others = [
        replace(FLAT, zone="Europe/Berlin"),
        replace(FLAT, rounding=Rounding(1, 6)),
        replace(FLAT, bands=(TimeBand("any time", (), 0, DAY_S, dearer),)),
    ]
    assert len({one, *(fingerprints((0, other))[0] for other in others)}) == 4


def test_a_timeline_is_made_once():
    timeline = compile_timeline([(0, FLAT)])
    with pytest.raises(TariffError, match="compiled already"):
        timeline.__init__(((0, FLAT),))
