"""C types of records.py."""

cimport cython

from aaad.policy.report cimport Report, read_report
from aaad.radius.decoder cimport Packet, decode
from aaad.server.applicable cimport Accounting, Silence
from ledger.rules.logins cimport canonical_login

cdef long long US

cpdef bytes pack_accounting(str client, str brand, str source, bytes data)
cpdef bytes pack_silence(long long session_id, long long heard_at)
@cython.locals(report=Report)
cpdef Accounting accounting_of(
    Packet packet, long long lsn, long long received_us, str client, object brand, str source,
    bytes body)
