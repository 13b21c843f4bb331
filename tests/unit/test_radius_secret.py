"""A Secret hides itself, and hides and reveals by the chain of RFC 2865 section 5.2."""

import pickle

import pytest

from aaad.radius.secret import Secret, hide, reveal

SECRET = Secret(b"xyzzy5461")
VECTOR = bytes.fromhex("0f403f9473978057bd83d5cb98f4227a")


def test_the_example_of_rfc_2865() -> None:
    hidden = hide(b"arctangent", secret=SECRET, vector=VECTOR)
    assert hidden.hex() == "0dbe708d93d413ce3196e43f782a0aee"


@pytest.mark.parametrize("size", [1, 15, 16, 17, 127, 128])
def test_what_is_hidden_is_revealed(size: int) -> None:
    plain = bytes(range(1, size + 1))
    hidden = hide(plain, secret=SECRET, vector=VECTOR)
    assert len(hidden) % 16 == 0
    assert reveal(hidden, secret=SECRET, vector=VECTOR).rstrip(b"\0") == plain


def test_nothing_is_hidden_as_nothing() -> None:
    assert hide(b"", secret=SECRET, vector=VECTOR) == b""


def test_a_broken_length_is_named() -> None:
    with pytest.raises(ValueError, match="15 octets"):
        reveal(bytes(15), secret=SECRET, vector=VECTOR)


def test_an_empty_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        Secret(b"")


def test_neither_repr_nor_pickle_gives_it_away() -> None:
    assert "xyzzy" not in f"{SECRET} {SECRET!r}"
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(SECRET)


def test_secrets_are_equal_by_value() -> None:
    assert Secret(b"a") == Secret(b"a")
    assert hash(Secret(b"a")) == hash(Secret(b"a"))
    assert Secret(b"a") != Secret(b"b")
    assert Secret(b"a") != b"a"
    assert SECRET.value == b"xyzzy5461"
