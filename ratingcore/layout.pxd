"""What `compile` uses of the layout."""

from libc.stdint cimport int64_t

from ratingcore.calendar cimport Zone


cdef list lay_out(Zone zone, object days, int64_t from_at, int64_t until_at)
cdef list join_spans(list earlier, list later)
