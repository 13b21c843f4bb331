# cython: overflowcheck=True
"""Counting: a report's straight line, walked from boundary to boundary into the cells of a state.

The only writer of quantities. Row numbers come from the timeline and cell indices from
`cell_count`, so plain pointer access stays inside the arrays; counters are at most 2**62 - 1 (see
`meter`), so their sums stay int64. Prices in blocks and what a start costs are `blocks`' part; caps
and allowances of money, which act on what all of it costs, are `settle`'s.
"""

from libc.stdint cimport int32_t, int64_t

from ratingcore.blocks cimport complete_blocks, count_blocks, count_start
from ratingcore.cells cimport count_units, discounts_at
from ratingcore.compile cimport (
    FREE_SKIP, METRIC_INPUT_OCTETS, METRIC_OCCURRENCES, METRIC_OCTETS,
    METRIC_OUTPUT_OCTETS, METRIC_SECONDS, BandRow, PriceRow, VersionRow,
)
from ratingcore.charge cimport charging_version, is_waived, rounded_total
from ratingcore.settle cimport settle, settles
from ratingcore.state cimport ADOPTED, Moment, Stretch
from ratingcore.wide cimport wide_apportion


cdef int follow_line(
    Timeline timeline, Pool pool, State *state, const Line *line, int64_t stop
) except -1:
    """Count what was used from the state's instant to `stop`, an instant on the line.

    Octets of a report that took no time belong to the second before it (to the first, at the
    start).
    """
    cdef Py_ssize_t span = state.span
    cdef bint settling = settles(timeline, pool)
    cdef int64_t total = rounded_total(timeline, state, False) if settling else 0
    cdef int64_t at, instant
    if line.from_at == line.until:
        return _count_at_once(timeline, pool, state, line, settling, total)
    if not timeline.plain and state.until < stop:
        count_start(timeline, pool, state, True)
    while state.until < stop:
        instant = state.until
        span = timeline.span_at(instant, span)
        at = min(stop, timeline.span_end(span))
        if pool is not None:
            at = min(at, pool.border_after(instant))
        _use(timeline, pool, state, timeline.span_bands[span], line, at, instant)
        if settling:
            total = settle(timeline, pool, state, timeline.span_bands[span], instant, total)
    state.span = <int32_t>span
    return 0


cdef int pass_over(
    Timeline timeline, Pool pool, State *state, int64_t instant, int32_t flags
) except -1:
    """Go to an instant without counting anything, and take on more flags.

    A session that is no longer waived then is charged for what it had used, when its free time
    ended.
    """
    cdef bint waived = settles(timeline, pool) and is_waived(timeline, state)
    cdef int64_t total = rounded_total(timeline, state, False) if waived else 0
    cdef int64_t at = min(instant, state.started_at + charging_version(timeline, state).free_s)
    cdef int64_t before = state.until
    state.until = instant
    state.flags |= flags
    if waived and not is_waived(timeline, state):
        timeline.cover(before, instant)
        settle(timeline, pool, state,
               timeline.span_bands[timeline.span_at(at, state.span)], at, total)
    return 0


cdef int _count_at_once(
    Timeline timeline, Pool pool, State *state, const Line *line, bint settling, int64_t total
) except -1:
    """Count what was used in no time."""
    cdef bint moved = (line.input_until != state.input_octets
                       or line.output_until != state.output_octets)
    cdef int64_t at = max(state.base_at, state.until - 1)
    cdef Py_ssize_t span
    if not timeline.plain:
        count_start(timeline, pool, state, moved)
    if not moved and not settling:
        return 0
    span = timeline.span_at(at, state.span)
    if moved:
        _use(timeline, pool, state, timeline.span_bands[span], line, line.until, at)
    if settling:
        settle(timeline, pool, state, timeline.span_bands[span], at, total)
    return 0


