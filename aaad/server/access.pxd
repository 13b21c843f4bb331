"""C types of access.py: see setup.py, AS_IT_IS."""

cdef class Login:
    cdef readonly object request
    cdef readonly bytes user_name
    cdef readonly str login

cdef class AccessHandler:
    cdef object _gate
    cdef object _journal
    cdef object _applier
    cdef object _directory
    cdef object _sessions
    cdef object _encode
    cdef object _clock
    cdef object _monotonic
    cdef double _reject_delay_s
    cdef object _threads
    cdef object _limiter
    cdef object _metrics
    cdef object _log
    cdef set _tasks
    cdef long long _waiting
    cdef readonly object _rejects_delayed
    cdef object _reject_timer
    cdef object _verified

    cdef Login _login(self, request)
    cdef object _guarded(self, request, list replies, list missing)
    cdef object _sort(self, Login login, list replies, list missing)
    cdef object _decide(self, Login login, entry, verified, list replies)
    cdef object _reject(self, Login login, reason, str detail, proof, list replies)
    cdef bint _finish(self, request, int code, bytes attributes, list replies)
