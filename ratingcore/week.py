"""Which band holds when: the day of a tariff as spells, by the first band of the list that matches.

The one place where that first-match rule stands: `check` looks here for moments that no band
covers, and `compile` lays the days over real time. Bands that hold on certain dates only make a day
that must be asked for by its date; there are few different ones, so they are kept.
"""

from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from ratingcore.tariff import DAY_S, TimeBand

EPOCH_ON = date(1970, 1, 1)
LAST_OF_MONTH = -1
"""The month day that is the last of any month."""


class BandSpell(NamedTuple):
    """A stretch of one local day in one band (its index), or in none."""

    from_s: int
    to_s: int
    band: int | None


def day_schedule(bands: tuple[TimeBand, ...], weekday: int) -> tuple[BandSpell, ...]:
    """Return an ordinary day of that weekday as spells without gaps, neighbours different.

    Bands that hold on certain dates only are left out.
    """
    return _spells(
        bands, tuple(not is_dated(band) and _on_weekday(band, weekday) for band in bands)
    )


def month_day_schedule(
    bands: tuple[TimeBand, ...], weekday: int, month_day: int
) -> tuple[BandSpell, ...]:
    """Return the day of that weekday and that number in its month; other dates are left out."""
    holds = tuple(
        _on_weekday(band, weekday)
        and not band.dates
        and band.holidays is None
        and (not band.month_days or month_day in band.month_days)
        for band in bands
    )
    return _spells(bands, holds)


def is_dated(band: TimeBand) -> bool:
    """Does the band hold on certain dates only?"""
    return bool(band.dates or band.month_days or band.holidays is not None)


class DatedDays:
    """The days of a tariff with dated bands, by number: days after 1970-01-01."""

    def __init__(self, bands: tuple[TimeBand, ...], band_first: int) -> None:
        """Spells name a band by its index plus `band_first`."""
        self._bands = bands
        self._band_first = band_first
        self._holidays = [frozenset(band.holidays or ()) for band in bands]
        # by which bands hold on the day: a handful, however many dates there are
        self._spells: dict[tuple[bool, ...], tuple[tuple[int, int, int], ...]] = {}

    def spells(self, day_number: int) -> tuple[tuple[int, int, int], ...]:
        """The day as (from_s, to_s, band number)."""
        day = EPOCH_ON + timedelta(days=day_number)
        holds = tuple(
            _on_weekday(band, day.weekday())
            and _on_date(band, day)
            and (band.holidays is None or day in holidays)
            for band, holidays in zip(self._bands, self._holidays, strict=True)
        )
        if holds not in self._spells:
            self._spells[holds] = tuple(
                (spell.from_s, spell.to_s, self._band_first + spell.band)
                for spell in _spells(self._bands, holds)
                if spell.band is not None
            )
        return self._spells[holds]


def _spells(bands: tuple[TimeBand, ...], holds: tuple[bool, ...]) -> tuple[BandSpell, ...]:
    edges = {0, DAY_S}
    for band in bands:
        edges.update((band.from_s, band.to_s))
    spells: list[BandSpell] = []
    for from_s, to_s in pairwise(sorted(edges)):
        index = _first_match(bands, holds, from_s)
        if spells and spells[-1].band == index:
            spells[-1] = spells[-1]._replace(to_s=to_s)
        else:
            spells.append(BandSpell(from_s, to_s, index))
    return tuple(spells)


def _first_match(bands: tuple[TimeBand, ...], holds: tuple[bool, ...], second: int) -> int | None:
    for index, band in enumerate(bands):
        if not holds[index]:
            continue
        if band.from_s < band.to_s:
            matches = band.from_s <= second < band.to_s
        else:
            matches = second >= band.from_s or second < band.to_s
        if matches:
            return index
    return None


def _on_weekday(band: TimeBand, weekday: int) -> bool:
    return not band.weekdays or weekday in band.weekdays


def _on_date(band: TimeBand, day: date) -> bool:
    if band.dates and not any(span.first_on <= day <= span.last_on for span in band.dates):
        return False
    if not band.month_days or day.day in band.month_days:
        return True
    return LAST_OF_MONTH in band.month_days and (day + timedelta(days=1)).day == 1
