"""Proves what the command says: its version, its configuration's mistakes, its exit codes. How it
serves and ends is shown by the end-to-end tests.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aaad import VERSION
from aaad.server.main import EXIT_FAILED, EXIT_USAGE, main
from tests.daemon_folder import write_folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_it_tells_its_version() -> None:
    result = run("--version")
    assert (result.exit_code, VERSION in result.output) == (0, True)


def test_help_names_the_configuration() -> None:
    result = run("--help")
    assert result.exit_code == 0
    assert "conf/aaad.toml" in result.output


def test_a_configuration_without_mistakes_passes(tmp_path: Path) -> None:
    path = write_folder(tmp_path)
    result = run("--config", path, "--check")
    assert (result.exit_code, result.output) == (0, f"{path}: no mistakes\n")
    assert not (tmp_path / "books.db").exists(), "a check changes nothing"


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    path = write_folder(tmp_path, 'tick = 5\n[posting]\ntick_ms = "often"\n')
    result = run("--config", path, "--check")
    assert result.exit_code == EXIT_USAGE
    assert "tick" in result.stderr
    assert "posting.tick_ms" in result.stderr
    assert len(result.stderr.splitlines()) >= 2


def test_a_missing_configuration_is_a_mistake(tmp_path: Path) -> None:
    result = run("--config", tmp_path / "none.toml")
    assert result.exit_code == EXIT_USAGE
    assert "none.toml" in result.stderr


def test_a_clock_file_that_holds_no_setting_is_a_mistake(tmp_path: Path) -> None:
    path = write_folder(tmp_path)
    (tmp_path / "clock.toml").write_text("nonsense")
    result = run("--config", path)
    assert result.exit_code == EXIT_USAGE
    assert "clock.toml" in result.stderr


def test_a_store_that_cannot_be_opened_ends_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_folder(tmp_path)
    (tmp_path / "books.db").write_text("this is no database " * 100)
    result = run("--config", path)
    assert result.exit_code == EXIT_FAILED
