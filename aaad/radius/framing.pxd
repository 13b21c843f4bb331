"""C types of framing.py: see setup.py, AS_IT_IS."""

cpdef bytes frame_attribute(int number, bytes value)
cpdef bytes frame_vendor_attribute(long long vendor, int number, bytes value)
