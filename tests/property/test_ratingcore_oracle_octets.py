"""Proves that the compiled engine and the slow twin agree to the micro on sessions that use octets
as well as time: `test_ratingcore_oracle`, the other half of the cases."""

from tests.property.rating_play import agree_on_many


def test_engine_agrees_with_the_slow_twin_on_octets():
    agree_on_many(5_000, 100_000, octets=True)
