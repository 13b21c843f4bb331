"""What `meter` uses of itemizing."""

from ratingcore.compile cimport Timeline
from ratingcore.piece cimport Piece
from ratingcore.state cimport State


cdef Piece make_piece(Timeline timeline, const State *state)
