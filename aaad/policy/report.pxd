"""C types of report.py. Octet counters stay Python's: with Gigawords they need 64 bits unsigned."""

cimport cython

from aaad.radius.decoder cimport Packet

cdef unsigned char ACCT_DELAY_TIME
cdef unsigned char ACCT_INPUT_GIGAWORDS
cdef unsigned char ACCT_INPUT_OCTETS
cdef unsigned char ACCT_MULTI_SESSION_ID
cdef unsigned char ACCT_OUTPUT_GIGAWORDS
cdef unsigned char ACCT_OUTPUT_OCTETS
cdef unsigned char ACCT_SESSION_ID
cdef unsigned char ACCT_SESSION_TIME
cdef unsigned char ACCT_STATUS_TYPE
cdef unsigned char ACCT_TERMINATE_CAUSE
cdef unsigned char CALLED_STATION_ID
cdef unsigned char CALLING_STATION_ID
cdef unsigned char CLASS
cdef unsigned char EVENT_TIMESTAMP
cdef unsigned char FRAMED_IP_ADDRESS
cdef unsigned char NAS_IDENTIFIER
cdef unsigned char NAS_IP_ADDRESS
cdef unsigned char NAS_IPV6_ADDRESS
cdef unsigned char NAS_PORT
cdef unsigned char NAS_PORT_ID
cdef unsigned char USER_NAME
cdef bytes MAGIC
cdef int ABSENT
cdef bytes _NOWHERE
cdef bytes _NOWHERE_6
cdef int START
cdef int INTERIM_UPDATE
cdef int STOP


@cython.final
@cython.no_gc  # of numbers and octets only: it can be in no cycle
cdef class Report:
    cdef readonly long long lsn
    cdef readonly long long received_at
    cdef readonly str client
    cdef readonly str nas
    cdef readonly long long status
    cdef readonly bytes acct_session_id
    cdef readonly bytes user_name
    cdef readonly object session_time_s
    cdef readonly object input_octets
    cdef readonly object output_octets
    cdef readonly bint gigawords
    cdef readonly object event_timestamp_at
    cdef readonly long long delay_s
    cdef readonly long long terminate_cause
    cdef readonly str nas_address
    cdef readonly str nas_port
    cdef readonly str framed_address
    cdef readonly bytes calling_station_id
    cdef readonly bytes called_station_id
    cdef readonly bytes class_
    cdef readonly bytes multi_session_id

    cpdef long long instant(self, long long window_s)
    cpdef bint clock_is_wrong(self, long long window_s)


@cython.final
cdef class _Texts:
    cdef object _make
    cdef dict _texts

    @cython.locals(text=str)
    cdef str of(self, bytes octets)


cdef _Texts _names
cdef _Texts _addresses

cpdef str nas_of(Packet packet, str source)
@cython.locals(value=bytes)
cpdef str nas_address_of(Packet packet, str source)
@cython.locals(report=Report)
cpdef Report read_report(
    Packet packet, long long lsn, long long received_at, str client, str source)
cpdef bint is_session_report(long long status)
@cython.locals(time_s="long long")
cdef int _read_counters(Report report, Packet packet) except -1
@cython.locals(gigawords="long long", octets="long long")
cdef object _octets(Packet packet, unsigned char gigawords_type, unsigned char octets_type)
@cython.locals(values=list, value=bytes)
cdef bytes _class(Packet packet)
cdef str _nas_port(Packet packet)
@cython.locals(value=bytes)
cdef str _framed_address(Packet packet)
cdef str _address_text(bytes packed)
