"""C types of facts.py: see setup.py, AS_IT_IS."""

from aaad.policy.standing cimport Standing

cpdef Standing standing_at(directory, sessions, entry, long long now, encode)
