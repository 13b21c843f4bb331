"""Which own limit holds in a period: a top-up raises its own period and no other (C6)."""

from __future__ import annotations

from dataclasses import replace

from ledger.model import Limit, OwnLimit, UsageMetric
from ledger.rules.limits import limits_in_force

NOVEMBER = 1_698_796_800
DECEMBER = 1_701_388_800
SERVICE = 7
OFFERED = Limit(name="hours", metric=UsageMetric.SECONDS, soft=540_000, hard=720_000)
OWN = replace(OFFERED, hard=800_000, revision=1)
TOPPED_UP = replace(OWN, hard=836_000, revision=2)


def own(limit: Limit, *, service_id: int = SERVICE, period_start_at: int | None = None) -> OwnLimit:
    return OwnLimit(
        account_id=1, service_id=service_id, limit=limit, period_start_at=period_start_at
    )


def test_a_top_up_holds_in_its_period_alone_in_whatever_order_it_comes() -> None:
    own_limits = [own(TOPPED_UP, period_start_at=NOVEMBER), own(OWN)]
    for listed in (own_limits, own_limits[::-1]):
        november = limits_in_force([OFFERED], listed, SERVICE, period_start_at=NOVEMBER)
        december = limits_in_force([OFFERED], listed, SERVICE, period_start_at=DECEMBER)
        assert november == ((TOPPED_UP, SERVICE),)
        assert december == ((OWN, SERVICE),)


def test_after_a_topped_up_period_the_offers_limit_holds_again() -> None:
    topped = [own(TOPPED_UP, period_start_at=NOVEMBER)]
    assert limits_in_force([OFFERED], topped, SERVICE, period_start_at=DECEMBER) == (
        (OFFERED, SERVICE),
    )


def test_an_accounts_limit_stands_beside_that_of_its_service() -> None:
    listed = [own(OWN, service_id=0), own(TOPPED_UP, service_id=8)]
    assert limits_in_force([OFFERED], listed, SERVICE, period_start_at=NOVEMBER) == (
        (OFFERED, SERVICE),
        (OWN, 0),
    )
