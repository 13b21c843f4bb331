"""Sessions that report themselves: Start, some Interim-Updates, Stop, and what was acknowledged.

A session has one report under way at most, as a NAS sends them. Time is compressed: a session began
hours ago by its Event-Timestamps, and its reports lie minutes apart though they are sent at once.
What a report says is a function of seed, session and position, whatever the order of answers. When
a session ends the next one takes its place, so `count` of them are open all the time; their ends
are staggered from the beginning.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy, memset

from benchmarks.load.packets cimport (
    ACCT_AUTHENTIC, ACCT_DELAY_TIME, ACCT_INPUT_GIGAWORDS, ACCT_INPUT_OCTETS, ACCT_INPUT_PACKETS,
    ACCT_OUTPUT_GIGAWORDS, ACCT_OUTPUT_OCTETS, ACCT_OUTPUT_PACKETS, ACCT_SESSION_ID,
    ACCT_SESSION_TIME, ACCT_STATUS_TYPE, ACCT_TERMINATE_CAUSE, CALLED_STATION_ID,
    CALLING_STATION_ID, EVENT_TIMESTAMP, FRAMED_IP_ADDRESS, FRAMED_PROTOCOL, NAS_IDENTIFIER,
    NAS_IP_ADDRESS, NAS_PORT, NAS_PORT_ID, NAS_PORT_TYPE, SERVICE_TYPE, USER_NAME, mix, put_hex,
    put_named, put_number, put_octets,
)
from benchmarks.load.users cimport User

cdef enum:
    INTERVAL_S = 300  # between reports, and up to INTERVAL_SPREAD_S more
    INTERVAL_SPREAD_S = 16
    STARTED_SPREAD_S = 8 * 3600
    # 16 Mbit/s down and a tenth up at most: a session of hours needs Gigawords
    OUTPUT_OCTETS_A_SECOND_MAX = 2_000_000
    INPUT_OCTETS_A_SECOND_MAX = 200_000
    OCTETS_A_PACKET = 800
    USER_REQUEST = 1  # RFC 2866 s.5.10
    RADIUS = 1  # Acct-Authentic
    FRAMED = 2
    PPP = 1
    ETHERNET = 15
    START_REPORT = 1
    STOP_REPORT = 2
    INTERIM_REPORT = 3
    ENDED_ROOM_FIRST = 4096

SESSIONS_MAX = 4_000_000
INTERIMS_MAX = 150
"""So that Event-Timestamps stay within 22 hours: servers correct clocks that are a day off."""


cdef class Sessions:
    """`count` sessions of `users`, each with `interims` Interim-Updates, on `nases` NASes.

    `began_at` is the instant (UTC epoch seconds) that all Event-Timestamps lie before.
    """

    def __cinit__(
        self, Users users not None, *, uint32_t count, uint32_t interims, uint32_t nases,
        uint64_t seed, int64_t began_at,
    ):
        if not 1 <= count <= SESSIONS_MAX:
            raise ValueError(f"{count} open sessions: give 1 to {SESSIONS_MAX}")
        if interims > INTERIMS_MAX:
            raise ValueError(f"{interims} interims: give 0 to {INTERIMS_MAX}")
        if not 1 <= nases <= 65_536:
            raise ValueError(f"{nases} NASes: give 1 to 65536")
        self._users = users
        self.count = count
        self._interims = interims
        self._nases = nases
        self._seed = seed & 0xFFFFFF
        self._began_at = began_at
        self._open = <Session *>calloc(count, sizeof(Session))
        self._idle = <uint32_t *>calloc(count, sizeof(uint32_t))
        self._ended = <Session *>calloc(ENDED_ROOM_FIRST, sizeof(Session))
        self._ended_room = ENDED_ROOM_FIRST
        if self._open is NULL or self._idle is NULL or self._ended is NULL:
            raise MemoryError(f"no memory for {count} sessions")
        cdef uint32_t index
        for index in range(count):
            self._begin(index, <uint32_t>(mix(seed + index) % (interims + 1)))
            self._wait(index)

    def __dealloc__(self):
        free(self._open)
        free(self._idle)
        free(self._ended)

    cdef void _begin(self, uint32_t index, uint32_t interims) noexcept nogil:
        """A new session in this place; the seed is the upper part of its id."""
        cdef Session *session = &self._open[index]
        cdef uint64_t serial = self._seed << 40 | self._serial
        cdef int64_t room = STARTED_SPREAD_S
        memset(session, 0, sizeof(Session))  # stage NEW, nothing counted
        session.serial = serial
        session.interims_left = interims
        session.user = <uint32_t>(self._serial % self._users.count)
        session.started_at = self._began_at - <int64_t>(mix(serial) % <uint64_t>room)
        session.started_at -= (self._interims + 1) * (INTERVAL_S + INTERVAL_SPREAD_S)
        self._serial += 1

    cdef void _wait(self, uint32_t index) noexcept nogil:
        self._idle[(self._first + self._waiting) % self.count] = index
        self._waiting += 1

    cdef bint take(self, uint32_t *index) noexcept nogil:
        """The session that reports next; False when all wait for answers."""
        if self._waiting == 0:
            return False
        index[0] = self._idle[self._first]
        self._first = (self._first + 1) % self.count
        self._waiting -= 1
        return True

    cdef void put_report(self, uint32_t index, Packet *packet) noexcept nogil:
        """The attributes of a session's next report, and what it will have said."""
        cdef Session *session = &self._open[index]
        cdef uint32_t status = INTERIM_REPORT
        session.next_session_time = session.session_time
        session.next_input_octets = session.input_octets
        session.next_output_octets = session.output_octets
        if session.stage == NEW:
            status = START_REPORT
        else:
            _grow(session)
            if session.interims_left == 0:
                status = STOP_REPORT
        put_number(packet, ACCT_STATUS_TYPE, status)
        self._put_identity(session, packet)
        put_number(
            packet, EVENT_TIMESTAMP, <uint32_t>(session.started_at + session.next_session_time)
        )
        put_number(packet, ACCT_DELAY_TIME, 0)
        if status != START_REPORT:
            _put_counters(session, packet)
        if status == STOP_REPORT:
            put_number(packet, ACCT_TERMINATE_CAUSE, USER_REQUEST)

    cdef void _put_identity(self, const Session *session, Packet *packet) noexcept nogil:
        """Who, where, over what: the same in every report."""
        cdef const User *user = self._users.user(session.user)
        cdef uint32_t nas = <uint32_t>(session.serial % self._nases)
        cdef uint32_t port = <uint32_t>(session.serial % 65_521)
        put_octets(packet, USER_NAME, user.name, user.name_size)
        put_number(packet, NAS_IP_ADDRESS, 0x0A000000 + nas)
        put_named(packet, NAS_IDENTIFIER, b"nas-", nas, 4)
        put_number(packet, NAS_PORT, port)
        put_number(packet, NAS_PORT_TYPE, ETHERNET)
        put_named(packet, NAS_PORT_ID, b"ge-0/0/", port, 4)
        put_number(packet, SERVICE_TYPE, FRAMED)
        put_number(packet, FRAMED_PROTOCOL, PPP)
        put_number(packet, FRAMED_IP_ADDRESS, 0x64400000 + (session.user & 0x3FFFFF))
        put_named(packet, CALLED_STATION_ID, b"02-00-00-00-", nas, 4)
        put_named(packet, CALLING_STATION_ID, b"02-01-", session.user, 8)
        put_hex(packet, ACCT_SESSION_ID, session.serial)
        put_number(packet, ACCT_AUTHENTIC, RADIUS)

    cdef int acknowledge(self, uint32_t index) except -1 nogil:
        """A report is answered: its session goes on, or another takes its place."""
        cdef Session *session = &self._open[index]
        session.session_time = session.next_session_time
        session.input_octets = session.next_input_octets
        session.output_octets = session.next_output_octets
        session.reports += 1
        if session.stage == NEW:
            session.stage = OPEN
        elif session.interims_left > 0:
            session.interims_left -= 1
        else:
            session.stage = ENDED
            self._keep(session)
            self._begin(index, self._interims)
        self._wait(index)
        return 0

    cdef void give_up(self, uint32_t index) noexcept nogil:
        """A report stayed without an answer: its session says nothing more."""
        self._open[index].stage = UNCERTAIN

    cdef void revive(self, uint32_t index) noexcept nogil:
        """The answer came after all."""
        self._open[index].stage = OPEN if self._open[index].reports else NEW

    cdef int _keep(self, const Session *session) except -1 nogil:
        """Remember an ended session. Its number is bounded by that of the requests."""
        cdef Session *larger
        if self._ended_count == self._ended_room:
            larger = <Session *>realloc(self._ended, 2 * self._ended_room * sizeof(Session))
            if larger is NULL:
                with gil:
                    raise MemoryError(f"no memory for {2 * self._ended_room} ended sessions")
            self._ended = larger
            self._ended_room *= 2
        self._ended[self._ended_count] = session[0]
        self._ended_count += 1
        return 0

    def assume_started(self):
        """Take every Start as sent and acknowledged: somebody else put them into the server."""
        cdef uint32_t index
        for index in range(self.count):
            if self._open[index].stage == NEW:
                self._open[index].stage = OPEN
                self._open[index].reports = 1

    def book(self) -> list:
        """All that was acknowledged: [(session id, user, NAS, started at, seconds, input octets,
        output octets, stage)]; sessions without any acknowledged report are left out, uncertain
        ones are not.
        """
        cdef list lines = []
        cdef uint32_t index
        cdef size_t ended
        for ended in range(self._ended_count):
            lines.append(self._line(&self._ended[ended]))
        for index in range(self.count):
            if self._open[index].stage != NEW:
                lines.append(self._line(&self._open[index]))
        return lines

    cdef tuple _line(self, const Session *session):
        nas = f"nas-{session.serial % self._nases:04x}"
        return (
            f"{session.serial:016X}", session.user, nas, session.started_at, session.session_time,
            session.input_octets, session.output_octets, session.stage,
        )

    def save(self) -> bytes:
        """All sessions as they stand, for `load` in another run. None may be under way."""
        if self._waiting != self.count:
            raise ValueError(f"{self.count - self._waiting} sessions wait for an answer")
        head = f"{self.count} {self._serial} {self._ended_count} {self._began_at}\n".encode()
        cdef const char *at = <const char *>self._open
        cdef const char *ended = <const char *>self._ended
        return (
            head + at[:self.count * sizeof(Session)] + ended[:self._ended_count * sizeof(Session)]
        )

    def load(self, bytes state not None):
        """Go on from what `save` gave in a run with the same options."""
        head, _, body = state.partition(b"\n")
        count, serial, ended, began_at = (int(word) for word in head.split())
        if count != self.count or len(body) != (count + ended) * sizeof(Session):
            raise ValueError(f"the saved state is of {count} sessions, this run of {self.count}")
        cdef const char *octets = body
        memcpy(self._open, octets, self.count * sizeof(Session))
        self._ended_count = 0
        cdef size_t index
        cdef const Session *kept = <const Session *>(octets + self.count * sizeof(Session))
        for index in range(<size_t>ended):
            self._keep(&kept[index])
        self._serial = serial
        self._began_at = began_at


