"""Proves the chain of checks: which refuses first, what it says, and how long a login may stay."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aaad.policy.authorize import CHECKS, Facts, RejectReason, authorize, explain, session_timeout_s
from ledger.model import (
    Account,
    AccountStatus,
    Limit,
    Offer,
    Service,
    ServiceStatus,
    StatusReason,
    Subscriber,
    UsageMetric,
)
from ledger.rules.limits import LimitUse
from ratingcore.meter import Meter
from tests.usage_builders import NOON, PLAIN

ACCOUNT = Account(account_id=1, brand="isp", name="Anna", currency="USD", zone="UTC", bill_day=1)
SERVICE = Service(service_id=2, account_id=1, brand="isp", login="anna", activated_at=NOON)
OFFER = Offer(name="metered", tariff="plain")


def facts(
    *, account: dict[str, Any] | None = None, service: dict[str, Any] | None = None, **given: Any
) -> Facts:
    """A login that nothing refuses, but for what is given."""
    subscriber = Subscriber(
        account=replace(ACCOUNT, **(account or {})),
        service=replace(SERVICE, **(service or {})),
        credential=None,
        purchases=(),
        own_limits=(),
    )
    values: dict[str, Any] = {
        "now": NOON,
        "subscriber": subscriber,
        "offer": OFFER,
        "uses": (),
        "owed_micros": 0,
        "new_meter": lambda: Meter(PLAIN, NOON),
        **given,
    }
    return Facts(**values)


def use(metric: UsageMetric, hard: int | None, used: int) -> LimitUse:
    return LimitUse(Limit(name="limit", metric=metric, soft=None, hard=hard), 2, used)


def test_nothing_refuses_a_customer_in_order() -> None:
    assert authorize(facts()) is None
    assert [verdict.refusal for verdict in explain(facts())] == [None] * len(CHECKS)
    assert session_timeout_s(facts()) is None


SUSPENDED = {"status": AccountStatus.SUSPENDED, "status_reason": StatusReason.OVERDUE}
REFUSED: list[tuple[dict[str, Any], RejectReason, str]] = [
    (
        {"service": {"status": ServiceStatus.SUSPENDED, "status_reason": StatusReason.USAGE}},
        RejectReason.SERVICE_SUSPENDED,
        "service suspended: usage",
    ),
    ({"service": {"status": ServiceStatus.CLOSED}}, RejectReason.SERVICE_CLOSED, "service closed"),
    (
        {"service": {"activated_at": NOON + 1}},
        RejectReason.SERVICE_NOT_ACTIVE_YET,
        "service not active yet",
    ),
    ({"account": SUSPENDED}, RejectReason.ACCOUNT_SUSPENDED, "account suspended: overdue"),
    (
        {"account": {"status": AccountStatus.CLOSED}},
        RejectReason.ACCOUNT_CLOSED,
        "account closed",
    ),
    (
        {"account": {"status": AccountStatus.COLLECTIONS}},
        RejectReason.ACCOUNT_CLOSED,
        "account closed",
    ),
    ({"offer": None}, RejectReason.NO_OFFER, "no offer with a tariff in force"),
    (
        {"uses": (use(UsageMetric.SECONDS, 7_200, 7_200),)},
        RejectReason.LIMIT_REACHED,
        "limit reached: 2 h 0 min of 2 h 0 min",
    ),
    (
        {"account": {"credit_limit_micros": 2_000_000}, "owed_micros": 2_000_000},
        RejectReason.CREDIT_LIMIT_REACHED,
        "credit limit reached: owes 2.00 of 2.00 USD",
    ),
]


@pytest.mark.parametrize(("given", "reason", "detail"), REFUSED, ids=[r for _, r, _ in REFUSED])
def test_each_check_refuses_with_its_reason(
    given: dict[str, Any], reason: RejectReason, detail: str
) -> None:
    refusal = authorize(facts(**given))
    assert refusal is not None
    assert (refusal.reason, refusal.detail) == (reason, detail)


def test_the_first_refusal_decides_and_all_are_explained() -> None:
    refused = facts(account=SUSPENDED, offer=None, uses=(use(UsageMetric.OCTETS, 1, 1),))
    refusal = authorize(refused)
    assert refusal is not None
    assert refusal.reason is RejectReason.ACCOUNT_SUSPENDED
    failed = [verdict.check for verdict in explain(refused) if verdict.refusal]
    assert failed == ["account", "offer", "limits"]
    assert all(verdict.input for verdict in explain(refused))


def test_a_customer_may_owe_what_no_limit_forbids() -> None:
    """Authorization asks the state, never the raw balance (C14)."""
    assert authorize(facts(owed_micros=10**12)) is None


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ({"offer": replace(OFFER, session_timeout_s=7_200)}, 7_200),
        ({"uses": (use(UsageMetric.SECONDS, 500, 100),)}, 400),
        ({"uses": (use(UsageMetric.SECONDS, None, 100),)}, None),
        ({"uses": (use(UsageMetric.OCTETS, 500, 100),)}, None),
        # a thousand micros a second: the limit is reached when the charge is as large as it
        ({"uses": (use(UsageMetric.MONEY, 10_000, 0),)}, 9),
        ({"uses": (use(UsageMetric.MONEY, 10_001, 0),)}, 10),
        ({"account": {"credit_limit_micros": 60_000}, "owed_micros": 50_000}, 9),
        ({"account": {"credit_limit_micros": 1}}, 1),
        (
            {
                "offer": replace(OFFER, session_timeout_s=300),
                "uses": (use(UsageMetric.SECONDS, 500, 100), use(UsageMetric.MONEY, 10**9, 0)),
            },
            300,
        ),
        ({"service": {"reply": {"session-TIMEOUT": "250"}}}, 250),
        (
            {
                "service": {"reply": {"Session-Timeout": "250"}},
                "uses": (use(UsageMetric.SECONDS, 500, 400),),
            },
            100,
        ),
    ],
)
def test_session_timeout_is_the_least_of_what_is_left(
    given: dict[str, Any], seconds: int | None
) -> None:
    assert session_timeout_s(facts(**given)) == seconds


def test_what_a_session_may_use_reaches_no_limit_before_its_timeout() -> None:
    for available in range(1, 30_000, 997):
        given = facts(account={"credit_limit_micros": available})
        seconds = session_timeout_s(given)
        assert seconds is not None
        meter = Meter(PLAIN, NOON)
        meter.advance(NOON + seconds)
        assert meter.charge_micros < available or seconds == 1
