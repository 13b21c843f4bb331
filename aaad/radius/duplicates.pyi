"""Types of duplicates.pyx."""

from enum import Enum
from typing import Final, Literal, final

from aaad.radius.decoder import Packet

SOURCE_SIZE_MAX: Final[int]

class DuplicateState(Enum):
    NEW = "new"
    PENDING = "pending"

NEW: Final = DuplicateState.NEW
PENDING: Final = DuplicateState.PENDING

@final
class DuplicateTable:
    def __init__(self, capacity: int, lifetime_s: float) -> None: ...
    def __len__(self) -> int: ...
    @property
    def capacity(self) -> int: ...
    @property
    def lifetime_s(self) -> float: ...
    @property
    def pending_hits(self) -> int: ...
    @property
    def reply_hits(self) -> int: ...
    @property
    def evictions(self) -> int: ...
    def lookup(
        self, source: bytes, packet: Packet, now_s: float
    ) -> Literal[DuplicateState.NEW, DuplicateState.PENDING] | bytes: ...
    def complete(self, source: bytes, packet: Packet, reply: bytes, now_s: float) -> None: ...
    def forget(self, source: bytes, packet: Packet) -> None: ...
