# cython: overflowcheck=True
"""Increments: usage charged in blocks, whole; and what a session costs for beginning at all.

Blocks follow each other along the session's units of a metric. A block belongs to the band and tier
in force at its first unit; within it that price's tiers are read unit by unit. One that is counted
up is charged whole when it begins, so later stretches pass over what it covers; one that is counted
down stays open, with its price, until it is complete. In one stretch and tier all blocks are alike,
so they are counted by one division.
"""

from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport malloc

from ratingcore.cells cimport (
    add_to_cell, count_units, covered_units, discounts_at, go_on_counting, tier_of, tier_shift,
    use_allowances,
)
from ratingcore.compile cimport (
    METRIC_COUNT, METRIC_OCCURRENCES, METRIC_SECONDS, BandRow, PriceRow, TierRow, VersionRow,
)
from ratingcore.cost cimport rounded_part
from ratingcore.state cimport (
    ADOPTED, FEE_TAKEN, OCCURRED, START_SHIFT, STARTED, USED, Block, Cell, Moment,
)
from ratingcore.wide cimport wide_accumulate, wide_t

from ratingcore.errors import AmountError


cdef int count_start(Timeline timeline, Pool pool, State *state, bint used) except -1:
    """Count the connection fee and the occurrences of the start, once they are due."""
    cdef BandRow *band
    cdef int64_t occurrences = state.occurrences
    cdef Moment moment = Moment(0, 0, state.started_at, 0)
    cdef int32_t held = 0
    cdef int32_t index
    if used:
        state.flags |= USED
        if timeline.discount_count and not state.flags & STARTED:
            _keep_start(timeline, pool, state, state.until)
    if (state.flags & FEE_TAKEN) and (state.flags & OCCURRED):
        return 0
    band = &timeline.band_rows[timeline.span_bands[timeline.span_at(state.started_at, -1)]]
    if timeline.discount_count and (used or band.fee_on_zero_length or occurrences >= 0):
        held = discounts_at(timeline, pool, band.version, state.started_at)
    if not state.flags & FEE_TAKEN and (used or band.fee_on_zero_length):
        state.flags |= FEE_TAKEN
        if band.fee_tier >= 0:
            if timeline.discount_count and not state.flags & STARTED:
                _keep_start(timeline, pool, state, state.started_at)
            moment.discounts = held & _on_all(timeline, band.version)
            add_to_cell(state, band.fee_tier, 0, 1, &moment)
    moment.discounts = held
    if not state.flags & OCCURRED and (used or occurrences >= 0):
        state.flags |= OCCURRED
        if occurrences < 0:
            occurrences = 1
        for index in range(band.price_first, band.price_end):
            if timeline.price_rows[index].metric == METRIC_OCCURRENCES:
                count_units(timeline, pool, state, &timeline.price_rows[index], 0,
                            occurrences, &moment)
    return 0


cdef int _keep_start(Timeline timeline, Pool pool, State *state, int64_t instant) except -1:
    """Remember the discounts on all that lower the session's bounds: those that hold as the first
    of it is counted."""
    cdef int32_t version = timeline.version_at(state.started_at)
    cdef int32_t held = discounts_at(timeline, pool, version, instant)
    state.flags |= STARTED | (held & _on_all(timeline, version)) << START_SHIFT
    return 0


cdef int32_t _on_all(Timeline timeline, int32_t version) noexcept:
    """The discounts of a version that are on all, a bit for each."""
    cdef VersionRow *row = &timeline.version_rows[version]
    cdef int32_t on_all = 0
    cdef int32_t index
    for index in range(row.discount_first, row.discount_end):
        if timeline.discount_rows[index].covers_all:
            on_all |= 1 << (index - row.discount_first)
    return on_all


cdef int count_blocks(
    Timeline timeline, Pool pool, State *state, int32_t index, const Stretch *stretch
) except -1:
    """Count the blocks of one price that begin in a stretch."""
    cdef PriceRow *price = &timeline.price_rows[index]
    cdef int64_t low = stretch.low[price.metric]
    cdef int64_t high = stretch.high[price.metric]
    cdef int64_t start, length, limit, count, shift
    cdef int32_t number
    cdef Moment moment
    cdef Block *block = _block(state, price.metric)
    start = max(low, block.until)
    while start < high:
        shift = tier_shift(timeline, pool, price, start, stretch.instant)
        number = tier_of(timeline, price, start + shift)
        length = timeline.tier_rows[number].then_block
        limit = high
        if number + 1 < price.tier_end:
            limit = min(high, timeline.tier_rows[number + 1].from_quantity - shift)
        count = (limit - start + length - 1) // length
        if start == 0 and not state.flags & ADOPTED:
            length, count = timeline.tier_rows[number].first_block, 1
        moment = Moment(
            stretch.first_s[price.metric], stretch.last_s, stretch.instant, stretch.discounts)
        if price.metric == METRIC_SECONDS:
            moment.first_s += start - low
        if timeline.tier_rows[number].when_complete and start + count * length > high:
            count -= 1
            _open(block, index, start + count * length, length,
                  moment.first_s + (count * length if price.metric == METRIC_SECONDS else 0))
            block.discounts = stretch.discounts
        _charge(timeline, pool, state, price, start, length, count, &moment)
        start += count * length
        if block.price >= 0:
            return 0
        block.until = start
    return 0


