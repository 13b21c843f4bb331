# cython: overflowcheck=True
"""The meter of a live session: quantities in cells, priced as a whole.

A meter keeps how much was used in each cell (tariff version, band, price, tier) since the session's
start and prices the sum once, as one exact fraction over the common multiple of all units; so its
total cannot depend on how usage was cut into reports (DESIGN.md, exactness 6). Octets between two
reports lie on a straight line: at a boundary or a cut they are apportioned by time, cumulatively,
rounded down, the rest to the later part. A cut only remembers what stood at its instant; the meter
goes on (exactness 7), and a piece costs the difference of two rounded totals.

Blocks change how much of the walk is counted, a fee is a cell of its own, bounds act on the sum. A
call that fails changes nothing.
"""

cimport cython
from libc.stdint cimport int32_t

from ratingcore.charge cimport (
    charge_divisor, charge_so_far, charging_version, exact_charge, is_waived, rounded_total,
)
from ratingcore.compile cimport (
    METRIC_INPUT_OCTETS, METRIC_OUTPUT_OCTETS, METRIC_SECONDS, VersionRow,
)
from ratingcore.itemize cimport make_piece
from ratingcore.money cimport int64_or_raise
from ratingcore.packing cimport pack_state, require_same_prices, unpack_state
from ratingcore.quota cimport affordable_seconds, most_units
from ratingcore.state cimport (
    ADOPTED, FEE_TAKEN, OCCURRED, USED, copy_state, free_state, is_open, mark_cut, owned_octets,
)
from ratingcore.usage cimport follow_line, pass_over
from ratingcore.wide cimport wide_numerator_max, wide_t

from ratingcore.calendar import INSTANT_END
from ratingcore.errors import AmountError, QuantityError, RatingError
# the records under their Python names, for who imports them from here
from ratingcore.piece import Piece as Piece
from ratingcore.piece import Segment as Segment

SESSION_SECONDS_MAX = (1 << 32) - 1
"""The longest session: what Acct-Session-Time (RFC 2866, 5.7) can say, 136 years."""

OCTETS_MAX = (1 << 62) - 1
"""The largest counter, so that input and output together stay int64: 146 years at 8 Gbit/s."""

cdef int64_t SECONDS_MAX = SESSION_SECONDS_MAX
cdef int64_t COUNTER_MAX = OCTETS_MAX
cdef int64_t AMOUNT_MAX = 0x7FFFFFFFFFFFFFFF
cdef int64_t END = INSTANT_END

# nothing of the start is charged
cdef int32_t ADOPTED_FLAGS = ADOPTED | FEE_TAKEN | OCCURRED


def quote(
    Timeline timeline not None, started_at, seconds, *,
    input_octets=0, output_octets=0, occurrences=None, Pool pool=None,
):
    """Return the price of a whole session at once, as one Piece.

    Instants are epoch seconds; octets lie on a straight line; `occurrences` and `pool` as for
    Meter, and the pool is used up. Raises QuantityError for usage that
    is negative, absurd, or before the first tariff version, AmountError if the charge leaves int64.
    """
    cdef Meter meter = Meter(timeline, started_at, occurrences=occurrences, pool=pool)
    cdef Line line
    cdef int64_t length = int64_or_raise(seconds, "seconds", QuantityError)
    if not 0 <= length <= SECONDS_MAX:
        raise QuantityError(f"seconds is {length}: give 0 to {SECONDS_MAX}")
    cdef PieceRecord piece
    cdef Pool draft = None if pool is None else pool.twin()
    meter.draw_line(&line, meter.state.started_at + length, input_octets, output_octets)
    follow_line(timeline, draft, &meter.state, &line, line.until)
    piece = make_piece(timeline, &meter.state)
    if pool is not None:
        pool.take_over(draft)
    return piece


