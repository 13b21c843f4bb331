"""Sealed secrets open with their key and context alone; key files that others may use are
refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.seal import KEY_OCTETS, Sealer, SealError

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


@pytest.mark.parametrize("length", [0, 31, 33, 100])
def test_a_key_of_a_wrong_length_is_refused(length: int) -> None:
    with pytest.raises(SealError, match="32 octets"):
        Sealer(bytes(length))


def test_derived_keys_differ_by_purpose_and_by_key() -> None:
    keys = {
        SEALER.derive_key(b"one"),
        SEALER.derive_key(b"two"),
        Sealer(b"o" * KEY_OCTETS).derive_key(b"one"),
    }
    assert len(keys) == 3
    assert SEALER.derive_key(b"one") in keys
