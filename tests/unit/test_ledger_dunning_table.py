"""The dunning table of conf/ is read as its comments say; mistakes are all named at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.dunning_table import DunningTableError, load_dunning_table
from ledger.rules.dunning import DunningAction

CONF = Path(__file__).parents[2] / "conf" / "dunning.toml"


def test_the_example_stands_worst_first() -> None:
    table = load_dunning_table(CONF)
    assert [(step.name, step.action) for step in table.steps] == [
        ("settled", DunningAction.SETTLE),
        ("collections", DunningAction.COLLECT),
        ("closing", DunningAction.CLOSE),
        ("suspension", DunningAction.SUSPEND),
        ("grace date", DunningAction.REMIND),
        ("overdue", DunningAction.REMIND),
    ]
    assert table.steps[1].owed_above_micros == 25_000_000
    assert table.steps[2].state_days == 15
    assert table.quiet.weekdays == {5, 6}
    assert table.suspensions_max == 100


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "dunning.toml"
    path.write_text(
        """
quiet_weekdays = ["sunday"]
[[steps]]
name = "a"
state = "closed"
action = "suspend"
overdue_days = -1
[[steps]]
name = "a"
state = "active"
action = "remind"
every = 2
"""
    )
    with pytest.raises(DunningTableError) as caught:
        load_dunning_table(path)
    keys = {finding.key for finding in caught.value.findings}
    assert keys == {
        "quiet_weekdays",
        "steps[1].state",
        "steps[1].overdue_days",
        "steps[1].name",
        "steps[2].name",
        "steps[2].every",
    }
