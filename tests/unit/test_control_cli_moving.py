"""Proves the words and exit codes of the commands that move books, on files: store copy, check and
distribute, backup, restore, journal verify and replay."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aaad.control import (  # noqa: F401 - the modules under test, loaded by the table
    cli_backup,
    cli_journal,
    cli_store,
    replaying,
)
from aaad.control.cli import main
from ledger.store import open_store
from tests.daemon_folder import start, write_folder
from tests.server_world import new_books


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A daemon's folder whose books have customers; nobody has them open."""

    async def make() -> None:
        store = await new_books(tmp_path)
        await store.close()

    asyncio.run(make())
    return write_folder(tmp_path)


def url(config: Path, name: str = "books.db") -> str:
    return f"sqlite://{config.parent}/{name}"


def test_a_copy_says_what_it_did_and_what_comes_next(config: Path) -> None:
    done = run("store", "copy", "--from", url(config), "--to", url(config, "new.db"))
    assert done.exit_code == 0, done.output
    assert "both checksums agree in every table" in done.output
    assert "[store]" in done.output
    again = run("store", "copy", "--from", url(config), "--to", url(config, "new.db"))
    assert again.exit_code == 1
    assert "holds books already" in again.output
    answer = run("store", "copy", "--from", url(config), "--to", url(config, "b.db"), "--json")
    assert json.loads(answer.output)["tables"]["account"]["rows"] > 0


def test_a_served_store_and_a_typo_are_refused(config: Path) -> None:
    async def copy_beside_a_daemon() -> Result:
        daemon = await start(config.parent)
        try:
            return await asyncio.to_thread(
                run, "store", "copy", "--from", url(config), "--to", url(config, "new.db")
            )
        finally:
            await daemon.close()

    done = asyncio.run(copy_beside_a_daemon())
    assert done.exit_code == 1
    assert "aaactl drain" in done.output
    typo = run("store", "copy", "--from", url(config, "typo.db"), "--to", url(config, "new.db"))
    assert typo.exit_code == 1
    assert "does not exist" in typo.output
    assert not (config.parent / "typo.db").exists()
    unknown = run("store", "copy", "--from", "mysql://x", "--to", url(config, "new.db"))
    assert unknown.exit_code == 1
    assert "is not known" in unknown.output


def test_a_store_is_checked_without_a_daemon(config: Path) -> None:
    assert "The books are right." in run("store", "check", "--store", url(config)).output
    with closing(sqlite3.connect(config.parent / "books.db")) as books, books:
        books.execute("UPDATE balance SET posted_micros = posted_micros + 1")
    done = run("store", "check", "--store", url(config))
    assert done.exit_code == 1
    assert "posted is +1" in done.output


def test_a_file_is_not_distributed(config: Path) -> None:
    done = run("store", "distribute", "--store", url(config), "--dry-run")
    assert done.exit_code == 1
    assert "store copy" in done.output


def test_a_backup_says_what_must_be_kept_beside_it(config: Path) -> None:
    folder = config.parent / "backup"
    done = run("--config", str(config), "backup", str(folder))
    assert done.exit_code == 0, done.output
    assert "Its passwords are sealed with key" in done.output
    assert "not in it" in done.output
    occupied = run("--config", str(config), "restore", str(folder))
    assert occupied.exit_code == 1
    assert "move the old store away" in occupied.output
    for path in config.parent.glob("books.db*"):
        path.unlink()
    (config.parent / "seal-key").write_text("cd" * 32 + "\n")
    back = run("--config", str(config), "restore", str(folder))
    assert back.exit_code == 0, back.output
    assert "[seal] key_file holds another" in back.output
    (config.parent / "seal-key").unlink()
    (config.parent / "books.db").unlink()
    back = run("--config", str(config), "restore", str(folder))
    assert "The seal key cannot be read now. It must be:" in back.output


def test_a_mistaken_configuration_is_told(tmp_path: Path) -> None:
    config = tmp_path / "aaad.toml"
    missing = run("--config", str(config), "backup", str(tmp_path / "b"))
    assert missing.exit_code == 2
    config.write_text("[store]\nurl = 'mysql://x'\n")
    for command in (("backup", "b"), ("journal", "list"), ("journal", "replay")):
        done = run("--config", str(config), *command)
        assert done.exit_code == 1
        assert "store.url" in done.output


def test_a_replay_of_nothing_says_where_the_books_are(config: Path) -> None:
    done = run("--config", str(config), "journal", "replay")
    assert done.exit_code == 0, done.output
    assert "0 records replayed: the books are at record 0 of journal 1." in done.output


def test_a_bad_record_is_named_with_its_remedy(config: Path) -> None:
    assert run("--config", str(config), "journal", "replay").exit_code == 0
    (segment,) = (config.parent / "journal").glob("journal-*.log")
    sound = run("--config", str(config), "journal", "verify")
    assert sound.exit_code == 0, sound.output
    segment.rename(segment.with_name(segment.name.replace("-01-", "-02-")))
    done = run("--config", str(config), "journal", "verify")
    assert done.exit_code == 1
    assert "the first is journal-02-" in done.output
    assert "restore this segment from a copy" in done.output
    listed = run("--config", str(config), "journal", "list")
    assert "its header says that its name is" in listed.output


async def test_unfinished_books_are_told_by_every_command(config: Path) -> None:
    store = await open_store(url(config), checkpoints=True)
    await store.close()
    with closing(sqlite3.connect(config.parent / "books.db")) as books, books:
        books.execute("DELETE FROM store")
    for command in (
        ("store", "check", "--store", url(config)),
        ("store", "copy", "--from", url(config), "--to", url(config, "new.db")),
        ("--config", str(config), "backup", str(config.parent / "backup")),
        ("--config", str(config), "journal", "replay"),
    ):
        done = await asyncio.to_thread(run, *command)
        assert done.exit_code == 1
        assert "books" in done.output
        assert "copy" in done.output or "finish" in done.output
