"""Gathers what a login, or a session that runs, is judged by at an instant: memory only."""

from __future__ import annotations

from aaad.policy.account_state import projected_by_service
from aaad.policy.authorize import Facts
from aaad.server.directory import Directory, Entry
from aaad.server.session_table import SessionTable
from ratingcore.meter import Meter


def facts_at(directory: Directory, sessions: SessionTable, entry: Entry, now: int) -> Facts:
    """The facts of a subscriber, with the usage of running sessions projected to `now`."""
    state = entry.state
    offer = directory.offer(entry, now)
    timeline = directory.timeline(entry, now)
    running = projected_by_service(sessions.of_account(state.account.account_id), now)
    return Facts(
        now=now,
        subscriber=entry.subscriber,
        offer=offer,
        uses=state.uses(entry.subscriber, offer, state.period_at(now), running=running),
        owed_micros=state.owed_micros + sum(totals.charge_micros for totals in running.values()),
        new_meter=None if timeline is None else lambda: Meter(timeline, now),
    )
