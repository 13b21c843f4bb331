"""Whether a login is let in, and for how long: an ordered chain of small checks over given facts.

Pure. The chain is one literal tuple, read top to bottom; the first check that refuses decides.
`explain` runs the same chain to its end, so what support staff reads is what the daemon does.
Authorization asks the state of account and service, never the raw balance (requirements C14);
limits and credit by what is left of them (B05, B39).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from aaad.policy.reply import own_session_timeout_s
from ledger.model import AccountStatus, Offer, ServiceStatus, Subscriber, UsageMetric
from ledger.rules.limits import CREDIT_LIMIT, LimitUse
from ratingcore.meter import Meter
from ratingcore.money import format_amount
from ratingcore.tariff import Metric
from ratingcore.words import quantity_text

# A member of an enumeration costs a lookup through its class each time: looked up once.
SERVICE_SUSPENDED: Final = ServiceStatus.SUSPENDED
SERVICE_CLOSED: Final = ServiceStatus.CLOSED
ACCOUNT_ACTIVE: Final = AccountStatus.ACTIVE
SECONDS: Final = UsageMetric.SECONDS
MONEY: Final = UsageMetric.MONEY

GRANT_CAP_S = 32 * 86_400
"""What money buys is looked ahead for at most a cycle; more than this is no limit for a session."""


class RejectReason(StrEnum):
    """Why a login is refused. Each has a counter, and a remedy in docs/operations.md."""

    UNKNOWN_USER = "unknown_user"
    BAD_PASSWORD = "bad_password"  # noqa: S105 - a reason, not a password
    NO_PASSWORD = "no_password"  # noqa: S105
    METHOD_NOT_POSSIBLE = "method_not_possible"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    SERVICE_SUSPENDED = "service_suspended"
    SERVICE_CLOSED = "service_closed"
    SERVICE_NOT_ACTIVE_YET = "service_not_active_yet"
    ACCOUNT_SUSPENDED = "account_suspended"
    ACCOUNT_CLOSED = "account_closed"
    NO_OFFER = "no_offer"
    LIMIT_REACHED = "limit_reached"
    CREDIT_LIMIT_REACHED = "credit_limit_reached"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a login is judged by. Usage is projected to `now` over the sessions that are running."""

    now: int
    subscriber: Subscriber
    offer: Offer | None  # the one whose tariff prices the service
    uses: tuple[LimitUse, ...]
    owed_micros: int  # posted + accrued
    new_meter: Callable[[], Meter]  # of a session that would start now; only asked with an offer


@dataclass(frozen=True)
class Refusal:
    """A reason, and the words for the customer and the log."""

    reason: RejectReason
    detail: str


@dataclass(frozen=True)
class Check:
    """One link of the chain: what it looks at, in words, and whether it refuses."""

    name: str
    describe: Callable[[Facts], str]
    refuse: Callable[[Facts], Refusal | None]


@dataclass(frozen=True)
class Verdict:
    """One check with its input and outcome, for people."""

    check: str
    input: str
    refusal: Refusal | None


def authorize(facts: Facts) -> Refusal | None:
    """The first refusal of the chain, or None: the login is let in."""
    for check in CHECKS:
        refusal = check.refuse(facts)
        if refusal is not None:
            return refusal
    return None


def explain(facts: Facts) -> Iterator[Verdict]:
    """Every check with its input and verdict, also after the first that refuses."""
    for check in CHECKS:
        yield Verdict(check.name, check.describe(facts), check.refuse(facts))


def session_timeout_s(facts: Facts) -> int | None:
    """The Session-Timeout (RFC 2865 s.5.27): never more than any hard limit or the credit limit
    leaves.
    """
    bounds = [own_session_timeout_s(facts.offer, facts.subscriber.service)]
    if facts.offer is not None:
        bounds.append(facts.offer.session_timeout_s)
    for use in facts.uses:
        if use.limit.metric is SECONDS:
            bounds.append(use.left)
        elif use.limit.metric is MONEY:
            bounds.append(_time_for(use.left, facts))
    bounds.append(_time_for(_credit_left(facts), facts))
    seconds = [bound for bound in bounds if bound is not None]
    return max(1, min(seconds)) if seconds else None


