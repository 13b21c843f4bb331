"""A PostgreSQL server of the tests' own: made by initdb in a temporary folder, durable, gone
afterwards.

PostgreSQL does not run as root, so root's tests run it as Debian's user `postgres`. It listens on a
Unix socket in its folder, where everybody is trusted, and on a free TCP port, where a password is
asked for.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from ledger.store import open_store

Result = TypeVar("Result")

PASSWORD = "correct horse"
USER = "aaad"
SERVER_USER = "postgres"
SHARED = "shared_books"
TABLES = """SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition
    AND relnamespace = 'public'::regnamespace
    AND relname NOT IN ('store', 'schema_migration')"""
ALONE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    "SET session_replication_role = replica",  # foreign keys do not order the deletions
)
SETTINGS: Mapping[str, str] = {
    "fsync": "on",
    "shared_buffers": "64MB",
    "max_connections": "50",
    "autovacuum": "on",
}
START_S = 30
POLL_S = 0.02
TOOL_S = 60


def binaries() -> Path | None:
    """The folder of initdb and postgres; the newest if there are several."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4]))
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    return Path(initdb).parent if initdb else None


def server_user() -> str | None:
    """Whom the server runs as, where that is not ourselves."""
    return SERVER_USER if os.geteuid() == 0 else None


def why_absent() -> str:
    """Why there can be no cluster here; empty when there can."""
    if binaries() is None:
        return "PostgreSQL is not installed (Debian package postgresql)"
    user = server_user()
    if user and user not in {entry.pw_name for entry in pwd.getpwall()}:
        return f"PostgreSQL is not installed for root's tests: there is no user {user}"
    return ""


class Cluster:
    """A running server. `start`, `stop` and `kill` are for tests that take it away."""

    def __init__(self, folder: Path, settings: Mapping[str, str] = SETTINGS) -> None:
        self.folder = folder
        self._settings = settings
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        self._tables: list[str] = []  # of the shared books, once they are made

    def make(self) -> None:
        """initdb."""
        user = server_user()
        if user:
            shutil.chown(self.folder, user)
        password_file = self.folder / "password"
        password_file.write_text(PASSWORD)
        password_file.chmod(0o644)
        options = ("--encoding=UTF8", "--locale=C.UTF-8", "--auth-local=trust", "--no-instructions")
        self._run(
            "initdb",
            f"--pgdata={self.folder}/data",
            f"--username={USER}",
            "--auth-host=scram-sha-256",
            f"--pwfile={password_file}",
            *options,
        )

    def start(self) -> None:
        """Start, and wait until it answers."""
        log = (self.folder / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [
                    self._binary("postgres"),
                    f"-D{self.folder}/data",
                    f"-k{self.folder}",
                    f"-p{self.port}",
                    "-clisten_addresses=127.0.0.1",
                    *(f"-c{name}={value}" for name, value in self._settings.items()),
                ],
                stdout=log,
                stderr=log,
                **self._as_user(),
            )
        deadline = time.monotonic() + START_S
        while not self._answers():
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(POLL_S)

    def stop(self) -> None:
        """SIGINT: the server ends its sessions and writes all (fast shutdown)."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL of all its processes: what a power cut is to the server."""
        children = self._processes()[1:]
        self._end(signal.SIGKILL)
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        (self.folder / "data" / "postmaster.pid").unlink()

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        assert process is not None, "it does not run"
        process.send_signal(number)
        process.wait(TOOL_S)

    @property
    def process_id(self) -> int:
        """Of the server; its backends are children."""
        assert self._process is not None, "it does not run"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def log(self) -> str:
        """What the server wrote."""
        return (self.folder / "log").read_text()

    def cpu_ns(self) -> int:
        """User and system time that the living processes of the server took."""
        ticks = 0
        for process in self._processes():
            with suppress(FileNotFoundError):
                fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        return ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")

    def _processes(self) -> list[int]:
        """The server and its children."""
        assert self._process is not None, "it does not run"
        server = self._process.pid
        children = Path(f"/proc/{server}/task/{server}/children").read_text()
        return [server, *map(int, children.split())]

    def url(self, database: str) -> str:
        """The store's URL over the Unix socket."""
        return f"postgresql://{USER}@/{database}?host={self.folder}&port={self.port}"

    def tcp_url(self, database: str) -> str:
        """The store's URL over TCP, where a password is asked for."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The URL of a new database, with nothing in it."""
        name = f"books_{next(self._numbers)}"
        run_sql(self.url("postgres"), f"CREATE DATABASE {name}")
        return self.url(name)

    def empty_books(self) -> str:
        """The URL of books with nothing in them: one database, emptied for each test.

        A database for each test would cost a second: every file of it is made durable.
        """
        url = self.url(SHARED)
        if not self._tables:
            run_sql(self.url("postgres"), f"CREATE DATABASE {SHARED}")
            run_apart(lambda: _migrate(url))
            self._tables = [name for (name,) in run_sql(url, TABLES)]
        emptying = map("DELETE FROM {}".format, self._tables)
        seed = "INSERT INTO change_counter (one, counter) VALUES (1, 0)"
        run_sql(url, *ALONE, "BEGIN", *emptying, seed, "COMMIT", "SELECT 1")
        return url

    def _answers(self) -> bool:
        ready = [self._binary("pg_isready"), "-q", f"-h{self.folder}", f"-p{self.port}"]
        return subprocess.run(ready, check=False, timeout=TOOL_S).returncode == 0

    def _run(self, name: str, *arguments: str) -> None:
        subprocess.run(
            [self._binary(name), *arguments],
            check=True,
            timeout=TOOL_S,
            stdout=subprocess.DEVNULL,
            **self._as_user(),
        )

    def _as_user(self) -> dict[str, Any]:
        user = server_user()
        options: dict[str, Any] = {"cwd": self.folder, "env": {"PATH": os.environ["PATH"]}}
        if user:
            options |= {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
        return options

    def _binary(self, name: str) -> str:
        folder = binaries()
        assert folder is not None, why_absent()
        return str(folder / name)


@contextmanager
def running_cluster(settings: Mapping[str, str] = SETTINGS) -> Iterator[Cluster]:
    """A server until the end of the block. The caller asks `why_absent` first."""
    with tempfile.TemporaryDirectory(prefix="aaad-pg-") as folder:
        cluster = Cluster(Path(folder), settings)
        cluster.make()
        cluster.start()
        try:
            yield cluster
        finally:
            if cluster.is_running:
                cluster.stop()


def run_sql(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements outside of any store; the rows of the last."""

    async def run() -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(url)
        try:
            *first, last = statements
            if first:
                await connection.execute(";".join(first))
            return [tuple(row) for row in await connection.fetch(last)]
        finally:
            await connection.close()

    return run_apart(run)


def run_apart(work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """Run a coroutine to its end in a thread: the caller's own may have a running loop."""
    with ThreadPoolExecutor(max_workers=1) as executor:
        return executor.submit(lambda: asyncio.run(work())).result()


async def _migrate(url: str) -> None:
    store = await open_store(url, checkpoints=False)
    await store.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
