"""A tariff's ordinary week as a grid: a row for a day, a cell for half an hour, coloured by band.

Bands that hold on certain dates only are listed below, not drawn. A letter stands in each cell too,
so that the grid reads without colours.
"""

from __future__ import annotations

from rich.text import Text

from ratingcore.tariff import DAY_S, WEEKDAY_NAMES, Tariff
from ratingcore.week import BandSpell, day_schedule, is_dated

CELL_S = 1_800
"""Seconds of one cell: 48 fit a terminal's line with the day's name."""

COLOURS = ("green", "yellow", "blue", "magenta", "cyan", "red", "white")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def week_grid(tariff: Tariff) -> list[Text]:
    """The lines of the grid and its legend; a cell shows the band at its first second."""
    lines = [Text("    " + "".join(f"{hour:<4}" for hour in range(0, 24, 2)))]
    for weekday, name in enumerate(WEEKDAY_NAMES):
        schedule = day_schedule(tariff.bands, weekday)
        row = Text(f"{name[:3]} ")
        for second in range(0, DAY_S, CELL_S):
            row.append_text(_cell(_band_at(schedule, second)))
        lines.append(row)
    for number, band in enumerate(tariff.bands):
        legend = _cell(number)
        legend.append(f" {band.name}" + (" (on certain dates)" if is_dated(band) else ""))
        lines.append(legend)
    return lines


def _band_at(schedule: tuple[BandSpell, ...], second: int) -> int | None:
    return next(spell.band for spell in schedule if spell.from_s <= second < spell.to_s)


def _cell(band: int | None) -> Text:
    if band is None:
        return Text(".")
    colour = COLOURS[band % len(COLOURS)]
    return Text(LETTERS[band % len(LETTERS)], style=f"black on {colour}")
