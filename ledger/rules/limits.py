"""Whether a limit fires, and how much it leaves: used by the daemon live and by the jobs at night.

A limit compares the usage of one billing cycle with a soft and a hard threshold. A threshold is
reached when the usage is at least as large. Which crossings are new is decided by the store's
unique key (rule of exactness 12); what the caller already knows as fired is not announced again.

Usage that runs is kept in a `Tally`, which knows the next threshold of each metric: while it is
below all of them there is nothing to ask.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

from ledger.model import Limit, LimitCrossing, OwnLimit, Threshold, UsageMetric

CREDIT_LIMIT = "credit limit"
"""Name under which an account's credit limit fires and refuses."""

NEVER = (1 << 63) - 1
"""A mark that no usage reaches, an instant that no report has."""

CrossingKey = tuple[int, str, int, str, int]


def reached(used: int, quantity: int) -> bool:
    """Whether usage reaches a threshold."""
    return used >= quantity


@dataclass(frozen=True)
class Totals:
    """Usage within one period: of a service, or of all services of an account."""

    seconds: int = 0
    input_octets: int = 0
    output_octets: int = 0
    charge_micros: int = 0

    def plus(self, other: Totals) -> Totals:
        """Both together."""
        return Totals(
            self.seconds + other.seconds,
            self.input_octets + other.input_octets,
            self.output_octets + other.output_octets,
            self.charge_micros + other.charge_micros,
        )

    def of(self, metric: UsageMetric) -> int:
        """What a limit of this metric counts."""
        match metric:
            case UsageMetric.SECONDS:
                return self.seconds
            case UsageMetric.OCTETS:
                return self.input_octets + self.output_octets
            case UsageMetric.INPUT_OCTETS:
                return self.input_octets
            case UsageMetric.OUTPUT_OCTETS:
                return self.output_octets
            case UsageMetric.MONEY:
                return self.charge_micros


@dataclass(frozen=True)
class LimitUse:
    """A limit in force with what has been used of it. `service_id` 0: a limit of the whole
    account."""

    limit: Limit
    service_id: int
    used: int

    @property
    def left(self) -> int | None:
        """What the hard threshold leaves (0 when it is reached), None if there is no hard one."""
        if self.limit.hard is None:
            return None
        return max(0, self.limit.hard - self.used)

    @property
    def exhausted(self) -> bool:
        """Whether the hard threshold is reached."""
        return self.limit.hard is not None and reached(self.used, self.limit.hard)


class Tally:
    """Usage of a service, or of a whole account, in one billing cycle while it runs on.

    `whole` is the tally of the account that this one is a part of; None while no other service has
    used anything in the cycle, so that this one is the whole. The marks are the least thresholds
    above the usage: below all of them no limit is newly reached. Until `free_until_at` nothing that
    is used can reach a limit that ends a session, as far as its reader has found.
    """

    def __init__(self, service_id: int, period_start_at: int) -> None:
        """`service_id` 0: of a whole account. All marks are reached, so the first look is due."""
        self.service_id = service_id
        self.period_start_at = period_start_at
        self.seconds = 0
        self.input_octets = 0
        self.output_octets = 0
        self.charge_micros = 0
        self.whole: Tally | None = None
        self.free_until_at = 0
        self.forget_marks()

    def totals(self) -> Totals:
        """The usage now."""
        return Totals(self.seconds, self.input_octets, self.output_octets, self.charge_micros)

    def add(self, seconds: int, input_octets: int, output_octets: int, charge_micros: int) -> None:
        """Usage of this service; its account's follows."""
        self.seconds += seconds
        self.input_octets += input_octets
        self.output_octets += output_octets
        self.charge_micros += charge_micros
        if self.whole is not None:
            self.whole.add(seconds, input_octets, output_octets, charge_micros)

    def forget_marks(self) -> None:
        """Limits have changed: the next look is due."""
        self.free_until_at = 0
        self.from_at = NEVER
        self.until_at = 0
        self._clear_marks(0)

    def is_due(self, at: int, owed_micros: int) -> bool:
        """Whether usage up to an instant has reached a mark, or other limits may hold then."""
        if not self.from_at <= at < self.until_at:
            return True
        if self.whole is not None and self.whole._is_marked(owed_micros):
            return True
        return self._is_marked(owed_micros)

    def watch(
        self, uses: Iterable[LimitUse], credit: LimitUse | None, *, from_at: int, until_at: int
    ) -> None:
        """Mark the thresholds not yet reached of the limits in force from one instant to another.

        `credit` is the account's credit limit with what is owed.
        """
        self.from_at = from_at
        self.until_at = until_at
        whole = self if self.whole is None else self.whole
        self._clear_marks(NEVER)
        whole._clear_marks(NEVER)
        for use in uses:
            tally = self if use.service_id else whole
            for quantity in (use.limit.soft, use.limit.hard):
                if quantity is not None and not reached(use.used, quantity):
                    tally._mark(use.limit.metric, quantity)
        if credit is not None and not credit.exhausted:
            whole.owed_mark = credit.limit.hard or 0

    def _is_marked(self, owed_micros: int) -> bool:
        return (
            reached(self.seconds, self.seconds_mark)
            or reached(self.input_octets + self.output_octets, self.octets_mark)
            or reached(self.input_octets, self.input_mark)
            or reached(self.output_octets, self.output_mark)
            or reached(self.charge_micros, self.money_mark)
            or reached(owed_micros, self.owed_mark)
        )

    def _clear_marks(self, quantity: int) -> None:
        self.seconds_mark = quantity
        self.octets_mark = quantity
        self.input_mark = quantity
        self.output_mark = quantity
        self.money_mark = quantity
        self.owed_mark = quantity

    def _mark(self, metric: UsageMetric, quantity: int) -> None:
        match metric:
            case UsageMetric.SECONDS:
                self.seconds_mark = min(self.seconds_mark, quantity)
            case UsageMetric.OCTETS:
                self.octets_mark = min(self.octets_mark, quantity)
            case UsageMetric.INPUT_OCTETS:
                self.input_mark = min(self.input_mark, quantity)
            case UsageMetric.OUTPUT_OCTETS:
                self.output_mark = min(self.output_mark, quantity)
            case UsageMetric.MONEY:
                self.money_mark = min(self.money_mark, quantity)


