"""The cost of the wire, beside pyrad: what the listener pays for each request.

    PYTHONPATH=. python benchmarks/bench_codec.py [--seconds 2]

Each line is the best of five equal parts of the time given, in microseconds for one request on one
core: the best, because whatever else runs on the machine can only add. The work of both sides:

    auth   decode, check the Message-Authenticator, decrypt User-Password, six reply attributes,
           sign the reply (Access-Request of 13 attributes)
    acct   decode, check the Request Authenticator, read ten values, sign the reply (24 attributes)
"""

import argparse
import platform
import timeit
from collections.abc import Callable
from pathlib import Path

from pyrad import packet as pyrad_packet
from pyrad.dictionary import Dictionary as PyradDictionary

from aaad.radius.attributes import Hiding, parse_pairs
from aaad.radius.dictionary import OWN_FOLDER, load_dictionary
from aaad.radius.duplicates import DuplicateTable
from aaad.radius.packet import Secret, decode, encode_reply, encode_request, verify_request
from aaad.radius.passwords import (
    decrypt_pap,
    encode_mppe_keys_v2,
    nt_hash,
    verify_chap,
    verify_mschapv2,
)

PARTS = 5
KEY = b"testing123"
SECRET = Secret(KEY)
AUTHENTICATOR = bytes(range(16))
DICTIONARY = load_dictionary()
THEIRS = PyradDictionary(*(str(path) for path in sorted(Path(OWN_FOLDER).iterdir())))

AUTH_PAIRS = """
User-Name = "subscriber0001@isp.example", User-Password = "a password", NAS-Port = 12345
NAS-IP-Address = 192.0.2.1, NAS-Identifier = "bras-1.isp.example", Service-Type = Framed-User
Framed-Protocol = PPP, NAS-Port-Type = PPPoEoVLAN, NAS-Port-Id = "xe-0/1/2:100-200"
Calling-Station-Id = "00:1b:21:3c:9d:f8", Called-Station-Id = "internet"
Acct-Session-Id = "0123456789abcdef"
"""
ACCT_PAIRS = """
User-Name = "subscriber0001@isp.example", NAS-Port = 12345, NAS-IP-Address = 192.0.2.1
NAS-Identifier = "bras-1.isp.example", Service-Type = Framed-User, Framed-Protocol = PPP
NAS-Port-Type = PPPoEoVLAN, NAS-Port-Id = "xe-0/1/2:100-200", Framed-IP-Address = 198.51.100.7
Calling-Station-Id = "00:1b:21:3c:9d:f8", Called-Station-Id = "internet"
Acct-Session-Id = "0123456789abcdef", Acct-Status-Type = Interim-Update, Acct-Authentic = RADIUS
Acct-Session-Time = 3600, Acct-Input-Octets = 123456789, Acct-Output-Octets = 987654321
Acct-Input-Packets = 123456, Acct-Output-Packets = 654321, Acct-Input-Gigawords = 1
Acct-Output-Gigawords = 7, Event-Timestamp = 1767323045, Acct-Delay-Time = 0
Class = 0x0102030405060708090a0b0c0d0e0f10
"""
REPLY_PAIRS = """
Service-Type = Framed-User, Framed-Protocol = PPP, Framed-IP-Address = 198.51.100.7
Session-Timeout = 86400, Acct-Interim-Interval = 300, Class = 0x0102030405060708090a0b0c0d0e0f10
"""
REPLY_ATTRIBUTES = parse_pairs(REPLY_PAIRS, DICTIONARY)
READ = (1, 32, 44, 40, 46, 42, 43, 52, 53, 55)
READ_NAMES = (
    "User-Name",
    "NAS-Identifier",
    "Acct-Session-Id",
    "Acct-Status-Type",
    "Acct-Session-Time",
    "Acct-Input-Octets",
    "Acct-Output-Octets",
    "Acct-Input-Gigawords",
    "Acct-Output-Gigawords",
    "Event-Timestamp",
)


def auth_request() -> bytes:
    hiding = Hiding(SECRET, AUTHENTICATOR)
    attributes = parse_pairs(AUTH_PAIRS, DICTIONARY, hiding=hiding)
    return encode_request(1, 7, attributes, SECRET, authenticator=AUTHENTICATOR)


AUTH = auth_request()
ACCT = encode_request(
    4, 7, parse_pairs(ACCT_PAIRS, DICTIONARY), SECRET, message_authenticator=False
)


def auth_ours() -> None:
    request = decode(AUTH)
    verify_request(request, SECRET, require_message_authenticator=True)
    assert decrypt_pap(request, SECRET) == b"a password"
    encode_reply(request, 2, REPLY_ATTRIBUTES, SECRET)


