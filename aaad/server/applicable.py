"""What journal records mean to the applier: a report of a NAS, or a decision that time made."""

from __future__ import annotations

from dataclasses import dataclass, field

from aaad.policy.report import Report


@dataclass(frozen=True)
class Accounting:
    """A durable Accounting-Request: what it says, and the journal's bytes of it should it need
    suspense.
    """

    report: Report
    received_us: int
    brand: str
    login: str
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Silence:
    """A durable decision: a session that was not heard since `heard_at` has ended."""

    lsn: int
    received_us: int
    session_id: int
    heard_at: int


Applicable = Accounting | Silence
