"""Proves what reports cost that are late, repeated, reordered, missing or wrong: on the wire, to
the cent.

The customers pay a tenth of a cent a second and a dollar a megabyte, so a charge reads like the
counters: 900 s and 100 octets cost 0.900100. All play against one daemon, each on a NAS of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.books import Books, await_found
from tests.e2e.customers import load_price_list, register
from tests.e2e.harness import Daemon, DaemonOptions
from tests.e2e.nas import Nas
from tests.e2e.price_lists import METERED
from tests.e2e.wire import Attribute, Status

WORD = 1 << 32
TWENTY_DAYS_S = 20 * 86_400
MORE = """
[sessions]
silence_intervals = 2
interim_interval_s = 60
[[nases]]
name = "moved"
adopt_from = 2026-01-01T00:00:00Z
"""
NUMBERS = count()


def cost(seconds: int = 0, octets: int = 0) -> str:
    """The charge as the books write it."""
    micros = 1_000 * seconds + octets
    return f"{micros // 10**6}.{micros % 10**6:06d}"


@pytest.fixture(scope="module")
def daemon(shared_folder: Path) -> Iterator[Daemon]:
    options = DaemonOptions(clock=True, open_session_max_age_s=1, more=MORE)
    daemon = Daemon(shared_folder, options)
    with daemon.running():
        daemon.aaactl("clock", "set", "2025-11-01T00:00:00Z")
        load_price_list(daemon, METERED)
        for number in range(CUSTOMERS):
            register(daemon, f"user-{number}", offer="metered", bill_day=1)
        daemon.aaactl("clock", "set", "2026-01-05T12:00:00Z")
        yield daemon


CUSTOMERS = 16


@dataclass
class Customer:
    """One login on a NAS that belongs to this test alone; `t0` is when its first session began."""

    daemon: Daemon
    nas: Nas
    login: str
    t0: int

    def tell(self, status: Status, at: int, **facts: Any) -> None:
        """A report of the instant `t0 + at`; `session_time` is the same unless given."""
        if status in {Status.INTERIM_UPDATE, Status.STOP}:
            facts.setdefault("session_time", at)
        facts.setdefault("login", self.login)
        session_id = facts.pop("session_id", "00000001")
        self.nas.report(status, session_id, event_at=self.t0 + at, **facts)

    def settle(self) -> Books:
        books = Books(self.daemon)
        books.wait_until_posted()
        return books

    def check(self, posted: str, accrued: str = "0.000000") -> Books:
        """The charge of all that this customer did, and that the counters agree with it."""
        books = self.settle()
        assert books.balance(self.login) == (posted, accrued)
        micros = [int(text.replace(".", "")) for text in (posted, accrued)]
        counters = books.counters(self.login)
        assert sum(counter[4] for counter in counters) == sum(micros)
        return books


@pytest.fixture
def customer(daemon: Daemon) -> Iterator[Customer]:
    number = next(NUMBERS)
    with daemon.nas(f"nas-{number}") as nas:
        yield Customer(daemon, nas, f"user-{number}", now(daemon))


def now(daemon: Daemon) -> int:
    """The daemon's clock runs on from where it was set."""
    return int(daemon.aaactl("status")["now_at"])


def states(books: Books, login: str) -> list[tuple[str, int, str]]:
    return [
        (session["status"], session["session_time_s"], session["terminate_cause"])
        for session in books.sessions(login)
    ]


def test_the_same_stop_again_with_another_delay_costs_once(customer: Customer) -> None:
    customer.tell(Status.START, -900, session_time=None)
    for delay in (0, 5, 60):
        customer.tell(Status.STOP, 0, session_time=900, output_octets=100, delay=delay)
    books = customer.check(cost(900, 100))
    assert len(books.usage_events(customer.login)) == 1


def test_the_same_stop_again_without_a_clock_costs_once(customer: Customer) -> None:
    """No Event-Timestamp: only Acct-Delay-Time tells that it is the same."""
    customer.nas.now = None
    for delay in (0, 30, 90):
        customer.nas.report(
            Status.STOP,
            "00000001",
            login=customer.login,
            session_time=900,
            input_octets=7,
            delay=delay,
        )
        customer.daemon.aaactl("clock", "advance", "30" if delay == 0 else "60")
    customer.check(cost(900, 7))


