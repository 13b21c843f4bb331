"""Proves that `ledger.holiday_calendars` finds a country's holidays once, keeps them with the text
of a version, and names every mistake; and how `ledger.price_tariffs` reads dated bands with them.
"""

from __future__ import annotations

from datetime import date

import pytest

from ledger.holiday_calendars import with_holidays
from ledger.price_tariffs import ACCOUNT_ZONE
from ledger.pricelist import PriceList, PriceListError, parse_pricelist
from ratingcore.tariff import DateSpan

LIST = """
[pricelist]
name = "list"
currency = "EUR"
prices = "gross"

[calendars.bavaria]
country = "DE"
subdivision = "BY"
years = [2026, 2026]

[[tariffs.flat.bands]]
name = "holiday"
holidays = "bavaria"
dates = ["2026-01-01/2026-06-30", "2026-12-24"]
month_days = [6, -1]
prices = [{ metric = "seconds", amount = "0", per = "1 h" }]

[[tariffs.flat.bands]]
name = "rest"
prices = [{ metric = "seconds", amount = "1.00", per = "1 h" }]
"""


def parse(text: str) -> PriceList:
    return parse_pricelist(text, source="x")


def mistakes(text: str) -> list[str]:
    with pytest.raises(PriceListError) as caught:
        parse(text)
    return [line.removeprefix("x: ") for line in str(caught.value).splitlines()]


def test_the_holidays_of_a_country_are_stored_with_the_text() -> None:
    stored = with_holidays(LIST)
    assert stored.startswith(LIST.rstrip())
    assert with_holidays(stored) == stored
    assert parse(stored) == parse(LIST)
    band = parse(stored).tariffs["flat"].bands[0]
    assert band.holidays is not None
    assert date(2026, 1, 6) in band.holidays
    assert date(2026, 12, 24) not in band.holidays
    assert band.month_days == (6, -1)
    assert band.dates == (
        DateSpan(date(2026, 1, 1), date(2026, 6, 30)),
        DateSpan(date(2026, 12, 24), date(2026, 12, 24)),
    )
    # what is stored holds, whatever a later release of the library would say
    changed = stored.replace('"2026-01-06"', '"2026-01-07"')
    moved = parse(changed).tariffs["flat"].bands[0].holidays
    assert moved is not None
    assert date(2026, 1, 7) in moved


def test_a_text_without_countries_stays_as_it_is() -> None:
    own = LIST.replace('country = "DE"\nsubdivision = "BY"\nyears = [2026, 2026]', "dates = []")
    assert with_holidays(own) == own
    assert mistakes(own)[0].startswith("calendars.bavaria.dates: is missing, and so is country")
    dated = own.replace("dates = []", 'dates = ["2026-02-03"]')
    tariff = parse(dated).tariffs["flat"]
    assert tariff.bands[0].holidays == (date(2026, 2, 3),)
    assert tariff.zone == ACCOUNT_ZONE


@pytest.mark.parametrize(
    ("changed", "to", "expected"),
    [
        ('"DE"', '"XX"', 'calendars.bavaria.country = "XX": is not known, or has no such part'),
        ('"BY"', '"ZZ"', 'calendars.bavaria.country = "DE": is not known, or has no such part'),
        ("[2026, 2026]", "[2026]", "calendars.bavaria.years = [...]: is no pair of years"),
        ("[2026, 2026]", "[2030, 2026]", "calendars.bavaria.years = [...]: is out of range"),
        ("years = [2026, 2026]", "", "calendars.bavaria.years: is missing; write the first"),
        (
            'holidays = "bavaria"',
            'holidays = "tyrol"',
            'tariffs.flat.bands[1].holidays = "tyrol": is no calendar of this list; add [cal',
        ),
        ('"2026-12-24"', '"24.12.2026"', 'tariffs.flat.bands[1].dates = "24.12.2026": is no date'),
        (
            '"2026-12-24"',
            '"2026-12-24/2026-12-01"',
            "tariffs.flat.bands[1].dates[2]: ends on 2026-12-01, before it begins",
        ),
        ("[6, -1]", '["6"]', "tariffs.flat.bands[1].month_days = [...]: is no array of integers"),
        ("[6, -1]", "[0]", "tariffs.flat.bands[1].month_days: no month has a day 0"),
        ("[6, -1]", "[32]", "tariffs.flat.bands[1].month_days: 32 lies outside -1 to 31"),
        (
            'name = "rest"',
            'name = "rest"\nmonth_days = [2]',
            "tariffs.flat.bands: no band covers Monday 00:00:00 to Sunday 24:00:00 on day 1 of",
        ),
    ],
)
def test_each_mistake_of_dates(changed: str, to: str, expected: str) -> None:
    assert changed in LIST
    found = mistakes(LIST.replace(changed, to))
    assert any(line.startswith(expected) for line in found), found
