"""The story: a Friday night, three weeks, two customers' limits, and a daemon that is killed.

Everything happens over the wire or by `aaactl`; what is proved is read from the packets that came
back and from what the control socket shows. Time is the daemon's settable clock.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from typing import Any

from aaad.control.local_time import local, parse_instant
from aaad.control.sentences import charge_sentences
from aaad.radius.codes import AcctStatusType, TerminateCause
from demo.daemon import Daemon
from demo.nas import Line, Nas, NoAnswer
from demo.scene import Check, Customer, Scene, clock_text, dollars
from demo.screen import Screen

ZONE = "America/New_York"
PASSWORD = "correct horse"  # noqa: S105 - of invented customers
CHAPTERS = 7
MIN_S = 60
HOUR_S = 3600
DAY_S = 86_400

OPENING = "2026-06-05T16:00:00"
"""A Friday. New York changes no clock in June, and the billing cycle is June."""

BEN_HOURS_A_DAY = 10
BEN_INTERIM_S = HOUR_S
DAYS_TO_SOFT = 15
DAYS_OF_TEN_HOURS = 19
"""150 hours after the first, 190 after all: what is left is for the last chapter."""

CRASHED_SESSIONS = 2

READ_S = 0.5
"""Time to read a line of the story."""

POSTED_MAX_S = 5
POLL_S = 0.02

TICK_S = 0.06
"""Between two looks at a meter that runs."""


class Story:
    """Plays itself, chapter by chapter. Raises what the NAS and the daemon raise."""

    def __init__(self, daemon: Daemon, nas: Nas, scene: Scene, screen: Screen) -> None:
        self._daemon = daemon
        self._nas = nas
        self._scene = scene
        self._screen = screen
        self._at = parse_instant(OPENING, zone=ZONE)
        self._friday = parse_instant("2026-06-05T22:00:00", zone=ZONE)
        self._midnight = self._friday + 2 * HOUR_S

    def play(self) -> None:
        """The whole story."""
        self._open()
        anna, carla = self._log_in()
        self._tick(anna, carla)
        self._crash(anna, carla)
        self._pass_midnight(anna, carla)
        self._warn_ben()
        self._cut_ben()

    # ---- the chapters

    def _open(self) -> None:
        self._screen.chapter("A provider opens: one price list, three customers")
        self._daemon.start()
        self._scene.alive = True
        self._move_to(self._at)
        price_list = ["conf/pricelist/dialup.toml", "--effective", "2026-01-01T00:00:00Z"]
        self._clerk("pricelist", "load", *price_list)
        self._register("anna", "weekday-hours", "$1/h, weekends free")
        self._register("ben", "dialup-200", "warned at 150 h")
        self._register("carla", "weekday-hours", "$1/h, may owe $2", "--credit-limit=2.00")
        self._clerk("service", "set", "ben", "--reply", f"Acct-Interim-Interval={BEN_INTERIM_S}")
        self._look()
        self._screen.pause(READ_S)

    def _log_in(self) -> tuple[Line, Line]:
        self._screen.chapter("Friday, 22:00: logging in")
        self._move_to(self._friday)
        self._screen.say("First with a wrong password: refused, and a little later than needed.")
        refused = self._nas.log_in("anna", "wrong horse")
        self._check("wrong password refused", not refused.accepted, "Access-Reject")
        self._explain("anna")
        reply = self._nas.log_in("anna", PASSWORD, chap=True)
        self._check("CHAP login accepted", reply.accepted, "Access-Accept")
        anna = self._nas.begin("anna", reply, at=self._at)
        self._screen.say("anna is online, at $1.00 an hour.")
        self._run_until(self._friday + HOUR_S, [anna])
        self._screen.say("carla may owe $2.00: an hour today, a free weekend, an hour on Monday.")
        self._explain("carla")
        reply = self._nas.log_in("carla", PASSWORD)
        weekend_s = 50 * HOUR_S - 1  # the second that fills the $2.00 is one too many
        self._check(
            "money sets the timeout",
            reply.session_timeout_s == weekend_s,
            f"$2.00 from Friday 23:00 on: {reply.session_timeout_s} s, until Monday 01:00",
        )
        carla = self._nas.begin("carla", reply, at=self._at)
        self._screen.pause(READ_S)
        return anna, carla

    def _tick(self, anna: Line, carla: Line) -> None:
        self._screen.chapter("The meter ticks")
        self._screen.say("A report every 10 minutes; each is on disk before it is acknowledged.")
        self._run_until(self._friday + 90 * MIN_S, [anna, carla])
        self._screen.pause(READ_S)

    def _crash(self, anna: Line, carla: Line) -> None:
        self._screen.chapter("23:40: kill -9, in the middle of two sessions")
        self._run_until(self._friday + 100 * MIN_S, [anna, carla])
        before = self._running()
        self._daemon.kill()
        self._scene.alive = False
        self._screen.say("Dead. What it acknowledged is in its journal.")
        report = self._nas.report_of(anna, AcctStatusType.INTERIM_UPDATE, at=self._at)
        self._nas.is_unanswered(report, "Interim-Update anna")
        self._screen.pause(READ_S)
        self._daemon.start()
        self._scene.alive = True
        after = self._running()
        self._look()
        self._check(
            "kill -9 loses nothing",
            before == after and len(after) == CRASHED_SESSIONS,
            "as before: "
            + ", ".join(f"{login} {dollars(cost)}" for login, cost in sorted(after.items())),
        )
        self._nas.acknowledge(report, anna, AcctStatusType.INTERIM_UPDATE)
        self._screen.say("Started again, the journal replayed: the same totals, to the micro.")
        self._screen.pause(READ_S)

    def _pass_midnight(self, anna: Line, carla: Line) -> None:
        self._screen.chapter("Midnight: the weekend is free")
        self._run_until(self._midnight + HOUR_S, [anna, carla])
        self._nas.end(anna, at=self._at)
        self._nas.end(carla, at=self._at)
        self._look()
        self._await_posting()
        charge = self._charge("anna")
        piece = charge["piece"]
        self._screen.say("What the books say about anna's session, segment by segment:")
        for sentence in charge_sentences(
            piece["segments"],
            currency=charge["currency"],
            zone=charge["zone"],
            total_micros=piece["charge_micros"],
        ):
            self._screen.say(f"  {sentence}")
        bands = [(one["band"], one["quantity"], one["amount_micros"]) for one in piece["segments"]]
        self._check(
            "price drops at midnight",
            bands == [("weekday", 2 * HOUR_S, 2_000_000), ("weekend", HOUR_S, 0)],
            "2 h at $1.00, 1 h free",
        )
        self._check_owes("Friday to Saturday: $2", "anna", 2_000_000)
        self._check_owes("the same for carla: $1", "carla", 1_000_000)
        self._screen.pause(READ_S * 2)

    def _warn_ben(self) -> None:
        self._screen.chapter("Two weeks later: the soft limit")
        self._screen.say("ben dials in for 10 hours a day, with a report each hour.")
        begin = parse_instant("2026-06-06T10:00:00", zone=ZONE)
        self._nas.routine = True
        for day in range(DAYS_TO_SOFT):
            self._online_all_day(begin + day * DAY_S)
        self._await_posting()
        warnings = self._mails("limit_warning")
        self._check(
            "soft limit warns once",
            len(warnings) == 1,
            f"{len(warnings)} mail in the outbox at {self._ben_hours()} h",
        )
        self._screen.say("150 hours: one mail waits in the outbox. He stays online.")
        self._screen.pause(READ_S)
        for day in range(DAYS_TO_SOFT, DAYS_OF_TEN_HOURS):
            self._online_all_day(begin + day * DAY_S)
        self._nas.routine = False

    def _cut_ben(self) -> None:
        self._screen.chapter("200 hours: the hard limit, on two lines at once")
        self._move_to(parse_instant("2026-06-25T18:00:00", zone=ZONE))
        self._screen.say("10 hours are left. Two lines use them up in 5: before any timeout.")
        lines = []
        for _ in range(2):
            reply = self._nas.log_in("ben", PASSWORD)
            lines.append(self._nas.begin("ben", reply, at=self._at))
        self._screen.pause(READ_S)
        self._run_until(self._at + 5 * HOUR_S, lines, step_s=BEN_INTERIM_S)
        ordered = {self._nas.take_order() for _ in lines}
        self._check(
            "Disconnects arrive",
            ordered == {line.acct_session_id for line in lines},
            "one for each line, verified and acknowledged by the NAS",
        )
        for line in lines:
            self._nas.end(line, at=self._at, cause=TerminateCause.ADMIN_RESET)
        self._look()
        self._check("offline at 200 hours", not self._running(), f"{self._ben_hours()} h used")
        self._customer("ben").barred = True
        self._explain("ben")
        refused = self._nas.log_in("ben", PASSWORD)
        self._check(
            "next login refused",
            not refused.accepted and "reached" in refused.message,
            f"Reply-Message: {refused.message}",
        )
        self._screen.say(f"Both are off, and he cannot come back: {refused.message}.")
        self._screen.pause(READ_S * 2)

    # ---- what the chapters are made of

    def _clerk(self, *arguments: str, stdin: str = "") -> None:
        self._screen.say(f"$ aaactl {shlex.join(arguments)}")
        self._daemon.aaactl(*arguments, stdin=stdin)
        self._hear()

    def _register(self, login: str, offer: str, words: str, *more: str) -> None:
        arguments = [f"--login={login}", f"--offer={offer}", *more, f"--name={login.title()}"]
        arguments += ["--currency=USD", f"--zone={ZONE}", "--bill-day=1"]
        self._clerk("account", "register", *arguments, stdin=PASSWORD + "\n")
        customer = Customer(login=login, offer=words)
        show_limits(customer, self._daemon.ask("balance", login=login.encode())["limits"])
        self._scene.customers.append(customer)
        self._screen.draw()

    def _online_all_day(self, at: int) -> None:
        self._move_to(at)
        reply = self._nas.log_in("ben", PASSWORD)
        line = self._nas.begin("ben", reply, at=at)
        self._run_until(
            at + BEN_HOURS_A_DAY * HOUR_S, [line], step_s=BEN_INTERIM_S, tick_s=TICK_S / 8
        )
        self._nas.end(line, at=self._at)
        self._look()

    def _run_until(
        self, at: int, lines: list[Line], *, step_s: int = 10 * MIN_S, tick_s: float = TICK_S
    ) -> None:
        """Time passes, and each line reports."""
        while self._at < at:
            self._move_to(self._at + step_s)
            for line in lines:
                self._nas.interim(line, at=self._at)
            self._look()
            self._screen.pause(tick_s)

    def _move_to(self, at: int) -> None:
        self._at = at
        self._scene.clock = f"{local(at, ZONE):%a %-d %b %H:%M}"
        self._daemon.ask("clock.set", at=at)

    def _running(self) -> dict[str, int]:
        """What each session that runs costs so far, in micros, by login."""
        sessions = self._daemon.ask("session.list")["sessions"]
        return {one["login"]: one["charge_micros"] for one in sessions}

    def _look(self) -> None:
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
        self._hear()

    def _hear(self) -> None:
        """What the daemon wrote into its log."""
        for entry in self._daemon.new_log_entries():
            words = LOG_WORDS.get(entry["event"])
            if words is not None:
                self._screen.decided(words(entry))

    def _explain(self, login: str) -> None:
        """The checks of the decision to come; those about limits and money with what they saw."""
        checks = self._daemon.ask("explain.login", login=login.encode())["checks"]
        passed = sum(check["verdict"] == "passed" for check in checks)
        self._screen.decided(f"{login}: {passed} of {len(checks)} checks passed")
        for check in checks:
            if check["input"] not in WITHOUT_LIMIT and check["check"] in {"limits", "credit"}:
                self._screen.decided(f"  {check['check']}: {check['input']}")

    def _await_posting(self) -> None:
        """The books follow the journal within a tick of the poster. Raises NoAnswer."""
        deadline = time.monotonic() + POSTED_MAX_S
        while True:
            sections = self._daemon.ask("status")["sections"]
            if sections["poster"]["posted lsn"] == sections["journal"]["last lsn"]:
                return
            if time.monotonic() > deadline:
                raise NoAnswer(f"the books did not follow the journal in {POSTED_MAX_S} s")
            time.sleep(POLL_S)

    def _charge(self, login: str) -> Any:
        """The usage event of a customer's only session, explained."""
        found = self._daemon.ask("event.list", account={"login": login.encode()}, limit=1)
        event_id = found["events"][0]["event_id"]
        return self._daemon.ask(
            "explain.charge", account={"login": login.encode()}, event_id=event_id
        )

    def _check_owes(self, name: str, login: str, expected_micros: int) -> None:
        balances = self._daemon.ask("balance", login=login.encode())["balances"]
        owed = sum(one["posted_micros"] for one in balances if one["resource"] == "USD")
        self._check(name, owed == expected_micros, f"{login} owes {dollars(owed)}")

    def _mails(self, name: str) -> list[Any]:
        messages = self._daemon.ask("outbox.list")["messages"]
        return [one for one in messages if one["kind"] == "mail" and one["name"] == name]

    def _ben_hours(self) -> int:
        limits = self._daemon.ask("balance", login=b"ben")["limits"]
        return int(limits[0]["used"]) // HOUR_S

    def _customer(self, login: str) -> Customer:
        return next(one for one in self._scene.customers if one.login == login)

    def _check(self, name: str, passed: bool, found: str) -> None:
        self._hear()
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
    "journal_replayed": lambda e: f"replayed {e['records']} records of the journal",
    "access_rejected": lambda e: f"refused {e['login']}: {e['detail'] or e['reason']}",
    "session_disconnect": lambda e: f"disconnect {e['login']}: {e['outcome']}",
    "datagram_discarded": lambda e: f"discarded a datagram: {e['reason']}",
    "store_away": lambda e: f"the store is away: {e['error']}",
}
"""The log's lines that belong to the story, in words."""
