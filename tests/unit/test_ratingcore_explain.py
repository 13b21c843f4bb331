"""Proves that a price is told in exact words, and that its data reads back or is refused."""

import json

import pytest

from ratingcore.compile import compile_timeline
from ratingcore.errors import RatingError, TariffError
from ratingcore.explain import explain, piece_from_data
from ratingcore.meter import quote
from ratingcore.piece import piece_as_data
from ratingcore.tariff import Metric, Price, Tariff, Tier, TimeBand
from ratingcore.words import duration_text, quantity_text

FRIDAY_22 = 1_772_852_400  # 2026-03-06 22:00 in New York
FREE = (Price(Metric.SECONDS, (Tier(0, 0, 3600),)),)
PAID = (
    Price(Metric.SECONDS, (Tier(0, 1_000_000, 3600), Tier(3600, 500_000, 90))),
    Price(Metric.OUTPUT_OCTETS, (Tier(0, 50_000, 10**9),)),
)
DIAL_UP = Tariff(
    "dial-up",
    "America/New_York",
    "USD",
    (TimeBand("weekend", (5, 6), 0, 86_400, FREE), TimeBand("weekday", (), 0, 86_400, PAID)),
)
PIECE = quote(
    compile_timeline([(0, DIAL_UP)]),
    FRIDAY_22,
    3 * 3600,
    input_octets=12_500_000,
    output_octets=3_000_000_000,
)


def test_a_piece_in_words():
    assert explain(PIECE, currency="USD", zone="America/New_York") == [
        "Friday 22:00 to Saturday 01:00 from 2026-03-06 22:00:00 -05:00, 3 h 0 min, "
        "12.5 MB sent, 3 GB received = 21.10 USD",
        "Friday 22:00-23:00 weekday: 1 h 0 min at 1.00 USD per hour = 1.00 USD",
        "Friday 22:00-24:00 weekday: 2 GB received by the user at 0.05 USD per GB = 0.10 USD",
        "Friday 23:00-24:00 weekday: 1 h 0 min (above 1 h 0 min) at 0.50 USD per 90 s = 20.00 USD",
        "Saturday 00:00-01:00 weekend: 1 h 0 min free = 0.00 USD",
    ]


def test_words_need_a_zone_that_exists():
    with pytest.raises(TariffError):
        explain(PIECE, currency="USD", zone="Mars/Olympus")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3599, "59 min 59 s"),
        (7200, "2 h 0 min"),
        (90_061, "25 h 1 min 1 s"),
        (-60, "-1 min"),
    ],
)
def test_durations_are_in_hours_however_long(seconds: int, text: str):
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("metric", "quantity", "text"),
    [
        (Metric.SECONDS, 0, "0 s"),
        (Metric.SECONDS, 90_061, "25 h 1 min 1 s"),
        (Metric.OCTETS, 512, "512 octets"),
        (Metric.OCTETS, 1_500, "1.5 kB"),
        (Metric.OCTETS, 1_234, "1234 octets"),
        (Metric.OCTETS, 1_230_000_000, "1.23 GB"),
        (Metric.OCTETS, 1 << 30, "1 GiB"),
        (Metric.OCTETS, 3 << 20, "3 MiB"),
        (Metric.OCTETS, 10**15 + 1, "1000000000000001 octets"),
    ],
)
def test_quantities_are_exact(metric: Metric, quantity: int, text: str):
    assert quantity_text(metric, quantity) == text


def test_data_is_plain_and_reads_back():
    text = json.dumps(piece_as_data(PIECE))
    assert piece_from_data(json.loads(text)) == PIECE


def broken(**changes: object) -> dict[str, object]:
    return piece_as_data(PIECE) | changes


def broken_segment(**changes: object) -> dict[str, object]:
    data = piece_as_data(PIECE)
    return data | {"segments": [data["segments"][0] | changes, *data["segments"][1:]]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "missing charge_micros"),
        (broken(extra=1), "unknown 'extra'"),
        (broken(charge_micros=1), "segments sum to"),
        (broken(charge_micros=2.0), "piece.charge_micros is 2.0"),
        (broken(segments={}), "give a list"),
        (broken(segments=[3]), "give a mapping"),
        (broken(segments=[{}]), "segment has not its keys"),
        (broken_segment(metric="calls"), "segment.metric is 'calls'"),
        (broken_segment(band=7), "segment.band is 7"),
        (broken_segment(quantity=True), "segment.quantity is True"),
    ],
)
def test_data_that_is_no_piece_is_refused(data: dict, message: str):
    with pytest.raises(RatingError, match=message):
        piece_from_data(data)
