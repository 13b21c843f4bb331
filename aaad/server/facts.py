"""Gathers what a login, or a session that runs, is judged by at an instant: memory only."""

from __future__ import annotations

from aaad.policy.account_state import projected_by_service
from aaad.policy.authorize import Facts
from aaad.server.directory import Directory, Entry
from aaad.server.session_table import SessionTable
from ratingcore.meter import Meter


def facts_at(directory: Directory, sessions: SessionTable, entry: Entry, now: int) -> Facts:
    """The facts of a subscriber, with the usage of running sessions projected to `now`."""
    state, subscriber = entry.state, entry.subscriber
    offer = directory.offer(entry, now)
    limited = bool(
        subscriber.own_limits
        or (offer and offer.limits)
        or subscriber.account.credit_limit_micros is not None
    )
    running = (
        projected_by_service(sessions.open_of_account(subscriber.account.account_id), now)
        if limited
        else {}
    )
    return Facts(
        now=now,
        subscriber=subscriber,
        offer=offer,
        uses=state.uses(subscriber, offer, state.period_at(now), running=running)
        if limited
        else (),
        owed_micros=state.owed_micros + sum(totals.charge_micros for totals in running.values()),
        new_meter=lambda: _new_meter(directory, entry, now),
    )


def _new_meter(directory: Directory, entry: Entry, now: int) -> Meter:
    timeline = directory.timeline(entry, now)
    assert timeline is not None, "an offer with a tariff is in force"
    return Meter(timeline, now)
