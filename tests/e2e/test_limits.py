"""Proves what a limit does, on the wire: it warns once, cuts once, and keeps its customer out.

NASes are pyrad's servers, which nobody here wrote: one acknowledges Disconnect-Requests, one
refuses, one says nothing. Usage is told in reports of the last hours, so that no test waits for
time to pass; the one about the timer moves the clock.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.books import Books, await_found
from tests.e2e.customers import load_price_list, register
from tests.e2e.harness import Daemon, DaemonOptions
from tests.e2e.nas import Behaviour, DynauthListener, Nas
from tests.e2e.price_lists import METERED
from tests.e2e.pyrad_nas import PyradNas
from tests.e2e.wire import Attribute, Code, Status

SECRET = secrets.token_hex(16).encode()
TRIES = 3
PRICE_LIST = (
    METERED
    + """
[tariffs.included]
[[tariffs.included.bands]]
name = "all day"
prices = [{ metric = "seconds", amount = "0", per = "1 h" }]

[offers.twenty-minutes]
tariff = "included"
service = "dialup"
session_timeout = "24 h"
limits = [{ name = "minutes", metric = "seconds", soft = "10 min", hard = "20 min" }]

[offers.two-megabytes]
tariff = "included"
service = "dialup"
limits = [{ name = "volume", metric = "octets", soft = "1 MB", hard = "2 MB" }]

[offers.two-dollars]
tariff = "metered"
service = "dialup"
limits = [{ name = "budget", metric = "money", soft = "1.00", hard = "2.00" }]
"""
)
SETTINGS = f"""
[enforcement]
tries = {TRIES}
first_timeout_ms = 100
timeout_max_ms = 400
"""
NAS_SETTINGS = """
[[nases]]
name = "{name}"
dynauth = {{ address = "127.0.0.1", port = {port}, secret_file = "nas" }}
"""
NUMBERS = count()
OLD_LOGIN = "registered-in-the-cycle-before"


@dataclass(frozen=True)
class Place:
    """A daemon and the NASes around it, by what they answer."""

    daemon: Daemon
    ack: PyradNas
    nak: PyradNas
    nothing: PyradNas
    silent: DynauthListener
    stack: ExitStack

    def customer(self, offer: str, *more: str, nas: str = "ack") -> Customer:
        login = f"user-{next(NUMBERS)}"
        register(self.daemon, login, *more, offer=offer)
        return Customer(self, login, self.stack.enter_context(self.daemon.nas(nas)))

    def an_hour_later(self) -> None:
        self.daemon.aaactl("clock", "advance", "3600")


@dataclass(frozen=True)
class Customer:
    """One login; what it does at its NAS, in seconds after its session's start."""

    place: Place
    login: str
    nas: Nas

    def now(self) -> int:
        return int(self.place.daemon.aaactl("status")["now_at"])

    def reports(self, start: int, status: Status, seconds: int = 0, octets: int = 0) -> None:
        self.nas.report(
            status,
            self.login,
            login=self.login,
            session_time=None if status is Status.START else seconds,
            output_octets=octets,
            event_at=start + seconds,
        )

    def logs_in(self) -> Any:
        return self.nas.access_request(self.login, "correct horse")

    def refusal(self) -> str | None:
        reply = self.logs_in()
        assert reply.code == Code.ACCESS_REJECT
        return reply.text(Attribute.REPLY_MESSAGE)

    def session_timeout(self) -> int | None:
        reply = self.logs_in()
        assert reply.code == Code.ACCESS_ACCEPT
        return reply.integer(Attribute.SESSION_TIMEOUT)

    def messages(self) -> list[str]:
        books = Books(self.place.daemon)
        books.wait_until_posted()
        return books.messages(self.login, "mail")

    def outcome(self, number: int = 0) -> dict[str, Any]:
        """What came of the order `number` about this customer's session."""

        def found() -> dict[str, Any] | None:
            orders = [
                entry
                for entry in self.place.daemon.log
                if entry["event"] == "session_disconnect" and entry["login"] == self.login
            ]
            return orders[number] if len(orders) > number else None

        return await_found(found, f"the outcome of an order about {self.login}")


