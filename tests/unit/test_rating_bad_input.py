"""Proves that bad input to the tariff engine is refused by name: each refusal says what is wrong,
where, and what to do; and nothing that cannot be priced is ever priced at zero.

In price lists the same holds for what people write: `test_ledger_pricelist`,
`test_ledger_price_tariffs`. What the daemon cannot price goes to suspense: `test_server_applier`.
"""

from array import array
from collections.abc import Callable
from dataclasses import replace

import pytest

from ledger.pricelist import PriceListError, parse_pricelist
from ratingcore.allowance import Allowance, Counter
from ratingcore.batch import NOT_RATED, rate_batch
from ratingcore.compile import Timeline, compile_timeline
from ratingcore.errors import AmountError, QuantityError, RatingError, TariffError
from ratingcore.meter import Meter, quote
from ratingcore.pool import Pool
from ratingcore.tariff import Metric, Price, Tariff, Tier
from tests.rating_samples import DOWNLOADS, HOURLY, NOON, flat, price, tariff

HOURLY_TARIFF = HOURLY.versions[0][1]
LATER = compile_timeline([(NOON, HOURLY_TARIFF)])
DEAR = flat(price(Metric.SECONDS, (0, 1 << 62, 1)))


def meter() -> Meter:
    """Nine seconds and five octets after noon."""
    begun = Meter(HOURLY, NOON)
    begun.advance(NOON + 9, input_octets=5)
    return begun


def sound(**changes: object) -> Timeline:
    return compile_timeline([(0, replace(HOURLY_TARIFF, **changes))])


def tiers(*rows: tuple, metric: object = Metric.SECONDS) -> Timeline:
    return compile_timeline([(0, tariff(Price(metric, tuple(Tier(*row) for row in rows))))])


def counted() -> Tariff:
    """Its tiers are read over the counter "calls"."""
    return tariff(replace(price(Metric.SECONDS, (0, 1, 1)), counter="calls"))


USAGE: list[tuple[Callable[[], object], str, str]] = [
    (lambda: quote(HOURLY, NOON, -1), "seconds is -1", "give 0 to 4294967295"),
    (lambda: quote(HOURLY, NOON, 1 << 32), "seconds is 4294967296", "give 0 to 4294967295"),
    (lambda: quote(HOURLY, NOON, True), "seconds is True, a bool", "give a plain int"),
    (lambda: quote(HOURLY, NOON, 60.0), "seconds is 60.0, a float", "give a plain int"),
    (lambda: quote(HOURLY, -1, 5), "started_at is -1", "give epoch seconds from 0"),
    (lambda: quote(HOURLY, 1 << 40, 5), f"started_at is {1 << 40}", "give epoch seconds"),
    (
        lambda: quote(HOURLY, NOON, 5, output_octets=-1),
        "output_octets is -1",
        "give 0 to 4611686018427387903",
    ),
    (lambda: quote(HOURLY, NOON, 5, occurrences=-1), "occurrences is -1", "give 0 to"),
    (
        lambda: quote(LATER, NOON - 1, 5),
        f"usage at {NOON - 1} lies before the first tariff version",
        "give an earlier version, or a base line",
    ),
    (
        lambda: Meter(LATER, NOON - 1).advance(NOON + 1),
        f"usage at {NOON - 1} lies before the first tariff version",
        "give an earlier version, or a base line",
    ),
    (
        lambda: meter().advance(NOON + 8, input_octets=5),
        f"time runs backwards, from {NOON + 9} to {NOON + 8}",
        "drop the report",
    ),
    (
        lambda: meter().rebase(0, 0, NOON + 1),
        f"time runs backwards, from {NOON + 9} to {NOON + 1}",
        "drop the report",
    ),
    (
        lambda: meter().advance(NOON + 10, input_octets=4),
        "octets fall from 5 in, 0 out to 4 in, 0 out",
        "rebase after a reset",
    ),
    (
        lambda: meter().advance(NOON + 99, input_octets=5, cuts=[NOON + 12, NOON + 11]),
        f"cut {NOON + 11} does not lie after cut {NOON + 12}",
        "sort the cuts",
    ),
    (lambda: meter().grant_seconds(5, -1), "cap_s is -1", "give 0 or more"),
    (lambda: meter().grant_octets(5, -1), "cap_octets is -1", "give 0 to"),
    (
        lambda: quote(compile_timeline([(0, counted())]), NOON, 5),
        "the tariff reads the counter 'calls'",
        "begin the meter with a pool that has it",
    ),
    (
        lambda: quote(
            compile_timeline([(0, counted())]), NOON, 5, pool=Pool([], [Counter(1, "other", 0)])
        ),
        f"the counter 'calls', which the pool does not have at {NOON}",
        "hand the meter the counters of every cycle",
    ),
    (lambda: Pool([Allowance(1, Metric.SECONDS, -1)]), "allowance 1 has the quantity -1", "give 0"),
    (
        lambda: Pool([Allowance(1, Metric.SECONDS, 1.5)]),
        "allowance quantity is 1.5, a float",
        "give a plain int",
    ),
    (
        lambda: Pool([Allowance(1, Metric.SECONDS, 1, 9, 9)]),
        "allowance 1 holds from 9 until 9",
        "let it rise",
    ),
    (
        lambda: Pool([], [Counter(1, "x", 0), Counter(1, "x", 0)]),
        "an id of a counter comes twice",
        "give each its own",
    ),
]

