"""Proves what aaactl says of prices without a daemon: `aaad.control.cli_quota`, allowances and
counters of `aaad.control.cli_pool`, `aaad.control.price_diff` and `aaad.control.week_grid`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aaad.control.cli import main
from aaad.control.week_grid import week_grid
from ledger.pricelist import parse_pricelist

ROOT = Path(__file__).parents[2]
DIALUP = ROOT / "conf" / "pricelist" / "dialup.toml"
HOURS = ("--pricelist", str(DIALUP), "--tariff", "weekday-hours", "--start")

COUNTED = """
[pricelist]
name = "counted"
currency = "EUR"
prices = "gross"
zone = "UTC"

[[tariffs.t.bands]]
name = "all day"

[[tariffs.t.bands.prices]]
metric = "output_octets"
increment = { then = "1 MB" }
amount = "1.00"
per = "1 GB"

[[tariffs.t.bands.prices]]
metric = "occurrences"
counter = "calls"
tiers = [{ amount = "0.10" }, { from = 100, amount = "0.05" }]
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def quota(start: str, available: str, *more: str) -> dict:
    result = run("quota", *HOURS, start, "--available", available, "--json", *more)
    assert result.exit_code == 0, result.output
    answer: dict = json.loads(result.output)
    return answer


def test_quota_looks_into_the_free_weekend() -> None:
    assert quota("2026-03-13T22:00", "2.00", "--cap", "100h")["granted"] == 50 * 3600
    assert quota("2026-03-13T22:00", "1.00")["granted"] == 3600
    assert quota("2026-03-13T22:00", "1.00", "--allowance", "seconds=30min")["granted"] == 5400
    said = run("quota", *HOURS, "2026-03-13T22:00", "--available", "1.00").output
    assert "1.00 USD under weekday-hours" in said
    assert "1 h 0 min" in said


def test_quota_of_octets_comes_in_whole_chunks(tmp_path: Path) -> None:
    path = tmp_path / "counted.toml"
    path.write_text(COUNTED)
    arguments = ("quota", "--pricelist", str(path), "--tariff", "t", "--start")
    more = ("2026-01-01T00:00Z", "--available", "1.1005", "--metric", "output_octets", "--json")
    answer = json.loads(run(*arguments, *more).output)
    assert answer["granted"] == 1_000_000_000
    used = json.loads(run(*arguments, *more, "--used", "100").output)
    assert used["granted"] == 1_050_000_000


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (("--available", "x"), "write digits"),
        (("--available", "1", "--allowance", "20h"), "write METRIC=QUANTITY"),
        (("--available", "1", "--allowance", "hours=20"), "is no allowance"),
        (("--available", "1", "--allowance", "seconds=20 x"), "unknown unit"),
        (("--available", "1", "--cap", "5 GB"), "unknown unit"),
    ],
)
def test_quota_refuses_what_is_unclear(more: tuple[str, ...], why: str) -> None:
    result = run("quota", *HOURS, "2026-03-13T22:00", *more)
    assert result.exit_code == 2
    assert why in result.output


def test_rate_uses_allowances_up() -> None:
    arguments = ("rate", *HOURS, "2026-03-10T20:00", "--seconds", "7200")
    output = run(*arguments, "--allowance", "seconds=1h").output
    assert "1 h 0 min from an allowance = 0.00 USD" in output
    assert "total: 1.00 USD" in output


def test_diff_shows_what_a_version_changes(tmp_path: Path) -> None:
    dearer = tmp_path / "dearer.toml"
    text = DIALUP.read_text().replace('amount = "1.00"', 'amount = "1.50"')
    text = text.replace("tariffs.included", "tariffs.all").replace('"included"', '"all"')
    dearer.write_text(text)
    arguments = ("pricelist", "diff", str(DIALUP), str(dearer), "--from", "2026-03-02T00:00Z")
    report = json.loads(run(*arguments, "--json").output)
    (hours,) = report["tariffs"]
    assert (report["removed"], report["added"]) == (["included"], ["all"])
    # each session is rounded to micros by itself
    beyond = hours["after_micros"] * 2 - hours["before_micros"] * 3
    assert abs(beyond) <= 3 * hours["sessions"]
    assert 0 < hours["changed"] < hours["sessions"]
    # the longest session of the sample, ten hours of a weekday
    assert (hours["seconds"], hours["example_before_micros"]) == (36_000, 10_000_000)
    said = run(*arguments).output
    assert "10.00 USD -> 15.00 USD" in said
    assert "added: all" in said
    same = run("pricelist", "diff", str(DIALUP), str(DIALUP), *arguments[4:], "--json")
    assert [one["changed"] for one in json.loads(same.output)["tariffs"]] == [0, 0]


