"""A pytest plugin: skips are counted by reason in a closing section, and in CI only listed ones are
let pass.

A suite that skips what it cannot run looks green on a machine where it proves nothing. So every run
says how many tests did not run and why, and with CI=true a skip that `tests/allowed_skips.txt` does
not list fails the run. Expected failures (xfail) are not skips. Under xdist the reports of all
workers arrive here too.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedSkip:
    """One line of the list: shell patterns of a test's id and of its reason."""

    test: str
    reason: str

    def lets_pass(self, skip: Skip) -> bool:
        return fnmatchcase(skip.test, self.test) and fnmatchcase(skip.reason, self.reason)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Skip:
    """One test, or one module that skipped itself whole, and why."""

    reason: str
    test: str


def load_allowed_skips(path: Path) -> tuple[AllowedSkip, ...]:
    """The lines of `path`; ValueError names a line that lacks its reason."""
    allowed = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        test, bar, reason = (part.strip() for part in line.partition("|"))
        if not (test and bar and reason):
            raise ValueError(
                f"{path.name}:{number}: {line!r}: write `test pattern | reason pattern`"
            )
        allowed.append(AllowedSkip(test=test, reason=reason))
    return tuple(allowed)


class SkipRules:
    """The plugin: gathers skips from reports, prints them, fails a strict run with one not
    listed."""

    def __init__(self, allowed: tuple[AllowedSkip, ...], *, strict: bool) -> None:
        self._allowed = allowed
        self._strict = strict
        self._skips: set[Skip] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self._skips.add(Skip(reason=_reason(report), test=report.nodeid))

    def _unlisted(self) -> list[Skip]:
        return sorted(
            skip for skip in self._skips if not any(rule.lets_pass(skip) for rule in self._allowed)
        )

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if self._strict and self._unlisted() and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._skips:
            return
        by_reason: dict[str, list[str]] = defaultdict(list)
        for skip in sorted(self._skips):
            by_reason[skip.reason].append(skip.test)
        terminalreporter.section(f"{len(self._skips)} skipped")
        for reason, tests in by_reason.items():
            more = f" and {len(tests) - 1} more" if len(tests) > 1 else ""
            terminalreporter.write_line(f"{len(tests):5}  {reason}  ({tests[0]}{more})")
        if self._strict:
            for skip in self._unlisted():
                terminalreporter.write_line(
                    f"not allowed with CI=true: {skip.test} | {skip.reason}  "
                    "(provide what it needs, or list it in tests/allowed_skips.txt)",
                    red=True,
                )


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """The reason as its author wrote it, on one line."""
    longrepr = report.longrepr
    text = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
    return " ".join(text.removeprefix("Skipped: ").split())
