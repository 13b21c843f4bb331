"""Reports, sessions and small tariffs: what a test does not say is typical."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aaad.policy.report import Report
from aaad.policy.session import AccountTerms, Session
from aaad.policy.usage import Effect, NasFacts, apply, counts_from, open_session, place
from aaad.radius.codes import AcctStatusType
from ratingcore.compile import Timeline, compile_timeline
from ratingcore.tariff import Metric, Price, Tariff, Tier, TimeBand

DAY_S = 86_400
NOON = 1_767_787_200  # 2026-01-07 12:00 UTC, a Wednesday
SESSION_ID = 77
NAS = NasFacts(
    timestamp_window_s=DAY_S, line_rate_bps=1_000_000_000, adopt_from=None, booted_at=None
)


def plain_timeline(zone: str = "UTC") -> Timeline:
    """A thousand micros each second and one each octet: charges read like counters."""
    prices = (
        Price(Metric.SECONDS, (Tier(0, 1_000, 1),)),
        Price(Metric.OCTETS, (Tier(0, 1, 1),)),
    )
    band = TimeBand("any time", (), 0, DAY_S, prices)
    tariff = Tariff("plain", zone, "USD", (band,), gl_code="usage", tax_code="std")
    return compile_timeline([(0, tariff)])


PLAIN = plain_timeline()


def terms(**given: Any) -> AccountTerms:
    """A customer in UTC whose cycle begins on the first."""
    values: dict[str, Any] = {
        "account_id": 10,
        "service_id": 20,
        "login": "anna",
        "zone": "UTC",
        "bill_day": 1,
        "activated_at": 0,
        **given,
    }
    return AccountTerms(**values)


def report(status: AcctStatusType, **given: Any) -> Report:
    """A report received at noon that says nothing but its status and session."""
    values: dict[str, Any] = {
        "lsn": 1,
        "received_at": NOON,
        "client": "pop-1",
        "nas": "nas-1",
        "status": status,
        "acct_session_id": b"0000002A",
        "user_name": b"Anna",
        "session_time_s": None,
        "input_octets": 0,
        "output_octets": 0,
        "gigawords": False,
        "event_timestamp_at": None,
        "delay_s": 0,
        "terminate_cause": 0,
        "nas_address": "192.0.2.1",
        "nas_port": "",
        "framed_address": "",
        "calling_station_id": b"",
        "called_station_id": b"",
        "multi_session_id": b"",
        "class_": b"",
        **given,
    }
    return Report(**values)


class Story:
    """Reports told one after the other about one Acct-Session-Id, as the applier applies them."""

    def __init__(
        self, *, nas: NasFacts = NAS, terms: AccountTerms | None = None, timeline: Timeline = PLAIN
    ) -> None:
        self.nas = nas
        self.terms = terms or globals()["terms"]()
        self.timeline = timeline
        self.sessions: list[Session] = []
        self.lsn = 0

    def tell(self, told: Report) -> Effect:
        """One report; what it did."""
        self.lsn += 1
        told = replace(told, lsn=self.lsn)
        placement = place(told, self.sessions, self.nas)
        session = placement.session
        if session is None:
            counts_from_at = counts_from(
                told, placement, self.nas, activated_at=self.terms.activated_at
            )
            session = open_session(
                told,
                placement,
                counts_from_at=counts_from_at,
                session_id=SESSION_ID + len(self.sessions),
                journal_number=1,
                terms=self.terms,
                timeline=self.timeline,
            )
            self.sessions.append(session)
        return apply(session, told, placement, self.nas)

    @property
    def only(self) -> Session:
        """The session, when there is one."""
        (session,) = self.sessions
        return session
