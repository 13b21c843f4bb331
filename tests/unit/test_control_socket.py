"""Proves that the control socket serves over a real UNIX socket, and that no peer can break or
block it.
"""

import asyncio
import os
import pwd
import socket
import stat
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from aaad.control import protocol
from aaad.control.client import ControlClient, DaemonUnreachable
from aaad.control.peer import AccessRule, Peer, Right, identify
from aaad.control.protocol import CommandFailed, ErrorCode, Request
from aaad.control.socket import ControlSocket, SocketUnusable, TimeLimits

CLERK = Peer(uid=1000, name="clerk", groups=frozenset({"aaad-read"}))


async def execute(request: Request, peer: Peer) -> object:
    """Answers with what arrived; some commands misbehave on purpose."""
    if request.command == "fail":
        raise CommandFailed(ErrorCode.NOT_FOUND, "no such thing", "look elsewhere")
    if request.command == "hang":
        await asyncio.Event().wait()
    if request.command == "bug":
        raise RuntimeError("a bug of ours")
    if request.command == "large":
        return "x" * protocol.REPLY_OCTETS_MAX
    return {"command": request.command, "arguments": request.arguments, "actor": peer.name}


@asynccontextmanager
async def serving(
    path: Path,
    *,
    limits: TimeLimits | None = None,
    connections_max: int = 8,
    identify_peer: Callable[[socket.socket], Peer] = lambda _: CLERK,
) -> AsyncIterator[ControlSocket]:
    """A server at `path` for the length of the block."""
    server = ControlSocket(
        path, execute, limits=limits, connections_max=connections_max, identify_peer=identify_peer
    )
    await server.start()
    try:
        yield server
    finally:
        await server.close()


def call(path: Path, command: str, **arguments: object) -> object:
    """One command over a connection of its own."""
    with ControlClient(path, timeout_s=10) as client:
        return client.call(command, **arguments)


def exchange(path: Path, octets: bytes, *, hang_up: bool = False) -> bytes:
    """Sends octets as they are and returns all that comes back until the server closes."""
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(10)
        raw.connect(str(path))
        raw.sendall(octets)
        if hang_up:
            raw.shutdown(socket.SHUT_WR)
        received = bytearray()
        while part := raw.recv(65536):
            received += part
    return bytes(received)


