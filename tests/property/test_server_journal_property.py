"""Proves, for random appends, restarts and cuts, that the journal holds all that a cut did not
touch and nothing else, and goes on from there."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from aaad.server.journal import Journal
from aaad.server.journal_format import parse_header
from aaad.server.journal_segments import segment_paths
from tests.journal_frames import encode_record

BODIES = st.lists(st.binary(max_size=300), min_size=1, max_size=8)
# What happens in one life of the daemon: groups appended, then how many octets the crash cuts off.
Life = tuple[list[list[bytes]], int]
LIVES = st.lists(st.tuples(st.lists(BODIES, max_size=4), st.integers(0, 700)), max_size=5)


def no_sync(fd: int) -> None:
    """A disk that is never in doubt; the cut is the fault that is tested."""


async def live(folder: Path, expected: list[bytes], groups: list[list[bytes]]) -> None:
    """Open, compare what is there with `expected`, append the groups to both."""
    journal = Journal.open(
        folder,
        store_id="s",
        journal_number=0,
        segment_size=1_000,
        retention_s=0,
        max_unapplied_bytes=1 << 24,
        sync=no_sync,
    )
    found = [(r.lsn, r.body) for r in journal.records()]
    assert found == list(enumerate(expected, start=1))
    assert journal.next_lsn == len(expected) + 1
    await append(journal, groups)
    expected += [body for group in groups for body in group]
    await journal.close()


async def append(journal: Journal, groups: list[list[bytes]]) -> None:
    durable: asyncio.Queue[int] = asyncio.Queue()
    journal.start(asyncio.get_running_loop(), durable.put_nowait, _fail)
    for group in groups:
        last = [journal.append(1, 1, body) for body in group][-1]
        while await durable.get() < last:
            pass


def _fail(error: Exception) -> None:
    raise AssertionError(error)


def cut(folder: Path, expected: list[bytes], octets: int) -> None:
    """Cut octets off the last segment, but not of its header, and drop what they touched."""
    path = segment_paths(folder, 0)[-1]
    data = path.read_bytes()
    kept = max(parse_header(data)[1], len(data) - octets)
    path.write_bytes(data[:kept])
    missing = len(data) - kept
    while missing > 0:
        missing -= len(encode_record(len(expected), 1, 1, expected.pop(), salt=0))


@given(LIVES)
@settings(max_examples=60, deadline=None)
def test_what_a_cut_did_not_touch_survives_it(lives: list[Life]) -> None:
    expected: list[bytes] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for groups, octets in lives:
            asyncio.run(live(folder, expected, groups))
            cut(folder, expected, octets)
        asyncio.run(live(folder, expected, []))
