"""What the chapters are made of: the clerk's commands, time that passes, and looks at the daemon.

What is shown and checked comes from the control socket, as `aaactl` would show it, and from the
daemon's log; nothing is computed here.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from typing import Any

from demo.daemon import Daemon
from demo.nas import Line, Nas, NoAnswer
from demo.scene import Check, Customer, Scene, clock_text, dollars
from demo.screen import Screen
from ratingcore.words import local

ZONE = "America/New_York"
PASSWORD = "correct horse"  # noqa: S105 - of invented customers
INTERIM_S = 600
"""What conf/pricelist/dialup.toml asks for."""

TICK_S = 0.06
"""For the reader, between two looks at a meter that runs."""

POSTED_MAX_S = 5
POLL_S = 0.02
HOUR_S = 3600


class Stage:
    """The daemon, its NAS and its clerk, at one instant of their common clock."""

    def __init__(self, daemon: Daemon, nas: Nas, scene: Scene, screen: Screen, *, at: int) -> None:
        self.at = at
        self._daemon = daemon
        self._nas = nas
        self._scene = scene
        self._screen = screen

    def clerk(self, *arguments: str, stdin: str = "") -> None:
        """A command of `aaactl`. Raises DaemonFailed."""
        self._screen.say(f"$ aaactl {shlex.join(arguments)}")
        self._daemon.aaactl(*arguments, stdin=stdin)
        self.hear()

    def register(self, login: str, offer: str, words: str, *more: str) -> None:
        """A customer with one login; `words` describe the offer on the screen."""
        arguments = [f"--login={login}", f"--offer={offer}", *more, f"--name={login.title()}"]
        arguments += ["--currency=USD", f"--zone={ZONE}", "--bill-day=1"]
        self.clerk("account", "register", *arguments, stdin=PASSWORD + "\n")
        customer = Customer(login=login, offer=words)
        show_limits(customer, self._daemon.ask("balance", login=login.encode())["limits"])
        self._scene.customers.append(customer)
        self._screen.draw()

    def run_until(
        self, at: int, lines: list[Line], *, step_s: int = INTERIM_S, tick_s: float = TICK_S
    ) -> None:
        """Time passes, and each line reports."""
        while self.at < at:
            self.move_to(self.at + step_s)
            for line in lines:
                self._nas.interim(line, at=self.at)
            self.look()
            self._screen.tick(tick_s)

    def move_to(self, at: int) -> None:
        """Set the daemon's clock, which is the NAS's too."""
        self.at = at
        self._scene.clock = f"{local(at, ZONE):%a %-d %b %H:%M}"
        self._daemon.ask("clock.set", at=at)

    def running(self) -> dict[str, int]:
        """What each session that runs costs so far, in micros, by login."""
        sessions = self._daemon.ask("session.list")["sessions"]
        return {one["login"]: one["charge_micros"] for one in sessions}

    def look(self) -> None:
        """What runs, what it costs and how far the limits are, as aaactl would show it."""
        running: dict[str, list[int]] = {}
        for one in self._daemon.ask("session.list")["sessions"]:
            running.setdefault(one["login"], []).append(one["session_id"])
        for customer in self._scene.customers:
            found = running.get(customer.login, [])
            customer.lines = len(found)
            if found:
                price = show(customer, self._daemon.ask("session.show", session_id=found[0]))
                if price:
                    self._screen.decided(f"{customer.login}: from now on {price}")
        self.hear()

    def hear(self) -> None:
        """What the daemon wrote into its log."""
        for entry in self._daemon.new_log_entries():
            words = LOG_WORDS.get(entry["event"])
            if words is not None:
                self._screen.decided(words(entry))

    def explain(self, login: str) -> None:
        """The checks of the decision to come; those about limits and money with what they saw."""
        checks = self._daemon.ask("explain.login", login=login.encode())["checks"]
        passed = sum(check["verdict"] == "passed" for check in checks)
        self._screen.decided(f"{login}: {passed} of {len(checks)} checks passed")
        for check in checks:
            if check["input"] not in WITHOUT_LIMIT and check["check"] in {"limits", "credit"}:
                self._screen.decided(f"  {check['check']}: {check['input']}")

    def await_posting(self) -> None:
        """The books follow the journal within a tick of the poster. Raises NoAnswer."""
        deadline = time.monotonic() + POSTED_MAX_S
        while True:
            sections = self._daemon.ask("status")["sections"]
            if sections["poster"]["posted lsn"] == sections["journal"]["last lsn"]:
                return
            if time.monotonic() > deadline:
                raise NoAnswer(f"the books did not follow the journal in {POSTED_MAX_S} s")
            time.sleep(POLL_S)

    def charge(self, login: str) -> Any:
        """The usage event of a customer's only session, explained."""
        found = self._daemon.ask("event.list", account={"login": login.encode()}, limit=1)
        event_id = found["events"][0]["event_id"]
        return self._daemon.ask(
            "explain.charge", account={"login": login.encode()}, event_id=event_id
        )

    def check_owes(self, name: str, login: str, expected_micros: int) -> None:
        """What is posted to a customer's account must be exactly this."""
        balances = self._daemon.ask("balance", login=login.encode())["balances"]
        owed = sum(one["posted_micros"] for one in balances if one["resource"] == "USD")
        self.check(name, owed == expected_micros, f"{login} owes {dollars(owed)}")

    def mails(self, name: str) -> list[Any]:
        """The mails of this name that wait in the outbox."""
        messages = self._daemon.ask("outbox.list")["messages"]
        return [one for one in messages if one["kind"] == "mail" and one["name"] == name]

    def customer(self, login: str) -> Customer:
        """The row of a login."""
        return next(one for one in self._scene.customers if one.login == login)

    def check(self, name: str, passed: bool, found: str) -> None:
        """Keep and show whether something is proved."""
        self.hear()
        self._scene.checks.append(Check(name, passed, found))
        self._screen.checked()


def show(customer: Customer, report: Any) -> str:
    """A session's report as the row of its customer; the price if it is another than before."""
    before = customer.price
    session, segments = report["session"], report["segments"]
    customer.time = clock_text(session["session_time_s"])
    customer.cost = dollars(session["charge_micros"])
    if segments:
        last = segments[-1]
        an_hour = last["price_micros"] * HOUR_S // last["per"]
        customer.price = f"{last['band']} " + (f"{dollars(an_hour)}/h" if an_hour else "free")
    show_limits(customer, report["limits"])
    return customer.price if before not in ("", customer.price) else ""


def show_limits(customer: Customer, limits: Any) -> None:
    """The limit over hours, if there is one."""
    for limit in limits:
        if limit["metric"] == "seconds":
            customer.used_s = limit["used"]
            customer.soft_s, customer.hard_s = limit["soft"], limit["hard"]


WITHOUT_LIMIT = ("none", "no limit")

LOG_WORDS: dict[str, Callable[[dict[str, Any]], str]] = {
    "serving": lambda e: f"serving, {e['sessions']} sessions open",
    "journal_replayed": lambda e: f"replayed {e['records']} journal records",
    "access_rejected": lambda e: f"refused {e['login']}: {e['detail'] or e['reason']}",
    "session_disconnect": lambda e: f"disconnect {e['login']}: {e['outcome']}",
    "datagram_discarded": lambda e: f"discarded a datagram: {e['reason']}",
    "store_away": lambda e: f"the store is away: {e['error']}",
}
"""The log's lines that belong to the story, in words."""
