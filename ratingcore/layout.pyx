# cython: overflowcheck=True
"""The days of a local clock laid over real time: which band holds from which instant on.

Each day is laid out between two jumps of the zone's offset, so a day of 23, 25 or 23.5 hours, and
one that never was, need no case of their own. Spans are lists of (instant, band number).
"""

from libc.stdint cimport int64_t

from ratingcore.calendar cimport Zone

cdef int64_t DAY_S = 86_400
# 1970-01-01 was a Thursday; Monday is 0
cdef int64_t EPOCH_WEEKDAY = 3


cdef list lay_out(Zone zone, object days, int64_t from_at, int64_t until_at):
    """The spans of one version in [from_at, until_at): local days laid between the zone's jumps.

    `days` are those of a week, or DatedDays: each a tuple of (from_s, to_s, band number).
    """
    cdef bint weekly = type(days) is tuple
    cdef int64_t day
    cdef list spans = []
    cdef list offsets = zone.offsets_between(from_at, until_at)
    cdef Py_ssize_t index
    cdef int64_t start, end, offset, midnight, spell_from, spell_to, band, last
    last = -1
    for index in range(len(offsets)):
        start, offset = offsets[index]
        end = offsets[index + 1][0] if index + 1 < len(offsets) else until_at
        midnight = (start + offset) // DAY_S * DAY_S - offset
        while midnight < end:
            day = (midnight + offset) // DAY_S
            spells = days[(day + EPOCH_WEEKDAY) % 7] if weekly else days.spells(day)
            for spell_from, spell_to, band in spells:
                if midnight + spell_to <= start or midnight + spell_from >= end or band == last:
                    continue
                spans.append((max(start, midnight + spell_from), band))
                last = band
            midnight += DAY_S
    return spans


cdef list join_spans(list earlier, list later):
    """Two neighbouring lists of spans as one; a band on both sides of the seam is one span."""
    if earlier and later and earlier[len(earlier) - 1][1] == later[0][1]:
        return earlier + later[1:]
    return earlier + later
