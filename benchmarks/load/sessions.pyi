from typing import Final

from benchmarks.load.users import Users

SESSIONS_MAX: Final[int]
INTERIMS_MAX: Final[int]

class Sessions:
    count: int
    def __init__(
        self, users: Users, *, count: int, interims: int, nases: int, seed: int, began_at: int
    ) -> None: ...
    def book(self) -> list[tuple[str, int, str, int, int, int, int, int]]: ...
    def save(self) -> bytes: ...
    def load(self, state: bytes) -> None: ...
