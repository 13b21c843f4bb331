"""C types of `account_state.py`."""

cimport cython
from libc.stdint cimport int64_t

from aaad.policy.session cimport OpenPiece, Session
from ledger.rules.limits cimport Tally, Totals


# Tallies and facts refer to nothing that refers back; sessions are linked by borrowed pointers.
@cython.no_gc
cdef class AccountState:
    cdef public object account
    cdef public int64_t owed_micros
    cdef public set fired
    cdef public int64_t settled_until_at
    cdef list _tallies
    # the session table's: where the sessions of the account begin
    cdef void *open_sessions
    cdef void *closed_sessions

    @cython.locals(tally=Tally, others=Tally, made=Tally)
    cpdef Tally tally(self, int64_t service_id, int64_t period_start_at)
    cdef Tally _whole(self, Tally tally)
    cpdef int restored(self, Session session) except -1
    @cython.locals(tally=Tally, running=OpenPiece, totals=Totals, charge_micros="int64_t")
    cpdef list carry(self, Session session)
    @cython.locals(
        tally=Tally, running=OpenPiece, totals=Totals, service_id="int64_t",
        period_start_at="int64_t",
    )
    cdef list _take(self, Session session, dict usage)
    @cython.locals(tally=Tally)
    cpdef int facts_changed(self) except -1
    @cython.locals(tally=Tally)
    cpdef Totals of_service(self, int64_t service_id, int64_t period_start_at)
    @cython.locals(tally=Tally)
    cpdef Totals of_account(self, int64_t period_start_at)
