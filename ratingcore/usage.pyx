# cython: overflowcheck=True
"""Counting: a report's straight line, walked from boundary to boundary into the cells of a state.

The only writer of quantities. Row numbers come from the timeline and cell indices from
`cell_count`, so plain pointer access stays inside the arrays; counters are at most 2**62 - 1 (see
`meter`), so their sums stay int64.
"""

from libc.stdint cimport int32_t, uint32_t
from libc.stdlib cimport realloc

from ratingcore.compile cimport (
    METRIC_INPUT_OCTETS, METRIC_OCTETS, METRIC_SECONDS, BandRow, PriceRow, TierRow,
)
from ratingcore.state cimport Cell
from ratingcore.wide cimport wide_apportion


cdef int follow_line(Timeline timeline, State *state, const Line *line, int64_t stop) except -1:
    """Count what was used from the state's instant to `stop`, an instant on the line.

    Octets of a report that took no time belong to the second before it (to the first, at the
    start).
    """
    cdef Py_ssize_t span = state.span
    cdef int64_t at
    if line.from_at == line.until:
        if line.input_until != state.input_octets or line.output_until != state.output_octets:
            at = max(state.base_at, state.until - 1)
            span = timeline.span_at(at, span)
            _use(timeline, state, timeline.span_bands[span], line, line.until)
        return 0
    while state.until < stop:
        span = timeline.span_at(state.until, span)
        at = min(stop, timeline.span_end(span))
        _use(timeline, state, timeline.span_bands[span], line, at)
    state.span = <int32_t>span
    return 0


cdef int _use(
    Timeline timeline, State *state, int32_t band, const Line *line, int64_t at
) except -1:
    """Count up to `at`, all of it in one band."""
    cdef int64_t input_octets = line.input_until
    cdef int64_t output_octets = line.output_until
    cdef int64_t low = 0
    cdef int64_t high = 0
    cdef int32_t index
    cdef BandRow *row = &timeline.band_rows[band]
    if at < line.until:
        input_octets = line.input_from + wide_apportion(
            line.input_until - line.input_from, at - line.from_at, line.until - line.from_at)
        output_octets = line.output_from + wide_apportion(
            line.output_until - line.output_from, at - line.from_at, line.until - line.from_at)
    for index in range(row.price_first, row.price_end):
        metric = timeline.price_rows[index].metric
        if metric == METRIC_SECONDS:
            low, high = state.until - state.base_at, at - state.base_at
        else:
            low, high = 0, 0
            if metric == METRIC_INPUT_OCTETS or metric == METRIC_OCTETS:
                low += state.input_octets - state.base_input
                high += input_octets - state.base_input
            if metric != METRIC_INPUT_OCTETS:
                low += state.output_octets - state.base_output
                high += output_octets - state.base_output
        if low < high:
            _count(timeline, state, &timeline.price_rows[index], low, high, at)
    state.until = at
    state.input_octets = input_octets
    state.output_octets = output_octets
    return 0


cdef int _count(
    Timeline timeline, State *state, const PriceRow *price, int64_t low, int64_t high, int64_t at
) except -1:
    """Count the session's units from `low` to `high` of one price, used until `at`, tier by tier.

    Seconds pass a threshold at a known instant; octets are said to be used over the whole stretch.
    """
    cdef TierRow *tiers = timeline.tier_rows
    cdef int64_t first_s = state.until - state.started_at
    cdef int64_t last_s = at - state.started_at
    cdef int64_t end
    cdef int32_t number = price.tier_end - 1
    cdef Cell *cell
    while tiers[number].from_quantity > low:
        number -= 1
    while low < high:
        end = high
        if number + 1 < price.tier_end:
            end = min(high, tiers[number + 1].from_quantity)
        if price.metric == METRIC_SECONDS:
            last_s = first_s + (end - low)
        cell = _cell(state, number)
        if cell.quantity == cell.cut_quantity:
            cell.first_s = <uint32_t>first_s
        cell.last_s = <uint32_t>last_s
        cell.quantity += end - low
        if price.metric == METRIC_SECONDS:
            first_s = last_s
        low = end
        number += 1
    return 0


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
    state.cells[state.cell_count] = Cell(0, 0, 0, 0, number)
    state.cell_count += 1
    return &state.cells[state.cell_count - 1]