def test_an_interim_after_its_stop_costs_nothing(customer: Customer) -> None:
    customer.tell(Status.START, -900)
    customer.tell(Status.STOP, 0, session_time=900, output_octets=100)
    customer.tell(Status.INTERIM_UPDATE, -300, session_time=600, output_octets=50)
    customer.tell(Status.INTERIM_UPDATE, 60, session_time=960, output_octets=500)
    books = customer.check(cost(900, 100))
    assert states(books, customer.login) == [("closed", 900, "")]


def test_a_stop_before_its_start_is_the_whole_session(customer: Customer) -> None:
    customer.tell(Status.STOP, 0, session_time=900, output_octets=100)
    customer.tell(Status.START, -900)
    customer.tell(Status.INTERIM_UPDATE, -300, session_time=600, output_octets=60)
    books = customer.check(cost(900, 100))
    assert len(books.sessions(customer.login)) == 1


def test_an_id_reused_after_a_power_cut_is_another_session(customer: Customer) -> None:
    customer.tell(Status.START, -3_600)
    customer.tell(Status.INTERIM_UPDATE, -3_000, session_time=600, output_octets=10)
    customer.tell(Status.START, -1_000)  # the NAS counts its ids from one again
    books = customer.check(cost(600, 10))
    assert states(books, customer.login) == [("closed", 600, "Id-Reused"), ("open", 0, "")]
    customer.tell(Status.STOP, 0, session_time=1_000, output_octets=20)
    books = customer.check(cost(1_600, 30))
    assert [session["presumed"] for session in books.sessions(customer.login)] == [1, 0]


def test_a_late_report_of_an_older_session_leaves_the_younger_running(customer: Customer) -> None:
    """Its Start was lost; by the time it is heard of, its id is in use again."""
    customer.tell(Status.START, -1_000)
    customer.tell(Status.INTERIM_UPDATE, -2_000, session_time=600, output_octets=10)
    books = customer.check(cost(600, 10))
    assert states(books, customer.login) == [("closed", 600, "Id-Reused"), ("open", 0, "")]
    customer.tell(Status.STOP, -1_900, session_time=700, output_octets=11)
    customer.tell(Status.STOP, 0, session_time=1_000, output_octets=20)
    books = customer.check(cost(1_700, 31))
    assert [session["presumed"] for session in books.sessions(customer.login)] == [0, 0]


def test_accounting_on_among_starts_ends_what_began_before(customer: Customer) -> None:
    """The Start of a session after the boot overtakes the Accounting-On itself."""
    customer.tell(Status.START, -3_600, session_id="before")
    customer.tell(
        Status.INTERIM_UPDATE, -3_000, session_id="before", session_time=600, output_octets=10
    )
    customer.tell(Status.START, -900, session_id="after")
    customer.tell(Status.ACCOUNTING_ON, -1_000, login="", session_id="")
    customer.tell(Status.START, -800, session_id="later")
    books = customer.check(cost(600, 10))
    assert states(books, customer.login) == [
        ("closed", 600, "NAS-Reboot"),
        ("open", 0, ""),
        ("open", 0, ""),
    ]
    # of before the boot, delayed on its way: it counts, and opens nothing
    customer.tell(
        Status.INTERIM_UPDATE, -2_000, session_id="before", session_time=1_600, output_octets=15
    )
    customer.tell(Status.STOP, 0, session_id="after", session_time=900)
    customer.tell(Status.STOP, 0, session_id="later", session_time=800)
    books = customer.check(cost(1_600 + 900 + 800, 15))
    assert [row[0] for row in states(books, customer.login)] == ["closed"] * 3


def test_a_session_that_speaks_after_the_boot_goes_on(customer: Customer) -> None:
    """An Accounting-On of a part of the NAS, or of nothing: the session was never gone."""
    customer.tell(Status.START, -3_600)
    customer.tell(Status.INTERIM_UPDATE, -3_000, session_time=600, output_octets=10)
    customer.tell(Status.ACCOUNTING_ON, -2_000, login="", session_id="")
    books = customer.check(cost(600, 10))
    assert states(books, customer.login) == [("closed", 600, "NAS-Reboot")]
    customer.tell(Status.INTERIM_UPDATE, -1_000, session_time=2_600, output_octets=20)
    books = customer.check(cost(600, 10), cost(2_000, 10))
    assert states(books, customer.login) == [("open", 2_600, "")]
    customer.tell(Status.STOP, 0, session_time=3_600, output_octets=30)
    books = customer.check(cost(3_600, 30))
    assert books.sessions(customer.login)[0]["presumed"] == 0
    assert [event[0] for event in books.usage_events(customer.login)] == [600, 3_000]


