"""What an account has used and owes right now: the store's figures plus what the daemon has not
posted yet.

Changed only by the applier, in journal order; limits and logins read it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aaad.policy.session import Session, negated
from ledger.model import Account, LimitCrossing, Offer, Subscriber
from ledger.rules.cycles import cycle_at
from ledger.rules.limits import (
    CrossingKey,
    LimitUse,
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
    """Usage by (service, billing cycle), what is owed, and which limits have fired."""

    __slots__ = ("_usage", "account", "fired", "owed_micros")

    def __init__(self, account: Account) -> None:
        self.account = account
        self.owed_micros = 0
        self.fired: set[CrossingKey] = set()
        self._usage: dict[tuple[int, int], Totals] = {}

    def load(
        self,
        *,
        owed_micros: int,
        usage: Mapping[tuple[int, int], Totals],
        fired: Iterable[LimitCrossing],
        sessions: Iterable[Session],
    ) -> None:
        """Take the store's figures, and add what its sessions in memory have beyond them."""
        self.owed_micros = owed_micros
        self._usage = dict(usage)
        self.fired.update(crossing_key(crossing) for crossing in fired)
        for session in sessions:
            self.add(session.terms.service_id, session.usage_not_stored())

    def add(self, service_id: int, usage: Mapping[int, Totals]) -> None:
        """Usage of a service by billing cycle; its charge is owed from now on."""
        for period_start_at, totals in usage.items():
            key = (service_id, period_start_at)
            self._usage[key] = self._usage.get(key, Totals()).plus(totals)
            self.owed_micros += totals.charge_micros

    def subtract(self, service_id: int, usage: Mapping[int, Totals]) -> None:
        """The reverse of `add`."""
        self.add(service_id, {start: negated(totals) for start, totals in usage.items()})

    def of_service(self, service_id: int, period_start_at: int) -> Totals:
        """Usage of one service in one billing cycle."""
        return self._usage.get((service_id, period_start_at), Totals())

    def of_account(self, period_start_at: int) -> Totals:
        """Usage of all services in one billing cycle."""
        total = Totals()
        for (_, start), totals in self._usage.items():
            if start == period_start_at:
                total = total.plus(totals)
        return total

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
