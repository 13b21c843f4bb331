"""Latencies in integer buckets: exact up to 64, then 64 buckets for each doubling.

Adding costs a few nanoseconds and no memory, and a percentile is an upper bound that is at most
1/64 too high. Averages are not kept: they hide the tail.
"""

from libc.string cimport memset


cdef inline int _bucket(uint64_t value) noexcept nogil:
    cdef int shift = 0
    while (value >> shift) >= 2 * SUB:
        shift += 1
    cdef int bucket = shift * SUB + <int>(value >> shift)
    return bucket if bucket < BUCKETS else BUCKETS - 1


cdef class Histogram:
    """Counts of values; `unit` is theirs, for whoever prints them."""

    def __cinit__(self, str unit="us"):
        self.unit = unit
        self.clear()

    cdef void add(self, uint64_t value) noexcept nogil:
        self._counts[_bucket(value)] += 1
        self._total += 1
        if value > self._largest:
            self._largest = value

    def record(self, uint64_t value):
        """Count one value."""
        self.add(value)

    def clear(self):
        """Forget all."""
        memset(self._counts, 0, sizeof(self._counts))
        self._total = 0
        self._largest = 0

    @property
    def total(self) -> int:
        """How many values were counted."""
        return self._total

    @property
    def largest(self) -> int:
        """The largest value, exactly."""
        return self._largest

    def at(self, int per_mille) -> int:
        """The value that `per_mille` thousandths of all do not exceed; 0 when nothing was counted.

        Raises ValueError for what is not 1 to 1000.
        """
        if not 1 <= per_mille <= 1000:
            raise ValueError(f"{per_mille} per mille: ask for 1 to 1000")
        cdef uint64_t wanted = (self._total * per_mille + 999) // 1000
        cdef uint64_t seen = 0
        cdef int bucket
        for bucket in range(BUCKETS):
            seen += self._counts[bucket]
            if seen >= wanted and seen:
                return min(_upper(bucket), self._largest)
        return 0


cdef uint64_t _upper(int bucket):
    """The largest value of a bucket. Each octave's lower half belongs to the one before it."""
    cdef int shift = 0
    if bucket >= 2 * SUB:
        shift = bucket // SUB - 1
    cdef uint64_t position = bucket - shift * SUB
    return ((position + 1) << shift) - 1
