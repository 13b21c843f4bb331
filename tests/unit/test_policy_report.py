"""Proves how an accounting packet is read: who serves, when it was true, what it has counted."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from aaad.policy.class_attribute import make_class
from aaad.policy.report import (
    SESSION_TIME_MAX_S,
    WORD,
    Report,
    is_session_report,
    nas_address_of,
    nas_of,
    read_report,
    text_of,
)
from aaad.radius import attribute_types as attribute
from aaad.radius.codes import AcctStatusType, Code
from aaad.radius.framing import frame_attribute
from aaad.radius.packet import Packet, Secret, decode, encode_request
from tests.usage_builders import DAY_S, NOON, report

SECRET = Secret(b"testing123")
SOURCE = "203.0.113.9"


def packet(*attributes: tuple[int, bytes | int]) -> Packet:
    body = b"".join(
        frame_attribute(kind, value.to_bytes(4, "big") if isinstance(value, int) else value)
        for kind, value in attributes
    )
    return decode(encode_request(Code.ACCOUNTING_REQUEST, 1, body, SECRET))


def read(*attributes: tuple[int, bytes | int]) -> Report:
    return read_report(packet(*attributes), lsn=7, received_at=NOON, client="pop", source=SOURCE)


IDENTIFIER = (attribute.NAS_IDENTIFIER, b"bras-1")
ADDRESS = (attribute.NAS_IP_ADDRESS, ip_address("192.0.2.1").packed)
ADDRESS_6 = (attribute.NAS_IPV6_ADDRESS, ip_address("2001:db8::1").packed)


@pytest.mark.parametrize(
    ("attributes", "nas", "address"),
    [
        ((IDENTIFIER, ADDRESS, ADDRESS_6), "bras-1", "192.0.2.1"),
        ((ADDRESS, ADDRESS_6), "192.0.2.1", "192.0.2.1"),
        ((ADDRESS_6,), "2001:db8::1", "2001:db8::1"),
        ((), SOURCE, SOURCE),
        (((attribute.NAS_IP_ADDRESS, 0),), SOURCE, SOURCE),
        (((attribute.NAS_IP_ADDRESS, b"\1\2\3"),), SOURCE, SOURCE),
        (((attribute.NAS_IDENTIFIER, b"\xffx"),), "\\xffx", SOURCE),
    ],
)
def test_who_serves_and_where(attributes: tuple, nas: str, address: str) -> None:
    told = packet(*attributes)
    assert (nas_of(told, SOURCE), nas_address_of(told, SOURCE)) == (nas, address)


def test_counters_are_joined_with_their_gigawords() -> None:
    told = read(
        (attribute.ACCT_STATUS_TYPE, int(AcctStatusType.STOP)),
        (attribute.ACCT_SESSION_TIME, 900),
        (attribute.ACCT_INPUT_OCTETS, 5),
        (attribute.ACCT_OUTPUT_OCTETS, 6),
        (attribute.ACCT_OUTPUT_GIGAWORDS, 2),
        (attribute.ACCT_SESSION_ID, b"\0\1binary"),
        (attribute.USER_NAME, b"Anna"),
        (attribute.ACCT_TERMINATE_CAUSE, 4),
    )
    assert (told.input_octets, told.output_octets, told.gigawords) == (5, 2 * WORD + 6, True)
    assert (told.session_time_s, told.status, told.terminate_cause) == (900, 2, 4)
    assert (told.acct_session_id, told.user_name, told.lsn) == (b"\0\1binary", b"Anna", 7)


def test_what_is_absent_or_of_a_wrong_length_says_nothing() -> None:
    told = read(
        (attribute.ACCT_SESSION_TIME, b"\1"),
        (attribute.ACCT_INPUT_OCTETS, b"\0" * 8),
        (attribute.EVENT_TIMESTAMP, b""),
        (attribute.FRAMED_IP_ADDRESS, b"\1\2"),
    )
    assert (told.session_time_s, told.input_octets, told.gigawords) == (None, 0, False)
    assert (told.event_timestamp_at, told.framed_address, told.status) == (None, "", 0)
    assert (told.acct_session_id, told.user_name, told.class_, told.nas_port) == (b"", b"", b"", "")


def test_a_session_time_beyond_ten_years_is_no_measurement() -> None:
    assert read((attribute.ACCT_SESSION_TIME, SESSION_TIME_MAX_S)).session_time_s is not None
    assert read((attribute.ACCT_SESSION_TIME, SESSION_TIME_MAX_S + 1)).session_time_s is None


def test_our_own_class_is_found_among_others() -> None:
    ours = make_class(b"key", account_id=1, service_id=2)
    assert read((attribute.CLASS, b"proxy's"), (attribute.CLASS, ours)).class_ == ours
    assert read((attribute.CLASS, b"proxy's"), (attribute.CLASS, b"b")).class_ == b"proxy's"


def test_a_port_has_its_name_or_its_number() -> None:
    assert read((attribute.NAS_PORT, 17)).nas_port == "17"
    assert read((attribute.NAS_PORT, 17), (attribute.NAS_PORT_ID, b"eth 0/1")).nas_port == "eth 0/1"


@pytest.mark.parametrize(
    ("stamp", "delay", "instant", "wrong"),
    [
        (None, 0, NOON, False),
        (None, 60, NOON - 60, False),
        (NOON - 50, 60, NOON - 50, False),
        (NOON + DAY_S, 0, NOON + DAY_S, False),
        (NOON + DAY_S + 1, 0, NOON, True),
        (NOON - 60 - DAY_S, 60, NOON - 60 - DAY_S, False),
        (5, 60, NOON - 60, True),
    ],
)
def test_the_instant_is_the_nass_if_it_is_credible(
    stamp: int | None, delay: int, instant: int, wrong: bool
) -> None:
    told = report(AcctStatusType.STOP, event_timestamp_at=stamp, delay_s=delay)
    assert (told.instant(DAY_S), told.clock_is_wrong(DAY_S)) == (instant, wrong)


@pytest.mark.parametrize(
    ("status", "is_one"), [(1, True), (2, True), (3, True), (7, False), (9, False), (0, False)]
)
def test_which_statuses_speak_of_one_session(status: int, is_one: bool) -> None:
    assert is_session_report(status) is is_one


def test_text_keeps_what_is_no_text_visible() -> None:
    assert text_of("Zürich".encode()) == "Zürich"
    assert text_of(b"\xffa") == "\\xffa"
