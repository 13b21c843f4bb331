"""A RADIUS server for the tests of load generators: it checks what it gets, and lies as it is told.

Requests are judged by `tests.e2e.wire`, which shares no code with the generator. What was wrong
with one stands in `complaints`.
"""

from __future__ import annotations

import hashlib
import hmac
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum

from tests.e2e import wire
from tests.e2e.wire import Attribute, Code

DATAGRAM_MAX = 4096
MESSAGE_AUTHENTICATOR_AT = 22


class Lie(Enum):
    """What becomes of an answer."""

    NONE = "none"
    SILENCE = "silence"
    FORGED = "forged"  # signed with another secret
    REFUSAL = "refusal"  # an authentic Access-Reject
    CUT = "cut"  # shorter than its header
    TWICE = "twice"


@dataclass
class LyingServer:
    """Answers on a port of its own. `lie` is asked with the request and how often it has come."""

    secret: bytes
    passwords: dict[bytes, bytes] = field(default_factory=dict)
    lie: Callable[[bytes, int], Lie] = lambda _request, _times: Lie.NONE
    complaints: list[str] = field(default_factory=list)
    requests: list[wire.Packet] = field(default_factory=list)
    _times: Counter[bytes] = field(default_factory=Counter)

    @contextmanager
    def serving(self) -> Iterator[int]:
        """Its port, until the end of the block."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            one.bind(("127.0.0.1", 0))
            thread = threading.Thread(target=self._serve, args=(one,), daemon=True)
            thread.start()
            try:
                yield one.getsockname()[1]
            finally:
                one.sendto(b"", one.getsockname())
                thread.join()

    def _serve(self, one: socket.socket) -> None:
        while True:
            data, peer = one.recvfrom(DATAGRAM_MAX)
            if not data:
                return
            self._times[data] += 1
            for reply in self._replies(data):
                one.sendto(reply, peer)

    def _replies(self, data: bytes) -> list[bytes]:
        packet = wire.parse(data)
        if self._times[data] == 1:
            self.requests.append(packet)
            self._check(data, packet)
        code = Code.ACCOUNTING_RESPONSE
        if packet.code == Code.ACCESS_REQUEST:
            code = Code.ACCESS_ACCEPT
        match self.lie(data, self._times[data]):
            case Lie.SILENCE:
                return []
            case Lie.FORGED:
                return [wire.sign_reply(code, data, b"", self.secret + b"x")]
            case Lie.REFUSAL:
                return [wire.sign_reply(Code.ACCESS_REJECT, data, b"", self.secret)]
            case Lie.CUT:
                return [wire.sign_reply(code, data, b"", self.secret)[:19]]
            case Lie.TWICE:
                return [wire.sign_reply(code, data, b"", self.secret)] * 2
        return [wire.sign_reply(code, data, b"", self.secret)]

    def _check(self, data: bytes, packet: wire.Packet) -> None:
        if packet.code == Code.ACCOUNTING_REQUEST:
            unsigned = data[:4] + bytes(16) + data[20:]
            if hashlib.md5(unsigned + self.secret).digest() != packet.authenticator:
                self.complaints.append("wrong Request Authenticator")
            return
        at = MESSAGE_AUTHENTICATOR_AT
        zeroed = data[:at] + bytes(16) + data[at + 16 :]
        if hmac.new(self.secret, zeroed, "md5").digest() != data[at : at + 16]:
            self.complaints.append("wrong Message-Authenticator")
        self._check_password(packet)

    def _check_password(self, packet: wire.Packet) -> None:
        password = self.passwords[packet.all(Attribute.USER_NAME)[0]]
        for hidden in packet.all(Attribute.USER_PASSWORD):
            expected = wire.hide_password(
                password, authenticator=packet.authenticator, secret=self.secret
            )
            if hidden != expected:
                self.complaints.append("wrong User-Password")
        for given in packet.all(Attribute.CHAP_PASSWORD):
            expected = wire.chap_password(
                password, chap_id=given[0], challenge=packet.authenticator
            )
            if given != expected:
                self.complaints.append("wrong CHAP-Password")
