"""Proves that the harness of the end-to-end tests says what went wrong, and reads radclient."""

from __future__ import annotations

import socket
import threading

import pytest

from tests.e2e import wire
from tests.e2e.harness import (
    CommandError,
    Daemon,
    DaemonError,
    DaemonOptions,
    has_radclient,
    parse_radclient,
    radclient,
    run_command,
)

RADCLIENT_OUTPUT = """\
Sent Access-Request Id 102 from 0.0.0.0:51327 to 127.0.0.1:1812 length 62
\tUser-Name = "anna"
Received Access-Accept Id 102 from 127.0.0.1:1812 to 127.0.0.1:51327 length 80
\tMessage-Authenticator = 0x7d0b7f1d3c0d2a4f8a2f2a5b7c8d9e0f
\tReply-Message = "a = b"
\tClass = 0x01
\tClass = 0x02
"""


def test_radclient_output_is_read_from_the_reply_on():
    answer = parse_radclient(RADCLIENT_OUTPUT)
    assert answer.code == "Access-Accept"
    assert answer.attributes["Reply-Message"] == ["a = b"]
    assert answer.attributes["Class"] == ["0x01", "0x02"]
    assert "User-Name" not in answer.attributes


def test_silence_has_no_code():
    answer = parse_radclient("(0) No reply from server for ID 1 socket 3\n")
    assert (answer.code, answer.attributes) == ("", {})


@pytest.mark.skipif(not has_radclient(), reason="radclient is not installed")
def test_radclient_itself_takes_an_answer(tmp_path):
    secret_file = tmp_path / "secret"
    secret_file.write_text("a secret of the tests\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def answer_once() -> None:
            data, peer = server.recvfrom(4096)
            body = wire.attribute(wire.Attribute.REPLY_MESSAGE, "noted")
            reply = wire.sign_reply(2 + 3, data, body, b"a secret of the tests")
            server.sendto(reply, peer)

        thread = threading.Thread(target=answer_once)
        thread.start()
        report = {"Acct-Status-Type": "Start", "Acct-Session-Id": "s1", "User-Name": "anna"}
        answer = radclient(server.getsockname(), "acct", report, secret_file=secret_file)
        thread.join()
    assert answer.code == "Accounting-Response"
    assert answer.attributes == {"Reply-Message": ["noted"]}


def test_daemon_that_cannot_start_is_shown_with_its_log(tmp_path):
    daemon = Daemon(tmp_path, DaemonOptions(more="[no_such_table]\nkey = 1\n"))
    with pytest.raises(DaemonError, match=r"ended with [12]; its log ends:\n.+"):
        daemon.start()


def test_command_that_fails_shows_what_it_printed():
    with pytest.raises(CommandError, match="usage") as raised:
        run_command("tests.e2e.pyrad_nas", "too", "few")
    assert raised.value.exit_code == 2
