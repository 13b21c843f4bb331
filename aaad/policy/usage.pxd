"""C types of `usage.py`."""

cimport cython
from libc.stdint cimport int64_t, uint64_t

from aaad.policy.report cimport Report
from aaad.policy.session cimport Session
from ratingcore.meter cimport Meter
from ratingcore.piece cimport Piece


cdef int64_t _START
cdef int64_t _STOP

cdef class NasFacts:
    cdef readonly int64_t timestamp_window_s
    cdef readonly object line_rate_bps    # times ten years it may leave int64
    cdef readonly object adopt_from
    cdef readonly str counts
    cdef readonly object booted_at

cdef class Placement:
    cdef readonly Session session
    cdef readonly int64_t instant
    cdef readonly int64_t start


cpdef bint counts(Report report, NasFacts nas) except -1
@cython.locals(instant="int64_t", placement=Placement)
cpdef Placement place(Report report, list candidates, NasFacts nas)
@cython.locals(
    start="int64_t", distance="int64_t", apart="int64_t", nearest=Session, session=Session,
)
cdef Placement _nearest(Report report, int64_t at, list candidates)
@cython.locals(session=Session)
cdef int64_t _duration(Report report, int64_t at, list candidates) except? -1
@cython.locals(reopened="bint", counted="bint")
cpdef object apply(Session session, Report report, Placement placement, NasFacts nas)
cdef bint _ended_by_boot(Session session, Placement placement, NasFacts nas) except -1
cdef int _remember(Session session, Report report) except -1
@cython.locals(
    elapsed_s="int64_t", duration="int64_t", until="int64_t",
    seen_in="uint64_t", seen_out="uint64_t", wide="bint", meter=Meter,
)
cdef bint _count(Session session, Report report, Placement placement, NasFacts nas) except -1
cdef int64_t _reported_time_s(Session session, Report report, Placement placement) except? -1
@cython.locals(meter=Meter, after="int64_t", piece=Piece)
cdef object _advance(
    Session session, int64_t until, object input_octets, object output_octets
)
@cython.locals(low="uint64_t")
cdef tuple _grown(
    uint64_t last, uint64_t reported, bint wide, int64_t elapsed_s, NasFacts nas
)
@cython.locals(meter=Meter, piece=Piece)
cdef object _end(Session session, str cause, bint presumed)
