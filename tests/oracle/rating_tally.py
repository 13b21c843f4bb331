"""How much a session has used of what, for the slow twin: step 1 and 2 of docs/pricelist.md.

Usage is counted block by block, through the tiers, into cells; allowances of a metric pay for units
before the price does. Nothing here is a sum of money but blocks that are rounded by themselves.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from tests.oracle.rating_clock import band_at, round_to, version_at
from tests.oracle.rating_pool import SlowPool

METRICS = ("seconds", "octets", "input_octets", "output_octets", "occurrences")


class Place(NamedTuple):
    """Where usage is counted: a price of a band, and the discounts that held, by their numbers.

    The connection fee of a band is the price after its last one.
    """

    version: int
    band: int
    price: int
    held: tuple[int, ...]


class Cell(NamedTuple):
    """A tier of a price, and who pays: 0, or the id of an allowance."""

    version: int
    band: int
    price: int
    tier: int
    allowance_id: int
    held: tuple[int, ...]


@dataclass
class Use:
    """What a cell has counted: in all, before the last cut, and when.

    `micros` is what its rounded blocks cost. `first_at` and `last_at` are since the last cut,
    `began_at` since the session's start.
    """

    began_at: int
    quantity: int = 0
    cut_quantity: int = 0
    micros: int = 0
    cut_micros: int = 0
    first_at: int = 0
    last_at: int = 0


class Tally:
    """What one session has used up to `until`."""

    def __init__(
        self,
        versions: Sequence[tuple[int, object]],
        started_at: int,
        *,
        occurrences: int | None,
        adopted: bool,
        pool: SlowPool,
    ) -> None:
        self.versions = versions
        self.started_at = self.until = self.instant = started_at
        self.occurrences = occurrences
        self.adopted = adopted
        self.pool = pool
        self.uses: dict[Cell, Use] = {}
        self.counters = {"input": 0, "output": 0}
        self.used = dict.fromkeys(METRICS, 0)
        self.skipped_s = 0
        self.counted: dict[int, int] = {}
        # how far each metric is charged in blocks, and its block that waits to be complete
        self.covered = dict.fromkeys(METRICS, 0)
        self.waiting: dict[str, tuple] = {}
        # of the start: is the fee looked at, did it occur; was anything used
        self.start = (adopted, adopted)
        self.was_used = False
        self.first_counted_at: int | None = None

    def tariff(self, version: int):
        return self.versions[version][1]

    def last_instant(self) -> int:
        """Where usage that takes no time belongs: the last second, or the first."""
        return self.until - 1 if self.used["seconds"] or self.skipped_s else self.until

    def held(self, version: int, at: int) -> tuple[int, ...]:
        """The numbers of the discounts that hold at an instant."""
        discounts = self.tariff(version).discounts
        return tuple(n for n, discount in enumerate(discounts) if self.pool.holds(discount, at))

    def begin(self, *, used: bool) -> None:
        """The connection fee and the occurrences, each once it is due."""
        if used and not self.was_used:
            self.was_used, self.first_counted_at = True, self.until
        self.instant = at = self.started_at
        fee_seen, occurred = self.start
        if fee_seen and occurred:
            return
        version, band_index = band_at(self.versions, at)
        tariff, held = self.tariff(version), self.held(version, at)
        band = tariff.bands[band_index]
        if not fee_seen and (used or (band.fee and band.fee.on_zero_length)):
            fee_seen = True
            if band.fee:
                on_all = tuple(n for n in held if tariff.discounts[n].covers.value == "all")
                cell = Cell(version, band_index, len(band.prices), 0, 0, on_all)
                self._add(cell, 1, at, at)
        if not occurred and (used or self.occurrences is not None):
            occurred = True
            count = 1 if self.occurrences is None else self.occurrences
            for index, price in enumerate(band.prices):
                if price.metric.value == "occurrences":
                    place = Place(version, band_index, index, held)
                    self._count_units(place, 0, count, at, at)
        self.start = (fee_seen, occurred)

    def use(self, version: int, band: int, until: int, step: dict[str, int]) -> None:
        """Count a stretch up to `until` in which neither band nor anything shared changes."""
        self.begin(used=True)
        # what decides which allowances, counters and discounts are valid
        self.instant = self.last_instant() if until == self.until else self.until
        held = self.held(version, self.instant)
        charged_from = min(until, max(self.until, self._free_until()))
        rises = {
            "seconds": until - charged_from,
            "octets": step["input"] + step["output"],
            "input_octets": step["input"],
            "output_octets": step["output"],
            "occurrences": 0,
        }
        for metric, (place, low, length, first_at) in list(self.waiting.items()):
            if self.used[metric] + rises[metric] >= low + length:
                del self.waiting[metric]
                self._charge_block(place, low, length, first_at, until)
        for index, price in enumerate(self.tariff(version).bands[band].prices):
            metric = price.metric.value
            low = self.used[metric]
            first_at = charged_from if metric == "seconds" else self.until
            place = Place(version, band, index, held)
            self._count_blocks(place, low, low + rises[metric], first_at, until)
        self.skipped_s += charged_from - self.until
        for name, rise in rises.items():
            self.used[name] += rise
        for name, rise in step.items():
            self.counters[name] += rise
        self.until = until

    def _free_until(self) -> int:
        free = self.tariff(version_at(self.versions, self.started_at)).free_start
        if self.adopted or free is None or free.rule.value != "skip":
            return 0
        return self.started_at + free.seconds

    def _price(self, place: Place):
        return self.tariff(place.version).bands[place.band].prices[place.price]

    def _count_blocks(self, place: Place, low: int, high: int, first_at: int, until: int) -> None:
        """Block by block; where every unit is a block of its own, all of them up to a threshold.

        What a block covers is paid for, also where the band and price are others by then.
        """
        price = self._price(place)
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
                self.waiting[metric] = (place, position, length, at)
                return
            self._charge_block(place, position, length, at, until)
            position += length

    def _charge_block(self, place: Place, low: int, length: int, first_at: int, until: int) -> None:
        price = self._price(place)
        if price.block_rounding is None:
            self._count_units(place, low, low + length, first_at, until)
            return
        exact, before = Fraction(0), 0
        for index, units, times in self._paid(place, low, low + length, first_at, until):
            tier = price.tiers[index]
            exact += Fraction(tier.amount_micros * units, tier.per)
            after = round_to(exact, price.block_rounding)
            self._add(self._cell(place, index), units, *times, micros=after - before)
            before = after

    def _count_units(self, place: Place, low: int, high: int, first_at: int, until: int) -> None:
        for index, units, times in self._paid(place, low, high, first_at, until):
            self._add(self._cell(place, index), units, *times)

    @staticmethod
    def _cell(place: Place, tier: int) -> Cell:
        return Cell(place.version, place.band, place.price, tier, 0, place.held)

    def _paid(
        self, place: Place, low: int, high: int, first_at: int, until: int
    ) -> Iterator[tuple[int, int, tuple[int, int]]]:
        """(tier, units, when) of what no allowance pays for; the counter goes on by all of it."""
        price = self._price(place)
        shift, metric = self._shift(price, low), price.metric.value
        band = self.tariff(place.version).bands[place.band].name
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
                    paid = self._cell(place, index)._replace(
                        allowance_id=entry[0].allowance_id, held=()
                    )
                    self._add(paid, part, *times)
                units, at = units - part, times[1] if metric == "seconds" else at
        if price.counter and high > low:
            self.count(price.counter, high - low)

    def count(self, counter: str, quantity: int) -> None:
        """Move a counter of the pool on, and remember by how much."""
        entry = self.pool.counter(counter, self.instant)
        entry[1] += quantity
        counter_id = entry[0].counter_id
        self.counted[counter_id] = self.counted.get(counter_id, 0) + quantity

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
        self, cell: Cell, quantity: int, first_at: int, last_at: int, *, micros: int = 0
    ) -> None:
        if self.first_counted_at is None:
            self.first_counted_at = self.started_at
        use = self.uses.setdefault(cell, Use(began_at=first_at))
        if use.quantity == use.cut_quantity:
            use.first_at = first_at
        use.began_at = min(use.began_at, first_at)
        use.last_at = last_at
        use.quantity += quantity
        use.micros += micros