def test_a_counter_that_wraps_at_32_bits_goes_on(customer: Customer) -> None:
    customer.tell(Status.START, -3_600)
    customer.tell(Status.INTERIM_UPDATE, -1_800, session_time=1_800, output_octets=WORD - 100)
    customer.tell(Status.STOP, 0, session_time=3_600, output_octets=50)
    books = customer.check(cost(3_600, WORD + 50))
    assert books.sessions(customer.login)[0]["output_octets"] == WORD + 50


def test_a_counter_that_begins_anew_counts_from_there(customer: Customer) -> None:
    """It sent Gigawords, so it cannot wrap: the NAS lost its count."""
    gigawords = ((Attribute.ACCT_INPUT_GIGAWORDS, 0),)
    customer.tell(Status.START, -3_600)
    customer.tell(
        Status.INTERIM_UPDATE,
        -1_800,
        session_time=1_800,
        output_octets=5_000_000,
        attributes=gigawords,
    )
    customer.tell(Status.STOP, 0, session_time=3_600, output_octets=300, attributes=gigawords)
    customer.check(cost(3_600, 5_000_300))


def test_gigawords_are_counted(customer: Customer) -> None:
    customer.tell(Status.START, -3_600)
    customer.tell(Status.STOP, 0, session_time=3_600, input_octets=3 * WORD + 7)
    customer.check(cost(3_600, 3 * WORD + 7))


def test_a_nas_in_1970_is_placed_by_our_clock(customer: Customer) -> None:
    clocks = iter((5, 905))
    for status, seconds in ((Status.START, None), (Status.STOP, 900)):
        customer.nas.report(
            status,
            "00000001",
            login=customer.login,
            session_time=seconds,
            event_at=next(clocks),
        )
        customer.daemon.aaactl("clock", "advance", "900")
    books = customer.check(cost(900))
    (session,) = books.sessions(customer.login)
    assert abs(session["started_at"] - customer.t0) <= 120
    (line,) = [
        one
        for one in customer.daemon.aaactl("nas", "list")["nases"]
        if one["nas"] == customer.nas.nas_identifier
    ]
    assert line["clamped_clocks"] == 2


def test_a_silent_session_ends_when_it_was_last_heard(customer: Customer) -> None:
    """Two interims missed while the NAS spoke of others; then it speaks again after all."""
    daemon = customer.daemon
    customer.tell(Status.START, 0, session_id="silent")
    daemon.aaactl("clock", "advance", "60")
    customer.tell(Status.INTERIM_UPDATE, 60, session_id="silent", output_octets=10)
    daemon.aaactl("clock", "advance", "3600")
    customer.tell(Status.START, 3_660, session_id="other")
    books = Books(daemon)

    def ended() -> bool:
        return ("closed", 60, "Silence") in states(books, customer.login)

    await_found(ended, "the end of the silent session")
    books = customer.check(cost(60, 10))
    customer.tell(Status.STOP, 3_670, session_id="silent", output_octets=90)
    customer.tell(Status.STOP, 3_670, session_id="other", session_time=10)
    books = customer.check(cost(3_670 + 10, 90))
    assert all(session["presumed"] == 0 for session in books.sessions(customer.login))


def test_a_session_of_before_the_move_is_taken_over(daemon: Daemon) -> None:
    """NAS `moved` is ours from January 1st on: what was counted elsewhere is the base line."""
    login = f"user-{next(NUMBERS)}"
    with daemon.nas("moved") as nas:
        moved = Customer(daemon, nas, login, now(daemon))
        old = TWENTY_DAYS_S
        moved.tell(
            Status.INTERIM_UPDATE, -600, session_time=old, output_octets=40 * WORD, session_id="old"
        )
        moved.check(cost())
        moved.tell(
            Status.STOP, 0, session_time=old + 600, output_octets=40 * WORD + 5, session_id="old"
        )
        moved.check(cost(600, 5))


def test_what_cannot_be_placed_is_acknowledged_and_waits_in_suspense(customer: Customer) -> None:
    before = len(Books(customer.daemon).suspense())
    tunnel_start = 9
    customer.tell(Status.STOP, 0, session_time=900, login="nobody")
    customer.tell(Status.STOP, 0, session_time=900, session_id="")
    customer.nas.report(tunnel_start, "t", login=customer.login)  # type: ignore[arg-type]
    books = customer.check(cost())
    assert books.suspense()[before:] == [
        ("unknown user", "nobody"),
        ("no Acct-Session-Id", customer.login),
        ("Acct-Status-Type 9 is not a session's", customer.login),
    ]
    listed = customer.daemon.aaactl("suspense", "list")
    assert len(listed) == before + 3
