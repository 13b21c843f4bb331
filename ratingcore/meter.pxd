"""The meter as other compiled modules see it."""

from libc.stdint cimport int64_t

from ratingcore.compile cimport Timeline
from ratingcore.pool cimport Pool
from ratingcore.piece cimport Piece as PieceRecord
from ratingcore.state cimport Line, State


cdef class Meter:
    cdef readonly Timeline timeline
    cdef readonly Pool pool
    cdef State state

    cdef int draw_line(
        self, Line *line, object until, object input_octets, object output_octets
    ) except -1
    cdef tuple _advance_cut(self, const Line *line, list cuts)
    cdef int _take_over(self, Meter draft) except -1
    cdef int64_t _instant(self, object at) except -1
    cdef PieceRecord _close(self)
    cdef Meter _twin(self)
