"""Gathers what a login, or a session that runs, is judged by at an instant: memory only.

What of it stays the same until a change is kept with the subscriber, as its standing.
"""

from __future__ import annotations

from collections.abc import Callable

from aaad.policy.account_state import projected, projected_by_service
from aaad.policy.authorize import Facts
from aaad.policy.class_attribute import make_class
from aaad.policy.reply import EncodeNamed, encode_profile, octets
from aaad.policy.session import Session
from aaad.policy.standing import Standing, make_standing
from aaad.radius import attribute_types as attribute
from aaad.server.directory import Directory, Entry
from aaad.server.session_table import SessionTable
from ledger.model import Offer
from ledger.rules.limits import LimitUse
from ratingcore.meter import Meter


def standing_at(
    directory: Directory,
    sessions: SessionTable,
    entry: Entry,
    now: int,
    encode: Callable[[], EncodeNamed],
) -> Standing:
    """How a service stands at `now`: as it stood at the last login, unless something changed."""
    standing = entry.standing
    if standing is None or not standing.holds(now, directory.revision):
        facts = facts_at(directory, sessions, entry, now)
        standing = make_standing(
            facts,
            attributes=_accept_attributes(directory, facts, encode()),
            changes_at=entry.offer_until_at,
            revision=directory.revision,
        )
        entry.standing = standing
    return standing


def _accept_attributes(directory: Directory, facts: Facts, encode: EncodeNamed) -> bytes:
    """What every accept of a service carries: the reply of its offer, and our Class."""
    if facts.offer is None:
        return b""  # nothing is accepted without one
    service = facts.subscriber.service
    class_value = make_class(
        directory.class_key, account_id=service.account_id, service_id=service.service_id
    )
    profile = encode_profile(facts.offer, service, encode)
    return profile + octets(attribute.CLASS, class_value)


def facts_at(
    directory: Directory,
    sessions: SessionTable,
    entry: Entry,
    now: int,
    *,
    projected_to: int | None = None,
) -> Facts:
    """The facts of a subscriber at `now`; usage of running sessions is projected to an instant
    (None: to now).
    """
    at = now if projected_to is None else projected_to
    offer = directory.offer(entry, now)
    subscriber = entry.subscriber
    running = sessions.open_of_account(subscriber.account.account_id)
    return Facts(
        now=now,
        subscriber=subscriber,
        offer=offer,
        uses=_uses(entry, offer, running, now=now, at=at),
        owed_micros=_owed_micros(entry, running, at),
        new_meter=lambda: _new_meter(directory, entry, now),
    )


def _uses(
    entry: Entry, offer: Offer | None, running: list[Session], *, now: int, at: int
) -> tuple[LimitUse, ...]:
    """The limits with what counts in the billing cycle of `now`: usage before it is not of it."""
    subscriber, state = entry.subscriber, entry.state
    if not (subscriber.own_limits or (offer and offer.limits)):
        return ()
    period_start_at = state.period_at(now)
    projection = projected_by_service(running, at, since=period_start_at)
    return state.uses(subscriber, offer, period_start_at, running=projection)


def _owed_micros(entry: Entry, running: list[Session], at: int) -> int:
    """Posted, accrued and projected; the projection only where a credit limit asks for it."""
    owed_micros = entry.state.owed_micros
    if entry.subscriber.account.credit_limit_micros is None:
        return owed_micros
    return owed_micros + sum(projected(session, at).charge_micros for session in running)


def _new_meter(directory: Directory, entry: Entry, now: int) -> Meter:
    timeline = directory.timeline(entry, now)
    assert timeline is not None, "an offer with a tariff is in force"
    return Meter(timeline, now)
