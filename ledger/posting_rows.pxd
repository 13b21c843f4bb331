# C types of what every posting passes; see posting_rows.py.

cdef class UsageRows:
    cdef readonly list events
    cdef readonly list impacts
    cdef readonly dict items
    cdef readonly dict balances
    cdef readonly dict counters

    cdef _count(self, object usage, object seconds, object charge_micros)
    cdef _impact(self, object usage, object event_id, object position, tuple terms)

cpdef str event_data(object usage)
