"""Proves when a limit fires, how much it leaves, and that what has fired is not announced again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.model import Limit, OwnLimit, Threshold, UsageMetric
from ledger.rules.limits import (
    LimitUse,
    Totals,
    credit_left,
    crossing_key,
    crossings,
    limit_uses,
    limits_in_force,
)

HOURS = Limit(name="hours", metric=UsageMetric.SECONDS, soft=100, hard=200)
USED = Totals(seconds=5, input_octets=7, output_octets=11, charge_micros=13)


def fired(uses: list[LimitUse], known: frozenset = frozenset()) -> list[tuple[str, Threshold]]:
    found = crossings(uses, account_id=1, period_start_at=50, at=60, fired=known)
    return [(crossing.limit, crossing.threshold) for crossing in found]


@pytest.mark.parametrize(
    ("metric", "counted"),
    [
        (UsageMetric.SECONDS, 5),
        (UsageMetric.OCTETS, 18),
        (UsageMetric.INPUT_OCTETS, 7),
        (UsageMetric.OUTPUT_OCTETS, 11),
        (UsageMetric.MONEY, 13),
    ],
)
def test_each_metric_counts_its_own(metric: UsageMetric, counted: int) -> None:
    assert USED.of(metric) == counted
    assert USED.plus(USED).of(metric) == 2 * counted


@pytest.mark.parametrize(
    ("used", "thresholds"),
    [
        (99, []),
        (100, [Threshold.SOFT]),
        (199, [Threshold.SOFT]),
        (200, [Threshold.SOFT, Threshold.HARD]),
        (10**9, [Threshold.SOFT, Threshold.HARD]),
    ],
)
def test_a_threshold_is_reached_when_usage_is_as_large(
    used: int, thresholds: list[Threshold]
) -> None:
    assert fired([LimitUse(HOURS, 2, used)]) == [("hours", threshold) for threshold in thresholds]


@pytest.mark.parametrize(
    ("used", "left", "exhausted"),
    [(0, 200, False), (199, 1, False), (200, 0, True), (999, 0, True)],
)
def test_what_a_hard_limit_leaves(used: int, left: int, exhausted: bool) -> None:
    use = LimitUse(HOURS, 2, used)
    assert (use.left, use.exhausted) == (left, exhausted)


def test_a_limit_without_a_threshold_never_reaches_it() -> None:
    use = LimitUse(replace(HOURS, hard=None), 2, 10**9)
    assert (use.left, use.exhausted) == (None, False)
    assert fired([use]) == [("hours", Threshold.SOFT)]
    assert fired([LimitUse(replace(HOURS, soft=None, hard=None), 2, 10**9)]) == []


def test_a_limit_of_zero_is_reached_by_nothing() -> None:
    assert LimitUse(replace(HOURS, soft=0, hard=0), 2, 0).exhausted


def test_what_fired_is_not_announced_again_until_the_limit_is_revised() -> None:
    use = LimitUse(HOURS, 2, 250)
    known = frozenset(
        crossing_key(crossing)
        for crossing in crossings([use], account_id=1, period_start_at=50, at=60, fired=())
    )
    assert fired([use], known) == []
    assert fired([replace(use, service_id=3)], known) != []
    assert fired([replace(use, limit=replace(HOURS, revision=1))], known) != []


def test_a_crossing_says_what_was_crossed_when() -> None:
    (crossing,) = crossings(
        [LimitUse(HOURS, 2, 150)], account_id=1, period_start_at=50, at=60, fired=()
    )
    assert (crossing.threshold_quantity, crossing.used_quantity) == (100, 150)
    assert (crossing.account_id, crossing.service_id, crossing.crossed_at) == (1, 2, 60)
    assert crossing_key(crossing) == (2, "hours", 50, "soft", 0)


def test_own_limits_replace_those_of_the_offer_by_name_and_scope() -> None:
    own = replace(HOURS, hard=300, revision=1)
    others = OwnLimit(account_id=1, service_id=99, limit=replace(own, hard=1))
    of_service = OwnLimit(account_id=1, service_id=2, limit=own)
    of_account = OwnLimit(account_id=1, service_id=0, limit=replace(own, hard=900))
    listed = limits_in_force([HOURS], [others, of_account, of_service], 2, period_start_at=50)
    assert set(listed) == {(own, 2), (of_account.limit, 0)}


def test_a_limit_of_the_account_counts_all_services() -> None:
    service, account = Totals(seconds=10), Totals(seconds=30)
    uses = limit_uses([(HOURS, 2), (HOURS, 0)], service=service, account=account)
    assert [use.used for use in uses] == [10, 30]


@pytest.mark.parametrize(
    ("limit", "owed", "left"),
    [(None, 10**9, None), (100, 40, 60), (100, 100, 0), (100, 170, 0), (100, -20, 120)],
)
def test_credit_leaves_what_is_not_owed(limit: int | None, owed: int, left: int | None) -> None:
    assert credit_left(limit, owed) == left
