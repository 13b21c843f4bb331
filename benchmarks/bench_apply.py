"""What applying a durable record costs, from Report to dirty entry, and what a live session weighs.

Run from the root of the project, after the build: `python -m benchmarks.bench_apply [--quick]`.
Microseconds of processor time a record, the median of 5 rounds, with the parts of the daemon as it
puts them together but for the store, which answers from memory, and the journal: place, count,
price by a two-band tariff, carry to the account, limits, enforcement, dirty entry. Posting is
played between the rounds, outside the clock. Octets a session: growth of the resident set, with
subscribers in memory before.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path

import orjson

from aaad.policy.report import Report
from aaad.radius.codes import AcctStatusType
from aaad.server.applier import Accounting, Applier
from aaad.server.directory import Directory
from aaad.server.enforcer import Enforcer
from aaad.server.metrics import Metrics
from aaad.server.nas_table import NasTable
from aaad.server.session_table import SessionTable
from aaad.server.unposted import Unposted
from ledger.catalog import Catalog
from ledger.clients import NasSettings
from ledger.clock import Clock
from ledger.logs import get_logger
from ledger.pricelist import parse_pricelist
from ledger.seal import Sealer
from ledger.settings import EnforcementSettings
from ledger.store.contract import Row, SqlValue

ROUNDS = 5
DRAIN = 64
T0 = 1_771_600_000
INTERIM_S = 300
US = 1_000_000
NASES = 100
SERVICE_OFFSET = 1 << 32
PRICE_LIST = """
[pricelist]
name = "Bench"
currency = "USD"
zone = "America/New_York"
prices = "net"
gl = "usage"
tax_code = "internet-access"

[tariffs.metered]
[[tariffs.metered.bands]]
name = "weekend"
days = ["sat-sun"]
prices = [{ metric = "seconds", amount = "0.50", per = "1 h" }]
[[tariffs.metered.bands]]
name = "weekday"
days = ["mon-fri"]
prices = [{ metric = "seconds", amount = "1.00", per = "1 h" }]

[offers.metered]
tariff = "metered"
interim_interval = "5 min"

[offers.limited]
tariff = "metered"
interim_interval = "5 min"
[[offers.limited.limits]]
name = "hours"
metric = "seconds"
soft = "150 h"
hard = "200 h"
period = "cycle"
[[offers.limited.limits]]
name = "spend"
metric = "money"
hard = "1000.00"
period = "cycle"
"""


class Subscribers:
    """A store that knows any number of customers and nothing else, read from memory."""

    def __init__(self, offer: str, credit_limit_micros: int | None) -> None:
        self._offer = offer
        self._credit_limit_micros = credit_limit_micros

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Subscribers]:
        """One page of reading."""
        yield self

    async def fetch(self, query: str, parameters: Sequence[SqlValue] = ()) -> list[Row]:
        """The rows of those queries that find something."""
        match query:
            case "fetch_services_by_login":
                return [self._service(int(login[4:])) for login in orjson.loads(parameters[1])]
            case "fetch_purchases":
                return [
                    (n, n, SERVICE_OFFSET + n, self._offer, 0, None)
                    for n in orjson.loads(parameters[0])
                ]
        return []

    def _service(self, number: int) -> Row:
        account = (number, "default", f"Customer {number}", "USD", "America/New_York", 1, "active")
        more = ("", self._credit_limit_micros, "taxable", "", 0, "{}")
        service = (SERVICE_OFFSET + number, f"user{number}", "active", "", 0, "{}", "{}")
        return (*account, *more, *service, None, None)


class Bench:
    """The parts between the journal and the poster."""

    def __init__(self, folder: Path, *, offer: str, credit_limit_micros: int | None) -> None:
        log = get_logger()
        clock = Clock(folder / "clock.toml")
        clock.set(T0)
        catalog = Catalog([(0, parse_pricelist(PRICE_LIST, source="bench"))])
        metrics = Metrics()
        self.sessions = SessionTable()
        nases = NasTable(lambda nas: NasSettings(name=nas))
        self.directory = Directory(
            store=Subscribers(offer, credit_limit_micros),  # type: ignore[arg-type]
            sealer=Sealer(bytes(32)),
            catalogs=lambda brand: catalog,
            sessions=self.sessions,
            subscribers_max=10_000_000,
            interim_interval_s=INTERIM_S,
            clock=clock,
            log=log,
        )
        enforcer = Enforcer(
            settings=lambda: EnforcementSettings(
                source_addresses=(),
                tries=3,
                first_timeout_ms=100,
                timeout_max_ms=200,
                in_flight_max=1_000,
            ),
            nas_settings=lambda nas: NasSettings(name=nas),
            directory=self.directory,
            sessions=self.sessions,
            nases=nases,
            clock=clock,
            metrics=metrics,
            log=log,
        )
        self.unposted = Unposted(0)
        self.applier = Applier(
            journal_number=1,
            sessions=self.sessions,
            directory=self.directory,
            nases=nases,
            books=self.unposted,
            enforcement=enforcer,
            metrics=metrics,
            log=log,
        )
        enforcer.begin()
        self.lsn = 0

    def records(
        self, count: int, status: AcctStatusType, minute: int, session_time_s: int
    ) -> Iterator[Accounting]:
        """One report of each session, as the journal's reader hands them over."""
        for number in range(count):
            self.lsn += 1
            received_at = T0 + minute * INTERIM_S + number * INTERIM_S // count
            login = f"user{number + 1}"
            report = Report(
                lsn=self.lsn,
                received_at=received_at,
                client="pops",
                nas=NAS_NAMES[number % NASES],
                status=status.value,
                acct_session_id=b"%08X" % number,
                user_name=login.encode(),
                session_time_s=session_time_s,
                input_octets=session_time_s * 1_000,
                output_octets=session_time_s * 9_000,
                gigawords=False,
                event_timestamp_at=None,
                delay_s=0,
                terminate_cause=1 if status == AcctStatusType.STOP else 0,
                nas_address="192.0.2.1",
                nas_port=str(number % 1_000),
                framed_address=f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
                calling_station_id=b"02-00-00-%02X-%02X-%02X"
                % (number >> 16 & 255, number >> 8 & 255, number & 255),
                called_station_id=b"pop",
                class_=b"",
            )
            yield Accounting(report, received_at * US, "default", login, b"x" * 300)

    async def load(self, count: int) -> None:
        """Subscribers in memory, as their logins leave them."""
        for first in range(0, count, 1_000):
            await self.directory.load(
                ("default", f"user{n + 1}") for n in range(first, min(count, first + 1_000))
            )

    async def apply(self, records: Iterator[Accounting], batch: int = 4_096) -> float:
        """Apply all in drains; microseconds of processor time a record."""
        spent_ns = count = 0
        while made := list(islice(records, batch)):
            drains = [made[at : at + DRAIN] for at in range(0, len(made), DRAIN)]
            begun = time.process_time_ns()
            for drain in drains:
                self.applier.offer(drain)
                if self.applier.backlog:
                    await self.applier.caught_up()
            spent_ns += time.process_time_ns() - begun
            count += len(made)
        return spent_ns / count / 1_000

    def post(self) -> None:
        """Play the poster."""
        while taken := self.unposted.take(received_until_us=None, count_max=1_000):
            for dirty in taken:
                dirty.session.posted(dirty.session.posting())
        self.sessions.evict()


