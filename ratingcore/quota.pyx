# cython: overflowcheck=True
"""The inverse of pricing: how many seconds does an amount buy, under the tariff as it will change?

Between two boundaries (of a band or a tier) a second costs the same, so the walk goes from boundary
to boundary and divides once in each: exact, and never second by second. It works on the exact
fraction before rounding; the caller has turned the amount into the largest fraction that rounds to
it.
"""

from libc.stdint cimport int32_t

from ratingcore.compile cimport METRIC_SECONDS, BandRow, PriceRow, TierRow
from ratingcore.wide cimport wide_take


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
