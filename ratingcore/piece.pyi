"""Types of the compiled module `ratingcore.piece`."""

from dataclasses import dataclass

@dataclass(frozen=True)
class Segment:
    band: str
    metric: str
    tier_from: int
    quantity: int
    price_micros: int
    per: int
    amount_micros: int
    started_at: int
    ended_at: int
    allowance_id: int = 0

@dataclass(frozen=True)
class BalanceImpact:
    resource: str
    amount_micros: int
    gl_code: str
    tax_code: str

@dataclass(frozen=True)
class Piece:
    started_at: int
    ended_at: int
    input_octets: int
    output_octets: int
    charge_micros: int
    segments: tuple[Segment, ...]
    counted: tuple[tuple[int, int], ...] = ()
    impacts: tuple[BalanceImpact, ...] = ()

def piece_as_data(piece: Piece) -> dict[str, object]: ...
