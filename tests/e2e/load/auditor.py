"""An independent judge of the books: what the generator saw acknowledged, against what the store
says.

It shares no code with aaad and none with the generator: JSON lines in, sqlite3 out, Fractions
between. From the last acknowledged report of each session it computes what the session must have
counted and cost, and compares with the read-only views that people use. A tariff is at most two
prices: one by day, one by night, of a zone's clock.

What it finds is a list of sentences; none is a verdict of exactly once.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from tests.postgres_cluster import run_sql

MICROS = 1_000_000
FINDINGS_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DayNight:
    """A price per hour by day, [day_from, day_to) of the zone's clock, and another by night."""

    zone: str
    day_from: time
    day_to: time
    day_hour: Fraction
    night_hour: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The last acknowledged report of a session, and whether it ended it."""

    session: str
    login: str
    started_at: int
    session_time: int
    input_octets: int
    output_octets: int
    ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """A session in the books: what its row counts, what its events count, what they cost."""

    seconds: int
    input_octets: int
    output_octets: int
    ended: bool
    accrued: Fraction
    open_seconds: int
    event_seconds: int
    event_octets: int
    posted: Fraction


def charge(tariff: DayNight, usage: Usage) -> Fraction:
    """What a session must have cost: seconds in each band at its price, rounded once to micros."""
    ended_at = usage.started_at + usage.session_time
    exact = sum(
        (
            Fraction(end - begin, 3600) * price
            for begin, end, price in _pieces(tariff, usage.started_at, ended_at)
        ),
        Fraction(0),
    )
    return Fraction(round(exact * MICROS), MICROS)  # round() of a Fraction is half-even


def _pieces(tariff: DayNight, begin: int, end: int) -> Iterator[tuple[int, int, Fraction]]:
    """[begin, end) cut wherever the band changes."""
    zone = ZoneInfo(tariff.zone)
    borders = sorted(
        border for border in _borders(tariff, zone, begin, end) if begin < border < end
    )
    for left, right in zip([begin, *borders], [*borders, end], strict=True):
        clock = datetime.fromtimestamp(left, zone).time()
        by_day = tariff.day_from <= clock < tariff.day_to
        yield left, right, tariff.day_hour if by_day else tariff.night_hour


def _borders(tariff: DayNight, zone: ZoneInfo, begin: int, end: int) -> Iterator[int]:
    day = datetime.fromtimestamp(begin, zone).date() - timedelta(days=1)
    last_day = datetime.fromtimestamp(end, zone).date() + timedelta(days=1)
    while day <= last_day:
        for clock in (tariff.day_from, tariff.day_to):
            yield int(datetime.combine(day, clock, zone).timestamp())
        day += timedelta(days=1)


def read_acknowledged(log: Path) -> dict[str, Usage]:
    """The furthest acknowledged report of each session."""
    sessions: dict[str, Usage] = {}
    with log.open() as lines:
        for line in lines:
            report = json.loads(line)
            known = sessions.get(report["session"])
            if known is None or report["session_time"] >= known.session_time:
                sessions[report["session"]] = Usage(
                    session=report["session"],
                    login=report["login"],
                    started_at=report["started_at"],
                    session_time=report["session_time"],
                    input_octets=report["input_octets"],
                    output_octets=report["output_octets"],
                    ended=report["kind"] == "stop",
                )
    return sessions


def audit(log: Path | tuple[Path, ...], store: Path | str, tariff: DayNight) -> list[str]:
    """Everything that is wrong in the books, as sentences; at most FINDINGS_MAX.

    `store` is the file of SQLite or the URL of PostgreSQL; several logs are read as one.
    """
    logs = log if isinstance(log, tuple) else (log,)
    acknowledged = {key: usage for one in logs for key, usage in read_acknowledged(one).items()}
    with closing(_open(store)) as books:
        findings = [
            *_check_nothing_aside(books),
            *_check_sessions(acknowledged, _read_sessions(books), tariff),
            *_check_balances(books, acknowledged, tariff),
        ]
    return findings[:FINDINGS_MAX]


class Books(Protocol):
    """Where questions are asked."""

    def execute(self, sql: str, /) -> Iterable[tuple[Any, ...]]: ...
    def close(self) -> None: ...


class PostgresBooks:
    """Books in PostgreSQL, asked over a connection of one question."""

    def __init__(self, url: str) -> None:
        self._url = url

    def execute(self, sql: str, /) -> Iterable[tuple[Any, ...]]:
        return run_sql(self._url, sql)

    def close(self) -> None:
        """No connection is kept."""


def _open(store: Path | str) -> Books:
    if isinstance(store, str):
        return PostgresBooks(store)
    return sqlite3.connect(f"file:{store}?mode=ro", uri=True)


def _check_nothing_aside(books: Books) -> Iterator[str]:
    ((count,),) = books.execute("SELECT count(*) FROM suspense")
    if count:
        yield f"{count} records are in suspense; every report of the load has its service"


def _read_sessions(books: Books) -> list[tuple[str, Booked]]:
    """(Acct-Session-Id, what is booked), one for each session row: two rows are a finding."""
    events: dict[int, list[Fraction]] = {}
    for session_id, *facts in books.execute(
        "SELECT session_id, seconds, input_octets + output_octets, amount FROM v_event"
        " WHERE session_id <> 0"
    ):
        sums = events.setdefault(session_id, [Fraction(0)] * 3)
        for at, value in enumerate(facts):
            sums[at] += Fraction(value or 0)
    rows = books.execute(
        "SELECT v.session_id, v.acct_session_id, v.seconds, v.input_octets, v.output_octets,"
        " v.status, v.accrued, s.open_seconds FROM v_session v JOIN session s USING (session_id)"
    )
    return [(row[1], _booked(row, events.get(row[0], [Fraction(0)] * 3))) for row in rows]


def _booked(row: tuple, sums: list[Fraction]) -> Booked:
    _, _, seconds, input_octets, output_octets, status, accrued, open_seconds = row
    return Booked(
        seconds=seconds,
        input_octets=input_octets,
        output_octets=output_octets,
        ended=status == "closed",
        accrued=Fraction(accrued),
        open_seconds=open_seconds,
        event_seconds=int(sums[0]),
        event_octets=int(sums[1]),
        posted=sums[2],
    )


def _check_sessions(
    acknowledged: Mapping[str, Usage], booked: Iterable[tuple[str, Booked]], tariff: DayNight
) -> Iterator[str]:
    rows = Counter[str]()
    for session, books in booked:
        rows[session] += 1
        if session not in acknowledged:
            yield f"session {session} is in the books, but nothing of it was acknowledged"
        else:
            yield from _compare(acknowledged[session], books, tariff)
    for session, count in rows.items():
        if count > 1:
            yield f"session {session} is in the books {count} times"
    for session in acknowledged.keys() - rows.keys():
        yield f"session {session} was acknowledged and is not in the books"


def _compare(usage: Usage, books: Booked, tariff: DayNight) -> Iterator[str]:
    """An open session's part since its last cut is accrued, not posted; a closed one is all
    posted."""
    must = charge(tariff, usage)
    octets = usage.input_octets + usage.output_octets
    checks = [
        ("seconds", usage.session_time, books.seconds),
        ("input octets", usage.input_octets, books.input_octets),
        ("output octets", usage.output_octets, books.output_octets),
        ("ended", usage.ended, books.ended),
        ("charge", must, books.posted + books.accrued),
        ("seconds of pieces", usage.session_time, books.event_seconds + books.open_seconds),
    ]
    if usage.ended:
        checks += [
            ("open seconds after the end", 0, books.open_seconds),
            ("octets of events", octets, books.event_octets),
            ("accrued after the end", Fraction(0), books.accrued),
        ]
    for what, expected, found in checks:
        if expected != found:
            yield f"session {usage.session}: {what} must be {expected}, the books say {found}"


def _check_balances(
    books: Books, acknowledged: Mapping[str, Usage], tariff: DayNight
) -> Iterator[str]:
    """By account: posted is the sum of impacts, and posted + accrued what all sessions cost."""
    must: Counter[int] = Counter()
    accounts = dict(books.execute("SELECT login, account_id FROM v_service"))
    for usage in acknowledged.values():
        must[accounts[usage.login]] += int(charge(tariff, usage) * MICROS)
    impacts = _sums(books, "SELECT account_id, amount FROM v_event WHERE amount IS NOT NULL")
    posted = _sums(books, "SELECT account_id, posted FROM v_balance")
    accrued = _sums(books, "SELECT account_id, accrued FROM v_balance")
    for account in sorted(must.keys() | impacts.keys() | posted.keys()):
        if posted[account] != impacts[account]:
            yield f"account {account}: posted {posted[account]}, its impacts are {impacts[account]}"
        if posted[account] + accrued[account] != must[account]:
            total = posted[account] + accrued[account]
            yield f"account {account}: owes {total} micros, its sessions cost {must[account]}"


def _sums(books: Books, query: str) -> Counter[int]:
    """Amounts by account, in micros."""
    sums: Counter[int] = Counter()
    for account, amount in books.execute(query):
        sums[account] += int(Fraction(amount) * MICROS)
    return sums
