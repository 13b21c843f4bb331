"""Declarations of wide.h; Cython sees `wide_t` as an opaque integer, never computes with it."""

from libc.stdint cimport int64_t


cdef extern from "wide.h" nogil:
    ctypedef long long wide_t
    enum: WIDE_HALF_EVEN

    wide_t wide_divide(wide_t numerator, wide_t divisor, int mode) noexcept
    wide_t wide_product(int64_t a, int64_t b) noexcept
    int wide_add_product(wide_t *sum, int64_t a, int64_t b, int64_t c) noexcept
    int64_t wide_apportion(int64_t whole, int64_t elapsed, int64_t span) noexcept
    int64_t wide_take(
        wide_t *sum, wide_t limit, int64_t amount, int64_t weight, int64_t units
    ) noexcept
    int wide_accumulate(int64_t *sum, int64_t amount, int64_t count) noexcept
    wide_t wide_share(wide_t value, int64_t numerator, int64_t divisor) noexcept
    wide_t wide_take_off(wide_t *value, wide_t most) noexcept
    int wide_increase(wide_t *sum, wide_t value) noexcept
    wide_t wide_difference(wide_t a, wide_t b) noexcept
    int wide_compare(wide_t a, wide_t b) noexcept
    int wide_narrow(wide_t value, int64_t *out) noexcept
    int wide_numerator_max(int64_t quotient, wide_t divisor, int mode, wide_t *out) noexcept
