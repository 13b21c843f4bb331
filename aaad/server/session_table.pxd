"""C types of `session_table.py`."""

cimport cython

from aaad.policy.session cimport Session


cdef class SessionTable:
    cdef readonly dict _by_id
    cdef readonly dict _by_key
    cdef readonly dict _open_by_nas
    cdef readonly dict _by_account
    cdef readonly dict _open_of_account
    cdef object _closed
    cdef set _incomplete

    cpdef list candidates(self, str nas, bytes acct_session_id)
    cpdef bint is_complete(self, str nas, bytes acct_session_id) except -1
    cpdef add(self, Session session)
    cpdef status_changed(self, Session session)
