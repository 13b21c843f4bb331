"""Proves that a session counts and costs the truth, however its reports come and whenever they are
posted.

A true session is drawn: its growth in seconds and octets, with wraps of 32-bit counters or with
Gigawords. Then what the network does to it: interim reports are lost, all are repeated, delayed and
overtaken; the NAS has a clock or only Acct-Delay-Time. Once the Stop has come, the session counts
exactly the truth and costs what `ratingcore.quote` says for the whole; its events are cut where
zoneinfo says they must be; the usage counters of the cycles sum to it. The same holds with postings
in between, whose commits reports overtake, and with crashes that lose all that was not posted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import accumulate, pairwise
from zoneinfo import ZoneInfo

from hypothesis import assume, event, given
from hypothesis import strategies as st

from aaad.policy.report import Report
from aaad.policy.session import Session, session_from_row
from aaad.policy.usage import NasFacts
from aaad.radius.codes import AcctStatusType
from ledger.model import SessionPosting, SessionRow, SessionStatus
from ledger.rules.limits import Totals
from ratingcore.compile import Timeline, compile_timeline
from ratingcore.meter import quote
from ratingcore.tariff import Metric, Price, Tariff, Tier, TimeBand
from tests.property.choices import Choices, drawn
from tests.property.rating_cases import random_case
from tests.property.rating_tariffs import random_tariff
from tests.property.rating_terms import OCTET_PERS
from tests.usage_builders import Story, report, terms

WORD = 1 << 32
DAY_S = 86_400
WINDOW_S = DAY_S
NETWORK_MAX_S = 50
"""A report is under way for less than a minute, or the NAS says so in Acct-Delay-Time."""
DELAY_MAX_S = 3_600
NAS = NasFacts(timestamp_window_s=WINDOW_S, line_rate_bps=10**12, adopt_from=None, booted_at=None)


@dataclass(frozen=True)
class Moment:
    """What is true at one instant of the session."""

    seconds: int
    input_octets: int
    output_octets: int


@dataclass(frozen=True)
class Truth:
    """A session as it was, and where it was sold."""

    zone: str
    bill_day: int
    timeline: Timeline
    started_at: int
    moments: tuple[Moment, ...]  # of its reports: the last is the Stop

    @property
    def end(self) -> Moment:
        return self.moments[-1]


SPANS = st.lists(
    st.one_of(st.integers(1, 20), st.integers(1, 3_600), st.integers(1, 3 * DAY_S)),
    min_size=1,
    max_size=6,
)
GROWTHS = st.one_of(st.integers(0, 10**6), st.integers(WORD // 2, WORD - 1))
RATES = st.integers(0, 40_000)
BILL_DAYS = st.integers(1, 31)
TAIL = st.tuples(st.integers(0, NETWORK_MAX_S), st.integers(0, DELAY_MAX_S), st.integers(1, 3))


@st.composite
def truths(draw: st.DrawFn) -> Truth:
    """Either octets cost the same all day and grow as they like, or bands may differ and they grow
    evenly: then nothing depends on how octets lie between reports that were lost.
    """
    evenly = draw(st.booleans())
    zone, started_at, tariff = draw(drawn(lambda choices: _beginning(choices, octets=evenly)))
    if not evenly:
        tariff = _octets_cost_the_same(draw, tariff)
    spans = draw(SPANS)
    if evenly:
        rate_in, rate_out = draw(RATES), draw(RATES)
        moments = tuple(Moment(t, rate_in * t, rate_out * t) for t in accumulate(spans))
    else:
        grown = [(draw(GROWTHS), draw(GROWTHS)) for _ in spans]
        moments = tuple(
            Moment(*sums)
            for sums in zip(
                accumulate(spans),
                accumulate(g[0] for g in grown),
                accumulate(g[1] for g in grown),
                strict=True,
            )
        )
    timeline = compile_timeline([(0, tariff)])
    return Truth(zone, draw(BILL_DAYS), timeline, started_at, moments)


def _beginning(choices: Choices, *, octets: bool) -> tuple[str, int, Tariff]:
    """A zone, an instant near which its clock may jump, and a tariff without counters."""
    case = random_case(choices, octets=octets, plain=True, terms=False)
    zone = case.versions[0][1].zone
    tariff = random_tariff(
        choices, zone, near=case.started_at, length_s=case.length_s, octets=octets
    )
    return zone, case.started_at, tariff


def _octets_cost_the_same(draw: st.DrawFn, tariff: Tariff) -> Tariff:
    """The tariff with one price of octets in all its bands."""
    tier = Tier(0, draw(st.integers(0, 100)), draw(st.sampled_from(OCTET_PERS)))
    same = Price(Metric.OCTETS, (tier,))
    bands = tuple(
        TimeBand(
            band.name,
            band.weekdays,
            band.from_s,
            band.to_s,
            (*(p for p in band.prices if p.metric is Metric.SECONDS), same),
        )
        for band in tariff.bands
    )
    return replace(tariff, bands=bands)


@st.composite
def deliveries(draw: st.DrawFn, truth: Truth) -> list[Report]:
    """The reports of a truth as they arrive: some interims lost, all perhaps repeated and
    overtaken.
    """
    gigawords = draw(st.booleans())
    has_clock = draw(st.booleans())
    interims = [m for m in truth.moments[:-1] if draw(st.booleans())]
    if not gigawords:
        seen = [Moment(0, 0, 0), *interims, truth.end]
        assume(all(_is_less_than_a_wrap(a, b) for a, b in pairwise(seen)))
    told = [_start(truth)]
    told += [_counted(truth, AcctStatusType.INTERIM_UPDATE, m, gigawords) for m in interims]
    told.append(_counted(truth, AcctStatusType.STOP, truth.end, gigawords))
    sendings = [(one, copy) for one in told for copy in range(draw(st.integers(1, 2)))]
    if draw(st.booleans()):
        sendings = draw(st.permutations(sendings))
        if not gigawords:
            assume(_wraps_can_be_seen([one for one, _ in sendings]))
    return _received(draw, sendings, has_clock=has_clock)


def _start(truth: Truth) -> Report:
    return report(AcctStatusType.START, event_timestamp_at=truth.started_at)


def _counted(truth: Truth, status: AcctStatusType, moment: Moment, gigawords: bool) -> Report:
    """The event's instant stands in `event_timestamp_at` until it is known how it is sent."""
    return report(
        status,
        session_time_s=moment.seconds,
        input_octets=moment.input_octets % (1 << 64 if gigawords else WORD),
        output_octets=moment.output_octets % (1 << 64 if gigawords else WORD),
        gigawords=gigawords,
        event_timestamp_at=truth.started_at + moment.seconds,
    )


