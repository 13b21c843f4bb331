"""C types of `applier.py`: what each durable record goes through."""

cimport cython
from libc.stdint cimport int64_t

from aaad.policy.account_state cimport AccountState
from aaad.policy.report cimport Report, is_session_report
from aaad.policy.session cimport Session
from aaad.policy.usage cimport NasFacts, Placement, apply, counts, place
from aaad.server.applicable cimport Accounting, Silence
from aaad.server.nas_table cimport NasTable
from aaad.server.session_table cimport SessionTable
from aaad.server.unposted cimport Unposted
from ledger.rules.limits cimport Tally


cdef int64_t _INTERIM_UPDATE

cdef class Applier:
    cdef int _journal_number
    cdef SessionTable _sessions
    cdef object _directory
    cdef NasTable _nases
    cdef Unposted _books
    cdef public object _enforcement
    cdef object _metrics
    cdef object _log
    cdef object _waiting
    cdef object _work
    cdef object _idle
    cdef object __weakref__

    cdef object _apply_known(self)
    cdef Placement _placement(self, record)
    @cython.locals(facts=NasFacts, report=Report)
    cdef Placement _place(self, Accounting record)
    @cython.locals(placement=Placement)
    cdef bint _apply_if_known(self, record) except -1
    @cython.locals(session=Session)
    cdef bint _is_known(self, Placement placement) except -1
    @cython.locals(found=list, session=Session, report=Report)
    cdef list _candidates(self, Accounting record)
    cdef bint _opened_after(self, Session session, Accounting record) except -1
    @cython.locals(session=Session, accounting=Accounting)
    cdef object _apply(self, record, Placement placement)
    @cython.locals(now=int64_t, state=AccountState, tally=Tally)
    cdef object _enforce(self, Session session, Accounting record)
    @cython.locals(nas=NasFacts, report=Report)
    cdef Session _apply_accounting(self, Accounting record, Placement placement)
    @cython.locals(session=Session, was_open=bint)
    cdef Session _apply_session(self, Accounting record, Placement placement, NasFacts nas)
    @cython.locals(state=AccountState)
    cdef object _runs_anew(self, Session session)
    cdef Session _open(self, Accounting record, Placement placement, NasFacts nas)
    cdef bint _count(
        self, Session session, Accounting record, Placement placement, NasFacts nas
    ) except -1
    @cython.locals(state=AccountState, tallies=list, tally=Tally, at=int64_t)
    cdef object _carry(self, Session session, int64_t lsn, int64_t received_us)
    @cython.locals(state=AccountState, period_start_at=int64_t)
    cdef object _check_limits(
        self, Session session, Tally tally, int64_t at, bint with_credit
    )
    @cython.locals(candidates=list, latest=int64_t, candidate=Session, older=Session)
    cdef object _end_older(self, Session session, Accounting record)
    cdef bint _is_applied(self, Session session, int64_t lsn) except -1
