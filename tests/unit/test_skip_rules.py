"""Proves that no skip goes unseen: counted with its reason, and fatal under CI=true unless it is
listed.

Each test runs a small suite of its own in a child pytest that loads the plugin as tests/conftest.py
does.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.skip_rules import AllowedSkip, Skip, load_allowed_skips

pytest_plugins = ["pytester"]

SUITE = """
import pytest

def test_that_runs():
    assert True

@pytest.mark.skip(reason="no radclient here")
def test_client():
    raise AssertionError

@pytest.mark.xfail(reason="known", strict=True)
def test_known():
    raise AssertionError
"""
MODULE_THAT_SKIPS = """
import pytest
pytest.skip("no PostgreSQL here", allow_module_level=True)
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """Run SUITE with a list of allowed skips, strict or not, in one process or many."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))

    def run_suite(*args: str, allowed: str = "", strict: bool = True, module: str = SUITE):
        pytester.path.joinpath("allowed.txt").write_text(allowed)
        pytester.makeconftest(
            "from pathlib import Path\n"
            "from tests.skip_rules import SkipRules, load_allowed_skips\n"
            "def pytest_configure(config):\n"
            "    if not hasattr(config, 'workerinput'):\n"
            "        allowed = load_allowed_skips(Path(__file__).with_name('allowed.txt'))\n"
            f"        config.pluginmanager.register(SkipRules(allowed, strict={strict}), 'rules')\n"
        )
        pytester.makepyfile(test_suite=module)
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", *args)

    return run_suite


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "two workers"])
class TestStrict:
    """With CI=true."""

    def test_unlisted_skip_fails_the_run(self, run, workers):
        result = run(*workers)
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        result.assert_outcomes(passed=1, skipped=1, xfailed=1)
        result.stdout.fnmatch_lines(
            [
                "*1 skipped*",
                "*1  no radclient here*test_suite.py::test_client*",
                "not allowed with CI=true: test_suite.py::test_client | no radclient here*",
            ]
        )

    def test_listed_skip_passes(self, run, workers):
        result = run(*workers, allowed="# clients\n*::test_client | no radclient*\n")
        assert result.ret == pytest.ExitCode.OK
        result.stdout.fnmatch_lines(["*1  no radclient here*"])
        result.stdout.no_fnmatch_line("not allowed*")

    def test_listed_for_another_reason_fails(self, run, workers):
        result = run(*workers, allowed="*::test_client | no PostgreSQL*\n")
        assert result.ret == pytest.ExitCode.TESTS_FAILED

    def test_module_that_skips_itself_whole_is_counted(self, run, workers):
        result = run(*workers, module=MODULE_THAT_SKIPS)
        assert result.ret != pytest.ExitCode.OK
        result.stdout.fnmatch_lines(
            ["not allowed with CI=true: test_suite.py | no PostgreSQL here*"]
        )


def test_elsewhere_a_skip_is_counted_but_passes(run):
    result = run(strict=False)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*1  no radclient here*"])
    result.stdout.no_fnmatch_line("not allowed*")


def test_a_real_failure_keeps_its_exit_status(run):
    result = run(module="def test_broken():\n    assert not 'whole'\n", strict=False)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_summary_of_pytest_is_the_last_line(run):
    last_line = run(strict=False).outlines[-1]
    assert "1 passed, 1 skipped, 1 xfailed" in last_line


def test_line_without_reason_is_refused(tmp_path):
    path = tmp_path / "allowed_skips.txt"
    path.write_text("# comment\n\ntests/e2e/*\n")
    with pytest.raises(ValueError, match=r"allowed_skips\.txt:3"):
        load_allowed_skips(path)


def test_patterns_match_whole_id_and_whole_reason():
    rule = AllowedSkip(test="tests/e2e/*", reason="no radclient")
    assert rule.lets_pass(Skip(test="tests/e2e/test_login.py::test_pap", reason="no radclient"))
    assert not rule.lets_pass(Skip(test="tests/unit/test_login.py", reason="no radclient"))
    assert not rule.lets_pass(Skip(test="tests/e2e/test_login.py", reason="no radclient at all"))


def test_the_list_of_this_project_reads():
    load_allowed_skips(Path(__file__).parents[1] / "allowed_skips.txt")