async def test_a_command_is_carried_out_with_its_actor(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    async with serving(path):
        result = await asyncio.to_thread(call, path, "status", verbose=True)
    assert result == {"command": "status", "arguments": {"verbose": True}, "actor": "clerk"}


async def test_one_connection_takes_many_commands(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"

    def three() -> list[object]:
        with ControlClient(path) as client:
            answers: list[object] = []
            for number in range(3):
                if number == 1:
                    with pytest.raises(CommandFailed):
                        client.call("fail")
                answers.append(client.call("echo", number=number))
            return answers

    async with serving(path):
        answers = await asyncio.to_thread(three)
    assert [one["arguments"]["number"] for one in answers] == [0, 1, 2]  # type: ignore[index]


async def test_a_failure_arrives_with_code_message_and_remedy(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    async with serving(path):
        with pytest.raises(CommandFailed, match="no such thing") as caught:
            await asyncio.to_thread(call, path, "fail")
    assert (caught.value.code, caught.value.remedy) == (ErrorCode.NOT_FOUND, "look elsewhere")


@pytest.mark.parametrize(
    ("octets", "complaint"),
    [
        (b"\xff\xff\xff\xff", b"4294967295 octets"),
        (struct.pack(">I", 3) + b"\xc1\xc1\xc1", b"not msgpack"),
        (struct.pack(">I", 1) + b"\x01", b"holds no map"),
        (struct.pack(">I", 0), b"not msgpack"),
        (b"GET / HTTP/1.1\r\n\r\n", b"octets was announced"),
    ],
)
async def test_a_bad_frame_is_named_and_ends_its_connection_only(
    tmp_path: Path, octets: bytes, complaint: bytes
) -> None:
    path = tmp_path / "control.sock"
    async with serving(path):
        assert complaint in await asyncio.to_thread(exchange, path, octets)
        assert await asyncio.to_thread(call, path, "status")


@pytest.mark.parametrize("octets", [b"", b"\x00", struct.pack(">I", 100) + b"half"])
async def test_a_peer_that_leaves_in_the_middle_harms_nobody(tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / "control.sock"
    async with serving(path):
        answer = await asyncio.to_thread(exchange, path, octets, hang_up=True)
        assert answer == b""
        assert await asyncio.to_thread(call, path, "status")


async def test_half_a_frame_is_not_waited_for_forever(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    async with serving(path, limits=TimeLimits(frame_s=0.05)):
        half = struct.pack(">I", 100) + b"half"
        assert await asyncio.to_thread(exchange, path, half) == b""


async def test_an_idle_connection_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    async with serving(path, limits=TimeLimits(idle_s=0.05)):
        assert await asyncio.to_thread(exchange, path, b"") == b""


async def test_a_command_that_hangs_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    async with serving(path, limits=TimeLimits(command_s=0.05)):
        with pytest.raises(CommandFailed, match="given up") as caught:
            await asyncio.to_thread(call, path, "hang")
    assert caught.value.code is ErrorCode.UNAVAILABLE


async def test_a_bug_ends_its_connection_and_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "control.sock"
    async with serving(path):
        with pytest.raises(DaemonUnreachable, match="its log says why"):
            await asyncio.to_thread(call, path, "bug")
        assert await asyncio.to_thread(call, path, "status")
    assert "a bug of ours" in caplog.text


async def test_a_result_that_is_too_long_is_a_failure_not_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    async with serving(path):
        with pytest.raises(CommandFailed, match="ask for less"):
            await asyncio.to_thread(call, path, "large")


async def test_too_many_connections_are_told_so(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    async with serving(path, connections_max=1):
        with ControlClient(path) as first:
            await asyncio.to_thread(first.call, "status")
            with pytest.raises(CommandFailed, match="connections"):
                await asyncio.to_thread(call, path, "status")
            assert await asyncio.to_thread(first.call, "status")


async def test_close_ends_open_connections_and_removes_the_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "control.sock"
    async with serving(path) as server:
        with ControlClient(path, timeout_s=10) as client:
            await asyncio.to_thread(client.call, "status")
            await server.close()
            assert not path.exists()
            assert caplog.text == ""
            with pytest.raises(DaemonUnreachable):
                await asyncio.to_thread(client.call, "status")


async def test_the_file_is_for_owner_and_group_only(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    async with serving(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert os.listdir(tmp_path) == ["control.sock"]


async def test_a_stale_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with serving(path):
        assert await asyncio.to_thread(call, path, "status")


async def test_a_living_daemon_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    async with serving(path):
        with pytest.raises(SocketUnusable, match="another daemon"):
            await ControlSocket(path, execute).start()
        assert await asyncio.to_thread(call, path, "status")


async def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("keep me")
    with pytest.raises(SocketUnusable, match="no socket"):
        await ControlSocket(path, execute).start()
    assert path.read_text() == "keep me"


@pytest.mark.parametrize(
    ("name", "why"), [("x" * 120, "too long"), ("gone/control.sock", "folder")]
)
async def test_an_impossible_path_is_explained(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(SocketUnusable, match=why):
        await ControlSocket(tmp_path / name, execute).start()


async def test_an_unknown_group_is_explained(tmp_path: Path) -> None:
    with pytest.raises(SocketUnusable, match="no-such-group"):
        await ControlSocket(tmp_path / "s", execute, group="no-such-group").start()


def test_the_kernel_names_the_peer() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        peer = identify(ours)
    assert peer.uid == os.getuid()
    assert peer.name == pwd.getpwuid(os.getuid()).pw_name
    assert peer.groups


@pytest.mark.parametrize(
    ("uid", "groups", "right"),
    [
        (0, set(), Right.ADMINISTER),
        (990, set(), Right.ADMINISTER),
        (1000, {"aaad-admin"}, Right.ADMINISTER),
        (1000, {"aaad-read", "aaad-admin"}, Right.ADMINISTER),
        (1000, {"aaad-read"}, Right.READ),
        (1000, {"users"}, Right.NONE),
        (1000, set(), Right.NONE),
    ],
)
def test_rights_by_group(uid: int, groups: set[str], right: Right) -> None:
    rule = AccessRule(reading_group="aaad-read", administering_group="aaad-admin", daemon_uid=990)
    assert rule.right_of(Peer(uid=uid, name="x", groups=frozenset(groups))) is right


def test_an_empty_group_name_is_no_group() -> None:
    rule = AccessRule(reading_group="", administering_group="", daemon_uid=990)
    assert rule.right_of(Peer(uid=1000, name="x", groups=frozenset({""}))) is Right.NONE


def test_a_refusal_is_read_though_the_daemon_has_closed_already(tmp_path: Path) -> None:
    refusal = CommandFailed(ErrorCode.UNAVAILABLE, "all connections are in use", "try again")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "control.sock"))
        listener.listen()
        with ControlClient(tmp_path / "control.sock") as client:
            connection, _ = listener.accept()
            connection.sendall(protocol.encode_failure(refusal))
            connection.close()
            with pytest.raises(CommandFailed, match="in use"):
                client.call("status")