def _time_for(available_micros: int | None, facts: Facts) -> int | None:
    """How long money lasts for a session that starts now; None if that is no bound."""
    if available_micros is None:
        return None
    # A limit is reached when the charge is as large as it, hence one micro less.
    seconds = facts.new_meter().grant_seconds(max(0, available_micros - 1), GRANT_CAP_S)
    return seconds if seconds < GRANT_CAP_S else None


def _credit_left(facts: Facts) -> int | None:
    limit = facts.subscriber.account.credit_limit_micros
    return None if limit is None else max(0, limit - facts.owed_micros)


def _describe_service(facts: Facts) -> str:
    service = facts.subscriber.service
    return f"{service.status.value} {service.status_reason.value}".strip()


def _refuse_service(facts: Facts) -> Refusal | None:
    service = facts.subscriber.service
    if service.status is SERVICE_SUSPENDED:
        return Refusal(
            RejectReason.SERVICE_SUSPENDED, f"service suspended: {service.status_reason.value}"
        )
    if service.status is SERVICE_CLOSED:
        return Refusal(RejectReason.SERVICE_CLOSED, "service closed")
    if service.activated_at > facts.now:
        return Refusal(RejectReason.SERVICE_NOT_ACTIVE_YET, "service not active yet")
    return None


def _describe_account(facts: Facts) -> str:
    account = facts.subscriber.account
    return f"{account.status.value} {account.status_reason.value}".strip()


def _refuse_account(facts: Facts) -> Refusal | None:
    account = facts.subscriber.account
    if account.status is ACCOUNT_ACTIVE:
        return None
    if account.status is AccountStatus.SUSPENDED:
        return Refusal(
            RejectReason.ACCOUNT_SUSPENDED, f"account suspended: {account.status_reason.value}"
        )
    return Refusal(RejectReason.ACCOUNT_CLOSED, "account closed")


def _describe_offer(facts: Facts) -> str:
    return facts.offer.name if facts.offer else "none in force"


def _refuse_offer(facts: Facts) -> Refusal | None:
    if facts.offer is None:
        return Refusal(RejectReason.NO_OFFER, "no offer with a tariff in force")
    return None


def _describe_limits(facts: Facts) -> str:
    currency = facts.subscriber.account.currency
    return ", ".join(f"{u.limit.name}: {_share(u, currency)}" for u in facts.uses) or "none"


def _refuse_limits(facts: Facts) -> Refusal | None:
    for use in facts.uses:
        if use.exhausted:
            return Refusal(
                RejectReason.LIMIT_REACHED,
                f"{use.limit.name} reached: {_share(use, facts.subscriber.account.currency)}",
            )
    return None


def _share(use: LimitUse, currency: str) -> str:
    """`200 h of 200 h`: what customers read in the Reply-Message, and support on the screen."""
    used = _quantity(use.used, use.limit.metric, currency)
    if use.limit.hard is None:
        return f"{used}, no hard limit"
    return f"{used} of {_quantity(use.limit.hard, use.limit.metric, currency)}"


def _quantity(quantity: int, metric: UsageMetric, currency: str) -> str:
    if metric is MONEY:
        return f"{format_amount(quantity)} {currency}"
    return quantity_text(Metric(metric.value), quantity)


def _describe_credit(facts: Facts) -> str:
    account = facts.subscriber.account
    if account.credit_limit_micros is None:
        return "no limit"
    owed = format_amount(facts.owed_micros)
    return f"owes {owed} of {format_amount(account.credit_limit_micros)} {account.currency}"


def _refuse_credit(facts: Facts) -> Refusal | None:
    if _credit_left(facts) == 0:
        return Refusal(
            RejectReason.CREDIT_LIMIT_REACHED, f"{CREDIT_LIMIT} reached: {_describe_credit(facts)}"
        )
    return None


CHECKS: tuple[Check, ...] = (
    Check("service", _describe_service, _refuse_service),
    Check("account", _describe_account, _refuse_account),
    Check("offer", _describe_offer, _refuse_offer),
    Check("limits", _describe_limits, _refuse_limits),
    Check("credit", _describe_credit, _refuse_credit),
)
