"""A batch's rows are folded by key and sorted by it, so that posters never wait in a circle."""

from __future__ import annotations

from dataclasses import replace

import orjson

from ledger.ids import IdMaker
from ledger.model import SessionPosting
from ledger.posting_rows import UsageRows, session_steps
from ledger.store.contract import Step
from ratingcore.explain import piece_from_data
from ratingcore.piece import BalanceImpact
from tests.store.builders import NOW, PERIOD, advanced, cut, opening, session


def usage_rows(*postings: SessionPosting) -> UsageRows:
    rows = UsageRows()
    rows.add_all(postings, IdMaker(0), NOW)
    return rows


def rows_of(steps: list[Step], query: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in dict(steps)[query]]


def test_sums_are_folded_by_key_and_stand_in_its_order() -> None:
    ends = [
        cut(session(account, 7, session_id=number), seconds=10, charge_micros=5, ends=True)
        for number, account in enumerate((30, 10, 30, 20), start=1)
    ]
    steps = list(usage_rows(*ends).steps())
    assert rows_of(steps, "add_to_balance") == [(10, "USD", 5), (20, "USD", 5), (30, "USD", 10)]
    assert rows_of(steps, "add_to_item") == [
        (account, account, "usage", PERIOD, "USD", total)
        for account, total in ((10, 5), (20, 5), (30, 10))
    ]
    assert rows_of(steps, "add_to_usage_counter") == [
        (account, 7, PERIOD, seconds, 0, 0, charge)
        for account, seconds, charge in ((10, 10, 5), (20, 10, 5), (30, 20, 10))
    ]
    ids = [row[1] for row in rows_of(steps, "insert_usage_event")]
    assert ids == sorted(set(ids))
    assert [row[1] for row in rows_of(steps, "insert_impact")] == ids


def test_a_piece_that_costs_nothing_has_no_impact() -> None:
    free = cut(session(1, 7), seconds=10, charge_micros=0, ends=True)
    steps = list(usage_rows(free).steps())
    assert len(rows_of(steps, "insert_usage_event")) == 1
    for name in ("insert_impact", "add_to_item", "add_to_balance"):
        assert rows_of(steps, name) == []
    assert rows_of(steps, "add_to_usage_counter") == [(1, 7, PERIOD, 10, 0, 0, 0)]


def test_bonuses_are_impacts_beside_the_charge() -> None:
    end = cut(session(1, 7), seconds=10, charge_micros=5, ends=True)
    (usage,) = end.events
    points = BalanceImpact("points", -3_000_000, "bonus-points", "none")
    miles = BalanceImpact("miles", -500_000, "", "")
    given = replace(usage, piece=replace(usage.piece, impacts=(points, miles)))
    steps = list(usage_rows(replace(end, events=(given,))).steps())
    impacts = [row[2:8] for row in rows_of(steps, "insert_impact")]
    assert impacts == [
        (1, "USD", 5, usage.revenue_gl, "accounts-receivable", usage.tax_code),
        (2, "points", -3_000_000, "bonus-points", "accounts-receivable", "none"),
        (3, "miles", -500_000, "", "accounts-receivable", ""),
    ]
    assert rows_of(steps, "add_to_balance") == [
        (1, "USD", 5),
        (1, "miles", -500_000),
        (1, "points", -3_000_000),
    ]
    data = orjson.loads(str(rows_of(steps, "insert_usage_event")[0][7]))
    assert piece_from_data(data["piece"]).impacts == (points, miles)


def test_an_event_tells_its_tariff_and_its_segments() -> None:
    end = cut(session(1, 7), seconds=10, charge_micros=5, ends=True)
    (row,) = usage_rows(end).events
    data = orjson.loads(str(row[7]))
    assert data["tariff"] == "dialup-hours"
    assert piece_from_data(data["piece"]) == end.events[0].piece


def test_a_session_is_inserted_advanced_or_settled() -> None:
    first = opening(session(1, 7))
    more = advanced(session(1, 7, session_id=78), seconds=1, charge_micros=1)
    last = cut(session(1, 7, session_id=79), seconds=1, charge_micros=1, ends=True)
    again = replace(more, new=replace(more.new, session_id=80))
    steps = session_steps([first, more, last, again], closed={80})
    assert [(query, [row[1] for row in rows]) for query, rows in steps] == [
        ("insert_session", [77]),
        ("advance_session", [78]),
        ("settle_session", [79, 80]),
    ]
