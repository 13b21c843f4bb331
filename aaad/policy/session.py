"""A live session: what the NAS has counted, what it costs so far, and what of it the books already
hold.

The session changes only by `policy.usage`, in journal order. What the store holds of it is kept
beside what is true now, so that a posting is always *new minus stored* (rule of exactness 1)
however many reports lie between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import msgpack

from ledger.model import (
    SessionPosting,
    SessionRow,
    SessionStatus,
    UsageCounter,
    UsageEvent,
)
from ledger.rules.cycles import Cycle, cycle_at
from ledger.rules.limits import Totals
from ratingcore.compile import Timeline
from ratingcore.meter import Meter, Piece

NO_CYCLE = Cycle(0, 0)
"""Holds no instant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTerms:
    """What an event says of its price besides the amount."""

    tariff: str
    currency: str
    revenue_gl: str
    tax_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountTerms:
    """What metering needs to know of the account and service a session belongs to."""

    account_id: int
    service_id: int
    login: str
    zone: str
    bill_day: int
    activated_at: int
    terms_at: Callable[[int, int], PriceTerms]
    """The price terms at an instant of a session that counts from another: (counts from, at)."""


@dataclass(slots=True)
class NasCounters:
    """The NAS's own octet counters as last seen, so that wraps and resets can be told (RFC 2866,
    RFC 2869).
    """

    input_octets: int = 0
    output_octets: int = 0
    gigawords: bool = False

    def pack(self) -> bytes:
        """For the store."""
        packed: bytes = msgpack.packb((self.input_octets, self.output_octets, self.gigawords))
        return packed

    @classmethod
    def unpack(cls, data: bytes) -> NasCounters:
        """The reverse of `pack`."""
        return cls(*msgpack.unpackb(data))


@dataclass(frozen=True, slots=True)
class OpenPiece:
    """The running piece since the last cut: the cycle it counts in, its usage and its charge."""

    period_start_at: int
    totals: Totals


@dataclass(slots=True, kw_only=True)
class Session:
    """One session in memory. Instants are epoch seconds; octets are joined 64-bit counts."""

    session_id: int
    terms: AccountTerms
    meter: Meter
    nas: str
    acct_session_id: bytes
    user_name: bytes
    started_at: int
    last_at: int
    heard_at: int
    lsn: int
    journal_number: int
    session_time_s: int = 0
    input_octets: int = 0
    output_octets: int = 0
    counters: NasCounters = field(default_factory=NasCounters)
    status: SessionStatus = SessionStatus.OPEN
    ended_at: int | None = None
    terminate_cause: str = ""
    presumed: bool = False
    pieces: int = 0
    client: str = ""
    nas_address: str = ""
    nas_port: str = ""
    framed_address: str = ""
    calling_station_id: bytes = b""
    called_station_id: bytes = b""
    class_: bytes = b""
    interim_interval_s: int = 0
    # What the store holds of this session.
    stored_version: int = 0
    stored_lsn: int = 0
    stored_open: OpenPiece | None = None
    unposted: list[UsageEvent] = field(default_factory=list)
    _cycle: Cycle = NO_CYCLE  # the one asked for last

    @property
    def is_open(self) -> bool:
        """Whether the NAS still has it, as far as we know."""
        return self.status is SessionStatus.OPEN

    @property
    def dirty(self) -> bool:
        """Whether the books lack something of it."""
        return self.lsn > self.stored_lsn

    def open_piece(self) -> OpenPiece | None:
        """The piece since the last cut as the counters and `accrued` have to hold it; None if there
        is none.
        """
        if not self.is_open:
            return None
        cut_at = self.meter.cut_at
        return OpenPiece(
            self.period_of(max(cut_at, self.meter.until - 1)),
            Totals(
                self.meter.until - cut_at,
                self.meter.input_octets - self.meter.cut_input_octets,
                self.meter.output_octets - self.meter.cut_output_octets,
                self.meter.open_charge_micros,
            ),
        )

    def period_of(self, at: int) -> int:
        """Start of the billing cycle that an instant counts in."""
        if not self._cycle.start_at <= at < self._cycle.end_at:
            self._cycle = cycle_at(at, bill_day=self.terms.bill_day, zone=self.terms.zone)
        return self._cycle.start_at

    def add_piece(self, piece: Piece) -> None:
        """A piece is finished: it becomes an event, billed in the cycle of its last second (C1)."""
        last_second = max(piece.started_at, piece.ended_at - 1)
        terms = self.terms.terms_at(self.meter.started_at, last_second)
        self.unposted.append(
            UsageEvent(
                event_key=f"usage/{self.session_id}/{self.pieces}",
                account_id=self.terms.account_id,
                service_id=self.terms.service_id,
                session_id=self.session_id,
                piece=piece,
                currency=terms.currency,
                period_start_at=self.period_of(last_second),
                revenue_gl=terms.revenue_gl,
                tax_code=terms.tax_code,
                tariff=terms.tariff,
            )
        )
        self.pieces += 1

    def reprice_from(self, timeline: Timeline) -> None:
        """Go on under a timeline that has later versions appended; what is metered stays."""
        self.meter.follow(timeline)

    def usage_not_stored(self) -> dict[int, Totals]:
        """Usage by billing cycle that the store's counters lack: new minus stored."""
        usage: dict[int, Totals] = {}
        for event in self.unposted:
            piece = event.piece
            _add(
                usage,
                event.period_start_at,
                Totals(
                    piece.ended_at - piece.started_at,
                    piece.input_octets,
                    piece.output_octets,
                    piece.charge_micros,
                ),
            )
        if (running := self.open_piece()) is not None:
            _add(usage, running.period_start_at, running.totals)
        if (stored := self.stored_open) is not None:
            _add(usage, stored.period_start_at, negated(stored.totals))
        return usage

    def posting(self) -> SessionPosting:
        """What the books must change so that they hold this session as it is now."""
        running = self.open_piece()
        accrued = running.totals.charge_micros if running else 0
        stored = self.stored_open.totals.charge_micros if self.stored_open else 0
        return SessionPosting(
            new=self.row(running),
            stored_version=self.stored_version,
            accrued_delta_micros=accrued - stored,
            events=tuple(self.unposted),
            counters=tuple(
                UsageCounter(
                    account_id=self.terms.account_id,
                    service_id=self.terms.service_id,
                    period_start_at=start,
                    seconds=totals.seconds,
                    input_octets=totals.input_octets,
                    output_octets=totals.output_octets,
                    charge_micros=totals.charge_micros,
                )
                for start, totals in self.usage_not_stored().items()
                if totals != Totals()
            ),
        )

    def posted(self, posting: SessionPosting) -> None:
        """A posting of this session is in the books. Reports may have come since it was made."""
        row = posting.new
        self.stored_version = row.version
        self.stored_lsn = row.lsn
        self.stored_open = stored_open_of(row)
        del self.unposted[: len(posting.events)]

    def row(self, running: OpenPiece | None) -> SessionRow:
        """The session as the store will hold it."""
        totals = running.totals if running else Totals()
        return SessionRow(
            account_id=self.terms.account_id,
            session_id=self.session_id,
            service_id=self.terms.service_id,
            nas=self.nas,
            acct_session_id=self.acct_session_id,
            user_name=self.user_name,
            started_at=self.started_at,
            status=self.status,
            version=self.stored_version + 1,
            journal_number=self.journal_number,
            lsn=self.lsn,
            last_at=self.last_at,
            heard_at=self.heard_at,
            session_time_s=self.session_time_s,
            input_octets=self.input_octets,
            output_octets=self.output_octets,
            counters=self.counters.pack(),
            meter=self.meter.pack(),
            pieces=self.pieces,
            period_start_at=running.period_start_at if running else 0,
            open_seconds=totals.seconds,
            open_input_octets=totals.input_octets,
            open_output_octets=totals.output_octets,
            accrued_micros=totals.charge_micros,
            client=self.client,
            nas_address=self.nas_address,
            nas_port=self.nas_port,
            framed_address=self.framed_address,
            calling_station_id=self.calling_station_id,
            called_station_id=self.called_station_id,
            class_=self.class_,
            interim_interval_s=self.interim_interval_s,
            ended_at=self.ended_at,
            terminate_cause=self.terminate_cause,
            presumed=self.presumed,
        )


