# cython: overflowcheck=True
"""Caps and allowances of money: what a charge rises by is charged as long as there is room for it.

They act on the session's rounded charge, stretch by stretch, in whole micros: so a period never
costs more than its cap by a rounding, and where within a stretch the charge rises makes no
difference. Stretches end where a period or an allowance does, as those of the counting walk do.
What a cap let go and what an allowance paid stands in cells of their own, beside what the counters
of the caps counted.
"""

from libc.stdint cimport int32_t

from ratingcore.cells cimport add_to_cell, named_counter
from ratingcore.charge cimport rounded_total
from ratingcore.compile cimport METRIC_MONEY, CapRow, VersionRow
from ratingcore.pool cimport AllowanceRow, CounterRow
from ratingcore.state cimport CAPPED, COUNTED, PAID, SETTLED, Moment

from ratingcore.errors import RatingError


cdef int64_t settle(
    Timeline timeline, Pool pool, State *state, int32_t band, int64_t instant, int64_t before
) except? -1:
    """Settle what the rounded charge rose by from `before`, in one band, as valid at `instant`;
    return what it is now."""
    cdef int64_t after = rounded_total(timeline, state, False)
    cdef int64_t seconds = state.until - state.started_at
    cdef Moment moment = Moment(seconds, seconds, instant, 0)
    cdef int64_t left
    if after == before:
        return after
    if after < before:
        raise RatingError(f"the session's charge falls from {before} to {after}: report this")
    left = _cap(timeline, pool, state, timeline.band_rows[band].version, after - before, &moment)
    if left and pool is not None and pool.has_money:
        _pay(timeline, pool, state, band, left, &moment)
    return after


cdef int64_t _cap(
    Timeline timeline, Pool pool, State *state, int32_t version, int64_t micros,
    const Moment *moment,
) except -1:
    """Hold micros within all caps of a version, and count them; return what is left to charge."""
    cdef VersionRow *row = &timeline.version_rows[version]
    cdef CapRow *cap
    cdef CounterRow *counter
    cdef int64_t left = micros
    cdef int64_t room
    cdef int32_t tightest = -1
    cdef int32_t index
    for index in range(row.cap_first, row.cap_end):
        cap = &timeline.cap_rows[index]
        counter = named_counter(pool, timeline.counter_names[cap.counter], moment.instant)
        room = max(<int64_t>0, cap.amount_micros - counter.counted)
        if room < left:
            left, tightest = room, index
    if tightest >= 0:
        state.flags |= SETTLED
        add_to_cell(state, CAPPED, tightest + 1, micros - left, moment)
    if left:
        for index in range(row.cap_first, row.cap_end):
            cap = &timeline.cap_rows[index]
            counter = named_counter(pool, timeline.counter_names[cap.counter], moment.instant)
            counter.counted += left
            add_to_cell(state, COUNTED, counter.counter_id, left, moment)
    return left


cdef int _pay(
    Timeline timeline, Pool pool, State *state, int32_t band, int64_t micros, const Moment *moment
) except -1:
    """Let allowances of money pay, as far as they go."""
    cdef VersionRow *version = &timeline.version_rows[timeline.band_rows[band].version]
    cdef str name = timeline.versions[timeline.band_rows[band].version][1].bands[
        band - version.band_first].name
    cdef AllowanceRow *row
    cdef int64_t taken
    cdef int32_t index = -1
    while micros:
        index = pool.usable(index + 1, METRIC_MONEY, moment.instant, name)
        if index < 0:
            break
        row = &pool.allowance_rows[index]
        taken = min(row.left, micros)
        row.left -= taken
        micros -= taken
        state.flags |= SETTLED
        add_to_cell(state, PAID, row.allowance_id, taken, moment)
    return 0
