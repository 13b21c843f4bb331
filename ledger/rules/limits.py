"""Whether a limit fires, and how much it leaves: used by the daemon live and by the jobs at night.

A limit compares the usage of one billing cycle with a soft and a hard threshold. A threshold is
reached when the usage is at least as large. Which crossings are new is decided by the store's
unique key (rule of exactness 12); what the caller already knows as fired is not announced again.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

from ledger.model import Limit, LimitCrossing, OwnLimit, Threshold, UsageMetric

CREDIT_LIMIT = "credit limit"
"""Name under which an account's credit limit fires and refuses."""

CrossingKey = tuple[int, str, int, str, int]


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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
        return self.limit.hard is not None and self.used >= self.limit.hard


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
            if quantity is None or use.used < quantity:
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
