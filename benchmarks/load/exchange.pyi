from benchmarks.load.histogram import Histogram
from benchmarks.load.logins import Logins
from benchmarks.load.packets import Secret
from benchmarks.load.ports import Ports
from benchmarks.load.sessions import Sessions

class Exchange:
    latency: Histogram
    sent: int
    answered: int
    resent: int
    lost: int
    late: int
    skipped: int
    refused: int
    wrong_authenticator: int
    wrong_code: int
    malformed: int
    unexpected: int
    def __init__(
        self, ports: Ports, secret: Secret, work: Logins | Sessions, *, timeout_ms: int, tries: int
    ) -> None: ...
    @property
    def elapsed_us(self) -> int: ...
    def run(self, *, time_ms: int, requests: int, window: int, rate: int = 0) -> None: ...
