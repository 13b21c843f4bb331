"""The loop of a load: requests out, answers in, in a window or at a rate, all without the GIL.

A slot is one identifier of one source port; slots are taken in turn, so that an identifier rests as
long as possible before it is used again. Closed loop: `window` requests are under way all the time.
Open loop: requests go out at a rate whatever comes back, and latency counts from the instant at
which a request was due, so that a server that stalls cannot hide it.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from benchmarks.load.histogram cimport Histogram
from benchmarks.load.logins cimport Logins
from benchmarks.load.packets cimport (
    ACCESS_ACCEPT, ACCOUNTING_RESPONSE, HEADER, Packet, Secret, begin_accounting,
)
from benchmarks.load.ports cimport BATCH, Ports
from benchmarks.load.sessions cimport Sessions

cdef enum State:
    FREE = 0
    FLYING = 1
    LOST = 2  # given up; its identifier rests for a while, since an answer may still come

cdef enum:
    IDENTIFIERS = 256
    LOOKS = 8  # at what has waited too long, in the time that a request may wait
    CHUNK_NS = 100_000_000  # between two looks for Ctrl-C
    RESTS_TIMEOUTS = 2
    TICK_NS = 250_000  # of an open loop: waking for each request would cost more than all else

cdef struct Slot:
    uint64_t due_ns
    uint64_t sent_ns
    uint32_t subject  # the session
    uint8_t state
    uint8_t tries_left
    Packet packet


cdef class Exchange:
    """Requests about `work`, a Logins or a Sessions, through `ports`.

    A request without an answer goes out again with the same octets after `timeout_ms`, `tries`
    times in all; then it is lost.
    """

    cdef Ports _ports
    cdef Secret _secret
    cdef Logins _logins
    cdef Sessions _sessions
    cdef readonly Histogram latency
    cdef Slot *_slots
    cdef uint32_t *_free  # a ring of slots
    cdef uint32_t _slot_count, _free_first, _free_count, _flying
    cdef uint8_t _expected, _tries
    cdef uint64_t _timeout_ns, _began_ns, _ends_ns, _last_ns, _looked_ns, _look_ns
    cdef uint64_t _window, _requests, _rate, _issued
    cdef readonly uint64_t sent, answered, resent, lost, late, skipped, refused
    cdef readonly uint64_t wrong_authenticator, wrong_code, malformed, unexpected

    def __cinit__(
        self, Ports ports not None, Secret secret not None, work, *, uint64_t timeout_ms,
        uint8_t tries,
    ):
        self._ports, self._secret = ports, secret
        if isinstance(work, Logins):
            self._logins, self._expected = work, ACCESS_ACCEPT
        else:
            self._sessions, self._expected = <Sessions?>work, ACCOUNTING_RESPONSE
        if not 1 <= tries <= 100 or not 1 <= timeout_ms <= 600_000:
            raise ValueError(f"{tries} tries of {timeout_ms} ms: give 1 to 100 of 1 to 600000 ms")
        self._tries, self._timeout_ns = tries, timeout_ms * 1_000_000
        self._look_ns = min(self._timeout_ns // LOOKS, <uint64_t>CHUNK_NS)
        self._slot_count = ports.count * IDENTIFIERS
        self._slots = <Slot *>calloc(self._slot_count, sizeof(Slot))
        self._free = <uint32_t *>calloc(self._slot_count, sizeof(uint32_t))
        if self._slots is NULL or self._free is NULL:
            raise MemoryError(f"no memory for {self._slot_count} requests")
        cdef uint32_t slot
        for slot in range(self._slot_count):
            self._put_free(slot)
        self.latency = Histogram()

    def __dealloc__(self):
        free(self._slots)
        free(self._free)

    @property
    def elapsed_us(self) -> int:
        """From the first request of the last run to its last answer."""
        return max(0, <int64_t>(self._last_ns - self._began_ns)) // 1000

    def run(self, *, uint64_t time_ms, uint64_t requests, uint64_t window, uint64_t rate=0):
        """Send for `time_ms` or `requests`, whatever ends first; wait until nothing is under way.

        `rate` is requests a second, 0 for a closed loop of `window`. Counters and latencies begin
        anew. Raises ValueError for a window that has not enough source ports.
        """
        if not 1 <= window <= self._slot_count:
            most = self._slot_count
            raise ValueError(f"a window of {window}: these source ports carry 1 to {most}")
        self._clear()
        self._window, self._requests, self._rate = window, requests, rate
        self._began_ns = self._last_ns = self._looked_ns = _now()
        self._ends_ns = self._began_ns + time_ms * 1_000_000
        while self._is_sending(_now()) or self._flying:
            with nogil:
                self._chunk()
            PyErr_CheckSignals()

    cdef _clear(self):
        self.latency.clear()
        self._issued = 0
        self.sent = self.answered = self.resent = self.lost = self.late = self.skipped = 0
        self.refused = self.wrong_authenticator = self.wrong_code = self.malformed = 0
        self.unexpected = 0

    cdef bint _is_sending(self, uint64_t now) noexcept nogil:
        return now < self._ends_ns and self._issued < self._requests

    cdef int _chunk(self) except -1 nogil:
        cdef uint64_t now = _now(), until = now + CHUNK_NS
        cdef int index
        while now < until and (self._is_sending(now) or self._flying):
            self._fill(now)
            for index in range(self._ports.wait(self._patience_ns(now))):
                self._receive(self._ports.ready(index))
            now = _now()
            if now - self._looked_ns >= self._look_ns:
                self._expire(now)
        return 0

    cdef long _patience_ns(self, uint64_t now) noexcept nogil:
        """How long answers may be waited for: until the next request is due, or the next look."""
        cdef uint64_t due
        if self._rate == 0 or not self._is_sending(now):
            return self._look_ns
        due = self._due_ns(self._issued)
        return <long>min(max(due, now + TICK_NS) - now, self._look_ns)

    cdef uint64_t _due_ns(self, uint64_t number) noexcept nogil:
        """When a request of an open loop is due; whole seconds apart, so that nothing wraps."""
        cdef uint64_t seconds = number // self._rate, rest = number % self._rate
        return self._began_ns + seconds * 1_000_000_000 + rest * 1_000_000_000 // self._rate

    cdef void _fill(self, uint64_t now) noexcept nogil:
        """Send what may go out now, in batches of one port each."""
        cdef uint32_t slot
        cdef int port = -1
        cdef uint64_t due
        while self._is_sending(now):
            due = now
            if self._rate:
                due = self._due_ns(self._issued)
                if due > now:
                    break
            elif self._flying >= self._window:
                break
            if not self._take(&slot):
                if self._rate == 0:
                    break
                self.skipped += 1
                self._issued += 1
                continue
            if port >= 0 and port != <int>(slot // IDENTIFIERS):
                self.refused += self._ports.send(port)
            port = slot // IDENTIFIERS
            self._slots[slot].due_ns, self._slots[slot].sent_ns = due, now
            if self._ports.load(&self._slots[slot].packet):
                self.refused += self._ports.send(port)
                port = -1
                now = _now()
        if port >= 0:
            self.refused += self._ports.send(port)

    cdef bint _take(self, uint32_t *slot) noexcept nogil:
        """Build the next request in a free slot; False when there is no slot or no session."""
        cdef uint32_t subject = 0
        cdef Slot *taken
        if self._free_count == 0:
            return False
        if self._sessions is not None and not self._sessions.take(&subject):
            return False
        slot[0] = self._free[self._free_first]
        self._free_first = (self._free_first + 1) % self._slot_count
        self._free_count -= 1
        taken = &self._slots[slot[0]]
        taken.subject, taken.state, taken.tries_left = subject, FLYING, self._tries - 1
        if self._sessions is not None:
            begin_accounting(&taken.packet, <uint8_t>slot[0])
            self._sessions.put_report(subject, &taken.packet)
            self._secret.sign_accounting(&taken.packet)
        else:
            self._logins.put_request(&taken.packet, <uint8_t>slot[0], self._secret)
        self._flying += 1
        self._issued += 1
        self.sent += 1
        return True

    cdef void _put_free(self, uint32_t slot) noexcept nogil:
        self._slots[slot].state = FREE
        self._free[(self._free_first + self._free_count) % self._slot_count] = slot
        self._free_count += 1

    cdef int _receive(self, int port) except -1 nogil:
        cdef int index, size, count = BATCH
        cdef const uint8_t *reply
        cdef uint64_t now
        while count == BATCH:
            count = self._ports.receive(port)
            now = _now()
            for index in range(count):
                reply = self._ports.reply(index, &size)
                self._judge(port, reply, size, now)
        return 0

    cdef int _judge(self, int port, const uint8_t *reply, int size, uint64_t now) except -1 nogil:
        """One answer: whose it is, and whether it is right."""
        cdef uint32_t number
        cdef Slot *slot
        cdef int length = reply[2] << 8 | reply[3] if size >= HEADER else 0
        if length < HEADER or length > size:
            self.malformed += 1
            return 0
        size = length  # octets beyond are padding (RFC 2865 s.3)
        number = port * IDENTIFIERS + reply[1]
        slot = &self._slots[number]
        if slot.state == FREE:
            self.unexpected += 1
            return 0
        if not self._secret.is_authentic(reply, size, slot.packet.data):
            self.wrong_authenticator += 1
            return 0
        if slot.state == FLYING:
            self._flying -= 1
            self._last_ns = now
            self.latency.add((now - slot.due_ns) // 1000)
            self.answered += 1
        else:
            self.late += 1
            if self._sessions is not None:
                self._sessions.revive(slot.subject)
        if reply[0] != self._expected:
            self.wrong_code += 1
        elif self._sessions is not None:
            self._sessions.acknowledge(slot.subject)
        self._put_free(number)
        return 0

    cdef void _expire(self, uint64_t now) noexcept nogil:
        """Send again what waits too long; give up what did so too often."""
        cdef uint32_t number
        cdef Slot *slot
        self._looked_ns = now
        for number in range(self._slot_count):
            slot = &self._slots[number]
            if slot.state == FREE or now < slot.sent_ns + self._timeout_ns:
                continue
            if slot.state == LOST:
                if now >= slot.sent_ns + (1 + RESTS_TIMEOUTS) * self._timeout_ns:
                    self._put_free(number)
            elif slot.tries_left:
                slot.tries_left -= 1
                slot.sent_ns = now
                self.resent += 1
                self._ports.load(&slot.packet)
                self.refused += self._ports.send(number // IDENTIFIERS)
            else:
                slot.state = LOST
                self.lost += 1
                self._flying -= 1
                if self._sessions is not None:
                    self._sessions.give_up(slot.subject)


cdef uint64_t _now() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <uint64_t>now.tv_sec * 1_000_000_000 + now.tv_nsec