cdef int complete_blocks(
    Timeline timeline, Pool pool, State *state, const Stretch *stretch
) except -1:
    """Charge the open blocks that are complete at the end of a stretch, in whatever band."""
    cdef int32_t metric
    cdef Block *block
    cdef Moment moment
    for metric in range(METRIC_COUNT):
        block = &state.blocks[metric]
        if block.price < 0 or stretch.high[metric] < block.until:
            continue
        moment = Moment(block.first_s, stretch.last_s, stretch.instant, block.discounts)
        _charge(
            timeline, pool, state, &timeline.price_rows[block.price], block.from_quantity,
            block.until - block.from_quantity, 1, &moment,
        )
        block.price = -1
    return 0


cdef int _open(
    Block *block, int32_t index, int64_t from_quantity, int64_t length, int64_t first_s
) except -1:
    """A block has begun that is charged when it is complete."""
    block.price = index
    block.from_quantity = from_quantity
    block.until = from_quantity + length
    block.first_s = <uint32_t>min(first_s, <int64_t>0xFFFFFFFF)
    return 0


cdef int _charge(
    Timeline timeline, Pool pool, State *state, const PriceRow *price,
    int64_t start, int64_t length, int64_t count, Moment *moment,
) except -1:
    """Charge `count` blocks in a row, the first of them beginning at `start`, all in one tier."""
    cdef TierRow *tiers = timeline.tier_rows
    cdef Moment when = moment[0]
    cdef int64_t shift, whole, covered
    cdef int32_t number
    if not count:
        return 0
    if not price.block_unit:
        return count_units(timeline, pool, state, price, start, start + count * length, moment)
    while count:
        shift = tier_shift(timeline, pool, price, start, moment.instant)
        number = tier_of(timeline, price, start + shift)
        whole = count
        if number + 1 < price.tier_end:
            whole = min(count, (tiers[number + 1].from_quantity - shift - start) // length)
        covered = covered_units(timeline, pool, price, number, moment.instant)
        if covered:
            # all that allowances pay for, then the block that they pay for in part
            whole = min(whole, covered // length)
        whole = max(whole, <int64_t>1)
        _charge_rounded(timeline, pool, state, price, start, length, whole, &when)
        start += whole * length
        count -= whole
        if price.metric == METRIC_SECONDS:
            when.first_s += whole * length
    return 0


cdef int _charge_rounded(
    Timeline timeline, Pool pool, State *state, const PriceRow *price,
    int64_t start, int64_t length, int64_t count, const Moment *moment,
) except -1:
    """Charge blocks that are rounded: several alike, within one tier and all or none of them paid
    for by allowances; or one, whose parts are the differences of its rounded running totals."""
    cdef TierRow *tiers = timeline.tier_rows
    cdef Moment when = moment[0]
    cdef int64_t shift = tier_shift(timeline, pool, price, start, moment.instant)
    cdef int32_t number = tier_of(timeline, price, start + shift)
    cdef int64_t end = start + length
    cdef int64_t before = 0
    cdef int64_t after, part, left
    cdef wide_t exact = 0
    cdef Cell *cell
    while start < end:
        part = end - start
        if number + 1 < price.tier_end:
            part = min(part, tiers[number + 1].from_quantity - shift - start)
        left = part * count
        if pool is not None:
            left -= use_allowances(timeline, pool, state, price, number, left, &when)
        if left:
            after = rounded_part(timeline, price, number, left // count, &exact)
            if price.metric == METRIC_SECONDS:
                when.last_s = when.first_s + left
            cell = add_to_cell(state, number, 0, left, &when)
            if wide_accumulate(&cell.micros, after - before, count):
                raise AmountError("the session's charge leaves int64 micros: lower the price")
            before = after
            if price.metric == METRIC_SECONDS:
                when.first_s = when.last_s
        start += part
        number += 1
    if price.counter >= 0:
        go_on_counting(timeline, pool, state, price, length * count, moment)
    return 0


cdef Block *_block(State *state, int32_t metric) except NULL:
    """How far a metric is charged; the array is made at the session's first block."""
    cdef int32_t index
    if state.blocks == NULL:
        state.blocks = <Block *>malloc(METRIC_COUNT * sizeof(Block))
        if state.blocks == NULL:
            raise MemoryError
        for index in range(METRIC_COUNT):
            state.blocks[index] = Block(0, 0, -1, 0, 0)
    return &state.blocks[metric]
