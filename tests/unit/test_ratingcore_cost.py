"""Proves what discounts take off in `ratingcore.cost`: figures by hand, their order, their
instants, what they cover, and that cuts and reports change nothing.
"""

from dataclasses import replace

import pytest

from ratingcore.allowance import Allowance, Counter, Entitlement
from ratingcore.compile import Timeline, compile_timeline
from ratingcore.errors import QuantityError, TariffError
from ratingcore.meter import Meter, Piece, quote
from ratingcore.money import UP
from ratingcore.pool import Pool
from ratingcore.tariff import (
    ConnectionFee,
    Counted,
    Covers,
    Discount,
    FreeRule,
    FreeStart,
    Increment,
    Metric,
    Rounding,
    Tariff,
)
from tests.rating_samples import NOON, price, tariff

HOUR = 3600
HOURLY = tariff(price(Metric.SECONDS, (0, 1_000_000, HOUR)))
TENTH = Discount("tenth", 10_000_000)
HALF = Discount("half", 50_000_000)
CENTS = Discount("five cents", amount_micros=50_000)


def compiled(*discounts: Discount, base: Tariff = HOURLY, **terms: object) -> Timeline:
    return compile_timeline([(0, replace(base, discounts=discounts, **terms))])


def figures(piece: Piece) -> list[tuple[str, str, int]]:
    assert sum(segment.amount_micros for segment in piece.segments) == piece.charge_micros
    return [(s.band, s.metric, s.amount_micros) for s in piece.segments]


def with_fee(amount: int) -> Tariff:
    (band,) = HOURLY.bands
    return replace(HOURLY, bands=(replace(band, fee=ConnectionFee(amount)),))


def test_a_percent_is_a_segment_of_its_own():
    piece = quote(compiled(TENTH), NOON, 2 * HOUR)
    assert figures(piece) == [
        ("any time", "seconds", 2_000_000),
        ("tenth", "discount", -200_000),
    ]
    assert (piece.segments[1].price_micros, piece.segments[1].per) == (10_000_000, 100)


@pytest.mark.parametrize(
    ("discounts", "charge"),
    [
        ((HALF, CENTS), 450_000),
        ((CENTS, HALF), 475_000),
        ((TENTH, HALF), 450_000),
        ((TENTH, CENTS, HALF), 425_000),
        ((Discount("all of it", 100_000_000),), 0),
        ((Discount("much", amount_micros=5_000_000), CENTS), 0),
        ((Discount("an eighth", 12_500_000), Discount("odd", 33_300_000)), 583_625),
    ],
)
def test_discounts_apply_in_their_order(discounts: tuple[Discount, ...], charge: int):
    piece = quote(compiled(*discounts), NOON, HOUR)
    assert piece.charge_micros == charge
    figures(piece)


def test_an_amount_comes_off_a_session_once():
    timeline = compiled(CENTS)
    meter = Meter(timeline, NOON)
    first = meter.advance(NOON + HOUR, cuts=(NOON + 90, NOON + 1800))
    pieces = [*first, meter.close_piece()]
    # 90 s cost 0.025, and the amount takes it all; then what is left of it
    assert [piece.charge_micros for piece in pieces] == [0, 450_000, 500_000]
    assert meter.charge_micros == quote(timeline, NOON, HOUR).charge_micros == 950_000
    assert [figures(piece)[1:] for piece in pieces] == [
        [("five cents", "discount", -25_000)],
        [("five cents", "discount", -25_000)],
        [],
    ]


def test_on_usage_leaves_the_connection_fee_and_on_all_does_not():
    base = with_fee(200_000)
    assert quote(compiled(HALF, base=base), NOON, HOUR).charge_micros == 700_000
    on_all = replace(HALF, covers=Covers.ALL)
    assert quote(compiled(on_all, base=base), NOON, HOUR).charge_micros == 600_000
    # an amount on usage never reaches the fee; on all it does
    much = Discount("much", amount_micros=1_100_000)
    assert quote(compiled(much, base=base), NOON, HOUR).charge_micros == 200_000
    all_of_it = replace(much, covers=Covers.ALL)
    assert quote(compiled(all_of_it, base=base), NOON, HOUR).charge_micros == 100_000


def test_half_price_ends_at_its_instant():
    timeline = compiled(replace(HALF, conditional=True))
    pool = Pool(entitlements=[Entitlement("half", 0, NOON + 1800)])
    meter = Meter(timeline, NOON, pool=pool)
    meter.advance(NOON + HOUR)
    assert meter.charge_micros == 750_000
    assert figures(meter.open_piece()) == [
        ("any time", "seconds", 500_000),
        ("any time", "seconds", 500_000),
        ("half", "discount", -250_000),
    ]
    assert quote(timeline, NOON, HOUR).charge_micros == 1_000_000  # nobody is entitled
    other = Pool(entitlements=[Entitlement("tenth")])
    assert quote(timeline, NOON, HOUR, pool=other).charge_micros == 1_000_000


def test_more_than_a_hundred_accounts_get_a_tenth():  # B32
    timeline = compiled(replace(TENTH, counter="accounts", above=100))

    def charge(accounts: int) -> int:
        pool = Pool(counters=[Counter(1, "accounts", accounts)])
        return quote(timeline, NOON, 10 * HOUR, pool=pool).charge_micros

    assert (charge(100), charge(101)) == (10_000_000, 9_000_000)
    with pytest.raises(QuantityError, match="'accounts'"):
        quote(timeline, NOON, HOUR)


