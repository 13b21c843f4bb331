"""What the tariff engine refuses, by name: the tariff, the usage, or the amount.

Callers sort by class: a `TariffError` is the price list's fault and stops its loading, a
`QuantityError` or `AmountError` is one record's fault and sends that record to suspense. Every
message names the thing, its value and the remedy, because it is shown to an operator as it stands.
"""


class RatingError(ValueError):
    """Base of all refusals of `ratingcore`; nothing else leaves it for bad input."""


class TariffError(RatingError):
    """A tariff, or a sequence of tariff versions, cannot be used for rating."""


class QuantityError(RatingError):
    """Usage is impossible: it runs backwards, is negative, absurd, or before any tariff."""


class AmountError(RatingError):
    """An amount is no exact integer, is malformed text, or leaves the range of int64 micros."""
