"""The story: a Friday night, three weeks, two customers' limits, and a daemon that is killed.

Everything happens over the wire or by `aaactl`; what is proved is read from the packets that came
back and from what the control socket shows. Time is the daemon's settable clock.
"""

from __future__ import annotations

from aaad.control.local_time import parse_instant
from aaad.control.sentences import charge_sentences
from aaad.radius.codes import AcctStatusType, TerminateCause
from demo.daemon import Daemon
from demo.nas import Line, Nas
from demo.scene import Scene, dollars
from demo.screen import Screen
from demo.stage import HOUR_S, PASSWORD, TICK_S, ZONE, Stage

CHAPTERS = 7
MIN_S = 60
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


class Story:
    """Plays itself, chapter by chapter. Raises what the NAS and the daemon raise."""

    def __init__(self, daemon: Daemon, nas: Nas, scene: Scene, screen: Screen) -> None:
        self._daemon = daemon
        self._nas = nas
        self._scene = scene
        self._screen = screen
        self._stage = Stage(daemon, nas, scene, screen, at=parse_instant(OPENING, zone=ZONE))
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
        self._stage.move_to(self._stage.at)
        price_list = ["conf/pricelist/dialup.toml", "--effective", "2026-01-01T00:00:00Z"]
        self._stage.clerk("pricelist", "load", *price_list)
        self._stage.register("anna", "weekday-hours", "$1/h, weekends free")
        self._stage.register("ben", "dialup-200", "warned at 150 h")
        self._stage.register("carla", "weekday-hours", "$1/h, may owe $2", "--credit-limit=2.00")
        self._stage.clerk(
            "service", "set", "ben", "--reply", f"Acct-Interim-Interval={BEN_INTERIM_S}"
        )
        self._stage.look()
        self._screen.pause(READ_S)

    def _log_in(self) -> tuple[Line, Line]:
        self._screen.chapter("Friday, 22:00: logging in")
        self._stage.move_to(self._friday)
        self._screen.say("First with a wrong password: refused, and a little later than needed.")
        refused = self._nas.log_in("anna", "wrong horse")
        self._stage.check("wrong password refused", not refused.accepted, "Access-Reject")
        self._stage.explain("anna")
        reply = self._nas.log_in("anna", PASSWORD, chap=True)
        self._stage.check("CHAP login accepted", reply.accepted, "Access-Accept")
        anna = self._nas.begin("anna", reply, at=self._stage.at)
        self._screen.say("anna is online, at $1.00 an hour.")
        self._stage.run_until(self._friday + HOUR_S, [anna])
        self._screen.say("carla may owe $2.00: an hour today, a free weekend, an hour on Monday.")
        self._stage.explain("carla")
        reply = self._nas.log_in("carla", PASSWORD)
        weekend_s = 50 * HOUR_S - 1  # the second that fills the $2.00 is one too many
        self._stage.check(
            "money sets the timeout",
            reply.session_timeout_s == weekend_s,
            f"$2.00 from Friday 23:00 on: {reply.session_timeout_s} s, until Monday 01:00",
        )
        carla = self._nas.begin("carla", reply, at=self._stage.at)
        self._screen.pause(READ_S)
        return anna, carla

    def _tick(self, anna: Line, carla: Line) -> None:
        self._screen.chapter("The meter ticks")
        self._screen.say("A report every 10 minutes; each is on disk before it is acknowledged.")
        self._stage.run_until(self._friday + 90 * MIN_S, [anna, carla])
        self._screen.pause(READ_S)

    def _crash(self, anna: Line, carla: Line) -> None:
        self._screen.chapter("23:40: kill -9, in the middle of two sessions")
        self._stage.run_until(self._friday + 100 * MIN_S, [anna, carla])
        before = self._stage.running()
        self._daemon.kill()
        self._scene.alive = False
        self._screen.say("Dead. What it acknowledged is in its journal.")
        report = self._nas.report_of(anna, AcctStatusType.INTERIM_UPDATE, at=self._stage.at)
        self._nas.is_unanswered(report, "Interim-Update anna")
        self._screen.pause(READ_S)
        self._daemon.start()
        self._scene.alive = True
        after = self._stage.running()
        self._stage.look()
        self._stage.check(
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
        self._stage.run_until(self._midnight + HOUR_S, [anna, carla])
        self._nas.end(anna, at=self._stage.at)
        self._nas.end(carla, at=self._stage.at)
        self._stage.look()
        self._stage.await_posting()
        charge = self._stage.charge("anna")
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
        self._stage.check(
            "free after midnight",
            bands == [("weekday", 2 * HOUR_S, 2_000_000), ("weekend", HOUR_S, 0)],
            "2 h at $1.00, 1 h free",
        )
        self._stage.check_owes("Friday to Saturday: $2", "anna", 2_000_000)
        self._stage.check_owes("the same for carla: $1", "carla", 1_000_000)
        self._screen.pause(READ_S * 2)

    def _warn_ben(self) -> None:
        self._screen.chapter("Two weeks later: the soft limit")
        self._screen.say("ben dials in for 10 hours a day, with a report each hour.")
        begin = parse_instant("2026-06-06T10:00:00", zone=ZONE)
        self._nas.routine = True
        for day in range(DAYS_TO_SOFT):
            self._online_all_day(begin + day * DAY_S)
        self._stage.await_posting()
        warnings = self._stage.mails("limit_warning")
        self._stage.check(
            "soft limit warns once",
            len(warnings) == 1,
            f"{len(warnings)} mail in the outbox at {self._ben_hours()} h",
        )
        self._screen.decided(f"queued for ben: {', '.join(one['name'] for one in warnings)}")
        self._screen.say("150 hours: one mail waits in the outbox. He stays online.")
        self._screen.pause(READ_S)
        for day in range(DAYS_TO_SOFT, DAYS_OF_TEN_HOURS):
            self._online_all_day(begin + day * DAY_S)
        self._nas.routine = False

    def _cut_ben(self) -> None:
        self._screen.chapter("200 hours: the hard limit, on two lines at once")
        self._stage.move_to(parse_instant("2026-06-25T18:00:00", zone=ZONE))
        self._screen.say("10 hours are left. Two lines use them up in 5: before any timeout.")
        lines = []
        for _ in range(2):
            reply = self._nas.log_in("ben", PASSWORD)
            lines.append(self._nas.begin("ben", reply, at=self._stage.at))
        self._screen.pause(READ_S)
        self._stage.run_until(self._stage.at + 5 * HOUR_S, lines, step_s=BEN_INTERIM_S)
        ordered = {self._nas.take_order() for _ in lines}
        self._stage.check(
            "Disconnects arrive",
            ordered == {line.acct_session_id for line in lines},
            "one for each line, verified and acknowledged by the NAS",
        )
        for line in lines:
            self._nas.end(line, at=self._stage.at, cause=TerminateCause.ADMIN_RESET)
        self._stage.look()
        self._stage.check(
            "offline at 200 hours", not self._stage.running(), f"{self._ben_hours()} h used"
        )
        self._stage.customer("ben").barred = True
        self._stage.explain("ben")
        refused = self._nas.log_in("ben", PASSWORD)
        self._stage.check(
            "next login refused",
            not refused.accepted and "reached" in refused.message,
            f"Reply-Message: {refused.message}",
        )
        self._screen.say(f"Both are off, and he cannot come back: {refused.message}.")
        self._screen.pause(READ_S * 2)

    def _online_all_day(self, at: int) -> None:
        self._stage.move_to(at)
        reply = self._nas.log_in("ben", PASSWORD)
        line = self._nas.begin("ben", reply, at=at)
        self._stage.run_until(
            at + BEN_HOURS_A_DAY * HOUR_S, [line], step_s=BEN_INTERIM_S, tick_s=TICK_S / 10
        )
        self._nas.end(line, at=self._stage.at)
        self._stage.look()

    def _ben_hours(self) -> int:
        limits = self._daemon.ask("balance", login=b"ben")["limits"]
        return int(limits[0]["used"]) // HOUR_S
