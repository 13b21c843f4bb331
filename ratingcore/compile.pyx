# cython: overflowcheck=True
"""Tariff versions compiled to flat arrays: rows of bands, prices and tiers, and spans of real time.

A `Timeline` is made once for a sequence of tariff versions and shared by all sessions under it.
Bands, prices and tiers are numbered through all versions in order; the number of a tier is the
number of the *cell* in which a meter keeps a quantity. A version appended later only adds numbers
at the end, so the cells of live and of packed meters stay what they were.

Spans are the answer to "which band holds at this instant": one sorted array of UTC instants at
which the band changes (`layout` finds them). The array covers a window that grows on either side
when an instant outside is asked for.
"""

from libc.stdlib cimport calloc, free, malloc

from ratingcore.layout cimport join_spans, lay_out
from ratingcore.money cimport int64_or_raise

from ratingcore.calendar import INSTANT_END, load_zone
from ratingcore.errors import QuantityError, TariffError
from ratingcore.tariff import CONNECTION, Counted, Covers, FreeRule, Increment, Metric, share_left
from ratingcore.versions import check_versions, common_multiple, fingerprints
from ratingcore.week import DatedDays, day_schedule, is_dated

cdef int64_t END = INSTANT_END
# a first window of 64 days is some hundred spans; later growth doubles, so it stays linear in all
cdef int64_t WINDOW_STEP_S = 64 * 86_400
cdef dict METRIC_NUMBERS = {metric: number for number, metric in enumerate(Metric)}
cdef dict FREE_RULES = {FreeRule.SKIP: FREE_SKIP, FreeRule.WAIVE: FREE_WAIVE}
cdef object UNIT_BY_UNIT = Increment(1, 1)
# what no charge reaches: a session without a maximum
cdef int64_t AMOUNT_MAX = 0x7FFFFFFFFFFFFFFF


def compile_timeline(versions, *, until_at=None):
    """Return the Timeline of tariff versions [(effective_at, tariff)], instants strictly rising.

    Each version holds from its instant until the next one's; the last has no end. Spans are found
    when first needed; with `until_at` (epoch seconds) those of the 64 days before it are found now.

    Raises TariffError with every finding of every version, or if the versions do not rise, differ
    in currency, or have units without a common multiple in int64.
    """
    cdef Timeline timeline = Timeline(tuple(versions))
    if until_at is not None:
        timeline.warm(until_at)
    return timeline


