"""DuplicateTable: a request that is repeated is answered once more, not done once more (RFC 5080).

Section 2.2.2 there: a duplicate comes from the same address and port with the same Identifier and
Request Authenticator. The key here is the source and the whole header, so code and length are
compared as well: a mere collision is no duplicate. A pending request's duplicates are dropped; an
answered one's get the same octets again, for `lifetime_s` after the answer.

The table never asks for the time and never grows beyond `capacity`: the oldest goes first, counted.
A Stop repeated after that is caught by the session it belongs to, not here.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize

cimport cython

from aaad.radius.decoder cimport HEADER_SIZE, Packet

from collections import OrderedDict
from enum import Enum


class DuplicateState(Enum):
    """What lookup() says of a request without a kept reply."""

    NEW = "new"
    PENDING = "pending"


NEW = DuplicateState.NEW
PENDING = DuplicateState.PENDING

cdef object _NEW = NEW
cdef object _PENDING = PENDING


@cython.final
cdef class _Entry:
    cdef double since_s
    cdef bytes reply  # None while pending


@cython.final
cdef class DuplicateTable:
    """Requests in work and replies kept, for one listener.

    `capacity` bounds the entries, `lifetime_s` how long each is kept after it came or was answered
    (RFC 5080 advises 5 to 30 s). Counters: `pending_hits`, `reply_hits`, `evictions` of entries
    that had not expired: if these rise, raise the capacity.
    """

    cdef object entries  # OrderedDict of key to _Entry, oldest first: `since_s` never falls
    cdef readonly Py_ssize_t capacity
    cdef readonly double lifetime_s
    cdef readonly unsigned long long pending_hits
    cdef readonly unsigned long long reply_hits
    cdef readonly unsigned long long evictions

    def __cinit__(self, Py_ssize_t capacity, double lifetime_s):
        if capacity < 1 or not lifetime_s > 0:
            raise ValueError(f"capacity {capacity}, lifetime {lifetime_s} s: both must be positive")
        self.entries = OrderedDict()
        self.capacity = capacity
        self.lifetime_s = lifetime_s

    def __len__(self):
        return len(self.entries)

    @staticmethod
    def key(source, Packet packet not None):
        """The key of `packet` from `source`, its (address, port): keep it for complete()."""
        return (source, PyBytes_FromStringAndSize(<const char *>packet.octets, HEADER_SIZE))

    def lookup(self, key, *, double now_s):
        """NEW (and from now on pending), PENDING, or the octets of the reply that was sent.

        `now_s` is monotonic time in seconds and must not go back.
        """
        cdef _Entry entry
        self._expire(now_s)
        entry = self.entries.get(key)
        if entry is None:
            self._insert(key, None, now_s)
            return _NEW
        if entry.reply is None:
            self.pending_hits += 1
            return _PENDING
        self.reply_hits += 1
        return entry.reply

    def complete(self, key, bytes reply not None, *, double now_s):
        """Keep `reply` for duplicates of the request from now on."""
        self.entries.pop(key, None)
        self._insert(key, reply, now_s)

    def forget(self, key):
        """The request was given up: its repetition is to be treated as new."""
        self.entries.pop(key, None)

    cdef int _insert(self, object key, bytes reply, double now_s) except -1:
        cdef _Entry entry = _Entry.__new__(_Entry)
        entry.since_s = now_s
        entry.reply = reply
        if len(self.entries) >= self.capacity:
            self.entries.popitem(last=False)
            self.evictions += 1
        self.entries[key] = entry
        return 0

    cdef int _expire(self, double now_s) except -1:
        """Drop what is too old: each entry once, so a lookup costs a constant on average."""
        cdef _Entry oldest
        while self.entries:
            oldest = self.entries[next(iter(self.entries))]
            if now_s - oldest.since_s < self.lifetime_s:
                break
            self.entries.popitem(last=False)
        return 0
