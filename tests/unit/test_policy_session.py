"""Proves that a session and its row are one, and that a posting is always new minus stored.

That sums hold under any interleaving of reports, postings and crashes is proved by
tests/property/test_usage_reports.py; here stands what each part means.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from aaad.policy.session import (
    NOTHING_SAID,
    OpenPiece,
    negated,
    pack_counters,
    pack_said,
    session_from_row,
    tariff_at,
    unpack_counters,
    unpack_said,
)
from aaad.radius.codes import AcctStatusType
from ledger.model import SessionStatus
from ledger.rules.limits import Totals
from ratingcore.compile import compile_timeline
from tests.usage_builders import DAY_S, NOON, PLAIN, Story, plain_timeline, report, terms

INTERIM = AcctStatusType.INTERIM_UPDATE
STOP = AcctStatusType.STOP
PERIOD = 1_767_225_600  # 2026-01-01
NEXT_PERIOD = 1_769_904_000  # 2026-02-01


def story() -> Story:
    """A session from noon, 900 s old, that has said all there is to say."""
    told = Story()
    told.tell(report(AcctStatusType.START, user_name=b"Anna\xff"))
    told.tell(
        report(
            INTERIM,
            received_at=NOON + 900,
            session_time_s=900,
            input_octets=10,
            output_octets=20,
            nas_port="7",
            framed_address="192.0.2.7",
            calling_station_id=b"\0line",
            called_station_id=b"called",
            class_=b"class",
        )
    )
    return told


def test_a_row_makes_the_same_session() -> None:
    session = story().only
    session.interim_interval_s = 600
    row = session.posting().new
    again = session_from_row(row, session.terms, PLAIN)
    session.posted(session.posting())
    stored = OpenPiece(PERIOD, Totals(900, 10, 20, 900_030))
    assert again.stored_open == session.stored_open == stored
    assert (again.user_name, again.nas_port, again.class_) == (b"Anna\xff", "7", b"class")
    assert (again.calling_station_id, again.called_station_id) == (b"\0line", b"called")
    assert (again.framed_address, again.last_at) == ("192.0.2.7", NOON + 900)
    assert again.meter.pack() == session.meter.pack()
    assert not again.dirty
    assert again.posting().new == replace(row, version=row.version + 1)


def test_a_first_posting_inserts_with_the_running_piece() -> None:
    posting = story().only.posting()
    assert posting.stored_version == 0
    assert posting.new.version == 1
    assert posting.events == ()
    row = posting.new
    assert (row.period_start_at, row.open_seconds, row.accrued_micros) == (PERIOD, 900, 900_030)


def test_nothing_new_is_nothing_to_post() -> None:
    session = story().only
    session.posted(session.posting())
    posting = session.posting()
    assert posting.events == ()
    assert posting.stored_version == 1
    assert all(totals == Totals() for totals in session.usage_not_stored().values())


def test_a_report_between_posting_and_commit_is_posted_next() -> None:
    told = story()
    session = told.only
    under_way = session.posting()
    told.tell(
        report(
            STOP, received_at=NOON + 1_000, session_time_s=1_000, input_octets=10, output_octets=20
        )
    )
    session.posted(under_way)
    assert session.dirty
    posting = session.posting()
    assert posting.new.accrued_micros == 0
    assert [made.piece.charge_micros for made in posting.events] == [1_000_030]
    session.posted(posting)
    assert (session.dirty, session.unposted) == (False, ())


def test_usage_over_a_cycles_end_counts_in_both() -> None:
    told = Story()
    start = NEXT_PERIOD - 600
    told.tell(report(AcctStatusType.START, received_at=start))
    told.tell(report(INTERIM, received_at=start + 600, session_time_s=600))
    session = told.only
    session.posted(session.posting())
    assert session.stored_open == OpenPiece(PERIOD, Totals(600, 0, 0, 600_000))
    told.tell(report(INTERIM, received_at=start + 700, session_time_s=700))
    posting = session.posting()
    assert [(made.period_start_at, made.number) for made in posting.events] == [(PERIOD, 0)]
    row = posting.new
    assert (row.period_start_at, row.open_seconds, row.accrued_micros) == (
        NEXT_PERIOD,
        100,
        100_000,
    )


def test_an_event_says_what_it_is_charged_by() -> None:
    told = story()
    told.tell(report(STOP, received_at=NOON + 900, session_time_s=900))
    (made,) = told.only.unposted
    assert (made.account_id, made.service_id, made.session_id) == (10, 20, 77)
    assert (made.tariff, made.currency, made.revenue_gl, made.tax_code) == (
        "plain",
        "USD",
        "usage",
        "std",
    )


def test_a_closed_session_has_no_open_piece() -> None:
    told = story()
    told.tell(report(STOP, received_at=NOON + 900, session_time_s=900))
    session = told.only
    row = session.posting().new
    assert session.open_piece() is None
    assert (row.status, row.accrued_micros, row.open_seconds) == (SessionStatus.CLOSED, 0, 0)
    session.posted(session.posting())
    assert session.stored_open is None


def test_a_session_follows_a_later_version_of_its_prices() -> None:
    session = story().only
    session.follow(terms(zone="Asia/Tokyo"), plain_timeline())
    assert session.meter.charge_micros == 900_030
    assert session.period_of(NEXT_PERIOD - 1) == NEXT_PERIOD - 9 * 3_600, "the cycle of the zone"


def test_the_cycle_asked_for_last_never_answers_for_another() -> None:
    session = Story(terms=terms(zone="America/New_York", bill_day=31))
    session.tell(report(AcctStatusType.START))
    only = session.only
    forward = [only.period_of(NOON + day * DAY_S) for day in range(0, 90, 7)]
    backward = [only.period_of(NOON + day * DAY_S) for day in reversed(range(0, 90, 7))]
    assert forward == backward[::-1]
    assert len(set(forward)) == 4


def test_counters_pack_and_unpack() -> None:
    counters = (2**64 - 1, 7, True)
    assert unpack_counters(pack_counters(*counters)) == counters


@given(
    st.text(max_size=253),
    st.ip_addresses(v=4).map(str) | st.just(""),
    st.tuples(*[st.binary(max_size=253)] * 4),
)
def test_what_a_nas_says_packs_and_unpacks(
    port: str, address: str, octets: tuple[bytes, bytes, bytes, bytes]
) -> None:
    calling, called, class_, user_name = octets
    said = pack_said(port[:60], address, calling, called, class_)
    parts = [port[:60].encode(), address.encode(), calling, called, class_, user_name]
    assert unpack_said(said + user_name) == parts


def test_nothing_said_is_nothing_packed() -> None:
    assert pack_said("", "", b"", b"", b"") == NOTHING_SAID


def test_the_tariff_of_an_instant_is_the_last_that_came_into_force() -> None:
    (_, tariff), *_ = PLAIN.versions
    later = replace(tariff, name="later")
    timeline = compile_timeline([(0, tariff), (NOON, later)])
    found = [tariff_at(timeline, at).name for at in (NOON - 1, NOON, NOON + DAY_S)]
    assert found == ["plain", "later", "later"]


def test_negated_takes_away() -> None:
    assert Totals(1, 2, 3, 4).plus(negated(Totals(1, 2, 3, 4))) == Totals()


def test_a_lsn_is_of_the_journal_that_applied_last() -> None:
    """Another node's record was applied before: its LSN says nothing about our journal."""
    session = story().only
    session.take_over(9)
    assert session.posting().new.journal_number == 9
