# cython: overflowcheck=True
"""Pricing: the cells of a state as one exact fraction, rounded once, and its split into segments.

The charge is sum(quantity * amount * weight) / common multiple: one numerator of 128 bits, one
division, one rounding, by the rule of the version in force at the session's start (DESIGN.md,
exactness 6 and 9). A piece's segments are the differences of rounded running totals, so they sum to
its charge exactly. Bounds act on the exact sum; what they add or take away is a segment of its own.
"""

from libc.stdint cimport int32_t

from ratingcore.compile cimport FREE_WAIVE, TierRow
from ratingcore.piece cimport Segment
from ratingcore.state cimport ADOPTED, COUNTED, USED, USED_AT_CUT, WAIVED_AT_CUT, Cell
from ratingcore.wide cimport (
    wide_add_product, wide_compare, wide_divide, wide_narrow, wide_product,
)

from ratingcore.errors import AmountError
from ratingcore.tariff import MAXIMUM, MINIMUM, WAIVED

cdef int64_t AMOUNT_MAX = 0x7FFFFFFFFFFFFFFF

cdef enum:
    # what holds a charge
    NO_BOUND = 0
    AT_MINIMUM = 1
    AT_MAXIMUM = 2
    IS_WAIVED = 3

cdef tuple BOUND_NAMES = ("", MINIMUM, MAXIMUM, WAIVED)


cdef int64_t charge_so_far(Timeline timeline, const State *state) except? -1:
    """The rounded charge of all that was counted, in micros."""
    cdef wide_t exact = exact_charge(timeline, state, False)
    _hold(timeline, state, &exact, False)
    return _rounded(timeline, state, exact)


cdef int64_t charge_at_cut(Timeline timeline, const State *state) except? -1:
    """The rounded charge of what had been counted at the last cut, in micros."""
    cdef wide_t exact = exact_charge(timeline, state, True)
    _hold(timeline, state, &exact, True)
    return _rounded(timeline, state, exact)


cdef wide_t exact_charge(Timeline timeline, const State *state, bint at_cut) except? -1:
    """The numerator of the charge over the common multiple, at the last cut or now; no bound acts
    on it."""
    cdef wide_t exact = 0
    cdef const Cell *cell
    cdef int32_t index
    for index in range(state.cell_count):
        cell = &state.cells[index]
        if at_cut:
            _add(timeline, &exact, cell, cell.cut_quantity, cell.cut_micros)
        else:
            _add(timeline, &exact, cell, cell.quantity, cell.micros)
    return exact


cdef int64_t rounded_part(
    Timeline timeline, const PriceRow *price, int32_t number, int64_t units, wide_t *exact
) except? -1:
    """Add units of a tier to the exact price of a block; return that price, rounded."""
    _add_exact(exact, &timeline.tier_rows[number], units)
    return _round_to(
        exact[0], wide_product(timeline.common_multiple, price.block_unit),
        price.block_mode, price.block_unit)


cdef wide_t charge_divisor(Timeline timeline, const State *state) noexcept:
    """What turns the numerator into units of the rounding; below 2**83."""
    return wide_product(timeline.common_multiple, charging_version(timeline, state).unit_micros)


cdef VersionRow *charging_version(Timeline timeline, const State *state) noexcept:
    """The version whose rounding holds for the whole session."""
    return &timeline.version_rows[timeline.version_at(state.started_at)]


cdef Piece make_piece(Timeline timeline, const State *state):
    """What was counted since the last cut, as a record; its segments in the order of first use."""
    cdef wide_t exact = exact_charge(timeline, state, True)
    cdef int64_t charge = charge_so_far(timeline, state) - state.cut_charge
    cdef int64_t left = charge
    cdef int64_t before = 0
    cdef int64_t after
    cdef list order = _used_cells(state)
    cdef list segments = []
    cdef Piece piece = Piece.__new__(Piece)
    cdef const Cell *cell
    cdef Py_ssize_t index
    if order:
        before = _rounded(timeline, state, exact)
    for _, _, _, index in order:
        cell = &state.cells[index]
        _add(timeline, &exact, cell, cell.quantity - cell.cut_quantity,
             cell.micros - cell.cut_micros)
        after = _rounded(timeline, state, exact)
        segments.append(_segment(timeline, state.started_at, cell, after - before))
        left -= after - before
        before = after
    if left:
        segments.append(_bound_segment(timeline, state, exact, left))
    piece.started_at = state.cut_at
    piece.ended_at = state.until
    piece.input_octets = state.input_octets - state.cut_input
    piece.output_octets = state.output_octets - state.cut_output
    piece.charge_micros = charge
    piece.segments = tuple(segments)
    piece.counted = _counted(state)
    piece.impacts = ()
    return piece


cdef tuple _counted(const State *state):
    """(counter id, quantity) by which counters were moved on since the last cut."""
    cdef const Cell *cell
    cdef Py_ssize_t index
    cdef list counted = []
    for index in range(state.cell_count):
        cell = &state.cells[index]
        if cell.number == COUNTED and cell.quantity > cell.cut_quantity:
            counted.append((cell.source, cell.quantity - cell.cut_quantity))
    return tuple(sorted(counted)) if counted else ()


