# cython: overflowcheck=True
"""The inverse of pricing: how many seconds does an amount buy, under the tariff as it will change?

Between two boundaries (of a band or a tier) a second costs the same, so the walk goes from boundary
to boundary and divides once in each: exact, and never second by second. It works on the exact
fraction before rounding; the caller has turned the amount into the largest fraction that rounds to
it. Where blocks, fees, bounds or allowances bend that line, the very walk that will price the time
is asked instead, and halving finds the longest time: a charge never falls as time passes.
"""

from libc.stdint cimport int32_t

from ratingcore.charge cimport charge_so_far
from ratingcore.compile cimport METRIC_INPUT_OCTETS, METRIC_SECONDS, BandRow, PriceRow, TierRow
from ratingcore.state cimport Line, copy_state, free_state
from ratingcore.usage cimport follow_line
from ratingcore.wide cimport wide_take

from ratingcore.errors import AmountError

# most grants are for an hour or so; larger ones double it
cdef int64_t FIRST_TRY = 3_600


cdef int64_t affordable_seconds(
    Timeline timeline, int64_t at, int64_t used_s, wide_t exact, wide_t limit, int64_t cap_s
) except -1:
    """The longest time from `at`, at most `cap_s`, that keeps the fraction `exact` within `limit`.

    `used_s` are the seconds that the session has counted so far; `exact` does not exceed `limit`.
    """
    cdef int64_t granted = 0
    cdef int64_t spell_s, taken
    cdef Py_ssize_t span = -1
    cdef int32_t number
    while granted < cap_s:
        span = timeline.span_at(at + granted, span)
        spell_s = min(cap_s - granted, timeline.span_end(span) - (at + granted))
        number = _tier_of_seconds(timeline, timeline.span_bands[span], used_s + granted, &spell_s)
        if number < 0:
            granted += spell_s
            continue
        taken = wide_take(
            &exact, limit,
            timeline.tier_rows[number].amount_micros, timeline.tier_rows[number].weight, spell_s,
        )
        granted += taken
        if taken < spell_s:
            break
    return granted


cdef int64_t most_units(
    Timeline timeline, Pool pool, const State *state, int metric, int64_t available, int64_t cap
) except -1:
    """The most seconds from the state's instant on, or octets at it, at most `cap`, whose charge is
    at most `available` above what is charged so far."""
    cdef int64_t charge = charge_so_far(timeline, state)
    cdef int64_t low = 0
    cdef int64_t high = min(cap, FIRST_TRY)
    cdef int64_t middle
    while high < cap and _fits(timeline, pool, state, metric, high, charge, available):
        low, high = high, high + min(high, cap - high)
    high += 1
    while high - low > 1:
        middle = low + (high - low) // 2
        if _fits(timeline, pool, state, metric, middle, charge, available):
            low = middle
        else:
            high = middle
    return low


cdef bint _fits(
    Timeline timeline, Pool pool, const State *state, int metric, int64_t units, int64_t charge,
    int64_t available,
) except -1:
    """Would so many units more cost at most `available`? A charge without a place does not."""
    cdef State ahead
    cdef Line line
    line.from_at = line.until = state.until
    line.input_from = line.input_until = state.input_octets
    line.output_from = line.output_until = state.output_octets
    if metric == METRIC_SECONDS:
        line.until += units
    elif metric == METRIC_INPUT_OCTETS:
        line.input_until += units
    else:
        line.output_until += units
    copy_state(state, &ahead)
    try:
        follow_line(timeline, None if pool is None else pool.twin(), &ahead, &line, line.until)
        return charge_so_far(timeline, &ahead) - charge <= available
    except AmountError:
        return False
    finally:
        free_state(&ahead)


cdef int32_t _tier_of_seconds(
    Timeline timeline, int32_t band, int64_t used_s, int64_t *spell_s
) noexcept:
    """The tier that prices the next second, or -1; shortens the spell to the tier's end.

    Row numbers come from the timeline itself, so they lie inside its arrays.
    """
    cdef BandRow *band_row = &timeline.band_rows[band]
    cdef PriceRow *price
    cdef TierRow *tiers = timeline.tier_rows
    cdef int32_t number
    cdef int32_t index
    for index in range(band_row.price_first, band_row.price_end):
        price = &timeline.price_rows[index]
        if price.metric != METRIC_SECONDS:
            continue
        number = price.tier_end - 1
        while tiers[number].from_quantity > used_s:
            number -= 1
        if number + 1 < price.tier_end:
            spell_s[0] = min(spell_s[0], tiers[number + 1].from_quantity - used_s)
        return number
    return -1
