"""Random tariffs and sessions for the properties of ratingcore, with the nights of DST drawn on purpose."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from ratingcore.tariff import Metric, Price, Rounding, Tariff, Tier, TimeBand
from tests.oracle.rating_oracle import Report

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


@lru_cache
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

    @property
    def until(self) -> int:
        return self.reports[-1].until


def edges() -> st.SearchStrategy[int]:
    """Clock times: mostly whole hours, as in price lists; some half hours and odd seconds."""
    return st.one_of(
        st.integers(0, 23).map(lambda hour: hour * 3600),
        st.integers(0, 47).map(lambda half: half * 1800),
        st.integers(0, DAY_S - 1),
    )


@st.composite
def prices(draw: st.DrawFn, *, metric: Metric, top: int) -> Price:
    amounts = st.one_of(
        st.sampled_from((0, 10_000, 50_000, 1_000_000, 2_000_000)), st.integers(1, 5_000_000)
    )
    pers = st.sampled_from(SECOND_PERS if metric is Metric.SECONDS else OCTET_PERS)
    thresholds = draw(st.lists(st.integers(1, top), max_size=2, unique=True))
    return Price(
        metric,
        tuple(Tier(low, draw(amounts), draw(pers)) for low in (0, *sorted(thresholds))),
    )


@st.composite
def bands(draw: st.DrawFn, *, name: str, all_week: bool, octets: bool) -> TimeBand:
    from_s, to_s, weekdays = 0, DAY_S, ()
    if not all_week:
        from_s = draw(edges())
        to_s = draw(edges().filter(lambda edge: edge != from_s))
        weekdays = draw(
            st.sampled_from(((), (), (5, 6), (0, 1, 2, 3, 4), (4,), (6,), (0, 2, 5)))
        )
    metrics = [Metric.SECONDS] if draw(st.integers(0, 9)) else []
    if octets or not metrics:
        metrics += draw(st.lists(st.sampled_from(list(Metric)[1:]), min_size=1, max_size=2, unique=True))
    tops = {Metric.SECONDS: 2 * DAY_S}
    return TimeBand(
        name,
        weekdays,
        from_s,
        to_s,
        tuple(draw(prices(metric=metric, top=tops.get(metric, 10**8))) for metric in metrics),
    )


@st.composite
def tariffs(draw: st.DrawFn, *, zone: str, octets: bool) -> Tariff:
    count = draw(st.integers(0, 3))
    listed = [draw(bands(name=f"band {i}", all_week=False, octets=octets)) for i in range(count)]
    listed.append(draw(bands(name="rest", all_week=True, octets=octets)))
    rounding = draw(
        st.one_of(st.just(Rounding()), st.builds(Rounding, st.integers(0, 3), st.integers(0, 6)))
    )
    return Tariff("random", zone, "EUR", tuple(listed), rounding)


@st.composite
def starts(draw: st.DrawFn, *, zone: str) -> int:
    jumps = clock_jumps(zone)
    if jumps and draw(st.integers(0, 2)):
        return draw(st.sampled_from(jumps)) - draw(st.integers(0, DAY_S))
    return draw(st.integers(FIRST_AT, LAST_AT - 90 * DAY_S))


@st.composite
def histories(draw: st.DrawFn, *, started_at: int, octets: bool, plain: bool) -> tuple[Report, ...]:
    """Reports in order; plain ones have neither cuts nor base lines."""
    length = draw(st.one_of(st.integers(1, 3 * DAY_S), st.integers(DAY_S, 6 * DAY_S)))
    count = draw(st.integers(1, 5))
    offsets = sorted(draw(st.integers(0, length)) for _ in range(count - 1)) + [length]
    reports = []
    last, sent, received = started_at, 0, 0
    for offset in offsets:
        until = started_at + offset
        if octets:
            sent += draw(st.integers(0, 5 * 10**7))
            received += draw(st.integers(0, 5 * 10**7))
        cuts: tuple[int, ...] = ()
        close = rebase = False
        if not plain:
            drawn = draw(st.sets(st.integers(last, until), max_size=2))
            cuts = tuple(sorted(drawn))
            close = draw(st.booleans())
            rebase = not draw(st.integers(0, 11))
        reports.append(
            Report(until, sent, received, () if rebase else cuts, close and not rebase, rebase)
        )
        last = until
    return tuple(reports)


@st.composite
def cases(draw: st.DrawFn, *, octets: bool | None = None, plain: bool = False) -> Case:
    zone = draw(st.sampled_from(ZONES))
    with_octets = draw(st.booleans()) if octets is None else octets
    started_at = draw(starts(zone=zone))
    versions = [(draw(st.sampled_from((0, started_at))), draw(tariffs(zone=zone, octets=with_octets)))]
    if not draw(st.integers(0, 3)):
        later = started_at + draw(st.integers(1, 2 * DAY_S))
        other = draw(st.sampled_from(ZONES))
        versions.append((later, draw(tariffs(zone=other, octets=with_octets))))
    history = draw(histories(started_at=started_at, octets=with_octets, plain=plain))
    return Case(tuple(versions), started_at, history)
