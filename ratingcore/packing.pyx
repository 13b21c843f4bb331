# cython: overflowcheck=True
"""A meter's state as a few hundred bytes of msgpack, and back: one flat array of integers.

format, version index, fingerprint, started_at; until, base_at and cut_at in seconds after
started_at; counters at `until`, at the base line, at the cut (input, output each); then for every
cell its number, quantity, quantity at the cut, first and last use. A tariff with blocks, fees,
bounds or a free start needs more, and so does a meter with a pool: format 2 has flags, skipped
seconds, occurrences and the number of blocks before the cells, the blocks, and for every cell its
micros, its micros at the cut and its source as well. Where there are discounts, format 3 has their
set for every block and cell besides. What can be computed is not stored. The
fingerprint ties the state to the prices it was counted under: under others it would be charged
wrongly in silence.
"""

import msgpack

from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.stdlib cimport malloc

from ratingcore.charge cimport charge_at_cut
from ratingcore.compile cimport METRIC_COUNT
from ratingcore.money cimport int64_or_raise
from ratingcore.state cimport CAPPED, FLAGS_MAX, NUMBER_MIN, Block, Cell

from ratingcore.errors import RatingError, TariffError
from ratingcore.tariff import DISCOUNTS_MAX

PACK_FORMAT = 1
"""First element of a packed meter; it says what the others mean."""

PACK_FORMAT_FULL = 2
"""The same of a meter under a tariff that is not plain."""

PACK_FORMAT_DISCOUNTS = 3
"""The same of a meter under a tariff with discounts."""

PACK_SIZE_MAX = 1 << 20
"""Octets of a packed meter that are looked at; a real one has a few hundred."""

# elements before the cells, and of each cell
cdef Py_ssize_t HEAD_SIZE = 13
cdef Py_ssize_t CELL_SIZE = 5
# what format 2 has after the head, and of each block and cell
cdef Py_ssize_t MORE_SIZE = 4
cdef Py_ssize_t BLOCK_SIZE = 4
cdef Py_ssize_t FULL_CELL_SIZE = 8
cdef int64_t SECONDS_MAX = (1 << 32) - 1
cdef int64_t DISCOUNT_SETS_MAX = (1 << DISCOUNTS_MAX) - 1


def packed_started_at(bytes data not None):
    """Return the instant from which a packed meter counts: what its timeline is looked up by.

    Raises RatingError if `data` is not what `Meter.pack` makes.
    """
    return _items(data)[3]


cdef bytes pack_state(Timeline timeline, const State *state):
    cdef int32_t version = timeline.version_at(state.until)
    cdef const Cell *cell
    cdef int32_t index
    cdef bint full = not timeline.plain or _is_special(state)
    cdef bint discounts = timeline.discount_count > 0
    cdef list items = [
        PACK_FORMAT_DISCOUNTS if discounts else PACK_FORMAT_FULL if full else PACK_FORMAT,
        version, timeline.fingerprint(version), state.started_at,
        state.until - state.started_at, state.base_at - state.started_at,
        state.cut_at - state.started_at,
        state.input_octets, state.output_octets, state.base_input, state.base_output,
        state.cut_input, state.cut_output,
    ]
    if full:
        _pack_more(state, items, discounts)
    for index in range(state.cell_count):
        cell = &state.cells[index]
        items.extend((cell.number, cell.quantity, cell.cut_quantity, cell.first_s, cell.last_s))
        if full:
            items.extend((cell.micros, cell.cut_micros, cell.source))
        if discounts:
            items.append(cell.discounts)
    return msgpack.packb(items)


cdef bint _is_special(const State *state) noexcept:
    """Is there anything that format 1 cannot say?"""
    cdef int32_t index
    if state.flags or state.occurrences >= 0 or state.skipped_s or state.blocks != NULL:
        return True
    for index in range(state.cell_count):
        if state.cells[index].source:
            return True
    return False


cdef int _pack_more(const State *state, list items, bint discounts) except -1:
    cdef const Block *block
    cdef int32_t index
    cdef int32_t count = METRIC_COUNT if state.blocks != NULL else 0
    items.extend((state.flags, state.skipped_s, state.occurrences, count))
    for index in range(count):
        block = &state.blocks[index]
        items.extend((block.until, block.from_quantity, block.price, block.first_s))
        if discounts:
            items.append(block.discounts)
    return 0


cdef int unpack_state(Timeline timeline, State *state, bytes data) except -1:
    """Fill an empty state; raises RatingError for anything that `pack_state` did not make."""
    cdef list items = _items(data)
    cdef int64_t version = items[1]
    cdef Py_ssize_t cells_at = HEAD_SIZE
    if not PACK_FORMAT <= items[0] <= PACK_FORMAT_DISCOUNTS:
        raise RatingError(
            f"packed meter has format {items[0]}: this engine reads {PACK_FORMAT} to "
            f"{PACK_FORMAT_DISCOUNTS}"
        )
    require_same_prices(timeline, version, items[2])
    state.started_at = items[3]
    if state.started_at < 0 or not 0 <= items[6] <= items[4] <= SECONDS_MAX:
        raise _damaged("its instants do not rise")
    state.until = state.started_at + <int64_t>items[4]
    state.base_at = state.started_at + <int64_t>items[5]
    state.cut_at = state.started_at + <int64_t>items[6]
    state.input_octets, state.output_octets = items[7], items[8]
    state.base_input, state.base_output = items[9], items[10]
    state.cut_input, state.cut_output = items[11], items[12]
    if min(items[5], items[7], items[8]) < 0 or items[5] > items[4]:
        raise _damaged("a counter or the base line is negative or late")
    if max(items[9], items[11]) > items[7] or max(items[10], items[12]) > items[8]:
        raise _damaged("a counter lies below its base line or cut")
    state.occurrences = -1
    if items[0] >= PACK_FORMAT_FULL:
        cells_at = _unpack_more(timeline, state, items)
    _unpack_cells(timeline, state, items, cells_at)
    state.cut_charge = charge_at_cut(timeline, state)
    return 0


