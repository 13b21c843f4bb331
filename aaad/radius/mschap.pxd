"""C types of mschap.py: see setup.py, AS_IT_IS."""

cpdef bytes nt_hash(bytes password)
