"""Proves what the service manager hears, on a real notify socket, and that nobody misses it."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from aaad.server.notify import ADDRESS_VARIABLE, WATCHDOG_VARIABLE, Notifier


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(tmp_path / "notify"))
        bound.settimeout(10)
        monkeypatch.setenv(ADDRESS_VARIABLE, str(tmp_path / "notify"))
        yield bound


def test_assignments_arrive_as_lines(manager: socket.socket) -> None:
    notifier = Notifier()
    notifier.send("READY=1", "STATUS=serving")
    assert manager.recv(100) == b"READY=1\nSTATUS=serving"
    notifier.close()


def test_an_abstract_socket_is_meant_by_an_at_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind("\0aaad-notify-test")
        bound.settimeout(10)
        monkeypatch.setenv(ADDRESS_VARIABLE, "@aaad-notify-test")
        notifier = Notifier()
        notifier.send("STOPPING=1")
        assert bound.recv(100) == b"STOPPING=1"
        notifier.close()


def test_a_manager_that_is_gone_stops_nobody(manager: socket.socket, tmp_path: Path) -> None:
    notifier = Notifier()
    (tmp_path / "notify").unlink()
    notifier.send("READY=1")
    notifier.close()
    manager.setblocking(False)
    with pytest.raises(BlockingIOError):
        manager.recv(100)


def test_without_a_manager_it_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ADDRESS_VARIABLE, raising=False)
    monkeypatch.delenv(WATCHDOG_VARIABLE, raising=False)
    notifier = Notifier()
    notifier.send("READY=1")
    notifier.close()
    assert notifier.watchdog_interval_s is None


@pytest.mark.parametrize(("value", "interval_s"), [("30000000", 15.0), ("", None), ("x", None)])
def test_the_watchdog_is_fed_twice_in_its_time(
    monkeypatch: pytest.MonkeyPatch, value: str, interval_s: float | None
) -> None:
    monkeypatch.setenv(WATCHDOG_VARIABLE, value)
    assert Notifier().watchdog_interval_s == interval_s
