"""What is configured, known and observed of NASes: facts for usage, counts for `aaactl nas`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice

from aaad.policy.report import Report
from aaad.policy.session import Session
from aaad.policy.usage import NasFacts
from ledger.clients import NasSettings
from ledger.model import BootInstant

OBSERVED_MAX = 100_000
"""NASes whose behaviour is kept; a client that invents NAS-Identifiers fills no more memory than
this.
"""


@dataclass(eq=False)
class Observed:
    """One NAS as its reports show it."""

    client: str
    nas: str
    address: str
    heard_at: int
    heard_since: int | None = None  # its first report since we serve
    reports: int = 0
    clamped_clocks: int = 0
    presumed_ends: int = 0
    unanswered_orders: int = 0


class NasTable:
    """NASes by (client, name)."""

    def __init__(self, settings: Callable[[str], NasSettings]) -> None:
        self._settings = settings
        self._booted: dict[tuple[str, str], int] = {}
        self._observed: dict[tuple[str, str], Observed] = {}
        self._facts: dict[tuple[str, str], NasFacts] = {}

    def load_boots(self, boots: Iterable[BootInstant]) -> None:
        """What the store knows of Accounting-On/Off."""
        for boot in boots:
            self._booted[boot.client, boot.nas] = boot.booted_at
        self._facts.clear()

    def configuration_changed(self) -> None:
        """The settings were replaced."""
        self._facts.clear()

    def facts(self, client: str, nas: str) -> NasFacts:
        """What usage needs to know of a NAS."""
        facts = self._facts.get((client, nas))
        if facts is None:
            settings = self._settings(nas)
            facts = NasFacts(
                timestamp_window_s=settings.event_timestamp_window_s,
                line_rate_bps=settings.line_rate_bps,
                adopt_from=settings.adopt_from,
                counts=settings.counts.value,
                booted_at=self._booted.get((client, nas)),
            )
            if len(self._facts) >= OBSERVED_MAX:
                self._facts.clear()
            self._facts[client, nas] = facts
        return facts

    def heard(self, report: Report) -> None:
        """A report came of it."""
        key = (report.client, report.nas)
        observed = self._observed.get(key)
        if observed is None:
            if len(self._observed) >= OBSERVED_MAX:
                return
            observed = Observed(report.client, report.nas, report.nas_address, report.received_at)
            self._observed[key] = observed
        observed.address = report.nas_address
        observed.heard_at = max(observed.heard_at, report.received_at)
        if observed.heard_since is None:
            observed.heard_since = report.received_at
        observed.reports += 1
        if report.event_timestamp_at is not None:
            window_s = self.facts(report.client, report.nas).timestamp_window_s
            observed.clamped_clocks += report.clock_is_wrong(window_s)

    def end_presumed(self, session: Session) -> None:
        """The end of a session was never reported by its NAS."""
        observed = self._observed.get((session.client, session.nas))
        if observed is not None:
            observed.presumed_ends += 1

    def begin(self) -> None:
        """A replay is over: what its reports say of silence was before we were away."""
        for observed in self._observed.values():
            observed.heard_since = None

    def booted(self, client: str, nas: str, at: int) -> bool:
        """An Accounting-On/Off; whether it is later than what was known."""
        if at <= self._booted.get((client, nas), -1):
            return False
        self._booted[client, nas] = at
        self._facts.pop((client, nas), None)
        return True

    def booted_at(self, client: str, nas: str) -> int | None:
        """The latest Accounting-On/Off."""
        return self._booted.get((client, nas))

    def observed(self) -> list[Observed]:
        """All that were heard, by name."""
        return sorted(self._observed.values(), key=lambda o: (o.nas, o.client))

    @property
    def observed_count(self) -> int:
        """How many were heard."""
        return len(self._observed)

    def first_observed(self, count: int) -> Iterable[Observed]:
        """Those that were heard first, at most `count`."""
        return islice(self._observed.values(), count)

    def of(self, client: str, nas: str) -> Observed | None:
        """What was observed of one."""
        return self._observed.get((client, nas))
