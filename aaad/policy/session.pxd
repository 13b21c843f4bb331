"""C types of `session.py`: a million may be alive, so numbers are C integers."""

cimport cython
from libc.stdint cimport int64_t, uint64_t

from ledger.rules.cycles cimport Cycle
from ledger.rules.limits cimport Tally, Totals
from ratingcore.meter cimport Meter
from ratingcore.piece cimport Piece


cdef tuple _LENGTHS

@cython.no_gc
cdef class AccountTerms:
    cdef readonly int64_t account_id
    cdef readonly int64_t service_id
    cdef readonly str login
    cdef readonly str zone
    cdef readonly int bill_day
    cdef readonly int64_t activated_at
    cdef readonly object account    # AccountState, which names Session

@cython.no_gc
cdef class OpenPiece:
    cdef readonly int64_t period_start_at
    cdef readonly Totals totals

# What a session refers to (terms, meter, account, events) refers to no session: no cycle can hold
# one, and the collector need not visit a million of them.
@cython.final
@cython.no_gc
cdef class Session:
    cdef readonly int64_t session_id
    cdef public AccountTerms terms
    cdef readonly Meter meter
    cdef readonly str nas
    cdef readonly bytes acct_session_id
    cdef readonly int64_t started_at
    cdef public int64_t heard_at
    cdef public int64_t lsn
    cdef public int64_t session_time_s
    cdef public uint64_t nas_input_octets
    cdef public uint64_t nas_output_octets
    cdef public str terminate_cause
    cdef public str client
    cdef public str nas_address
    cdef public bytes said
    cdef public int64_t border_at
    cdef public Cycle cycle
    cdef readonly int64_t stored_lsn
    cdef readonly int64_t stored_period_at
    cdef readonly int64_t stored_s
    cdef readonly int64_t stored_input_octets
    cdef readonly int64_t stored_output_octets
    cdef readonly int64_t stored_micros
    cdef public tuple unposted
    cdef public Tally tally
    cdef readonly int64_t carried_s
    cdef readonly int64_t carried_input_octets
    cdef readonly int64_t carried_output_octets
    cdef readonly int64_t carried_micros
    cdef public int pieces
    cdef readonly int carried_pieces
    cdef readonly int stored_version
    cdef public int interim_interval_s
    cdef public short journal_number
    cdef readonly short stored_journal_number
    cdef public unsigned char wide
    cdef public unsigned char is_open
    cdef public unsigned char presumed
    cdef readonly unsigned char stored_running
    cdef public unsigned char others_stored
    # the session table's: borrowed pointers to the other sessions of the NAS and of the account
    cdef void *next_of_nas
    cdef void *former_of_nas
    cdef void *next_of_account
    cdef void *former_of_account

    @cython.locals(meter=Meter, cut_at="int64_t", until="int64_t")
    cpdef OpenPiece open_piece(self)
    cpdef int64_t period_of(self, int64_t at) except? -1
    cpdef dict usage_not_stored(self)
    cpdef dict usage_not_carried(self)
    cpdef int carried_as(self, Tally tally, OpenPiece running) except -1

cpdef Totals negated(Totals totals)
cpdef Totals totals_of(Piece piece)
cdef int _add(dict usage, int64_t period_start_at, Totals totals) except -1
cpdef bytes pack_said(
    str nas_port, str framed_address, bytes calling, bytes called, bytes class_
)
