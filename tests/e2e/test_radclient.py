"""Proves that clients which nobody here wrote are served: radclient of FreeRADIUS against the
daemon.

MS-CHAPv2, which radclient cannot speak, comes with the vectors of RFC 2759 section 9.2; the keys
for MPPE in the reply are decrypted by hashlib and compared with RFC 3079 section 3.5.3.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.books import Books
from tests.e2e.customers import load_price_list, register
from tests.e2e.harness import Daemon, DaemonOptions, RadclientAnswer, radclient
from tests.e2e.price_lists import METERED
from tests.e2e.wire import Attribute, Code, Packet, attribute, sign_request

PASSWORD = "correct horse"
SIGNED = {"Message-Authenticator": "0x00"}
PRICE_LIST = (
    METERED
    + """
reply = { Service-Type = "Framed-User", Filter-Id = "open", Framed-Pool = "dialup" }
session_timeout = "2 h"
idle_timeout = "15 min"
interim_interval = "10 min"
"""
)
MICROSOFT = 311
MS_CHAP_ERROR = 2
MS_MPPE_SEND_KEY = 16
MS_MPPE_RECV_KEY = 17
MS_CHAP_CHALLENGE = 11
MS_CHAP2_RESPONSE = 25
MS_CHAP2_SUCCESS = 26
VENDOR_SPECIFIC = 26


@pytest.fixture(scope="module")
def daemon(shared_folder: Path) -> Iterator[Daemon]:
    options = DaemonOptions(open_session_max_age_s=1, allow_mschapv1=True, reject_delay_ms=100)
    daemon = Daemon(shared_folder, options)
    with daemon.running():
        load_price_list(daemon, PRICE_LIST)
        register(daemon, "anna", offer="metered", password=PASSWORD)
        register(daemon, "argon", offer="metered", password=PASSWORD, scheme="argon2")
        register(daemon, "User", offer="metered", password="clientPass", scheme="nt_hash")
        yield daemon


def login(daemon: Daemon, **attributes: str) -> RadclientAnswer:
    named = {name.replace("_", "-"): f'"{value}"' for name, value in attributes.items()}
    return radclient(daemon.authentication, "auth", named | SIGNED, secret_file=daemon.secret_file)


@pytest.mark.usefixtures("requires_radclient")
@pytest.mark.parametrize("method", ["User_Password", "CHAP_Password", "MS_CHAP_Password"])
def test_a_login_is_accepted_with_its_attributes(daemon: Daemon, method: str) -> None:
    answer = login(daemon, User_Name="anna", NAS_Identifier="pop-1", **{method: PASSWORD})
    assert answer.code == "Access-Accept"
    assert answer.attributes["Session-Timeout"] == ["7200"]
    assert answer.attributes["Idle-Timeout"] == ["900"]
    assert answer.attributes["Acct-Interim-Interval"] == ["600"]
    assert answer.attributes["Service-Type"] == ["Framed-User"]
    assert answer.attributes["Filter-Id"] == ["open"]
    assert answer.attributes["Framed-Pool"] == ["dialup"]
    assert len(answer.attributes["Class"]) == 1
    assert ("MS-CHAP-MPPE-Keys" in answer.attributes) == (method == "MS_CHAP_Password")


@pytest.mark.usefixtures("requires_radclient")
@pytest.mark.parametrize("method", ["User_Password", "CHAP_Password", "MS_CHAP_Password"])
def test_a_wrong_password_is_refused(daemon: Daemon, method: str) -> None:
    answer = login(daemon, User_Name="anna", **{method: "wrong"})
    assert answer.code == "Access-Reject"
    assert "Reply-Message" not in answer.attributes
    assert ("MS-CHAP-Error" in answer.attributes) == (method == "MS_CHAP_Password")


@pytest.mark.usefixtures("requires_radclient")
def test_a_verifier_serves_pap_only(daemon: Daemon) -> None:
    assert login(daemon, User_Name="argon", User_Password=PASSWORD).code == "Access-Accept"
    assert login(daemon, User_Name="argon", User_Password="wrong").code == "Access-Reject"
    assert login(daemon, User_Name="argon", CHAP_Password=PASSWORD).code == "Access-Reject"


@pytest.mark.usefixtures("requires_radclient")
def test_accounting_from_start_to_stop(daemon: Daemon) -> None:
    def report(status: str, **counters: str) -> str:
        named = {name.replace("_", "-"): value for name, value in counters.items()}
        facts = {
            "User-Name": "anna",
            "NAS-Identifier": "pop-1",
            "Acct-Session-Id": "radclient-1",
            "Acct-Status-Type": status,
        }
        return radclient(
            daemon.accounting, "acct", facts | named, secret_file=daemon.secret_file
        ).code

    assert report("Start") == "Accounting-Response"
    octets = {"Acct_Output_Octets": "1000"}
    assert report("Interim-Update", Acct_Session_Time="60", **octets) == "Accounting-Response"
    assert report("Stop", Acct_Session_Time="90", **octets) == "Accounting-Response"
    books = Books(daemon)
    books.wait_until_posted()
    assert books.balance("anna") == ("0.091000", "0.000000")
    assert books.usage_events("anna") == [(90, 0, 1_000, "0.091000")]


@pytest.mark.usefixtures("requires_radclient")
@pytest.mark.parametrize(
    ("port", "code"),
    [("authentication", "Access-Accept"), ("accounting", "Accounting-Response")],
)
def test_status_server_is_answered_on_both_ports(daemon: Daemon, port: str, code: str) -> None:
    answer = radclient(getattr(daemon, port), "status", SIGNED, secret_file=daemon.secret_file)
    assert answer.code == code


# ---- MS-CHAPv2, RFC 2759 section 9.2

CHALLENGE = bytes.fromhex("5B5D7C7D7B3F2F3E3C2C602132262628")
PEER_CHALLENGE = bytes.fromhex("21402324255E262A28295F2B3A337C7E")
NT_RESPONSE = bytes.fromhex("82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF")
AUTHENTICATOR_RESPONSE = b"S=407A5589115FD0D6209F510FE9C04566932CDA56"
MASTER_KEY = bytes.fromhex("FDECE3717A8C838CB388E527AE3CDD31")
SEND_KEY = bytes.fromhex("8B7CDC149B993A1BA118CB153F56DCCB")
IDENTIFIER = 9


def microsoft(kind: int, value: bytes) -> bytes:
    """A vendor attribute of Microsoft's (RFC 2548)."""
    inner = bytes((kind, len(value) + 2)) + value
    return attribute(VENDOR_SPECIFIC, MICROSOFT.to_bytes(4, "big") + inner)


