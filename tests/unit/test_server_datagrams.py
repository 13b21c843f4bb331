"""Proves batches of datagrams on real loopback sockets: order, sizes, sources, the address that was
asked, drops, and errors that must not stop the loop."""

import errno
import os
import select
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aaad.server.datagrams import BATCH_SIZE_MAX, DATAGRAM_SIZE_MAX, DatagramBatch
from aaad.server.peers import Peer
from aaad.server.sockets import open_socket

IP_RECVERR = 11


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")


class Server:
    """A socket with its batch, and a client of the same family."""

    def __init__(self, listen: str, client: str, *, receive_buffer: int = 1 << 20) -> None:
        self.socket = open_socket(listen, 0, receive_buffer=receive_buffer)
        self.port = self.socket.getsockname()[1]
        self.batch = DatagramBatch(self.socket.fileno())
        self.client = socket.socket(self.socket.family, socket.SOCK_DGRAM)
        self.client.bind(socket.getaddrinfo(client, 0, type=socket.SOCK_DGRAM)[0][4])
        self.client.settimeout(5)

    def drain(self, count: int) -> list[tuple[bytes, Peer]]:
        received: list[tuple[bytes, Peer]] = []
        while len(received) < count:
            assert select.select([self.socket], [], [], 5)[0], f"only {len(received)} arrived"
            received += self.batch.receive()
        return received

    def close(self) -> None:
        self.socket.close()
        self.client.close()


@pytest.fixture(params=["127.0.0.1", pytest.param("::1", marks=needs_ipv6)])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    made = Server(request.param, request.param)
    yield made
    made.close()


@pytest.fixture
def server4() -> Iterator[Server]:
    made = Server("0.0.0.0", "127.0.0.1")
    yield made
    made.close()


def test_nothing_waits_gives_an_empty_list(server: Server) -> None:
    assert server.batch.receive() == []


def test_a_datagram_comes_with_its_source_and_the_answer_goes_back(server: Server) -> None:
    server.client.sendto(b"request", server.socket.getsockname())
    [(data, peer)] = server.drain(1)
    host, port, *_ = server.client.getsockname()
    assert (data, peer.host, peer.port) == (b"request", host, port)
    assert peer.address == socket.inet_pton(server.socket.family, host)
    assert peer.local_address == peer.address
    assert server.batch.send([(b"reply", peer)]) == 1
    assert server.client.recvfrom(100) == (b"reply", server.socket.getsockname())


def test_more_than_a_batch_arrives_in_order_and_is_answered(server: Server) -> None:
    sent = [b"%d" % number for number in range(2 * BATCH_SIZE_MAX + 10)]
    for data in sent:
        server.client.sendto(data, server.socket.getsockname())
    assert len(server.batch.receive()) == BATCH_SIZE_MAX
    assert len(server.batch.receive()) == BATCH_SIZE_MAX
    last = server.batch.receive()
    assert [data for data, _ in last] == sent[-10:]
    assert server.batch.send([(data, last[0][1]) for data in sent]) == len(sent)
    assert [server.client.recv(100) for _ in sent] == sent


def test_data_of_earlier_batches_is_not_changed_by_later_ones(server: Server) -> None:
    server.client.sendto(b"first", server.socket.getsockname())
    first = server.drain(1)
    server.client.sendto(b"SECOND", server.socket.getsockname())
    server.drain(1)
    assert first[0][0] == b"first"


@pytest.mark.parametrize("size", [0, 1, 19, 4_095, DATAGRAM_SIZE_MAX])
def test_every_size_up_to_the_limit_arrives_whole(server: Server, size: int) -> None:
    server.client.sendto(bytes(size), server.socket.getsockname())
    assert server.drain(1)[0][0] == bytes(size)


@pytest.mark.parametrize("size", [DATAGRAM_SIZE_MAX + 1, DATAGRAM_SIZE_MAX + 2, 60_000])
def test_what_is_longer_shows_that_it_is_too_long(server: Server, size: int) -> None:
    server.client.sendto(bytes(size), server.socket.getsockname())
    server.client.sendto(b"next", server.socket.getsockname())
    too_long, following = server.drain(2)
    assert len(too_long[0]) == DATAGRAM_SIZE_MAX + 1
    assert following[0] == b"next"


