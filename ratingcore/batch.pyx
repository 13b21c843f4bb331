# cython: overflowcheck=False, boundscheck=False, wraparound=False, cdivision=True
"""Whole sessions by the million: arrays in, charges out, no Python object for a row.

Any buffer of 64-bit integers will do: array.array, memoryview, NumPy arrays, Arrow buffers cast to
them. A first walk over the rows checks them and finds what time each tariff must be laid out over;
a second prices them from plain pointers. A tariff with nothing but bands, prices and tiers has a
short way of its own; any other goes through the meter's own walk.

Checks are off here because the first walk has bounded everything: indices come from the timelines'
own rows, seconds lie below 2**32 and octets below 2**62, so sums stay int64; products are 128 bits
wide and checked.
"""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset

from ratingcore.charge cimport charge_so_far
from ratingcore.compile cimport (
    METRIC_INPUT_OCTETS, METRIC_OCTETS, METRIC_SECONDS, BandRow, PriceRow, TierRow, Timeline,
    VersionRow,
)
from ratingcore.pool cimport Pool
from ratingcore.state cimport Line, State, free_state
from ratingcore.usage cimport follow_line
from ratingcore.wide cimport (
    wide_add_product, wide_apportion, wide_divide, wide_narrow, wide_product, wide_t,
)

from ratingcore.calendar import INSTANT_END
from ratingcore.errors import AmountError, QuantityError, RatingError

NOT_RATED = -1
"""What stands in the place of a charge where a row was refused; no charge is negative."""

cdef int64_t SECONDS_MAX = (1 << 32) - 1
cdef int64_t OCTETS_MAX = (1 << 62) - 1
cdef int64_t END = INSTANT_END

cdef extern from *:
    """
    /* Have a line of the cache fetched. gcc leaves out a function that does nothing else, unless it
     * holds an asm. */
    static inline void touch(const void *address)
    {
        __builtin_prefetch(address);
        __asm__ volatile ("");
    }
    """
    void touch(const void *address) noexcept

# how many rows before its own a tariff, and then its tables, are fetched: a row takes some 40 ns
cdef int VIEWS_AHEAD = 16
cdef int TABLES_AHEAD = 8

cdef struct View:
    # one timeline laid out over all the time that its rows need
    int64_t first_at
    int64_t from_at
    int64_t until_at
    Py_ssize_t span_count
    const int64_t *span_starts
    const int32_t *span_bands
    const VersionRow *versions
    const BandRow *bands
    const PriceRow *prices
    const TierRow *tiers
    int64_t common_multiple
    bint plain

cdef struct Rows:
    const int64_t *started_at
    const int64_t *seconds
    const int64_t *input_octets     # NULL: none in any row
    const int64_t *output_octets
    const int32_t *tariff
    const int32_t *pool             # NULL: none for any row
    Py_ssize_t pool_count
    Py_ssize_t count


def rate_batch(
    timelines, *, const int32_t[::1] tariff, const int64_t[::1] started_at,
    const int64_t[::1] seconds, int64_t[::1] charges,
    const int64_t[::1] input_octets=None, const int64_t[::1] output_octets=None,
    pools=(), const int32_t[::1] pool=None,
):
    """Price whole sessions; write the charge of each row, in micros, to `charges`.

    `timelines` is a sequence of Timelines, `tariff` the index in it for each row; instants are
    epoch seconds, octets lie on a straight line. Each session is one occurrence. `pools` is a
    sequence of Pools, `pool` the index in it for each row, -1 for none: rows use them up in their
    order, as they would one after the other. Bonuses are not said.

    Returns [(row, RatingError)] of the rows that were refused: their charge is NOT_RATED, and they
    belong in suspense. Raises QuantityError if the arrays are not equally long.
    """
    cdef Rows rows
    cdef Py_ssize_t index
    cdef list all_timelines = list(timelines)
    cdef list refused = []
    cdef list all_pools = list(pools)
    cdef View *views
    for name, length in (("tariff", tariff.shape[0]), ("started_at", started_at.shape[0]),
                         ("seconds", seconds.shape[0])):
        _require_length(name, length, charges.shape[0])
    rows.count = charges.shape[0]
    rows.input_octets = rows.output_octets = NULL
    rows.pool, rows.pool_count = NULL, len(all_pools)
    if input_octets is not None:
        _require_length("input_octets", input_octets.shape[0], rows.count)
    if output_octets is not None:
        _require_length("output_octets", output_octets.shape[0], rows.count)
    if pool is not None:
        _require_length("pool", pool.shape[0], rows.count)
    if not rows.count:
        return refused
    rows.tariff, rows.started_at, rows.seconds = &tariff[0], &started_at[0], &seconds[0]
    if input_octets is not None:
        rows.input_octets = &input_octets[0]
    if output_octets is not None:
        rows.output_octets = &output_octets[0]
    if pool is not None:
        rows.pool = &pool[0]
    views = <View *>calloc(len(all_timelines) or 1, sizeof(View))
    if views == NULL:
        raise MemoryError
    try:
        _open_views(all_timelines, views)
        _check_rows(&rows, views, len(all_timelines), &charges[0], refused)
        _lay_out(all_timelines, views)
        _rate_rows(all_timelines, all_pools, &rows, views, &charges[0], refused)
    finally:
        free(views)
    refused.sort(key=_row_of)
    return refused