# A meter refers to its timeline and nothing refers back, so no cycle can hold one: the collector
# need not visit a million of them.
@cython.final
@cython.no_gc
cdef class Meter:
    """What a session has used and what that costs so far. Quantities it is told are cumulative."""

    def __cinit__(self):
        self.state.cells = NULL
        self.state.blocks = NULL

    def __dealloc__(self):
        free_state(&self.state)

    def __init__(
        self, Timeline timeline not None, started_at, *,
        occurrences=None, adopted=False, Pool pool=None,
    ):
        """Begin at `started_at` (epoch seconds) with nothing used.

        `occurrences` are how many happen at the start (messages of one event); None is one, once
        the session is longer than zero or has octets. An `adopted` session began elsewhere before:
        no connection fee, occurrence, free start or first block is charged. The `pool` has the
        allowances and counters that this session shares with others.

        Raises QuantityError if that is no instant. Usage before the first tariff version is refused
        when it is counted, so that a session may begin earlier and get a base line.
        """
        cdef int64_t at = int64_or_raise(started_at, "started_at", QuantityError)
        if not 0 <= at < END:
            raise QuantityError(f"started_at is {at}: give epoch seconds from 0 to below {END}")
        if self.timeline is not None:
            raise RatingError("meter has begun already: make a new one")
        self.state.occurrences = -1
        if occurrences is not None:
            self.state.occurrences = _counter(occurrences, "occurrences")
        if adopted:
            self.state.flags = ADOPTED_FLAGS
        self.timeline = timeline
        self.pool = pool
        self.state.started_at = self.state.until = self.state.base_at = self.state.cut_at = at

    def advance(self, until, *, input_octets=0, output_octets=0, cuts=()):
        """Count usage up to `until` (epoch seconds) and return one Piece for each cut passed.

        Counters are cumulative since the session's start. `cuts` are instants, strictly rising;
        those inside (last report, until) each end a piece, and so does one at the last report's own
        instant if something is open there. Octets lie on the straight line of the whole report.

        Raises QuantityError if time or a counter runs backwards or is absurd, or usage lies before
        the first tariff version; AmountError if a piece's charge leaves int64. Then nothing has
        changed.
        """
        cdef Line line
        self.draw_line(&line, until, input_octets, output_octets)
        if len(cuts) or self.timeline.rounds_blocks or self.timeline.counter_names or self.pool:
            return self._advance_cut(&line, list(cuts))
        follow_line(self.timeline, self.pool, &self.state, &line, line.until)
        return ()

    def rebase(self, input_octets, output_octets, at):
        """Take over counters at `at`; usage between the last report and `at` is not charged.

        For a session that another server counted so far, or counters that were reset: what this
        meter counted stays, tiers go on from there, and later reports count from these counters. If
        it counted nothing yet, the session is adopted from here on.
        Raises QuantityError if `at` runs backwards or a counter is negative or absurd, or the pool
        lacks a counter of a cap.
        """
        cdef Meter draft = self._twin()
        cdef State *state = &draft.state
        cdef int64_t instant = self._instant(at)
        cdef int64_t rise_in = _counter(input_octets, "input_octets") - state.input_octets
        cdef int64_t rise_out = _counter(output_octets, "output_octets") - state.output_octets
        cdef int32_t flags = 0
        if instant > state.until and not state.flags & USED:
            flags = ADOPTED_FLAGS
        if not is_open(state):
            state.cut_at = instant
        state.base_at += instant - state.until
        state.input_octets += rise_in
        state.base_input += rise_in
        state.cut_input += rise_in
        state.output_octets += rise_out
        state.base_output += rise_out
        state.cut_output += rise_out
        pass_over(draft.timeline, draft.pool, state, instant, flags)
        self._take_over(draft)

    def follow(self, Timeline timeline not None):
        """Go on under `timeline`: the same versions up to now, and others after them.

        Raises TariffError if the prices under which this meter counted are others there.
        """
        cdef int64_t version = self.timeline.version_at(self.state.until)
        require_same_prices(timeline, version, self.timeline.fingerprint(version))
        self.timeline = timeline

    def share(self, Pool pool):
        """Go on with another pool, or none: what is left in it is what is left from now on."""
        self.pool = pool

    @property
    def started_at(self):
        """The session's start, epoch seconds."""
        return self.state.started_at

    @property
    def until(self):
        """The instant of the last report, epoch seconds."""
        return self.state.until

    @property
    def input_octets(self):
        """The counter at the last report."""
        return self.state.input_octets

    @property
    def output_octets(self):
        """The counter at the last report."""
        return self.state.output_octets

    @property
    def charge_micros(self):
        """The session's charge so far, rounded once as the version in force at its start says."""
        return charge_so_far(self.timeline, &self.state)

    @property
    def open_charge_micros(self):
        """The charge since the last cut: the difference of two rounded totals."""
        return charge_so_far(self.timeline, &self.state) - self.state.cut_charge

    @property
    def cut_at(self):
        """Instant of the last cut, or where counting began."""
        return self.state.cut_at

    @property
    def cut_input_octets(self):
        """Octets from the subscriber up to the last cut."""
        return self.state.cut_input

    @property
    def cut_output_octets(self):
        """Octets to the subscriber up to the last cut."""
        return self.state.cut_output

    def open_piece(self):
        """Return what was used since the last cut as a Piece, or None if nothing was."""
        return make_piece(self.timeline, &self.state) if is_open(&self.state) else None

    def close_piece(self):
        """Return what `open_piece` returns, and make a cut here."""
        return self._close() if is_open(&self.state) else None

    def grant_seconds(self, available_micros, cap_s):
        """Return the longest time from `until`, at most `cap_s`, that costs at most the amount.

        The cost is the rise of the rounded charge if no octets come, after what allowances pay;
        blocks are granted whole. Exact: one second more would cost more than `available_micros`,
        unless the cap is reached. Nothing fits a negative amount.
        """
        cdef int64_t available = int64_or_raise(available_micros, "available_micros", AmountError)
        cdef int64_t cap = int64_or_raise(cap_s, "cap_s", QuantityError)
        cdef int64_t charge = rounded_total(self.timeline, &self.state, False)
        cdef VersionRow *version = charging_version(self.timeline, &self.state)
        cdef int64_t most
        cdef wide_t limit = 0
        if cap < 0:
            raise QuantityError(f"cap_s is {cap}: give 0 or more")
        cap = min(cap, SECONDS_MAX - (self.state.until - self.state.started_at))
        cap = min(cap, END - self.state.until)
        if available < 0:
            return 0
        if not self.timeline.plain or self.pool is not None:
            return most_units(
                self.timeline, self.pool, &self.state, METRIC_SECONDS, available, cap)
        most = (charge + min(available, AMOUNT_MAX - charge)) // version.unit_micros
        if wide_numerator_max(
            most, charge_divisor(self.timeline, &self.state), version.mode, &limit
        ):
            # no charge that has a place in 128 bits reaches this limit
            return cap
        return affordable_seconds(
            self.timeline, self.state.until, self.state.until - self.state.base_at,
            exact_charge(self.timeline, &self.state, False), limit, cap,
        )

    def grant_octets(self, available_micros, cap_octets, *, sent=False):
        """Return the most octets, at most `cap_octets`, that cost at most the amount if they come
        now: to the subscriber, or `sent` by it.

        Time stands still for them: they are priced by the band of the last second. Exact as
        `grant_seconds` is.
        """
        cdef int64_t available = int64_or_raise(available_micros, "available_micros", AmountError)
        cdef int64_t cap = _counter(cap_octets, "cap_octets")
        cdef int64_t counted = self.state.input_octets - self.state.base_input
        if not sent:
            counted = self.state.output_octets - self.state.base_output
        if available < 0:
            return 0
        return most_units(
            self.timeline, self.pool, &self.state,
            METRIC_INPUT_OCTETS if sent else METRIC_OUTPUT_OCTETS, available,
            min(cap, COUNTER_MAX - counted))

    def copy(self):
        """Return a meter of its own in the same state, over the same timeline, with a pool of its
        own."""
        return self._twin()

    def pack(self):
        """Return the state as msgpack, a few hundred octets at most in practice."""
        return pack_state(self.timeline, &self.state)

    @classmethod
    def unpack(cls, Timeline timeline not None, bytes data not None, Pool pool=None):
        """Return the meter that `pack` packed, over a timeline with the same versions or more.

        The `pool` is not packed: hand over what is left now.

        Raises TariffError if the timeline's prices are not those it counted under, RatingError if
        `data` is not what `pack` makes.
        """
        cdef Meter meter = Meter.__new__(Meter)
        meter.timeline = timeline
        meter.pool = pool
        unpack_state(timeline, &meter.state, data)
        return meter

    def __sizeof__(self):
        """Octets of this meter with its cells, without the timeline that it shares."""
        return Meter.__basicsize__ + owned_octets(&self.state)

    cdef int draw_line(
        self, Line *line, object until, object input_octets, object output_octets
    ) except -1:
        """The line from the last report to this one, checked; nothing else checks usage."""
        cdef State *state = &self.state
        line.from_at, line.until = state.until, self._instant(until)
        line.input_from = state.input_octets
        line.output_from = state.output_octets
        line.input_until = _counter(input_octets, "input_octets")
        line.output_until = _counter(output_octets, "output_octets")
        if line.input_until < line.input_from or line.output_until < line.output_from:
            raise QuantityError(
                f"octets fall from {line.input_from} in, {line.output_from} out to "
                f"{line.input_until} in, {line.output_until} out: counters are cumulative; "
                "rebase after a reset"
            )
        if max(line.input_until - state.base_input,
               line.output_until - state.base_output) > COUNTER_MAX:
            raise QuantityError(f"the session's octets exceed {COUNTER_MAX}: check the counters")
        if line.from_at < line.until:
            self.timeline.cover(line.from_at, line.until)
        return 0

    cdef tuple _advance_cut(self, const Line *line, list cuts):
        """Advance a copy from cut to cut and take its state when all has gone well."""
        cdef Meter draft = self._twin()
        cdef list pieces = []
        cdef int64_t before = -1
        cdef int64_t cut
        for item in cuts:
            cut = int64_or_raise(item, "cut", QuantityError)
            if cut <= before:
                raise QuantityError(f"cut {cut} does not lie after cut {before}: sort the cuts")
            before = cut
            if line.from_at <= cut < line.until:
                follow_line(draft.timeline, draft.pool, &draft.state, line, cut)
                if is_open(&draft.state):
                    pieces.append(draft._close())
        follow_line(draft.timeline, draft.pool, &draft.state, line, line.until)
        self._take_over(draft)
        return tuple(pieces)

    cdef int _take_over(self, Meter draft) except -1:
        """Take the state and pool of a copy with which all has gone well."""
        self.state, draft.state = draft.state, self.state
        if self.pool is not None:
            self.pool.take_over(draft.pool)
        return 0

    cdef int64_t _instant(self, object at) except -1:
        cdef int64_t instant = int64_or_raise(at, "until", QuantityError)
        if instant < self.state.until:
            raise QuantityError(
                f"time runs backwards, from {self.state.until} to {instant}: drop the report"
            )
        if instant - self.state.started_at > SECONDS_MAX or instant > END:
            raise QuantityError(
                f"usage until {instant} makes a session of {instant - self.state.started_at} s: "
                f"at most {SECONDS_MAX} s and until {END}; check the clock"
            )
        return instant

    cdef PieceRecord _close(self):
        cdef PieceRecord piece = make_piece(self.timeline, &self.state)
        mark_cut(&self.state, piece.charge_micros, is_waived(self.timeline, &self.state))
        return piece

    cdef Meter _twin(self):
        cdef Meter twin = Meter.__new__(Meter)
        twin.timeline = self.timeline
        twin.pool = None if self.pool is None else self.pool.twin()
        copy_state(&self.state, &twin.state)
        return twin


cdef int64_t _counter(object value, str name) except -1:
    cdef int64_t counter = int64_or_raise(value, name, QuantityError)
    if not 0 <= counter <= COUNTER_MAX:
        raise QuantityError(f"{name} is {counter}: give 0 to {COUNTER_MAX}")
    return counter
