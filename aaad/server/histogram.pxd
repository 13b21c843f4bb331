"""C types of histogram.py."""

cimport cython


@cython.final
cdef class Histogram:
    cdef readonly tuple bounds
    cdef readonly list counts
    cdef readonly long long total

    @cython.locals(at=Py_ssize_t, bound="long long")
    cpdef object observe(self, long long figure)
