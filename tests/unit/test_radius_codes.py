"""The enums hold the numbers of the dictionaries, which hold those of the RFCs."""

from enum import IntEnum

import pytest

from aaad.radius.codes import AcctStatusType, Code, ErrorCause, TerminateCause
from aaad.radius.dictionary import load_dictionary


@pytest.mark.parametrize(
    ("name", "enum"),
    [
        ("Acct-Status-Type", AcctStatusType),
        ("Acct-Terminate-Cause", TerminateCause),
        ("Error-Cause", ErrorCause),
    ],
)
def test_the_enums_agree_with_the_tables(name: str, enum: type[IntEnum]) -> None:
    assert set(load_dictionary().require(name).values.values()) == {int(each) for each in enum}


def test_an_answer_to_a_dynamic_request_is_one_or_two_more() -> None:
    assert Code.DISCONNECT_REQUEST + 1 == Code.DISCONNECT_ACK == Code.DISCONNECT_NAK - 1
    assert Code.COA_REQUEST + 1 == Code.COA_ACK == Code.COA_NAK - 1
