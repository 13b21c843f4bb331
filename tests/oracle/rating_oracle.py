"""The slow twin of ratingcore: Fractions and zoneinfo, walking the clock, sharing no code with it.

It asks zoneinfo for the local clock at each half hour of a session, at each minute where a band
edge or a jump of the clock lies inside the half hour, and at each second where one lies inside the
minute. The records of `ratingcore.tariff` are read as plain data. What it says is the definition of
right.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

STEPS_S = (1800, 60, 1)
CellKey = tuple[int, int, int, int]


@dataclass
class Report:
    """One report: cumulative counters, cuts in its line, and whether a piece is closed after it.

    With `rebase` the counters are taken over instead, and nothing is counted.
    """

    until: int
    input_octets: int
    output_octets: int
    cuts: tuple[int, ...] = ()
    close: bool = False
    rebase: bool = False


@dataclass
class Use:
    """What a cell has counted: in all, before the last cut, and when since then."""

    quantity: int = 0
    cut_quantity: int = 0
    first_at: int = 0
    last_at: int = 0


@dataclass
class Session:
    """A session rated the slow way."""

    versions: Sequence[tuple[int, object]]
    started_at: int
    uses: dict[CellKey, Use] = field(default_factory=dict)
    pieces: list[dict] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.until = self.cut_at = self.started_at
        self.counters = {"input": 0, "output": 0}
        self.cut_counters = {"input": 0, "output": 0}
        self.used = {"seconds": 0, "octets": 0, "input_octets": 0, "output_octets": 0}

    def tell(self, report: Report) -> None:
        """Take one report."""
        if report.rebase:
            self._rebase(report)
            return
        start, before = self.until, dict(self.counters)
        rise = {
            "input": report.input_octets - before["input"],
            "output": report.output_octets - before["output"],
        }
        if report.until == start and any(rise.values()):
            at = start - 1 if self.used["seconds"] else start
            self._use(*band_at(self.versions, at), report.until, rise)
        cuts = {cut for cut in report.cuts if start <= cut < report.until}
        for run_from, run_to, version, band in band_runs(self.versions, start, report.until):
            inside = {cut for cut in cuts if run_from < cut < run_to}
            marks = sorted(inside | {run_from, run_to})
            for left, right in pairwise(marks):
                if left in cuts:
                    self._cut()
                step = {}
                for name, whole in rise.items():
                    share = Fraction(whole * (right - start), report.until - start)
                    step[name] = before[name] + int(share // 1) - self.counters[name]
                self._use(version, band, right, step)
        if report.close:
            self._cut()

    def total(self) -> int:
        return self._rounded(self._exact(lambda use: use.quantity))

    def open_charge(self) -> int:
        return self.total() - self._rounded(self._exact(lambda use: use.cut_quantity))

    def open_piece(self) -> dict | None:
        if (self.until, self.counters) == (self.cut_at, self.cut_counters):
            return None
        exact = self._exact(lambda use: use.cut_quantity)
        start_charge = before = self._rounded(exact)
        segments = []
        recent = [
            (use.first_at, key, use)
            for key, use in self.uses.items()
            if use.quantity > use.cut_quantity
        ]
        for _, key, use in sorted(recent, key=lambda item: item[:2]):
            band, price, tier = self._cell(key)
            quantity = use.quantity - use.cut_quantity
            exact += Fraction(tier.amount_micros * quantity, tier.per)
            after = self._rounded(exact)
            segments.append(
                (
                    band.name,
                    price.metric.value,
                    tier.from_quantity,
                    quantity,
                    tier.amount_micros,
                    tier.per,
                    after - before,
                    use.first_at,
                    use.last_at,
                )
            )
            before = after
        return {
            "started_at": self.cut_at,
            "ended_at": self.until,
            "input_octets": self.counters["input"] - self.cut_counters["input"],
            "output_octets": self.counters["output"] - self.cut_counters["output"],
            "charge_micros": before - start_charge,
            "segments": segments,
        }

    def _rebase(self, report: Report) -> None:
        if self.open_piece() is None:
            self.cut_at = report.until
        told = {"input": report.input_octets, "output": report.output_octets}
        for name in self.counters:
            self.cut_counters[name] += told[name] - self.counters[name]
        self.until, self.counters = report.until, told

    def _use(self, version: int, band: int, until: int, step: dict[str, int]) -> None:
        rises = {
            "seconds": until - self.until,
            "octets": step["input"] + step["output"],
            "input_octets": step["input"],
            "output_octets": step["output"],
        }
        for price_index, price in enumerate(self.versions[version][1].bands[band].prices):
            self._count((version, band, price_index), price, rises[price.metric.value], until)
        for name, rise in rises.items():
            self.used[name] += rise
        for name, rise in step.items():
            self.counters[name] += rise
        self.until = until

    def _count(self, key: tuple, price, rise: int, until: int) -> None:
        low = self.used[price.metric.value]
        high = low + rise
        for index, tier in enumerate(price.tiers):
            tier_end = (
                price.tiers[index + 1].from_quantity if index + 1 < len(price.tiers) else high
            )
            left, right = max(low, tier.from_quantity), min(high, tier_end)
            if left >= right:
                continue
            first_at, last_at = self.until, until
            if price.metric.value == "seconds":
                first_at, last_at = self.until + left - low, self.until + right - low
            use = self.uses.setdefault((*key, index), Use())
            if use.quantity == use.cut_quantity:
                use.first_at = first_at
            use.last_at = last_at
            use.quantity += right - left

    def _cut(self) -> None:
        piece = self.open_piece()
        if piece is None:
            return
        self.pieces.append(piece)
        self.cut_at, self.cut_counters = self.until, dict(self.counters)
        for use in self.uses.values():
            use.cut_quantity = use.quantity

    def _cell(self, key: CellKey) -> tuple:
        version, band, price, tier = key
        band_record = self.versions[version][1].bands[band]
        return band_record, band_record.prices[price], band_record.prices[price].tiers[tier]

    def _exact(self, pick) -> Fraction:
        total = Fraction(0)
        for key, use in self.uses.items():
            tier = self._cell(key)[2]
            total += Fraction(tier.amount_micros * pick(use), tier.per)
        return total

    def _rounded(self, micros: Fraction) -> int:
        rounding = self.versions[version_at(self.versions, self.started_at)][1].rounding
        unit = 10 ** (6 - rounding.decimals)
        return round_fraction(micros / unit, rounding.mode) * unit


def round_fraction(value: Fraction, mode: int) -> int:
    """Modes 0 to 3: half-even, half-up (away from zero), up (away), down (towards zero)."""
    sign = -1 if value < 0 else 1
    size = abs(value)
    whole = int(size // 1)
    rest = size - whole
    half = Fraction(1, 2)
    goes_up = {
        0: rest > half or (rest == half and whole % 2 == 1),
        1: rest >= half,
        2: rest > 0,
        3: False,
    }[mode]
    return sign * (whole + goes_up)


def version_at(versions: Sequence[tuple[int, object]], at: int) -> int:
    return max((i for i, (effective_at, _) in enumerate(versions) if effective_at <= at), default=0)


def band_at(versions: Sequence[tuple[int, object]], at: int) -> tuple[int, int]:
    """The version and band that hold at an instant, by its local clock."""
    version = version_at(versions, at)
    tariff = versions[version][1]
    local = datetime.fromtimestamp(at, ZoneInfo(tariff.zone))
    second = local.hour * 3600 + local.minute * 60 + local.second
    for index, band in enumerate(tariff.bands):
        today = not band.weekdays or local.weekday() in band.weekdays
        if band.from_s < band.to_s:
            now = band.from_s <= second < band.to_s
        else:
            now = second >= band.from_s or second < band.to_s
        if today and now:
            return version, index
    raise LookupError(f"no band at {local}")


def band_runs(
    versions: Sequence[tuple[int, object]], started_at: int, until: int
) -> Iterator[tuple[int, int, int, int]]:
    """The stretches (from, to, version, band) of real time in one band, in order."""
    run: list[int] | None = None
    for left, right in _steps(versions, started_at, until, 0):
        found = band_at(versions, left)
        if run and (run[2], run[3]) == found:
            run[1] = right
            continue
        if run:
            yield tuple(run)
        run = [left, right, *found]
    if run:
        yield tuple(run)


def _steps(versions, left: int, until: int, depth: int) -> Iterator[tuple[int, int]]:
    """Intervals inside which nothing can change."""
    size = STEPS_S[depth]
    while left < until:
        right = min(until, left - left % size + size)
        if depth == len(STEPS_S) - 1 or not _may_change(versions, left, right):
            yield left, right
        else:
            yield from _steps(versions, left, right, depth + 1)
        left = right


def _may_change(versions, left: int, right: int) -> bool:
    version = version_at(versions, left)
    if version_at(versions, right - 1) != version:
        return True
    tariff = versions[version][1]
    first = datetime.fromtimestamp(left, ZoneInfo(tariff.zone))
    last = datetime.fromtimestamp(right - 1, ZoneInfo(tariff.zone))
    if first.utcoffset() != last.utcoffset() or first.date() != last.date():
        return True
    low = first.hour * 3600 + first.minute * 60 + first.second
    high = low + (right - 1 - left)
    return any(low < edge <= high for band in tariff.bands for edge in (band.from_s, band.to_s))