cdef list _used_cells(const State *state):
    """[(first use, number, source, index)] of the cells used since the last cut, sorted."""
    cdef list order = []
    cdef const Cell *cell
    cdef Py_ssize_t index
    for index in range(state.cell_count):
        cell = &state.cells[index]
        if cell.quantity > cell.cut_quantity and cell.number != COUNTED:
            order.append((cell.first_s, cell.number, cell.source, index))
    if len(order) > 1:
        order.sort()
    return order


cdef Segment _segment(Timeline timeline, int64_t started_at, const Cell *cell, int64_t amount):
    cdef TierRow *tier = &timeline.tier_rows[cell.number]
    cdef Segment segment = Segment.__new__(Segment)
    segment.band, segment.metric = timeline.cell_names[cell.number]
    segment.tier_from = tier.from_quantity
    segment.quantity = cell.quantity - cell.cut_quantity
    segment.price_micros = 0 if cell.source else tier.amount_micros
    segment.allowance_id = cell.source
    segment.per = tier.per
    segment.amount_micros = amount
    segment.started_at = started_at + cell.first_s
    segment.ended_at = started_at + cell.last_s
    return segment


cdef Segment _bound_segment(Timeline timeline, const State *state, wide_t exact, int64_t amount):
    """What a bound adds to a piece's usage, or takes from it; or what it no longer does."""
    cdef VersionRow *version = charging_version(timeline, state)
    cdef int bound = _hold(timeline, state, &exact, False)
    cdef wide_t before
    cdef Segment segment = Segment.__new__(Segment)
    if bound == NO_BOUND:
        before = exact_charge(timeline, state, True)
        bound = _hold(timeline, state, &before, True)
    segment.band = ""
    segment.metric = BOUND_NAMES[bound]
    segment.quantity = segment.per = 1
    if bound == AT_MINIMUM:
        segment.price_micros = version.minimum
    elif bound == AT_MAXIMUM:
        segment.price_micros = version.maximum
    segment.amount_micros = amount
    segment.started_at, segment.ended_at = state.cut_at, state.until
    return segment


cdef bint is_waived(Timeline timeline, const State *state) noexcept:
    """Is the session so short that its free start waives it?"""
    cdef VersionRow *version
    if timeline.plain or state.flags & ADOPTED:
        return False
    version = charging_version(timeline, state)
    return (version.free_rule == FREE_WAIVE
            and state.until - state.started_at <= version.free_s)


cdef int _hold(Timeline timeline, const State *state, wide_t *exact, bint at_cut) except -1:
    """Hold the exact charge within the bounds of its session; return which one acted."""
    cdef VersionRow *version
    cdef wide_t edge
    cdef int32_t used = state.flags & (USED_AT_CUT if at_cut else USED)
    if timeline.plain:
        return NO_BOUND
    version = charging_version(timeline, state)
    if state.flags & WAIVED_AT_CUT if at_cut else is_waived(timeline, state):
        exact[0] = 0
        return IS_WAIVED
    edge = wide_product(version.minimum, timeline.common_multiple)
    if used and wide_compare(exact[0], edge) < 0:
        exact[0] = edge
        return AT_MINIMUM
    edge = wide_product(version.maximum, timeline.common_multiple)
    if version.maximum != AMOUNT_MAX and wide_compare(exact[0], edge) > 0:
        exact[0] = edge
        return AT_MAXIMUM
    return NO_BOUND


cdef int _add(
    Timeline timeline, wide_t *exact, const Cell *cell, int64_t quantity, int64_t micros
) except -1:
    """Add what a quantity of a cell costs; nothing if an allowance paid, or if it was but counted.
    """
    cdef TierRow *tier
    if cell.source:
        return 0
    tier = &timeline.tier_rows[cell.number]
    if not tier.rounded:
        return _add_exact(exact, tier, quantity)
    if wide_add_product(exact, micros, timeline.common_multiple, 1):
        raise AmountError("the session's charge overflows 128 bits: lower the price")
    return 0


cdef int _add_exact(wide_t *exact, const TierRow *tier, int64_t quantity) except -1:
    if wide_add_product(exact, tier.amount_micros, quantity, tier.weight):
        raise AmountError(
            f"the charge of {quantity} units at {tier.amount_micros} micros per {tier.per} "
            "overflows 128 bits: lower the price or use units that divide each other"
        )
    return 0


cdef int64_t _rounded(Timeline timeline, const State *state, wide_t exact) except? -1:
    cdef VersionRow *version = charging_version(timeline, state)
    return _round_to(
        exact, wide_product(timeline.common_multiple, version.unit_micros),
        version.mode, version.unit_micros)


cdef int64_t _round_to(wide_t exact, wide_t divisor, int mode, int64_t unit_micros) except? -1:
    cdef int64_t units = 0
    cdef int64_t micros = 0
    if (
        wide_narrow(wide_divide(exact, divisor, mode), &units)
        or wide_narrow(wide_product(units, unit_micros), &micros)
    ):
        raise AmountError("the session's charge leaves int64 micros: lower the price")
    return micros