@pytest.fixture(scope="module")
def place(shared_folder: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        pyrads = {
            answer: stack.enter_context(PyradNas(shared_folder, secret=SECRET, answer=answer))
            for answer in ("ack", "nak", "nothing")
        }
        silent = stack.enter_context(DynauthListener(SECRET).serving())
        silent.behaviour = Behaviour.SILENCE
        ports = {name: nas.port for name, nas in pyrads.items()} | {"silent": silent.port}
        more = SETTINGS + "".join(NAS_SETTINGS.format(name=n, port=p) for n, p in ports.items())
        options = DaemonOptions(clock=True, open_session_max_age_s=1, more=more)
        daemon = Daemon(shared_folder, options)
        secret_file = shared_folder / "secrets" / "nas"
        secret_file.touch(mode=0o600)
        secret_file.write_bytes(SECRET)
        stack.enter_context(daemon.running())
        daemon.aaactl("clock", "set", "2026-01-01T06:00:00Z")
        load_price_list(daemon, PRICE_LIST)
        register(daemon, OLD_LOGIN, "--credit-limit=2.00", offer="metered", bill_day=5)
        daemon.aaactl("clock", "set", "2026-01-05T12:00:00Z")
        yield Place(daemon, silent=silent, stack=stack, **pyrads)


def test_seconds_warn_once_cut_once_and_keep_out(place: Place) -> None:
    customer = place.customer("twenty-minutes")
    start = customer.now()
    customer.reports(start, Status.START)
    customer.reports(start, Status.INTERIM_UPDATE, 599)
    assert customer.messages() == []
    customer.reports(start, Status.INTERIM_UPDATE, 600)
    customer.reports(start, Status.INTERIM_UPDATE, 900)
    assert customer.messages() == ["limit_warning"]
    customer.reports(start, Status.INTERIM_UPDATE, 1_200)

    order = place.ack.wait_for_disconnect()
    assert order["User-Name"] == [customer.login]
    assert order["Acct-Session-Id"] == [customer.login]
    assert order["NAS-Identifier"] == ["ack"]
    done = customer.outcome()
    assert (done["outcome"], done["attempts"]) == ("ack", 1)
    assert done["reason"] == "minutes reached: 20 min of 20 min"
    assert customer.messages() == ["limit_warning", "limit_reached"]
    assert Books(place.daemon).messages(customer.login, "network") == ["enforce_limit"]
    assert customer.refusal() == "minutes reached: 20 min of 20 min"

    # a NAS that acknowledged and goes on reporting is told again, the customer is not
    customer.reports(start, Status.INTERIM_UPDATE, 1_300)
    assert place.ack.wait_for_disconnect()["Acct-Session-Id"] == [customer.login]
    customer.reports(start, Status.STOP, 1_310)
    assert customer.messages() == ["limit_warning", "limit_reached"]


def test_octets_cut_and_the_nas_refuses(place: Place) -> None:
    customer = place.customer("two-megabytes", nas="nak")
    start = customer.now()
    customer.reports(start, Status.START)
    customer.reports(start, Status.INTERIM_UPDATE, 60, 999_999)
    assert customer.messages() == []
    customer.reports(start, Status.INTERIM_UPDATE, 120, 2_000_000)  # both at once
    assert place.nak.wait_for_disconnect()["Acct-Session-Id"] == [customer.login]
    done = customer.outcome()
    assert (done["outcome"], done["error_cause"]) == ("nak", "session context not found")
    assert customer.messages() == ["limit_warning", "limit_reached"]
    assert customer.refusal() == "volume reached: 2 MB of 2 MB"


def test_money_cuts_and_the_nas_says_nothing(place: Place) -> None:
    customer = place.customer("two-dollars", nas="nothing")
    start = customer.now()
    customer.reports(start, Status.START)
    customer.reports(start, Status.INTERIM_UPDATE, 1_500, 499_999)
    assert customer.messages() == ["limit_warning"]
    customer.reports(start, Status.INTERIM_UPDATE, 1_500, 500_000)
    orders = [place.nothing.wait_for_disconnect() for _ in range(TRIES)]
    assert orders == [orders[0]] * TRIES
    done = customer.outcome()
    assert (done["outcome"], done["attempts"]) == ("timeout", TRIES)
    assert customer.messages() == ["limit_warning", "limit_reached"]
    assert customer.refusal() == "budget reached: 2.00 USD of 2.00 USD"


def test_an_order_is_resent_byte_by_byte_with_back_off(place: Place) -> None:
    customer = place.customer("two-megabytes", nas="silent")
    customer.reports(customer.now(), Status.START)
    customer.reports(customer.now(), Status.INTERIM_UPDATE, 60, 5_000_000)
    orders = place.silent.wait_for_orders(TRIES)
    assert orders == [orders[0]] * TRIES  # the authenticator is a hash of all octets
    assert not place.silent.wrong
    assert customer.outcome()["attempts"] == TRIES


def test_a_credit_limit_cuts_and_keeps_out(place: Place) -> None:
    customer = place.customer("metered", "--credit-limit=2.00")
    assert customer.session_timeout() == 1_999  # the next second reaches it
    start = customer.now()
    customer.reports(start, Status.START)
    customer.reports(start, Status.INTERIM_UPDATE, 1_999)
    assert customer.messages() == []
    customer.reports(start, Status.INTERIM_UPDATE, 2_000)
    assert place.ack.wait_for_disconnect()["Acct-Session-Id"] == [customer.login]
    customer.reports(start, Status.STOP, 2_003)
    assert customer.messages() == ["limit_reached"]
    refusal = customer.refusal()
    assert refusal is not None
    assert refusal.startswith("credit limit reached: owes 2.003")
    Books(place.daemon).wait_until_posted()
    checks = place.daemon.aaactl("explain", "login", customer.login)
    failed = [check["check"] for check in checks if check["verdict"] == "failed"]
    assert failed == ["credit"]


def test_a_credit_limit_passed_over_a_cycles_end_is_announced_once(place: Place) -> None:
    """What is owed is no cycle's: the session is cut at the border, the customer hears once."""
    nas = place.stack.enter_context(place.daemon.nas("ack"))
    customer = Customer(place, OLD_LOGIN, nas)
    ten_to_midnight = int(datetime(2026, 1, 4, 23, 50, tzinfo=UTC).timestamp())
    customer.reports(ten_to_midnight, Status.STOP, 3_000)
    assert customer.messages() == ["limit_reached"]
    events = Books(place.daemon).usage_events(OLD_LOGIN)
    assert [(event[0], event[3]) for event in events] == [(600, "0.600000"), (2_400, "2.400000")]


def test_session_timeout_never_exceeds_what_is_left(place: Place) -> None:
    customer = place.customer("twenty-minutes")
    assert customer.session_timeout() == 1_200
    place.an_hour_later()  # or the session would be older than its service, and taken over
    start = customer.now() - 500
    customer.reports(start, Status.STOP, 500)
    assert customer.session_timeout() == 700
    # another session of the same service runs: what it uses is not there for the next
    second = customer.now() - 300
    customer.nas.report(Status.START, "second", login=customer.login, event_at=second)
    left = customer.session_timeout()
    assert left is not None
    assert 390 <= left <= 400
    customer.nas.report(
        Status.STOP, "second", login=customer.login, session_time=300, event_at=second + 300
    )
    assert customer.session_timeout() == 400

    budget = place.customer("two-dollars")
    assert budget.session_timeout() == 1_999


def test_the_timer_cuts_between_reports(place: Place) -> None:
    customer = place.customer("twenty-minutes")
    customer.reports(customer.now(), Status.START)
    place.daemon.aaactl("clock", "advance", "1190")
    assert customer.session_timeout() is not None
    place.daemon.aaactl("clock", "advance", "20")
    assert place.ack.wait_for_disconnect()["Acct-Session-Id"] == [customer.login]
    assert customer.outcome()["reason"].startswith("minutes reached: 20 min")


def test_a_suspended_account_is_offline_within_a_second(place: Place) -> None:
    customer = place.customer("metered")
    customer.reports(customer.now(), Status.START)
    place.daemon.aaactl("account", "suspend", "--login", customer.login)
    changed = time.monotonic()
    assert place.ack.wait_for_disconnect()["Acct-Session-Id"] == [customer.login]
    assert time.monotonic() - changed < 1
    assert customer.outcome()["reason"] == "account suspended: manual"
    assert customer.refusal() == "account suspended: manual"
    place.daemon.aaactl("account", "reopen", "--login", customer.login)
    assert customer.logs_in().code == Code.ACCESS_ACCEPT


def test_a_session_of_a_service_activated_just_now_may_run(place: Place) -> None:
    customer = place.customer("metered")
    customer.reports(customer.now(), Status.START)
    customer.reports(customer.now(), Status.INTERIM_UPDATE, 1)
    Books(place.daemon).wait_until_posted()
    orders = [e for e in place.daemon.log if e["event"] == "session_disconnect"]
    assert customer.login not in {order["login"] for order in orders}


def test_a_top_up_lets_in_again_and_announces_nothing_twice(place: Place) -> None:
    customer = place.customer("twenty-minutes")
    place.an_hour_later()
    customer.reports(customer.now() - 1_500, Status.STOP, 1_500)
    assert customer.messages() == ["limit_warning", "limit_reached"]
    assert customer.logs_in().code == Code.ACCESS_REJECT
    place.daemon.aaactl(
        "limit", "topup", "--login", customer.login, "--name", "minutes", "--quantity", "10min"
    )
    assert customer.session_timeout() == 300  # 30 minutes less 25
    assert customer.messages() == ["limit_warning", "limit_reached"]


def test_an_operator_disconnects_a_session(place: Place) -> None:
    customer = place.customer("metered")
    customer.reports(customer.now(), Status.START)
    (session,) = place.daemon.aaactl("sessions", "--login", customer.login)
    done = place.daemon.aaactl("disconnect", str(session["session_id"]))
    assert (done["outcome"], done["attempts"]) == ("ack", 1)
    assert place.ack.wait_for_disconnect()["Acct-Session-Id"] == [customer.login]
