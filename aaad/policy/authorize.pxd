"""C types of authorize.py: see setup.py, AS_IT_IS."""

cdef class Facts:
    cdef readonly long long now
    cdef readonly object subscriber
    cdef readonly object offer
    cdef readonly tuple uses
    cdef readonly long long owed_micros
    cdef readonly object new_meter

cdef class Refusal:
    cdef readonly object reason
    cdef readonly str detail

cdef class Check:
    cdef readonly str name
    cdef readonly object describe
    cdef readonly object refuse

cdef class Verdict:
    cdef readonly str check
    cdef readonly str input
    cdef readonly Refusal refusal

cpdef Refusal authorize(Facts facts)
cpdef object session_timeout_s(Facts facts)
cdef object _time_for(available_micros, Facts facts)
cdef object _credit_left(Facts facts)
