"""Proves that amounts enter exactly or not at all, and that text and rounding lose nothing
unsaid."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratingcore.errors import AmountError, RatingError
from ratingcore.money import (
    DOWN,
    HALF_EVEN,
    HALF_UP,
    ROUNDING_MODES,
    UP,
    exact_int,
    format_amount,
    mul_div,
    parse_amount,
    round_micros,
)
from ratingcore.tariff import Metric
from tests.oracle.rating_clock import round_fraction

INT64_MAX = (1 << 63) - 1
INT64S = st.integers(-INT64_MAX - 1, INT64_MAX)
DECIMAL_MODES = {
    HALF_EVEN: ROUND_HALF_EVEN,
    HALF_UP: ROUND_HALF_UP,
    UP: ROUND_UP,
    DOWN: ROUND_DOWN,
}


class Cents(int):
    pass


@pytest.mark.parametrize(
    "value", [True, False, 1.0, 0.0, float("nan"), Decimal(1), "1", None, Cents(1), [1], Metric]
)
def test_exact_int_refuses_what_is_no_plain_int(value):
    with pytest.raises(AmountError, match=r"price is .*: give a plain int"):
        exact_int(value, "price")


@pytest.mark.parametrize(
    "value", [1 << 63, -(1 << 63) - 1, 1 << 64, pytest.param(10**5000, id="huge")]
)
def test_exact_int_refuses_what_int64_cannot_hold(value):
    with pytest.raises(AmountError, match="must fit in a signed 64-bit integer"):
        exact_int(value, "price")


@pytest.mark.parametrize("value", [0, -1, INT64_MAX, -INT64_MAX - 1])
def test_exact_int_passes_every_int64(value):
    assert exact_int(value, "price") == value


@given(INT64S, INT64S, st.integers(1, INT64_MAX), st.integers(0, 3))
def test_mul_div_is_the_rounded_fraction_or_an_error(a, b, divisor, mode):
    expected = round_fraction(Fraction(a * b, divisor), mode)
    if -(1 << 63) <= expected <= INT64_MAX:
        assert mul_div(a, b, divisor, mode) == expected
    else:
        with pytest.raises(AmountError, match="leaves int64"):
            mul_div(a, b, divisor, mode)


@given(st.integers(-1000, 1000), st.integers(-1000, 1000), st.integers(1, 8), st.integers(0, 3))
def test_mul_div_of_small_numbers_meets_many_ties(a, b, divisor, mode):
    assert mul_div(a, b, divisor, mode) == round_fraction(Fraction(a * b, divisor), mode)


@pytest.mark.parametrize("arguments", [(1, 1, 0, 0), (1, 1, -1, 0), (1, 1, 1, 4), (1, 1, 1, -1)])
def test_mul_div_refuses_a_bad_divisor_or_mode(arguments):
    with pytest.raises(AmountError):
        mul_div(*arguments)


@given(st.integers(-(10**15), 10**15), st.integers(0, 6), st.sampled_from(sorted(DECIMAL_MODES)))
def test_round_micros_agrees_with_decimal(amount, decimals, mode):
    exact = Decimal(amount).scaleb(-6)
    rounded = exact.quantize(Decimal(1).scaleb(-decimals), rounding=DECIMAL_MODES[mode])
    assert round_micros(amount, decimals, mode) == int(rounded.scaleb(6))


def test_round_micros_at_the_edge_of_int64():
    assert round_micros(INT64_MAX, 6, UP) == INT64_MAX
    with pytest.raises(AmountError, match="leaves int64"):
        round_micros(INT64_MAX, 0, UP)
    with pytest.raises(AmountError, match="give 0 to 6"):
        round_micros(1, 7, UP)


def test_rounding_modes_have_their_names():
    assert ROUNDING_MODES == {"half-even": HALF_EVEN, "half-up": HALF_UP, "up": UP, "down": DOWN}


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("2.00", 2_000_000),
        ("0", 0),
        ("-0.5", -500_000),
        ("0.000001", 1),
        ("00012.5", 12_500_000),
        ("9223372036854.775807", INT64_MAX),
        ("-9223372036854.775808", -INT64_MAX - 1),
    ],
)
def test_parse_amount(text, micros):
    assert parse_amount(text) == micros


@pytest.mark.parametrize(
    "text",
    ["", ".5", "5.", "1e3", "+1", " 1", "1\n", "1,5", "1.0000001", "0x1", "--1", "NaN", "\u0661",
     "1_0", "9223372036854.775808", "9" * 5000, 2, 2.0, None, b"1"],
)  # fmt: skip
def test_parse_amount_refuses(text):
    with pytest.raises(AmountError):
        parse_amount(text)


@pytest.mark.parametrize(
    ("micros", "decimals", "text"),
    [
        (2_000_000, 2, "2.00"),
        (1_500, 2, "0.0015"),
        (1_234_567, 2, "1.234567"),
        (-500_000, 2, "-0.50"),
        (-1, 0, "-0.000001"),
        (3_000_000, 0, "3"),
        (0, 6, "0.000000"),
    ],
)
def test_format_amount(micros, decimals, text):
    assert format_amount(micros, decimals) == text


@given(INT64S, st.integers(0, 6))
def test_text_of_an_amount_reads_back(amount, decimals):
    assert parse_amount(format_amount(amount, decimals)) == amount


def test_errors_are_value_errors():
    assert issubclass(AmountError, RatingError)
    assert issubclass(RatingError, ValueError)
