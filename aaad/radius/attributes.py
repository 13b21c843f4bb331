"""Attributes in one place to import from: values, pairs of text, and packets laid open.

It is written in three parts, one idea each: values.py, pairs.py and dissection.py.
"""

from aaad.radius.dissection import Row, dissect
from aaad.radius.pairs import parse_pairs
from aaad.radius.values import (
    AttributeValue,
    Hiding,
    decode_attribute,
    encode_attribute,
    printable,
)

__all__ = [
    "AttributeValue",
    "Hiding",
    "Row",
    "decode_attribute",
    "dissect",
    "encode_attribute",
    "parse_pairs",
    "printable",
]