@pytest.mark.parametrize("asked", ["127.0.0.1", "127.0.0.2", "127.1.2.3"])
def test_the_answer_leaves_from_the_address_that_was_asked(server4: Server, asked: str) -> None:
    server4.client.connect((asked, server4.port))  # drops what comes from elsewhere
    server4.client.send(b"request")
    [(_, peer)] = server4.drain(1)
    assert peer.local_address == socket.inet_aton(asked)
    assert server4.batch.send([(b"reply", peer)]) == 1
    assert server4.client.recv(100) == b"reply"


def test_a_made_peer_may_fix_the_source_address(server4: Server) -> None:
    host, port = server4.client.getsockname()
    peer = Peer(host, port, local_host="127.0.0.3")
    assert server4.batch.send([(b"order", peer), (b"free", Peer(host, port))]) == 2
    assert server4.client.recvfrom(100) == (b"order", ("127.0.0.3", server4.port))
    assert server4.client.recvfrom(100) == (b"free", ("127.0.0.1", server4.port))


def test_datagrams_that_find_the_buffer_full_are_counted() -> None:
    server = Server("127.0.0.1", "127.0.0.1", receive_buffer=5_000)
    sent = 200
    for _ in range(sent):
        server.client.sendto(bytes(1_000), server.socket.getsockname())
    kept = len(server.batch.receive())
    assert 0 < kept < BATCH_SIZE_MAX
    server.client.sendto(b"the count comes with it", server.socket.getsockname())
    server.drain(1)
    assert server.batch.kernel_drops == sent - kept
    server.close()


def test_a_datagram_that_cannot_be_sent_does_not_stop_the_rest(server4: Server) -> None:
    host, port = server4.client.getsockname()
    good = Peer(host, port)
    messages = [
        (b"one", good),
        (bytes(70_000), good),
        (b"nobody", Peer(host, port, local_host="192.0.2.77")),
        (b"two", good),
    ]
    assert server4.batch.send(messages) == 4
    assert server4.batch.send_errors == 2
    assert server4.batch.last_send_error
    assert [server4.client.recv(100) for _ in range(2)] == [b"one", b"two"]


def closed_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_client_that_has_gone_does_not_disturb(server4: Server) -> None:
    gone = Peer("127.0.0.1", closed_port())
    host, port = server4.client.getsockname()
    for _ in range(3):
        assert server4.batch.send([(b"x", gone), (b"reply", Peer(host, port))]) == 2
        assert server4.client.recv(100) == b"reply"
    assert server4.batch.receive() == []
    assert (server4.batch.send_errors, server4.batch.receive_errors) == (0, 0)


def test_icmp_errors_that_the_socket_reports_are_passed_over(server4: Server) -> None:
    """Only a socket with IP_RECVERR reports them; whoever sets it must not break the loop."""
    server4.socket.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    gone = Peer("127.0.0.1", closed_port())
    host, port = server4.client.getsockname()
    assert server4.batch.send([(b"x", gone)]) == 1
    server4.client.sendto(b"request", ("127.0.0.1", server4.port))
    assert [data for data, _ in server4.drain(1)] == [b"request"]
    assert server4.batch.receive_errors == 1
    assert server4.batch.send([(b"x", gone)]) == 1
    assert server4.batch.send([(b"reply", Peer(host, port))]) == 1
    assert server4.client.recv(100) == b"reply"


# Sends to a neighbour that never answers ARP: the kernel holds the datagrams, and the buffer fills.
FILL_SEND_BUFFER = """
import socket
from aaad.server.datagrams import DatagramBatch
from aaad.server.peers import Peer
ours = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
batch, peer = DatagramBatch(ours.fileno()), Peer("192.0.2.2", 9)
print(batch.send([(bytes(1000), peer)] * 200), batch.send([(b"x", peer)]), batch.send_errors)
"""
SILENT_NEIGHBOUR = (
    "ip link add v0 type veth peer name v1 && ip address add 192.0.2.1/24 dev v0"
    " && ip link set v0 up && ip link set v1 up || exit 77; "
)


