"""Opening UDP sockets for the daemon: non-blocking, with all that `datagrams` wants to be told.

An own socket and not the event loop's datagram endpoint, because only recvmmsg tells the address
that was asked (IP_PKTINFO, RFC 3542 section 6) and how much the kernel dropped (SO_RXQ_OVFL).
"""

from __future__ import annotations

import errno
import socket
from typing import Final

# Linux's numbers, which the socket module of Python 3.11 does not name (asm-generic/socket.h,
# linux/in.h).
_SO_RCVBUFFORCE: Final = 33
_SO_RXQ_OVFL: Final = 40
_IP_PKTINFO: Final = 8
_ON: Final = 1
_PORT_MAX: Final = 65_535

_REMEDIES: Final = {
    errno.EADDRINUSE: "another process has this port: stop it (`ss -ulpn` names it), or listen"
    " on another port",
    errno.EADDRNOTAVAIL: "this machine has no such address: configure it (`ip address` shows"
    " what there is), or listen on another",
    errno.EACCES: "ports below 1024 need CAP_NET_BIND_SERVICE: start from the systemd unit, or"
    " listen on a higher port",
    errno.EPERM: "the system does not permit it: look at the unit's restrictions",
    errno.EAFNOSUPPORT: "this machine has no IPv6: listen on an IPv4 address",
}
_ANY_REMEDY: Final = "check the address, the port and the unit's restrictions"


def open_socket(
    address: str, port: int, *, receive_buffer: int, reuse_port: bool = False
) -> socket.socket:
    """A bound UDP socket for an IPv4 or IPv6 address ("::1", "fe80::1%eth0", "0.0.0.0").

    `receive_buffer` is in bytes and also granted above net.core.rmem_max where the process has
    CAP_NET_ADMIN; `granted_receive_buffer` tells what it became. An IPv6 socket takes IPv6 only,
    so "::" and "0.0.0.0" may be open side by side. Port 0 lets the kernel choose.

    Raises OSError, with its errno, naming address, port and remedy.
    """
    listen = f"cannot listen on {address} port {port}"
    try:
        family, name = _resolve(address, port)
    except ValueError as error:
        raise OSError(errno.EINVAL, f"{listen}: {error}") from error
    try:
        return _bind(family, name, receive_buffer=receive_buffer, reuse_port=reuse_port)
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, _ANY_REMEDY)
        raise OSError(error.errno, f"{listen}: {error.strerror}: {remedy}") from error


def granted_receive_buffer(opened: socket.socket) -> int:
    """Bytes of the receive buffer as asked for; the kernel reports twice that (socket(7))."""
    return opened.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2


def _resolve(address: str, port: int) -> tuple[int, tuple[object, ...]]:
    """Family and socket name of a numeric address; ValueError with the remedy."""
    if not 0 <= port <= _PORT_MAX:  # getaddrinfo would take the lower 16 bits
        raise ValueError(f"give a port from 0 to {_PORT_MAX}")
    try:
        found = socket.getaddrinfo(
            address, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
        )
    except socket.gaierror as error:
        raise ValueError('give a numeric address such as "0.0.0.0" or "::"') from error
    family, _, _, _, name = found[0]
    return family, name


def _bind(
    family: int, name: tuple[object, ...], *, receive_buffer: int, reuse_port: bool
) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, _ON)
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, _ON)
        else:
            opened.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, _ON)
        opened.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, _ON)
        if reuse_port:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, _ON)
        _set_receive_buffer(opened, receive_buffer)
        opened.bind(name)
    except BaseException:
        opened.close()
        raise
    return opened


def _set_receive_buffer(opened: socket.socket, size: int) -> None:
    try:
        opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, size)
    except PermissionError:  # without CAP_NET_ADMIN the kernel's limit holds
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
