"""C types of logins.py: see setup.py, AS_IT_IS."""

cpdef str canonical_login(brand, bytes user_name)
cdef str _text(bytes user_name)
