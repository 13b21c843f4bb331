"""Proves that a log line is one JSON object whatever a user name holds, that secrets of a
traceback's frames stay out, and that a flood of equal or made-up events stays a trickle of lines.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from ledger.clock import Clock
from ledger.logs import (
    LINE_INTERVAL_S,
    MEMBERS_MAX,
    OTHER_KEYS,
    TRACEBACK_LINES_MAX,
    LogLevel,
    RateLimiter,
    Suppressed,
    configure_logs,
    get_logger,
)

HOSTILE = b'x"}\n{"event":"login_accepted"}\x1b[2J\xff\xe2\x80\xae\0'


@pytest.fixture(autouse=True)
def _reset() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture
def lines() -> Callable[[], list[dict[str, object]]]:
    stream = io.BytesIO()
    configure_logs(clock=Clock(), level=LogLevel.INFO, stream=stream)
    return lambda: [json.loads(line) for line in stream.getvalue().decode().splitlines()]


def test_a_line_is_one_json_object(lines: Callable[[], list[dict[str, object]]]) -> None:
    get_logger(nas="bras-1").info("access_accepted", user_name=b"anna", session_timeout_s=5)
    (line,) = lines()
    at = line.pop("at")
    assert isinstance(at, str)
    assert at.endswith("+00:00")
    assert line == {
        "event": "access_accepted",
        "level": "info",
        "nas": "bras-1",
        "user_name": "anna",
        "session_timeout_s": 5,
    }


def test_a_hostile_name_forges_no_line(lines: Callable[[], list[dict[str, object]]]) -> None:
    names = {"bytes": HOSTILE, "text": HOSTILE.decode("utf-8", "surrogateescape")}
    get_logger().info("access_rejected", **names, within=[{"name": HOSTILE}], event_type="\ud800")
    (line,) = lines()
    shown = 'x"}\\x0a{"event":"login_accepted"}\\x1b[2J\\xff\\u202e\\x00'
    assert line["event"] == "access_rejected"
    assert (line["bytes"], line["text"], line["event_type"]) == (shown, shown, "\\ud800")
    assert line["within"] == [{"name": shown}]


def test_a_terminal_gets_no_escape_of_a_name() -> None:
    stream = io.BytesIO()
    configure_logs(clock=Clock(), level=LogLevel.INFO, stream=stream, terminal=True)
    get_logger().info("access_rejected", user_name=HOSTILE)
    text = stream.getvalue().decode()
    assert "access_rejected" in text
    assert text.count("\n") == 1
    assert "\x1b[2J" not in text
    assert "\u202e" not in text
    assert "\0" not in text


def test_values_of_any_kind_are_written(lines: Callable[[], list[dict[str, object]]]) -> None:
    get_logger().warning(
        "kinds",
        none=None,
        flag=True,
        large=2**64,
        path=Path("/x"),
        members=tuple(range(MEMBERS_MAX + 5)),
        deep=[[[[["bottom"]]]]],
        mapping={1: b"\n"},
        level_set={LogLevel.INFO},
    )
    (line,) = lines()
    assert (line["none"], line["flag"], line["large"]) == (None, True, str(2**64))
    assert line["path"] == "/x"
    assert line["members"] == list(range(MEMBERS_MAX))
    assert line["deep"] == [[[["['bottom']"]]]]
    assert line["mapping"] == {"1": "\\x0a"}
    assert line["level_set"] == ["info"]


def test_a_traceback_keeps_its_lines_and_no_local_values(
    lines: Callable[[], list[dict[str, object]]],
) -> None:
    def fail(depth: int) -> None:
        secret = "hunter" + str(2)
        if depth:
            fail(depth - 1)
        raise ValueError(f"no such user: \x1b[2J{len(secret)}")

    try:
        fail(200)
    except ValueError:
        get_logger().exception("request_failed")
    (line,) = lines()
    exception = line["exception"]
    assert isinstance(exception, str)
    assert exception.splitlines()[-1] == "ValueError: no such user: \\x1b[2J7"
    assert 2 < len(exception.splitlines()) <= TRACEBACK_LINES_MAX
    assert "hunter2" not in exception


def test_less_severe_events_are_left_out(lines: Callable[[], list[dict[str, object]]]) -> None:
    get_logger().debug("detail")
    get_logger().info("kept")
    assert [line["event"] for line in lines()] == ["kept"]


def test_a_set_clock_stamps_the_lines(tmp_path: Path) -> None:
    clock = Clock(tmp_path / "clock.toml")
    clock.set(1_767_225_600)
    stream = io.BytesIO()
    configure_logs(clock=clock, level=LogLevel.INFO, stream=stream)
    get_logger().info("kept")
    assert str(json.loads(stream.getvalue())["at"]).startswith("2026-01-01T00:00:")


def test_one_line_a_minute_with_the_suppressed_count() -> None:
    limiter = RateLimiter()
    admitted = [limiter.admit("discarded", "bras-1", now_s=second) for second in range(60)]
    assert admitted == [0] + [None] * 59
    assert limiter.admit("discarded", "bras-2", now_s=59.0) == 0
    assert limiter.admit("rejected", "bras-1", now_s=59.0) == 0
    assert limiter.admit("discarded", "bras-1", now_s=60.0) == 59
    assert limiter.admit("discarded", "bras-1", now_s=120.0) == 0


def test_what_was_held_back_last_is_reported_at_the_end() -> None:
    limiter = RateLimiter()
    for key in ("a", "b", "b", "b"):
        limiter.admit("discarded", key, now_s=0.0)
    assert limiter.expire(now_s=LINE_INTERVAL_S - 1) == ()
    assert limiter.expire(now_s=LINE_INTERVAL_S) == (Suppressed("discarded", "b", 2),)
    assert len(limiter) == 0


def test_made_up_keys_share_one_line_when_the_table_is_full() -> None:
    limiter = RateLimiter(keys_max=3)
    admitted = [limiter.admit("discarded", str(number), now_s=1.0) for number in range(10)]
    assert admitted == [0, 0, 0, 0] + [None] * 6
    assert len(limiter) == 4
    assert limiter.admit("discarded", "0", now_s=2.0) is None  # those known keep their own count
    assert limiter.admit("discarded", "late", now_s=62.0) == 6  # the line of OTHER_KEYS
    expired = limiter.expire(now_s=200.0)
    assert expired == (Suppressed("discarded", "0", 1),)


def test_a_full_table_makes_room_when_the_minute_is_over() -> None:
    limiter = RateLimiter(keys_max=2)
    for key in ("a", "b"):
        limiter.admit("discarded", key, now_s=0.0)
    assert limiter.admit("discarded", "c", now_s=61.0) == 0
    assert limiter.admit("discarded", "c", now_s=62.0) is None
    assert limiter.admit("discarded", "d", now_s=62.0) == 0
    assert limiter.expire(now_s=200.0) == (Suppressed("discarded", "c", 1),)
    assert OTHER_KEYS not in {one.key for one in limiter.expire(now_s=400.0)}
