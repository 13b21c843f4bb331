"""Proves that the load remembers rightly and that its judge bites.

The generator is run against a responder that loses every other sending, and whose log the test
compares. The judge is shown right books, and books with each of the mistakes that it is there to
find.
"""

from __future__ import annotations

import json
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import time
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.e2e import wire
from tests.e2e.journal_reader import last_lsn
from tests.e2e.load.auditor import DayNight, Usage, audit, charge
from tests.e2e.load.load import Load, log_lines

SECRET = b"a secret of the tests"
TARIFF = DayNight(
    zone="Europe/Vienna",
    day_from=time(8),
    day_to=time(20),
    day_hour=Fraction(1),
    night_hour=Fraction("0.37"),
)
NOON = 1_772_794_800
"""2026-03-06T12:00 in Vienna."""


@contextmanager
def forgetful_responder(heard: list[bytes]) -> Iterator[int]:
    """Answers a request when it comes for the second time, byte-equal; yields its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            once: set[bytes] = set()
            while data_and_peer := server.recvfrom(4096):
                data, peer = data_and_peer
                if not data:
                    return
                if data in once:
                    heard.append(data)
                    reply = wire.sign_reply(wire.Code.ACCOUNTING_RESPONSE, data, b"", SECRET)
                    server.sendto(reply[:-1] + bytes((reply[-1] ^ 1,)), peer)
                    server.sendto(reply, peer)
                once.add(data)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.sendto(b"", server.getsockname())
            thread.join()


def test_generator_resends_and_logs_what_was_acknowledged(tmp_path):
    secret_file = tmp_path / "secret"
    secret_file.write_bytes(SECRET + b"\n")
    heard: list[bytes] = []
    with forgetful_responder(heard) as port:
        daemon = SimpleNamespace(
            folder=tmp_path, accounting=("127.0.0.1", port), secret_file=secret_file
        )
        with Load(daemon, ["anna", "bert"], seed=3, window=40) as load:
            load.wait_for_acknowledged(60)
            assert load.outstanding_since_before(0) == 0
            summary = load.drain()
    reports = [json.loads(line) for line in load.log.read_text().splitlines()]
    assert summary["acknowledged"] == len(reports) == log_lines(load.log) == len(set(heard))
    assert {report["login"] for report in reports} == {"anna", "bert"}
    for name in {report["session"] for report in reports}:
        own = [report for report in reports if report["session"] == name]
        assert own[0]["kind"] == "start"
        assert sorted(own, key=lambda report: report["session_time"]) == own
        assert {report["kind"] for report in own[1:-1]} <= {"interim_update"}
    assert {report["kind"] for report in reports} >= {"start", "stop"}


@pytest.mark.parametrize(
    ("started_at", "seconds", "expected"),
    [
        (NOON, 3600, "1"),
        (NOON, 12 * 3600, "9.48"),  # 8 h by day, 4 h by night
        (NOON, 1, "0.000278"),
        (1_774_735_200, 24 * 3600, "16.44"),  # from 2026-03-28 23:00: a night of 8 h
    ],
)
def test_charge_is_what_a_person_works_out(started_at, seconds, expected):
    usage = _usage(started_at=started_at, session_time=seconds)
    assert charge(TARIFF, usage) == Fraction(expected)


RIGHT = {
    "session": [(1, 7, "s1", 3600, 10, 20, "closed", "0.000000", 0)],
    "event": [(1, 7, 1800, 5, 10, "0.500000"), (1, 7, 1800, 5, 10, "0.500000")],
    "balance": [(1, "1.000000", "0.000000")],
    "suspense": [],
}
WRONG = {
    "not in the books": {**RIGHT, "session": []},
    "2 times": {**RIGHT, "session": RIGHT["session"] * 2},
    "seconds must be": {**RIGHT, "session": [(1, 7, "s1", 3599, 10, 20, "closed", "0", 0)]},
    "charge must be": {**RIGHT, "event": RIGHT["event"] * 2},
    "octets of events": {
        **RIGHT,
        "event": [(1, 7, 1800, 5, 10, "0.500000"), (1, 7, 1800, 5, 9, "0.500000")],
    },
    "accrued after the end": {
        **RIGHT,
        "session": [(1, 7, "s1", 3600, 10, 20, "closed", "0.5", 0)],
    },
    "ended must be": {**RIGHT, "session": [(1, 7, "s1", 3600, 10, 20, "open", "0", 0)]},
    "owes": {**RIGHT, "balance": [(1, "1.000000", "0.000001")]},
    "its impacts are": {**RIGHT, "balance": [(1, "2.000000", "0.000000")]},
    "in suspense": {**RIGHT, "suspense": [(1,)]},
    "nothing of it was acknowledged": {
        **RIGHT,
        "session": [*RIGHT["session"], (1, 8, "s2", 1, 0, 0, "open", "0", 1)],
    },
}


def test_right_books_pass(tmp_path):
    assert audit(_log(tmp_path), _books(tmp_path, RIGHT), TARIFF) == []


@pytest.mark.parametrize(("sentence", "rows"), WRONG.items(), ids=WRONG.keys())
def test_wrong_books_are_found(tmp_path, sentence, rows):
    findings = audit(_log(tmp_path), _books(tmp_path, rows), TARIFF)
    assert any(sentence in finding for finding in findings), findings


def test_last_lsn_is_read_from_the_bytes(tmp_path):
    assert last_lsn(tmp_path) == 0
    records = b"".join(_record(lsn) for lsn in (1, 200, 70_000))
    head = b"\x96" + bytes(20)
    start = b"aaadjrn\n" + len(head).to_bytes(4, "big") + bytes(4) + head
    (tmp_path / "journal-01-0000000000000001.log").write_bytes(start + records + bytes(64))
    (tmp_path / "journal-01-0000000000011171.log").write_bytes(start + bytes(64))
    assert last_lsn(tmp_path) == 70_000


def _record(lsn: int) -> bytes:
    number = {1: b"\x01", 200: b"\xcc\xc8", 70_000: b"\xce\x00\x01\x11\x70"}[lsn]
    payload = b"\x94" + number + b"\x01\x01\xc4\x00"
    return (len(payload) | 0x8000_0000).to_bytes(4, "big") + bytes(4) + payload


def _usage(**facts) -> Usage:
    counted = {"session_time": 3600, "input_octets": 10, "output_octets": 20, "ended": True}
    return Usage(**{"session": "s1", "login": "anna", "started_at": NOON, **counted, **facts})


def _log(folder: Path) -> Path:
    """Start, Interim and Stop of one session of an hour by day."""
    path = folder / "log.jsonl"
    facts = {"session": "s1", "login": "anna", "nas": "nas-1", "started_at": NOON}
    reports = [("start", 0, 0, 0), ("interim_update", 1800, 5, 10), ("stop", 3600, 10, 20)]
    names = ("kind", "session_time", "input_octets", "output_octets")
    lines = [json.dumps({**facts, **dict(zip(names, row, strict=True))}) for row in reports]
    path.write_text("\n".join(lines) + "\n")
    return path


def _books(folder: Path, rows: dict) -> Path:
    """A store with the columns that the judge reads, as the views of aaad name them."""
    path = folder / "books.db"
    books = sqlite3.connect(path)
    books.executescript(
        "CREATE TABLE v_session (account_id, session_id, acct_session_id, seconds, input_octets,"
        " output_octets, status, accrued);"
        "CREATE TABLE session (session_id, open_seconds);"
        "CREATE TABLE v_event (account_id, session_id, seconds, input_octets, output_octets,"
        " amount);"
        "CREATE TABLE v_balance (account_id, posted, accrued);"
        "CREATE TABLE v_service (login, account_id);"
        "CREATE TABLE suspense (lsn);"
        "INSERT INTO v_service VALUES ('anna', 1);"
    )
    for row in rows["session"]:
        books.execute("INSERT INTO v_session VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row[:8])
    for session_id, open_seconds in {row[1]: row[8] for row in rows["session"]}.items():
        books.execute("INSERT INTO session VALUES (?, ?)", (session_id, open_seconds))
    books.executemany("INSERT INTO v_event VALUES (?, ?, ?, ?, ?, ?)", rows["event"])
    books.executemany("INSERT INTO v_balance VALUES (?, ?, ?)", rows["balance"])
    books.executemany("INSERT INTO suspense VALUES (?)", rows["suspense"])
    books.commit()
    books.close()
    return path
