"""radclient, which nobody here wrote, logs in by PAP and CHAP, accounts, and believes our replies.

The server is a socket in this test and the codec alone: it answers Access-Accept only if the
password fits, so the exit code of radclient judges both directions.
"""

import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator

import pytest

from aaad.radius.codes import Code
from aaad.radius.framing import frame_attribute
from aaad.radius.packet import Packet, Secret, decode, encode_reply, verify_request
from aaad.radius.passwords import decrypt_pap, nt_hash, verify_chap, verify_mschapv1

RADCLIENT = shutil.which("radclient")
KEY = "testing123"
SECRET = Secret(KEY.encode())

pytestmark = pytest.mark.skipif(RADCLIENT is None, reason="needs radclient of freeradius-utils")

Judge = Callable[[Packet], int]


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(10)
        yield sock


def answer_one(sock: socket.socket, judge: Judge, *, must_sign: bool) -> None:
    datagram, peer = sock.recvfrom(4096)
    request = decode(datagram)
    verify_request(request, SECRET, require_message_authenticator=must_sign)
    reply = encode_reply(request, judge(request), frame_attribute(18, b"hello"), SECRET)
    sock.sendto(reply, peer)


def play(
    sock: socket.socket, kind: str, pairs: str, judge: Judge, *, must_sign: bool = True
) -> subprocess.CompletedProcess[str]:
    assert RADCLIENT is not None
    thread = threading.Thread(
        target=answer_one, args=(sock, judge), kwargs={"must_sign": must_sign}
    )
    thread.start()
    host, port = sock.getsockname()
    finished = subprocess.run(
        [RADCLIENT, "-x", "-r", "1", "-t", "5", f"{host}:{port}", kind, KEY],
        input=pairs,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    thread.join(timeout=10)
    return finished


def accept_if(fits: bool) -> int:
    return Code.ACCESS_ACCEPT if fits else Code.ACCESS_REJECT


SIGN = "Message-Authenticator = 0x00\nProxy-State = 0x6131\nProxy-State = 0x6132\n"


def test_pap(server: socket.socket) -> None:
    pairs = "User-Name = bob\nUser-Password = geheim\n" + SIGN
    finished = play(
        server, "auth", pairs, lambda each: accept_if(decrypt_pap(each, SECRET) == b"geheim")
    )
    assert finished.returncode == 0, finished
    assert "Access-Accept" in finished.stdout


def test_chap_without_signature_and_a_wrong_password(server: socket.socket) -> None:
    for password, code in (("geheim", 0), ("falsch", 1)):
        finished = play(
            server,
            "auth",
            f"User-Name = bob\nCHAP-Password = {password}\n",
            lambda each: accept_if(verify_chap(each, b"geheim")),
            must_sign=False,
        )
        assert finished.returncode == code, finished


def test_mschapv1(server: socket.socket) -> None:
    pairs = "User-Name = bob\nMS-CHAP-Password = geheim\n" + SIGN
    finished = play(
        server, "auth", pairs, lambda each: accept_if(verify_mschapv1(each, nt_hash(b"geheim")))
    )
    assert finished.returncode == 0, finished


@pytest.mark.parametrize("sign", ["", SIGN])
@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("acct", Code.ACCOUNTING_RESPONSE),
        ("disconnect", Code.DISCONNECT_ACK),
        ("coa", Code.COA_ACK),
    ],
)
def test_accounting_and_dynamic_authorization(
    server: socket.socket, kind: str, code: Code, sign: str
) -> None:
    pairs = "User-Name = bob\nAcct-Session-Id = 0001\nAcct-Status-Type = Start\n" + sign
    finished = play(server, kind, pairs, lambda _: code)
    assert finished.returncode == 0, finished


@pytest.mark.parametrize("code", [Code.ACCESS_ACCEPT, Code.ACCOUNTING_RESPONSE])
def test_status_server(server: socket.socket, code: Code) -> None:
    finished = play(server, "status", "Message-Authenticator = 0x00\n", lambda _: code)
    assert finished.returncode == 0, finished
