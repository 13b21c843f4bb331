"""What an account is entitled to: when a discount holds for it, what of an allowance rolls over.

A price list says what a customer must be, and when, for a discount (B32, B160); the tariff engine
only asks whether the account is entitled at the instant of a usage (rule of exactness 4). So what
is known of the account becomes intervals, once, and a change of profile becomes one more of them.

The allowances of a cycle exist from its first second, computed from the purchase; what rolls over
waits for the job that closes the cycle before, because until then usage of that cycle may still
come (rules of exactness 8 and 10).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from ledger.model import AllowanceTerms
from ledger.rules.cycles import Cycle, billing_date, local_date, local_midnight
from ratingcore.allowance import Allowance, Entitlement
from ratingcore.calendar import INSTANT_END
from ratingcore.tariff import DateSpan

FIRST_DAYS_MAX: Final = 3_660
"""Days, or months, since a purchase at most: ten years of days."""

Interval = tuple[int, int]
"""[from_at, until_at), epoch seconds."""

ALWAYS: Final[Interval] = (0, INSTANT_END)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscountTerms:
    """What must be so for a discount to hold, besides its counter; each that is said must be so."""

    name: str
    profile: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # field -> one of these
    first_months: int = 0  # since the purchase; 0: not asked
    first_days: int = 0
    dates: tuple[DateSpan, ...] = ()  # of the account's clock; (): every day

    @property
    def conditional(self) -> bool:
        """Whether anything is asked."""
        return bool(self.profile or self.first_months or self.first_days or self.dates)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileSpell:
    """What a profile said in [from_at, until_at)."""

    profile: Mapping[str, str]
    from_at: int = 0
    until_at: int = INSTANT_END


def entitlements(
    terms: DiscountTerms, *, spells: Iterable[ProfileSpell], purchased_at: int, zone: str
) -> tuple[Entitlement, ...]:
    """The intervals in which the discount's conditions are met, in their order.

    `spells` are the profile's history, not overlapping; `zone` is the account's.
    """
    intervals: Sequence[Interval] = [ALWAYS]
    if terms.profile:
        intervals = [
            (spell.from_at, spell.until_at)
            for spell in sorted(spells, key=lambda spell: spell.from_at)
            if all(spell.profile.get(name) in known for name, known in terms.profile.items())
        ]
    if terms.first_months or terms.first_days:
        until_at = local_midnight(zone, _first_end_on(terms, local_date(zone, purchased_at)))
        intervals = _common(intervals, [(purchased_at, until_at)])
    if terms.dates:
        intervals = _common(intervals, [_interval(span, zone) for span in terms.dates])
    return tuple(Entitlement(terms.name, from_at, until_at) for from_at, until_at in intervals)


def rolled_over(
    terms: AllowanceTerms, *, left: Iterable[int], allowance_id: int, following: Cycle
) -> Allowance | None:
    """What `left` of an allowance, at the end of a cycle, is worth in the `following` one.

    `left` are the cycle's own and what had rolled over into it: together they roll over again, as
    far as the ceiling goes. None if nothing does.
    """
    quantity = min(sum(left), terms.rollover)
    if quantity <= 0:
        return None
    return Allowance(
        allowance_id=allowance_id,
        metric=terms.metric,
        quantity=quantity,
        from_at=following.start_at,
        until_at=following.end_at,
        priority=terms.priority,
        bands=terms.bands,
    )


def _first_end_on(terms: DiscountTerms, purchased_on: date) -> date:
    """The day before which the first months, or days, of a purchase end."""
    if terms.first_days:
        return purchased_on + timedelta(days=terms.first_days)
    months = purchased_on.year * 12 + purchased_on.month - 1 + terms.first_months
    return billing_date(months // 12, months % 12 + 1, purchased_on.day)


def _interval(span: DateSpan, zone: str) -> Interval:
    after_on = span.last_on + timedelta(days=1)
    return max(0, local_midnight(zone, span.first_on)), local_midnight(zone, after_on)


def _common(some: Sequence[Interval], others: Sequence[Interval]) -> list[Interval]:
    """What lies in an interval of both, sorted."""
    common = [
        (max(one[0], other[0]), min(one[1], other[1]))
        for one in some
        for other in others
        if max(one[0], other[0]) < min(one[1], other[1])
    ]
    return sorted(common)
