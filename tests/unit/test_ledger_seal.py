"""Sealed secrets open with their key and context alone; key files that others may use are
refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.seal import KEY_OCTETS, Sealer, SealError, make_key_file

SEALER = Sealer(b"k" * KEY_OCTETS)


@given(st.binary(max_size=200), st.binary(max_size=40))
def test_what_is_sealed_opens_in_its_context(secret: bytes, context: bytes) -> None:
    blob = SEALER.seal(secret, context=context)
    assert SEALER.open(blob, context=context) == secret
    with pytest.raises(SealError, match="another row"):
        SEALER.open(blob, context=context + b"x")


def test_the_same_secret_never_looks_the_same() -> None:
    assert len({SEALER.seal(b"secret", context=b"") for _ in range(20)}) == 20


def test_every_changed_octet_is_noticed() -> None:
    blob = SEALER.seal(b"secret", context=b"c")
    for position in range(len(blob)):
        changed = bytearray(blob)
        changed[position] ^= 1
        with pytest.raises(SealError):
            SEALER.open(bytes(changed), context=b"c")


@pytest.mark.parametrize("length", range(40))
def test_a_cut_blob_is_refused(length: int) -> None:
    blob = SEALER.seal(b"sixteen octets..", context=b"")
    with pytest.raises(SealError):
        SEALER.open(blob[:length], context=b"")


def test_another_key_is_named_by_its_id() -> None:
    other = Sealer(b"o" * KEY_OCTETS)
    blob = SEALER.seal(b"secret", context=b"")
    with pytest.raises(SealError, match=f"{SEALER.key_id.hex()}.*{other.key_id.hex()}"):
        other.open(blob, context=b"")


def test_a_key_file_is_made_for_its_owner_alone_and_never_again(tmp_path: Path) -> None:
    path = tmp_path / "store.key"
    make_key_file(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(path.read_bytes()) == KEY_OCTETS
    blob = Sealer.from_file(path).seal(b"secret", context=b"")
    assert Sealer.from_file(path).open(blob, context=b"") == b"secret"
    with pytest.raises(SealError, match="exists"):
        make_key_file(path)


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o620, 0o666, 0o601])
def test_a_key_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "store.key"
    make_key_file(path)
    path.chmod(mode)
    with pytest.raises(SealError, match="chmod 600"):
        Sealer.from_file(path)


@pytest.mark.parametrize("length", [0, 31, 33, 100])
def test_a_key_of_a_wrong_length_is_refused(tmp_path: Path, length: int) -> None:
    path = tmp_path / "store.key"
    path.write_bytes(bytes(length))
    path.chmod(0o600)
    with pytest.raises(SealError, match="32 octets"):
        Sealer.from_file(path)


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SealError, match=r"none\.key cannot be read"):
        Sealer.from_file(tmp_path / "none.key")
