from typing import Final

from benchmarks.load.users import Users

METHODS: Final[tuple[str, ...]]

class Logins:
    def __init__(
        self, users: Users, *, method: str, nases: int, seed: int, in_order: bool
    ) -> None: ...
