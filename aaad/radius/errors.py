"""Why a datagram is silently discarded, and what an operator does about it.

RFC 2865 section 3 wants bad packets dropped without an answer; so that nothing is dropped without a
trace, every way to be dropped has a name here, each name a counter, and each counter a remedy that
`aaactl status` shows. `Discard` carries the name and nothing of the packet.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class DiscardReason(StrEnum):
    """Every reason to drop a datagram; the value is the label of its counter."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    BAD_LENGTH_FIELD = "bad_length_field"
    ATTRIBUTE_TOO_SHORT = "attribute_too_short"
    ATTRIBUTE_OVERRUN = "attribute_overrun"
    UNKNOWN_CODE = "unknown_code"
    UNEXPECTED_CODE = "unexpected_code"
    UNEXPECTED_IDENTIFIER = "unexpected_identifier"
    UNKNOWN_CLIENT = "unknown_client"
    WRONG_PORT = "wrong_port"
    BAD_AUTHENTICATOR = "bad_authenticator"
    BAD_MESSAGE_AUTHENTICATOR = "bad_message_authenticator"
    MESSAGE_AUTHENTICATOR_MISSING = "message_authenticator_missing"
    MESSAGE_AUTHENTICATOR_REPEATED = "message_authenticator_repeated"
    MESSAGE_AUTHENTICATOR_BAD_LENGTH = "message_authenticator_bad_length"
    PROXY_STATE_WITHOUT_MESSAGE_AUTHENTICATOR = "proxy_state_without_message_authenticator"
    EAP_MESSAGE_WITHOUT_MESSAGE_AUTHENTICATOR = "eap_message_without_message_authenticator"
    DUPLICATE_PENDING = "duplicate_pending"
    OVERLOAD = "overload"
    JOURNAL_UNAVAILABLE = "journal_unavailable"
    STORE_UNAVAILABLE = "store_unavailable"
    REPLY_TOO_LONG = "reply_too_long"
    INTERNAL_ERROR = "internal_error"


class Discard(Exception):
    """A datagram that RFC 2865 wants silently discarded, with the reason."""

    def __init__(self, reason: DiscardReason) -> None:
        super().__init__(reason.value)
        self.reason: Final = reason


_BROKEN = "the sender is broken or is not RADIUS: look at it with `aaactl packet decode`"
_SAME_KEY = "the shared secrets differ: set the same one on the client and in its secret_file"
_SIGN = "update the client or switch on its Message-Authenticator (CVE-2024-3596)"

REMEDY: Final[Mapping[DiscardReason, str]] = MappingProxyType(
    {
        DiscardReason.TOO_SHORT: _BROKEN,
        DiscardReason.TOO_LONG: _BROKEN,
        DiscardReason.BAD_LENGTH_FIELD: (
            "the datagram was cut on its way or made wrongly: check MTU and fragments, then the"
            " sender with `aaactl packet decode`"
        ),
        DiscardReason.ATTRIBUTE_TOO_SHORT: _BROKEN,
        DiscardReason.ATTRIBUTE_OVERRUN: _BROKEN,
        DiscardReason.UNKNOWN_CODE: _BROKEN,
        DiscardReason.UNEXPECTED_CODE: (
            "a packet of this kind is not expected here: two RADIUS servers may point at each other"
        ),
        DiscardReason.UNEXPECTED_IDENTIFIER: (
            "an answer to a request that was given up: raise the timeout or look at the network"
        ),
        DiscardReason.UNKNOWN_CLIENT: (
            "if this source is yours, add it to [[clients]] and `aaactl reload`; else block it"
        ),
        DiscardReason.WRONG_PORT: (
            "set the client's authentication port to 1812 and its accounting port to 1813"
        ),
        DiscardReason.BAD_AUTHENTICATOR: _SAME_KEY,
        DiscardReason.BAD_MESSAGE_AUTHENTICATOR: _SAME_KEY,
        DiscardReason.MESSAGE_AUTHENTICATOR_MISSING: (
            f"{_SIGN}; until then require_message_authenticator = false of its client excuses it"
        ),
        DiscardReason.MESSAGE_AUTHENTICATOR_REPEATED: (
            "a proxy on the way adds a second one, or someone tampers: check the path"
        ),
        DiscardReason.MESSAGE_AUTHENTICATOR_BAD_LENGTH: _BROKEN,
        DiscardReason.PROXY_STATE_WITHOUT_MESSAGE_AUTHENTICATOR: (
            f"{_SIGN}; a proxied request without it is never accepted, for it can be forged"
        ),
        DiscardReason.EAP_MESSAGE_WITHOUT_MESSAGE_AUTHENTICATOR: (
            "RFC 3579 demands it of every EAP request: update the client"
        ),
        DiscardReason.DUPLICATE_PENDING: (
            "the client repeats itself before our answer: raise its timeout to 5 s if this is usual"
        ),
        DiscardReason.OVERLOAD: (
            "more logins wait for the store or for argon2 than may: `aaactl status` shows which"
        ),
        DiscardReason.JOURNAL_UNAVAILABLE: (
            "the journal cannot be written: free its disk; clients repeat what was not answered"
        ),
        DiscardReason.STORE_UNAVAILABLE: (
            "the store does not answer and this user is not in memory: repair the store"
        ),
        DiscardReason.REPLY_TOO_LONG: (
            "the plan's reply attributes exceed 4096 octets: shorten them in the price list"
        ),
        DiscardReason.INTERNAL_ERROR: (
            "a bug of aaad: the log has it as access_failed, report it with its traceback"
        ),
    }
)
