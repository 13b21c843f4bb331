"""Proves that what an account has used and owes is, after every step, what the store holds plus
what its sessions have beyond it.

Sessions of two services report, in order and not, over cycle ends and midnights; postings are made,
committed or lost with reports in between; the account moves to another zone or billing day; a
process ends and the next one begins with what the store holds. The account's usage goes on by what
each report brought, the model sums everything up anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import event, given
from hypothesis import strategies as st

from aaad.policy.account_state import AccountState
from aaad.policy.session import AccountTerms, Session, session_from_row
from aaad.radius.codes import AcctStatusType
from ledger.model import Account, SessionPosting, SessionRow
from ledger.rules.limits import Totals
from tests.usage_builders import DAY_S, NOON, PLAIN, Story, report, terms

SERVICES = (20, 21)
GAPS_S = (0, 1, 300, 3_600, DAY_S, 20 * DAY_S)
ZONES = ("UTC", "America/New_York", "Asia/Tokyo")
ACCOUNT = Account(account_id=10, brand="isp", name="Anna", currency="USD", zone="UTC", bill_day=1)
Period = tuple[int, int]


@dataclass(frozen=True)
class Step:
    """What happens next, to which session."""

    gap_s: int
    kind: str
    which: int
    octets: int
    back_s: int  # the report counts so much less time than has passed
    zone: str
    bill_day: int


STEPS = st.builds(
    Step,
    gap_s=st.sampled_from(GAPS_S),
    kind=st.sampled_from(
        ("report", "report", "report", "stop", "post", "post", "lose", "move", "restart", "load")
    ),
    which=st.integers(0, 3),
    octets=st.integers(0, 10**9),
    back_s=st.sampled_from((0, 0, 0, 400)),
    zone=st.sampled_from(ZONES),
    bill_day=st.integers(1, 31),
)


@dataclass
class Books:
    """What a store holds of an account: its counters, what it owes, and its sessions."""

    usage: dict[Period, Totals] = field(default_factory=dict)
    owed_micros: int = 0
    rows: dict[bytes, SessionRow] = field(default_factory=dict)

    def commit(self, posting: SessionPosting) -> None:
        """As ledger.posting writes it."""
        for counter in posting.counters:
            key = (counter.service_id, counter.period_start_at)
            more = Totals(
                counter.seconds, counter.input_octets, counter.output_octets, counter.charge_micros
            )
            self.usage[key] = self.usage.get(key, Totals()).plus(more)
        self.owed_micros += posting.accrued_delta_micros
        self.owed_micros += sum(one.piece.charge_micros for one in posting.events)
        self.rows[posting.new.acct_session_id] = posting.new


class Life:
    """An account with four sessions of two services, from one process to the next."""

    def __init__(self) -> None:
        self.books = Books()
        self.at = NOON
        self.terms = {service_id: terms(service_id=service_id) for service_id in SERVICES}
        self.stories: list[Story] = []
        self.state = AccountState(ACCOUNT)
        for number in range(4):
            story = Story(terms=self.terms[SERVICES[number % 2]])
            story.tell(report(AcctStatusType.START, acct_session_id=bytes([65 + number])))
            self.stories.append(story)
            self.state.carry(story.only)

    def session(self, number: int) -> Session:
        return self.stories[number].only

    def take(self, step: Step) -> None:
        self.at += step.gap_s
        session = self.session(step.which)
        match step.kind:
            case "report" | "stop":
                self._tell(step)
            case "post":
                posting = session.posting()
                self._tell(step)  # it comes while the commit is under way
                self.books.commit(posting)
                session.posted(posting)
            case "lose":
                session.posting()
            case "move":
                self._move(step)
            case "restart":
                self._restart()
            case "load":
                self._load([self.session(number) for number in range(4)])

    def _tell(self, step: Step) -> None:
        status = AcctStatusType.STOP if step.kind == "stop" else AcctStatusType.INTERIM_UPDATE
        seconds = max(0, self.at - NOON - step.back_s)
        self.stories[step.which].tell(
            report(
                status,
                acct_session_id=bytes([65 + step.which]),
                received_at=NOON + seconds,
                session_time_s=seconds,
                output_octets=step.octets,
                gigawords=True,
            )
        )
        self.state.carry(self.session(step.which))

    def _move(self, step: Step) -> None:
        for service_id in SERVICES:
            self.terms[service_id] = terms(
                service_id=service_id, zone=step.zone, bill_day=step.bill_day
            )
        for number in range(4):
            session = self.session(number)
            session.follow(self._terms_of(session), PLAIN)
            self.state.carry(session)

    def _restart(self) -> None:
        """What was not posted is gone; what was is read again, the journal is another test's."""
        self.state = AccountState(ACCOUNT)
        again = []
        for number, story in enumerate(self.stories):
            row = self.books.rows.get(story.only.acct_session_id)
            if row is None:
                story.sessions.clear()
                story.tell(report(AcctStatusType.START, acct_session_id=bytes([65 + number])))
                again.append(story.only)
            else:
                story.sessions[0] = session_from_row(row, self._terms_of(story.only), PLAIN)
        self._load(again)
        for story in self.stories:
            if story.only not in again:
                self.state.restored(story.only)

    def _load(self, sessions: list[Session]) -> None:
        self.state.load(
            owed_micros=self.books.owed_micros,
            usage=self.books.usage,
            fired=(),
            sessions=sessions,
        )

    def _terms_of(self, session: Session) -> AccountTerms:
        return self.terms[session.terms.service_id]

    def check(self) -> None:
        """Everything summed up anew is what the account has."""
        usage, owed_micros = dict(self.books.usage), self.books.owed_micros
        for number in range(4):
            session = self.session(number)
            for start, totals in session.usage_not_stored().items():
                key = (session.terms.service_id, start)
                usage[key] = usage.get(key, Totals()).plus(totals)
                owed_micros += totals.charge_micros
        assert self.state.owed_micros == owed_micros
        for (service_id, start), totals in usage.items():
            assert self.state.of_service(service_id, start) == totals
        for period in {start for _, start in usage}:
            whole = Totals()
            for (_, start), totals in usage.items():
                whole = whole.plus(totals) if start == period else whole
            assert self.state.of_account(period) == whole


@given(steps=st.lists(STEPS, min_size=3, max_size=30))
def test_an_accounts_usage_is_the_stores_plus_what_its_sessions_have_beyond(
    steps: list[Step],
) -> None:
    life = Life()
    life.check()
    for step in steps:
        life.take(step)
        life.check()
        event(step.kind)