def _require_length(name, length, count):
    if length != count:
        raise QuantityError(f"{name} has {length} rows and charges {count}: make them equal")


def _row_of(refusal):
    return refusal[0]


cdef int _open_views(list timelines, View *views) except -1:
    cdef Timeline timeline
    cdef Py_ssize_t index
    for index in range(len(timelines)):
        timeline = timelines[index]
        views[index].plain = timeline.plain
        views[index].first_at = timeline.version_rows[0].effective_at
        views[index].from_at = END
    return 0


cdef int _check_rows(
    const Rows *rows, View *views, Py_ssize_t view_count, int64_t *charges, list refused
) except -1:
    """Refuse what cannot be rated, and find the time that each tariff's rows cover."""
    cdef Py_ssize_t row
    cdef int64_t at, length, sent, received
    cdef View *view
    for row in range(rows.count):
        at, length = rows.started_at[row], rows.seconds[row]
        sent = rows.input_octets[row] if rows.input_octets != NULL else 0
        received = rows.output_octets[row] if rows.output_octets != NULL else 0
        charges[row] = 0
        if not (
            0 <= rows.tariff[row] < view_count and 0 <= length <= SECONDS_MAX
            and views[rows.tariff[row]].first_at <= at < END and at + length <= END
            and 0 <= sent <= OCTETS_MAX and 0 <= received <= OCTETS_MAX
            and (rows.pool == NULL or -1 <= rows.pool[row] < rows.pool_count)
        ):
            charges[row] = NOT_RATED
            refused.append((row, QuantityError(
                f"row {row} is tariff {rows.tariff[row]} at {at} for {length} s, {sent} octets in, "
                f"{received} out: its tariff does not exist or begins later, its pool does not "
                "exist, or a figure is negative or absurd")))
            continue
        view = &views[rows.tariff[row]]
        if at < view.from_at:
            view.from_at = at
        if at + length >= view.until_at:
            view.until_at = at + length + 1
    return 0


cdef int _lay_out(list timelines, View *views) except -1:
    """Lay out each timeline over its rows, and take its arrays once it stays as it is."""
    cdef Timeline timeline
    cdef View *view
    cdef Py_ssize_t index
    for index in range(len(timelines)):
        view, timeline = &views[index], timelines[index]
        if view.until_at:
            timeline.cover(view.from_at, min(END, view.until_at))
    for index in range(len(timelines)):
        view, timeline = &views[index], timelines[index]
        view.span_count = timeline.span_count
        view.span_starts, view.span_bands = timeline.span_starts, timeline.span_bands
        view.versions, view.bands = timeline.version_rows, timeline.band_rows
        view.prices, view.tiers = timeline.price_rows, timeline.tier_rows
        view.common_multiple = timeline.common_multiple
    return 0


cdef inline void _touch_ahead(const Rows *rows, const View *views, Py_ssize_t row) noexcept:
    """Have what later rows need fetched while this one is priced: tariffs come in any order, so
    that no row finds its own in the cache. Every row must have a tariff that exists."""
    cdef const View *view
    if row + VIEWS_AHEAD < rows.count:
        view = &views[rows.tariff[row + VIEWS_AHEAD]]
        touch(view)
        touch(&view.tiers)
    if row + TABLES_AHEAD < rows.count:
        view = &views[rows.tariff[row + TABLES_AHEAD]]
        touch(view.span_starts)
        touch(view.span_bands)
        touch(view.bands)
        touch(view.versions)
        touch(view.prices)
        touch(view.tiers)


