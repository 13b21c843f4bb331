"""Types of signing.pyx."""

from aaad.radius.decoder import Packet
from aaad.radius.secret import Secret

def verify_request(packet: Packet, secret: Secret, require_message_authenticator: bool) -> None: ...
def verify_response(
    data: bytes, request: bytes, secret: Secret, *, require_message_authenticator: bool = True
) -> Packet: ...
def encode_reply(request: Packet, code: int, attributes: bytes, secret: Secret) -> bytes: ...
def encode_request(
    code: int,
    identifier: int,
    attributes: bytes,
    secret: Secret,
    *,
    authenticator: bytes | None = None,
    message_authenticator: bool = True,
) -> bytes: ...
