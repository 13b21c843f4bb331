"""List parameters: ids of 63 bits and text of any kind arrive in a query as they were."""

from __future__ import annotations

import sqlite3

from hypothesis import given
from hypothesis import strategies as st

from ledger.store.contract import json_list
from ledger.store.text import escape_octets, unescape_octets


@given(st.lists(st.tuples(st.integers(-(1 << 63), (1 << 63) - 1), st.binary(max_size=20))))
def test_a_list_parameter_is_exact(pairs: list[tuple[int, bytes]]) -> None:
    listed = json_list((number, escape_octets(octets)) for number, octets in pairs)
    connection = sqlite3.connect(":memory:")
    rows = connection.execute("SELECT value ->> 0, value ->> 1 FROM json_each(?)", (listed,))
    found = [(number, unescape_octets(text)) for number, text in rows]
    connection.close()
    assert found == pairs
