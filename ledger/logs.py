"""The log: one JSON line per decision worth keeping, on stdout; readable lines on a terminal.

Event names are past-tense constants (`access_accepted`). Values from the network are escaped here,
in one place, so that no user name can forge a line or drive a terminal; secrets never come this
far. `RateLimiter` keeps a flood of equal events from becoming a flood of lines. Pure packages do
not log.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import BinaryIO, Final, cast

import orjson
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from ledger.clock import US_PER_S, Clock
from ledger.escape import printable

LINE_INTERVAL_S: Final = 60
"""At most one line per (event, key) in this time: a page a day per fault, not per packet."""

LIMITED_KEYS_MAX: Final = 4096
"""Keys that a RateLimiter remembers, hence lines a minute at worst: some 400 kB of memory."""

DEPTH_MAX: Final = 4
"""Nesting of a logged value that is shown; what lies deeper is shown as text."""

MEMBERS_MAX: Final = 100
"""Members of a logged list or mapping that are shown."""

TRACEBACK_LINES_MAX: Final = 60
"""Lines of a traceback that are kept: the last ones, where the fault is."""

OTHER_KEYS: Final = "(other keys)"
"""The key under which a full RateLimiter counts what it has no room for."""


class LogLevel(StrEnum):
    """The least severe event that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


_SEVERITY: Final = {
    LogLevel.DEBUG: 10,
    LogLevel.INFO: 20,
    LogLevel.WARNING: 30,
    LogLevel.ERROR: 40,
}


def configure_logs(
    *, clock: Clock, level: LogLevel, stream: BinaryIO | None = None, terminal: bool | None = None
) -> None:
    """Sets up logging for the process.

    `stream` is stdout when None. A `terminal` (None: ask the stream) gets aligned, coloured lines,
    anything else one JSON object per line, in UTF-8.
    """
    target = sys.stdout.buffer if stream is None else stream
    on_terminal = target.isatty() if terminal is None else terminal
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _stamp(clock),
            structlog.processors.format_exc_info,  # here: a renderer's own would show local values
            escape_values,
            *(_terminal_renderers() if on_terminal else _json_renderers()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_SEVERITY[level]),
        logger_factory=structlog.BytesLoggerFactory(file=target),
        cache_logger_on_first_use=True,
    )


def get_logger(**bound: object) -> FilteringBoundLogger:
    """A logger with some keys bound; it takes its settings from the last `configure_logs`."""
    logger: FilteringBoundLogger = structlog.get_logger(**bound)
    return logger


def escape_values(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """The processor that makes every value safe and short; keys are our own words."""
    exception = line.pop("exception", None)
    safe = {key: _safe(value, DEPTH_MAX) for key, value in line.items()}
    if exception is not None:
        frames = str(exception).splitlines()[-TRACEBACK_LINES_MAX:]
        safe["exception"] = "\n".join(map(printable, frames))
    return safe


@dataclass(frozen=True, slots=True)
class Suppressed:
    """Lines that a RateLimiter held back and that no later line of the key has reported."""

    event: str
    key: str
    count: int


class RateLimiter:
    """At most one line per (event, key) and minute, in a bounded table.

    When the table is full of live keys, further ones share one key per event, so a flood of made-up
    keys gives no more lines than a flood of one. Time is an argument: monotonic seconds.
    """

    def __init__(
        self, *, interval_s: int = LINE_INTERVAL_S, keys_max: int = LIMITED_KEYS_MAX
    ) -> None:
        self._interval_s = interval_s
        self._keys_max = keys_max
        self._windows: OrderedDict[tuple[str, str], _Window] = OrderedDict()  # oldest first

    def __len__(self) -> int:
        return len(self._windows)

    def admit(self, event: str, key: str, *, now_s: float) -> int | None:
        """None: hold the line back. Else write it, with the number held back since the last one."""
        name = (event, key)
        window = self._windows.get(name)
        if window is None and len(self._windows) >= self._keys_max and not self._forget(now_s):
            name = (event, OTHER_KEYS)
            window = self._windows.get(name)
        if window is not None and now_s - window.began_s < self._interval_s:
            window.suppressed += 1
            return None
        self._windows[name] = _Window(began_s=now_s)
        self._windows.move_to_end(name)
        return 0 if window is None else window.suppressed

    def expire(self, *, now_s: float) -> tuple[Suppressed, ...]:
        """Forgets what is over and returns what was held back then: call it once a minute."""
        expired = []
        while self._windows:
            (event, key), window = next(iter(self._windows.items()))
            if now_s - window.began_s < self._interval_s:
                break
            del self._windows[event, key]
            if window.suppressed:
                expired.append(Suppressed(event, key, window.suppressed))
        return tuple(expired)

    def _forget(self, now_s: float) -> bool:
        """Makes room by dropping the oldest window, if it is over and nothing is left to report."""
        name, window = next(iter(self._windows.items()))
        if window.suppressed or now_s - window.began_s < self._interval_s:
            return False
        del self._windows[name]
        return True


@dataclass(slots=True)
class _Window:
    """The minute that a line opened."""

    began_s: float
    suppressed: int = 0


def _stamp(clock: Clock) -> Processor:
    def stamp(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
        at = datetime.fromtimestamp(clock.now_us() / US_PER_S, UTC)
        line["at"] = at.isoformat(timespec="microseconds")
        return line

    return stamp


def _json_renderers() -> tuple[Processor, ...]:
    return (structlog.processors.JSONRenderer(serializer=orjson.dumps),)


def _terminal_renderers() -> tuple[Processor, ...]:
    console = structlog.dev.ConsoleRenderer(timestamp_key="at", sort_keys=False)

    def encode(_logger: WrappedLogger, _method: str, line: object) -> bytes:
        return str(line).encode()

    return (console, cast("Processor", encode))


def _safe(value: object, depth: int) -> object:
    """`value` as JSON can say it, its texts escaped."""
    if isinstance(value, bytes | str):
        return printable(value)
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else str(value)
    if depth and isinstance(value, Mapping):
        shown = list(value.items())[:MEMBERS_MAX]
        return {printable(str(key)): _safe(member, depth - 1) for key, member in shown}
    if depth and isinstance(value, Sequence | Set):
        return [_safe(member, depth - 1) for member in list(value)[:MEMBERS_MAX]]
    return printable(str(value))
