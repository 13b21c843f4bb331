"""Proves that the client table finds the longest prefix, against Python's ipaddress: for random
tables and sources of both families, mapped sources too.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from ledger.addresses import Network, parse_network
from ledger.clients import ClientSettings, ClientTable

# Few distinct addresses: so that prefixes nest and sources hit them.
ipv4 = st.builds(
    lambda high, low: IPv4Address(high << 24 | low),
    st.sampled_from((0, 10, 192, 255)),
    st.sampled_from((0, 1, 0x8000, 0xFF_FFFF, 0xA80001)),
)
ipv6 = st.builds(
    lambda high, low: IPv6Address(high << 64 | low),
    st.sampled_from((0, 0x2001_0DB8 << 32, (0x2001_0DB8 << 32) + 1, 2**64 - 1)),
    st.sampled_from((0, 1, 2**63, 2**64 - 1)),
)


def network(address: IPv4Address | IPv6Address, length: int) -> Network:
    return ip_network((address, min(length, address.max_prefixlen)), strict=False)


networks = st.one_of(
    st.builds(network, ipv4, st.integers(0, 32)),
    st.builds(network, ipv6, st.integers(97, 128)),
    st.builds(network, ipv6, st.integers(0, 128)),
).filter(lambda one: one.version == 4 or one.network_address.ipv4_mapped is None)

tables = st.lists(networks, unique=True, max_size=12)


def table_of(prefixes: list[Network]) -> ClientTable:
    return ClientTable(
        ClientSettings(name=str(prefix), prefixes=(prefix,), secret=b"s", brand="default")
        for prefix in prefixes
    )


def longest(prefixes: list[Network], source: IPv4Address | IPv6Address) -> str | None:
    holding = [prefix for prefix in prefixes if source in prefix]
    return str(max(holding, key=lambda prefix: prefix.prefixlen)) if holding else None


@given(tables, st.one_of(ipv4, ipv6))
def test_the_longest_prefix_that_holds_the_source(
    prefixes: list[Network], source: IPv4Address | IPv6Address
) -> None:
    client = table_of(prefixes).lookup(source.packed)
    assert (client.name if client else None) == longest(prefixes, source)


@given(tables, ipv4)
def test_a_mapped_source_is_the_ipv4_source(prefixes: list[Network], source: IPv4Address) -> None:
    table = table_of(prefixes)
    assert table.lookup(ip_address(f"::ffff:{source}").packed) is table.lookup(source.packed)


@given(networks)
def test_a_prefix_is_read_as_it_is_written(prefix: Network) -> None:
    assert parse_network(str(prefix)) == prefix