cdef void _grow(Session *session) noexcept nogil:
    """One more interval of use: the same for the same session and report in every run."""
    cdef uint64_t chance = mix(session.serial * 1_000_003 + session.reports)
    cdef uint32_t seconds = INTERVAL_S + <uint32_t>(chance % INTERVAL_SPREAD_S)
    session.next_session_time += seconds
    session.next_input_octets += seconds * (mix(chance) % INPUT_OCTETS_A_SECOND_MAX)
    session.next_output_octets += seconds * (mix(chance + 1) % OUTPUT_OCTETS_A_SECOND_MAX)


cdef void _put_counters(const Session *session, Packet *packet) noexcept nogil:
    put_number(packet, ACCT_SESSION_TIME, session.next_session_time)
    put_number(packet, ACCT_INPUT_OCTETS, <uint32_t>session.next_input_octets)
    put_number(packet, ACCT_OUTPUT_OCTETS, <uint32_t>session.next_output_octets)
    put_number(packet, ACCT_INPUT_GIGAWORDS, <uint32_t>(session.next_input_octets >> 32))
    put_number(packet, ACCT_OUTPUT_GIGAWORDS, <uint32_t>(session.next_output_octets >> 32))
    put_number(
        packet, ACCT_INPUT_PACKETS, <uint32_t>(session.next_input_octets // OCTETS_A_PACKET))
    put_number(
        packet, ACCT_OUTPUT_PACKETS, <uint32_t>(session.next_output_octets // OCTETS_A_PACKET))
