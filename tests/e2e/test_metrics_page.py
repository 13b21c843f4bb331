"""Proves the Prometheus page (aaad.server.metrics_page) of a running daemon: prometheus_client's
own parser reads it.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.customers import load_price_list, register
from tests.e2e.harness import LOCALHOST, PROJECT, Daemon, DaemonOptions
from tests.e2e.ports import free_tcp_port
from tests.e2e.wire import Status

DIALUP = (PROJECT / "conf" / "pricelist" / "dialup.toml").read_text()


def _samples(port: int) -> dict[tuple[str, tuple[str, ...]], float]:
    with urllib.request.urlopen(f"http://{LOCALHOST}:{port}/metrics", timeout=10) as page:
        text = page.read().decode()
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_page_counts_what_happened_and_shows_bounds(daemon_folder: Path) -> None:
    port = free_tcp_port()
    options = DaemonOptions(more=f'[metrics]\nlisten = "{LOCALHOST}:{port}"\n')
    with Daemon(daemon_folder, options).running() as daemon:
        load_price_list(daemon, DIALUP)
        register(daemon, "anna", offer="weekday-hours", password="secret")
        with daemon.nas() as nas:
            nas.access_request("anna", "wrong")
            nas.report(Status.START, "s1", login="anna")
            nas.access_request("anna", "secret")  # decided when what was acknowledged is applied
        found = _samples(port)
        assert found["aaad_events_total", ("access_accepts",)] == 1
        assert found["aaad_events_total", ("access_rejects_bad_password",)] == 1
        assert found["aaad_requests_total", ("test-nases",)] == 3
        assert found["aaad_sessions_open", ()] == 1
        assert found["aaad_subscribers_max", ()] == 100_000
        assert found["aaad_journal_group_records_count", ()] >= 1
        assert found["aaad_journal_write_seconds_bucket", ("+Inf",)] >= 1
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://{LOCALHOST}:{port}/other", timeout=10)
