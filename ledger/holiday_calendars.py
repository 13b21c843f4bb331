"""The holiday calendars of a price list: own dates, or those of a country from a library.

What a library knows changes from release to release, and prices of the past must not: so the dates
of a country are looked up once, when a version is loaded, and stored with its text
(`with_holidays`). A text that carries them is never looked up again.
"""

from __future__ import annotations

import tomllib
from datetime import date
from typing import Final

from ledger.document import Table

RESOLVED: Final = "resolved_holidays"
"""The table of a stored text that holds the dates which were looked up when it was loaded."""

YEAR_MIN: Final = 1970
YEAR_MAX: Final = 2200
"""Years that a calendar may be asked for."""

YEARS_MAX: Final = 60
"""Years of one calendar: some 700 dates, 10 kB of text."""

_COUNTRY_REMEDY: Final = (
    'write the ISO 3166 code of a country, as "DE", and of a part of it, as "BY"'
)


def read_calendars(root: Table) -> dict[str, tuple[date, ...]]:
    """The dates of each calendar of a price list, sorted, by the calendar's name."""
    resolved = root.table(RESOLVED)
    return {
        name: _read_calendar(table, name, resolved)
        for name, table in root.named_tables("calendars").items()
    }


def with_holidays(text: str) -> str:
    """The text of a sound price list with the holidays of its countries appended.

    A text that has them already, or that names no country, stays as it is.
    """
    content = tomllib.loads(text)
    calendars = content.get("calendars", {})
    countries = {name: table for name, table in calendars.items() if "country" in table}
    if not countries or RESOLVED in content:
        return text
    lines = ["", "# Looked up when this version was loaded.", f"[{RESOLVED}]"]
    for name, table in countries.items():
        dates = _look_up(table["country"], table.get("subdivision"), *table["years"])
        listed = ", ".join(f'"{day}"' for day in dates)
        lines.append(f'"{name}" = [{listed}]')
    return text.rstrip("\n") + "\n" + "\n".join(lines) + "\n"


def _read_calendar(table: Table, name: str, resolved: Table) -> tuple[date, ...]:
    own = table.parsed_each("dates", parse_date, remedy='write dates as "2026-12-24"')
    if "country" not in table:
        if not own:
            table.report("dates", "is missing, and so is country", "write one of them")
        return tuple(sorted(set(own)))
    country = table.text("country")
    subdivision = table.optional_text("subdivision")
    years = _read_years(table)
    if name in resolved:
        found = resolved.parsed_each(name, parse_date, remedy='write dates as "2026-12-24"')
        return tuple(sorted({*own, *found}))
    if years is None:
        return ()
    try:
        return tuple(sorted({*own, *_look_up(country, subdivision, *years)}))
    except ModuleNotFoundError:
        remedy = "install the library `holidays`, or write the dates themselves"
        table.find("country", "cannot be looked up", remedy)
    except NotImplementedError:
        table.find("country", "is not known, or has no such part", _COUNTRY_REMEDY)
    return ()


def _read_years(table: Table) -> tuple[int, int] | None:
    """The first and the last year of `years = [2026, 2035]`."""
    remedy = f"write the first and the last year, {YEARS_MAX} years at most, as [2026, 2035]"
    years = table.take("years")
    if not isinstance(years, list) or len(years) != 2 or {type(year) for year in years} != {int}:
        table.find("years", "is missing" if years is None else "is no pair of years", remedy)
        return None
    first, last = years
    if not YEAR_MIN <= first <= last <= min(YEAR_MAX, first + YEARS_MAX - 1):
        table.find("years", "is out of range", remedy)
        return None
    return first, last


def parse_date(text: str) -> date:
    """A date in ISO 8601. Raises ValueError."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError("is no date") from error


def _look_up(country: str, subdivision: str | None, first: int, last: int) -> list[date]:
    """Raises ModuleNotFoundError without the library, NotImplementedError for no such country."""
    import holidays  # noqa: PLC0415 - large, and few price lists name a country

    years = range(first, last + 1)
    return sorted(holidays.country_holidays(country, subdiv=subdivision, years=years))
