"""What a tariff says: frozen records.

Tariff > TimeBand > Price > Tier. The first band of the list that matches the local clock of the
tariff's zone decides (`ratingcore.week`); its prices say what a unit of each metric costs, by tiers
of the session's cumulative quantity.

Records are not checked when they are made, so that `ratingcore.check` can report every problem at
once.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from ratingcore.money import DECIMALS_MAX, HALF_EVEN

DAY_S = 86_400
WEEKDAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

BANDS_MAX = 64
"""Bands of one tariff: a week of hours needs far fewer, and a meter's cells stay few."""

TIERS_MAX = 64
"""Tiers of one price."""

PER_MAX = 10**15
"""Units that one amount may buy (a PB); more is a typing error and spoils the multiple."""

LCM_MAX = (1 << 63) - 1
"""A charge is one fraction over the least common multiple of all `per`, which stays int64."""

TEXT_SIZE_MAX = 128
"""Characters of a name or a code."""

CONNECTION = "connection"
"""What a segment that is a connection fee has as its metric."""

MINIMUM, MAXIMUM, WAIVED = "minimum", "maximum", "waived"
"""The metric of a segment that is no usage: what a bound adds to a charge or takes from it."""


class Metric(StrEnum):
    """The measures of usage that a price may be put on; octets are counted as RADIUS does.

    A session is one occurrence, at its start, once it has used a second or an octet; an event
    without duration may be several (messages).
    """

    SECONDS = "seconds"
    OCTETS = "octets"
    INPUT_OCTETS = "input_octets"
    OUTPUT_OCTETS = "output_octets"
    OCCURRENCES = "occurrences"


class Counted(StrEnum):
    """Whether a block is charged whole once it has begun, or not before it is complete."""

    UP = "up"
    DOWN = "down"


class FreeRule(StrEnum):
    """What the free seconds at a session's start do to what lies beyond them.

    SKIP: only seconds beyond them are charged, and blocks and tiers begin there. WAIVE: a session
    that ends within them costs nothing at all; any other is charged from its first second.
    """

    SKIP = "skip"
    WAIVE = "waive"


@dataclass(frozen=True, slots=True)
class Rounding:
    """How an amount is rounded: `money.HALF_EVEN` ... and decimals."""

    mode: int = HALF_EVEN
    decimals: int = DECIMALS_MAX


@dataclass(frozen=True, slots=True)
class Increment:
    """The blocks in which a quantity is charged: the session's first one, then all others.

    A block belongs to the band and tier in force at its first unit; within it tiers of that band's
    price are read unit by unit. 60/1 is `Increment(60, 1)`.
    """

    first: int
    then: int
    counted: Counted = Counted.UP


@dataclass(frozen=True, slots=True)
class Tier:
    """From the session's `from_quantity` on (half-open), `amount_micros` for every `per` units.

    An `increment` of its own holds for the blocks that begin in this tier.
    """

    from_quantity: int
    amount_micros: int
    per: int
    increment: Increment | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """The tiers of one metric; the first begins at 0, thresholds rise strictly.

    Thresholds are read over the cumulative quantity of the session in that metric, whatever bands
    it went through; with a `counter`, over the units counted under that name in its period, by any
    session. Without an `increment` every unit is charged by itself; `block_rounding` rounds
    each block's price before blocks are added up.
    """

    metric: Metric
    tiers: tuple[Tier, ...]
    increment: Increment | None = None
    block_rounding: Rounding | None = None
    counter: str = ""


@dataclass(frozen=True, slots=True)
class ConnectionFee:
    """What a session costs for beginning at all: longer than zero, unless said otherwise."""

    amount_micros: int
    on_zero_length: bool = False


@dataclass(frozen=True, slots=True)
class FreeStart:
    """So many seconds at a session's start are free, by a rule."""

    seconds: int
    rule: FreeRule


@dataclass(frozen=True, slots=True)
class DateSpan:
    """Civil dates from the first to the last, both included."""

    first_on: date
    last_on: date


@dataclass(frozen=True, slots=True)
class TimeBand:
    """A part of the week or year and its prices.

    `weekdays` are Monday = 0 to Sunday = 6, empty for every day. `from_s` to `to_s` are seconds of
    the local clock, half-open, 0 to 86400. A band with `from_s` above `to_s` wraps past midnight;
    the day is then that of the second itself, not that of the evening before. `dates`, `month_days`
    (1 to 31, -1 the last of any month) and `holidays` (a calendar's dates, resolved) narrow the
    days further: of each that is given one must match.
    """

    name: str
    weekdays: tuple[int, ...]
    from_s: int
    to_s: int
    prices: tuple[Price, ...]
    fee: ConnectionFee | None = None
    dates: tuple[DateSpan, ...] = ()
    month_days: tuple[int, ...] = ()
    holidays: tuple[date, ...] | None = None


@dataclass(frozen=True, slots=True)
class Tariff:
    """One version of a tariff; `zone` is the IANA name whose clock decides the bands.

    `minimum_micros` and `maximum_micros` bound what a session costs before it is rounded; the
    minimum holds once anything was used. Rounding, bounds and free start of the version in force at
    a session's start hold for the whole session; the connection fee is that of the band there.
    """

    name: str
    zone: str
    currency: str
    bands: tuple[TimeBand, ...]
    rounding: Rounding = Rounding()
    gl_code: str = ""
    tax_code: str = ""
    free_start: FreeStart | None = None
    minimum_micros: int = 0
    maximum_micros: int | None = None


def tariff_pers(tariff: Tariff) -> set[int]:
    """Return every `per` of the tariff; charges are counted in their common multiple."""
    return {tier.per for band in tariff.bands for price in band.prices for tier in price.tiers}
