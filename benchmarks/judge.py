"""The judge of an accounting run: the generator's books against aaad's, in integers of its own.

It shares no code with the daemon and its rating: what a session must cost is the area under a step
function of time, two prices that change at 08:00 and 20:00 of a zone's clock. Amounts are micros.
What it finds is a list of sentences; none is a verdict that every counter and every charge agrees.
"""

from __future__ import annotations

import asyncio
import sqlite3
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import orjson

ZONE = ZoneInfo("America/New_York")
DAY_FROM, DAY_TO = time(8), time(20)
DAY_MICROS_AN_HOUR = 1_200_000
NIGHT_MICROS_AN_HOUR = 360_000
HOUR_S = 3600
MICROS = 1_000_000
FINDINGS_MAX = 10

SESSIONS = """SELECT session_id, acct_session_id, login, seconds, input_octets, output_octets,
    status, accrued FROM v_session"""
POSTED = """SELECT e.session_id, sum(i.amount_micros) FROM event e
    JOIN impact i ON i.account_id = e.account_id AND i.event_id = e.event_id
    WHERE e.event_type = 'usage' GROUP BY e.session_id"""
RADACCT = """SELECT acctsessionid, acctsessiontime, acctinputoctets, acctoutputoctets,
    acctstoptime IS NOT NULL FROM radacct"""
ENDED = "SELECT count(*) FROM v_session WHERE status = 'closed'"
BALANCES = """SELECT v.login, b.posted, b.accrued FROM v_balance b
    JOIN v_service v ON v.account_id = b.account_id"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """A session: what it counted and what it costs, posted and accrued together."""

    seconds: int
    input_octets: int
    output_octets: int
    ended: bool
    charge_micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """What the generator saw acknowledged."""

    sessions: Mapping[str, Usage]
    charge_of_login: Mapping[str, int]
    uncertain: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What the store says, by Acct-Session-Id and by login."""

    sessions: Mapping[str, Usage]
    charge_of_login: Mapping[str, int]
    repeated: tuple[str, ...]


class Tariff:
    """The area under the price from an arbitrary instant on, at any instant of a range."""

    def __init__(self, begin: int, end: int) -> None:
        self._borders: list[int] = []
        self._areas: list[int] = []  # up to each border, in micros times 3,600
        self._prices: list[int] = []  # from each border on, micros an hour
        area, last = 0, None
        for border, price in _steps(begin, end):
            if last is not None:
                area += (border - last) * self._prices[-1]
            self._borders.append(border)
            self._areas.append(area)
            self._prices.append(price)
            last = border

    def charge(self, begin: int, end: int) -> int:
        """What a session from begin to end must cost, rounded once, half to even."""
        area = self._area(end) - self._area(begin)
        whole, rest = divmod(area, HOUR_S)
        if 2 * rest > HOUR_S or (2 * rest == HOUR_S and whole % 2):
            whole += 1
        return whole

    def _area(self, at: int) -> int:
        index = bisect_right(self._borders, at) - 1
        assert index >= 0, f"instant {at} lies before the tariff's range"
        return self._areas[index] + (at - self._borders[index]) * self._prices[index]


def _steps(begin: int, end: int) -> Iterator[tuple[int, int]]:
    """(instant, price from then on) at every change from before `begin` to after `end`."""
    day = datetime.fromtimestamp(begin, ZONE).date() - timedelta(days=2)
    last_day = datetime.fromtimestamp(end, ZONE).date() + timedelta(days=2)
    while day <= last_day:
        for clock, price in ((DAY_FROM, DAY_MICROS_AN_HOUR), (DAY_TO, NIGHT_MICROS_AN_HOUR)):
            yield int(datetime.combine(day, clock, ZONE).timestamp()), price
        day += timedelta(days=1)


def read_book(path: Path, logins: list[str]) -> Book:
    """The generator's book, each session with the charge that it must have."""
    rows = orjson.loads(path.read_bytes())["sessions"]
    starts = [row[3] for row in rows]
    tariff = Tariff(min(starts, default=0), max((row[3] + row[4] for row in rows), default=0))
    sessions: dict[str, Usage] = {}
    charges: Counter[str] = Counter()
    for key, user, _, started_at, seconds, input_octets, output_octets, stage in rows:
        usage = Usage(
            seconds=seconds,
            input_octets=input_octets,
            output_octets=output_octets,
            ended=stage == "ended",
            charge_micros=tariff.charge(started_at, started_at + seconds),
        )
        sessions[key] = usage
        charges[logins[user]] += usage.charge_micros
    uncertain = sum(row[-1] == "uncertain" for row in rows)
    return Book(sessions=sessions, charge_of_login=charges, uncertain=uncertain)


