# C types of what every posting passes; see posting_rows.py.

cdef class UsageRows:
    cdef readonly list events
    cdef readonly list impacts
    cdef readonly dict items
    cdef readonly dict balances
    cdef readonly dict counters

    cdef _count(self, object usage, object seconds, object charge_micros)
    cdef _charge(self, object usage, object event_id, object charge_micros)

cpdef str event_data(object usage)
