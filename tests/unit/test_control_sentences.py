"""Proves the sentences that explain a charge: the worked example of B112-B117, tiers, limits."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from aaad.control import sentences
from aaad.control.contract import LimitLine, SegmentLine
from ratingcore.compile import compile_timeline
from ratingcore.meter import quote
from ratingcore.tariff import Metric, Price, Tariff, Tier, TimeBand
from ratingcore.words import price_text

NEW_YORK = "America/New_York"
HOURLY = Price(Metric.SECONDS, (Tier(0, 1_000_000, 3600),))
FREE = Price(Metric.SECONDS, (Tier(0, 0, 3600),))
EXAMPLE = Tariff(
    name="example",
    zone=NEW_YORK,
    currency="USD",
    bands=(
        TimeBand("weekend", (5, 6), 0, 86_400, (FREE,)),
        TimeBand("weekday", (), 0, 86_400, (HOURLY,)),
    ),
)


def utc(text: str) -> int:
    """Epoch seconds of a UTC date and time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def explained(tariff: Tariff, started: str, seconds: int, **octets: int) -> list[str]:
    """The sentences of a whole session."""
    piece = quote(compile_timeline([(0, tariff)]), utc(started), seconds, **octets)
    segments = [cast(SegmentLine, asdict(cast(Any, one))) for one in piece.segments]
    return sentences.charge_sentences(
        segments, currency="USD", zone=NEW_YORK, total_micros=piece.charge_micros
    )


def test_the_worked_example_reads_as_a_clerk_would_say_it() -> None:
    assert explained(EXAMPLE, "2026-03-14T02:00", 3 * 3600) == [
        "Friday 22:00-24:00 weekday: 2 h 0 min at 1.00 USD per hour = 2.00 USD",
        "Saturday 00:00-01:00 weekend: 1 h 0 min free = 0.00 USD",
        "total: 2.00 USD",
    ]


def test_tiers_and_octets_say_where_they_begin_and_which_way() -> None:
    price = Price(Metric.OUTPUT_OCTETS, (Tier(0, 50_000, 10**9), Tier(10**9, 25_000, 10**9)))
    tariff = Tariff("data", NEW_YORK, "USD", (TimeBand("all", (), 0, 86_400, (price,)),))
    assert explained(tariff, "2026-03-11T14:00", 3600, output_octets=3 * 10**9) == [
        "Wednesday 10:00-11:00 all: 1 GB received by the user at 0.05 USD per GB = 0.05 USD",
        "Wednesday 10:00-11:00 all: 2 GB received by the user (above 1 GB) "
        "at 0.025 USD per GB = 0.05 USD",
        "total: 0.10 USD",
    ]


@pytest.mark.parametrize(
    ("per", "metric", "words"),
    [
        (3600, "seconds", "at 0.50 USD per hour"),
        (60, "seconds", "at 0.50 USD per minute"),
        (6, "seconds", "at 0.50 USD per 6 s"),
        (10**6, "octets", "at 0.50 USD per MB"),
        (1 << 20, "octets", "at 0.50 USD per MiB"),
        (1000, "input_octets", "at 0.50 USD per kB"),
        (4096, "octets", "at 0.50 USD per 4 KiB"),
    ],
)
def test_price_words(per: int, metric: str, words: str) -> None:
    assert price_text(500_000, per=per, metric=metric, currency="USD") == words


def test_a_limit_shows_shares_and_its_reset() -> None:
    limit = LimitLine(
        limit="hours",
        scope="service",
        service_id=7,
        metric="seconds",
        soft=80 * 3600,
        hard=100 * 3600,
        used=90 * 3600,
        period_start_at=0,
        period_end_at=utc("2026-04-01T04:00"),
    )
    assert sentences.limit_sentence(limit, currency="USD", zone=NEW_YORK) == (
        "hours (service): 90 h 0 min used; soft 80 h 0 min (112 %); hard 100 h 0 min (90 %); "
        "begins anew 2026-04-01 00:00:00 -04:00"
    )


def test_a_credit_limit_has_no_reset() -> None:
    limit = LimitLine(
        limit="credit",
        scope="account",
        service_id=0,
        metric="money",
        soft=None,
        hard=50_000_000,
        used=12_500_000,
        period_start_at=0,
        period_end_at=None,
    )
    assert sentences.limit_sentence(limit, currency="USD", zone=NEW_YORK) == (
        "credit (account): 12.50 USD used; hard 50.00 USD (25 %)"
    )
