"""Random tariffs and sessions for the properties of ratingcore, DST nights drawn on purpose."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from ratingcore.allowance import Allowance, Counter
from ratingcore.pool import Pool
from ratingcore.tariff import (
    ConnectionFee,
    Counted,
    DateSpan,
    FreeRule,
    FreeStart,
    Increment,
    Metric,
    Price,
    Rounding,
    Tariff,
    Tier,
    TimeBand,
)
from tests.oracle.rating_oracle import Report, SlowPool

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
DAY_S = 86_400
SECOND_PERS = (1, 6, 7, 60, 3600, 86_400)
OCTET_PERS = (1, 3, 1000, 1024, 10**6, 2**20, 10**9, 2**30)


@cache
def clock_jumps(zone: str) -> tuple[int, ...]:
    """The instants at which the zone's offset changes, looked up hour by hour around the change."""

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

    def pool(self) -> Pool | None:
        return Pool(self.allowances, self.counters) if self.allowances or self.counters else None

    def slow_pool(self) -> SlowPool:
        return SlowPool(self.allowances, self.counters)

    @property
    def until(self) -> int:
        return self.reports[-1].until


# Strategies are made once: hypothesis looks through each new one, which costs more than a draw.
EDGES = st.one_of(
    st.integers(0, 23).map(lambda hour: hour * 3600),
    st.integers(0, 47).map(lambda half: half * 1800),
    st.integers(0, DAY_S - 1),
)
WEEKDAYS = st.sampled_from(((), (), (5, 6), (0, 1, 2, 3, 4), (4,), (6,), (0, 2, 5)))
AMOUNTS = st.one_of(
    st.sampled_from((10_000, 0, 50_000, 1_000_000, 2_000_000)), st.integers(1, 5_000_000)
)
PERS = {metric: st.sampled_from(OCTET_PERS) for metric in Metric} | {
    Metric.SECONDS: st.sampled_from(SECOND_PERS),
    Metric.OCCURRENCES: st.sampled_from((1, 1, 3, 10)),
}
TOPS = dict.fromkeys(Metric, 10**8) | {Metric.SECONDS: 2 * DAY_S, Metric.OCCURRENCES: 9}
THRESHOLDS = {
    metric: st.lists(st.integers(1, top), max_size=2, unique=True) for metric, top in TOPS.items()
}
OCTET_METRICS = st.lists(st.sampled_from(list(Metric)[1:4]), min_size=1, max_size=2, unique=True)
# the twin walks block by block, so few are tiny
SECOND_BLOCKS = st.sampled_from((60, 60, 30, 300, 3600, 86_400, 47, 6))
OCTET_BLOCKS = st.sampled_from((10**6, 2**20, 10**7, 333_333, 10**9))
COUNTED = st.sampled_from((Counted.UP, Counted.UP, Counted.DOWN))
FREE_STARTS = st.builds(
    FreeStart, st.sampled_from((5, 30, 600, 86_400)), st.sampled_from(list(FreeRule))
)
FEES = st.builds(ConnectionFee, st.sampled_from((0, 50_000, 1_234_567)), st.booleans())
BOUNDS = st.sampled_from((0, 100_000, 1_000_000, 20_000_001))
DAYS_AROUND = st.sets(st.integers(-2, 6), min_size=1, max_size=3)
MONTH_DAYS = st.sampled_from(((1,), (-1,), (1, 15), (29, 30, 31), tuple(range(1, 20))))
ALLOWED_METRICS = st.sampled_from((Metric.SECONDS, Metric.SECONDS, Metric.SECONDS, *Metric))
ALLOWED_QUANTITIES = {
    metric: st.one_of(st.integers(0, top // 20), st.integers(0, top))
    for metric, top in TOPS.items()
}
ALLOWED_BANDS = st.sampled_from(((), (), (), ("rest",), ("band 0", "band 1")))
VALID_FROM = st.sampled_from((0, 0, 0, 1))
OCCURRENCES = st.one_of(st.none(), st.none(), st.integers(0, 12))
ROUNDINGS = st.one_of(
    st.just(Rounding()),
    st.builds(Rounding, st.integers(0, 3), st.integers(2, 6)),
    st.builds(Rounding, st.integers(0, 3), st.integers(0, 1)),
)
LENGTHS = st.one_of(st.integers(1, 2 * DAY_S), st.integers(DAY_S, 6 * DAY_S))
SHARES = st.integers(0, 1_000_000)
SHARE_SETS = st.sets(SHARES, max_size=2)
OCTETS = st.integers(0, 5 * 10**7)
UP_TO_NINE = st.integers(0, 9)
BOOLEANS = st.booleans()
INSTANTS = st.integers(FIRST_AT, LAST_AT - 90 * DAY_S)
DAY_SECONDS = st.integers(0, DAY_S)
ZONE_NAMES = st.sampled_from(ZONES)


@cache
def jumps_of(zone: str) -> st.SearchStrategy[int]:
    return st.sampled_from(clock_jumps(zone))


def draw_increment(draw: st.DrawFn, metric: Metric, *, one_by_one: bool) -> Increment:
    lengths = SECOND_BLOCKS if metric is Metric.SECONDS else OCTET_BLOCKS
    first, then = draw(lengths), draw(lengths)
    return Increment(first, 1 if one_by_one else then, draw(COUNTED))


def draw_price(draw: st.DrawFn, metric: Metric, *, more: bool) -> Price:
    """With `more`, often in blocks, some with tiers of their own blocks, some rounded."""
    thresholds = sorted(draw(THRESHOLDS[metric]))
    tiers = [Tier(low, draw(AMOUNTS), draw(PERS[metric])) for low in (0, *thresholds)]
    if not more or metric is Metric.OCCURRENCES or draw(UP_TO_NINE) < 4:
        return Price(metric, tuple(tiers))
    rounding = draw(ROUNDINGS) if draw(UP_TO_NINE) > 6 else None
    # the twin takes units for themselves in one step only if nothing rounds them
    one_by_one = rounding is None and len(tiers) > 1 and draw(UP_TO_NINE) > 6
    if one_by_one:
        tiers[0] = replace(tiers[0], increment=draw_increment(draw, metric, one_by_one=False))
        return Price(metric, tuple(tiers))
    if draw(UP_TO_NINE) > 6:
        own = draw_increment(draw, metric, one_by_one=False)
        tiers[-1] = replace(tiers[-1], increment=own)
    increment = draw_increment(draw, metric, one_by_one=False)
    return Price(metric, tuple(tiers), increment, rounding)


def draw_band(
    draw: st.DrawFn, name: str, near: int, *, all_week: bool, octets: bool, more: bool
) -> TimeBand:
    from_s, to_s, weekdays = 0, DAY_S, ()
    if not all_week:
        from_s, to_s, weekdays = draw(EDGES), draw(EDGES), draw(WEEKDAYS)
        to_s += from_s == to_s
    metrics = [Metric.SECONDS] if draw(UP_TO_NINE) < 9 else []
    if octets or not metrics:
        metrics += draw(OCTET_METRICS)
    if more and draw(BOOLEANS):
        metrics.append(Metric.OCCURRENCES)
    prices = tuple(draw_price(draw, metric, more=more) for metric in metrics)
    fee = draw(FEES) if more and draw(BOOLEANS) else None
    band = TimeBand(name, weekdays, from_s, to_s, prices, fee)
    return band if all_week else draw_dates(draw, band, near)


def draw_dates(draw: st.DrawFn, band: TimeBand, near: int) -> TimeBand:
    """One band in three holds on certain dates only, most of them around the session."""
    kind = draw(UP_TO_NINE)
    days = sorted(draw(DAYS_AROUND))
    dates = [(datetime.fromtimestamp(near, UTC) + timedelta(days=n)).date() for n in days]
    if kind == 0:
        return replace(band, dates=(DateSpan(dates[0], dates[-1]),))
    if kind == 1:
        return replace(band, holidays=tuple(dates))
    if kind == 2:
        return replace(band, month_days=draw(MONTH_DAYS))
    return band


def draw_tariff(draw: st.DrawFn, zone: str, near: int, *, octets: bool) -> Tariff:
    """Every other one is plain: prices, tiers and bands alone."""
    more = draw(BOOLEANS)
    listed = [
        draw_band(draw, f"band {number}", near, all_week=False, octets=octets, more=more)
        for number in range(draw(UP_TO_NINE) % 4)
    ]
    listed.append(draw_band(draw, "rest", near, all_week=True, octets=octets, more=more))
    tariff = Tariff("random", zone, "EUR", tuple(listed), draw(ROUNDINGS))
    if not more:
        return tariff
    minimum = draw(BOUNDS) if draw(BOOLEANS) else 0
    return replace(
        tariff,
        free_start=draw(FREE_STARTS) if draw(UP_TO_NINE) > 5 else None,
        minimum_micros=minimum,
        maximum_micros=minimum + draw(BOUNDS) if draw(UP_TO_NINE) > 7 else None,
    )


def draw_start(draw: st.DrawFn, zone: str) -> int:
    if clock_jumps(zone) and draw(UP_TO_NINE) < 7:
        return draw(jumps_of(zone)) - draw(DAY_SECONDS)
    return draw(INSTANTS)


def draw_history(
    draw: st.DrawFn, started_at: int, *, octets: bool, plain: bool
) -> tuple[Report, ...]:
    """Reports in order; plain ones have neither cuts nor base lines."""
    length = draw(LENGTHS)
    shares = sorted(draw(SHARES) for _ in range(draw(UP_TO_NINE) // 2))
    reports = []
    last, sent, received = started_at, 0, 0
    for until in [*(started_at + length * share // 10**6 for share in shares), started_at + length]:
        if octets:
            sent += draw(OCTETS)
            received += draw(OCTETS)
        cuts: tuple[int, ...] = ()
        close = rebase = False
        if not plain:
            span = until - last
            cuts = tuple(sorted({last + span * share // 10**6 for share in draw(SHARE_SETS)}))
            rebase = draw(UP_TO_NINE) == 9
            close = draw(BOOLEANS) and not rebase
        reports.append(Report(until, sent, received, () if rebase else cuts, close, rebase))
        last = until
    return tuple(reports)


@st.composite
def cases(draw: st.DrawFn, *, octets: bool | None = None, plain: bool = False) -> Case:
    zone = draw(ZONE_NAMES)
    with_octets = draw(BOOLEANS) if octets is None else octets
    started_at = draw_start(draw, zone)
    effective_at = started_at if draw(BOOLEANS) else 0
    versions = [(effective_at, draw_tariff(draw, zone, started_at, octets=with_octets))]
    if draw(UP_TO_NINE) > 7:
        later = started_at + 1 + draw(DAY_SECONDS)
        versions.append((later, draw_tariff(draw, draw(ZONE_NAMES), later, octets=with_octets)))
    history = draw_history(draw, started_at, octets=with_octets, plain=plain)
    occurrences = draw(OCCURRENCES)
    pool = draw_pool(draw, started_at) if draw(UP_TO_NINE) < 6 else ((), ())
    if pool[1] and draw(BOOLEANS):
        versions = [(at, on_counters(tariff)) for at, tariff in versions]
    return Case(tuple(versions), started_at, history, occurrences, draw(UP_TO_NINE) == 9, *pool)


def draw_pool(
    draw: st.DrawFn, started_at: int
) -> tuple[tuple[Allowance, ...], tuple[Counter, ...]]:
    """Up to four allowances, mostly of time; for every metric a counter that begins anew once."""
    allowances = []
    for number in range(1, 2 + draw(UP_TO_NINE) % 4):
        metric = draw(ALLOWED_METRICS)
        from_at = draw(VALID_FROM) and started_at + draw(DAY_SECONDS)
        until_at = from_at + 1 + draw(DAY_SECONDS) if draw(UP_TO_NINE) > 7 else 1 << 33
        bands = draw(ALLOWED_BANDS)
        quantity = draw(ALLOWED_QUANTITIES[metric])
        priority = draw(UP_TO_NINE) % 3
        allowances.append(Allowance(number, metric, quantity, from_at, until_at, priority, bands))
    anew = started_at + draw(DAY_SECONDS)
    counters = []
    for metric in Metric:
        counted = draw(ALLOWED_QUANTITIES[metric])
        counters.append(Counter(2 * len(counters) + 1, metric.value, counted, 0, anew))
        counters.append(Counter(2 * len(counters) + 2, metric.value, 0, anew))
    return tuple(allowances), tuple(counters)


def on_counters(tariff: Tariff) -> Tariff:
    """The tariff with the tiers of every other price read over a counter."""
    return replace(
        tariff,
        bands=tuple(
            replace(
                band,
                prices=tuple(
                    replace(price, counter=price.metric.value if index % 2 == 0 else "")
                    for index, price in enumerate(band.prices)
                ),
            )
            for band in tariff.bands
        ),
    )
