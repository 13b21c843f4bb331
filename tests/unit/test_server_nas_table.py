"""Proves what is known of NASes: their settings, their boots, what their reports show, in bounded
memory.
"""

from dataclasses import dataclass, field

import pytest

from aaad.policy.report import Report
from aaad.server import nas_table
from aaad.server.applicable import Accounting
from aaad.server.nas_table import NasTable
from ledger.clients import NasSettings
from ledger.model import BootInstant
from tests.e2e.wire import Status
from tests.server_world import CLIENT, T0, applicable, report


@dataclass
class Configured:
    """Settings that a reload may replace."""

    window_s: int = 86_400
    asked: list[str] = field(default_factory=list)

    def __call__(self, nas: str) -> NasSettings:
        self.asked.append(nas)
        return NasSettings(name=nas, event_timestamp_window_s=self.window_s, adopt_from=T0)


def heard(at: int, *, nas: str = "nas-1", event_at: int | None = None) -> Report:
    (record,) = applicable([report(1, Status.START, nas=nas, at=at, event_at=event_at)])
    assert isinstance(record, Accounting)
    return record.report


def test_facts_are_read_once_until_the_configuration_changes() -> None:
    configured = Configured()
    table = NasTable(configured)
    assert table.facts(CLIENT, "nas-1") is table.facts(CLIENT, "nas-1")
    assert (configured.asked, table.facts(CLIENT, "nas-1").adopt_from) == (["nas-1"], T0)
    configured.window_s = 60
    table.configuration_changed()
    assert table.facts(CLIENT, "nas-1").timestamp_window_s == 60


def test_a_boot_only_moves_forward() -> None:
    table = NasTable(Configured())
    table.load_boots([BootInstant(client=CLIENT, nas="nas-1", booted_at=T0)])
    assert table.facts(CLIENT, "nas-1").booted_at == T0
    assert not table.booted(CLIENT, "nas-1", T0)
    assert not table.booted(CLIENT, "nas-1", T0 - 5)
    assert table.booted(CLIENT, "nas-1", T0 + 1)
    assert table.facts(CLIENT, "nas-1").booted_at == table.booted_at(CLIENT, "nas-1") == T0 + 1
    assert table.booted_at("another client", "nas-1") is None


def test_reports_are_counted_and_wrong_clocks_noticed() -> None:
    table = NasTable(Configured())
    table.heard(heard(T0))
    table.heard(heard(T0 - 9, event_at=T0 - 100))
    table.heard(heard(T0 + 5, event_at=1))
    (one,) = table.observed()
    assert one is table.of(CLIENT, "nas-1")
    assert (one.reports, one.clamped_clocks, one.heard_at) == (3, 1, T0 + 5)
    assert one.heard_since == T0
    assert one.address == "127.0.0.1"


def test_what_a_replay_heard_is_no_sign_of_life() -> None:
    table = NasTable(Configured())
    table.heard(heard(T0))
    table.begin()
    (one,) = table.observed()
    assert one.heard_since is None
    table.heard(heard(T0 + 7))
    assert one.heard_since == T0 + 7


def test_invented_names_fill_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nas_table, "OBSERVED_MAX", 3)
    table = NasTable(Configured())
    for number in range(6):
        table.heard(heard(T0, nas=f"nas-{number}"))
        table.facts(CLIENT, f"nas-{number}")
    assert [one.nas for one in table.observed()] == ["nas-0", "nas-1", "nas-2"]
    assert len(table._facts) <= 3
