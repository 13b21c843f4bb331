"""Secrets of the configuration: by path only, read once, never shown (DESIGN.md, Security).

A key that ends in `_file` names a file; a relative name is looked for in `[secrets] folder`, which
is where systemd lays the unit's credentials. A secret that stands in the configuration itself is an
unknown key there, and findings about unknown keys do not show values.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ledger.document import Table

SECRET_SIZE_MAX: Final = 4096
"""Octets of a secret file: more is the wrong file."""

SEAL_KEY_SIZE: Final = 32
"""Octets of the key that seals credentials at rest: AES-256."""

_OTHERS_READ: Final = 0o004


class SecretFiles:
    """Reads the secrets that a configuration names, relative to one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, table: Table, name: str) -> bytes:
        """The octets of a required secret, without its final line end; b"" after a finding."""
        file_name = table.text(name)
        return self._load(table, name, file_name) if file_name else b""

    def read_optional(self, table: Table, name: str) -> bytes | None:
        """As `read`, or None when the key is absent."""
        file_name = table.optional_text(name)
        return self._load(table, name, file_name) if file_name else None

    def read_key(self, table: Table, name: str) -> bytes:
        """A key of SEAL_KEY_SIZE octets, kept as hexadecimal digits; b"" after a finding."""
        text = self.read(table, name)
        if not text:
            return b""
        try:
            key = bytes.fromhex(text.decode("ascii"))
        except ValueError:
            key = b""
        if len(key) != SEAL_KEY_SIZE:
            table.find(
                name,
                f"is not a key of {SEAL_KEY_SIZE * 2} hexadecimal digits",
                f"make one with: openssl rand -hex {SEAL_KEY_SIZE}",
            )
            return b""
        return key

    def _load(self, table: Table, name: str, file_name: str) -> bytes:
        path = self._folder / file_name
        try:
            with path.open("rb") as stream:
                mode = path.stat().st_mode
                content = stream.read(SECRET_SIZE_MAX + 1)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            table.find(name, f"cannot be read at {path}: {reason}", "put the secret there")
            return b""
        if mode & _OTHERS_READ:
            table.find(name, f"{path} is readable by everybody", f"run: chmod o-r {path}")
        secret = content.removesuffix(b"\n").removesuffix(b"\r")
        if not secret or len(content) > SECRET_SIZE_MAX:
            problem = "is too large" if secret else "is empty"
            table.find(name, f"{path} {problem}", f"put 1 to {SECRET_SIZE_MAX} octets there")
            return b""
        return secret
