"""All sessions in memory: the open ones, those the store lacks something of, and the recently
closed.

Found by (NAS, Acct-Session-Id) for reports, by id for decisions, by NAS for boots, by account for
limits and enforcement. Only posted, closed sessions may leave; the store remembers them, and
`Directory.load_sessions` brings them back when a late report asks.

A million may be here, and Python's dictionaries would weigh more than the sessions themselves. So
two hash tables of pointers find them by id and by key (open addressing, at most two thirds full, 16
octets a session at the mean), and the sessions of a NAS and of an account are linked through the
sessions. The table by id owns the sessions; all other pointers are borrowed from it, and `remove`
takes a session out of everything before it lets go.
"""

from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free

from aaad.policy.account_state cimport AccountState
from aaad.policy.session cimport Session

from collections import OrderedDict
from itertools import islice

from ledger.rules.limits import NEVER

CLOSED_KEPT_MAX = 50_000
"""Closed sessions kept in memory for repeated and late reports; older ones are asked of the store.
"""

SessionKey = tuple[str, bytes]

cdef size_t ROOM_MIN = 64


cdef class Index:
    """Sessions by the hash of what they are asked for; several may have the same.

    The one by id owns them.
    """

    def __cinit__(self, bint by_id):
        self.by_id = by_id
        self.room = ROOM_MIN
        self.slots = <PyObject **>calloc(self.room, sizeof(PyObject *))
        if self.slots == NULL:
            raise MemoryError

    def __dealloc__(self):
        cdef size_t slot
        if self.by_id:
            for slot in range(self.room):
                if self.slots[slot] != NULL:
                    Py_DECREF(<object>self.slots[slot])
        free(self.slots)

    # Slot numbers are masked by `room - 1`, a power of two, so they stay inside the array; a third
    # of the slots is always empty, so each walk ends.

    cdef uint64_t hash_of(self, Session session) except? 0:
        if self.by_id:
            return mixed(<uint64_t>session.session_id)
        return key_hash(session.nas, session.acct_session_id)

    cdef int add(self, Session session) except -1:
        if 3 * (self.used + 1) > 2 * self.room:
            self._grow()
        self._put(self.hash_of(session), <PyObject *>session)
        self.used += 1
        return 0

    cdef int discard(self, Session session) except -1:
        """Take a session out, and move those behind it up, so that no walk meets a gap."""
        cdef size_t mask = self.room - 1
        cdef size_t gap = self.hash_of(session) & mask
        cdef size_t slot, home
        while self.slots[gap] != <PyObject *>session:
            if self.slots[gap] == NULL:
                return 0
            gap = (gap + 1) & mask
        slot = gap
        while True:
            slot = (slot + 1) & mask
            if self.slots[slot] == NULL:
                break
            home = self.hash_of(<Session>self.slots[slot]) & mask
            if ((slot - home) & mask) >= ((slot - gap) & mask):
                self.slots[gap] = self.slots[slot]
                gap = slot
        self.slots[gap] = NULL
        self.used -= 1
        return 0

    cdef int _put(self, uint64_t hashed, PyObject *session) noexcept:
        cdef size_t mask = self.room - 1
        cdef size_t slot = hashed & mask
        while self.slots[slot] != NULL:
            slot = (slot + 1) & mask
        self.slots[slot] = session
        return 0

    cdef int _grow(self) except -1:
        cdef PyObject **before = self.slots
        cdef size_t room = self.room
        cdef size_t slot
        cdef PyObject **slots = <PyObject **>calloc(2 * room, sizeof(PyObject *))
        if slots == NULL:
            raise MemoryError
        self.slots, self.room = slots, 2 * room
        for slot in range(room):
            if before[slot] != NULL:
                self._put(self.hash_of(<Session>before[slot]), before[slot])
        free(before)
        return 0


