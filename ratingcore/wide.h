/* 128-bit middles of money arithmetic: products that would not fit in int64, and their rounding.
 *
 * Plain C, because Cython's overflow checks know nothing of __int128. Every function that can
 * overflow returns 1 when it did and leaves its result untouched; the caller names the amount in an
 * error.
 */
#ifndef RATINGCORE_WIDE_H
#define RATINGCORE_WIDE_H

#include <stdint.h>

typedef __int128 wide_t;

/* the rounding modes, as in Python's decimal module: UP is away from zero, DOWN towards it */
enum { WIDE_HALF_EVEN = 0, WIDE_HALF_UP = 1, WIDE_UP = 2, WIDE_DOWN = 3 };

/* numerator / divisor rounded to an integer; divisor > 0.
 * The step by one cannot overflow: a remainder exists only where divisor >= 2. */
static inline wide_t wide_divide(wide_t numerator, wide_t divisor, int mode)
{
    wide_t quotient;
    wide_t rest;
    if (numerator >= 0 && numerator <= INT64_MAX && divisor <= INT64_MAX) {
        /* the usual charge: one division of the processor instead of a routine of the library */
        quotient = (int64_t)numerator / (int64_t)divisor;
        rest = (int64_t)numerator % (int64_t)divisor;
    } else {
        quotient = numerator / divisor;
        rest = numerator - quotient * divisor;
    }
    if (rest == 0) {
        return quotient;
    }
    int sign = numerator < 0 ? -1 : 1;
    wide_t beyond = rest < 0 ? -rest : rest;
    wide_t missing = divisor - beyond;
    int away;
    switch (mode) {
    case WIDE_UP:
        away = 1;
        break;
    case WIDE_DOWN:
        away = 0;
        break;
    case WIDE_HALF_UP:
        away = beyond >= missing;
        break;
    default:
        away = beyond > missing || (beyond == missing && (quotient & 1));
    }
    return away ? quotient + sign : quotient;
}

/* *sum += a * b * c; 1 on overflow */
static inline int wide_add_product(wide_t *sum, int64_t a, int64_t b, int64_t c)
{
    wide_t product;
    int64_t narrow;
    if (!__builtin_mul_overflow(a, b, &narrow)) {
        /* the usual product: its 128 bits have room for any c */
        product = (wide_t)narrow * c;
    } else if (__builtin_mul_overflow((wide_t)a * b, (wide_t)c, &product)) {
        return 1;
    }
    return __builtin_add_overflow(*sum, product, sum);
}

static inline wide_t wide_product(int64_t a, int64_t b)
{
    return (wide_t)a * b;
}

/* what lies at `elapsed` of `span` on a straight line from 0 to `whole`, rounded down;
 * 0 <= elapsed <= span, span > 0, whole >= 0, so the result fits */
static inline int64_t wide_apportion(int64_t whole, int64_t elapsed, int64_t span)
{
    return (int64_t)((wide_t)whole * elapsed / span);
}

/* take as many of `units` as `limit` leaves room for, each amount * weight; *sum stays <= limit */
static inline int64_t wide_take(wide_t *sum, wide_t limit, int64_t amount, int64_t weight,
                                int64_t units)
{
    wide_t rate = (wide_t)amount * weight;
    if (rate > 0 && (limit - *sum) / rate < units) {
        units = (int64_t)((limit - *sum) / rate);
    }
    *sum += rate * units;
    return units;
}

/* *sum += amount * count; 1 on overflow */
static inline int wide_accumulate(int64_t *sum, int64_t amount, int64_t count)
{
    int64_t product;
    if (__builtin_mul_overflow(amount, count, &product)) {
        return 1;
    }
    return __builtin_add_overflow(*sum, product, sum);
}

/* numerator parts of `divisor` equal ones of a value that the divisor divides;
 * numerator <= divisor */
static inline wide_t wide_share(wide_t value, int64_t numerator, int64_t divisor)
{
    return value / divisor * numerator;
}

/* take away at most `most` (>= 0) from *value (>= 0), not below zero; return how much */
static inline wide_t wide_take_off(wide_t *value, wide_t most)
{
    wide_t taken = most < *value ? most : *value;
    *value -= taken;
    return taken;
}

/* *sum += value; 1 on overflow */
static inline int wide_increase(wide_t *sum, wide_t value)
{
    return __builtin_add_overflow(*sum, value, sum);
}

/* a - b of two that are not negative, so that it fits */
static inline wide_t wide_difference(wide_t a, wide_t b)
{
    return a - b;
}

/* -1, 0 or 1 as a lies below, on or above b */
static inline int wide_compare(wide_t a, wide_t b)
{
    return (a > b) - (a < b);
}

/* 1 if the value does not fit in int64 */
static inline int wide_narrow(wide_t value, int64_t *out)
{
    if (value > INT64_MAX || value < INT64_MIN) {
        return 1;
    }
    *out = (int64_t)value;
    return 0;
}

/* the largest numerator that rounds to at most `quotient` (>= 0) under `mode`; 1 on overflow.
 * The inverse of wide_divide: it turns "what may it cost" into a bound on exact usage. */
static inline int wide_numerator_max(int64_t quotient, wide_t divisor, int mode, wide_t *out)
{
    wide_t edge;
    wide_t factor = quotient;
    if (mode == WIDE_DOWN) {
        factor += 1;
    } else if (mode != WIDE_UP) {
        factor = 2 * factor + 1;
    }
    if (__builtin_mul_overflow(factor, divisor, &edge)) {
        return 1;
    }
    if (mode == WIDE_UP) {
        *out = edge;
    } else if (mode == WIDE_DOWN) {
        *out = edge - 1;
    } else if (mode == WIDE_HALF_EVEN && (quotient & 1) == 0) {
        *out = edge / 2;
    } else {
        *out = (edge - 1) / 2;
    }
    return 0;
}

#endif
