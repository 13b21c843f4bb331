"""Where the books and the journal are: the few keys of the configuration that moving them needs.

The whole configuration needs every secret of every client, which systemd lays down for a running
daemon alone. A backup at night must not depend on that.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ledger.document import Document
from ledger.secret_files import SecretFiles
from ledger.settings import SettingsError, StoreSettings, read_journal, read_store


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What a configuration says of its store and its journal."""

    store: StoreSettings
    journal_folder: Path


def read_places(path: Path) -> Places:
    """The places in a configuration. Raises SettingsError with every mistake about them."""
    document = Document.load(path)
    root = document.root
    secrets = SecretFiles(path.parent / root.table("secrets").text("folder", default="."))
    places = Places(
        store=read_store(root.table("store"), secrets),
        journal_folder=read_journal(root.table("journal"), path.parent).folder,
    )
    if document.findings:
        raise SettingsError(tuple(document.findings))
    return places


def read_seal_key(path: Path) -> bytes | None:
    """The key that seals credentials, where this user may read it now."""
    root = Document.load(path).root
    secrets = SecretFiles(path.parent / root.table("secrets").text("folder", default="."))
    return secrets.read_key(root.table("seal"), "key_file") or None
