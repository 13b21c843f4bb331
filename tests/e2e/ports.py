"""Ports that nobody uses: the kernel picks one, the test gives it to a child."""

from __future__ import annotations

import socket


def free_udp_port(host: str = "127.0.0.1") -> int:
    """A UDP port of `host` that was free a moment ago.

    The kernel hands such ports out in an order of its own, so that two tests at one time do not
    meet on the same one within the moment between here and the child's bind.
    """
    return _free_port(host, socket.SOCK_DGRAM)


def free_tcp_port(host: str = "127.0.0.1") -> int:
    """The same for TCP."""
    return _free_port(host, socket.SOCK_STREAM)


def _free_port(host: str, kind: socket.SocketKind) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
