"""How a service stands: verdict and reply as far as they depend on nothing but the instant.

Nearly every login finds the facts of the one before it. What those settle is decided once, by the
chain of policy.authorize, and holds until the first instant at which time alone could change it;
who changes the facts makes them anew. Only limits and credit are looked at again each time.
"""

from __future__ import annotations

from dataclasses import dataclass

from aaad.policy.authorize import Facts, Refusal, authorize, session_timeout_s
from aaad.policy.reply import timeout_attribute


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a login of one service gets from `since_at` until `until_at` (half-open).

    `by_usage`: limits or a credit limit decide too, so the chain is asked at each login, and the
    Session-Timeout it finds is added to `attributes`. Otherwise both are in here.
    """

    since_at: int
    until_at: int
    revision: int  # of the price lists and dictionaries that it was made from
    by_usage: bool
    refusal: Refusal | None
    attributes: bytes

    def holds(self, at: int, revision: int) -> bool:
        """Whether it is still what would be made now."""
        return self.since_at <= at < self.until_at and self.revision == revision


def make_standing(facts: Facts, *, attributes: bytes, changes_at: int, revision: int) -> Standing:
    """The standing from `facts.now` on; `attributes` are those of every accept.

    `changes_at` is when the offer may change next. The activation is the other instant that the
    chain asks for.
    """
    by_usage = _depends_on_usage(facts)
    refusal = None if by_usage else authorize(facts)
    if not by_usage and refusal is None:
        attributes += timeout_attribute(session_timeout_s(facts))
    activated_at = facts.subscriber.service.activated_at
    return Standing(
        since_at=facts.now,
        until_at=min(changes_at, activated_at) if activated_at > facts.now else changes_at,
        revision=revision,
        by_usage=by_usage,
        refusal=refusal,
        attributes=attributes,
    )


def _depends_on_usage(facts: Facts) -> bool:
    """Whether anything that usage can reach is set for this service or its account."""
    subscriber = facts.subscriber
    return (
        subscriber.account.credit_limit_micros is not None
        or len(subscriber.own_limits) > 0
        or (facts.offer is not None and len(facts.offer.limits) > 0)
    )