cdef class Timeline:
    """Compiled tariff versions; immutable but for the window of spans laid out so far."""

    def __cinit__(self):
        self.version_rows = NULL
        self.band_rows = NULL
        self.price_rows = NULL
        self.tier_rows = NULL
        self.discount_rows = NULL
        self.cap_rows = NULL
        self.span_starts = NULL
        self.span_bands = NULL

    def __dealloc__(self):
        free(self.version_rows)
        free(self.band_rows)
        free(self.price_rows)
        free(self.tier_rows)
        free(self.discount_rows)
        free(self.cap_rows)
        free(self.span_starts)
        free(self.span_bands)

    def __init__(self, versions):
        if self.version_rows != NULL:
            raise TariffError("timeline is compiled already: make a new one")
        check_versions(versions)
        self.versions = versions
        self.common_multiple = common_multiple(versions)
        self.cell_names = []
        self.counter_names = []
        self.discount_names = []
        self._zones = [load_zone(tariff.zone) for _, tariff in versions]
        self._schedules = []
        self._fingerprints = fingerprints(versions)
        self._allocate()
        self._fill()
        self._open_window()

    @property
    def currency(self):
        """The currency of every version."""
        return self.versions[0][1].currency

    @property
    def by_time(self):
        """Whether no price asks for octets: what a session costs depends on time alone."""
        cdef int32_t index
        for index in range(self.price_count):
            if METRIC_OCTETS <= self.price_rows[index].metric <= METRIC_OUTPUT_OCTETS:
                return False
        return True

    def warm(self, until_at):
        """Lay out the spans of the 64 days before `until_at` now; no session waits for it."""
        cdef int64_t until = int64_or_raise(until_at, "until_at", QuantityError)
        cdef int64_t first = self.version_rows[0].effective_at
        if until > first:
            self.cover(max(first, until - WINDOW_STEP_S), until)

    def spans(self, from_at, until_at):
        """Return [(instant, version index, band name)] at which bands begin in [from_at, until_at).

        The first entry is at `from_at` with the band that holds there.
        """
        cdef int64_t at = int64_or_raise(from_at, "from_at", QuantityError)
        cdef int64_t until = int64_or_raise(until_at, "until_at", QuantityError)
        cdef BandRow band
        cdef Py_ssize_t index
        found = []
        self.cover(at, until)
        while at < until:
            index = self.span_at(at, 0)
            band = self.band_rows[self.span_bands[index]]
            number = self.span_bands[index] - self.version_rows[band.version].band_first
            found.append((at, band.version, self.versions[band.version][1].bands[number].name))
            at = self.span_end(index)
        return found

    def fingerprint(self, version_index):
        """Return a checksum of the prices of all versions up to that one.

        A packed meter carries it, so that it cannot be continued under other prices by mistake. It
        is made of what prices say, not of names or codes, and stays when versions are appended.
        """
        return self._fingerprints[version_index]

    # The row arrays are filled once by __init__; indices that are read from rows were written
    # there, and span indices come from span_at, so plain pointer access stays inside the arrays.

    cdef Py_ssize_t span_at(self, int64_t at, Py_ssize_t hint) except -1:
        """The index of the span that holds `at`; `hint`, any number, is where it was last."""
        cdef Py_ssize_t low, high, middle
        if at < self.window_from or at >= self.window_until:
            self.cover(at, at + 1)
        if 0 <= hint < self.span_count and self.span_starts[hint] <= at:
            if hint + 1 == self.span_count or at < self.span_starts[hint + 1]:
                return hint
        low, high = 0, self.span_count
        while high - low > 1:
            middle = (low + high) // 2
            if self.span_starts[middle] <= at:
                low = middle
            else:
                high = middle
        return low

    cdef int64_t span_end(self, Py_ssize_t index) noexcept:
        """Where the span ends; for the last one the end of the window, where it may go on."""
        if index + 1 < self.span_count:
            return self.span_starts[index + 1]
        return self.window_until

    cdef int32_t version_at(self, int64_t at) noexcept:
        cdef int32_t index = self.version_count - 1
        while index > 0 and self.version_rows[index].effective_at > at:
            index -= 1
        return index

    cdef int cover(self, int64_t from_at, int64_t until_at) except -1:
        """Make sure that the window holds [from_at, until_at)."""
        if from_at >= self.window_from and until_at <= self.window_until:
            return 0
        if from_at < self.version_rows[0].effective_at:
            raise QuantityError(
                f"usage at {from_at} lies before the first tariff version, effective at "
                f"{self.version_rows[0].effective_at}: give an earlier version, or a base line"
            )
        if until_at > END:
            raise QuantityError(f"usage until {until_at} lies beyond {END}: check the clock")
        return self._extend(from_at, until_at)

    cdef int _extend(self, int64_t from_at, int64_t until_at) except -1:
        """Widen the window. The zone's Python code may let another thread in, so the window is read
        once and replaced whole: whoever comes last leaves a window that is right, if narrower."""
        cdef int64_t first = self.version_rows[0].effective_at
        cdef int64_t old_from = self.window_from
        cdef int64_t old_until = self.window_until
        cdef int64_t step = max(WINDOW_STEP_S, old_until - old_from)
        cdef int64_t new_from, new_until
        cdef Py_ssize_t index
        spans = [(self.span_starts[index], self.span_bands[index])
                 for index in range(self.span_count)]
        if not spans:
            old_from = old_until = max(first, from_at - WINDOW_STEP_S // 2)
        new_from, new_until = old_from, old_until
        if from_at < old_from:
            new_from = max(first, from_at - WINDOW_STEP_S // 2)
        if until_at > old_until:
            new_until = min(END, max(until_at, old_until + step))
        spans = join_spans(self._spans_between(new_from, old_from), spans)
        spans = join_spans(spans, self._spans_between(old_until, new_until))
        return self._set_spans(spans, new_from, new_until)

    cdef list _spans_between(self, int64_t from_at, int64_t until_at):
        """The spans [(start, band number)] of [from_at, until_at), neighbours different."""
        cdef list spans = []
        cdef VersionRow version
        cdef int64_t start, end
        cdef int32_t index
        for index in range(self.version_count):
            version = self.version_rows[index]
            start = max(from_at, version.effective_at)
            end = until_at
            if index + 1 < self.version_count:
                end = min(end, self.version_rows[index + 1].effective_at)
            if start >= end:
                continue
            if version.constant_band >= 0:
                spans.append((start, version.constant_band))
            else:
                laid = lay_out(self._zones[index], self._schedules[index], start, end)
                spans = join_spans(spans, laid)
        return spans

    cdef int _set_spans(self, list spans, int64_t from_at, int64_t until_at) except -1:
        cdef Py_ssize_t count = len(spans)
        cdef int64_t *starts = <int64_t *>malloc((count or 1) * sizeof(int64_t))
        cdef int32_t *bands = <int32_t *>malloc((count or 1) * sizeof(int32_t))
        cdef Py_ssize_t index = 0
        if starts == NULL or bands == NULL:
            free(starts)
            free(bands)
            raise MemoryError
        for start, band in spans:
            starts[index] = start
            bands[index] = band
            index += 1
        self.span_starts, starts = starts, self.span_starts
        self.span_bands, bands = bands, self.span_bands
        self.span_count = count
        self.window_from = from_at
        self.window_until = until_at
        free(starts)
        free(bands)
        return 0

    def _open_window(self):
        """Flat tariffs need no calendar: their spans are known for all time. Others begin empty."""
        cdef int64_t first = self.version_rows[0].effective_at
        cdef int32_t index
        for index in range(self.version_count):
            if self.version_rows[index].constant_band < 0:
                self._set_spans([], first, first)
                return
        self._set_spans(self._spans_between(first, END), first, END)

    def _allocate(self):
        bands = [band for _, tariff in self.versions for band in tariff.bands]
        prices = [price for band in bands for price in band.prices]
        fees = sum(1 for band in bands if band.fee is not None)
        self.version_count = len(self.versions)
        self.price_count = len(prices)
        self.tier_count = sum(len(price.tiers) for price in prices) + fees
        # one row more than needed, so that an empty array is no failure
        self.discount_rows = <DiscountRow *>calloc(
            1 + sum(len(tariff.discounts) for _, tariff in self.versions), sizeof(DiscountRow))
        self.cap_rows = <CapRow *>calloc(
            1 + sum(len(tariff.caps) for _, tariff in self.versions), sizeof(CapRow))
        self.version_rows = <VersionRow *>calloc(len(self.versions), sizeof(VersionRow))
        self.band_rows = <BandRow *>calloc(len(bands), sizeof(BandRow))
        self.price_rows = <PriceRow *>calloc(len(prices), sizeof(PriceRow))
        self.tier_rows = <TierRow *>calloc(self.tier_count, sizeof(TierRow))
        if (self.version_rows == NULL or self.band_rows == NULL
                or self.price_rows == NULL or self.tier_rows == NULL
                or self.discount_rows == NULL or self.cap_rows == NULL):
            raise MemoryError

    def _fill(self):
        """Write the rows; the counts are those of _allocate, which walked the same records."""
        cdef int32_t version_index = 0
        cdef int32_t band_index = 0
        cdef int32_t price_index = 0
        cdef int32_t tier_index = 0
        cdef BandRow *row
        self.plain = True
        for effective_at, tariff in self.versions:
            self._fill_version(version_index, effective_at, tariff, band_index)
            self._fill_terms(version_index, tariff)
            for band in tariff.bands:
                row = &self.band_rows[band_index]
                row.version = version_index
                row.price_first = price_index
                for price in band.prices:
                    tier_index = self._fill_price(
                        version_index, price_index, tier_index, band.name, price)
                    price_index += 1
                row.price_end = price_index
                row.fee_tier = -1
                if band.fee is not None:
                    row.fee_tier = tier_index
                    row.fee_on_zero_length = band.fee.on_zero_length
                    tier_index = self._fill_fee(version_index, tier_index, band)
                band_index += 1
            version_index += 1

    def _fill_price(self, int32_t version, int32_t index, int32_t tier_index, band_name, price):
        """Write a price with its tiers from `tier_index` on; return the index after them."""
        cdef PriceRow *row = &self.price_rows[index]
        row.metric = METRIC_NUMBERS[price.metric]
        row.tier_first = tier_index
        row.counter = self._counter(price.counter)
        if price.block_rounding is not None:
            row.block_unit = 10 ** (6 - price.block_rounding.decimals)
            row.block_mode = price.block_rounding.mode
            self.rounds_blocks = True
        for tier in price.tiers:
            increment = tier.increment or price.increment
            row.by_blocks = row.by_blocks or increment is not None
            self._fill_tier(
                version, tier_index, tier.from_quantity, tier.amount_micros, tier.per)
            self._fill_increment(tier_index, increment or UNIT_BY_UNIT)
            self.tier_rows[tier_index].rounded = row.block_unit != 0
            self.cell_names.append((band_name, str(price.metric.value)))
            tier_index += 1
        row.tier_end = tier_index
        if row.by_blocks or row.metric == METRIC_OCCURRENCES or row.counter >= 0:
            self.plain = False
        return tier_index

    def _fill_fee(self, int32_t version, int32_t index, band):
        """A connection fee is the only tier of a price that nothing but a start is counted on."""
        self._fill_tier(version, index, 0, band.fee.amount_micros, 1)
        self.cell_names.append((band.name, CONNECTION))
        self.plain = False
        return index + 1

    def _fill_tier(self, int32_t version, int32_t index, from_quantity, amount_micros, per):
        self.tier_rows[index].version = version
        self.tier_rows[index].from_quantity = from_quantity
        self.tier_rows[index].amount_micros = amount_micros
        self.tier_rows[index].per = per
        self.tier_rows[index].weight = self.common_multiple // <int64_t>per

    def _fill_increment(self, int32_t index, increment):
        self.tier_rows[index].first_block = increment.first
        self.tier_rows[index].then_block = increment.then
        self.tier_rows[index].when_complete = increment.counted == Counted.DOWN

    def _fill_terms(self, int32_t version, tariff):
        """Write the discounts and caps of a version, and see whether it has bonuses."""
        cdef VersionRow *row = &self.version_rows[version]
        cdef DiscountRow *discount_row
        row.discount_first, row.cap_first = self.discount_count, self.cap_count
        for discount in tariff.discounts:
            discount_row = &self.discount_rows[self.discount_count]
            discount_row.share_left, discount_row.share_whole = share_left(discount)
            discount_row.amount_micros = discount.amount_micros
            discount_row.above = discount.above
            discount_row.counter = self._counter(discount.counter)
            discount_row.version = version
            discount_row.covers_all = discount.covers == Covers.ALL
            discount_row.conditional = discount.conditional
            self.discount_names.append(discount.name)
            self.discount_count += 1
        for cap in tariff.caps:
            self.cap_rows[self.cap_count] = CapRow(cap.amount_micros, self._counter(cap.name))
            self.cap_count += 1
        row.discount_end, row.cap_end = self.discount_count, self.cap_count
        self.plain = self.plain and not tariff.discounts and not tariff.caps
        self.has_bonuses = self.has_bonuses or len(tariff.bonuses) > 0

    def _counter(self, name):
        """The index of a counter's name; -1 for none."""
        if not name:
            return -1
        self.counter_names.append(name)
        return len(self.counter_names) - 1

    def _fill_version(self, int32_t index, effective_at, tariff, int32_t band_first):
        cdef VersionRow *row = &self.version_rows[index]
        cdef bint dated = any(is_dated(band) for band in tariff.bands)
        schedules = tuple(
            tuple((spell.from_s, spell.to_s, band_first + spell.band)
                  for spell in day_schedule(tariff.bands, weekday) if spell.band is not None)
            for weekday in range(7)
        )
        bands = {spell[2] for day in schedules for spell in day}
        row.effective_at = effective_at
        row.unit_micros = 10 ** (6 - tariff.rounding.decimals)
        row.mode = tariff.rounding.mode
        row.band_first = band_first
        row.constant_band = bands.pop() if len(bands) == 1 and not dated else -1
        row.minimum = tariff.minimum_micros
        row.maximum = AMOUNT_MAX if tariff.maximum_micros is None else tariff.maximum_micros
        if tariff.free_start is not None:
            row.free_s = tariff.free_start.seconds
            row.free_rule = FREE_RULES[tariff.free_start.rule]
        if row.minimum or row.maximum != AMOUNT_MAX or row.free_s:
            self.plain = False
        self._schedules.append(DatedDays(tariff.bands, band_first) if dated else schedules)
