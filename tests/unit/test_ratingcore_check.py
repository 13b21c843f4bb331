"""Proves that the check of a tariff shows every problem at once, with key and remedy, and no false
one."""

from dataclasses import replace

import pytest

from ratingcore.check import check_tariff
from ratingcore.tariff import (
    Metric,
    Price,
    Rounding,
    Tariff,
    Tier,
    TimeBand,
)
from ratingcore.week import BandSpell, day_schedule

HOUR = (Price(Metric.SECONDS, (Tier(0, 1_000_000, 3600),)),)
ALL_WEEK = TimeBand("any time", (), 0, 86_400, HOUR)
GOOD = Tariff("dial-up", "Europe/Berlin", "EUR", (ALL_WEEK,))


def tiers(*rows: tuple) -> tuple[Tier, ...]:
    return tuple(Tier(*row) for row in rows)


def with_band(**changes) -> Tariff:
    return replace(GOOD, bands=(replace(ALL_WEEK, **changes), ALL_WEEK))


def with_tiers(*rows: tuple) -> Tariff:
    return with_band(prices=(Price(Metric.SECONDS, tiers(*rows)),))


def test_a_sound_tariff_has_no_findings():
    assert check_tariff(GOOD) == []


def test_overlap_is_allowed_and_the_first_band_decides():
    bands = (TimeBand("evening", (), 64_800, 21_600, HOUR), ALL_WEEK)
    assert check_tariff(replace(GOOD, bands=bands)) == []
    assert day_schedule(bands, 0) == (
        BandSpell(0, 21_600, 0),
        BandSpell(21_600, 64_800, 1),
        BandSpell(64_800, 86_400, 0),
    )


def test_a_band_that_wraps_takes_the_weekday_of_the_second_itself():
    bands = (TimeBand("friday night", (4,), 79_200, 7_200, HOUR), ALL_WEEK)
    friday, saturday = day_schedule(bands, 4), day_schedule(bands, 5)
    assert [(s.from_s, s.band) for s in friday] == [(0, 0), (7_200, 1), (79_200, 0)]
    assert [(s.from_s, s.band) for s in saturday] == [(0, 1)]


@pytest.mark.parametrize(
    ("tariff", "where", "what"),
    [
        (replace(GOOD, name=""), "name", "is empty"),
        (replace(GOOD, name="x" * 129), "name", "has 129 characters"),
        (replace(GOOD, currency=978), "currency", "978 is no text"),
        (replace(GOOD, zone="Europe/Atlantis"), "zone", "does not exist"),
        (replace(GOOD, zone="../etc/passwd"), "zone", "does not exist"),
        (replace(GOOD, zone=None), "zone", "zone is None"),
        (replace(GOOD, rounding=Rounding(9, 2)), "rounding.mode", "9 lies outside 0 to 3"),
        (replace(GOOD, rounding=Rounding(0, 7)), "rounding.decimals", "7 lies outside 0 to 6"),
        (replace(GOOD, bands=()), "bands", "0 time bands"),
        (replace(GOOD, bands=(ALL_WEEK,) * 65), "bands", "65 time bands"),
        (with_band(name=""), "bands[0].name", "is empty"),
        (with_band(weekdays=(7,)), "bands[0].weekdays", "7 lies outside 0 to 6"),
        (with_band(weekdays=(True,)), "bands[0].weekdays", "True is no 64-bit integer"),
        (with_band(from_s=-1), "bands[0].from_s", "-1 lies outside 0 to 86400"),
        (with_band(to_s=86_401), "bands[0].to_s", "86401 lies outside 0 to 86400"),
        (with_band(from_s=3600, to_s=3600), "bands[0]", "begins and ends at second 3600"),
        (with_band(prices=()), "bands[0].prices", "no price"),
        (with_band(prices=HOUR + HOUR), "bands[0].prices[1].metric", "seconds is priced twice"),
        (
            with_band(prices=(Price("calls", HOUR[0].tiers),)),
            "bands[0].prices[0].metric",
            "unknown metric 'calls'",
        ),
        (with_tiers(), "bands[0].prices[0].tiers", "0 tiers"),
        (with_tiers((60, 1, 1)), "bands[0].prices[0].tiers[0].from_quantity", "is 60"),
        (
            with_tiers((0, 1, 1), (60, 1, 1), (60, 1, 1)),
            "bands[0].prices[0].tiers[2].from_quantity",
            "60 does not lie above 60",
        ),
        (with_tiers((0, 1.5, 1)), "bands[0].prices[0].tiers[0].amount_micros", "1.5 is no"),
        (with_tiers((0, -1, 1)), "bands[0].prices[0].tiers[0].amount_micros", "-1 lies outside"),
        (with_tiers((0, 1, 0)), "bands[0].prices[0].tiers[0].per", "0 lies outside 1 to"),
        (
            with_tiers((0, 1, 999_999_999_989), (1, 1, 999_999_999_961)),
            "bands",
            "least common multiple",
        ),
    ],
)
def test_each_problem_is_found_where_it_stands(tariff: Tariff, where: str, what: str):
    (finding,) = check_tariff(tariff)
    assert finding.where == where
    assert what in finding.what
    assert finding.remedy


@pytest.mark.parametrize(
    ("bands", "moment"),
    [
        (((5, 6), 0, 86_400), "Monday 00:00:00 to Friday 24:00:00"),
        (((), 0, 86_399), "Wednesday 23:59:59 to Wednesday 24:00:00"),
        (((0, 1, 2, 3, 4, 5), 0, 86_400), "Sunday 00:00:00 to Sunday 24:00:00"),
        (((), 79_200, 21_600), "Friday 06:00:00 to Friday 22:00:00"),
    ],
)
def test_an_uncovered_moment_is_named(bands: tuple, moment: str):
    findings = check_tariff(replace(GOOD, bands=(TimeBand("part", *bands, HOUR),)))
    assert any(f.what == f"no band covers {moment}" for f in findings)


def test_all_problems_come_at_once_in_the_order_of_the_keys():
    bad = replace(
        with_tiers((5, -1, 0), (3, 1, 1)), name="", zone="Nowhere", rounding=Rounding(0, -1)
    )
    assert [finding.where for finding in check_tariff(bad)] == [
        "name",
        "zone",
        "rounding.decimals",
        "bands[0].prices[0].tiers[0].amount_micros",
        "bands[0].prices[0].tiers[0].per",
        "bands[0].prices[0].tiers[0].from_quantity",
        "bands[0].prices[0].tiers[1].from_quantity",
    ]


def test_a_finding_reads_as_one_line():
    (finding,) = check_tariff(with_band(prices=()))
    assert str(finding) == "bands[0].prices: no price; say amount 0 if the band is free"
