"""C types of access.py: see setup.py, AS_IT_IS."""

from aaad.radius.signing cimport encode_reply
from aaad.server.gate cimport Gate, Request

cdef class Login:
    cdef readonly Request request
    cdef readonly bytes user_name
    cdef readonly str login

cdef class Batch:
    cdef public long long now
    cdef public double now_s
    cdef public list replies
    cdef public list missing
    cdef public long long accepts

cdef class AccessHandler:
    cdef Gate _gate
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
    cdef list _missing
    cdef object _fetcher

    cdef Login _login(self, Request request)
    cdef object _sort(self, Login login, bint applied, Batch batch)
    cdef object _verify(self, Login login, entry, Batch batch)
    cdef object _decide(self, Login login, entry, verified, Batch batch)
    cdef object _reject(self, Login login, reason, str detail, proof, Batch batch)
    cdef bint _finish(self, Request request, int code, bytes attributes, Batch batch)
