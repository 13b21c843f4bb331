"""Proves that a measured run is judged: the generator's books and the daemon's agree for a small
load, and the judge sees each kind of mistake that is then made in the store.

The judge shares no code with the daemon; its tariff is checked against the oracle of the ratings'
tests, and against sums that a person can do.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

pytest.importorskip(
    "benchmarks.load.exchange", reason="the load generator is not compiled: make bench"
)

from benchmarks import judge
from benchmarks.load.people import make_people
from benchmarks.measure import Plan, Template, load, measure, prepare
from benchmarks.servers.aaad import Aaad, AaadServer
from benchmarks.servers.beds import Bed, Beds, beds_for
from benchmarks.work import Work

REPORTS = Work(name="small", store="sqlite", users=40, open_sessions=32)
LOGINS = Work(name="small", store="memory", users=40, method="mschapv2")
PLAN = Plan(seconds=1, waits=False, questions=True, together_s=60)
"""Patient: a slow machine is no fault of the books."""
ZONE = ZoneInfo("America/New_York")


@dataclass
class World:
    """A bed after a load that was judged right."""

    book: judge.Book
    bed: Bed

    def findings(self) -> list[str]:
        stored = judge.read_store(self.bed.url)
        return judge.compare_sessions(self.book, stored) + judge.compare_charges(self.book, stored)

    def change(self, statement: str) -> None:
        with closing(sqlite3.connect(self.bed.folder / "store.db")) as books, books:
            books.execute(statement)


@pytest.fixture
def beds(daemon_folder: Path) -> Iterator[Beds]:
    with beds_for("sqlite", daemon_folder / "beds") as made:
        yield made


@pytest.fixture(scope="module")
def loaded(shared_folder: Path) -> Iterator[tuple[Beds, World]]:
    """A daemon after 600 reports, stopped in order."""
    with beds_for("sqlite", shared_folder / "loaded") as beds:
        server = AaadServer()
        template = prepare(server, REPORTS, beds)
        bed = beds.copy(template.bed)
        here = Template(bed)
        daemon = Aaad(bed, subscribers=REPORTS.users)
        more = ("--requests=600", f"--books={here.books}", f"--load-state={here.state}")
        figures = load(REPORTS, daemon, here, *more)
        daemon.stop()
        assert (figures["answered"], figures["lost"]) == (600, 0)
        logins = [name.decode() for name, _ in make_people(REPORTS.users)]
        yield beds, World(judge.read_book(here.books, logins), bed)


@pytest.fixture
def world(loaded: tuple[Beds, World]) -> Iterator[World]:
    """A copy that a test may spoil."""
    beds, world = loaded
    bed = beds.copy(world.bed)
    yield World(world.book, bed)
    beds.delete(bed)


@pytest.mark.parametrize("work", [REPORTS, LOGINS], ids=["reports", "logins"])
def test_a_measured_run_is_valid(work: Work, beds: Beds) -> None:
    server = AaadServer()
    template = prepare(server, work, beds)
    measured = measure(server, work, beds, template, plan=PLAN)
    assert measured.findings == []
    assert measured.figures["answered"] > 0
    assert measured.cpu_us > 0


def test_the_books_agree(world: World) -> None:
    assert len(world.book.sessions) > REPORTS.open_sessions
    assert any(usage.ended for usage in world.book.sessions.values())
    assert world.findings() == []


FIRST = "WHERE session_id = (SELECT min(session_id) FROM session)"


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        (f"UPDATE session SET output_octets = output_octets + 1 {FIRST}", "output_octets"),
        (f"UPDATE session SET session_time_s = session_time_s - 1 {FIRST}", "seconds"),
        (f"UPDATE session SET accrued_micros = accrued_micros + 1 {FIRST}", "charge_micros"),
        (f"DELETE FROM session {FIRST}", "the books say None"),
        (
            "UPDATE impact SET amount_micros = amount_micros + 1 WHERE event_id ="
            " (SELECT min(event_id) FROM impact)",
            "charge_micros",
        ),
        (
            "UPDATE balance SET posted_micros = posted_micros - 1 WHERE account_id ="
            f" (SELECT account_id FROM session {FIRST})",
            "owes",
        ),
        (
            f"UPDATE session SET acct_session_id = 'none of ours' {FIRST}",
            "nothing of it was acknowledged",
        ),
    ],
)
def test_the_judge_sees(world: World, statement: str, finding: str) -> None:
    world.change(statement)
    assert any(finding in one for one in world.findings())


def test_the_tariff_is_the_area_under_two_prices() -> None:
    """From 18:00 to 22:00 of a day: two hours at 1.20, two at 0.36."""
    evening = int(datetime(2026, 3, 6, 18, tzinfo=ZONE).timestamp())
    tariff = judge.Tariff(evening, evening + 40 * 86_400)
    assert tariff.charge(evening, evening + 4 * 3600) == 3_120_000
    assert tariff.charge(evening, evening + 1) == 333  # a third of a micro is dropped
    assert tariff.charge(evening, evening + 2) == 667  # two thirds are a whole one
    # over the night in which an hour is left out: 12 h of night are 11
    saturday = int(datetime(2026, 3, 7, 20, tzinfo=ZONE).timestamp())
    sunday = int(datetime(2026, 3, 8, 8, tzinfo=ZONE).timestamp())
    assert tariff.charge(saturday, sunday) == 11 * 360_000


@pytest.mark.parametrize("amount", ["0.000001", "-12.500000", "3", "7.25"])
def test_an_amount_is_read_exactly(amount: str) -> None:
    assert judge.micros_of(amount) == Fraction(amount) * 1_000_000
