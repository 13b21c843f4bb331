"""C types of accounting.py."""

cimport cython

from aaad.radius.decoder cimport Packet
from aaad.radius.signing cimport encode_reply
from aaad.server.applicable cimport Accounting, Silence
from aaad.server.gate cimport Client, Gate, Request
from aaad.server.journal cimport Journal
from aaad.server.peers cimport Peer
from aaad.server.records cimport accounting_of, pack_accounting, pack_silence

cdef int STATUS_SERVER
cdef int ACCOUNTING_RESPONSE


@cython.final
cdef class AccountingHandler:
    cdef Gate _gate
    cdef Journal _journal
    cdef object _applier
    cdef object _clock
    cdef object _monotonic
    cdef object _metrics
    cdef object _log
    cdef object _appended

    @cython.locals(request=Request, replies=list, received_us="long long")
    cpdef object handle(self, object listener, list received)
    @cython.locals(
        appended_lsn="long long", request=Request, replies=list, records=list, now_s=double)
    cpdef object durable(self, long long lsn)
    cdef object _send(self, object listener, list replies)
    cdef object _guarded(self, Request request, long long received_us)
    @cython.locals(client=Client, source=str, body=bytes, record=Accounting, lsn="long long")
    cdef object _append(self, Request request, long long received_us)
    cdef tuple _reply(self, Request request, double now_s)
