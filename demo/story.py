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
from aaad.control.sentences import charge_sentences, price_words
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
SOFT_S = 150 * HOUR_S
HARD_S = 200 * HOUR_S

READ_S = 0.7
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
        self._screen.draw()
        self._daemon.start()
        self._scene.alive = True
        self._move_to(self._at)
        self._clerk(
            "pricelist", "load", "conf/pricelist/dialup.toml", "--effective", "2026-01-01T00:00:00Z"
        )
        self._register("anna", "weekday-hours", "$1.00/h, weekends free")
        self._register("ben", "dialup-200", "150 h, then a warning; 200 h")
        self._register(
            "carla", "weekday-hours", "the same, may owe $2.00", "--credit-limit", "2.00"
        )
        self._clerk("service", "set", "ben", "--reply", f"Acct-Interim-Interval={BEN_INTERIM_S}")
        self._look()
        self._screen.pause(READ_S)

    def _log_in(self) -> tuple[Line, Line]:
        self._screen.chapter("Friday, 22:00: logging in")
        self._move_to(self._friday)
        refused = self._nas.log_in("anna", "wrong horse")
        self._check("a wrong password is refused", not refused.accepted, "Access-Reject")
        self._explain("anna")
        reply = self._nas.log_in("anna", PASSWORD, chap=True)
        self._check("anna logs in by CHAP", reply.accepted, "Access-Accept")
        self._screen.say("anna is online. $1.00 an hour, to the second.")
        anna = self._nas.begin("anna", reply, at=self._at)
        self._run_until(self._friday + HOUR_S, [anna])
        self._explain("carla")
        reply = self._nas.log_in("carla", PASSWORD)
        weekend_s = 50 * HOUR_S - 1  # the second in which the $2.00 are full is one too many
        self._check(
            "Session-Timeout is what money buys",
            reply.session_timeout_s == weekend_s,
            f"$2.00 from Friday 23:00: {reply.session_timeout_s} s, to Monday 01:00",
        )
        self._screen.say("carla may owe $2.00: an hour today, the weekend free, an hour on Monday.")
        carla = self._nas.begin("carla", reply, at=self._at)
        self._screen.pause(READ_S)
        return anna, carla

    def _tick(self, anna: Line, carla: Line) -> None:
        self._screen.chapter("The meter ticks")
        self._screen.say("Interim reports every 10 minutes, as the price list asks.")
        self._run_until(self._friday + 90 * MIN_S, [anna, carla])
        self._screen.pause(READ_S)

    def _crash(self, anna: Line, carla: Line) -> None:
        self._screen.chapter("23:40: kill -9 in the middle of both sessions")
        self._run_until(self._friday + 100 * MIN_S, [anna, carla])
        before = self._running()
        self._daemon.kill()
        self._scene.alive = False
        self._screen.say("The daemon is dead. What it acknowledged is in its journal.")
        report = self._nas.report_of(anna, AcctStatusType.INTERIM_UPDATE, at=self._at)
        self._nas.is_unanswered(report, "Interim-Update anna")
        self._screen.pause(READ_S)
        self._daemon.start()
        self._scene.alive = True
        after = self._running()
        self._look()
        self._check(
            "kill -9 loses nothing",
            before == after and len(after) == 2,  # noqa: PLR2004 - anna and carla
            " and ".join(f"{login} {dollars(cost)}" for login, cost in sorted(after.items())),
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
        for sentence in charge_sentences(
            charge["piece"]["segments"],
            currency=charge["currency"],
            zone=charge["zone"],
            total_micros=charge["piece"]["charge_micros"],
        ):
            self._screen.say(sentence)
        self._check_posted("Friday 22:00 to Saturday 01:00", "anna", 2_000_000)
        self._check_posted("Friday 23:00 to Saturday 01:00", "carla", 1_000_000)
        self._screen.pause(READ_S * 2)

    def _warn_ben(self) -> None:
        self._screen.chapter("Two weeks later: 150 hours")
        self._screen.say("ben dials in for 10 hours a day; a report each hour.")
        begin = parse_instant("2026-06-06T10:00:00", zone=ZONE)
        self._nas.routine = True
        for day in range(SOFT_S // HOUR_S // BEN_HOURS_A_DAY):
            self._online_all_day(begin + day * DAY_S)
        self._await_posting()
        warnings = self._mails("limit_warning")
        self._check(
            "the soft limit warns, once",
            len(warnings) == 1,
            f"{len(warnings)} mail queued at {self._ben_hours()} h",
        )
        self._screen.say("One mail waits in the outbox. He stays online.")
        self._screen.pause(READ_S)
        for day in range(15, 19):
            self._online_all_day(begin + day * DAY_S)
        self._nas.routine = False

    def _cut_ben(self) -> None:
        self._screen.chapter("200 hours, on two lines at once")
        self._move_to(parse_instant("2026-06-25T18:00:00", zone=ZONE))
        self._screen.say(
            "10 hours are left, and two lines use them: no Session-Timeout knows that."
        )
        lines = []
        for _ in range(2):
            reply = self._nas.log_in("ben", PASSWORD)
            lines.append(self._nas.begin("ben", reply, at=self._at))
        self._screen.pause(READ_S)
        self._run_until(self._at + 5 * HOUR_S, lines, step_s=BEN_INTERIM_S)
        ordered = {self._nas.take_order() for _ in lines}
        self._check(
            "both Disconnect-Requests arrive",
            ordered == {line.acct_session_id for line in lines},
            "verified and acknowledged by the NAS",
        )
        for line in lines:
            self._nas.end(line, at=self._at, cause=TerminateCause.ADMIN_RESET)
        self._look()
        self._check("ben is offline at 200 h", not self._running(), f"{self._ben_hours()} h used")
        self._explain("ben")
        refused = self._nas.log_in("ben", PASSWORD)
        self._check(
            "the next login is refused",
            not refused.accepted and "reached" in refused.message,
            refused.message,
        )
        self._customer("ben").barred = True
        self._screen.pause(READ_S * 2)

    # ---- what the chapters are made of

    def _clerk(self, *arguments: str, stdin: str = "") -> None:
        self._screen.say(f"$ aaactl {shlex.join(arguments)}")
        self._daemon.aaactl(*arguments, stdin=stdin)
        self._hear()

    def _register(self, login: str, offer: str, words: str, *more: str) -> None:
        arguments = [f"--name={login.title()}", "--currency=USD", f"--zone={ZONE}", "--bill-day=1"]
        arguments += [f"--login={login}", f"--offer={offer}", *more]
        self._clerk("account", "register", *arguments, stdin=PASSWORD + "\n")
        self._scene.customers.append(Customer(login=login, offer=words))

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
        for customer in self._scene.customers:
            found = self._daemon.ask("session.list", login=customer.login.encode())["sessions"]
            customer.lines = len(found)
            if found:
                session_id = found[0]["session_id"]
                price = show(customer, self._daemon.ask("session.show", session_id=session_id))
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
        """The checks that the daemon's decision goes through, with what they look at."""
        for check in self._daemon.ask("explain.login", login=login.encode())["checks"]:
            mark = "+" if check["verdict"] == "passed" else "-"
            self._screen.decided(f"{login}: {mark} {check['check']}: {check['input']}")

    def _await_posting(self) -> None:
        """The books follow the journal within a tick of the poster. Raises NoAnswer."""
        deadline = time.monotonic() + POSTED_MAX_S
        while self._daemon.ask("status")["sections"]["poster"]["sessions to post"]:
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

    def _check_posted(self, name: str, login: str, expected_micros: int) -> None:
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
        words = price_words(last["price_micros"], per=last["per"], metric="seconds", currency="USD")
        customer.price = f"{last['band']} {words}"
    for limit in report["limits"]:
        if limit["metric"] == "seconds":
            customer.used_s, customer.soft_s = limit["used"], limit["soft"]
            customer.hard_s = limit["hard"]
    return customer.price if before not in ("", customer.price) else ""


LOG_WORDS: dict[str, Callable[[dict[str, Any]], str]] = {
    "serving": lambda e: f"serving, {e['sessions']} sessions open",
    "journal_replayed": lambda e: f"replayed {e['records']} records of the journal",
    "access_rejected": lambda e: f"refused {e['login']}: {e['detail'] or e['reason']}",
    "session_disconnect": lambda e: f"disconnect {e['login']}: {e['outcome']}",
    "datagram_discarded": lambda e: f"discarded a datagram: {e['reason']}",
    "store_away": lambda e: f"the store is away: {e['error']}",
}
"""The log's lines that belong to the story, in words."""
