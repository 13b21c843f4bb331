"""The slow twin of ratingcore: Fractions and zoneinfo, walking the clock, sharing no code with it.

`rating_clock` says which band holds when, `rating_pool` what is shared, `rating_tally` how much was
used of what, `rating_charge` what it costs (docs/pricelist.md, In which order it all applies). Here
reports become stretches, and cuts make pieces. The records of `ratingcore.tariff` are read as plain
data. What the twin says is the definition of right.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from tests.oracle.rating_charge import Bill, cell_cost, cell_text, lowered
from tests.oracle.rating_clock import (
    HALF_EVEN,
    band_at,
    band_runs,
    round_fraction,
    round_to,
    version_at,
)
from tests.oracle.rating_pool import SlowPool
from tests.oracle.rating_tally import Cell, Tally, Use

Segment = tuple[str, str, int, int, int, int, int, int, int, int]
"""Band, metric, tier from, quantity, price, per, amount, from, until, allowance id."""


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


class Session:
    """A session rated the slow way."""

    def __init__(
        self,
        versions: Sequence[tuple[int, object]],
        started_at: int,
        occurrences: int | None = None,
        adopted: bool = False,
        pool: SlowPool | None = None,
    ) -> None:
        self.versions = versions
        self.started_at = self.cut_at = started_at
        self.pool = pool or SlowPool()
        self.tally = Tally(
            versions, started_at, occurrences=occurrences, adopted=adopted, pool=self.pool
        )
        self.bill, self.cut_bill = Bill(), Bill()
        self.cut_counters = {"input": 0, "output": 0}
        self.cut_counted: dict[int, int] = {}
        self.pieces: list[dict] = []

    @property
    def until(self) -> int:
        return self.tally.until

    @property
    def counters(self) -> dict[str, int]:
        return self.tally.counters

    @property
    def uses(self) -> dict[Cell, Use]:
        return self.tally.uses

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
            self.tally.begin(used=False)
            self._settle(self.started_at)
        elif report.until == start:
            at = self.tally.last_instant()
            self.tally.use(*band_at(self.versions, at), report.until, rise)
            self._settle(at)
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
                self.tally.use(version, band, right, step)
                self.bill.settle(self.tally, version, band, left)
        if report.close:
            self._cut()

    def total(self) -> int:
        return self.bill.charged

    def open_charge(self) -> int:
        return self.bill.charged - self.cut_bill.charged

    def open_piece(self) -> dict | None:
        counted = any(use.quantity > use.cut_quantity for use in self.uses.values())
        if not counted and (self.until, self.counters) == (self.cut_at, self.cut_counters):
            return None
        segments = self._used_segments()
        beyond = self.bill.rounded - self.cut_bill.rounded - sum(one[6] for one in segments)
        if beyond:
            segments.append(self._bound_segment(beyond))
        segments += self._cap_segments() + self._money_segments()
        return {
            "started_at": self.cut_at,
            "ended_at": self.until,
            "input_octets": self.counters["input"] - self.cut_counters["input"],
            "output_octets": self.counters["output"] - self.cut_counters["output"],
            "charge_micros": self.open_charge(),
            "segments": segments,
            "counted": [
                (counter_id, quantity - self.cut_counted.get(counter_id, 0))
                for counter_id, quantity in sorted(self.tally.counted.items())
                if quantity > self.cut_counted.get(counter_id, 0)
            ],
            "impacts": self._impacts(),
        }

    def _settle(self, at: int) -> None:
        self.bill.settle(self.tally, *band_at(self.versions, at), at)

    def _rebase(self, report: Report) -> None:
        if self.open_piece() is None:
            self.cut_at = report.until
        if report.until > self.until and not self.tally.was_used:
            self.tally.adopted = True
            self.tally.start = (True, True)
        told = {"input": report.input_octets, "output": report.output_octets}
        for name in self.counters:
            self.cut_counters[name] += told[name] - self.counters[name]
        self.tally.until, self.tally.counters = report.until, told
        if self.bill.acted == "waived":
            free_until = self.started_at + self._tariff_at_start().free_start.seconds
            self._settle(min(free_until, report.until))

    def _used_segments(self) -> list[Segment]:
        """Usage since the last cut, then what discounts took off: each the difference of two
        rounded running totals."""
        exact = self.cut_bill.exact
        before = self._rounded(exact)
        segments = []
        recent = [
            (use.first_at, cell, use)
            for cell, use in self.uses.items()
            if use.quantity > use.cut_quantity
        ]
        for _, cell, use in sorted(recent, key=lambda item: item[:2]):
            name, metric, tier_from, amount, per = cell_text(self.versions, cell)
            exact += cell_cost(self.versions, cell, use, at_cut=False)
            exact -= cell_cost(self.versions, cell, use, at_cut=True)
            after = self._rounded(exact)
            quantity, price = use.quantity - use.cut_quantity, 0 if cell.allowance_id else amount
            said = (name, metric, tier_from, quantity, price, per, after - before)
            segments.append((*said, use.first_at, use.last_at, cell.allowance_id))
            before = after
        for (version, number), taken in sorted(self.bill.taken.items()):
            off = taken - self.cut_bill.taken.get((version, number), 0)
            if not off:
                continue
            exact -= off
            after = self._rounded(exact)
            discount = self.versions[version][1].discounts[number]
            price = (discount.percent_micros, 100) if discount.percent_micros else None
            price = price or (discount.amount_micros, 1)
            segments.append(self._segment(discount.name, "discount", price, after - before))
            before = after
        return segments

    def _segment(self, name: str, metric: str, price: tuple[int, int], amount: int) -> Segment:
        """A segment that is no usage."""
        return (name, metric, 0, 1, *price, amount, self.cut_at, self.until, 0)

    def _bound_segment(self, amount: int) -> Segment:
        tariff = self._tariff_at_start()
        acted = self.bill.acted or self.cut_bill.acted
        bounds = {"minimum": tariff.minimum_micros, "maximum": tariff.maximum_micros}
        bound = round_fraction(lowered(self.tally, bounds.get(acted, 0)), HALF_EVEN)
        return self._segment("", acted, (bound, 1), amount)

    def _cap_segments(self) -> list[Segment]:
        segments = []
        for (version, number), micros in sorted(self.bill.let_go.items()):
            off = micros - self.cut_bill.let_go.get((version, number), 0)
            cap = self.versions[version][1].caps[number]
            if off:
                segments.append(self._segment(cap.name, "cap", (cap.amount_micros, 1), -off))
        return segments

    def _money_segments(self) -> list[Segment]:
        segments = []
        for allowance_id, micros in sorted(self.bill.paid.items()):
            off = micros - self.cut_bill.paid.get(allowance_id, 0)
            if off:
                said = ("", "money", 0, off, 0, 1, -off, self.cut_at, self.until)
                segments.append((*said, allowance_id))
        return segments

    def _impacts(self) -> list[tuple[str, int, str, str]]:
        """What the piece gives besides its charge, below 0."""
        found = []
        for bonus in self._tariff_at_start().bonuses:
            before, after = (
                round_to(Fraction(bonus.amount_micros * many, bonus.per), bonus.rounding)
                for many in self._counted_for(bonus)
            )
            if after != before:
                found.append((bonus.resource, before - after, bonus.gl_code, bonus.tax_code))
        return found

    def _counted_for(self, bonus) -> tuple[int, int]:
        """How much a bonus is given for: at the last cut, and now."""
        if bonus.metric.value == "money":
            return self.cut_bill.charged, self.bill.charged
        before = now = 0
        for cell, use in self.uses.items():
            name, metric, *_ = cell_text(self.versions, cell)
            if metric == bonus.metric.value and (not bonus.bands or name in bonus.bands):
                before, now = before + use.cut_quantity, now + use.quantity
        return before, now

    def _cut(self) -> None:
        piece = self.open_piece()
        if piece is None:
            return
        self.pieces.append(piece)
        self.cut_at, self.cut_counters = self.until, dict(self.counters)
        self.cut_counted = dict(self.tally.counted)
        bill = self.bill
        self.cut_bill = replace(
            bill, taken=dict(bill.taken), let_go=dict(bill.let_go), paid=dict(bill.paid)
        )
        for use in self.uses.values():
            use.cut_quantity, use.cut_micros = use.quantity, use.micros

    def _tariff_at_start(self):
        return self.versions[version_at(self.versions, self.started_at)][1]

    def _rounded(self, micros: Fraction) -> int:
        return round_to(micros, self._tariff_at_start().rounding)