def acct_ours() -> None:
    request = decode(ACCT)
    verify_request(request, SECRET, require_message_authenticator=True)
    get, get_int = request.get, request.get_int
    for number in READ[:3]:
        get(number)
    for number in READ[3:]:
        get_int(number)
    encode_reply(request, 5, b"", SECRET)


def auth_pyrad() -> None:
    request = pyrad_packet.AuthPacket(packet=AUTH, secret=KEY, dict=THEIRS)
    assert request.verify_message_authenticator()
    assert request.PwDecrypt(request[2][0]) == "a password"
    reply = request.CreateReply()
    for name, value in (
        ("Service-Type", "Framed-User"),
        ("Framed-Protocol", "PPP"),
        ("Framed-IP-Address", "198.51.100.7"),
        ("Session-Timeout", 86400),
        ("Acct-Interim-Interval", 300),
        ("Class", b"\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10"),
    ):
        reply.AddAttribute(name, value)
    reply.ReplyPacket()


def acct_pyrad() -> None:
    request = pyrad_packet.AcctPacket(packet=ACCT, secret=KEY, dict=THEIRS)
    assert request.VerifyAcctRequest()
    for name in READ_NAMES:
        request[name]
    request.CreateReply().ReplyPacket()


def single_steps() -> dict[str, Callable[[], object]]:
    auth, acct = decode(AUTH), decode(ACCT)
    table = DuplicateTable(65536, 30.0)
    source = ("192.0.2.1", 1645)

    def duplicate() -> None:
        key = table.key(source, auth)
        table.lookup(key, now_s=0.0)
        table.complete(key, AUTH, now_s=0.0)
        table.forget(key)

    return {
        "decode, 13 attributes": lambda: decode(AUTH),
        "decode, 24 attributes": lambda: decode(ACCT),
        "verify Message-Authenticator": lambda: verify_request(
            auth, SECRET, require_message_authenticator=True
        ),
        "verify Request Authenticator": lambda: verify_request(
            acct, SECRET, require_message_authenticator=True
        ),
        "decrypt PAP": lambda: decrypt_pap(auth, SECRET),
        "encode signed reply": lambda: encode_reply(auth, 2, REPLY_ATTRIBUTES, SECRET),
        "encode accounting reply": lambda: encode_reply(acct, 5, b"", SECRET),
        "duplicate: key, lookup, complete, forget": duplicate,
    }


def mschap_steps() -> dict[str, Callable[[], object]]:
    """The example of RFC 2759 section 9.2, and a CHAP response that is wrong."""
    attributes = parse_pairs(
        "MS-CHAP-Challenge = 0x5B5D7C7D7B3F2F3E3C2C602132262628\n"
        "MS-CHAP2-Response = 0x2a0021402324255E262A28295F2B3A337C7E0000000000000000"
        "82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF\n"
        f"CHAP-Password = 0x{'00' * 17}\n",
        DICTIONARY,
    )
    request = decode(encode_request(1, 1, attributes, SECRET))
    password_hash = nt_hash(b"clientPass")
    success = verify_mschapv2(request, password_hash, b"User")
    assert success is not None
    return {
        "verify CHAP": lambda: verify_chap(request, b"a password"),
        "verify MS-CHAPv2": lambda: verify_mschapv2(request, password_hash, b"User"),
        "encode MPPE keys": lambda: encode_mppe_keys_v2(
            success, secret=SECRET, request_authenticator=AUTHENTICATOR
        ),
    }


def measure_us(work: Callable[[], object], *, seconds: float) -> float:
    timer = timeit.Timer(work)
    once = max(timer.timeit(100) / 100, 1e-9)
    number = max(1, int(seconds / PARTS / once))
    return min(timer.repeat(PARTS, number)) / number * 1e6


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=0.5, help="for each line")
    seconds = parser.parse_args().seconds
    print(f"Python {platform.python_version()}, {len(AUTH)} and {len(ACCT)} octets")
    for name, ours, theirs in (("auth", auth_ours, auth_pyrad), ("acct", acct_ours, acct_pyrad)):
        us, their_us = measure_us(ours, seconds=seconds), measure_us(theirs, seconds=seconds)
        print(f"{name:42} {us:8.2f} us   pyrad {their_us:8.2f} us   {their_us / us:5.1f} times")
    for name, work in (single_steps() | mschap_steps()).items():
        print(f"{name:42} {measure_us(work, seconds=seconds):8.2f} us")


if __name__ == "__main__":
    main()
