# cython: overflowcheck=True
"""The charge of a session: what its cells cost as one exact fraction, held in bounds, rounded once.

One numerator of 128 bits, one division, one rounding, by the rule of the version in force at the
session's start (DESIGN.md, exactness 6 and 9). What caps and allowances of money took (`settle`) is
counted in whole micros, and comes off the rounded charge.

Bounds are lowered by the discounts on all that held when the session's first usage was counted: so
a discount that holds throughout is as good as one that is taken off after the bounds, and any other
keeps a longer session from costing less.
"""

from libc.stdint cimport int32_t

from ratingcore.compile cimport FREE_WAIVE
from ratingcore.cost cimport add_cells, lowered, round_to
from ratingcore.state cimport (
    ADOPTED, CAPPED, PAID, SETTLED, START_SHIFT, USED, USED_AT_CUT, WAIVED_AT_CUT, Cell,
)
from ratingcore.wide cimport wide_compare, wide_product

cdef int64_t AMOUNT_MAX = 0x7FFFFFFFFFFFFFFF


cdef int64_t charge_so_far(Timeline timeline, const State *state) except? -1:
    """What is charged for all that was counted, in micros."""
    return rounded_total(timeline, state, False) - settled(state, False)


cdef int64_t charge_at_cut(Timeline timeline, const State *state) except? -1:
    """What was charged at the last cut, in micros."""
    return rounded_total(timeline, state, True) - settled(state, True)


cdef int64_t rounded_total(Timeline timeline, const State *state, bint at_cut) except? -1:
    """The rounded charge, at the last cut or now, before caps and allowances of money."""
    cdef wide_t exact = exact_charge(timeline, state, at_cut)
    hold(timeline, state, &exact, at_cut)
    return rounded(timeline, state, exact)


cdef wide_t exact_charge(Timeline timeline, const State *state, bint at_cut) except? -1:
    """The numerator of the charge over the common multiple, at the last cut or now; no bound acts
    on it."""
    cdef wide_t exact = 0
    add_cells(timeline, state, at_cut, &exact, NULL)
    return exact


cdef int64_t settled(const State *state, bint at_cut) except -1:
    """The micros that caps let go and that allowances of money paid."""
    cdef int64_t micros = 0
    cdef const Cell *cell
    cdef int32_t index
    if not state.flags & SETTLED:
        return 0
    for index in range(state.cell_count):
        cell = &state.cells[index]
        if cell.number == CAPPED or cell.number == PAID:
            micros += cell.cut_quantity if at_cut else cell.quantity
    return micros


cdef wide_t charge_divisor(Timeline timeline, const State *state) noexcept:
    """What turns the numerator into units of the rounding; below 2**83."""
    return wide_product(timeline.common_multiple, charging_version(timeline, state).unit_micros)


cdef VersionRow *charging_version(Timeline timeline, const State *state) noexcept:
    """The version whose rounding holds for the whole session."""
    return &timeline.version_rows[timeline.version_at(state.started_at)]


cdef bint is_waived(Timeline timeline, const State *state) noexcept:
    """Is the session so short that its free start waives it?"""
    cdef VersionRow *version
    if timeline.plain or state.flags & ADOPTED:
        return False
    version = charging_version(timeline, state)
    return (version.free_rule == FREE_WAIVE
            and state.until - state.started_at <= version.free_s)


cdef int hold(Timeline timeline, const State *state, wide_t *exact, bint at_cut) except -1:
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
    if used and version.minimum:
        edge = bound_edge(timeline, state, version.minimum)
        if wide_compare(exact[0], edge) < 0:
            exact[0] = edge
            return AT_MINIMUM
    if version.maximum != AMOUNT_MAX:
        edge = bound_edge(timeline, state, version.maximum)
        if wide_compare(exact[0], edge) > 0:
            exact[0] = edge
            return AT_MAXIMUM
    return NO_BOUND


cdef wide_t bound_edge(Timeline timeline, const State *state, int64_t bound) noexcept:
    """A bound of the session as the discounts of its start leave it."""
    if not timeline.discount_count:
        return wide_product(bound, timeline.common_multiple)
    return lowered(
        timeline, timeline.version_at(state.started_at), state.flags >> START_SHIFT, bound)


cdef int64_t rounded(Timeline timeline, const State *state, wide_t exact) except? -1:
    """The fraction as the session's charge is rounded, in micros."""
    cdef VersionRow *version = charging_version(timeline, state)
    return round_to(
        exact, wide_product(timeline.common_multiple, version.unit_micros),
        version.mode, version.unit_micros)
