# cython: overflowcheck=True
"""The cells of a state: found or made, and filled unit by unit through the tiers of a price.

Tier numbers come from the timeline and cell indices from `cell_count`, so plain pointer access
stays inside the arrays.
"""

from libc.stdint cimport uint32_t
from libc.stdlib cimport realloc

from ratingcore.compile cimport METRIC_SECONDS, TierRow

# the longest session: a block may end beyond it, which no cell needs to say
cdef int64_t SECONDS_MAX = (1 << 32) - 1


cdef int32_t tier_of(Timeline timeline, const PriceRow *price, int64_t quantity) noexcept:
    """The tier in which the session's unit after `quantity` lies."""
    cdef int32_t number = price.tier_end - 1
    while timeline.tier_rows[number].from_quantity > quantity:
        number -= 1
    return number


cdef int count_units(
    Timeline timeline, State *state, const PriceRow *price,
    int64_t low, int64_t high, int64_t first_s, int64_t last_s,
) except -1:
    """Count the session's units from `low` to `high` of one price, tier by tier.

    Seconds pass a threshold at a known instant; octets are said to be used over the whole stretch.
    """
    cdef TierRow *tiers = timeline.tier_rows
    cdef int32_t number = tier_of(timeline, price, low)
    cdef int64_t end
    while low < high:
        end = high
        if number + 1 < price.tier_end:
            end = min(high, tiers[number + 1].from_quantity)
        if price.metric == METRIC_SECONDS:
            last_s = first_s + (end - low)
        add_to_cell(state, number, end - low, first_s, last_s)
        if price.metric == METRIC_SECONDS:
            first_s = last_s
        low = end
        number += 1
    return 0


cdef Cell *add_to_cell(
    State *state, int32_t number, int64_t quantity, int64_t first_s, int64_t last_s
) except NULL:
    """Add a quantity to the cell of a tier, and say when it was used."""
    cdef Cell *cell = _cell(state, number)
    if cell.quantity == cell.cut_quantity:
        cell.first_s = <uint32_t>min(first_s, SECONDS_MAX)
    cell.last_s = <uint32_t>min(last_s, SECONDS_MAX)
    cell.quantity += quantity
    return cell


cdef Cell *_cell(State *state, int32_t number) except NULL:
    """The cell of that number, made at its first use; few cells, so a scan beats any map."""
    cdef int32_t index
    cdef int32_t room
    cdef Cell *cells
    for index in range(state.cell_count - 1, -1, -1):
        if state.cells[index].number == number:
            return &state.cells[index]
    if state.cell_count == state.cell_room:
        room = state.cell_room * 2 or 1
        cells = <Cell *>realloc(state.cells, room * sizeof(Cell))
        if cells == NULL:
            raise MemoryError
        state.cells, state.cell_room = cells, room
    state.cells[state.cell_count] = Cell(0, 0, 0, 0, 0, 0, number)
    state.cell_count += 1
    return &state.cells[state.cell_count - 1]
