"""Proves that a watched bar tells how much, how fast, how long; an unwatched one is silent."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.progress import Progress

from aaad.control import progress
from aaad.control.progress import ProgressBar, RateColumn


def test_nobody_watches_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar("rows") as bar:
        bar.begin("copying", 10)
        bar.advance(10)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_sees_each_part_of_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = io.StringIO()
    terminal = Console(file=seen, force_terminal=True, width=120)
    monkeypatch.setattr(progress, "Console", lambda **_: terminal)
    with ProgressBar("rows") as bar:
        bar.begin("copying", 10)
        bar.advance(4)
        bar.advance(6)
        bar.begin("comparing", 2)
        bar.advance(1)
    shown = seen.getvalue()
    for text in ("copying", "10/10", "100%", "rows/s", "comparing", "1/2"):
        assert text in shown


def test_a_rate_is_known_after_a_while() -> None:
    now = [0.0]
    bars = Progress(get_time=lambda: now[0], disable=True)
    task = bars.add_task("copying", total=10_000)
    column = RateColumn("rows")
    assert str(column.render(bars.tasks[task])) == ""
    for second in range(1, 4):
        now[0] = float(second)
        bars.advance(task, 2_000)
    assert str(column.render(bars.tasks[task])) == "2,000 rows/s"
