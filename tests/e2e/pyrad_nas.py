"""pyrad, which nobody here wrote, as the NAS that receives Disconnect-Requests.

A program, for pyrad's server runs until it is killed: `python -m tests.e2e.pyrad_nas PORT
SECRET_FILE ANSWER` with ANSWER ack, nak or nothing. It prints one JSON line when it listens and one
for each request that pyrad found authentic. `PyradNas` starts it and reads the lines.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Self

from pyrad import packet, server
from pyrad.dictionary import Dictionary

from tests.e2e.ports import free_udp_port

DICTIONARY = """
ATTRIBUTE User-Name             1   string
ATTRIBUTE NAS-IP-Address        4   ipaddr
ATTRIBUTE NAS-Port              5   integer
ATTRIBUTE Framed-IP-Address     8   ipaddr
ATTRIBUTE Calling-Station-Id    31  string
ATTRIBUTE NAS-Identifier        32  string
ATTRIBUTE Proxy-State           33  octets
ATTRIBUTE Acct-Session-Id       44  string
ATTRIBUTE Event-Timestamp       55  integer
ATTRIBUTE Message-Authenticator 80  octets
ATTRIBUTE Error-Cause           101 integer
VALUE     Error-Cause Session-Context-Not-Found 503
"""
LOCALHOST = "127.0.0.1"


class DisconnectServer(server.Server):
    """Answers Disconnect-Requests one way; prints what it received."""

    def __init__(self, port: int, secret: bytes, answer: str) -> None:
        super().__init__(
            addresses=[LOCALHOST],
            coaport=port,
            hosts={LOCALHOST: server.RemoteHost(LOCALHOST, secret, "aaad")},
            dict=Dictionary(io.StringIO(DICTIONARY)),
            auth_enabled=False,
            acct_enabled=False,
            coa_enabled=True,
        )
        self._answer = answer

    def HandleDisconnectPacket(self, pkt: packet.CoAPacket) -> None:
        attributes = {name: [str(value) for value in pkt[name]] for name in list(pkt.keys())}
        print(json.dumps({"event": "disconnect", "attributes": attributes}), flush=True)
        if self._answer == "nothing":
            return
        reply = self.CreateReplyPacket(pkt)
        reply.code = packet.DisconnectACK if self._answer == "ack" else packet.DisconnectNAK
        if self._answer == "nak":
            reply["Error-Cause"] = "Session-Context-Not-Found"
        self.SendReplyPacket(pkt.fd, reply)


class PyradNas:
    """The program as a child: starts it, reads its requests, ends it."""

    def __init__(self, folder: Path, *, secret: bytes, answer: str) -> None:
        self.port = free_udp_port()
        self._secret_file = folder / f"pyrad-nas-{self.port}.secret"
        self._secret_file.write_bytes(secret)
        self._answer = answer

    def __enter__(self) -> Self:
        arguments = [str(self.port), str(self._secret_file), self._answer]
        self._process = subprocess.Popen(
            [sys.executable, "-m", __spec__.name, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert self._read() == {"event": "listening"}
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def wait_for_disconnect(self) -> dict[str, list[str]]:
        """The attributes of the next Disconnect-Request, by name."""
        attributes: dict[str, list[str]] = self._read()["attributes"]
        return attributes

    def _read(self) -> dict:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"pyrad's NAS ended with {self._process.poll()}"
        return json.loads(line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("secret_file", type=Path)
    parser.add_argument("answer", choices=("ack", "nak", "nothing"))
    options = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    nas = DisconnectServer(options.port, options.secret_file.read_bytes(), options.answer)
    print(json.dumps({"event": "listening"}), flush=True)
    nas.Run()


if __name__ == "__main__":
    main()
