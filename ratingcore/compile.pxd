"""The compiled tariff as the meter walks it: rows in C arrays, and spans of real time."""

from libc.stdint cimport int32_t, int64_t

cdef enum:
    # metrics in the order of the tariff's Metric
    METRIC_SECONDS = 0
    METRIC_OCTETS = 1
    METRIC_INPUT_OCTETS = 2
    METRIC_OUTPUT_OCTETS = 3
    METRIC_OCCURRENCES = 4
    METRIC_COUNT = 5
    METRIC_MONEY = 5        # of an allowance of money; no price has it

cdef enum:
    FREE_NONE = 0
    FREE_SKIP = 1
    FREE_WAIVE = 2

cdef struct TierRow:
    int64_t from_quantity
    int64_t amount_micros
    int64_t per
    int64_t weight          # the common multiple divided by per
    int64_t first_block     # length of a block at the session's start that begins in this tier
    int64_t then_block      # and of any other; 1: unit by unit
    int32_t version
    bint rounded            # blocks are rounded by themselves: cells hold what they cost
    bint when_complete      # a block is charged when it is complete, not when it has begun

cdef struct PriceRow:
    int32_t metric
    int32_t tier_first      # index in tiers; that index is the number of the cell
    int32_t tier_end
    bint by_blocks          # some tier has blocks
    int32_t counter         # index of the counter's name that tiers are read over, or -1
    int32_t block_mode
    int64_t block_unit      # micros to which each block's price is rounded; 0: blocks stay exact

cdef struct BandRow:
    int32_t version
    int32_t price_first     # index in prices
    int32_t price_end
    int32_t fee_tier        # number of the cell of the connection fee, or -1
    bint fee_on_zero_length

cdef struct VersionRow:
    int64_t effective_at
    int64_t unit_micros     # 10 ** (6 - decimals)
    int32_t mode
    int32_t band_first      # number of its first band
    int32_t constant_band   # the band of the whole week, or -1
    int64_t minimum         # micros; what a session costs at least, and at most
    int64_t maximum
    int64_t free_s          # at a session's start
    int32_t free_rule
    int32_t discount_first  # index in discounts; bit 0 of a set of them
    int32_t discount_end
    int32_t cap_first       # index in caps
    int32_t cap_end

cdef struct DiscountRow:
    int64_t share_left      # of share_whole; amounts leave all
    int64_t share_whole
    int64_t amount_micros   # once a session
    int64_t above           # the counter lies above this
    int32_t counter         # index of its name, or -1
    int32_t version
    bint covers_all
    bint conditional        # on an entitlement of the pool

cdef struct CapRow:
    int64_t amount_micros
    int32_t counter         # index of the name of what counts it


cdef class Timeline:
    cdef readonly tuple versions
    cdef int64_t common_multiple
    cdef bint plain                 # no blocks, fees, bounds, free starts, occurrences, discounts
    cdef bint has_bonuses
    cdef bint rounds_blocks         # so that an amount may be refused while it is counted
    cdef list counter_names
    cdef int32_t version_count
    cdef int32_t price_count
    cdef int32_t tier_count
    cdef int32_t discount_count
    cdef int32_t cap_count
    cdef VersionRow *version_rows
    cdef BandRow *band_rows
    cdef PriceRow *price_rows
    cdef TierRow *tier_rows
    cdef DiscountRow *discount_rows
    cdef CapRow *cap_rows
    cdef list cell_names            # (band name, metric) of each cell
    cdef list discount_names
    cdef list _zones
    cdef list _schedules            # of each version: its days, as `layout` takes them
    cdef list _fingerprints

    # spans: from span_starts[i] (inclusive) to the next start, the band span_bands[i] holds
    cdef int64_t window_from
    cdef int64_t window_until
    cdef Py_ssize_t span_count
    cdef int64_t *span_starts
    cdef int32_t *span_bands

    cdef Py_ssize_t span_at(self, int64_t at, Py_ssize_t hint) except -1
    cdef int64_t span_end(self, Py_ssize_t index) noexcept
    cdef int32_t version_at(self, int64_t at) noexcept
    cdef int cover(self, int64_t from_at, int64_t until_at) except -1
    cdef int _extend(self, int64_t from_at, int64_t until_at) except -1
    cdef list _spans_between(self, int64_t from_at, int64_t until_at)
    cdef int _set_spans(self, list spans, int64_t from_at, int64_t until_at) except -1
