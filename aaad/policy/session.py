"""A live session: what the NAS has counted, what it costs so far, and what of it the books already
hold.

The session changes only by `policy.usage`, in journal order. What the store holds of it is kept
beside what is true now, so that a posting is always *new minus stored* (rule of exactness 1)
however many reports lie between. What its account's usage contains of it is kept too, so that a
report carries there no more than what it brought.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgpack

from ledger.model import (
    SessionPosting,
    SessionRow,
    SessionStatus,
    UsageEvent,
)
from ledger.rules.cycles import Cycle, cycle_at
from ledger.rules.limits import Tally, Totals
from ratingcore.compile import Timeline
from ratingcore.meter import Meter
from ratingcore.piece import Piece
from ratingcore.tariff import Tariff

if TYPE_CHECKING:
    from aaad.policy.account_state import AccountState

NO_CYCLE = Cycle(0, 0)
"""Holds no instant."""

NOTHING = Totals()

SAID_PARTS = 5
"""Of what a NAS says of user and line, all but the User-Name."""

_LENGTHS = tuple(length.to_bytes(2, "big") for length in range(4 * 256))
"""Of every part: an attribute holds 253 octets, and an octet that is no UTF-8 becomes four."""

NOTHING_SAID = bytes(2 * SAID_PARTS)
"""What `pack_said` makes of nothing."""


@dataclass(frozen=True, kw_only=True)
class AccountTerms:
    """What metering needs to know of the account and service a session belongs to."""

    account_id: int
    service_id: int
    login: str
    zone: str
    bill_day: int
    activated_at: int
    account: AccountState | None = None  # what its sessions add to; None where nobody asks


@dataclass(frozen=True)
class OpenPiece:
    """The running piece since the last cut: the cycle it counts in, its usage and its charge."""

    period_start_at: int
    totals: Totals


class Session:
    """One session in memory. Instants are epoch seconds; octets are joined 64-bit counts.

    `nas_input_octets`, `nas_output_octets` are the NAS's own counters as last seen, so that wraps
    and resets can be told (RFC 2866, RFC 2869); `wide`: it sent Gigawords. `said` is what
    `pack_said` made of user and line. No border at which the session must be cut lies before
    `border_at`. The store may hold more sessions of its NAS and Acct-Session-Id: `others_stored`.

    `stored_...` is the session as the store holds it, `carried_...` what its account's usage
    contains of it: so many of its pieces, and in `tally` the running one as it was then.
    """

    def __init__(
        self,
        *,
        session_id: int,
        terms: AccountTerms,
        meter: Meter,
        nas: str,
        acct_session_id: bytes,
        user_name: bytes,
        started_at: int,
        heard_at: int,
        lsn: int,
        journal_number: int,
        client: str,
    ) -> None:
        """A session that has begun and counted nothing; the store does not know it."""
        self.session_id = session_id
        self.terms = terms
        self.meter = meter
        self.nas = nas
        self.acct_session_id = acct_session_id
        self.started_at = started_at
        self.heard_at = heard_at
        self.lsn = lsn
        self.journal_number = journal_number
        self.session_time_s = 0
        self.nas_input_octets = self.nas_output_octets = 0
        self.wide = self.presumed = self.others_stored = False
        self.is_open = True
        self.terminate_cause = ""
        self.client = client
        self.nas_address = ""
        self.said = NOTHING_SAID + user_name
        self.interim_interval_s = self.border_at = self.pieces = 0
        self.cycle = NO_CYCLE
        self.unposted: tuple[UsageEvent, ...] = ()
        self.stored_running = False
        self.stored_journal_number = 0
        self.stored_version = self.stored_lsn = self.stored_period_at = self.stored_s = 0
        self.stored_input_octets = self.stored_output_octets = self.stored_micros = 0
        self.tally: Tally | None = None
        self.carried_pieces = self.carried_s = self.carried_micros = 0
        self.carried_input_octets = self.carried_output_octets = 0

    @property
    def account(self) -> AccountState | None:
        """The account whose usage it adds to."""
        return self.terms.account

    @property
    def status(self) -> SessionStatus:
        """Whether it runs, as the books say it."""
        return SessionStatus.OPEN if self.is_open else SessionStatus.CLOSED

    @property
    def last_at(self) -> int:
        """The instant of the last report that counted."""
        return self.meter.until

    @property
    def ended_at(self) -> int | None:
        """When it ended: when it was last heard with something new."""
        return None if self.is_open else self.meter.until

    @property
    def user_name(self) -> bytes:
        """The User-Name as the NAS sent it first."""
        return unpack_said(self.said)[-1]

    @property
    def nas_port(self) -> str:
        """NAS-Port-Id, else NAS-Port."""
        return unpack_said(self.said)[0].decode()

    @property
    def framed_address(self) -> str:
        """The address that the subscriber got."""
        return unpack_said(self.said)[1].decode()

    @property
    def calling_station_id(self) -> bytes:
        """Where the subscriber calls from."""
        return unpack_said(self.said)[2]

    @property
    def called_station_id(self) -> bytes:
        """Where it calls to."""
        return unpack_said(self.said)[3]

    @property
    def class_(self) -> bytes:
        """The Class of another server; our own names no more than the account and service."""
        return unpack_said(self.said)[4]

    @property
    def stored_open(self) -> OpenPiece | None:
        """The running piece as the store holds it."""
        if not self.stored_running:
            return None
        totals = Totals(
            self.stored_s,
            self.stored_input_octets,
            self.stored_output_octets,
            self.stored_micros,
        )
        return OpenPiece(self.stored_period_at, totals)

    @property
    def input_octets(self) -> int:
        """Octets from the subscriber since the session's start, wraps and resets joined."""
        return self.meter.input_octets

    @property
    def output_octets(self) -> int:
        """Octets to the subscriber since the session's start, wraps and resets joined."""
        return self.meter.output_octets

    @property
    def dirty(self) -> bool:
        """Whether the books lack something of it."""
        return (self.lsn, self.journal_number) != (self.stored_lsn, self.stored_journal_number)

    def open_piece(self) -> OpenPiece | None:
        """The piece since the last cut, as its row has to hold it; None if there is none."""
        if not self.is_open:
            return None
        meter = self.meter
        cut_at, until = meter.cut_at, meter.until
        return OpenPiece(
            self.period_of(max(cut_at, until - 1)),
            Totals(
                until - cut_at,
                meter.input_octets - meter.cut_input_octets,
                meter.output_octets - meter.cut_output_octets,
                meter.open_charge_micros,
            ),
        )

    def period_of(self, at: int) -> int:
        """Start of the billing cycle that an instant counts in."""
        if not self.cycle.start_at <= at < self.cycle.end_at:
            self.cycle = cycle_at(at, bill_day=self.terms.bill_day, zone=self.terms.zone)
        return self.cycle.start_at

    def add_piece(self, piece: Piece) -> None:
        """A piece is finished: it becomes an event, billed in the cycle of its last second (C1)."""
        last_second = max(piece.started_at, piece.ended_at - 1)
        tariff = tariff_at(self.meter.timeline, last_second)
        event = UsageEvent(
            account_id=self.terms.account_id,
            service_id=self.terms.service_id,
            session_id=self.session_id,
            number=self.pieces,
            piece=piece,
            currency=tariff.currency,
            period_start_at=self.period_of(last_second),
            revenue_gl=tariff.gl_code,
            tax_code=tariff.tax_code,
            tariff=tariff.name,
        )
        self.unposted = (*self.unposted, event)
        self.pieces += 1

    def follow(self, terms: AccountTerms, timeline: Timeline) -> None:
        """Go on under other facts and a timeline that has later versions appended; what is metered
        stays.
        """
        self.terms = terms
        self.cycle = NO_CYCLE
        self.border_at = 0
        self.meter.follow(timeline)

    def usage_not_stored(self) -> dict[int, Totals]:
        """Usage by billing cycle that the store lacks: new minus stored."""
        usage: dict[int, Totals] = {}
        for event in self.unposted:
            _add(usage, event.period_start_at, totals_of(event.piece))
        if (running := self.open_piece()) is not None:
            _add(usage, running.period_start_at, running.totals)
        if (stored := self.stored_open) is not None:
            _add(usage, stored.period_start_at, negated(stored.totals))
        return usage

    def usage_not_carried(self) -> dict[int, Totals]:
        """Usage by billing cycle that its account's lacks."""
        usage: dict[int, Totals] = {}
        carried = len(self.unposted) - (self.pieces - self.carried_pieces)
        for event in self.unposted[carried:]:
            _add(usage, event.period_start_at, totals_of(event.piece))
        if (running := self.open_piece()) is not None:
            _add(usage, running.period_start_at, running.totals)
        if self.tally is not None:
            before = Totals(
                self.carried_s,
                self.carried_input_octets,
                self.carried_output_octets,
                self.carried_micros,
            )
            _add(usage, self.tally.period_start_at, negated(before))
        return usage

    def carried_as(self, tally: Tally | None, running: OpenPiece | None) -> None:
        """Its account's usage contains all of it now, the running piece in that tally."""
        totals = NOTHING if running is None else running.totals
        self.tally = tally
        self.carried_pieces = self.pieces
        self.carried_s = totals.seconds
        self.carried_input_octets = totals.input_octets
        self.carried_output_octets = totals.output_octets
        self.carried_micros = totals.charge_micros

    def take_over(self, journal_number: int) -> None:
        """Its LSN is of this journal from now on: another node's report was applied before."""
        self.journal_number = journal_number

    def posting(self) -> SessionPosting:
        """What the books must change so that they hold this session as it is now."""
        return SessionPosting(
            new=self.row(self.open_piece()),
            stored_version=self.stored_version,
            events=self.unposted,
        )

    def posted(self, posting: SessionPosting) -> None:
        """A posting of this session is in the books. Reports may have come since it was made."""
        row = posting.new
        self.stored_as(row)
        self.unposted = self.unposted[len(posting.events) :]

    def stored_as(self, row: SessionRow) -> None:
        """The store holds this row of it."""
        self.stored_version = row.version
        self.stored_lsn = row.lsn
        self.stored_journal_number = row.journal_number
        self.stored_running = row.status is SessionStatus.OPEN
        self.stored_period_at = row.period_start_at
        self.stored_s = row.open_seconds
        self.stored_input_octets = row.open_input_octets
        self.stored_output_octets = row.open_output_octets
        self.stored_micros = row.accrued_micros

    def row(self, running: OpenPiece | None) -> SessionRow:
        """The session as the store will hold it."""
        nas_port, framed_address, calling, called, class_, user_name = unpack_said(self.said)
        totals = running.totals if running else NOTHING
        return SessionRow(
            account_id=self.terms.account_id,
            session_id=self.session_id,
            service_id=self.terms.service_id,
            nas=self.nas,
            acct_session_id=self.acct_session_id,
            user_name=user_name,
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
            counters=pack_counters(self.nas_input_octets, self.nas_output_octets, bool(self.wide)),
            meter=self.meter.pack(),
            pieces=self.pieces,
            period_start_at=running.period_start_at if running else 0,
            open_seconds=totals.seconds,
            open_input_octets=totals.input_octets,
            open_output_octets=totals.output_octets,
            accrued_micros=totals.charge_micros,
            client=self.client,
            nas_address=self.nas_address,
            nas_port=nas_port.decode(),
            framed_address=framed_address.decode(),
            calling_station_id=calling,
            called_station_id=called,
            class_=class_,
            interim_interval_s=self.interim_interval_s,
            ended_at=self.ended_at,
            terminate_cause=self.terminate_cause,
            presumed=bool(self.presumed),
        )


