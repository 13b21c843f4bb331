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
from math import gcd, lcm, prod

from ratingcore.money import DECIMALS_MAX, DOWN, HALF_EVEN

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

DISCOUNTS_MAX = 16
"""Discounts of one tariff: each is a bit beside every quantity that a meter keeps."""

CAPS_MAX = 8
"""Caps of one tariff: a day's and a cycle's, of its own and shared with others."""

BONUSES_MAX = 16
"""Bonuses of one tariff."""

WHOLE_PERCENT = 100_000_000
"""Micros of a percent in 100 percent."""

CONNECTION = "connection"
"""What a segment that is a connection fee has as its metric."""

MINIMUM, MAXIMUM, WAIVED = "minimum", "maximum", "waived"
"""The metric of a segment that is no usage: what a bound adds to a charge or takes from it."""

DISCOUNT, CAP, MONEY = "discount", "cap", "money"
"""The metric of a segment that says what a discount, a cap or an allowance of money took away."""


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


class MetricOrMoney(StrEnum):
    """What an allowance may pay for, or a bonus be given for: usage, or micros charged."""

    SECONDS = "seconds"
    OCTETS = "octets"
    INPUT_OCTETS = "input_octets"
    OUTPUT_OCTETS = "output_octets"
    OCCURRENCES = "occurrences"
    MONEY = "money"


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


class Covers(StrEnum):
    """What a discount lowers: the prices of usage, or all, with connection fee and bounds."""

    USAGE = "usage"
    ALL = "all"


class Period(StrEnum):
    """What a cap holds for: a day of the account's clock, or its billing cycle."""

    DAY = "day"
    CYCLE = "cycle"


@dataclass(frozen=True, slots=True)
class Rounding:
    """How an amount is rounded: `money.HALF_EVEN` ... and decimals."""

    mode: int = HALF_EVEN
    decimals: int = DECIMALS_MAX


WHOLE_UNITS = Rounding(DOWN, 0)
"""How a bonus is rounded if nothing is said: only whole points are given."""


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
class Discount:
    """So much off: a share in millionths of a percent, or an amount once a session.

    It holds at an instant if the pool's counter of that name then lies above `above` (with a
    `counter`), and the pool has an entitlement to it (if it is `conditional`).
    """

    name: str
    percent_micros: int = 0
    amount_micros: int = 0
    covers: Covers = Covers.USAGE
    counter: str = ""
    above: int = 0
    conditional: bool = False


@dataclass(frozen=True, slots=True)
class Cap:
    """What all sessions that share the cap's name cost at most in a period.

    What they cost is counted in the pool's counter of that name, in micros.
    """

    name: str
    period: Period
    amount_micros: int


@dataclass(frozen=True, slots=True)
class Bonus:
    """`amount_micros` of another resource, given for every `per` units of a metric or of money.

    Money is what the session is charged; usage counts in the time bands named, () for all.
    """

    resource: str
    amount_micros: int
    metric: MetricOrMoney
    per: int
    bands: tuple[str, ...] = ()
    rounding: Rounding = WHOLE_UNITS
    gl_code: str = ""
    tax_code: str = ""


@dataclass(frozen=True, slots=True)
class Tariff:
    """One version of a tariff; `zone` is the IANA name whose clock decides the bands.

    `minimum_micros` and `maximum_micros` bound what a session costs before it is rounded; the
    minimum holds once anything was used. Rounding, bounds, free start, amounts off and bonuses of
    the version in force at a session's start hold for the whole session; the connection fee is that
    of the band there. Prices, shares off and caps are read at the instant of the usage.
    docs/pricelist.md says in which order all of it applies.
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
    discounts: tuple[Discount, ...] = ()
    caps: tuple[Cap, ...] = ()
    bonuses: tuple[Bonus, ...] = ()


def share_left(discount: Discount) -> tuple[int, int]:
    """Return the share of a price that a discount leaves as a reduced fraction: 10 % is (9, 10)."""
    left = WHOLE_PERCENT - discount.percent_micros
    divisor = gcd(left, WHOLE_PERCENT)
    return left // divisor, WHOLE_PERCENT // divisor


def tariff_multiple(tariff: Tariff) -> int:
    """Return in what parts of a micro the tariff's charges are exact: the common multiple of every
    `per`, times what each discount divides by."""
    pers = {tier.per for band in tariff.bands for price in band.prices for tier in price.tiers}
    return lcm(*pers) * prod(share_left(discount)[1] for discount in tariff.discounts)