def of_microsoft(packet: Packet, kind: int) -> bytes | None:
    values = packet.all(VENDOR_SPECIFIC)
    wanted = MICROSOFT.to_bytes(4, "big") + bytes((kind,))
    return next((value[6:] for value in values if value[:5] == wanted), None)


def mschapv2(daemon: Daemon, nt_response: bytes) -> tuple[Packet, bytes]:
    """The answer to a login by MS-CHAPv2, and the Request Authenticator it was asked with."""
    authenticator = os.urandom(16)
    response = bytes((IDENTIFIER, 0)) + PEER_CHALLENGE + bytes(8) + nt_response
    body = attribute(Attribute.USER_NAME, "User")
    body += microsoft(MS_CHAP_CHALLENGE, CHALLENGE) + microsoft(MS_CHAP2_RESPONSE, response)
    request = sign_request(Code.ACCESS_REQUEST, 1, authenticator, body, daemon.secret)
    with daemon.nas() as nas:
        reply = nas.exchange(request, daemon.authentication)
    return reply, authenticator


def unsalted(value: bytes, *, secret: bytes, authenticator: bytes) -> bytes:
    """The key in MS-MPPE-Send-Key or -Recv-Key (RFC 2548 section 2.4.2)."""
    salt, hidden = value[:2], value[2:]
    block, plain = authenticator + salt, b""
    for at in range(0, len(hidden), 16):
        mask = hashlib.md5(secret + block).digest()
        block = hidden[at : at + 16]
        plain += bytes(a ^ b for a, b in zip(block, mask, strict=True))
    return plain[1 : 1 + plain[0]]


def start_key(master: bytes, magic: bytes) -> bytes:
    """GetAsymmetricStartKey (RFC 3079 section 3.4)."""
    return hashlib.sha1(master + bytes(40) + magic + b"\xf2" * 40).digest()[:16]


def test_mschapv2_proves_the_server_and_hands_over_the_keys(daemon: Daemon) -> None:
    reply, authenticator = mschapv2(daemon, NT_RESPONSE)
    assert reply.code == Code.ACCESS_ACCEPT
    assert of_microsoft(reply, MS_CHAP2_SUCCESS) == bytes((IDENTIFIER,)) + AUTHENTICATOR_RESPONSE
    keys = []
    for kind in (MS_MPPE_SEND_KEY, MS_MPPE_RECV_KEY):
        value = of_microsoft(reply, kind)
        assert value is not None
        keys.append(unsalted(value, secret=daemon.secret, authenticator=authenticator))
    client_sends = (
        b"On the client side, this is the send key; on the server side, it is the receive key."
    )
    assert keys == [SEND_KEY, start_key(MASTER_KEY, client_sends)]


def test_mschapv2_with_a_wrong_password_is_refused(daemon: Daemon) -> None:
    reply, _ = mschapv2(daemon, bytes(24))
    assert reply.code == Code.ACCESS_REJECT
    error = of_microsoft(reply, MS_CHAP_ERROR)
    assert error is not None
    assert error.startswith(bytes((IDENTIFIER,)) + b"E=691 R=0 C=")
    assert b"V=3" in error


def test_a_service_with_an_nt_hash_refuses_chap(daemon: Daemon) -> None:
    with daemon.nas() as nas:
        assert nas.access_request("User", "clientPass").code == Code.ACCESS_ACCEPT
        assert nas.access_request("user", "clientPass", chap=True).code == Code.ACCESS_REJECT
    rejected = daemon.wait_for_log(
        lambda entry: entry["event"] == "access_rejected" and entry["login"] == "user"
    )
    assert rejected["reason"] in {"method_not_possible", "bad_password"}
