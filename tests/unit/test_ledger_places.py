"""Proves that store and journal are found without the secrets of a running daemon."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.places import read_places, read_seal_key
from ledger.settings import SettingsError

CONFIGURATION = """
[secrets]
folder = "keys"
[store]
url = "postgresql://aaad@localhost/books"
password_file = "store"
[journal]
folder = "journal"
[seal]
key_file = "seal"
[[clients]]
name = "lab"
prefixes = ["127.0.0.0/8"]
secret_file = "is-not-there"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "keys").mkdir()
    secret = tmp_path / "keys" / "store"
    secret.touch(mode=0o600)
    secret.write_text("correct horse\n")
    path = tmp_path / "aaad.toml"
    path.write_text(CONFIGURATION)
    return path


def test_the_places_need_no_secret_of_a_client(config: Path) -> None:
    places = read_places(config)
    assert places.store.url == "postgresql://aaad@localhost/books"
    assert places.store.password == b"correct horse"
    assert places.journal_folder == config.parent / "journal"


def test_every_mistake_about_them_is_told(config: Path) -> None:
    config.write_text("[store]\nurl = 'mysql://x'\n[journal]\n")
    with pytest.raises(SettingsError) as error:
        read_places(config)
    assert {finding.key for finding in error.value.findings} == {"store.url", "journal.folder"}


def test_the_key_is_read_where_it_can_be(config: Path) -> None:
    assert read_seal_key(config) is None
    key = config.parent / "keys" / "seal"
    key.touch(mode=0o600)
    key.write_text("ab" * 32 + "\n")
    assert read_seal_key(config) == b"\xab" * 32
