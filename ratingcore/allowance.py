"""What a meter is handed besides its prices: allowances that may be used up, counters that go on.

Both belong to a cycle, an account or a group; `ratingcore.pool` keeps what is left of them while
meters consume it. Ids are the owner's; they come back on each piece.
"""

from dataclasses import dataclass

from ratingcore.calendar import INSTANT_END
from ratingcore.tariff import Metric


@dataclass(frozen=True, slots=True)
class Allowance:
    """So much of a metric that costs nothing, in [from_at, until_at) and in certain bands.

    Of several the one with the lowest `priority` goes first, then the one that expires first, then
    the lowest id. `bands` are names of time bands, empty for all. Units that are free anyhow use
    nothing up.
    """

    allowance_id: int
    metric: Metric
    quantity: int
    from_at: int = 0
    until_at: int = INSTANT_END
    priority: int = 0
    bands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counter:
    """How much was counted under a name in [from_at, until_at), a cycle: where tiers go on."""

    counter_id: int
    name: str
    quantity: int
    from_at: int = 0
    until_at: int = INSTANT_END