cdef int require_same_prices(Timeline timeline, object version, object fingerprint) except -1:
    if not 0 <= version < timeline.version_count:
        raise TariffError(
            f"the meter counted under tariff version {version}, the timeline has "
            f"{timeline.version_count}: give it the versions that the session began with"
        )
    if timeline.fingerprint(version) != fingerprint:
        raise TariffError(
            f"the meter counted under other prices than tariff "
            f"{timeline.versions[version][1].name!r} has up to version {version}: "
            "give it the versions that the session began with"
        )
    return 0


cdef list _items(bytes data):
    if len(data) > PACK_SIZE_MAX:
        raise _damaged(f"it has {len(data)} octets")
    try:
        items = msgpack.unpackb(data)
    except (ValueError, msgpack.UnpackException) as error:
        raise _damaged(f"msgpack says {error!r}") from error
    if not isinstance(items, list) or len(items) < HEAD_SIZE:
        raise _damaged("it is no array of a meter")
    for item in items:
        int64_or_raise(item, "packed meter: an element", RatingError)
    return items


cdef Py_ssize_t _unpack_more(Timeline timeline, State *state, list items) except -1:
    """Read what only format 2 has; return where the cells begin."""
    cdef Py_ssize_t count, start
    cdef int64_t until, from_quantity, price, first_s
    cdef bint with_discounts = items[0] == PACK_FORMAT_DISCOUNTS
    cdef Py_ssize_t size = BLOCK_SIZE + with_discounts
    cdef int64_t discounts = 0
    cdef int32_t index
    if len(items) < HEAD_SIZE + MORE_SIZE:
        raise _damaged("it ends before its flags")
    start = HEAD_SIZE
    flags, count = items[start], items[start + 3]
    state.skipped_s, state.occurrences = items[start + 1], items[start + 2]
    if not (0 <= flags <= FLAGS_MAX and count in (0, METRIC_COUNT) and state.occurrences >= -1
            and 0 <= state.skipped_s <= state.until - state.base_at):
        raise _damaged("flags, skipped seconds or occurrences are none")
    state.flags = flags
    start += MORE_SIZE
    if not count:
        return start
    if len(items) < start + count * size:
        raise _damaged("it ends in a block")
    state.blocks = <Block *>malloc(count * sizeof(Block))
    if state.blocks == NULL:
        raise MemoryError
    for index in range(<int32_t>count):
        until, from_quantity = items[start], items[start + 1]
        price, first_s = items[start + 2], items[start + 3]
        if with_discounts:
            discounts = items[start + 4]
        if not (0 <= from_quantity <= until and -1 <= price < timeline.price_count
                and 0 <= first_s <= SECONDS_MAX and 0 <= discounts <= DISCOUNT_SETS_MAX):
            raise _damaged(f"block {index} contradicts itself")
        if price >= 0 and timeline.price_rows[price].metric != index:
            raise _damaged(f"block {index} has a price of another metric")
        state.blocks[index] = Block(
            until, from_quantity, <int32_t>price, <uint32_t>first_s, <int32_t>discounts)
        start += size
    return start


cdef int _unpack_cells(
    Timeline timeline, State *state, list items, Py_ssize_t cells_at
) except -1:
    cdef bint full = items[0] >= PACK_FORMAT_FULL
    cdef bint with_discounts = items[0] == PACK_FORMAT_DISCOUNTS
    cdef Py_ssize_t size = FULL_CELL_SIZE + with_discounts if full else CELL_SIZE
    cdef int64_t last_max = SECONDS_MAX if full else state.until - state.started_at
    cdef int64_t number, quantity, cut_quantity, first_s, last_s, micros, cut_micros, source
    cdef int64_t discounts = 0
    cdef Py_ssize_t start
    cdef set seen = set()
    if (len(items) - cells_at) % size:
        raise _damaged("a cell is cut off")
    if len(items) == cells_at:
        return 0
    state.cell_room = <int32_t>((len(items) - cells_at) // size)
    state.cells = <Cell *>malloc(state.cell_room * sizeof(Cell))
    if state.cells == NULL:
        raise MemoryError
    micros = cut_micros = source = 0
    for start in range(cells_at, len(items), size):
        number, quantity, cut_quantity = items[start], items[start + 1], items[start + 2]
        first_s, last_s = items[start + 3], items[start + 4]
        if full:
            micros, cut_micros, source = items[start + 5], items[start + 6], items[start + 7]
        if with_discounts:
            discounts = items[start + 8]
        if (
            (number, source, discounts) in seen or source < 0
            or not NUMBER_MIN <= number < timeline.tier_count or (number < 0 and not source)
            or (number == CAPPED and source > timeline.cap_count)
        ):
            raise _damaged(f"cell {number} is unknown or comes twice")
        if not (0 <= cut_quantity <= quantity and 0 <= first_s <= last_s <= last_max
                and 0 <= cut_micros <= micros and 0 <= discounts <= DISCOUNT_SETS_MAX):
            raise _damaged(f"cell {number} contradicts itself")
        seen.add((number, source, discounts))
        state.cells[state.cell_count] = Cell(
            quantity, cut_quantity, micros, cut_micros,
            <uint32_t>first_s, <uint32_t>last_s, <int32_t>number,
            <int32_t>discounts, source)
        state.cell_count += 1
    return 0


cdef object _damaged(str why):
    return RatingError(f"packed meter is damaged, {why}: take the session's state from the store")
