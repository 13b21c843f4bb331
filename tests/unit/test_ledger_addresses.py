"""Proves that endpoints, addresses and prefixes have one spelling inside, and that each wrong one
is refused with what is wrong.
"""

from __future__ import annotations

import pytest

from ledger.addresses import Endpoint, parse_address, parse_endpoint, parse_network


@pytest.mark.parametrize(
    ("text", "endpoint", "shown"),
    [
        ("0.0.0.0:1812", Endpoint("0.0.0.0", 1812), "0.0.0.0:1812"),
        ("[::]:1812", Endpoint("::", 1812), "[::]:1812"),
        ("[2001:DB8::0]:0", Endpoint("2001:db8::", 0), "[2001:db8::]:0"),
    ],
)
def test_endpoints(text: str, endpoint: Endpoint, shown: str) -> None:
    assert parse_endpoint(text) == endpoint
    assert str(endpoint) == shown


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "has no port"),
        ("1812", "has no port"),
        ("127.0.0.1:", "has no port"),
        ("127.0.0.1:65536", "has no port"),
        ("127.0.0.1:-1", "has no port"),
        ("127.0.0.1:\u0661", "has no port"),
        ("localhost:1812", "is not an IP address"),
        (":1812", "is not an IP address"),
        ("::1:1812", "has its brackets wrong"),
        ("[127.0.0.1]:1812", "has its brackets wrong"),
    ],
)
def test_wrong_endpoints(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_endpoint(text)


def test_addresses_and_prefixes() -> None:
    assert parse_address("2001:DB8:0::1") == "2001:db8::1"
    assert str(parse_network("192.0.2.7")) == "192.0.2.7/32"
    assert str(parse_network("192.0.2.0/255.255.255.0")) == "192.0.2.0/24"
    for wrong in ("", "192.0.2", "192.0.2.0/33", "host"):
        with pytest.raises(ValueError, match="is not an"):
            parse_network(wrong)
    with pytest.raises(ValueError, match="is not an IP address"):
        parse_address("192.0.2.0/24")
