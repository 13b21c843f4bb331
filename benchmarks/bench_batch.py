"""Records a second that `rate_batch` prices, beside a plain C twin of the same meaning at -O3, and
beside NumPy and Arrow where they can say the tariff.

Run from the root of the project, after the build: `python -m benchmarks.bench_batch`. 1,000 tariffs
in shuffled order, starts over 60 days, sessions of up to three hours. Processor time, medians of 5
runs; each run of ours has one of the peer beside it, and the ratio is the median of theirs. The
twin is compiled here by gcc from benchmarks/twin_batch.c. All must give the same charges.
"""

import ctypes
import random
import statistics
import subprocess
import tempfile
import time
from array import array
from collections.abc import Callable
from math import lcm
from pathlib import Path

from benchmarks.columns import Peer, numpy_peer, pyarrow_peer
from ratingcore.batch import rate_batch
from ratingcore.compile import Timeline, compile_timeline
from ratingcore.tariff import Metric, Price, Tariff, Tier, TimeBand

RUNS = 5
ROWS = 300_000
TARIFFS = 1_000
DAY_S = 86_400
BEGIN_AT = 1_767_225_600  # 2026-01-01
LAST_AT = BEGIN_AT + 60 * DAY_S
SOURCE = Path(__file__).with_name("twin_batch.c")
METRICS = {metric: number for number, metric in enumerate(Metric)}


class TwinTariff(ctypes.Structure):
    """tariff_t of twin_batch.c."""

    _fields_ = (
        ("span_starts", ctypes.c_void_p),
        ("span_bands", ctypes.c_void_p),
        ("span_count", ctypes.c_int64),
        ("price_first", ctypes.c_void_p),
        ("metrics", ctypes.c_void_p),
        ("tier_first", ctypes.c_void_p),
        ("thresholds", ctypes.c_void_p),
        ("amounts", ctypes.c_void_p),
        ("weights", ctypes.c_void_p),
        ("multiple", ctypes.c_int64),
    )


def flat_tariff(number: int) -> Tariff:
    price = Price(Metric.SECONDS, (Tier(0, 1_000_000 + number, 3600),))
    return Tariff("flat", "UTC", "EUR", (TimeBand("all day", (), 0, DAY_S, (price,)),))


def tiered_tariff(number: int) -> Tariff:
    """One band, three tiers of time."""
    price = Price(Metric.SECONDS, tiers_of_time(number))
    return Tariff("tiered", "UTC", "EUR", (TimeBand("all day", (), 0, DAY_S, (price,)),))


def tiers_of_time(number: int) -> tuple[Tier, ...]:
    return (
        Tier(0, 1_000_000 + number, 3600),
        Tier(1800, 900_000, 3600),
        Tier(5400, 800_000, 3600),
    )