cdef class SessionTable:
    """The sessions of one owner.

    `whole_since` is the instant since which every session that began is in memory: the store need
    not be asked about a later one. NEVER while others own sessions in the same store.
    """

    def __init__(self):
        self.whole_since = NEVER
        self._ids = Index(True)
        self._keys = Index(False)
        self._nases = {}
        self._closed = OrderedDict()

    def __len__(self):
        return self._ids.used

    @property
    def open_count(self):
        """Sessions that are open."""
        return self._ids.used - len(self._closed)

    cpdef Session get(self, int64_t session_id):
        """A session by our own id, or None."""
        cdef size_t mask = self._ids.room - 1
        cdef size_t slot = mixed(<uint64_t>session_id) & mask
        cdef Session session
        while self._ids.slots[slot] != NULL:
            session = <Session>self._ids.slots[slot]
            if session.session_id == session_id:
                return session
            slot = (slot + 1) & mask
        return None

    cpdef list candidates(self, str nas, bytes acct_session_id):
        """Sessions, open and closed, that a report could belong to, in the order of their ids."""
        cdef size_t mask = self._keys.room - 1
        cdef size_t slot = key_hash(nas, acct_session_id) & mask
        cdef Session session
        cdef list found = []
        while self._keys.slots[slot] != NULL:
            session = <Session>self._keys.slots[slot]
            if session.acct_session_id == acct_session_id and session.nas == nas:
                found.append(session)
            slot = (slot + 1) & mask
        if len(found) > 1:
            found.sort(key=_session_id)
        return found

    cpdef bint is_complete(self, str nas, bytes acct_session_id) except -1:
        """Whether the store holds no session of this key that is not here."""
        cdef Session session
        for session in self.candidates(nas, acct_session_id):
            if session.others_stored:
                return False
        return True

    def note_incomplete(self, keys):
        """Not all sessions of these keys were read from the store, but those that are open."""
        self._note(keys, True)

    def note_complete(self, keys):
        """All sessions of these keys were read from the store."""
        self._note(keys, False)

    cdef int _note(self, keys, bint others_stored) except -1:
        cdef Session session
        for nas, acct_session_id in keys:
            for session in self.candidates(nas, acct_session_id):
                session.others_stored = others_stored
        return 0

    cpdef bint has_all_since(self, int64_t started_at) noexcept:
        """Whether every session that began at an instant or later is in memory."""
        return started_at >= self.whole_since

    def open_of_nas(self, str nas):
        """The open sessions of one NAS."""
        cdef list found = []
        cdef Anchor anchor = self._nases.get(nas)
        cdef void *pointer = NULL if anchor is None else anchor.first
        while pointer != NULL:
            found.append(<Session>pointer)
            pointer = (<Session>pointer).next_of_nas
        return found

    cpdef list open_of_account(self, AccountState account):
        """The open sessions of one account."""
        return _linked(account.open_sessions)

    cpdef list of_account(self, AccountState account):
        """All sessions in memory of one account."""
        return _linked(account.open_sessions) + _linked(account.closed_sessions)

    def open_sessions(self):
        """Every open session, in no order."""
        return [session for session in self.page(0, self._ids.room) if session.is_open]

    def page(self, size_t from_slot, size_t count):
        """The sessions, open and closed, that lie in so many slots: a walk through all of them in
        small steps goes from 0 to `slots`. Those that move meanwhile are met once, twice or not.
        """
        cdef list found = []
        cdef size_t slot
        for slot in range(from_slot, min(from_slot + count, self._ids.room)):
            if self._ids.slots[slot] != NULL:
                found.append(<Session>self._ids.slots[slot])
        return found

    @property
    def slots(self):
        """Where a walk by `page` ends."""
        return self._ids.room

    cpdef int add(self, Session session) except -1:
        """A session is opened, or was read from the store."""
        assert session.account is not None, "sessions are opened and restored with their account"
        self._ids.add(session)
        Py_INCREF(session)  # `Index.__dealloc__` and `remove` let go
        self._keys.add(session)
        self._link(session)
        return 0

    cpdef int status_changed(self, Session session) except -1:
        """A session has ended, or was reopened."""
        self._unlink(session, not session.is_open)
        self._link(session)
        return 0

    def evict(self):
        """Let the oldest closed sessions go that the store has in full."""
        cdef Session session
        cdef Py_ssize_t excess = len(self._closed) - CLOSED_KEPT_MAX
        if excess <= 0:
            return
        for session in list(islice(self._closed.values(), excess)):
            if not session.dirty:
                # its NAS's clock may be ahead, so that it seems to begin only after it was heard
                if self.whole_since != NEVER:
                    began_at = min(session.started_at, session.heard_at)
                    self.whole_since = max(self.whole_since, began_at + 1)
                self.remove(session)

    cpdef int remove(self, Session session) except -1:
        """Forget a session; the store has it."""
        cdef Session other
        self._unlink(session, session.is_open)
        self._keys.discard(session)
        for other in self.candidates(session.nas, session.acct_session_id):
            other.others_stored = True
        self._ids.discard(session)
        Py_DECREF(session)
        return 0

    cdef int _link(self, Session session) except -1:
        """Put a session among those of its account, and of its NAS if it is open."""
        cdef AccountState account = session.account
        cdef Anchor anchor
        if not session.is_open:
            self._closed[session.session_id] = session
            _link_to_account(session, &account.closed_sessions)
            return 0
        _link_to_account(session, &account.open_sessions)
        anchor = self._nases.get(session.nas)
        if anchor is None:
            anchor = self._nases[session.nas] = Anchor()
        session.next_of_nas = anchor.first
        session.former_of_nas = NULL
        if anchor.first != NULL:
            (<Session>anchor.first).former_of_nas = <void *>session
        anchor.first = <void *>session
        return 0

    cdef int _unlink(self, Session session, bint was_open) except -1:
        """The reverse; `was_open`: as it was linked."""
        cdef AccountState account = session.account
        cdef Anchor anchor
        if not was_open:
            self._closed.pop(session.session_id, None)
            _unlink_from_account(session, &account.closed_sessions)
            return 0
        _unlink_from_account(session, &account.open_sessions)
        anchor = self._nases[session.nas]
        if session.former_of_nas == NULL:
            anchor.first = session.next_of_nas
        else:
            (<Session>session.former_of_nas).next_of_nas = session.next_of_nas
        if session.next_of_nas != NULL:
            (<Session>session.next_of_nas).former_of_nas = session.former_of_nas
        session.next_of_nas = session.former_of_nas = NULL
        if anchor.first == NULL:
            del self._nases[session.nas]
        return 0


