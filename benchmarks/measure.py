"""One run of a server: a copy of the filled bed, a warm-up, the load, and the verdict on its books.

A run of aaad's accounting is of one of two kinds. A *measured* run leaves the daemon alone until
its store has everything, at most 65 s after the last packet: CPU counts until then, for what was
deferred is part of the price. A *questioned* run asks within 5 s for the store's invariants and for
every open session; that costs the daemon CPU which no customer asked for, so its own is not shown.
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
TEMPLATE_S = 900
POSTED_AT_END_MAX = 10_000
"""Open sessions that a server is sure to store while it stops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a run goes."""

    seconds: int  # of load
    waits: bool = True  # for the store to have everything; else the server is stopped in order
    questions: bool = False  # a questioned run
    together_s: int = 5  # after the last packet: store and open sessions equal the books
    store_alone_s: int = 65  # after the last packet: the store alone does


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What a run found. `findings` empty: valid."""

    figures: dict[str, Any]
    cpu_us: int
    memory_octets: int
    settled_s: int = 0
    questioned: bool = False
    findings: list[str] = field(default_factory=list)

    @property
    def cpu_per_request_ns(self) -> int:
        """User and system time of server and database for each answer."""
        return self.cpu_us * 1000 // max(1, int(self.figures["answered"]))


@dataclass(frozen=True, slots=True)
class Template:
    """What is copied for each run of a server in a work."""

    bed: Bed

    @property
    def people(self) -> Path:
        """The generator's file of users."""
        return self.bed.folder / "people"

    @property
    def state(self) -> Path:
        """The generator's open sessions."""
        return self.bed.folder / "state"

    @property
    def books(self) -> Path:
        """What the generator saw acknowledged."""
        return self.bed.folder / "books.json"


@dataclass(frozen=True, slots=True)
class Run:
    """A server that runs on a copy of its template."""

    running: Running
    work: Work
    beds: Beds
    template: Template

    def load(self, *more: str) -> dict[str, Any]:
        """A load; its figures. Open sessions go on."""
        if self.work.is_accounting:
            files = (f"--books={self.template.books}", f"--load-state={self.template.state}")
            more = (*files, *more)
        return load(self.work, self.running, self.template, *more)

    def cpu_us(self) -> int:
        """Of server and database so far."""
        return self.running.cpu_us() + self.beds.cpu_us()

    def book(self) -> judge.Book:
        """What the generator saw acknowledged."""
        logins = [name.decode() for name, _ in make_people(self.work.users)]
        return judge.read_book(self.template.books, logins)


def prepare(server: Server, work: Work, beds: Beds) -> Template:
    """Fill a bed with users, and with open sessions where the work wants them."""
    template = Template(beds.new())
    people = make_people(work.users)
    write_people(template.people, people)
    server.fill(template.bed, work, people)
    save = f"--save-state={template.state}"
    if work.is_accounting and server.takes_rows:
        more = ("--assume-started", "--starts-only", f"--books={template.books}")
        load(work, None, template, *more, save)
        rows = json.loads(template.books.read_bytes())["sessions"]
        server.put_rows(template.bed, work, rows)
    elif work.is_accounting:
        with _started(server, template.bed, work) as running:
            load(work, running, template, "--starts-only", save)
            if work.open_sessions > POSTED_AT_END_MAX:
                _let_it_post(running)
    return template


def _let_it_post(running: Running) -> None:
    """A template must not hold work that each run would do again. Raises RuntimeError."""
    if isinstance(running, Aaad):
        deadline = time.monotonic() + TEMPLATE_S
        if _await(lambda: _is_posted(running), deadline, "the store"):
            raise RuntimeError(f"aaad did not store its open sessions in {TEMPLATE_S} s")


def measure(
    server: Server, work: Work, beds: Beds, template: Template, *, plan: Plan
) -> Measurement:
    """One run on a copy of the template."""
    bed = beds.copy(template.bed)
    try:
        with _started(server, bed, work) as running:
            run = Run(running, work, beds, Template(bed))
            if isinstance(running, Aaad) and work.is_accounting:
                return _measure_books(run, running, plan)
            return _measure(run, plan)
    finally:
        beds.delete(bed)


def _measure(run: Run, plan: Plan) -> Measurement:
    """Logins, or reports that a server stores before it answers."""
    if not run.work.is_accounting:
        run.load("--in-order", f"--requests={run.work.users}", "--seconds=600")
    before_us = run.cpu_us()
    figures = run.load(f"--seconds={plan.seconds}")
    cpu_us = run.cpu_us() - before_us
    findings = _lost_or_wrong(figures)
    if run.work.is_accounting:
        findings += judge.compare_radacct(run.book(), run.template.bed.url)
    return Measurement(
        figures=figures,
        cpu_us=cpu_us,
        memory_octets=run.running.memory_octets(),
        findings=findings,
    )


def _measure_books(run: Run, daemon: Aaad, plan: Plan) -> Measurement:
    """Reports to aaad, judged."""
    before_us = run.cpu_us()
    figures = run.load(f"--seconds={plan.seconds}")
    ended = time.monotonic()
    findings = _lost_or_wrong(figures)
    together = ended + plan.together_s
    findings += _await(lambda: _is_applied(daemon), together, "records to apply")
    if plan.questions:
        book = run.book()
        findings += _await(lambda: judge.has_all_ends(book, daemon.url), together, "ends in store")
        findings += _ask(daemon, book)
    if plan.waits:
        findings += _await(lambda: _is_posted(daemon), ended + plan.store_alone_s, "the store")
    settled_s = int(time.monotonic() - ended)
    memory_octets = daemon.memory_octets()
    if not plan.waits:
        daemon.stop()
    cpu_us = run.cpu_us() - before_us
    if plan.waits:
        findings += [str(fault) for fault in daemon.call("store.check")["faults"]]
    book, stored = run.book(), judge.read_store(daemon.url)
    findings += judge.compare_sessions(book, stored) + judge.compare_charges(book, stored)
    return Measurement(
        figures=figures,
        cpu_us=cpu_us,
        memory_octets=memory_octets,
        settled_s=settled_s,
        questioned=plan.questions,
        findings=findings,
    )


def _ask(daemon: Aaad, book: judge.Book) -> list[str]:
    """The store's invariants, and the store with the daemon's open sessions over it."""
    faults = [str(fault) for fault in daemon.call("store.check")["faults"]]
    running = daemon.running_sessions()
    stored = judge.overlay(judge.read_store(daemon.url), running)
    return faults + judge.compare_sessions(book, stored)


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