def test_diff_counts_what_a_pool_would_be_needed_for(tmp_path: Path) -> None:
    path = tmp_path / "counted.toml"
    path.write_text(COUNTED)
    arguments = ("pricelist", "diff", str(path), str(path), "--from", "2026-03-02T00:00Z", "--json")
    (one,) = json.loads(run(*arguments).output)["tariffs"]
    assert one["not_rated"] == one["sessions"]
    assert run("pricelist", "show", str(path)).exit_code == 0


def test_the_week_is_a_grid() -> None:
    text = DIALUP.read_text()
    tariff = parse_pricelist(text, source="x").tariffs["weekday-hours"]
    lines = [one.plain for one in week_grid(tariff)]
    assert lines[1] == "Mon " + "B" * 48
    assert lines[6] == "Sat " + "A" * 48
    assert lines[-2:] == ["A weekend", "B weekday"]
    assert "Sat " + "A" * 48 in run("pricelist", "show", str(DIALUP)).output
    dated = text.replace('days = ["sat-sun"]', "month_days = [1]").replace('days = ["mon-fri"]', "")
    tariff = parse_pricelist(dated, source="x").tariffs["weekday-hours"]
    assert [one.plain for one in week_grid(tariff)][-2:] == [
        "A weekend (on certain dates)",
        "B weekday",
    ]


TERMS = """
[pricelist]
name = "Terms"
currency = "EUR"
prices = "gross"
zone = "UTC"

[discounts.teachers]
percent = "10"
profile = { occupation = "teacher" }

[discounts.company]
amount = "1.00"
counter = "accounts"
above = 100

[tariffs.t]
discounts = ["teachers", "company"]
caps = [{ period = "day", amount = "5.00" }]
bonuses = [{ resource = "points", amount = "1", metric = "money", per = "1.00" }]
bands = [{ name = "all day", prices = [{ metric = "seconds", amount = "1.00", per = "1 h" }] }]
"""


@pytest.fixture
def with_terms(tmp_path: Path) -> tuple[str, ...]:
    path = tmp_path / "terms.toml"
    path.write_text(TERMS)
    return ("--pricelist", str(path), "--tariff", "t", "--start", "2026-01-01T00:00Z")


def test_rate_says_discounts_caps_money_and_bonuses(with_terms: tuple[str, ...]) -> None:
    arguments = ("rate", *with_terms, "--seconds", "36000", "--discount", "teachers")
    more = ("--counter", "accounts=101", "--counter", "cap of the day=1.50")
    output = run(*arguments, *more, "--allowance", "money=0.50").output
    assert [text.strip() for text in output.splitlines()[1:]] == [
        "Thursday 00:00-10:00 all day: 10 h 0 min at 1.00 EUR per hour = 10.00 EUR",
        "discount teachers: 10 % off = -1.00 EUR",
        "discount company: 1.00 EUR off = -1.00 EUR",
        "cap of the day: at most 5.00 EUR = -4.50 EUR",
        "paid from an allowance = -0.50 EUR",
        "total: 3.00 EUR",
        "bonus: 3 points",
    ]
    answer = json.loads(run(*arguments, *more, "--json").output)
    assert answer["charge_micros"] == 3_500_000
    assert [one["metric"] for one in answer["segments"]] == [
        "seconds",
        "discount",
        "discount",
        "cap",
    ]
    assert answer["impacts"][0]["amount_micros"] == -3_000_000


def test_quota_looks_ahead_under_discounts_and_caps(with_terms: tuple[str, ...]) -> None:
    arguments = ("quota", *with_terms, "--available", "2.70", "--cap", "24h", "--json")
    assert json.loads(run(*arguments).output)["granted"] == 9720
    assert json.loads(run(*arguments, "--discount", "teachers").output)["granted"] == 10_800
    capped = run(*arguments, "--counter", "cap of the day=4.00").output
    assert json.loads(capped)["granted"] == 86_400


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (("--discount", "pupils"), "it has teachers, company"),
        (("--counter", "calls=5"), "write NAME=N"),
        (("--counter", "accounts"), "write NAME=N"),
        (("--counter", "accounts=1.5"), "write NAME=N"),
        (("--counter", "accounts=9223372036854775808"), "64-bit"),
        (("--counter", "cap of the day=x"), "write digits"),
    ],
)
def test_rate_refuses_what_is_unclear(
    with_terms: tuple[str, ...], more: tuple[str, ...], why: str
) -> None:
    result = run("rate", *with_terms, "--seconds", "1", *more)
    assert result.exit_code == 2
    assert why in result.output
