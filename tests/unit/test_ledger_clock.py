"""Proves that the clock can be set only where a file keeps the setting, and that the setting
survives a restart, whole or not at all.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ledger.clock import INSTANT_MAX, Clock, ClockFileError, ClockNotSettable, monotonic

AT = 1_767_225_600


def test_the_machines_clock_cannot_be_set() -> None:
    clock = Clock()
    assert not clock.settable
    for change in (lambda: clock.set(AT), lambda: clock.advance(1)):
        with pytest.raises(ClockNotSettable, match=r"write clock = true and clock_file = \.\.\. "):
            change()
    assert abs(clock.now_us() - time.time_ns() // 1000) < 60_000_000
    assert clock.offset_s == 0


def test_seconds_are_microseconds_rounded_down(tmp_path: Path) -> None:
    clock = Clock(tmp_path / "clock.toml")
    before, seconds, after = clock.now_us(), clock.now(), clock.now_us()
    assert before // 1_000_000 <= seconds <= after // 1_000_000


def test_a_set_clock_goes_on_and_survives_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "clock.toml"
    clock = Clock(file)
    clock.set(AT)
    assert AT <= clock.now() < AT + 60
    assert clock.now_us() >= AT * 1_000_000
    restarted = Clock(file)
    assert restarted.settable
    assert AT <= restarted.now() < AT + 60
    restarted.advance(7 * 86_400)
    assert AT + 604_800 <= restarted.now() < AT + 604_860
    assert Clock(file).offset_s == restarted.offset_s
    restarted.advance(-3600)
    assert AT + 601_200 <= Clock(file).now() < AT + 601_260
    assert [path.name for path in tmp_path.iterdir()] == ["clock.toml"]


def test_a_crash_while_the_file_is_written_leaves_the_old_setting(tmp_path: Path) -> None:
    file = tmp_path / "clock.toml"
    Clock(file).set(AT)
    (tmp_path / "clock.toml.part").write_text("offset_us = 12")
    assert AT <= Clock(file).now() < AT + 60


@pytest.mark.parametrize("at", [-1, INSTANT_MAX + 1])
def test_an_instant_out_of_range_changes_nothing(tmp_path: Path, at: int) -> None:
    clock = Clock(tmp_path / "clock.toml")
    clock.set(AT)
    with pytest.raises(ValueError, match="use epoch seconds"):
        clock.set(at)
    assert AT <= clock.now() < AT + 60


@pytest.mark.parametrize(
    "content",
    [b"", b"offset_us = 1.5", b"offset_us = true", b"\xff", b"offset", b"offset_us=9" * 9],
)
def test_a_file_that_holds_no_setting_stops_the_start(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "clock.toml"
    file.write_bytes(content)
    with pytest.raises(ClockFileError, match=r"clock\.toml: .*; remove the file to go back"):
        Clock(file)


def test_a_setting_that_cannot_be_kept_is_not_made(tmp_path: Path) -> None:
    clock = Clock(tmp_path / "absent" / "clock.toml")
    with pytest.raises(ClockFileError, match="a folder that the daemon may write"):
        clock.set(AT)
    assert clock.offset_s == 0


def test_durations_are_not_moved(tmp_path: Path) -> None:
    clock = Clock(tmp_path / "clock.toml")
    before = monotonic()
    clock.set(AT)
    assert 0 <= monotonic() - before < 60
