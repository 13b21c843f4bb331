"""What a load found, as figures for people and as JSON for a checker."""

from __future__ import annotations

import resource
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.load.exchange import Exchange

COUNTERS = (
    ("sent", "requests, each counted once"),
    ("answered", "of those, with the right authenticator and in time"),
    ("resent", "times that a request went out again"),
    ("lost", "never answered"),
    ("late", "answered after they were counted as lost"),
    ("wrong_authenticator", "answers that another secret signed, or another request asked for"),
    ("wrong_code", "authentic answers that refuse, or are of another kind"),
    ("malformed", "datagrams that are no RADIUS packet"),
    ("unexpected", "answers that nobody waited for"),
    ("skipped", "not sent, since every identifier or session was under way"),
    ("refused", "datagrams that the kernel did not take"),
)
PERCENTILES = (("p50", 500), ("p99", 990), ("p999", 999))
STAGES = ("new", "open", "ended", "uncertain")


def figures_of(exchange: Exchange, *, cpu_us: int) -> dict[str, Any]:
    """The figures of the last run. `cpu_us` is what the generator itself took."""
    elapsed_us = exchange.elapsed_us
    return {
        **{name: getattr(exchange, name) for name, _ in COUNTERS},
        "elapsed_us": elapsed_us,
        "answers_per_s": exchange.answered * 1_000_000 // max(1, elapsed_us),
        "latency_us": {
            **{name: exchange.latency.at(per_mille) for name, per_mille in PERCENTILES},
            "max": exchange.latency.largest,
        },
        "generator_cpu_us": cpu_us,
        "generator_cpu_ns_per_request": cpu_us * 1000 // max(1, exchange.sent),
    }


def wrong(figures: Mapping[str, Any]) -> int:
    """Answers that a correct server never gives."""
    return sum(figures[name] for name in ("wrong_authenticator", "wrong_code", "malformed"))


def book_of(lines: Sequence[tuple[str, int, str, int, int, int, int, int]]) -> dict[str, Any]:
    """The books of the generator: each session as last acknowledged, and each user's sums."""
    users: dict[int, list[int]] = {}
    for _, user, _, _, seconds, input_octets, output_octets, _ in lines:
        sums = users.setdefault(user, [0, 0, 0, 0])
        for at, value in enumerate((1, seconds, input_octets, output_octets)):
            sums[at] += value
    return {
        "columns": [
            "acct_session_id",
            "user",
            "nas",
            "started_at",
            "seconds",
            "input_octets",
            "output_octets",
            "stage",
        ],
        "sessions": [(*line[:-1], STAGES[line[-1]]) for line in lines],
        "users": {
            str(user): dict(
                zip(("sessions", "seconds", "input_octets", "output_octets"), sums, strict=True)
            )
            for user, sums in users.items()
        },
    }


def cpu_us() -> int:
    """User and system time of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return int((usage.ru_utime + usage.ru_stime) * 1_000_000)
