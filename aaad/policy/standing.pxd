"""C types of standing.py: see setup.py, AS_IT_IS."""

cdef class Standing:
    cdef readonly long long since_at
    cdef readonly long long until_at
    cdef readonly long long revision
    cdef readonly bint by_usage
    cdef readonly object refusal
    cdef readonly bytes attributes

    cpdef bint holds(self, long long at, long long revision)
