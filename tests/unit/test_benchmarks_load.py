"""Proves that the load generator sends what a server must accept, and sees every lie.

A server of the tests, which shares no code with the generator, judges its requests; then it loses
answers, forges, refuses, cuts and repeats them, and the generator's counters must say so exactly.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from tests.e2e.wire import Attribute, Status
from tests.lying_server import Lie, LyingServer

pytest.importorskip(
    "benchmarks.load.exchange", reason="the load generator is not compiled: make bench"
)

from benchmarks.load.exchange import Exchange
from benchmarks.load.histogram import Histogram
from benchmarks.load.logins import Logins
from benchmarks.load.packets import Secret
from benchmarks.load.people import make_people, read_people, set_mschap2, write_people
from benchmarks.load.ports import Ports
from benchmarks.load.sessions import Sessions
from benchmarks.load.users import Users

SECRET = b"a secret of the tests"
BEGAN_AT = 1_700_000_000
PEOPLE = make_people(40)
REQUESTS = 300
LIES = 10
PATIENCE_MS = 20_000
"""Where every answer comes: no machine is so slow."""
SHORT_MS = 1_000
"""Where answers are withheld: a request that is lost on purpose waits so long, twice."""


def logins(method: str = "pap") -> Logins:
    users = Users(PEOPLE)
    set_mschap2(users, PEOPLE)
    return Logins(users, method=method, nases=4, seed=1, in_order=False)


def sessions(count: int = 16, interims: int = 3) -> Sessions:
    return Sessions(
        Users(PEOPLE), count=count, interims=interims, nases=4, seed=7, began_at=BEGAN_AT
    )


def play(
    server: LyingServer, work: Logins | Sessions, *, timeout_ms: int = PATIENCE_MS, **run: int
) -> Exchange:
    """A load of 300 requests."""
    with server.serving() as port:
        ports = Ports(("127.0.0.1", port), 2)
        exchange = Exchange(ports, Secret(SECRET), work, timeout_ms=timeout_ms, tries=2)
        exchange.run(**{"time_ms": 60_000, "requests": REQUESTS, "window": 64, **run})
        ports.close()
    return exchange


def server(**given: Any) -> LyingServer:
    return LyingServer(SECRET, dict(PEOPLE), **given)


def sometimes(lie: Lie) -> Any:
    """Lie about ten of 300 requests, every time that they come."""
    seen: dict[bytes, int] = {}

    def decide(request: bytes, _times: int) -> Lie:
        number = seen.setdefault(request, len(seen))
        return lie if number % (REQUESTS // LIES) == 0 else Lie.NONE

    return decide


@pytest.mark.parametrize("method", ["pap", "chap", "mschapv2"])
def test_logins_are_right(method: str) -> None:
    honest = server()
    exchange = play(honest, logins(method))
    assert honest.complaints == []
    assert len(honest.requests) == exchange.sent == exchange.answered == REQUESTS
    assert exchange.latency.total == REQUESTS
    names = {packet.all(Attribute.USER_NAME)[0] for packet in honest.requests}
    assert len(names) > len(PEOPLE) // 2


def test_logins_in_order_visit_everybody_once() -> None:
    honest = server()
    work = Logins(Users(PEOPLE), method="pap", nases=4, seed=1, in_order=True)
    play(honest, work, requests=len(PEOPLE), window=1)
    names = [packet.all(Attribute.USER_NAME)[0] for packet in honest.requests]
    assert names == [name for name, _ in PEOPLE]


def test_an_open_loop_keeps_its_rate() -> None:
    exchange = play(server(), logins(), rate=1_000)
    assert exchange.answered == REQUESTS
    assert exchange.elapsed_us >= (REQUESTS - 1) * 1_000


@pytest.mark.parametrize(
    ("lie", "counter"),
    [
        (Lie.FORGED, "wrong_authenticator"),
        (Lie.CUT, "malformed"),
        (Lie.SILENCE, "lost"),
    ],
)
def test_answers_that_are_none_are_counted_and_lost(lie: Lie, counter: str) -> None:
    exchange = play(server(lie=sometimes(lie)), logins(), timeout_ms=SHORT_MS)
    assert (exchange.lost, exchange.answered) == (LIES, REQUESTS - LIES)
    assert exchange.resent >= LIES
    tries = 1 if lie is Lie.SILENCE else 2
    assert getattr(exchange, counter) == tries * LIES


def test_a_refusal_is_wrong_and_answered() -> None:
    exchange = play(server(lie=sometimes(Lie.REFUSAL)), logins())
    assert (exchange.wrong_code, exchange.lost, exchange.answered) == (LIES, 0, REQUESTS)


def test_a_second_answer_is_unexpected() -> None:
    exchange = play(server(lie=sometimes(Lie.TWICE)), logins())
    assert (exchange.answered, exchange.lost, exchange.wrong_authenticator) == (REQUESTS, 0, 0)
    assert exchange.unexpected >= LIES - 1  # the last may come when nobody listens


def test_a_lost_answer_is_asked_for_again_with_the_same_octets() -> None:
    def first_is_lost(_request: bytes, times: int) -> Lie:
        return Lie.SILENCE if times == 1 else Lie.NONE

    exchange = play(server(lie=first_is_lost), logins(), timeout_ms=SHORT_MS, requests=20)
    assert (exchange.lost, exchange.answered, exchange.resent) == (0, 20, 20)


def test_the_book_is_what_was_acknowledged() -> None:
    honest = server()
    work = sessions()
    play(honest, work)
    assert honest.complaints == []
    last = last_reports(honest)
    book = {line[0].encode(): line for line in work.book()}
    assert book.keys() == last.keys()
    for key, (status, seconds, input_octets, output_octets) in last.items():
        assert book[key][4:7] == (seconds, input_octets, output_octets)
        assert book[key][7] == (2 if status == Status.STOP else 1)


def test_sessions_start_report_and_stop_in_their_order() -> None:
    honest = server()
    play(honest, sessions(interims=3))
    reports: dict[bytes, list[int]] = {}
    for packet in honest.requests:
        status = number(packet.all(Attribute.ACCT_STATUS_TYPE))
        reports.setdefault(packet.all(Attribute.ACCT_SESSION_ID)[0], []).append(status)
    whole = [Status.START, *[Status.INTERIM_UPDATE] * 3, Status.STOP]
    ended = [report for report in reports.values() if report[-1] == Status.STOP]
    assert whole in ended
    assert {len(report) for report in ended} == {2, 3, 4, 5}, "the first ends are staggered"
    for report in ended:
        assert report == [*whole[: len(report) - 1], Status.STOP]


def test_a_session_without_an_answer_is_uncertain() -> None:
    work = sessions(count=64)
    exchange = play(server(lie=sometimes(Lie.SILENCE)), work, timeout_ms=SHORT_MS)
    stages = Counter(line[7] for line in work.book())
    assert exchange.lost == stages[3] == LIES


def test_saved_sessions_go_on() -> None:
    honest = server()
    work = sessions()
    play(honest, work, requests=100)
    second = sessions()
    second.load(work.save())
    assert second.book() == work.book()
    play(honest, second, requests=100)
    last = last_reports(honest)
    assert {line[0].encode(): line[4] for line in second.book()} == {
        key: seconds for key, (_, seconds, _, _) in last.items()
    }


def test_percentiles_are_upper_bounds_within_a_sixty_fourth() -> None:
    chance = random.Random(1)
    values = sorted(int(chance.lognormvariate(6, 2)) for _ in range(10_000))
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    for per_mille in (1, 500, 900, 990, 999, 1000):
        exact = values[-(-len(values) * per_mille // 1000) - 1]
        assert exact <= histogram.at(per_mille) <= exact + exact // 64
    assert (histogram.total, histogram.largest) == (len(values), values[-1])
    with pytest.raises(ValueError, match="0 per mille"):
        histogram.at(0)


def test_a_file_of_people_is_read_as_written(tmp_path: Any) -> None:
    write_people(tmp_path / "people", PEOPLE)
    assert read_people(tmp_path / "people") == PEOPLE
    (tmp_path / "people").write_text("anna\n")
    with pytest.raises(ValueError, match="people:1: write `name password`"):
        read_people(tmp_path / "people")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Secret(b""), "0 octets"),
        (lambda: Users([]), "0 users"),
        (lambda: Users([(b"n" * 65, b"p")]), "1 to 64 octets"),
        (lambda: sessions(count=0), "0 open sessions"),
        (lambda: sessions(interims=151), "151 interims"),
        (lambda: Ports(("127.0.0.1", 1), 0), "0 source ports"),
        (lambda: logins("eap"), "'eap' is no method"),
        (lambda: sessions().load(sessions(count=3).save()), "of 3 sessions, this run of 16"),
    ],
)
def test_what_cannot_be_is_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def last_reports(server: LyingServer) -> dict[bytes, tuple[int, int, int, int]]:
    """(status, seconds, input octets, output octets) of the last report of each session."""
    last = {}
    for packet in server.requests:
        last[packet.all(Attribute.ACCT_SESSION_ID)[0]] = (
            number(packet.all(Attribute.ACCT_STATUS_TYPE)),
            number(packet.all(Attribute.ACCT_SESSION_TIME)),
            octets(packet, Attribute.ACCT_INPUT_OCTETS, Attribute.ACCT_INPUT_GIGAWORDS),
            octets(packet, Attribute.ACCT_OUTPUT_OCTETS, Attribute.ACCT_OUTPUT_GIGAWORDS),
        )
    return last


def octets(packet: Any, low: Attribute, high: Attribute) -> int:
    return number(packet.all(high)) << 32 | number(packet.all(low))


def number(values: Any) -> int:
    return int.from_bytes(values[0], "big") if values else 0
