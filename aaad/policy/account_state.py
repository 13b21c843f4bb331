"""What an account has used and owes right now: the store's figures plus what the daemon has not
posted yet.

Changed only by the applier, in journal order; limits and logins read it. Sessions add what they
count as they count it, so a report carries its difference and nothing is summed up again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aaad.policy.session import Session
from ledger.model import Account, LimitCrossing, Offer, Subscriber
from ledger.rules.cycles import cycle_at
from ledger.rules.limits import (
    CrossingKey,
    LimitUse,
    Tally,
    Totals,
    credit_left,
    crossing_key,
    limit_uses,
    limits_in_force,
)
from ratingcore.meter import Meter

SILENT_PROJECTION_MAX_S = 86_400
"""A session that was not heard for longer than this is no longer assumed to run on."""


class AccountState:
    """Usage by (service, billing cycle), what is owed, and which limits have fired.

    `settled_until_at` is the instant until which the enforcer has found that the sessions of the
    account may run on, whatever they report in the meantime; 0: it has to look.
    """

    def __init__(self, account: Account) -> None:
        self.account = account
        self.owed_micros = 0
        self.fired: set[CrossingKey] = set()
        self.settled_until_at = 0
        self._tallies: list[Tally] = []  # of services; few: a scan beats any map

    def load(
        self,
        *,
        owed_micros: int,
        usage: Mapping[tuple[int, int], Totals],
        fired: Iterable[LimitCrossing],
        sessions: Iterable[Session],
    ) -> None:
        """Take the store's figures, and add what its sessions in memory have beyond them.

        What had fired here and is not in the store was lost with its posting: it may fire again,
        and the store decides whether that is new.
        """
        self.owed_micros = owed_micros
        self.fired = {crossing_key(crossing) for crossing in fired}
        self.settled_until_at = 0
        self._tallies = []
        for (service_id, period_start_at), totals in usage.items():
            self.tally(service_id, period_start_at).add(
                totals.seconds, totals.input_octets, totals.output_octets, totals.charge_micros
            )
        for session in sessions:
            self._take(session, session.usage_not_stored())

    def tally(self, service_id: int, period_start_at: int) -> Tally:
        """The usage of a service in a billing cycle, to be added to."""
        others = None
        for tally in self._tallies:
            if tally.period_start_at == period_start_at:
                if tally.service_id == service_id:
                    return tally
                others = tally
        made = Tally(service_id, period_start_at)
        if others is not None:
            made.whole = self._whole(others)
        self._tallies.append(made)
        return made

    def _whole(self, tally: Tally) -> Tally:
        """The tally of the account of which another is a part: its own until now."""
        if tally.whole is None:
            whole = Tally(0, tally.period_start_at)
            whole.add(tally.seconds, tally.input_octets, tally.output_octets, tally.charge_micros)
            tally.whole = whole
            tally.forget_marks()
        return tally.whole

    def restored(self, session: Session) -> None:
        """A session is read from the store: the store's figures contain it.

        Under other facts of the account its running piece may count in another cycle now.
        """
        session.account = self
        if session.stored_open is not None:
            tally = self.tally(session.terms.service_id, session.stored_open.period_start_at)
            session.carried_as(tally, session.stored_open)
            self.carry(session)

    def carry(self, session: Session) -> list[Tally]:
        """Add what a session has counted since it was carried last; its charge is owed from now on.

        Returns the tallies that it has changed, in the order of their cycles.
        """
        tally = session.tally
        if tally is None or session.pieces != session.carried_pieces or not session.is_open:
            return self._take(session, session.usage_not_carried())
        running = session.open_piece()
        assert running is not None, "the session is open"
        if running.period_start_at != tally.period_start_at:
            return self._take(session, session.usage_not_carried())
        totals = running.totals
        charge_micros = totals.charge_micros - session.carried_micros
        tally.add(
            totals.seconds - session.carried_s,
            totals.input_octets - session.carried_input_octets,
            totals.output_octets - session.carried_output_octets,
            charge_micros,
        )
        self.owed_micros += charge_micros
        session.carried_as(tally, running)
        return [tally]

    def _take(self, session: Session, usage: dict[int, Totals]) -> list[Tally]:
        """Add usage of a session by billing cycle; then all of it is carried."""
        service_id = session.terms.service_id
        tallies = []
        for period_start_at in sorted(usage):
            totals = usage[period_start_at]
            tally = self.tally(service_id, period_start_at)
            tally.add(
                totals.seconds, totals.input_octets, totals.output_octets, totals.charge_micros
            )
            self.owed_micros += totals.charge_micros
            tallies.append(tally)
        running = session.open_piece()
        if running is None:
            session.carried_as(None, None)
        else:
            session.carried_as(self.tally(service_id, running.period_start_at), running)
        return tallies

    def facts_changed(self) -> None:
        """Other limits, prices or facts hold: what was found before says nothing any more."""
        self.settled_until_at = 0
        for tally in self._tallies:
            tally.forget_marks()

    def of_service(self, service_id: int, period_start_at: int) -> Totals:
        """Usage of one service in one billing cycle."""
        for tally in self._tallies:
            if tally.service_id == service_id and tally.period_start_at == period_start_at:
                return tally.totals()
        return Totals()

    def of_account(self, period_start_at: int) -> Totals:
        """Usage of all services in one billing cycle."""
        for tally in self._tallies:
            if tally.period_start_at == period_start_at:
                return (tally if tally.whole is None else tally.whole).totals()
        return Totals()

    def period_at(self, at: int) -> int:
        """Start of the billing cycle that an instant lies in."""
        return cycle_at(at, bill_day=self.account.bill_day, zone=self.account.zone).start_at

    def credit_left(self) -> int | None:
        """What the credit limit leaves, None if there is none."""
        return credit_left(self.account.credit_limit_micros, self.owed_micros)

    def uses(
        self,
        subscriber: Subscriber,
        offer: Offer | None,
        period_start_at: int,
        *,
        running: Mapping[int, Totals] | None = None,
    ) -> tuple[LimitUse, ...]:
        """The limits of a service with what is used of them; `running` adds projected usage by
        service.
        """
        service_id = subscriber.service.service_id
        limits = limits_in_force(
            offer.limits if offer else (),
            subscriber.own_limits,
            service_id,
            period_start_at=period_start_at,
        )
        if not limits:
            return ()
        service = self.of_service(service_id, period_start_at)
        account = self.of_account(period_start_at)
        for of_service, totals in (running or {}).items():
            account = account.plus(totals)
            if of_service == service_id:
                service = service.plus(totals)
        return limit_uses(limits, service=service, account=account)


def projected(session: Session, now: int, *, since: int = 0) -> Totals:
    """What an open session has used since its last report, and since `since`, if it still runs."""
    until = min(now, session.last_at + SILENT_PROJECTION_MAX_S)
    begun_at = max(since, session.meter.until)
    if not session.is_open or until <= begun_at:
        return Totals()
    before, after = gone_on(session, begun_at), gone_on(session, until)
    return Totals(
        seconds=until - begun_at, charge_micros=after.charge_micros - before.charge_micros
    )


def projected_by_service(
    sessions: Iterable[Session], now: int, *, since: int = 0
) -> dict[int, Totals]:
    """The same for all open sessions of an account, by service."""
    running: dict[int, Totals] = {}
    for session in sessions:
        service_id = session.terms.service_id
        totals = projected(session, now, since=since)
        running[service_id] = running.get(service_id, Totals()).plus(totals)
    return running


def gone_on(session: Session, at: int) -> Meter:
    """The meter as it would stand at an instant if since the last report only time had passed."""
    if at <= session.meter.until:
        return session.meter
    ahead = session.meter.copy()
    ahead.advance(at, input_octets=ahead.input_octets, output_octets=ahead.output_octets)
    return ahead
