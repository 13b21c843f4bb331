# cython: overflowcheck=True
"""Zones as tables of UTC offsets: when does the local clock of a zone jump, and by how much?

`zoneinfo` answers for single instants only, so the jumps of a zone are found by looking at its
offset once a day and halving the interval wherever it changed. That is exact to the second: the
shortest time between two changes of offset since 1970, over the whole database, is 6.9 days. A
table grows by pages as instants are asked for; every tariff of a zone shares one table.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from ratingcore.errors import QuantityError, TariffError

INSTANT_END = 1 << 33
"""Instants are epoch seconds in [0, INSTANT_END): to the year 2242, beyond any 32-bit counter."""

# about 388 days: two to four jumps, found in some 400 looks
cdef int64_t PAGE_S = 1 << 25
# below the 6.9 days between any two jumps, so no pair of jumps hides between two looks
cdef int64_t LOOK_S = 86_400
cdef object EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# all of the IANA database, with its aliases, has some 600 names
cdef int ZONES_MAX = 700


@lru_cache(maxsize=ZONES_MAX)
def load_zone(name):
    """Return the table of the zone with that IANA name, the same object each time.

    Raises TariffError if there is no such zone on this machine or in `tzdata`.
    """
    if not isinstance(name, str):
        raise TariffError(f"zone is {name!r}: give an IANA name, as Europe/Berlin")
    try:
        return Zone(ZoneInfo(name))
    except (KeyError, ValueError, OSError) as error:
        raise TariffError(f"zone {name!r} does not exist: give an IANA name") from error


cdef class Zone:
    """The UTC offsets of one zone over time."""

    def __init__(self, info):
        self.name = info.key
        self._info = info
        self._pages = {}

    def offset_at(self, int64_t at):
        """Return local time minus UTC in seconds at that instant (epoch seconds)."""
        if not 0 <= at < INSTANT_END:
            raise QuantityError(f"instant is {at}: give epoch seconds below {INSTANT_END}")
        return self._offset(at)

    def offsets(self, int64_t from_at, int64_t until_at):
        """Return [(instant, offset)] in [from_at, until_at), the first at `from_at`."""
        if not 0 <= from_at < until_at <= INSTANT_END:
            raise QuantityError(f"interval is {from_at} to {until_at}: give a rising one")
        return self.offsets_between(from_at, until_at)

    cdef list offsets_between(self, int64_t from_at, int64_t until_at):
        cdef list found = [(from_at, self._offset(from_at))]
        cdef int64_t number
        for number in range(from_at // PAGE_S, (until_at - 1) // PAGE_S + 1):
            for jump in self._page(number):
                if from_at < jump[0] < until_at:
                    found.append(jump)
        return found

    cdef list _page(self, int64_t number):
        """The jumps [(instant, offset from then on)] after the page's start, up to its end."""
        page = self._pages.get(number)
        if page is None:
            page = self._find_jumps(number * PAGE_S, (number + 1) * PAGE_S)
            self._pages[number] = page
        return page

    def _find_jumps(self, int64_t from_at, int64_t until_at):
        cdef list jumps = []
        cdef int64_t low = from_at
        cdef int64_t high, middle, same, other
        cdef int64_t offset = self._offset(low)
        while low < until_at:
            high = min(low + LOOK_S, until_at)
            if self._offset(high) != offset:
                same, other = low, high
                while other - same > 1:
                    middle = (same + other) // 2
                    if self._offset(middle) == offset:
                        same = middle
                    else:
                        other = middle
                offset = self._offset(other)
                jumps.append((other, offset))
            low = high
        return jumps

    cdef int64_t _offset(self, int64_t at) except? -1:
        local = (EPOCH + timedelta(seconds=at)).astimezone(self._info)
        shift = local.utcoffset()
        return shift.days * 86_400 + shift.seconds
