# cython: overflowcheck=True
"""A meter's state as a whole: copied, freed, cut. The arrays that it owns are named here alone."""

from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy

from ratingcore.compile cimport METRIC_COUNT


cdef int copy_state(const State *source, State *copy) except -1:
    """Make `copy` a state of its own, equal to `source`; what it owned before is not freed."""
    copy[0] = source[0]
    # what the copy does not own yet must not be freed with it
    copy.cells, copy.blocks = NULL, NULL
    copy.cells = <Cell *>_copied(source.cells, source.cell_count * sizeof(Cell))
    copy.cell_room = source.cell_count
    if source.blocks != NULL:
        copy.blocks = <Block *>_copied(source.blocks, METRIC_COUNT * sizeof(Block))
    return 0


cdef int assign_state(const State *source, State *copy) except -1:
    """Make `copy`, a state of its own, equal to `source`, in the memory that it has."""
    cdef Cell *cells = copy.cells
    cdef Block *blocks = copy.blocks
    cdef int32_t room = copy.cell_room
    if room < source.cell_count:
        cells = <Cell *>realloc(cells, source.cell_count * sizeof(Cell))
        if cells == NULL:
            raise MemoryError
        copy.cells, room = cells, source.cell_count
        copy.cell_room = room
    if source.blocks == NULL:
        free(blocks)
        copy.blocks = blocks = NULL
    elif blocks == NULL:
        blocks = <Block *>malloc(METRIC_COUNT * sizeof(Block))
        if blocks == NULL:
            raise MemoryError
    copy[0] = source[0]
    copy.cells, copy.cell_room, copy.blocks = cells, room, blocks
    memcpy(copy.cells, source.cells, source.cell_count * sizeof(Cell))
    if blocks != NULL:
        memcpy(blocks, source.blocks, METRIC_COUNT * sizeof(Block))
    return 0


cdef void free_state(State *state) noexcept:
    free(state.cells)
    free(state.blocks)
    state.cells, state.blocks = NULL, NULL


cdef bint is_open(const State *state) noexcept:
    """Was anything used since the last cut, or counted for a start of zero length?"""
    cdef int32_t index
    for index in range(state.cell_count):
        if state.cells[index].quantity != state.cells[index].cut_quantity:
            return True
    return (
        state.until != state.cut_at
        or state.input_octets != state.cut_input
        or state.output_octets != state.cut_output
    )


cdef int mark_cut(State *state, int64_t charge, bint waived) noexcept:
    """Remember what stands now; `charge` is what was charged since the cut before, `waived` whether
    the session is so short that it is free."""
    cdef int32_t index
    state.cut_at = state.until
    state.cut_input = state.input_octets
    state.cut_output = state.output_octets
    state.cut_charge += charge
    if state.flags & USED:
        state.flags |= USED_AT_CUT
    state.flags = state.flags | WAIVED_AT_CUT if waived else state.flags & ~WAIVED_AT_CUT
    for index in range(state.cell_count):
        state.cells[index].cut_quantity = state.cells[index].quantity
        state.cells[index].cut_micros = state.cells[index].micros
    return 0


cdef size_t owned_octets(const State *state) noexcept:
    """Memory of the arrays."""
    cdef size_t octets = state.cell_room * sizeof(Cell)
    if state.blocks != NULL:
        octets += METRIC_COUNT * sizeof(Block)
    return octets


cdef void *_copied(const void *source, size_t size) except? NULL:
    cdef void *copy
    if not size:
        return NULL
    copy = malloc(size)
    if copy == NULL:
        raise MemoryError
    memcpy(copy, source, size)
    return copy
