"""FreeRADIUS as a subject: Debian's packages unpacked into a cache, our files of configuration."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg

from benchmarks.servers.beds import Bed
from benchmarks.servers.contract import People, Sessions
from benchmarks.servers.process import ServerProcess
from benchmarks.work import Work
from tests.e2e.ports import free_udp_port

PACKAGES = (
    "freeradius",
    "freeradius-common",
    "freeradius-config",
    "libfreeradius3",
    "freeradius-postgresql",
    "libtalloc2",
    "libwbclient0",
)
CACHE = Path.home() / ".cache" / "aaad-benchmarks" / "freeradius"
SITE = Path(__file__).parents[1] / "freeradius"
STOCK = Path("etc/freeradius/3.0")
READY = b"Ready to process requests"
LIBRARIES = ("usr/lib/freeradius", "usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu")
SECRET = "the-shared-secret-of-the-benchmark"  # noqa: S105, of a server that runs for seconds
THREADS = {"memory": 2, "sqlite": 4, "postgresql": 32}
REPLY = {
    "Service-Type": "Framed-User",
    "Framed-Protocol": "PPP",
    "Session-Timeout": "86400",
    "Idle-Timeout": "1800",
    "Acct-Interim-Interval": "300",
}
"""What aaad's offer replies, too."""


def unpack(folder: Path = CACHE) -> Path:
    """Debian's packages, fetched by apt-get and unpacked once; nothing is installed.

    Raises LookupError where that cannot be done.
    """
    if (folder / "usr/sbin/freeradius").exists():
        return folder
    apt_get, dpkg = shutil.which("apt-get"), shutil.which("dpkg")
    if apt_get is None or dpkg is None:
        raise LookupError("FreeRADIUS is fetched by apt-get and dpkg, which are not here")
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "debs").mkdir(parents=True)
    try:
        subprocess.run(  # noqa: S603, a fixed list of packages
            [apt_get, "download", "-qq", *PACKAGES],
            cwd=partial / "debs",
            check=True,
            capture_output=True,
        )
    except subprocess.CalledProcessError as error:
        raise LookupError(f"apt-get download: {error.stderr.decode().strip()}") from error
    for package in (partial / "debs").iterdir():
        subprocess.run([dpkg, "-x", str(package), str(partial)], check=True)  # noqa: S603
    partial.rename(folder)
    return folder


COLUMNS = (
    "acctsessionid",
    "acctuniqueid",
    "username",
    "nasipaddress",
    "nasportid",
    "nasporttype",
    "acctstarttime",
    "acctupdatetime",
    "acctsessiontime",
    "acctauthentic",
    "connectinfo_start",
    "acctinputoctets",
    "acctoutputoctets",
    "calledstationid",
    "callingstationid",
    "acctterminatecause",
    "servicetype",
    "framedprotocol",
    "framedipaddress",
)
"""Of radacct, as the stock query of a Start fills them."""


class FreeRadius:
    """One running server."""

    def __init__(self, bed: Bed, work: Work) -> None:
        self.authentication_port = free_udp_port()
        self.accounting_port = free_udp_port()
        self.secret_file = bed.folder / "secret"
        self.secret_file.write_text(SECRET + "\n")
        packages = unpack()
        kind = "accounting" if work.is_accounting else "sql"
        environment = {
            "PACKAGES": str(packages),
            "STOCK": str(packages / STOCK),
            "SITE": str(SITE),
            "DATA": str(bed.folder),
            "STORE": work.store,
            "WORK": "memory" if work.store == "memory" else kind,
            "THREADS": str(THREADS[work.store]),
            "SECRET": SECRET,
            "AUTHENTICATION_PORT": str(self.authentication_port),
            "ACCOUNTING_PORT": str(self.accounting_port),
            "CONNECTION": _connection_string(bed.url),
            "LD_LIBRARY_PATH": ":".join(str(packages / name) for name in LIBRARIES),
        }
        command = [str(packages / "usr/sbin/freeradius"), "-f", "-d", str(SITE)]
        command += ["-D", str(packages / "usr/share/freeradius"), "-l", "stdout"]
        log = bed.folder / "server.log"
        self._process = ServerProcess(
            command,
            folder=bed.folder,
            environment=environment,
            is_ready=lambda: READY in log.read_bytes(),
        )

    def cpu_us(self) -> int:
        """User and system time so far."""
        return self._process.cpu_us()

    def memory_octets(self) -> int:
        """Resident memory."""
        return self._process.memory_octets()

    def stop(self) -> None:
        """In order."""
        self._process.stop()


