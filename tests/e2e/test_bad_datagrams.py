"""Proves that bad input is discarded silently, counted by its reason with a remedy, and harms
nobody.

Every reason that a sender can cause is caused on the wire: nothing answers, `aaactl status` counts
it and says what to do, and the next good request is served. User names are data, whatever their
octets.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.books import Books, await_found
from tests.e2e.customers import load_price_list, register
from tests.e2e.harness import Daemon, DaemonOptions
from tests.e2e.nas import Endpoint, Nas
from tests.e2e.price_lists import METERED
from tests.e2e.wire import (
    ZEROS,
    Attribute,
    Code,
    Status,
    attribute,
    header,
    hide_password,
    sign_accounting,
    sign_request,
)

PASSWORD = "correct horse"
EXCUSED = """
[[clients]]
name = "excused"
prefixes = ["127.0.0.9/32"]
secret_file = "client"
require_message_authenticator = false
"""
UNKNOWN_SOURCE = "127.200.0.1"
EAP_MESSAGE = 79


@pytest.fixture(scope="module")
def daemon(shared_folder: Path) -> Iterator[Daemon]:
    options = DaemonOptions(open_session_max_age_s=1, more=EXCUSED)
    daemon = Daemon(shared_folder, options)
    with daemon.running():
        load_price_list(daemon, METERED)
        register(daemon, "anna", offer="metered", password=PASSWORD)
        yield daemon


@pytest.fixture
def nas(daemon: Daemon) -> Iterator[Nas]:
    with daemon.nas() as nas:
        yield nas


def discards(daemon: Daemon) -> dict[str, int]:
    return {line["reason"]: line["count"] for line in daemon.aaactl("status")["discards"]}


def access_body(secret: bytes, authenticator: bytes, *more: bytes, login: str = "anna") -> bytes:
    hidden = hide_password(PASSWORD.encode(), authenticator=authenticator, secret=secret)
    body = attribute(Attribute.USER_NAME, login) + attribute(Attribute.USER_PASSWORD, hidden)
    return body + b"".join(more)


def unsigned(secret: bytes, *more: bytes) -> bytes:
    """An Access-Request without Message-Authenticator."""
    authenticator = os.urandom(16)
    return header(Code.ACCESS_REQUEST, 77, authenticator, access_body(secret, authenticator, *more))


def signed(secret: bytes, *more: bytes) -> bytes:
    authenticator = os.urandom(16)
    body = access_body(secret, authenticator, *more)
    return sign_request(Code.ACCESS_REQUEST, 77, authenticator, body, secret)


def twice_signed(secret: bytes) -> bytes:
    mac = attribute(Attribute.MESSAGE_AUTHENTICATOR, ZEROS)
    data = signed(secret, mac)
    return data[:22] + hmac.new(secret, data[:22] + ZEROS + data[38:], "md5").digest() + data[38:]


def short_mac(secret: bytes) -> bytes:
    authenticator = os.urandom(16)
    body = attribute(Attribute.MESSAGE_AUTHENTICATOR, bytes(15))
    body += access_body(secret, authenticator)
    return header(Code.ACCESS_REQUEST, 77, authenticator, body)


def with_length(data: bytes, length: int) -> bytes:
    return data[:2] + length.to_bytes(2, "big") + data[4:]


BAD: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("too_short", lambda secret: signed(secret)[:19]),
    ("too_short", lambda secret: b""),
    ("too_long", lambda secret: with_length(signed(secret), 4_097).ljust(4_097, b"\0")),
    ("bad_length_field", lambda secret: with_length(signed(secret), 19)),
    ("bad_length_field", lambda secret: with_length(signed(secret), 4_000)),
    ("attribute_too_short", lambda secret: header(1, 77, os.urandom(16), b"\x01\x01")),
    ("attribute_overrun", lambda secret: header(1, 77, os.urandom(16), b"\x01\x20abc")),
    ("attribute_overrun", lambda secret: header(1, 77, os.urandom(16), b"\x01")),
    ("unknown_code", lambda secret: header(250, 77, os.urandom(16), b"")),
    ("wrong_port", lambda secret: sign_accounting(Code.ACCOUNTING_REQUEST, 77, b"", secret)),
    ("wrong_port", lambda secret: header(Code.ACCESS_ACCEPT, 77, os.urandom(16), b"")),
    ("bad_message_authenticator", lambda secret: signed(secret + b"x")),
    ("message_authenticator_missing", unsigned),
    ("message_authenticator_repeated", twice_signed),
    ("message_authenticator_bad_length", short_mac),
]


def test_every_bad_datagram_is_counted_with_its_remedy_and_none_is_answered(
    daemon: Daemon, nas: Nas
) -> None:
    bad = [(reason, make(daemon.secret)) for reason, make in BAD]
    check_discarded(daemon, nas, daemon.authentication, *bad)


def check_discarded(daemon: Daemon, nas: Nas, endpoint: Endpoint, *bad: tuple[str, bytes]) -> None:
    """Each discarded for its reason alone, in silence, and the daemon goes on."""
    before = Counter(discards(daemon))
    wanted = Counter(reason for reason, _ in bad)
    for _, datagram in bad:
        nas.send(datagram, endpoint)
    # what is answered next is the good request, by its identifier and authenticator
    assert nas.access_request("anna", PASSWORD).code == Code.ACCESS_ACCEPT
    assert [entry.packet.code for entry in nas.log if not entry.sent] == [Code.ACCESS_ACCEPT]
    lines = daemon.aaactl("status")["discards"]
    assert Counter({line["reason"]: line["count"] for line in lines}) - before == wanted
    assert all(len(line["remedy"]) > 10 for line in lines)


def test_an_accounting_request_of_another_secret_is_discarded(daemon: Daemon, nas: Nas) -> None:
    body = attribute(Attribute.ACCT_STATUS_TYPE, int(Status.START))
    forged = sign_accounting(Code.ACCOUNTING_REQUEST, 77, body, daemon.secret + b"x")
    assert nas.access_request("anna", PASSWORD).code == Code.ACCESS_ACCEPT
    nas.log.clear()
    check_discarded(daemon, nas, daemon.accounting, ("bad_authenticator", forged))


def test_an_unknown_client_is_discarded(daemon: Daemon, nas: Nas) -> None:
    with daemon.nas(source=UNKNOWN_SOURCE) as stranger:
        stranger_sends = signed(daemon.secret)
        before = discards(daemon).get("unknown_client", 0)
        stranger.send(stranger_sends, daemon.authentication)
        await_found(
            lambda: discards(daemon).get("unknown_client", 0) == before + 1, "an unknown client"
        )
    entry = daemon.wait_for_log(lambda e: e.get("reason") == "unknown_client")
    assert entry["source"] == UNKNOWN_SOURCE
    assert nas.access_request("anna", PASSWORD).code == Code.ACCESS_ACCEPT


def test_an_excused_client_may_omit_the_message_authenticator_but_not_with_proxy_state(
    daemon: Daemon,
) -> None:
    with daemon.nas(source="127.0.0.9") as excused:
        accepted = excused.exchange(unsigned(daemon.secret), daemon.authentication)
        assert accepted.code == Code.ACCESS_ACCEPT
    for reason, more in (
        ("proxy_state_without_message_authenticator", attribute(Attribute.PROXY_STATE, b"p")),
        ("eap_message_without_message_authenticator", attribute(EAP_MESSAGE, b"\x02\x01\x00\x04")),
    ):
        with daemon.nas(source="127.0.0.9") as excused:
            datagram = unsigned(daemon.secret, more)
            check_discarded(daemon, excused, daemon.authentication, (reason, datagram))
    attention = [line["what"] for line in daemon.aaactl("status")["attention"]]
    assert any("excused" in what and "Message-Authenticator" in what for what in attention)


def test_random_octets_never_stop_the_daemon(daemon: Daemon, nas: Nas) -> None:
    for endpoint in (daemon.authentication, daemon.accounting):
        for size in (1, 20, 21, 40, 300, 4_096, 5_000):
            for code in (1, 4, 12, 255):
                noise = bytes((code,)) + secrets.token_bytes(size - 1)
                nas.send(noise, endpoint)
                nas.send(with_length(noise, size & 0xFFFF)[:size], endpoint)
    assert nas.access_request("anna", PASSWORD).code == Code.ACCESS_ACCEPT
    nas.report(Status.START, "after-noise", login="anna")


HOSTILE = [
    b"x'; DROP TABLE session; --",
    b'"quoted" and \\backslashed\\',
    b"nul\0in\0it",
    b"\xff\xfe invalid utf-8 \xc3\x28",
    b"line\nfeed \x1b[31m and escape",
    b"=cmd|' /C calc'!A0",
    "ünïcödé ☃ names".encode(),
    b"n" * 253,
]


def test_a_user_name_is_data(daemon: Daemon, nas: Nas) -> None:
    """Unknown ones: refused, accounted into suspense octet by octet, one clean line each in the
    log.
    """
    books = Books(daemon)
    last = "SELECT coalesce(max(lsn), 0) FROM suspense"
    ((before,),) = books.rows(last)
    for name in HOSTILE:
        assert nas.access_request(name, PASSWORD).code == Code.ACCESS_REJECT
        nas.report(Status.STOP, "hostile", login=name, session_time=5)
    books.wait_until_posted()
    bodies = books.rows("SELECT body FROM suspense WHERE lsn > ? ORDER BY lsn", before)
    assert len(bodies) == len(HOSTILE)
    for name, (body,) in zip(HOSTILE, bodies, strict=True):
        assert attribute(Attribute.USER_NAME, name) in body
    assert not [entry for entry in daemon.log if entry["event"] == "not a log line"]
    listed = daemon.aaactl("suspense", "list")
    assert all(character.isprintable() for line in listed for character in line["user_name"])


@pytest.mark.parametrize("name", ["o'brien", "name with spaces", "ünïcödé@isp.example", "n" * 200])
def test_a_customer_may_have_any_name(daemon: Daemon, nas: Nas, name: str) -> None:
    register(daemon, name, offer="metered", password=PASSWORD)
    assert nas.access_request(name.upper(), PASSWORD).code == Code.ACCESS_ACCEPT
    nas.report(Status.START, f"of {len(name)}", login=name)
    nas.report(Status.STOP, f"of {len(name)}", login=name, session_time=7)
    books = Books(daemon)
    books.wait_until_posted()
    sql = "SELECT b.posted FROM v_balance b JOIN v_service s USING (account_id) WHERE s.login = ?"
    assert books.rows(sql, name.casefold()) == [("0.007000",)]


def test_a_repeated_request_gets_the_same_octets(daemon: Daemon, nas: Nas) -> None:
    request = signed(daemon.secret)
    assert nas.exchange(request, daemon.authentication) == nas.exchange(
        request, daemon.authentication
    )
    report = nas.accounting_request(Status.START, "twice", login="anna")
    first = nas.exchange(report, daemon.accounting)
    assert nas.exchange(report, daemon.accounting) == first
    counters = daemon.aaactl("status")["sections"]["counters"]
    assert counters["duplicates_answered"] >= 2
    books = Books(daemon)
    books.wait_until_posted()
    assert len([s for s in books.sessions("anna") if s["acct_session_id"] == "twice"]) == 1


def test_a_request_repeated_before_its_answer_is_dropped(shared_folder: Path) -> None:
    """The reject is delayed: its repetitions are counted, and answered once by one reject."""
    folder = shared_folder / "delayed"
    folder.mkdir()
    daemon = Daemon(folder, DaemonOptions(reject_delay_ms=500))
    with daemon.running(), daemon.nas() as nas:
        request = signed(daemon.secret)
        nas.send(request, daemon.authentication)
        nas.send(request, daemon.authentication)
        assert nas.exchange(request, daemon.authentication).code == Code.ACCESS_REJECT
        assert discards(daemon) == {"duplicate_pending": 2}
        assert nas.exchange(request, daemon.authentication).code == Code.ACCESS_REJECT


def test_proxy_states_come_back_in_order_behind_the_message_authenticator(
    daemon: Daemon, nas: Nas
) -> None:
    states = [b"first", b"", b"second", b"\0" * 253]
    proxied = [attribute(Attribute.PROXY_STATE, state) for state in states]
    reply = nas.exchange(signed(daemon.secret, *proxied), daemon.authentication)
    assert reply.all(Attribute.PROXY_STATE) == states
    assert reply.attributes[0][0] == Attribute.MESSAGE_AUTHENTICATOR
    pairs = tuple((int(Attribute.PROXY_STATE), state) for state in states)
    answer = nas.report(Status.START, "proxied", login="anna", attributes=pairs)
    assert answer.all(Attribute.PROXY_STATE) == states


def test_a_request_full_of_proxy_states_has_no_room_for_an_accept(daemon: Daemon, nas: Nas) -> None:
    """The reply would exceed 4096 octets: discarded and counted, and nobody else suffers."""
    states = [attribute(Attribute.PROXY_STATE, b"p" * 253)] * 15
    room = 4_096 - len(signed(daemon.secret, *states))
    states.append(attribute(Attribute.PROXY_STATE, b"p" * (room - 2)))
    datagram = signed(daemon.secret, *states)
    assert len(datagram) == 4_096
    check_discarded(daemon, nas, daemon.authentication, ("reply_too_long", datagram))


def test_ipv6_is_served_like_ipv4(shared_folder: Path) -> None:
    folder = shared_folder / "ipv6"
    folder.mkdir()
    daemon = Daemon(folder, DaemonOptions(host="::1", open_session_max_age_s=1))
    with daemon.running():
        load_price_list(daemon, METERED)
        register(daemon, "anna", offer="metered", password=PASSWORD)
        with daemon.nas(nas_identifier="") as nas:
            assert nas.access_request("anna", PASSWORD).code == Code.ACCESS_ACCEPT
            nas.report(Status.STOP, "six", login="anna", session_time=0, output_octets=1)
            assert nas.status_server(daemon.accounting).code == Code.ACCOUNTING_RESPONSE
            books = Books(daemon)
            books.wait_until_posted()
            assert books.rows("SELECT nas, nas_address FROM v_session") == [("::1", "::1")]
