"""The table as the applier uses it."""

from cpython.ref cimport PyObject
from libc.stdint cimport int64_t, uint64_t

from aaad.policy.account_state cimport AccountState
from aaad.policy.session cimport Session


cdef class Index:
    cdef PyObject **slots
    cdef size_t room
    cdef size_t used
    cdef bint by_id

    cdef uint64_t hash_of(self, Session session) except? 0
    cdef int add(self, Session session) except -1
    cdef int discard(self, Session session) except -1
    cdef int _put(self, uint64_t hashed, PyObject *session) noexcept
    cdef int _grow(self) except -1


cdef class Anchor:
    cdef void *first


cdef class SessionTable:
    cdef public int64_t whole_since
    cdef Index _ids
    cdef Index _keys
    cdef dict _nases
    cdef object _closed

    cpdef Session get(self, int64_t session_id)
    cpdef list candidates(self, str nas, bytes acct_session_id)
    cpdef bint is_complete(self, str nas, bytes acct_session_id) except -1
    cdef int _note(self, keys, bint others_stored) except -1
    cpdef bint has_all_since(self, int64_t started_at) noexcept
    cpdef list open_of_account(self, AccountState account)
    cpdef list of_account(self, AccountState account)
    cpdef int add(self, Session session) except -1
    cpdef int status_changed(self, Session session) except -1
    cpdef int remove(self, Session session) except -1
    cdef int _link(self, Session session) except -1
    cdef int _unlink(self, Session session, bint was_open) except -1
