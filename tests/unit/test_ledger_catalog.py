"""Proves that offers and tariffs are those of the instant of the usage: over versions of the list
and over changes of offer within a session, with timelines that are shared and keep their places.
"""

from __future__ import annotations

import pytest

from ledger import catalog as module
from ledger.catalog import Catalog, CatalogError
from ledger.model import Purchase
from ledger.pricelist import PriceList, parse_pricelist
from ratingcore.meter import Meter, quote

HOUR = 3600
V1, V2, V3 = 1_000_000, 2_000_000, 3_000_000
"""Effective instants of three versions."""


def pricelist(
    *, basic: str = "1.00", fast: str = "5.00", currency: str = "EUR", per: str = "1 h"
) -> PriceList:
    """A list of two tariffs with an offer each, and an offer without tariff."""
    text = f"""
    [pricelist]
    name = "list"
    currency = "{currency}"
    prices = "gross"
    [[tariffs.basic.bands]]
    name = "all day"
    prices = [{{ metric = "seconds", amount = "{basic}", per = "{per}" }}]
    [tariffs.fast]
    zone = "Europe/Berlin"
    gl = "fast-usage"
    [[tariffs.fast.bands]]
    name = "all day"
    prices = [{{ metric = "seconds", amount = "{fast}", per = "1 h" }}]
    [offers.basic]
    tariff = "basic"
    [offers.fast]
    tariff = "fast"
    [offers.mailbox]
    """
    return parse_pricelist(text, source="list.toml")


def bought(
    offer: str, from_at: int = 0, to_at: int | None = None, purchase_id: int = 1
) -> Purchase:
    return Purchase(
        purchase_id=purchase_id,
        account_id=1,
        service_id=1,
        offer=offer,
        from_at=from_at,
        to_at=to_at,
    )


def micros_per_hour(versions: tuple[tuple[int, object], ...]) -> list[tuple[int, int]]:
    """(effective_at, hourly price) of a timeline's versions."""
    return [
        (at, tariff.bands[0].prices[0].tiers[0].amount_micros)  # type: ignore[attr-defined]
        for at, tariff in versions
    ]


@pytest.fixture
def catalog() -> Catalog:
    return Catalog(
        [
            (V1, pricelist()),
            (V2, pricelist(fast="6.00")),
            (V3, pricelist(basic="2.00", fast="6.00")),
        ]
    )


def test_an_offer_is_that_of_the_instant(catalog: Catalog) -> None:
    assert catalog.pricelist_at(V1 - 1) is None
    assert catalog.offer("basic", V1 - 1) is None
    assert catalog.offer("basic", V1) is catalog.versions[0][1].offers["basic"]
    assert catalog.offer("basic", V2 - 1) is catalog.versions[0][1].offers["basic"]
    assert catalog.offer("basic", V2) is catalog.versions[1][1].offers["basic"]
    assert catalog.offer("absent", V2) is None
    assert Catalog().offer("basic", V1) is None


def test_offers_owned_at_an_instant(catalog: Catalog) -> None:
    purchases = [
        bought("basic", 0, V2, purchase_id=1),
        bought("mailbox", V1 + 5, purchase_id=2),
        bought("fast", V2, purchase_id=3),
        bought("withdrawn", V2, purchase_id=4),
    ]
    names = [
        [offer.name for offer in catalog.offers_at(purchases, at)]
        for at in (V1 - 1, V1, V1 + 5, V2 - 1, V2)
    ]
    assert names == [[], ["basic"], ["mailbox", "basic"], ["mailbox", "basic"], ["fast", "mailbox"]]


def test_a_new_version_prices_what_is_used_after_it(catalog: Catalog) -> None:
    timeline = catalog.timeline([bought("basic")], V3 - HOUR, "UTC")
    assert timeline is not None
    assert quote(timeline, V3 - HOUR, 2 * HOUR).charge_micros == 3_000_000


def test_unchanged_tariffs_of_several_versions_are_one(catalog: Catalog) -> None:
    timeline = catalog.timeline([bought("basic")], V1 + 5, "UTC")
    assert timeline is not None
    assert micros_per_hour(timeline.versions) == [(V1, 1_000_000), (V3, 2_000_000)]


def test_a_change_of_offer_switches_the_tariff_within_the_session(catalog: Catalog) -> None:
    change = V1 + 10 * HOUR
    purchases = [bought("basic", 0, change), bought("fast", change, purchase_id=2)]
    started_at = change - HOUR
    timeline = catalog.timeline(purchases, started_at, "UTC")
    assert timeline is not None
    assert micros_per_hour(timeline.versions) == [
        (V1, 1_000_000),
        (change, 5_000_000),
        (V2, 6_000_000),
    ]
    assert quote(timeline, started_at, 2 * HOUR).charge_micros == 6_000_000
    names = [(tariff.name, tariff.gl_code) for _, tariff in timeline.versions]
    assert names == [("basic", ""), ("fast", "fast-usage"), ("fast", "fast-usage")]
    assert catalog.next_change(purchases, started_at) == change


def test_the_latest_purchase_with_a_tariff_decides(catalog: Catalog) -> None:
    purchases = [
        bought("basic", V1, purchase_id=1),
        bought("fast", V1, purchase_id=2),
        bought("mailbox", V1 + 5, purchase_id=3),
    ]
    timeline = catalog.timeline(purchases, V1 + 9, "UTC")
    assert timeline is not None
    assert timeline.versions[0][1].name == "fast"


