"""Random sessions for the properties of ratingcore: reports, cuts, price changes, allowances, and
nights on which the clock jumps, drawn on purpose.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from ratingcore.allowance import Allowance, Counter, Entitlement
from ratingcore.pool import Pool
from ratingcore.tariff import Metric, MetricOrMoney, Tariff
from tests.oracle.rating_oracle import Report
from tests.oracle.rating_pool import SlowPool
from tests.property.choices import Choices, drawn
from tests.property.rating_tariffs import BAND_NAMES, DAY_S, TOPS, on_counters, random_tariff
from tests.property.rating_terms import entitlements, terms_counters, with_terms

ZONES = (
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Africa/Casablanca",
    "Pacific/Apia",
)
FIRST_AT = 1_262_304_000  # 2010-01-01, before Apia lost a day
LAST_AT = 1_900_000_000  # 2030
LENGTHS = ((1, 600), (600, DAY_S // 4), (1, 2 * DAY_S), (DAY_S, 6 * DAY_S), (DAY_S, 6 * DAY_S))
"""From and to, seconds: how long sessions last."""

ALLOWED_METRICS = (*Metric, Metric.SECONDS, Metric.SECONDS, Metric.SECONDS)
ALLOWED_BANDS = ((), (), (), ("rest",), BAND_NAMES[:2])


@cache
def clock_jumps(zone: str) -> tuple[int, ...]:
    """The instants at which the zone's offset changes, looked up by half hours around the
    change."""

    def offset(at: int) -> object:
        return datetime.fromtimestamp(at, ZoneInfo(zone)).utcoffset()

    found = []
    for day in range(FIRST_AT, LAST_AT, DAY_S):
        if offset(day) != offset(day + DAY_S):
            found.append(
                next(at for at in range(day, day + DAY_S + 1, 1800) if offset(at) != offset(day))
            )
    return tuple(found)


def crosses_jump(zone: str, started_at: int, until: int) -> bool:
    return any(started_at < jump < until for jump in clock_jumps(zone))


@dataclass(frozen=True)
class Case:
    """One random session: versions, its start and its reports."""

    versions: tuple[tuple[int, Tariff], ...]
    started_at: int
    reports: tuple[Report, ...]
    occurrences: int | None = None
    adopted: bool = False
    allowances: tuple[Allowance, ...] = ()
    counters: tuple[Counter, ...] = ()
    entitlements: tuple[Entitlement, ...] = ()

    def pool(self) -> Pool | None:
        if not self.allowances and not self.counters:
            return None
        return Pool(self.allowances, self.counters, self.entitlements)

    def slow_pool(self) -> SlowPool:
        return SlowPool(self.allowances, self.counters, self.entitlements)

    @property
    def until(self) -> int:
        return self.reports[-1].until

    @property
    def length_s(self) -> int:
        return self.until - self.started_at


def cases(
    *, octets: bool | None = None, plain: bool = False, terms: bool | None = None
) -> st.SearchStrategy[Case]:
    """Sessions with octets or without them (None: some); on terms (discounts, caps, bonuses,
    allowances of money) or not (None: some); plain ones have neither cuts nor base lines."""
    return drawn(lambda choices: random_case(choices, octets=octets, plain=plain, terms=terms))


def random_case(choices: Choices, *, octets: bool | None, plain: bool, terms: bool | None) -> Case:
    zone = choices.one_of(ZONES)
    with_octets = choices.chance(50) if octets is None else octets
    terms = choices.chance(35) if terms is None else terms
    length_s = choices.instant(*choices.one_of(LENGTHS))
    started_at = _start(choices, zone, length_s)

    def tariff(tariff_zone: str, near: int) -> Tariff:
        made = random_tariff(choices, tariff_zone, near=near, length_s=length_s, octets=with_octets)
        return with_terms(choices, made) if terms else made

    versions = [(started_at if choices.chance(50) else 0, tariff(zone, started_at))]
    if choices.chance(20):
        later = started_at + 1 + choices.instant(0, length_s)
        versions.append((later, tariff(choices.one_of(ZONES), later)))
    history = _history(choices, started_at, length_s, octets=with_octets, plain=plain)
    occurrences = choices.whole(0, 12) if choices.chance(33) else None
    allowances, counters, entitled = (), (), ()
    if choices.chance(75):
        allowances = _allowances(choices, started_at, length_s, money=terms)
        counters = _counters(choices, started_at, length_s)
    if counters and choices.chance(50):
        versions = [(at, on_counters(one)) for at, one in versions]
    if terms:
        counters += terms_counters(choices, started_at, length_s)
        entitled = entitlements(choices, started_at, length_s)
    adopted = choices.chance(10)
    return Case(
        tuple(versions),
        started_at,
        history,
        occurrences,
        adopted,
        allowances,
        counters,
        entitled,
    )


def _start(choices: Choices, zone: str, length_s: int) -> int:
    """Seven in ten begin so that the clock may jump while they last."""
    jumps = clock_jumps(zone)
    if jumps and choices.chance(70):
        return choices.one_of(jumps) - choices.instant(0, min(length_s, DAY_S))
    return choices.instant(FIRST_AT, LAST_AT - 90 * DAY_S)


def _history(
    choices: Choices, started_at: int, length_s: int, *, octets: bool, plain: bool
) -> tuple[Report, ...]:
    """One to five reports in order."""
    middle = sorted(choices.whole(0, length_s) for _ in range(choices.one_of((0, 0, 1, 2, 3, 4))))
    reports = []
    last, sent, received = started_at, 0, 0
    for until in [*(started_at + after for after in middle), started_at + length_s]:
        if octets:
            sent += choices.whole(0, 5 * 10**7)
            received += choices.whole(0, 5 * 10**7)
        cuts: tuple[int, ...] = ()
        close = rebase = False
        if not plain:
            rebase = choices.chance(10) and until < started_at + length_s
            close = not rebase and choices.chance(50)
            if not rebase:
                cuts = _cuts(choices, last, until)
        reports.append(Report(until, sent, received, cuts, close, rebase))
        last = until
    return tuple(reports)


def _cuts(choices: Choices, last: int, until: int) -> tuple[int, ...]:
    return tuple(
        sorted({choices.instant(last, until) for _ in range(choices.one_of((0, 0, 1, 2)))})
    )


def _allowances(
    choices: Choices, started_at: int, length_s: int, *, money: bool
) -> tuple[Allowance, ...]:
    """Up to four, mostly of time; with `money` half of them of money."""
    found = []
    for number in range(1, 2 + choices.one_of((0, 1, 2, 3))):
        metric = choices.one_of(ALLOWED_METRICS)
        quantity = _allowed(choices, metric)
        if money and choices.chance(50):
            metric, quantity = MetricOrMoney.MONEY, choices.whole(0, 5_000_000)
        from_at = started_at + choices.instant(0, length_s) if choices.chance(25) else 0
        until_at = from_at + 1 + choices.instant(0, length_s) if choices.chance(25) else 1 << 33
        priority, bands = choices.whole(0, 2), choices.one_of(ALLOWED_BANDS)
        found.append(Allowance(number, metric, quantity, from_at, until_at, priority, bands))
    return tuple(found)


def _counters(choices: Choices, started_at: int, length_s: int) -> tuple[Counter, ...]:
    """For every metric one that begins anew once while the session lasts."""
    anew = started_at + choices.instant(0, length_s)
    found = []
    for number, metric in enumerate(Metric):
        counted = _allowed(choices, metric)
        found.append(Counter(2 * number + 1, metric.value, counted, 0, anew))
        found.append(Counter(2 * number + 2, metric.value, 0, anew))
    return tuple(found)


def _allowed(choices: Choices, metric: Metric) -> int:
    return choices.whole(0, TOPS[metric] // (1 if choices.chance(30) else 20))
