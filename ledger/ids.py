"""Ids made by the application: 63 bits, ordered by time, unique over nodes (DESIGN.md, The store).

Layout from the top: 41 bits of milliseconds since 2020-01-01 UTC (until 2089), 6 bits of node (a
journal's number for the daemon), 16 bits of sequence. The time is an argument: a replay that hands
in what the journal says makes the same ids again.
"""

from __future__ import annotations

EPOCH_MS = 1_577_836_800_000
"""2020-01-01T00:00:00Z, in Unix milliseconds."""

MILLISECOND_BITS = 41
NODE_BITS = 6
SEQUENCE_BITS = 16

NODE_MAX = (1 << NODE_BITS) - 1
SEQUENCE_MAX = (1 << SEQUENCE_BITS) - 1
MILLISECOND_MAX = (1 << MILLISECOND_BITS) - 1


def make_id(at_ms: int, node: int, sequence: int) -> int:
    """Pack an id. `at_ms` is Unix milliseconds; an instant before 2020 counts as its first.

    Raises ValueError when a part does not fit its bits. The result is positive unless all parts
    are 0.
    """
    elapsed_ms = max(0, at_ms - EPOCH_MS)
    if elapsed_ms > MILLISECOND_MAX:
        raise ValueError(f"at_ms {at_ms} is beyond the year 2089: ids cannot hold it")
    if not 0 <= node <= NODE_MAX:
        raise ValueError(f"node {node} is not within 0..{NODE_MAX}: choose a smaller number")
    if not 0 <= sequence <= SEQUENCE_MAX:
        raise ValueError(f"sequence {sequence} is not within 0..{SEQUENCE_MAX}")
    return (elapsed_ms << NODE_BITS | node) << SEQUENCE_BITS | sequence


def node_of(made_id: int) -> int:
    """The node that made an id."""
    return made_id >> SEQUENCE_BITS & NODE_MAX


def made_at_ms(made_id: int) -> int:
    """The Unix milliseconds that an id was made with."""
    return (made_id >> SEQUENCE_BITS + NODE_BITS) + EPOCH_MS


class IdMaker:
    """Makes ids of one node, each greater than the one before, whatever the clock says."""

    __slots__ = ("_last_id", "_node")

    def __init__(self, node: int) -> None:
        if not 0 <= node <= NODE_MAX:
            raise ValueError(f"node {node} is not within 0..{NODE_MAX}: choose a smaller number")
        self._node = node
        self._last_id = 0

    @property
    def node(self) -> int:
        """The node whose ids these are."""
        return self._node

    @property
    def last_id(self) -> int:
        """The greatest id made or seen; 0 before the first."""
        return self._last_id

    def make(self, at_ms: int) -> int:
        """The next id at an instant (Unix milliseconds)."""
        last_ms = made_at_ms(self._last_id) if self._last_id else -1
        if at_ms <= last_ms and self._last_id & SEQUENCE_MAX < SEQUENCE_MAX:
            self._last_id += 1
        else:
            self._last_id = make_id(max(at_ms, last_ms + 1), self._node, 1)
        return self._last_id

    def advance(self, seen_id: int) -> None:
        """Never make `seen_id` or one below it: another maker of this node has."""
        self._last_id = max(self._last_id, seen_id)
