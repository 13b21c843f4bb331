"""Every packet of the text files here is accepted, or discarded for the reason that stands there.

The files hold the examples of the RFCs and packets made by hashlib and hmac alone, so that the
codec is not judged by itself. Lines are `key: value`; blocks are separated by empty lines.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from aaad.radius.errors import Discard
from aaad.radius.packet import Packet, Secret, decode, verify_request, verify_response
from aaad.radius.passwords import decrypt_pap, verify_chap

FOLDER = Path(__file__).parent


@dataclass
class Vector:
    file: str
    keys: dict[str, str] = field(default_factory=dict)
    packet: bytes = b""
    attributes: list[tuple[int, bytes]] = field(default_factory=list)

    @property
    def secret(self) -> Secret:
        return Secret(bytes.fromhex(self.keys["secret"]))


def read_vectors(path: Path) -> Iterator[Vector]:
    for block in path.read_text(encoding="ascii").split("\n\n"):
        vector = Vector(path.name)
        for line in block.splitlines():
            key, _, value = line.partition(":")
            if key == "packet":
                vector.packet += bytes.fromhex(value)
            elif key == "attribute":
                number, _, octets = value.strip().partition(" ")
                vector.attributes.append((int(number), bytes.fromhex(octets)))
            elif not line.startswith("#"):
                vector.keys[key] = value.strip()
        if vector.keys:
            yield vector


VECTORS = [vector for path in sorted(FOLDER.glob("*.txt")) for vector in read_vectors(path)]
BY_NAME = {(vector.file, vector.keys["name"]): vector for vector in VECTORS}


def judge(vector: Vector) -> Packet:
    must_sign = vector.keys.get("unsigned") != "allowed"
    if "response-to" not in vector.keys:
        packet = decode(vector.packet)
        verify_request(packet, vector.secret, require_message_authenticator=must_sign)
        return packet
    request = BY_NAME[vector.file, vector.keys["response-to"]]
    return verify_response(
        vector.packet, request.packet, vector.secret, require_message_authenticator=must_sign
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda each: f"{each.file}: {each.keys['name']}")
def test_a_vector_is_judged_as_it_says(vector: Vector) -> None:
    if vector.keys["expect"] != "accepted":
        with pytest.raises(Discard) as caught:
            judge(vector)
        assert caught.value.reason == vector.keys["expect"]
        return
    packet = judge(vector)
    if vector.attributes:
        assert packet.attributes() == vector.attributes
    if "pap" in vector.keys:
        assert decrypt_pap(packet, vector.secret) == vector.keys["pap"].encode()
    if "chap" in vector.keys:
        assert verify_chap(packet, vector.keys["chap"].encode())
        assert not verify_chap(packet, b"wrong")


def test_there_are_vectors_of_every_file_and_their_names_are_unique() -> None:
    assert len(BY_NAME) == len(VECTORS) > 40
