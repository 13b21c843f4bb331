"""Limits of one account or one service, and top-ups that raise them for a period (F31, C6).

Every change makes a new revision. A threshold that a top-up raises, but which is passed all the
same, is put on record as crossed: it is enforced and not announced again (rule of exactness 12).
"""

from __future__ import annotations

from dataclasses import replace

from ledger.account_checks import MICROS_MAX, AccountError, Mistake, check_name, refuse
from ledger.accounts import find_account, find_service
from ledger.changes import Authorship, Charge, already_done, record_change
from ledger.model import Limit, LimitCrossing, Threshold, UsageMetric
from ledger.posting import insert_crossing
from ledger.store.contract import Transaction


async def set_limit(
    tx: Transaction,
    *,
    account_id: int,
    service_id: int = 0,
    limit: Limit,
    by: Authorship,
) -> Limit:
    """Set an own limit, over the offers' one of its name; the limit with its revision.

    Both thresholds None: no limit. Raises AccountError.
    """
    await _require_owner(tx, account_id, service_id)
    refuse(_limit_mistakes(limit))
    if await already_done(tx, account_id=account_id, by=by):
        return limit
    revised = replace(limit, revision=await _next_revision(tx, account_id, service_id, limit))
    await _insert(tx, account_id, service_id, revised, period_start_at=0, by=by)
    await record_change(
        tx,
        account_id=account_id,
        service_id=service_id,
        event_type="limit_set",
        data=_limit_data(revised),
        by=by,
    )
    return revised


async def top_up_limit(
    tx: Transaction,
    *,
    account_id: int,
    service_id: int = 0,
    limit: Limit,
    quantity: int,
    period_start_at: int,
    by: Authorship,
    charge: Charge | None = None,
) -> Limit:
    """Raise every threshold of a limit by what was bought, for one period; the raised limit.

    `limit` is what holds for that period now (an own limit, else the offer's). `charge` is what
    the top-up costs. Raises AccountError.
    """
    await _require_owner(tx, account_id, service_id)
    mistakes = _limit_mistakes(limit)
    if not 0 < quantity <= MICROS_MAX:
        mistakes.append(Mistake("quantity", str(quantity), "buy more than nothing"))
    if period_start_at <= 0:
        mistakes.append(Mistake("period_start_at", str(period_start_at), "name the period's start"))
    refuse(mistakes)
    if await already_done(tx, account_id=account_id, by=by):
        return limit
    raised = replace(
        limit,
        soft=_raised(limit.soft, quantity),
        hard=_raised(limit.hard, quantity),
        revision=await _next_revision(tx, account_id, service_id, limit),
    )
    await _insert(tx, account_id, service_id, raised, period_start_at=period_start_at, by=by)
    await _record_passed(
        tx, account_id, service_id, raised, period_start_at=period_start_at, at=by.at
    )
    await record_change(
        tx,
        account_id=account_id,
        service_id=service_id,
        event_type="limit_topped_up",
        data={"quantity": quantity, "period_start_at": period_start_at, **_limit_data(raised)},
        by=by,
        charge=charge,
    )
    return raised


async def _require_owner(tx: Transaction, account_id: int, service_id: int) -> None:
    await find_account(tx, account_id)
    if service_id:
        await find_service(tx, account_id=account_id, service_id=service_id)


def _limit_mistakes(limit: Limit) -> list[Mistake]:
    mistakes = [Mistake("limit.name", m.value, m.remedy) for m in check_name(limit.name)]
    for name, threshold in (("soft", limit.soft), ("hard", limit.hard)):
        if threshold is not None and not 0 <= threshold <= MICROS_MAX:
            mistakes.append(Mistake(f"limit.{name}", str(threshold), "write 0 or more, or none"))
    if limit.soft is not None and limit.hard is not None and limit.soft > limit.hard:
        value = f"{limit.soft}, above hard {limit.hard}"
        mistakes.append(Mistake("limit.soft", value, "warn before you cut: soft <= hard"))
    return mistakes


async def _next_revision(tx: Transaction, account_id: int, service_id: int, limit: Limit) -> int:
    ((last,),) = await tx.fetch("fetch_last_revision", (account_id, service_id, limit.name))
    return max(limit.revision, last or 0) + 1


async def _insert(
    tx: Transaction,
    account_id: int,
    service_id: int,
    limit: Limit,
    *,
    period_start_at: int,
    by: Authorship,
) -> None:
    row = (period_start_at, limit.revision, limit.metric, limit.soft, limit.hard, by.at)
    await tx.execute("insert_own_limit", (account_id, service_id, limit.name, *row))


async def _record_passed(
    tx: Transaction,
    account_id: int,
    service_id: int,
    limit: Limit,
    *,
    period_start_at: int,
    at: int,
) -> None:
    """Put the thresholds on record that the period's usage has passed already."""
    used = await _used(tx, account_id, service_id, limit.metric, period_start_at)
    for threshold, quantity in ((Threshold.SOFT, limit.soft), (Threshold.HARD, limit.hard)):
        if quantity is None or used < quantity:
            continue
        crossing = LimitCrossing(
            account_id=account_id,
            service_id=service_id,
            limit=limit.name,
            period_start_at=period_start_at,
            threshold=threshold,
            revision=limit.revision,
            metric=limit.metric,
            threshold_quantity=quantity,
            used_quantity=used,
            crossed_at=at,
        )
        await insert_crossing(tx, crossing)


async def _used(
    tx: Transaction, account_id: int, service_id: int, metric: UsageMetric, period_start_at: int
) -> int:
    key = (account_id, service_id, period_start_at)
    ((seconds, inputs, outputs, charge),) = await tx.fetch("fetch_period_usage", key)
    used = {
        UsageMetric.SECONDS: seconds,
        UsageMetric.OCTETS: inputs + outputs,
        UsageMetric.INPUT_OCTETS: inputs,
        UsageMetric.OUTPUT_OCTETS: outputs,
        UsageMetric.MONEY: charge,
    }
    return int(used[metric])


def _raised(threshold: int | None, quantity: int) -> int | None:
    if threshold is None:
        return None
    raised = threshold + quantity
    if raised > MICROS_MAX:
        raise AccountError(Mistake("quantity", str(quantity), "buy less: the limit would overflow"))
    return raised


def _limit_data(limit: Limit) -> dict[str, object]:
    return {
        "limit": limit.name,
        "metric": limit.metric,
        "soft": limit.soft,
        "hard": limit.hard,
        "revision": limit.revision,
    }
