"""Which bills are due and what they say, against dates and sums worked out by hand."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.rules.bills import (
    Amount,
    bill_lines,
    cycles_to_bill,
    draft_bill,
    is_settled,
    micros_of,
    minor_of,
    overdue_from,
)
from ledger.rules.cycles import Cycle
from ledger.rules.fees import BillingDay

ZONE = "America/New_York"
FIFTEENTH = BillingDay(15, ZONE)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE)).timestamp())


def spans(
    opened: str,
    as_of: str,
    *,
    billed_until: str | None = None,
    months: int = 1,
    billing: BillingDay = FIFTEENTH,
) -> list[tuple[str, str]]:
    due = cycles_to_bill(
        billing,
        opened_at=at(opened),
        billed_until_at=None if billed_until is None else at(billed_until),
        cycles_per_bill=months,
        as_of=date.fromisoformat(as_of),
    )
    return [
        tuple(  # type: ignore[misc]
            datetime.fromtimestamp(border, ZoneInfo(ZONE)).strftime("%Y-%m-%d")
            for border in (span.start_at, span.end_at)
        )
        for span in due
    ]


def test_the_run_of_january_16_finds_the_account_of_january_15() -> None:
    """B56, B57, B118."""
    assert spans("2026-01-15T14:00", "2026-01-15") == []
    assert spans("2026-01-15T14:00", "2026-01-16") == [("2025-12-15", "2026-01-15")]
    assert spans("2026-01-15T14:00", "2026-02-16", billed_until="2026-01-15") == [
        ("2026-01-15", "2026-02-15")
    ]


def test_each_missed_cycle_is_a_bill_of_its_own() -> None:
    """C12: nobody ran the jobs from January to April."""
    assert spans("2026-01-15", "2026-04-16", billed_until="2026-01-15") == [
        ("2026-01-15", "2026-02-15"),
        ("2026-02-15", "2026-03-15"),
        ("2026-03-15", "2026-04-15"),
    ]


def test_a_bill_may_span_several_cycles() -> None:
    """B59: the first bill is of the first billing day, then one a quarter."""
    assert spans("2026-01-03", "2026-07-16", months=3) == [
        ("2025-12-15", "2026-01-15"),
        ("2026-01-15", "2026-04-15"),
        ("2026-04-15", "2026-07-15"),
    ]


def test_a_changed_billing_day_leaves_a_short_span() -> None:
    """C9: billed until the 15th, the day is the 3rd now."""
    assert spans(
        "2025-01-15", "2026-03-04", billed_until="2026-01-15", billing=BillingDay(3, ZONE)
    ) == [("2026-01-15", "2026-02-03"), ("2026-02-03", "2026-03-03")]


def test_spans_on_the_31st_do_not_drift() -> None:
    """C8."""
    assert [end for _, end in spans("2026-01-31", "2026-05-02", billing=BillingDay(31, ZONE))] == [
        "2026-01-31",
        "2026-02-28",
        "2026-03-31",
        "2026-04-30",
    ]


def test_usage_is_complete_when_every_watermark_has_passed_the_settling_time() -> None:
    """Exactness 10."""
    cycle = Cycle(0, 1000)
    assert is_settled(cycle, [1600, 1700], settling_s=600)
    assert not is_settled(cycle, [1599, 1700], settling_s=600)
    assert is_settled(cycle, [], settling_s=600)


@pytest.mark.parametrize(
    ("micros", "currency", "minor"),
    [
        (5_000, "USD", 1),  # half a cent
        (4_999, "USD", 0),
        (-5_000, "USD", -1),
        (1_500_000, "JPY", 2),
        (1_499_999, "JPY", 1),
        (1_234_500, "KWD", 1235),
        (1_234_499, "KWD", 1234),
    ],
)
def test_amounts_round_half_up_to_the_currencys_minor_unit(
    micros: int, currency: str, minor: int
) -> None:
    assert minor_of(micros, currency) == minor


def amount(kind: str, source: str, micros: int, tax_code: str = "net") -> Amount:
    return Amount(
        item_kind=kind, cycle_start_at=0, source=source, tax_code=tax_code, amount_micros=micros
    )


def test_a_line_is_rounded_once_however_many_impacts_it_sums() -> None:
    """Three calls of 0.4 cents are one line of 1 cent, not three of nothing."""
    lines = bill_lines([amount("usage", "calls", 4_000)] * 3, "USD")
    assert [(line.amount_micros, line.amount_minor) for line in lines] == [(12_000, 1)]


def test_standard_with_25_hours() -> None:
    """B134: $6.95 + 5 x $2 = $16.95, due with $3.05 of the month before."""
    lines = bill_lines(
        [
            amount("usage", "standard-usage", 6_000_000),
            amount("cycle_forward", "standard", 6_950_000),
            amount("usage", "standard-usage", 4_000_000),
        ],
        "USD",
    )
    cycle = Cycle(at("2026-01-15"), at("2026-02-15"))
    draft = draft_bill(
        cycle,
        lines,
        currency="USD",
        zone=ZONE,
        due_days=14,
        previous_minor=305,
        balance_forward=True,
    )
    assert [(line.source, line.amount_minor) for line in draft.lines] == [
        ("standard", 695),
        ("standard-usage", 1000),
    ]
    assert (draft.total_minor, draft.due_minor) == (1695, 2000)
    assert draft.due_on == date(2026, 3, 1)
    assert overdue_from(draft.due_on, ZONE) == at("2026-03-02")


def test_open_item_leaves_earlier_bills_out_of_what_is_due() -> None:
    """B73, C2."""
    draft = draft_bill(
        Cycle(0, 86_400),
        bill_lines([amount("usage", "t", 1_000_000)], "USD"),
        currency="USD",
        zone="UTC",
        due_days=0,
        previous_minor=5_000,
        balance_forward=False,
    )
    assert (draft.due_minor, draft.previous_minor) == (100, 5_000)


def test_what_was_charged_and_given_back_in_full_still_shows() -> None:
    """A line of 0.00 tells the customer that both happened; one that nobody ever used does not."""
    lines = bill_lines(
        [amount("usage", "t", 7), amount("usage", "t", -7), amount("usage", "free", 0)], "USD"
    )
    assert [(line.source, line.amount_minor) for line in lines] == [("t", 0)]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["usage", "cycle_forward"]),
            st.sampled_from("abc"),
            st.integers(-(10**12), 10**12),
        )
    ),
    st.sampled_from(["USD", "JPY", "KWD"]),
)
def test_lines_sum_to_the_bill_and_the_rounding_makes_the_ledger_exact(
    amounts: list[tuple[str, str, int]], currency: str
) -> None:
    lines = bill_lines([amount(*facts) for facts in amounts], currency)
    draft = draft_bill(
        Cycle(0, 86_400),
        lines,
        currency=currency,
        zone="UTC",
        due_days=0,
        previous_minor=0,
        balance_forward=True,
    )
    exact = sum(micros for _, _, micros in amounts)
    assert draft.total_minor == sum(line.amount_minor for line in lines)
    assert exact + draft.rounding_micros == micros_of(draft.total_minor, currency)
    assert abs(draft.rounding_micros) * 2 <= len(lines) * micros_of(1, currency)


@given(
    opened=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    bill_day=st.integers(1, 31),
    months=st.sampled_from([1, 2, 3, 12]),
    later=st.integers(0, 1500),
)
def test_spans_meet_and_none_is_missed(
    opened: date, bill_day: int, months: int, later: int
) -> None:
    """However far behind, the bills cover every second once; the next run finds none of them."""
    billing = BillingDay(bill_day, ZONE)
    opened_at = at(opened.isoformat()) + 3600
    as_of = opened + timedelta(days=later)
    due = cycles_to_bill(
        billing, opened_at=opened_at, billed_until_at=None, cycles_per_bill=months, as_of=as_of
    )
    for former, following in pairwise(due):
        assert former.end_at == following.start_at
    if due:
        again = cycles_to_bill(
            billing,
            opened_at=opened_at,
            billed_until_at=due[0].end_at,
            cycles_per_bill=months,
            as_of=as_of,
        )
        assert again == due[1:]
