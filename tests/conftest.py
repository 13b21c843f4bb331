"""What every test shares: the Hypothesis profiles, and the rule that no skip goes unseen
(tests/skip_rules.py).

A test never fails because a machine was slow, so there are no deadlines. Under CI=true Hypothesis
draws the same cases every time, so that a red run can be repeated; elsewhere each run draws new
ones. AAAD_LONG=1 (`make test-long`) draws many more.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.skip_rules import SkipRules, load_allowed_skips
from tests.stale_modules import stale_modules

ALLOWED_SKIPS = Path(__file__).with_name("allowed_skips.txt")
EXAMPLES = 100
EXAMPLES_LONG = 5_000
"""Cases a property: enough to keep `make test` within minutes; as many as an hour allows."""

CI = os.environ.get("CI") == "true"
LONG = os.environ.get("AAAD_LONG") == "1"

settings.register_profile(
    "default",
    deadline=None,
    max_examples=EXAMPLES,
    derandomize=CI,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "long", settings.get_profile("default"), max_examples=EXAMPLES_LONG, derandomize=False
)
settings.load_profile("long" if LONG else "default")


def pytest_configure(config: pytest.Config) -> None:
    """Count the skips where they all arrive: in the one process, or in the controller of many."""
    if not hasattr(config, "workerinput"):
        rules = SkipRules(load_allowed_skips(ALLOWED_SKIPS), strict=CI)
        config.pluginmanager.register(rules, "aaad-skip-rules")
        stale = ", ".join(map(str, stale_modules(ALLOWED_SKIPS.parent.parent)))
        if stale:
            pytest.exit(f"compiled before it was changed: {stale}; run `make build`", 2)
