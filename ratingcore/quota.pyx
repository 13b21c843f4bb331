# cython: overflowcheck=True
"""The inverse of pricing: how many seconds does an amount buy, under the tariff as it will change?

Between two boundaries (of a band or a tier) a second costs the same, so the walk goes from boundary
to boundary and divides once in each: exact, and never second by second. It works on the exact
fraction before rounding; the caller has turned the amount into the largest fraction that rounds to
it. Where blocks, fees, discounts, bounds, caps or allowances bend that line, the very walk that
will price the time is asked instead: a charge never falls as time passes, so a search finds it.
"""

from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

from ratingcore.charge cimport charge_so_far
from ratingcore.compile cimport METRIC_INPUT_OCTETS, METRIC_SECONDS, BandRow, PriceRow, TierRow
from ratingcore.state cimport Line, assign_state, free_state
from ratingcore.usage cimport follow_line
from ratingcore.wide cimport wide_apportion, wide_take

from ratingcore.errors import AmountError

# most grants are for an hour or so; larger ones double it
cdef int64_t FIRST_TRY = 3_600
# no charge: what is spent when a charge has no place in int64
cdef int64_t NO_PLACE = 0x7FFFFFFFFFFFFFFF

cdef enum:
    # where to look next between what fits and what does not
    HALF = 0
    STRAIGHT = 1            # where the charge would reach the amount on a straight line
    COVERED = 2             # at the end of the block that has begun
    EDGE = 3                # one unit further: nothing costs less than to look there

cdef struct Search:
    # for the most units whose charge fits
    State fits              # where the session stands after the most that is known to fit
    State ahead             # where it stood after the last try
    int metric
    int64_t available
    int64_t charge          # before the grant
    int64_t spent           # of `available`, by what fits; and by the last try that did not
    int64_t spent_ahead


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
    cdef Search search
    cdef Pool fits = None if pool is None else pool.twin()
    cdef Pool ahead = None if pool is None else pool.twin()
    memset(&search, 0, sizeof(Search))
    search.metric, search.available = metric, available
    search.charge = charge_so_far(timeline, state)
    try:
        assign_state(state, &search.fits)
        return _search(timeline, fits, ahead, &search, cap)
    finally:
        free_state(&search.fits)
        free_state(&search.ahead)


cdef int64_t _search(
    Timeline timeline, Pool fits, Pool ahead, Search *search, int64_t cap
) except -1:
    """Double the step as long as all of it fits; then narrow down the first one that does not.

    Each walk begins where the last that fits has ended.
    """
    cdef int64_t low = 0
    cdef int64_t step = min(cap, FIRST_TRY)
    cdef int64_t width, middle
    cdef int guess = STRAIGHT
    while step:
        if not _fits(timeline, fits, ahead, search, step):
            break
        fits, ahead = ahead, fits
        low += step
        step = min(2 * step, cap - low)
    while step > 1:
        width, middle = step, _middle(search, guess, step)
        if _fits(timeline, fits, ahead, search, middle):
            fits, ahead = ahead, fits
            low += middle
            step -= middle
            guess = _next_guess(search, guess)
        else:
            step = middle
            guess = STRAIGHT if step <= width // 2 else HALF
    return low


cdef int64_t _middle(const Search *search, int guess, int64_t step) except -1:
    """Where between what fits and what does not, `step` apart, to look next."""
    cdef int64_t middle = step // 2
    if guess == COVERED:
        middle = _covered(search)
    elif guess == EDGE:
        middle = 1
    elif guess == STRAIGHT and search.spent_ahead != NO_PLACE:
        middle = wide_apportion(
            step, search.available - search.spent, search.spent_ahead - search.spent)
    return min(max(middle, <int64_t>1), step - 1)


cdef int _next_guess(const Search *search, int guess) noexcept:
    """After a guess that fits: to the end of the block that it began, then one beyond; if that
    fits, too, far enough not to go block by block."""
    if guess == EDGE:
        return HALF
    return COVERED if guess != COVERED and _covered(search) > 0 else EDGE


cdef int64_t _covered(const Search *search) noexcept:
    """The seconds ahead that are charged already, with the block that they belong to."""
    cdef const State *state = &search.fits
    if search.metric != METRIC_SECONDS or state.blocks == NULL:
        return 0
    return (state.blocks[METRIC_SECONDS].until
            - (state.until - state.base_at - state.skipped_s))


cdef bint _fits(Timeline timeline, Pool fits, Pool ahead, Search *search, int64_t units) except -1:
    """Would so many units more than what fits cost at most the amount? Then they fit, and the two
    pools are to be swapped. A charge without a place does not."""
    cdef Line line
    cdef State *state = &search.fits
    cdef int64_t spent
    line.from_at = line.until = state.until
    line.input_from = line.input_until = state.input_octets
    line.output_from = line.output_until = state.output_octets
    if search.metric == METRIC_SECONDS:
        line.until += units
    elif search.metric == METRIC_INPUT_OCTETS:
        line.input_until += units
    else:
        line.output_until += units
    assign_state(state, &search.ahead)
    if ahead is not None:
        ahead.take_over(fits)
    try:
        follow_line(timeline, ahead, &search.ahead, &line, line.until)
        spent = charge_so_far(timeline, &search.ahead) - search.charge
    except AmountError:
        spent = NO_PLACE
    if spent > search.available or spent == NO_PLACE:
        search.spent_ahead = spent
        return False
    search.fits, search.ahead = search.ahead, search.fits
    search.spent = spent
    return True


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