AMOUNTS: list[tuple[Callable[[], object], str, str]] = [
    (lambda: meter().grant_seconds(1.5, 5), "available_micros is 1.5, a float", "give a plain"),
    (lambda: meter().grant_octets(True, 5), "available_micros is True, a bool", "give a plain"),
    (lambda: quote(DEAR, NOON, 5), "the session's charge leaves int64", "lower the price"),
]

TARIFFS: list[tuple[Callable[[], object], str, str]] = [
    (
        lambda: tiers((0, 1, 1), metric="calls"),
        "bands[0].prices[0].metric: unknown metric 'calls'",
        "use seconds, octets",
    ),
    (
        lambda: tiers((0, 1, 1), (60, 1, 1), (60, 1, 1)),
        "tiers[2].from_quantity: 60 does not lie above 60",
        "let thresholds rise strictly",
    ),
    (tiers, "prices[0].tiers: 0 tiers", "give 1 to 64"),
    (lambda: tiers((60, 1, 1)), "tiers[0].from_quantity: is 60", "begin the first tier at 0"),
    (lambda: tiers((0, -1, 1)), "tiers[0].amount_micros: -1 lies outside", "correct it"),
    (lambda: tiers((0, 1.5, 1)), "amount_micros: 1.5 is no 64-bit integer", "write a plain"),
    (lambda: tiers((0, True, 1)), "amount_micros: True is no 64-bit integer", "write a plain"),
    (lambda: tiers((0, 1, 0)), "tiers[0].per: 0 lies outside 1 to", "correct it"),
    (
        lambda: sound(zone="Europe/Atlantis"),
        "zone 'Europe/Atlantis' does not exist",
        "name one of the IANA database",
    ),
    (lambda: sound(currency=978), "currency: 978 is no text", "write"),
    (lambda: compile_timeline([]), "0 tariff versions", "give 1 to 1040"),
    (
        lambda: compile_timeline([(5, HOURLY_TARIFF), (5, HOURLY_TARIFF)]),
        "is effective at 5",
        "give instants that rise strictly",
    ),
    (
        lambda: compile_timeline([(0, HOURLY_TARIFF), (5, replace(HOURLY_TARIFF, currency="X"))]),
        "versions mix the currencies EUR, X",
        "use one",
    ),
    (
        lambda: Meter.unpack(DOWNLOADS, meter().pack()),
        "counted under other prices than tariff 'example'",
        "give it the versions that the session began with",
    ),
]


@pytest.mark.parametrize(
    ("kind", "call", "what", "remedy"),
    [
        *((QuantityError, *case) for case in USAGE),
        *((AmountError, *case) for case in AMOUNTS),
        *((TariffError, *case) for case in TARIFFS),
        (RatingError, lambda: Meter.unpack(HOURLY, b"junk"), "packed meter is damaged", "store"),
    ],
)
def test_each_refusal_says_what_where_and_the_remedy(
    kind: type[RatingError], call: Callable[[], object], what: str, remedy: str
):
    with pytest.raises(RatingError) as caught:
        call()
    assert type(caught.value) is kind
    assert what in str(caught.value)
    assert remedy in str(caught.value).partition(what)[2]


@pytest.mark.parametrize(
    ("written", "what", "remedy"),
    [
        (
            'metric = "seconds", amount = "0.0000001", per = "1 s"',
            'prices[1].amount = "0.0000001": is no exact amount',
            "write an amount in quotes",
        ),
        (
            'metric = "seconds", amount = 0.5, per = "1 s"',
            "prices[1].amount = 0.5: is a float, not a string",
            "write an amount in quotes",
        ),
        (
            'metric = "seconds", amount = true, per = "1 s"',
            "prices[1].amount = true: is a boolean, not a string",
            "write an amount in quotes",
        ),
        (
            'metric = "minutes", amount = "1", per = "1 s"',
            'prices[1].metric = "minutes": is not known',
            'write one of "seconds"',
        ),
    ],
)
def test_a_price_list_names_file_key_and_remedy(written: str, what: str, remedy: str):
    text = (
        '[pricelist]\nname = "l"\ncurrency = "EUR"\nprices = "net"\n[[tariffs.flat.bands]]\n'
        f'name = "all day"\nprices = [{{ {written} }}]\n'
    )
    with pytest.raises(PriceListError) as caught:
        parse_pricelist(text, source="conf/list.toml")
    assert f"conf/list.toml: tariffs.flat.bands[1].{what}" in str(caught.value)
    assert remedy in str(caught.value)


def test_a_row_of_a_batch_that_is_refused_has_no_charge_of_zero():
    charges = array("q", [0, 0])
    refused = rate_batch(
        [LATER],
        tariff=array("i", [0, 0]),
        started_at=array("q", [NOON - 1, NOON]),
        seconds=array("q", [5, -5]),
        charges=charges,
    )
    assert [row for row, _ in refused] == [0, 1]
    assert list(charges) == [NOT_RATED, NOT_RATED]
    assert all(isinstance(error, QuantityError) for _, error in refused)
