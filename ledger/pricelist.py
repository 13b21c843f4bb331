"""A price list: TOML text, written by people, to checked offers and tariffs, or all its mistakes.

docs/pricelist.md is the reference of the format. Units are human ("1 h", "10 GB"), amounts are text
("2.00") because a float cannot be exact; inside all are integers. One list is one version of one
brand's prices, in one currency, with tax or without.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeVar

from ledger.document import Document, Finding, Table
from ledger.model import Fee, FeeKind, Limit, Offer, UsageMetric
from ledger.units import DURATION_REMEDY, OCTETS_REMEDY, parse_duration, parse_octets
from ratingcore.calendar import load_zone
from ratingcore.errors import AmountError, TariffError
from ratingcore.money import DECIMALS_MAX, ROUNDING_MODES, parse_amount
from ratingcore.check import check_tariff
from ratingcore.tariff import Metric, Price, Rounding, Tariff, Tier, TimeBand

ACCOUNT_ZONE: Final = "account"
"""The zone of a tariff whose clock is that of the account that uses it."""

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

_AMOUNT_REMEDY: Final = 'write an amount in quotes, as "2.00", with at most six decimals'

T = TypeVar("T")


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
    tariffs = {name: _read_tariff(table, name, head) for name, table in tariff_tables.items()}
    offers = {
        name: _read_offer(table, name, head, tariffs, known_attribute)
        for name, table in root.named_tables("offers").items()
    }
    return PriceList(
        name=head.name, currency=head.currency, prices=head.prices, offers=offers, tariffs=tariffs
    )


def _read_head(table: Table) -> _Head:
    return _Head(
        name=table.text("name"),
        currency=_matching(table, "currency", r"[A-Z]{3}", 'write its ISO 4217 code, as "EUR"'),
        zone=_read_zone(table, ACCOUNT_ZONE),
        prices=table.choice("prices", TaxTreatment),
        gl_code=table.text("gl", default=""),
        tax_code=table.text("tax_code", default=""),
    )


def _matching(table: Table, name: str, pattern: str, remedy: str) -> str:
    text = table.text(name)
    if text and re.fullmatch(pattern, text) is None:
        table.find(name, "is malformed", remedy)
    return text


def _read_zone(table: Table, default: str) -> str:
    zone = table.text("zone", default=default)
    if zone == ACCOUNT_ZONE:
        return zone
    try:
        load_zone(zone)
    except TariffError:
        remedy = f'name one of the IANA database, as "Europe/Berlin", or "{ACCOUNT_ZONE}"'
        table.find("zone", "is no time zone", remedy)
        return ACCOUNT_ZONE
    return zone


# --- tariffs ---


def _read_tariff(table: Table, name: str, head: _Head) -> Tariff:
    before = table.mistakes
    tariff = Tariff(
        name=name,
        zone=_read_zone(table, head.zone),
        currency=head.currency,
        bands=tuple(map(_read_band, table.tables("bands"))),
        rounding=_read_rounding(table.table("rounding")),
        gl_code=table.text("gl", default=head.gl_code),
        tax_code=table.text("tax_code", default=head.tax_code),
    )
    if table.mistakes == before:  # a stand-in would only raise mistakes that nobody made
        _report_tariff(table, tariff)
    return tariff


def _report_tariff(table: Table, tariff: Tariff) -> None:
    """What is wrong with a tariff as a whole, in the words of the price list."""
    zone = "UTC" if tariff.zone == ACCOUNT_ZONE else tariff.zone
    for finding in check_tariff(replace(tariff, zone=zone)):
        table.report(_in_list_words(finding.where), finding.what, _in_list_words(finding.remedy))


_LIST_WORDS: Final = (
    ("from_s", "from"),
    ("to_s", "to"),
    ("weekdays", "days"),
    ("amount_micros", "amount"),
    ("from_quantity", "from"),
    ("gl_code", "gl"),
    ("0 to 86400", '"00:00" to "24:00"'),
)


def _in_list_words(text: str) -> str:
    """A key or remedy of ratingcore as the price list says it: its keys, members from 1."""
    for ours, theirs in _LIST_WORDS:
        text = text.replace(ours, theirs)
    return re.sub(r"\[(\d+)\]", lambda match: f"[{int(match[1]) + 1}]", text)


def _read_rounding(table: Table) -> Rounding:
    default = Rounding()
    names = {mode: name for name, mode in ROUNDING_MODES.items()}
    mode = table.text("mode", default=names[default.mode])
    if mode not in ROUNDING_MODES:
        known = ", ".join(f'"{name}"' for name in ROUNDING_MODES)
        table.find("mode", "is not known", f"write one of {known}")
    return Rounding(
        mode=ROUNDING_MODES.get(mode, default.mode),
        decimals=table.integer("decimals", low=0, high=DECIMALS_MAX, default=default.decimals),
    )


def _read_band(table: Table) -> TimeBand:
    remedy = 'write a time of day as "18:00", the end of the day as "24:00"'
    from_s = table.parsed("from", parse_clock, remedy=remedy)
    to_s = table.parsed("to", parse_clock, remedy=remedy)
    band = TimeBand(
        name=table.text("name"),
        weekdays=_read_days(table),
        from_s=0 if from_s is None else from_s,
        to_s=DAY_S if to_s is None else to_s,
        prices=tuple(map(_read_price, table.tables("prices"))),
    )
    if band.from_s == band.to_s:
        table.find("to", "is where the band begins", "leave out from and to for the whole day")
    if not band.prices:
        table.find("prices", "names no price", 'write amount = "0" if the band is free')
    return band


DAY_S: Final = 86_400

_CLOCK: Final = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9]))?", re.ASCII)

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def parse_clock(text: str) -> int:
    """Seconds since midnight of "18:00" or "18:00:30", to "24:00". Raises ValueError."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise ValueError("is no time of day")
    hours, minutes, seconds = (int(part or "0") for part in match.groups())
    clock_s = hours * 3600 + minutes * 60 + seconds
    if clock_s > DAY_S:
        raise ValueError("is beyond the end of the day")
    return clock_s


