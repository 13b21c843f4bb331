# cython: overflowcheck=True
"""Amounts: int64 micros in, exact arithmetic with a 128-bit middle, text at the edge.

An amount is a count of micros, 10^-6 of the currency's major unit (DESIGN.md, Money and usage). The
only ways in are `exact_int` and `parse_amount`: Cython truncates a float or bool that is handed to
an int64 parameter without a word, so both look at the object's type first. Nothing here is a float.
"""

import re

from ratingcore.errors import AmountError
from ratingcore.wide cimport wide_divide, wide_narrow, wide_product, wide_t

MICROS = 1_000_000
"""Micros in one major unit of any currency."""

DECIMALS_MAX = 6
"""Decimals of a major unit that micros can say."""

HALF_EVEN = 0
HALF_UP = 1
UP = 2
DOWN = 3

ROUNDING_MODES = {"half-even": HALF_EVEN, "half-up": HALF_UP, "up": UP, "down": DOWN}
"""Rounding modes by their name in price lists; UP is away from zero, DOWN towards it."""

# 19 digits and a sign hold every int64; more is refused before any conversion
cdef int _TEXT_SIZE_MAX = 32
cdef object _AMOUNT = re.compile(r"(-?)([0-9]+)(?:\.([0-9]{1,6}))?")
cdef int64_t[7] _POWERS_OF_TEN = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000]


def exact_int(object value, str name):
    """Return `value` if it is a plain int within int64; the door for every amount.

    Raises AmountError for bool, float, Decimal, text, None, subclasses of int, and what does not
    fit.
    """
    int64_or_raise(value, name, AmountError)
    return value


def mul_div(object a, object b, object divisor, object mode):
    """Return a * b / divisor as an integer, rounded by `mode`; the product may have 128 bits.

    Raises AmountError if an argument is no exact int64, the divisor is below 1, the mode is
    unknown, or the result leaves int64.
    """
    cdef int64_t factor = int64_or_raise(a, "a", AmountError)
    cdef int64_t other = int64_or_raise(b, "b", AmountError)
    cdef int64_t by = int64_or_raise(divisor, "divisor", AmountError)
    cdef int rounding = _mode(mode)
    cdef int64_t result = 0
    if by < 1:
        raise AmountError(f"divisor is {by}: give a positive one")
    if wide_narrow(wide_divide(wide_product(factor, other), by, rounding), &result):
        raise AmountError(f"{a} * {b} / {divisor} leaves int64: use smaller factors")
    return result


def round_micros(object amount_micros, object decimals, object mode):
    """Return the amount rounded to so many decimals of the major unit (0 to 6), still in micros."""
    cdef int64_t amount = int64_or_raise(amount_micros, "amount_micros", AmountError)
    cdef int64_t places = int64_or_raise(decimals, "decimals", AmountError)
    cdef int rounding = _mode(mode)
    cdef int64_t result = 0
    cdef int64_t unit
    cdef wide_t units
    if not 0 <= places <= 6:
        raise AmountError(f"decimals is {places}: give 0 to 6")
    unit = _POWERS_OF_TEN[6 - places]
    units = wide_divide(amount, unit, rounding)
    # the quotient of an int64 by at least 1, moved by at most 1, fits unless unit is 1 (then exact)
    if wide_narrow(wide_product(<int64_t>units, unit), &result):
        raise AmountError(f"{amount} micros rounded to {places} decimals leaves int64")
    return result


def parse_amount(object text):
    """Return the micros of an amount in text: "2.00" is 2_000_000; at most six decimals.

    Raises AmountError for anything else than an optional minus, digits, a point and digits.
    """
    if not isinstance(text, str):
        raise AmountError(f"amount is {_short(text)}, no text: write it as \"2.00\"")
    match = _AMOUNT.fullmatch(text) if len(text) <= _TEXT_SIZE_MAX else None
    if match is None:
        raise AmountError(
            f"amount is {text[:_TEXT_SIZE_MAX]!r}: write digits with at most six decimals, \"2.00\""
        )
    sign, major, minor = match.groups()
    micros = int(major) * MICROS + int((minor or "0").ljust(DECIMALS_MAX, "0"))
    micros = -micros if sign else micros
    if not -(1 << 63) <= micros < 1 << 63:
        raise AmountError(f"amount {text} leaves int64 micros: at most 9223372036854.775807")
    return micros


def format_amount(object amount_micros, object decimals=2):
    """Return the amount as text with at least `decimals` decimals, and more if it has them.

    Nothing is rounded: 1_500 micros are "0.0015" and never "0.00". `parse_amount` reads it back.
    """
    int64_or_raise(amount_micros, "amount_micros", AmountError)
    cdef int64_t places = int64_or_raise(decimals, "decimals", AmountError)
    if not 0 <= places <= 6:
        raise AmountError(f"decimals is {places}: give 0 to 6")
    major, minor = divmod(abs(amount_micros), MICROS)
    fraction = f"{minor:06d}".rstrip("0").ljust(places, "0")
    sign = "-" if amount_micros < 0 else ""
    return f"{sign}{major}.{fraction}" if fraction else f"{sign}{major}"


cdef int _mode(object mode) except -1:
    cdef int64_t number = int64_or_raise(mode, "mode", AmountError)
    if not 0 <= number <= 3:
        raise AmountError(f"mode is {number}: give HALF_EVEN, HALF_UP, UP or DOWN")
    return <int>number


cdef int refuse_int(object value, str name, object error) except -1:
    if type(value) is int:
        raise error(f"{name} is {_short(value)}: it must fit in a signed 64-bit integer")
    raise error(
        f"{name} is {_short(value)}, a {type(value).__name__}: give a plain int (no bool, no float)"
    )


cdef str _short(object value):
    # an int of thousands of digits has no text under Python's own limit, and helps nobody
    if type(value) is int and value.bit_length() > 128:
        return f"an integer of {value.bit_length()} bits"
    return repr(value)[:80]
