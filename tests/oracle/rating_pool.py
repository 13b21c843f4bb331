"""What sessions share, for the slow twin: allowances, counters and entitlements as plain lists."""


class SlowPool:
    """Allowances and counters with what is left and counted, used up by one or several sessions."""

    def __init__(self, allowances=(), counters=(), entitlements=()) -> None:
        order = sorted(allowances, key=lambda one: (one.priority, one.until_at, one.allowance_id))
        self.allowances = [[one, one.quantity] for one in order]
        self.counters = [[one, one.quantity] for one in counters]
        self.entitlements = list(entitlements)

    def borders(self) -> set[int]:
        entries = [one for one, _ in [*self.allowances, *self.counters]]
        return {at for one in [*entries, *self.entitlements] for at in (one.from_at, one.until_at)}

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

    def holds(self, discount, at: int) -> bool:
        """Whether the discount's conditions are met at an instant."""
        if discount.counter and self.counter(discount.counter, at)[1] <= discount.above:
            return False
        return not discount.conditional or any(
            one.discount == discount.name and one.from_at <= at < one.until_at
            for one in self.entitlements
        )
