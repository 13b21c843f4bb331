"""Every reason to discard has a remedy, and Discard carries nothing but the reason."""

from aaad.radius.errors import REMEDY, Discard, DiscardReason


def test_every_reason_has_a_remedy() -> None:
    assert set(REMEDY) == set(DiscardReason)
    assert all(len(remedy) > 20 for remedy in REMEDY.values())


def test_discard_shows_its_reason() -> None:
    assert str(Discard(DiscardReason.TOO_SHORT)) == "too_short"
    assert Discard(DiscardReason.OVERLOAD).reason is DiscardReason.OVERLOAD
