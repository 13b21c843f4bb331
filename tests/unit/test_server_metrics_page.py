"""Proves the page that a scraper reads: the daemon's figures in Prometheus' text format, over
HTTP, and nothing for those who ask for something else.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aaad.radius.codes import AcctStatusType
from aaad.radius.errors import DiscardReason
from aaad.server import metrics_page
from aaad.server.daemon import Daemon
from aaad.server.metrics_page import REQUEST_SIZE_MAX, MetricsPage
from ledger.addresses import Endpoint
from tests.daemon_folder import started
from tests.e2e.wire import Status
from tests.server_ports import accounting_request, asking
from tests.usage_builders import report

DASHBOARD = Path(__file__).parents[2] / "docs" / "grafana-dashboard.json"


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    async with started(tmp_path) as made:
        yield made


@pytest.fixture
async def port(daemon: Daemon) -> AsyncIterator[int]:
    page = MetricsPage(daemon)
    await page.start(Endpoint("127.0.0.1", 0))
    assert page._server is not None
    try:
        yield page._server.sockets[0].getsockname()[1]
    finally:
        await page.close()


async def ask(port: int, request: bytes) -> str:
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
    return answer.decode()


async def test_the_page_holds_the_daemons_figures(daemon: Daemon, port: int) -> None:
    with asking(daemon.listeners[1]) as asker:
        await asker.ask(accounting_request(Status.START))
    await daemon.applier.caught_up()
    daemon.metrics.discard("lab", DiscardReason.TOO_SHORT)
    answer = await ask(port, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    head, _, page = answer.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 200 OK\r\n")
    assert f"Content-Length: {len(page.encode())}" in head
    lines = page.splitlines()
    for line in (
        "aaad_sessions_open 1.0",
        'aaad_requests_total{client="lab"} 1.0',
        'aaad_discards_total{client="lab",reason="too_short"} 1.0',
        'aaad_events_total{event="accounting_requests"} 1.0',
        "aaad_journal_writable 1.0",
        "aaad_journal_write_seconds_count 1.0",
        'aaad_journal_group_records_bucket{le="1"} 1.0',
        'aaad_journal_group_records_bucket{le="+Inf"} 1.0',
        'aaad_latency_seconds_count{port="accounting"} 1.0',
        'aaad_latency_seconds_count{port="authentication"} 0.0',
        'aaad_latency_seconds_bucket{le="+Inf",port="accounting"} 1.0',
        'aaad_duplicates_evicted_total{port="accounting"} 0.0',
        "aaad_nases 1.0",
        'aaad_nas_reports_total{client="lab",nas="nas-1"} 1.0',
        'aaad_nas_clamped_clocks_total{client="lab",nas="nas-1"} 0.0',
    ):
        assert line in lines, line


async def test_nases_with_lines_of_their_own_are_bounded(
    daemon: Daemon, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_page, "NAS_LABELS_MAX", 2)
    for number in range(3):
        daemon.nases.heard(report(AcctStatusType.START, nas=f"nas-{number}"))
    page = await ask(port, b"GET /metrics HTTP/1.1\r\n\r\n")
    assert "aaad_nases 3.0" in page
    assert [name for name in ("nas-0", "nas-1", "nas-2") if f'nas="{name}"' in page] == [
        "nas-0",
        "nas-1",
    ]


async def test_the_dashboard_asks_only_for_what_the_page_has(daemon: Daemon, port: int) -> None:
    page = await ask(port, b"GET /metrics HTTP/1.1\r\n\r\n")
    kinds = dict(re.findall(r"^# TYPE (aaad_\w+) (\w+)$", page, re.MULTILINE))
    there = set(kinds)
    for name, kind in kinds.items():
        if kind == "histogram":
            there |= {f"{name}_{part}" for part in ("bucket", "sum", "count")}
    expressions = [
        target["expr"]
        for panel in json.loads(DASHBOARD.read_text())["panels"]
        for target in panel["targets"]
    ]
    asked = {name for one in expressions for name in re.findall(r"aaad_\w+", one)}
    assert len(asked) > 20
    assert asked <= there
    assert {name for name in kinds if not name.endswith("_created")} <= {
        re.sub("_(bucket|sum|count)$", "", name) for name in asked
    }, "what the page has is worth a look"


@pytest.mark.parametrize("request_line", [b"POST /metrics HTTP/1.1", b"GET /else HTTP/1.1"])
async def test_nothing_else_is_served(port: int, request_line: bytes) -> None:
    answer = await ask(port, request_line + b"\r\n\r\n")
    assert answer.startswith("HTTP/1.1 404 ")


@pytest.mark.parametrize("rubbish", [b"x" * (REQUEST_SIZE_MAX * 3), b"\r\n\r\n"])
async def test_rubbish_gets_no_page_and_stops_nobody(port: int, rubbish: bytes) -> None:
    try:
        answer = await ask(port, rubbish + b"\r\n\r\n")
    except ConnectionResetError:
        answer = ""
    assert "200 OK" not in answer
    assert "200 OK" in await ask(port, b"GET / HTTP/1.1\r\n\r\n")
