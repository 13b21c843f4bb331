from typing import Final

BUFFER_OCTETS: Final[int]

class Ports:
    count: int
    def __init__(self, server: tuple[str, int], count: int) -> None: ...
    def close(self) -> None: ...
