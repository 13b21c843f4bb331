"""Proves what is settled ahead of a login, until when it holds, and what is left to the login."""

from __future__ import annotations

from typing import Any

import pytest

from aaad.policy.authorize import Facts, RejectReason
from aaad.policy.reply import timeout_attribute
from aaad.policy.standing import Standing, make_standing
from ledger.model import Account, AccountStatus, Limit, Offer, OwnLimit, Service, Subscriber
from ledger.model import UsageMetric as Metric
from ledger.rules.limits import NEVER
from ratingcore.meter import Meter
from tests.usage_builders import NOON, PLAIN

LIMIT = Limit(name="hours", metric=Metric.SECONDS, soft=None, hard=7_200)
OWN_LIMIT = OwnLimit(account_id=1, service_id=2, limit=LIMIT, period_start_at=NOON + 10**6)


def facts(
    *,
    offer: Offer | None,
    activated_at: int = NOON,
    own_limits: tuple[OwnLimit, ...] = (),
    **account: Any,
) -> Facts:
    values: dict[str, Any] = {
        "name": "Anna",
        "currency": "USD",
        "zone": "UTC",
        "bill_day": 1,
        **account,
    }
    return Facts(
        now=NOON,
        subscriber=Subscriber(
            account=Account(account_id=1, brand="isp", **values),
            service=Service(
                service_id=2, account_id=1, brand="isp", login="anna", activated_at=activated_at
            ),
            credential=None,
            purchases=(),
            own_limits=own_limits,
        ),
        offer=offer,
        uses=(),
        owed_micros=0,
        new_meter=lambda: Meter(PLAIN, NOON),
    )


def standing(found: Facts, *, changes_at: int = NEVER) -> Standing:
    return make_standing(found, attributes=b"profile", changes_at=changes_at, revision=3)


def test_without_limits_verdict_and_reply_are_settled() -> None:
    offer = Offer(name="metered", tariff="plain", session_timeout_s=600)
    made = standing(facts(offer=offer))
    assert (made.by_usage, made.refusal) == (False, None)
    assert made.attributes == b"profile" + timeout_attribute(600)


def test_a_refusal_is_settled_too() -> None:
    made = standing(facts(offer=Offer(name="a", tariff="b"), status=AccountStatus.SUSPENDED))
    assert made.refusal is not None
    assert made.refusal.reason is RejectReason.ACCOUNT_SUSPENDED


@pytest.mark.parametrize(
    "found",
    [
        facts(offer=Offer(name="a", tariff="b", limits=(LIMIT,), session_timeout_s=600)),
        facts(offer=Offer(name="a", tariff="b"), own_limits=(OWN_LIMIT,)),
        facts(offer=Offer(name="a", tariff="b"), credit_limit_micros=0),
    ],
    ids=["offer's limit", "own limit of a later period", "credit limit"],
)
def test_what_usage_can_reach_is_left_to_each_login(found: Facts) -> None:
    made = standing(found)
    assert (made.by_usage, made.refusal, made.attributes) == (True, None, b"profile")


def test_it_holds_until_time_alone_could_change_it() -> None:
    offer = Offer(name="a", tariff="b")
    assert standing(facts(offer=offer)).until_at == NEVER
    assert standing(facts(offer=offer), changes_at=NOON + 50).until_at == NOON + 50
    soon = standing(facts(offer=offer, activated_at=NOON + 40), changes_at=NOON + 50)
    assert soon.until_at == NOON + 40
    assert soon.refusal is not None
    assert [soon.holds(NOON + at, 3) for at in (-1, 0, 39, 40)] == [False, True, True, False]
    assert not soon.holds(NOON, 4), "a price list or a dictionary changed"
