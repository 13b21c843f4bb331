"""What the cells of a session cost, for the slow twin: steps 3 to 8 of docs/pricelist.md, in order.

All of it is exact, in Fractions of a micro, up to the rounding.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from tests.oracle.rating_clock import round_to, version_at
from tests.oracle.rating_tally import Cell, Tally, Use

WHOLE_PERCENT = 100 * 10**6

# a version, and the numbers of the discounts that held
Portion = tuple[int, tuple[int, ...]]
# a version, and the number of a discount or a cap
Number = tuple[int, int]


def cell_text(versions: Sequence, cell: Cell) -> tuple[str, str, int, int, int]:
    """What a cell is called, and its price: (band, metric, tier from, amount, per)."""
    band = versions[cell.version][1].bands[cell.band]
    if cell.price == len(band.prices):
        return band.name, "connection", 0, band.fee.amount_micros, 1
    price = band.prices[cell.price]
    tier = price.tiers[cell.tier]
    return band.name, price.metric.value, tier.from_quantity, tier.amount_micros, tier.per


def cell_cost(versions: Sequence, cell: Cell, use: Use, *, at_cut: bool) -> Fraction:
    """What was counted in a cell costs before any discount."""
    if cell.allowance_id:
        return Fraction(0)
    prices = versions[cell.version][1].bands[cell.band].prices
    if cell.price < len(prices) and prices[cell.price].block_rounding is not None:
        return Fraction(use.cut_micros if at_cut else use.micros)
    _, _, _, amount, per = cell_text(versions, cell)
    return Fraction(amount * (use.cut_quantity if at_cut else use.quantity), per)


def portions(tally: Tally) -> dict[Portion, Fraction]:
    """The cost of each portion, that first in which something was counted first."""
    costs: dict[Portion, Fraction] = {}
    paid = [(cell, use) for cell, use in tally.uses.items() if not cell.allowance_id]
    for cell, use in sorted(paid, key=lambda item: item[1].began_at):
        portion = (cell.version, cell.held)
        cost = cell_cost(tally.versions, cell, use, at_cut=False)
        costs[portion] = costs.get(portion, Fraction(0)) + cost
    return costs


def take_off(tally: Tally, costs: dict[Portion, Fraction]) -> dict[Number, Fraction]:
    """Lower the portions by the discounts; return what each took off."""
    first = version_at(tally.versions, tally.started_at)
    taken: dict[Number, Fraction] = {}
    for version in sorted({version for version, _ in costs}):
        for number, discount in enumerate(tally.tariff(version).discounts):
            amount = discount.amount_micros if version == first else 0
            for portion, cost in costs.items():
                if portion[0] != version or number not in portion[1]:
                    continue
                off = min(cost, Fraction(amount)) + cost * Fraction(
                    discount.percent_micros, WHOLE_PERCENT
                )
                amount -= off if discount.amount_micros else 0
                costs[portion] -= off
                taken[version, number] = taken.get((version, number), Fraction(0)) + off
    return taken


def within_bounds(tally: Tally, exact: Fraction) -> tuple[Fraction, str]:
    """The charge within its bounds, and which of them acted."""
    tariff = tally.tariff(version_at(tally.versions, tally.started_at))
    free, length = tariff.free_start, tally.until - tally.started_at
    if free and free.rule.value == "waive" and not tally.adopted and length <= free.seconds:
        return Fraction(0), "waived"
    minimum = lowered(tally, tariff.minimum_micros)
    if tally.was_used and exact < minimum:
        return minimum, "minimum"
    if tariff.maximum_micros is not None and exact > lowered(tally, tariff.maximum_micros):
        return lowered(tally, tariff.maximum_micros), "maximum"
    return exact, ""


def lowered(tally: Tally, bound: int) -> Fraction:
    """A bound after the discounts on all that held when the first usage was counted."""
    left = Fraction(bound)
    if tally.first_counted_at is None:
        return left
    version = version_at(tally.versions, tally.started_at)
    for number in tally.held(version, tally.first_counted_at):
        discount = tally.tariff(version).discounts[number]
        if discount.covers.value == "all":
            left -= left * Fraction(discount.percent_micros, WHOLE_PERCENT)
            left = max(Fraction(0), left - discount.amount_micros)
    return left


@dataclass
class Bill:
    """What a session costs so far, and what became of each micro that it did not cost."""

    exact: Fraction = Fraction(0)  # after discounts
    acted: str = ""  # the bound that acted last
    rounded: int = 0
    charged: int = 0  # what is left to pay
    taken: dict[Number, Fraction] = field(default_factory=dict)
    let_go: dict[Number, int] = field(default_factory=dict)
    paid: dict[int, int] = field(default_factory=dict)  # by allowances of money

    def settle(self, tally: Tally, version: int, band: int, instant: int) -> None:
        """Charge what the session's charge rose by, at an instant: steps 3 to 7."""
        costs = portions(tally)
        self.taken = take_off(tally, costs)
        self.exact = sum(costs.values(), Fraction(0))
        exact, self.acted = within_bounds(tally, self.exact)
        tariff = tally.tariff(version_at(tally.versions, tally.started_at))
        before, self.rounded = self.rounded, round_to(exact, tariff.rounding)
        rise = self.rounded - before
        assert rise >= 0, "a charge never falls"
        if rise:
            tally.instant = instant
            rise = self._within_caps(tally, version, rise)
            name = tally.tariff(version).bands[band].name
            for entry in tally.pool.usable("money", instant, name):
                part = min(rise, entry[1])
                entry[1] -= part
                allowance_id = entry[0].allowance_id
                self.paid[allowance_id] = self.paid.get(allowance_id, 0) + part
                rise -= part
            self.charged += rise

    def _within_caps(self, tally: Tally, version: int, rise: int) -> int:
        """What of a rise finds room; the rest is let go for good."""
        caps = tally.tariff(version).caps
        rooms = [
            max(0, cap.amount_micros - tally.pool.counter(cap.name, tally.instant)[1])
            for cap in caps
        ]
        charged = min([rise, *rooms])
        if charged < rise:
            number = (version, rooms.index(min(rooms)))
            self.let_go[number] = self.let_go.get(number, 0) + rise - charged
        for cap in caps:
            if charged:
                tally.count(cap.name, charged)
        return charged
