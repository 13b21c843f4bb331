"""sd_notify: tells the service manager that we are ready, alive, reloading or stopping
(sd_notify(3)).
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress

ADDRESS_VARIABLE = "NOTIFY_SOCKET"
WATCHDOG_VARIABLE = "WATCHDOG_USEC"
US = 1_000_000


class Notifier:
    """A datagram socket to the service manager; silent when there is none."""

    def __init__(self) -> None:
        address = os.environ.get(ADDRESS_VARIABLE, "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            if address
            else None
        )
        self.watchdog_interval_s = _watchdog_interval_s()

    def send(self, *assignments: str) -> None:
        """Send assignments such as READY=1. A manager that is gone is no reason to stop serving."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.sendto("\n".join(assignments).encode(), self._address)

    def close(self) -> None:
        """The manager sees the exit itself."""
        if self._socket is not None:
            self._socket.close()


def _watchdog_interval_s() -> float | None:
    """Half of the time after which the manager thinks we hang; None without a watchdog."""
    value = os.environ.get(WATCHDOG_VARIABLE, "")
    return int(value) / US / 2 if value.isdigit() else None