def _read_days(table: Table) -> tuple[int, ...]:
    """Weekdays, Monday 0: names and ranges of names, a range may go over Sunday."""
    listed = table.parsed_each(
        "days", _parse_days, remedy='write days as "mon" to "sun", ranges as "mon-fri"'
    )
    days = [day for some in listed for day in some]
    if len(set(days)) < len(days):
        table.find("days", "names a day twice", "name each once")
    if "days" in table and not table.take("days"):
        table.find("days", "names no day", "leave the key out for every day")
    return tuple(sorted(days))


def _parse_days(text: str) -> tuple[int, ...]:
    first, dash, last = text.partition("-")
    if first not in WEEKDAYS or (dash and last not in WEEKDAYS):
        raise ValueError("is no weekday")
    start = WEEKDAYS.index(first)
    length = (WEEKDAYS.index(last) - start) % 7 + 1 if dash else 1
    return tuple((start + step) % 7 for step in range(length))


def _read_price(table: Table) -> Price:
    metric = table.choice("metric", Metric)
    if "tiers" not in table:
        return Price(metric, (_read_tier(table, metric, from_quantity=0),))
    tiers = tuple(
        _read_tier(tier, metric, _read_quantity(tier, "from", UsageMetric(metric.value)) or 0)
        for tier in table.tables("tiers")
    )
    return Price(metric, tiers)


def _read_tier(table: Table, metric: Metric, from_quantity: int) -> Tier:
    quantity = UsageMetric(metric.value)
    per = _read_quantity(table, "per", quantity, required=True)
    if per == 0:
        table.find("per", "is no quantity", "write how much one amount buys")
    return Tier(from_quantity, _read_amount(table, "amount"), per or 1)


def _read_amount(table: Table, name: str) -> int:
    """A required amount of zero or more, in micros."""
    return table.parsed(name, _parse_amount, remedy=_AMOUNT_REMEDY, required=True) or 0


def _parse_amount(text: str) -> int:
    try:
        amount_micros = parse_amount(text)
    except AmountError as error:
        raise ValueError("is no exact amount") from error
    if amount_micros < 0:
        raise ValueError("is negative")
    return amount_micros


def _read_quantity(
    table: Table, name: str, metric: UsageMetric, *, required: bool = False
) -> int | None:
    """A quantity of a metric, in its own unit: seconds, octets or micros."""
    match metric:
        case UsageMetric.MONEY:
            return table.parsed(name, _parse_amount, remedy=_AMOUNT_REMEDY, required=required)
        case UsageMetric.SECONDS:
            return table.parsed(name, parse_duration, remedy=DURATION_REMEDY, required=required)
        case _:
            return table.parsed(name, parse_octets, remedy=OCTETS_REMEDY, required=required)


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
    soft = _read_quantity(table, "soft", metric)
    hard = _read_quantity(table, "hard", metric)
    if "soft" not in table and "hard" not in table:
        table.report("soft", "is missing, and so is hard", "write one of them, or both")
    if soft is not None and hard is not None and soft > hard:
        table.find("soft", "is above hard", "warn before cutting off")
    return Limit(name=table.text("name", default=metric.value), metric=metric, soft=soft, hard=hard)


class FeeTerm(StrEnum):
    """What one amount of a cycle fee pays for."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


_TERM_MONTHS: Final = {FeeTerm.MONTH: 1, FeeTerm.QUARTER: 3, FeeTerm.YEAR: 12}


def _read_fee(table: Table, head: _Head) -> Fee:
    kind = table.choice("kind", FeeKind)
    owned_under_months = None
    term, prorated = FeeTerm.MONTH, True
    if kind is FeeKind.CYCLE:
        term = table.choice("every", FeeTerm, default=term)
        prorated = table.boolean("prorated", default=prorated)
    elif kind is FeeKind.CANCELLATION:
        owned_under_months = table.optional_integer(
            "owned_under_months", low=1, high=TERM_MONTHS_MAX
        )
    return Fee(
        kind=kind,
        amount_micros=_read_amount(table, "amount"),
        term_months=_TERM_MONTHS[term],
        prorated=prorated,
        owned_under_months=owned_under_months,
        gl_code=table.text("gl", default=head.gl_code),
        tax_code=table.text("tax_code", default=head.tax_code),
    )
