"""Proves that a secret is read from its folder without its line end, and that whatever is wrong
with its file is a finding that shows no secret. (test_ledger_settings.py has them within a
configuration.)
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.document import Document
from ledger.secret_files import SEAL_KEY_SIZE, SECRET_SIZE_MAX, SecretFiles

READ = {"secret_file": "secret"}


def read(folder: Path, content: dict[str, object]) -> tuple[bytes, list[str]]:
    document = Document("aaad.toml", content)
    secret = SecretFiles(folder).read(document.root, "secret_file")
    return secret, [str(finding) for finding in document.finish()]


def write(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"s3cret", b"s3cret"),
        (b"s3cret\n", b"s3cret"),
        (b"s3cret\r\n", b"s3cret"),
        (b"s3cret\n\n", b"s3cret\n"),
        (b" s3 \xff\0 ", b" s3 \xff\0 "),
        (b"x" * SECRET_SIZE_MAX, b"x" * SECRET_SIZE_MAX),
    ],
)
def test_only_the_last_line_end_is_left_out(tmp_path: Path, content: bytes, secret: bytes) -> None:
    write(tmp_path, content)
    assert read(tmp_path, READ) == (secret, [])


def test_an_absolute_name_stands_for_itself(tmp_path: Path) -> None:
    path = write(tmp_path, b"s3cret")
    assert read(Path("/nowhere"), {"secret_file": str(path)}) == (b"s3cret", [])


def test_a_group_may_read_and_others_may_not(tmp_path: Path) -> None:
    path = write(tmp_path, b"s3cret", 0o640)
    assert read(tmp_path, READ)[1] == []
    path.chmod(0o604)
    assert read(tmp_path, READ)[1] == [
        f'aaad.toml: secret_file = "secret": {path} is readable by everybody; run: chmod o-r {path}'
    ]


@pytest.mark.parametrize("name", ["absent", ".", "a\x00b"])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    secret, findings = read(tmp_path, {"secret_file": name})
    assert secret == b""
    assert findings
    assert all("secret_file" in finding for finding in findings)


def test_an_optional_secret(tmp_path: Path) -> None:
    write(tmp_path, b"s3cret")
    document = Document("aaad.toml", dict(READ))
    secrets = SecretFiles(tmp_path)
    assert secrets.read_optional(document.root, "secret_file") == b"s3cret"
    assert secrets.read_optional(document.root, "other_file") is None
    assert document.finish() == ()


def test_a_key_is_hexadecimal_digits_of_its_size(tmp_path: Path) -> None:
    document = Document("aaad.toml", dict(READ))
    write(tmp_path, b"0F" * SEAL_KEY_SIZE + b"\n")
    key = SecretFiles(tmp_path).read_key(document.root, "secret_file")
    assert key == b"\x0f" * SEAL_KEY_SIZE
    write(tmp_path, b"0F" * (SEAL_KEY_SIZE - 1))
    assert SecretFiles(tmp_path).read_key(document.root, "secret_file") == b""
    (finding,) = document.finish()
    assert "0F0F" not in str(finding)
