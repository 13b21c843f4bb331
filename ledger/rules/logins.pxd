"""C types of logins.py."""

cimport cython

cdef object _STRIP
cdef object _FOLD

@cython.locals(login=str)
cpdef str canonical_login(object brand, bytes user_name)
@cython.locals(text=str)
cdef str _text(bytes user_name)