def banded_tariff(number: int) -> Tariff:
    """Two bands, three tiers of time, and octets."""
    tiers = tiers_of_time(number)
    octets = Price(Metric.OUTPUT_OCTETS, (Tier(0, 50_000, 10**9),))
    night = tuple(Tier(tier.from_quantity, tier.amount_micros // 2, tier.per) for tier in tiers)
    bands = (
        TimeBand("night", (), 0, 21_600, (Price(Metric.SECONDS, night), octets)),
        TimeBand("day", (), 0, DAY_S, (Price(Metric.SECONDS, tiers), octets)),
    )
    return Tariff("banded", "Europe/Berlin", "EUR", bands)


def build_twin(folder: str) -> ctypes.CDLL:
    library = Path(folder) / "twin.so"
    command = ["gcc", "-O3", "-shared", "-fPIC", "-o", str(library), str(SOURCE)]
    subprocess.run(command, check=True)  # noqa: S603 - our own source, a fixed command
    return ctypes.CDLL(str(library))


def twin_tariff(tariff: Tariff, timeline: Timeline, kept: list[array]) -> TwinTariff:
    """The tariff in the twin's arrays; `kept` holds them in memory."""
    numbers = {band.name: number for number, band in enumerate(tariff.bands)}
    spans = timeline.spans(BEGIN_AT, LAST_AT + DAY_S)
    prices = [price for band in tariff.bands for price in band.prices]
    tiers = [tier for price in prices for tier in price.tiers]
    multiple = lcm(*(tier.per for tier in tiers))
    price_first, tier_first = [0], [0]
    for band in tariff.bands:
        price_first.append(price_first[-1] + len(band.prices))
    for price in prices:
        tier_first.append(tier_first[-1] + len(price.tiers))
    columns = [
        array("q", [at for at, _, _ in spans]),
        array("i", [numbers[name] for _, _, name in spans]),
        array("i", price_first),
        array("i", [METRICS[price.metric] for price in prices]),
        array("i", tier_first),
        array("q", [tier.from_quantity for tier in tiers]),
        array("q", [tier.amount_micros for tier in tiers]),
        array("q", [multiple // tier.per for tier in tiers]),
    ]
    kept += columns
    addresses = [column.buffer_info()[0] for column in columns]
    return TwinTariff(addresses[0], addresses[1], len(spans), *addresses[2:], multiple)


def seconds_of(call: Peer) -> float:
    begun = time.process_time()
    call()
    return time.process_time() - begun


def print_rows(name: str, ours: Peer, charges: array, peers: dict[str, Peer | None]) -> None:
    """A line for each peer, run in turn with ours."""
    for peer_name, peer in peers.items():
        if peer is None:
            print(f"{name:24}{peer_name:>10}{'not installed: pip install aaad[bench]':>52}")
            continue
        if list(peer()) != list(charges):
            raise SystemExit(f"{name}: {peer_name} has other charges")
        pairs = [(seconds_of(ours), seconds_of(peer)) for _ in range(RUNS)]
        cost, other = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(mine / theirs for mine, theirs in pairs)
        print(
            f"{name:24}{peer_name:>10}{ROWS / cost / 1e6:12.1f}{ROWS / other / 1e6:12.1f}"
            f"{ratio:10.2f}{cost / ROWS * 1e9:10.0f}"
        )


def compare(name: str, make: Callable[[int], Tariff], twin: ctypes.CDLL, *, flat: bool) -> None:
    """One kind of tariff beside the C twin, and beside columns if it is `flat` all week."""
    chance = random.Random(5)  # noqa: S311 - a workload, no secret
    tariffs = [make(number) for number in range(TARIFFS)]
    timelines = [compile_timeline([(0, tariff)]) for tariff in tariffs]
    tariff = array("i", [chance.randrange(TARIFFS) for _ in range(ROWS)])
    started_at = array("q", [chance.randrange(BEGIN_AT, LAST_AT) for _ in range(ROWS)])
    seconds = array("q", [chance.randrange(1, 10_800) for _ in range(ROWS)])
    octets = array("q", [chance.randrange(10**9) for _ in range(ROWS)])
    charges, twins = array("q", bytes(8 * ROWS)), array("q", bytes(8 * ROWS))
    kept: list[array] = []
    rows = [twin_tariff(one, line, kept) for one, line in zip(tariffs, timelines, strict=True)]
    twin_tariffs = (TwinTariff * TARIFFS)(*rows)
    columns = (tariff, started_at, seconds, octets, twins)
    pointers = [ctypes.c_void_p(column.buffer_info()[0]) for column in columns]

    def ours() -> object:
        return rate_batch(
            timelines,
            tariff=tariff,
            started_at=started_at,
            seconds=seconds,
            output_octets=octets,
            charges=charges,
        )

    def in_c() -> array:
        twin.rate_all(twin_tariffs, *pointers, ctypes.c_int64(ROWS))
        return twins

    ours()  # lays the tariffs out over the rows' time, once
    peers: dict[str, Peer | None] = {"C -O3": in_c}
    if flat:
        peers["NumPy"] = numpy_peer(tariffs, (tariff, seconds))
        peers["pyarrow"] = pyarrow_peer(tariffs, (tariff, seconds))
    print_rows(name, ours, charges, peers)


def main() -> None:
    print(
        f"{'tariffs':24}{'peer':>10}{'M rows/s':>12}{'the peer':>12}{'cost/peer':>10}{'ns/row':>10}"
    )
    with tempfile.TemporaryDirectory() as folder:
        twin = build_twin(folder)
        compare("flat", flat_tariff, twin, flat=True)
        compare("three tiers", tiered_tariff, twin, flat=True)
        compare("two bands, three tiers", banded_tariff, twin, flat=False)


if __name__ == "__main__":
    main()