def session_from_row(row: SessionRow, terms: AccountTerms, timeline: Timeline) -> Session:
    """A session as the store holds it, alive again."""
    return Session(
        session_id=row.session_id,
        terms=terms,
        meter=Meter.unpack(timeline, row.meter),
        nas=row.nas,
        acct_session_id=row.acct_session_id,
        user_name=row.user_name,
        started_at=row.started_at,
        last_at=row.last_at,
        heard_at=row.heard_at,
        lsn=row.lsn,
        journal_number=row.journal_number,
        session_time_s=row.session_time_s,
        input_octets=row.input_octets,
        output_octets=row.output_octets,
        counters=NasCounters.unpack(row.counters),
        status=row.status,
        ended_at=row.ended_at,
        terminate_cause=row.terminate_cause,
        presumed=row.presumed,
        pieces=row.pieces,
        client=row.client,
        nas_address=row.nas_address,
        nas_port=row.nas_port,
        framed_address=row.framed_address,
        calling_station_id=row.calling_station_id,
        called_station_id=row.called_station_id,
        class_=row.class_,
        interim_interval_s=row.interim_interval_s,
        stored_version=row.version,
        stored_lsn=row.lsn,
        stored_open=stored_open_of(row),
    )


def stored_open_of(row: SessionRow) -> OpenPiece | None:
    """The running piece that the store's counters and `accrued` contain of a session."""
    if row.status is not SessionStatus.OPEN:
        return None
    return OpenPiece(
        row.period_start_at,
        Totals(row.open_seconds, row.open_input_octets, row.open_output_octets, row.accrued_micros),
    )


def negated(totals: Totals) -> Totals:
    """For differences."""
    return Totals(
        -totals.seconds, -totals.input_octets, -totals.output_octets, -totals.charge_micros
    )


def _add(usage: dict[int, Totals], period_start_at: int, totals: Totals) -> None:
    usage[period_start_at] = usage.get(period_start_at, Totals()).plus(totals)
