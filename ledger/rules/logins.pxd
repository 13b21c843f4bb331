"""C types of logins.py."""

cimport cython

@cython.locals(login=str)
cpdef str canonical_login(object brand, bytes user_name)
@cython.locals(text=str)
cdef str _text(bytes user_name)
