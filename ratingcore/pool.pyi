"""Types of the compiled module `ratingcore.pool`."""

from collections.abc import Iterable
from typing import final

from ratingcore.allowance import Allowance, Counter, Entitlement

@final
class Pool:
    def __init__(
        self,
        allowances: Iterable[Allowance] = (),
        counters: Iterable[Counter] = (),
        entitlements: Iterable[Entitlement] = (),
    ) -> None: ...
    def left(self, allowance_id: int) -> int: ...
    def counted(self, counter_id: int) -> int: ...
    def copy(self) -> Pool: ...
