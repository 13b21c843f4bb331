"""DuplicateTable: a request that is repeated is answered once more, not done once more (RFC 5080).

Section 2.2.2 there: a duplicate comes from the same address and port with the same Identifier and
Request Authenticator. What is compared here is the source and the whole header, so code and length
count as well: a mere collision is no duplicate. A pending request's duplicates are dropped; an
answered one's get the same octets again, for `lifetime_s` after the answer.

The table never asks for the time and never grows beyond `capacity`: the oldest goes first, counted.
A Stop repeated after that is caught by the session it belongs to, not here. It is one block of
memory, taken at the start and touched as it fills: no request allocates, and none pays for the
growth of a dictionary. A slot is in one chain of its bucket and in the row of all by age.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.ref cimport PyObject, Py_XDECREF, Py_XINCREF
from libc.stdint cimport int32_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy, memset

cimport cython

from aaad.radius.decoder cimport AUTHENTICATOR_AT, HEADER_SIZE, Packet

from enum import Enum

cdef enum:
    NOBODY = -1  # ends a chain


class DuplicateState(Enum):
    """What lookup() says of a request without a kept reply."""

    NEW = "new"
    PENDING = "pending"


NEW = DuplicateState.NEW
PENDING = DuplicateState.PENDING

cdef object _NEW = NEW
cdef object _PENDING = PENDING

SOURCE_SIZE_MAX = SOURCE_MAX

@cython.final
cdef class DuplicateTable:
    """Requests in work and replies kept, for one port.

    `capacity` bounds the entries, `lifetime_s` how long each is kept after it came or was answered
    (RFC 5080 advises 5 to 30 s). Counters: `pending_hits`, `reply_hits`, `evictions` of entries
    that had not expired: if these rise, raise the capacity. A `source` is what tells one sender
    from another, up to 22 octets.
    """

    def __cinit__(self, int32_t capacity, double lifetime_s):
        if capacity < 1 or not lifetime_s > 0:
            raise ValueError(f"capacity {capacity}, lifetime {lifetime_s} s: both must be positive")
        cdef int32_t at, buckets = 1
        while buckets < capacity and buckets < 1 << 30:
            buckets *= 2
        self.mask = buckets - 1
        self.slots = <Slot *>calloc(capacity, sizeof(Slot))
        self.buckets = <int32_t *>malloc(buckets * sizeof(int32_t))
        if self.slots == NULL or self.buckets == NULL:
            raise MemoryError(f"no memory for {capacity} duplicates: lower duplicate_capacity")
        memset(self.buckets, 0xff, buckets * sizeof(int32_t))  # NOBODY in each
        self.unused = self.oldest = self.newest = NOBODY
        self.capacity = capacity
        self.lifetime_s = lifetime_s
        for at in range(2):  # secret of this process: else a client could choose the buckets
            self.seed[at] = <uint64_t><Py_ssize_t>hash(f"seed {at}")

    def __dealloc__(self):
        cdef int32_t at
        if self.slots != NULL:
            at = self.oldest
            while at != NOBODY:
                Py_XDECREF(self.slots[at].reply)
                at = self.slots[at].newer
        free(self.slots)
        free(self.buckets)

    def __len__(self):
        return self.count

    cpdef object lookup(self, bytes source, Packet packet, double now_s):
        """NEW (and from now on pending), PENDING, or the octets of the reply that was sent.

        `now_s` is monotonic time in seconds and must not go back.
        """
        cdef int32_t at
        self._expire(now_s)
        at = self._find(source, packet)
        if at == NOBODY:
            self._insert(source, packet, NULL, now_s)
            return _NEW
        if self.slots[at].reply == NULL:
            self.pending_hits += 1
            return _PENDING
        self.reply_hits += 1
        return <object>self.slots[at].reply

    cpdef object complete(self, bytes source, Packet packet, bytes reply, double now_s):
        """Keep `reply` for duplicates of the request from now on."""
        cdef int32_t at = self._find(source, packet)
        cdef PyObject *former
        if at == NOBODY:
            self._insert(source, packet, <PyObject *>reply, now_s)
            return
        former = self.slots[at].reply
        Py_XINCREF(<PyObject *>reply)
        self.slots[at].reply = <PyObject *>reply
        self.slots[at].since_s = now_s
        self._unlink(at)
        self._append(at)
        Py_XDECREF(former)

    cpdef object forget(self, bytes source, Packet packet):
        """The request was given up: its repetition is to be treated as new."""
        cdef int32_t at = self._find(source, packet)
        if at != NOBODY:
            self._remove(at)

    cdef int32_t _bucket(self, bytes source, Packet packet) except -2:
        """The bucket of a request: a keyed mix of its authenticator, identifier and source.

        Bounds: the authenticator is octets 4 to 20 of a header that every packet has.
        """
        cdef const uint8_t *octets = <const uint8_t *>PyBytes_AS_STRING(source)
        cdef Py_ssize_t index, size = PyBytes_GET_SIZE(source)
        cdef uint64_t[2] words
        cdef uint64_t mixed = self.seed[1] ^ <uint64_t>packet.identifier
        if size > SOURCE_MAX:
            raise ValueError(f"a source of {size} octets: {SOURCE_MAX} are the most")
        memcpy(words, packet.octets + AUTHENTICATOR_AT, sizeof(words))
        for index in range(size):
            mixed = (mixed ^ octets[index]) * <uint64_t>0x100000001b3
        mixed = (mixed ^ words[0] ^ self.seed[0]) * <uint64_t>0x9e3779b97f4a7c15
        mixed = ((mixed ^ (mixed >> 32)) ^ words[1]) * <uint64_t>0xd6e8feb86659fd93
        return <int32_t>((mixed >> 32) & <uint64_t>self.mask)

    cdef int32_t _find(self, bytes source, Packet packet) except -2:
        """The slot of a request, or NOBODY."""
        cdef int32_t at = self.buckets[self._bucket(source, packet)]
        cdef Py_ssize_t size = PyBytes_GET_SIZE(source)
        cdef Slot *slot
        while at != NOBODY:
            slot = &self.slots[at]
            if (memcmp(slot.header, packet.octets, HEADER_SIZE) == 0 and slot.source_size == size
                    and memcmp(slot.source, PyBytes_AS_STRING(source), size) == 0):
                return at
            at = slot.chained
        return NOBODY

    cdef int _insert(
        self, bytes source, Packet packet, PyObject *reply, double now_s) except -1:
        """Put a request behind all others; the oldest makes room if there is none."""
        cdef int32_t at, bucket = self._bucket(source, packet)
        cdef Slot *slot
        if self.count == self.capacity:
            self._remove(self.oldest)
            self.evictions += 1
        if self.unused != NOBODY:
            at = self.unused
            self.unused = self.slots[at].chained
        else:
            at = self.fresh
            self.fresh += 1
        slot = &self.slots[at]
        memcpy(slot.header, packet.octets, HEADER_SIZE)
        slot.source_size = <uint8_t>PyBytes_GET_SIZE(source)
        memcpy(slot.source, PyBytes_AS_STRING(source), slot.source_size)
        slot.since_s = now_s
        Py_XINCREF(reply)
        slot.reply = reply
        slot.bucket = bucket
        slot.chained = self.buckets[bucket]
        self.buckets[bucket] = at
        self._append(at)
        self.count += 1
        return 0

    cdef void _append(self, int32_t at) noexcept:
        """Make a slot the newest."""
        self.slots[at].older = self.newest
        self.slots[at].newer = NOBODY
        if self.newest == NOBODY:
            self.oldest = at
        else:
            self.slots[self.newest].newer = at
        self.newest = at

    cdef void _remove(self, int32_t at) noexcept:
        """Give a slot back: out of its bucket's chain and out of the row by age."""
        cdef Slot *slot = &self.slots[at]
        cdef int32_t *link = &self.buckets[slot.bucket]
        cdef PyObject *reply = slot.reply
        while link[0] != at:
            link = &self.slots[link[0]].chained
        link[0] = slot.chained
        self._unlink(at)
        slot.reply = NULL
        slot.chained = self.unused
        self.unused = at
        self.count -= 1
        Py_XDECREF(reply)

    cdef void _unlink(self, int32_t at) noexcept:
        """Take a slot out of the row by age."""
        cdef Slot *slot = &self.slots[at]
        if slot.older == NOBODY:
            self.oldest = slot.newer
        else:
            self.slots[slot.older].newer = slot.newer
        if slot.newer == NOBODY:
            self.newest = slot.older
        else:
            self.slots[slot.newer].older = slot.older

    cdef void _expire(self, double now_s) noexcept:
        """Drop what is too old: each entry once, so a lookup costs a constant on average."""
        while (self.oldest != NOBODY
               and now_s - self.slots[self.oldest].since_s >= self.lifetime_s):
            self._remove(self.oldest)
