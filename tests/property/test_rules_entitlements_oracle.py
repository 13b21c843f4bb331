"""Proves that the intervals of `ledger.rules.entitlements` are those instants at which each
condition of a discount is met, asked instant by instant as docs/pricelist.md has it; and that
through any cycles no more rolls over than the ceiling, and nothing is lost below it.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from ledger.model import AllowanceTerms
from ledger.rules.cycles import Cycle
from ledger.rules.entitlements import DiscountTerms, ProfileSpell, entitlements, rolled_over
from ratingcore.tariff import DateSpan, MetricOrMoney
from tests.property.rating_cases import ZONES, clock_jumps
from tests.property.rating_play import examples
from tests.property.rating_tariffs import DAY_S

NEW_YEAR = date(2011, 1, 1)
FIRST_AT = int(datetime(2011, 1, 1, tzinfo=UTC).timestamp())
SOME_TIME_S = 2 * 366 * DAY_S
LAST_ASKED_AT = FIRST_AT + 20 * SOME_TIME_S
"""No condition changes after it, and civil dates still exist."""

INSTANTS = st.integers(FIRST_AT, FIRST_AT + SOME_TIME_S)
DAYS = st.integers(0, 730).map(lambda n: NEW_YEAR + timedelta(days=n))
SPANS = st.tuples(DAYS, st.integers(0, 40)).map(
    lambda pair: DateSpan(pair[0], pair[0] + timedelta(days=pair[1]))
)
TERMS = st.builds(
    DiscountTerms,
    name=st.just("discount"),
    profile=st.sampled_from(({}, {"work": ("teacher",)}, {"work": ("teacher", "tutor")})),
    first_months=st.sampled_from((0, 0, 1, 3, 14)),
    dates=st.lists(SPANS, max_size=2).map(tuple),
) | st.builds(DiscountTerms, name=st.just("discount"), first_days=st.integers(1, 400))
WORKS = st.lists(st.sampled_from(("teacher", "tutor", "pilot")), min_size=1, max_size=3)


def months_after(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def is_met(
    terms: DiscountTerms, spells: list[ProfileSpell], *, purchased_at: int, zone: str, at: int
) -> bool:
    """Each condition in turn, of one instant."""
    today = datetime.fromtimestamp(at, ZoneInfo(zone)).date()
    bought_on = datetime.fromtimestamp(purchased_at, ZoneInfo(zone)).date()
    for name, values in terms.profile.items():
        said = [s.profile[name] for s in spells if s.from_at <= at < s.until_at]
        if not any(value in values for value in said):
            return False
    if terms.first_days or terms.first_months:
        end = months_after(bought_on, terms.first_months) + timedelta(days=terms.first_days)
        if at < purchased_at or today >= end:
            return False
    return not terms.dates or any(one.first_on <= today <= one.last_on for one in terms.dates)


@examples(500, 50_000)
@given(TERMS, st.sampled_from(ZONES), INSTANTS, st.lists(INSTANTS, max_size=2), WORKS, INSTANTS)
def test_an_account_is_entitled_exactly_while_all_conditions_are_met(
    terms: DiscountTerms,
    zone: str,
    purchased_at: int,
    changes: list[int],
    works: list[str],
    asked_at: int,
):
    borders = [0, *sorted(set(changes)), 1 << 33]
    spells = [
        ProfileSpell(profile={"work": works[n % len(works)]}, from_at=left, until_at=right)
        for n, (left, right) in enumerate(pairwise(borders))
    ]
    found = entitlements(terms, spells=spells, purchased_at=purchased_at, zone=zone)
    near = [at for one in found for at in (one.from_at, one.until_at)]
    jumps = [at for at in clock_jumps(zone) if FIRST_AT <= at < FIRST_AT + SOME_TIME_S]
    for edge in [asked_at, purchased_at, *near, *jumps]:
        for at in (edge - 1, edge, edge + 1):
            if not 0 <= at < 1 << 33:
                continue
            entitled = any(one.from_at <= at < one.until_at for one in found)
            assert entitled == is_met(
                terms, spells, purchased_at=purchased_at, zone=zone, at=min(at, LAST_ASKED_AT)
            )


@examples(500, 10_000)
@given(st.integers(1, 100), st.integers(0, 150), st.lists(st.integers(0, 250), max_size=8))
def test_what_rolls_over_is_what_is_left_up_to_the_ceiling(
    quantity: int, ceiling: int, wants: list[int]
):
    """Cycle by cycle: a cycle has its own quantity and what came over, and uses what it wants."""
    terms = AllowanceTerms(
        name="hours", metric=MetricOrMoney.SECONDS, quantity=quantity, rollover=ceiling
    )
    came_over = 0
    for number, wanted in enumerate(wants):
        following = Cycle(1_000 * (number + 1), 1_000 * (number + 2))
        left_over = max(0, came_over - wanted)
        left_own = max(0, quantity - max(0, wanted - came_over))
        rolled = rolled_over(terms, left=(left_own, left_over), allowance_id=9, following=following)
        came_over = min(ceiling, max(0, quantity + came_over - wanted))
        assert (rolled.quantity if rolled else 0) == came_over
        if rolled:
            assert (rolled.from_at, rolled.until_at) == (following.start_at, following.end_at)