def session_from_row(row: SessionRow, terms: AccountTerms, timeline: Timeline) -> Session:
    """A session as the store holds it, alive again."""
    session = Session(
        session_id=row.session_id,
        terms=terms,
        meter=Meter.unpack(timeline, row.meter),
        nas=row.nas,
        acct_session_id=row.acct_session_id,
        user_name=row.user_name,
        started_at=row.started_at,
        heard_at=row.heard_at,
        lsn=row.lsn,
        journal_number=row.journal_number,
        client=row.client,
    )
    session.session_time_s = row.session_time_s
    counters = unpack_counters(row.counters)
    session.nas_input_octets, session.nas_output_octets, session.wide = counters
    session.is_open = row.status is SessionStatus.OPEN
    session.terminate_cause = row.terminate_cause
    session.presumed = row.presumed
    session.pieces = row.pieces
    session.nas_address = row.nas_address
    said = (row.calling_station_id, row.called_station_id, row.class_)
    session.said = pack_said(row.nas_port, row.framed_address, *said) + row.user_name
    session.interim_interval_s = row.interim_interval_s
    session.stored_as(row)
    session.carried_as(None, session.stored_open)
    return session


def pack_said(
    nas_port: str, framed_address: str, calling: bytes, called: bytes, class_: bytes
) -> bytes:
    """What a NAS says of a user's line, in few octets; the User-Name is to follow.

    Each part has its length in front, so that of two that begin alike all parts are the same.
    """
    port, address = nas_port.encode(), framed_address.encode()
    return b"".join(
        (
            _LENGTHS[len(port)],
            port,
            _LENGTHS[len(address)],
            address,
            _LENGTHS[len(calling)],
            calling,
            _LENGTHS[len(called)],
            called,
            _LENGTHS[len(class_)],
            class_,
        )
    )


