# cython: overflowcheck=True
"""The cells of a state: found or made, and filled unit by unit through the tiers of a price.

A tier is read over the session's units, or, shifted, over a counter's. Of the units in a tier that
costs anything the pool's allowances take what they can; the price has the rest, lowered by the
discounts that hold then. Row numbers come from the timeline and cell indices from `cell_count`, so
plain pointer access stays inside the arrays.
"""

from libc.stdint cimport uint32_t
from libc.stdlib cimport realloc

from ratingcore.compile cimport METRIC_SECONDS, DiscountRow, TierRow, VersionRow
from ratingcore.pool cimport AllowanceRow, CounterRow
from ratingcore.state cimport COUNTED

from ratingcore.errors import QuantityError

# the longest session: a block may end beyond it, which no cell needs to say
cdef int64_t SECONDS_MAX = (1 << 32) - 1


cdef int32_t discounts_at(
    Timeline timeline, Pool pool, int32_t version, int64_t instant
) except -1:
    """The discounts of a version that hold at an instant, a bit for each."""
    cdef VersionRow *row = &timeline.version_rows[version]
    cdef DiscountRow *discount
    cdef int32_t held = 0
    cdef int32_t index
    cdef str name
    for index in range(row.discount_first, row.discount_end):
        discount = &timeline.discount_rows[index]
        if discount.conditional:
            name = timeline.discount_names[index]
            if pool is None or not pool.entitled(name, instant):
                continue
        if discount.counter >= 0:
            name = timeline.counter_names[discount.counter]
            if named_counter(pool, name, instant).counted <= discount.above:
                continue
        held |= 1 << (index - row.discount_first)
    return held


cdef CounterRow *named_counter(Pool pool, str name, int64_t instant) except NULL:
    """The counter of that name at an instant; a QuantityError names one that is not there."""
    if pool is None:
        raise QuantityError(
            f"the tariff reads the counter {name!r}: begin the meter with a pool that has it")
    return pool.counter_at(name, instant)


cdef int32_t tier_of(Timeline timeline, const PriceRow *price, int64_t quantity) noexcept:
    """The tier in which the unit after `quantity` lies."""
    cdef int32_t number = price.tier_end - 1
    while timeline.tier_rows[number].from_quantity > quantity:
        number -= 1
    return number


cdef int64_t tier_shift(
    Timeline timeline, Pool pool, const PriceRow *price, int64_t low, int64_t instant
) except? -1:
    """What turns the session's unit `low`, and those after it, into where tiers are read."""
    if price.counter < 0:
        return 0
    return named_counter(pool, timeline.counter_names[price.counter], instant).counted - low


cdef int count_units(
    Timeline timeline, Pool pool, State *state, const PriceRow *price,
    int64_t low, int64_t high, Moment *moment,
) except -1:
    """Count the session's units from `low` to `high` of one price, tier by tier.

    Seconds pass a threshold at a known instant, and move the moment on; octets are said to be used
    over the whole stretch.
    """
    cdef TierRow *tiers = timeline.tier_rows
    cdef int64_t start = low
    cdef int64_t shift = 0
    cdef int64_t end, left
    cdef int32_t number
    if price.counter >= 0:
        shift = tier_shift(timeline, pool, price, low, moment.instant)
    number = tier_of(timeline, price, low + shift)
    while low < high:
        end = high
        if number + 1 < price.tier_end:
            end = min(high, tiers[number + 1].from_quantity - shift)
        left = end - low
        if pool is not None:
            left -= use_allowances(timeline, pool, state, price, number, left, moment)
        if left:
            if price.metric == METRIC_SECONDS:
                moment.last_s = moment.first_s + left
            add_to_cell(state, number, 0, left, moment)
            if price.metric == METRIC_SECONDS:
                moment.first_s = moment.last_s
        low = end
        number += 1
    if price.counter >= 0:
        go_on_counting(timeline, pool, state, price, high - start, moment)
    return 0


cdef int64_t use_allowances(
    Timeline timeline, Pool pool, State *state, const PriceRow *price, int32_t number,
    int64_t quantity, Moment *moment,
) except -1:
    """Let allowances pay for units of a tier, as far as they go; return how many they paid.

    Seconds that are paid move the moment on.
    """
    cdef AllowanceRow *row
    cdef int64_t paid = 0
    cdef int64_t taken
    cdef int32_t index = -1
    cdef str band
    if not timeline.tier_rows[number].amount_micros or not pool.allowance_count:
        return 0
    band = timeline.cell_names[number][0]
    while paid < quantity:
        index = pool.usable(index + 1, price.metric, moment.instant, band)
        if index < 0:
            break
        row = &pool.allowance_rows[index]
        taken = min(row.left, quantity - paid)
        row.left -= taken
        paid += taken
        if price.metric == METRIC_SECONDS:
            moment.last_s = moment.first_s + taken
        add_to_cell(state, number, row.allowance_id, taken, moment)
        if price.metric == METRIC_SECONDS:
            moment.first_s = moment.last_s
    return paid


cdef int64_t covered_units(
    Timeline timeline, Pool pool, const PriceRow *price, int32_t number, int64_t instant
) except -1:
    """How many units of a tier the allowances would pay for."""
    cdef int64_t units = 0
    cdef int32_t index
    if pool is None or not timeline.tier_rows[number].amount_micros:
        return 0
    band = timeline.cell_names[number][0]
    index = pool.usable(0, price.metric, instant, band)
    while index >= 0:
        units += min(pool.allowance_rows[index].left, (<int64_t>1 << 62) - units)
        index = pool.usable(index + 1, price.metric, instant, band)
    return units


cdef int go_on_counting(
    Timeline timeline, Pool pool, State *state, const PriceRow *price, int64_t quantity,
    const Moment *moment,
) except -1:
    """Move the price's counter on, and remember by how much."""
    cdef CounterRow *row = pool.counter_at(timeline.counter_names[price.counter], moment.instant)
    row.counted += quantity
    add_to_cell(state, COUNTED, row.counter_id, quantity, moment)
    return 0


cdef Cell *add_to_cell(
    State *state, int32_t number, int64_t source, int64_t quantity, const Moment *moment
) except NULL:
    """Add a quantity to the cell of a tier, of who pays and of the discounts that lower what nobody
    pays; and say when it was used."""
    cdef Cell *cell = _cell(state, number, 0 if source else moment.discounts, source)
    if cell.quantity == cell.cut_quantity:
        cell.first_s = <uint32_t>min(moment.first_s, SECONDS_MAX)
    cell.last_s = <uint32_t>min(moment.last_s, SECONDS_MAX)
    cell.quantity += quantity
    return cell


cdef Cell *_cell(
    State *state, int32_t number, int32_t discounts, int64_t source
) except NULL:
    """The cell, made at its first use; few cells, so a scan beats any map."""
    cdef int32_t index
    cdef int32_t room
    cdef Cell *cell
    cdef Cell *cells
    for index in range(state.cell_count - 1, -1, -1):
        cell = &state.cells[index]
        if cell.number == number and cell.source == source and cell.discounts == discounts:
            return cell
    if state.cell_count == state.cell_room:
        room = state.cell_room * 2 or 1
        cells = <Cell *>realloc(state.cells, room * sizeof(Cell))
        if cells == NULL:
            raise MemoryError
        state.cells, state.cell_room = cells, room
    state.cells[state.cell_count] = Cell(
        0, 0, 0, 0, 0, 0, number, discounts, source)
    state.cell_count += 1
    return &state.cells[state.cell_count - 1]