def read_store(url: str) -> Stored:
    """All sessions and balances of a store, by plain SQL; the daemon may be running."""
    sessions, posted, balances = _ask(url, SESSIONS, POSTED, BALANCES)
    posted_of = {session_id: int(micros) for session_id, micros in posted}
    found: dict[str, Usage] = {}
    repeated = []
    for session_id, key, _, seconds, input_octets, output_octets, status, accrued in sessions:
        if key in found:
            repeated.append(key)
        found[key] = Usage(
            seconds=seconds,
            input_octets=input_octets,
            output_octets=output_octets,
            ended=status == "closed",
            charge_micros=posted_of.get(session_id, 0) + micros_of(accrued),
        )
    charges: Counter[str] = Counter()
    for login, *amounts in balances:
        charges[login] += sum(map(micros_of, amounts))
    return Stored(sessions=found, charge_of_login=charges, repeated=tuple(repeated))


def has_all_ends(book: Book, url: str) -> bool:
    """Whether as many sessions have ended in the store as the book says: a quick look."""
    (((count,),),) = _ask(url, ENDED)
    return bool(count >= sum(usage.ended for usage in book.sessions.values()))


def micros_of(amount: Any) -> int:
    """A decimal with six places, as text or as PostgreSQL's numeric."""
    sign, whole, micros = _parts(str(amount))
    return sign * (int(whole) * MICROS + int(micros.ljust(6, "0")))


def _parts(text: str) -> tuple[int, str, str]:
    sign = -1 if text.startswith("-") else 1
    whole, _, micros = text.lstrip("-").partition(".")
    assert len(micros) <= 6, f"amount {text} has more than six places"
    return sign, whole, micros


def _ask_sqlite(path: str, *queries: str) -> list[list[Any]]:
    """Rows of each query, by a reader that never checkpoints and never writes."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("BEGIN")
        return [connection.execute(query).fetchall() for query in queries]


async def _ask_postgresql(url: str, *queries: str) -> list[list[Any]]:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return [await connection.fetch(query) for query in queries]
    finally:
        await connection.close()


def _ask(url: str, *queries: str) -> list[list[Any]]:
    """Rows of each query, all of one state of the store."""
    if url.startswith("postgresql://"):
        return asyncio.run(_ask_postgresql(url, *queries))
    return _ask_sqlite(url.removeprefix("sqlite://"), *queries)


def compare_radacct(book: Book, url: str) -> list[str]:
    """Every session that FreeRADIUS's table does not count as the generator does."""
    (rows,) = _ask(url, RADACCT)
    found = {row[0]: (*map(int, row[1:4]), bool(row[4])) for row in rows}
    findings = [f"radacct has {len(rows)} rows of {len(found)} sessions"] * (
        len(rows) != len(found)
    )
    for key, must in book.sessions.items():
        counted = (must.seconds, must.input_octets, must.output_octets, must.ended)
        if found.get(key) != counted:
            findings.append(f"session {key}: acknowledged {counted}, radacct: {found.get(key)}")
    return _shortened(findings)


def overlay(stored: Stored, running: list[dict[str, Any]]) -> Stored:
    """The store with the daemon's open sessions over it, as `session.list` shows them."""
    sessions = dict(stored.sessions)
    times = Counter(line["acct_session_id"] for line in running)
    repeated = stored.repeated + tuple(key for key, count in times.items() if count > 1)
    for line in running:
        sessions[line["acct_session_id"]] = Usage(
            seconds=line["session_time_s"],
            input_octets=line["input_octets"],
            output_octets=line["output_octets"],
            ended=False,
            charge_micros=line["charge_micros"],
        )
    return replace(stored, sessions=sessions, repeated=repeated)


def compare_sessions(book: Book, stored: Stored) -> list[str]:
    """Every session that is not in both books alike."""
    findings = [f"session {key} is there twice" for key in stored.repeated]
    for key, must in book.sessions.items():
        found = stored.sessions.get(key)
        if found != must:
            findings.append(f"session {key}: acknowledged {must}, the books say {found}")
    findings += [
        f"session {key} is in the books, but nothing of it was acknowledged"
        for key in stored.sessions.keys() - book.sessions.keys()
    ]
    if book.uncertain:
        findings.append(f"{book.uncertain} sessions have a report without an answer")
    return _shortened(findings)


def compare_charges(book: Book, stored: Stored) -> list[str]:
    """Every login that does not owe what its sessions cost."""
    return _shortened(
        [
            f"login {login}: owes {stored.charge_of_login.get(login, 0)} micros, not {must}"
            for login, must in book.charge_of_login.items()
            if stored.charge_of_login.get(login, 0) != must
        ]
    )


def _shortened(findings: list[str]) -> list[str]:
    if len(findings) <= FINDINGS_MAX:
        return findings
    return [*findings[:FINDINGS_MAX], f"and {len(findings) - FINDINGS_MAX} more"]