def unpack_said(said: bytes) -> list[bytes]:
    """The parts that `pack_said` packed, and the User-Name."""
    parts = []
    at = 0
    for _ in range(SAID_PARTS):
        begin = at + 2
        at = begin + int.from_bytes(said[at:begin], "big")
        parts.append(said[begin:at])
    parts.append(said[at:])
    return parts


def pack_counters(input_octets: int, output_octets: int, wide: bool) -> bytes:
    """The NAS's own counters for the store."""
    packed: bytes = msgpack.packb((input_octets, output_octets, wide))
    return packed


def unpack_counters(data: bytes) -> tuple[int, int, bool]:
    """The reverse of `pack_counters`."""
    input_octets, output_octets, wide = msgpack.unpackb(data)
    return input_octets, output_octets, wide


def tariff_at(timeline: Timeline, at: int) -> Tariff:
    """The tariff that prices an instant, for its name, its zone, its G/L and tax code."""
    found = timeline.versions[0][1]
    for effective_at, tariff in timeline.versions:
        if effective_at > at:
            break
        found = tariff
    return found


def negated(totals: Totals) -> Totals:
    """For differences."""
    return Totals(
        -totals.seconds, -totals.input_octets, -totals.output_octets, -totals.charge_micros
    )


def totals_of(piece: Piece) -> Totals:
    """What a finished piece adds to the usage of its cycle."""
    return Totals(
        piece.ended_at - piece.started_at,
        piece.input_octets,
        piece.output_octets,
        piece.charge_micros,
    )


def _add(usage: dict[int, Totals], period_start_at: int, totals: Totals) -> None:
    usage[period_start_at] = usage.get(period_start_at, NOTHING).plus(totals)
