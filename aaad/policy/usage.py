"""What an accounting report means for its session: identity, counters, wraps, resets, cuts and
ends.

Pure: reports come in journal order, each with the facts it needs; the session is changed, nothing
is awaited. Late, repeated, reordered and missing reports cost nothing twice:

- a session is (NAS, Acct-Session-Id, start), and a report belongs to the one whose start lies
  within START_TOLERANCE_S of its own;
- usage only grows: a smaller Acct-Session-Time is an older report, and an older report adds
  nothing;
- a smaller octet counter with a later time is a 32-bit wrap if the line could have carried it, else
  a reset.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from aaad.policy.class_attribute import MAGIC
from aaad.policy.report import WORD, Report
from aaad.policy.session import NOTHING_SAID, AccountTerms, Session, pack_said, unpack_said
from aaad.radius.codes import AcctStatusType, TerminateCause
from ledger.rules.cycles import cuts_between, next_midnight
from ratingcore.compile import Timeline
from ratingcore.errors import RatingError
from ratingcore.meter import Meter

START_TOLERANCE_S = 120
"""Reports of one session agree on its start to within this; a reused id after a power cut does not.
"""

_START = AcctStatusType.START.value
_STOP = AcctStatusType.STOP.value


class Effect(StrEnum):
    """What a report did to its session; each has a counter."""

    STARTED = "started"
    COUNTED = "counted"
    ENDED = "ended"
    REPEATED = "repeated"  # counters not higher: acknowledged, adds nothing
    AFTER_END = "after_end"  # the session had ended by a Stop: acknowledged, adds nothing
    REOPENED = "reopened"  # a presumed end was wrong: the NAS speaks again


@dataclass(frozen=True, kw_only=True)
class NasFacts:
    """What is configured of the NAS that a report comes from."""

    timestamp_window_s: int
    line_rate_bps: int
    adopt_from: int | None
    counts: str = "both"  # parent | children | both: which of linked sessions are charged
    booted_at: int | None  # latest Accounting-On/Off of this (client, NAS)


@dataclass(frozen=True)
class Placement:
    """The session a report belongs to (None: a new one), when the report was true, and its own
    start.
    """

    session: Session | None
    instant: int
    start: int


def counts(report: Report, nas: NasFacts) -> bool:
    """Whether a report is charged where a NAS accounts for a bundle and for its links.

    RFC 2866 s.5.11: a link carries the Acct-Multi-Session-Id of its bundle; the bundle carries its
    own or none.
    """
    if nas.counts == "both":
        return True
    is_child = report.multi_session_id not in {b"", report.acct_session_id}
    return is_child == (nas.counts == "children")


def place(report: Report, candidates: list[Session], nas: NasFacts) -> Placement:
    """Find the session of a report among those, open or closed, of its NAS and Acct-Session-Id.

    The nearest start within the tolerance wins. A start by our own clock is tried too: a NAS that
    corrects its clock in the middle of a session keeps its session.
    """
    instant = report.instant(nas.timestamp_window_s)
    placement = _nearest(report, instant, candidates)
    if placement is None and report.received_instant != instant:
        placement = _nearest(report, report.received_instant, candidates)
    if placement is None:
        placement = Placement(None, instant, instant - (report.session_time_s or 0))
    return placement


def _nearest(report: Report, at: int, candidates: list[Session]) -> Placement | None:
    """The session whose start is the nearest to that of a report which was true at an instant."""
    start = at - _duration(report, at, candidates)
    nearest = None
    distance = START_TOLERANCE_S
    for session in candidates:
        apart = abs(session.started_at - start)
        if apart < distance or (apart == distance and nearest is None):
            nearest, distance = session, apart
    return None if nearest is None else Placement(nearest, at, start)


def _duration(report: Report, at: int, candidates: list[Session]) -> int:
    """Acct-Session-Time, or what the latest session of this id makes of a report that lacks it."""
    if report.session_time_s is not None:
        return report.session_time_s
    if report.status == _START or not candidates:
        return 0
    return max(0, at - max([session.started_at for session in candidates]))


def counts_from(report: Report, placement: Placement, nas: NasFacts, *, activated_at: int) -> int:
    """The instant from which a new session is charged: its start, or its first report.

    A session first seen after its start that began before its service was activated, or before the
    instant from which this NAS is ours, is taken over: its counters are the base line.
    """
    adopted = report.status != _START and (
        placement.start < activated_at
        or (nas.adopt_from is not None and placement.start < nas.adopt_from)
    )
    return placement.instant if adopted else placement.start


def open_session(
    report: Report,
    placement: Placement,
    *,
    counts_from_at: int,
    session_id: int,
    journal_number: int,
    terms: AccountTerms,
    timeline: Timeline,
) -> Session:
    """A session seen for the first time. `apply` must follow: it counts what the report says."""
    session = Session(
        session_id=session_id,
        terms=terms,
        meter=Meter(timeline, counts_from_at, adopted=counts_from_at != placement.start),
        nas=report.nas,
        acct_session_id=report.acct_session_id,
        user_name=report.user_name,
        started_at=placement.start,
        heard_at=report.received_at,
        lsn=report.lsn,
        journal_number=journal_number,
        client=report.client,
    )
    if counts_from_at != placement.start:
        session.session_time_s = counts_from_at - placement.start
        session.nas_input_octets = report.input_octets
        session.nas_output_octets = report.output_octets
        session.wide = report.gigawords
    return session


def apply(session: Session, report: Report, placement: Placement, nas: NasFacts) -> Effect:
    """Bring a session up to a report that was placed on it.

    Raises RatingError if it cannot be priced; then nothing of it is counted.
    """
    session.lsn = report.lsn
    session.heard_at = max(session.heard_at, report.received_at)
    if not session.is_open and not session.presumed:
        return Effect.AFTER_END
    reopened = not session.is_open and _speaks_again(session, report, placement, nas)
    if not session.is_open and not reopened:
        return Effect.AFTER_END
    if reopened:
        _reopen(session)
    _remember(session, report)
    try:
        counted = _count(session, report, placement, nas)
    except RatingError:
        if report.status == _STOP:  # what it counts is for suspense, but it is the last word
            _end(session, terminate_cause(report.terminate_cause), False)
        raise
    if report.status == _STOP:
        _end(session, terminate_cause(report.terminate_cause), False)
        return Effect.ENDED
    if _ended_by_boot(session, placement, nas):
        _end(session, "NAS-Reboot", True)
        return Effect.ENDED
    if reopened:
        return Effect.REOPENED
    if report.status == _START:
        return Effect.STARTED
    return Effect.COUNTED if counted else Effect.REPEATED


def end_when_last_heard(session: Session, *, lsn: int, cause: str) -> None:
    """A boot of the NAS, a reused id or silence ended the session: its end is presumed (exactness
    16).
    """
    session.lsn = lsn
    _end(session, cause, True)


def terminate_cause(number: int) -> str:
    """The name of an Acct-Terminate-Cause (RFC 2866 s.5.10), or its number."""
    if number == 0:
        return ""
    try:
        return TerminateCause(number).name.replace("_", "-").title()
    except ValueError:
        return str(number)


def _speaks_again(session: Session, report: Report, placement: Placement, nas: NasFacts) -> bool:
    """Whether a report corrects a presumed end: it is of a later instant than the session was last
    heard.
    """
    return (report.session_time_s or 0) > session.session_time_s or (
        report.status == _STOP
        or (placement.instant > session.last_at and not _ended_by_boot(session, placement, nas))
    )


def _reopen(session: Session) -> None:
    session.is_open = True
    session.terminate_cause = ""
    session.presumed = False


def _ended_by_boot(session: Session, placement: Placement, nas: NasFacts) -> bool:
    """A report from before the NAS's boot, of a session that began before it: nothing more will
    come.
    """
    booted_at = nas.booted_at
    return (
        booted_at is not None and session.started_at < booted_at and placement.instant < booted_at
    )


def _remember(session: Session, report: Report) -> None:
    """What the NAS says of itself and the user; what it does not repeat is kept."""
    session.client = report.client
    session.nas_address = report.nas_address or session.nas_address
    class_ = b"" if report.class_.startswith(MAGIC) else report.class_
    said = pack_said(
        report.nas_port,
        report.framed_address,
        report.calling_station_id,
        report.called_station_id,
        class_,
    )
    if said == NOTHING_SAID or session.said.startswith(said):
        return
    kept = unpack_said(session.said)
    parts = [new or old for new, old in zip(unpack_said(said), kept, strict=True)]
    said = pack_said(parts[0].decode(), parts[1].decode(), parts[2], parts[3], parts[4])
    session.said = said + kept[-1]


def _count(session: Session, report: Report, placement: Placement, nas: NasFacts) -> bool:
    """Advance the meter to a report whose counters are higher. Whether there was anything to count.

    The meter goes first: if it refuses a quantity, nothing of the session has changed.
    """
    elapsed_s = _reported_time_s(session, report, placement) - session.session_time_s
    if elapsed_s < 0:
        if report.status != _STOP:
            return False  # an older report that was overtaken
        # Nothing comes after a Stop: time was counted by our reckoning, not by the NAS, or the NAS
        # contradicts itself. What its last counters say beyond the ones before still counts.
        elapsed_s = 0
    duration = session.session_time_s + elapsed_s
    wide = session.wide or report.gigawords
    seen_in, seen_out = session.nas_input_octets, session.nas_output_octets
    grown_in, new_in = _grown(seen_in, report.input_octets, wide, elapsed_s, nas)
    grown_out, new_out = _grown(seen_out, report.output_octets, wide, elapsed_s, nas)
    if not (elapsed_s or grown_in or grown_out):
        return False
    until = max(session.last_at, session.started_at + duration)
    meter = session.meter
    _advance(session, until, meter.input_octets + grown_in, meter.output_octets + grown_out)
    session.session_time_s = duration
    session.nas_input_octets = new_in
    session.nas_output_octets = new_out
    session.wide = wide
    return True


def _reported_time_s(session: Session, report: Report, placement: Placement) -> int:
    """Acct-Session-Time, or what the instant makes of a report that lacks it. A Start has counted
    nothing.
    """
    if report.session_time_s is not None:
        return report.session_time_s
    if report.status == _START:
        return 0
    return max(0, placement.instant - session.started_at)


def _advance(session: Session, until: int, input_octets: int, output_octets: int) -> None:
    """Price up to `until`, divided at the borders on the way (exactness 7).

    A border on which the meter stands exactly is cut by the first report beyond it.
    """
    meter, zone = session.meter, session.terms.zone
    after = max(meter.cut_at, meter.until - 1)
    if until > session.border_at:
        session.border_at = next_midnight(after, zone)
    if until <= session.border_at:  # the usual report: no border can lie inside
        meter.advance(until, input_octets=input_octets, output_octets=output_octets)
        return
    cuts = cuts_between(meter.started_at, after, until, bill_day=session.terms.bill_day, zone=zone)
    pieces = meter.advance(until, input_octets=input_octets, output_octets=output_octets, cuts=cuts)
    session.border_at = next_midnight(until - 1, zone)
    for piece in pieces:
        session.add_piece(piece)


def _grown(last: int, reported: int, wide: bool, elapsed_s: int, nas: NasFacts) -> tuple[int, int]:
    """How many octets a counter stands for beyond `last`, and the counter's new state.

    `last` contains the wraps inferred so far; `wide` counters (Gigawords) cannot wrap.
    """
    low = last if wide else last % WORD
    if reported >= low:
        return reported - low, last - low + reported
    if not elapsed_s:
        return 0, last  # of the same instant: an older packet
    if not wide:
        wrapped = WORD - low + reported
        if wrapped <= nas.line_rate_bps * elapsed_s // 8:
            return wrapped, last + wrapped
    return reported, reported  # the NAS counts from zero again


def _end(session: Session, cause: str, presumed: bool) -> None:
    session.is_open = False
    session.terminate_cause = cause
    session.presumed = presumed
    meter = session.meter
    # nothing more is counted, but a session of zero length may owe a connection fee all the same
    meter.advance(meter.until, input_octets=meter.input_octets, output_octets=meter.output_octets)
    piece = meter.close_piece()
    if piece is not None:
        session.add_piece(piece)
