"""The Prometheus page: every counter and every bound of the daemon, with what it holds now (text
format 0.0.4).

Read on the event loop's own thread, so that a scrape sees one consistent moment; a scrape is a few
hundred lines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from aaad.server.daemon import Daemon
from aaad.server.journal import GROUP_SIZE_BOUNDS, WRITE_US_BOUNDS
from ledger.addresses import Endpoint

REQUEST_SIZE_MAX = 8192
"""Octets of an HTTP request that are read; a scraper's has a few hundred."""

REQUEST_MAX_S = 5.0
"""A scraper that is slower than this is cut off."""

NAS_LABELS_MAX = 1_000
"""NASes with lines of their own: a scrape stays below a few hundred kilobytes."""

US = 1_000_000


class DaemonCollector(Collector):
    """The daemon's figures as metric families."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def collect(self) -> Iterator[Metric]:
        """All families, read now."""
        yield from self._counters()
        yield from self._gauges()
        yield from self._journal()
        yield from self._latency()
        yield from self._nases()

    def _counters(self) -> Iterator[Metric]:
        metrics = self._daemon.metrics
        events = CounterMetricFamily("aaad_events", "What happened, by name", labels=["event"])
        for name, count in metrics.counters.items():
            events.add_metric([name], count)
        yield events
        discards = CounterMetricFamily(
            "aaad_discards", "Datagrams not answered", labels=["client", "reason"]
        )
        for (client, reason), count in metrics.discards.items():
            discards.add_metric([client, reason.value], count)
        yield discards
        requests = CounterMetricFamily(
            "aaad_requests", "Verified requests, repeated ones included", labels=["client"]
        )
        for name, one in self._daemon.clients.by_name.items():
            requests.add_metric([name], one.requests)
        yield requests
        drops = CounterMetricFamily("aaad_kernel_drops", "Datagrams dropped by a full buffer")
        drops.add_metric([], sum(one.kernel_drops for one in self._daemon.listeners))
        yield drops
        evicted = CounterMetricFamily(
            "aaad_duplicates_evicted", "Requests forgotten for want of room", labels=["port"]
        )
        for port, gate in self._daemon.gates.items():
            evicted.add_metric([port.value], gate.duplicates_evicted)
        yield evicted

    def _gauges(self) -> Iterator[Metric]:
        daemon = self._daemon
        for name, help_text, value in (
            ("sessions_open", "Open sessions", daemon.sessions.open_count),
            ("sessions_in_memory", "Sessions in memory", len(daemon.sessions)),
            ("subscribers_in_memory", "Subscribers in memory", len(daemon.directory)),
            (
                "subscribers_max",
                "Their bound",
                daemon.settings.directory.subscribers_max,
            ),
            ("journal_unapplied_octets", "Not in the store yet", daemon.journal.unapplied_bytes),
            ("journal_unapplied_octets_max", "Its bound", daemon.settings.journal.unapplied_max),
            ("journal_writable", "1 while records are taken", int(daemon.journal.writable)),
            ("poster_sessions", "Sessions that the books lack", daemon.poster.waiting),
            ("poster_lag_seconds", "Age of the oldest of them", daemon.poster.lag_s()),
            ("store_available", "1 while the store takes postings", int(daemon.poster.available)),
            ("applier_backlog", "Durable records waiting for facts", daemon.applier.backlog),
            ("access_outstanding", "Logins not answered yet", daemon.access.outstanding),
            ("orders_in_flight", "Disconnects without an answer", daemon.enforcer.in_flight),
        ):
            yield GaugeMetricFamily(f"aaad_{name}", help_text, value=value)

    def _journal(self) -> Iterator[Metric]:
        counters = self._daemon.journal.counters
        yield _histogram(
            "aaad_journal_write_seconds",
            "Time of a group, write and sync",
            [f"{bound / US:g}" for bound in WRITE_US_BOUNDS],
            counters.write_us_buckets,
            total=counters.write_us_total / US,
        )
        yield _histogram(
            "aaad_journal_group_records",
            "Records of a group",
            [str(bound) for bound in GROUP_SIZE_BOUNDS],
            counters.group_size_buckets,
            total=counters.records,
        )

    def _latency(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(
            "aaad_latency_seconds", "From receipt to the answer sent", labels=["port"]
        )
        for port, histogram in self._daemon.metrics.latency_us.items():
            family.add_metric(
                [port.value],
                _buckets([f"{bound / US:g}" for bound in histogram.bounds], histogram.counts),
                histogram.total / US,
            )
        yield family

    def _nases(self) -> Iterator[Metric]:
        """What each NAS sends; the first that were heard, so that no client can flood the page."""
        nases = self._daemon.nases
        yield GaugeMetricFamily("aaad_nases", "NASes heard", value=nases.observed_count)
        reports = CounterMetricFamily(
            "aaad_nas_reports", "Reports applied, by NAS", labels=["client", "nas"]
        )
        clamped = CounterMetricFamily(
            "aaad_nas_clamped_clocks", "Instants not believed, by NAS", labels=["client", "nas"]
        )
        for observed in nases.first_observed(NAS_LABELS_MAX):
            reports.add_metric([observed.client, observed.nas], observed.reports)
            clamped.add_metric([observed.client, observed.nas], observed.clamped_clocks)
        yield reports
        yield clamped


class MetricsPage:
    """Serves the page over HTTP, one request a connection."""

    def __init__(self, daemon: Daemon) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(DaemonCollector(daemon))
        self._server: asyncio.Server | None = None

    async def start(self, endpoint: Endpoint) -> None:
        """Listen. Raises OSError."""
        self._server = await asyncio.start_server(
            self._answer, endpoint.address, endpoint.port, limit=REQUEST_SIZE_MAX
        )

    async def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_MAX_S):
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._response(request))
                await writer.drain()
        except (
            TimeoutError,
            ConnectionError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
        ):
            pass  # the scraper left, stalled or is none: there is nobody to tell
        finally:
            writer.close()

    def _response(self, request: bytes) -> bytes:
        if not request.startswith((b"GET /metrics ", b"GET / ")):
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        page = generate_latest(self._registry)
        head = (
            "HTTP/1.1 200 OK",
            f"Content-Type: {CONTENT_TYPE_PLAIN_0_0_4}",
            f"Content-Length: {len(page)}",
            "Connection: close",
        )
        return "\r\n".join((*head, "", "")).encode() + page


def _histogram(
    name: str, help_text: str, bounds: list[str], counts: list[int], *, total: float
) -> HistogramMetricFamily:
    """A histogram without labels."""
    return HistogramMetricFamily(name, help_text, buckets=_buckets(bounds, counts), sum_value=total)


def _buckets(bounds: list[str], counts: list[int]) -> list[tuple[str, int]]:
    """Cumulative buckets from one count a bucket, the last one above all bounds."""
    return list(zip((*bounds, "+Inf"), accumulate(counts), strict=True))
