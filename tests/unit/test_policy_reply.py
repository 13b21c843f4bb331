"""Proves what a NAS is told: an offer's attributes, a service's own over them, bounds, Class."""

from __future__ import annotations

from dataclasses import replace

from aaad.policy.reply import (
    REPLY_MESSAGE_MAX,
    encode_profile,
    integer,
    octets,
    own_session_timeout_s,
    reject_attributes,
    timeout_attribute,
)
from aaad.radius import attribute_types as attribute
from ledger.model import Offer, Service

OFFER = Offer(
    name="metered",
    tariff="plain",
    idle_timeout_s=900,
    interim_interval_s=600,
    reply={"Filter-Id": "open", "Framed-Pool": "a"},
)
SERVICE = Service(service_id=2, account_id=1, brand="isp", login="anna")


def encode(name: str, value: str) -> bytes:
    return f"<{name}={value}>".encode()


def test_an_offers_attributes_and_timeouts() -> None:
    assert encode_profile(OFFER, SERVICE, encode) == (
        b"<Filter-Id=open><Framed-Pool=a>"
        + integer(attribute.IDLE_TIMEOUT, 900)
        + integer(attribute.ACCT_INTERIM_INTERVAL, 600)
    )


def test_a_services_own_attribute_replaces_the_offers_whatever_its_case() -> None:
    own = replace(SERVICE, reply={"filter-id": "closed", "Framed-IP-Address": "192.0.2.7"})
    profile = encode_profile(OFFER, own, encode)
    assert b"<filter-id=closed>" in profile
    assert b"open" not in profile
    assert b"<Framed-Pool=a>" in profile
    assert b"<Framed-IP-Address=192.0.2.7>" in profile


def test_named_timeouts_stand_for_the_offers_own() -> None:
    own = replace(SERVICE, reply={"Idle-Timeout": "60", "Acct-Interim-Interval": "300"})
    profile = encode_profile(replace(OFFER, reply={}), own, encode)
    assert profile == b"<Idle-Timeout=60><Acct-Interim-Interval=300>"


def test_a_session_timeout_is_never_sent_as_it_is_named() -> None:
    own = replace(SERVICE, reply={"Session-Timeout": "60"})
    offer = replace(OFFER, reply={"session-timeout": "90"})
    assert b"imeout=" not in encode_profile(offer, own, encode)
    assert own_session_timeout_s(offer, own) == 60
    assert own_session_timeout_s(offer, SERVICE) == 90
    assert own_session_timeout_s(None, SERVICE) is None
    assert own_session_timeout_s(None, replace(SERVICE, reply={"Session-Timeout": "no"})) is None


def test_a_session_timeout_is_told_where_something_bounds_it() -> None:
    assert timeout_attribute(60) == integer(attribute.SESSION_TIMEOUT, 60)
    assert timeout_attribute(None) == b""


def test_a_reject_tells_its_detail_in_one_attribute() -> None:
    assert reject_attributes("", b"error") == b"error"
    told = reject_attributes("no more", b"error")
    assert told == b"error" + octets(attribute.REPLY_MESSAGE, b"no more")


def test_a_long_detail_is_cut_between_characters() -> None:
    told = reject_attributes("x" + "ü" * 200, b"")
    assert len(told) == 2 + REPLY_MESSAGE_MAX
    assert told[2:].decode() == "x" + "ü" * 126


def test_integers_have_32_bits() -> None:
    assert integer(27, 2**40) == b"\x1b\x06\xff\xff\xff\xff"
