"""C types of histogram.py."""

cimport cython


@cython.final
cdef class Histogram:
    cdef readonly tuple bounds
    cdef readonly list counts
    cdef readonly long long total

    cpdef object observe(self, long long figure)
