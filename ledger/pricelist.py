"""A price list: TOML text, written by people, to checked offers and tariffs, or all its mistakes.

docs/pricelist.md is the reference of the format. Units are human ("1 h", "10 GB"), amounts are text
("2.00") because a float cannot be exact; inside all are integers. One list is one version of one
brand's prices, in one currency, with tax or without.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ledger.document import Document, Finding, Table
from ledger.holiday_calendars import read_calendars
from ledger.model import (
    AllowanceTerms,
    Fee,
    FeeKind,
    Limit,
    Offer,
    Proration,
    UsageMetric,
)
from ledger.price_tariffs import ACCOUNT_ZONE, TariffDefaults, read_tariff, read_zone
from ledger.price_terms import read_discounts
from ledger.price_values import read_amount, read_quantity
from ledger.rules.entitlements import DiscountTerms
from ledger.units import DURATION_REMEDY, parse_duration
from ratingcore.tariff import MetricOrMoney, Tariff

INTERIM_MIN_S: Final = 60
"""Seconds between interim reports at least (RFC 2869 section 5.16)."""

TIMEOUT_MAX_S: Final = 0xFFFF_FFFF
"""Session-Timeout and its like are 32-bit numbers of seconds."""

TERM_MONTHS_MAX: Final = 120
"""Months of a term at most: ten years."""

KnownAttribute = Callable[[str, object], str | None]
"""(attribute name, value) -> None if a dictionary has it and it takes the value, else a remedy."""

_SET_BY_AAAD: Final = {
    "Session-Timeout": "use session_timeout, which limits can shorten",
    "Idle-Timeout": "use idle_timeout",
    "Acct-Interim-Interval": "use interim_interval",
    **dict.fromkeys(
        ("Message-Authenticator", "Proxy-State", "State", "EAP-Message", "Class"),
        "remove it: the daemon sets it itself",
    ),
}


class PriceListError(Exception):
    """A price list has mistakes: `findings` names all of them."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        super().__init__("\n".join(map(str, findings)))


class TaxTreatment(StrEnum):
    """Whether the prices of a list contain tax."""

    NET = "net"
    GROSS = "gross"


class LimitPeriod(StrEnum):
    """What a limit counts over (C7)."""

    CYCLE = "cycle"


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """One version of a brand's prices. A tariff's zone may be ACCOUNT_ZONE."""

    name: str
    currency: str
    prices: TaxTreatment
    offers: Mapping[str, Offer]
    tariffs: Mapping[str, Tariff]
    discounts: Mapping[str, DiscountTerms]  # what must be so for each, by name


def any_attribute(_name: str, _value: object) -> str | None:
    """The check of reply attributes where no dictionary is at hand: lets all pass."""
    return None


def parse_pricelist(
    text: str, *, source: str, known_attribute: KnownAttribute = any_attribute
) -> PriceList:
    """The price list in a TOML text; `source` is what findings call it.

    Raises PriceListError with every mistake of the text.
    """
    document = Document.parse(text, source=source)
    pricelist = _read_pricelist(document.root, known_attribute)
    findings = document.finish()
    if findings:
        raise PriceListError(findings)
    return pricelist


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """What [pricelist] says for all tariffs and fees."""

    name: str
    currency: str
    zone: str
    prices: TaxTreatment
    gl_code: str
    tax_code: str


def _read_pricelist(root: Table, known_attribute: KnownAttribute) -> PriceList:
    head = _read_head(root.table("pricelist"))
    tariff_tables = root.named_tables("tariffs")
    discounts = read_discounts(root)
    defaults = TariffDefaults(
        currency=head.currency,
        zone=head.zone,
        gl_code=head.gl_code,
        tax_code=head.tax_code,
        calendars=read_calendars(root),
        discounts=discounts,
    )
    tariffs = {name: read_tariff(table, name, defaults) for name, table in tariff_tables.items()}
    offers = {
        name: _read_offer(table, name, head, tariffs, known_attribute)
        for name, table in root.named_tables("offers").items()
    }
    return PriceList(
        name=head.name,
        currency=head.currency,
        prices=head.prices,
        offers=offers,
        tariffs=tariffs,
        discounts={name: listed.terms for name, listed in discounts.items()},
    )


def _read_head(table: Table) -> _Head:
    return _Head(
        name=table.text("name"),
        currency=_matching(table, "currency", r"[A-Z]{3}", 'write its ISO 4217 code, as "EUR"'),
        zone=read_zone(table, ACCOUNT_ZONE),
        prices=table.choice("prices", TaxTreatment),
        gl_code=table.text("gl", default=""),
        tax_code=table.text("tax_code", default=""),
    )


def _matching(table: Table, name: str, pattern: str, remedy: str) -> str:
    text = table.text(name)
    if text and re.fullmatch(pattern, text) is None:
        table.find(name, "is malformed", remedy)
    return text


# --- offers ---