cdef int _rate_rows(
    list timelines, list pools, const Rows *rows, const View *views, int64_t *charges, list refused
) except -1:
    cdef Py_ssize_t row
    cdef int64_t sent, received
    cdef bint pooled
    cdef const View *view
    for row in range(rows.count):
        if not refused:
            _touch_ahead(rows, views, row)
        if charges[row]:
            continue
        view = &views[rows.tariff[row]]
        sent = rows.input_octets[row] if rows.input_octets != NULL else 0
        received = rows.output_octets[row] if rows.output_octets != NULL else 0
        pooled = rows.pool != NULL and rows.pool[row] >= 0
        if view.plain and not pooled:
            if _rate_plain(view, rows.started_at[row], rows.seconds[row], sent, received,
                           &charges[row]):
                charges[row] = NOT_RATED
                refused.append((row, AmountError(
                    f"the charge of row {row} leaves int64 micros: lower the price")))
            continue
        try:
            charges[row] = _rate_fully(
                timelines[rows.tariff[row]], pools[rows.pool[row]] if pooled else None,
                rows.started_at[row], rows.seconds[row], sent, received)
        except RatingError as error:
            charges[row] = NOT_RATED
            refused.append((row, error))
    return 0


cdef int64_t _rate_fully(
    Timeline timeline, Pool pool, int64_t started_at, int64_t seconds, int64_t sent,
    int64_t received,
) except? -1:
    """The meter's walk over one session, without a meter; it uses the pool up if it succeeds."""
    cdef State state
    cdef Pool draft = None if pool is None else pool.twin()
    cdef int64_t charge
    cdef Line line = Line(started_at, started_at + seconds, 0, sent, 0, received)
    memset(&state, 0, sizeof(State))
    state.started_at = state.until = state.base_at = state.cut_at = started_at
    state.occurrences = -1
    try:
        follow_line(timeline, draft, &state, &line, line.until)
        charge = charge_so_far(timeline, &state)
        if pool is not None:
            pool.take_over(draft)
        return charge
    finally:
        free_state(&state)


cdef bint _rate_plain(
    const View *view, int64_t started_at, int64_t seconds, int64_t sent, int64_t received,
    int64_t *charge,
) noexcept:
    """Price one session from boundary to boundary; true if the charge has no place."""
    cdef Py_ssize_t span = _span_at(view, started_at)
    cdef const VersionRow *version = &view.versions[view.bands[view.span_bands[span]].version]
    cdef const BandRow *band
    cdef wide_t exact = 0
    cdef int64_t elapsed = 0
    cdef int64_t sent_before = 0
    cdef int64_t received_before = 0
    cdef int64_t end, sent_now, received_now, units
    cdef int32_t index
    while True:
        end = seconds
        if span + 1 < view.span_count and view.span_starts[span + 1] - started_at < end:
            end = view.span_starts[span + 1] - started_at
        sent_now, received_now = sent, received
        if end < seconds:
            sent_now = wide_apportion(sent, end, seconds) if sent else 0
            received_now = wide_apportion(received, end, seconds) if received else 0
        band = &view.bands[view.span_bands[span]]
        for index in range(band.price_first, band.price_end):
            if _add_price(view, &view.prices[index], &exact, elapsed, end, sent_before, sent_now,
                          received_before, received_now):
                return True
        if end >= seconds:
            break
        elapsed, sent_before, received_before = end, sent_now, received_now
        span += 1
    if wide_narrow(
        wide_divide(exact, wide_product(view.common_multiple, version.unit_micros), version.mode),
        &units,
    ):
        return True
    return wide_narrow(wide_product(units, version.unit_micros), charge)


cdef inline bint _add_price(
    const View *view, const PriceRow *price, wide_t *exact, int64_t elapsed, int64_t end,
    int64_t sent_before, int64_t sent_now, int64_t received_before, int64_t received_now,
) noexcept:
    """Add what one price asks for a stretch; true if the sum overflows."""
    cdef const TierRow *tier
    cdef int64_t low, high, top
    cdef int32_t number = price.tier_end - 1
    if price.metric == METRIC_SECONDS:
        low, high = elapsed, end
    elif price.metric == METRIC_OCTETS:
        low, high = sent_before + received_before, sent_now + received_now
    elif price.metric == METRIC_INPUT_OCTETS:
        low, high = sent_before, sent_now
    else:
        low, high = received_before, received_now
    # from the last tier down: the part of the stretch above each threshold is that tier's
    while low < high:
        tier = &view.tiers[number]
        if tier.from_quantity < high:
            top = tier.from_quantity if tier.from_quantity > low else low
            if wide_add_product(exact, tier.amount_micros, high - top, tier.weight):
                return True
            high = top
        number -= 1
    return False


cdef inline Py_ssize_t _span_at(const View *view, int64_t at) noexcept:
    """The span that holds an instant: the window was laid out to hold it."""
    cdef Py_ssize_t low = 0
    cdef Py_ssize_t high = view.span_count
    cdef Py_ssize_t middle
    while high - low > 1:
        middle = (low + high) >> 1
        if view.span_starts[middle] <= at:
            low = middle
        else:
            high = middle
    return low
