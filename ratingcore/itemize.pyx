# cython: overflowcheck=True
"""A piece of a session as a record: its charge itemized in segments, and what bonuses it gives.

Segments are the differences of rounded running totals, so they sum to the charge exactly: usage in
the order of first use, at full prices; then what each discount took off; what a bound adds or takes
away; what each cap let go and what each allowance of money paid. A bonus, too, is the difference of
two rounded totals of the session, so how it was cut makes no difference (DESIGN.md, exactness 7).
"""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free

from ratingcore.charge cimport (
    AT_MAXIMUM, AT_MINIMUM, NO_BOUND, bound_edge, charge_so_far, charging_version, exact_charge,
    hold, rounded, settled,
)
from ratingcore.compile cimport TierRow, VersionRow
from ratingcore.cost cimport add_cells, add_use, round_to
from ratingcore.piece cimport BalanceImpact, Segment
from ratingcore.state cimport CAPPED, COUNTED, PAID, SETTLED, Cell
from ratingcore.wide cimport WIDE_HALF_EVEN, wide_difference, wide_product, wide_t

from ratingcore.errors import AmountError
from ratingcore.tariff import CAP, DISCOUNT, MAXIMUM, MINIMUM, MONEY, WAIVED, MetricOrMoney

# micros to which so many decimals round
cdef tuple _UNITS = tuple(10 ** (6 - decimals) for decimals in range(7))
cdef tuple BOUND_NAMES = ("", MINIMUM, MAXIMUM, WAIVED)


cdef Piece make_piece(Timeline timeline, const State *state):
    """What was counted since the last cut, as a record."""
    cdef wide_t exact = exact_charge(timeline, state, True)
    cdef int64_t charge = charge_so_far(timeline, state) - state.cut_charge
    cdef int64_t left = charge + settled(state, False) - settled(state, True)
    cdef list segments = []
    cdef Piece piece = Piece.__new__(Piece)
    left -= _add_usage(timeline, state, &exact, segments)
    if timeline.discount_count:
        left -= _add_discounts(timeline, state, &exact, segments)
    if left:
        segments.append(_bound_segment(timeline, state, exact, left))
    if state.flags & SETTLED:
        _add_settled(timeline, state, segments)
    piece.started_at = state.cut_at
    piece.ended_at = state.until
    piece.input_octets = state.input_octets - state.cut_input
    piece.output_octets = state.output_octets - state.cut_output
    piece.charge_micros = charge
    piece.segments = tuple(segments)
    piece.counted = _counted(state)
    piece.impacts = _impacts(timeline, state, charge) if timeline.has_bonuses else ()
    return piece


cdef int64_t _add_usage(
    Timeline timeline, const State *state, wide_t *exact, list segments
) except? -1:
    """Add a segment for each cell used; move the running total, return by how much it rises."""
    cdef list order = _used_cells(state)
    cdef int64_t first, before, after
    cdef const Cell *cell
    cdef Py_ssize_t index
    if not order:
        return 0
    first = before = rounded(timeline, state, exact[0])
    for _, _, _, index in order:
        cell = &state.cells[index]
        add_use(timeline, exact, cell, cell.quantity - cell.cut_quantity,
                cell.micros - cell.cut_micros)
        after = rounded(timeline, state, exact[0])
        segments.append(_segment(timeline, state.started_at, cell, after - before))
        before = after
    return before - first


cdef int64_t _add_discounts(
    Timeline timeline, const State *state, wide_t *exact, list segments
) except? -1:
    """Add a segment for each discount that acted; move the running total, return its change."""
    cdef int32_t count = timeline.discount_count
    cdef int64_t first, before, after
    cdef int32_t index
    cdef wide_t total = 0
    cdef wide_t *taken = <wide_t *>calloc(2 * count, sizeof(wide_t))
    if taken == NULL:
        raise MemoryError
    try:
        add_cells(timeline, state, False, &total, taken)
        add_cells(timeline, state, True, &total, &taken[count])
        first = before = rounded(timeline, state, exact[0])
        for index in range(count):
            if taken[index] == taken[count + index]:
                continue
            exact[0] = wide_difference(
                exact[0], wide_difference(taken[index], taken[count + index]))
            after = rounded(timeline, state, exact[0])
            segments.append(_discount_segment(timeline, state, index, after - before))
            before = after
        return before - first
    finally:
        free(taken)


cdef int _add_settled(Timeline timeline, const State *state, list segments) except -1:
    """Add a segment for each cap that let something go, each allowance of money that paid."""
    cdef const Cell *cell
    cdef Py_ssize_t index
    cdef list order = []
    for index in range(state.cell_count):
        cell = &state.cells[index]
        if cell.number <= CAPPED and cell.quantity > cell.cut_quantity:
            order.append((-cell.number, cell.source, index))
    for _, _, index in sorted(order):
        segments.append(_settled_segment(timeline, state, &state.cells[index]))
    return 0


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
        if cell.quantity > cell.cut_quantity and cell.number >= 0:
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