NAS_NAMES = [f"nas-{number}" for number in range(NASES)]


def resident_octets() -> int:
    """The resident set of this process."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def measure(folder: Path, count: int, offer: str, credit_limit_micros: int | None) -> str:
    """One line of the table."""
    bench = Bench(folder, offer=offer, credit_limit_micros=credit_limit_micros)
    task = asyncio.create_task(bench.applier.run())
    before = resident_octets()
    await bench.load(count)
    loaded = resident_octets()
    times: dict[str, list[float]] = {"start": [], "interim": [], "stop": []}
    minute = 0
    session_octets = dirty_octets = 0
    for _ in range(ROUNDS):
        start = bench.records(count, AcctStatusType.START, minute, 0)
        times["start"].append(await bench.apply(start))
        for interim in (1, 2):
            records = bench.records(
                count, AcctStatusType.INTERIM_UPDATE, minute + interim, interim * INTERIM_S
            )
            times["interim"].append(await bench.apply(records))
        if not minute:
            dirty_octets = resident_octets() - loaded
            bench.post()
            session_octets = resident_octets() - loaded
        stop = bench.records(count, AcctStatusType.STOP, minute + 3, 3 * INTERIM_S)
        times["stop"].append(await bench.apply(stop))
        bench.post()
        minute += 10
    task.cancel()
    figures = "".join(f"{statistics.median(of):9.2f}" for of in times.values())
    memory = [(loaded - before) // count, session_octets // count, dirty_octets // count]
    return f"{count:9,} {offer:8} {figures}" + "".join(f"{octets:8,}" for octets in memory) + "\n"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="1,000 sessions only")
    parser.add_argument("--sessions", type=int, help="so many only")
    parser.add_argument("--offer", choices=("metered", "limited"), help="this offer only")
    arguments = parser.parse_args()
    sys.stdout.write(
        "us CPU a record, median of 5; octets of a subscriber, of a live session posted, dirty\n"
        f"{'sessions':>9} {'offer':8} {'start':>9}{'interim':>9}{'stop':>9}"
        f"{'subscr':>8}{'session':>8}{'dirty':>8}\n"
    )
    sys.stdout.flush()
    counts = (
        [arguments.sessions or 1_000]
        if arguments.quick or arguments.sessions
        else [
            1_000,
            100_000,
        ]
    )
    for count in counts:
        for offer, credit in (("metered", None), ("limited", 5_000_000_000)):
            if arguments.offer in (None, offer):
                # a process each: what one leaves in memory is not the next one's
                child = multiprocessing.get_context("fork").Process(
                    target=show, args=(count, offer, credit)
                )
                child.start()
                child.join()


def show(count: int, offer: str, credit_limit_micros: int | None) -> None:
    """Print one line."""
    with tempfile.TemporaryDirectory() as folder:
        line = asyncio.run(measure(Path(folder), count, offer, credit_limit_micros))
    sys.stdout.write(line)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
