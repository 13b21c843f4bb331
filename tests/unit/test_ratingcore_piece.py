"""Proves that the records of `ratingcore.piece` are values: equal, hashable, frozen, picklable."""

import pickle

import pytest

from ratingcore.meter import quote
from tests.rating_samples import HOURLY, NOON


def test_pieces_are_values():
    one, other = quote(HOURLY, NOON, 60), quote(HOURLY, NOON, 60)
    assert one == other
    assert hash(one) == hash(other)
    assert one != quote(HOURLY, NOON, 61)
    assert pickle.loads(pickle.dumps(one)) == one
    with pytest.raises(AttributeError):
        one.charge_micros = 0