cdef Segment _term_segment(const State *state, str band, str metric, int64_t amount):
    """A segment that is no usage; it is about the piece as a whole."""
    cdef Segment segment = Segment.__new__(Segment)
    segment.band, segment.metric = band, metric
    segment.quantity = segment.per = 1
    segment.amount_micros = amount
    segment.started_at, segment.ended_at = state.cut_at, state.until
    return segment


cdef Segment _discount_segment(
    Timeline timeline, const State *state, int32_t index, int64_t amount
):
    cdef Segment segment = _term_segment(
        state, timeline.discount_names[index], DISCOUNT, amount)
    cdef int32_t version = timeline.discount_rows[index].version
    discount = timeline.versions[version][1].discounts[
        index - timeline.version_rows[version].discount_first]
    segment.price_micros = discount.amount_micros
    if discount.percent_micros:
        segment.price_micros, segment.per = discount.percent_micros, 100
    return segment


cdef Segment _bound_segment(Timeline timeline, const State *state, wide_t exact, int64_t amount):
    """What a bound adds to a piece's usage, or takes from it; or what it no longer does."""
    cdef VersionRow *version = charging_version(timeline, state)
    cdef int bound = hold(timeline, state, &exact, False)
    cdef wide_t before
    cdef Segment segment
    if bound == NO_BOUND:
        before = exact_charge(timeline, state, True)
        bound = hold(timeline, state, &before, True)
    segment = _term_segment(state, "", BOUND_NAMES[bound], amount)
    if bound == AT_MINIMUM:
        segment.price_micros = _in_micros(timeline, bound_edge(timeline, state, version.minimum))
    elif bound == AT_MAXIMUM:
        segment.price_micros = _in_micros(timeline, bound_edge(timeline, state, version.maximum))
    return segment


cdef int64_t _in_micros(Timeline timeline, wide_t edge) except? -1:
    """A bound that discounts may have lowered to a fraction of a micro."""
    return round_to(edge, wide_product(timeline.common_multiple, 1), WIDE_HALF_EVEN, 1)


cdef Segment _settled_segment(Timeline timeline, const State *state, const Cell *cell):
    cdef int64_t micros = cell.quantity - cell.cut_quantity
    cdef Segment segment
    if cell.number == CAPPED:
        segment = _term_segment(
            state, timeline.counter_names[timeline.cap_rows[cell.source - 1].counter], CAP,
            -micros)
        segment.price_micros = timeline.cap_rows[cell.source - 1].amount_micros
        return segment
    segment = _term_segment(state, "", MONEY, -micros)
    segment.quantity, segment.allowance_id = micros, cell.source
    return segment


cdef tuple _impacts(Timeline timeline, const State *state, int64_t charge):
    """What each bonus of the version in force at the session's start gives for the piece."""
    cdef int64_t now, then
    cdef list impacts = []
    bonuses = timeline.versions[timeline.version_at(state.started_at)][1].bonuses
    for bonus in bonuses:
        if bonus.metric == MetricOrMoney.MONEY:
            now, then = state.cut_charge + charge, state.cut_charge
        else:
            now = _bonus_units(timeline, state, bonus, False)
            then = _bonus_units(timeline, state, bonus, True)
        now, then = _given(bonus, now), _given(bonus, then)
        if now != then:
            impacts.append(
                BalanceImpact(bonus.resource, then - now, bonus.gl_code, bonus.tax_code))
    return tuple(impacts)


cdef int64_t _bonus_units(
    Timeline timeline, const State *state, object bonus, bint at_cut
) except? -1:
    """The units that a bonus for usage counts, at the last cut or now."""
    cdef int64_t units = 0
    cdef const Cell *cell
    cdef Py_ssize_t index
    for index in range(state.cell_count):
        cell = &state.cells[index]
        if cell.number < 0:
            continue
        band, metric = timeline.cell_names[cell.number]
        if metric == bonus.metric and (not bonus.bands or band in bonus.bands):
            units += cell.cut_quantity if at_cut else cell.quantity
    return units


cdef int64_t _given(object bonus, int64_t units) except? -1:
    """What a bonus gives for so many units of its metric, or micros charged."""
    cdef int64_t unit_micros = _UNITS[bonus.rounding.decimals]
    try:
        return round_to(
            wide_product(units, bonus.amount_micros), wide_product(bonus.per, unit_micros),
            bonus.rounding.mode, unit_micros)
    except AmountError as error:
        raise AmountError(
            f"a bonus of {bonus.amount_micros} micros of {bonus.resource} per {bonus.per} "
            f"{bonus.metric} leaves int64 at {units}: lower it"
        ) from error