def _is_less_than_a_wrap(before: Moment, after: Moment) -> bool:
    return (
        after.input_octets - before.input_octets < WORD
        and after.output_octets - before.output_octets < WORD
    )


def _wraps_can_be_seen(arriving: list[Report]) -> bool:
    """Overtaken reports must not hide a wrap: without Gigawords nobody could tell."""
    return all(r.input_octets < WORD and r.output_octets < WORD for r in arriving) and not any(
        a.session_time_s
        and b.session_time_s
        and a.session_time_s < b.session_time_s
        and (a.input_octets > b.input_octets or a.output_octets > b.output_octets)
        for a in arriving
        for b in arriving
    )


def _received(
    draw: st.DrawFn, sendings: list[tuple[Report, int]], *, has_clock: bool
) -> list[Report]:
    """When each sending arrives, in this order, and what the NAS says of its delay."""
    arrived = []
    received_at = 0
    for one, _ in sendings:
        assert one.event_timestamp_at is not None
        network_s, waited_s, _ = draw(TAIL)
        true_at = one.event_timestamp_at
        received_at = max(received_at, true_at + waited_s + network_s)
        arrived.append(
            replace(
                one,
                received_at=received_at,
                delay_s=max(0, received_at - true_at - network_s),
                event_timestamp_at=true_at if has_clock else None,
            )
        )
    return arrived


def told(truth: Truth) -> Story:
    """A story in the truth's place and under its tariff."""
    return Story(
        nas=NAS,
        terms=terms(zone=truth.zone, bill_day=truth.bill_day),
        timeline=truth.timeline,
    )


