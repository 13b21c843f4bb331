"""What `compile` uses of the calendar."""

from libc.stdint cimport int64_t


cdef class Zone:
    cdef readonly str name
    cdef object _info
    cdef dict _pages

    cdef list offsets_between(self, int64_t from_at, int64_t until_at)
    cdef list _page(self, int64_t number)
    cdef int64_t _offset(self, int64_t at) except? -1
