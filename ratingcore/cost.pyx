# cython: overflowcheck=True
"""What cells cost, and what discounts take off it: one exact fraction over the common multiple.

Without discounts that is sum(quantity * amount * weight). With them the cells are kept apart in
portions, by tariff version and by the set of discounts that lower them, and each discount of each
version takes its share off the portions it lowers, in the tariff's order; an amount comes off the
first portions of the version in force at the session's start. The common multiple has the divisors
of all percents of a tariff as factors, so every share is exact, and nothing is rounded here but a
block that says so.

A portion that grows never lowers what is left of any: so a longer session never costs less.
"""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc

from ratingcore.compile cimport DiscountRow, TierRow, VersionRow
from ratingcore.state cimport Cell
from ratingcore.wide cimport (
    wide_add_product, wide_divide, wide_increase, wide_narrow, wide_product, wide_share,
    wide_take_off,
)

from ratingcore.errors import AmountError

cdef enum:
    # portions that need no allocation: a session of a day has fewer cells
    FEW = 16

cdef struct Portion:
    wide_t exact
    int32_t version
    int32_t discounts


cdef int add_cells(
    Timeline timeline, const State *state, bint at_cut, wide_t *exact, wide_t *taken
) except -1:
    """Add what all cells cost, at the last cut or now; unless `taken` is NULL, add what each
    discount of the timeline took to its place there."""
    cdef const Cell *cell
    cdef int32_t index
    if timeline.discount_count:
        return _add_portions(timeline, state, at_cut, exact, taken)
    for index in range(state.cell_count):
        cell = &state.cells[index]
        if at_cut:
            add_use(timeline, exact, cell, cell.cut_quantity, cell.cut_micros)
        else:
            add_use(timeline, exact, cell, cell.quantity, cell.micros)
    return 0


cdef int add_use(
    Timeline timeline, wide_t *exact, const Cell *cell, int64_t quantity, int64_t micros
) except -1:
    """Add what a quantity of a cell costs before discounts; nothing if an allowance paid, or if the
    cell is no usage."""
    cdef TierRow *tier
    if cell.source:
        return 0
    tier = &timeline.tier_rows[cell.number]
    if not tier.rounded:
        return _add_exact(exact, tier, quantity)
    if wide_add_product(exact, micros, timeline.common_multiple, 1):
        raise AmountError("the session's charge overflows 128 bits: lower the price")
    return 0


cdef wide_t lowered(
    Timeline timeline, int32_t version, int32_t discounts, int64_t bound
) noexcept:
    """A bound of a session, as a fraction, as those discounts on all leave it."""
    cdef wide_t exact = wide_product(bound, timeline.common_multiple)
    cdef VersionRow *row = &timeline.version_rows[version]
    cdef DiscountRow *discount
    cdef int32_t index
    for index in range(row.discount_first, row.discount_end):
        discount = &timeline.discount_rows[index]
        if not discount.covers_all or not discounts >> (index - row.discount_first) & 1:
            continue
        if discount.amount_micros:
            wide_take_off(&exact, wide_product(discount.amount_micros, timeline.common_multiple))
        else:
            exact = wide_share(exact, discount.share_left, discount.share_whole)
    return exact


cdef int64_t rounded_part(
    Timeline timeline, const PriceRow *price, int32_t number, int64_t units, wide_t *exact
) except? -1:
    """Add units of a tier to the exact price of a block; return that price, rounded."""
    _add_exact(exact, &timeline.tier_rows[number], units)
    return round_to(
        exact[0], wide_product(timeline.common_multiple, price.block_unit),
        price.block_mode, price.block_unit)


cdef int64_t round_to(wide_t exact, wide_t divisor, int mode, int64_t unit_micros) except? -1:
    """The fraction in units of `unit_micros`, as micros."""
    cdef int64_t units = 0
    cdef int64_t micros = 0
    if (
        wide_narrow(wide_divide(exact, divisor, mode), &units)
        or wide_narrow(wide_product(units, unit_micros), &micros)
    ):
        raise AmountError("the session's charge leaves int64 micros: lower the price")
    return micros


cdef int _add_exact(wide_t *exact, const TierRow *tier, int64_t quantity) except -1:
    if wide_add_product(exact, tier.amount_micros, quantity, tier.weight):
        raise AmountError(
            f"the charge of {quantity} units at {tier.amount_micros} micros per {tier.per} "
            "overflows 128 bits: lower the price or use units that divide each other"
        )
    return 0


cdef int _add_portions(
    Timeline timeline, const State *state, bint at_cut, wide_t *exact, wide_t *taken
) except -1:
    """What `add_cells` does, where there are discounts."""
    cdef Portion[FEW] few
    cdef Portion *portions = few
    cdef int32_t count = 0
    cdef int32_t index
    if state.cell_count > FEW:
        portions = <Portion *>malloc(state.cell_count * sizeof(Portion))
        if portions == NULL:
            raise MemoryError
    try:
        for index in range(state.cell_count):
            count = _add_to_portion(
                timeline, &state.cells[index], at_cut, portions, count)
        _take_off(timeline, state, portions, count, taken)
        for index in range(count):
            if wide_increase(exact, portions[index].exact):
                raise AmountError("the session's charge overflows 128 bits: lower the price")
    finally:
        if portions != few:
            free(portions)
    return 0


cdef int32_t _add_to_portion(
    Timeline timeline, const Cell *cell, bint at_cut, Portion *portions, int32_t count
) except -1:
    """Add a cell to its portion, made at the first cell of it; return how many there are.

    Cells stand in the order of their first use, so portions do. Portions are as many as cells at
    most.
    """
    cdef int32_t version, index
    if cell.source:
        return count
    version = timeline.tier_rows[cell.number].version
    for index in range(count):
        if portions[index].version == version and portions[index].discounts == cell.discounts:
            break
    else:
        index, count = count, count + 1
        portions[index] = Portion(0, version, cell.discounts)
    if at_cut:
        add_use(timeline, &portions[index].exact, cell, cell.cut_quantity, cell.cut_micros)
    else:
        add_use(timeline, &portions[index].exact, cell, cell.quantity, cell.micros)
    return count


cdef int _take_off(
    Timeline timeline, const State *state, Portion *portions, int32_t count, wide_t *taken
) except -1:
    """Let each discount take its share or amount off the portions that it lowers."""
    cdef int32_t version = timeline.version_at(state.started_at)
    cdef int32_t discount, index, bit
    cdef DiscountRow *row
    cdef Portion *portion
    cdef wide_t left, off
    for discount in range(timeline.discount_count):
        row = &timeline.discount_rows[discount]
        bit = discount - timeline.version_rows[row.version].discount_first
        if row.amount_micros and row.version != version:
            continue
        left = wide_product(row.amount_micros, timeline.common_multiple)
        for index in range(count):
            portion = &portions[index]
            if portion.version != row.version or not portion.discounts >> bit & 1:
                continue
            off = left
            if not row.amount_micros:
                off = wide_share(
                    portion.exact, row.share_whole - row.share_left, row.share_whole)
            off = wide_take_off(&portion.exact, off)
            if row.amount_micros:
                wide_take_off(&left, off)
            if taken != NULL and wide_increase(&taken[discount], off):
                raise AmountError("the session's charge overflows 128 bits: lower the price")
    return 0
