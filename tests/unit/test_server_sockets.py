"""Proves that sockets are opened as asked, and that a refusal names address, port and remedy."""

import errno
import re
import socket

import pytest

from aaad.server.sockets import granted_receive_buffer, open_socket


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")


def test_a_socket_is_bound_and_does_not_block() -> None:
    with open_socket("127.0.0.1", 0, receive_buffer=1 << 16) as opened:
        assert opened.getsockname()[1] > 0
        assert not opened.getblocking()
        with pytest.raises(BlockingIOError):
            opened.recv(1)


def test_the_receive_buffer_is_granted_within_the_system_limit() -> None:
    with open_socket("127.0.0.1", 0, receive_buffer=100_000) as opened:
        assert granted_receive_buffer(opened) == 100_000


@needs_ipv6
def test_ipv6_and_ipv4_may_have_the_same_port() -> None:
    with open_socket("::", 0, receive_buffer=1 << 16) as first:
        port = first.getsockname()[1]
        with open_socket("0.0.0.0", port, receive_buffer=1 << 16) as second:
            assert second.getsockname() == ("0.0.0.0", port)


def test_a_port_that_is_taken_is_named_with_a_remedy() -> None:
    with open_socket("127.0.0.1", 0, receive_buffer=1 << 16) as first:
        port = first.getsockname()[1]
        with pytest.raises(OSError, match=f"127.0.0.1 port {port}.*another process") as caught:
            open_socket("127.0.0.1", port, receive_buffer=1 << 16)
    assert caught.value.errno == errno.EADDRINUSE


def test_a_shared_port_is_bound_twice() -> None:
    with open_socket("127.0.0.1", 0, receive_buffer=1 << 16, reuse_port=True) as first:
        name = first.getsockname()
        with open_socket(*name, receive_buffer=1 << 16, reuse_port=True) as second:
            assert second.getsockname() == name


def test_an_address_of_another_machine_is_named_with_a_remedy() -> None:
    with pytest.raises(OSError, match=r"192\.0\.2\.1 port 1812.*no such address") as caught:
        open_socket("192.0.2.1", 1812, receive_buffer=1 << 16)
    assert caught.value.errno == errno.EADDRNOTAVAIL


@pytest.mark.parametrize(("address", "port"), [("localhost", 1812), ("", 1812), ("::1", 70_000)])
def test_what_is_no_address_or_port_is_refused(address: str, port: int) -> None:
    with pytest.raises(OSError, match=re.escape(f"{address} port {port}")) as caught:
        open_socket(address, port, receive_buffer=1 << 16)
    assert caught.value.errno == errno.EINVAL


def test_a_refusal_by_permission_names_the_capability(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(PermissionError, match="CAP_NET_BIND_SERVICE"):
        open_socket("127.0.0.1", 812, receive_buffer=1 << 16)
