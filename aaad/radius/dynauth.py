"""Disconnect and Change-of-Authorization, sans IO: one exchange with a NAS (RFC 5176).

An Exchange says which octets are to be sent and when it wants to be asked again, and is fed what
arrives; it opens no socket and reads no clock. A repeated request is the same octets: a new
Event-Timestamp would be a new request (RFC 5176 section 2.3) and would lose the NAS's protection
against doing it twice. The back-off is that of RFC 5080 section 2.2.1, with fewer tries.
"""

import struct
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aaad.radius import attribute_types as types
from aaad.radius.codes import Code, ErrorCause
from aaad.radius.errors import Discard
from aaad.radius.packet import Secret, encode_request, verify_response

FIRST_TIMEOUT_S: Final = 2.0  # RFC 5080 IRT
TIMEOUT_MAX_S: Final = 16.0  # RFC 5080 MRT
TRIES_MAX: Final = 5  # RFC 5080 MRC: 2 + 4 + 8 + 16 + 16 s of waiting, then the NAS is deaf
JITTER_MAX: Final = 0.1  # RFC 5080 RAND: a tenth more or less
IDENTIFIERS: Final = 256  # one octet on the wire, for each source port


@dataclass(frozen=True, slots=True)
class Ack:
    """The NAS did what was asked."""


@dataclass(frozen=True, slots=True)
class Nak:
    """The NAS refused; `error_cause` is its number (RFC 5176 section 3.5), None if it gave none."""

    error_cause: int | None

    @property
    def meaning(self) -> str:
        """The cause in words, for logs and people."""
        if self.error_cause is None:
            return "no cause given"
        if self.error_cause in _ERROR_CAUSES:
            return ErrorCause(self.error_cause).name.lower().replace("_", " ")
        return f"cause {self.error_cause}"


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Every try was sent and waited for."""

    tries: int


Outcome = Ack | Nak | NoAnswer

_ERROR_CAUSES: Final = frozenset(int(cause) for cause in ErrorCause)


class Exchange:
    """One Disconnect-Request or CoA-Request, until it is acknowledged, refused or given up.

    Use: send what `poll(now_s=...)` returns, ask again at `deadline_s`, give every datagram from
    the NAS to `feed`, stop when `outcome` is set. Times are monotonic seconds.
    """

    __slots__ = (
        "_first_timeout_s",
        "_jitter",
        "_secret",
        "_timeout_max_s",
        "_tries_max",
        "deadline_s",
        "identifier",
        "outcome",
        "request",
        "tries",
    )

    def __init__(
        self,
        *,
        code: Code,
        attributes: bytes,
        secret: Secret,
        identifier: int,
        event_timestamp: int,
        now_s: float,
        jitter: float = 0.0,
        tries_max: int = TRIES_MAX,
        first_timeout_s: float = FIRST_TIMEOUT_S,
        timeout_max_s: float = TIMEOUT_MAX_S,
    ) -> None:
        """`attributes` identify the session; Event-Timestamp (UTC epoch seconds) is added here.

        `jitter` in -0.1..0.1 is drawn by the caller and spreads the repetitions. Raises ValueError
        for another code, for jitter beyond that, and where encode_request() does.
        """
        if code not in (Code.DISCONNECT_REQUEST, Code.COA_REQUEST):
            raise ValueError(f"{code!r}: an exchange is a Disconnect-Request or a CoA-Request")
        if not -JITTER_MAX <= jitter <= JITTER_MAX:
            raise ValueError(f"jitter {jitter}: RFC 5080 wants {-JITTER_MAX}..{JITTER_MAX}")
        stamp = struct.pack("!BBI", types.EVENT_TIMESTAMP, 6, event_timestamp)
        self.request: Final = encode_request(code, identifier, attributes + stamp, secret)
        self.identifier: Final = identifier
        self.outcome: Outcome | None = None
        self.tries = 0
        self.deadline_s = now_s
        self._secret = secret
        self._jitter = jitter
        self._tries_max = tries_max
        self._first_timeout_s = first_timeout_s
        self._timeout_max_s = timeout_max_s

    def poll(self, *, now_s: float) -> bytes | None:
        """The octets to send now; None if it is not time, or all is over (`outcome` is set)."""
        if self.outcome is not None or now_s < self.deadline_s:
            return None
        if self.tries == self._tries_max:
            self.outcome = NoAnswer(self.tries)
            return None
        wait_s = min(self._first_timeout_s * 2**self.tries, self._timeout_max_s)
        self.deadline_s = now_s + wait_s * (1 + self._jitter)
        self.tries += 1
        return self.request

    def feed(self, datagram: bytes) -> Ack | Nak | None:
        """The answer in `datagram`; None if it is no authentic answer to this request."""
        if self.outcome is not None:
            return None
        try:
            # Few NASes sign their answers with a Message-Authenticator; the Response Authenticator
            # is always checked.
            answer = verify_response(
                datagram, self.request, self._secret, require_message_authenticator=False
            )
        except Discard:
            return None
        acknowledged = answer.code in (Code.DISCONNECT_ACK, Code.COA_ACK)
        self.outcome = Ack() if acknowledged else Nak(answer.get_int(types.ERROR_CAUSE))
        return self.outcome


class IdentifierPool:
    """The 256 identifiers of one source port towards all NASes; the longest free goes first.

    So a late answer to an exchange that was given up seldom meets a new one with its identifier.
    """

    __slots__ = ("_free", "_used")

    def __init__(self, identifiers: Sequence[int] = range(IDENTIFIERS)) -> None:
        self._free = deque(identifiers)
        self._used: set[int] = set()

    def __len__(self) -> int:
        """How many are free."""
        return len(self._free)

    def allocate(self) -> int | None:
        """An identifier nobody uses; None if all are in use: wait, or open another port."""
        if not self._free:
            return None
        identifier = self._free.popleft()
        self._used.add(identifier)
        return identifier

    def release(self, identifier: int) -> None:
        """Give back what allocate() gave; raises KeyError for anything else."""
        self._used.remove(identifier)
        self._free.append(identifier)
