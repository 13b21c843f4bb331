# cython: overflowcheck=True
"""What is left of allowances, how far counters are, and which discounts an account is entitled to:
shared by the meters that consume them.

All sessions of an account (or a group) that one owner serves refer to one pool, so each report
takes from what the reports before it left: in journal order (DESIGN.md, exactness 8). A pool holds
every period that a report may reach into: a counter of the running cycle and that of the next are
two.
Only meters change it; a meter's copy has a pool of its own, so looking ahead uses nothing up.
"""

from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from ratingcore.money cimport int64_or_raise

from ratingcore.calendar import INSTANT_END
from ratingcore.errors import QuantityError
from ratingcore.tariff import MetricOrMoney

# a Metric's number is that of its equal here; money comes last, as METRIC_MONEY
cdef dict METRIC_NUMBERS = {metric: number for number, metric in enumerate(MetricOrMoney)}
cdef int64_t END = INSTANT_END
# of one account: a top-up a day, or a counter for each of many services
cdef int ENTRIES_MAX = 1_000


cdef class Pool:
    """Allowances, counters and entitlements as they stand now."""

    def __cinit__(self):
        self.allowance_rows = NULL
        self.counter_rows = NULL

    def __dealloc__(self):
        free(self.allowance_rows)
        free(self.counter_rows)

    def __init__(self, allowances=(), counters=(), entitlements=()):
        """Raises QuantityError for a quantity below zero, an id below 1 or one that comes twice, a
        validity that does not rise, an unknown metric, or more entries than any account has."""
        if self.allowance_rows != NULL:
            raise QuantityError("pool is filled already: make a new one")
        first = sorted(allowances, key=lambda one: (one.priority, one.until_at, one.allowance_id))
        counted = list(counters)
        _check([(one.allowance_id, one) for one in first], "allowance")
        _check([(one.counter_id, one) for one in counted], "counter")
        self._allocate(len(first), len(counted))
        self._entitled = tuple(_entitlement(one) for one in entitlements)
        if len(self._entitled) > ENTRIES_MAX:
            raise QuantityError(
                f"{len(self._entitled)} entitlements: at most {ENTRIES_MAX} fit in a pool")
        self._bands = tuple(frozenset(one.bands) if one.bands else None for one in first)
        self._names = tuple(one.name for one in counted)
        for index, one in enumerate(first):
            if one.metric not in METRIC_NUMBERS:
                raise QuantityError(f"allowance has the unknown metric {one.metric!r}")
            self.allowance_rows[<int32_t>index] = AllowanceRow(
                one.allowance_id, one.quantity, one.from_at, one.until_at,
                METRIC_NUMBERS[one.metric])
            self.has_money = self.has_money or one.metric == MetricOrMoney.MONEY
        for index, one in enumerate(counted):
            self.counter_rows[<int32_t>index] = CounterRow(
                one.counter_id, one.quantity, one.from_at, one.until_at)

    def left(self, allowance_id):
        """Return what is left of an allowance; KeyError if the pool does not have it."""
        cdef int32_t index
        for index in range(self.allowance_count):
            if self.allowance_rows[index].allowance_id == allowance_id:
                return self.allowance_rows[index].left
        raise KeyError(allowance_id)

    def counted(self, counter_id):
        """Return how far a counter is; KeyError if the pool does not have it."""
        cdef int32_t index
        for index in range(self.counter_count):
            if self.counter_rows[index].counter_id == counter_id:
                return self.counter_rows[index].counted
        raise KeyError(counter_id)

    def copy(self):
        """Return a pool of its own in the same state."""
        return self.twin()

    # Row indices run below the counts with which the rows were allocated.

    cdef int64_t border_after(self, int64_t at) noexcept:
        """The next instant at which something begins or ends to be valid."""
        cdef int64_t border = END
        cdef int32_t index
        for index in range(self.allowance_count):
            border = _nearer(border, at, self.allowance_rows[index].from_at)
            border = _nearer(border, at, self.allowance_rows[index].until_at)
        for index in range(self.counter_count):
            border = _nearer(border, at, self.counter_rows[index].from_at)
            border = _nearer(border, at, self.counter_rows[index].until_at)
        for _, from_at, until_at in self._entitled:
            border = _nearer(border, at, from_at)
            border = _nearer(border, at, until_at)
        return border

    cdef bint entitled(self, str discount, int64_t at) except -1:
        for name, from_at, until_at in self._entitled:
            if from_at <= at < until_at and name == discount:
                return True
        return False

    cdef int32_t usable(self, int32_t first, int32_t metric, int64_t at, str band) except -2:
        """The first allowance from that index on which may be used, or -1."""
        cdef AllowanceRow *row
        cdef int32_t index
        for index in range(first, self.allowance_count):
            row = &self.allowance_rows[index]
            if row.left > 0 and row.metric == metric and row.from_at <= at < row.until_at:
                if self._bands[index] is None or band in self._bands[index]:
                    return index
        return -1

    cdef CounterRow *counter_at(self, str name, int64_t at) except NULL:
        cdef CounterRow *row
        cdef int32_t index
        for index in range(self.counter_count):
            row = &self.counter_rows[index]
            if row.from_at <= at < row.until_at and self._names[index] == name:
                return row
        raise QuantityError(
            f"the tariff reads the counter {name!r}, which the pool does not have at {at}: hand "
            "the meter the counters of every cycle that the report reaches into"
        )

    cdef Pool twin(self):
        cdef Pool other = Pool.__new__(Pool)
        other._allocate(self.allowance_count, self.counter_count)
        other._bands, other._names = self._bands, self._names
        other._entitled, other.has_money = self._entitled, self.has_money
        other.take_over(self)
        return other

    cdef int take_over(self, Pool other) noexcept:
        """Stand as `other` does, a twin."""
        memcpy(self.allowance_rows, other.allowance_rows,
               self.allowance_count * sizeof(AllowanceRow))
        memcpy(self.counter_rows, other.counter_rows, self.counter_count * sizeof(CounterRow))
        return 0

    def _allocate(self, allowances, counters):
        # one more than needed, so that an empty array is no failure
        self.allowance_rows = <AllowanceRow *>malloc((allowances + 1) * sizeof(AllowanceRow))
        self.counter_rows = <CounterRow *>malloc((counters + 1) * sizeof(CounterRow))
        if self.allowance_rows == NULL or self.counter_rows == NULL:
            raise MemoryError
        self.allowance_count, self.counter_count = allowances, counters


