"""The works that servers are compared in."""

from __future__ import annotations

from dataclasses import dataclass

USERS = 10_000
MANY = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One row group of the table. `method` of logins, or `open_sessions` of accounting."""

    name: str
    store: str  # memory | sqlite | postgresql: where users are looked up, or reports are stored
    users: int = USERS
    method: str = ""
    open_sessions: int = 0

    @property
    def is_accounting(self) -> bool:
        """Reports, not logins."""
        return self.open_sessions > 0

    @property
    def title(self) -> str:
        """For people."""
        where = {"memory": "in memory", "sqlite": "SQLite", "postgresql": "PostgreSQL"}[self.store]
        if self.is_accounting:
            return f"accounting, {where}, {self.open_sessions:,} sessions open"
        return f"{self.method.upper()}, {where}, {self.users:,} users"


def access(method: str, store: str) -> Work:
    """Logins of 10,000 users."""
    return Work(name=f"{method}-{store}", store=store, method=method)


def accounting(store: str, open_sessions: int) -> Work:
    """Reports: as many users as sessions, so that no two of them share an account's row."""
    return Work(
        name=f"accounting-{store}-{open_sessions}",
        store=store,
        open_sessions=open_sessions,
        users=max(USERS, open_sessions),
    )


WORKS = (
    access("pap", "memory"),
    access("chap", "memory"),
    access("mschapv2", "memory"),
    access("pap", "sqlite"),
    access("pap", "postgresql"),
    *(accounting(store, count) for store in ("sqlite", "postgresql") for count in (128, MANY)),
)