cdef inline int _use(
    Timeline timeline, Pool pool, State *state, int32_t band, const Line *line, int64_t at,
    int64_t instant,
) except -1:
    """Count up to `at`, all of it in one band and valid as at `instant`."""
    cdef int64_t input_octets = line.input_until
    cdef int64_t output_octets = line.output_until
    cdef int64_t low, high
    cdef int32_t index
    cdef BandRow *row = &timeline.band_rows[band]
    cdef PriceRow *price
    cdef Stretch stretch
    cdef Moment moment
    if at < line.until:
        input_octets = line.input_from + wide_apportion(
            line.input_until - line.input_from, at - line.from_at, line.until - line.from_at)
        output_octets = line.output_from + wide_apportion(
            line.output_until - line.output_from, at - line.from_at, line.until - line.from_at)
    _measure(timeline, state, &stretch, input_octets, output_octets, at)
    stretch.instant, stretch.discounts = instant, 0
    if timeline.discount_count:
        stretch.discounts = discounts_at(timeline, pool, row.version, instant)
    if state.blocks != NULL:
        complete_blocks(timeline, pool, state, &stretch)
    for index in range(row.price_first, row.price_end):
        price = &timeline.price_rows[index]
        if price.by_blocks:
            count_blocks(timeline, pool, state, index, &stretch)
            continue
        low, high = stretch.low[price.metric], stretch.high[price.metric]
        moment.first_s, moment.last_s = stretch.first_s[price.metric], stretch.last_s
        moment.instant, moment.discounts = instant, stretch.discounts
        if state.blocks != NULL and state.blocks[price.metric].until > low:
            # a block that began in another band has the price of these units
            if price.metric == METRIC_SECONDS:
                moment.first_s += state.blocks[price.metric].until - low
            low = state.blocks[price.metric].until
        if low < high:
            count_units(timeline, pool, state, price, low, high, &moment)
    state.until = at
    state.input_octets = input_octets
    state.output_octets = output_octets
    return 0


cdef int _measure(
    Timeline timeline, State *state, Stretch *stretch, int64_t input_octets,
    int64_t output_octets, int64_t at,
) except -1:
    """The session's units of each metric at both ends of a stretch, free seconds left out."""
    cdef int64_t free_s = 0 if timeline.plain else _free_seconds(timeline, state, at)
    cdef int64_t first_s = state.until - state.started_at
    stretch.low[METRIC_SECONDS] = state.until - state.base_at - state.skipped_s
    state.skipped_s += free_s
    stretch.high[METRIC_SECONDS] = at - state.base_at - state.skipped_s
    stretch.low[METRIC_INPUT_OCTETS] = state.input_octets - state.base_input
    stretch.high[METRIC_INPUT_OCTETS] = input_octets - state.base_input
    stretch.low[METRIC_OUTPUT_OCTETS] = state.output_octets - state.base_output
    stretch.high[METRIC_OUTPUT_OCTETS] = output_octets - state.base_output
    stretch.low[METRIC_OCTETS] = (
        stretch.low[METRIC_INPUT_OCTETS] + stretch.low[METRIC_OUTPUT_OCTETS])
    stretch.high[METRIC_OCTETS] = (
        stretch.high[METRIC_INPUT_OCTETS] + stretch.high[METRIC_OUTPUT_OCTETS])
    # occurrences are counted at the start, never along the way
    stretch.low[METRIC_OCCURRENCES] = stretch.high[METRIC_OCCURRENCES] = 0
    stretch.first_s[METRIC_SECONDS] = first_s + free_s
    stretch.first_s[METRIC_OCTETS] = first_s
    stretch.first_s[METRIC_INPUT_OCTETS] = first_s
    stretch.first_s[METRIC_OUTPUT_OCTETS] = first_s
    stretch.last_s = at - state.started_at
    return 0


cdef int64_t _free_seconds(Timeline timeline, const State *state, int64_t at) noexcept:
    """How many of the seconds up to `at` a free start skips; they always come first."""
    cdef VersionRow *version = &timeline.version_rows[timeline.version_at(state.started_at)]
    if version.free_rule != FREE_SKIP or state.flags & ADOPTED:
        return 0
    return max(<int64_t>0, min(at, state.started_at + version.free_s) - state.until)
