"""C types of reply.py: see setup.py, AS_IT_IS."""

cpdef bytes timeout_attribute(session_timeout_s)
cpdef bytes integer(int kind, value)
cpdef bytes octets(int kind, bytes value)