def test_a_counter_that_changes_lowers_what_comes_after():
    timeline = compiled(replace(TENTH, counter="accounts", above=100))
    pool = Pool(
        counters=[
            Counter(1, "accounts", 100, 0, NOON + HOUR),
            Counter(2, "accounts", 101, NOON + HOUR),
        ]
    )
    piece = quote(timeline, NOON, 2 * HOUR, pool=pool)
    assert piece.charge_micros == 1_900_000
    assert piece.counted == ()


def test_a_block_has_the_discounts_of_its_beginning():
    (band,) = HOURLY.bands
    blocks = replace(band.prices[0], increment=Increment(600, 600))
    down = replace(band.prices[0], increment=Increment(600, 600, Counted.DOWN))
    pool = Pool(entitlements=[Entitlement("half", 0, NOON + 700)])
    for block_price, charge in ((blocks, 1_000_000 - 166_667), (down, 1_000_000 - 166_667)):
        base = replace(HOURLY, bands=(replace(band, prices=(block_price,)),))
        timeline = compiled(replace(HALF, conditional=True), base=base)
        meter = Meter(timeline, NOON, pool=pool)
        for until in (NOON + 650, NOON + 800, NOON + 2000, NOON + HOUR):
            meter.advance(until)
        # the blocks that begin at 0 s and 600 s cost half
        assert meter.charge_micros == pytest.approx(charge, abs=1)
        assert meter.charge_micros == quote(timeline, NOON, HOUR, pool=pool).charge_micros


def test_bounds_are_lowered_by_discounts_on_all_of_the_start():
    bounds = {"minimum_micros": 100_000, "maximum_micros": 3_000_000}
    on_all = replace(HALF, covers=Covers.ALL)
    lowered = compiled(on_all, **bounds)
    assert quote(lowered, NOON, 60).charge_micros == 50_000
    assert quote(lowered, NOON, 10 * HOUR).charge_micros == 1_500_000
    on_usage = compiled(HALF, **bounds)
    assert quote(on_usage, NOON, 60).charge_micros == 100_000
    assert quote(on_usage, NOON, 10 * HOUR).charge_micros == 3_000_000
    piece = quote(lowered, NOON, 10 * HOUR)
    assert figures(piece)[1:] == [("half", "discount", -5_000_000), ("", "maximum", -3_500_000)]
    assert piece.segments[2].price_micros == 1_500_000
    # a discount that ends in the session still bounds it as it began, and never makes it cheaper
    ended = compiled(replace(on_all, conditional=True), **bounds)
    charges = []
    for length in range(0, 4 * HOUR, 450):
        pool = Pool(entitlements=[Entitlement("half", 0, NOON + HOUR)])
        charges.append(quote(ended, NOON, length, pool=pool).charge_micros)
    assert charges == sorted(charges)
    assert charges[-1] == 1_500_000


def test_allowances_pay_before_discounts():
    pool = Pool([Allowance(1, Metric.SECONDS, HOUR)])
    piece = quote(compiled(HALF), NOON, 2 * HOUR, pool=pool)
    assert piece.charge_micros == 500_000
    assert pool.left(1) == 0


def test_a_waived_session_costs_nothing():
    timeline = compiled(TENTH, free_start=FreeStart(60, FreeRule.WAIVE))
    assert quote(timeline, NOON, 60).charge_micros == 0
    assert figures(quote(timeline, NOON, 60))[-1][1] == "waived"
    assert quote(timeline, NOON, 61).charge_micros == 15_250


def test_amounts_are_those_of_the_version_at_the_start_and_percents_of_the_instant():
    versions = [
        (0, replace(HOURLY, discounts=(CENTS,))),
        (NOON + HOUR, replace(HOURLY, discounts=(CENTS, HALF))),
    ]
    timeline = compile_timeline(versions)
    assert quote(timeline, NOON, 2 * HOUR).charge_micros == 950_000 + 500_000
    assert quote(timeline, NOON + HOUR, HOUR).charge_micros == 475_000


def test_rounding_comes_last():
    timeline = compiled(TENTH, rounding=Rounding(UP, 2))
    assert quote(timeline, NOON, 60).charge_micros == 20_000  # 0.015 exactly, up to cents


def test_discounts_survive_packing_and_copies():
    timeline = compiled(replace(HALF, conditional=True), CENTS)
    pool = Pool(entitlements=[Entitlement("half", 0, NOON + 1800)])
    meter = Meter(timeline, NOON, pool=pool)
    meter.advance(NOON + 2000, cuts=(NOON + 1000,))
    again = Meter.unpack(timeline, meter.pack(), pool)
    assert again.open_piece() == meter.open_piece() == meter.copy().open_piece()
    for one in (meter, again):
        one.advance(NOON + HOUR)
    assert again.charge_micros == meter.charge_micros == 700_000
    other = compiled(replace(HALF, percent_micros=40_000_000, conditional=True), CENTS)
    with pytest.raises(TariffError, match="other prices"):
        Meter.unpack(other, meter.pack())


@pytest.mark.parametrize("available", [0, 1, 49_999, 50_000, 123_457, 600_000, 5_000_000])
def test_grants_are_the_inverse(available: int):
    timeline = compiled(replace(HALF, conditional=True), CENTS, maximum_micros=3_000_000)
    pool = Pool(entitlements=[Entitlement("half", NOON + 100, NOON + 1800)])
    meter = Meter(timeline, NOON, pool=pool)
    granted = meter.grant_seconds(available, 20 * HOUR)
    assert quote(timeline, NOON, granted, pool=pool).charge_micros <= available
    if granted < 20 * HOUR:
        assert quote(timeline, NOON, granted + 1, pool=pool).charge_micros > available