def limits_in_force(
    offer_limits: Iterable[Limit],
    own_limits: Iterable[OwnLimit],
    service_id: int,
    *,
    period_start_at: int,
) -> tuple[tuple[Limit, int], ...]:
    """The limits that hold for a service in a period, each with its scope (service, or 0:
    account).

    An account's or service's own limit of the same name replaces the offer's, and one of this
    period (a top-up) that of every period; one of another period holds there alone (C6).
    """
    found: dict[tuple[str, bool], tuple[Limit, int]] = {
        (limit.name, True): (limit, service_id) for limit in offer_limits
    }
    applicable = [own for own in own_limits if own.period_start_at in (None, period_start_at)]
    for own in sorted(applicable, key=lambda own: own.period_start_at is not None):
        if own.service_id == 0:
            found[own.limit.name, False] = (own.limit, 0)
        elif own.service_id == service_id:
            found[own.limit.name, True] = (own.limit, service_id)
    return tuple(found.values())


def limit_uses(
    limits: Iterable[tuple[Limit, int]], *, service: Totals, account: Totals
) -> tuple[LimitUse, ...]:
    """Each limit with the usage it counts."""
    return tuple(
        LimitUse(limit, scope, (service if scope else account).of(limit.metric))
        for limit, scope in limits
    )


def crossings(
    uses: Iterable[LimitUse],
    *,
    account_id: int,
    period_start_at: int,
    at: int,
    fired: Container[CrossingKey],
) -> Iterator[LimitCrossing]:
    """The thresholds reached that have not fired yet, soft before hard."""
    for use in uses:
        for threshold, quantity in (
            (Threshold.SOFT, use.limit.soft),
            (Threshold.HARD, use.limit.hard),
        ):
            if quantity is None or not reached(use.used, quantity):
                continue
            crossing = LimitCrossing(
                account_id=account_id,
                service_id=use.service_id,
                limit=use.limit.name,
                period_start_at=period_start_at,
                threshold=threshold,
                revision=use.limit.revision,
                metric=use.limit.metric,
                threshold_quantity=quantity,
                used_quantity=use.used,
                crossed_at=at,
            )
            if crossing_key(crossing) not in fired:
                yield crossing


def crossing_key(crossing: LimitCrossing) -> CrossingKey:
    """What makes a crossing the same one within its account."""
    return (
        crossing.service_id,
        crossing.limit,
        crossing.period_start_at,
        crossing.threshold.value,
        crossing.revision,
    )


def credit_left(credit_limit_micros: int | None, owed_micros: int) -> int | None:
    """What a credit limit leaves to run up; None without a limit, 0 when it is reached (exactness
    5)."""
    if credit_limit_micros is None:
        return None
    return max(0, credit_limit_micros - owed_micros)


def credit_use(credit_limit_micros: int | None, owed_micros: int) -> LimitUse | None:
    """The credit limit as a limit on what the account owes: it fires like a hard one."""
    if credit_limit_micros is None:
        return None
    limit = Limit(name=CREDIT_LIMIT, metric=UsageMetric.MONEY, soft=None, hard=credit_limit_micros)
    return LimitUse(limit, 0, owed_micros)