def test_a_full_send_buffer_leaves_the_rest_to_the_caller() -> None:
    unshare = shutil.which("unshare")
    if unshare is None or shutil.which("ip") is None:
        pytest.skip("unshare (util-linux) or ip (iproute2) is not installed")
    script = f"{SILENT_NEIGHBOUR} exec {sys.executable} -c '{FILL_SEND_BUFFER}'"
    run = subprocess.run(
        [unshare, "--user", "--map-root-user", "--net", "sh", "-c", script],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
    )
    if "unshare" in run.stderr or run.returncode == 77:
        pytest.skip(f"no network namespace can be made here: {run.stderr.strip()}")
    assert run.returncode == 0, run.stderr
    done, done_when_full, errors = map(int, run.stdout.split())
    assert 0 < done < 200
    assert (done_when_full, errors) == (0, 0)


def test_a_closed_socket_is_an_error() -> None:
    opened = open_socket("127.0.0.1", 0, receive_buffer=1 << 16)
    batch = DatagramBatch(opened.fileno())
    opened.close()
    with pytest.raises(OSError, match="not an open UDP socket") as caught:
        batch.receive()
    assert caught.value.errno == errno.EBADF
    with pytest.raises(OSError, match="not an open UDP socket"):
        batch.send([(b"x", Peer("127.0.0.1", 1))])


@pytest.mark.parametrize("message", [(None, Peer("127.0.0.1", 1)), (b"x", None), ("x", "y"), 5])
def test_what_is_no_message_is_a_type_error(server4: Server, message: object) -> None:
    with pytest.raises(TypeError):
        server4.batch.send([message])  # type: ignore[list-item]


def test_peers_are_equal_by_address_port_and_scope() -> None:
    peer = Peer("192.0.2.1", 1812)
    same = Peer("192.0.2.1", 1812, local_host="192.0.2.9")
    assert peer == same
    assert hash(peer) == hash(same)
    others = [
        Peer("192.0.2.1", 1813),
        Peer("192.0.2.2", 1812),
        Peer("2001:db8::1", 1812),
        Peer("fe80::1%1", 1812),
        Peer("fe80::1%2", 1812),
    ]
    assert len({peer, same, *others}) == 6
    assert peer != ("192.0.2.1", 1812)


def test_an_ipv4_address_mapped_into_ipv6_is_that_address() -> None:
    mapped = Peer("::ffff:192.0.2.1", 1812)
    assert mapped.address == bytes((192, 0, 2, 1))
    assert mapped.host == "192.0.2.1"
    assert {mapped} == {Peer("192.0.2.1", 1812)}


def test_a_scope_is_kept_by_name_or_number() -> None:
    index, name = socket.if_nameindex()[0]
    assert Peer(f"fe80::1%{name}", 1).host == Peer(f"fe80::1%{index}", 1).host == f"fe80::1%{name}"
    assert Peer("fe80::1%4000000000", 1).host == "fe80::1%4000000000"


@pytest.mark.parametrize(
    ("host", "port", "local_host"),
    [
        ("nas.example", 1, None),
        ("", 1, None),
        ("fe80::1%no-such-interface", 1, None),
        ("192.0.2.1", -1, None),
        ("192.0.2.1", 65_536, None),
        ("192.0.2.1", 1, "2001:db8::1"),
    ],
)
def test_a_peer_that_cannot_be_is_refused(host: str, port: int, local_host: str | None) -> None:
    with pytest.raises(ValueError, match=r"192\.0\.2\.1|numeric|interface"):
        Peer(host, port, local_host=local_host)


def link_local() -> str | None:
    """An own link-local address with its interface, if there is one (linux: /proc/net/if_inet6)."""
    try:
        with open("/proc/net/if_inet6", encoding="ascii") as lines:
            rows = [line.split() for line in lines]
    except OSError:
        return None
    found = [(row[0], row[5]) for row in rows if row[3] == "20"]
    if not found:
        return None
    octets, interface = found[0]
    return f"{socket.inet_ntop(socket.AF_INET6, bytes.fromhex(octets))}%{interface}"


def test_a_link_local_client_is_answered_through_its_interface() -> None:
    address = link_local()
    if address is None:
        pytest.skip("this machine has no link-local IPv6 address")
    server = Server("::", address)
    name = socket.getaddrinfo(address, server.port, type=socket.SOCK_DGRAM)[0][4]
    server.client.connect(name)
    server.client.send(b"request")
    [(_, peer)] = server.drain(1)
    assert peer.host == address
    assert server.batch.send([(b"reply", peer)]) == 1
    assert server.client.recv(100) == b"reply"
    server.close()
