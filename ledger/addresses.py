"""Addresses, prefixes and endpoints as a configuration writes them, each in one canonical spelling.

Each parser raises ValueError with the half sentence that a finding shows after the value.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a socket listens. Port 0 lets the system pick one, for tests."""

    address: str
    port: int

    def __str__(self) -> str:
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{address}:{self.port}"


def parse_network(text: str) -> Network:
    """An IPv4 or IPv6 prefix; a bare address is a prefix of one. Raises ValueError saying why."""
    try:
        network = ip_network(text)
    except ValueError as error:
        try:
            loose = ip_network(text, strict=False)
        except ValueError:
            raise ValueError("is not an address or prefix") from error
        raise ValueError(f"has bits beyond its length (the prefix is {loose})") from error
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped is not None:
        raise ValueError("is an IPv4-mapped prefix, which is looked up as IPv4")
    return network


def parse_address(text: str) -> str:
    """An IPv4 or IPv6 address in its one canonical spelling. Raises ValueError."""
    try:
        return str(ip_address(text))
    except ValueError as error:
        raise ValueError("is not an IP address") from error


def parse_endpoint(text: str) -> Endpoint:
    """An endpoint from "192.0.2.1:1812" or "[2001:db8::1]:1812". Raises ValueError saying why."""
    address, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise ValueError("has no port from 0 to 65535")
    bracketed = address.startswith("[") and address.endswith("]")
    try:
        parsed = ip_address(address[1:-1] if bracketed else address)
    except ValueError as error:
        raise ValueError("is not an IP address and a port") from error
    if (parsed.version == 6) is not bracketed:
        raise ValueError("has its brackets wrong: IPv6 addresses have them, IPv4 addresses not")
    return Endpoint(str(parsed), int(port))