cdef class Anchor:
    """Where the open sessions of a NAS begin."""


cdef int _link_to_account(Session session, void **first) noexcept:
    session.next_of_account = first[0]
    session.former_of_account = NULL
    if first[0] != NULL:
        (<Session>first[0]).former_of_account = <void *>session
    first[0] = <void *>session
    return 0


cdef int _unlink_from_account(Session session, void **first) noexcept:
    if session.former_of_account == NULL:
        first[0] = session.next_of_account
    else:
        (<Session>session.former_of_account).next_of_account = session.next_of_account
    if session.next_of_account != NULL:
        (<Session>session.next_of_account).former_of_account = session.former_of_account
    session.next_of_account = session.former_of_account = NULL
    return 0


cdef list _linked(void *pointer):
    cdef list found = []
    while pointer != NULL:
        found.append(<Session>pointer)
        pointer = (<Session>pointer).next_of_account
    return found


def _session_id(Session session):
    return session.session_id


cdef uint64_t key_hash(str nas, bytes acct_session_id) except? 0:
    """Both hashes are kept by Python with the octets they are of."""
    return mixed(<uint64_t>hash(nas) ^ (<uint64_t>hash(acct_session_id) * 3))


cdef uint64_t mixed(uint64_t number) noexcept:
    """Spread over all bits: ids of one second differ in few."""
    number = (number ^ (number >> 33)) * 0xFF51AFD7ED558CCDULL
    return number ^ (number >> 33)
