"""The slow twin of ratingcore: Fractions and zoneinfo, walking the clock, sharing no code with it.

`rating_clock` says which band holds when. Blocks are walked one by one. The records of
`ratingcore.tariff` are read as plain data. What it says is the definition of right.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

from tests.oracle.rating_clock import band_at, band_runs, round_to, version_at

CellKey = tuple[int, int, int, int, int]
METRICS = ("seconds", "octets", "input_octets", "output_octets", "occurrences")


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
    """What a cell has counted: in all, before the last cut, and when since then.

    `micros` is what its rounded blocks cost.
    """

    quantity: int = 0
    cut_quantity: int = 0
    micros: int = 0
    cut_micros: int = 0
    first_at: int = 0
    last_at: int = 0


class SlowPool:
    """Allowances and counters as plain lists, used up by one or several sessions."""

    def __init__(self, allowances=(), counters=()) -> None:
        order = sorted(allowances, key=lambda one: (one.priority, one.until_at, one.allowance_id))
        self.allowances = [[one, one.quantity] for one in order]
        self.counters = [[one, one.quantity] for one in counters]

    def borders(self) -> set[int]:
        entries = [*self.allowances, *self.counters]
        return {at for one, _ in entries for at in (one.from_at, one.until_at)}

    def counter(self, name: str, at: int) -> list:
        return next(
            entry
            for entry in self.counters
            if entry[0].name == name and entry[0].from_at <= at < entry[0].until_at
        )

    def usable(self, metric: str, at: int, band: str) -> list[list]:
        return [
            entry
            for entry in self.allowances
            if entry[1]
            and entry[0].metric.value == metric
            and entry[0].from_at <= at < entry[0].until_at
            and (not entry[0].bands or band in entry[0].bands)
        ]


@dataclass
class Session:
    """A session rated the slow way."""

    versions: Sequence[tuple[int, object]]
    started_at: int
    occurrences: int | None = None
    adopted: bool = False
    pool: SlowPool = field(default_factory=SlowPool)
    uses: dict[CellKey, Use] = field(default_factory=dict)
    pieces: list[dict] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.until = self.cut_at = self.started_at
        self.counters = {"input": 0, "output": 0}
        self.cut_counters = {"input": 0, "output": 0}
        self.used = dict.fromkeys(METRICS, 0)
        self.instant = self.started_at
        self.skipped_s = 0
        self.counted: dict[int, int] = {}
        self.cut_counted: dict[int, int] = {}
        # how far each metric is charged in blocks, and its block that waits to be complete
        self.covered = dict.fromkeys(METRICS, 0)
        self.waiting: dict[str, tuple] = {}
        # of the start: is the fee looked at, did it occur; was anything used
        self.start = (self.adopted, self.adopted)
        self.was_used = False
        self.cut_total, self.cut_bound = 0, ""

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
        if report.until == start and not any(rise.values()):
            self._begin(used=False)
        elif report.until == start:
            at = start - 1 if self.used["seconds"] or self.skipped_s else start
            self._use(*band_at(self.versions, at), report.until, rise)
        cuts = {cut for cut in report.cuts if start <= cut < report.until}
        for run_from, run_to, version, band in band_runs(self.versions, start, report.until):
            inside = {at for at in cuts | self.pool.borders() if run_from < at < run_to}
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
        return self._rounded(self._held()[0])

    def open_charge(self) -> int:
        return self.total() - self.cut_total

    def open_piece(self) -> dict | None:
        counted = any(use.quantity > use.cut_quantity for use in self.uses.values())
        if not counted and (self.until, self.counters) == (self.cut_at, self.cut_counters):
            return None
        exact = self._exact(at_cut=True)
        before = self._rounded(exact)
        segments = []
        recent = [
            (use.first_at, key, use)
            for key, use in self.uses.items()
            if use.quantity > use.cut_quantity
        ]
        for _, key, use in sorted(recent, key=lambda item: item[:2]):
            allowance_id = key[4]
            name, metric, tier_from, amount, per = self._cell(key)
            quantity = use.quantity - use.cut_quantity
            exact += self._cost(key, use, at_cut=False) - self._cost(key, use, at_cut=True)
            after = self._rounded(exact)
            segments.append(
                (
                    name,
                    metric,
                    tier_from,
                    quantity,
                    0 if allowance_id else amount,
                    per,
                    after - before,
                    use.first_at,
                    use.last_at,
                    allowance_id,
                )
            )
            before = after
        charge = self.open_charge()
        beyond = charge - sum(segment[6] for segment in segments)
        if beyond:
            segments.append(self._bound_segment(beyond))
        return {
            "started_at": self.cut_at,
            "ended_at": self.until,
            "input_octets": self.counters["input"] - self.cut_counters["input"],
            "output_octets": self.counters["output"] - self.cut_counters["output"],
            "charge_micros": charge,
            "segments": segments,
            "counted": [
                (counter_id, quantity - self.cut_counted.get(counter_id, 0))
                for counter_id, quantity in sorted(self.counted.items())
                if quantity > self.cut_counted.get(counter_id, 0)
            ],
        }

    def _rebase(self, report: Report) -> None:
        if self.open_piece() is None:
            self.cut_at = report.until
        if report.until > self.until and not self.was_used:
            self.adopted = True
            self.start = (True, True)
        told = {"input": report.input_octets, "output": report.output_octets}
        for name in self.counters:
            self.cut_counters[name] += told[name] - self.counters[name]
        self.until, self.counters = report.until, told

    def _begin(self, *, used: bool) -> None:
        """The connection fee and the occurrences, each once it is due."""
        self.was_used = self.was_used or used
        self.instant = self.started_at
        fee_seen, occurred = self.start
        if fee_seen and occurred:
            return
        version, band_index = band_at(self.versions, self.started_at)
        band = self.versions[version][1].bands[band_index]
        if not fee_seen and (used or (band.fee and band.fee.on_zero_length)):
            fee_seen = True
            if band.fee:
                key = (version, band_index, len(band.prices), 0, 0)
                self._add(key, 1, self.started_at, self.started_at)
        if not occurred and (used or self.occurrences is not None):
            occurred = True
            count = 1 if self.occurrences is None else self.occurrences
            for index, price in enumerate(band.prices):
                if price.metric.value == "occurrences":
                    key = (version, band_index, index)
                    self._count_units(key, price, 0, count, self.started_at, self.started_at)
        self.start = (fee_seen, occurred)

    def _use(self, version: int, band: int, until: int, step: dict[str, int]) -> None:
        self._begin(used=True)
        # what decides which allowances and counters are valid
        self.instant = self.until
        if until == self.until:
            self.instant = until - 1 if self.used["seconds"] or self.skipped_s else until
        charged_from = min(until, max(self.until, self._free_until()))
        rises = {
            "seconds": until - charged_from,
            "octets": step["input"] + step["output"],
            "input_octets": step["input"],
            "output_octets": step["output"],
            "occurrences": 0,
        }
        for metric, (key, price, low, length, first_at) in list(self.waiting.items()):
            if self.used[metric] + rises[metric] >= low + length:
                del self.waiting[metric]
                self._charge_block(key, price, low, length, first_at, until)
        for index, price in enumerate(self.versions[version][1].bands[band].prices):
            metric = price.metric.value
            low = self.used[metric]
            first_at = charged_from if metric == "seconds" else self.until
            key = (version, band, index)
            self._count_blocks(key, price, low, low + rises[metric], first_at, until)
        self.skipped_s += charged_from - self.until
        for name, rise in rises.items():
            self.used[name] += rise
        for name, rise in step.items():
            self.counters[name] += rise
        self.until = until

    def _free_until(self) -> int:
        free = self._tariff_at_start().free_start
        if self.adopted or free is None or free.rule.value != "skip":
            return 0
        return self.started_at + free.seconds

    def _count_blocks(
        self, key: tuple, price, low: int, high: int, first_at: int, until: int
    ) -> None:
        """Block by block; where every unit is a block of its own, all of them up to a threshold.

        What a block covers is paid for, also where the band and price are others by then.
        """
        metric = price.metric.value
        position = max(low, self.covered[metric])
        while position < high:
            shift = self._shift(price, position)
            tier = [tier for tier in price.tiers if tier.from_quantity <= position + shift][-1]
            increment = tier.increment or price.increment
            at = first_at + position - low if metric == "seconds" else first_at
            if increment is None:
                beyond = [t.from_quantity - shift for t in price.tiers]
                length = min([high, *(at for at in beyond if at > position)]) - position
            elif position == 0 and not self.adopted:
                length = increment.first
            else:
                length = increment.then
            down = increment is not None and increment.counted.value == "down"
            self.covered[metric] = position + length
            if down and position + length > high:
                self.waiting[metric] = (key, price, position, length, at)
                return
            self._charge_block(key, price, position, length, at, until)
            position += length

    def _charge_block(
        self, key: tuple, price, low: int, length: int, first_at: int, until: int
    ) -> None:
        if price.block_rounding is None:
            self._count_units(key, price, low, low + length, first_at, until)
            return
        exact, before = Fraction(0), 0
        for index, units, times in self._paid(key, price, low, low + length, first_at, until):
            tier = price.tiers[index]
            exact += Fraction(tier.amount_micros * units, tier.per)
            after = round_to(exact, price.block_rounding)
            self._add((*key, index, 0), units, *times, micros=after - before)
            before = after

    def _count_units(
        self, key: tuple, price, low: int, high: int, first_at: int, until: int
    ) -> None:
        for index, units, times in self._paid(key, price, low, high, first_at, until):
            self._add((*key, index, 0), units, *times)

    def _paid(
        self, key: tuple, price, low: int, high: int, first_at: int, until: int
    ) -> Iterator[tuple[int, int, tuple[int, int]]]:
        """(tier, units, when) of what no allowance pays for; the counter goes on by all of it."""
        shift, metric = self._shift(price, low), price.metric.value
        band = self.versions[key[0]][1].bands[key[1]].name
        for index, tier in enumerate(price.tiers):
            left, right = self._within(price, index, low + shift, high + shift)
            units, at = right - left, first_at
            if metric == "seconds":
                at = first_at + left - shift - low
            usable = self.pool.usable(metric, self.instant, band) if tier.amount_micros else []
            for entry in [*usable, None]:
                part = units if entry is None else min(units, entry[1])
                if part <= 0:
                    break
                times = (at, at + part if metric == "seconds" else until)
                if entry is None:
                    yield index, part, times
                else:
                    entry[1] -= part
                    self._add((*key, index, entry[0].allowance_id), part, *times)
                units, at = units - part, times[1] if metric == "seconds" else at
        if price.counter and high > low:
            entry = self.pool.counter(price.counter, self.instant)
            entry[1] += high - low
            counter_id = entry[0].counter_id
            self.counted[counter_id] = self.counted.get(counter_id, 0) + high - low

    def _shift(self, price, position: int) -> int:
        """From the session's unit to where its tier is read."""
        if not price.counter:
            return 0
        return self.pool.counter(price.counter, self.instant)[1] - position

    @staticmethod
    def _within(price, index: int, low: int, high: int) -> tuple[int, int]:
        """The part of a stretch of units that lies in one tier."""
        later = price.tiers[index + 1 :]
        left = max(low, price.tiers[index].from_quantity)
        return left, max(left, min(high, later[0].from_quantity) if later else high)

    def _add(
        self, key: CellKey, quantity: int, first_at: int, last_at: int, *, micros: int = 0
    ) -> None:
        use = self.uses.setdefault(key, Use())
        if use.quantity == use.cut_quantity:
            use.first_at = first_at
        use.last_at = last_at
        use.quantity += quantity
        use.micros += micros

    def _cut(self) -> None:
        piece = self.open_piece()
        if piece is None:
            return
        self.pieces.append(piece)
        self.cut_at, self.cut_counters = self.until, dict(self.counters)
        self.cut_counted = dict(self.counted)
        held, self.cut_bound = self._held()
        self.cut_total = self._rounded(held)
        for use in self.uses.values():
            use.cut_quantity, use.cut_micros = use.quantity, use.micros

    def _cell(self, key: CellKey) -> tuple[str, str, int, int, int]:
        """What the cell is called, and its price."""
        version, band_index, index, tier_index, _ = key
        band = self.versions[version][1].bands[band_index]
        if index == len(band.prices):
            return band.name, "connection", 0, band.fee.amount_micros, 1
        price = band.prices[index]
        tier = price.tiers[tier_index]
        return band.name, price.metric.value, tier.from_quantity, tier.amount_micros, tier.per

    def _cost(self, key: CellKey, use: Use, *, at_cut: bool) -> Fraction:
        if key[4]:
            return Fraction(0)
        prices = self.versions[key[0]][1].bands[key[1]].prices
        if key[2] < len(prices) and prices[key[2]].block_rounding is not None:
            return Fraction(use.cut_micros if at_cut else use.micros)
        _, _, _, amount, per = self._cell(key)
        return Fraction(amount * (use.cut_quantity if at_cut else use.quantity), per)

    def _exact(self, *, at_cut: bool) -> Fraction:
        return sum(
            (self._cost(key, use, at_cut=at_cut) for key, use in self.uses.items()), Fraction(0)
        )

    def _held(self) -> tuple[Fraction, str]:
        """The charge within its bounds, and which of them acted."""
        exact, tariff = self._exact(at_cut=False), self._tariff_at_start()
        length = self.until - self.started_at
        free = tariff.free_start
        if free and free.rule.value == "waive" and not self.adopted and length <= free.seconds:
            return Fraction(0), "waived"
        if self.was_used and exact < tariff.minimum_micros:
            return Fraction(tariff.minimum_micros), "minimum"
        if tariff.maximum_micros is not None and exact > tariff.maximum_micros:
            return Fraction(tariff.maximum_micros), "maximum"
        return exact, ""

    def _bound_segment(self, amount: int) -> tuple:
        tariff = self._tariff_at_start()
        acted = self._held()[1] or self.cut_bound
        bounds = {"minimum": tariff.minimum_micros, "maximum": tariff.maximum_micros}
        return ("", acted, 0, 1, bounds.get(acted, 0), 1, amount, self.cut_at, self.until, 0)

    def _tariff_at_start(self):
        return self.versions[version_at(self.versions, self.started_at)][1]

    def _rounded(self, micros: Fraction) -> int:
        return round_to(micros, self._tariff_at_start().rounding)
