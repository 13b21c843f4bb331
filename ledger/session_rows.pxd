# C signatures of what every posting calls; see session_rows.py.

cpdef tuple insert_values(object row)
cpdef tuple advance_values(object row, object stored_version)
cpdef tuple settle_values(object row, object stored_version)
cdef tuple _state(object row)
cdef str _details(object row)
cdef tuple _end(object row)