def test_after_the_last_purchase_the_tariff_goes_on(catalog: Catalog) -> None:
    timeline = catalog.timeline([bought("basic", 0, V1 + HOUR)], V1, "UTC")
    assert timeline is not None
    assert quote(timeline, V1, 3 * HOUR).charge_micros == 3_000_000


def test_an_older_purchase_takes_over_when_a_later_one_ends(catalog: Catalog) -> None:
    purchases = [bought("basic"), bought("fast", V1, V1 + HOUR, purchase_id=2)]
    timeline = catalog.timeline(purchases, V1, "UTC")
    assert timeline is not None
    assert quote(timeline, V1, 2 * HOUR).charge_micros == 6_000_000


@pytest.mark.parametrize(
    ("purchases", "started_at"),
    [
        ([], V1),
        ([bought("basic")], V1 - 1),
        ([bought("basic", V1 + 1)], V1),
        ([bought("basic", 0, V1)], V1),
        ([bought("mailbox")], V1),
        ([bought("withdrawn")], V1),
    ],
)
def test_without_a_tariff_at_the_start_there_is_no_timeline(
    catalog: Catalog, purchases: list[Purchase], started_at: int
) -> None:
    assert catalog.timeline(purchases, started_at, "UTC") is None


def test_sessions_under_the_same_versions_share_a_timeline(catalog: Catalog) -> None:
    first = catalog.timeline([bought("basic")], V1 + 5, "UTC")
    assert catalog.timeline([bought("basic", V1 + 1)], V1 + 9, "UTC") is first
    assert catalog.timeline([bought("basic")], V1 + 5, "Asia/Kolkata") is not first
    fast = catalog.timeline([bought("fast")], V1 + 5, "UTC")
    assert catalog.timeline([bought("fast")], V1 + 5, "Asia/Kolkata") is fast


def test_the_accounts_zone_is_the_tariffs_where_it_says_so(catalog: Catalog) -> None:
    basic = catalog.timeline([bought("basic")], V1, "Asia/Kolkata")
    fast = catalog.timeline([bought("fast")], V1, "Asia/Kolkata")
    assert basic is not None
    assert fast is not None
    assert {tariff.zone for _, tariff in basic.versions} == {"Asia/Kolkata"}
    assert {tariff.zone for _, tariff in fast.versions} == {"Europe/Berlin"}


def test_a_version_appended_later_keeps_the_places_of_those_before(catalog: Catalog) -> None:
    purchases = [bought("basic", 0, V1 + 50), bought("fast", V1 + 50, purchase_id=2)]
    before = catalog.timeline(purchases, V1, "UTC")
    longer = Catalog([*catalog.versions, (V3 + 1, pricelist(basic="3.00", fast="7.00"))])
    after = longer.timeline(purchases, V1, "UTC")
    assert before is not None
    assert after is not None
    count = len(before.versions)
    assert after.versions[:count] == before.versions
    assert len(after.versions) == count + 1
    assert [after.fingerprint(index) for index in range(count)] == [
        before.fingerprint(index) for index in range(count)
    ]


def test_what_is_kept_of_one_offer_is_no_other_sessions(catalog: Catalog) -> None:
    """One purchase for good is answered from memory: by version, not by session or customer."""
    for started_at, price in ((V1, 1_000_000), (V3 - 1, 1_000_000), (V3, 2_000_000)):
        for purchase in (bought("basic"), bought("basic", V1)):
            timeline = catalog.timeline([purchase], started_at, "UTC")
            assert timeline is not None
            assert micros_per_hour(timeline.versions)[0][1] == price
    assert catalog.timeline([bought("basic", V3 + 1)], V3, "UTC") is None
    assert catalog.timeline([bought("basic", 0, V3)], V3, "UTC") is None


def test_the_timelines_kept_are_bounded(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMELINES_MAX", 2)
    zones = ["UTC", "Asia/Kolkata", "Europe/Berlin"]
    first, second, _third = (catalog.timeline([bought("basic")], V1, zone) for zone in zones)
    assert catalog.timeline([bought("basic")], V1, "Asia/Kolkata") is second
    assert catalog.timeline([bought("basic")], V1, "UTC") is not first


def test_of_two_versions_with_one_instant_the_later_loaded_holds() -> None:
    first, second, third = pricelist(basic="1"), pricelist(basic="2"), pricelist(basic="3")
    catalog = Catalog([(V2, first), (V1, second), (V2, third)])
    assert catalog.versions == ((V1, second), (V2, third))


def test_a_version_put_between_versions_to_come_leaves_packed_meters_usable() -> None:
    before = Catalog([(V1, pricelist()), (V3, pricelist(basic="2.00"))])
    after = Catalog([*before.versions, (V2, pricelist(basic="4.00"))])
    old = before.timeline([bought("basic")], V1, "UTC")
    new = after.timeline([bought("basic")], V1, "UTC")
    assert old is not None
    assert new is not None
    meter = Meter(old, V2 - 2 * HOUR)
    meter.advance(V2 - HOUR)
    moved = Meter.unpack(new, meter.pack())
    moved.advance(V2 + HOUR)
    assert moved.charge_micros == 2 * 1_000_000 + 4_000_000


def test_versions_in_two_currencies_are_refused() -> None:
    with pytest.raises(CatalogError, match="are in EUR, USD: a running session has one currency"):
        Catalog([(5, pricelist()), (6, pricelist(currency="USD"))])


def test_units_without_a_common_multiple_are_refused() -> None:
    with pytest.raises(CatalogError, match="no common multiple in 63 bits"):
        Catalog([(5, pricelist(per="999999937 s")), (6, pricelist(per="999999999989 s"))])
