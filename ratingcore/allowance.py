"""What a meter is handed besides its prices: allowances that may be used up, counters that go on,
entitlements to discounts.

They belong to a cycle, an account or a group; `ratingcore.pool` keeps what is left of them while
meters consume it. Ids are the owner's; they come back on each piece.
"""

from dataclasses import dataclass

from ratingcore.calendar import INSTANT_END
from ratingcore.tariff import Metric, MetricOrMoney


@dataclass(frozen=True, slots=True)
class Allowance:
    """So much of a metric, or money, that costs nothing, in [from_at, until_at) and certain bands.

    Money is in micros: it pays what else would be charged, after discounts, bounds and caps. Of
    several the one with the lowest `priority` goes first, then the one that expires first, then the
    lowest id. `bands` are names of time bands, empty for all. Units that are free anyhow use
    nothing up.
    """

    allowance_id: int
    metric: Metric | MetricOrMoney
    quantity: int
    from_at: int = 0
    until_at: int = INSTANT_END
    priority: int = 0
    bands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counter:
    """How much was counted under a name in [from_at, until_at): where tiers and caps go on.

    A cap's counter has the cap's name, and counts micros. One that only discounts read (accounts
    in a group) is never moved.
    """

    counter_id: int
    name: str
    quantity: int
    from_at: int = 0
    until_at: int = INSTANT_END


@dataclass(frozen=True, slots=True)
class Entitlement:
    """That the conditions of a discount are met in [from_at, until_at), by its name."""

    discount: str
    from_at: int = 0
    until_at: int = INSTANT_END