cdef int64_t _nearer(int64_t border, int64_t at, int64_t candidate) noexcept:
    return candidate if at < candidate < border else border


def _entitlement(one):
    cdef int64_t from_at = int64_or_raise(one.from_at, "entitlement from_at", QuantityError)
    cdef int64_t until_at = int64_or_raise(one.until_at, "entitlement until_at", QuantityError)
    if not isinstance(one.discount, str) or not one.discount:
        raise QuantityError(f"entitlement names the discount {one.discount!r}: give its name")
    if not 0 <= from_at < until_at:
        raise QuantityError(
            f"entitlement to {one.discount!r} holds from {from_at} until {until_at}: let it rise")
    return one.discount, from_at, until_at


def _check(entries, what):
    if len(entries) > ENTRIES_MAX:
        raise QuantityError(f"{len(entries)} {what}s: at most {ENTRIES_MAX} fit in a pool")
    if len({number for number, _ in entries}) < len(entries):
        raise QuantityError(f"an id of a {what} comes twice: give each its own")
    for number, one in entries:
        if int64_or_raise(number, f"{what} id", QuantityError) < 1:
            raise QuantityError(f"{what} id is {number}: give 1 or more")
        if int64_or_raise(one.quantity, f"{what} quantity", QuantityError) < 0:
            raise QuantityError(f"{what} {number} has the quantity {one.quantity}: give 0 or more")
        from_at = int64_or_raise(one.from_at, f"{what} from_at", QuantityError)
        if not 0 <= from_at < int64_or_raise(one.until_at, f"{what} until_at", QuantityError):
            raise QuantityError(
                f"{what} {number} holds from {from_at} until {one.until_at}: let it rise")
