"""One measured run: a copy of the filled bed, a warm-up, the load, and for aaad the verdict of the
judge on its books.

CPU counts until everything is in the store, not only until the last answer: what was deferred is
part of the price. What the judge's own questions cost is measured by asking them a second time,
when nothing else happens, and taken off.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import judge
from benchmarks.load.people import make_people, write_people
from benchmarks.servers.aaad import PROJECT, Aaad
from benchmarks.servers.beds import Bed, Beds
from benchmarks.servers.contract import Running, Server
from benchmarks.work import Work

POLL_S = 0.25
LOAD_S = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Seconds after the last packet in which aaad's books must be right."""

    together: int = 5  # the store and the open sessions over it
    store_alone: int = 65


DEADLINES = Deadlines()


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One run. `findings` empty: valid."""

    figures: dict[str, Any]
    cpu_us: int
    memory_octets: int
    settled_s: int = 0
    findings: list[str] = field(default_factory=list)

    @property
    def cpu_per_request_ns(self) -> int:
        """User and system time of server and database for each answer."""
        return self.cpu_us * 1000 // max(1, int(self.figures["answered"]))


@dataclass(frozen=True, slots=True)
class Template:
    """What is copied for each run of a server in a work."""

    bed: Bed
    people: Path
    state: Path


def prepare(server: Server, work: Work, beds: Beds) -> Template:
    """Fill a bed with users, and with open sessions where the work wants them."""
    bed = beds.new()
    people = make_people(work.users)
    template = Template(bed, bed.folder / "people", bed.folder / "state")
    write_people(template.people, people)
    server.fill(bed, work, people)
    if work.is_accounting and server.takes_rows:
        books = bed.folder / "books.json"
        more = ("--assume-started", "--starts-only", f"--books={books}")
        load(work, None, template, *more, f"--save-state={template.state}")
        server.put_rows(bed, work, json.loads(books.read_bytes())["sessions"])
    elif work.is_accounting:
        with _started(server, bed, work) as running:
            load(work, running, template, "--starts-only", f"--save-state={template.state}")
    return template


def measure(
    server: Server,
    work: Work,
    beds: Beds,
    template: Template,
    *,
    seconds: int,
    waits: bool,
    deadlines: Deadlines = DEADLINES,
) -> Measurement:
    """One run on a copy of the template.

    waits: whether the store is given its 65 s. Else the server is stopped in order and the store is
    judged after that; so short a run proves less.
    """
    bed = beds.copy(template.bed)
    try:
        with _started(server, bed, work) as running:
            if isinstance(running, Aaad) and work.is_accounting:
                return _measure_books(
                    running, work, beds, bed, seconds=seconds, waits=waits, deadlines=deadlines
                )
            return _measure(running, work, beds, bed, seconds=seconds)
    finally:
        beds.delete(bed)


def _measure(running: Running, work: Work, beds: Beds, bed: Bed, *, seconds: int) -> Measurement:
    template = Template(bed, bed.folder / "people", bed.folder / "state")
    if not work.is_accounting:
        load(work, running, template, "--in-order", f"--requests={work.users}", "--seconds=600")
    books = bed.folder / "books.json"
    more = (f"--books={books}", *_sessions(work, template)) if work.is_accounting else ()
    cpu_us = running.cpu_us() + beds.cpu_us()
    figures = load(work, running, template, f"--seconds={seconds}", *more)
    cpu_us = running.cpu_us() + beds.cpu_us() - cpu_us
    findings = _lost_or_wrong(figures)
    if work.is_accounting:
        findings += judge.compare_radacct(_book(books, work), bed.url)
    return Measurement(
        figures=figures,
        cpu_us=cpu_us,
        memory_octets=running.memory_octets(),
        findings=findings,
    )


def _measure_books(
    daemon: Aaad,
    work: Work,
    beds: Beds,
    bed: Bed,
    *,
    seconds: int,
    waits: bool,
    deadlines: Deadlines,
) -> Measurement:
    """An accounting run of aaad, judged."""
    template = Template(bed, bed.folder / "people", bed.folder / "state")
    books = bed.folder / "books.json"
    before_us = daemon.cpu_us() + beds.cpu_us()
    more = (f"--books={books}", *_sessions(work, template))
    figures = load(work, daemon, template, f"--seconds={seconds}", *more)
    ended = time.monotonic()
    book = _book(books, work)
    findings = _lost_or_wrong(figures)
    findings += _await(
        lambda: _is_applied(daemon), ended + deadlines.together, "records to be applied"
    )
    findings += _judge_running(daemon, book)
    if waits:
        findings += _await(
            lambda: _is_posted(daemon), ended + deadlines.store_alone, "sessions to be posted"
        )
    settled_s = int(time.monotonic() - ended)
    cpu_us = daemon.cpu_us() + beds.cpu_us() - before_us
    cpu_us -= _cost_of(lambda: _judge_running(daemon, book), daemon, beds)
    memory_octets = daemon.memory_octets()
    if not waits:
        stopping_us = daemon.cpu_us() + beds.cpu_us()
        daemon.stop()
        cpu_us += daemon.cpu_us() + beds.cpu_us() - stopping_us
    stored = judge.read_store(daemon.url)
    findings += judge.compare_sessions(book, stored) + judge.compare_charges(book, stored)
    return Measurement(
        figures=figures,
        cpu_us=cpu_us,
        memory_octets=memory_octets,
        settled_s=settled_s,
        findings=findings,
    )


def _book(path: Path, work: Work) -> judge.Book:
    return judge.read_book(path, [name.decode() for name, _ in make_people(work.users)])


def _judge_running(daemon: Aaad, book: judge.Book) -> list[str]:
    """The store's invariants, and the store with the daemon's open sessions over it."""
    faults = [str(fault) for fault in daemon.call("store.check")["faults"]]
    running = daemon.running_sessions()
    stored = judge.overlay(judge.read_store(daemon.url), running)
    return faults + judge.compare_sessions(book, stored)


def _cost_of(question: Callable[[], object], daemon: Aaad, beds: Beds) -> int:
    before_us = daemon.cpu_us() + beds.cpu_us()
    question()
    return daemon.cpu_us() + beds.cpu_us() - before_us


def _is_applied(daemon: Aaad) -> bool:
    """Every record is on disk and in the sessions."""
    sections = daemon.call("status")["sections"]
    journal, poster = sections["journal"], sections["poster"]
    return bool(
        journal["last lsn"] == journal["durable lsn"] and poster["records waiting for facts"] == 0
    )


def _is_posted(daemon: Aaad) -> bool:
    """The store has every session as it is."""
    return (
        _is_applied(daemon) and daemon.call("status")["sections"]["poster"]["sessions to post"] == 0
    )


def _await(is_so: Callable[[], bool], deadline: float, what: str) -> list[str]:
    while not is_so():
        if time.monotonic() > deadline:
            return [f"waited too long for {what}"]
        time.sleep(POLL_S)
    return []


def _lost_or_wrong(figures: dict[str, Any]) -> list[str]:
    names = ("lost", "wrong_authenticator", "wrong_code", "malformed")
    return [f"{figures[name]} {name}" for name in names if figures[name]]


def _sessions(work: Work, template: Template) -> tuple[str, ...]:
    return ("--load-state", str(template.state)) if work.is_accounting else ()


def load(work: Work, running: Running | None, template: Template, *more: str) -> dict[str, Any]:
    """Run the generator, against a server if there is one; its figures.

    Its exit code says only whether they are good.
    """
    if work.is_accounting:
        own = ["accounting", f"--open={work.open_sessions}"]
    else:
        own = ["access", f"--method={work.method}"]
    if running is None:
        secret_file = template.bed.folder / "secret"
        secret_file.write_text("nothing is sent")
    else:
        secret_file = running.secret_file
        port = running.accounting_port if work.is_accounting else running.authentication_port
        own.append(f"--port={port}")
    shared = [f"--secret-file={secret_file}", f"--users={template.people}", "--json"]
    done = subprocess.run(  # noqa: S603, our own program
        [sys.executable, "-m", "benchmarks.load", *own, *shared, *more],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=LOAD_S,
    )
    if not done.stdout:
        raise RuntimeError(f"the generator failed:\n{done.stderr}")
    return dict(json.loads(done.stdout))


@contextmanager
def _started(server: Server, bed: Bed, work: Work) -> Iterator[Running]:
    """Running until the end of the block."""
    running = server.start(bed, work)
    try:
        yield running
    finally:
        running.stop()