CASES = truths().flatmap(lambda truth: st.tuples(st.just(truth), deliveries(truth)))


@given(CASES)
def test_after_the_stop_a_session_counts_and_costs_the_truth(
    case: tuple[Truth, list[Report]],
) -> None:
    truth, arrived = case
    story = told(truth)
    for one in arrived:
        story.tell(one)

    session = story.only
    assert not session.is_open
    assert abs(session.started_at - truth.started_at) <= NETWORK_MAX_S
    assert_is_true(session, truth)
    events = session.unposted
    assert sum(e.piece.charge_micros for e in events) == session.meter.charge_micros
    assert [e.number for e in events] == list(range(len(events)))
    assert_cut_right(session, truth)
    event("wrapped" if session.nas_input_octets >= WORD else "did not wrap")


def assert_is_true(session: Session, truth: Truth) -> None:
    end = truth.end
    assert session.session_time_s == end.seconds
    assert (session.input_octets, session.output_octets) == (end.input_octets, end.output_octets)
    whole = quote(
        truth.timeline,
        session.started_at,
        end.seconds,
        input_octets=end.input_octets,
        output_octets=end.output_octets,
    )
    assert session.meter.charge_micros == whole.charge_micros


def assert_cut_right(session: Session, truth: Truth) -> None:
    """Pieces meet at every end of a cycle and, from the second on, at each local midnight."""
    pieces = [e.piece for e in session.unposted]
    until = session.started_at + truth.end.seconds
    borders = sorted(slow_cuts(session.started_at, until, truth.zone, truth.bill_day))
    marks = [session.started_at, *borders, until]
    assert [(p.started_at, p.ended_at) for p in pieces] == list(pairwise(marks))
    for made in session.unposted:
        last_second = datetime.fromtimestamp(made.piece.ended_at - 1, ZoneInfo(truth.zone))
        begin = slow_midnight(slow_cycle_start(last_second.date(), truth.bill_day), truth.zone)
        assert made.period_start_at == begin


def slow_cuts(started_at: int, until: int, zone: str, bill_day: int) -> set[int]:
    """The borders strictly inside, day by day."""
    tz = ZoneInfo(zone)
    first = datetime.fromtimestamp(started_at, tz).date()
    last = datetime.fromtimestamp(until, tz).date()
    cuts = set()
    for number in range(1, (last - first).days + 1):
        day = first + timedelta(days=number)
        at = slow_midnight(day, zone)
        is_border = number >= 2 or slow_cycle_start(day, bill_day) == day
        if is_border and started_at < at < until:
            cuts.add(at)
    return cuts


def slow_cycle_start(day: date, bill_day: int) -> date:
    """The latest billing day up to a day, walking back."""
    while True:
        tomorrow = day + timedelta(days=1)
        is_last = tomorrow.month != day.month
        if day.day == bill_day or (is_last and day.day < bill_day):
            return day
        day -= timedelta(days=1)


def slow_midnight(day: date, zone: str) -> int:
    """The first instant of a local day, minute by minute from well before."""
    tz = ZoneInfo(zone)
    noon_before = datetime(day.year, day.month, day.day, tzinfo=tz) - timedelta(hours=30)
    at = int(noon_before.timestamp()) // 1800 * 1800
    while datetime.fromtimestamp(at, tz).date() < day:
        at += 1800
    return at


def count(counters: Counter[tuple[int, str]], start: int, totals: Totals) -> None:
    """Add usage to the counters of the cycle that begins at `start`."""
    counters[start, "seconds"] += totals.seconds
    counters[start, "input"] += totals.input_octets
    counters[start, "output"] += totals.output_octets
    counters[start, "micros"] += totals.charge_micros


