"""dunning: reminders, suspensions, closings and collections of who does not pay (F35-F45).

The dunning table decides (conf/dunning.toml). Run every night after bills and payments; twice a
night is once, since a reminder has its day and a state is entered once. More suspensions than the
table allows are not done, but told: an operator looks, and runs it again with --confirm.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from billing_jobs.runner import Run
from ledger.account_checks import AccountError
from ledger.accounts import find_account
from ledger.changes import Authorship
from ledger.dunning import carry_out, fetch_accounts_to_dun, fetch_dunning_facts
from ledger.dunning_table import DunningTable, DunningTableError, load_dunning_table
from ledger.model import Account
from ledger.rules.dunning import DunningAction, DunningDecision, DunningFacts, decide


@dataclass(slots=True)
class Night:
    """What the run decided: the steps taken, and suspensions that wait for a person."""

    table: DunningTable
    taken: Counter[str] = field(default_factory=Counter)
    suspensions: list[int] = field(default_factory=list)
    failed: int = 0


async def dun(run: Run) -> bool:
    """Take tonight's step with every account that owes; whether all of it was done."""
    path = run.settings.billing.dunning_file
    try:
        night = Night(load_dunning_table(path))
    except DunningTableError as error:
        for finding in error.findings:
            run.log.error("dunning_table_mistake", finding=str(finding))
        return False
    async for account_id in _accounts(run):
        await _take_step(run, account_id, night)
    waiting = await _suspend(run, night)
    run.log.info(
        "dunned",
        as_of=str(run.as_of),
        dry_run=run.options.dry_run,
        steps=dict(night.taken),
        waiting=waiting,
        failed=night.failed,
    )
    return not (night.failed or waiting)


async def _accounts(run: Run) -> AsyncIterator[int]:
    """The accounts that owe, a page at a time."""
    after = 0
    while True:
        async with run.store.read() as reader:
            page = await fetch_accounts_to_dun(reader, today=run.as_of, after=after)
        for account_id in page:
            if run.options.account_id in (None, account_id):
                yield account_id
        if not page:
            return
        after = page[-1]


async def _take_step(run: Run, account_id: int, night: Night, *, suspending: bool = False) -> None:
    """Decide, and do it in the same transaction. A suspension is left for `_suspend` to count."""
    try:
        async with run.store.transaction() as tx:
            account = await find_account(tx, account_id)
            facts = await fetch_dunning_facts(tx, account, today=run.as_of)
            decision = decide(night.table.steps, facts, night.table.quiet)
            _tell(run, account, facts, decision)
            if decision.step is None:
                return
            if decision.step.action is DunningAction.SUSPEND and not suspending:
                night.suspensions.append(account_id)
                return
            night.taken[decision.step.name] += 1
            if not run.options.dry_run:
                by = Authorship(at=run.clock.now(), actor=f"aaabill {run.name}")
                await carry_out(tx, account, decision.step, facts, by=by)
    except AccountError as error:
        night.failed += 1
        run.log.exception("account_failed", account_id=account_id, error=str(error))


async def _suspend(run: Run, night: Night) -> int:
    """Suspend who is to be suspended, unless there are too many; how many wait for a person."""
    count = len(night.suspensions)
    if count > night.table.suspensions_max and not run.options.confirm:
        run.log.error(
            "too_many_suspensions",
            suspensions=count,
            suspensions_max=night.table.suspensions_max,
            remedy="look at the price lists and the payment imports, then run it with --confirm",
        )
        return count
    for account_id in night.suspensions:
        await _take_step(run, account_id, night, suspending=True)
    return 0


def _tell(run: Run, account: Account, facts: DunningFacts, decision: DunningDecision) -> None:
    """One line for each account that owes: what is done, or what stands in the way."""
    run.log.info(
        "dunning_decided",
        account_id=account.account_id,
        name=account.name,
        state=facts.state,
        overdue_micros=facts.overdue_micros,
        overdue_since=str(facts.overdue_since or ""),
        step=decision.step.name if decision.step else "",
        against=[f"{c.step}: {c.condition}" for c in decision.checks if not c.holds],
    )
