"""Priced usage as records: a piece of a session, and the segments that its charge is made of.

Compiled dataclasses, because a quote makes one of each for every call. They are frozen, compare and
hash by value, and behave as `dataclasses` expects.
"""

cimport cython.dataclasses


@cython.dataclasses.dataclass(frozen=True)
cdef class Segment:
    """What one cell (time band, metric, tier) contributed to a piece.

    `quantity` (above 0) cost `price_micros` for every `per` units. `amount_micros` is the segment's
    share of the piece's rounded charge, so segments sum to it exactly. `started_at` and `ended_at`
    are the first and the last (exclusive) instant at which the cell was used within the piece; a
    block may end after the session. Units that an allowance paid for have its id, and cost nothing.

    What is no usage has a metric of its own (`ratingcore.tariff`): a connection fee; what each
    discount took off (its name as the band, `price_micros` per 100 for a percent, per 1 for an
    amount); a bound; what each cap let go (likewise, with the cap's amount); what an allowance of
    money paid (its id, and the micros as the quantity). They stand in this order after the usage.
    """

    band: str
    metric: str
    tier_from: int64_t
    quantity: int64_t
    price_micros: int64_t
    per: int64_t
    amount_micros: int64_t
    started_at: int64_t
    ended_at: int64_t
    allowance_id: int64_t = 0


@cython.dataclasses.dataclass(frozen=True)
cdef class BalanceImpact:
    """What a piece does to a balance besides its charge; below 0 the account is given something."""

    resource: str
    amount_micros: int64_t
    gl_code: str
    tax_code: str


@cython.dataclasses.dataclass(frozen=True)
cdef class Piece:
    """A session, or what lies between two of its cuts: its usage, its charge and its segments.

    `counted` says by how much it moved counters on: (counter id, quantity). `impacts` are those of
    its bonuses, each a BalanceImpact; the charge itself is none of them.
    """

    started_at: int64_t
    ended_at: int64_t
    input_octets: int64_t
    output_octets: int64_t
    charge_micros: int64_t
    segments: tuple
    counted: tuple = ()
    impacts: tuple = ()


def piece_as_data(Piece piece not None):
    """Return the piece as a dict of plain integers and text, its segments as such dicts.

    What an allowance paid, what counters counted and what bonuses gave is said only where there is
    any.
    """
    cdef dict data = {
        "started_at": piece.started_at,
        "ended_at": piece.ended_at,
        "input_octets": piece.input_octets,
        "output_octets": piece.output_octets,
        "charge_micros": piece.charge_micros,
        "segments": [_segment_as_data(segment) for segment in piece.segments],
    }
    if piece.counted:
        data["counted"] = [list(one) for one in piece.counted]
    if piece.impacts:
        data["impacts"] = [_impact_as_data(impact) for impact in piece.impacts]
    return data


cdef dict _impact_as_data(BalanceImpact impact):
    return {
        "resource": impact.resource,
        "amount_micros": impact.amount_micros,
        "gl_code": impact.gl_code,
        "tax_code": impact.tax_code,
    }


cdef dict _segment_as_data(Segment segment):
    cdef dict data = {
        "band": segment.band,
        "metric": segment.metric,
        "tier_from": segment.tier_from,
        "quantity": segment.quantity,
        "price_micros": segment.price_micros,
        "per": segment.per,
        "amount_micros": segment.amount_micros,
        "started_at": segment.started_at,
        "ended_at": segment.ended_at,
    }
    if segment.allowance_id:
        data["allowance_id"] = segment.allowance_id
    return data
