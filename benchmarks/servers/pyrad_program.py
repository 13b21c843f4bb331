"""A RADIUS server made of pyrad's asyncio server, as its documentation shows it, on uvloop.

`python -m benchmarks.servers.pyrad_program PEOPLE PORT`: logins of the users in the file PEOPLE, by
PAP or CHAP; the reply says what aaad's offer says. Message-Authenticator is required and checked.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path
from typing import Any

import uvloop
from pyrad.dictionary import Dictionary
from pyrad.packet import AccessReject
from pyrad.server import RemoteHost
from pyrad.server_async import ServerAsync

from benchmarks.load.people import read_people
from benchmarks.servers.pyrad_server import PROJECT, READY, SECRET

DICTIONARIES = PROJECT / "aaad" / "radius" / "dictionaries"
FILES = ("dictionary.rfc2865", "dictionary.rfc2869", "dictionary.rfc_access")
RECEIVE_BUFFER = 8 * 1024 * 1024
"""256 requests at once do not fit in the kernel's default."""
REPLY = {
    "Service-Type": 2,
    "Framed-Protocol": 1,
    "Session-Timeout": 86400,
    "Idle-Timeout": 1800,
    "Acct-Interim-Interval": 300,
}


class LoginServer(ServerAsync):  # type: ignore[misc]  # pyrad is made to be derived from
    """Checks passwords against a dict."""

    def __init__(self, passwords: dict[str, str], port: int) -> None:
        hosts = {"127.0.0.1": RemoteHost("127.0.0.1", SECRET, "load")}
        names = Dictionary(*(str(DICTIONARIES / name) for name in FILES))
        super().__init__(auth_port=port, hosts=hosts, dictionary=names, enforce_ma=True)
        self._passwords = passwords

    def handle_auth_packet(self, protocol: Any, pkt: Any, addr: Any) -> None:
        """Accept or reject."""
        password = self._passwords.get(pkt["User-Name"][0], "")
        if "User-Password" in pkt:
            right = pkt.PwDecrypt(pkt["User-Password"][0]) == password
        else:
            right = pkt.VerifyChapPasswd(password)
        reply = self.CreateReplyPacket(pkt, **(REPLY if right else {}))
        if not right:
            reply.code = AccessReject
        protocol.send_response(reply, addr)

    def handle_acct_packet(self, protocol: Any, pkt: Any, addr: Any) -> None:
        """Its port is not open."""

    def handle_coa_packet(self, protocol: Any, pkt: Any, addr: Any) -> None:
        """Its port is not open."""

    def handle_disconnect_packet(self, protocol: Any, pkt: Any, addr: Any) -> None:
        """Its port is not open."""


async def serve(people: Path, port: int) -> None:
    """Until it is killed."""
    passwords = {name.decode(): password.decode() for name, password in read_people(people)}
    server = LoginServer(passwords, port)
    await server.initialize_transports(enable_auth=True)
    for protocol in server.auth_protocols:
        opened = protocol.transport.get_extra_info("socket")
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    sys.stdout.buffer.write(READY + b"\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
