# cython: overflowcheck=True
"""Pricing: the cells of a state as one exact fraction, rounded once, and its split into segments.

The charge is sum(quantity * amount * weight) / common multiple: one numerator of 128 bits, one
division, one rounding, by the rule of the version in force at the session's start (DESIGN.md,
exactness 6 and 9). A piece's segments are the differences of rounded running totals, so they sum to
its charge exactly.
"""

from libc.stdint cimport int32_t

from ratingcore.compile cimport TierRow
from ratingcore.piece cimport Segment
from ratingcore.state cimport Cell
from ratingcore.wide cimport wide_add_product, wide_divide, wide_narrow, wide_product

from ratingcore.errors import AmountError


cdef int64_t charge_so_far(Timeline timeline, const State *state) except? -1:
    """The rounded charge of all that was counted, in micros."""
    return _rounded(timeline, state, exact_charge(timeline, state, False))


cdef int64_t charge_at_cut(Timeline timeline, const State *state) except? -1:
    """The rounded charge of what had been counted at the last cut, in micros."""
    return _rounded(timeline, state, exact_charge(timeline, state, True))


cdef wide_t exact_charge(Timeline timeline, const State *state, bint at_cut) except? -1:
    """The numerator of the charge over the common multiple, at the last cut or now."""
    cdef wide_t exact = 0
    cdef int64_t quantity
    cdef int32_t index
    for index in range(state.cell_count):
        quantity = state.cells[index].cut_quantity if at_cut else state.cells[index].quantity
        _add(timeline, &exact, state.cells[index].number, quantity)
    return exact


cdef wide_t charge_divisor(Timeline timeline, const State *state) noexcept:
    """What turns the numerator into units of the rounding; below 2**83."""
    return wide_product(timeline.common_multiple, charging_version(timeline, state).unit_micros)


cdef VersionRow *charging_version(Timeline timeline, const State *state) noexcept:
    """The version whose rounding holds for the whole session."""
    return &timeline.version_rows[timeline.version_at(state.started_at)]


cdef Piece make_piece(Timeline timeline, const State *state):
    """What was counted since the last cut, as a record; its segments in the order of first use."""
    cdef wide_t exact = exact_charge(timeline, state, True)
    cdef int64_t before = state.cut_charge
    cdef int64_t after
    cdef list order = _used_cells(state)
    cdef list segments = []
    cdef Piece piece = Piece.__new__(Piece)
    cdef const Cell *cell
    cdef Py_ssize_t index
    for _, _, index in order:
        cell = &state.cells[index]
        _add(timeline, &exact, cell.number, cell.quantity - cell.cut_quantity)
        after = _rounded(timeline, state, exact)
        segments.append(_segment(timeline, state.started_at, cell, after - before))
        before = after
    piece.started_at = state.cut_at
    piece.ended_at = state.until
    piece.input_octets = state.input_octets - state.cut_input
    piece.output_octets = state.output_octets - state.cut_output
    piece.charge_micros = before - state.cut_charge
    piece.segments = tuple(segments)
    return piece


cdef list _used_cells(const State *state):
    """[(first use, number, index)] of the cells used since the last cut, sorted."""
    cdef list order = []
    cdef const Cell *cell
    cdef Py_ssize_t index
    for index in range(state.cell_count):
        cell = &state.cells[index]
        if cell.quantity > cell.cut_quantity:
            order.append((cell.first_s, cell.number, index))
    if len(order) > 1:
        order.sort()
    return order


cdef Segment _segment(Timeline timeline, int64_t started_at, const Cell *cell, int64_t amount):
    cdef TierRow *tier = &timeline.tier_rows[cell.number]
    cdef Segment segment = Segment.__new__(Segment)
    segment.band, segment.metric = timeline.cell_names[cell.number]
    segment.tier_from = tier.from_quantity
    segment.quantity = cell.quantity - cell.cut_quantity
    segment.price_micros = tier.amount_micros
    segment.per = tier.per
    segment.amount_micros = amount
    segment.started_at = started_at + cell.first_s
    segment.ended_at = started_at + cell.last_s
    return segment


cdef int _add(Timeline timeline, wide_t *exact, int32_t number, int64_t quantity) except -1:
    cdef TierRow *tier = &timeline.tier_rows[number]
    if wide_add_product(exact, tier.amount_micros, quantity, tier.weight):
        raise AmountError(
            f"the charge of {quantity} units at {tier.amount_micros} micros per {tier.per} "
            "overflows 128 bits: lower the price or use units that divide each other"
        )
    return 0


cdef int64_t _rounded(Timeline timeline, const State *state, wide_t exact) except? -1:
    cdef VersionRow *version = charging_version(timeline, state)
    cdef int64_t units = 0
    cdef int64_t micros = 0
    if (
        wide_narrow(wide_divide(exact, charge_divisor(timeline, state), version.mode), &units)
        or wide_narrow(wide_product(units, version.unit_micros), &micros)
    ):
        raise AmountError("the session's charge leaves int64 micros: lower the price")
    return micros