class FreeRadiusServer:
    """FreeRADIUS 3.2: users in memory or in SQL, reports in SQL. It stores and does not rate."""

    name = "FreeRADIUS"
    takes_rows = True  # 200,000 Starts take it minutes, one flush of the disk each

    def can(self, work: Work) -> bool:
        """All of it."""
        return True

    def fill(self, bed: Bed, work: Work, people: People) -> None:
        """Schema and users. Accounting by the stock queries looks nobody up."""
        if work.is_accounting:
            people = ()
        if work.store == "memory":
            (bed.folder / "users").write_text("".join(map(_users_entry, people)))
        elif work.store == "sqlite":
            _fill_sqlite(bed.folder / "store.db", people)
        else:
            asyncio.run(_fill_postgresql(bed.url, people))

    def put_rows(self, bed: Bed, work: Work, sessions: Sessions) -> None:
        """As the stock query of a Start writes them; a wrong one would show in the judgement."""
        rows = [started_row(session, postgresql=bool(bed.database)) for session in sessions]
        if bed.database:
            asyncio.run(_copy_sessions(bed.url, rows))
            return
        with closing(sqlite3.connect(bed.folder / "store.db")) as books, books:
            marks = ", ".join("?" * len(COLUMNS))
            into = f"INSERT INTO radacct ({', '.join(COLUMNS)}) VALUES ({marks})"  # noqa: S608
            books.executemany(into, rows)

    def start(self, bed: Bed, work: Work) -> FreeRadius:
        """Start it."""
        return FreeRadius(bed, work)


def _users_entry(person: tuple[bytes, bytes]) -> str:
    name, password = person
    reply = ",\n".join(f"\t{attribute} = {value}" for attribute, value in REPLY.items())
    return f'{name.decode()}\tCleartext-Password := "{password.decode()}"\n{reply}\n\n'


def _checks(people: People) -> list[tuple[str, str, str, str]]:
    return [(n.decode(), "Cleartext-Password", ":=", p.decode()) for n, p in people]


def _replies(people: People) -> list[tuple[str, str, str, str]]:
    return [(n.decode(), name, "=", value) for n, _ in people for name, value in REPLY.items()]


def _schema(dialect: str) -> str:
    return (unpack() / STOCK / "mods-config/sql/main" / dialect / "schema.sql").read_text()


def _fill_sqlite(path: Path, people: People) -> None:
    with closing(sqlite3.connect(path)) as books, books:
        books.execute("PRAGMA journal_mode = WAL")
        books.executescript(_schema("sqlite"))
        into = "INSERT INTO {} (username, attribute, op, value) VALUES (?, ?, ?, ?)"
        books.executemany(into.format("radcheck"), _checks(people))
        books.executemany(into.format("radreply"), _replies(people))


async def _fill_postgresql(url: str, people: People) -> None:
    columns = ["username", "attribute", "op", "value"]
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_schema("postgresql"))
        for table, records in (("radcheck", _checks(people)), ("radreply", _replies(people))):
            await connection.copy_records_to_table(table, columns=columns, records=records)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


def _connection_string(url: str) -> str:
    """libpq's form of a store's URL over a Unix socket; empty for SQLite."""
    parts = urlsplit(url)
    if parts.scheme != "postgresql":
        return ""
    where = parse_qs(parts.query)
    host, port = where["host"][0], where["port"][0]
    return f"dbname={parts.path[1:]} host={host} port={port} user={parts.username}"


def started_row(session: Sequence[Any], *, postgresql: bool) -> tuple[Any, ...]:
    """What the Start of a session leaves in radacct; `benchmarks/load/sessions.pyx` says who it is.

    Acct-Unique-Session-Id is that of the stock policy `acct_unique`.
    """
    key, user, nas, started_at = session[:4]
    number = int(nas.removeprefix("nas-"), 16)
    port = int(key, 16) % 65_521
    nas_address = str(IPv4Address(0x0A000000 + number))
    framed_address = str(IPv4Address(0x64400000 + (user & 0x3FFFFF)))
    name, port_id = f"user{user:07d}", f"ge-0/0/{port:04x}"
    identity = f"{name},{key},{nas_address},{nas},{port_id},{port}"
    start: object = datetime.fromtimestamp(started_at, UTC) if postgresql else started_at
    return (
        key,
        hashlib.md5(identity.encode()).hexdigest(),
        name,
        nas_address,
        port_id,
        "Ethernet",
        start,
        start,
        0,
        "RADIUS",
        "",
        0,
        0,
        f"02-00-00-00-{number:04x}",
        f"02-01-{user:08x}",
        None if postgresql else "",
        "Framed-User",
        "PPP",
        framed_address,
    )


async def _copy_sessions(url: str, rows: list[tuple[Any, ...]]) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.copy_records_to_table("radacct", columns=list(COLUMNS), records=rows)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
