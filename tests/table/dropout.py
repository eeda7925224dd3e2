"""Rows of fnn.dropout."""

from fnn.dropout import dropout
from tests.table.example import Example

EXAMPLES = [
    Example(dropout, {"train": True, "p": 0.3}),
    Example(dropout, {"train": True, "p": 1}),
    Example(dropout, {"train": False}),
]