def _read_offer(
    table: Table,
    name: str,
    head: _Head,
    tariffs: Mapping[str, Tariff],
    known_attribute: KnownAttribute,
) -> Offer:
    tariff = table.text("tariff", default="")
    if tariff and tariff not in tariffs:
        known = ", ".join(tariffs) or "none"
        table.find("tariff", "is no tariff of this list", f"add it, or use one of: {known}")
    return Offer(
        name=name,
        tariff=tariff,
        service_type=table.text("service", default=""),
        session_timeout_s=_read_seconds(table, "session_timeout", low=1),
        idle_timeout_s=_read_seconds(table, "idle_timeout", low=1),
        interim_interval_s=_read_seconds(table, "interim_interval", low=INTERIM_MIN_S),
        reply=_read_reply(table.table("reply"), known_attribute),
        limits=_read_limits(table.tables("limits")),
        fees=tuple(_read_fee(fee, head) for fee in table.tables("fees")),
        allowances=_read_allowances(table.tables("allowances"), tariffs.get(tariff)),
    )


def _read_seconds(table: Table, name: str, *, low: int) -> int | None:
    seconds = table.parsed(name, parse_duration, remedy=DURATION_REMEDY)
    if seconds is not None and not low <= seconds <= TIMEOUT_MAX_S:
        table.find(name, "is out of range", f"write {low} s to {TIMEOUT_MAX_S} s")
    return seconds


def _read_reply(table: Table, known_attribute: KnownAttribute) -> dict[str, str]:
    reply = {}
    for name in tuple(table.keys()):
        value = table.take(name)
        if name in _SET_BY_AAAD:
            table.find(name, "is not for a price list to set", _SET_BY_AAAD[name])
        elif type(value) is not str and type(value) is not int:
            table.find(name, "is neither text nor an integer", 'write "..." or a plain integer')
        elif (remedy := known_attribute(name, value)) is not None:
            table.find(name, "cannot be sent", remedy)
        else:
            reply[name] = str(value)
    return reply


def _read_limits(tables: Iterable[Table]) -> tuple[Limit, ...]:
    limits: list[Limit] = []
    for table in tables:
        limit = _read_limit(table)
        if any(limit.name == other.name for other in limits):
            table.find("name", "is also that of a limit above", "give each its own")
        limits.append(limit)
    return tuple(limits)


def _read_limit(table: Table) -> Limit:
    metric = table.choice("metric", UsageMetric)
    table.choice("period", LimitPeriod, default=LimitPeriod.CYCLE)
    soft = read_quantity(table, "soft", metric)
    hard = read_quantity(table, "hard", metric)
    if "soft" not in table and "hard" not in table:
        table.report("soft", "is missing, and so is hard", "write one of them, or both")
    if soft is not None and hard is not None and soft > hard:
        table.find("soft", "is above hard", "warn before cutting off")
    return Limit(name=table.text("name", default=metric.value), metric=metric, soft=soft, hard=hard)


PRIORITY_MAX: Final = 1_000
"""The priority that is used last."""


def _read_allowances(tables: Iterable[Table], tariff: Tariff | None) -> tuple[AllowanceTerms, ...]:
    allowances: list[AllowanceTerms] = []
    for table in tables:
        allowance = _read_allowance(table, tariff)
        if any(allowance.name == other.name for other in allowances):
            table.find("name", "is also that of an allowance above", "give each its own")
        allowances.append(allowance)
    return tuple(allowances)


def _read_allowance(table: Table, tariff: Tariff | None) -> AllowanceTerms:
    metric = table.choice("metric", MetricOrMoney)
    table.choice("period", LimitPeriod, default=LimitPeriod.CYCLE)
    quantity = read_quantity(table, "quantity", metric, required=True)
    rollover = read_quantity(table, "rollover", metric)
    if quantity == 0:
        table.find("quantity", "is no quantity", "write how much is free")
    bands = table.texts("bands")
    known = [band.name for band in tariff.bands] if tariff else []
    for name in bands:
        if tariff and name not in known:
            remedy = f"use names of the tariff's bands: {', '.join(known)}"
            table.find("bands", f"names no band {name}", remedy)
    return AllowanceTerms(
        name=table.text("name", default=metric.value),
        metric=metric,
        quantity=quantity or 1,
        priority=table.integer("priority", low=0, high=PRIORITY_MAX, default=0),
        bands=bands,
        rollover=rollover or 0,
    )


class FeeTerm(StrEnum):
    """What one amount of a cycle fee pays for."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class FeeDue(StrEnum):
    """When a cycle fee is charged: as its term begins, or when it is over."""

    ADVANCE = "advance"
    ARREARS = "arrears"


_TERM_MONTHS: Final = {FeeTerm.MONTH: 1, FeeTerm.QUARTER: 3, FeeTerm.YEAR: 12}


def _read_fee(table: Table, head: _Head) -> Fee:
    kind = table.choice("kind", FeeKind)
    owned_under_months = None
    term, proration, due = FeeTerm.MONTH, Proration.DAYS, FeeDue.ADVANCE
    if kind is FeeKind.CYCLE:
        term = table.choice("every", FeeTerm, default=term)
        proration = table.choice("proration", Proration, default=proration)
        due = table.choice("due", FeeDue, default=due)
    elif kind is FeeKind.CANCELLATION:
        owned_under_months = table.optional_integer(
            "owned_under_months", low=1, high=TERM_MONTHS_MAX
        )
    return Fee(
        kind=kind,
        amount_micros=read_amount(table, "amount") or 0,
        term_months=_TERM_MONTHS[term],
        in_arrears=due is FeeDue.ARREARS,
        proration=proration,
        owned_under_months=owned_under_months,
        gl_code=table.text("gl", default=head.gl_code),
        tax_code=table.text("tax_code", default=head.tax_code),
    )