class Ledger:
    """The books of the tests: what postings add up to."""

    def __init__(self) -> None:
        self.row: SessionRow | None = None
        self.posted = 0
        self.events: dict[int, int] = {}
        self.counters: Counter[tuple[int, str]] = Counter()  # of what is posted

    def post(self, posting: SessionPosting) -> None:
        assert posting.stored_version == (self.row.version if self.row else 0)
        assert posting.new.version == posting.stored_version + 1
        self.row = posting.new
        for made in posting.events:
            assert made.number not in self.events, "an event is posted twice"
            piece = made.piece
            self.events[made.number] = piece.charge_micros
            self.posted += piece.charge_micros
            seconds = piece.ended_at - piece.started_at
            usage = Totals(seconds, piece.input_octets, piece.output_octets, piece.charge_micros)
            count(self.counters, made.period_start_at, usage)

    @property
    def accrued(self) -> int:
        return self.row.accrued_micros if self.row else 0

    def plus(self, usage: dict[int, Totals]) -> Counter[tuple[int, str]]:
        """What is posted and what the row holds, with what a session has beyond them."""
        added = Counter(self.counters)
        if self.row and self.row.status is SessionStatus.OPEN:
            row = self.row
            held = Totals(
                row.open_seconds, row.open_input_octets, row.open_output_octets, row.accrued_micros
            )
            count(added, row.period_start_at, held)
        for start, totals in usage.items():
            count(added, start, totals)
        return added

    def total(self, name: str) -> int:
        return sum(number for (_, of), number in self.counters.items() if of == name)


ACTIONS = st.lists(st.sampled_from(("tell", "tell", "begin", "commit", "crash")), max_size=40)


@given(CASES, ACTIONS)
def test_books_are_right_whenever_they_are_written_and_whatever_a_crash_forgets(
    case: tuple[Truth, list[Report]], actions: list[str]
) -> None:
    truth, arrived = case
    play = Play(truth, arrived)
    for action in actions:
        getattr(play, action)()
        play.check()
    while play.next < len(arrived):
        play.tell()
    play.commit()
    play.begin()
    play.commit()
    play.check()

    session, books = play.story.only, play.books
    assert_is_true(session, truth)
    assert (books.posted, books.accrued) == (session.meter.charge_micros, 0)
    assert len(books.events) == session.pieces
    assert books.total("seconds") == truth.end.seconds
    assert books.total("input") == truth.end.input_octets
    assert books.total("output") == truth.end.output_octets
    assert books.total("micros") == session.meter.charge_micros


class Play:
    """A daemon in small: reports are told, a posting is made, committed, or lost in a crash."""

    def __init__(self, truth: Truth, arrived: list[Report]) -> None:
        self.truth, self.arrived = truth, arrived
        self.story, self.books = told(truth), Ledger()
        self.next = 0
        self.under_way: SessionPosting | None = None

    def tell(self) -> None:
        if self.next < len(self.arrived):
            self.story.tell(self.arrived[self.next])
            self.next += 1

    def begin(self) -> None:
        """A transaction begins with what is true now; reports go on meanwhile."""
        if self.under_way is None and self.story.sessions and self.story.only.dirty:
            self.under_way = self.story.only.posting()

    def commit(self) -> None:
        if self.under_way is not None:
            self.books.post(self.under_way)
            self.story.only.posted(self.under_way)
            self.under_way = None

    def crash(self) -> None:
        """Memory is gone; the journal's records are applied again from what the row contains."""
        self.under_way = None
        row = self.books.row
        self.story = told(self.truth)
        if row is not None:
            restored = session_from_row(row, self.story.terms, self.truth.timeline)
            self.story.sessions = [restored]
            self.story.lsn = row.lsn
        for one in self.arrived[self.story.lsn : self.next]:
            self.story.tell(one)

    def check(self) -> None:
        """Stored and not yet stored usage together are what the session has counted, by cycle."""
        if not self.story.sessions:
            return
        session = self.story.only
        assert session.dirty or not session.usage_not_stored() or self.is_settled(session)
        together = self.books.plus(session.usage_not_stored())
        sums = {
            name: sum(number for (_, of), number in together.items() if of == name)
            for name in ("seconds", "input", "output", "micros")
        }
        assert sums == {
            "seconds": session.meter.until - session.meter.started_at,
            "input": session.input_octets,
            "output": session.output_octets,
            "micros": session.meter.charge_micros,
        }
        stored = session.stored_open
        assert self.books.accrued == (stored.totals.charge_micros if stored else 0)

    def is_settled(self, session: Session) -> bool:
        return all(totals == Totals() for totals in session.usage_not_stored().values())
