"""Types of duplicates.pyx."""

from collections.abc import Hashable
from enum import Enum
from typing import Final, Literal, TypeAlias, final

from aaad.radius.decoder import Packet

class DuplicateState(Enum):
    NEW = "new"
    PENDING = "pending"

NEW: Final = DuplicateState.NEW
PENDING: Final = DuplicateState.PENDING

DuplicateKey: TypeAlias = tuple[Hashable, bytes]

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
    @staticmethod
    def key(source: Hashable, packet: Packet) -> DuplicateKey: ...
    def lookup(
        self, key: DuplicateKey, *, now_s: float
    ) -> Literal[DuplicateState.NEW, DuplicateState.PENDING] | bytes: ...
    def complete(self, key: DuplicateKey, reply: bytes, *, now_s: float) -> None: ...
    def forget(self, key: DuplicateKey) -> None: ...
