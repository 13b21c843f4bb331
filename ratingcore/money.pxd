"""What the other compiled modules use: the guard at the Python edge, without its call."""

from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_CheckExact
from libc.stdint cimport int64_t

cdef int refuse_int(object value, str name, object error) except -1


cdef inline int64_t int64_or_raise(object value, str name, object error) except? -1:
    """`exact_int` for compiled callers, with the class of error to raise."""
    cdef int overflow = 0
    cdef int64_t number
    if PyLong_CheckExact(value):
        number = PyLong_AsLongLongAndOverflow(value, &overflow)
        if overflow == 0:
            return number
    refuse_int(value, name, error)
    return -1
