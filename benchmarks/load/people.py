"""The users of a load as a file, `name password` a line, and their MS-CHAPv2 responses."""

from __future__ import annotations

import hashlib
from pathlib import Path

from aaad.radius.mschap import generate_nt_response, nt_hash
from benchmarks.load.users import Users

IDENT_AND_FLAGS = bytes(2)
RESERVED = bytes(8)


def make_people(count: int) -> list[tuple[bytes, bytes]]:
    """`count` users for a benchmark: user0000000 and so on, each with a password of its own."""
    return [(b"user%07d" % number, b"pass-%07d-word" % number) for number in range(count)]


def write_people(path: Path, people: list[tuple[bytes, bytes]]) -> None:
    """The file that `read_people` reads."""
    path.write_bytes(b"".join(name + b" " + password + b"\n" for name, password in people))


def read_people(path: Path) -> list[tuple[bytes, bytes]]:
    """Name and password of each line. Raises ValueError naming a line that is not both."""
    people = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        name, _, password = line.partition(b" ")
        if not name or not password:
            raise ValueError(f"{path}:{number}: write `name password`, parted by one space")
        people.append((name, password))
    return people


def set_mschap2(users: Users, people: list[tuple[bytes, bytes]]) -> None:
    """Give the users their responses (RFC 2759 s.8.1, RFC 2548 s.2.3.2)."""
    users.set_mschap2([_response(name, password) for name, password in people])


def _response(name: bytes, password: bytes) -> tuple[bytes, bytes]:
    challenge = hashlib.md5(b"challenge " + name).digest()
    peer_challenge = hashlib.md5(b"peer challenge " + name).digest()
    response = generate_nt_response(
        challenge=challenge,
        peer_challenge=peer_challenge,
        user_name=name,
        password_hash=nt_hash(password),
    )
    return challenge, IDENT_AND_FLAGS + peer_challenge + RESERVED + response
