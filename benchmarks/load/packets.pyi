from typing import Final

SECRET_OCTETS_MAX: Final[int]

class Secret:
    def __init__(self, secret: bytes) -> None: ...
